/*
 * options.h - the command line.
 *
 * Ownership: strings are those of argv and the environment.
 */
#ifndef PL_CLIENT_OPTIONS_H
#define PL_CLIENT_OPTIONS_H

#include "transport/target.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PL_SERVER_DEFAULT "127.0.0.1:50051"

enum { PL_OPTIONS_FAULT_SIZE = 512, PL_HISTORY_LEN_DEFAULT = 20 };

/* Options that only some commands take, as bits. */
enum pl_option {
    PL_OPTION_JSON = 1 << 0,
    PL_OPTION_UNREAD = 1 << 1,
    PL_OPTION_BEGINNING = 1 << 2,
    PL_OPTION_COUNT = 1 << 3,
    PL_OPTION_ONE = 1 << 4,
    PL_OPTION_LEASE = 1 << 5,
};

struct pl_options {
    struct pl_target target;
    char server[PL_TARGET_TEXT_SIZE]; /* the target as text */
    const char *ca_file;              /* --ca: whom to trust over TLS; NULL: whom the system does */
    const char *user;                 /* a valid name, or NULL */
    unsigned given;                   /* enum pl_option bits */
    uint32_t count;                   /* -n */
    uint32_t lease_s;                 /* --lease */
    bool help;
    bool version;
    const char *command;     /* NULL for the chat */
    const char *const *args; /* what follows the command's name */
    size_t args_len;
    const char *const *child; /* what follows "--" after that; NULL where there is no "--" */
    size_t child_len;
};

/* Reads the arguments (argv[0] is the program). `words` gets the pointers to
 * which args and child point; it must hold argc of them. `get_env` is getenv().
 * PL_E_INVALID, and in ret_fault what is wrong. */
int pl_options_parse(int argc, const char *const *argv, const char **words,
                     char *(*get_env)(const char *name), struct pl_options *ret_options,
                     char ret_fault[PL_OPTIONS_FAULT_SIZE]);

#endif

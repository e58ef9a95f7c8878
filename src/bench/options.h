/*
 * options.h - the command line of a program that measures.
 *
 * Ownership: strings are those of argv and the environment.
 */
#ifndef PL_BENCH_OPTIONS_H
#define PL_BENCH_OPTIONS_H

#include "transport/target.h"

#include <stdbool.h>
#include <stdint.h>

#define PL_BENCH_SERVER_DEFAULT "127.0.0.1:50051"

enum { PL_BENCH_FAULT_SIZE = 512 };

/* The commands, as bits. */
enum pl_bench_which {
    PL_BENCH_FANOUT = 1 << 0,
    PL_BENCH_SEND = 1 << 1,
    PL_BENCH_IDLE = 1 << 2,
    PL_BENCH_HISTORY = 1 << 3,
    PL_BENCH_RESUME = 1 << 4,
    PL_BENCH_SLOW = 1 << 5,
};

/* Numbers are 0 where they were not given and have no default. */
struct pl_bench_options {
    struct pl_target target;
    char server[PL_TARGET_TEXT_SIZE]; /* the target as text */
    const char *ca_file;              /* NULL: whom the system trusts */
    const char *driver;               /* NULL: the first */
    uint32_t pid;                     /* the server's process; 0: to be found */
    uint32_t subscribers;
    uint32_t connections;
    uint32_t streams; /* on each connection */
    uint32_t rooms;
    uint32_t messages;
    uint32_t warmup;
    uint32_t publishers;
    uint32_t in_flight;
    uint32_t rate; /* messages a second; 0: as fast as they are taken */
    uint32_t size; /* bytes of a message */
    uint32_t users;
    uint32_t timeout_s;  /* without progress */
    uint32_t durability; /* enum pl_bench_durability that answers must have */
    uint32_t readers;    /* those that read slowly, or not */
    uint32_t trickle;    /* bytes a second that each of those reads */
    uint32_t pages;
    uint32_t page_size;
    uint32_t pause_s;
    bool message;     /* one to all, at the end */
    bool request_ids; /* each send has one, as those of careful clients do */
    bool json;
    bool keep; /* rooms and guests stay */
};

/* Reads what follows the command's name; `defaults` has its own. PL_E_INVALID, and in
 * ret_fault what is wrong. PL_E_CANCELLED: --help was among them. */
int pl_bench_options_parse(int argc, const char *const *argv, enum pl_bench_which command,
                           char *(*get_env)(const char *name),
                           const struct pl_bench_options *defaults,
                           struct pl_bench_options *ret_options,
                           char ret_fault[PL_BENCH_FAULT_SIZE]);

/* Appends the options that a command takes, a line each. */
void pl_bench_options_help(enum pl_bench_which command, const struct pl_bench_options *defaults,
                           struct pl_bytebuf *out);

#endif

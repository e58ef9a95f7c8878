/*
 * script.h - a run that asks nobody anything: signs in under the name that
 * scripts go by, does one thing, and tells by its exit status how it went.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_SCRIPT_H
#define PL_CLIENT_SCRIPT_H

#include "client/app.h"

struct pl_script_ops {
    void *self;
    /* Signed in; a lasting run gets it again after each lost connection. */
    void (*on_ready)(void *self);
};

struct pl_script {
    struct pl_app app;
    struct pl_script_ops ops;
    bool lasting; /* goes on for ever after a lost connection; else that ends it */
    bool was_ready;
};

/* 0, or the exit status to end with, its reason being told. */
int pl_script_init(struct pl_script *script, const struct pl_options *options, bool lasting,
                   const struct pl_script_ops *ops);
void pl_script_done(struct pl_script *script);

/* Runs to its end; returns the exit status. */
int pl_script_run(struct pl_script *script);

/* Tells on standard error what the server said, and ends. */
void pl_script_refuse(struct pl_script *script, const struct pl_api_result *result);

/* Tells of an error of this side, and ends. */
void pl_script_fail(struct pl_script *script, int err);

/* A room as people write it: "lobby", "#lobby" or "@ana". */
struct pl_room_ref {
    const char *name; /* without '#' and '@' */
    bool is_user;
};

/* PL_E_INVALID where it is neither a room's id nor a user's name. */
int pl_room_ref_parse(const char *text, struct pl_room_ref *ret_ref);

/* The same with the complaint that belongs to it; PL_EXIT_USAGE instead. */
int pl_script_room(const char *text, struct pl_room_ref *ret_ref);

#endif

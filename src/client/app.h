/*
 * app.h - what every run of parla has: the loop, the channel, who one is, and the
 * output.
 *
 * Signing in: with the token kept for the name; where there is none, or the
 * server does not know it any more, as a guest of that name. It is done anew
 * on each connection, so that on_ready means: calls go well from here on.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_APP_H
#define PL_CLIENT_APP_H

#include "base/bytes.h"
#include "client/api.h"
#include "client/colour.h"
#include "client/options.h"
#include "client/state.h"
#include "model/limits.h"

/* The exit status. */
enum pl_exit { PL_EXIT_DONE = 0, PL_EXIT_REFUSED = 1, PL_EXIT_USAGE = 2, PL_EXIT_NO_SERVER = 3 };

struct pl_app_ops {
    void *self;
    /* Connected; comes before signing in. May be NULL. */
    void (*on_up)(void *self);
    /* Signed in on this connection. */
    void (*on_ready)(void *self);
    /* The server does not let one in under this name. */
    void (*on_refused)(void *self, const struct pl_api_result *result);
    /* The connection could not be made or was lost, and no call is under way; `why` is
     * borrowed. The next try comes in retry_ms. */
    void (*on_down)(void *self, const char *why, uint32_t retry_ms);
    /* Something is wrong, but all goes on. NULL: it is told on standard error. */
    void (*on_warning)(void *self, const char *text);
    /* The end of a turn, before what is sent and written. May be NULL. */
    void (*on_turn_end)(void *self);
};

/* For "no server at ..." */
enum { PL_APP_TEXT_SIZE = 1024 };

enum pl_app_phase {
    PL_APP_DOWN,       /* no connection */
    PL_APP_NAMELESS,   /* connected, pl_app_sign_in() has not come */
    PL_APP_SIGNING_IN, /* a call is under way */
    PL_APP_READY,
};

struct pl_app {
    const struct pl_options *options;
    struct pl_app_ops ops;
    struct pl_loop *loop;
    struct pl_watch *out_watch; /* where standard output is a pipe: tells that it was closed */
    struct pl_tls_context *tls; /* NULL: in the clear */
    struct pl_channel *channel;
    bool down_untold; /* there is no connection, and on_down has not been called for it */
    struct pl_state *state;
    enum pl_app_phase phase;
    char user[PL_USER_NAME_SIZE_MAX + 1]; /* "": not known yet */
    char token[PL_TOKEN_SIZE_MAX + 1];    /* "": none */
    uint64_t user_id;                     /* once READY */
    struct pl_colour colour;
    struct pl_bytebuf out; /* for standard output; written at the end of each turn */
    int exit_status;
};

/* PL_E_NOMEM, PL_E_IO, or pl_state_open()'s, told on standard error. */
int pl_app_init(struct pl_app *app, const struct pl_options *options, const struct pl_app_ops *ops);
void pl_app_done(struct pl_app *app);

/* Connects and runs until pl_app_end(); returns the exit status. */
int pl_app_run(struct pl_app *app);
void pl_app_end(struct pl_app *app, int exit_status);

/* Signs in under a valid name, now or once connected; on_ready or on_refused
 * tells. */
void pl_app_sign_in(struct pl_app *app, const char *user);

/* The server does not know the token any more: forgets it and whom it stood for.
 * pl_app_sign_in() comes next. */
void pl_app_token_lost(struct pl_app *app);

/* A unary call with the token. */
void pl_app_call(struct pl_app *app, const ProtobufCServiceDescriptor *service, const char *method,
                 const ProtobufCMessage *request, pl_api_done done, void *self);

/* The same for a `self` that lives as long as the call: `abandoned` frees it where
 * the run ends before `done` is called. */
void pl_app_call_owned(struct pl_app *app, const ProtobufCServiceDescriptor *service,
                       const char *method, const ProtobufCMessage *request, pl_api_done done,
                       void (*abandoned)(void *self), void *self);

/* Why there is no connection, and what to do about it, for a run that ends with
 * PL_EXIT_NO_SERVER; in on_down. */
void pl_app_no_server(const struct pl_app *app, char text[PL_APP_TEXT_SIZE]);

/* "parla: ..." on standard error; what came from outside is made harmless. */
void pl_app_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The name that scripts go by: --user or PARLA_USER, the last one used, or the
 * account's own. PL_E_NOTFOUND where none of them is a valid name. */
int pl_app_default_name(struct pl_app *app, char ret_user[PL_USER_NAME_SIZE_MAX + 1]);

#endif

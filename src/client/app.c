/*
 * app.c - the life of a run: connect, sign in, work, end.
 *
 * Output is collected and written at the end of each turn. A closed output is
 * the reader's way to say that it has seen enough: the run ends well.
 */
#include "client/app.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "client/output.h"
#include "client/safe_text.h"
#include "model/user.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_SIZE_MAX ((size_t)64 << 20)

/* People wait for it: less patience than gRPC's defaults have. */
enum { CONNECT_MS = 10 * 1000, PAUSE_MS_MAX = 30 * 1000 };

static void set_phase(struct pl_app *app, enum pl_app_phase phase)
{
    app->phase = phase;
}

void pl_app_complain(const char *format, ...)
{
    char text[2048];
    struct pl_bytebuf safe;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pl_bytebuf_init(&safe, sizeof text * 8);
    pl_safe_append(&safe, pl_bytes_str(text), "\n  ");
    fprintf(stderr, "parla: %s\n", pl_bytebuf_cstr(&safe));
    pl_bytebuf_done(&safe);
}

static void write_out(struct pl_app *app)
{
    int err = app->out.err;

    if (err == PL_OK)
        err = pl_output_write(STDOUT_FILENO, (struct pl_bytes){app->out.data, app->out.size});
    pl_bytebuf_clear(&app->out);
    if (err == PL_E_CLOSED) {
        pl_app_end(app, PL_EXIT_DONE);
    } else if (err < 0) {
        pl_app_complain("standard output: %s", pl_err_text(err));
        pl_app_end(app, PL_EXIT_REFUSED);
    }
}

/* Something is wrong, but not so much as to end. */
static void warn(struct pl_app *app, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (app->ops.on_warning != NULL)
        app->ops.on_warning(app->ops.self, text);
    else
        pl_app_complain("%s", text);
}

/* A server that stops lets calls end on the old connection: until they have, all is
 * as it was. */
static void tell_down(struct pl_app *app)
{
    if (!app->down_untold || pl_channel_calls_len(app->channel) > 0)
        return;
    app->down_untold = false;
    app->ops.on_down(app->ops.self, pl_channel_why(app->channel),
                     pl_channel_retry_ms(app->channel));
}

static void on_turn_end(void *self)
{
    struct pl_app *app = self;

    if (app->channel == NULL) /* a loop that never ran has its one turn when it is freed */
        return;
    pl_channel_flush(app->channel); /* what follows of the turn's calls is shown in it */
    tell_down(app);
    if (app->ops.on_turn_end != NULL)
        app->ops.on_turn_end(app->ops.self);
    write_out(app);
}

static void on_guest(void *self, const struct pl_api_result *result);
static void on_known(void *self, const struct pl_api_result *result);

static void check_token(struct pl_app *app)
{
    Parla__V1__GetUserRequest request = PARLA__V1__GET_USER_REQUEST__INIT;

    set_phase(app, PL_APP_SIGNING_IN);
    pl_app_call(app, &parla__v1__user_service__descriptor, "GetUser", &request.base, on_known, app);
}

static void ask_for_name(struct pl_app *app)
{
    Parla__V1__SignInAsGuestRequest request = PARLA__V1__SIGN_IN_AS_GUEST_REQUEST__INIT;

    set_phase(app, PL_APP_SIGNING_IN);
    request.user = app->user;
    pl_app_call(app, &parla__v1__session_service__descriptor, "SignInAsGuest", &request.base,
                on_guest, app);
}

/* Begins to sign in where a name and a connection are there. */
static void go_on(struct pl_app *app)
{
    if (app->phase != PL_APP_NAMELESS || app->user[0] == 0)
        return;
    if (app->token[0] == 0 && pl_state_token(app->state, app->user, app->token) < 0)
        app->token[0] = 0;
    if (app->token[0] != 0)
        check_token(app);
    else
        ask_for_name(app);
}

static void ready(struct pl_app *app, const Parla__V1__User *user)
{
    app->user_id = user->user_id;
    set_phase(app, PL_APP_READY);
    app->ops.on_ready(app->ops.self);
}

static void refused(struct pl_app *app, const struct pl_api_result *result)
{
    set_phase(app, PL_APP_NAMELESS);
    app->user[0] = 0;
    app->token[0] = 0;
    app->ops.on_refused(app->ops.self, result);
}

/* Whether the result is to be looked at. Where the server is only too busy, the
 * whole connection is tried again later: that has the pauses. */
static bool still_signing_in(struct pl_app *app, const struct pl_api_result *result)
{
    if (app->phase != PL_APP_SIGNING_IN)
        return false;
    if (!pl_api_may_retry(result))
        return true;
    pl_channel_wait_at_least(app->channel, result->retry_ms);
    pl_channel_break(app->channel, result->text);
    return false;
}

static void on_known(void *self, const struct pl_api_result *result)
{
    struct pl_app *app = self;
    const Parla__V1__GetUserResponse *response;

    if (!still_signing_in(app, result))
        return;
    if (result->code == PL_CODE_UNAUTHENTICATED) {
        app->token[0] = 0;
        if (pl_state_forget(app->state, app->user) < 0)
            warn(app, "cannot remove an old token in %s", pl_state_path(app->state));
        ask_for_name(app);
        return;
    }
    response = (const Parla__V1__GetUserResponse *)result->response;
    if (response == NULL || response->user == NULL) {
        refused(app, result);
        return;
    }
    ready(app, response->user);
}

/* Another run of this account may have signed in under the name meanwhile. */
static bool token_has_come(struct pl_app *app)
{
    return pl_state_token(app->state, app->user, app->token) == PL_OK;
}

static void on_guest(void *self, const struct pl_api_result *result)
{
    struct pl_app *app = self;
    const Parla__V1__SignInAsGuestResponse *response;
    const Parla__V1__Session *session;

    if (!still_signing_in(app, result))
        return;
    if (result->code == PL_CODE_ALREADY_EXISTS && token_has_come(app)) {
        check_token(app);
        return;
    }
    response = (const Parla__V1__SignInAsGuestResponse *)result->response;
    session = response != NULL ? response->session : NULL;
    if (session == NULL || session->user == NULL || strlen(session->token) > PL_TOKEN_SIZE_MAX) {
        refused(app, result);
        return;
    }
    snprintf(app->token, sizeof app->token, "%s", session->token);
    if (pl_state_keep(app->state, app->user, app->token) < 0)
        warn(app, "cannot keep the token in %s", pl_state_path(app->state));
    ready(app, session->user);
}

static void on_up(struct pl_app *app)
{
    app->down_untold = false;
    set_phase(app, PL_APP_NAMELESS);
    if (app->ops.on_up != NULL)
        app->ops.on_up(app->ops.self);
    go_on(app);
}

/* A connection that takes over from one that drains is no news: tokens are good on
 * either, and streams go on by themselves. */
static void on_state(void *self, enum pl_channel_state state)
{
    struct pl_app *app = self;

    if (state == PL_CHANNEL_READY && app->phase == PL_APP_DOWN) {
        on_up(app);
    } else if (state == PL_CHANNEL_TRANSIENT_FAILURE) {
        set_phase(app, PL_APP_DOWN);
        app->down_untold = true;
    }
}

void pl_app_no_server(const struct pl_app *app, char text[PL_APP_TEXT_SIZE])
{
    const char *server = app->options->server;

    if (pl_channel_was_answered(app->channel))
        snprintf(text, PL_APP_TEXT_SIZE, "no connection to %s: %s", server,
                 pl_channel_why(app->channel));
    else
        snprintf(text, PL_APP_TEXT_SIZE,
                 "no server at %s; run ./start-server.sh in another terminal", server);
}

void pl_app_sign_in(struct pl_app *app, const char *user)
{
    PL_ASSERT(pl_user_name_valid(user));
    snprintf(app->user, sizeof app->user, "%s", user);
    app->token[0] = 0;
    go_on(app);
}

void pl_app_token_lost(struct pl_app *app)
{
    if (app->user[0] != 0 && pl_state_forget(app->state, app->user) < 0)
        warn(app, "cannot remove an old token in %s", pl_state_path(app->state));
    app->user[0] = 0;
    app->token[0] = 0;
    if (app->phase != PL_APP_DOWN)
        set_phase(app, PL_APP_NAMELESS);
}

void pl_app_call(struct pl_app *app, const ProtobufCServiceDescriptor *service, const char *method,
                 const ProtobufCMessage *request, pl_api_done done, void *self)
{
    pl_api_call(app->channel, service, method, app->token, request, done, NULL, self);
}

void pl_app_call_owned(struct pl_app *app, const ProtobufCServiceDescriptor *service,
                       const char *method, const ProtobufCMessage *request, pl_api_done done,
                       void (*abandoned)(void *self), void *self)
{
    pl_api_call(app->channel, service, method, app->token, request, done, abandoned, self);
}

/* The end of a pipe that we only write to is never readable: its reader has gone. */
static void on_out_gone(void *self)
{
    struct pl_app *app = self;

    pl_watch_free(app->out_watch);
    app->out_watch = NULL;
    pl_app_end(app, PL_EXIT_DONE);
}

/* A reader that goes away while there is nothing to write is noticed too. */
static int watch_out(struct pl_app *app)
{
    struct stat out;

    if (fstat(STDOUT_FILENO, &out) < 0 || !S_ISFIFO(out.st_mode))
        return PL_OK;
    return pl_watch_new(app->loop, STDOUT_FILENO, on_out_gone, app, &app->out_watch);
}

/* PL_E_INVALID and the like where the certificates are not good, which is told. */
static int trust(struct pl_app *app)
{
    struct pl_tls_client_files files = {.ca_file = app->options->ca_file};
    struct pl_bytebuf why;
    int err;

    if (!app->options->target.tls)
        return PL_OK;
    pl_bytebuf_init(&why, PL_APP_TEXT_SIZE);
    err = pl_tls_client_context_new(&files, &why, &app->tls);
    if (err < 0)
        pl_app_complain("%s", pl_bytebuf_cstr(&why));
    pl_bytebuf_done(&why);
    return err;
}

static int open_channel(struct pl_app *app)
{
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct pl_channel_ops ops = {.self = app, .on_state = on_state};

    config.target = app->options->target;
    config.tls = app->tls;
    config.stay_connected = true;
    config.connect_ms = CONNECT_MS;
    config.backoff_max_ms = PAUSE_MS_MAX;
    return pl_channel_new(app->loop, &config, &ops, &app->channel);
}

int pl_app_init(struct pl_app *app, const struct pl_options *options, const struct pl_app_ops *ops)
{
    struct pl_loop_ops loop_ops = {.self = app, .on_turn_end = on_turn_end};
    int err;

    *app = (struct pl_app){.options = options, .ops = *ops, .colour = pl_colour_of_stdout()};
    pl_bytebuf_init(&app->out, OUT_SIZE_MAX);
    err = pl_state_open(options->server, getenv, &app->state);
    if (err < 0) {
        pl_app_complain("cannot keep tokens under $XDG_STATE_HOME or ~/.local/state: %s",
                        pl_err_text(err));
        goto fail;
    }
    err = trust(app);
    if (err < 0)
        goto fail;
    err = pl_loop_new(&loop_ops, 1, &app->loop);
    if (err == PL_OK)
        err = watch_out(app);
    if (err == PL_OK)
        err = open_channel(app);
    if (err < 0) {
        pl_app_complain("%s", pl_err_text(err));
        goto fail;
    }
    return PL_OK;

fail:
    pl_app_done(app);
    return err;
}

void pl_app_done(struct pl_app *app)
{
    pl_channel_free(app->channel);
    app->channel = NULL;
    pl_watch_free(app->out_watch);
    app->out_watch = NULL;
    pl_loop_free(app->loop);
    pl_tls_context_unref(app->tls);
    app->tls = NULL;
    pl_state_close(app->state);
    pl_bytebuf_done(&app->out);
    app->loop = NULL;
    app->state = NULL;
}

int pl_app_run(struct pl_app *app)
{
    pl_channel_connect(app->channel);
    pl_loop_run(app->loop);
    return app->exit_status;
}

void pl_app_end(struct pl_app *app, int exit_status)
{
    app->exit_status = exit_status;
    pl_loop_stop(app->loop);
}

int pl_app_default_name(struct pl_app *app, char ret_user[PL_USER_NAME_SIZE_MAX + 1])
{
    const struct passwd *entry = getpwuid(getuid());
    const char *account = getenv("USER");
    char name[PL_USER_NAME_SIZE_MAX + 1];
    size_t i;

    if (app->options->user != NULL) {
        snprintf(ret_user, PL_USER_NAME_SIZE_MAX + 1, "%s", app->options->user);
        return PL_OK;
    }
    if (pl_state_last_name(app->state, ret_user) == PL_OK)
        return PL_OK;
    if ((account == NULL || account[0] == 0) && entry != NULL)
        account = entry->pw_name;
    if (account == NULL || strlen(account) > PL_USER_NAME_SIZE_MAX)
        return PL_E_NOTFOUND;
    for (i = 0; account[i] != 0; i++)
        name[i] =
            account[i] >= 'A' && account[i] <= 'Z' ? (char)(account[i] - 'A' + 'a') : account[i];
    name[i] = 0;
    if (!pl_user_name_valid(name))
        return PL_E_NOTFOUND;
    memcpy(ret_user, name, i + 1);
    return PL_OK;
}

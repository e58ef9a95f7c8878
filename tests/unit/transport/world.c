/* world.c - see world.h. */
#include "world.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* Sends a copy of the bytes. */
static int answer(struct pl_rpc_call *call, struct pl_bytes bytes)
{
    struct pl_buf *buf = pl_buf_copy(bytes.data, bytes.size);
    int rc = buf == NULL ? PL_E_NOMEM : pl_rpc_call_send(call, buf);

    pl_buf_unref(buf);
    return rc;
}

static void on_say(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_rpc_status status = {.code = pl_err_code(answer(call, message))};

    pl_rpc_call_finish(call, &status);
}

static void on_watch(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct world *world = pl_rpc_call_ctx(call);
    struct pl_rpc_status status = {.code = pl_err_code(answer(call, message))};

    if (status.code != PL_CODE_OK || world->watches_len == WORLD_WATCHES_LEN_MAX)
        pl_rpc_call_finish(call, &status);
    else
        world->watches[world->watches_len++] = pl_rpc_call_id(call);
}

static void on_open(struct pl_rpc_call *call)
{
    struct world *world = pl_rpc_call_ctx(call);

    world->opened++;
}

static void on_call_close(struct pl_rpc_call *call)
{
    struct world *world = pl_rpc_call_ctx(call);

    world->closed++;
}

static const struct pl_rpc_method methods[] = {
    {.name = "Say", .on_open = on_open, .on_message = on_say, .on_close = on_call_close},
    {.name = "Watch",
     .server_streaming = true,
     .on_open = on_open,
     .on_message = on_watch,
     .on_close = on_call_close},
};

const struct pl_rpc_service world_service = {
    .name = "test.Echo", .methods = methods, .methods_len = 2};

static void on_turn_end(void *self)
{
    struct world *world = self;

    if (world->port == NULL)
        return;
    while (pl_port_flush(world->port))
        world->flushes++;
    if (pl_port_connections_len(world->port) > world->most_connections)
        world->most_connections = pl_port_connections_len(world->port);
    if (world->done != NULL && world->done(world))
        pl_loop_stop(world->loop);
}

static int listen(struct world *world)
{
    struct pl_bound *bound;
    struct pl_address address = {.host = "127.0.0.1"};
    int rc = pl_bound_open(&address, &bound);

    if (rc < 0)
        return rc;
    world->address = *pl_bound_address(bound);
    rc = pl_port_listen(world->port, bound);
    pl_bound_close(bound);
    return rc;
}

int world_init(struct world *world, const struct pl_port_config *config)
{
    struct pl_loop_ops ops = {.self = world, .on_turn_end = on_turn_end};
    int rc;

    *world = (struct world){0};
    rc = pl_loop_new(&ops, 1, &world->loop);
    if (rc == PL_OK)
        rc = pl_rpc_host_new(&pl_port_host_ops, &world->host);
    if (rc == PL_OK)
        rc = pl_rpc_host_add(world->host, &world_service, world);
    if (rc == PL_OK)
        rc = pl_port_new(world->loop, world->host, config, &world->port);
    if (rc == PL_OK)
        rc = listen(world);
    return rc;
}

void world_done(struct world *world)
{
    pl_port_free(world->port);
    world->port = NULL;
    pl_loop_free(world->loop);
    pl_rpc_host_free(world->host);
}

void world_run(struct world *world, bool (*done)(struct world *world), void *data)
{
    world->done = done;
    world->data = data;
    pl_loop_run(world->loop);
}

void world_end_watches(struct world *world)
{
    for (size_t i = 0; i < world->watches_len; i++) {
        struct pl_rpc_call *call = pl_rpc_host_call(world->host, world->watches[i]);
        struct pl_rpc_status status = {.code = PL_CODE_OK};

        if (call != NULL)
            pl_rpc_call_finish(call, &status);
    }
    world->watches_len = 0;
}

void caller_close(struct caller *caller)
{
    if (caller->socket != NULL)
        pl_socket_close(caller->socket);
}

/* The caller's own flush: what it says is little. */
static void caller_flush(struct caller *caller)
{
    uint8_t buf[4096];
    ssize_t size;

    if (caller->socket == NULL || caller->rpc == NULL)
        return;
    while ((size = pl_rpc_client_fill(caller->rpc, buf, sizeof buf)) > 0)
        pl_socket_write(caller->socket, (struct pl_bytes){buf, (size_t)size});
    if (size < 0)
        caller_close(caller);
}

static void on_read(void *self, struct pl_bytes data)
{
    struct caller *caller = self;

    caller->reads++;
    if (caller->rpc == NULL ||
        pl_rpc_client_recv(caller->rpc, data, pl_loop_now_ms(caller->loop_weak)) < 0)
        caller_close(caller);
    else
        caller_flush(caller);
}

static void on_end(void *self, int err)
{
    struct caller *caller = self;

    (void)err;
    caller->ended++;
    caller_close(caller);
}

static void on_close(void *self)
{
    struct caller *caller = self;

    caller->gone++;
    caller->socket = NULL;
}

static void on_connect(void *self, int err)
{
    struct caller *caller = self;

    caller->connected++;
    caller->connect_err = err;
    if (err < 0)
        return;
    if (pl_socket_read_start(caller->socket) < 0)
        caller_close(caller);
    if (caller->tls == NULL)
        caller_flush(caller);
    else if (pl_socket_start_tls(caller->socket, caller->tls, "localhost", pl_bytes_str("")) < 0)
        caller_close(caller);
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct caller *caller = self;

    (void)alpn;
    caller->secured++;
    caller->secure_err = err;
    if (err < 0)
        caller_close(caller);
    else
        caller_flush(caller);
}

static void on_message(void *self, struct pl_bytes message)
{
    struct caller *caller = self;

    caller->messages++;
    snprintf(caller->text, sizeof caller->text, "%.*s", (int)message.size,
             (const char *)message.data);
}

static void on_over(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct caller *caller = self;

    (void)processed;
    caller->over++;
    caller->code = status->code;
    caller->call = NULL;
}

static void on_want_send(void *self)
{
    (void)self; /* it is flushed after what made it want to */
}

static int make_call(struct caller *caller, const char *method, const char *text)
{
    struct pl_rpc_client_ops ops = {caller, on_want_send};
    struct pl_rpc_client_call_ops call_ops = {
        .self = caller, .on_message = on_message, .on_close = on_over};
    char path[64];
    int rc;

    snprintf(path, sizeof path, "/test.Echo/%s", method);
    rc = pl_rpc_client_new(&ops, "localhost", pl_loop_now_ms(caller->loop_weak), &caller->rpc);
    if (rc == PL_OK)
        rc = pl_rpc_client_start(caller->rpc, path, NULL, 0, caller->timeout_ms, &call_ops,
                                 &caller->call);
    if (rc == PL_OK)
        rc = pl_rpc_client_send(caller->call, pl_bytes_str(text));
    if (rc == PL_OK)
        pl_rpc_client_half_close(caller->call);
    return rc;
}

int caller_start(struct caller *caller, struct pl_loop *loop, const struct pl_address *address,
                 const char *method, const char *text)
{
    struct pl_socket_ops ops = {
        .self = caller,
        .on_read = on_read,
        .on_end = on_end,
        .on_close = on_close,
        .on_secured = on_secured,
    };
    int rc = PL_OK;

    *caller = (struct caller){.loop_weak = loop,
                              .mute = caller->mute,
                              .timeout_ms = caller->timeout_ms,
                              .tls = caller->tls};
    if (!caller->mute)
        rc = make_call(caller, method, text);
    if (rc == PL_OK)
        rc = pl_socket_connect(loop, address, on_connect, &ops, &caller->socket);
    return rc;
}

void caller_done(struct caller *caller)
{
    pl_rpc_client_free(caller->rpc);
    caller->rpc = NULL;
}

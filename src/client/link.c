/*
 * link.c - connect, feed, flush, and connect again.
 *
 * What breaks a connection is found in the midst of callbacks, of the socket
 * and of calls. There it is only noted; pl_link_flush(), at the end of the
 * turn, takes the connection down where nobody is inside it.
 */
#include "client/link.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "client/backoff.h"

#include <stdio.h>
#include <string.h>

enum { CONNECT_MS = 10000, TICK_MS = 500, WHY_SIZE = 128, FILL_SIZE = 16 * 1024 };

enum link_state {
    LINK_IDLE,       /* not started, or being freed */
    LINK_CONNECTING, /* the socket is on its way; the timer bounds it */
    LINK_UP,
    LINK_WAITING, /* for the timer */
};

struct pl_link {
    struct pl_loop *loop_weak;
    struct pl_link_ops ops;
    struct pl_address address;
    char authority[300];
    enum link_state state;
    struct pl_socket *socket; /* NULL unless CONNECTING or UP */
    struct pl_rpc_client *client;
    struct pl_timer *timer; /* the connect time-out, the tick, or the pause */
    struct pl_backoff backoff;
    uint32_t wait_ms_min;
    uint32_t calls_len; /* under way */
    bool broken;        /* to be taken down by the flush */
    bool ending;
    char why[WHY_SIZE];
};

static void set_state(struct pl_link *link, enum link_state state)
{
    link->state = state;
}

static void set_broken(struct pl_link *link, const char *why)
{
    if (link->broken)
        return;
    link->broken = true;
    snprintf(link->why, sizeof link->why, "%s", why);
}

static void on_want_send(void *self)
{
    (void)self; /* every turn ends with a flush */
}

static void on_read(void *self, struct pl_bytes data)
{
    struct pl_link *link = self;

    if (link->broken)
        return;
    if (pl_rpc_client_recv(link->client, data, pl_loop_now_ms(link->loop_weak)) < 0)
        set_broken(link, "the other side does not speak gRPC");
}

static void on_end(void *self, int err)
{
    set_broken(self, err < 0 ? pl_err_text(err) : "the server closed the connection");
}

static void on_closed(void *self)
{
    struct pl_link *link = self;

    link->socket = NULL;
    set_broken(link, "the connection was closed");
}

/* Lets the socket go: nothing of it comes back here. */
static void drop_socket(struct pl_link *link)
{
    static const struct pl_socket_ops nobody = {0};

    if (link->socket == NULL)
        return;
    pl_socket_set_ops(link->socket, &nobody);
    pl_socket_abort(link->socket);
    link->socket = NULL;
}

static void on_connect(void *self, int err)
{
    static const struct pl_rpc_client_ops nobody = {0};
    struct pl_link *link = self;
    struct pl_rpc_client_ops ops = nobody;

    PL_ASSERT(link->state == LINK_CONNECTING);
    if (err == PL_OK) {
        ops.self = link;
        ops.on_want_send = on_want_send;
        err = pl_rpc_client_new(&ops, link->authority, pl_loop_now_ms(link->loop_weak),
                                &link->client);
    }
    if (err == PL_OK)
        err = pl_socket_read_start(link->socket);
    if (err < 0) {
        set_broken(link, pl_err_text(err));
        return;
    }
    set_state(link, LINK_UP);
    pl_timer_start(link->timer, TICK_MS, TICK_MS);
    link->ops.on_up(link->ops.self);
}

static void connect_now(struct pl_link *link)
{
    struct pl_socket_ops ops = {
        .self = link, .on_read = on_read, .on_end = on_end, .on_close = on_closed};
    int err;

    set_state(link, LINK_CONNECTING);
    pl_timer_start(link->timer, CONNECT_MS, 0);
    err = pl_socket_connect(link->loop_weak, &link->address, on_connect, &ops, &link->socket);
    if (err < 0)
        set_broken(link, pl_err_text(err));
}

static void on_timer(void *self)
{
    struct pl_link *link = self;

    switch (link->state) {
    case LINK_IDLE:
        break;
    case LINK_CONNECTING:
        set_broken(link, "no answer");
        break;
    case LINK_UP:
        if (!link->broken && pl_rpc_client_tick(link->client, pl_loop_now_ms(link->loop_weak)) < 0)
            set_broken(link, "the server does not answer");
        break;
    case LINK_WAITING:
        connect_now(link);
        break;
    }
}

/* Takes the connection down and plans the next try. */
static void take_down(struct pl_link *link)
{
    struct pl_rpc_client *client = link->client;
    uint32_t random;
    uint32_t pause;
    char why[WHY_SIZE];

    drop_socket(link);
    pl_random(&random, sizeof random);
    pause = pl_backoff_next(&link->backoff, random);
    if (pause < link->wait_ms_min)
        pause = link->wait_ms_min;
    link->wait_ms_min = 0;
    set_state(link, LINK_WAITING);
    pl_timer_start(link->timer, pause, 0);
    memcpy(why, link->why, sizeof why);
    link->client = NULL;
    pl_rpc_client_free(client); /* ends its calls, who may want to make new ones: PL_E_CLOSED */
    PL_ASSERT(link->calls_len == 0);
    link->broken = false;
    link->ops.on_down(link->ops.self, why, pause);
}

static void send_waiting(struct pl_link *link)
{
    uint8_t bytes[FILL_SIZE];

    while (!pl_socket_writing(link->socket)) {
        ssize_t size = pl_rpc_client_fill(link->client, bytes, sizeof bytes);

        if (size < 0)
            set_broken(link, "the connection is beyond use");
        if (size <= 0)
            return;
        pl_socket_write(link->socket, (struct pl_bytes){bytes, (size_t)size});
    }
}

void pl_link_flush(struct pl_link *link)
{
    if (link->state == LINK_UP && !link->broken)
        send_waiting(link);
    if (link->state == LINK_UP && !link->broken && link->calls_len == 0 &&
        pl_rpc_client_draining(link->client))
        set_broken(link, "the server is stopping");
    if (link->broken)
        take_down(link);
}

int pl_link_new(struct pl_loop *loop, const struct pl_address *address,
                const struct pl_link_ops *ops, struct pl_link **ret_link)
{
    struct pl_link *link = pl_zalloc(sizeof *link);
    int err;

    if (link == NULL)
        return PL_E_NOMEM;
    link->loop_weak = loop;
    link->ops = *ops;
    link->address = *address;
    pl_address_format(address, link->authority, sizeof link->authority);
    err = pl_timer_new(loop, on_timer, link, &link->timer);
    if (err < 0) {
        pl_free(link);
        return err;
    }
    *ret_link = link;
    return PL_OK;
}

void pl_link_free(struct pl_link *link)
{
    if (link == NULL)
        return;
    link->ending = true;
    set_state(link, LINK_IDLE);
    drop_socket(link);
    pl_rpc_client_free(link->client);
    pl_timer_free(link->timer);
    pl_free(link);
}

void pl_link_start(struct pl_link *link)
{
    PL_ASSERT(link->state == LINK_IDLE);
    connect_now(link);
}

bool pl_link_is_up(const struct pl_link *link)
{
    return link->state == LINK_UP && !link->broken;
}

bool pl_link_is_ending(const struct pl_link *link)
{
    return link->ending;
}

void pl_link_wait_at_least(struct pl_link *link, uint32_t delay_ms)
{
    link->wait_ms_min = delay_ms < PL_BACKOFF_MS_MAX ? delay_ms : PL_BACKOFF_MS_MAX;
}

void pl_link_break(struct pl_link *link, const char *why)
{
    set_broken(link, why);
}

void pl_link_is_well(struct pl_link *link)
{
    pl_backoff_reset(&link->backoff);
}

int pl_link_call(struct pl_link *link, const char *path, const char *token, struct pl_bytes request,
                 int64_t timeout_ms, const struct pl_rpc_client_call_ops *ops,
                 struct pl_rpc_client_call **ret_call)
{
    char bearer[300];
    struct pl_rpc_metadata metadata = {.name = "authorization"};
    struct pl_rpc_client_call *call = NULL;
    int err;

    if (!pl_link_is_up(link) || pl_rpc_client_draining(link->client))
        return PL_E_CLOSED;
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    metadata.value = pl_bytes_str(bearer);
    err = pl_rpc_client_start(link->client, path, &metadata, token[0] != 0, timeout_ms, ops, &call);
    if (err < 0)
        return err;
    link->calls_len++;
    err = pl_rpc_client_send(call, request);
    if (err < 0) { /* its on_close runs, as after any other end */
        pl_rpc_client_cancel(call);
        return PL_OK;
    }
    pl_rpc_client_half_close(call);
    *ret_call = call;
    return PL_OK;
}

void pl_link_call_over(struct pl_link *link)
{
    PL_ASSERT(link->calls_len > 0);
    link->calls_len--;
}

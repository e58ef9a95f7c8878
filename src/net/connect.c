/*
 * connect.c - a socket's way to its peer: resolve, then try each address in turn.
 *
 * A try that failed has used up its descriptor: the socket's libuv handle is
 * closed and, once libuv is done with it, opened again for the next address. To
 * the owner it is one socket all the time.
 *
 * The attempt is a struct of its own: a name being resolved cannot be called
 * off, and may outlive the socket.
 */
#include "net/socket.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "net/uverr.h"

#include <stdio.h>

enum phase {
    PHASE_BEGIN = 1,  /* deferred: nothing is to be resolved */
    PHASE_RESOLVING,  /* `resolve` is under way */
    PHASE_CONNECTING, /* `connect` is */
    PHASE_REOPENING,  /* the handle of a failed try is being closed */
};

struct pl_attempt {
    enum phase phase;
    struct pl_deferred begin;
    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    struct pl_loop *loop_weak;
    struct pl_socket *socket_weak; /* NULL once its owner has closed it */
    void (*on_connect)(void *self, int err);
    struct addrinfo *found;           /* of `resolve` */
    const struct addrinfo *next_weak; /* to be tried next */
    struct addrinfo numeric;          /* the one address that was given in figures */
    struct sockaddr_storage numeric_addr;
};

static void free_attempt(struct pl_attempt *attempt)
{
    pl_list_remove(&attempt->begin.node);
    if (attempt->socket_weak != NULL)
        attempt->socket_weak->attempt = NULL;
    uv_freeaddrinfo(attempt->found);
    pl_free(attempt);
}

/* Nothing is left to try: tells the owner, and closes the socket. */
static void give_up(struct pl_attempt *attempt, int err)
{
    struct pl_socket *socket = attempt->socket_weak;
    void (*on_connect)(void *self, int err) = attempt->on_connect;

    PL_ASSERT(err < 0);
    free_attempt(attempt);
    on_connect(socket->ops.self, err);
    pl_socket_abort(socket);
}

static void succeed(struct pl_attempt *attempt)
{
    struct pl_socket *socket = attempt->socket_weak;
    void (*on_connect)(void *self, int err) = attempt->on_connect;
    struct sockaddr_storage peer = {0};
    int size = sizeof peer;

    free_attempt(attempt);
    /* both fail only for a connection that is gone already: reading tells */
    uv_tcp_nodelay(&socket->uv, 1);
    uv_tcp_getpeername(&socket->uv, (struct sockaddr *)&peer, &size);
    pl_sockaddr_format(&peer, socket->peer, sizeof socket->peer);
    pl_socket_set_state(socket, PL_SOCKET_OPEN);
    on_connect(socket->ops.self, PL_OK);
}

static void try_failed(struct pl_attempt *attempt, int status)
{
    if (attempt->next_weak == NULL) {
        give_up(attempt, pl_err_of_uv(status));
        return;
    }
    attempt->phase = PHASE_REOPENING; /* and on in pl_attempt_goes_on() */
    pl_handle_close(&attempt->socket_weak->handle);
}

static void on_connected(uv_connect_t *req, int status)
{
    struct pl_attempt *attempt = PL_CONTAINER(req, struct pl_attempt, connect);

    if (attempt->socket_weak == NULL)
        free_attempt(attempt); /* abandoned */
    else if (status < 0)
        try_failed(attempt, status);
    else
        succeed(attempt);
}

static void try_next(struct pl_attempt *attempt)
{
    const struct addrinfo *at = attempt->next_weak;
    int rc;

    attempt->next_weak = at->ai_next;
    attempt->phase = PHASE_CONNECTING;
    rc = uv_tcp_connect(&attempt->connect, &attempt->socket_weak->uv, at->ai_addr, on_connected);
    if (rc < 0)
        try_failed(attempt, rc);
}

void pl_attempt_go_on(struct pl_socket *socket)
{
    struct pl_attempt *attempt = socket->attempt;

    PL_ASSERT(socket->state == PL_SOCKET_CONNECTING);
    PL_ASSERT(attempt->phase == PHASE_REOPENING);
    PL_ASSERT(uv_tcp_init(pl_loop_uv(attempt->loop_weak), &socket->uv) == 0);
    pl_handle_open(&socket->handle, attempt->loop_weak, &socket->uv);
    try_next(attempt);
}

void pl_attempt_abandon(struct pl_socket *socket)
{
    struct pl_attempt *attempt = socket->attempt;

    socket->attempt = NULL;
    attempt->socket_weak = NULL;
    switch (attempt->phase) {
    case PHASE_RESOLVING:
        /* on_resolved() frees it; a resolver at work cannot be stopped */
        uv_cancel((uv_req_t *)&attempt->resolve);
        break;
    case PHASE_CONNECTING:
        break; /* on_connected() frees it, once the handle is closed */
    case PHASE_BEGIN:
    case PHASE_REOPENING:
        free_attempt(attempt);
        break;
    }
}

static void on_begin(struct pl_deferred *deferred)
{
    try_next(PL_CONTAINER(deferred, struct pl_attempt, begin));
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct pl_attempt *attempt = PL_CONTAINER(req, struct pl_attempt, resolve);

    pl_loop_request_end(attempt->loop_weak);
    attempt->found = found;
    attempt->next_weak = found;
    if (attempt->socket_weak == NULL)
        free_attempt(attempt); /* abandoned */
    else if (status < 0)
        give_up(attempt, pl_err_of_uv(status));
    else
        try_next(attempt);
}

static int resolve(struct pl_attempt *attempt, const struct pl_address *address)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    int rc;

    snprintf(port, sizeof port, "%u", (unsigned)address->port);
    rc = uv_getaddrinfo(pl_loop_uv(attempt->loop_weak), &attempt->resolve, on_resolved,
                        address->host, port, &hints);
    if (rc < 0)
        return pl_err_of_uv(rc);
    attempt->phase = PHASE_RESOLVING;
    pl_loop_request_begin(attempt->loop_weak);
    return PL_OK;
}

static int begin(struct pl_attempt *attempt, const struct pl_address *address)
{
    if (pl_sockaddr_of_numeric(address->host, address->port, &attempt->numeric_addr) < 0)
        return resolve(attempt, address);
    attempt->numeric.ai_addr = (struct sockaddr *)&attempt->numeric_addr;
    attempt->next_weak = &attempt->numeric;
    attempt->phase = PHASE_BEGIN;
    attempt->begin.run = on_begin;
    pl_loop_defer(attempt->loop_weak, &attempt->begin);
    return PL_OK;
}

int pl_socket_connect(struct pl_loop *loop, const struct pl_address *address,
                      void (*on_connect)(void *self, int err), const struct pl_socket_ops *ops,
                      struct pl_socket **ret_socket)
{
    int rc = pl_loop_check_open(loop);
    struct pl_attempt *attempt;
    struct pl_socket *socket;

    if (rc < 0)
        return rc;
    attempt = pl_zalloc(sizeof *attempt);
    if (attempt == NULL)
        return PL_E_NOMEM;
    pl_list_init(&attempt->begin.node);
    attempt->loop_weak = loop;
    attempt->on_connect = on_connect;
    rc = pl_socket_new(loop, &socket);
    if (rc < 0) {
        free_attempt(attempt);
        return rc;
    }
    rc = begin(attempt, address);
    if (rc < 0) {
        free_attempt(attempt);
        pl_socket_abort(socket); /* it has no ops: nobody is told */
        return rc;
    }
    attempt->socket_weak = socket;
    socket->attempt = attempt;
    socket->ops = *ops;
    pl_address_format(address, socket->peer, sizeof socket->peer);
    *ret_socket = socket;
    return PL_OK;
}

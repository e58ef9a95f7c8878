/*
 * socket.c - reading and writing.
 *
 * A write goes to the kernel at once; only what it does not take is copied. A
 * write that fails says so later, from the loop: its caller may be in the middle
 * of its own work and does not expect to be called back.
 *
 * Closing is patient where it can be: a socket closed while something that the
 * peer sent is unread makes the kernel throw away what the peer has not yet read
 * (RFC 1122, section 4.2.2.13). So the last words go out, then our half is shut,
 * and what comes is read and dropped until the peer closes or a moment has passed. That goes
 * on piece by piece, with pauses: who floods has no more of the loop than others need.
 */
#include "net/socket.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "net/socket_tls.h"
#include "net/uverr.h"

#include <string.h>

enum {
    DRAIN_MS = 10000,    /* without anything taken by the peer */
    LINGER_STEP_MS = 10, /* in each of which one piece is read and dropped, */
    LINGER_STEPS = 100,  /* a second in all */
    KEEPALIVE_S = 60,    /* then the kernel asks whether a silent peer is still there */
};

/* What the kernel did not take at once. */
struct write {
    uv_write_t req;
    struct pl_socket *socket_weak;
    char data[];
};

/* What a socket needs to end well, and no sooner. */
struct pl_farewell {
    uv_shutdown_t shutdown;
    struct pl_socket *socket_weak;
    struct pl_timer *deadline;
    size_t unsent_size; /* draining: at the last look */
    int steps;          /* lingering: so far */
};

void pl_socket_set_state(struct pl_socket *socket, enum pl_socket_state state)
{
    PL_ASSERT(state > socket->state);
    socket->state = state;
}

static void check_thread(const struct pl_socket *socket)
{
    PL_ASSERT(pl_loop_on_thread(socket->handle.loop_weak));
}

static void on_closed(struct pl_handle *handle)
{
    struct pl_socket *socket = PL_CONTAINER(handle, struct pl_socket, handle);
    struct pl_socket_ops ops = socket->ops;

    if (socket->attempt != NULL) {
        pl_attempt_go_on(socket);
        return;
    }
    PL_ASSERT(socket->state == PL_SOCKET_CLOSING);
    if (socket->tls != NULL)
        pl_socket_tls_free(socket);
    pl_free(socket->farewell);
    pl_handle_free(handle);
    if (ops.on_close != NULL)
        ops.on_close(ops.self);
}

static void end(struct pl_handle *handle)
{
    pl_socket_abort(PL_CONTAINER(handle, struct pl_socket, handle));
}

static void on_deadline(void *self);

/* PL_OK, or no memory to wait with. */
static int set_deadline(struct pl_socket *socket, uint64_t delay_ms)
{
    struct pl_farewell *farewell = socket->farewell;
    int rc = PL_OK;

    if (farewell == NULL) {
        farewell = pl_zalloc(sizeof *farewell);
        if (farewell == NULL)
            return PL_E_NOMEM;
        farewell->socket_weak = socket;
        socket->farewell = farewell;
    }
    if (farewell->deadline == NULL)
        rc = pl_timer_new(socket->handle.loop_weak, on_deadline, socket, &farewell->deadline);
    if (rc == PL_OK)
        pl_timer_start(farewell->deadline, delay_ms, delay_ms);
    return rc;
}

static void on_shut(uv_shutdown_t *req, int status)
{
    struct pl_socket *socket = PL_CONTAINER(req, struct pl_farewell, shutdown)->socket_weak;

    if (status < 0 && socket->state == PL_SOCKET_LINGERING)
        pl_socket_abort(socket);
}

static void drain(struct pl_socket *socket)
{
    pl_socket_set_state(socket, PL_SOCKET_DRAINING);
    uv_read_stop((uv_stream_t *)&socket->uv);
    if (set_deadline(socket, DRAIN_MS) < 0)
        pl_socket_abort(socket);
    else
        socket->farewell->unsent_size = uv_stream_get_write_queue_size((uv_stream_t *)&socket->uv);
}

static void linger(struct pl_socket *socket)
{
    uv_stream_t *stream = (uv_stream_t *)&socket->uv;

    pl_socket_set_state(socket, PL_SOCKET_LINGERING);
    if (socket->fin || set_deadline(socket, LINGER_STEP_MS) < 0 ||
        uv_shutdown(&socket->farewell->shutdown, stream, on_shut) < 0 || pl_socket_pull(socket) < 0)
        pl_socket_abort(socket);
}

static void on_deadline(void *self)
{
    struct pl_socket *socket = self;
    size_t unsent_size = uv_stream_get_write_queue_size((uv_stream_t *)&socket->uv);

    if (socket->state == PL_SOCKET_DRAINING && unsent_size < socket->farewell->unsent_size)
        socket->farewell->unsent_size = unsent_size; /* slow, but it goes on */
    else if (socket->state == PL_SOCKET_LINGERING && ++socket->farewell->steps < LINGER_STEPS &&
             pl_socket_pull(socket) == PL_OK)
        return;
    else
        pl_socket_abort(socket);
}

/* Tells the owner that it broke. Called by the loop, never inside a call of the
 * owner's. */
static void tell_broken(struct pl_socket *socket)
{
    pl_list_remove(&socket->broken.node);
    uv_read_stop((uv_stream_t *)&socket->uv);
    if (socket->state == PL_SOCKET_DRAINING || socket->state == PL_SOCKET_LINGERING)
        pl_socket_abort(socket);
    else if (socket->state == PL_SOCKET_OPEN && socket->tls != NULL)
        pl_socket_tls_broken(socket);
    else if (socket->state == PL_SOCKET_OPEN && socket->ops.on_end != NULL)
        socket->ops.on_end(socket->ops.self, socket->err);
}

static void on_broken(struct pl_deferred *deferred)
{
    tell_broken(PL_CONTAINER(deferred, struct pl_socket, broken));
}

int pl_socket_new(struct pl_loop *loop, struct pl_socket **ret_socket)
{
    int rc = pl_loop_check_open(loop);
    struct pl_socket *socket;

    if (rc < 0)
        return rc;
    socket = pl_zalloc(sizeof *socket);
    if (socket == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(uv_tcp_init(pl_loop_uv(loop), &socket->uv) == 0);
    pl_list_init(&socket->broken.node);
    socket->broken.run = on_broken;
    socket->handle.end = end;
    socket->handle.on_closed = on_closed;
    pl_handle_open(&socket->handle, loop, &socket->uv);
    pl_socket_set_state(socket, PL_SOCKET_CONNECTING);
    *ret_socket = socket;
    return PL_OK;
}

int pl_socket_adopt(struct pl_socket *socket, int fd, const struct sockaddr_storage *peer)
{
    int rc = uv_tcp_open(&socket->uv, fd);

    if (rc < 0)
        return pl_err_of_uv(rc);
    /* these fail only for a connection that is gone: reading tells */
    uv_tcp_nodelay(&socket->uv, 1);
    uv_tcp_keepalive(&socket->uv, 1, KEEPALIVE_S);
    pl_sockaddr_format(peer, socket->peer, sizeof socket->peer);
    pl_socket_set_state(socket, PL_SOCKET_OPEN);
    return PL_OK;
}

void pl_socket_set_ops(struct pl_socket *socket, const struct pl_socket_ops *ops)
{
    check_thread(socket);
    socket->ops = *ops;
}

const char *pl_socket_peer(const struct pl_socket *socket)
{
    return socket->peer;
}

static void on_alloc(uv_handle_t *uv, size_t size, uv_buf_t *ret_buf)
{
    struct pl_handle *handle = uv->data;
    bool may = pl_loop_may_read(handle->loop_weak, handle);

    (void)size;
    ret_buf->base = pl_loop_read_buf(handle->loop_weak);
    ret_buf->len = may ? PL_LOOP_READ_SIZE : 0;
}

static void take(struct pl_socket *socket, struct pl_bytes data)
{
    if (socket->tls != NULL)
        pl_socket_tls_take(socket, data);
    else if (socket->ops.on_read != NULL)
        socket->ops.on_read(socket->ops.self, data);
}

static void take_fin(struct pl_socket *socket)
{
    socket->fin = true;
    pl_socket_pull_stop(socket);
    if (socket->tls != NULL) {
        pl_socket_tls_fin(socket);
        return;
    }
    socket->ended = true;
    if (socket->ops.on_end != NULL)
        socket->ops.on_end(socket->ops.self, PL_OK);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buf)
{
    struct pl_handle *handle = stream->data;
    struct pl_socket *socket = PL_CONTAINER(handle, struct pl_socket, handle);

    if (size == 0 || size == UV_ENOBUFS) /* nothing after all; not in this turn */
        return;
    if (size > 0)
        pl_loop_note_read(handle->loop_weak, handle);
    if (socket->state == PL_SOCKET_LINGERING) {
        if (size < 0)
            pl_socket_abort(socket);
        else
            pl_socket_pull_stop(socket); /* until the next step */
    } else if (size == UV_EOF) {
        take_fin(socket);
    } else if (size < 0) {
        socket->err = pl_err_of_uv((int)size);
        tell_broken(socket);
    } else {
        take(socket, (struct pl_bytes){(const uint8_t *)buf->base, (size_t)size});
    }
}

int pl_socket_pull(struct pl_socket *socket)
{
    int rc = uv_read_start((uv_stream_t *)&socket->uv, on_alloc, on_read);

    return rc == UV_EALREADY ? PL_OK : pl_err_of_uv(rc);
}

void pl_socket_pull_stop(struct pl_socket *socket)
{
    uv_read_stop((uv_stream_t *)&socket->uv);
}

int pl_socket_read_start(struct pl_socket *socket)
{
    check_thread(socket);
    if (socket->state != PL_SOCKET_OPEN || socket->ended || socket->err < 0)
        return PL_E_CLOSED;
    socket->reading = true;
    if (socket->tls == NULL)
        return pl_socket_pull(socket);
    pl_socket_tls_set_reading(socket);
    return PL_OK;
}

void pl_socket_read_stop(struct pl_socket *socket)
{
    check_thread(socket);
    if (socket->state != PL_SOCKET_OPEN)
        return;
    socket->reading = false;
    if (socket->tls == NULL)
        pl_socket_pull_stop(socket);
    else
        pl_socket_tls_set_reading(socket);
}

static void on_written(uv_write_t *req, int status)
{
    struct write *write = PL_CONTAINER(req, struct write, req);
    struct pl_socket *socket = write->socket_weak;

    pl_free(write);
    PL_ASSERT(socket->writes_len > 0);
    socket->writes_len--;
    if (socket->state == PL_SOCKET_CLOSING || socket->err < 0)
        return;
    if (status < 0) {
        socket->err = pl_err_of_uv(status);
        tell_broken(socket);
    } else if (socket->writes_len > 0) {
        return;
    } else if (socket->state == PL_SOCKET_DRAINING) {
        linger(socket);
    } else if (socket->tls != NULL) {
        pl_socket_tls_drained(socket);
    } else if (socket->ops.on_drained != NULL) {
        socket->ops.on_drained(socket->ops.self);
    }
}

void pl_socket_break(struct pl_socket *socket, int err)
{
    socket->err = err;
    pl_loop_defer(socket->handle.loop_weak, &socket->broken);
}

static void write_later(struct pl_socket *socket, struct pl_bytes data)
{
    struct write *write = pl_alloc(sizeof *write + data.size);
    uv_buf_t buf;
    int rc;

    if (write == NULL) {
        pl_socket_break(socket, PL_E_NOMEM);
        return;
    }
    memcpy(write->data, data.data, data.size);
    write->socket_weak = socket;
    buf.base = write->data;
    buf.len = data.size;
    rc = uv_write(&write->req, (uv_stream_t *)&socket->uv, &buf, 1, on_written);
    if (rc < 0) {
        pl_free(write);
        pl_socket_break(socket, pl_err_of_uv(rc));
        return;
    }
    socket->writes_len++;
}

bool pl_socket_send(struct pl_socket *socket, struct pl_bytes data)
{
    if (socket->state != PL_SOCKET_OPEN || socket->err < 0)
        return false;
    if (socket->writes_len == 0 && data.size > 0) {
        uv_buf_t buf = {.base = (char *)(uintptr_t)data.data, .len = data.size};
        int n = uv_try_write((uv_stream_t *)&socket->uv, &buf, 1);

        if (n < 0 && n != UV_EAGAIN) {
            pl_socket_break(socket, pl_err_of_uv(n));
            return false;
        }
        if (n > 0) {
            data.data += n;
            data.size -= (size_t)n;
        }
    }
    if (data.size > 0)
        write_later(socket, data);
    return socket->writes_len == 0 && socket->err == PL_OK;
}

bool pl_socket_write(struct pl_socket *socket, struct pl_bytes data)
{
    check_thread(socket);
    PL_ASSERT(socket->state != PL_SOCKET_CONNECTING);
    if (socket->state != PL_SOCKET_OPEN || socket->err < 0)
        return false;
    return socket->tls != NULL ? pl_socket_tls_write(socket, data) : pl_socket_send(socket, data);
}

bool pl_socket_writing(const struct pl_socket *socket)
{
    check_thread(socket);
    return socket->writes_len > 0;
}

void pl_socket_close(struct pl_socket *socket)
{
    check_thread(socket);
    if (socket->state == PL_SOCKET_OPEN && socket->tls != NULL)
        pl_socket_tls_close(socket);
    if (socket->state == PL_SOCKET_CONNECTING || socket->err < 0)
        pl_socket_abort(socket);
    else if (socket->state == PL_SOCKET_OPEN && socket->writes_len > 0)
        drain(socket);
    else if (socket->state == PL_SOCKET_OPEN)
        linger(socket);
}

void pl_socket_abort(struct pl_socket *socket)
{
    check_thread(socket);
    if (socket->state == PL_SOCKET_CLOSING)
        return;
    pl_socket_set_state(socket, PL_SOCKET_CLOSING);
    pl_list_remove(&socket->broken.node);
    if (socket->farewell != NULL) {
        pl_timer_free(socket->farewell->deadline);
        socket->farewell->deadline = NULL;
    }
    if (socket->tls != NULL)
        pl_socket_tls_stop(socket);
    if (socket->attempt != NULL)
        pl_attempt_abandon(socket);
    pl_handle_close(&socket->handle);
}

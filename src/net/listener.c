/*
 * listener.c - accepts connections for one loop.
 *
 * It polls and accepts itself, rather than through libuv's listeners: where
 * descriptors or memory run out those drop what waits, or spin. Here the rest
 * waits in the kernel's backlog, and accepting pauses for a moment.
 */
#include "net/bound.h"
#include "net/socket.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/uverr.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_LEN_MAX = 16, /* a turn, so that the loop's other work is not held up */
    PAUSE_MS = 100,
};

struct pl_listener {
    struct pl_handle handle; /* first: freed with it */
    uv_poll_t uv;
    int fd; /* -1 once closed */
    struct pl_timer *pause;
    struct pl_socket *spare; /* for the next connection; or NULL */
    bool short_of;           /* descriptors or memory, and said so */
    void (*on_accept)(void *self, struct pl_socket *socket);
    void *self_weak;
};

static void on_poll(uv_poll_t *uv, int status, int events);

/* Until then what waits is the kernel's. `status` is libuv's word for why. */
static void pause_accepting(struct pl_listener *listener, int status)
{
    if (!listener->short_of)
        PL_DIAG_SELDOM(PL_DIAG_WARNING, "net", "connections wait, none can be accepted: %s",
                       uv_strerror(status));
    listener->short_of = true;
    uv_poll_stop(&listener->uv);
    pl_timer_start(listener->pause, PAUSE_MS, 0);
}

static void on_pause_over(void *self)
{
    struct pl_listener *listener = self;

    if (listener->fd >= 0)
        PL_ASSERT(uv_poll_start(&listener->uv, UV_READABLE, on_poll) == 0);
}

/* Whether accept() failed for that one connection only (accept(2) on Linux hands
 * on what has happened to it). */
static bool of_one_connection(int number)
{
    switch (number) {
    case EINTR:
    case ECONNABORTED:
    case ECONNRESET:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* The socket is had before the connection is taken, so that want of memory
 * leaves the connection in the backlog. Returns whether there may be more. */
static bool accept_one(struct pl_listener *listener)
{
    struct sockaddr_storage peer = {0};
    socklen_t peer_size = sizeof peer;
    struct pl_socket *socket;
    int fd, rc;

    if (listener->spare == NULL) {
        rc = pl_socket_new(listener->handle.loop_weak, &listener->spare);
        if (rc < 0) {
            pause_accepting(listener, UV_ENOMEM);
            return false;
        }
    }
    fd = accept4(listener->fd, (struct sockaddr *)&peer, &peer_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (of_one_connection(errno))
            return true;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            pause_accepting(listener, uv_translate_sys_error(errno));
        return false;
    }
    listener->short_of = false;
    socket = listener->spare;
    listener->spare = NULL;
    rc = pl_socket_adopt(socket, fd, &peer);
    if (rc < 0) {
        close(fd);
        pl_socket_abort(socket);
        return true;
    }
    listener->on_accept(listener->self_weak, socket);
    return true;
}

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct pl_listener *listener = uv->data;

    (void)status; /* accept() tells more */
    (void)events;
    for (int i = 0; i < ACCEPTS_LEN_MAX && listener->fd >= 0; i++)
        if (!accept_one(listener))
            return;
}

static void end(struct pl_handle *handle)
{
    struct pl_listener *listener = PL_CONTAINER(handle, struct pl_listener, handle);

    if (listener->fd < 0)
        return;
    uv_poll_stop(&listener->uv);
    close(listener->fd);
    listener->fd = -1;
    if (listener->spare != NULL)
        pl_socket_abort(listener->spare);
    listener->spare = NULL;
    pl_handle_close(handle);
}

int pl_listener_new(struct pl_loop *loop, struct pl_bound *bound,
                    void (*on_accept)(void *self, struct pl_socket *socket), void *self,
                    struct pl_listener **ret_listener)
{
    int rc = pl_loop_check_open(loop);
    struct pl_listener *listener;

    if (rc < 0)
        return rc;
    listener = pl_zalloc(sizeof *listener);
    if (listener == NULL)
        return PL_E_NOMEM;
    listener->fd = -1;
    listener->on_accept = on_accept;
    listener->self_weak = self;
    rc = pl_timer_new(loop, on_pause_over, listener, &listener->pause);
    if (rc < 0)
        goto fail;
    rc = pl_bound_listen(bound, &listener->fd);
    if (rc < 0)
        goto fail;
    rc = pl_err_of_uv(uv_poll_init(pl_loop_uv(loop), &listener->uv, listener->fd));
    if (rc < 0)
        goto fail;
    listener->handle.end = end;
    pl_handle_open(&listener->handle, loop, &listener->uv);
    on_pause_over(listener);
    *ret_listener = listener;
    return PL_OK;

fail: /* libuv does not know it yet */
    pl_timer_free(listener->pause);
    if (listener->fd >= 0)
        close(listener->fd);
    pl_free(listener);
    return rc;
}

void pl_listener_free(struct pl_listener *listener)
{
    if (listener == NULL)
        return;
    PL_ASSERT(pl_loop_on_thread(listener->handle.loop_weak));
    end(&listener->handle);
    pl_timer_free(listener->pause);
    pl_handle_release(&listener->handle);
}

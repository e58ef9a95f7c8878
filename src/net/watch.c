/*
 * watch.c - readiness of a descriptor that is not ours.
 *
 * libuv makes what it polls non-blocking. That is a property of the open file,
 * which a terminal's standard input shares with standard output and with the
 * shell: so it is put back, and readers rely on readiness alone.
 */
#include "net/handle.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/uverr.h"

#include <fcntl.h>

struct pl_watch {
    struct pl_handle handle; /* first: freed with it */
    uv_poll_t uv;
    void (*on_readable)(void *self);
    void *self_weak;
};

static void on_poll(uv_poll_t *uv, int status, int events)
{
    struct pl_watch *watch = uv->data;

    /* an error or a hang-up is told by the next read */
    (void)status;
    (void)events;
    watch->on_readable(watch->self_weak);
}

static int open_poll(struct pl_watch *watch, struct pl_loop *loop, int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int rc;

    if (flags < 0)
        return PL_E_IO;
    rc = uv_poll_init(pl_loop_uv(loop), &watch->uv, fd);
    if (fcntl(fd, F_SETFL, flags) < 0)
        PL_UNREACHABLE(); /* they are the flags that it had */
    if (rc == UV_EPERM)
        return PL_E_UNSUPPORTED; /* a regular file, or a device that is always ready */
    return pl_err_of_uv(rc);
}

int pl_watch_new(struct pl_loop *loop, int fd, void (*on_readable)(void *self), void *self,
                 struct pl_watch **ret_watch)
{
    int rc = pl_loop_check_open(loop);
    struct pl_watch *watch;

    if (rc < 0)
        return rc;
    watch = pl_zalloc(sizeof *watch);
    if (watch == NULL)
        return PL_E_NOMEM;
    watch->on_readable = on_readable;
    watch->self_weak = self;
    rc = open_poll(watch, loop, fd);
    if (rc < 0) {
        pl_free(watch); /* libuv does not know it yet */
        return rc;
    }
    pl_handle_open(&watch->handle, loop, &watch->uv);

    rc = uv_poll_start(&watch->uv, UV_READABLE, on_poll);
    if (rc < 0) {
        pl_handle_release(&watch->handle);
        return pl_err_of_uv(rc);
    }
    *ret_watch = watch;
    return PL_OK;
}

void pl_watch_free(struct pl_watch *watch)
{
    if (watch != NULL)
        pl_handle_release(&watch->handle);
}

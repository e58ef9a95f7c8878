/* signal.c - a libuv signal watcher as a handle of a loop. */
#include "net/handle.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/uverr.h"

struct pl_signal {
    struct pl_handle handle; /* first: freed with it */
    uv_signal_t uv;
    void (*on_signal)(void *self, int signum);
    void *self_weak;
};

static void on_signal(uv_signal_t *uv, int signum)
{
    struct pl_signal *watcher = uv->data;

    watcher->on_signal(watcher->self_weak, signum);
}

int pl_signal_new(struct pl_loop *loop, int signum, void (*on_signal_user)(void *self, int signum),
                  void *self, struct pl_signal **ret_signal)
{
    int rc = pl_loop_check_open(loop);
    struct pl_signal *watcher;

    if (rc < 0)
        return rc;
    watcher = pl_zalloc(sizeof *watcher);
    if (watcher == NULL)
        return PL_E_NOMEM;
    watcher->on_signal = on_signal_user;
    watcher->self_weak = self;
    rc = uv_signal_init(pl_loop_uv(loop), &watcher->uv);
    if (rc < 0) {
        pl_free(watcher); /* libuv does not know it yet */
        return pl_err_of_uv(rc);
    }
    pl_handle_open(&watcher->handle, loop, &watcher->uv);

    rc = uv_signal_start(&watcher->uv, on_signal, signum);
    if (rc < 0) {
        pl_handle_release(&watcher->handle);
        return pl_err_of_uv(rc);
    }
    *ret_signal = watcher;
    return PL_OK;
}

void pl_signal_free(struct pl_signal *watcher)
{
    if (watcher != NULL)
        pl_handle_release(&watcher->handle);
}

/* timer.c - a libuv timer as a handle of a loop. */
#include "net/handle.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

struct pl_timer {
    struct pl_handle handle; /* first: freed with it */
    uv_timer_t uv;
    void (*on_timer)(void *self);
    void *self_weak;
};

int pl_timer_new(struct pl_loop *loop, void (*on_timer)(void *self), void *self,
                 struct pl_timer **ret_timer)
{
    int rc = pl_loop_check_open(loop);
    struct pl_timer *timer;

    if (rc < 0)
        return rc;
    timer = pl_zalloc(sizeof *timer);
    if (timer == NULL)
        return PL_E_NOMEM;
    timer->on_timer = on_timer;
    timer->self_weak = self;
    PL_ASSERT(uv_timer_init(pl_loop_uv(loop), &timer->uv) == 0);
    pl_handle_open(&timer->handle, loop, &timer->uv);
    *ret_timer = timer;
    return PL_OK;
}

static void on_timer(uv_timer_t *uv)
{
    struct pl_timer *timer = uv->data;

    timer->on_timer(timer->self_weak);
}

void pl_timer_start(struct pl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    PL_ASSERT(pl_loop_on_thread(timer->handle.loop_weak));
    PL_ASSERT(!timer->handle.released);
    if (timer->handle.state == PL_HANDLE_OPEN) /* else the loop ends: it will not fire */
        PL_ASSERT(uv_timer_start(&timer->uv, on_timer, delay_ms, repeat_ms) == 0);
}

void pl_timer_stop(struct pl_timer *timer)
{
    PL_ASSERT(pl_loop_on_thread(timer->handle.loop_weak));
    uv_timer_stop(&timer->uv);
}

void pl_timer_free(struct pl_timer *timer)
{
    if (timer != NULL)
        pl_handle_release(&timer->handle);
}

/* thread.c - a libuv thread that carries a name, so that top and gdb show it. */
#include "net/thread.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/uverr.h"

#include <pthread.h>
#include <stdio.h>
#include <uv.h>

enum { NAME_SIZE = 16 }; /* what Linux keeps, with the NUL */

struct pl_thread {
    uv_thread_t thread;
    char name[NAME_SIZE];
    void (*main)(void *self);
    void *self_weak;
};

static void on_start(void *arg)
{
    struct pl_thread *thread = arg;

#ifdef __APPLE__
    pthread_setname_np(thread->name);
#else
    pthread_setname_np(pthread_self(), thread->name);
#endif
    thread->main(thread->self_weak);
}

int pl_thread_start(const char *name, void (*main)(void *self), void *self,
                    struct pl_thread **ret_thread)
{
    struct pl_thread *thread = pl_zalloc(sizeof *thread);
    int rc;

    if (thread == NULL)
        return PL_E_NOMEM;
    snprintf(thread->name, sizeof thread->name, "%s", name);
    thread->main = main;
    thread->self_weak = self;
    rc = uv_thread_create(&thread->thread, on_start, thread);
    if (rc < 0) {
        pl_free(thread);
        return pl_err_of_uv(rc);
    }
    *ret_thread = thread;
    return PL_OK;
}

void pl_thread_join(struct pl_thread *thread)
{
    if (thread == NULL)
        return;
    PL_ASSERT(uv_thread_join(&thread->thread) == 0);
    pl_free(thread);
}

uint32_t pl_cpu_count(void)
{
    return uv_available_parallelism();
}

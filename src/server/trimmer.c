/* trimmer.c - see trimmer.h; quiet is what takes less than a twentieth of a processor. */
#include "server/trimmer.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

enum { LOOK_MS = 5000, QUIET_US = LOOK_MS * 1000 / 20 };

bool pl_trimmer_due(struct pl_trimmer *trimmer, int64_t used_us)
{
    bool quiet = used_us - trimmer->used_us < QUIET_US;
    bool due = quiet && trimmer->worked;

    trimmer->used_us = used_us;
    trimmer->worked = !quiet;
    return due;
}

static void on_look(void *self)
{
    if (pl_trimmer_due(self, pl_clock_process_us()))
        pl_mem_trim();
}

int pl_trimmer_start(struct pl_trimmer *trimmer, struct pl_loop *loop)
{
    int rc = pl_timer_new(loop, on_look, trimmer, &trimmer->timer);

    if (rc == PL_OK)
        pl_timer_start(trimmer->timer, LOOK_MS, LOOK_MS);
    return rc;
}

void pl_trimmer_stop(struct pl_trimmer *trimmer)
{
    pl_timer_free(trimmer->timer);
    trimmer->timer = NULL;
}

/*
 * local.c - numbers and times; both move only when a batch has been applied, so
 * that a failed one leaves no hole.
 */
#include "journal/local.h"

#include "base/assert.h"
#include "base/err.h"

static int append(void *self, struct pl_batch *batch, int64_t now_ms)
{
    struct pl_journal_local *local = self;
    int rc;

    PL_ASSERT(local->number < INT64_MAX); /* what the store can hold */
    batch->number = local->number + 1;
    batch->time_ms = now_ms > local->time_ms ? now_ms : local->time_ms;
    rc = local->apply(local->arg, batch);
    PL_ASSERT(rc <= 0);
    if (rc < 0)
        return rc;
    local->number = batch->number;
    local->time_ms = batch->time_ms;
    return PL_OK;
}

static const struct pl_journal_ops local_ops = {.append = append};

void pl_journal_local_init(struct pl_journal_local *local, uint64_t number, int64_t time_ms,
                           pl_journal_apply apply, void *arg)
{
    PL_ASSERT(apply != NULL);
    *local =
        (struct pl_journal_local){.number = number, .time_ms = time_ms, .apply = apply, .arg = arg};
}

struct pl_journal pl_journal_local_iface(struct pl_journal_local *local)
{
    return (struct pl_journal){.ops = &local_ops, .self = local};
}

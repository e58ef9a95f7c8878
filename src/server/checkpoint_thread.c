/*
 * checkpoint_thread.c - one letter, which is either with the store's thread or in
 * the mailbox: while it waits there nothing more needs to be said.
 */
#include "server/checkpoint_thread.h"

#include "base/err.h"
#include "base/mem.h"
#include "net/mailbox.h"
#include "net/thread.h"

#include <stdatomic.h>

struct pl_checkpoint_thread {
    struct pl_mailbox *inbox;
    struct pl_letter due;
    atomic_bool posted;
    struct pl_sqlite_checkpointer *checkpointer;
    struct pl_thread *thread;
};

int pl_checkpoint_thread_new(struct pl_checkpoint_thread **ret_thread)
{
    struct pl_checkpoint_thread *thread = pl_zalloc(sizeof *thread);
    int rc;

    if (thread == NULL)
        return PL_E_NOMEM;
    atomic_init(&thread->posted, false);
    rc = pl_mailbox_new(1, NULL, NULL, &thread->inbox);
    if (rc < 0) {
        pl_free(thread);
        return rc;
    }
    *ret_thread = thread;
    return PL_OK;
}

static void thread_main(void *self)
{
    struct pl_checkpoint_thread *thread = self;
    struct pl_list letters;

    while (!pl_mailbox_closed(thread->inbox)) {
        pl_list_init(&letters);
        if (pl_mailbox_wait(thread->inbox, -1, &letters) == 0)
            continue;
        pl_list_remove(&thread->due.node);
        atomic_store(&thread->posted, false);
        (void)pl_sqlite_checkpointer_run(thread->checkpointer); /* told, and known to the store */
    }
}

int pl_checkpoint_thread_start(struct pl_checkpoint_thread *thread, struct pl_sqlite_store *store,
                               const struct pl_sqlite_config *config,
                               struct pl_store_problem *problem)
{
    int rc = pl_sqlite_checkpointer_open(store, config, &thread->checkpointer, problem);

    return rc < 0 ? rc : pl_thread_start("checkpoints", thread_main, thread, &thread->thread);
}

void pl_checkpoint_thread_wake(void *self)
{
    struct pl_checkpoint_thread *thread = self;

    if (!atomic_exchange(&thread->posted, true) && pl_mailbox_post(thread->inbox, &thread->due) < 0)
        atomic_store(&thread->posted, false); /* closed */
}

void pl_checkpoint_thread_stop(struct pl_checkpoint_thread *thread)
{
    struct pl_list letters;

    if (thread == NULL)
        return;
    pl_mailbox_close(thread->inbox);
    pl_thread_join(thread->thread);
    pl_sqlite_checkpointer_close(thread->checkpointer);
    pl_list_init(&letters);
    pl_mailbox_take(thread->inbox, &letters); /* a letter that came too late */
    pl_mailbox_free(thread->inbox);
    pl_free(thread);
}

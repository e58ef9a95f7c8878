/*
 * checkpoint_thread.h - a thread that brings the store's WAL into its database,
 * so that no commit waits for that.
 *
 * Made before the store is opened, which is told of it; started with the store.
 *
 * Threads: pl_checkpoint_thread_wake() is the store's; the rest the owner's.
 */
#ifndef PL_SERVER_CHECKPOINT_THREAD_H
#define PL_SERVER_CHECKPOINT_THREAD_H

#include "store/sqlite.h"

struct pl_checkpoint_thread;

int pl_checkpoint_thread_new(struct pl_checkpoint_thread **ret_thread);

/* The config is that with which the store was opened. What is wrong is said in
 * `problem`, or was told. */
int pl_checkpoint_thread_start(struct pl_checkpoint_thread *thread, struct pl_sqlite_store *store,
                               const struct pl_sqlite_config *config,
                               struct pl_store_problem *problem);

/* A checkpoint is due: pl_sqlite_config.on_checkpoint_due. */
void pl_checkpoint_thread_wake(void *self);

/* Ends the thread, after the checkpoint that it makes; no wake may follow. The
 * thread is freed. NULL is fine. */
void pl_checkpoint_thread_stop(struct pl_checkpoint_thread *thread);

#endif

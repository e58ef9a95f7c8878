/*
 * thread.h - threads, started and joined. No locks: threads meet in mailboxes.
 */
#ifndef PL_NET_THREAD_H
#define PL_NET_THREAD_H

#include <stdint.h>

struct pl_thread;

/* Runs main(self) on a thread of that name (15 bytes are shown). */
int pl_thread_start(const char *name, void (*main)(void *self), void *self,
                    struct pl_thread **ret_thread);

/* Waits for its end and frees it. NULL is fine. */
void pl_thread_join(struct pl_thread *thread);

/* Processors that the process may use; at least 1. */
uint32_t pl_cpu_count(void);

#endif

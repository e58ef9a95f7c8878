/*
 * mailbox.h - how threads meet: many senders, one receiver, in order.
 *
 * A letter is a struct that embeds a pl_letter; the mailbox never allocates, so
 * a post cannot fail for memory. The receiver takes all at once.
 *
 * Threads:   any thread posts; one thread takes. The lock inside is held for a
 *            few instructions only, never while calling out.
 * Ownership: a posted letter is the receiver's once it is taken. Letters left
 *            when the mailbox is done with are the caller's to take and free.
 */
#ifndef PL_NET_MAILBOX_H
#define PL_NET_MAILBOX_H

#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pl_letter {
    struct pl_list node;
};

struct pl_mailbox;

/* `wake` is called by the poster, without the lock, by the first post since letters
 * were last taken; it may be called once too often. NULL for a mailbox whose
 * receiver waits with pl_mailbox_wait(). len_max: letters that may wait. */
int pl_mailbox_new(size_t len_max, void (*wake)(void *self), void *self,
                   struct pl_mailbox **ret_mailbox);

/* NULL is fine. The mailbox must be empty. */
void pl_mailbox_free(struct pl_mailbox *mailbox);

/* Posts. PL_E_LIMIT when len_max letters wait, PL_E_CLOSED after close: the
 * letter is still the caller's. */
int pl_mailbox_post(struct pl_mailbox *mailbox, struct pl_letter *letter);

/* The same, but over the maximum too: for answers, of which there are never
 * more than there were questions, and for what must not be lost. PL_E_CLOSED. */
int pl_mailbox_post_always(struct pl_mailbox *mailbox, struct pl_letter *letter);

/* The same two without waking the receiver: pl_mailbox_ring() does, once for all
 * that one has put there, and must follow. So the receiver finds them together. */
int pl_mailbox_put(struct pl_mailbox *mailbox, struct pl_letter *letter);
int pl_mailbox_put_always(struct pl_mailbox *mailbox, struct pl_letter *letter);
void pl_mailbox_ring(struct pl_mailbox *mailbox);

/* Moves all letters that wait to the end of `ret_list`, in their order; returns
 * how many. */
size_t pl_mailbox_take(struct pl_mailbox *mailbox, struct pl_list *ret_list);

/* Waits until a letter is there, the mailbox is closed, or timeout_us have
 * passed (< 0: no limit), then takes as above. */
size_t pl_mailbox_wait(struct pl_mailbox *mailbox, int64_t timeout_us, struct pl_list *ret_list);

/* Lets letters come for so long, or until the mailbox is closed, and takes them;
 * meanwhile nobody rings. */
size_t pl_mailbox_gather(struct pl_mailbox *mailbox, int64_t wait_us, struct pl_list *ret_list);

/* No more posts; wakes the receiver. */
void pl_mailbox_close(struct pl_mailbox *mailbox);
bool pl_mailbox_closed(struct pl_mailbox *mailbox);

/* How many letters wait now. */
size_t pl_mailbox_len(struct pl_mailbox *mailbox);

#endif

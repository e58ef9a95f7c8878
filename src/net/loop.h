/*
 * loop.h - an event loop: one thread, its sockets, timers and mailbox.
 *
 * A turn: letters and I/O are dealt with, then on_turn_end runs once, where the
 * owner flushes what the turn has made.
 *
 * Threads: a loop belongs to the thread that runs it; only pl_loop_post(), its
 *          like and pl_loop_stop() may be called from elsewhere. The others assert it.
 */
#ifndef PL_NET_LOOP_H
#define PL_NET_LOOP_H

#include "net/mailbox.h"

#include <stdint.h>

struct pl_loop;

struct pl_loop_ops {
    void *self;
    /* A letter has come; it is the receiver's now. NULL where none is posted. */
    void (*on_letter)(void *self, struct pl_letter *letter);
    /* A turn ends: callbacks have run, the loop is about to wait. May be NULL. */
    void (*on_turn_end)(void *self);
};

/* PL_E_NOMEM, PL_E_IO. inbox_len_max: see pl_mailbox_new(). */
int pl_loop_new(const struct pl_loop_ops *ops, size_t inbox_len_max, struct pl_loop **ret_loop);

/* Runs until pl_loop_stop(); once only. Then refuses letters, delivers those that
 * wait, calls on_turn_end once more, closes every handle still open (their
 * on_close callbacks run), and returns. From then on nothing may be opened on it:
 * PL_E_CLOSED. */
void pl_loop_run(struct pl_loop *loop);

/* Makes pl_loop_run() return after the present turn. Any thread. */
void pl_loop_stop(struct pl_loop *loop);

/* After pl_loop_run() returned, or instead of it: then letters that wait are
 * delivered and sockets closed by this. No thread may post any more. Timers,
 * signals, watches, listeners and processes that their owners have not freed are
 * freed with it; owners that free them later come too late. NULL is fine. */
void pl_loop_free(struct pl_loop *loop);

/* Posts a letter to the loop's thread; see pl_mailbox_post() and _always(). Any
 * thread. */
int pl_loop_post(struct pl_loop *loop, struct pl_letter *letter);
int pl_loop_post_always(struct pl_loop *loop, struct pl_letter *letter);

/* The same as the latter without waking the loop: pl_loop_ring() must follow, and does.
 * Any thread. */
int pl_loop_put_always(struct pl_loop *loop, struct pl_letter *letter);
void pl_loop_ring(struct pl_loop *loop);

/* Milliseconds of the monotonic clock at the start of this turn. */
int64_t pl_loop_now_ms(struct pl_loop *loop);

/* Whether the caller is on the loop's thread, or the loop does not run yet. */
int pl_loop_on_thread(const struct pl_loop *loop);

/* A timer. The owner frees it before pl_loop_free(), also after the loop's run, or
 * leaves that to it. The same holds for what follows. */
struct pl_timer;
int pl_timer_new(struct pl_loop *loop, void (*on_timer)(void *self), void *self,
                 struct pl_timer **ret_timer);
/* Fires once after delay_ms, then every repeat_ms if that is > 0. Starting again
 * moves it. */
void pl_timer_start(struct pl_timer *timer, uint64_t delay_ms, uint64_t repeat_ms);
void pl_timer_stop(struct pl_timer *timer);
void pl_timer_free(struct pl_timer *timer); /* NULL is fine; also from on_timer */

/* A signal, delivered on the loop's thread. PL_E_NOMEM, PL_E_IO. */
struct pl_signal;
int pl_signal_new(struct pl_loop *loop, int signum, void (*on_signal)(void *self, int signum),
                  void *self, struct pl_signal **ret_signal);
void pl_signal_free(struct pl_signal *watcher); /* NULL is fine */

/* A file descriptor to watch for input or its end (a terminal, a pipe); it stays
 * the caller's, and blocking if it was: one read each time. What is always ready
 * (regular files, /dev/null) is not watched: PL_E_UNSUPPORTED; read it at once.
 * PL_E_EXISTS where the loop watches it already. PL_E_NOMEM, PL_E_IO. */
struct pl_watch;
int pl_watch_new(struct pl_loop *loop, int fd, void (*on_readable)(void *self), void *self,
                 struct pl_watch **ret_watch);
void pl_watch_free(struct pl_watch *watch); /* NULL is fine */

#endif

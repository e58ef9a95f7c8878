/*
 * pace.h - when messages are due: one after another at even distances.
 *
 * A loop's timers know milliseconds; where the system has finer ones, this uses
 * them.
 */
#ifndef PL_BENCH_PACE_H
#define PL_BENCH_PACE_H

#include "net/loop.h"

struct pl_bench_pace;

/* `rate` a second; on_due is called when some may be due. PL_E_NOMEM, PL_E_IO. */
int pl_bench_pace_new(struct pl_loop *loop, uint32_t rate, void (*on_due)(void *self), void *self,
                      struct pl_bench_pace **ret_pace);
void pl_bench_pace_free(struct pl_bench_pace *pace); /* NULL is fine */

/* Message 0 is due now. */
void pl_bench_pace_start(struct pl_bench_pace *pace);

/* When message n is due, on the clock of pl_clock_mono_us(). */
int64_t pl_bench_pace_due_us(const struct pl_bench_pace *pace, uint64_t n);

/* Asks to be called when message n is due. */
void pl_bench_pace_wait(struct pl_bench_pace *pace, uint64_t n);

#endif

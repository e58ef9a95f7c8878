/*
 * clock.h - the time, for those who may know it.
 *
 * `core`, `rpc` and `fanout` are told the time as `now`; only `net`, `server`
 * and `client` ask here.
 */
#ifndef PL_BASE_CLOCK_H
#define PL_BASE_CLOCK_H

#include <stdint.h>

/* Milliseconds since 1970-01-01 UTC. May jump. */
int64_t pl_clock_wall_ms(void);

/* Milliseconds since some moment. Never runs back; for time-outs. */
int64_t pl_clock_mono_ms(void);

/* The same, where a machine that sleeps is no less old when it wakes; for what ends
 * after a time that people chose. */
int64_t pl_clock_steady_ms(void);

/* Microseconds, likewise; for measuring work. */
int64_t pl_clock_mono_us(void);

/* Microseconds that the calling thread has worked, without what it waited. */
int64_t pl_clock_thread_us(void);

/* What all threads of the process have used of the processors. */
int64_t pl_clock_process_us(void);

#endif

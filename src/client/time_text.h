/*
 * time_text.h - times as people and programs read them. Times are milliseconds
 * since 1970, UTC.
 */
#ifndef PL_CLIENT_TIME_TEXT_H
#define PL_CLIENT_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

enum { PL_TIME_TEXT_SIZE = 64 };

/* "09:05", local time. */
void pl_time_clock(int64_t ms, char text[PL_TIME_TEXT_SIZE]);

/* "Friday, 3 May 2024", local time. */
void pl_time_day(int64_t ms, char text[PL_TIME_TEXT_SIZE]);

/* "2024-05-03 09:05:07", local time. */
void pl_time_stamp(int64_t ms, char text[PL_TIME_TEXT_SIZE]);

/* "2024-05-03T07:05:07.250Z" (RFC 3339). */
void pl_time_rfc3339(int64_t ms, char text[PL_TIME_TEXT_SIZE]);

/* Whether both are of one local day. */
bool pl_time_same_day(int64_t a_ms, int64_t b_ms);

#endif

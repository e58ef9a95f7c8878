/*
 * json_text.h - the texts that stand for google.protobuf.Timestamp, Duration and
 * FieldMask, as the comments of their .proto files define them.
 *
 * Threads: any.
 */
#ifndef PL_PB_JSON_TEXT_H
#define PL_PB_JSON_TEXT_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

/* A moment since 1970, or a span; in a span, both have one sign. */
struct pl_pb_json_time {
    int64_t seconds;
    int32_t nanos;
};

/* Reads RFC 3339 in upper case, of the years 1 to 9999, with Z or an offset and at
 * most nine digits of a second; no leap seconds. False where it is anything else. */
bool pl_pb_json_read_timestamp(const char *text, struct pl_pb_json_time *ret_time);

/* Reads seconds such as "-1.5s", within 10,000 years. False for anything else. */
bool pl_pb_json_read_duration(const char *text, struct pl_pb_json_time *ret_time);

/* Appends the same, with quotes, and 0, 3, 6 or 9 digits of a second. False where
 * the time is out of range; nothing is appended then. */
bool pl_pb_json_put_timestamp(struct pl_pb_json_time time, struct pl_bytebuf *out);
bool pl_pb_json_put_duration(struct pl_pb_json_time time, struct pl_bytebuf *out);

/* Appends one path of a mask, from lowerCamelCase to names as in .proto files. False
 * where it is no such path: then part of it may have been appended. */
bool pl_pb_json_read_path(struct pl_bytes text, struct pl_bytebuf *to);

/* The other way round. False also for a path that would not come back the same. */
bool pl_pb_json_put_path(struct pl_bytes path, struct pl_bytebuf *out);

#endif

/*
 * json.h - protobuf's JSON mapping ("ProtoJSON", protobuf.dev/programming-guides/json)
 * of proto3 messages: from JSON text to wire bytes and back, along a descriptor.
 *
 * What the mapping leaves open is decided so:
 * - Names of fields: lowerCamelCase as protoc derives it, and the .proto file's own
 *   when parsing. protobuf-c keeps no json_name option, so none may be used.
 * - protobuf-c does not mark the entries of a map. A repeated field is taken for
 *   one if its messages have the fields key = 1 and value = 2, types that a map
 *   may have, and the name that protoc gives to a map's entries (FooEntry, within
 *   the message that has the field foo). Who writes such a message by hand gets a map.
 * - google.protobuf.Any is known only when empty: there is no list of types.
 * - Text follows the rule of pl_pb_check(): UTF-8 without U+0000.
 * - An integer may be written 1e3 or 1.0, or as a string. A form with a point or an
 *   exponent is exact below 2^53 only, and refused from there on.
 * - A field may not be named twice, not even by its two names.
 *
 * Threads: any; nothing is kept between calls.
 */
#ifndef PL_PB_JSON_H
#define PL_PB_JSON_H

#include "base/bytes.h"

#include <protobuf-c/protobuf-c.h>

enum {
    PL_PB_JSON_ERROR_SIZE_MAX = 512,          /* bytes of an error's text */
    PL_PB_JSON_PRINT_FIELDS_LEN_MAX = 1 << 18 /* fields of one message that is printed */
};

/* Gives jansson the memory functions of base/mem.h. The two functions below do it
 * themselves; a program that uses jansson beside them does it first, and only so. */
void pl_pb_json_init(void);

/* Appends the message that `json` describes, as wire bytes: one that pl_pb_check()
 * takes, its fields in the order of their numbers. On failure nothing is appended
 * and error_text, where there is room and memory, gets one line of printable ASCII
 * for the peer, such as
 *     field "rooms[2].name": expected a string
 * PL_E_INVALID: not JSON, or not of that message. PL_E_LIMIT: nested too deep or
 * too many fields (pb/message.h), or over out->size_max. PL_E_NOMEM.
 * The size of `json` is the caller's to bound. */
int pl_pb_json_parse(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes json,
                     struct pl_bytebuf *out, struct pl_bytebuf *error_text);

/* Appends the message as JSON: compact, fields in the order of their numbers, what
 * has its default value left out, unknown fields too. On failure nothing is
 * appended. PL_E_INVALID: the bytes are no such message, or one that JSON cannot
 * express (a time out of range, a Value of NaN). PL_E_UNSUPPORTED: it holds an Any.
 * PL_E_LIMIT: nested too deep, too many fields, or over out->size_max. PL_E_NOMEM. */
int pl_pb_json_print(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes message,
                     struct pl_bytebuf *out);

#endif

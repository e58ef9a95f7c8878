/*
 * json_name.h - what the JSON mapping must know of names: those of fields, of map
 * entries, and of the types that have a form of their own.
 *
 * Threads: any.
 */
#ifndef PL_PB_JSON_NAME_H
#define PL_PB_JSON_NAME_H

#include "base/bytes.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* How a message looks in JSON. */
enum pl_pb_json_form {
    PL_PB_JSON_FIELDS, /* an object of its fields: nearly all */
    PL_PB_JSON_ANY,
    PL_PB_JSON_DURATION,
    PL_PB_JSON_FIELD_MASK,
    PL_PB_JSON_LIST,
    PL_PB_JSON_STRUCT,
    PL_PB_JSON_TIMESTAMP,
    PL_PB_JSON_VALUE,
    PL_PB_JSON_WRAPPER,
};

enum pl_pb_json_form pl_pb_json_form_of(const ProtobufCMessageDescriptor *descriptor);

/* Appends the lowerCamelCase form of a field's name, by protoc's rule: underscores
 * go, the letter after one is upper-case, all else stays. */
void pl_pb_json_name(const char *name, struct pl_bytebuf *to);

/* Whether the field of that message is a map: see json.h for how this is told. */
bool pl_pb_json_is_map(const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field);

/* Whether null is a value of the field, and not its absence. */
bool pl_pb_json_takes_null(const ProtobufCFieldDescriptor *field);

/* Whether both are members of one oneof. */
bool pl_pb_json_same_oneof(const ProtobufCFieldDescriptor *a, const ProtobufCFieldDescriptor *b);

/* Whether the singular field is there or not, rather than at its default. */
bool pl_pb_json_has_presence(const ProtobufCFieldDescriptor *field);

#endif

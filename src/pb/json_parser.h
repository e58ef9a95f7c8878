/*
 * json_parser.h - what the sources that parse JSON share.
 *
 * Every function here that returns int gives PL_OK, or the error that ends the
 * parse, with the text for the peer written.
 *
 * Threads: none of its own. Ownership: the parser borrows all but `name`.
 */
#ifndef PL_PB_JSON_PARSER_H
#define PL_PB_JSON_PARSER_H

#include "base/bytes.h"
#include "pb/wire.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* One step of the way to the value at hand, from the message down: a field, an
 * element of a list, or an entry of a map. */
struct pl_pb_json_step {
    const struct pl_pb_json_step *up;
    const char *name; /* the field's, as in the .proto file; or NULL */
    const char *key;  /* of a map, where name is NULL; or NULL */
    size_t index;     /* of a list, where both are NULL */
};

struct pl_pb_json_parser {
    struct pl_bytebuf *out;
    struct pl_bytebuf *error_text;
    struct pl_bytebuf name; /* of the field that is looked for */
    const struct pl_pb_json_step *at;
    uint32_t depth;      /* of messages */
    uint32_t fields_len; /* written so far, counted as pl_pb_check() counts */
};

/* Ends the parse: PL_E_INVALID, with the way to the value before `what`. */
int pl_pb_json_fail(struct pl_pb_json_parser *parser, const char *what);

/* The same, the text being `before`, a name from outside in quotes, `after`. */
int pl_pb_json_fail_name(struct pl_pb_json_parser *parser, const char *before, const char *name,
                         const char *after);

/* The same for a limit: PL_E_LIMIT. */
int pl_pb_json_fail_limit(struct pl_pb_json_parser *parser, const char *what);

/* Ends the parse for what jansson said of the body. */
int pl_pb_json_fail_body(struct pl_pb_json_parser *parser, const json_error_t *error);

/* Counts a field, or an element of a packed list, that is about to be written. */
int pl_pb_json_count(struct pl_pb_json_parser *parser);

/* A value for a field whose wire type is a number, as pl_pb_write_number() takes it. */
int pl_pb_json_number(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                      const json_t *value, uint64_t *ret_number);

/* The same for an integer in text, as the keys of maps are. */
int pl_pb_json_number_of_text(struct pl_pb_json_parser *parser, ProtobufCType type,
                              const char *text, uint64_t *ret_number);

/* Writes the value of a message with a form of its own (json_name.h), without tag
 * and length. */
int pl_pb_json_parse_known(struct pl_pb_json_parser *parser,
                           const ProtobufCMessageDescriptor *descriptor, const json_t *value);

/* Writes one value with its tag. Where it may be left out, the default is. */
int pl_pb_json_parse_single(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                            const json_t *value, bool keep_default);

/* Writes the elements of a repeated field, and the entries of a map. */
int pl_pb_json_parse_list(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                          const json_t *value);
int pl_pb_json_parse_map(struct pl_pb_json_parser *parser, const ProtobufCFieldDescriptor *field,
                         const json_t *value);

#endif

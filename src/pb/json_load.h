/*
 * json_load.h - JSON text into jansson's values, and single values into text, with
 * limits before allocation and want of memory told for what it is.
 *
 * Threads: any. Ownership: what is loaded is the caller's to json_decref().
 */
#ifndef PL_PB_JSON_LOAD_H
#define PL_PB_JSON_LOAD_H

#include "base/bytes.h"
#include "pb/message.h"

#include <jansson.h>

enum {
    /* Arrays and objects within each other: a message may be in a list in a message. */
    PL_PB_JSON_DEPTH_MAX = 2 * PL_PB_DEPTH_MAX,
    /* Values, of which some are null and become no field. */
    PL_PB_JSON_VALUES_LEN_MAX = 2 * PL_PB_FIELDS_LEN_MAX,
};

/* Whether the text keeps both limits, as far as it is JSON; if not, what is wrong,
 * in English; else NULL. */
const char *pl_pb_json_over_limit(struct pl_bytes text);

/* Loads any one value. A key twice in an object is refused, and U+0000 in a string.
 * PL_E_NOMEM; PL_E_INVALID with *ret_error set. */
int pl_pb_json_load(struct pl_bytes text, size_t flags, json_t **ret_value,
                    json_error_t *ret_error);

/* Appends a string, with quotes and escapes. */
void pl_pb_json_put_string(struct pl_bytes text, struct pl_bytebuf *out);

/* Appends a finite number with the digits that it needs: of a double, or of a float
 * that was widened. */
void pl_pb_json_put_double(double value, struct pl_bytebuf *out);
void pl_pb_json_put_float(double value, struct pl_bytebuf *out);

#endif

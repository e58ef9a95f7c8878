/*
 * json_load.c - all that is said to jansson.
 *
 * jansson does not tell want of memory from a mistake in the text everywhere, and
 * while it reads a token it passes over a failure to keep a byte: a string could come
 * out short. So its memory comes through a function that takes note of a failure,
 * and a load with one counts for nothing.
 */
#include "pb/json_load.h"

#include "base/err.h"
#include "base/mem.h"
#include "pb/json.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local bool memory_was_short;

static void *alloc_for_jansson(size_t size)
{
    void *ptr = pl_alloc(size);

    if (ptr == NULL)
        memory_was_short = true;
    return ptr;
}

static void give_memory(void)
{
    json_set_alloc_funcs(alloc_for_jansson, pl_free);
    json_object_seed(0); /* a random one; jansson would choose it at the first object */
}

void pl_pb_json_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, give_memory);
}

const char *pl_pb_json_over_limit(struct pl_bytes text)
{
    size_t depth = 0, values_len = 1;
    bool in_string = false;

    for (size_t i = 0; i < text.size; i++) {
        switch (text.data[i]) {
        case '"':
            in_string = !in_string;
            break;
        case '\\':
            i += in_string;
            break;
        case '[':
        case '{':
            depth += !in_string;
            values_len += !in_string;
            break;
        case ']':
        case '}':
            depth -= !in_string && depth > 0;
            break;
        case ',':
            values_len += !in_string;
            break;
        default:
            break;
        }
        if (depth > PL_PB_JSON_DEPTH_MAX)
            return "the body is nested too deep";
        if (values_len > PL_PB_JSON_VALUES_LEN_MAX)
            return "too many values in the body";
    }
    return NULL;
}

int pl_pb_json_load(struct pl_bytes text, size_t flags, json_t **ret_value, json_error_t *ret_error)
{
    json_error_t error = {0};
    json_t *value;

    memory_was_short = false;
    value = json_loadb((const char *)text.data, text.size,
                       flags | JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (memory_was_short) {
        json_decref(value);
        return PL_E_NOMEM;
    }
    if (value == NULL) {
        *ret_error = error;
        return PL_E_INVALID;
    }
    *ret_value = value;
    return PL_OK;
}

static int append(const char *data, size_t size, void *self)
{
    struct pl_bytebuf *out = self;

    pl_bytebuf_append(out, data, size);
    return out->err == PL_OK ? 0 : -1;
}

/* Consumes the value, which may be NULL for want of memory. */
static void put(json_t *value, size_t flags, struct pl_bytebuf *out)
{
    if (value == NULL ||
        json_dump_callback(value, append, out, flags | JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        out->err = out->err < 0 ? out->err : PL_E_NOMEM;
    json_decref(value);
}

void pl_pb_json_put_string(struct pl_bytes text, struct pl_bytebuf *out)
{
    put(json_stringn_nocheck(text.size > 0 ? (const char *)text.data : "", text.size), 0, out);
}

/* The least number of digits, from some to enough, that read back as the same value. */
static size_t digits_for(double value, size_t some, size_t enough, bool is_float)
{
    for (size_t digits = some; digits < enough; digits++) {
        char text[64];
        double back;

        snprintf(text, sizeof text, "%.*g", (int)digits, value);
        back = is_float ? (double)strtof(text, NULL) : strtod(text, NULL);
        if (back == value)
            return digits;
    }
    return enough;
}

void pl_pb_json_put_double(double value, struct pl_bytebuf *out)
{
    put(json_real(value), JSON_REAL_PRECISION(digits_for(value, 15, 17, false)), out);
}

void pl_pb_json_put_float(double value, struct pl_bytebuf *out)
{
    put(json_real(value), JSON_REAL_PRECISION(digits_for(value, 6, 9, true)), out);
}

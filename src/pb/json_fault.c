/*
 * json_fault.c - what is said of JSON that is refused.
 *
 * The text goes back to the peer and into logs, and holds names that the peer chose:
 * they are cut, and what is not printable ASCII is escaped.
 */
#include "base/err.h"
#include "base/utf8.h"
#include "pb/json.h"
#include "pb/json_name.h"
#include "pb/json_parser.h"

#include <stdio.h>
#include <string.h>

enum { NAME_POINTS_MAX = 64 };

struct text {
    char data[PL_PB_JSON_ERROR_SIZE_MAX];
    size_t size;
};

static void add(struct text *text, const char *what)
{
    size_t size = strlen(what);

    if (size > sizeof text->data - text->size)
        size = sizeof text->data - text->size;
    memcpy(text->data + text->size, what, size);
    text->size += size;
}

/* Adds what may be anything, up to `points_max` characters of it. */
static void add_foreign(struct text *text, const char *what, size_t points_max, bool quoted)
{
    size_t size = strlen(what);
    size_t at = 0;

    for (size_t i = 0; at < size; i++) {
        uint32_t point = 0;
        size_t step = pl_utf8_decode((const uint8_t *)what + at, size - at, &point);
        char piece[16];

        if (i == points_max) {
            add(text, "...");
            return;
        }
        if (step == 0)
            snprintf(piece, sizeof piece, "\\x%02x", (unsigned)(uint8_t)what[at]);
        else if (point < 0x20 || point >= 0x7f)
            snprintf(piece, sizeof piece, "\\u{%x}", (unsigned)point);
        else
            snprintf(piece, sizeof piece, "%s%c",
                     quoted && (point == '"' || point == '\\') ? "\\" : "", (char)point);
        add(text, piece);
        at += step > 0 ? step : 1;
    }
}

static void add_field_name(struct text *text, const char *name)
{
    struct pl_bytebuf json_name;

    pl_bytebuf_init(&json_name, PL_PB_JSON_ERROR_SIZE_MAX);
    pl_pb_json_name(name, &json_name);
    add(text, json_name.err == PL_OK ? pl_bytebuf_cstr(&json_name) : name);
    pl_bytebuf_done(&json_name);
}

/* As deep as messages are, a few steps each. */
static void add_steps(struct text *text, const struct pl_pb_json_step *step)
{
    if (step == NULL)
        return;
    add_steps(text, step->up);
    if (step->name != NULL) {
        if (step->up != NULL)
            add(text, ".");
        add_field_name(text, step->name);
    } else if (step->key != NULL) {
        add(text, "[");
        add_foreign(text, step->key, NAME_POINTS_MAX, true);
        add(text, "]");
    } else {
        char index[32];

        snprintf(index, sizeof index, "[%zu]", step->index);
        add(text, index);
    }
}

static void add_place(struct text *text, const struct pl_pb_json_parser *parser)
{
    if (parser->at == NULL)
        return;
    add(text, "field \"");
    add_steps(text, parser->at);
    add(text, "\": ");
}

static int end(struct pl_pb_json_parser *parser, const struct text *text, int err)
{
    pl_bytebuf_append(parser->error_text, text->data, text->size);
    return err;
}

int pl_pb_json_fail(struct pl_pb_json_parser *parser, const char *what)
{
    struct text text = {.size = 0};

    add_place(&text, parser);
    add(&text, what);
    return end(parser, &text, PL_E_INVALID);
}

int pl_pb_json_fail_name(struct pl_pb_json_parser *parser, const char *before, const char *name,
                         const char *after)
{
    struct text text = {.size = 0};

    add_place(&text, parser);
    add(&text, before);
    add(&text, "\"");
    add_foreign(&text, name, NAME_POINTS_MAX, true);
    add(&text, "\"");
    add(&text, after);
    return end(parser, &text, PL_E_INVALID);
}

int pl_pb_json_fail_limit(struct pl_pb_json_parser *parser, const char *what)
{
    struct text text = {.size = 0};

    add_place(&text, parser);
    add(&text, what);
    return end(parser, &text, PL_E_LIMIT);
}

int pl_pb_json_fail_body(struct pl_pb_json_parser *parser, const json_error_t *error)
{
    struct text text = {.size = 0};
    char place[64];

    snprintf(place, sizeof place, " (line %d, column %d)", error->line, error->column);
    switch (json_error_code(error)) {
    case json_error_numeric_overflow:
        add(&text, "a number is out of range");
        break;
    case json_error_null_character:
    case json_error_null_byte_in_key:
        add(&text, "text must not hold U+0000");
        break;
    case json_error_duplicate_key:
        add_foreign(&text, error->text, JSON_ERROR_TEXT_LENGTH, false);
        break;
    default:
        add(&text, "the body is not JSON: ");
        add_foreign(&text, error->text, JSON_ERROR_TEXT_LENGTH, false);
        break;
    }
    add(&text, place);
    return end(parser, &text, PL_E_INVALID);
}

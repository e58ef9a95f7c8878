/*
 * h1_check.c - a state for each place in a request where another set of bytes may
 * stand. Every CR leads to the state that takes nothing but LF.
 */
#include "rpc/h1_check.h"

#include "base/assert.h"
#include "rpc/limits.h"

#include <string.h>

enum state {
    STATE_START, /* of a head: empty lines, or the method's first byte */
    STATE_METHOD,
    STATE_TARGET,
    STATE_VERSION,
    STATE_FIELD, /* the start of a field line, or of the empty one */
    STATE_NAME,
    STATE_VALUE,
    STATE_CHUNK_SIZE,
    STATE_EXTENSION_NAME, /* its first byte */
    STATE_EXTENSION,
    STATE_DATA_END,
    STATE_LF,
    STATE_DONE,
    STATE_BAD,
};

bool pl_rpc_h1_is_token(uint8_t byte)
{
    if ((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
        (byte >= '0' && byte <= '9'))
        return true;
    return byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL;
}

bool pl_rpc_h1_is_value(uint8_t byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

void pl_rpc_h1_check_begin(struct pl_rpc_h1_check *check, enum pl_rpc_h1_section section,
                           uint32_t fields_size_max)
{
    static const uint8_t states[] = {
        [PL_RPC_H1_SECTION_HEAD] = STATE_START,
        [PL_RPC_H1_SECTION_CHUNK] = STATE_CHUNK_SIZE,
        [PL_RPC_H1_SECTION_DATA_END] = STATE_DATA_END,
        [PL_RPC_H1_SECTION_TRAILERS] = STATE_FIELD,
    };
    uint32_t extensions_size =
        section == PL_RPC_H1_SECTION_HEAD ? 0 : check->extensions_size; /* of one body */

    *check = (struct pl_rpc_h1_check){.state = states[section],
                                      .fields_size_max = fields_size_max,
                                      .extensions_size = extensions_size};
}

static void bad(struct pl_rpc_h1_check *check, int status, const char *text)
{
    check->refusal = (struct pl_rpc_h1_refusal){status, text};
    check->state = STATE_BAD;
}

static void enter(struct pl_rpc_h1_check *check, enum state state)
{
    check->state = (uint8_t)state;
    check->size = 0;
}

static void expect_lf(struct pl_rpc_h1_check *check, enum state after)
{
    check->after_lf = (uint8_t)after;
    enter(check, STATE_LF);
}

static void method(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == ' ' && check->size > 0)
        enter(check, STATE_TARGET);
    else if (!pl_rpc_h1_is_token(byte))
        bad(check, 400, "the request does not begin with a method and a space");
    else if (++check->size > PL_RPC_H1_METHOD_SIZE_MAX)
        bad(check, 501, "no such method");
}

/* RFC 9112, section 2.2: an empty line in front of a request is passed over. */
static void start(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte != '\r') {
        enter(check, STATE_METHOD);
        method(check, byte);
    } else if (++check->empty_lines > PL_RPC_H1_EMPTY_LINES_MAX) {
        bad(check, 400, "too many empty lines in front of the request");
    } else {
        expect_lf(check, STATE_START);
    }
}

static void target(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == ' ' && check->size > 0)
        enter(check, STATE_VERSION);
    else if (byte <= 0x20 || byte >= 0x7f || byte == '#')
        bad(check, 400, "the target has a byte that may not stand in one");
    else if (++check->size > PL_RPC_TARGET_SIZE_MAX)
        bad(check, 414, "the target is too long");
}

static void version(struct pl_rpc_h1_check *check, uint8_t byte)
{
    static const char pattern[] = "HTTP/9.9\r"; /* 9: any digit */
    char expected = pattern[check->size];
    bool digit = byte >= '0' && byte <= '9';

    if (expected == '9' ? !digit : byte != (uint8_t)expected) {
        bad(check, 400, "the request line does not end in a space and a version");
        return;
    }
    if (check->size == 5)
        check->major = byte;
    if (check->size == 7 && (check->major != '1' || byte > '1')) {
        bad(check, 505, "the version is neither HTTP/1.0 nor HTTP/1.1");
        return;
    }
    check->size++;
    if (byte == '\r')
        expect_lf(check, STATE_FIELD);
}

static void add_to_fields(struct pl_rpc_h1_check *check, uint32_t size)
{
    check->fields_size += size;
    if (check->fields_size > check->fields_size_max)
        bad(check, 431, "the header fields are too large");
}

static void name(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == ':') {
        enter(check, STATE_VALUE);
        check->blank = 0;
    } else if (pl_rpc_h1_is_token(byte)) {
        add_to_fields(check, 1);
    } else {
        bad(check, 400, "a field's name has a byte that may not stand in one");
    }
}

static void field(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == '\r') {
        expect_lf(check, STATE_DONE);
    } else if (byte == ' ' || byte == '\t') {
        bad(check, 400, "a field line begins with a space");
    } else if (byte == ':') {
        bad(check, 400, "a field has no name");
    } else {
        enter(check, STATE_NAME);
        add_to_fields(check, PL_RPC_FIELD_OVERHEAD);
        if (check->state == STATE_NAME)
            name(check, byte);
    }
}

/* Blanks around a value do not count to its size; within it they do. */
static void value(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == '\r') {
        expect_lf(check, STATE_FIELD);
    } else if (byte == ' ' || byte == '\t') {
        check->blank += check->size > 0;
    } else if (pl_rpc_h1_is_value(byte)) {
        check->size += check->blank + 1;
        add_to_fields(check, check->blank + 1);
        check->blank = 0;
    } else {
        bad(check, 400, "a field's value has a control character");
    }
}

/* Blanks around values are not counted above; this bounds them, too. A CR counts for
 * the LF that must follow. */
static void field_line(struct pl_rpc_h1_check *check, uint8_t byte)
{
    check->lines_size += byte == '\r' ? 2 : 1;
    if (check->lines_size > check->fields_size_max)
        bad(check, 431, "the header fields are too large");
    else if (check->state == STATE_FIELD)
        field(check, byte);
    else if (check->state == STATE_NAME)
        name(check, byte);
    else
        value(check, byte);
}

static void chunk_size(struct pl_rpc_h1_check *check, uint8_t byte)
{
    bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f') ||
                 (byte >= 'A' && byte <= 'F');

    if (digit && check->digits_len < PL_RPC_H1_CHUNK_DIGITS_MAX)
        check->digits[check->digits_len++] = byte;
    else if (byte == '\r' && check->digits_len > 0)
        expect_lf(check, STATE_DONE);
    else if (byte == ';' && check->digits_len > 0)
        enter(check, STATE_EXTENSION_NAME);
    else
        bad(check, 400, "a chunk's size is not a number");
}

/* RFC 9112, section 7.1.1: extensions that are not known are ignored, within
 * reason. */
static void extension(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (check->state == STATE_EXTENSION_NAME && !pl_rpc_h1_is_token(byte))
        bad(check, 400, "a chunk's extension has no name");
    else if (byte == '\r')
        expect_lf(check, STATE_DONE);
    else if (!pl_rpc_h1_is_value(byte))
        bad(check, 400, "a chunk's extension has a control character");
    else if (++check->extensions_size > PL_RPC_H1_EXTENSIONS_SIZE_MAX)
        bad(check, 400, "the chunks' extensions are too large");
    else
        check->state = STATE_EXTENSION;
}

static void data_end(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == '\r')
        expect_lf(check, STATE_DONE);
    else
        bad(check, 400, "a chunk is longer than its size");
}

static void lf(struct pl_rpc_h1_check *check, uint8_t byte)
{
    if (byte == '\n')
        enter(check, check->after_lf);
    else
        bad(check, 400, "a CR stands alone");
}

static void step(struct pl_rpc_h1_check *check, uint8_t byte)
{
    switch ((enum state)check->state) {
    case STATE_START:
        start(check, byte);
        return;
    case STATE_METHOD:
        method(check, byte);
        return;
    case STATE_TARGET:
        target(check, byte);
        return;
    case STATE_VERSION:
        version(check, byte);
        return;
    case STATE_FIELD:
    case STATE_NAME:
    case STATE_VALUE:
        field_line(check, byte);
        return;
    case STATE_CHUNK_SIZE:
        chunk_size(check, byte);
        return;
    case STATE_EXTENSION_NAME:
    case STATE_EXTENSION:
        extension(check, byte);
        return;
    case STATE_DATA_END:
        data_end(check, byte);
        return;
    case STATE_LF:
        lf(check, byte);
        return;
    case STATE_DONE:
    case STATE_BAD:
        break;
    }
    PL_UNREACHABLE();
}

enum pl_rpc_h1_verdict pl_rpc_h1_check_run(struct pl_rpc_h1_check *check, struct pl_bytes data,
                                           size_t *ret_size)
{
    PL_ASSERT(check->state != STATE_DONE && check->state != STATE_BAD);
    for (size_t i = 0; i < data.size; i++) {
        step(check, data.data[i]);
        if (check->state < STATE_DONE)
            continue;
        *ret_size = i + 1;
        return check->state == STATE_DONE ? PL_RPC_H1_DONE : PL_RPC_H1_BAD;
    }
    *ret_size = data.size;
    return PL_RPC_H1_PASS;
}

/*
 * h1_reader.c - llhttp, led by the hand.
 *
 * What is no body is checked first, and given to llhttp in whole lines: the head at
 * once, a chunk's size without its extensions, an empty line for the trailers. What
 * is body is given in pieces that end where it said that the body or the chunk ends.
 * So each call of llhttp_execute() takes all that it gets; there is no pausing, no
 * second guess where it stopped, and it never sees a byte of the next request. Where
 * it then finds body or end at another place than we do, the request is refused.
 */
#include "rpc/h1_reader.h"

#include "base/assert.h"
#include "base/err.h"

#include <string.h>

enum state {
    STATE_HEAD,
    STATE_BODY,  /* of a known length */
    STATE_CHUNK, /* the line of a chunk's size */
    STATE_CHUNK_DATA,
    STATE_CHUNK_DATA_END,
    STATE_TRAILERS,
    STATE_WHOLE, /* the end is still to be told */
    STATE_ENDED,
    STATE_REFUSED,
    STATE_FAILED,
};

/* What a step returns that came to no event. */
enum { STEP_ON = 100 };

static const char CRLF[] = {'\r', '\n'};

static int on_url(llhttp_t *parser, const char *at, size_t size);
static int on_name(llhttp_t *parser, const char *at, size_t size);
static int on_value(llhttp_t *parser, const char *at, size_t size);
static int on_value_complete(llhttp_t *parser);
static int on_headers_complete(llhttp_t *parser);
static int on_chunk_header(llhttp_t *parser);
static int on_body(llhttp_t *parser, const char *at, size_t size);
static int on_message_complete(llhttp_t *parser);

static const llhttp_settings_t SETTINGS = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_chunk_header = on_chunk_header,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* A span may be told in parts, which lie side by side. */
static int add_to_span(struct pl_bytes *span, const char *at, size_t size)
{
    const uint8_t *data = (const uint8_t *)at;

    if (size == 0)
        return 0;
    if (span->size == 0)
        span->data = data;
    else if (span->data + span->size != data)
        return HPE_USER;
    span->size += size;
    return 0;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    return add_to_span(&reader->target, at, size);
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    return add_to_span(&reader->name, at, size);
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    return add_to_span(&reader->value, at, size);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/* The name becomes lower case where it stands, in the reader's own copy of the head. */
static int on_value_complete(llhttp_t *parser)
{
    struct pl_rpc_h1_reader *reader = parser->data;
    struct pl_bytes value = reader->value;
    size_t offset = (size_t)(reader->name.data - reader->head.data);
    int rc;

    for (size_t i = 0; i < reader->name.size; i++) {
        uint8_t *byte = &reader->head.data[offset + i];

        if (*byte >= 'A' && *byte <= 'Z')
            *byte = (uint8_t)(*byte + ('a' - 'A'));
    }
    while (value.size > 0 && is_blank(value.data[0])) {
        value.data++;
        value.size--;
    }
    while (value.size > 0 && is_blank(value.data[value.size - 1]))
        value.size--;
    rc = pl_rpc_fields_add(&reader->request.fields, reader->name, value);
    PL_ASSERT(rc != PL_E_LIMIT); /* the check has counted them */
    reader->name = reader->value = (struct pl_bytes){0};
    reader->err = rc;
    return rc < 0 ? HPE_USER : 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    reader->request.minor = llhttp_get_http_minor(parser);
    reader->request.keep_alive = llhttp_should_keep_alive(parser) != 0;
    reader->head_parsed = true;
    return 0;
}

static int on_chunk_header(llhttp_t *parser)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    reader->left = parser->content_length;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    return add_to_span(&reader->body, at, size);
}

static int on_message_complete(llhttp_t *parser)
{
    struct pl_rpc_h1_reader *reader = parser->data;

    reader->message_parsed = true;
    return 0;
}

static int refuse(struct pl_rpc_h1_reader *reader, struct pl_rpc_h1_refusal refusal)
{
    reader->refusal = refusal;
    reader->state = STATE_REFUSED;
    pl_bytebuf_done(&reader->head);
    return PL_RPC_H1_EVENT_REFUSED;
}

static int refuse_body(struct pl_rpc_h1_reader *reader)
{
    return refuse(reader, (struct pl_rpc_h1_refusal){400, "the body's end is not clear"});
}

static int fail(struct pl_rpc_h1_reader *reader, int err)
{
    reader->err = err;
    reader->state = STATE_FAILED;
    pl_bytebuf_done(&reader->head);
    return err;
}

/* Gives llhttp some bytes, all of which it takes. Where the request asks for an
 * upgrade, llhttp stops behind its end, to leave the connection to another protocol:
 * there it stands anyway. */
static bool execute(struct pl_rpc_h1_reader *reader, const void *data, size_t size)
{
    llhttp_errno_t rv;

    reader->body = (struct pl_bytes){0};
    rv = llhttp_execute(&reader->parser, data, size);
    return rv == HPE_OK || (rv == HPE_PAUSED_UPGRADE && reader->message_parsed);
}

static int refuse_for_parser(struct pl_rpc_h1_reader *reader)
{
    const char *reason = llhttp_get_error_reason(&reader->parser);

    return refuse(reader, (struct pl_rpc_h1_refusal){
                              400, reason != NULL && *reason != 0 ? reason : "not HTTP/1.1"});
}

static void begin_section(struct pl_rpc_h1_reader *reader, enum pl_rpc_h1_section section,
                          enum state state)
{
    pl_rpc_h1_check_begin(&reader->check, section, reader->fields_size_max);
    reader->state = (uint8_t)state;
}

void pl_rpc_h1_reader_init(struct pl_rpc_h1_reader *reader, uint32_t fields_size_max)
{
    *reader = (struct pl_rpc_h1_reader){.fields_size_max = fields_size_max};
    pl_rpc_h1_request_init(&reader->request, fields_size_max);
    pl_bytebuf_init(&reader->head, (size_t)PL_RPC_H1_REQUEST_LINE_MAX + fields_size_max);
    begin_section(reader, PL_RPC_H1_SECTION_HEAD, STATE_HEAD);
}

void pl_rpc_h1_reader_done(struct pl_rpc_h1_reader *reader)
{
    pl_rpc_h1_request_done(&reader->request);
    pl_bytebuf_done(&reader->head);
}

void pl_rpc_h1_reader_next(struct pl_rpc_h1_reader *reader)
{
    PL_ASSERT(reader->state == STATE_ENDED && reader->request.keep_alive);
    pl_rpc_h1_reader_done(reader);
    pl_rpc_h1_reader_init(reader, reader->fields_size_max);
}

bool pl_rpc_h1_reader_idle(const struct pl_rpc_h1_reader *reader)
{
    return reader->state == STATE_HEAD && reader->head.size == 0;
}

/* A whole head is there, which has passed the check. Our own rules speak first, so that
 * a refusal does not depend on llhttp's version. */
static int read_head(struct pl_rpc_h1_reader *reader)
{
    struct pl_rpc_h1_request *request = &reader->request;
    const uint8_t *space = memchr(reader->head.data, ' ', reader->head.size);
    struct pl_bytes method = {reader->head.data, (size_t)(space - reader->head.data)};
    bool parsed;
    int rc;

    if (!pl_rpc_h1_method_find(method, &request->method))
        return refuse(reader, (struct pl_rpc_h1_refusal){501, "no such method"});
    llhttp_init(&reader->parser, HTTP_REQUEST, &SETTINGS);
    reader->parser.data = reader;
    parsed = execute(reader, reader->head.data, reader->head.size);
    if (reader->err < 0)
        return fail(reader, reader->err);
    if (!reader->head_parsed)
        return refuse_for_parser(reader);

    rc = pl_rpc_h1_request_finish(request, reader->target, &reader->refusal);
    if (rc == PL_E_PROTO)
        return refuse(reader, reader->refusal);
    if (rc < 0)
        return fail(reader, rc);
    if (!parsed)
        return refuse_for_parser(reader);
    if (reader->message_parsed == request->has_body)
        return refuse_body(reader);

    pl_bytebuf_done(&reader->head);
    reader->left = request->body_size;
    if (request->chunked)
        begin_section(reader, PL_RPC_H1_SECTION_CHUNK, STATE_CHUNK);
    else
        reader->state = request->has_body ? STATE_BODY : STATE_WHOLE;
    return PL_RPC_H1_EVENT_HEAD;
}

/* Keeps a head's next bytes, without the empty lines in front of it. */
static int gather_head(struct pl_rpc_h1_reader *reader, struct pl_bytes part)
{
    while (reader->head.size == 0 && part.size > 0 &&
           (part.data[0] == '\r' || part.data[0] == '\n')) {
        part.data++;
        part.size--;
    }
    if (part.size > 0)
        pl_bytebuf_append(&reader->head, part.data, part.size);
    PL_ASSERT(reader->head.err != PL_E_LIMIT); /* the check has counted them */
    return reader->head.err;
}

/* The digits alone: what extensions may spell is nothing to llhttp. */
static int read_chunk_size(struct pl_rpc_h1_reader *reader)
{
    char line[PL_RPC_H1_CHUNK_DIGITS_MAX + sizeof CRLF];
    size_t size = reader->check.digits_len;

    memcpy(line, reader->check.digits, size);
    memcpy(line + size, CRLF, sizeof CRLF);
    reader->left = 0;
    if (!execute(reader, line, size + sizeof CRLF))
        return refuse_for_parser(reader);
    if (reader->left > 0)
        reader->state = STATE_CHUNK_DATA;
    else
        begin_section(reader, PL_RPC_H1_SECTION_TRAILERS, STATE_TRAILERS);
    return STEP_ON;
}

/* A section has come to its end, and all of it has passed the check. */
static int end_section(struct pl_rpc_h1_reader *reader)
{
    if (reader->state == STATE_HEAD)
        return read_head(reader);
    if (reader->state == STATE_CHUNK)
        return read_chunk_size(reader);

    if (!execute(reader, CRLF, sizeof CRLF))
        return refuse_for_parser(reader);
    if (reader->message_parsed != (reader->state == STATE_TRAILERS))
        return refuse_body(reader);
    if (reader->state == STATE_TRAILERS)
        reader->state = STATE_WHOLE;
    else
        begin_section(reader, PL_RPC_H1_SECTION_CHUNK, STATE_CHUNK);
    return STEP_ON;
}

static int feed_section(struct pl_rpc_h1_reader *reader, struct pl_bytes *data)
{
    struct pl_bytes part = *data;
    enum pl_rpc_h1_verdict verdict;
    int rc;

    if (data->size == 0)
        return PL_RPC_H1_EVENT_MORE;
    verdict = pl_rpc_h1_check_run(&reader->check, *data, &part.size);
    data->data += part.size;
    data->size -= part.size;
    if (verdict == PL_RPC_H1_BAD)
        return refuse(reader, reader->check.refusal);
    if (reader->state == STATE_HEAD) {
        rc = gather_head(reader, part);
        if (rc < 0)
            return fail(reader, rc);
    }
    return verdict == PL_RPC_H1_DONE ? end_section(reader) : PL_RPC_H1_EVENT_MORE;
}

static int feed_body(struct pl_rpc_h1_reader *reader, struct pl_bytes *data,
                     struct pl_bytes *ret_body)
{
    struct pl_bytes part = *data;

    if (part.size == 0)
        return PL_RPC_H1_EVENT_MORE;
    if (part.size > reader->left)
        part.size = (size_t)reader->left;
    if (!execute(reader, part.data, part.size))
        return refuse_for_parser(reader);
    reader->left -= part.size;
    if (reader->body.data != part.data || reader->body.size != part.size ||
        reader->message_parsed != (reader->left == 0 && reader->state == STATE_BODY))
        return refuse_body(reader);

    data->data += part.size;
    data->size -= part.size;
    if (reader->left == 0 && reader->state == STATE_BODY)
        reader->state = STATE_WHOLE;
    else if (reader->left == 0)
        begin_section(reader, PL_RPC_H1_SECTION_DATA_END, STATE_CHUNK_DATA_END);
    *ret_body = part;
    return PL_RPC_H1_EVENT_BODY;
}

static int step(struct pl_rpc_h1_reader *reader, struct pl_bytes *data, struct pl_bytes *ret_body)
{
    switch ((enum state)reader->state) {
    case STATE_HEAD:
    case STATE_CHUNK:
    case STATE_CHUNK_DATA_END:
    case STATE_TRAILERS:
        return feed_section(reader, data);
    case STATE_BODY:
    case STATE_CHUNK_DATA:
        return feed_body(reader, data, ret_body);
    case STATE_WHOLE:
        reader->state = STATE_ENDED;
        return PL_RPC_H1_EVENT_END;
    case STATE_REFUSED:
        return PL_RPC_H1_EVENT_REFUSED;
    case STATE_FAILED:
        return reader->err;
    case STATE_ENDED:
        break;
    }
    PL_UNREACHABLE(); /* who feeds must say next() first */
}

int pl_rpc_h1_reader_feed(struct pl_rpc_h1_reader *reader, struct pl_bytes *data,
                          struct pl_bytes *ret_body)
{
    int rc;

    do
        rc = step(reader, data, ret_body);
    while (rc == STEP_ON);
    return rc;
}

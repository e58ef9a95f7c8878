/* h1.c - see h1.h; h2.c says why. */
#include "h1.h"

#include "base/assert.h"
#include "base/base64.h"
#include "rpc/envelope.h"

static const char *const lines[] = {
    "POST /fuzz.Kinds/Echo HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Many HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Count HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Talk HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Wait HTTP/1.1\r\n",
    "POST /fuzz.Kinds/WaitAll HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Early HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Source HTTP/1.1\r\n",
    "POST /fuzz.Kinds/None HTTP/1.1\r\n",
    "GET /healthz HTTP/1.1\r\n",
    "OPTIONS /fuzz.Kinds/Echo HTTP/1.1\r\n",
    "POST /fuzz.Kinds/Many HTTP/1.0\r\n",
    "GET /fuzz.Kinds/Echo?connect=v1&encoding=json&message=%7B%22text%22:%22a%22%7D HTTP/1.1\r\n",
    "GET /fuzz.Kinds/Echo?encoding=proto&base64=1&message=GgFh HTTP/1.1\r\n",
    "GET /fuzz.Kinds/Echo?encoding=proto&compression=gzip&message=x HTTP/1.1\r\n",
    "GET /fuzz.Kinds/Echo HTTP/1.1\r\n",
};

static const char *const types[] = {
    "application/json",          "application/proto",          "application/connect+json",
    "application/connect+proto", "application/grpc-web+proto", "application/grpc-web-text",
    "application/grpc-web+json", "application/grpc",
};

static const char *const fields[] = {
    "connection: close\r\n",
    "connection: keep-alive\r\n",
    "connect-protocol-version: 1\r\n",
    "connect-timeout-ms: 100\r\n",
    "grpc-timeout: 100m\r\n",
    "content-encoding: gzip\r\n",
    "connect-content-encoding: gzip\r\n",
    "grpc-encoding: gzip\r\n",
    "accept-encoding: gzip\r\n",
    "connect-accept-encoding: gzip\r\n",
    "grpc-accept-encoding: gzip\r\n",
    "origin: https://example.org\r\n",
    "access-control-request-method: POST\r\n",
    "access-control-request-headers: content-type, x-grpc-web\r\n",
    "expect: 100-continue\r\n",
    "x-in-bin: AAEC\r\n",
    "upgrade: h2c\r\n",
};

static const char *const bodies[] = {
    "{\"room\":\"lobby\",\"text\":\"hello\"}", "\x1a\x05hello", "{}", "", "\xff", "{\"a\":1}",
};

enum {
    LINES_LEN = sizeof lines / sizeof lines[0],
    TYPES_LEN = sizeof types / sizeof types[0],
    FIELDS_LEN = sizeof fields / sizeof fields[0],
    BODIES_LEN = sizeof bodies / sizeof bodies[0],
    BODY_SIZE_MAX = 4096,
    EXTRA_LEN_MAX = 8,
};

/* How the body is sent. */
enum form {
    FORM_ENVELOPED = 1 << 0,
    FORM_TEXT = 1 << 1,    /* in base64 */
    FORM_CHUNKED = 1 << 2, /* in one chunk */
    FORM_OPEN = 1 << 3,    /* or in chunks that are still to come */
    FORM_TWICE = 1 << 4,
    FORM_END = 1 << 5, /* of Connect's streams */
};

static void put_message(struct pl_bytebuf *out, struct pl_bytes message, uint8_t form)
{
    uint8_t head[PL_RPC_ENVELOPE_SIZE];

    if (form & FORM_ENVELOPED) {
        pl_rpc_envelope_write(head, form & FORM_END ? 2 : 0, message.size);
        pl_bytebuf_append(out, head, sizeof head);
    }
    pl_bytebuf_append(out, message.data, message.size);
}

static void make_body(struct fuzz_input *input, uint8_t form, struct pl_bytebuf *body)
{
    struct pl_bytebuf plain;
    uint8_t which = fuzz_byte(input);
    struct pl_bytes message = which % 8 < BODIES_LEN ? pl_bytes_str(bodies[which % 8])
                                                     : fuzz_take(input, fuzz_byte(input));

    pl_bytebuf_init(&plain, BODY_SIZE_MAX);
    put_message(&plain, message, form & (uint8_t)~FORM_END);
    if (form & FORM_TWICE)
        put_message(&plain, message, form);
    if (form & FORM_TEXT)
        pl_base64_encode((struct pl_bytes){plain.data, plain.size}, body);
    else
        pl_bytebuf_append(body, plain.data, plain.size);
    pl_bytebuf_done(&plain);
}

static void put_chunk(struct pl_bytebuf *out, struct pl_bytes data)
{
    pl_bytebuf_printf(out, "%zx\r\n", data.size);
    pl_bytebuf_append(out, data.data, data.size);
    pl_bytebuf_append_str(out, "\r\n");
}

static void add_request(struct fuzz_input *input, struct pl_bytebuf *out)
{
    uint8_t line = fuzz_byte(input), type = fuzz_byte(input), form = fuzz_byte(input);
    struct pl_bytebuf body;

    pl_bytebuf_init(&body, 2 * BODY_SIZE_MAX);
    make_body(input, form, &body);
    pl_bytebuf_append_str(out, lines[line % LINES_LEN]);
    pl_bytebuf_append_str(out, "host: fuzz\r\n");
    if (type < 128)
        pl_bytebuf_printf(out, "content-type: %s\r\n", types[type % TYPES_LEN]);
    for (unsigned len = fuzz_byte(input) % EXTRA_LEN_MAX; len > 0; len--)
        pl_bytebuf_append_str(out, fields[fuzz_byte(input) % FIELDS_LEN]);
    if (form & (FORM_CHUNKED | FORM_OPEN)) {
        pl_bytebuf_append_str(out, "transfer-encoding: chunked\r\n\r\n");
        if (body.size > 0)
            put_chunk(out, (struct pl_bytes){body.data, body.size});
        if ((form & FORM_OPEN) == 0)
            pl_bytebuf_append_str(out, "0\r\n\r\n");
    } else {
        if (line % LINES_LEN < 9 || body.size > 0)
            pl_bytebuf_printf(out, "content-length: %zu\r\n", body.size);
        pl_bytebuf_append_str(out, "\r\n");
        pl_bytebuf_append(out, body.data, body.size);
    }
    pl_bytebuf_done(&body);
}

static void add_chunk(struct fuzz_input *input, struct pl_bytebuf *out)
{
    uint8_t form = fuzz_byte(input);
    struct pl_bytebuf body;

    pl_bytebuf_init(&body, 2 * BODY_SIZE_MAX);
    make_body(input, form, &body);
    if (body.size > 0)
        put_chunk(out, (struct pl_bytes){body.data, body.size});
    pl_bytebuf_done(&body);
}

void fuzz_h1_add(struct fuzz_input *input, struct pl_bytebuf *out)
{
    struct pl_bytes bytes;

    switch (fuzz_byte(input) % 8) {
    case 0:
        bytes = fuzz_take(input, fuzz_byte(input));
        pl_bytebuf_append(out, bytes.data, bytes.size);
        return;
    case 1:
    case 2:
        add_chunk(input, out);
        return;
    case 3:
        pl_bytebuf_append_str(out, "0\r\n\r\n");
        return;
    default:
        add_request(input, out);
    }
}

void fuzz_h1_check_init(struct fuzz_h1_check *check)
{
    llhttp_settings_init(&check->settings);
    llhttp_init(&check->parser, HTTP_RESPONSE, &check->settings);
}

void fuzz_h1_check_pass(struct fuzz_h1_check *check, struct pl_bytes data)
{
    llhttp_errno_t err = llhttp_execute(&check->parser, (const char *)data.data, data.size);

    PL_ASSERT(err == HPE_OK);
}

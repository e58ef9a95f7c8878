/* connect_get.c - see connect_get.h. */
#include "rpc/connect_get.h"

#include "base/base64.h"
#include "base/err.h"
#include "rpc/call.h"
#include "rpc/percent.h"

#include <string.h>

/* The value of that name in the query, as it is written there. */
static bool find_raw(const struct pl_rpc_call *call, const char *name, struct pl_bytes *ret_value)
{
    struct pl_bytes path;
    const uint8_t *at, *end;
    size_t name_size = strlen(name);

    if (!pl_rpc_call_field(call, ":path", &path))
        return false;
    end = path.data + path.size;
    at = memchr(path.data, '?', path.size);
    while (at != NULL && ++at < end) {
        const uint8_t *next = memchr(at, '&', (size_t)(end - at));
        size_t size = (size_t)((next != NULL ? next : end) - at);

        if (size > name_size && memcmp(at, name, name_size) == 0 && at[name_size] == '=') {
            *ret_value = (struct pl_bytes){at + name_size + 1, size - name_size - 1};
            return true;
        }
        at = next;
    }
    return false;
}

/* The other parameters are words of letters and digits, which nobody need encode. */
static bool query_is(const struct pl_rpc_call *call, const char *name, const char *value)
{
    struct pl_bytes raw;

    return find_raw(call, name, &raw) && pl_bytes_is(raw, value);
}

bool pl_rpc_connect_get_format(struct pl_rpc_call *call)
{
    if (query_is(call, "encoding", "json"))
        call->format = &pl_rpc_connect_json;
    else if (query_is(call, "encoding", "proto"))
        call->format = &pl_rpc_connect_proto;
    else
        return false;
    return true;
}

/* What was percent-encoded; a space may be a '+' (URL Standard, section 5). */
static int decode(struct pl_bytes raw, struct pl_bytebuf *to)
{
    struct pl_bytebuf text;
    int rc;

    pl_bytebuf_init(&text, raw.size);
    for (size_t i = 0; i < raw.size; i++)
        pl_bytebuf_append_byte(&text, raw.data[i] == '+' ? ' ' : raw.data[i]);
    rc = text.err;
    if (rc == PL_OK) {
        pl_rpc_percent_decode((struct pl_bytes){text.data, text.size}, to);
        rc = to->err;
    }
    pl_bytebuf_done(&text);
    return rc;
}

/* Reads the message that the query spells. */
static int read_message(struct pl_rpc_call *call, struct pl_bytes raw)
{
    struct pl_bytebuf text, bytes;
    int rc;

    pl_bytebuf_init(&text, raw.size);
    pl_bytebuf_init(&bytes, raw.size);
    rc = decode(raw, &text);
    if (rc == PL_OK && query_is(call, "base64", "1"))
        rc = pl_base64_decode((struct pl_bytes){text.data, text.size}, &bytes);
    else if (rc == PL_OK)
        pl_bytebuf_append(&bytes, text.data, text.size);
    if (rc == PL_OK)
        rc = bytes.err;
    if (rc == PL_OK)
        rc = pl_rpc_reader_feed_bare(&call->intake->reader,
                                     (struct pl_bytes){bytes.data, bytes.size});
    pl_bytebuf_done(&text);
    pl_bytebuf_done(&bytes);
    return rc;
}

static bool take_query(struct pl_rpc_call *call, struct pl_bytes *ret_message)
{
    struct pl_bytes raw;

    if (find_raw(call, "connect", &raw) && !pl_bytes_is(raw, "v1")) {
        pl_rpc_call_abort(call, PL_CODE_INVALID_ARGUMENT, "the query's connect is not v1");
        return false;
    }
    call->gunzip = false; /* there is no body whose header fields could tell */
    if (find_raw(call, "compression", &raw) && raw.size > 0 && !pl_bytes_is(raw, "identity")) {
        call->gunzip = pl_bytes_is(raw, "gzip");
        if (!call->gunzip) {
            pl_rpc_call_abort(call, PL_CODE_UNIMPLEMENTED,
                              "the compression is not supported; identity and gzip are");
            return false;
        }
    }
    if (!find_raw(call, "message", ret_message)) {
        pl_rpc_call_abort(call, PL_CODE_INVALID_ARGUMENT, "the query has no message");
        return false;
    }
    return true;
}

bool pl_rpc_connect_get_message(struct pl_rpc_call *call)
{
    struct pl_bytes raw;
    int rc;

    if (!take_query(call, &raw))
        return false;
    rc = read_message(call, raw);
    if (rc == PL_E_INVALID) {
        pl_rpc_call_abort(call, PL_CODE_INVALID_ARGUMENT, "the message is not base64");
        return false;
    }
    if (rc < 0) {
        pl_rpc_call_refuse_message(call, rc);
        return false;
    }
    call->intake->message = pl_rpc_reader_bare(&call->intake->reader);
    call->compressed = call->gunzip && call->intake->message.size > 0;
    call->has_message = true;
    return true;
}

/*
 * h1_head.c - see h1_head.h. What would let a value break out of its line, or tell a
 * second length, is refused here, whoever asks for it.
 */
#include "rpc/h1_head.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/h1_check.h"
#include "rpc/limits.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* RFC 9110, section 15; RFC 6585. Others go without: clients do not look at it. */
static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {100, "Continue"},
        {200, "OK"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {499, "Client Closed Request"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "";
}

void pl_rpc_h1_head_begin(struct pl_bytebuf *out, int status)
{
    PL_ASSERT(status >= 100 && status <= 999);
    pl_bytebuf_printf(out, "HTTP/1.1 %d %s\r\n", status, reason(status));
}

static bool name_allowed(struct pl_bytes name)
{
    static const char *const ours[] = {"connection", "content-length", "keep-alive",
                                       "transfer-encoding", "upgrade"};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (name.size == strlen(ours[i]) &&
            strncasecmp((const char *)name.data, ours[i], name.size) == 0)
            return false;
    for (size_t i = 0; i < name.size; i++)
        if (!pl_rpc_h1_is_token(name.data[i]))
            return false;
    return name.size > 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static bool value_allowed(struct pl_bytes value)
{
    for (size_t i = 0; i < value.size; i++)
        if (!pl_rpc_h1_is_value(value.data[i]))
            return false;
    return value.size == 0 || (!is_blank(value.data[0]) && !is_blank(value.data[value.size - 1]));
}

int pl_rpc_h1_head_field(struct pl_bytebuf *out, struct pl_bytes name, struct pl_bytes value)
{
    if (!name_allowed(name) || !value_allowed(value))
        return PL_E_INVALID;
    pl_bytebuf_append(out, name.data, name.size);
    pl_bytebuf_append_str(out, ": ");
    pl_bytebuf_append(out, value.data, value.size);
    pl_bytebuf_append_str(out, "\r\n");
    return PL_OK;
}

void pl_rpc_h1_head_end(struct pl_bytebuf *out, bool keep_alive, enum pl_rpc_h1_framing framing,
                        uint64_t size)
{
    PL_ASSERT(framing != PL_RPC_H1_CLOSE || !keep_alive);
    if (framing == PL_RPC_H1_LENGTH)
        pl_bytebuf_printf(out, "content-length: %" PRIu64 "\r\n", size);
    else if (framing == PL_RPC_H1_CHUNKED)
        pl_bytebuf_append_str(out, "transfer-encoding: chunked\r\n");
    pl_bytebuf_printf(out, "connection: %s\r\n\r\n", keep_alive ? "keep-alive" : "close");
}

void pl_rpc_h1_chunk_begin(struct pl_bytebuf *out, size_t size)
{
    PL_ASSERT(size > 0); /* one of no bytes would be the end */
    pl_bytebuf_printf(out, "%zx\r\n", size);
}

void pl_rpc_h1_chunk_end(struct pl_bytebuf *out)
{
    pl_bytebuf_append_str(out, "\r\n");
}

void pl_rpc_h1_chunks_end(struct pl_bytebuf *out)
{
    pl_bytebuf_append_str(out, "0\r\n\r\n");
}

void pl_rpc_h1_continue(struct pl_bytebuf *out)
{
    pl_bytebuf_append_str(out, "HTTP/1.1 100 Continue\r\n\r\n");
}

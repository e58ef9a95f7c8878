/* convert.c - see convert.h. */
#include "rpc/convert.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "pb/json.h"
#include "rpc/call.h"
#include "rpc/gzip.h"
#include "rpc/limits.h"

#include <protobuf-c/protobuf-c.h>
#include <string.h>

int pl_rpc_convert_need(struct pl_rpc_call *call)
{
    struct pl_rpc_convert *convert;

    if (call->convert != NULL)
        return PL_OK;
    convert = pl_zalloc(sizeof *convert);
    if (convert == NULL)
        return PL_E_NOMEM;
    pl_rpc_reader_init(&convert->source, PL_BUF_SIZE_MAX);
    pl_bytebuf_init(&convert->staged, PL_BUF_SIZE_MAX);
    call->convert = convert;
    return PL_OK;
}

void pl_rpc_convert_free(struct pl_rpc_convert *convert)
{
    if (convert == NULL)
        return;
    pl_rpc_reader_done(&convert->source);
    pl_bytebuf_done(&convert->staged);
    pl_free(convert);
}

/* Where messages have envelopes, the head must have told how they are compressed. */
static bool to_be_compressed(const struct pl_rpc_call *call)
{
    return call->peer_gzip && call->compress &&
           (call->encoding_told || !call->format->codec->enveloped);
}

/* Appends the message as the client wants it. */
static int convert(struct pl_rpc_call *call, struct pl_bytes message, struct pl_bytebuf *to,
                   uint8_t *ret_flags)
{
    struct pl_bytebuf json;
    int rc = PL_OK;

    *ret_flags = 0;
    pl_bytebuf_init(&json, PL_BUF_SIZE_MAX);
    if (call->format->json) {
        rc = pl_pb_json_print(call->convert->types->output, message, &json);
        message = (struct pl_bytes){json.data, json.size};
    }
    if (rc == PL_OK && to_be_compressed(call)) {
        *ret_flags = PL_RPC_FLAG_COMPRESSED;
        rc = pl_rpc_gzip(message, to);
    } else if (rc == PL_OK) {
        pl_bytebuf_append(to, message.data, message.size);
        rc = to->err;
    }
    pl_bytebuf_done(&json);
    return rc;
}

int pl_rpc_convert_out(struct pl_rpc_call *call, struct pl_buf *message, struct pl_buf **ret_buf,
                       uint8_t *ret_flags)
{
    struct pl_bytes plain = {message->data, message->size};
    struct pl_bytebuf to;
    int rc;

    if (!call->format->json && !to_be_compressed(call)) {
        *ret_flags = 0;
        *ret_buf = pl_buf_ref(message);
        return PL_OK;
    }
    pl_bytebuf_init(&to, PL_BUF_SIZE_MAX);
    rc = convert(call, plain, &to, ret_flags);
    if (rc == PL_OK) {
        *ret_buf = pl_buf_copy(to.data, to.size);
        rc = *ret_buf == NULL ? PL_E_NOMEM : PL_OK;
    }
    pl_bytebuf_done(&to);
    return rc;
}

/* Stages a message: room for its envelope, itself, and then the envelope. */
static int stage(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_bytebuf *staged = &call->convert->staged;
    size_t head = staged->size;
    uint8_t flags, envelope[PL_RPC_ENVELOPE_SIZE] = {0};
    int rc;

    pl_bytebuf_append(staged, envelope, sizeof envelope);
    if (staged->err < 0)
        return staged->err;
    rc = convert(call, message, staged, &flags);
    if (rc < 0)
        return rc;
    pl_rpc_envelope_write(envelope, flags, staged->size - head - sizeof envelope);
    memcpy(staged->data + head, envelope, sizeof envelope);
    return PL_OK;
}

int pl_rpc_convert_source(struct pl_rpc_call *call, struct pl_bytes data)
{
    struct pl_rpc_reader *reader = &call->convert->source;
    struct pl_bytes message;

    for (;;) {
        int rc = pl_rpc_reader_feed(reader, &data, &message);

        if (rc < 0 || rc == PL_RPC_READ_MORE)
            return rc < 0 ? rc : PL_OK;
        if (rc == PL_RPC_READ_MESSAGE) {
            rc = stage(call, message);
            if (rc < 0)
                return rc;
            pl_rpc_reader_drop(reader);
        }
    }
}

static void reset_staged(struct pl_rpc_convert *convert)
{
    pl_bytebuf_done(&convert->staged);
    pl_bytebuf_init(&convert->staged, PL_BUF_SIZE_MAX);
    convert->staged_offset = 0;
}

void pl_rpc_convert_drop(struct pl_rpc_convert *convert)
{
    reset_staged(convert);
    pl_rpc_reader_done(&convert->source);
    pl_rpc_reader_init(&convert->source, PL_BUF_SIZE_MAX);
}

size_t pl_rpc_convert_pull(struct pl_rpc_convert *convert, uint8_t *to, size_t size)
{
    struct pl_bytebuf *staged = &convert->staged;
    size_t left = staged->size - convert->staged_offset;

    if (size > left)
        size = left;
    if (size == 0)
        return 0;
    memcpy(to, staged->data + convert->staged_offset, size);
    convert->staged_offset += size;
    if (convert->staged_offset == staged->size)
        reset_staged(convert);
    return size;
}

static uint32_t size_max_of(struct pl_rpc_call *call)
{
    const struct pl_rpc_limits *limits = pl_rpc_call_limits(call);
    bool smaller =
        limits->converted_size_max > 0 && limits->converted_size_max < limits->message_size_max;

    return smaller ? limits->converted_size_max : limits->message_size_max;
}

static bool gunzip(struct pl_rpc_call *call, struct pl_bytes *message, struct pl_bytebuf *to,
                   enum pl_code *ret_code, struct pl_bytebuf *text)
{
    uint32_t size_max = size_max_of(call);
    int rc = pl_rpc_gunzip(*message, size_max, to);

    *message = (struct pl_bytes){to->data, to->size};
    if (rc == PL_OK)
        return true;
    if (rc == PL_E_LIMIT) {
        *ret_code = PL_CODE_RESOURCE_EXHAUSTED;
        pl_bytebuf_printf(text, "the decompressed message has more than %u bytes",
                          (unsigned)size_max);
    } else if (rc == PL_E_INVALID) {
        *ret_code = call->format->codec->malformed;
        pl_bytebuf_append_str(text, "the compressed message is not gzip");
    } else {
        *ret_code = PL_CODE_UNAVAILABLE;
        pl_bytebuf_append_str(text, "out of memory");
    }
    return false;
}

static bool parse_json(struct pl_rpc_call *call, struct pl_bytes *message, struct pl_bytebuf *to,
                       enum pl_code *ret_code, struct pl_bytebuf *text)
{
    uint32_t size_max = size_max_of(call);
    int rc;

    if (message->size > size_max) {
        *ret_code = PL_CODE_RESOURCE_EXHAUSTED;
        pl_bytebuf_printf(text, "the message in JSON has more than %u bytes", (unsigned)size_max);
        return false;
    }
    rc = pl_pb_json_parse(call->convert->types->input, *message, to, text);
    *message = (struct pl_bytes){to->data, to->size};
    if (rc == PL_OK)
        return true;
    *ret_code = rc == PL_E_INVALID ? PL_CODE_INVALID_ARGUMENT
                : rc == PL_E_LIMIT ? PL_CODE_RESOURCE_EXHAUSTED
                                   : PL_CODE_UNAVAILABLE;
    if (text->size == 0)
        pl_bytebuf_append_str(text, pl_err_text(rc));
    return false;
}

bool pl_rpc_convert_in(struct pl_rpc_call *call, struct pl_bytes *message, struct pl_bytebuf *to,
                       enum pl_code *ret_code, struct pl_bytebuf *text)
{
    struct pl_bytebuf plain;
    bool good;

    if (!call->format->json)
        return !call->compressed || gunzip(call, message, to, ret_code, text);
    pl_bytebuf_init(&plain, pl_rpc_call_limits(call)->message_size_max);
    good = !call->compressed || gunzip(call, message, &plain, ret_code, text);
    good = good && parse_json(call, message, to, ret_code, text);
    pl_bytebuf_done(&plain);
    return good;
}

/*
 * api.c - calls of parla.v1.
 *
 * A unary call is a stream of one message: it is kept until the status is
 * there, for a response counts only with an OK.
 */
#include "client/api.h"

#include "base/assert.h"
#include "base/mem.h"
#include "pb/message.h"
#include "rpc/details.h"

#include <stdio.h>
#include <string.h>

#define RESPONSE_SIZE_MAX ((size_t)32 << 20) /* unpacked */

enum { UNARY_TIMEOUT_MS = 30000, PATH_SIZE = 128, DETAILS_SIZE_MAX = 64 * 1024, BEARER_SIZE = 300 };

struct call {
    struct pl_channel *channel_weak;
    const ProtobufCMessageDescriptor *output;
    struct pl_arena arena;
    const ProtobufCMessage *response; /* in the arena */
    bool malformed;
    pl_api_done done;
    void (*abandoned)(void *self); /* may be NULL */
    void *self_weak;
};

struct pl_api_stream {
    struct pl_channel *channel_weak;
    struct pl_channel_call *call;
    const ProtobufCMessageDescriptor *output;
    struct pl_arena arena;
    struct pl_api_stream_ops ops;
    bool malformed;
    bool cancelled;
};

bool pl_api_may_retry(const struct pl_api_result *result)
{
    return result->broken || result->code == PL_CODE_UNAVAILABLE ||
           result->code == PL_CODE_RESOURCE_EXHAUSTED ||
           result->code == PL_CODE_DEADLINE_EXCEEDED || result->code == PL_CODE_CANCELLED;
}

/* When to try again, as the details tell; 0 where they do not. */
static uint32_t retry_ms_of(struct pl_bytes data)
{
    struct pl_arena arena;
    struct pl_rpc_details details = {0};

    if (data.size == 0)
        return 0;
    pl_arena_init(&arena, DETAILS_SIZE_MAX);
    if (pl_rpc_details_unpack(data, &arena, &details) < 0)
        details.retry_ms = 0; /* the status stands without them */
    pl_arena_done(&arena);
    return details.retry_ms;
}

static struct pl_api_result result_of(const struct pl_rpc_status *status, bool malformed)
{
    struct pl_api_result result = {.code = status->code,
                                   .text = status->message != NULL ? status->message : ""};

    result.broken = status->broken;
    if (malformed) {
        result.broken = false;
        result.code = PL_CODE_INTERNAL;
        result.text = "the server's answer cannot be read; is it of another version?";
    }
    if (result.code != PL_CODE_OK)
        result.retry_ms = retry_ms_of(status->details);
    if (result.code != PL_CODE_OK && result.text[0] == 0)
        result.text = pl_code_name((int)result.code);
    return result;
}

static const ProtobufCMethodDescriptor *find_method(const ProtobufCServiceDescriptor *service,
                                                    const char *method, char path[PATH_SIZE])
{
    const ProtobufCMethodDescriptor *found =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    int size = snprintf(path, PATH_SIZE, "/%s/%s", service->name, method);

    PL_ASSERT(found != NULL);
    PL_ASSERT(size > 0 && size < PATH_SIZE);
    return found;
}

/* Whether the run ends: then callbacks must not go further. */
static bool is_ending(const struct pl_channel *channel)
{
    return pl_channel_state(channel) == PL_CHANNEL_SHUTDOWN;
}

/* Makes a call with one request; PL_E_CLOSED where there is no connection, nor one
 * being made, for then nothing is to wait. */
static int start(struct pl_channel *channel, const char *path, const char *token,
                 const struct pl_buf *request, int64_t timeout_ms,
                 const struct pl_rpc_client_call_ops *ops, struct pl_channel_call **ret_call)
{
    char bearer[BEARER_SIZE];
    struct pl_rpc_metadata metadata = {.name = "authorization"};
    struct pl_channel_call_options options = {.timeout_ms = timeout_ms};
    enum pl_channel_state state = pl_channel_state(channel);

    if (state != PL_CHANNEL_READY && state != PL_CHANNEL_CONNECTING)
        return PL_E_CLOSED;
    snprintf(bearer, sizeof bearer, "Bearer %s", token);
    metadata.value = pl_bytes_str(bearer);
    return pl_channel_call(channel, path, (struct pl_bytes){request->data, request->size},
                           &metadata, token[0] != 0, &options, ops, ret_call);
}

static void on_unary_message(void *self, struct pl_bytes data)
{
    struct call *call = self;
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;

    if (call->response != NULL ||
        pl_pb_unpack(call->output, data, &call->arena, &fault, &message) < 0)
        call->malformed = true;
    else
        call->response = message;
}

static void call_free(struct call *call)
{
    pl_arena_done(&call->arena);
    pl_free(call);
}

static void on_unary_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct call *call = self;
    bool malformed = call->malformed || (status->code == PL_CODE_OK && call->response == NULL);
    struct pl_api_result result = result_of(status, malformed);

    (void)processed; /* whatever may be repeated has a request id, or may be done twice */
    if (is_ending(call->channel_weak)) {
        if (call->abandoned != NULL)
            call->abandoned(call->self_weak);
    } else {
        if (result.code == PL_CODE_OK)
            result.response = call->response;
        call->done(call->self_weak, &result);
    }
    call_free(call);
}

void pl_api_call(struct pl_channel *channel, const ProtobufCServiceDescriptor *service,
                 const char *method, const char *token, const ProtobufCMessage *request,
                 pl_api_done done, void (*abandoned)(void *self), void *self)
{
    struct pl_api_result failure = {.code = PL_CODE_UNAVAILABLE, .text = "not connected"};
    char path[PATH_SIZE];
    const ProtobufCMethodDescriptor *found = find_method(service, method, path);
    struct pl_buf *bytes = NULL;
    struct call *call = pl_zalloc(sizeof *call);
    struct pl_rpc_client_call_ops ops = {
        .self = call, .on_message = on_unary_message, .on_close = on_unary_close};

    PL_ASSERT(request->descriptor == found->input);
    if (call == NULL || pl_pb_pack(request, &bytes) < 0) {
        failure.text = pl_err_text(PL_E_NOMEM);
        goto fail;
    }
    call->channel_weak = channel;
    call->output = found->output;
    call->done = done;
    call->abandoned = abandoned;
    call->self_weak = self;
    pl_arena_init(&call->arena, RESPONSE_SIZE_MAX);
    if (start(channel, path, token, bytes, UNARY_TIMEOUT_MS, &ops, NULL) < 0)
        goto fail;
    pl_buf_unref(bytes);
    return;

fail:
    pl_buf_unref(bytes);
    if (call != NULL)
        call_free(call);
    done(self, &failure);
}

static void on_stream_message(void *self, struct pl_bytes data)
{
    struct pl_api_stream *stream = self;
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;

    if (stream->cancelled || stream->malformed)
        return;
    if (pl_pb_unpack(stream->output, data, &stream->arena, &fault, &message) < 0) {
        stream->malformed = true;
        pl_channel_break(stream->channel_weak, "the server sent what cannot be read");
        return;
    }
    stream->ops.on_message(stream->ops.self, message);
    pl_arena_clear(&stream->arena);
}

static void stream_free(struct pl_api_stream *stream)
{
    if (stream == NULL)
        return;
    pl_arena_done(&stream->arena);
    pl_free(stream);
}

static void on_stream_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct pl_api_stream *stream = self;
    struct pl_api_result result = result_of(status, stream->malformed);

    (void)processed;
    if (!is_ending(stream->channel_weak) && !stream->cancelled)
        stream->ops.on_end(stream->ops.self, &result);
    stream_free(stream);
}

int pl_api_stream_start(struct pl_channel *channel, const ProtobufCServiceDescriptor *service,
                        const char *method, const char *token, const ProtobufCMessage *request,
                        const struct pl_api_stream_ops *ops, struct pl_api_stream **ret_stream)
{
    char path[PATH_SIZE];
    const ProtobufCMethodDescriptor *found = find_method(service, method, path);
    struct pl_buf *bytes = NULL;
    struct pl_api_stream *stream = pl_zalloc(sizeof *stream);
    struct pl_rpc_client_call_ops call_ops = {
        .self = stream, .on_message = on_stream_message, .on_close = on_stream_close};
    int err = PL_E_NOMEM;

    PL_ASSERT(request->descriptor == found->input);
    if (stream == NULL)
        return PL_E_NOMEM;
    stream->channel_weak = channel;
    stream->output = found->output;
    stream->ops = *ops;
    pl_arena_init(&stream->arena, RESPONSE_SIZE_MAX);
    err = pl_pb_pack(request, &bytes);
    if (err == PL_OK)
        err = start(channel, path, token, bytes, 0, &call_ops, &stream->call);
    pl_buf_unref(bytes);
    if (err < 0) {
        stream_free(stream);
        return err;
    }
    *ret_stream = stream;
    return PL_OK;
}

void pl_api_stream_cancel(struct pl_api_stream *stream)
{
    if (stream == NULL)
        return;
    stream->cancelled = true;
    pl_channel_cancel(stream->call); /* on_close frees it */
}

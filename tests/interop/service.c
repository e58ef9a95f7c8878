/*
 * service.c - see service.h. A streaming call keeps a line of responses that are
 * still to be sent; one that shall wait holds up those behind it, so that waits
 * add up as the descriptions want it.
 */
#include "service.h"

#include "base/list.h"
#include "base/mem.h"
#include "grpc/testing/test.pb-c.h"
#include "pb/message.h"

#include <stdio.h>

enum {
    ARENA_SIZE_MAX = 8 << 20, /* the largest request, unpacked */
    TEXT_SIZE = 160,
};

#define ECHO_HEADER  "x-grpc-test-echo-initial"
#define ECHO_TRAILER "x-grpc-test-echo-trailing-bin"

/* What every payload is made of. */
static uint8_t zeros[INTEROP_PAYLOAD_SIZE_MAX];

/* A response that is still to be sent. */
struct pending {
    struct pl_list node;
    size_t size;
    uint64_t wait_ms;
    bool compressed;
};

/* A streaming call. */
struct stream {
    struct pl_rpc_call *call_weak;
    int64_t received_size;   /* StreamingInputCall: of all payloads */
    struct pl_list pendings; /* the others */
    size_t pendings_len;
    struct pl_timer *timer;
    bool waiting; /* for the timer, before the first of them */
    bool half_closed;
};

static void finish(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    pl_rpc_call_finish(call, &(struct pl_rpc_status){.code = code, .message = message});
}

static void fail(struct pl_rpc_call *call, int err)
{
    finish(call, pl_err_code(err), pl_err_text(err));
}

static bool is_true(const Grpc__Testing__BoolValue *value)
{
    return value != NULL && value->value;
}

/* Unpacks a request; NULL where it has ended the call. */
static ProtobufCMessage *unpack(struct pl_rpc_call *call,
                                const ProtobufCMessageDescriptor *descriptor,
                                struct pl_bytes message, struct pl_arena *arena)
{
    ProtobufCMessage *request;
    struct pl_pb_fault fault;
    char text[TEXT_SIZE];
    int rc = pl_pb_unpack(descriptor, message, arena, &fault, &request);

    if (rc == PL_OK)
        return request;
    if (rc == PL_E_NOMEM) {
        fail(call, rc);
        return NULL;
    }
    snprintf(text, sizeof text, "%s%s%s", fault.field, fault.field[0] == 0 ? "" : ": ", fault.text);
    finish(call, pl_err_code(rc), text);
    return NULL;
}

/* Sends a response; false where it could not and has ended the call. */
static bool send_message(struct pl_rpc_call *call, const ProtobufCMessage *response,
                         bool compressed)
{
    struct pl_buf *buf;
    int rc = pl_rpc_call_compress(call, compressed);

    if (rc == PL_OK)
        rc = pl_pb_pack(response, &buf);
    if (rc == PL_OK) {
        rc = pl_rpc_call_send(call, buf);
        pl_buf_unref(buf);
    }
    if (rc < 0)
        fail(call, rc);
    return rc == PL_OK;
}

/* Ends the call the way the client wants it to end; false: it wants none. */
static bool echo_status(struct pl_rpc_call *call, const Grpc__Testing__EchoStatus *status)
{
    if (status == NULL || status->code == PL_CODE_OK)
        return false;
    if (status->code < 0 || status->code > PL_CODE_UNAUTHENTICATED)
        finish(call, PL_CODE_INVALID_ARGUMENT, "response_status.code: not a status code");
    else
        finish(call, (enum pl_code)status->code, status->message);
    return true;
}

/* Whether the request came as the client says that it would; ends the call if
 * not. */
static bool came_as_expected(struct pl_rpc_call *call, const Grpc__Testing__BoolValue *expected)
{
    bool compressed = pl_rpc_call_message_compressed(call);

    if (expected == NULL || (expected->value != 0) == compressed)
        return true;
    finish(call, PL_CODE_INVALID_ARGUMENT,
           compressed ? "the request came compressed" : "the request came without compression");
    return false;
}

static bool size_is_fine(struct pl_rpc_call *call, int32_t size)
{
    if (size >= 0 && size <= INTEROP_PAYLOAD_SIZE_MAX)
        return true;
    finish(call, PL_CODE_INVALID_ARGUMENT, "a response of that size is not made");
    return false;
}

static bool type_is_fine(struct pl_rpc_call *call, Grpc__Testing__PayloadType type)
{
    if (type == GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
        return true;
    finish(call, PL_CODE_INVALID_ARGUMENT, "response_type: unknown");
    return false;
}

/* Sends back the metadata that asks for it; false where it has ended the call. */
static bool echo_metadata(struct pl_rpc_call *call)
{
    struct pl_bytes value;
    int rc = PL_OK;

    if (pl_rpc_call_metadata(call, ECHO_HEADER, &value))
        rc = pl_rpc_call_add_header(call, ECHO_HEADER, value);
    if (rc == PL_OK && pl_rpc_call_metadata(call, ECHO_TRAILER, &value))
        rc = pl_rpc_call_add_trailer(call, ECHO_TRAILER, value);
    if (rc < 0)
        fail(call, rc);
    return rc == PL_OK;
}

/* EmptyCall and UnaryCall */

static void empty_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    const Grpc__Testing__Empty response = GRPC__TESTING__EMPTY__INIT;
    struct pl_arena arena;
    bool fine;

    pl_arena_init(&arena, ARENA_SIZE_MAX);
    fine = unpack(call, &grpc__testing__empty__descriptor, message, &arena) != NULL;
    pl_arena_done(&arena);
    if (fine && echo_metadata(call) && send_message(call, &response.base, false))
        finish(call, PL_CODE_OK, NULL);
}

static void answer_unary(struct pl_rpc_call *call, const Grpc__Testing__SimpleRequest *request)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__SimpleResponse response = GRPC__TESTING__SIMPLE_RESPONSE__INIT;

    if (!came_as_expected(call, request->expect_compressed) || !echo_metadata(call) ||
        echo_status(call, request->response_status) ||
        !type_is_fine(call, request->response_type) || !size_is_fine(call, request->response_size))
        return;
    payload.body = (ProtobufCBinaryData){(size_t)request->response_size, zeros};
    response.payload = &payload;
    if (send_message(call, &response.base, is_true(request->response_compressed)))
        finish(call, PL_CODE_OK, NULL);
}

static void unary_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_arena arena;
    ProtobufCMessage *request;

    pl_arena_init(&arena, ARENA_SIZE_MAX);
    request = unpack(call, &grpc__testing__simple_request__descriptor, message, &arena);
    if (request != NULL)
        answer_unary(call, (const Grpc__Testing__SimpleRequest *)request);
    pl_arena_done(&arena);
}

/* The streaming calls */

static void stream_drop_pendings(struct stream *stream)
{
    while (!pl_list_empty(&stream->pendings)) {
        struct pending *pending =
            PL_CONTAINER(pl_list_first(&stream->pendings), struct pending, node);

        pl_list_remove(&pending->node);
        pl_free(pending);
    }
    stream->pendings_len = 0;
    pl_timer_stop(stream->timer);
    stream->waiting = false;
}

/* The call has been finished: nothing more is sent, though messages may come. */
static void stream_end(struct stream *stream)
{
    pl_rpc_call_set_data(stream->call_weak, NULL);
    stream_drop_pendings(stream);
    pl_timer_free(stream->timer);
    pl_free(stream);
}

/* Sends one response; false where it could not and has ended the call. */
static bool stream_send(struct stream *stream, const struct pending *pending)
{
    Grpc__Testing__Payload payload = GRPC__TESTING__PAYLOAD__INIT;
    Grpc__Testing__StreamingOutputCallResponse response =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_RESPONSE__INIT;

    if (pl_rpc_call_queue_size(stream->call_weak) + pending->size > INTEROP_QUEUE_SIZE_MAX) {
        finish(stream->call_weak, PL_CODE_RESOURCE_EXHAUSTED, "too much is unread");
        return false;
    }
    payload.body = (ProtobufCBinaryData){pending->size, zeros};
    response.payload = &payload;
    return send_message(stream->call_weak, &response.base, pending->compressed);
}

/* Sends what is due; the stream may be gone afterwards. */
static void stream_go_on(struct stream *stream)
{
    while (!stream->waiting && !pl_list_empty(&stream->pendings)) {
        struct pending *pending =
            PL_CONTAINER(pl_list_first(&stream->pendings), struct pending, node);

        if (pending->wait_ms > 0) {
            stream->waiting = true;
            pl_timer_start(stream->timer, pending->wait_ms, 0);
            return;
        }
        if (!stream_send(stream, pending)) {
            stream_end(stream);
            return;
        }
        pl_list_remove(&pending->node);
        stream->pendings_len--;
        pl_free(pending);
    }
    if (stream->half_closed && pl_list_empty(&stream->pendings)) {
        finish(stream->call_weak, PL_CODE_OK, NULL);
        stream_end(stream);
    }
}

static void on_timer(void *self)
{
    struct stream *stream = self;
    struct pending *pending = PL_CONTAINER(pl_list_first(&stream->pendings), struct pending, node);

    stream->waiting = false;
    pending->wait_ms = 0;
    stream_go_on(stream);
}

static void stream_on_open(struct pl_rpc_call *call)
{
    struct stream *stream;
    int rc;

    if (!echo_metadata(call))
        return;
    stream = pl_zalloc(sizeof *stream);
    rc = stream == NULL ? PL_E_NOMEM
                        : pl_timer_new(pl_rpc_call_ctx(call), on_timer, stream, &stream->timer);
    if (rc < 0) {
        pl_free(stream);
        fail(call, rc);
        return;
    }
    stream->call_weak = call;
    pl_list_init(&stream->pendings);
    pl_rpc_call_set_data(call, stream);
}

static void stream_on_close(struct pl_rpc_call *call)
{
    struct stream *stream = pl_rpc_call_data(call);

    if (stream != NULL)
        stream_end(stream);
}

/* StreamingInputCall */

/* Whether it may go on; ends the call if not. */
static bool input_take(struct stream *stream,
                       const Grpc__Testing__StreamingInputCallRequest *request)
{
    if (!came_as_expected(stream->call_weak, request->expect_compressed))
        return false;
    if (request->payload == NULL)
        return true;
    stream->received_size += (int64_t)request->payload->body.len; /* <= a message's size each */
    if (stream->received_size <= INT32_MAX)
        return true;
    finish(stream->call_weak, PL_CODE_RESOURCE_EXHAUSTED, "the sum is no 32-bit number");
    return false;
}

static void input_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct stream *stream = pl_rpc_call_data(call);
    struct pl_arena arena;
    ProtobufCMessage *request;

    if (stream == NULL)
        return; /* it has ended */
    pl_arena_init(&arena, ARENA_SIZE_MAX);
    request =
        unpack(call, &grpc__testing__streaming_input_call_request__descriptor, message, &arena);
    if (request == NULL ||
        !input_take(stream, (const Grpc__Testing__StreamingInputCallRequest *)request))
        stream_end(stream);
    pl_arena_done(&arena);
}

static void input_on_half_close(struct pl_rpc_call *call)
{
    struct stream *stream = pl_rpc_call_data(call);
    Grpc__Testing__StreamingInputCallResponse response =
        GRPC__TESTING__STREAMING_INPUT_CALL_RESPONSE__INIT;

    if (stream == NULL)
        return;
    response.aggregated_payload_size = (int32_t)stream->received_size;
    if (send_message(call, &response.base, false))
        finish(call, PL_CODE_OK, NULL);
    stream_end(stream);
}

/* StreamingOutputCall and FullDuplexCall */

/* Puts a response in line; false where it has ended the call. */
static bool output_add(struct stream *stream, const Grpc__Testing__ResponseParameters *parameters)
{
    struct pending *pending;

    if (!size_is_fine(stream->call_weak, parameters->size))
        return false;
    if (stream->pendings_len == INTEROP_PENDING_LEN_MAX) {
        finish(stream->call_weak, PL_CODE_RESOURCE_EXHAUSTED, "too many responses wait");
        return false;
    }
    pending = pl_zalloc(sizeof *pending);
    if (pending == NULL) {
        fail(stream->call_weak, PL_E_NOMEM);
        return false;
    }
    pending->size = (size_t)parameters->size;
    if (parameters->interval_us > 0)
        pending->wait_ms = ((uint64_t)parameters->interval_us + 999) / 1000;
    pending->compressed = is_true(parameters->compressed);
    pl_list_append(&stream->pendings, &pending->node);
    stream->pendings_len++;
    return true;
}

/* Whether the call goes on. */
static bool output_take(struct stream *stream,
                        const Grpc__Testing__StreamingOutputCallRequest *request)
{
    if (echo_status(stream->call_weak, request->response_status) ||
        !type_is_fine(stream->call_weak, request->response_type))
        return false;
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        if (!output_add(stream, request->response_parameters[i]))
            return false;
    }
    return true;
}

static void output_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct stream *stream = pl_rpc_call_data(call);
    struct pl_arena arena;
    ProtobufCMessage *request;

    if (stream == NULL)
        return; /* it has ended */
    pl_arena_init(&arena, ARENA_SIZE_MAX);
    request =
        unpack(call, &grpc__testing__streaming_output_call_request__descriptor, message, &arena);
    if (request == NULL ||
        !output_take(stream, (const Grpc__Testing__StreamingOutputCallRequest *)request))
        stream_end(stream);
    else
        stream_go_on(stream);
    pl_arena_done(&arena);
}

static void output_on_half_close(struct pl_rpc_call *call)
{
    struct stream *stream = pl_rpc_call_data(call);

    if (stream == NULL)
        return;
    stream->half_closed = true;
    stream_go_on(stream);
}

/* HalfDuplexCall and UnimplementedCall are not among them, nor is
 * UnimplementedService: that they are missing is what their cases want. */
static const struct pl_rpc_method methods[] = {
    {.name = "EmptyCall", .on_message = empty_on_message},
    {.name = "UnaryCall", .on_message = unary_on_message},
    {
        .name = "StreamingInputCall",
        .client_streaming = true,
        .on_open = stream_on_open,
        .on_message = input_on_message,
        .on_half_close = input_on_half_close,
        .on_close = stream_on_close,
    },
    {
        .name = "StreamingOutputCall",
        .server_streaming = true,
        .on_open = stream_on_open,
        .on_message = output_on_message,
        .on_half_close = output_on_half_close,
        .on_close = stream_on_close,
    },
    {
        .name = "FullDuplexCall",
        .client_streaming = true,
        .server_streaming = true,
        .on_open = stream_on_open,
        .on_message = output_on_message,
        .on_half_close = output_on_half_close,
        .on_close = stream_on_close,
    },
};

static const struct pl_rpc_service service = {
    .name = "grpc.testing.TestService",
    .methods = methods,
    .methods_len = sizeof methods / sizeof methods[0],
    .descriptor = &grpc__testing__test_service__descriptor,
};

int interop_service_add(struct pl_rpc_host *host, struct pl_loop *loop)
{
    return pl_rpc_host_add(host, &service, loop);
}

/*
 * run.c - see run.h. A call that is over only sets a mark: the next one is started
 * at the end of the turn, from outside of rpc's callbacks.
 */
#include "run.h"

#include "base/mem.h"
#include "grpc/testing/test.pb-c.h"
#include "pb/message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    PAYLOAD_SIZE_MAX = 1 << 20,
    ARENA_SIZE_MAX = 8 << 20,
    TIMEOUT_MS = 30 * 1000, /* of calls whose case names none */
};

#define SERVICE      "/grpc.testing.TestService/"
#define ECHO_HEADER  "x-grpc-test-echo-initial"
#define ECHO_TRAILER "x-grpc-test-echo-trailing-bin"
#define ECHO_TEXT    "test_initial_metadata_value"

/* What every payload is made of. */
static uint8_t zeros[PAYLOAD_SIZE_MAX];

static const uint8_t echo_bytes[] = {0xab, 0xab, 0xab};

static const struct pl_rpc_metadata echo_metadata[] = {
    {ECHO_HEADER, {(const uint8_t *)ECHO_TEXT, sizeof ECHO_TEXT - 1}},
    {ECHO_TRAILER, {echo_bytes, sizeof echo_bytes}},
};

static const char *const paths[] = {
    [INTEROP_EMPTY] = SERVICE "EmptyCall",
    [INTEROP_UNARY] = SERVICE "UnaryCall",
    [INTEROP_INPUT] = SERVICE "StreamingInputCall",
    [INTEROP_OUTPUT] = SERVICE "StreamingOutputCall",
    [INTEROP_DUPLEX] = SERVICE "FullDuplexCall",
    [INTEROP_UNIMPLEMENTED] = SERVICE "UnimplementedCall",
    [INTEROP_NO_SERVICE] = "/grpc.testing.UnimplementedService/UnimplementedCall",
};

static const struct interop_call *current(const struct interop_run *run)
{
    return &run->what->calls[run->call_i];
}

__attribute__((format(printf, 2, 3))) static void fail(struct interop_run *run, const char *format,
                                                       ...)
{
    va_list arguments;
    int used;

    run->done = true;
    if (run->fault[0] != 0)
        return; /* the first one tells most */
    used = snprintf(run->fault, sizeof run->fault, "call %zu: ", run->call_i + 1);
    va_start(arguments, format);
    (void)vsnprintf(run->fault + used, sizeof run->fault - (size_t)used, format, arguments);
    va_end(arguments);
}

/* Requests */

static Grpc__Testing__BoolValue *choice(enum interop_choice choice, Grpc__Testing__BoolValue *value)
{
    grpc__testing__bool_value__init(value);
    value->value = choice == INTEROP_YES;
    return choice == INTEROP_ANY ? NULL : value;
}

/* The parts that requests have in common. */
struct parts {
    Grpc__Testing__Payload payload;
    Grpc__Testing__EchoStatus status;
    Grpc__Testing__BoolValue expected;
    Grpc__Testing__BoolValue wanted[INTEROP_MESSAGES_MAX];
    Grpc__Testing__ResponseParameters parameters[INTEROP_MESSAGES_MAX];
    Grpc__Testing__ResponseParameters *list[INTEROP_MESSAGES_MAX];
};

static Grpc__Testing__Payload *payload_of(const struct interop_request *request,
                                          struct parts *parts)
{
    grpc__testing__payload__init(&parts->payload);
    parts->payload.body = (ProtobufCBinaryData){(size_t)request->payload_size, zeros};
    return request->payload_size == 0 ? NULL : &parts->payload;
}

static Grpc__Testing__EchoStatus *status_of(const struct interop_call *call,
                                            const struct interop_request *request,
                                            struct parts *parts)
{
    grpc__testing__echo_status__init(&parts->status);
    parts->status.code = (int32_t)call->code;
    parts->status.message = (char *)(uintptr_t)call->text; /* only read */
    return request->with_status ? &parts->status : NULL;
}

static int pack_simple(const struct interop_call *call, const struct interop_request *request,
                       struct pl_buf **ret_buf)
{
    Grpc__Testing__SimpleRequest message = GRPC__TESTING__SIMPLE_REQUEST__INIT;
    struct parts parts;

    message.response_size = request->responses[0].size;
    message.payload = payload_of(request, &parts);
    message.response_compressed = choice(request->responses[0].compressed, &parts.wanted[0]);
    message.response_status = status_of(call, request, &parts);
    message.expect_compressed = choice(request->expect_compressed, &parts.expected);
    return pl_pb_pack(&message.base, ret_buf);
}

static int pack_input(const struct interop_request *request, struct pl_buf **ret_buf)
{
    Grpc__Testing__StreamingInputCallRequest message =
        GRPC__TESTING__STREAMING_INPUT_CALL_REQUEST__INIT;
    struct parts parts;

    message.payload = payload_of(request, &parts);
    message.expect_compressed = choice(request->expect_compressed, &parts.expected);
    return pl_pb_pack(&message.base, ret_buf);
}

static int pack_output(const struct interop_call *call, const struct interop_request *request,
                       struct pl_buf **ret_buf)
{
    Grpc__Testing__StreamingOutputCallRequest message =
        GRPC__TESTING__STREAMING_OUTPUT_CALL_REQUEST__INIT;
    struct parts parts;

    for (size_t i = 0; i < request->responses_len; i++) {
        grpc__testing__response_parameters__init(&parts.parameters[i]);
        parts.parameters[i].size = request->responses[i].size;
        parts.parameters[i].compressed = choice(request->responses[i].compressed, &parts.wanted[i]);
        parts.list[i] = &parts.parameters[i];
    }
    message.response_parameters = parts.list;
    message.n_response_parameters = request->responses_len;
    message.payload = payload_of(request, &parts);
    message.response_status = status_of(call, request, &parts);
    return pl_pb_pack(&message.base, ret_buf);
}

static int pack(const struct interop_call *call, const struct interop_request *request,
                struct pl_buf **ret_buf)
{
    static const Grpc__Testing__Empty nothing = GRPC__TESTING__EMPTY__INIT;

    switch (call->method) {
    case INTEROP_UNARY:
        return pack_simple(call, request, ret_buf);
    case INTEROP_INPUT:
        return pack_input(request, ret_buf);
    case INTEROP_OUTPUT:
    case INTEROP_DUPLEX:
        return pack_output(call, request, ret_buf);
    case INTEROP_EMPTY:
    case INTEROP_UNIMPLEMENTED:
    case INTEROP_NO_SERVICE:
        return pl_pb_pack(&nothing.base, ret_buf);
    }
    return PL_E_INVALID;
}

static void send_next(struct interop_run *run)
{
    const struct interop_call *call = current(run);
    const struct interop_request *request = &call->requests[run->requests_sent];
    struct pl_buf *buf;
    int rc = pack(call, request, &buf);

    if (rc == PL_OK) {
        if (call->gzip)
            pl_rpc_client_call_compress(pl_channel_call_attempt(run->call), request->compressed);
        rc = pl_channel_send(run->call, (struct pl_bytes){buf->data, buf->size});
        pl_buf_unref(buf);
    }
    run->requests_sent++;
    if (rc < 0)
        fail(run, "a request cannot be sent: %s", pl_err_text(rc));
}

/* Sends what may be sent by now. */
static void send_more(struct interop_run *run)
{
    const struct interop_call *call = current(run);

    while (run->requests_sent < call->requests_len) {
        send_next(run);
        if (call->one_by_one || run->done)
            return;
    }
    if (!call->stays_open)
        pl_channel_half_close(run->call);
}

/* Responses */

static bool payload_is(struct interop_run *run, const Grpc__Testing__Payload *payload, int32_t size)
{
    size_t found = payload == NULL ? 0 : payload->body.len;

    if (found != (size_t)size)
        fail(run, "a payload of %zu bytes instead of %d", found, (int)size);
    else if (found > 0 && memcmp(payload->body.data, zeros, found) != 0)
        fail(run, "a payload that is not zeros");
    else if (found > 0 && payload->type != GRPC__TESTING__PAYLOAD_TYPE__COMPRESSABLE)
        fail(run, "a payload of another type");
    return !run->done;
}

/* Whether the message is what the call's kind of response must be. */
static bool check_response(struct interop_run *run, const ProtobufCMessage *message,
                           const struct interop_response *wanted)
{
    const struct interop_call *call = current(run);
    const Grpc__Testing__StreamingInputCallResponse *input;

    switch (call->method) {
    case INTEROP_UNARY:
        return payload_is(run, ((const Grpc__Testing__SimpleResponse *)message)->payload,
                          wanted->size);
    case INTEROP_OUTPUT:
    case INTEROP_DUPLEX:
        return payload_is(run,
                          ((const Grpc__Testing__StreamingOutputCallResponse *)message)->payload,
                          wanted->size);
    case INTEROP_INPUT:
        input = (const Grpc__Testing__StreamingInputCallResponse *)message;
        if (input->aggregated_payload_size == call->aggregated_size)
            return true;
        fail(run, "aggregated_payload_size is %d", (int)input->aggregated_payload_size);
        return false;
    case INTEROP_EMPTY:
    case INTEROP_UNIMPLEMENTED:
    case INTEROP_NO_SERVICE:
        return true; /* it has no fields */
    }
    return false;
}

static const ProtobufCMessageDescriptor *response_type(enum interop_method method)
{
    switch (method) {
    case INTEROP_UNARY:
        return &grpc__testing__simple_response__descriptor;
    case INTEROP_INPUT:
        return &grpc__testing__streaming_input_call_response__descriptor;
    case INTEROP_OUTPUT:
    case INTEROP_DUPLEX:
        return &grpc__testing__streaming_output_call_response__descriptor;
    case INTEROP_EMPTY:
    case INTEROP_UNIMPLEMENTED:
    case INTEROP_NO_SERVICE:
        break;
    }
    return &grpc__testing__empty__descriptor;
}

/* The next response that must come, or NULL. */
static const struct interop_response *next_response(struct interop_run *run)
{
    static const struct interop_response any = {0};
    const struct interop_call *call = current(run);

    if (call->method != INTEROP_OUTPUT && call->method != INTEROP_DUPLEX) {
        if (run->answered)
            return NULL;
        return call->method == INTEROP_UNARY ? &call->requests[0].responses[0] : &any;
    }
    if (run->response_of == call->requests_len ||
        call->requests[run->response_of].responses_len == 0)
        return NULL;
    return &call->requests[run->response_of].responses[run->response_i];
}

/* Moves on to the one after it; returns whether that was its request's last. */
static bool response_taken(struct interop_run *run)
{
    const struct interop_call *call = current(run);

    if (call->method != INTEROP_OUTPUT && call->method != INTEROP_DUPLEX) {
        run->answered = true;
        return true;
    }
    run->response_i++;
    if (run->response_i < call->requests[run->response_of].responses_len)
        return false;
    run->response_i = 0;
    run->response_of++;
    return true;
}

static bool take_response(struct interop_run *run, struct pl_bytes message,
                          const struct interop_response *wanted)
{
    bool compressed = pl_rpc_client_call_was_compressed(pl_channel_call_attempt(run->call));
    struct pl_pb_fault fault;
    struct pl_arena arena;
    ProtobufCMessage *response;
    int rc;

    if (wanted->compressed != INTEROP_ANY && compressed != (wanted->compressed == INTEROP_YES)) {
        fail(run, "a response came %s", compressed ? "compressed" : "not compressed");
        return false;
    }
    pl_arena_init(&arena, ARENA_SIZE_MAX);
    rc = pl_pb_unpack(response_type(current(run)->method), message, &arena, &fault, &response);
    if (rc < 0)
        fail(run, "a response that cannot be read: %s", pl_err_text(rc));
    else
        (void)check_response(run, response, wanted);
    pl_arena_done(&arena);
    return !run->done;
}

static void on_message(void *self, struct pl_bytes message)
{
    struct interop_run *run = self;
    const struct interop_response *wanted = next_response(run);

    if (run->done)
        return;
    if (wanted == NULL) {
        fail(run, "a response too many");
        return;
    }
    if (!take_response(run, message, wanted))
        return;
    if (response_taken(run) && current(run)->one_by_one) {
        if (current(run)->cancel == INTEROP_CANCEL_ON_RESPONSE)
            pl_channel_cancel(run->call);
        else
            send_more(run);
    }
}

static void check_metadata(struct interop_run *run)
{
    const struct pl_rpc_client_call *attempt = pl_channel_call_attempt(run->call);
    struct pl_bytes value;

    if (attempt == NULL || !pl_rpc_client_call_header(attempt, ECHO_HEADER, &value) ||
        !pl_bytes_equal(value, echo_metadata[0].value))
        fail(run, "%s did not come back in the headers", ECHO_HEADER);
    if (attempt == NULL || !pl_rpc_client_call_trailer(attempt, ECHO_TRAILER, &value) ||
        !pl_bytes_equal(value, echo_metadata[1].value))
        fail(run, "%s did not come back in the trailers", ECHO_TRAILER);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct interop_run *run = self;
    const struct interop_call *call = current(run);
    const char *text = status->message == NULL ? "" : status->message;

    (void)processed;
    if (status->code != call->code)
        fail(run, "ended with %s (%s) instead of %s", pl_code_name((int)status->code), text,
             pl_code_name((int)call->code));
    else if (call->text != NULL && strcmp(text, call->text) != 0)
        fail(run, "ended with another message: %s", text);
    else if (status->code == PL_CODE_OK && next_response(run) != NULL)
        fail(run, "ended before all responses had come");
    else if (call->metadata)
        check_metadata(run);
    run->call = NULL;
    run->next = INTEROP_NEXT_NOTHING;
    run->call_i++;
    run->ready = true;
}

/* Calls */

static void start_call(struct interop_run *run)
{
    const struct interop_call *call = current(run);
    const struct pl_rpc_client_call_ops ops = {
        .self = run,
        .on_message = on_message,
        .on_close = on_close,
    };
    const struct pl_channel_call_options options = {
        .compress = call->gzip,
        .one_reply = call->method != INTEROP_OUTPUT && call->method != INTEROP_DUPLEX,
        .timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : TIMEOUT_MS,
    };
    size_t metadata_len = call->metadata ? sizeof echo_metadata / sizeof echo_metadata[0] : 0;
    int rc;

    run->requests_sent = run->response_of = run->response_i = 0;
    run->answered = false;
    rc = pl_channel_start(run->channel_weak, paths[call->method], echo_metadata, metadata_len,
                          &options, &ops, &run->call);
    if (rc < 0)
        fail(run, "cannot be started: %s", pl_err_text(rc));
    else if (call->cancel == INTEROP_CANCEL_AT_ONCE)
        run->next = INTEROP_NEXT_CANCEL;
    else if (call->gzip)
        run->next = INTEROP_NEXT_SEND; /* compression is chosen on the attempt */
    else
        send_more(run);
}

/* The call's headers are on their way. */
static void after_headers(struct interop_run *run)
{
    enum interop_next next = run->next;

    run->next = INTEROP_NEXT_NOTHING;
    if (next == INTEROP_NEXT_CANCEL)
        pl_channel_cancel(run->call);
    else
        send_more(run);
}

void interop_run_init(struct interop_run *run, const struct interop_case *what,
                      struct pl_channel *channel)
{
    *run = (struct interop_run){.what = what, .channel_weak = channel, .ready = true};
}

bool interop_run_go_on(struct interop_run *run)
{
    if (run->done)
        return false;
    if (run->next != INTEROP_NEXT_NOTHING) {
        if (pl_channel_call_attempt(run->call) == NULL)
            return false; /* it waits for the connection */
        after_headers(run);
        return true;
    }
    if (!run->ready)
        return false;
    run->ready = false;
    if (run->call_i < run->what->calls_len)
        start_call(run);
    else
        run->done = true;
    return true;
}

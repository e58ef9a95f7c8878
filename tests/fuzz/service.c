/* service.c - see service.h. */
#include "service.h"

#include "base/assert.h"
#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "rpc/envelope.h"

#include <string.h>

static struct fuzz_calls *calls_of(const struct pl_rpc_call *call)
{
    return pl_rpc_call_ctx(call);
}

static struct fuzz_call *slot_of(const struct pl_rpc_call *call)
{
    struct fuzz_call *slot = pl_rpc_call_data(call);

    PL_ASSERT(slot != NULL && slot->call == call);
    return slot;
}

struct fuzz_call *fuzz_calls_pick(struct fuzz_calls *calls, unsigned n)
{
    size_t len = 0;

    for (size_t i = 0; i < FUZZ_CALLS_LEN_MAX; i++)
        len += calls->slots[i].call != NULL && !calls->slots[i].finished;
    if (len == 0)
        return NULL;
    n %= (unsigned)len;
    for (size_t i = 0;; i++)
        if (calls->slots[i].call != NULL && !calls->slots[i].finished && n-- == 0)
            return &calls->slots[i];
}

void fuzz_call_finish(struct fuzz_call *of, uint8_t code, const char *message)
{
    struct pl_rpc_status status = {.code = (enum pl_code)(code % 17), .message = message};

    if (code >= 128)
        status.details = (struct pl_bytes){(const uint8_t *)"\x08\x05\x12\x02no", 6};
    PL_ASSERT(!of->finished);
    of->finished = true;
    pl_rpc_call_finish(of->call, &status);
}

void fuzz_call_send(struct fuzz_call *of, struct pl_bytes message)
{
    struct pl_buf *buf;
    int rc;

    if (of->sent > 0 && !pl_rpc_call_method(of->call)->server_streaming)
        return; /* one message is all that it may send */
    if (pl_rpc_call_queue_size(of->call) + message.size > FUZZ_QUEUE_SIZE_MAX)
        return;
    buf = pl_buf_copy(message.data, message.size);
    rc = buf != NULL ? pl_rpc_call_send(of->call, buf) : PL_E_NOMEM;
    pl_buf_unref(buf);
    if (rc == PL_OK)
        of->sent++;
    else if (rc != PL_E_CLOSED) /* its stream is being reset; on_close is still to come */
        fuzz_call_finish(of, rc == PL_E_NOMEM ? PL_CODE_UNAVAILABLE : PL_CODE_INTERNAL,
                         "it cannot be sent");
}

static void on_open(struct pl_rpc_call *call)
{
    struct fuzz_calls *calls = calls_of(call);
    struct pl_bytes value;
    size_t i = 0;

    PL_ASSERT(pl_rpc_call_data(call) == NULL);
    while (i < FUZZ_CALLS_LEN_MAX && calls->slots[i].call != NULL)
        i++;
    PL_ASSERT(i < FUZZ_CALLS_LEN_MAX); /* else more streams are open than were allowed */
    calls->slots[i] = (struct fuzz_call){.call = call, .id = pl_rpc_call_id(call)};
    pl_rpc_call_set_data(call, &calls->slots[i]);
    calls->opened++;
    if (pl_rpc_call_metadata(call, "x-in-bin", &value) &&
        pl_rpc_call_add_header(call, "x-out-bin", value) == PL_E_INVALID)
        PL_UNREACHABLE(); /* any bytes are allowed there */
    (void)pl_rpc_call_metadata(call, "authorization", &value);
}

static void on_close(struct pl_rpc_call *call)
{
    struct fuzz_call *slot = slot_of(call);

    calls_of(call)->closed++;
    slot->call = NULL;
}

/* A message has come: each check is of host.h's "Life of a call". */
static struct fuzz_call *message_of(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct fuzz_call *slot = slot_of(call);

    PL_ASSERT(!slot->half_closed && !slot->finished);
    PL_ASSERT(message.size == 0 || message.data != NULL);
    slot->messages++;
    if (!pl_rpc_call_method(call)->client_streaming)
        PL_ASSERT(slot->messages == 1);
    return slot;
}

static struct fuzz_call *half_close_of(struct pl_rpc_call *call)
{
    struct fuzz_call *slot = slot_of(call);

    PL_ASSERT(!slot->half_closed);
    slot->half_closed = true;
    return slot;
}

static void on_half_close(struct pl_rpc_call *call)
{
    (void)half_close_of(call);
}

static void on_echo(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct fuzz_call *slot = message_of(call, message);

    fuzz_call_send(slot, message);
    if (!slot->finished)
        fuzz_call_finish(slot, PL_CODE_OK, NULL);
}

/* As many messages as the first byte says. */
static void on_many(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct fuzz_call *slot = message_of(call, message);

    for (unsigned i = message.size > 0 ? message.data[0] : 0; i > 0 && !slot->finished; i--)
        fuzz_call_send(slot, pl_bytes_str("\x1a\x03one"));
    if (!slot->finished)
        fuzz_call_finish(slot, PL_CODE_OK, "");
}

static void on_count(struct pl_rpc_call *call, struct pl_bytes message)
{
    (void)message_of(call, message);
}

static void on_count_end(struct pl_rpc_call *call)
{
    struct fuzz_call *slot = half_close_of(call);

    if (slot->finished)
        return;
    fuzz_call_send(slot, pl_bytes_str(slot->messages % 2 == 0 ? "\x1a\x04"
                                                                "even"
                                                              : ""));
    if (!slot->finished)
        fuzz_call_finish(slot, PL_CODE_OK, NULL);
}

static void on_talk(struct pl_rpc_call *call, struct pl_bytes message)
{
    fuzz_call_send(message_of(call, message), message);
}

static void on_talk_end(struct pl_rpc_call *call)
{
    struct fuzz_call *slot = half_close_of(call);

    if (!slot->finished)
        fuzz_call_finish(slot, PL_CODE_ABORTED, "so much for that: 100 %\n");
}

static void on_early(struct pl_rpc_call *call)
{
    on_open(call);
    fuzz_call_finish(slot_of(call), PL_CODE_UNAUTHENTICATED, "who is there?");
}

/* Enveloped messages of 100 bytes (a text of 98), cut anywhere. */
static size_t pull(void *self, uint8_t *to, size_t size)
{
    struct fuzz_call *slot = self;
    uint8_t head[PL_RPC_ENVELOPE_SIZE];
    size_t done = 0;

    PL_ASSERT(slot->call != NULL);
    pl_rpc_envelope_write(head, 0, 100);
    for (; done < size; done++) {
        size_t at = slot->given % (sizeof head + 100);

        if (slot->given >= FUZZ_SOURCE_SIZE_MAX && at == 0)
            break;
        to[done] = at < sizeof head ? head[at] : at == 5 ? 0x1a : at == 6 ? 98 : 's';
        slot->given++;
    }
    return done;
}

static void on_source(struct pl_rpc_call *call)
{
    on_open(call);
    pl_rpc_call_set_source(call, &(struct pl_rpc_source){slot_of(call), pull});
    pl_rpc_call_wake(call);
}

static const struct pl_rpc_method methods[] = {
    {.name = "Echo",
     .no_side_effects = true,
     .on_open = on_open,
     .on_message = on_echo,
     .on_half_close = on_half_close,
     .on_close = on_close},
    {.name = "Many",
     .server_streaming = true,
     .on_open = on_open,
     .on_message = on_many,
     .on_half_close = on_half_close,
     .on_close = on_close},
    {.name = "Count",
     .client_streaming = true,
     .on_open = on_open,
     .on_message = on_count,
     .on_half_close = on_count_end,
     .on_close = on_close},
    {.name = "Talk",
     .client_streaming = true,
     .server_streaming = true,
     .on_open = on_open,
     .on_message = on_talk,
     .on_half_close = on_talk_end,
     .on_close = on_close},
    {.name = "Wait",
     .on_open = on_open,
     .on_message = on_count,
     .on_half_close = on_half_close,
     .on_close = on_close},
    {.name = "WaitAll",
     .client_streaming = true,
     .server_streaming = true,
     .on_open = on_open,
     .on_message = on_count,
     .on_half_close = on_half_close,
     .on_close = on_close},
    {.name = "Early",
     .server_streaming = true,
     .on_open = on_early,
     .on_message = on_count,
     .on_half_close = on_half_close,
     .on_close = on_close},
    {.name = "Source",
     .server_streaming = true,
     .on_open = on_source,
     .on_message = on_count,
     .on_half_close = on_half_close,
     .on_close = on_close},
};

/* Every message is of one type, so that what comes may go back. By name, as
 * protobuf-c has them. */
#define METHOD(name)                                        \
    {                                                       \
        name, &parla__v1__send_message_request__descriptor, \
            &parla__v1__send_message_request__descriptor    \
    }
static const ProtobufCMethodDescriptor method_types[] = {
    METHOD("Count"),  METHOD("Early"), METHOD("Echo"), METHOD("Many"),
    METHOD("Source"), METHOD("Talk"),  METHOD("Wait"), METHOD("WaitAll"),
};
static const unsigned method_indices[] = {0, 1, 2, 3, 4, 5, 6, 7};

static const struct ProtobufCServiceDescriptor types = {
    .magic = PROTOBUF_C__SERVICE_DESCRIPTOR_MAGIC,
    .name = "fuzz.Kinds",
    .short_name = "Kinds",
    .c_name = "fuzz_kinds",
    .package = "fuzz",
    .n_methods = sizeof method_types / sizeof method_types[0],
    .methods = method_types,
    .method_indices_by_name = method_indices,
};

const struct pl_rpc_service fuzz_service = {
    .name = "fuzz.Kinds",
    .methods = methods,
    .methods_len = sizeof methods / sizeof methods[0],
    .descriptor = &types,
};

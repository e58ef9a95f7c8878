/*
 * fuzz_walk.c - answers of a server, walked without unpacking: what protobuf-c takes
 * is walked to its end, and room, sequence and text are those that it finds.
 *
 * Input: a byte that names the message, then its bytes.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "bench/parla_walk.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE = 1 << 20 };

static struct pl_arena arena;

static void check_within(struct pl_bytes part, struct pl_bytes whole)
{
    if (part.data == NULL)
        return;
    PL_ASSERT(part.data >= whole.data && part.size <= whole.size);
    PL_ASSERT((size_t)(part.data - whole.data) <= whole.size - part.size);
}

/* The message as protobuf-c has it; NULL where it has none. */
static const void *unpack(const ProtobufCMessageDescriptor *type, struct pl_bytes data)
{
    ProtobufCMessage *message = NULL;
    struct pl_pb_fault fault;

    return pl_pb_unpack(type, data, &arena, &fault, &message) == PL_OK ? message : NULL;
}

static void walk_event(struct pl_bytes data)
{
    const Parla__V1__Event *event = unpack(&parla__v1__event__descriptor, data);
    struct pl_bench_event found;

    if (!pl_bench_walk_event(data, &found)) {
        PL_ASSERT(event == NULL);
        return;
    }
    check_within(found.room, data);
    check_within(found.text, data);
    if (event == NULL)
        return;
    PL_ASSERT(found.sequence == event->sequence);
    PL_ASSERT(pl_bytes_is(found.room, event->room));
}

static void walk_message(struct pl_bytes data)
{
    const Parla__V1__ChatMessage *message = unpack(&parla__v1__chat_message__descriptor, data);
    struct pl_bench_event found;

    if (!pl_bench_walk_message(data, &found)) {
        PL_ASSERT(message == NULL);
        return;
    }
    check_within(found.room, data);
    check_within(found.text, data);
    if (message == NULL)
        return;
    PL_ASSERT(found.sequence == message->sequence);
    PL_ASSERT(pl_bytes_is(found.room, message->room));
    PL_ASSERT(pl_bytes_is(found.text, message->text));
}

static void walk_item(struct pl_bytes data)
{
    const void *message = unpack(&parla__v1__stream_messages_response__descriptor, data);
    struct pl_bench_item found;

    if (!pl_bench_walk_item(data, &found)) {
        PL_ASSERT(message == NULL);
        return;
    }
    check_within(found.cursor, data);
    check_within(found.event, data);
    if (found.event.data != NULL)
        walk_event(found.event);
}

static void walk_sent(struct pl_bytes data)
{
    const void *message = unpack(&parla__v1__send_message_response__descriptor, data);
    enum pl_bench_durability durability;
    uint64_t sequence;

    if (!pl_bench_walk_sent(data, &sequence, &durability))
        PL_ASSERT(message == NULL);
    else
        PL_ASSERT(durability <= PL_BENCH_DURABILITY_REPLICATED);
}

static void walk_page(struct pl_bytes data)
{
    const Parla__V1__ListMessagesResponse *page =
        unpack(&parla__v1__list_messages_response__descriptor, data);
    struct pl_bytes rest = data, message;
    size_t len = 0;

    for (;; len++) {
        if (!pl_bench_walk_page(&rest, &message)) {
            PL_ASSERT(page == NULL);
            return;
        }
        if (message.data == NULL)
            break;
        check_within(message, data);
        walk_message(message);
    }
    PL_ASSERT(rest.size == 0);
    PL_ASSERT(page == NULL || len == page->n_messages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const walks[])(struct pl_bytes) = {walk_item, walk_event, walk_message, walk_sent,
                                                     walk_page};
    struct fuzz_input input = {data, size};
    uint8_t which = fuzz_byte(&input);
    struct pl_bytes rest = fuzz_rest(&input);
    uint8_t *copy = fuzz_copy(rest);

    pl_arena_init(&arena, ARENA_SIZE);
    walks[which % (sizeof walks / sizeof walks[0])]((struct pl_bytes){copy, rest.size});
    pl_arena_done(&arena);
    free(copy);
    return 0;
}

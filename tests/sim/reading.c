/*
 * reading.c - what a client makes of a stream's bytes: frames, cut anywhere.
 *
 * It keeps the last cursor that it was given; a frame that was not read to its end
 * was not given.
 */
#include "sim.h"

#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "trace.h"

#include <inttypes.h>
#include <string.h>

typedef Parla__V1__StreamMessagesResponse item_t;

static pl_position keep_cursor(struct sim *sim, struct client *client, const char *text)
{
    struct pl_cursor cursor;
    size_t size = strlen(text);

    if (size == 0)
        return 0;
    JUDGE(pl_cursor_decode(text, &sim->arena, &cursor) == PL_OK, "a cursor is damaged");
    client->cursor = pl_arena_copy(&sim->arena, text, size);
    JUDGE(client->cursor != NULL, "out of memory");
    return cursor.position;
}

static void on_event(struct sim *sim, struct call *call, const Parla__V1__Event *event,
                     pl_position cursor)
{
    bool message = event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT;
    struct judge_given given = {
        .room = event->room,
        .sequence = event->sequence,
        .kind = (enum pl_event_kind)event->kind_case,
        .text = message ? event->message_sent->text : NULL,
        .actor = event->actor_id,
        .cursor = cursor,
    };

    sim->seen->given++;
    trace("stream %" PRIu64 " gives %" PRIu64 " of %s", call->id, given.sequence, given.room);
    judge_stream_event(&sim->judge, &call->judged, &given);
}

static void on_item(struct sim *sim, struct call *call, const uint8_t *data, size_t size)
{
    item_t *item = parla__v1__stream_messages_response__unpack(NULL, size, data);
    pl_position cursor;

    JUDGE(item != NULL, "a frame of a stream is damaged");
    cursor = keep_cursor(sim, call->client, item->cursor);
    switch (item->item_case) {
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_EVENT:
        on_event(sim, call, item->event, cursor);
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_CAUGHT_UP:
        trace("stream %" PRIu64 " has caught up", call->id);
        judge_stream_caught_up(&sim->judge, &call->judged);
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_READ_MARKER:
        judge_stream_marker(&sim->judge, &call->judged, item->read_marker->room,
                            item->read_marker->sequence);
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_HEARTBEAT:
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_DRAINING:
        break;
    default:
        fail("a stream gave an item of kind %d", (int)item->item_case);
    }
    parla__v1__stream_messages_response__free_unpacked(item, NULL);
}

static uint32_t size_of_frame(const uint8_t *head)
{
    return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
}

static void take_frames(struct sim *sim, struct call *call)
{
    struct pl_bytebuf *bytes = &call->bytes;
    size_t at = 0;

    while (bytes->size - at >= 5) {
        size_t size = size_of_frame(bytes->data + at);

        JUDGE(bytes->data[at] == 0, "a frame has flags");
        if (bytes->size - at - 5 < size)
            break;
        on_item(sim, call, bytes->data + at + 5, size);
        at += 5 + size;
    }
    pl_bytebuf_consume(bytes, at);
}

void reading_pull(struct sim *sim, struct call *call, size_t size)
{
    uint8_t *to = pl_bytebuf_reserve(&call->bytes, size);
    size_t got;

    JUDGE(to != NULL, "out of memory");
    got = pl_stream_pull(call->stream, to, size);
    pl_bytebuf_added(&call->bytes, got);
    if (got == 0)
        call->awake = false;
    take_frames(sim, call);
}

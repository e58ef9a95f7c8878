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

enum { STATE_MEMBERS_LEN_MAX = 256 };

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

/* What is missing up to the cursor is still missing when it resumes there. */
static void keep_missing(struct sim *sim, const struct call *call)
{
    size_t size = call->judged.missing_len * sizeof *call->judged.missing;
    pl_sequence *missing = sim_alloc(sim, size);

    if (size > 0)
        memcpy(missing, call->judged.missing, size);
    call->client->missing = missing;
    call->client->missing_len = call->judged.missing_len;
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
        .reply_to = message ? event->message_sent->reply_to : 0,
        .thread = message ? event->message_sent->thread : 0,
        .mentions = message ? event->message_sent->n_mentions : 0,
        .actor = event->actor_id,
        .cursor = cursor,
    };

    sim->seen->given++;
    trace("stream %" PRIu64 " gives %" PRIu64 " of %s", call->id, given.sequence, given.room);
    judge_stream_event(&sim->judge, &call->judged, &given);
}

static void on_state(struct sim *sim, struct call *call, const Parla__V1__RoomState *state,
                     pl_position cursor)
{
    uint64_t members[STATE_MEMBERS_LEN_MAX];
    struct judge_given_state given = {
        .room = state->room->room,
        .sequence = state->as_of_sequence,
        .member_count = state->room->member_count,
        .members = members,
        .members_len = state->n_members,
        .cursor = cursor,
    };

    JUDGE(!state->more_members && state->n_members <= STATE_MEMBERS_LEN_MAX,
          "%s's state has too many members", given.room);
    for (size_t i = 0; i < state->n_members; i++)
        members[i] = state->members[i]->user_id;
    sim->seen->states++;
    trace("stream %" PRIu64 " gives the state of %s at %" PRIu64, call->id, given.room,
          given.sequence);
    judge_stream_state(&sim->judge, &call->judged, &given);
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
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_ROOM_STATE:
        on_state(sim, call, item->room_state, cursor);
        break;
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_HEARTBEAT:
    case PARLA__V1__STREAM_MESSAGES_RESPONSE__ITEM_DRAINING:
        break;
    default:
        fail("a stream gave an item of kind %d", (int)item->item_case);
    }
    if (item->cursor[0] != 0)
        keep_missing(sim, call);
    parla__v1__stream_messages_response__free_unpacked(item, NULL);
}

uint32_t reading_size_of_frame(const uint8_t *head)
{
    return (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 | head[4];
}

static void take_frames(struct sim *sim, struct call *call)
{
    struct pl_bytebuf *bytes = &call->bytes;
    size_t at = 0;

    while (bytes->size - at >= 5) {
        size_t size = reading_size_of_frame(bytes->data + at);

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
    sim_starve(sim, 100);
    got = pl_stream_pull(call->stream, to, size);
    sim_fed(sim);
    pl_bytebuf_added(&call->bytes, got);
    if (got == 0)
        call->awake = false;
    take_frames(sim, call);
}

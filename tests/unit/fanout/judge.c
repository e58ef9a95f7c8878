/* judge.c - frames taken apart, and each held against the world. */
#include "judge.h"

#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Nothing that the client must have lies between what it has and `through`. */
static void judge_complete(struct judge *judge, pl_position through)
{
    const struct world *world = judge->world_weak;

    while (judge->next < world->events_len && world->events[judge->next].position <= through) {
        const struct world_event *event = &world->events[judge->next];

        JUDGE(judge, world_right(world, &judge->want, event) != WORLD_MUST);
        judge->next++;
    }
}

static void judge_cursor(struct judge *judge, const struct frame *frame)
{
    const struct world_want *want = &judge->want;
    enum pl_backlog_kind backlog = frame->position < want->until ? want->backlog : PL_BACKLOG_NONE;

    JUDGE(judge, frame->position >= judge->cursor);
    JUDGE(judge, frame->backlog == backlog);
    judge->cursor = frame->position;
    judge->cursor_backlog = frame->backlog;
}

static void judge_event(struct judge *judge, const struct frame *frame)
{
    const struct world *world = judge->world_weak;
    pl_position position;
    const struct world_event *event;

    JUDGE(judge, frame->bytes.size >= 8);
    position = frames_get_u64(frame->bytes.data);
    event = world_find(world, position);
    JUDGE(judge, event != NULL);
    judge_complete(judge, position - 1);
    JUDGE(judge, event == &world->events[judge->next]);
    JUDGE(judge, world_right(world, &judge->want, event) != WORLD_NO);
    JUDGE(judge, frame->bytes.size == 8 + event->padding);
    for (size_t i = 0; i < event->padding; i++)
        JUDGE(judge, frame->bytes.data[8 + i] == (uint8_t)(position + i));
    judge->next++;
    if (frame->position != 0) {
        JUDGE(judge, frame->position == position);
        judge_cursor(judge, frame);
    }
    judge->events_len++;
}

static void judge_marker(struct judge *judge, const struct frame *frame)
{
    uint32_t room = 1;

    while (room <= WORLD_ROOMS_LEN && !pl_bytes_is(frame->bytes, world_room_name(room)))
        room++;
    JUDGE(judge, room <= WORLD_ROOMS_LEN);
    JUDGE(judge, frame->number >= judge->markers[room - 1].got);
    judge->markers[room - 1].got = frame->number;
}

static void judge_frame(struct judge *judge, const struct frame *frame)
{
    JUDGE(judge, !judge->drained);
    switch (frame->letter) {
    case FRAME_EVENT:
        judge_event(judge, frame);
        return;
    case FRAME_MARKER:
        judge_marker(judge, frame);
        return;
    case FRAME_CAUGHT_UP:
        JUDGE(judge, !judge->caught_up);
        JUDGE(judge, frame->position >= judge->shown);
        judge->caught_up = true;
        judge->caught_up_len++;
        break;
    case FRAME_DRAINING:
        judge->drained = true;
        break;
    default:
        break;
    }
    judge_complete(judge, frame->position);
    judge_cursor(judge, frame);
}

void judge_bytes(struct judge *judge)
{
    struct frame frame;
    size_t at = 0;
    size_t size;

    while ((size = frames_parse((struct pl_bytes){judge->bytes + at, judge->bytes_size - at},
                                &frame)) > 0) {
        judge_frame(judge, &frame);
        at += size;
    }
    judge->bytes_size -= at;
    memmove(judge->bytes, judge->bytes + at, judge->bytes_size);
}

void judge_asked(struct judge *judge, pl_position shown)
{
    judge->shown = shown;
    judge->caught_up = false;
    judge->drained = false;
    memset(judge->markers, 0, sizeof judge->markers);
}

void judge_gone(struct judge *judge)
{
    const struct world *world = judge->world_weak;

    judge->bytes_size = 0;
    judge->next = 0;
    while (judge->next < world->events_len && world->events[judge->next].position <= judge->cursor)
        judge->next++;
}

void judge_whole(struct judge *judge)
{
    judge_complete(judge, judge->world_weak->position);
    JUDGE(judge, judge->bytes_size == 0);
    JUDGE(judge, judge->caught_up);
    for (uint32_t room = 0; room < WORLD_ROOMS_LEN; room++)
        JUDGE(judge,
              !judge->markers[room].care || judge->markers[room].must == judge->markers[room].got);
}

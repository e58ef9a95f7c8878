/* world.c - see world.h. */
#include "world.h"

#include "base/err.h"
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void world_init(struct world *world, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    world->random = seed * 2 + 1;
    for (uint32_t user = 0; user < WORLD_USERS_LEN; user++)
        world->sessions[user] = ++world->sessions_len;
}

uint32_t world_random(struct world *world, uint32_t below)
{
    uint64_t x = world->random += 0x9e3779b97f4a7c15u; /* SplitMix64 */

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint32_t)((x ^ x >> 31) % below);
}

const char *world_room_name(uint32_t room)
{
    static const char *const names[] = {"one", "two", "three", "four", "five"};

    return names[room - 1];
}

/* What stands for the bytes of parla.v1.Event. */
static struct pl_buf *encode(const struct world_event *event)
{
    struct pl_buf *buf = pl_buf_new(8 + event->padding);

    assert_non_null(buf);
    for (size_t i = 0; i < 8; i++)
        buf->data[i] = (uint8_t)(event->position >> (8 * i));
    for (size_t i = 0; i < event->padding; i++)
        buf->data[8 + i] = (uint8_t)(event->position + i);
    return buf;
}

static void add_event(struct world *world, uint32_t room, uint32_t padding,
                      struct pl_effects *effects)
{
    struct world_event *event = &world->events[world->events_len++];
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_EVENT);

    assert_true(world->events_len < WORLD_EVENTS_LEN_MAX);
    *event = (struct world_event){
        .position = world->position += 1 + world_random(world, 2),
        .room = {room},
        .sequence = ++world->last_sequence[room - 1],
        .padding = padding,
    };
    assert_non_null(effect);
    effect->u.event.position = event->position;
    effect->u.event.room = event->room;
    effect->u.event.sequence = event->sequence;
    effect->u.event.bytes = encode(event);
}

static void add_membership(struct world *world, uint32_t user, uint32_t room, bool joined,
                           pl_position position, struct pl_effects *effects)
{
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_MEMBERSHIP);

    (void)world;
    assert_non_null(effect);
    effect->u.membership.user.v = user;
    effect->u.membership.room.v = room;
    effect->u.membership.name = world_room_name(room);
    effect->u.membership.joined = joined;
    effect->u.membership.work = room == WORLD_WORK_ROOM;
    effect->u.membership.position = position;
}

static struct world_member *member_of(struct world *world, uint32_t user, uint32_t room)
{
    return &world->members[user - 1][room - 1];
}

void world_join(struct world *world, uint32_t user, uint32_t room, struct pl_effects *effects)
{
    struct world_member *member = member_of(world, user, room);
    pl_position from = world->position;
    bool first = world_random(world, 2) == 0; /* the order does not matter */

    if (member->joined)
        return;
    member->joined = true;
    assert_true(world->spans_len < WORLD_SPANS_LEN_MAX);
    world->spans[world->spans_len++] = (struct world_span){{user}, {{room}, from, PL_POSITION_MAX}};
    if (first)
        add_membership(world, user, room, true, from, effects);
    if (room != WORLD_QUIET_ROOM)
        add_event(world, room, 3, effects);
    if (!first)
        add_membership(world, user, room, true, from, effects);
}

static void leave(struct world *world, uint32_t user, uint32_t room, struct pl_effects *effects)
{
    struct world_member *member = member_of(world, user, room);

    if (!member->joined)
        return;
    member->joined = false;
    if (room != WORLD_QUIET_ROOM)
        add_event(world, room, 5, effects);
    for (uint32_t i = 0; i < world->spans_len; i++) {
        struct world_span *span = &world->spans[i];

        if (span->user.v == user && span->span.room.v == room &&
            span->span.until == PL_POSITION_MAX)
            span->span.until = world->position;
    }
    add_membership(world, user, room, false, world->position, effects);
}

static void mark(struct world *world, uint32_t user, uint32_t room, struct pl_effects *effects)
{
    struct world_member *member = member_of(world, user, room);
    struct pl_effect *effect;

    if (!member->joined || member->read_sequence == world->last_sequence[room - 1])
        return;
    member->read_sequence +=
        1 + world_random(world, (uint32_t)(world->last_sequence[room - 1] - member->read_sequence));
    effect = pl_effects_add(effects, PL_EFFECT_READ_MARKER);
    assert_non_null(effect);
    effect->u.marker.user.v = user;
    effect->u.marker.room.v = room;
    effect->u.marker.name = world_room_name(room);
    effect->u.marker.sequence = member->read_sequence;
}

void world_act(struct world *world, struct pl_effects *effects)
{
    uint32_t user = 1 + world_random(world, WORLD_USERS_LEN);
    uint32_t room = 1 + world_random(world, WORLD_ROOMS_LEN);
    uint32_t dice = world_random(world, 100);

    if (dice < 76)
        add_event(world, room, world_random(world, dice == 0 ? 5000 : 60), effects);
    else if (dice < 87)
        world_join(world, user, room, effects);
    else if (dice < 92)
        leave(world, user, room, effects);
    else
        mark(world, user, room, effects);
}

void world_end_session(struct world *world, uint32_t user, struct pl_effects *effects)
{
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_SESSION_ENDED);

    assert_non_null(effect);
    effect->u.ended.user.v = user;
    effect->u.ended.session.v = world->sessions[user - 1];
    world->sessions[user - 1] = ++world->sessions_len;
}

static bool names(const struct world_want *want, uint32_t room)
{
    return want->all ? room != WORLD_WORK_ROOM : (want->rooms >> (room - 1) & 1) != 0;
}

bool world_subscribe(struct world *world, const struct world_want *want, uint32_t loop,
                     uint64_t stream, struct pl_effects *effects, struct pl_reply **ret_reply)
{
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_REPLY);
    struct pl_reply *reply = pl_arena_alloc(&effects->arena, sizeof *reply);
    uint32_t user = (uint32_t)want->user.v;
    struct pl_subscribed_room *rooms =
        pl_arena_alloc(&effects->arena, WORLD_ROOMS_LEN * sizeof *rooms);

    assert_true(effect != NULL && reply != NULL && rooms != NULL);
    effect->u.reply.to = stream;
    effect->u.reply.loop = loop;
    effect->u.reply.command = PL_QUERY_SUBSCRIBE;
    effect->u.reply.reply = reply;
    *ret_reply = reply;
    reply->u.subscribe.user.id = want->user;
    snprintf(reply->u.subscribe.user.name, sizeof reply->u.subscribe.user.name, "user%u", user);
    reply->u.subscribe.session.id.v = world->sessions[user - 1];
    reply->u.subscribe.shown = world->position;
    reply->u.subscribe.all = want->all;
    reply->u.subscribe.rooms = rooms;
    for (uint32_t room = 1; room <= WORLD_ROOMS_LEN; room++) {
        const struct world_member *member = member_of(world, user, room);

        if (!names(want, room))
            continue;
        if (!member->joined && !want->all)
            reply->refusal = pl_refusal_of(PL_REASON_NOT_A_MEMBER);
        if (member->joined)
            rooms[reply->u.subscribe.rooms_len++] = (struct pl_subscribed_room){
                .id = {room},
                .name = world_room_name(room),
                .last_sequence = world->last_sequence[room - 1],
                .read_sequence = member->read_sequence,
            };
    }
    return reply->refusal.reason == PL_REASON_NONE;
}

static bool in_span(const struct world *world, pl_user_id user, const struct world_event *event)
{
    for (uint32_t i = 0; i < world->spans_len; i++) {
        const struct world_span *span = &world->spans[i];

        if (span->user.v == user.v && span->span.room.v == event->room.v &&
            event->position > span->span.from && event->position <= span->span.until)
            return true;
    }
    return false;
}

/* The end of the user's last span in the room; 0 for none. */
static pl_position last_end(const struct world *world, pl_user_id user, pl_room_id room)
{
    pl_position end = 0;

    for (uint32_t i = 0; i < world->spans_len; i++) {
        const struct world_span *span = &world->spans[i];

        if (span->user.v == user.v && span->span.room.v == room.v)
            end = span->span.until;
    }
    return end;
}

/* Whether an UNREAD backlog names the event. */
static bool is_unread(const struct pl_backlog_room *rooms, uint32_t rooms_len,
                      const struct world_event *event)
{
    for (uint32_t i = 0; i < rooms_len; i++)
        if (rooms[i].room.v == event->room.v)
            return event->sequence > rooms[i].after;
    return false;
}

enum world_right world_right(const struct world *world, const struct world_want *want,
                             const struct world_event *event)
{
    uint32_t room = (uint32_t)event->room.v;

    if (event->position <= want->after || !names(want, room))
        return WORLD_NO;
    if (want->backlog == PL_BACKLOG_NONE || event->position > want->until)
        return in_span(world, want->user, event) ? WORLD_MUST : WORLD_NO;
    if (want->backlog == PL_BACKLOG_UNREAD && !is_unread(want->unread, want->unread_len, event))
        return WORLD_NO;
    return event->position <= want->may_until[room - 1] ? WORLD_MUST : WORLD_MAY;
}

static bool page_has(const struct world *world, const struct pl_page_query *query,
                     const struct world_event *event)
{
    bool named = query->all && event->room.v != WORLD_WORK_ROOM;

    for (uint32_t i = 0; i < query->rooms_len; i++)
        named = named || query->rooms[i].v == event->room.v;
    if (!named || event->position <= query->after)
        return false;
    if (query->backlog.kind == PL_BACKLOG_NONE || event->position > query->backlog.until)
        return in_span(world, query->user, event);
    if (query->backlog.kind == PL_BACKLOG_UNREAD &&
        !is_unread(query->backlog.rooms, query->backlog.rooms_len, event))
        return false;
    return event->position <= last_end(world, query->user, event->room);
}

struct pl_buf *world_page(struct world *world, const struct pl_page_query *query,
                          pl_position *ret_through)
{
    struct pl_bytebuf frames;
    struct pl_buf *page;
    uint32_t len = 0;
    uint32_t looked = 0;

    pl_bytebuf_init(&frames, PL_BUF_SIZE_MAX);
    *ret_through = world->position;
    for (uint32_t i = 0; i < world->events_len; i++) {
        const struct world_event *event = &world->events[i];
        bool cursor = event->position > query->backlog.until || world_random(world, 3) > 0;
        struct pl_buf *buf;

        if (event->position <= query->after)
            continue;
        /* A read takes so long at most: it stops anywhere. */
        if (len == query->len_max || frames.size >= query->size_max ||
            (looked++ > 4 && world_random(world, 10) == 0)) {
            *ret_through = event->position - 1;
            break;
        }
        if (!page_has(world, query, event))
            continue;
        buf = encode(event);
        frames_framer.event(NULL, (struct pl_bytes){buf->data, buf->size}, event->position,
                            event->position < query->backlog.until ? &query->backlog : NULL, cursor,
                            &frames);
        pl_buf_unref(buf);
        len++;
    }
    assert_int_equal(frames.err, PL_OK);
    page = len == 0 && world_random(world, 2) == 0 ? NULL : pl_buf_copy(frames.data, frames.size);
    pl_bytebuf_done(&frames);
    return page;
}

const struct world_event *world_find(const struct world *world, pl_position position)
{
    uint32_t low = 0;
    uint32_t high = world->events_len;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (world->events[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < world->events_len && world->events[low].position == position ? &world->events[low]
                                                                              : NULL;
}

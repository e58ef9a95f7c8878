#include "naive.h"

#include "base/err.h"
#include "store/memory_state.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint32_t sum(struct pl_bytes bytes)
{
    uint32_t value = 1;

    for (size_t i = 0; i < bytes.size; i++)
        value = value * 31 + bytes.data[i];
    return value;
}

void naive_put_user(struct pl_bytebuf *text, const struct pl_user *user)
{
    pl_bytebuf_printf(text, "user %" PRIu64 " %s %s\n", user->id.v, user->name, user->status);
}

void naive_put_room(struct pl_bytebuf *text, const struct pl_room *room,
                    const struct pl_member *member, uint64_t mentions)
{
    pl_bytebuf_printf(text,
                      "room %s %" PRIu64 " member %" PRIu64 " %" PRIu64 " state %d read %" PRIu64
                      " mentions %" PRIu64 "\n",
                      room->name, room->last_sequence, member->room.v, member->user.v,
                      (int)member->state, member->read_sequence, mentions);
}

void naive_put_member(struct pl_bytebuf *text, const struct pl_member *member, const char *name)
{
    pl_bytebuf_printf(text, "member %s %" PRIu64 " %" PRIu64 " %d %" PRIu64 "\n", name,
                      member->room.v, member->user.v, (int)member->state, member->read_count);
}

void naive_put_message(struct pl_bytebuf *text, pl_sequence sequence, uint32_t thread_size,
                       struct pl_bytes event)
{
    pl_bytebuf_printf(text, "message %" PRIu64 " %u %zu %u\n", sequence, thread_size, event.size,
                      sum(event));
}

void naive_put_event(struct pl_bytebuf *text, pl_position position, pl_room_id room,
                     pl_sequence sequence, struct pl_bytes event)
{
    pl_bytebuf_printf(text, "event %" PRIu64 " %" PRIu64 " %" PRIu64 " %zu %u\n", position, room.v,
                      sequence, event.size, sum(event));
}

void naive_put_state(struct pl_bytebuf *text, pl_position position,
                     const struct pl_room_state *state)
{
    const struct pl_room *room = &state->room;

    pl_bytebuf_printf(text,
                      "state %" PRIu64 " %s first %" PRIu64 " last %" PRIu64 " message %" PRIu64
                      " of %" PRIu64 " members %u more %d:",
                      position, room->name, room->first_sequence, room->last_sequence,
                      room->last_message_sequence, room->message_count, room->member_count,
                      state->more_members);
    for (uint32_t i = 0; i < state->members_len; i++)
        pl_bytebuf_printf(text, " %s %" PRIu64 " %d %" PRId64, state->members[i].name,
                          state->members[i].member.user.v, (int)state->members[i].member.state,
                          state->members[i].member.update_ms);
    pl_bytebuf_append_byte(text, '\n');
}

static const struct pl_user *user_of(const struct pl_store *twin, pl_user_id id)
{
    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_USERS); i++) {
        const struct pl_user *user = pl_memory_row(twin->self, PL_TABLE_USERS, i);

        if (user->id.v == id.v)
            return user;
    }
    fail_msg("no user %" PRIu64, id.v);
    return NULL;
}

static struct pl_member member_of(const struct pl_store *twin, pl_room_id room, pl_user_id user)
{
    struct pl_member member = {.room = room, .user = user};

    (void)twin->ops->get_member(twin->self, room, user, &member);
    return member;
}

static bool is_in(const struct pl_member *member)
{
    return member->state == PL_MEMBER_INVITED || member->state == PL_MEMBER_JOINED;
}

void naive_users(const struct pl_store *twin, const char *prefix, const char *after,
                 uint32_t len_max, struct pl_bytebuf *text)
{
    char last[128];

    snprintf(last, sizeof last, "%s", after);
    for (uint32_t len = 0; len < len_max; len++) {
        const struct pl_user *next = NULL;

        for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_USERS); i++) {
            const struct pl_user *user = pl_memory_row(twin->self, PL_TABLE_USERS, i);

            if (user->state == PL_USER_ACTIVE && strcmp(user->name, last) > 0 &&
                strncmp(user->name, prefix, strlen(prefix)) == 0 &&
                (next == NULL || strcmp(user->name, next->name) < 0))
                next = user;
        }
        if (next == NULL)
            return;
        naive_put_user(text, next);
        snprintf(last, sizeof last, "%s", next->name);
    }
}

static uint64_t count_mentions(const struct pl_store *twin, const struct pl_member *member)
{
    uint64_t count = 0;

    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_EVENTS); i++) {
        const struct pl_memory_event *event = pl_memory_row(twin->self, PL_TABLE_EVENTS, i);
        bool named = false;

        for (uint32_t k = 0; k < event->row.mentions_len; k++)
            named = named || event->mentions[k].v == member->user.v;
        if (named && event->row.room.v == member->room.v &&
            event->row.sequence > member->read_sequence)
            count++;
    }
    return count;
}

void naive_rooms(const struct pl_store *twin, pl_user_id user, bool unjoined, const char *after,
                 uint32_t len_max, struct pl_bytebuf *text)
{
    char last[128];

    snprintf(last, sizeof last, "%s", after);
    for (uint32_t len = 0; len < len_max; len++) {
        const struct pl_room *next = NULL;
        struct pl_member member;

        for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_ROOMS); i++) {
            const struct pl_room *room = pl_memory_row(twin->self, PL_TABLE_ROOMS, i);

            member = member_of(twin, room->id, user);
            if ((is_in(&member) || (unjoined && room->visibility == PL_ROOM_PUBLIC)) &&
                strcmp(room->name, last) > 0 &&
                (next == NULL || strcmp(room->name, next->name) < 0))
                next = room;
        }
        if (next == NULL)
            return;
        member = member_of(twin, next->id, user);
        naive_put_room(text, next, &member, count_mentions(twin, &member));
        snprintf(last, sizeof last, "%s", next->name);
    }
}

struct named_member {
    struct pl_member member;
    const char *name;
};

static int compare_members(const void *a, const void *b)
{
    const struct named_member *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : (x->member.user.v < y->member.user.v ? -1 : 1);
}

void naive_members(const struct pl_store *twin, pl_room_id room, const char *after,
                   uint32_t len_max, struct pl_bytebuf *text)
{
    struct named_member list[64];
    uint32_t len = 0;

    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_MEMBERS); i++) {
        const struct pl_member *member = pl_memory_row(twin->self, PL_TABLE_MEMBERS, i);
        const char *name = user_of(twin, member->user)->name;

        if (member->room.v != room.v || !is_in(member) || strcmp(name, after) <= 0)
            continue;
        list[len++] = (struct named_member){.member = *member, .name = name};
    }
    qsort(list, len, sizeof list[0], compare_members);
    for (uint32_t i = 0; i < len && i < len_max; i++)
        naive_put_member(text, &list[i].member, list[i].name);
}

void naive_messages(const struct pl_store *twin, const struct pl_message_query *query,
                    struct pl_bytebuf *text)
{
    size_t len = pl_memory_len(twin->self, PL_TABLE_EVENTS);
    uint32_t found = 0;

    for (size_t i = 0; i < len && found < query->len_max; i++) {
        size_t at = query->ascending ? i : len - 1 - i;
        const struct pl_event_row *row =
            &((const struct pl_memory_event *)pl_memory_row(twin->self, PL_TABLE_EVENTS, at))->row;
        struct pl_thread_row thread = {0};

        if (row->room.v != query->room.v || row->kind != PL_EVENT_MESSAGE_SENT ||
            row->sequence <= query->after ||
            (query->before != 0 && row->sequence >= query->before) ||
            (query->thread != 0 && row->thread != query->thread && row->sequence != query->thread))
            continue;
        (void)twin->ops->get_thread(twin->self, row->room, row->sequence, &thread);
        naive_put_message(text, row->sequence, thread.size,
                          (struct pl_bytes){row->bytes->data, row->bytes->size});
        found++;
    }
}

static bool in_stream(const struct pl_store *twin, const struct pl_page_query *query, pl_room_id id)
{
    struct pl_room room;

    if (query->all) {
        assert_int_equal(twin->ops->get_room(twin->self, id, &room), PL_OK);
        return room.delivery != PL_ROOM_ONE;
    }
    for (uint32_t i = 0; i < query->rooms_len; i++) {
        if (query->rooms[i].v == id.v)
            return true;
    }
    return false;
}

static bool may_see(const struct pl_store *twin, const struct pl_page_query *query,
                    const struct pl_event_row *row)
{
    const struct pl_backlog *backlog = &query->backlog;
    bool named = backlog->kind == PL_BACKLOG_BEGINNING;
    pl_position last_from = 0, last_until = 0;
    bool in_span = false;

    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_SPANS); i++) {
        const struct pl_memory_span *span = pl_memory_row(twin->self, PL_TABLE_SPANS, i);

        if (span->user.v != query->user.v || span->span.room.v != row->room.v)
            continue;
        in_span = in_span || (row->position > span->span.from && row->position <= span->span.until);
        if (span->span.from >= last_from) {
            last_from = span->span.from;
            last_until = span->span.until;
        }
    }
    if (row->position > backlog->until)
        return in_span;
    for (uint32_t i = 0; i < backlog->rooms_len && backlog->kind == PL_BACKLOG_UNREAD; i++)
        named = named || (backlog->rooms[i].room.v == row->room.v &&
                          row->sequence > backlog->rooms[i].after);
    return named && row->position <= last_until;
}

/* The room as it stood when the last event that was trimmed was its last. */
static uint32_t make_state(const struct pl_store *twin, const struct pl_room *room,
                           struct pl_room_state *state, struct pl_state_member *members)
{
    pl_position place = room->trimmed.position;

    *state = (struct pl_room_state){.room = *room, .members = members};
    state->room.last_sequence = room->first_sequence - 1;
    state->room.last_message_sequence = room->trimmed.last_message;
    state->room.message_count = room->trimmed.messages;
    for (uint64_t user = 1; user <= 64; user++) {
        for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_SPANS); i++) {
            const struct pl_memory_span *span = pl_memory_row(twin->self, PL_TABLE_SPANS, i);
            struct pl_state_member *member = &members[state->members_len];

            if (span->user.v != user || span->span.room.v != room->id.v ||
                span->span.until <= place ||
                (room->quiet_membership ? span->span.from > place : span->span.from >= place))
                continue;
            member->member = member_of(twin, room->id, span->user);
            member->member.state = PL_MEMBER_JOINED;
            if (span->span.until != PL_POSITION_MAX)
                member->member.update_ms = 0;
            snprintf(member->name, sizeof member->name, "%s", user_of(twin, span->user)->name);
            state->members_len++;
        }
    }
    state->room.member_count = state->members_len;
    return state->members_len;
}

/* What stands next beyond a position: an event, or a room whose state does. */
struct next {
    pl_position position;
    const struct pl_event_row *event;
    const struct pl_room *room;
};

static struct next find_next(const struct pl_store *twin, const struct pl_page_query *query,
                             pl_position beyond)
{
    struct next next = {.position = PL_POSITION_MAX};

    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_EVENTS); i++) {
        const struct pl_event_row *row =
            &((const struct pl_memory_event *)pl_memory_row(twin->self, PL_TABLE_EVENTS, i))->row;

        if (row->position > beyond && row->position < next.position &&
            in_stream(twin, query, row->room) && may_see(twin, query, row))
            next = (struct next){.position = row->position, .event = row};
    }
    for (size_t i = 0; i < pl_memory_len(twin->self, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(twin->self, PL_TABLE_ROOMS, i);
        struct pl_event_row gone = {.position = room->trimmed.position,
                                    .room = room->id,
                                    .sequence = room->first_sequence - 1};

        if (gone.position > beyond && gone.position < next.position &&
            in_stream(twin, query, room->id) && may_see(twin, query, &gone))
            next = (struct next){.position = gone.position, .room = room};
    }
    return next;
}

pl_position naive_page(const struct pl_store *twin, const struct pl_page_query *query,
                       struct pl_bytebuf *text)
{
    pl_position through = query->after;
    struct pl_meta meta;
    uint32_t len = 0;
    size_t size = 0;

    assert_int_equal(twin->ops->get_meta(twin->self, &meta), PL_OK);
    for (;; len++) {
        struct next next = find_next(twin, query, through);
        size_t next_size = next.event != NULL ? next.event->bytes->size : sizeof(struct pl_room);

        if (next.position == PL_POSITION_MAX)
            return meta.position > query->after ? meta.position : query->after;
        if (len == query->len_max || (len > 0 && size + next_size > query->size_max))
            return through;
        if (next.event != NULL) {
            naive_put_event(text, next.position, next.event->room, next.event->sequence,
                            (struct pl_bytes){next.event->bytes->data, next.event->bytes->size});
        } else {
            struct pl_state_member members[64];
            struct pl_room_state state;

            next_size += make_state(twin, next.room, &state, members) * sizeof members[0];
            naive_put_state(text, next.position, &state);
        }
        size += next_size;
        through = next.position;
    }
}

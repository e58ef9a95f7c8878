/*
 * judge.c - what must come of each command.
 *
 * Ids are predicted too: users and rooms are counted from 1 in the order in which
 * they come about.
 */
#include "judge_inner.h"

#include "base/err.h"
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *judge_grow(void *array, size_t len, size_t *cap, size_t size)
{
    if (len < *cap)
        return array;
    *cap = *cap > 0 ? *cap * 2 : 32;
    array = realloc(array, *cap * size);
    JUDGE(array != NULL, "out of memory");
    return array;
}

void judge_init(struct judge *judge, int64_t idle_ms)
{
    *judge = (struct judge){.idle_ms = idle_ms};
}

void judge_done(struct judge *judge)
{
    for (size_t i = 0; i < judge->rooms_len; i++) {
        free(judge->rooms[i].log);
        free(judge->rooms[i].members);
        free(judge->rooms[i].spans);
    }
    free(judge->log);
    free(judge->rooms);
    free(judge->users);
    free(judge->requests);
    free(judge->sends);
    free(judge->takers);
    free(judge->starts);
}

uint32_t judge_room_named(const struct judge *judge, const char *name)
{
    for (size_t i = 0; i < judge->rooms_len; i++)
        if (strcmp(judge->rooms[i].name, name) == 0)
            return (uint32_t)i;
    return UINT32_MAX;
}

struct judge_member *judge_member_of(struct judge *judge, uint32_t index, uint64_t user)
{
    struct judge_room *room = &judge->rooms[index];

    if (user >= room->members_len) {
        size_t len = user + 32;

        room->members = realloc(room->members, len * sizeof *room->members);
        JUDGE(room->members != NULL, "out of memory");
        memset(room->members + room->members_len, 0,
               (len - room->members_len) * sizeof *room->members);
        room->members_len = len;
    }
    return &room->members[user];
}

bool judge_joined(const struct judge *judge, uint32_t room, uint64_t user)
{
    return user < judge->rooms[room].members_len && judge->rooms[room].members[user].joined;
}

size_t judge_messages_after(const struct judge *judge, uint32_t index, pl_sequence sequence)
{
    const struct judge_room *room = &judge->rooms[index];
    size_t count = 0;

    for (size_t i = sequence; i < room->log_len; i++)
        count += judge->log[room->log[i]].kind == PL_EVENT_MESSAGE_SENT;
    return count;
}

void judge_expect(struct judge *judge, uint32_t index, enum pl_event_kind kind, uint64_t actor,
                  const char *text)
{
    struct judge_room *room = &judge->rooms[index];
    const struct pl_event_row *row = &judge->rows[judge->rows_at];

    JUDGE(judge->rows_at < judge->rows_len, "an event is missing: %d of %s, sequence %zu", kind,
          room->name, room->log_len + 1);
    JUDGE(row->room.v == index + 1, "an event of room %" PRIu64 " where %s's was due", row->room.v,
          room->name);
    JUDGE(row->sequence == room->log_len + 1, "%s has sequence %" PRIu64 " after %zu", room->name,
          row->sequence, room->log_len);
    JUDGE(row->position > judge->position, "position %" PRIu64 " does not rise", row->position);
    JUDGE(row->kind == kind && row->actor.v == actor,
          "%s, %" PRIu64 ": kind %d by %" PRIu64 ", due was %d by %" PRIu64, room->name,
          row->sequence, row->kind, row->actor.v, kind, actor);
    judge->rows_at++;
    judge->position = row->position;
    judge->log = judge_grow(judge->log, judge->log_len, &judge->log_cap, sizeof *judge->log);
    room->log = judge_grow(room->log, room->log_len, &room->log_cap, sizeof *room->log);
    room->log[room->log_len++] = judge->log_len;
    judge->log[judge->log_len++] = (struct judge_event){
        .room = index,
        .position = row->position,
        .sequence = row->sequence,
        .kind = kind,
        .actor = actor,
        .text = text,
        .time_ms = judge->time_ms,
        .work.waits = text != NULL && room->work,
    };
}

void judge_enter(struct judge *judge, uint32_t index, uint64_t user, pl_position from,
                 uint64_t actor)
{
    struct judge_member *member = judge_member_of(judge, index, user);
    struct judge_room *room = &judge->rooms[index];

    member->joined = true;
    if (member->read < room->log_len)
        member->read = room->log_len;
    room->spans = judge_grow(room->spans, room->spans_len, &room->spans_cap, sizeof *room->spans);
    room->spans[room->spans_len++] =
        (struct judge_span){.user = user, .from = from, .until = PL_POSITION_MAX};
    if (!room->quiet)
        judge_expect(judge, index, PL_EVENT_MEMBER_CHANGED, actor, NULL);
}

static void leave(struct judge *judge, uint32_t index, uint64_t user)
{
    struct judge_room *room = &judge->rooms[index];

    judge_member_of(judge, index, user)->joined = false;
    if (!room->quiet)
        judge_expect(judge, index, PL_EVENT_MEMBER_CHANGED, user, NULL);
    for (size_t i = 0; i < room->spans_len; i++)
        if (room->spans[i].user == user && room->spans[i].until == PL_POSITION_MAX)
            room->spans[i].until = judge->position;
    judge_stop_takers(judge, user, index);
}

uint32_t judge_make_room(struct judge *judge, const char *name, uint64_t actor)
{
    uint32_t index = (uint32_t)judge->rooms_len;
    struct judge_room *room;

    judge->rooms =
        judge_grow(judge->rooms, judge->rooms_len, &judge->rooms_cap, sizeof *judge->rooms);
    room = &judge->rooms[judge->rooms_len++];
    *room = (struct judge_room){.first = 1};
    if (name == NULL)
        snprintf(room->name, sizeof room->name, "@%u", index + 1);
    else
        snprintf(room->name, sizeof room->name, "%s", name);
    judge_expect(judge, index, PL_EVENT_ROOM_CHANGED, actor, NULL);
    return index;
}

uint64_t judge_user_named(const struct judge *judge, const char *name)
{
    for (size_t i = judge->users_len; i-- > 0;)
        if (judge->users[i].active && strcmp(judge->users[i].name, name) == 0)
            return i + 1;
    return 0;
}

static bool is_idle(const struct judge *judge, const struct judge_user *user)
{
    return judge->age_ms - user->used_ms > judge->idle_ms;
}

static uint64_t user_of(const struct judge *judge, const struct pl_hash *token_hash)
{
    for (size_t i = judge->users_len; i-- > 0;)
        if (judge->users[i].active && !is_idle(judge, &judge->users[i]) &&
            memcmp(&judge->users[i].token_hash, token_hash, sizeof *token_hash) == 0)
            return i + 1;
    return 0;
}

/* Whether it is to be noted that the session is in use: not too often. */
static bool touch_due(const struct judge *judge, const struct judge_user *user)
{
    int64_t step_ms = judge->idle_ms / 100;

    if (step_ms > 3600 * 1000)
        step_ms = 3600 * 1000;
    return judge->time_ms - user->used_ms >= step_ms;
}

static void touch(struct judge *judge, const struct pl_command *command)
{
    uint64_t user = user_of(judge, &command->token_hash);

    if (user != 0)
        judge->users[user - 1].used_ms = judge->time_ms;
}

enum pl_reason judge_outside(const struct judge *judge, const char *name, uint64_t user)
{
    uint32_t index = judge_room_named(judge, name);

    if (index == UINT32_MAX)
        return PL_REASON_ROOM_NOT_FOUND;
    if (judge_joined(judge, index, user))
        return PL_REASON_NONE;
    return judge->rooms[index].is_private ? PL_REASON_ROOM_NOT_FOUND : PL_REASON_NOT_A_MEMBER;
}

static enum pl_reason do_sign_in(struct judge *judge, const struct pl_command *command)
{
    struct judge_user *user;

    if (judge_user_named(judge, command->u.sign_in_guest.name) != 0)
        return PL_REASON_NAME_TAKEN;
    judge->users =
        judge_grow(judge->users, judge->users_len, &judge->users_cap, sizeof *judge->users);
    user = &judge->users[judge->users_len++];
    *user = (struct judge_user){
        .active = true, .token_hash = command->token_hash, .used_ms = judge->time_ms};
    snprintf(user->name, sizeof user->name, "%s", command->u.sign_in_guest.name);
    judge_enter(judge, 0, judge->users_len, judge->position, judge->users_len);
    return PL_REASON_NONE;
}

void judge_end_user(struct judge *judge, uint64_t user)
{
    judge->users[user - 1].active = false;
    for (uint32_t i = 0; i < judge->rooms_len; i++) {
        if (judge_joined(judge, i, user))
            leave(judge, i, user);
        *judge_member_of(judge, i, user) = (struct judge_member){.joined = false};
    }
    judge_stop_takers(judge, user, UINT32_MAX);
}

/* Sessions that have not been used for too long end, the longest unused first. */
static void end_idle(struct judge *judge)
{
    for (;;) {
        const struct judge_user *idle = NULL;

        for (size_t i = 0; i < judge->users_len; i++) {
            const struct judge_user *user = &judge->users[i];

            if (user->active && is_idle(judge, user) &&
                (idle == NULL || user->used_ms < idle->used_ms))
                idle = user;
        }
        if (idle == NULL)
            return;
        judge->idled++;
        judge_end_user(judge, (uint64_t)(idle - judge->users) + 1);
    }
}

static enum pl_reason do_create(struct judge *judge, const struct pl_command *command,
                                uint64_t user)
{
    pl_position from = judge->position;
    uint32_t index;

    if (judge_room_named(judge, command->u.create_room.name) != UINT32_MAX)
        return PL_REASON_ROOM_EXISTS;
    index = judge_make_room(judge, command->u.create_room.name, user);
    judge->rooms[index].is_private = command->u.create_room.visibility == PL_ROOM_PRIVATE;
    judge->rooms[index].quiet = command->u.create_room.quiet_membership;
    judge->rooms[index].work = command->u.create_room.delivery == PL_ROOM_ONE;
    judge->rooms[index].retention_ms = (int64_t)command->u.create_room.retention_s * 1000;
    judge_enter(judge, index, user, from, user);
    return PL_REASON_NONE;
}

static enum pl_reason do_join(struct judge *judge, const struct pl_command *command, uint64_t user)
{
    uint32_t index = judge_room_named(judge, command->u.join_room.room);
    pl_position from = judge->position;

    if (index == UINT32_MAX) {
        if (!command->u.join_room.create_if_missing)
            return PL_REASON_ROOM_NOT_FOUND;
        index = judge_make_room(judge, command->u.join_room.room, user);
    } else if (judge_joined(judge, index, user)) {
        return PL_REASON_NONE;
    } else if (judge->rooms[index].is_private) {
        return PL_REASON_ROOM_NOT_FOUND;
    }
    judge_enter(judge, index, user, from, user);
    return PL_REASON_NONE;
}

static enum pl_reason do_leave(struct judge *judge, const struct pl_command *command, uint64_t user)
{
    enum pl_reason reason = judge_outside(judge, command->u.leave_room.room, user);
    uint32_t index = judge_room_named(judge, command->u.leave_room.room);

    if (reason != PL_REASON_NONE)
        return reason;
    if (index == 0)
        return PL_REASON_ROOM_IS_LOBBY;
    leave(judge, index, user);
    return PL_REASON_NONE;
}

static enum pl_reason do_mark_read(struct judge *judge, const struct pl_command *command,
                                   uint64_t user)
{
    enum pl_reason reason = judge_outside(judge, command->u.mark_read.room, user);
    pl_sequence sequence = command->u.mark_read.sequence;
    struct judge_member *member;
    uint32_t index;

    if (reason != PL_REASON_NONE)
        return reason;
    index = judge_room_named(judge, command->u.mark_read.room);
    if (sequence > judge->rooms[index].log_len)
        return PL_REASON_SEQUENCE_OUT_OF_RANGE;
    member = judge_member_of(judge, index, user);
    if (member->read < sequence)
        member->read = sequence;
    return PL_REASON_NONE;
}

/* Whether the cursor is of a log that there was, and of a place that it had. */
static bool cursor_good(const struct judge *judge, uint64_t log, pl_position position)
{
    for (size_t i = 0; i < judge->starts_len; i++)
        if (judge->starts[i].log == log)
            return position <=
                   (i + 1 < judge->starts_len ? judge->starts[i + 1].from : judge->position);
    return false;
}

static enum pl_reason do_subscribe(const struct judge *judge, const struct pl_command *command,
                                   uint64_t user, const struct pl_reply *reply)
{
    const struct pl_subscribe *subscribe = &command->u.subscribe;

    if (subscribe->has_cursor &&
        !cursor_good(judge, subscribe->cursor_log, subscribe->cursor_position))
        return PL_REASON_CURSOR_LOST;
    for (uint32_t i = 0; i < subscribe->rooms_len; i++) {
        enum pl_reason reason = judge_outside(judge, subscribe->rooms[i], user);

        if (reason != PL_REASON_NONE)
            return reason;
    }
    if (reply == NULL || reply->refusal.reason != PL_REASON_NONE)
        return PL_REASON_NONE;
    JUDGE(reply->u.subscribe.shown == judge->position,
          "a stream begins at %" PRIu64 ", the log is at %" PRIu64, reply->u.subscribe.shown,
          judge->position);
    JUDGE(reply->touch_due == touch_due(judge, &judge->users[user - 1]),
          "a session's use is to be noted: %d", reply->touch_due);
    return PL_REASON_NONE;
}

static void do_start(struct judge *judge, uint64_t log)
{
    judge->starts =
        judge_grow(judge->starts, judge->starts_len, &judge->starts_cap, sizeof *judge->starts);
    judge->starts[judge->starts_len++] = (struct judge_start){log, judge->position};
    judge_void_leases(judge);
    if (judge->rooms_len > 0)
        return;
    judge_make_room(judge, PL_LOBBY_NAME, 0);
    judge->rooms[0].quiet = true;
}

/* Whether the command gets a reply; does those that get none. */
static bool has_reply(struct judge *judge, const struct pl_command *command)
{
    switch (command->kind) {
    case PL_COMMAND_START:
        do_start(judge, command->u.start.log);
        return false;
    case PL_COMMAND_CLOSE_TAKER:
        judge_close_taker(judge, command->u.close_taker.taker);
        return false;
    case PL_COMMAND_EXPIRE:
        end_idle(judge);
        judge_trim(judge);
        return false;
    case PL_COMMAND_TOUCH_SESSION:
        touch(judge, command);
        return false;
    case PL_COMMAND_STREAM_CLOSED:
        return false;
    default:
        return true;
    }
}

static enum pl_reason do_command(struct judge *judge, const struct pl_command *command,
                                 const struct pl_reply *reply)
{
    uint64_t user;

    if (command->kind == PL_COMMAND_SIGN_IN_GUEST)
        return do_sign_in(judge, command);
    user = user_of(judge, &command->token_hash);
    if (user == 0)
        return PL_REASON_TOKEN_INVALID;
    if (command->kind < PL_QUERY_SUBSCRIBE && touch_due(judge, &judge->users[user - 1]))
        judge->users[user - 1].used_ms = judge->time_ms;
    switch (command->kind) {
    case PL_COMMAND_SIGN_OUT:
        judge_end_user(judge, user);
        return PL_REASON_NONE;
    case PL_COMMAND_CREATE_ROOM:
        return do_create(judge, command, user);
    case PL_COMMAND_JOIN_ROOM:
        return do_join(judge, command, user);
    case PL_COMMAND_LEAVE_ROOM:
        return do_leave(judge, command, user);
    case PL_COMMAND_SEND_MESSAGE:
        return judge_do_send(judge, command, user, reply);
    case PL_COMMAND_MARK_READ:
        return do_mark_read(judge, command, user);
    case PL_COMMAND_OPEN_TAKER:
        return judge_open_taker(judge, command, user);
    case PL_COMMAND_ACK_MESSAGE:
    case PL_COMMAND_RELEASE_MESSAGE:
        return judge_lease(judge, command, user);
    case PL_QUERY_SUBSCRIBE:
        return do_subscribe(judge, command, user, reply);
    default:
        fail("the judge knows no command of kind %d", command->kind);
    }
}

/* The next reply; what came before it is judged on the way. NULL: there is none. */
static const struct pl_effect *next_reply(struct judge *judge, const struct pl_effects *effects,
                                          struct pl_list **at)
{
    while (*at != &effects->list) {
        const struct pl_effect *effect = PL_CONTAINER(*at, struct pl_effect, node);

        *at = (*at)->next;
        if (effect->kind == PL_EFFECT_REPLY)
            return effect;
        judge_work_effect(judge, effect);
    }
    return NULL;
}

static void judge_command(struct judge *judge, const struct pl_command *command,
                          const struct pl_effects *effects, struct pl_list **at)
{
    const struct pl_effect *effect = NULL;
    enum pl_reason reason;

    if (command->kind < PL_QUERY_SUBSCRIBE)
        judge->batch = UINT64_MAX; /* set when the batch has been judged */
    if (!has_reply(judge, command))
        return;
    if (effects != NULL) {
        effect = next_reply(judge, effects, at);
        JUDGE(effect != NULL && effect->u.reply.to == command->reply_to &&
                  effect->u.reply.command == command->kind,
              "request %" PRIu64 " was not answered in its turn", command->reply_to);
    }
    reason = do_command(judge, command, effect != NULL ? effect->u.reply.reply : NULL);
    if (effect != NULL)
        JUDGE(effect->u.reply.reply->refusal.reason == reason,
              "request %" PRIu64 " got %d, due was %d", command->reply_to,
              effect->u.reply.reply->refusal.reason, reason);
}

void judge_batch(struct judge *judge, const struct pl_batch *batch, const struct pl_event_row *rows,
                 uint32_t rows_len, const struct pl_effects *effects)
{
    struct pl_list *at = effects != NULL ? effects->list.next : NULL;
    uint64_t before = judge->batch;

    judge->rows = rows;
    judge->rows_len = rows_len;
    judge->rows_at = 0;
    JUDGE(batch->time_ms >= judge->time_ms, "the journal's time runs back");
    judge->time_ms = batch->time_ms;
    judge->age_ms = batch->age_ms;
    PL_LIST_EACH (node, &batch->commands)
        judge_command(judge, PL_CONTAINER(node, struct pl_command, node), effects, &at);
    JUDGE(judge->rows_at == rows_len, "%u events too many", rows_len - judge->rows_at);
    if (judge->batch == UINT64_MAX) {
        judge->batch = batch->number;
        judge->kept_ms = batch->time_ms;
    } else {
        judge->batch = before;
    }
    if (effects == NULL) {
        judge_work_unseen(judge);
        return;
    }
    JUDGE(next_reply(judge, effects, &at) == NULL, "a reply too many");
    judge_work_settle(judge);
}

void judge_rollback(struct judge *judge, const struct pl_effects *effects)
{
    PL_LIST_EACH (node, &effects->list)
        JUDGE(PL_CONTAINER(node, struct pl_effect, node)->kind == PL_EFFECT_TAKER_ENDED,
              "a batch that failed has effects");
    judge_void_leases(judge);
    judge->lost = true;
}

void judge_died(struct judge *judge)
{
    judge->time_ms = judge->kept_ms; /* of queries nothing lasts */
    judge_void_leases(judge);
}

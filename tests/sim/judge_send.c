/*
 * judge_send.c - what must come of a send.
 */
#include "judge_inner.h"

#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t direct_of(const struct judge *judge, uint64_t a, uint64_t b)
{
    for (size_t i = judge->rooms_len; i-- > 0;) {
        const struct judge_room *room = &judge->rooms[i];

        if (room->is_direct && ((room->direct[0] == a && room->direct[1] == b) ||
                                (room->direct[0] == b && room->direct[1] == a)))
            return (uint32_t)i;
    }
    return UINT32_MAX;
}

static enum pl_reason find_peer(const struct judge *judge, const struct pl_send *send,
                                uint64_t user, uint64_t *ret_peer)
{
    if (strcmp(judge->users[user - 1].name, send->user) == 0)
        return PL_REASON_FIELD_INVALID;
    *ret_peer = judge_user_named(judge, send->user);
    return *ret_peer == 0 ? PL_REASON_USER_NOT_FOUND : PL_REASON_NONE;
}

static uint32_t make_direct(struct judge *judge, uint64_t user, uint64_t peer)
{
    pl_position from = judge->position;
    uint32_t index = judge_make_room(judge, NULL, user);

    judge->rooms[index].is_direct = true;
    judge->rooms[index].is_private = true;
    judge->rooms[index].direct[0] = user;
    judge->rooms[index].direct[1] = peer;
    judge_enter(judge, index, user, from, user);
    judge_enter(judge, index, peer, from, user);
    return index;
}

/* The message of that sequence, if it is one that is kept. */
static const struct judge_event *message_at(const struct judge *judge, uint32_t index,
                                            pl_sequence sequence)
{
    const struct judge_event *event;

    if (index == UINT32_MAX || sequence == 0 || sequence > judge->rooms[index].log_len)
        return NULL;
    event = &judge->log[judge->rooms[index].log[sequence - 1]];
    return event->kind == PL_EVENT_MESSAGE_SENT && !event->trimmed ? event : NULL;
}

static enum pl_reason check_links(const struct judge *judge, const struct pl_send *send,
                                  uint32_t index)
{
    const struct judge_event *first;

    if (send->reply_to != 0 && message_at(judge, index, send->reply_to) == NULL)
        return PL_REASON_MESSAGE_NOT_FOUND;
    if (send->thread == 0)
        return PL_REASON_NONE;
    first = message_at(judge, index, send->thread);
    return first == NULL || first->thread != 0 ? PL_REASON_MESSAGE_NOT_FOUND : PL_REASON_NONE;
}

size_t judge_thread_size(const struct judge *judge, uint32_t index, pl_sequence first)
{
    const struct judge_room *room = &judge->rooms[index];
    size_t size = 0;

    for (size_t i = first; i < room->log_len; i++)
        size += judge->log[room->log[i]].thread == first;
    return size;
}

static pl_sequence last_of_thread(const struct judge *judge, uint32_t index, pl_sequence first)
{
    const struct judge_room *room = &judge->rooms[index];

    for (size_t i = room->log_len; i > first; i--)
        if (judge->log[room->log[i - 1]].thread == first)
            return i;
    return first;
}

/* Who is mentioned: the name between '@' and a blank, of who is in the room. */
static uint64_t mentioned(const struct judge *judge, const char *text, uint32_t index)
{
    const char *at = strchr(text, '@');
    char name[PL_USER_NAME_SIZE_MAX + 1];
    uint64_t user;

    if (at == NULL)
        return 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 1, " "), at + 1);
    user = judge_user_named(judge, name);
    return user != 0 && judge_joined(judge, index, user) ? user : 0;
}

static pl_sequence last_message(const struct judge *judge, uint32_t index)
{
    if (index == UINT32_MAX)
        return 0;
    for (size_t i = judge->rooms[index].log_len; i > 0; i--)
        if (judge->log[judge->rooms[index].log[i - 1]].kind == PL_EVENT_MESSAGE_SENT)
            return i;
    return 0;
}

/* What a request_id belongs to, as it was given. */
static void make_target(const struct pl_send *send, char target[PL_ROOM_NAME_SIZE_MAX + 2])
{
    snprintf(target, PL_ROOM_NAME_SIZE_MAX + 2, "%s%s", send->room[0] == 0 ? "@" : "",
             send->room[0] == 0 ? send->user : send->room);
}

static struct judge_request *find_request(struct judge *judge, const struct pl_send *send,
                                          uint64_t user)
{
    char target[PL_ROOM_NAME_SIZE_MAX + 2];

    if (send->request_id[0] == 0)
        return NULL;
    make_target(send, target);
    for (size_t i = judge->requests_len; i-- > 0;) {
        struct judge_request *request = &judge->requests[i];

        if (request->user == user && strcmp(request->id, send->request_id) == 0 &&
            strcmp(request->target, target) == 0)
            return request;
    }
    return NULL;
}

static void keep_request(struct judge *judge, const struct pl_send *send, uint64_t user,
                         uint32_t index)
{
    struct judge_request *request;

    if (send->request_id[0] == 0)
        return;
    judge->requests = judge_grow(judge->requests, judge->requests_len, &judge->requests_cap,
                                 sizeof *judge->requests);
    request = &judge->requests[judge->requests_len++];
    *request = (struct judge_request){.user = user,
                                      .text = send->text,
                                      .expected = send->expected_last_message,
                                      .reply_to = send->reply_to,
                                      .thread = send->thread,
                                      .room = index,
                                      .sequence = judge->rooms[index].log_len,
                                      .time_ms = judge->time_ms};
    snprintf(request->id, sizeof request->id, "%s", send->request_id);
    make_target(send, request->target);
}

static size_t send_number(const char *text)
{
    return (size_t)strtoull(text + 1, NULL, 10);
}

/* The text comes into a log: once, or again where its request_id is past its day. */
static void note_send(struct judge *judge, const struct pl_send *send, uint32_t index)
{
    size_t number = send_number(send->text);
    struct judge_send *said;

    if (number >= judge->sends_len) {
        size_t len = number * 2 + 64;

        judge->sends = realloc(judge->sends, len * sizeof *judge->sends);
        JUDGE(judge->sends != NULL, "out of memory");
        memset(judge->sends + judge->sends_len, 0, (len - judge->sends_len) * sizeof *judge->sends);
        judge->sends_len = len;
    }
    said = &judge->sends[number];
    JUDGE(!said->in_log ||
              (send->request_id[0] != 0 && judge->age_ms - said->time_ms > PL_REQUEST_ID_MS),
          "s%zu is in the log twice", number);
    *said = (struct judge_send){.in_log = true,
                                .room = index,
                                .sequence = judge->rooms[index].log_len,
                                .time_ms = judge->time_ms};
}

static void judge_sent(const struct judge *judge, const struct pl_reply *reply, uint32_t index,
                       pl_sequence sequence, bool deduplicated)
{
    if (reply == NULL || reply->refusal.reason != PL_REASON_NONE)
        return;
    JUDGE(reply->u.send.message.sequence == sequence &&
              strcmp(reply->u.send.room, judge->rooms[index].name) == 0 &&
              reply->u.send.deduplicated == deduplicated,
          "a send to %s got sequence %" PRIu64 "%s in %s, due was %" PRIu64 "%s",
          judge->rooms[index].name, reply->u.send.message.sequence,
          reply->u.send.deduplicated ? " (a repeat)" : "", reply->u.send.room, sequence,
          deduplicated ? " (a repeat)" : "");
}

/* *ret_index UINT32_MAX: a direct room that is still to be made. */
static enum pl_reason find_target(const struct judge *judge, const struct pl_send *send,
                                  uint64_t user, uint64_t *ret_peer, uint32_t *ret_index)
{
    const struct judge_room *room;
    enum pl_reason reason;

    if (send->room[0] == 0) {
        reason = find_peer(judge, send, user, ret_peer);
        if (reason == PL_REASON_NONE)
            *ret_index = direct_of(judge, user, *ret_peer);
        return reason;
    }
    reason = judge_outside(judge, send->room, user);
    if (reason != PL_REASON_NONE)
        return reason;
    *ret_index = judge_room_named(judge, send->room);
    room = &judge->rooms[*ret_index];
    if (room->is_direct && !judge->users[room->direct[room->direct[0] == user] - 1].active)
        return PL_REASON_USER_NOT_FOUND;
    return PL_REASON_NONE;
}

enum pl_reason judge_do_send(struct judge *judge, const struct pl_command *command, uint64_t user,
                             const struct pl_reply *reply)
{
    const struct pl_send *send = &command->u.send;
    const struct judge_request *before = find_request(judge, send, user);
    enum pl_reason reason;
    uint64_t peer = 0;
    uint32_t index = UINT32_MAX;
    struct judge_event *event;

    if (before != NULL && judge->age_ms - before->time_ms <= PL_REQUEST_ID_MS) {
        judge->repeats++;
        if (strcmp(before->text, send->text) != 0 ||
            before->expected != send->expected_last_message || before->reply_to != send->reply_to ||
            before->thread != send->thread)
            return PL_REASON_REQUEST_ID_REUSED;
        if (before->sequence < judge->rooms[before->room].first)
            return PL_REASON_MESSAGE_NOT_FOUND;
        judge_sent(judge, reply, before->room, before->sequence, true);
        return PL_REASON_NONE;
    }
    reason = find_target(judge, send, user, &peer, &index);
    if (reason == PL_REASON_NONE)
        reason = check_links(judge, send, index);
    if (reason != PL_REASON_NONE)
        return reason;
    if (send->expected_last_message != 0 &&
        send->expected_last_message != (send->thread != 0
                                            ? last_of_thread(judge, index, send->thread)
                                            : last_message(judge, index)))
        return PL_REASON_NOT_THE_LAST_MESSAGE;
    if (index == UINT32_MAX)
        index = make_direct(judge, user, peer);
    judge_expect(judge, index, PL_EVENT_MESSAGE_SENT, user, send->text);
    event = &judge->log[judge->log_len - 1];
    event->reply_to = send->reply_to;
    event->thread = send->thread;
    event->mention = mentioned(judge, send->text, index);
    judge_member_of(judge, index, user)->read = judge->rooms[index].log_len;
    note_send(judge, send, index);
    keep_request(judge, send, user, index);
    judge_sent(judge, reply, index, judge->rooms[index].log_len, false);
    return PL_REASON_NONE;
}

void judge_acknowledged(const struct judge *judge, const char *text, const char *room,
                        pl_sequence sequence)
{
    size_t number = send_number(text);

    JUDGE(number < judge->sends_len && judge->sends[number].in_log &&
              judge->sends[number].sequence == sequence &&
              strcmp(judge->rooms[judge->sends[number].room].name, room) == 0,
          "s%zu was acknowledged as %" PRIu64 " of %s, where it is not", number, sequence, room);
}

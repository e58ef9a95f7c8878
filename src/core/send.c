/*
 * send.c - a message's way from what was asked to its room's log.
 *
 * First everything is looked at, and refused without a trace; then everything
 * is done. A direct room is made in between, by the first message.
 */
#include "core/send.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/log.h"
#include "core/member.h"
#include "core/mention.h"
#include "core/request.h"
#include "core/room.h"
#include "core/tell.h"
#include "core/work.h"

#include <stdio.h>
#include <string.h>

/* What a send was found to be. */
struct target {
    struct pl_room *room;     /* NULL: a direct room, still to be made */
    struct pl_member *member; /* the caller's, while there is a room */
    struct pl_user *peer;     /* of a direct room that is still to be made */
    struct pl_thread_row thread;
};

int pl_send_view(struct pl_engine *engine, pl_room_id room, pl_sequence sequence,
                 struct pl_message_view *ret)
{
    struct pl_message_view view = {.sequence = sequence, .last_change = sequence};
    struct pl_thread_row thread;
    pl_sequence first;
    pl_user_id sender;
    int rc = PL_ASK(engine, get_thread, room, sequence, &thread);

    if (rc < 0 && rc != PL_E_NOTFOUND)
        return rc;
    view.thread_size = rc == PL_OK ? thread.size : 0;
    rc = PL_ASK(engine, get_message, room, sequence, &view.event, &first, &sender);
    if (rc < 0)
        return rc;
    *ret = view;
    return PL_OK;
}

/* What is wrong whatever the state. Names too long for a request's key are
 * nobody's. */
static int check_form(struct pl_turn *turn)
{
    const struct pl_send *send = &turn->command->u.send;

    if ((send->room[0] != 0) == (send->user[0] != 0))
        return pl_refuse_field(turn, "target", "a room or a user");
    if (strlen(send->room) > PL_ROOM_NAME_SIZE_MAX)
        return pl_refuse(turn, PL_REASON_ROOM_NOT_FOUND);
    if (strlen(send->user) > PL_USER_NAME_SIZE_MAX)
        return pl_refuse(turn, PL_REASON_USER_NOT_FOUND);
    if (strlen(send->request_id) > PL_REQUEST_ID_SIZE_MAX)
        return pl_refuse_field(turn, "request_id", "at most 64 bytes");
    return PL_OK;
}

static int find_room(struct pl_turn *turn, const char *name, struct target *target)
{
    int rc = pl_member_joined(turn, name, &target->room, &target->member);
    const struct pl_room *room = target->room;
    struct pl_user *peer;

    if (rc != PL_OK || room->visibility != PL_ROOM_DIRECT)
        return rc;
    rc = pl_must_be(pl_cache_user(
        &turn->engine->cache, room->direct[room->direct[0].v == turn->user->id.v ? 1 : 0], &peer));
    if (rc == PL_OK && peer->state != PL_USER_ACTIVE)
        return pl_refuse(turn, PL_REASON_USER_NOT_FOUND);
    return rc;
}

/* The direct room with a user, or that it is to be made. */
static int find_user(struct pl_turn *turn, const char *name, struct target *target)
{
    struct pl_cache *cache = &turn->engine->cache;
    int rc;

    if (strcmp(name, turn->user->name) == 0)
        return pl_refuse_field(turn, "user", "somebody else than yourself");
    rc = pl_cache_user_named(cache, name, &target->peer);
    if (rc == PL_E_NOTFOUND)
        return pl_refuse(turn, PL_REASON_USER_NOT_FOUND);
    if (rc < 0)
        return rc;
    rc = pl_cache_room_direct(cache, turn->user->id, target->peer->id, &target->room);
    if (rc == PL_OK)
        return pl_cache_member(cache, target->room->id, turn->user->id, &target->member);
    if (rc != PL_E_NOTFOUND)
        return rc;
    target->room = NULL;
    if (target->peer->room_count >= PL_USER_ROOMS_LEN_MAX)
        return pl_refuse_detail(turn, PL_REASON_TOO_MANY_ROOMS,
                                "that user is in as many rooms as one may be");
    return pl_member_may_have_more(turn);
}

static int find_target(struct pl_turn *turn, struct target *target)
{
    const struct pl_send *send = &turn->command->u.send;
    int rc = send->room[0] != 0 ? find_room(turn, send->room, target)
                                : find_user(turn, send->user, target);

    if (rc != PL_OK || target->room == NULL)
        return rc;
    if (target->member->state != PL_MEMBER_JOINED)
        return PL_E_CORRUPT; /* both sides of a direct room are in it */
    return target->member->role >= PL_ROLE_MEMBER ? PL_OK
                                                  : pl_refuse(turn, PL_REASON_MAY_ONLY_READ);
}

static int check_text(struct pl_turn *turn)
{
    size_t size = strlen(turn->command->u.send.text);
    size_t size_max = turn->engine->config.text_size_max;
    char detail[64];

    if (size > 0 && size <= size_max)
        return PL_OK;
    snprintf(detail, sizeof detail, "1 to %zu bytes", size_max);
    return pl_refuse_field(turn, "text", detail);
}

/* Refuses unless `sequence` is a message of the room; *ret_thread: the thread
 * that it belongs to. */
static int check_message(struct pl_turn *turn, const struct target *target, pl_sequence sequence,
                         pl_sequence *ret_thread)
{
    struct pl_buf *bytes;
    pl_user_id sender;
    int rc;

    if (target->room == NULL || sequence > target->room->last_message_sequence)
        return pl_refuse(turn, PL_REASON_MESSAGE_NOT_FOUND);
    rc = PL_ASK(turn->engine, get_message, target->room->id, sequence, &bytes, ret_thread, &sender);
    if (rc == PL_E_NOTFOUND)
        return pl_refuse(turn, PL_REASON_MESSAGE_NOT_FOUND);
    if (rc == PL_OK)
        pl_buf_unref(bytes);
    return rc;
}

/* reply_to and thread are messages there, and the thread's is a first one. */
static int check_links(struct pl_turn *turn, struct target *target)
{
    const struct pl_send *send = &turn->command->u.send;
    pl_sequence of_thread;
    int rc = PL_OK;

    if (send->reply_to != 0)
        rc = check_message(turn, target, send->reply_to, &of_thread);
    if (rc != PL_OK || send->thread == 0)
        return rc;
    rc = check_message(turn, target, send->thread, &of_thread);
    if (rc != PL_OK)
        return rc;
    if (of_thread != 0)
        return pl_refuse_detail(turn, PL_REASON_MESSAGE_NOT_FOUND,
                                "thread is not the first message of a thread");
    rc = PL_ASK(turn->engine, get_thread, target->room->id, send->thread, &target->thread);
    if (rc != PL_E_NOTFOUND)
        return rc;
    target->thread = (struct pl_thread_row){.last_message = send->thread};
    return PL_OK;
}

static int check_last(struct pl_turn *turn, const struct target *target)
{
    const struct pl_send *send = &turn->command->u.send;
    pl_sequence last = 0;

    if (send->expected_last_message == 0)
        return PL_OK;
    if (send->thread != 0)
        last = target->thread.last_message;
    else if (target->room != NULL)
        last = target->room->last_message_sequence;
    return send->expected_last_message == last ? PL_OK
                                               : pl_refuse(turn, PL_REASON_NOT_THE_LAST_MESSAGE);
}

/* The direct room of the caller and the peer, who enter it both. */
static int make_direct(struct pl_turn *turn, struct target *target)
{
    struct pl_engine *engine = turn->engine;
    bool caller_low = turn->user->id.v < target->peer->id.v;
    struct pl_room draft = {.visibility = PL_ROOM_DIRECT,
                            .delivery = PL_ROOM_EVERYONE,
                            .direct = {caller_low ? turn->user->id : target->peer->id,
                                       caller_low ? target->peer->id : turn->user->id}};
    pl_position from = engine->meta.position;
    int rc = pl_room_make(engine, &draft, turn->user, &target->room);

    if (rc == PL_OK)
        rc = pl_member_enter(engine, target->room, turn->user, PL_ROLE_MEMBER, from, turn->user);
    if (rc == PL_OK)
        rc = pl_member_enter(engine, target->room, target->peer, PL_ROLE_MEMBER, from, turn->user);
    if (rc < 0)
        return rc;
    return pl_cache_member(&engine->cache, target->room->id, turn->user->id, &target->member);
}

/* The message becomes the room's last event, which its sender has read. */
static int append_message(struct pl_turn *turn, struct target *target, struct pl_buf **ret_bytes)
{
    struct pl_engine *engine = turn->engine;
    const struct pl_send *send = &turn->command->u.send;
    struct pl_message message = {
        .text = send->text, .reply_to = send->reply_to, .thread = send->thread};
    int rc = pl_mention_find(engine, target->room, &message);

    if (rc == PL_OK)
        rc = pl_log_message(engine, target->room, turn->user, &message, ret_bytes);
    if (rc < 0)
        return rc;
    if (send->thread != 0) {
        target->thread.last_message = target->room->last_sequence;
        target->thread.size++;
        rc = PL_ASK(engine, put_thread, target->room->id, send->thread, &target->thread);
        if (rc < 0)
            return rc;
    }
    target->member->read_sequence = target->room->last_sequence;
    target->member->read_count = target->room->message_count;
    pl_cache_member_changed(&engine->cache, target->member);
    return pl_tell_marker(engine, target->room, target->member);
}

static int fill_reply(struct pl_turn *turn, const struct pl_room *room, struct pl_buf *bytes)
{
    struct pl_reply *reply = turn->reply;

    reply->u.send.message.event = pl_buf_ref(bytes);
    reply->u.send.message.sequence = room->last_sequence;
    reply->u.send.message.last_change = room->last_sequence;
    reply->u.send.room = pl_tell_str(turn->engine, room->name);
    return reply->u.send.room != NULL ? PL_OK : PL_E_NOMEM;
}

int pl_send_message(struct pl_turn *turn)
{
    struct pl_request_key key;
    struct target target = {.room = NULL};
    struct pl_buf *bytes = NULL;
    bool found;
    int rc = check_form(turn);

    if (rc != PL_OK)
        return rc;
    pl_request_key_init(&key, &turn->command->u.send);
    rc = pl_request_replay(turn, &key, &found);
    if (rc != PL_OK || found)
        return rc;
    rc = find_target(turn, &target);
    if (rc == PL_OK)
        rc = check_text(turn);
    if (rc == PL_OK)
        rc = check_links(turn, &target);
    if (rc == PL_OK)
        rc = check_last(turn, &target);
    if (rc != PL_OK)
        return rc;

    if (target.room == NULL)
        rc = make_direct(turn, &target);
    if (rc == PL_OK)
        rc = append_message(turn, &target, &bytes);
    if (rc == PL_OK)
        rc = pl_request_keep(turn, &key, target.room->id, target.room->last_sequence);
    if (rc == PL_OK)
        rc = fill_reply(turn, target.room, bytes);
    if (rc == PL_OK && target.room->delivery == PL_ROOM_ONE)
        rc = pl_work_add(turn->engine, target.room, turn->user->id, bytes);
    return rc;
}

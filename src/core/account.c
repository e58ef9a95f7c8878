/*
 * account.c - guests come, and go for good.
 *
 * A user_id is never given again, so of who has ended nothing is kept but the
 * user, as the author of what they wrote.
 */
#include "core/account.h"

#include "base/assert.h"
#include "base/err.h"
#include "core/member.h"
#include "core/tell.h"
#include "core/work.h"

#include <stdio.h>
#include <string.h>

enum {
    USED_STEP_MS = 3600 * 1000,
    ENDING_LEN_MAX = 16, /* users asked for at a time */
    IDLE_LEN_MAX = 64,   /* sessions that one EXPIRE ends */
};

bool pl_session_touch_due(const struct pl_session *session, int64_t session_idle_ms, int64_t now_ms)
{
    int64_t step_ms = session_idle_ms / 100;

    return now_ms - session->used_ms >= (step_ms < USED_STEP_MS ? step_ms : USED_STEP_MS);
}

static bool is_idle(const struct pl_engine *engine, const struct pl_session *session)
{
    return engine->age_ms - session->used_ms > engine->config.session_idle_ms;
}

int pl_account_identify(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    int rc = pl_cache_session(&engine->cache, &turn->command->token_hash, &turn->session);

    if (rc < 0)
        return rc;
    if (is_idle(engine, turn->session))
        return PL_E_NOTFOUND; /* EXPIRE will end it */
    rc = pl_must_be(pl_cache_user(&engine->cache, turn->session->user, &turn->user));
    if (rc < 0)
        return rc;
    return turn->user->state == PL_USER_ACTIVE ? PL_OK : PL_E_CORRUPT;
}

int pl_account_used(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;

    if (!pl_session_touch_due(turn->session, engine->config.session_idle_ms, engine->now_ms))
        return PL_OK;
    turn->session->used_ms = engine->now_ms;
    return pl_cache_session_put(&engine->cache, turn->session);
}

int pl_account_touch(struct pl_turn *turn)
{
    int rc = pl_account_identify(turn);

    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    turn->session->used_ms = turn->engine->now_ms;
    return pl_cache_session_put(&turn->engine->cache, turn->session);
}

int pl_account_stream_closed(struct pl_turn *turn)
{
    struct pl_cache *cache = &turn->engine->cache;
    struct pl_user *user;
    int rc = pl_cache_user(cache, turn->command->u.stream_closed.user, &user);

    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    if (user->state != PL_USER_ACTIVE)
        return PL_OK;
    user->last_seen_ms = turn->engine->now_ms;
    pl_cache_user_changed(cache, user);
    return PL_OK;
}

static int check_sign_in(struct pl_turn *turn, struct pl_room **ret_lobby)
{
    struct pl_cache *cache = &turn->engine->cache;
    const struct pl_command *command = turn->command;
    struct pl_user *taken;
    int rc;

    if (!turn->engine->config.guests)
        return pl_refuse(turn, PL_REASON_GUESTS_OFF);
    if (!pl_user_name_valid(command->u.sign_in_guest.name))
        return pl_refuse_field(turn, "user",
                               "1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first");
    if (strlen(command->u.sign_in_guest.label) > PL_LABEL_SIZE_MAX)
        return pl_refuse_field(turn, "label", "at most 64 bytes");
    rc = pl_cache_user_named(cache, command->u.sign_in_guest.name, &taken);
    if (rc == PL_OK)
        return pl_refuse(turn, PL_REASON_NAME_TAKEN);
    if (rc != PL_E_NOTFOUND)
        return rc;
    rc = pl_must_be(pl_cache_room_named(cache, PL_LOBBY_NAME, ret_lobby));
    if (rc == PL_OK && (*ret_lobby)->member_count >= PL_ROOM_MEMBERS_LEN_MAX)
        return pl_refuse_detail(turn, PL_REASON_ROOM_FULL,
                                "the server has as many users as it may have");
    return rc;
}

static int add_session(struct pl_turn *turn, pl_user_id user, struct pl_session *ret)
{
    struct pl_engine *engine = turn->engine;

    *ret = (struct pl_session){.id = {++engine->meta.last_session},
                               .user = user,
                               .token_hash = turn->command->token_hash,
                               .create_ms = engine->now_ms,
                               .used_ms = engine->now_ms};
    snprintf(ret->label, sizeof ret->label, "%s", turn->command->u.sign_in_guest.label);
    return pl_cache_session_add(&engine->cache, ret);
}

int pl_account_sign_in_guest(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    struct pl_user draft = {
        .kind = PL_USER_GUEST, .state = PL_USER_ACTIVE, .create_ms = engine->now_ms};
    struct pl_room *lobby;
    struct pl_user *user;
    int rc = check_sign_in(turn, &lobby);

    if (rc != PL_OK)
        return rc;
    draft.id = (pl_user_id){++engine->meta.last_user};
    snprintf(draft.name, sizeof draft.name, "%s", turn->command->u.sign_in_guest.name);
    rc = pl_cache_user_add(&engine->cache, &draft, &user);
    if (rc == PL_OK)
        rc = add_session(turn, user->id, &turn->reply->u.sign_in.session);
    if (rc == PL_OK)
        rc = pl_member_enter(engine, lobby, user, PL_ROLE_MEMBER, engine->meta.position, user);
    if (rc < 0)
        return rc;
    turn->reply->u.sign_in.user = *user;
    return PL_OK;
}

/* Leaves up to `len` rooms; *ret_done: there are no more. */
static int leave_rooms(struct pl_engine *engine, struct pl_user *user, uint32_t len,
                       uint32_t *ret_len, bool *ret_done)
{
    struct pl_member list[PL_END_ROOMS_LEN_MAX];
    int rc;

    PL_ASSERT(len <= PL_END_ROOMS_LEN_MAX);
    rc = PL_ASK(engine, list_rooms_of, user->id, (pl_room_id){0}, len, list, ret_len);
    for (uint32_t i = 0; i < *ret_len && rc == PL_OK; i++) {
        struct pl_room *room;

        rc = pl_must_be(pl_cache_room(&engine->cache, list[i].room, &room));
        if (rc == PL_OK)
            rc = pl_member_leave(engine, room, user, true);
    }
    if (rc < 0)
        return rc;
    *ret_done = *ret_len < len || user->room_count == 0;
    return PL_OK;
}

/* Goes on ending a user; what is over *rooms_left follows later. */
static int end_rooms(struct pl_engine *engine, struct pl_user *user, uint32_t *rooms_left)
{
    uint32_t len = 0;
    bool done = user->room_count == 0;
    int rc = PL_OK;

    PL_ASSERT(user->state == PL_USER_ENDING);
    if (!done && *rooms_left > 0)
        rc = leave_rooms(engine, user, *rooms_left, &len, &done);
    if (rc < 0)
        return rc;
    *rooms_left -= len;
    if (!done) {
        engine->follow_up = true;
        return PL_OK;
    }
    user->state = PL_USER_ENDED;
    return pl_cache_user_put(&engine->cache, user);
}

static int end_session(struct pl_engine *engine, const struct pl_session *ending,
                       uint32_t *rooms_left)
{
    struct pl_session session = *ending; /* the row goes */
    struct pl_user *user;
    int rc = pl_tell_session_ended(engine, &session);

    if (rc == PL_OK)
        rc = pl_work_session_ended(engine, session.id);
    if (rc == PL_OK)
        rc = pl_cache_session_delete(&engine->cache, &session);
    if (rc == PL_OK)
        rc = pl_must_be(pl_cache_user(&engine->cache, session.user, &user));
    if (rc != PL_OK)
        return rc;
    if (user->kind != PL_USER_GUEST)
        return PL_OK;
    user->state = PL_USER_ENDING;
    rc = pl_cache_user_put(&engine->cache, user);
    if (rc < 0)
        return rc;
    return end_rooms(engine, user, rooms_left);
}

int pl_account_sign_out(struct pl_turn *turn)
{
    uint32_t rooms_left = PL_END_ROOMS_LEN_MAX;

    return end_session(turn->engine, turn->session, &rooms_left);
}

int pl_account_end_more(struct pl_engine *engine, uint32_t *rooms_left)
{
    pl_user_id ids[ENDING_LEN_MAX];
    uint32_t len = ENDING_LEN_MAX;

    while (len == ENDING_LEN_MAX && *rooms_left > 0) {
        int rc = PL_ASK(engine, list_users_ending, ENDING_LEN_MAX, ids, &len);

        if (rc < 0)
            return rc;
        for (uint32_t i = 0; i < len; i++) {
            struct pl_user *user;

            rc = pl_must_be(pl_cache_user(&engine->cache, ids[i], &user));
            if (rc == PL_OK)
                rc = end_rooms(engine, user, rooms_left);
            if (rc < 0)
                return rc;
        }
    }
    if (len == ENDING_LEN_MAX)
        engine->follow_up = true;
    return PL_OK;
}

int pl_account_expire(struct pl_engine *engine, uint32_t *rooms_left)
{
    struct pl_session idle[IDLE_LEN_MAX];
    int64_t before_ms = engine->age_ms - engine->config.session_idle_ms;
    uint32_t len = 0;
    int rc = PL_ASK(engine, list_sessions_idle, before_ms, IDLE_LEN_MAX, idle, &len);

    for (uint32_t i = 0; i < len && rc == PL_OK; i++)
        if (is_idle(engine, &idle[i]))
            rc = end_session(engine, &idle[i], rooms_left);
    if (rc == PL_OK && len == IDLE_LEN_MAX)
        engine->follow_up = true;
    return rc;
}

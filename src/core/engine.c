/*
 * engine.c - a batch's way: begin, each command in its turn, write what has
 * changed, commit.
 *
 * A command's reply is put into the effects before the command is decided, so
 * it stands before all that the command causes. Whatever fails, the store is
 * rolled back and everything in memory that came from it is forgotten: there
 * is no other way back.
 */
#include "core/engine.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/account.h"
#include "core/marker.h"
#include "core/request.h"
#include "core/retention.h"
#include "core/room.h"
#include "core/send.h"
#include "core/state.h"
#include "core/subscribe.h"
#include "core/tell.h"
#include "core/work.h"

enum { EXPIRE_STEP_MS = 60 * 1000 };

static int start(struct pl_turn *turn);
static int expire(struct pl_turn *turn);

/* Who decides a command, and what it takes to be asked. */
static const struct handler {
    int (*decide)(struct pl_turn *turn);
    bool replies;
    bool of_user;  /* the token must be valid */
    bool is_query; /* nothing that lasts may change, not even when the session was used */
} handlers[] = {
    [PL_COMMAND_START] = {start, false, false, false},
    [PL_COMMAND_TOUCH_SESSION] = {pl_account_touch, false, false, false},
    [PL_COMMAND_EXPIRE] = {expire, false, false, false},
    [PL_COMMAND_STREAM_CLOSED] = {pl_account_stream_closed, false, false, false},
    [PL_COMMAND_SIGN_IN_GUEST] = {pl_account_sign_in_guest, true, false, false},
    [PL_COMMAND_SIGN_OUT] = {pl_account_sign_out, true, true, false},
    [PL_COMMAND_CREATE_ROOM] = {pl_room_create, true, true, false},
    [PL_COMMAND_JOIN_ROOM] = {pl_room_join, true, true, false},
    [PL_COMMAND_LEAVE_ROOM] = {pl_room_leave, true, true, false},
    [PL_COMMAND_SEND_MESSAGE] = {pl_send_message, true, true, false},
    [PL_COMMAND_MARK_READ] = {pl_marker_mark_read, true, true, false},
    [PL_COMMAND_OPEN_TAKER] = {pl_work_open_taker, true, true, false},
    [PL_COMMAND_CLOSE_TAKER] = {pl_work_close_taker, false, false, false},
    [PL_COMMAND_ACK_MESSAGE] = {pl_work_ack, true, true, false},
    [PL_COMMAND_RELEASE_MESSAGE] = {pl_work_release, true, true, false},
    [PL_QUERY_SUBSCRIBE] = {pl_subscribe, true, true, true},
    [PL_QUERY_GET_USER] = {pl_subscribe_get_user, true, true, true},
    [PL_QUERY_GET_USERS] = {pl_subscribe_get_users, true, true, true},
};

int pl_engine_new(const struct pl_engine_config *config, struct pl_engine **ret_engine)
{
    struct pl_engine *engine;

    if (config->session_idle_ms <= 0 || config->text_size_max == 0 ||
        config->text_size_max > PL_TEXT_SIZE_MAX)
        return PL_E_INVALID;
    engine = pl_zalloc(sizeof *engine);
    if (engine == NULL)
        return PL_E_NOMEM;
    engine->config = *config;
    engine->progress.rest_due_ms = INT64_MAX;
    engine->progress.trim_due_ms = INT64_MAX;
    engine->progress.work_due_ms = INT64_MAX;
    pl_cache_init(&engine->cache, config->store);
    pl_takers_init(&engine->takers);
    *ret_engine = engine;
    return PL_OK;
}

void pl_engine_free(struct pl_engine *engine)
{
    if (engine == NULL)
        return;
    pl_takers_done(&engine->takers);
    pl_cache_done(&engine->cache);
    pl_free(engine);
}

static int start(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    uint32_t rooms_left = PL_END_ROOMS_LEN_MAX;
    int rc;

    engine->meta.log = turn->command->u.start.log;
    engine->progress.started = true;
    engine->progress.expired_ms = engine->age_ms;
    engine->progress.rest_due_ms = engine->age_ms;
    rc = PL_ASK(engine, add_log, engine->meta.log, engine->meta.position);
    if (rc == PL_OK)
        rc = pl_work_start(engine);
    if (rc == PL_OK)
        rc = pl_room_need_lobby(engine);
    if (rc == PL_OK)
        rc = pl_account_end_more(engine, &rooms_left);
    return rc;
}

static int expire(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    uint32_t rooms_left = PL_END_ROOMS_LEN_MAX;
    int64_t step_ms = engine->config.session_idle_ms / 10;
    int rc = pl_account_end_more(engine, &rooms_left);

    if (rc == PL_OK)
        rc = pl_account_expire(engine, &rooms_left);
    if (rc == PL_OK)
        rc = pl_request_expire(engine);
    if (rc == PL_OK)
        rc = pl_retention_expire(engine); /* what goes is not handed out */
    if (rc == PL_OK)
        rc = pl_work_expire(engine);
    engine->progress.rest_due_ms =
        engine->age_ms + 1 + (step_ms < EXPIRE_STEP_MS ? step_ms : EXPIRE_STEP_MS);
    return rc;
}

/* One command: PL_OK, whether granted or refused, or what loses the batch. */
static int apply_command(struct pl_engine *engine, const struct pl_command *command)
{
    struct pl_turn turn = {.engine = engine, .command = command};
    const struct handler *handler;
    int rc;

    PL_ASSERT((size_t)command->kind < sizeof handlers / sizeof handlers[0]);
    handler = &handlers[command->kind];
    if (handler->replies) {
        rc = pl_tell_reply(engine, command, &turn.reply);
        if (rc < 0)
            return rc;
    }
    if (handler->of_user) {
        rc = pl_account_identify(&turn);
        if (rc == PL_E_NOTFOUND) {
            pl_refuse(&turn, PL_REASON_TOKEN_INVALID);
            return PL_OK;
        }
        if (rc == PL_OK && !handler->is_query)
            rc = pl_account_used(&turn);
        else if (rc == PL_OK)
            turn.reply->touch_due =
                pl_session_touch_due(turn.session, engine->config.session_idle_ms, engine->now_ms);
        if (rc < 0)
            return rc;
    }
    rc = handler->decide(&turn);
    PL_ASSERT(rc <= PL_REFUSED);
    PL_ASSERT(turn.reply == NULL || rc < 0 ||
              (rc == PL_REFUSED) == (turn.reply->refusal.reason != PL_REASON_NONE));
    return rc == PL_REFUSED ? PL_OK : pl_must_be(rc);
}

static int load(struct pl_engine *engine)
{
    int rc;

    if (!engine->meta_known) {
        rc = PL_ASK(engine, get_meta, &engine->meta);
        if (rc == PL_E_NOTFOUND)
            engine->meta = (struct pl_meta){0};
        else if (rc < 0)
            return rc;
        engine->meta_known = true;
    }
    if (!engine->leases_void)
        return PL_OK;
    engine->work_moved = true;
    return engine->config.store.ops->clear_leases(engine->config.store.self);
}

static bool has_commands(const struct pl_batch *batch)
{
    PL_LIST_EACH (node, &batch->commands)
        if (!handlers[PL_CONTAINER(node, struct pl_command, node)->kind].is_query)
            return true;
    return false;
}

/* What is written once a batch. Queries alone leave no trace: neither they nor
 * their number and time need to last, so they do not cost a sync. */
static int finish(struct pl_engine *engine, const struct pl_batch *batch)
{
    int rc = pl_work_plan(engine);

    if (rc == PL_OK && engine->follow_up) {
        if (engine->progress.rest_due_ms > engine->age_ms)
            engine->progress.rest_due_ms = engine->age_ms;
        rc = pl_tell_follow_up(engine);
    }
    if (rc == PL_OK)
        rc = pl_cache_flush(&engine->cache);
    if (rc < 0)
        return rc;
    engine->meta.batch = batch->number;
    engine->meta.time_ms = engine->now_ms;
    engine->meta.age_ms = engine->age_ms;
    if (!has_commands(batch))
        return PL_OK;
    return PL_ASK(engine, put_meta, &engine->meta);
}

static int apply_all(struct pl_engine *engine, const struct pl_batch *batch)
{
    int rc = load(engine);

    if (rc < 0)
        return rc;
    PL_ASSERT(batch->number > engine->meta.batch);
    engine->now_ms = batch->time_ms > engine->meta.time_ms ? batch->time_ms : engine->meta.time_ms;
    engine->age_ms = batch->age_ms > 0 ? batch->age_ms : engine->now_ms;
    PL_ASSERT(engine->age_ms <= engine->now_ms);
    PL_LIST_EACH (node, &batch->commands) {
        const struct pl_command *command = PL_CONTAINER(node, struct pl_command, node);

        PL_ASSERT(engine->progress.started || command->kind == PL_COMMAND_START);
        rc = apply_command(engine, command);
        if (rc == PL_OK)
            rc = pl_cache_trim(&engine->cache);
        if (rc < 0)
            return rc;
    }
    return finish(engine, batch);
}

static int transact(struct pl_engine *engine, const struct pl_batch *batch)
{
    const struct pl_store *store = &engine->config.store;
    int rc = store->ops->begin(store->self);

    if (rc < 0)
        return rc;
    rc = apply_all(engine, batch);
    if (rc == PL_OK)
        rc = store->ops->commit(store->self);
    if (rc < 0)
        store->ops->rollback(store->self);
    return rc;
}

/* The batch is lost. Takers for whose end the memory is short are told with
 * the next batch. */
static void lose(struct pl_engine *engine, struct pl_effects *effects)
{
    pl_effects_clear(effects);
    pl_cache_drop(&engine->cache);
    engine->meta_known = false;
    engine->leases_void = true;
    pl_takers_lose(&engine->takers);
    if (pl_takers_tell_lost(&engine->takers, effects) < 0)
        pl_effects_clear(effects);
    else
        pl_takers_forget_lost(&engine->takers);
}

int pl_engine_apply(struct pl_engine *engine, const struct pl_batch *batch,
                    struct pl_effects *effects)
{
    struct pl_progress before = engine->progress;
    int rc;

    PL_ASSERT(pl_list_empty(&effects->list));
    engine->effects = effects;
    engine->follow_up = false;
    engine->handed_size = 0;
    rc = pl_takers_tell_lost(&engine->takers, effects);
    if (rc == PL_OK)
        rc = transact(engine, batch);
    engine->effects = NULL;
    if (rc < 0) {
        engine->progress = before;
        lose(engine, effects);
        return rc;
    }
    engine->leases_void = false;
    engine->work_moved = false;
    pl_takers_settle(&engine->takers);
    pl_takers_forget_lost(&engine->takers);
    return PL_OK;
}

int64_t pl_engine_due_ms(const struct pl_engine *engine)
{
    const struct pl_progress *progress = &engine->progress;
    int64_t due_ms = progress->rest_due_ms;

    if (progress->trim_due_ms < due_ms)
        due_ms = progress->trim_due_ms;
    return progress->work_due_ms < due_ms ? progress->work_due_ms : due_ms;
}

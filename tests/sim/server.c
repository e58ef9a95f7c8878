/*
 * server.c - the engine's thread: letters in, batches through, letters out.
 *
 * It does what src/server/engine_thread.c and dispatch.c do: calls that are gone
 * are forgotten between two batches; replies reach a loop before the feed of their
 * batch.
 */
#include "sim.h"

#include "base/err.h"
#include "base/mem.h"
#include "trace.h"
#include "wire/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void server_config(struct sim *sim, struct pl_engine_config *config)
{
    *config = (struct pl_engine_config){
        .store = sim->disk.store,
        .encoder = pl_wire_event_encoder(),
        .guests = true,
        .session_idle_ms = sim->idle_ms,
        .text_size_max = PL_TEXT_SIZE_MAX,
    };
}

static int on_batch(void *self, const struct pl_batch *batch)
{
    struct sim *sim = self;

    return pl_engine_apply(sim->server.engine, batch, &sim->server.effects);
}

void server_post(struct sim *sim, struct mail *mail)
{
    pl_list_append(&sim->server.inbox, &mail->node);
}

static bool expire_due(const struct sim *sim)
{
    return pl_age_clock_ms(&sim->server.age, sim->steady_ms) >=
           pl_engine_due_ms(sim->server.engine);
}

bool server_busy(const struct sim *sim)
{
    const struct server *server = &sim->server;

    return !pl_list_empty(&server->inbox) || !pl_list_empty(&server->gone) || server->follow_up ||
           expire_due(sim);
}

static struct letter *send_letter(struct sim *sim, uint32_t loop, enum letter_kind kind)
{
    struct letter *letter = sim_alloc(sim, sizeof *letter);

    letter->kind = kind;
    pl_list_append(&sim->server.loops[loop].letters, &letter->node);
    return letter;
}

static void send_reply(struct sim *sim, struct request *request)
{
    if (!request->silent)
        send_letter(sim, request->command.reply_loop, LETTER_REPLY)->request = request;
}

static void keep_subscribe(struct sim *sim, struct request *request, const struct pl_reply *reply)
{
    request->user = reply->u.subscribe.user.id;
    request->session = reply->u.subscribe.session.id;
    request->shown = reply->u.subscribe.shown;
    request->rooms_len = reply->u.subscribe.rooms_len;
    request->rooms = sim_alloc(sim, request->rooms_len * sizeof *request->rooms);
    for (uint32_t i = 0; i < request->rooms_len; i++) {
        request->rooms[i] = reply->u.subscribe.rooms[i];
        request->rooms[i].name = sim_printf(sim, "%s", request->rooms[i].name);
    }
}

/* Who only asks is there too. */
static void touch(struct sim *sim, const struct request *asked)
{
    struct request *request = client_ask(sim, asked->client, PL_COMMAND_TOUCH_SESSION);

    request->command.token_hash = asked->command.token_hash;
    request->silent = true;
    server_post(sim, &request->mail);
}

static void on_reply(struct sim *sim, const struct pl_effect *effect)
{
    struct request *request = sim->requests[effect->u.reply.to];
    const struct pl_reply *reply = effect->u.reply.reply;

    if (reply->touch_due)
        touch(sim, request);
    request->reason = reply->refusal.reason;
    if (request->reason == PL_REASON_NONE) {
        if (request->command.kind == PL_QUERY_SUBSCRIBE)
            keep_subscribe(sim, request, reply);
        if (request->command.kind == PL_COMMAND_SEND_MESSAGE) {
            request->sequence = reply->u.send.message.sequence;
            request->room = sim_printf(sim, "%s", reply->u.send.room);
        }
    }
    send_reply(sim, request);
}

static uint64_t call_of_taker(uint64_t taker)
{
    return taker & ((UINT64_C(1) << 56) - 1);
}

static void on_effect(struct sim *sim, const struct pl_effect *effect)
{
    struct letter *letter;

    switch (effect->kind) {
    case PL_EFFECT_REPLY:
        on_reply(sim, effect);
        break;
    case PL_EFFECT_LEASED:
        letter = send_letter(sim, effect->u.leased.loop, LETTER_TAKEN);
        letter->call = call_of_taker(effect->u.leased.taker);
        letter->lease = effect->u.leased.lease;
        letter->sequence = effect->u.leased.message.sequence;
        break;
    case PL_EFFECT_TAKER_ENDED:
        letter = send_letter(sim, effect->u.taker_ended.loop, LETTER_TAKER_ENDED);
        letter->call = call_of_taker(effect->u.taker_ended.taker);
        letter->reason = effect->u.taker_ended.refusal.reason;
        break;
    case PL_EFFECT_FOLLOW_UP:
        sim->server.follow_up = true;
        break;
    case PL_EFFECT_EVENT:
        sim->server.through = effect->u.event.position;
        break;
    default:
        break;
    }
}

static void dispatch(struct sim *sim)
{
    struct server *server = &sim->server;
    struct pl_feed *feed = NULL;
    uint64_t loops = 0;
    int rc;

    PL_LIST_EACH (node, &server->effects.list)
        on_effect(sim, PL_CONTAINER(node, struct pl_effect, node));
    sim_starve(sim, 100);
    rc = pl_router_route(server->router, &server->effects, server->through, &feed, &loops);
    if (sim_fed(sim) && rc < 0)
        loops = UINT64_MAX; /* all streams end, and resume */
    else
        JUDGE(rc == PL_OK, "a batch could not be routed");
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++)
        if ((loops >> i & 1) != 0 && (feed != NULL || rc < 0))
            send_letter(sim, i, LETTER_FEED)->feed = feed != NULL ? pl_feed_ref(feed) : NULL;
    pl_feed_unref(feed);
}

/* Sets what the engine is to do about a call that is gone; false for nothing. */
static bool make_gone_command(struct sim *sim, struct call *call)
{
    pl_user_id user;

    if (call->taker) {
        call->gone.kind = PL_COMMAND_CLOSE_TAKER;
        call->gone.u.close_taker.taker = (uint64_t)call->loop << 56 | call->id;
    } else if (pl_router_close(sim->server.router, call->loop, call->id, &user)) {
        call->gone.kind = PL_COMMAND_STREAM_CLOSED;
        call->gone.u.stream_closed.user = user;
    } else {
        return false;
    }
    return true;
}

static uint32_t forget_calls(struct sim *sim, struct pl_batch *batch)
{
    uint32_t len = 0;

    PL_LIST_EACH (node, &sim->server.gone) {
        struct call *call = PL_CONTAINER(node, struct call, mail.node);

        pl_list_remove(node);
        if (!call->forgotten && !make_gone_command(sim, call))
            continue;
        call->forgotten = true;
        pl_list_append(&sim->server.gone_now, node);
        pl_list_append(&batch->commands, &call->gone.node);
        len++;
    }
    return len;
}

static uint32_t gather(struct sim *sim, struct pl_batch *batch, uint32_t len_max)
{
    struct server *server = &sim->server;
    uint32_t len = forget_calls(sim, batch);
    struct pl_list *node;

    while (len < len_max && (node = pl_list_first(&server->inbox)) != NULL) {
        struct mail *mail = PL_CONTAINER(node, struct mail, node);

        pl_list_remove(node);
        if (mail->gone) {
            pl_list_append(&server->gone, node);
            continue;
        }
        pl_list_append(&batch->commands, &PL_CONTAINER(mail, struct request, mail)->command.node);
        len++;
    }
    if (server->follow_up || expire_due(sim)) {
        struct pl_command *expire = sim_alloc(sim, sizeof *expire);

        expire->kind = PL_COMMAND_EXPIRE;
        pl_list_append(&batch->commands, &expire->node);
        server->follow_up = false;
        len++;
    }
    return len;
}

static void forget_refused(struct sim *sim)
{
    while (sim->refused_len > 0) {
        struct refused *refused = &sim->refused[--sim->refused_len];

        for (uint32_t i = 0; i < refused->rows_len; i++)
            pl_buf_unref(refused->rows[i].bytes);
    }
}

/* Its commands by themselves, since some of a refused batch are given again. */
static struct pl_batch *copy_batch(struct sim *sim, const struct pl_batch *batch)
{
    struct pl_batch *copy = sim_alloc(sim, sizeof *copy);

    *copy = *batch;
    pl_list_init(&copy->commands);
    PL_LIST_EACH (node, &batch->commands) {
        struct pl_command *command = sim_alloc(sim, sizeof *command);

        *command = *PL_CONTAINER(node, struct pl_command, node);
        pl_list_append(&copy->commands, &command->node);
    }
    return copy;
}

/* The disk was full at the very end of the batch: it may come back. */
static void keep_refused(struct sim *sim, const struct pl_batch *batch)
{
    struct refused *refused = &sim->refused[sim->refused_len++];

    JUDGE(sim->refused_len <= SIM_REFUSED_LEN, "too many batches were refused");
    *refused = (struct refused){.batch = copy_batch(sim, batch), .rows_len = sim->disk.rows_len};
    refused->rows = sim_alloc(sim, refused->rows_len * sizeof *refused->rows);
    for (uint32_t i = 0; i < refused->rows_len; i++) {
        refused->rows[i] = sim->disk.rows[i];
        pl_buf_ref(refused->rows[i].bytes);
    }
}

/* The batch was rolled back: all are told so. */
static void lose_batch(struct sim *sim, struct pl_batch *batch, int err)
{
    struct pl_refusal refusal = pl_refusal_of_err(err);

    trace("batch of %" PRIu64 " rolled back: %s", batch->number, pl_err_text(err));
    sim->seen->failed_commits++;
    if (sim->disk.in_doubt)
        keep_refused(sim, batch);
    judge_rollback(&sim->judge, &sim->server.effects);
    replay_note_failure(&sim->replay);
    PL_LIST_EACH (node, &batch->commands) {
        struct pl_command *command = PL_CONTAINER(node, struct pl_command, node);

        if (command->reply_to == 0)
            continue;
        sim->requests[command->reply_to]->reason = refusal.reason;
        send_reply(sim, sim->requests[command->reply_to]);
    }
    PL_LIST_EACH (node, &sim->server.effects.list)
        on_effect(sim, PL_CONTAINER(node, struct pl_effect, node));
    PL_LIST_EACH (node, &sim->server.gone_now) {
        pl_list_remove(node);
        pl_list_append(&sim->server.gone, node);
    }
    if (sim->disk.sqlite == NULL)
        disk_fail_op(&sim->disk, 0, 0); /* the judge looks for itself */
    judge_store(&sim->judge, &sim->disk.inner);
}

/* What is past its time is not left lying: a tenth of a second more, at most. */
static void judge_due(const struct sim *sim)
{
    int64_t due_ms = judge_trim_due_ms(&sim->judge);

    if (due_ms < sim->judge.age_ms + 100)
        due_ms = sim->judge.age_ms + 100;
    JUDGE(pl_engine_due_ms(sim->server.engine) <= due_ms, "retention is put off");
}

/* The batch is done: the judge first, then whom it concerns. False: it dies before
 * anybody is told. */
static bool keep_batch(struct sim *sim, struct pl_batch *batch, uint32_t len)
{
    judge_batch(&sim->judge, batch, sim->disk.rows, sim->disk.rows_len, &sim->server.effects);
    judge_due(sim);
    replay_note(&sim->replay, batch);
    if (sim->judge.batch == batch->number)
        forget_refused(sim); /* this one lies where they lay */
    sim->seen->batches++;
    sim->seen->events += sim->disk.rows_len;
    trace("batch %" PRIu64 " of %u commands, %u events, to %" PRIu64, batch->number, len,
          sim->disk.rows_len, sim->judge.position);
    pl_list_init(&sim->server.gone_now);
    if (!sim->calm && chance_once_in(&sim->chance, 2000)) {
        trace("the server dies with a batch that nobody was told of");
        return false;
    }
    dispatch(sim);
    return true;
}

/* Through the journal. What ends, ends by time that has passed, however the time of day is
 * set meanwhile. */
static int journal(struct sim *sim, struct pl_batch *batch)
{
    struct server *server = &sim->server;
    int64_t age_ms = pl_age_clock_tick(&server->age, sim->now_ms, sim->steady_ms);
    int64_t now_ms = sim->now_ms > age_ms ? sim->now_ms : age_ms;

    if (sim->fault == FAULT_AGE_BY_DAY)
        age_ms = now_ms;

    JUDGE(age_ms >= server->age_ms && age_ms - server->age_ms <= sim->steady_ms - server->aged_ms,
          "%" PRId64 " ms have passed, and things grew older by %" PRId64,
          sim->steady_ms - server->aged_ms, age_ms - server->age_ms);
    server->age_ms = age_ms;
    server->aged_ms = sim->steady_ms;
    batch->age_ms = age_ms;
    if (sim->refused_len > 0 && now_ms <= sim->refused[sim->refused_len - 1].batch->time_ms)
        now_ms = sim->refused[sim->refused_len - 1].batch->time_ms + 1; /* to tell them apart */
    return server->journal.ops->append(server->journal.self, batch, now_ms);
}

/* Memory may be short for the engine and its store; for nobody else meanwhile. */
static int append(struct sim *sim, struct pl_batch *batch)
{
    int rc;

    if (sim->fail_alloc > 0)
        sim->disk.on_wait = NULL;
    pl_mem_fail_at(sim->fail_alloc);
    rc = journal(sim, batch);
    pl_mem_fail_at(0);
    sim->fail_alloc = 0;
    sim->disk.on_wait = sim_others;
    return rc;
}

bool server_batch(struct sim *sim, uint32_t len_max)
{
    struct server *server = &sim->server;
    struct pl_batch *batch = sim_alloc(sim, sizeof *batch);
    bool alive = true;
    uint32_t len;
    int rc;

    pl_list_init(&batch->commands);
    len = gather(sim, batch, len_max);
    if (len == 0)
        return true;
    rc = append(sim, batch);
    if (rc == PL_E_IO || rc == PL_E_CORRUPT) {
        trace("batch %" PRIu64 ": %s; the server dies", batch->number, pl_err_text(rc));
        sim->dying = batch;
        alive = false;
    } else if (rc < 0) {
        lose_batch(sim, batch, rc);
        alive = !sim->disk.in_doubt || !chance_once_in(&sim->chance, 3); /* the power goes, too */
    } else {
        alive = keep_batch(sim, batch, len);
    }
    pl_effects_clear(&server->effects);
    return alive;
}

struct stored {
    const struct judge *judge;
    size_t at;
};

static void on_stored(void *arg, const struct pl_event_row *row)
{
    struct stored *stored = arg;

    judge_stored_event(stored->judge, &stored->at, row);
}

/* A batch that nobody was told of, or that was refused, lasts: it is done after all. */
static void revive_batch(struct sim *sim, const struct pl_meta *meta)
{
    if (meta->batch == sim->judge.batch)
        return;
    for (uint32_t i = 0; i < sim->refused_len; i++) {
        const struct refused *refused = &sim->refused[i];

        if (refused->batch->number != meta->batch || refused->batch->time_ms != meta->time_ms)
            continue;
        trace("the disk has batch %" PRIu64 ", which was refused", meta->batch);
        sim->seen->revived++;
        sim->judge.time_ms = sim->judge.kept_ms; /* of queries since nothing lasts */
        replay_note_failure(&sim->replay);       /* nor in the engine's memory */
        judge_batch(&sim->judge, refused->batch, refused->rows, refused->rows_len, NULL);
        replay_note(&sim->replay, refused->batch);
        return;
    }
    if (sim->dying == NULL || meta->batch != sim->dying->number)
        return;
    trace("the disk has batch %" PRIu64 ", of which nobody was told", meta->batch);
    judge_batch(&sim->judge, sim->dying, sim->disk.rows, sim->disk.rows_len, NULL);
    replay_note(&sim->replay, sim->dying);
}

/* What the disk holds is what was said to last, and perhaps one batch more, whole: the
 * one with which the server died, or one that was refused for want of space. */
static void judge_disk(struct sim *sim)
{
    struct stored stored = {.judge = &sim->judge};
    struct pl_meta meta;

    JUDGE(sim->disk.inner.ops->get_meta(sim->disk.inner.self, &meta) == PL_OK, "no meta");
    revive_batch(sim, &meta);
    forget_refused(sim);
    sim->dying = NULL;
    JUDGE(meta.batch == sim->judge.batch, "the disk is at batch %" PRIu64 ", done was %" PRIu64,
          meta.batch, sim->judge.batch);
    judge_died(&sim->judge);
    disk_events(&sim->disk, on_stored, &stored);
    judge_stored_end(&sim->judge, stored.at);
    if (sim->judge.batch > 0)
        judge_store(&sim->judge, &sim->disk.inner);
}

static void start_engine(struct sim *sim)
{
    struct server *server = &sim->server;
    struct pl_engine_config config;
    struct pl_command *start = sim_alloc(sim, sizeof *start);
    struct pl_meta meta;
    int rc;

    server_config(sim, &config);
    do { /* a start that fails is one more start */
        struct pl_batch *batch = sim_alloc(sim, sizeof *batch);

        pl_engine_free(server->engine);
        JUDGE(pl_engine_new(&config, &server->engine) == PL_OK, "out of memory");
        JUDGE(sim->disk.inner.ops->get_meta(sim->disk.inner.self, &meta) == PL_OK, "no meta");
        pl_age_clock_start(&server->age, meta.age_ms, sim->now_ms, sim->steady_ms);
        server->age_ms = pl_age_clock_ms(&server->age, sim->steady_ms);
        server->aged_ms = sim->steady_ms;
        pl_journal_local_init(&server->local, meta.batch, meta.time_ms, on_batch, sim);
        server->journal = pl_journal_local_iface(&server->local);
        if (!sim->calm && chance_once_in(&sim->chance, 8) && sim->disk.sqlite == NULL)
            disk_fail_op(&sim->disk, 1 + chance_below(&sim->chance, 6), PL_E_NOMEM);
        start->kind = PL_COMMAND_START;
        start->u.start.log = 1000 + ++sim->starts_len;
        pl_list_init(&batch->commands);
        pl_list_append(&batch->commands, &start->node);
        rc = journal(sim, batch);
        disk_mend(&sim->disk);
        if (rc < 0) {
            JUDGE(rc == PL_E_NOMEM, "a start fails: %s", pl_err_text(rc));
            replay_note_failure(&sim->replay);
        } else {
            judge_batch(&sim->judge, batch, sim->disk.rows, sim->disk.rows_len, &server->effects);
            replay_note(&sim->replay, batch);
            PL_LIST_EACH (node, &server->effects.list)
                on_effect(sim, PL_CONTAINER(node, struct pl_effect, node));
        }
        pl_effects_clear(&server->effects);
    } while (rc < 0);
    server->framer.log = start->u.start.log;
    server->through = sim->judge.position;
}

void server_start_loops(struct sim *sim)
{
    struct server *server = &sim->server;

    JUDGE(pl_router_new(&server->framer_iface, &server->router) == PL_OK, "out of memory");
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++)
        loop_start(sim, i);
}

void server_start(struct sim *sim)
{
    struct server *server = &sim->server;

    *server = (struct server){.engine = NULL};
    sim->steady_ms = chance_below(&sim->chance, 1000000);
    pl_list_init(&server->inbox);
    pl_list_init(&server->gone);
    pl_list_init(&server->gone_now);
    pl_effects_init(&server->effects, SIM_EFFECTS_SIZE_MAX);
    disk_revive(&sim->disk, sim->now_ms,
                chance_once_in(&sim->chance, 2) ? sim->chance.state | 1 : 0);
    sim->disk.on_wait = NULL; /* until there are loops */
    judge_disk(sim);
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++)
        pl_list_init(&server->loops[i].letters);
    start_engine(sim);
    server->framer_iface = pl_wire_framer_iface(&server->framer);
    server_start_loops(sim);
    sim->disk.on_wait = sim_others;
    trace("the server starts, log %" PRIu64 " at %" PRIu64, server->framer.log,
          sim->judge.position);
}

void server_stop_loops(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++)
        loop_stop(sim, i);
    pl_router_free(sim->server.router);
    sim->server.router = NULL;
}

void server_stop(struct sim *sim)
{
    struct server *server = &sim->server;

    server_stop_loops(sim);
    pl_engine_free(server->engine);
    pl_effects_done(&server->effects);
    server->engine = NULL;
}

/*
 * engine_thread.c - letters in, batches through, letters out.
 *
 * A batch is as much as is waiting, up to about 2 ms of work by what batches have
 * cost so far: a commit's fsync then dominates under light load, and callers wait
 * little under heavy load. Under load a batch may wait for more: see gather.h.
 */
#include "server/engine_thread.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/engine.h"
#include "journal/local.h"
#include "net/thread.h"
#include "server/dispatch.h"
#include "server/gather.h"
#include "server/stream_call.h"
#include "wire/event.h"
#include "wire/frame.h"
#include "wire/page_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BATCH_WORK_US = 2000,
    BATCH_LEN_MIN = 16,
    BATCH_LARGE_LEN_MAX = 64, /* commands whose replies are large: see EFFECTS_SIZE_MAX */
    EFFECTS_SIZE_MAX = 64 * 1024 * 1024,
    FAILED_PAUSE_MS = 1000, /* before what nobody waits for is tried again */
    GONE_LEN_MAX = 128,     /* streams that a batch forgets */
};

_Static_assert(BATCH_LARGE_LEN_MAX *(PL_PAGE_LEN_MAX * sizeof(struct pl_user)) <
                   EFFECTS_SIZE_MAX / 2,
               "a batch's large replies leave room for the others");

struct pl_engine_thread {
    struct pl_engine_thread_config config;
    struct pl_mailbox *inbox;
    struct pl_thread *thread;
    struct pl_engine *engine;
    struct pl_journal_local local;
    struct pl_journal journal;
    struct pl_wire_framer framer;
    struct pl_framer framer_iface;
    struct pl_dispatch dispatch;
    struct pl_effects effects;
    struct pl_list letters;    /* taken, not yet dealt with */
    struct pl_list errands;    /* of the batch under way */
    struct pl_list gone;       /* streams to be forgotten before the next batch */
    struct pl_list gone_batch; /* stream calls whose commands are in this batch: */
    struct pl_command gone_commands[GONE_LEN_MAX];
    uint32_t gone_len;
    struct pl_batch batch; /* under way */
    uint32_t commands_len;
    struct pl_command expire; /* EXPIRE, when it is due */
    bool follow_up;
    bool failed;             /* the last batch was rolled back, … */
    int64_t failed_until_ms; /* … and the thread's own commands wait so long, monotonic */
    pl_position through;     /* the last event's */
    struct pl_gather gather;
};

static struct pl_msg *msg_of(struct pl_list *node)
{
    return PL_CONTAINER(PL_CONTAINER(node, struct pl_letter, node), struct pl_msg, letter);
}

static struct pl_stream_call *stream_call_of(struct pl_list *node)
{
    return PL_CONTAINER(msg_of(node), struct pl_stream_call, gone);
}

/* The command of a message to a room, or NULL. */
static const struct pl_command *sent_by(const struct pl_msg *msg)
{
    const struct pl_errand *errand;

    if (msg->kind != PL_MSG_ERRAND)
        return NULL;
    errand = PL_CONTAINER((struct pl_msg *)msg, struct pl_errand, msg);
    if (errand->kind != PL_ERRAND_COMMAND || errand->command.kind != PL_COMMAND_SEND_MESSAGE ||
        errand->command.u.send.room[0] == '\0')
        return NULL;
    return &errand->command;
}

static void add_command(struct pl_engine_thread *thread, struct pl_command *command)
{
    pl_list_append(&thread->batch.commands, &command->node);
    thread->commands_len++;
}

static void send_home(struct pl_engine_thread *thread, struct pl_stream_call *call)
{
    thread->config.to_loop(thread->config.self, call->loop, &call->gone);
}

/* What the engine is to do about it; false for nothing. */
static bool make_gone_command(struct pl_engine_thread *thread, struct pl_stream_call *call,
                              struct pl_command *command)
{
    if (call->taker) {
        *command = (struct pl_command){.kind = PL_COMMAND_CLOSE_TAKER};
        command->u.close_taker.taker = pl_taker_id(call->loop, call->id);
        return true;
    }
    if (!call->forgotten &&
        !pl_router_close(thread->dispatch.router, call->loop, call->id, &call->user))
        return false;
    call->forgotten = true;
    *command = (struct pl_command){.kind = PL_COMMAND_STREAM_CLOSED};
    command->u.stream_closed.user = call->user;
    return true;
}

/* A stream that is gone is forgotten between two batches, so that the one in which
 * it subscribed has been routed. Of many, each batch takes its share. */
static void forget_streams(struct pl_engine_thread *thread, uint32_t len_max)
{
    PL_LIST_EACH (node, &thread->gone) {
        struct pl_stream_call *call = stream_call_of(node);
        struct pl_command *command;

        if (thread->gone_len == len_max || thread->gone_len == GONE_LEN_MAX)
            return;
        command = &thread->gone_commands[thread->gone_len];
        pl_list_remove(node);
        if (!make_gone_command(thread, call, command)) {
            send_home(thread, call);
            continue;
        }
        thread->gone_len++;
        add_command(thread, command);
        pl_list_append(&thread->gone_batch, node);
    }
}

/* Those online, by name: their ids are known here, the rest is the engine's. A
 * refusal is told once the token is proven. */
static int fill_online(struct pl_engine_thread *thread, struct pl_errand *errand)
{
    const struct pl_query *query = &errand->query;
    uint32_t len_max = query->page_len + 1, len;
    char list[64];
    pl_user_id *ids;
    char *after;
    int rc;

    snprintf(list, sizeof list, "online:%s", query->u.list_users.prefix);
    rc = pl_page_token_open(list, query->page_token, &errand->arena, &after);
    if (rc == PL_E_INVALID) {
        errand->refusal = pl_refusal_of(PL_REASON_PAGE_TOKEN_INVALID);
        snprintf(errand->refusal.field, sizeof errand->refusal.field, "page_token");
        return pl_errand_only_token(errand);
    }
    if (rc < 0)
        return rc;
    ids = pl_arena_alloc(&errand->arena, len_max * sizeof *ids);
    if (ids == NULL)
        return PL_E_NOMEM;
    len = pl_router_list_online(thread->dispatch.router, query->u.list_users.prefix, after, len_max,
                                ids);
    errand->more = len == len_max;
    if (errand->more)
        len--;
    errand->command.kind = PL_QUERY_GET_USERS;
    errand->command.token_hash = query->token_hash;
    errand->command.u.get_users.ids = ids;
    errand->command.u.get_users.ids_len = len;
    return PL_OK;
}

static void take_errand(struct pl_engine_thread *thread, struct pl_errand *errand)
{
    if (errand->kind == PL_ERRAND_USERS) {
        pl_dispatch_users(&thread->dispatch, errand);
        return;
    }
    if (errand->kind == PL_ERRAND_ONLINE) {
        int rc = fill_online(thread, errand);

        if (rc < 0) {
            errand->answered = true;
            errand->refusal = pl_refusal_of_err(rc);
            thread->config.to_loop(thread->config.self, errand->loop, &errand->msg);
            return;
        }
    }
    pl_list_append(&thread->errands, &errand->msg.letter.node);
    add_command(thread, &errand->command);
}

static uint32_t batch_len_max(const struct pl_engine_thread *thread)
{
    int64_t len = PL_BATCH_LEN_MAX;

    if (thread->dispatch.work_us > 0)
        len = BATCH_WORK_US / thread->dispatch.work_us;
    if (len < BATCH_LEN_MIN)
        return BATCH_LEN_MIN;
    return len < PL_BATCH_LEN_MAX ? (uint32_t)len : PL_BATCH_LEN_MAX;
}

/* Whether the reply may hold a page of users, or all rooms of one: some 500 KB. */
static bool is_large(const struct pl_msg *msg)
{
    const struct pl_errand *errand;

    if (msg->kind != PL_MSG_ERRAND)
        return false;
    errand = PL_CONTAINER((struct pl_msg *)msg, struct pl_errand, msg);
    return errand->kind == PL_ERRAND_ONLINE ||
           (errand->kind == PL_ERRAND_COMMAND && errand->command.kind == PL_QUERY_SUBSCRIBE);
}

/* Whether a batch has just failed, so that repeating at once what nobody waits for
 * would only fail again. At the end there is no later. */
static bool pausing(const struct pl_engine_thread *thread)
{
    return thread->failed && pl_clock_mono_ms() < thread->failed_until_ms &&
           !pl_mailbox_closed(thread->inbox);
}

static int64_t age_ms(const struct pl_engine_thread *thread)
{
    return pl_age_clock_ms(thread->config.age, pl_clock_steady_ms());
}

static bool expire_due(const struct pl_engine_thread *thread)
{
    return thread->follow_up || age_ms(thread) >= pl_engine_due_ms(thread->engine);
}

/* Fills a batch: streams that are gone, then the letters, in their order. */
static void gather(struct pl_engine_thread *thread)
{
    uint32_t len_max = batch_len_max(thread), large_len = 0;
    bool own = !pausing(thread);
    struct pl_list *node;

    if (own)
        forget_streams(thread, len_max / 2);
    while (thread->commands_len < len_max && (node = pl_list_first(&thread->letters)) != NULL) {
        struct pl_msg *msg = msg_of(node);

        if (is_large(msg) && ++large_len > BATCH_LARGE_LEN_MAX)
            break;
        pl_list_remove(node);
        if (msg->kind == PL_MSG_STREAM_GONE)
            pl_list_append(&thread->gone, node);
        else
            take_errand(thread, PL_CONTAINER(msg, struct pl_errand, msg));
    }
    if (own && expire_due(thread)) {
        thread->expire = (struct pl_command){.kind = PL_COMMAND_EXPIRE};
        add_command(thread, &thread->expire);
        thread->follow_up = false;
    }
}

/* The journal's: the batch has its number and its time. */
static int on_batch(void *self, const struct pl_batch *batch)
{
    struct pl_engine_thread *thread = self;

    return pl_engine_apply(thread->engine, batch, &thread->effects);
}

static _Noreturn void stop_for(int err)
{
    if (err == PL_E_CORRUPT)
        pl_diag(PL_DIAG_ERROR, "engine",
                "the database is damaged; stopping, so that nothing wrong is kept or shown. "
                "Run 'parlad check' to see how far it goes, then restore a backup "
                "(man parlad, BACKUPS)");
    else
        pl_diag(PL_DIAG_ERROR, "engine",
                "the store failed (%s) and can no longer be trusted; stopping. Check the disk, "
                "then start again: what was acknowledged is in the data folder",
                pl_err_text(err));
    _exit(EXIT_FAILURE);
}

static void note_follow_up(struct pl_engine_thread *thread)
{
    PL_LIST_EACH (node, &thread->effects.list)
        if (PL_CONTAINER(node, struct pl_effect, node)->kind == PL_EFFECT_FOLLOW_UP)
            thread->follow_up = true;
}

/* The position of the last event so far. */
static pl_position through_of(struct pl_engine_thread *thread)
{
    PL_LIST_EACH (node, &thread->effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_EVENT)
            thread->through = effect->u.event.position;
    }
    return thread->through;
}

/* The room that a message has gone to, or NULL for another reply. */
static const char *shown_in(const struct pl_effect *effect)
{
    const struct pl_reply *reply = effect->u.reply.reply;

    if (effect->u.reply.command != PL_COMMAND_SEND_MESSAGE ||
        reply->refusal.reason != PL_REASON_NONE)
        return NULL;
    return reply->u.send.deduplicated ? NULL : reply->u.send.room;
}

/* Notes how many have been shown the messages: the event of each comes next after its reply. */
static void note_shown(struct pl_engine_thread *thread)
{
    const char *room = NULL;

    PL_LIST_EACH (node, &thread->effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_REPLY) {
            room = shown_in(effect);
        } else if (effect->kind == PL_EFFECT_EVENT && room != NULL) {
            pl_gather_shown(&thread->gather, room,
                            pl_router_room_streams(thread->dispatch.router, effect->u.event.room));
            room = NULL;
        }
    }
}

static void note_work(struct pl_engine_thread *thread, int64_t work_us)
{
    int64_t per_command = work_us / (int64_t)thread->commands_len;

    pl_gather_batch(&thread->gather, thread->commands_len, pl_clock_mono_us());
    thread->dispatch.work_us = (thread->dispatch.work_us * 7 + per_command) / 8;
}

/* What was said of streams that are gone is repeated until it lasts; at the very
 * end there is nobody left to hear it. */
static void settle_gone(struct pl_engine_thread *thread, bool done)
{
    bool ending = pl_mailbox_closed(thread->inbox);

    PL_LIST_EACH (node, &thread->gone_batch) {
        pl_list_remove(node);
        if (done || ending)
            send_home(thread, stream_call_of(node));
        else
            pl_list_append(&thread->gone, node);
    }
}

/* Sessions in use become the next batch's commands. */
static void take_touches(struct pl_engine_thread *thread)
{
    PL_LIST_EACH (node, &thread->dispatch.touches) {
        pl_list_remove(node);
        pl_list_append(&thread->letters, node);
    }
}

/* The batch goes through the journal. */
static int append(struct pl_engine_thread *thread)
{
    int64_t wall_ms = pl_clock_wall_ms();
    int64_t now_ms = pl_age_clock_tick(thread->config.age, wall_ms, pl_clock_steady_ms());

    thread->batch.age_ms = now_ms;
    return thread->journal.ops->append(thread->journal.self, &thread->batch,
                                       wall_ms > now_ms ? wall_ms : now_ms);
}

static void apply(struct pl_engine_thread *thread)
{
    int64_t start_us = pl_clock_thread_us();
    int rc = pl_dispatch_reserve(&thread->dispatch);

    if (rc == PL_OK)
        rc = append(thread);
    if (rc == PL_E_IO || rc == PL_E_CORRUPT)
        stop_for(rc);
    if (rc < 0) {
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "engine", "a batch of %u was rolled back: %s",
                       thread->commands_len, pl_err_text(rc));
        pl_dispatch_failure(&thread->dispatch, &thread->effects, rc, &thread->errands);
        thread->failed_until_ms = pl_clock_mono_ms() + FAILED_PAUSE_MS;
    } else {
        note_follow_up(thread);
        pl_dispatch_effects(&thread->dispatch, &thread->effects, through_of(thread),
                            &thread->errands);
        note_shown(thread);
    }
    thread->failed = rc < 0;
    pl_effects_clear(&thread->effects);
    note_work(thread, pl_clock_thread_us() - start_us);
    pl_list_init(&thread->batch.commands);
    thread->commands_len = 0;
    thread->gone_len = 0;
    settle_gone(thread, rc == PL_OK);
    take_touches(thread);
}

/* How long to wait for letters. */
static int64_t wait_us(const struct pl_engine_thread *thread)
{
    int64_t due = pl_engine_due_ms(thread->engine) - age_ms(thread);

    if (!pl_list_empty(&thread->letters))
        return 0;
    if (pausing(thread)) {
        int64_t left = thread->failed_until_ms - pl_clock_mono_ms();

        return left > 0 ? left * 1000 : 0;
    }
    if (thread->follow_up || !pl_list_empty(&thread->gone) || due <= 0)
        return 0;
    return (due < 60 * 1000 ? due : 60 * 1000) * 1000;
}

/* Looks at the letters after that one; returns whether all are messages to rooms that
 * are busy, and there are any. */
static bool note_sent(struct pl_engine_thread *thread, struct pl_list *after)
{
    int64_t now_us = pl_clock_mono_us();
    bool busy = after->next != &thread->letters && pl_list_empty(&thread->gone);

    for (struct pl_list *node = after->next; node != &thread->letters; node = node->next) {
        const struct pl_command *command = sent_by(msg_of(node));

        if (command == NULL || !pl_gather_sent(&thread->gather, command->u.send.room, now_us))
            busy = false;
    }
    return busy;
}

static void let_more_come(struct pl_engine_thread *thread)
{
    struct pl_list *last = thread->letters.prev;
    bool busy = note_sent(thread, &thread->letters);
    int64_t wait_us;
    enum pl_gather_wait wait = pl_gather_begin(&thread->gather, busy, pl_clock_mono_us(), &wait_us);
    size_t len;

    if (wait == PL_GATHER_NONE)
        return;
    if (wait == PL_GATHER_MANY)
        len = pl_mailbox_gather(thread->inbox, wait_us, &thread->letters);
    else
        len = pl_mailbox_wait(thread->inbox, wait_us, &thread->letters);
    if (wait == PL_GATHER_NEXT)
        note_sent(thread, last);
    pl_gather_end(&thread->gather, wait, len > 0);
}

static void thread_main(void *self)
{
    struct pl_engine_thread *thread = self;

    for (;;) {
        bool backlog = !pl_list_empty(&thread->letters);
        size_t len = pl_mailbox_wait(thread->inbox, wait_us(thread), &thread->letters);

        if (len == 0 && pl_list_empty(&thread->letters) && pl_list_empty(&thread->gone) &&
            pl_mailbox_closed(thread->inbox))
            return;
        if (!backlog)
            let_more_come(thread);
        gather(thread);
        if (thread->commands_len > 0)
            apply(thread);
        thread->config.ring_loops(thread->config.self);
    }
}

static int apply_start(struct pl_engine_thread *thread)
{
    struct pl_command start = {.kind = PL_COMMAND_START};
    struct pl_meta meta;
    int rc;

    start.u.start.log = thread->config.log;
    add_command(thread, &start);
    rc = append(thread);
    pl_list_init(&thread->batch.commands);
    thread->commands_len = 0;
    if (rc == PL_OK)
        rc = thread->config.store.ops->get_meta(thread->config.store.self, &meta);
    if (rc == PL_OK) {
        thread->through = meta.position;
        note_follow_up(thread);
    }
    pl_effects_clear(&thread->effects);
    return rc;
}

static int make_parts(struct pl_engine_thread *thread)
{
    const struct pl_engine_thread_config *config = &thread->config;
    struct pl_engine_config engine = {
        .store = config->store,
        .encoder = pl_wire_event_encoder(),
        .guests = config->guests,
        .session_idle_ms = config->session_idle_ms,
        .text_size_max = config->text_size_max,
    };
    struct pl_meta meta;
    int rc = pl_engine_new(&engine, &thread->engine);

    if (rc == PL_OK)
        rc = config->store.ops->get_meta(config->store.self, &meta);
    if (rc == PL_OK) {
        pl_age_clock_start(config->age, meta.age_ms, pl_clock_wall_ms(), pl_clock_steady_ms());
        pl_journal_local_init(&thread->local, meta.batch, meta.time_ms, on_batch, thread);
        thread->journal = pl_journal_local_iface(&thread->local);
    }
    if (rc == PL_OK)
        rc = pl_router_new(&thread->framer_iface, &thread->dispatch.router);
    if (rc == PL_OK)
        rc = pl_mailbox_new(config->inbox_len_max, NULL, NULL, &thread->inbox);
    return rc;
}

static void engine_thread_free(struct pl_engine_thread *thread)
{
    pl_mailbox_free(thread->inbox);
    pl_dispatch_done(&thread->dispatch);
    pl_router_free(thread->dispatch.router);
    pl_engine_free(thread->engine);
    pl_effects_done(&thread->effects);
    pl_free(thread);
}

int pl_engine_thread_start(const struct pl_engine_thread_config *config,
                           struct pl_engine_thread **ret_engine)
{
    struct pl_engine_thread *thread = pl_zalloc(sizeof *thread);
    int rc;

    if (thread == NULL)
        return PL_E_NOMEM;
    thread->config = *config;
    pl_gather_init(&thread->gather);
    thread->framer.log = config->log;
    thread->framer_iface = pl_wire_framer_iface(&thread->framer);
    pl_dispatch_init(&thread->dispatch);
    thread->dispatch.durability = config->durability;
    thread->dispatch.session_idle_ms = config->session_idle_ms;
    thread->dispatch.loops_len = config->loops_len;
    thread->dispatch.to_loop = config->to_loop;
    thread->dispatch.self = config->self;
    pl_effects_init(&thread->effects, EFFECTS_SIZE_MAX);
    pl_list_init(&thread->letters);
    pl_list_init(&thread->errands);
    pl_list_init(&thread->gone);
    pl_list_init(&thread->gone_batch);
    pl_list_init(&thread->batch.commands);

    rc = make_parts(thread);
    if (rc == PL_OK)
        rc = apply_start(thread);
    if (rc == PL_OK)
        rc = pl_thread_start("engine", thread_main, thread, &thread->thread);
    if (rc < 0) {
        engine_thread_free(thread);
        return rc;
    }
    *ret_engine = thread;
    return PL_OK;
}

int pl_engine_thread_put(struct pl_engine_thread *engine, struct pl_errand *errand)
{
    return pl_mailbox_put(engine->inbox, &errand->msg.letter);
}

void pl_engine_thread_ring(struct pl_engine_thread *engine)
{
    pl_mailbox_ring(engine->inbox);
}

int pl_engine_thread_post_always(struct pl_engine_thread *engine, struct pl_msg *msg)
{
    return pl_mailbox_post_always(engine->inbox, &msg->letter);
}

void pl_engine_thread_stop(struct pl_engine_thread *engine)
{
    if (engine == NULL)
        return;
    pl_mailbox_close(engine->inbox);
    pl_thread_join(engine->thread);
    engine_thread_free(engine);
}

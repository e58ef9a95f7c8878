/*
 * sim.c - the order of things, as a seed has it.
 *
 * A run is steps; now and then, and at the end, it is let come to rest without
 * faults: then all that is owed must have come. At the very end all work is done
 * and all leave, and nothing of them may be left in memory.
 */
#include "sim.h"

#include "base/err.h"
#include "base/mem.h"
#include "memcount.h"
#include "trace.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA_SIZE_MAX = 1 << 30,
    BLOCK_SIZE = 64 * 1024,
    REST_EVERY = 500,  /* steps */
    SQLITE_EVERY = 10, /* seeds */
    REST_TURNS_MAX = 100000,
    TABLES_LEN_MAX = 16,
    HOUR_MS = 3600 * 1000,
};

#define YEAR_MS ((int64_t)365 * 24 * HOUR_MS)

/* The simulation's own memory is never short, whatever base/mem.h is told. */
struct sim_block {
    struct sim_block *next;
    size_t size;
    size_t size_max;
    _Alignas(max_align_t) uint8_t data[];
};

void *sim_alloc(struct sim *sim, size_t size)
{
    struct sim_block *block = sim->blocks;
    size_t aligned = (size + 15) / 16 * 16;

    if (block == NULL || aligned > block->size_max - block->size) {
        size_t size_max = aligned > BLOCK_SIZE ? aligned : BLOCK_SIZE;

        block = calloc(1, sizeof *block + size_max);
        JUDGE(block != NULL, "out of memory");
        block->next = sim->blocks;
        block->size_max = size_max;
        sim->blocks = block;
    }
    block->size += aligned;
    return block->data + block->size - aligned;
}

static void free_blocks(struct sim *sim)
{
    while (sim->blocks != NULL) {
        struct sim_block *block = sim->blocks;

        sim->blocks = block->next;
        free(block);
    }
}

void sim_starve(struct sim *sim, uint32_t once_in)
{
    if (!sim->calm && chance_once_in(&sim->chance, once_in))
        pl_mem_fail_at(1 + chance_below(&sim->chance, 5));
}

bool sim_fed(struct sim *sim)
{
    bool failed = pl_mem_failed();

    pl_mem_fail_at(0);
    sim->seen->starved += failed;
    return failed;
}

const char *sim_printf(struct sim *sim, const char *format, ...)
{
    char text[1200];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    JUDGE(len >= 0 && (size_t)len < sizeof text, "a text is too long");
    return memcpy(sim_alloc(sim, (size_t)len + 1), text, (size_t)len + 1);
}

/* The power went, or the process: no connection outlives it. */
static void crash(struct sim *sim)
{
    trace("everything stops");
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++)
        client_disconnect(sim, &sim->clients[i]);
    server_stop(sim);
    sim->seen->restarts++;
    server_start(sim);
}

static void step_others(struct sim *sim);

/* An orderly stop: streams are told, and given some time. */
static void stop_orderly(struct sim *sim)
{
    uint32_t len = chance_below(&sim->chance, 40);

    trace("the server is about to stop");
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++) {
        sim->server.loops[i].draining = true;
        sim_starve(sim, 4);
        pl_hub_drain(sim->server.loops[i].hub, 1000, 500);
        sim_fed(sim);
        loop_turn(sim, i);
    }
    while (len-- > 0)
        step_others(sim);
    crash(sim);
}

static void batch(struct sim *sim, uint32_t len)
{
    if (!server_batch(sim, len))
        crash(sim);
}

static size_t pull_size(struct sim *sim)
{
    switch (chance_below(&sim->chance, 4)) {
    case 0:
        return 1 + chance_below(&sim->chance, 40);
    case 1:
        return 1 + chance_below(&sim->chance, 400);
    default:
        return 1 + chance_below(&sim->chance, 16384);
    }
}

static void read_some(struct sim *sim, struct client *client)
{
    struct call *call = client->stream;

    if (call == NULL || call->state != CALL_OPEN || client->asleep || !call->awake)
        return;
    reading_pull(sim, call, pull_size(sim));
    loop_turn(sim, call->loop);
}

static void page(struct sim *sim, struct client *client)
{
    if (client->stream != NULL && client->stream->state == CALL_OPEN)
        loop_page(sim, client->stream);
}

static void deliver_some(struct sim *sim)
{
    uint32_t number = chance_below(&sim->chance, SIM_LOOPS_LEN);

    for (uint32_t len = 1 + chance_below(&sim->chance, 8); len > 0; len--)
        loop_deliver(sim, number);
    loop_turn(sim, number);
}

/* Time goes by; or the time of day is set, which is no time. */
static void pass_time(struct sim *sim)
{
    uint32_t dice = chance_below(&sim->chance, 12);
    int64_t passed_ms = 0;

    if (dice < 6)
        passed_ms = chance_below(&sim->chance, 30000);
    else if (dice < 9)
        passed_ms = chance_below(&sim->chance, 9 * HOUR_MS);
    else if (dice < 11)
        sim->now_ms -= chance_below(&sim->chance, HOUR_MS);
    else
        sim->now_ms += chance_below(&sim->chance, HOUR_MS);
    sim->now_ms += passed_ms;
    sim->steady_ms += passed_ms;
    trace("%" PRId64 " ms go by, it is %" PRId64, passed_ms, sim->now_ms);
}

static void break_disk(struct sim *sim)
{
    static const enum disk_commit ends[] = {DISK_FAILS, DISK_FAILS, DISK_DIES, DISK_DIES_LATE};
    static const int errs[] = {PL_E_NOMEM, PL_E_FULL, PL_E_NOMEM, PL_E_FULL, PL_E_IO};
    struct disk *disk = &sim->disk;
    uint32_t dice = chance_below(&sim->chance, 10);
    uint32_t nth = 1 + chance_below(&sim->chance, 30);
    int err = errs[chance_below(&sim->chance, 5)];

    if (dice < 2 && disk->sqlite == NULL) { /* crash_vfs.c allocates too */
        sim->fail_alloc = nth;
        trace("the next batch's allocation %u fails", nth);
    } else if (dice < 5) {
        disk->next = ends[chance_below(&sim->chance, 4)];
        disk->next_err = err == PL_E_IO ? PL_E_FULL : err;
        trace("the next commit: %d", disk->next);
    } else if (dice < 8) {
        disk_fail_op(disk, nth, err);
        trace("the disk's operation %u from now: %s", nth, pl_err_text(err));
    } else {
        disk_fill(disk, chance_below(&sim->chance, 40000));
        trace("the disk is full");
    }
}

/* One step of what does not need the engine. */
static void step_others(struct sim *sim)
{
    struct client *client = &sim->clients[chance_below(&sim->chance, SIM_CLIENTS_LEN)];
    uint32_t dice = chance_below(&sim->chance, 100);

    if (dice < 36)
        read_some(sim, client);
    else if (dice < 50)
        page(sim, client);
    else if (dice < 72)
        deliver_some(sim);
    else
        client_act(sim, client);
}

/* While a commit waits for a slow disk. */
void sim_others(void *self)
{
    struct sim *sim = self;

    if (sim->calm || !chance_once_in(&sim->chance, 4))
        return;
    sim->waiting = true;
    for (uint32_t len = 1 + chance_below(&sim->chance, 6); len > 0; len--)
        step_others(sim);
    sim->waiting = false;
}

static void step(struct sim *sim)
{
    uint32_t dice = chance_below(&sim->chance, 1000);
    int64_t passed_ms;

    passed_ms = chance_below(&sim->chance, 30);
    sim->now_ms += passed_ms;
    sim->steady_ms += passed_ms;
    sim->mono_ms += chance_below(&sim->chance, 30);
    if (sim->disk.full && chance_once_in(&sim->chance, 60)) {
        disk_mend(&sim->disk);
        trace("the disk is mended");
    }
    if (sim->disk.sqlite != NULL && chance_once_in(&sim->chance, 20))
        lists_look(sim);
    if (sim->disk.sqlite != NULL && chance_once_in(&sim->chance, 30))
        disk_sqlite_checkpoint(sim->disk.sqlite);
    if (dice < 200) {
        uint32_t len = 1 + chance_below(&sim->chance, 8);

        batch(sim, len);
    } else if (dice < 210) {
        uint32_t number = chance_below(&sim->chance, SIM_LOOPS_LEN);

        loop_tick(sim, number);
    } else if (dice < 215) {
        pass_time(sim);
    } else if (dice < 222) {
        break_disk(sim);
    } else if (dice < 224) {
        crash(sim);
    } else if (dice < 225) {
        stop_orderly(sim);
    } else {
        step_others(sim);
    }
}

/* One round of everything; whether anything happened. */
static bool rest_round(struct sim *sim)
{
    bool busy = server_busy(sim);

    if (busy)
        batch(sim, 64);
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++) {
        while (loop_deliver(sim, i))
            busy = true;
        loop_turn(sim, i);
    }
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++) {
        struct call *call = sim->clients[i].stream;

        if (call == NULL || call->state != CALL_OPEN)
            continue;
        while (sim->clients[i].stream == call && loop_page(sim, call))
            busy = true;
        if (sim->clients[i].stream != call || !call->awake)
            continue;
        reading_pull(sim, call, 65536);
        loop_turn(sim, call->loop);
        busy = true;
    }
    return busy;
}

static void rest(struct sim *sim)
{
    uint32_t turns = 0;

    while (rest_round(sim))
        JUDGE(++turns < REST_TURNS_MAX, "it does not come to rest");
}

/* Time goes on, and what is due is done. */
static void let_time_pass(struct sim *sim, int64_t ms)
{
    sim->now_ms += ms;
    sim->steady_ms += ms;
    sim->server.follow_up = true;
    rest(sim);
}

static void resume_all(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++) {
        struct client *client = &sim->clients[i];

        client->asleep = false;
        if (client->state == CLIENT_IN && client->stream == NULL && client->cursor[0] != 0)
            client_open_stream(sim, client, START_CURSOR);
    }
}

/* Without faults everything that is owed comes. */
static void come_to_rest(struct sim *sim)
{
    trace("all come to rest");
    sim->calm = true;
    disk_mend(&sim->disk);
    sim->fail_alloc = 0;
    rest(sim);
    resume_all(sim);
    let_time_pass(sim, 1);
    judge_store(&sim->judge, &sim->disk.inner);
    judge_nothing_forgotten(&sim->judge, sim->judge.age_ms);
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++) {
        const struct client *client = &sim->clients[i];

        JUDGE(client->flying_len == 0, "%s was not answered", client->name);
        if (client->stream != NULL) {
            JUDGE(client->stream->bytes.size == 0, "a stream stops in a frame");
            judge_stream_complete(&sim->judge, &client->stream->judged);
        }
    }
    sim->calm = false;
}

/* Who is in, and does nothing; one signs in if need be. */
static struct client *somebody(struct sim *sim)
{
    for (uint32_t turn = 0; turn < 4; turn++) {
        for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++)
            if (sim->clients[i].state == CLIENT_IN)
                return &sim->clients[i];
        client_sign_in(sim, &sim->clients[turn]);
        rest(sim);
    }
    fail("nobody can sign in");
}

/* Somebody who takes all that waits in a room. */
static struct client *worker(struct sim *sim, const char *room)
{
    struct client *client = somebody(sim);
    struct request *request = client_ask(sim, client, PL_COMMAND_JOIN_ROOM);

    request->command.u.join_room.room = room;
    client_post(sim, request);
    rest(sim);
    if (client->taker != NULL)
        loop_leave(sim, client->taker);
    client->taker = NULL;
    client->taken_len = 0;
    client_open_taker(sim, client, room, SIM_FLYING_LEN);
    rest(sim);
    return client;
}

/* All that waits in a room is handed out, and done. */
static void do_work(struct sim *sim, const char *room)
{
    uint32_t index = judge_room_named(&sim->judge, room);
    struct client *client = NULL;
    uint32_t turns = 0;

    while (index != UINT32_MAX && judge_work_left(&sim->judge, index) > 0) {
        JUDGE(++turns < REST_TURNS_MAX, "%s is never done", room);
        if (client == NULL || client->taker == NULL) /* its session may have ended, unused */
            client = worker(sim, room);
        while (client->taken_len > 0 && client->flying_len < SIM_FLYING_LEN)
            client_finish_taken(sim, client, 0, PL_COMMAND_ACK_MESSAGE, 0);
        if (client->flying_len > 0)
            rest(sim);
        else
            let_time_pass(sim, 25000); /* others' leases run out */
    }
}

/* All leave: nothing of them stays with those who serve streams. */
static void all_leave(struct sim *sim)
{
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++) {
        struct client *client = &sim->clients[i];

        if (client->state == CLIENT_IN) {
            client_post(sim, client_ask(sim, client, PL_COMMAND_SIGN_OUT));
            client->state = CLIENT_SIGNING_OUT;
        }
    }
    rest(sim);
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++)
        client_disconnect(sim, &sim->clients[i]);
    let_time_pass(sim, 1);
    JUDGE(pl_router_streams_len(sim->server.router) == 0, "the router knows streams of nobody");
    for (uint32_t i = 0; i < SIM_LOOPS_LEN; i++) {
        struct pl_hub_stats stats = pl_hub_stats(sim->server.loops[i].hub);

        JUDGE(stats.streams_len == 0 && stats.live_len == 0 && stats.tails_len == 0,
              "a loop keeps streams or tails of nobody");
    }
}

/* How many blocks of memory go with the loops. */
static int64_t stop_loops(struct sim *sim)
{
    int64_t before = memcount_blocks();

    server_stop_loops(sim);
    return before - memcount_blocks();
}

/* Loops that all have left hold no more than new ones, but for the tables of their maps. */
static void judge_memory(struct sim *sim)
{
    int64_t used = stop_loops(sim), fresh;

    server_start_loops(sim);
    fresh = stop_loops(sim);
    JUDGE(used <= fresh + TABLES_LEN_MAX,
          "loops that all have left hold %" PRId64 " blocks, new ones %" PRId64, used, fresh);
    server_start_loops(sim);
}

static void finish(struct sim *sim)
{
    static const char *const rooms[] = {"w6", "w7", "w8"};
    struct pl_engine_config config;

    come_to_rest(sim);
    sim->calm = true;
    for (uint32_t i = 0; i < 3; i++)
        do_work(sim, rooms[i]);
    judge_store_no_work(&sim->judge, &sim->disk.inner);
    all_leave(sim);
    judge_memory(sim);
    judge_store(&sim->judge, &sim->disk.inner);
    server_config(sim, &config);
    replay_judge(&sim->replay, &config, sim->disk.sqlite == NULL ? &sim->disk.inner : NULL,
                 &sim->judge);
    server_stop(sim);
}

/* Whether the taker that has one message can have no more. */
static bool is_full(void *self, uint64_t taker)
{
    const struct sim *sim = self;
    uint64_t request = taker & ((UINT64_C(1) << 56) - 1);

    return sim->requests[request]->command.u.open_taker.unacked_len_max == 1;
}

void sim_run(uint64_t seed, uint64_t steps, enum fault fault, struct sim_seen *seen)
{
    static const int64_t idles_ms[] = {10 * YEAR_MS, 10 * YEAR_MS, 5 * HOUR_MS, 30000};
    int64_t blocks = memcount_blocks();
    struct sim *sim = calloc(1, sizeof *sim);

    JUDGE(sim != NULL, "out of memory");
    sim->chance.state = seed;
    sim->fault = fault;
    sim->seen = seen;
    sim->now_ms = INT64_C(1700000000000);
    sim->idle_ms = idles_ms[chance_below(&sim->chance, 4)];
    pl_arena_init(&sim->arena, ARENA_SIZE_MAX);
    judge_init(&sim->judge, sim->idle_ms);
    replay_init(&sim->replay);
    disk_init(&sim->disk,
              (fault == FAULT_NONE || fault == FAULT_STALE_PAGE) && seed % SQLITE_EVERY == 0,
              chance_below(&sim->chance, 16), fault);
    sim->disk.is_full = is_full;
    sim->disk.arg = sim;
    for (uint32_t i = 0; i < SIM_CLIENTS_LEN; i++)
        client_init(sim, i);
    server_start(sim);
    for (uint64_t i = 1; i <= steps; i++) {
        trace_step(i, sim->now_ms);
        step(sim);
        for (uint32_t loop = 0; loop < SIM_LOOPS_LEN; loop++)
            loop_judge(sim, loop);
        if (i % REST_EVERY == 0 && i < steps && chance_once_in(&sim->chance, 2))
            come_to_rest(sim);
    }
    finish(sim);
    seen->steps += steps;
    seen->repeats += sim->judge.repeats;
    seen->handed_again += sim->judge.handed_again;
    seen->trimmed += sim->judge.trimmed;
    seen->idled += sim->judge.idled;
    if (sim->disk.sqlite != NULL)
        seen->cached += disk_sqlite_cached(sim->disk.sqlite);
    disk_done(&sim->disk);
    replay_done(&sim->replay);
    judge_done(&sim->judge);
    pl_arena_done(&sim->arena);
    free_blocks(sim);
    free(sim);
    JUDGE(memcount_blocks() == blocks, "%" PRId64 " blocks of memory are left",
          memcount_blocks() - blocks);
}

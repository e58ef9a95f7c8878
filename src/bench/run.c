/*
 * run.c - the phases of a run, one after another.
 *
 * Connections and subscriptions are begun a few at a time, so that neither side's
 * queues overflow. All is done at the end of a loop's turn: first what the load
 * publishes, then one flush for each connection that has something to send.
 */
#include "bench/run.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "bench/load.h"
#include "bench/payload.h"
#include "bench/progress.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    FILES_SPARE = 32, /* what is open besides connections */
    CONNS_AT_ONCE = 64,
    SUBS_AT_ONCE = 512,
    TICK_MS = 100,
    DRIVER_TICK_MS = 1000,
    OUT_SIZE_MAX = 64 << 20,
};

static void advance(struct pl_bench_run *run);

static void stop(struct pl_bench_run *run)
{
    run->phase = PL_BENCH_OVER;
    pl_loop_stop(run->loop);
}

static void fail(struct pl_bench_run *run, int status, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void fail(struct pl_bench_run *run, int status, const char *format, va_list args)
{
    if (run->failed || run->phase == PL_BENCH_OVER)
        return;
    run->failed = true;
    run->status = status;
    vsnprintf(run->why, sizeof run->why, format, args);
    stop(run);
}

void pl_bench_fail(struct pl_bench_run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(run, PL_BENCH_EXIT_FAILED, format, args);
    va_end(args);
}

void pl_bench_run_fail(struct pl_bench_run *run, int status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    fail(run, status, format, args);
    va_end(args);
}

static void enter(struct pl_bench_run *run, enum pl_bench_phase phase)
{
    PL_ASSERT(phase > run->phase || run->phase == PL_BENCH_REACHING);
    run->phase = phase;
    run->now_us = pl_clock_mono_us();
    run->phase_us[phase] = run->now_us;
    pl_bench_run_moved(run);
    if (run->ops.on_phase != NULL)
        run->ops.on_phase(run->ops.self, phase);
}

static void connect_more(struct pl_bench_run *run)
{
    uint32_t len = pl_bench_conns_len(run);

    if (run->phase == PL_BENCH_REACHING && run->conns_begun > 0)
        return;
    while (run->conns_begun < len && run->conns_begun - run->conns_ready < CONNS_AT_ONCE &&
           !run->failed) {
        int err = pl_bench_conn_connect(&run->conns[run->conns_begun++]);

        if (err < 0)
            pl_bench_fail(run, "connection %u: %s", run->conns_begun, pl_err_text(err));
        if (run->phase == PL_BENCH_REACHING)
            return;
    }
}

static void subscribe_more(struct pl_bench_run *run)
{
    while (run->subs_begun < run->shape.subs && run->subs_begun - run->subs_done < SUBS_AT_ONCE &&
           !run->failed) {
        struct pl_bench_sub *sub = &run->subs[run->subs_begun++];
        int err = run->driver_weak->subscribe(sub->conn_weak->driver, sub);

        if (err < 0)
            pl_bench_fail(run, "subscriber %u: %s", sub->number, pl_err_text(err));
    }
}

static void prepare(struct pl_bench_run *run)
{
    int err = PL_OK;

    enter(run, PL_BENCH_PREPARING);
    if (run->driver_weak->prepare != NULL)
        err = run->driver_weak->prepare(run->driver, &run->conns[0]);
    else
        pl_bench_prepared(run);
    if (err < 0)
        pl_bench_fail(run, "preparing: %s", pl_err_text(err));
}

/* What the phase asks for is begun; the next one is entered where it is done. */
static void advance(struct pl_bench_run *run)
{
    if (run->phase == PL_BENCH_REACHING && run->conns_ready == 1)
        prepare(run);
    if (run->phase == PL_BENCH_REACHING || run->phase == PL_BENCH_CONNECTING)
        connect_more(run);
    if (run->phase == PL_BENCH_CONNECTING && run->conns_ready == pl_bench_conns_len(run))
        enter(run, PL_BENCH_SUBSCRIBING);
    if (run->phase == PL_BENCH_SUBSCRIBING && !run->shape.subs_later)
        subscribe_more(run);
    if (run->phase == PL_BENCH_SUBSCRIBING &&
        (run->shape.subs_later || run->subs_done == run->shape.subs))
        enter(run, PL_BENCH_WORKING);
    if (run->phase != PL_BENCH_WORKING)
        return;
    if (run->subscribing)
        subscribe_more(run);
    if (run->subscribing && run->subs_done == run->shape.subs) {
        run->subscribing = false;
        if (run->ops.on_subscribed != NULL)
            run->ops.on_subscribed(run->ops.self);
    }
}

void pl_bench_run_subscribe(struct pl_bench_run *run)
{
    PL_ASSERT(run->phase == PL_BENCH_WORKING && run->shape.subs_later);
    run->subscribing = true;
}

void pl_bench_ready(struct pl_bench_conn *conn)
{
    PL_ASSERT(conn->state < PL_BENCH_CONN_READY);
    if (conn->run_weak->phase >= PL_BENCH_CLEANING)
        return;
    conn->state = PL_BENCH_CONN_READY;
    conn->run_weak->conns_ready++;
    pl_bench_run_moved(conn->run_weak);
}

void pl_bench_prepared(struct pl_bench_run *run)
{
    if (run->phase == PL_BENCH_PREPARING)
        enter(run, PL_BENCH_CONNECTING);
}

void pl_bench_subscribed(struct pl_bench_sub *sub)
{
    struct pl_bench_run *run = sub->conn_weak->run_weak;

    PL_ASSERT(run->subs_done < run->shape.subs);
    run->subs_done++;
    pl_bench_run_moved(run);
}

static void clean(struct pl_bench_run *run)
{
    int err = PL_OK;

    enter(run, PL_BENCH_CLEANING);
    if (run->driver_weak->clean != NULL && !run->options_weak->keep)
        err = run->driver_weak->clean(run->driver, &run->conns[0]);
    else
        pl_bench_cleaned(run);
    if (err < 0)
        pl_bench_fail(run, "cleaning up: %s", pl_err_text(err));
}

void pl_bench_run_finish(struct pl_bench_run *run)
{
    if (!run->failed && run->phase < PL_BENCH_CLEANING)
        clean(run);
}

/* The first asks for an end, the second is one. */
static void on_signal(void *self, int signum)
{
    struct pl_bench_run *run = self;
    bool is_prepared = run->phase > PL_BENCH_PREPARING && run->phase < PL_BENCH_CLEANING;

    run->status = PL_BENCH_EXIT_SIGNAL + signum;
    if (!run->failed && is_prepared)
        clean(run);
    else
        stop(run);
}

void pl_bench_cleaned(struct pl_bench_run *run)
{
    stop(run);
}

static void on_turn_end(void *self)
{
    struct pl_bench_run *run = self;
    struct pl_list *node;

    if (run->failed)
        return;
    advance(run);
    if (run->load_weak != NULL && run->phase == PL_BENCH_WORKING)
        pl_bench_load_pump(run->load_weak);
    while ((node = pl_list_first(&run->dirty)) != NULL && !run->failed) {
        pl_list_remove(node);
        pl_bench_conn_flush(PL_CONTAINER(node, struct pl_bench_conn, node));
    }
}

/* What was waited for in vain. */
static void fail_for_silence(struct pl_bench_run *run)
{
    static const char *const waited_for[] = {
        [PL_BENCH_REACHING] = "the first connection",
        [PL_BENCH_PREPARING] = "guests and rooms",
        [PL_BENCH_CONNECTING] = "connections",
        [PL_BENCH_SUBSCRIBING] = "streams",
        [PL_BENCH_WORKING] = "messages",
        [PL_BENCH_CLEANING] = "the end of guests and rooms",
        [PL_BENCH_OVER] = "",
    };
    char text[PL_BENCH_WHY_SIZE];

    if (run->phase == PL_BENCH_WORKING && run->load_weak != NULL &&
        pl_bench_load_missing(run->load_weak, text, sizeof text) == PL_OK)
        pl_bench_fail(run, "%s", text);
    pl_bench_run_fail(
        run, run->phase <= PL_BENCH_REACHING ? PL_BENCH_EXIT_NO_SERVER : PL_BENCH_EXIT_FAILED,
        "nothing has come for %u s while waiting for %s (connections %u of %u, "
        "streams %u of %u)",
        run->options_weak->timeout_s, waited_for[run->phase], run->conns_ready,
        pl_bench_conns_len(run), run->subs_done, run->shape.subs);
}

static void tick_drivers(struct pl_bench_run *run, int64_t now_ms)
{
    if (run->driver_weak->tick == NULL || now_ms - run->ticked_ms < DRIVER_TICK_MS)
        return;
    run->ticked_ms = now_ms;
    for (uint32_t i = 0; i < run->conns_begun && !run->failed; i++) {
        int err = PL_OK;

        if (run->conns[i].driver != NULL)
            err = run->driver_weak->tick(run->conns[i].driver, now_ms);
        if (err < 0)
            pl_bench_fail(run, "connection %u: %s", i + 1, pl_err_text(err));
    }
}

static void on_timer(void *self)
{
    struct pl_bench_run *run = self;

    run->now_us = pl_clock_mono_us();
    pl_bench_progress_show(run);
    tick_drivers(run, pl_loop_now_ms(run->loop));
    if (run->load_weak != NULL && run->phase == PL_BENCH_WORKING)
        pl_bench_load_tick(run->load_weak);
    if (run->ops.on_tick != NULL && run->phase == PL_BENCH_WORKING)
        run->ops.on_tick(run->ops.self);
    if (!run->failed &&
        run->now_us - run->moved_us > (int64_t)run->options_weak->timeout_s * 1000000)
        fail_for_silence(run);
}

static int open_tls(struct pl_bench_run *run)
{
    const struct pl_tls_client_files files = {.ca_file = run->options_weak->ca_file};
    struct pl_bytebuf text;
    int err;

    if (!run->options_weak->target.tls)
        return PL_OK;
    pl_bytebuf_init(&text, PL_BENCH_WHY_SIZE);
    err = pl_tls_client_context_new(&files, &text, &run->tls);
    if (err < 0)
        pl_bench_run_fail(run, PL_BENCH_EXIT_USAGE, "%s", pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return err < 0 ? PL_E_INVALID : PL_OK;
}

/* Names, connections, subscribers. */
static int fill(struct pl_bench_run *run)
{
    const struct pl_bench_shape *shape = &run->shape;

    run->names = pl_calloc(shape->channels, sizeof *run->names);
    run->subs = pl_calloc(shape->subs + 1, sizeof *run->subs);
    if (run->names != NULL && run->subs != NULL)
        run->conns = pl_calloc(pl_bench_conns_len(run), sizeof *run->conns);
    if (run->conns == NULL)
        return PL_E_NOMEM;
    pl_random(&run->id_number, sizeof run->id_number);
    pl_bench_letters_write(run->id_number, run->id);
    for (uint32_t i = 0; i < shape->channels; i++)
        snprintf(run->names[i], sizeof run->names[i], "pb-%s-%u", run->id, i);
    for (uint32_t i = 0; i < pl_bench_conns_len(run); i++) {
        run->conns[i].run_weak = run;
        run->conns[i].number = i;
        pl_list_init(&run->conns[i].node);
    }
    for (uint32_t i = 0; i < shape->subs; i++) {
        uint64_t conn = (uint64_t)i * shape->conns / shape->subs;

        run->subs[i].number = i;
        run->subs[i].conn_weak = &run->conns[shape->publishers + conn];
    }
    return PL_OK;
}

static int open_loop(struct pl_bench_run *run)
{
    static const int signums[] = {SIGINT, SIGTERM};
    const struct pl_loop_ops ops = {.self = run, .on_turn_end = on_turn_end};
    int err = pl_loop_new(&ops, 1, &run->loop);

    if (err < 0)
        return err;
    err = pl_timer_new(run->loop, on_timer, run, &run->timer);
    if (err == PL_OK)
        pl_timer_start(run->timer, TICK_MS, TICK_MS);
    for (size_t i = 0; i < sizeof signums / sizeof signums[0] && err == PL_OK; i++)
        err = pl_signal_new(run->loop, signums[i], on_signal, run, &run->signals[i]);
    return err;
}

/* Every connection is a file; as many as the system lets us have are asked for. */
static int check_files(struct pl_bench_run *run)
{
    uint64_t wanted = (uint64_t)pl_bench_conns_len(run) + FILES_SPARE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return PL_OK;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit higher = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};

        if (setrlimit(RLIMIT_NOFILE, &higher) == 0)
            limit = higher;
    }
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
        return PL_OK;
    pl_bench_run_fail(run, PL_BENCH_EXIT_USAGE,
                      "%u connections need %llu open files, the system allows %llu: raise that "
                      "(ulimit -Hn), or ask for fewer connections",
                      pl_bench_conns_len(run), (unsigned long long)wanted,
                      (unsigned long long)limit.rlim_cur);
    return PL_E_LIMIT;
}

/* What the driver cannot. */
static int check_driver(struct pl_bench_run *run)
{
    const struct pl_bench_driver *driver = run->driver_weak;
    const struct pl_bench_shape *shape = &run->shape;

    if (driver->channels_max > 0 && shape->channels > driver->channels_max)
        pl_bench_run_fail(run, PL_BENCH_EXIT_USAGE, "a stream of %s has at most %u rooms",
                          driver->name, driver->channels_max);
    else if (driver->subs_max > 0 && shape->subs > (uint64_t)driver->subs_max * shape->conns)
        pl_bench_run_fail(run, PL_BENCH_EXIT_USAGE, "a connection of %s has at most %u streams",
                          driver->name, driver->subs_max);
    else if (shape->subs > 0 && shape->conns > shape->subs)
        pl_bench_run_fail(run, PL_BENCH_EXIT_USAGE, "%u connections for %u streams", shape->conns,
                          shape->subs);
    return run->failed ? PL_E_INVALID : PL_OK;
}

int pl_bench_run_new(const struct pl_bench_driver *driver, const struct pl_bench_options *options,
                     const struct pl_bench_shape *shape, const struct pl_bench_run_ops *ops,
                     struct pl_bench_run **ret_run)
{
    struct pl_bench_run *run = pl_zalloc(sizeof *run);
    int err;

    PL_ASSERT(shape->publishers > 0 && shape->channels > 0);
    PL_ASSERT(shape->subs == 0 || shape->conns > 0);
    if (run == NULL)
        return PL_E_NOMEM;
    run->driver_weak = driver;
    run->options_weak = options;
    run->shape = *shape;
    if (ops != NULL)
        run->ops = *ops;
    pl_list_init(&run->dirty);
    pl_bytebuf_init(&run->out, OUT_SIZE_MAX);
    pl_address_format(&options->target.address, run->authority, sizeof run->authority);
    err = fill(run);
    if (err == PL_OK)
        err = open_loop(run);
    if (err == PL_OK)
        err = check_driver(run);
    if (err == PL_OK)
        err = check_files(run);
    if (err == PL_OK)
        err = open_tls(run);
    if (err == PL_OK && driver->open != NULL)
        err = driver->open(run, &run->driver);
    if (err < 0 && !run->failed) { /* there is no more to be told */
        pl_bench_run_free(run);
        return err;
    }
    *ret_run = run;
    return PL_OK;
}

void pl_bench_run_free(struct pl_bench_run *run)
{
    if (run == NULL)
        return;
    for (uint32_t i = 0; run->conns != NULL && i < pl_bench_conns_len(run); i++)
        pl_bench_conn_done(&run->conns[i]);
    if (run->driver_weak->close != NULL && run->driver != NULL)
        run->driver_weak->close(run->driver);
    for (size_t i = 0; i < sizeof run->signals / sizeof run->signals[0]; i++)
        pl_signal_free(run->signals[i]);
    pl_timer_free(run->timer);
    pl_loop_free(run->loop);
    pl_tls_context_unref(run->tls);
    pl_bytebuf_done(&run->out);
    pl_free(run->names);
    pl_free(run->conns);
    pl_free(run->subs);
    pl_free(run);
}

int pl_bench_run_go(struct pl_bench_run *run)
{
    if (!run->failed) {
        enter(run, PL_BENCH_REACHING);
        pl_loop_run(run->loop);
    }
    pl_bench_progress_hide();
    if (run->failed)
        fprintf(stderr, "parla-bench: %s\n", run->why);
    return run->status;
}

uint32_t pl_bench_channels_len(const struct pl_bench_run *run)
{
    return run->shape.channels;
}

const char *pl_bench_channel_name(const struct pl_bench_run *run, uint32_t channel)
{
    PL_ASSERT(channel < run->shape.channels);
    return run->names[channel];
}

/* Names end in the channel's number: "pb-RUN-12". */
uint32_t pl_bench_channel_of(const struct pl_bench_run *run, struct pl_bytes name)
{
    const size_t head = 3 + PL_BENCH_RUN_ID_LEN + 1;
    uint32_t channel = 0;

    if (name.size <= head || name.size > head + 6 || memcmp(name.data, run->names[0], head) != 0)
        return UINT32_MAX;
    for (size_t i = head; i < name.size; i++) {
        if (name.data[i] < '0' || name.data[i] > '9')
            return UINT32_MAX;
        channel = channel * 10 + (uint32_t)(name.data[i] - '0');
    }
    return channel < run->shape.channels ? channel : UINT32_MAX;
}

const char *pl_bench_authority(const struct pl_bench_run *run)
{
    return run->authority;
}

bool pl_bench_is_tls(const struct pl_bench_run *run)
{
    return run->options_weak->target.tls;
}

const char *pl_bench_run_id(const struct pl_bench_run *run)
{
    return run->id;
}

uint32_t pl_bench_conns_len(const struct pl_bench_run *run)
{
    return run->shape.publishers + run->shape.conns;
}

int64_t pl_bench_now_ms(const struct pl_bench_run *run)
{
    return pl_loop_now_ms(run->loop);
}

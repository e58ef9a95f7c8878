/*
 * load.c - publishing, and the check of every delivery.
 *
 * A hole in what a subscriber gets is a loss or a change of order; which of them
 * shows when the missing ones come after all, or a moment has passed.
 */
#include "bench/load.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/payload.h"

#include <stdio.h>
#include <string.h>

enum {
    GAP_US = 1000 * 1000, /* for late ones to come */
    BURST_MAX = 65536,    /* messages begun in one turn */
};

static uint32_t *next_of(const struct pl_bench_load *load, uint32_t sub, uint32_t publisher,
                         uint32_t channel)
{
    size_t at = ((size_t)sub * load->publishers + publisher) * load->channels + channel;

    return &load->next[at];
}

static void on_due(void *self)
{
    (void)self; /* the turn's end publishes */
}

static int allocate(struct pl_bench_load *load)
{
    size_t subs = load->run_weak->shape.subs;
    size_t pairs = (size_t)load->publishers * load->channels;

    load->payload = pl_alloc(load->config.size);
    load->messages = pl_calloc(load->total, sizeof *load->messages);
    load->next = pl_calloc(subs * pairs + 1, sizeof *load->next);
    load->sequences = pl_calloc(subs * load->channels + 1, sizeof *load->sequences);
    load->ignored = pl_calloc(subs + 1, sizeof *load->ignored);
    load->recent = pl_bench_recent_new();
    if (load->payload == NULL || load->messages == NULL || load->next == NULL ||
        load->sequences == NULL || load->ignored == NULL || load->recent == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < subs * pairs; i++)
        load->next[i] = (uint32_t)(i % load->channels);
    return PL_OK;
}

int pl_bench_load_new(struct pl_bench_run *run, const struct pl_bench_load_config *config,
                      const struct pl_bench_load_ops *ops, struct pl_bench_load **ret_load)
{
    struct pl_bench_load *load = pl_zalloc(sizeof *load);
    int err;

    PL_ASSERT(config->messages > 0 && config->size >= PL_BENCH_PAYLOAD_SIZE_MIN);
    PL_ASSERT(config->in_flight > 0 || config->rate > 0);
    PL_ASSERT((uint64_t)config->messages + config->warmup <= UINT32_MAX / 2);
    PL_ASSERT((uint64_t)run->shape.publishers * run->shape.channels <= UINT32_MAX / 2);
    if (load == NULL)
        return PL_E_NOMEM;
    load->run_weak = run;
    load->config = *config;
    load->ops = *ops;
    load->publishers = run->shape.publishers;
    load->channels = run->shape.channels;
    load->measured_end = config->warmup + config->messages;
    load->total = load->measured_end;
    if (config->closing)
        load->total += load->publishers * load->channels;
    load->counted = run->shape.subs;
    pl_bench_histogram_init(&load->latency);
    err = allocate(load);
    if (err == PL_OK && config->rate > 0)
        err = pl_bench_pace_new(run->loop, config->rate, on_due, load, &load->pace);
    if (err < 0) {
        pl_bench_load_free(load);
        return err;
    }
    run->load_weak = load;
    *ret_load = load;
    return PL_OK;
}

void pl_bench_load_free(struct pl_bench_load *load)
{
    if (load == NULL)
        return;
    if (load->run_weak->load_weak == load)
        load->run_weak->load_weak = NULL;
    pl_bench_pace_free(load->pace);
    pl_free(load->payload);
    pl_free(load->messages);
    pl_free(load->next);
    pl_free(load->sequences);
    pl_free(load->ignored);
    pl_bench_recent_free(load->recent);
    pl_free(load);
}

void pl_bench_load_ignore(struct pl_bench_load *load, uint32_t sub)
{
    PL_ASSERT((!load->running || load->held) && sub < load->run_weak->shape.subs);
    if (!load->ignored[sub])
        load->counted--;
    load->ignored[sub] = true;
}

/* The measured messages begin. */
static void measure(struct pl_bench_load *load)
{
    load->limit = load->measured_end;
    if (load->ops.on_measure != NULL)
        load->ops.on_measure(load->ops.self);
    load->start_us = pl_clock_mono_us();
    load->end_us = load->start_us;
    if (load->pace != NULL)
        pl_bench_pace_start(load->pace);
}

void pl_bench_load_start(struct pl_bench_load *load)
{
    PL_ASSERT(!load->running);
    load->running = true;
    load->limit = load->config.warmup;
    if (load->pace != NULL)
        pl_bench_pace_start(load->pace);
    if (load->config.warmup == 0)
        measure(load);
}

static void publish(struct pl_bench_load *load, uint32_t g, int64_t time_us)
{
    struct pl_bench_run *run = load->run_weak;
    struct pl_bench_send send = {.publisher = pl_bench_load_publisher_of(load, g),
                                 .number = pl_bench_load_number_of(load, g)};
    struct pl_bench_payload payload;
    int err;

    send.channel = pl_bench_load_channel_of(load, send.number);
    payload = (struct pl_bench_payload){.run = run->id_number,
                                        .publisher = (uint16_t)send.publisher,
                                        .channel = (uint16_t)send.channel,
                                        .number = send.number,
                                        .time_us = (uint64_t)time_us};
    pl_bench_payload_write(&payload, load->payload, load->config.size);
    send.payload = (struct pl_bytes){(const uint8_t *)load->payload, load->config.size};
    load->messages[g].missing = load->config.by_acks ? 0 : load->counted;
    load->messages[g].time_us = time_us;
    err = run->driver_weak->publish(run->conns[send.publisher].driver, &send);
    if (err == PL_E_LIMIT)
        pl_bench_fail(run,
                      "%u messages are under way, too many for %u connections that send: ask for "
                      "more of them, or for fewer messages",
                      load->begun - load->over, load->publishers);
    else if (err < 0)
        pl_bench_fail(run, "publisher %u: %s", send.publisher, pl_err_text(err));
}

/* Message g may be sent by now: when it was due. */
static bool is_due(struct pl_bench_load *load, uint32_t g, int64_t now_us, int64_t *ret_time_us)
{
    uint32_t first = load->limit > load->config.warmup ? load->config.warmup : 0;

    if (load->pace == NULL || g >= load->measured_end) {
        *ret_time_us = now_us;
        return load->pace != NULL || load->begun - load->over < load->config.in_flight;
    }
    *ret_time_us = pl_bench_pace_due_us(load->pace, g - first);
    if (*ret_time_us <= now_us)
        return true;
    pl_bench_pace_wait(load->pace, g - first);
    return false;
}

void pl_bench_load_pump(struct pl_bench_load *load)
{
    struct pl_bench_run *run = load->run_weak;
    int64_t now_us, time_us;

    if (!load->running || load->holding || load->gap.open)
        return;
    now_us = pl_clock_mono_us();
    for (uint32_t i = 0; i < BURST_MAX && load->begun < load->limit && !run->failed; i++) {
        if (!is_due(load, load->begun, now_us, &time_us))
            break;
        publish(load, load->begun++, time_us);
    }
}

/* Whether nothing is under way. */
static bool is_quiet(const struct pl_bench_load *load)
{
    return load->over == load->begun && !load->gap.open &&
           (!load->run_weak->driver_weak->has_acks || load->acknowledged == load->begun);
}

/* Everything that may be begun is over? Then what is next may be. */
static void check_end(struct pl_bench_load *load)
{
    if (load->holding && !load->held && is_quiet(load)) {
        load->held = true;
        if (load->ops.on_held != NULL)
            load->ops.on_held(load->ops.self);
        return;
    }
    if (load->over < load->limit || load->done || load->gap.open)
        return;
    if (load->run_weak->driver_weak->has_acks && load->acknowledged < load->limit)
        return;
    if (load->limit < load->measured_end) {
        measure(load);
        return;
    }
    if (load->limit == load->measured_end && load->ops.on_measured != NULL)
        load->ops.on_measured(load->ops.self);
    if (load->limit < load->total) {
        load->limit = load->total;
        return;
    }
    load->done = true;
    if (load->ops.on_done != NULL)
        load->ops.on_done(load->ops.self);
}

static void add_latency(struct pl_bench_load *load, int64_t since_us)
{
    int64_t us = load->run_weak->now_us - since_us;

    pl_bench_histogram_add(&load->latency, us > 0 ? (uint64_t)us : 0);
}

void pl_bench_load_hold(struct pl_bench_load *load)
{
    PL_ASSERT(load->running && !load->holding && load->pace == NULL);
    load->holding = true;
    check_end(load);
}

void pl_bench_load_go_on(struct pl_bench_load *load)
{
    PL_ASSERT(load->held);
    load->holding = false;
    load->held = false;
    pl_bench_histogram_init(&load->latency);
}

/* Every subscriber has everything? */
static void check_all(struct pl_bench_load *load)
{
    if (load->ops.on_all != NULL &&
        load->delivered == (uint64_t)load->total * load->run_weak->shape.subs)
        load->ops.on_all(load->ops.self);
}

void pl_bench_load_end(struct pl_bench_load *load)
{
    PL_ASSERT(load->held);
    load->total = load->begun;
    load->limit = load->begun;
    load->done = true;
    check_all(load);
}

static void is_over(struct pl_bench_load *load)
{
    load->over++;
    if (load->limit <= load->measured_end)
        load->end_us = load->run_weak->now_us;
    check_end(load);
}

/* The sequence of message g, from whoever tells it first; all must agree. */
static bool agree(struct pl_bench_load *load, uint32_t g, uint64_t sequence)
{
    struct pl_bench_message *message = &load->messages[g];

    if (message->sequence == 0)
        message->sequence = sequence;
    return message->sequence == sequence;
}

static void fail_strange(struct pl_bench_run *run, uint32_t sub)
{
    pl_bench_fail(run, "wrong: subscriber %u got a message that was not sent to it", sub);
}

/* A number came that is not the one that is due. */
static void take_unexpected(struct pl_bench_load *load, uint32_t sub,
                            const struct pl_bench_payload *got, uint32_t due)
{
    struct pl_bench_run *run = load->run_weak;

    if (pl_bench_load_channel_of(load, got->number) != got->channel) {
        fail_strange(run, sub);
    } else if (got->number > due && !load->gap.open) {
        load->gap.open = true;
        load->gap.sub = sub;
        load->gap.publisher = got->publisher;
        load->gap.channel = got->channel;
        load->gap.from = due;
        load->gap.until = got->number;
        load->gap.since_us = run->now_us;
    } else if (got->number < due && load->gap.open && load->gap.sub == sub &&
               load->gap.publisher == got->publisher && load->gap.channel == got->channel &&
               got->number >= load->gap.from && got->number < load->gap.until) {
        pl_bench_fail(run,
                      "reordered: subscriber %u got message %u of publisher %u in %s after "
                      "message %u",
                      sub, got->number, got->publisher, run->names[got->channel], load->gap.until);
    } else if (got->number < due) {
        pl_bench_fail(run, "doubled: subscriber %u got message %u of publisher %u in %s again", sub,
                      got->number, got->publisher, run->names[got->channel]);
    }
}

/* The channel's own numbering, for whom the server numbers. */
static void check_sequence(struct pl_bench_load *load, uint32_t sub, uint32_t channel, uint32_t g,
                           uint64_t sequence)
{
    uint64_t *last = &load->sequences[(size_t)sub * load->channels + channel];
    struct pl_bench_run *run = load->run_weak;

    if (*last != 0 && sequence != *last + 1 && !load->gap.open)
        pl_bench_fail(run, "%s: subscriber %u got sequence %llu of %s after %llu",
                      sequence > *last ? "lost" : "doubled or reordered", sub,
                      (unsigned long long)sequence, run->names[channel], (unsigned long long)*last);
    *last = sequence;
    if (!agree(load, g, sequence))
        pl_bench_fail(run,
                      "wrong: subscriber %u got message %u of publisher %u as sequence %llu of %s, "
                      "others as %llu",
                      sub, pl_bench_load_number_of(load, g), pl_bench_load_publisher_of(load, g),
                      (unsigned long long)sequence, run->names[channel],
                      (unsigned long long)load->messages[g].sequence);
}

bool pl_bench_load_is_strange(const struct pl_bench_load *load,
                              const struct pl_bench_payload *payload, uint32_t channel)
{
    return payload->run != load->run_weak->id_number || payload->channel != channel ||
           channel >= load->channels || payload->publisher >= load->publishers ||
           payload->number * (uint64_t)load->publishers + payload->publisher >= load->begun;
}

/* The subscriber got that: was it due? */
static void take(struct pl_bench_load *load, const struct pl_bench_sub *to,
                 const struct pl_bench_reading *reading)
{
    struct pl_bench_run *run = load->run_weak;
    const struct pl_bench_payload *got = &reading->payload;
    uint32_t *next = next_of(load, to->number, got->publisher, got->channel);
    uint32_t g = got->number * load->publishers + got->publisher;

    if (got->number != *next) {
        take_unexpected(load, to->number, got, *next);
        if (got->number < *next || run->failed)
            return;
    }
    *next = got->number + load->channels;
    if (run->driver_weak->has_sequences)
        check_sequence(load, to->number, got->channel, g, reading->sequence);
    load->delivered++;
    if (g >= load->config.warmup && g < load->measured_end) {
        load->measured++;
        if (!load->config.by_acks && !load->ignored[to->number])
            add_latency(load, (int64_t)got->time_us);
    }
    pl_bench_run_moved(run);
    if (!load->ignored[to->number] && load->messages[g].missing > 0 &&
        --load->messages[g].missing == 0)
        is_over(load);
    check_all(load);
}

/* Whoever gets a message first has its bytes kept; everyone knows where they are. */
static void keep(struct pl_bench_load *load, struct pl_bench_sub *to,
                 const struct pl_bench_reading *reading, struct pl_bytes whole)
{
    const struct pl_bench_payload *got = &reading->payload;
    struct pl_bench_message *message =
        &load->messages[got->number * load->publishers + got->publisher];

    if (message->place == 0)
        message->place = pl_bench_recent_keep(load->recent, whole, reading);
    to->place = message->place;
}

void pl_bench_delivered(struct pl_bench_sub *to, const struct pl_bench_delivery *delivery)
{
    struct pl_bench_run *run = to->conn_weak->run_weak;
    struct pl_bench_load *load = run->load_weak;
    struct pl_bench_reading reading = {.sequence = delivery->sequence};

    if (run->failed || run->phase >= PL_BENCH_CLEANING)
        return;
    if (load == NULL || !pl_bench_payload_read(delivery->text, &reading.payload) ||
        delivery->text.size != load->config.size ||
        pl_bench_load_is_strange(load, &reading.payload, delivery->channel)) {
        fail_strange(run, to->number);
        return;
    }
    keep(load, to, &reading, delivery->whole);
    take(load, to, &reading);
}

size_t pl_bench_delivered_again(struct pl_bench_sub *to, struct pl_bytes data, bool alone)
{
    const struct pl_bench_run *run = to->conn_weak->run_weak;
    struct pl_bench_load *load = run->load_weak;
    const struct pl_bench_recent_message *message;

    if (run->failed || run->phase >= PL_BENCH_CLEANING || load == NULL)
        return 0;
    message = pl_bench_recent_find(load->recent, to->place + 1, data, alone);
    if (message == NULL)
        return 0;
    to->place++;
    take(load, to, &message->reading);
    return message->size;
}

void pl_bench_acknowledged(struct pl_bench_run *run, const struct pl_bench_ack *ack)
{
    struct pl_bench_load *load = run->load_weak;
    uint32_t g;

    if (run->failed || load == NULL || run->phase >= PL_BENCH_CLEANING)
        return;
    g = ack->number * load->publishers + ack->publisher;
    if (ack->publisher >= load->publishers || g >= load->begun || load->messages[g].acknowledged) {
        pl_bench_fail(run, "wrong: an answer to message %u of publisher %u, which waits for none",
                      ack->number, ack->publisher);
        return;
    }
    if (ack->durability < load->config.durability)
        pl_bench_fail(run,
                      "wrong: message %u of publisher %u is acknowledged, but less safe than asked "
                      "for (%d, not %u: see --durability)",
                      ack->number, ack->publisher, (int)ack->durability, load->config.durability);
    if (run->driver_weak->has_sequences && !agree(load, g, ack->sequence))
        pl_bench_fail(run,
                      "wrong: message %u of publisher %u is acknowledged as sequence %llu of %s, "
                      "subscribers have it as %llu",
                      ack->number, ack->publisher, (unsigned long long)ack->sequence,
                      run->names[ack->channel], (unsigned long long)load->messages[g].sequence);
    load->messages[g].acknowledged = true;
    load->acknowledged++;
    if (load->config.by_acks && g >= load->config.warmup)
        add_latency(load, load->messages[g].time_us);
    pl_bench_run_moved(run);
    if (load->config.by_acks)
        is_over(load);
    else
        check_end(load);
}

static void tell_gap(const struct pl_bench_load *load, uint32_t sub, uint32_t publisher,
                     uint32_t channel, uint32_t from, char *text, size_t size)
{
    snprintf(text, size, "lost: subscriber %u did not get message %u of publisher %u in %s", sub,
             from, publisher, load->run_weak->names[channel]);
}

void pl_bench_load_tick(struct pl_bench_load *load)
{
    struct pl_bench_run *run = load->run_weak;
    char text[PL_BENCH_WHY_SIZE];

    if (!load->gap.open || run->now_us - load->gap.since_us < GAP_US)
        return;
    tell_gap(load, load->gap.sub, load->gap.publisher, load->gap.channel, load->gap.from, text,
             sizeof text);
    pl_bench_fail(run, "%s, but message %u", text, load->gap.until);
}

/* The number after the last one begun of a publisher and channel: what is due to who
 * has all. */
static uint32_t end_of(const struct pl_bench_load *load, uint32_t publisher, uint32_t channel)
{
    uint32_t len =
        load->begun / load->publishers + (publisher < load->begun % load->publishers ? 1 : 0);

    if (len <= channel)
        return channel;
    return channel + ((len - channel - 1) / load->channels + 1) * load->channels;
}

int pl_bench_load_missing(const struct pl_bench_load *load, char *text, size_t size)
{
    for (uint32_t g = 0; g < load->begun && load->run_weak->driver_weak->has_acks; g++) {
        if (load->messages[g].acknowledged)
            continue;
        snprintf(text, size, "lost: message %u of publisher %u was not answered",
                 pl_bench_load_number_of(load, g), pl_bench_load_publisher_of(load, g));
        return PL_OK;
    }
    for (uint32_t sub = 0; sub < load->run_weak->shape.subs; sub++) {
        for (uint32_t i = 0; i < load->publishers * load->channels; i++) {
            uint32_t publisher = i / load->channels, channel = i % load->channels;
            uint32_t next = *next_of(load, sub, publisher, channel);

            if (next >= end_of(load, publisher, channel))
                continue;
            tell_gap(load, sub, publisher, channel, next, text, size);
            return PL_OK;
        }
    }
    return PL_E_NOTFOUND;
}

bool pl_bench_load_is_complete(const struct pl_bench_load *load)
{
    char text[PL_BENCH_WHY_SIZE];

    return load->begun == load->total &&
           pl_bench_load_missing(load, text, sizeof text) == PL_E_NOTFOUND;
}

/*
 * cmd_slow.c - some stop reading, and what the others notice of it.
 *
 * First all read, then the first K of them do not, each for the same time under the
 * same load; a message is over when all others have it. Then those that stopped are let
 * go, and must get everything that they missed.
 */
#include "base/err.h"
#include "bench/command.h"

#include <stdio.h>

enum part {
    ALL_READ,
    SOME_STOPPED,
    CATCHING_UP,
    PARTS_LEN,
};

/* What was seen in a part. */
struct seen {
    uint32_t messages;
    uint64_t deliveries; /* to those that read throughout */
    int64_t end_us;
    struct pl_bench_sample before, after;
    uint64_t rss_max;
    struct pl_bench_histogram latency;
};

struct slow {
    const struct pl_bench_options *options_weak;
    struct pl_bench_run *run;
    struct pl_bench_load *load;
    uint32_t pid;
    enum part part;
    uint32_t begun;     /* when the part began */
    uint64_t delivered; /* likewise */
    struct seen seen[PARTS_LEN];
};

static void begin(struct slow *slow, enum part part)
{
    struct seen *seen = &slow->seen[part];

    slow->part = part;
    slow->begun = slow->load->begun;
    slow->delivered = slow->load->delivered;
    pl_bench_sample_take(slow->pid, &seen->before);
}

static void note_rss(struct seen *seen, const struct pl_bench_sample *sample)
{
    if (sample->has_server && sample->server.rss_size > seen->rss_max)
        seen->rss_max = sample->server.rss_size;
}

static void end(struct slow *slow)
{
    struct seen *seen = &slow->seen[slow->part];

    pl_bench_sample_take(slow->pid, &seen->after);
    note_rss(seen, &seen->after);
    seen->messages = slow->load->begun - slow->begun;
    seen->end_us = slow->load->end_us;
    seen->latency = slow->load->latency;
    if (slow->part == CATCHING_UP)
        seen->deliveries = slow->load->delivered - slow->delivered;
    else
        seen->deliveries = (uint64_t)seen->messages * slow->load->counted;
}

/* The first K subscribers, which have connections of their own. */
static void each_reader(struct slow *slow, bool stop)
{
    struct pl_bench_run *run = slow->run;

    for (uint32_t i = 0; i < slow->options_weak->readers && !run->failed; i++) {
        if (stop)
            pl_bench_load_ignore(slow->load, i);
        pl_bench_conn_set_reading(run->subs[i].conn_weak, !stop);
    }
}

static void on_phase(void *self, enum pl_bench_phase phase)
{
    struct slow *slow = self;

    if (phase != PL_BENCH_WORKING)
        return;
    begin(slow, ALL_READ);
    pl_bench_load_start(slow->load);
}

static void on_tick(void *self)
{
    struct slow *slow = self;
    struct seen *seen = &slow->seen[slow->part];
    int64_t passed_us = slow->run->now_us - seen->before.at_us;
    struct pl_bench_sample sample;

    pl_bench_sample_take(slow->pid, &sample);
    note_rss(seen, &sample);
    if (slow->part != CATCHING_UP && !slow->load->holding &&
        passed_us >= (int64_t)slow->options_weak->pause_s * 1000000)
        pl_bench_load_hold(slow->load);
}

/* A part is over. */
static void on_held(void *self)
{
    struct slow *slow = self;

    end(slow);
    if (slow->part == ALL_READ) {
        each_reader(slow, true);
        begin(slow, SOME_STOPPED);
        pl_bench_load_go_on(slow->load);
    } else {
        begin(slow, CATCHING_UP);
        each_reader(slow, false);
        pl_bench_load_end(slow->load);
    }
}

/* As many messages as there may be: too few for the time. */
static void on_done(void *self)
{
    struct slow *slow = self;

    pl_bench_fail(slow->run, "--messages %u are too few for two times %u s",
                  slow->options_weak->messages, slow->options_weak->pause_s);
}

static void on_all(void *self)
{
    struct slow *slow = self;

    if (slow->part != CATCHING_UP)
        return;
    end(slow);
    pl_bench_run_finish(slow->run);
}

static double per_second(const struct seen *seen, int64_t end_us)
{
    int64_t us = end_us - seen->before.at_us;

    return us > 0 ? (double)seen->deliveries * 1e6 / (double)us : 0;
}

/* A part's figures, their keys and words with its own in front. */
static void report_part(struct pl_bench_report *to, const struct seen *seen, const char *key,
                        const char *words)
{
    char key_text[64], words_text[64];

    snprintf(key_text, sizeof key_text, "%s_messages", key);
    snprintf(words_text, sizeof words_text, "%s: messages", words);
    pl_bench_report_number(to, key_text, words_text, seen->messages, 0, "");
    snprintf(key_text, sizeof key_text, "%s_deliveries_per_second", key);
    snprintf(words_text, sizeof words_text, "%s: deliveries a second", words);
    pl_bench_report_number(to, key_text, words_text, per_second(seen, seen->end_us), 0, "/s");
    snprintf(key_text, sizeof key_text, "%s_latency", key);
    snprintf(words_text, sizeof words_text, "%s: latency", words);
    pl_bench_report_latency(to, key_text, words_text, &seen->latency);
    if (!seen->before.has_server || !seen->after.has_server)
        return;
    snprintf(key_text, sizeof key_text, "%s_server_cpu_s_per_million", key);
    snprintf(words_text, sizeof words_text, "%s: server's CPU a million", words);
    pl_bench_report_number(to, key_text, words_text,
                           (seen->after.server.cpu_s - seen->before.server.cpu_s) * 1e6 /
                               (seen->deliveries > 0 ? (double)seen->deliveries : 1),
                           3, "s");
    snprintf(key_text, sizeof key_text, "%s_server_rss_max", key);
    snprintf(words_text, sizeof words_text, "%s: server's memory, at most", words);
    pl_bench_report_number(to, key_text, words_text, (double)seen->rss_max, 0, "bytes");
}

static int report(const void *self)
{
    const struct slow *slow = self;
    const struct pl_bench_options *options = slow->options_weak;
    const struct seen *last = &slow->seen[CATCHING_UP];
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    pl_bench_report_begin(to, slow->run, "slow");
    pl_bench_report_number(to, "subscribers", "subscribers", options->subscribers, 0, "");
    pl_bench_report_number(to, "readers", "of them, stopped", options->readers, 0, "");
    pl_bench_report_number(to, "pause_s", "for", options->pause_s, 0, "s");
    pl_bench_report_number(to, "size", "size", options->size, 0, "bytes");
    report_part(to, &slow->seen[ALL_READ], "before", "all read");
    report_part(to, &slow->seen[SOME_STOPPED], "stopped", "stopped");
    pl_bench_report_number(to, "after_seconds", "let go: until they have all",
                           (double)(last->after.at_us - last->before.at_us) / 1e6, 3, "s");
    pl_bench_report_number(to, "after_deliveries", "let go: deliveries", (double)last->deliveries,
                           0, "");
    pl_bench_report_number(to, "after_deliveries_per_second", "let go: deliveries a second",
                           per_second(last, last->after.at_us), 0, "/s");
    if (last->after.has_server)
        pl_bench_report_number(to, "after_server_rss_max", "let go: server's memory, at most",
                               (double)last->rss_max, 0, "bytes");
    err = pl_bench_report_print(to);
    pl_bench_report_free(to);
    return err;
}

static int run(const struct pl_bench_driver *driver, const struct pl_bench_options *options)
{
    static struct slow slow; /* its histograms are large */
    const struct pl_bench_shape shape = {.publishers = options->publishers,
                                         .conns = options->subscribers,
                                         .subs = options->subscribers,
                                         .channels = options->rooms};
    const struct pl_bench_run_ops run_ops = {
        .self = &slow, .on_phase = on_phase, .on_tick = on_tick};
    const struct pl_bench_load_ops load_ops = {
        .self = &slow, .on_done = on_done, .on_held = on_held, .on_all = on_all};
    struct pl_bench_load_config config = pl_bench_load_config_of(options);
    int err;

    if (options->readers >= options->subscribers)
        return pl_bench_complain(PL_BENCH_EXIT_USAGE, "of %u subscribers, %u cannot stop reading",
                                 options->subscribers, options->readers);
    slow.options_weak = options;
    slow.pid = pl_bench_server_pid(options);
    if (!driver->has_acks)
        config.durability = PL_BENCH_DURABILITY_NONE;
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &slow.run);
    if (err == PL_OK)
        err = pl_bench_load_new(slow.run, &config, &load_ops, &slow.load);
    return pl_bench_run_end(err, slow.run, slow.load, report, &slow);
}

const struct pl_bench_command pl_bench_cmd_slow = {
    .name = "slow",
    .which = PL_BENCH_SLOW,
    .summary = "some subscribers stop reading, beside others that do not",
    .text = "Sends messages to a room that all subscribers stream: for a time while all read,\n"
            "then for as long while some have stopped. Then these are let go, and must get\n"
            "everything. Every stream has a connection of its own, and is checked throughout.\n",
    .defaults = {.subscribers = 100,
                 .readers = 10,
                 .pause_s = 10,
                 .rooms = 1,
                 .messages = 4000000,
                 .publishers = 1,
                 .in_flight = 64,
                 .size = 100,
                 .durability = PL_BENCH_DURABILITY_SYNCED,
                 .timeout_s = 30},
    .run = run,
};

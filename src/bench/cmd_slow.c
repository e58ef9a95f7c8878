/*
 * cmd_slow.c - some stop reading, or read at a trickle, and what the others notice of it.
 *
 * First all read, then the first K of them are slow, each for the same time under the
 * same load; a message is over when all others have it. Then the slow ones are let go,
 * and must get everything that they missed.
 */
#include "base/err.h"
#include "bench/command.h"

#include <stdio.h>

enum part {
    ALL_READ,
    SOME_SLOW,
    CATCHING_UP,
    PARTS_LEN,
};

/* What was seen in a part. */
struct seen {
    uint32_t messages;
    uint64_t deliveries; /* to those that read throughout; catching up: to all */
    uint64_t slow;       /* deliveries to the others */
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
    uint64_t given;     /* bytes that each slow one might read by now */
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
    seen->deliveries = slow->load->delivered - slow->delivered;
    if (slow->part == CATCHING_UP)
        return;
    seen->slow = seen->deliveries - (uint64_t)seen->messages * slow->load->counted;
    seen->deliveries -= seen->slow;
}

/* The first K subscribers, which have connections of their own. */
static struct pl_bench_conn *reader_at(const struct slow *slow, uint32_t i)
{
    return slow->run->subs[i].conn_weak;
}

static void hold_readers(struct slow *slow)
{
    for (uint32_t i = 0; i < slow->options_weak->readers && !slow->run->failed; i++) {
        int err = pl_bench_conn_hold(reader_at(slow, i));

        pl_bench_load_ignore(slow->load, i);
        if (err < 0)
            pl_bench_fail(slow->run, "subscriber %u: %s", i, pl_err_text(err));
    }
}

static void let_readers_go(struct slow *slow)
{
    for (uint32_t i = 0; i < slow->options_weak->readers && !slow->run->failed; i++)
        pl_bench_conn_let_go(reader_at(slow, i));
}

/* Each may have what its rate allows since the last time. */
static void trickle(struct slow *slow, int64_t passed_us)
{
    uint64_t due = (uint64_t)passed_us * slow->options_weak->trickle / 1000000;
    uint64_t size = due - slow->given;

    slow->given = due;
    for (uint32_t i = 0; i < slow->options_weak->readers && size > 0 && !slow->run->failed; i++)
        pl_bench_conn_give(reader_at(slow, i), (size_t)size);
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
    if (slow->part == SOME_SLOW)
        trickle(slow, passed_us);
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
        hold_readers(slow);
        begin(slow, SOME_SLOW);
        pl_bench_load_go_on(slow->load);
    } else {
        begin(slow, CATCHING_UP);
        let_readers_go(slow);
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

    if (slow->part != CATCHING_UP || slow->run->phase != PL_BENCH_WORKING)
        return;
    end(slow);
    pl_bench_run_finish(slow->run);
}

static double per_second(const struct seen *seen, int64_t end_us)
{
    int64_t us = end_us - seen->before.at_us;

    return us > 0 ? (double)seen->deliveries * 1e6 / (double)us : 0;
}

/* A figure of a part, its key and words with the part's own in front. */
struct naming {
    struct pl_bench_report *to_weak;
    const char *key, *words;
};

static void report_number(const struct naming *of, const char *key, const char *words, double value,
                          int decimals, const char *unit)
{
    char key_text[64], words_text[64];

    snprintf(key_text, sizeof key_text, "%s_%s", of->key, key);
    snprintf(words_text, sizeof words_text, "%s: %s", of->words, words);
    pl_bench_report_number(of->to_weak, key_text, words_text, value, decimals, unit);
}

static double percent(double part, double whole)
{
    return whole > 0 ? part * 100 / whole : 0;
}

static void report_part(const struct naming *of, const struct seen *seen)
{
    const struct pl_bench_sample *from = &seen->before, *to = &seen->after;
    char key[64], words[64];

    report_number(of, "messages", "messages", seen->messages, 0, "");
    report_number(of, "deliveries_per_second", "deliveries a second",
                  per_second(seen, seen->end_us), 0, "/s");
    snprintf(key, sizeof key, "%s_latency", of->key);
    snprintf(words, sizeof words, "%s: latency", of->words);
    pl_bench_report_latency(of->to_weak, key, words, &seen->latency);
    report_number(
        of, "generator_cpu_percent", "generator, of a processor",
        percent((to->self.cpu_s - from->self.cpu_s) * 1e6, (double)(to->at_us - from->at_us)), 0,
        "%");
    if (!from->has_server || !to->has_server)
        return;
    report_number(of, "server_cpu_s_per_million", "server's CPU a million",
                  (to->server.cpu_s - from->server.cpu_s) * 1e6 /
                      (seen->deliveries > 0 ? (double)seen->deliveries : 1),
                  3, "s");
    report_number(of, "server_rss_max", "server's memory, at most", (double)seen->rss_max, 0,
                  "bytes");
}

/* What the others noticed, in percent: 0 where nothing changed. */
static void report_change(const struct naming *of, const struct seen *from, const struct seen *to)
{
    double rate = per_second(from, from->end_us);
    double p99 = (double)pl_bench_histogram_at(&from->latency, 0.99);
    double rss = (double)from->rss_max;

    report_number(of, "deliveries_per_second_percent", "deliveries a second",
                  percent(per_second(to, to->end_us) - rate, rate), 1, "%");
    report_number(of, "latency_p99_percent", "latency, p99",
                  percent((double)pl_bench_histogram_at(&to->latency, 0.99) - p99, p99), 1, "%");
    if (from->before.has_server && to->after.has_server)
        report_number(of, "server_rss_percent", "server's memory, at most",
                      percent((double)to->rss_max - rss, rss), 1, "%");
}

static void report_after(const struct naming *of, const struct seen *seen)
{
    report_number(of, "seconds", "until they have all",
                  (double)(seen->after.at_us - seen->before.at_us) / 1e6, 3, "s");
    report_number(of, "deliveries", "deliveries", (double)seen->deliveries, 0, "");
    report_number(of, "deliveries_per_second", "deliveries a second",
                  per_second(seen, seen->after.at_us), 0, "/s");
    if (seen->after.has_server)
        report_number(of, "server_rss_max", "server's memory, at most", (double)seen->rss_max, 0,
                      "bytes");
}

static int report(const void *self)
{
    const struct slow *slow = self;
    const struct pl_bench_options *options = slow->options_weak;
    const struct seen *seen = slow->seen;
    struct pl_bench_report *to;
    int err = pl_bench_report_new(options->json, &to);

    if (err < 0)
        return err;
    const struct naming before = {to, "before", "all read"};
    const struct naming meanwhile = {to, "stopped", options->trickle > 0 ? "trickle" : "stopped"};
    const struct naming change = {to, "change", "change"};
    const struct naming after = {to, "after", "let go"};

    pl_bench_report_begin(to, slow->run, "slow");
    pl_bench_report_number(to, "subscribers", "subscribers", options->subscribers, 0, "");
    pl_bench_report_number(to, "readers",
                           options->trickle > 0 ? "of them, slow" : "of them, stopped",
                           options->readers, 0, "");
    pl_bench_report_number(to, "trickle", "that each read", options->trickle, 0, "bytes/s");
    pl_bench_report_number(to, "pause_s", "for", options->pause_s, 0, "s");
    pl_bench_report_number(to, "size", "size", options->size, 0, "bytes");
    report_part(&before, &seen[ALL_READ]);
    report_part(&meanwhile, &seen[SOME_SLOW]);
    report_number(&meanwhile, "readers_deliveries", "deliveries to the slow",
                  (double)seen[SOME_SLOW].slow, 0, "");
    report_change(&change, &seen[ALL_READ], &seen[SOME_SLOW]);
    report_after(&after, &seen[CATCHING_UP]);
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
    const struct pl_bench_load_config config = pl_bench_load_config_of(driver, options);
    int err;

    if (options->readers >= options->subscribers)
        return pl_bench_complain(PL_BENCH_EXIT_USAGE, "of %u subscribers, %u cannot stop reading",
                                 options->subscribers, options->readers);
    slow.options_weak = options;
    slow.pid = pl_bench_server_pid(options);
    err = pl_bench_run_new(driver, options, &shape, &run_ops, &slow.run);
    if (err == PL_OK)
        err = pl_bench_load_new(slow.run, &config, &load_ops, &slow.load);
    return pl_bench_run_end(err, slow.run, slow.load, report, &slow);
}

const struct pl_bench_command pl_bench_cmd_slow = {
    .name = "slow",
    .which = PL_BENCH_SLOW,
    .summary = "some subscribers stop reading, or nearly, beside others that do not",
    .text = "Sends messages to a room that all subscribers stream: for a time while all read,\n"
            "then for as long while some have stopped, or read at a trickle. Then these are\n"
            "let go, and must get everything. Every stream has a connection of its own, and is\n"
            "checked throughout.\n",
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

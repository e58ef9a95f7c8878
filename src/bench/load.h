/*
 * load.h - the messages of a run: when each is sent, and that all who should have it
 * get it, once, in order.
 *
 * Message g of all (0, 1, 2, …) is number g / P of publisher g % P, and goes to
 * channel (g / P) % K. Without a rate, W messages are under way at once: one is over
 * when every subscriber that counts has it (without subscribers: when it is
 * acknowledged). With a rate, message g is due at a time of its own, whatever
 * became of those before it, and latency counts from that time.
 *
 * Of every publisher and channel a subscriber must get numbers in order. Where the
 * server numbers a channel's messages, the numbers must have no hole, and be the
 * same for every subscriber and in the answer to the sender.
 */
#ifndef PL_BENCH_LOAD_H
#define PL_BENCH_LOAD_H

#include "bench/histogram.h"
#include "bench/pace.h"
#include "bench/payload.h"
#include "bench/recent.h"
#include "bench/run.h"

struct pl_bench_load_config {
    uint32_t warmup;   /* messages before those that are measured */
    uint32_t messages; /* measured */
    uint32_t in_flight;
    uint32_t rate; /* a second; 0: none */
    uint32_t size;
    uint32_t durability; /* what answers must say, at least */
    bool by_acks;        /* a message is over when it is acknowledged */
    bool closing;        /* one message more to each channel, by each publisher: had the
                          * last ones come twice, the second would come before it */
};

/* Called from the loop. Each may be NULL. */
struct pl_bench_load_ops {
    void *self;
    void (*on_measure)(void *self);   /* the warm-up is over, nothing is under way */
    void (*on_measured)(void *self);  /* the last measured message is over and acknowledged */
    void (*on_done)(void *self);      /* the last message is over and acknowledged */
    void (*on_held)(void *self);      /* after pl_bench_load_hold(): all begun are */
    void (*on_all)(void *self);       /* every subscriber, the ignored too, has every message */
    void (*on_read_back)(void *self); /* pl_bench_load_read_back() has found all */
};

/* What became of a message. */
struct pl_bench_message {
    uint64_t sequence; /* in its channel; 0 until known */
    int64_t time_us;   /* when it was sent, or due */
    uint32_t missing;  /* subscribers that have not got it */
    uint32_t place;    /* among the recent ones; 0: it was not kept */
    bool acknowledged;
    bool logged; /* was read back */
};

/* What a subscriber is due of one publisher and channel. */
struct pl_bench_load {
    struct pl_bench_run *run_weak;
    struct pl_bench_load_config config;
    struct pl_bench_load_ops ops;
    uint32_t measured_end; /* messages up to the last measured */
    uint32_t total;        /* closing ones and all */
    uint32_t publishers, channels;
    struct pl_bench_message *messages; /* total of them */
    uint32_t *next;                    /* by sub, publisher, channel: the number that is due */
    uint64_t *sequences;               /* by sub, channel: the last one; 0 before the first */
    bool *ignored;                     /* by sub: does not hold messages up */
    struct pl_bench_recent *recent;    /* messages that some subscriber has got */
    uint32_t counted;                  /* subs that do */
    uint32_t limit; /* messages that may be begun now: the warm-up's, the measured, or all */
    uint32_t begun, over, acknowledged;
    uint64_t delivered; /* in all, those of the warm-up too */
    uint64_t measured;  /* of those, of messages that are measured */
    struct pl_bench_histogram latency;
    struct pl_bench_pace *pace;
    int64_t start_us; /* measured messages begin */
    int64_t end_us;   /* the last is over */
    bool running, done;
    bool holding, held; /* nothing more is begun; and nothing is under way */
    char *payload;
    /* The first gap that was seen: it is a loss unless the missing come yet. */
    struct {
        bool open;
        uint32_t sub, publisher, channel, from, until, got;
        int64_t since_us;
    } gap;
};

/* Of message g, or of a publisher's number. */
static inline uint32_t pl_bench_load_publisher_of(const struct pl_bench_load *load, uint32_t g)
{
    return g % load->publishers;
}

static inline uint32_t pl_bench_load_number_of(const struct pl_bench_load *load, uint32_t g)
{
    return g / load->publishers;
}

static inline uint32_t pl_bench_load_channel_of(const struct pl_bench_load *load, uint32_t number)
{
    return number % load->channels;
}

/* Nobody sent that, or not to that channel. */
bool pl_bench_load_is_strange(const struct pl_bench_load *load,
                              const struct pl_bench_payload *payload, uint32_t channel);

int pl_bench_load_new(struct pl_bench_run *run, const struct pl_bench_load_config *config,
                      const struct pl_bench_load_ops *ops, struct pl_bench_load **ret_load);
void pl_bench_load_free(struct pl_bench_load *load); /* NULL is fine */

/* The subscriber does not hold messages up from now on; what it gets is still
 * checked. Before the start, or while held. */
void pl_bench_load_ignore(struct pl_bench_load *load, uint32_t sub);

/* Begins to publish. */
void pl_bench_load_start(struct pl_bench_load *load);

/* Begins no more messages, tells when those that are under way are over; then begins
 * more again, with an empty histogram. Without a rate only. */
void pl_bench_load_hold(struct pl_bench_load *load);
void pl_bench_load_go_on(struct pl_bench_load *load);

/* What was begun is all that there will be. While held. */
void pl_bench_load_end(struct pl_bench_load *load);

/* At the end of a turn: publishes what may be. */
void pl_bench_load_pump(struct pl_bench_load *load);

/* From time to time: finds what does not come. */
void pl_bench_load_tick(struct pl_bench_load *load);

/* After on_done: reads back what the server keeps, and checks that each acknowledged
 * message is there, once, as the sequence that its answer told, and that sequences
 * of one publisher in one channel rise with its numbers. Of a driver that can. */
void pl_bench_load_read_back(struct pl_bench_load *load);

/* Whether every subscriber, the ignored ones too, has everything. */
bool pl_bench_load_is_complete(const struct pl_bench_load *load);

/* The first thing that is missing, in a line for the user; PL_E_NOTFOUND where
 * nothing is. */
int pl_bench_load_missing(const struct pl_bench_load *load, char *text, size_t size);

#endif

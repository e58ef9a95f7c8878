/*
 * test_load.c - what is published when, and that each kind of fault is found.
 *
 * The driver only notes what it is asked; the test plays the server.
 */
#include "bench/load.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "bench/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SENT_LEN_MAX = 64, TEXT_SIZE = 48, PUBLISHERS = 2, CHANNELS = 2, SUBS = 2 };

struct sent {
    uint32_t publisher, channel, number;
    uint8_t text[TEXT_SIZE];
};

static struct sent sent[SENT_LEN_MAX];
static uint32_t sent_len;
static uint32_t measured, done, read_back;
static struct pl_bench_options options;
static struct pl_bench_run *run;
static struct pl_bench_load *load;

static int publish(void *conn, const struct pl_bench_send *send)
{
    (void)conn;
    assert_true(sent_len < SENT_LEN_MAX);
    assert_int_equal(send->payload.size, TEXT_SIZE);
    sent[sent_len].publisher = send->publisher;
    sent[sent_len].channel = send->channel;
    sent[sent_len].number = send->number;
    memcpy(sent[sent_len++].text, send->payload.data, TEXT_SIZE);
    return PL_OK;
}

static int read_nothing(void *self, struct pl_bench_conn *conn)
{
    (void)self;
    (void)conn;
    return PL_OK;
}

/* Numbers channels and answers, as parla does. */
static const struct pl_bench_driver numbering = {.name = "numbering",
                                                 .has_sequences = true,
                                                 .has_acks = true,
                                                 .publish = publish,
                                                 .read_back = read_nothing};

/* Does neither, as brokers do. */
static const struct pl_bench_driver plain = {.name = "plain", .publish = publish};

static void on_measure(void *self)
{
    (void)self;
    measured++;
}

static void on_done(void *self)
{
    (void)self;
    done++;
}

static void on_read_back(void *self)
{
    (void)self;
    read_back++;
}

static void begin(const struct pl_bench_driver *driver, const struct pl_bench_load_config *config,
                  const struct pl_bench_shape *shape)
{
    const struct pl_bench_load_ops ops = {
        .on_measure = on_measure, .on_done = on_done, .on_read_back = on_read_back};

    sent_len = measured = done = read_back = 0;
    memset(&options, 0, sizeof options);
    assert_int_equal(pl_bench_run_new(driver, &options, shape, NULL, &run), PL_OK);
    assert_false(run->failed);
    assert_int_equal(pl_bench_load_new(run, config, &ops, &load), PL_OK);
    pl_bench_load_start(load);
    pl_bench_load_pump(load);
}

/* Two of each, `messages` in a window of `in_flight`. */
static void begin_two(const struct pl_bench_driver *driver, uint32_t messages, uint32_t in_flight)
{
    const struct pl_bench_load_config config = {.messages = messages,
                                                .in_flight = in_flight,
                                                .size = TEXT_SIZE,
                                                .durability = PL_BENCH_DURABILITY_SYNCED};
    const struct pl_bench_shape shape = {
        .publishers = PUBLISHERS, .conns = 1, .subs = SUBS, .channels = CHANNELS};

    begin(driver, &config, &shape);
}

static int end(void **state)
{
    (void)state;
    pl_bench_load_free(load);
    pl_bench_run_free(run);
    load = NULL;
    run = NULL;
    return 0;
}

static void deliver_text(uint32_t sub, uint32_t channel, const void *text, size_t size,
                         uint64_t sequence)
{
    const struct pl_bench_delivery delivery = {
        .channel = channel, .sequence = sequence, .text = {text, size}};

    pl_bench_delivered(&run->subs[sub], &delivery);
}

/* Message g of all reaches a subscriber. */
static void deliver_as(uint32_t sub, uint32_t g, uint64_t sequence)
{
    deliver_text(sub, sent[g].channel, sent[g].text, TEXT_SIZE, sequence);
}

/* With the sequence that a server would give it which takes messages as they are
 * sent, and made its room with an event of its own: of every four messages, two go
 * to each channel. */
static uint64_t sequence_of(uint32_t g)
{
    return 2 + g / 4 * 2 + g % 2;
}

static void deliver(uint32_t sub, uint32_t g)
{
    deliver_as(sub, g, run->driver_weak->has_sequences ? sequence_of(g) : 0);
}

enum { WHOLE_SIZE = TEXT_SIZE + sizeof(uint64_t) };

/* The same as bytes that hold number and text: are they known from another subscriber? If
 * not, they are read. */
static bool deliver_bytes(uint32_t sub, uint32_t g, uint64_t sequence)
{
    struct pl_bench_delivery delivery = {.channel = sent[g].channel, .sequence = sequence};
    uint8_t whole[WHOLE_SIZE + 1] = {0};

    memcpy(whole, &sequence, sizeof sequence);
    memcpy(whole + sizeof sequence, sent[g].text, TEXT_SIZE);
    if (pl_bench_delivered_again(&run->subs[sub], (struct pl_bytes){whole, WHOLE_SIZE}, true) > 0)
        return true;
    delivery.whole = (struct pl_bytes){whole, WHOLE_SIZE};
    delivery.text = (struct pl_bytes){whole + sizeof sequence, TEXT_SIZE};
    pl_bench_delivered(&run->subs[sub], &delivery);
    return false;
}

static void acknowledge_as(uint32_t g, uint64_t sequence, enum pl_bench_durability durability)
{
    const struct pl_bench_ack ack = {.publisher = sent[g].publisher,
                                     .channel = sent[g].channel,
                                     .number = sent[g].number,
                                     .sequence = sequence,
                                     .durability = durability};

    pl_bench_acknowledged(run, &ack);
}

static void acknowledge(uint32_t g)
{
    acknowledge_as(g, sequence_of(g), PL_BENCH_DURABILITY_SYNCED);
}

static void assert_fine(void)
{
    if (run->failed)
        fail_msg("failed: %s", run->why);
}

static void assert_found(const char *text)
{
    assert_true(run->failed);
    assert_int_equal(run->status, PL_BENCH_EXIT_FAILED);
    if (strncmp(run->why, text, strlen(text)) != 0)
        fail_msg("it says: %s", run->why);
}

/* So much later, as the loop's timer would find it. */
static void pass(int64_t us)
{
    run->now_us += us;
    pl_bench_load_tick(load);
}

static void everything_to_everyone_in_order_is_fine(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    assert_int_equal(sent_len, 8);
    for (uint32_t g = 0; g < 8; g++) {
        acknowledge(g);
        for (uint32_t sub = 0; sub < SUBS; sub++)
            deliver(sub, g);
    }
    assert_fine();
    assert_int_equal(done, 1);
    assert_int_equal(load->measured, 16);
    assert_int_equal(load->latency.len, 16);
    assert_true(pl_bench_load_is_complete(load));
}

static void publishers_take_turns_and_channels_too(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    for (uint32_t g = 0; g < 8; g++) {
        assert_int_equal(sent[g].publisher, g % 2);
        assert_int_equal(sent[g].number, g / 2);
        assert_int_equal(sent[g].channel, g / 2 % 2);
    }
}

static void no_more_are_under_way_than_asked_for(void **state)
{
    (void)state;
    begin_two(&plain, 8, 2);
    assert_int_equal(sent_len, 2);
    deliver(0, 0);
    pl_bench_load_pump(load);
    assert_int_equal(sent_len, 2); /* the other one has not got it */
    deliver(1, 0);
    pl_bench_load_pump(load);
    assert_int_equal(sent_len, 3);
    assert_fine();
}

static void who_is_ignored_holds_nothing_up_but_is_checked(void **state)
{
    const struct pl_bench_load_config config = {.messages = 4, .in_flight = 1, .size = TEXT_SIZE};
    const struct pl_bench_shape shape = {.publishers = 1, .conns = 1, .subs = 2, .channels = 1};
    const struct pl_bench_load_ops ops = {.on_done = on_done};

    (void)state;
    sent_len = done = 0;
    memset(&options, 0, sizeof options);
    assert_int_equal(pl_bench_run_new(&plain, &options, &shape, NULL, &run), PL_OK);
    assert_int_equal(pl_bench_load_new(run, &config, &ops, &load), PL_OK);
    pl_bench_load_ignore(load, 1);
    pl_bench_load_start(load);
    for (uint32_t g = 0; g < 4; g++) {
        pl_bench_load_pump(load);
        deliver(0, g);
    }
    assert_int_equal(done, 1);
    assert_false(pl_bench_load_is_complete(load));
    deliver(1, 0);
    assert_fine();
    deliver(1, 0);
    assert_found("doubled: subscriber 1 got message 0");
}

static void a_warm_up_is_checked_but_not_measured(void **state)
{
    const struct pl_bench_load_config config = {
        .warmup = 2, .messages = 3, .in_flight = 8, .size = TEXT_SIZE};
    const struct pl_bench_shape shape = {.publishers = 1, .conns = 1, .subs = 1, .channels = 1};

    (void)state;
    begin(&plain, &config, &shape);
    assert_int_equal(sent_len, 2);
    assert_int_equal(measured, 0);
    deliver(0, 0);
    deliver(0, 1);
    assert_int_equal(measured, 1);
    assert_int_equal(load->measured, 0);
    pl_bench_load_pump(load);
    assert_int_equal(sent_len, 5);
    for (uint32_t g = 2; g < 5; g++)
        deliver(0, g);
    assert_fine();
    assert_int_equal(done, 1);
    assert_int_equal(load->measured, 3);
    assert_int_equal(load->latency.len, 3);
}

static void latency_counts_from_when_a_message_was_due(void **state)
{
    const struct pl_bench_load_config config = {.messages = 2, .rate = 1000000, .size = TEXT_SIZE};
    const struct pl_bench_shape shape = {.publishers = 1, .conns = 1, .subs = 1, .channels = 1};

    (void)state;
    begin(&plain, &config, &shape);
    while (sent_len < 2)
        pl_bench_load_pump(load);
    run->now_us = pl_bench_pace_due_us(load->pace, 0) + 1000;
    deliver(0, 0);
    assert_int_equal(load->latency.max, 1000);
    run->now_us = pl_bench_pace_due_us(load->pace, 1) + 70000;
    deliver(0, 1);
    assert_int_equal(load->latency.max, 70000);
    assert_fine();
}

static void closing_messages_show_that_the_last_did_not_come_twice(void **state)
{
    const struct pl_bench_load_config config = {
        .messages = 4, .in_flight = 8, .size = TEXT_SIZE, .closing = true};
    const struct pl_bench_shape shape = {
        .publishers = PUBLISHERS, .conns = 1, .subs = 1, .channels = CHANNELS};

    (void)state;
    begin(&plain, &config, &shape);
    assert_int_equal(sent_len, 4);
    for (uint32_t g = 0; g < 4; g++)
        deliver(0, g);
    assert_int_equal(done, 0);
    pl_bench_load_pump(load);
    assert_int_equal(sent_len, 8);
    deliver(0, 4);
    deliver(0, 5);
    deliver(0, 6);
    assert_fine();
    deliver(0, 3);
    assert_found("doubled: subscriber 0 got message 1 of publisher 1");
    assert_int_equal(done, 0);
    assert_int_equal(load->measured, 4);
}

static void a_message_that_never_comes_is_lost(void **state)
{
    char text[PL_BENCH_WHY_SIZE];

    (void)state;
    begin_two(&plain, 4, 4);
    for (uint32_t g = 0; g < 4; g++)
        deliver(0, g);
    for (uint32_t g = 0; g < 3; g++)
        deliver(1, g);
    assert_fine();
    assert_int_equal(done, 0);
    assert_int_equal(pl_bench_load_missing(load, text, sizeof text), PL_OK);
    assert_non_null(strstr(text, "lost: subscriber 1 did not get message 1 of publisher 1"));
}

static void a_hole_before_another_message_is_a_loss(void **state)
{
    (void)state;
    begin_two(&plain, 12, 12);
    deliver(1, 0);
    deliver(1, 8); /* number 4, without number 2 */
    pass(1);
    assert_fine();
    pass(1000 * 1000);
    assert_found("lost: subscriber 1 did not get message 2 of publisher 0 in pb-");
    assert_non_null(strstr(run->why, ", but message 4"));
}

static void nothing_more_is_sent_once_there_is_a_hole(void **state)
{
    (void)state;
    begin_two(&plain, 20, 12);
    deliver(1, 8);
    for (uint32_t sub = 0; sub < SUBS; sub++)
        deliver(sub, 1);
    pl_bench_load_pump(load);
    assert_int_equal(sent_len, 12);
}

static void a_hole_that_is_filled_later_is_a_change_of_order(void **state)
{
    (void)state;
    begin_two(&plain, 12, 12);
    deliver(1, 0);
    deliver(1, 8);
    deliver(1, 4);
    assert_found("reordered: subscriber 1 got message 2 of publisher 0 in pb-");
    assert_non_null(strstr(run->why, "after message 4"));
}

static void a_message_that_comes_again_is_doubled(void **state)
{
    (void)state;
    begin_two(&plain, 8, 8);
    deliver(0, 0);
    deliver(0, 4);
    deliver(0, 0);
    assert_found("doubled: subscriber 0 got message 0 of publisher 0 in pb-");
}

static void what_nobody_sent_is_found(void **state)
{
    static const char garbage[TEXT_SIZE + 1] = "this is no such text, and it never was one......";
    struct pl_bench_payload payload;
    char text[TEXT_SIZE];

    (void)state;
    for (int i = 0; i < 7; i++) {
        uint32_t channel = 0;
        size_t size = sizeof text;

        begin_two(&plain, 8, 4);
        assert_true(pl_bench_payload_read((struct pl_bytes){sent[0].text, TEXT_SIZE}, &payload));
        payload.run += i == 0;
        payload.number = i == 1 ? 2 : 0; /* of a message that is not sent yet */
        payload.publisher = i == 2 ? PUBLISHERS : 0;
        payload.channel = i == 3 ? CHANNELS : 0;
        payload.number = i == 4 ? 1 : payload.number; /* which goes to the other channel */
        channel = i == 5 ? 1 : payload.channel;
        size -= i == 6;
        pl_bench_payload_write(&payload, text, size);
        deliver_text(0, channel, text, size, 0);
        assert_found("wrong: subscriber 0 got a message that was not sent to it");
        end(NULL);
    }
    begin_two(&plain, 8, 4);
    deliver_text(0, UINT32_MAX, sent[0].text, TEXT_SIZE, 0);
    assert_found("wrong: ");
    end(NULL);
    begin_two(&plain, 8, 4);
    deliver_text(0, 0, garbage, TEXT_SIZE, 0);
    assert_found("wrong: ");
}

static void a_hole_in_sequences_is_found(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_as(0, 0, 2);
    deliver_as(0, 1, 4);
    assert_found("lost: subscriber 0 got sequence 4 of pb-");
}

static void a_sequence_that_does_not_rise_is_found(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_as(0, 0, 2);
    deliver_as(0, 1, 2);
    assert_found("doubled or reordered: subscriber 0 got sequence 2 of pb-");
}

static void subscribers_must_agree_on_sequences(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_as(0, 0, 2);
    deliver_as(1, 0, 3);
    assert_found("wrong: subscriber 1 got message 0 of publisher 0 as sequence 3 of pb-");
}

static void an_answer_must_tell_the_sequence_that_subscribers_have(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_as(0, 0, 2);
    acknowledge_as(0, 5, PL_BENCH_DURABILITY_SYNCED);
    assert_found("wrong: message 0 of publisher 0 is acknowledged as sequence 5 of pb-");
}

static void an_answer_that_is_less_safe_than_asked_for_is_found(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    acknowledge_as(0, 2, PL_BENCH_DURABILITY_REPLICATED);
    assert_fine();
    acknowledge_as(1, 3, PL_BENCH_DURABILITY_WRITTEN);
    assert_found("wrong: message 0 of publisher 1 is acknowledged, but less safe");
}

static void an_answer_for_which_nobody_waits_is_found(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 4);
    acknowledge(0);
    acknowledge(0);
    assert_found("wrong: an answer to message 0 of publisher 0");
    end(NULL);
    begin_two(&numbering, 8, 4);
    sent[0].number = 100;
    acknowledge(0);
    assert_found("wrong: an answer to message 100 of publisher 0");
}

static void a_message_that_is_not_answered_is_missed(void **state)
{
    char text[PL_BENCH_WHY_SIZE];

    (void)state;
    begin_two(&numbering, 2, 2);
    acknowledge(0);
    for (uint32_t g = 0; g < 2; g++) {
        deliver(0, g);
        deliver(1, g);
    }
    assert_fine();
    assert_int_equal(done, 0);
    assert_int_equal(pl_bench_load_missing(load, text, sizeof text), PL_OK);
    assert_string_equal(text, "lost: message 0 of publisher 1 was not answered");
}

/* Three messages of one publisher, answered as sequences 2, 3, 4. */
static void begin_acks(void)
{
    const struct pl_bench_load_config config = {
        .messages = 3, .in_flight = 1, .size = TEXT_SIZE, .by_acks = true};
    const struct pl_bench_shape shape = {.publishers = 1, .channels = 1};

    begin(&numbering, &config, &shape);
    for (uint32_t g = 0; g < 3; g++) {
        assert_int_equal(sent_len, g + 1);
        acknowledge_as(g, g + 2, PL_BENCH_DURABILITY_SYNCED);
        pl_bench_load_pump(load);
    }
    assert_fine();
    assert_int_equal(done, 1);
    assert_int_equal(load->latency.len, 3);
    pl_bench_load_read_back(load);
}

static void log_as(uint32_t g, uint64_t sequence)
{
    pl_bench_logged(run, 0, (struct pl_bytes){sent[g].text, TEXT_SIZE}, sequence);
}

static void a_log_that_holds_all_is_fine(void **state)
{
    (void)state;
    begin_acks();
    for (uint32_t g = 0; g < 3; g++)
        log_as(g, g + 2);
    pl_bench_read_back(run);
    assert_fine();
    assert_int_equal(read_back, 1);
}

static void a_log_that_lacks_one_is_found(void **state)
{
    (void)state;
    begin_acks();
    log_as(0, 2);
    log_as(2, 4);
    pl_bench_read_back(run);
    assert_found("lost: message 1 of publisher 0 was acknowledged as sequence 3 of pb-");
    assert_int_equal(read_back, 0);
}

static void a_log_that_holds_one_twice_is_found(void **state)
{
    (void)state;
    begin_acks();
    log_as(0, 2);
    log_as(0, 2);
    assert_found("doubled: pb-");
}

static void a_log_that_holds_one_elsewhere_is_found(void **state)
{
    (void)state;
    begin_acks();
    log_as(0, 3);
    assert_found("wrong: message 0 of publisher 0 was acknowledged as sequence 2 of pb-");
}

static void a_log_that_holds_what_was_not_sent_is_found(void **state)
{
    (void)state;
    begin_acks();
    sent[0].text[0] = 'z';
    log_as(0, 2);
    assert_found("wrong: pb-");
}

static void sends_that_took_effect_in_another_order_are_found(void **state)
{
    const struct pl_bench_load_config config = {
        .messages = 2, .in_flight = 2, .size = TEXT_SIZE, .by_acks = true};
    const struct pl_bench_shape shape = {.publishers = 1, .channels = 1};

    (void)state;
    begin(&numbering, &config, &shape);
    acknowledge_as(0, 3, PL_BENCH_DURABILITY_SYNCED);
    acknowledge_as(1, 2, PL_BENCH_DURABILITY_SYNCED);
    pl_bench_load_read_back(load);
    log_as(1, 2);
    log_as(0, 3);
    pl_bench_read_back(run);
    assert_found("reordered: message 1 of publisher 0 is sequence 2 of pb-");
}

static void what_another_subscriber_got_is_known_and_counts(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    for (uint32_t g = 0; g < 8; g++) {
        acknowledge(g);
        assert_false(deliver_bytes(0, g, sequence_of(g)));
    }
    assert_int_equal(done, 0);
    for (uint32_t g = 0; g < 8; g++)
        assert_true(deliver_bytes(1, g, sequence_of(g)));
    assert_fine();
    assert_int_equal(done, 1);
    assert_int_equal(load->measured, 16);
    assert_int_equal(load->latency.len, 16);
    assert_true(pl_bench_load_is_complete(load));
}

static void subscribers_may_get_publishers_messages_in_orders_of_their_own(void **state)
{
    static const uint32_t orders[SUBS][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 5, 2, 4, 7, 6}};

    (void)state;
    begin_two(&plain, 8, 8);
    for (uint32_t sub = 0; sub < SUBS; sub++)
        for (uint32_t i = 0; i < 8; i++)
            deliver_bytes(sub, orders[sub][i], 0);
    assert_fine();
    assert_int_equal(done, 1);
    assert_true(pl_bench_load_is_complete(load));
}

static void a_known_message_that_comes_again_is_doubled(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_bytes(0, 0, 2);
    assert_true(deliver_bytes(1, 0, 2));
    deliver_bytes(1, 0, 2);
    assert_found("doubled: subscriber 1 got message 0 of publisher 0 in pb-");
}

static void a_known_message_after_a_hole_is_a_loss(void **state)
{
    (void)state;
    begin_two(&plain, 12, 12);
    deliver_bytes(0, 0, 0);
    deliver_bytes(0, 4, 0);
    deliver_bytes(0, 8, 0);
    assert_true(deliver_bytes(1, 0, 0));
    assert_false(deliver_bytes(1, 8, 0));
    pass(1000 * 1000);
    assert_found("lost: subscriber 1 did not get message 2 of publisher 0 in pb-");
}

/* The one who got it first has the hole too; the second's is not taken for granted. */
static void a_hole_that_both_have_is_a_loss_to_each(void **state)
{
    char text[PL_BENCH_WHY_SIZE];

    (void)state;
    begin_two(&plain, 12, 12);
    deliver_bytes(0, 0, 0);
    deliver_bytes(0, 8, 0);
    assert_true(deliver_bytes(1, 0, 0));
    load->gap.open = false;
    assert_true(deliver_bytes(1, 8, 0));
    assert_true(load->gap.open);
    assert_int_equal(load->gap.sub, 1);
    assert_int_equal(load->gap.from, 2);
    assert_int_equal(pl_bench_load_missing(load, text, sizeof text), PL_OK);
}

static void a_message_that_differs_in_its_sequence_is_not_known(void **state)
{
    (void)state;
    begin_two(&numbering, 8, 8);
    deliver_bytes(0, 0, 2);
    assert_false(deliver_bytes(1, 0, 3));
    assert_found("wrong: subscriber 1 got message 0 of publisher 0 as sequence 3 of pb-");
}

static void a_message_that_differs_in_its_text_is_not_known(void **state)
{
    (void)state;
    begin_two(&plain, 8, 8);
    deliver_bytes(0, 0, 0);
    sent[0].text[TEXT_SIZE - 1] = 'x';
    assert_false(deliver_bytes(1, 0, 0));
    assert_found("wrong: subscriber 1 got a message that was not sent to it");
}

static void want_of_memory_leaves_nothing_behind(void **state)
{
    const struct pl_bench_load_config config = {
        .messages = 4, .in_flight = 1, .rate = 10, .size = TEXT_SIZE};
    const struct pl_bench_shape shape = {.publishers = 1, .conns = 1, .subs = 1, .channels = 1};
    const struct pl_bench_load_ops ops = {0};
    int failed = 1;

    (void)state;
    memset(&options, 0, sizeof options);
    for (uint64_t nth = 1; failed; nth++) {
        int err;

        pl_mem_fail_at(nth);
        err = pl_bench_run_new(&plain, &options, &shape, NULL, &run);
        if (err == PL_OK)
            err = pl_bench_load_new(run, &config, &ops, &load);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(err, failed ? PL_E_NOMEM : PL_OK);
        end(NULL);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everything_to_everyone_in_order_is_fine),
        TEST(publishers_take_turns_and_channels_too),
        TEST(no_more_are_under_way_than_asked_for),
        TEST(who_is_ignored_holds_nothing_up_but_is_checked),
        TEST(a_warm_up_is_checked_but_not_measured),
        TEST(latency_counts_from_when_a_message_was_due),
        TEST(closing_messages_show_that_the_last_did_not_come_twice),
        TEST(a_message_that_never_comes_is_lost),
        TEST(a_hole_before_another_message_is_a_loss),
        TEST(nothing_more_is_sent_once_there_is_a_hole),
        TEST(a_hole_that_is_filled_later_is_a_change_of_order),
        TEST(a_message_that_comes_again_is_doubled),
        TEST(what_nobody_sent_is_found),
        TEST(a_hole_in_sequences_is_found),
        TEST(a_sequence_that_does_not_rise_is_found),
        TEST(subscribers_must_agree_on_sequences),
        TEST(an_answer_must_tell_the_sequence_that_subscribers_have),
        TEST(an_answer_that_is_less_safe_than_asked_for_is_found),
        TEST(an_answer_for_which_nobody_waits_is_found),
        TEST(a_message_that_is_not_answered_is_missed),
        TEST(a_log_that_holds_all_is_fine),
        TEST(a_log_that_lacks_one_is_found),
        TEST(a_log_that_holds_one_twice_is_found),
        TEST(a_log_that_holds_one_elsewhere_is_found),
        TEST(a_log_that_holds_what_was_not_sent_is_found),
        TEST(sends_that_took_effect_in_another_order_are_found),
        TEST(what_another_subscriber_got_is_known_and_counts),
        TEST(subscribers_may_get_publishers_messages_in_orders_of_their_own),
        TEST(a_known_message_that_comes_again_is_doubled),
        TEST(a_known_message_after_a_hole_is_a_loss),
        TEST(a_hole_that_both_have_is_a_loss_to_each),
        TEST(a_message_that_differs_in_its_sequence_is_not_known),
        TEST(a_message_that_differs_in_its_text_is_not_known),
        TEST(want_of_memory_leaves_nothing_behind),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

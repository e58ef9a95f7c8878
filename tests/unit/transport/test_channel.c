/* test_channel.c - when a channel connects, and what follows of a loss. */
#include "bench.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct bench *bench = pl_zalloc(sizeof *bench);

    bench_init(bench, true);
    *state = bench;
    return 0;
}

static int setup_alone(void **state)
{
    struct bench *bench = pl_zalloc(sizeof *bench);

    bench_init(bench, false);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    bench_done(*state);
    pl_free(*state);
    return 0;
}

static void assert_states(const struct bench *bench, const enum pl_channel_state *states,
                          size_t len)
{
    assert_true(bench->states_len >= len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(bench->states[i], states[i]);
}

static void answer(struct peer *peer, int32_t stream_id)
{
    peer_answer(peer, stream_id);
}

static void stop_when_first_closed(struct bench *bench)
{
    if (bench_all_closed(bench, 1))
        bench_stop(bench);
}

static void a_call_makes_the_connection_that_it_needs(void **state)
{
    static const enum pl_channel_state states[] = {PL_CHANNEL_CONNECTING, PL_CHANNEL_READY};
    struct bench *bench = *state;

    bench_open(bench);
    assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_IDLE);
    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_call(bench, 0, NULL);
    assert_int_equal(pl_channel_calls_len(bench->channel), 1);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->callers[0].messages, 1);
    assert_int_equal(bench->peers_len, 1);
    assert_int_equal(pl_channel_calls_len(bench->channel), 0);
    assert_true(raw_has_field(&bench->peers[0]->raw, 1, ":path: /test.Kinds/Echo"));
    assert_states(bench, states, 2);
}

static void stop_when_ready(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_READY)
        bench_stop(bench);
}

static void an_idle_channel_connects_when_it_is_told(void **state)
{
    struct bench *bench = *state;

    bench_open(bench);
    bench->on_state = stop_when_ready;
    pl_channel_connect(bench->channel);
    assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_CONNECTING);
    assert_int_equal(bench->states_len, 0); /* not from inside the call */
    bench_run(bench);
    assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_READY);
}

/* The pause that the channel has planned after its last try. */
static int64_t planned_ms(const struct bench *bench)
{
    return bench->channel->again_ms - bench->channel->begun_ms;
}

static void count_pauses(struct bench *bench, enum pl_channel_state state)
{
    static const int64_t steps[] = {10, 16, 26, 40, 40};

    if (state != PL_CHANNEL_TRANSIENT_FAILURE)
        return;
    assert_int_equal(planned_ms(bench), steps[bench->count]);
    assert_true(pl_channel_retry_ms(bench->channel) <= steps[bench->count]);
    assert_string_equal(pl_channel_why(bench->channel), "connection refused");
    assert_false(pl_channel_was_answered(bench->channel));
    bench->count++;
    if (bench->count == sizeof steps / sizeof steps[0])
        bench_stop(bench);
}

static void pauses_between_tries_grow_to_their_maximum(void **state)
{
    static const enum pl_channel_state states[] = {
        PL_CHANNEL_CONNECTING, PL_CHANNEL_TRANSIENT_FAILURE, PL_CHANNEL_CONNECTING,
        PL_CHANNEL_TRANSIENT_FAILURE};
    struct bench *bench = *state;

    bench->config.stay_connected = true;
    bench->config.backoff_max_ms = 40;
    bench->on_state = count_pauses;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_int_equal(bench->count, 5);
    assert_states(bench, states, 4);
}

static void stop_at_failure(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_TRANSIENT_FAILURE)
        bench_stop(bench);
}

static void jitter_is_a_fifth_each_way(void **state)
{
    static const struct {
        uint32_t random;
        int64_t pause;
    } cases[] = {{0, 800}, {UINT32_MAX, 1200}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench *bench = pl_zalloc(sizeof *bench);

        bench_init(bench, false);
        bench->random = cases[i].random;
        bench->config.backoff_base_ms = PL_BACKOFF_BASE_MS;
        bench->on_state = stop_at_failure;
        bench_open(bench);
        pl_channel_connect(bench->channel);
        bench_run(bench);
        assert_int_equal(planned_ms(bench), cases[i].pause);
        bench_done(bench);
        pl_free(bench);
    }
}

static void a_server_may_name_a_longer_pause(void **state)
{
    struct bench *bench = *state;

    bench->on_state = stop_at_failure;
    bench_open(bench);
    pl_channel_wait_at_least(bench->channel, 5000);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_true(planned_ms(bench) >= 5000);
}

static void rest_after_failure(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_IDLE)
        bench_stop(bench);
}

static void without_calls_a_failed_channel_comes_to_rest(void **state)
{
    static const enum pl_channel_state states[] = {PL_CHANNEL_CONNECTING,
                                                   PL_CHANNEL_TRANSIENT_FAILURE, PL_CHANNEL_IDLE};
    struct bench *bench = *state;

    bench->on_state = rest_after_failure;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_states(bench, states, 3);
}

/* A connection that is lost after the server's SETTINGS: the pause is the first one
 * again, whatever was before. */
static void lose_first(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_READY && bench->count++ == 0) {
        bench->channel->backoff.step_ms = 5000; /* as after many failures */
        peer_hang_up(bench->peers[0]);
    } else if (state == PL_CHANNEL_READY) {
        bench_stop(bench);
    } else if (state == PL_CHANNEL_TRANSIENT_FAILURE) {
        assert_string_equal(pl_channel_why(bench->channel), "the server closed the connection");
        assert_true(pl_channel_was_answered(bench->channel));
        assert_true(pl_channel_retry_ms(bench->channel) <= 10);
    }
}

static void a_lost_connection_is_made_again(void **state)
{
    static const enum pl_channel_state states[] = {PL_CHANNEL_CONNECTING, PL_CHANNEL_READY,
                                                   PL_CHANNEL_TRANSIENT_FAILURE,
                                                   PL_CHANNEL_CONNECTING, PL_CHANNEL_READY};
    struct bench *bench = *state;

    bench->config.stay_connected = true;
    bench->on_state = lose_first;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_states(bench, states, 5);
    assert_int_equal(bench->peers_len, 2);
}

static void break_when_ready(struct bench *bench, enum pl_channel_state state)
{
    static const int64_t steps[] = {10, 16, 26};

    if (state == PL_CHANNEL_READY) {
        pl_channel_break(bench->channel, "nonsense");
    } else if (state == PL_CHANNEL_TRANSIENT_FAILURE) {
        assert_string_equal(pl_channel_why(bench->channel), "nonsense");
        assert_int_equal(pl_channel_retry_ms(bench->channel), steps[bench->count]);
        if (++bench->count == 3)
            bench_stop(bench);
    }
}

static void pauses_grow_where_the_owner_gives_each_connection_up(void **state)
{
    struct bench *bench = *state;

    bench->config.stay_connected = true;
    bench->on_state = break_when_ready;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_int_equal(bench->count, 3);
}

static void say_nothing(struct peer *peer)
{
    (void)peer;
}

static void a_server_that_says_nothing_is_not_waited_for_for_ever(void **state)
{
    struct bench *bench = *state;

    bench->config.connect_ms = 20;
    bench->on_accept = say_nothing;
    bench->on_state = stop_at_failure;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_string_equal(pl_channel_why(bench->channel), "no answer");
    assert_true(pl_channel_was_answered(bench->channel));
}

static void speak_tls(struct peer *peer)
{
    peer_bytes(peer, "\x15\x03\x01");
}

static void speak_http1(struct peer *peer)
{
    peer_bytes(peer, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void speak_nonsense(struct peer *peer)
{
    peer_bytes(peer, "220 mail.example ESMTP\r\n");
}

static void turn_away(struct peer *peer)
{
    raw_frame(&peer->raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    peer_goaway(peer, 0, "this port speaks TLS");
}

static void hang_up(struct peer *peer)
{
    peer_hang_up(peer);
}

static void a_server_of_another_kind_is_told_by_what_it_says(void **state)
{
    static const struct {
        void (*on_accept)(struct peer *peer);
        const char *why;
    } cases[] = {
        {speak_tls, "the server speaks TLS: use grpcs://"},
        {speak_http1, "the server speaks HTTP/1, not gRPC"},
        {speak_nonsense, "the server does not speak gRPC"},
        {hang_up, "the server closed the connection at once; if it speaks TLS, use grpcs://"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench *bench = pl_zalloc(sizeof *bench);

        bench_init(bench, true);
        bench->on_accept = cases[i].on_accept;
        bench->on_state = stop_at_failure;
        bench_open(bench);
        pl_channel_connect(bench->channel);
        bench_run(bench);
        assert_string_equal(pl_channel_why(bench->channel), cases[i].why);
        bench_done(bench);
        pl_free(bench);
    }
}

static void a_server_that_turns_away_is_not_ready(void **state)
{
    struct bench *bench = *state;

    bench->config.backoff_base_ms = 100000;
    bench->on_accept = turn_away;
    bench->on_state = stop_at_failure;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_int_equal(bench->states_len, 2);
    assert_true(pl_channel_was_answered(bench->channel));
    assert_non_null(strstr(pl_channel_why(bench->channel), "this port speaks TLS"));
}

/* Two calls: the first is under way when the server says GOAWAY, the second comes
 * after it; then the first is answered. */
static void drain_first(struct peer *peer, int32_t stream_id)
{
    struct bench *bench = peer->bench_weak;

    if (bench->peers_len == 1) {
        bench->channel->begun_ms -= 1000; /* it has lasted */
        peer_goaway(peer, stream_id, "");
    } else {
        peer_answer(peer, stream_id);
        peer_answer(bench->peers[0], 1);
    }
}

static void call_again_while_draining(struct bench *bench)
{
    if (bench->step == 0 && bench->channel->conn != NULL && bench->peers_len == 2) {
        bench->step = 1;
        assert_int_equal(bench->callers[0].closed, 0);
        bench_call(bench, 1, NULL);
    }
    if (bench->step == 1 && bench_all_closed(bench, 2) && bench->peers[0]->ended)
        bench_stop(bench);
}

static void a_draining_connection_keeps_its_calls_and_gets_no_new_ones(void **state)
{
    static const enum pl_channel_state states[] = {PL_CHANNEL_CONNECTING, PL_CHANNEL_READY,
                                                   PL_CHANNEL_CONNECTING, PL_CHANNEL_READY};
    struct bench *bench = *state;

    bench->config.stay_connected = true;
    bench->on_request = drain_first;
    bench->on_turn = call_again_while_draining;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->callers[1].code, PL_CODE_OK);
    assert_int_equal(bench->peers_len, 2);
    assert_null(raw_find(&bench->peers[0]->raw, NGHTTP2_HEADERS, 3));
    assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_READY);
    assert_states(bench, states, 4);
}

static void goaway_when_ready(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_READY) {
        peer_goaway(bench->peers[bench->peers_len - 1], 0, "");
    } else if (state == PL_CHANNEL_TRANSIENT_FAILURE) {
        assert_string_equal(pl_channel_why(bench->channel), "the server is stopping");
        assert_int_equal(planned_ms(bench), 100000);
        bench_stop(bench);
    }
}

static void a_server_that_always_says_goaway_is_not_asked_without_a_pause(void **state)
{
    struct bench *bench = *state;

    bench->config.stay_connected = true;
    bench->config.backoff_base_ms = 100000;
    bench->on_state = goaway_when_ready;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
}

static void drain_unused(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_READY) {
        bench->channel->begun_ms -= 1000;
        peer_goaway(bench->peers[0], 0, "");
    } else if (state == PL_CHANNEL_IDLE) {
        bench_stop(bench);
    }
}

static void a_drained_channel_without_calls_comes_to_rest(void **state)
{
    static const enum pl_channel_state states[] = {PL_CHANNEL_CONNECTING, PL_CHANNEL_READY,
                                                   PL_CHANNEL_IDLE};
    struct bench *bench = *state;

    bench->on_state = drain_unused;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_states(bench, states, 3);
    assert_int_equal(bench->peers_len, 1);
}

static void stop_when_idle(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_READY)
        bench->channel->used_ms -= 60000;
    if (state == PL_CHANNEL_IDLE)
        bench_stop(bench);
}

static void a_connection_that_nobody_uses_is_closed(void **state)
{
    struct bench *bench = *state;

    bench->config.idle_ms = 60000;
    bench->on_state = stop_when_idle;
    bench_open(bench);
    pl_channel_connect(bench->channel);
    bench_run(bench);
    assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_IDLE);
}

/* The owner may flush at the end of each turn, and then need not wait for it. */
static void flush_each_turn(struct bench *bench)
{
    pl_channel_flush(bench->channel);
    if (bench_all_closed(bench, 1))
        bench_stop(bench);
}

static void the_owner_may_flush_at_the_end_of_each_turn(void **state)
{
    struct bench *bench = *state;

    bench_open(bench);
    bench->on_request = answer;
    bench->on_turn = flush_each_turn;
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
}

static void making_a_channel_survives_want_of_memory(void **state)
{
    struct bench *bench = *state;
    struct pl_channel_ops ops = {0};

    for (uint64_t nth = 1;; nth++) {
        struct pl_channel *channel = NULL;
        bool failed;
        int err;

        pl_mem_fail_at(nth);
        err = pl_channel_new(bench->loop, &bench->config, &ops, &channel);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(err, failed ? PL_E_NOMEM : PL_OK);
        assert_true(failed == (channel == NULL));
        pl_channel_free(channel);
        if (!failed)
            break;
    }
}

static void want_of_memory_while_connecting_is_a_failure_like_another(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct bench *bench = pl_zalloc(sizeof *bench);
        bool failed;

        bench_init(bench, true);
        bench_open(bench);
        pl_mem_fail_at(nth);
        pl_channel_connect(bench->channel);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        if (failed)
            assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_TRANSIENT_FAILURE);
        else
            assert_int_equal(pl_channel_state(bench->channel), PL_CHANNEL_CONNECTING);
        bench_done(bench);
        pl_free(bench);
        if (!failed)
            break;
    }
}

#define TEST(name)       cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_makes_the_connection_that_it_needs),
        TEST(an_idle_channel_connects_when_it_is_told),
        TEST_ALONE(pauses_between_tries_grow_to_their_maximum),
        cmocka_unit_test(jitter_is_a_fifth_each_way),
        TEST_ALONE(a_server_may_name_a_longer_pause),
        TEST_ALONE(without_calls_a_failed_channel_comes_to_rest),
        TEST(a_lost_connection_is_made_again),
        TEST(pauses_grow_where_the_owner_gives_each_connection_up),
        TEST(a_server_that_says_nothing_is_not_waited_for_for_ever),
        cmocka_unit_test(a_server_of_another_kind_is_told_by_what_it_says),
        TEST(a_server_that_turns_away_is_not_ready),
        TEST(a_draining_connection_keeps_its_calls_and_gets_no_new_ones),
        TEST(a_server_that_always_says_goaway_is_not_asked_without_a_pause),
        TEST(a_drained_channel_without_calls_comes_to_rest),
        TEST(a_connection_that_nobody_uses_is_closed),
        TEST(the_owner_may_flush_at_the_end_of_each_turn),
        TEST(making_a_channel_survives_want_of_memory),
        cmocka_unit_test(want_of_memory_while_connecting_is_a_failure_like_another),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_channel_call.c - calls that wait, fail, and are tried again. */
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

static void answer(struct peer *peer, int32_t stream_id)
{
    peer_answer(peer, stream_id);
}

static void stop_when_first_closed(struct bench *bench)
{
    if (bench_all_closed(bench, 1))
        bench_stop(bench);
}

static void a_call_fails_fast_and_says_what_is_wrong(void **state)
{
    struct bench *bench = *state;
    char expected[128];

    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    snprintf(expected, sizeof expected, "connecting to 127.0.0.1:%u: connection refused",
             (unsigned)bench->address.port);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_string_equal(bench->callers[0].text, expected);
    assert_false(bench->callers[0].processed);
}

static void call_while_failing(struct bench *bench, enum pl_channel_state state)
{
    if (state != PL_CHANNEL_TRANSIENT_FAILURE)
        return;
    assert_int_equal(bench->callers[0].closed, 1); /* before the state is told */
    if (bench->step++ == 0)
        bench_call(bench, 1, NULL);
}

static void stop_when_second_closed(struct bench *bench)
{
    if (bench_all_closed(bench, 2))
        bench_stop(bench);
}

static void a_call_on_a_failing_channel_fails_without_a_new_try(void **state)
{
    struct bench *bench = *state;

    bench->config.backoff_base_ms = 100000;
    bench->on_state = call_while_failing;
    bench->on_turn = stop_when_second_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[1].code, PL_CODE_UNAVAILABLE);
    assert_string_equal(bench->callers[1].text, bench->callers[0].text);
    assert_int_equal(bench->states_len, 2);
}

/* The server comes to be there after the second failure. */
static void listen_late(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_TRANSIENT_FAILURE && ++bench->count == 2)
        bench->channel->config.target.address = *pl_bound_address(bench->bound);
}

static void a_call_that_waits_for_ready_outlives_failures(void **state)
{
    static const struct pl_channel_call_options waits = {.wait_for_ready = true};
    struct bench *bench = *state;
    struct pl_address nowhere = {.host = "127.0.0.1"};
    struct pl_bound *bound;

    assert_int_equal(pl_bound_open(&nowhere, &bound), PL_OK);
    bench->config.target.address = *pl_bound_address(bound);
    pl_bound_close(bound);
    bench->on_state = listen_late;
    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &waits);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->count, 2);
}

static const struct pl_channel_call_options patient = {
    .wait_for_ready = true, .repeatable = true, .timeout_ms = 60000};

static void run_out_at_failure(struct bench *bench, enum pl_channel_state state)
{
    if (state == PL_CHANNEL_TRANSIENT_FAILURE)
        bench_run_out(&bench->callers[0]);
}

static void a_deadline_passes_while_a_call_waits(void **state)
{
    struct bench *bench = *state;

    bench->config.backoff_base_ms = 100000;
    bench->on_state = run_out_at_failure;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &patient);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_DEADLINE_EXCEEDED);
    assert_non_null(strstr(bench->callers[0].text, "the deadline has passed; connecting to "));
    assert_non_null(strstr(bench->callers[0].text, ": connection refused"));
    assert_false(bench->callers[0].processed);
}

static void run_out_at_request(struct peer *peer, int32_t stream_id)
{
    (void)stream_id;
    bench_run_out(&peer->bench_weak->callers[0]);
}

static void a_deadline_passes_while_the_server_works(void **state)
{
    struct bench *bench = *state;

    bench->on_request = run_out_at_request;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &patient);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_DEADLINE_EXCEEDED);
    assert_true(bench->callers[0].processed);
    assert_non_null(
        strstr(raw_find(&bench->peers[0]->raw, NGHTTP2_HEADERS, 1)->text, "grpc-timeout: "));
}

static void calls_beyond_what_may_wait_are_refused(void **state)
{
    static const struct pl_channel_call_options waits = {.wait_for_ready = true};
    struct bench *bench = *state;

    bench->config.waiting_len_max = 2;
    bench_open(bench);
    for (size_t i = 0; i < 3; i++)
        bench_call(bench, i, &waits);
    pl_channel_flush(bench->channel);
    assert_int_equal(bench->callers[0].closed, 0);
    assert_int_equal(bench->callers[1].closed, 0);
    assert_int_equal(bench->callers[2].closed, 1);
    assert_int_equal(bench->callers[2].code, PL_CODE_RESOURCE_EXHAUSTED);
    pl_channel_cancel(bench->callers[0].call);
    bench_call(bench, 3, &waits);
    pl_channel_flush(bench->channel);
    assert_int_equal(bench->callers[3].closed, 0);
}

static void bytes_beyond_what_may_wait_are_refused(void **state)
{
    static const struct pl_channel_call_options waits = {.wait_for_ready = true};
    struct bench *bench = *state;
    struct caller *caller;

    bench->config.held_size_max = 3;
    bench_open(bench);
    bench_call(bench, 0, &waits);
    caller = bench_start(bench, 1, &waits);
    assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("hi")), PL_E_LIMIT);
    assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("")), PL_E_CLOSED);
    assert_int_equal(caller->closed, 0);
    pl_channel_flush(bench->channel);
    assert_int_equal(caller->closed, 1);
    assert_int_equal(caller->code, PL_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(bench->callers[0].closed, 0);
}

/* What the server does with each try, in turn. */
static void refuse_first(struct peer *peer, int32_t stream_id)
{
    if (peer->bench_weak->count++ == 0)
        peer_reset(peer, stream_id, NGHTTP2_REFUSED_STREAM);
    else
        peer_answer(peer, stream_id);
}

static void what_the_server_refused_unseen_is_sent_again(void **state)
{
    struct bench *bench = *state;

    bench->on_request = refuse_first;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->count, 2);
    assert_false(raw_has_field(&bench->peers[0]->raw, 3, "grpc-previous-rpc-attempts: 1"));
}

static void refuse_always(struct peer *peer, int32_t stream_id)
{
    peer->bench_weak->count++;
    peer_reset(peer, stream_id, NGHTTP2_REFUSED_STREAM);
}

static void what_is_always_refused_is_not_sent_for_ever(void **state)
{
    struct bench *bench = *state;

    bench->on_request = refuse_always;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_false(bench->callers[0].processed);
    assert_int_equal(bench->count, 1 + PL_RETRY_TRANSPARENT_MAX);
}

static void goaway_below(struct peer *peer, int32_t stream_id)
{
    if (peer->bench_weak->peers_len == 1) {
        peer->bench_weak->channel->begun_ms -= 1000;
        peer_goaway(peer, stream_id - 1, "");
    } else {
        peer_answer(peer, stream_id);
    }
}

static void what_a_goaway_leaves_out_goes_to_the_next_connection(void **state)
{
    struct bench *bench = *state;

    bench->on_request = goaway_below;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->peers_len, 2);
}

static void fail_always(struct peer *peer, int32_t stream_id)
{
    peer->bench_weak->count++;
    peer_fail(peer, stream_id, PL_CODE_UNAVAILABLE, NULL);
}

static void only_a_repeatable_call_is_tried_again(void **state)
{
    struct bench *bench = *state;

    bench->on_request = fail_always;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_string_equal(bench->callers[0].text, "as the test wants");
    assert_true(bench->callers[0].processed);
    assert_int_equal(bench->count, 1);
}

static void a_repeatable_call_is_tried_so_many_times(void **state)
{
    static const struct {
        uint32_t asked;
        size_t tried;
    } cases[] = {{0, PL_RETRY_ATTEMPTS_MAX}, {1, 1}, {3, 3}, {100, PL_RETRY_ATTEMPTS_MAX}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench *bench = pl_zalloc(sizeof *bench);
        struct pl_channel_call_options options = {.repeatable = true,
                                                  .max_attempts = cases[i].asked};

        bench_init(bench, true);
        bench->config.retry_base_ms = 1;
        bench->on_request = fail_always;
        bench->on_turn = stop_when_first_closed;
        bench_open(bench);
        bench_call(bench, 0, &options);
        bench_run(bench);
        assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
        assert_int_equal(bench->count, cases[i].tried);
        bench_done(bench);
        pl_free(bench);
    }
}

static void fail_twice(struct peer *peer, int32_t stream_id)
{
    if (peer->bench_weak->count++ < 2)
        peer_fail(peer, stream_id, PL_CODE_UNAVAILABLE, NULL);
    else
        peer_answer(peer, stream_id);
}

static void a_repeat_sends_all_messages_again(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->config.retry_base_ms = 1;
    bench->on_request = fail_twice;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->callers[0].messages, 1);
    for (int32_t id = 1; id <= 5; id += 2) {
        const struct raw_frame *data = raw_find(&bench->peers[0]->raw, NGHTTP2_DATA, id);

        assert_non_null(data);
        assert_memory_equal(data->text, "\0\0\0\0\2hi", 7);
    }
    assert_true(raw_has_field(&bench->peers[0]->raw, 3, "grpc-previous-rpc-attempts: 1"));
    assert_true(raw_has_field(&bench->peers[0]->raw, 5, "grpc-previous-rpc-attempts: 2"));
}

static void fail_otherwise(struct peer *peer, int32_t stream_id)
{
    peer->bench_weak->count++;
    peer_fail(peer, stream_id, PL_CODE_ABORTED, NULL);
}

static void other_failures_are_not_tried_again(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->on_request = fail_otherwise;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_ABORTED);
    assert_int_equal(bench->count, 1);
}

static void fail_after_message(struct peer *peer, int32_t stream_id)
{
    peer->bench_weak->count++;
    peer_message(peer, stream_id);
    peer_reset(peer, stream_id, NGHTTP2_REFUSED_STREAM);
}

static void after_a_message_nothing_is_repeated(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->on_request = fail_after_message;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].messages, 1);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_int_equal(bench->count, 1);
}

static void push_back(struct peer *peer, int32_t stream_id)
{
    static const char *const pushbacks[] = {"0", "1", "-1"};
    size_t nth = peer->bench_weak->count++;

    peer_fail(peer, stream_id, PL_CODE_UNAVAILABLE, pushbacks[nth]);
}

static void the_server_says_when_to_come_again_and_when_not(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->config.retry_base_ms = bench->config.retry_max_ms = 100000;
    bench->on_request = push_back;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_int_equal(bench->count, 3);
}

static void push_back_nonsense(struct peer *peer, int32_t stream_id)
{
    peer->bench_weak->count++;
    peer_fail(peer, stream_id, PL_CODE_UNAVAILABLE, "soon");
}

static void pushback_that_is_no_number_means_no(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->on_request = push_back_nonsense;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_int_equal(bench->count, 1);
}

static void fail_after_headers(struct peer *peer, int32_t stream_id)
{
    static const char *const head[] = {":status", "200", "content-type", "application/grpc", NULL};
    static const char *const tail[] = {"grpc-status", "14", NULL};

    peer->bench_weak->count++;
    raw_headers(&peer->raw, stream_id, NGHTTP2_FLAG_END_HEADERS, head);
    raw_headers(&peer->raw, stream_id, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, tail);
    peer_bytes(peer, "");
}

static void after_headers_nothing_is_repeated(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->on_request = fail_after_headers;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_int_equal(bench->count, 1);
}

static void a_request_too_large_to_hold_is_not_repeated(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    struct bench *bench = *state;

    bench->config.repeat_size_max = 1;
    bench->on_request = fail_always;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->count, 1);
    assert_int_equal(bench->channel->held_size, 0);
}

static void hang_up_first(struct peer *peer, int32_t stream_id)
{
    if (peer->bench_weak->count++ == 0)
        peer_hang_up(peer);
    else
        peer_answer(peer, stream_id);
}

static void a_lost_connection_ends_a_call_with_the_reason(void **state)
{
    struct bench *bench = *state;

    bench->on_request = hang_up_first;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_non_null(strstr(bench->callers[0].text, "the server closed the connection"));
    assert_true(bench->callers[0].processed);
}

static void break_http2(struct peer *peer, int32_t stream_id)
{
    if (peer->bench_weak->count++ > 0) {
        peer_answer(peer, stream_id);
        return;
    }
    raw_frame(&peer->raw, NGHTTP2_SETTINGS, 0, 0, "x", 1);
    peer_bytes(peer, "");
}

static void call_after_the_break(struct caller *caller)
{
    static const struct pl_channel_call_options options = {.wait_for_ready = true};

    bench_call(caller->bench_weak, 1, &options);
}

static void a_server_that_breaks_http2_is_given_up_at_once(void **state)
{
    struct bench *bench = *state;

    bench->on_request = break_http2;
    bench->on_turn = stop_when_second_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL)->on_close = call_after_the_break;
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_non_null(strstr(bench->callers[0].text, "FRAME_SIZE_ERROR"));
    assert_int_equal(bench->callers[1].code, PL_CODE_OK);
    assert_int_equal(bench->peers_len, 2);
}

static void a_repeatable_call_outlives_its_connection(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true,
                                                           .wait_for_ready = true};
    struct bench *bench = *state;

    bench->on_request = hang_up_first;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, &options);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    assert_int_equal(bench->peers_len, 2);
}

static void run_out_between_attempts(struct bench *bench)
{
    struct caller *caller = &bench->callers[0];

    if (caller->call != NULL && caller->call->state == PL_CHANNEL_CALL_PAUSING)
        bench_run_out(caller);
    stop_when_first_closed(bench);
}

static void a_deadline_passes_between_attempts(void **state)
{
    struct bench *bench = *state;

    bench->config.retry_base_ms = 100000;
    bench->config.retry_max_ms = 100000;
    bench->on_request = fail_always;
    bench->on_turn = run_out_between_attempts;
    bench_open(bench);
    bench_call(bench, 0, &patient);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_DEADLINE_EXCEEDED);
    assert_string_equal(bench->callers[0].text,
                        "the deadline has passed; the last attempt: as the test wants");
    assert_true(bench->callers[0].processed);
    assert_int_equal(bench->count, 1);
}

static void messages_go_out_as_they_come(void **state)
{
    struct bench *bench = *state;
    struct caller *caller;

    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    caller = bench_start(bench, 0, NULL);
    for (int i = 0; i < 5; i++)
        assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("hi")), PL_OK);
    pl_channel_half_close(caller->call);
    assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("hi")), PL_E_CLOSED);
    bench_run(bench);
    assert_int_equal(caller->code, PL_CODE_OK);
}

/* The client talks on once it has an answer. */
static void talk_on(struct caller *caller)
{
    assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("hi")), PL_OK);
    pl_channel_half_close(caller->call);
}

static void end_well(struct peer *peer, int32_t stream_id)
{
    peer_ok(peer, stream_id);
}

static void speak_when_started(struct bench *bench)
{
    if (bench->step == 0 && bench->callers[0].call->state == PL_CHANNEL_CALL_ACTIVE) {
        bench->step = 1;
        pl_channel_flush(bench->channel);
        peer_message(bench->peers[0], 1);
    }
    stop_when_first_closed(bench);
}

static void both_sides_may_talk_in_turn(void **state)
{
    struct bench *bench = *state;
    struct caller *caller;

    bench->on_request = end_well;
    bench->on_turn = speak_when_started;
    bench_open(bench);
    caller = bench_start(bench, 0, NULL);
    caller->on_message = talk_on;
    assert_int_equal(pl_channel_send(caller->call, pl_bytes_str("hi")), PL_OK);
    bench_run(bench);
    assert_int_equal(caller->code, PL_CODE_OK);
    assert_int_equal(caller->messages, 1);
}

static void cancel_itself(struct caller *caller)
{
    pl_channel_cancel(caller->call);
}

static void a_call_may_be_cancelled_from_its_own_callback(void **state)
{
    struct bench *bench = *state;

    bench->on_request = answer;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL)->on_message = cancel_itself;
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_CANCELLED);
    assert_true(bench->callers[0].processed);
}

/* The end of one call starts and ends others. */
static void stir(struct caller *caller)
{
    struct bench *bench = caller->bench_weak;

    if (bench->callers[1].call != NULL)
        pl_channel_cancel(bench->callers[1].call);
    if (bench->count++ == 0)
        bench_call(bench, 2, NULL)->on_close = stir;
    pl_channel_flush(bench->channel);
}

static void stop_when_third_closed(struct bench *bench)
{
    if (bench_all_closed(bench, 3))
        bench_stop(bench);
}

static void callbacks_may_start_and_cancel_others(void **state)
{
    struct bench *bench = *state;

    bench->on_turn = stop_when_third_closed;
    bench_open(bench);
    bench_call(bench, 0, NULL)->on_close = stir;
    bench_call(bench, 1, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_UNAVAILABLE);
    assert_int_equal(bench->callers[1].code, PL_CODE_CANCELLED);
    assert_int_equal(bench->callers[2].code, PL_CODE_UNAVAILABLE);
}

static void metadata_that_cannot_be_sent_is_refused_at_once(void **state)
{
    static const struct pl_rpc_metadata bad = {.name = "Upper"};
    struct bench *bench = *state;
    struct pl_rpc_client_call_ops ops = {0};
    struct pl_channel_call *call;

    bench_open(bench);
    assert_int_equal(pl_channel_start(bench->channel, "/a/b", &bad, 1, NULL, &ops, &call),
                     PL_E_INVALID);
    assert_int_equal(pl_channel_calls_len(bench->channel), 0);
}

static void metadata_goes_with_each_attempt(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true};
    const struct pl_rpc_metadata metadata[] = {{"x-one", pl_bytes_str("1")},
                                               {"x-two-bin", {(const uint8_t *)"\xff", 1}}};
    struct bench *bench = *state;
    struct caller *caller = &bench->callers[0];
    struct pl_rpc_client_call_ops ops;

    bench->config.retry_base_ms = 1;
    bench->on_request = fail_twice;
    bench->on_turn = stop_when_first_closed;
    bench_open(bench);
    caller = bench_start(bench, 1, NULL);
    ops = caller->call->ops;
    pl_channel_cancel(caller->call);
    ops.self = &bench->callers[0];
    assert_int_equal(pl_channel_call(bench->channel, "/test.Kinds/Echo", pl_bytes_str("hi"),
                                     metadata, 2, &options, &ops, NULL),
                     PL_OK);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_OK);
    for (int32_t id = 1; id <= 5; id += 2) {
        assert_true(raw_has_field(&bench->peers[0]->raw, id, "x-one: 1"));
        assert_true(raw_has_field(&bench->peers[0]->raw, id, "x-two-bin: /w"));
    }
}

/* The channel is freed when the call is in each of its states. */
enum stage { WAITING, CONNECTING, ACTIVE, PAUSING, DRAINING, DOWN, STAGES_LEN };

static void reach_stage(struct bench *bench)
{
    const struct pl_channel_call *call = bench->callers[0].call;
    enum pl_channel_state state = pl_channel_state(bench->channel);
    bool reached = false;

    switch ((enum stage)bench->step) {
    case WAITING:
        reached = true;
        break;
    case CONNECTING:
        reached = bench->peers_len == 1;
        break;
    case ACTIVE:
        reached = call->state == PL_CHANNEL_CALL_ACTIVE;
        break;
    case PAUSING:
        reached = call->state == PL_CHANNEL_CALL_PAUSING;
        break;
    case DRAINING:
        reached = state == PL_CHANNEL_CONNECTING && bench->count > 0;
        break;
    case DOWN:
        reached = state == PL_CHANNEL_TRANSIENT_FAILURE;
        break;
    case STAGES_LEN:
        break;
    }
    if (reached)
        bench_stop(bench);
}

static void by_stage(struct peer *peer, int32_t stream_id)
{
    struct bench *bench = peer->bench_weak;

    bench->count++;
    if (bench->step == PAUSING) {
        peer_fail(peer, stream_id, PL_CODE_UNAVAILABLE, NULL);
    } else if (bench->step == DRAINING) {
        bench->channel->begun_ms -= 1000;
        peer_goaway(peer, stream_id, "");
    } else if (bench->step == DOWN) {
        peer_hang_up(peer);
    }
}

static void freeing_the_channel_ends_each_call_once(void **state)
{
    static const struct pl_channel_call_options options = {.repeatable = true,
                                                           .wait_for_ready = true};

    (void)state;
    for (int stage = 0; stage < STAGES_LEN; stage++) {
        struct bench *bench = pl_zalloc(sizeof *bench);

        bench_init(bench, true);
        bench->step = stage;
        bench->config.stay_connected = true;
        bench->config.retry_base_ms = bench->config.retry_max_ms = 100000;
        bench->config.backoff_base_ms = stage == DOWN ? 100000 : 10;
        bench->on_request = by_stage;
        bench->on_turn = reach_stage;
        bench_open(bench);
        bench_call(bench, 0, &options);
        bench_run(bench);
        assert_int_equal(bench->callers[0].closed, 0);
        pl_channel_free(bench->channel);
        bench->channel = NULL;
        assert_int_equal(bench->callers[0].closed, 1);
        assert_int_equal(bench->callers[0].code, PL_CODE_CANCELLED);
        assert_string_equal(bench->callers[0].text, "the channel is closed");
        bench_done(bench);
        pl_free(bench);
    }
}

static void start_once_more(struct caller *caller)
{
    struct pl_rpc_client_call_ops ops = {0};
    struct pl_channel_call *call;

    assert_int_equal(
        pl_channel_start(caller->bench_weak->channel, "/a/b", NULL, 0, NULL, &ops, &call),
        PL_E_CLOSED);
}

static void a_channel_being_freed_takes_no_calls(void **state)
{
    struct bench *bench = *state;

    bench_open(bench);
    bench_call(bench, 0, NULL)->on_close = start_once_more;
    pl_channel_free(bench->channel);
    bench->channel = NULL;
    assert_int_equal(bench->callers[0].closed, 1);
}

/* A loop that has ended has closed the sockets; what is left ends with the channel. */
static void free_in_time(struct bench *bench)
{
    if (bench->callers[0].call->state == PL_CHANNEL_CALL_ACTIVE) {
        pl_channel_free(bench->channel);
        bench->channel = NULL;
        bench->on_turn = NULL;
        bench_stop(bench);
    }
}

static void a_channel_may_be_freed_while_its_loop_runs(void **state)
{
    struct bench *bench = *state;

    bench->on_turn = free_in_time;
    bench_open(bench);
    bench_call(bench, 0, NULL);
    bench_run(bench);
    assert_int_equal(bench->callers[0].code, PL_CODE_CANCELLED);
}

static void starting_a_call_survives_want_of_memory(void **state)
{
    static const struct pl_channel_call_options options = {.timeout_ms = 1000};
    const struct pl_rpc_metadata metadata = {"x-one-bin", pl_bytes_str("1")};
    struct bench *bench = *state;
    struct pl_rpc_client_call_ops ops;

    bench_open(bench);
    bench_start(bench, 0, NULL);
    ops = bench->callers[0].call->ops;
    ops.self = &bench->callers[1];
    for (uint64_t nth = 1;; nth++) {
        struct pl_channel_call *call = NULL;
        bool failed;
        int err;

        bench->callers[1] = (struct caller){.bench_weak = bench};
        pl_mem_fail_at(nth);
        err = pl_channel_call(bench->channel, "/a/b", pl_bytes_str("hi"), &metadata, 1, &options,
                              &ops, &call);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        if (err == PL_OK) {
            pl_channel_cancel(call);
            assert_int_equal(bench->callers[1].closed, 1);
        } else {
            assert_int_equal(err, PL_E_NOMEM);
        }
        if (!failed)
            break;
    }
    assert_int_equal(pl_channel_calls_len(bench->channel), 1);
}

/* Each allocation of a call's life fails, that of its connection too. */
static void a_call_ends_once_whatever_memory_is_short_for(void **state)
{
    static const struct pl_channel_call_options options = {
        .repeatable = true, .wait_for_ready = true, .timeout_ms = 5000};

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct bench *bench = pl_zalloc(sizeof *bench);
        struct caller *caller = &bench->callers[0];
        struct pl_rpc_client_call_ops ops;
        bool failed;
        int err;

        bench_init(bench, true);
        bench->config.retry_base_ms = 1;
        bench->config.backoff_base_ms = 1;
        bench->on_request = answer;
        bench->on_turn = stop_when_first_closed;
        bench_open(bench);
        ops = bench_start(bench, 1, NULL)->call->ops;
        pl_channel_cancel(bench->callers[1].call);
        ops.self = caller;
        caller->bench_weak = bench;
        pl_mem_fail_at(nth);
        err = pl_channel_call(bench->channel, "/a/b", pl_bytes_str("hi"), NULL, 0, &options, &ops,
                              &caller->call);
        if (err == PL_OK)
            bench_run(bench);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        if (err == PL_OK)
            assert_int_equal(caller->closed, 1);
        if (!failed)
            assert_int_equal(caller->code, PL_CODE_OK);
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
        TEST_ALONE(a_call_fails_fast_and_says_what_is_wrong),
        TEST_ALONE(a_call_on_a_failing_channel_fails_without_a_new_try),
        TEST(a_call_that_waits_for_ready_outlives_failures),
        TEST_ALONE(a_deadline_passes_while_a_call_waits),
        TEST(a_deadline_passes_while_the_server_works),
        TEST(calls_beyond_what_may_wait_are_refused),
        TEST(bytes_beyond_what_may_wait_are_refused),
        TEST(what_the_server_refused_unseen_is_sent_again),
        TEST(what_is_always_refused_is_not_sent_for_ever),
        TEST(what_a_goaway_leaves_out_goes_to_the_next_connection),
        TEST(only_a_repeatable_call_is_tried_again),
        cmocka_unit_test(a_repeatable_call_is_tried_so_many_times),
        TEST(a_repeat_sends_all_messages_again),
        TEST(other_failures_are_not_tried_again),
        TEST(after_a_message_nothing_is_repeated),
        TEST(the_server_says_when_to_come_again_and_when_not),
        TEST(pushback_that_is_no_number_means_no),
        TEST(after_headers_nothing_is_repeated),
        TEST(a_request_too_large_to_hold_is_not_repeated),
        TEST(a_lost_connection_ends_a_call_with_the_reason),
        TEST(a_server_that_breaks_http2_is_given_up_at_once),
        TEST(a_repeatable_call_outlives_its_connection),
        TEST(a_deadline_passes_between_attempts),
        TEST(messages_go_out_as_they_come),
        TEST(both_sides_may_talk_in_turn),
        TEST(a_call_may_be_cancelled_from_its_own_callback),
        TEST_ALONE(callbacks_may_start_and_cancel_others),
        TEST(metadata_that_cannot_be_sent_is_refused_at_once),
        TEST(metadata_goes_with_each_attempt),
        cmocka_unit_test(freeing_the_channel_ends_each_call_once),
        TEST(a_channel_being_freed_takes_no_calls),
        TEST(a_channel_may_be_freed_while_its_loop_runs),
        TEST(starting_a_call_survives_want_of_memory),
        cmocka_unit_test(a_call_ends_once_whatever_memory_is_short_for),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

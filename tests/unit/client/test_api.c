/* test_api.c - a connection that cannot be made, and what stands on it. */
#include "client/api.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "client/follow.h"
#include "client/marker.h"
#include "parla/v1/user_service.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct pl_app app;
    uint32_t retry_ms;
    int downs_len;
    int dones_len;
    int abandoned_len;
    enum pl_code code;
};

static void on_state(void *self, enum pl_channel_state state)
{
    struct bench *bench = self;

    assert_int_not_equal(state, PL_CHANNEL_READY);
    if (state != PL_CHANNEL_TRANSIENT_FAILURE)
        return;
    assert_string_equal(pl_channel_why(bench->app.channel), pl_err_text(PL_E_REFUSED));
    bench->retry_ms = pl_channel_retry_ms(bench->app.channel);
    bench->downs_len++;
    pl_loop_stop(bench->app.loop);
}

static void on_turn_end(void *self)
{
    struct bench *bench = self;

    if (bench->app.channel != NULL)
        pl_channel_flush(bench->app.channel);
}

/* A channel to an address where nobody listens any more. */
static int setup(void **state)
{
    struct bench *bench = pl_zalloc(sizeof *bench);
    struct pl_loop_ops loop_ops = {.self = bench, .on_turn_end = on_turn_end};
    struct pl_channel_ops channel_ops = {.self = bench, .on_state = on_state};
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct pl_address address;
    struct pl_bound *bound;

    assert_int_equal(pl_address_parse("127.0.0.1:0", &address), PL_OK);
    assert_int_equal(pl_bound_open(&address, &bound), PL_OK);
    config.target.address = *pl_bound_address(bound);
    pl_bound_close(bound);
    assert_int_equal(pl_loop_new(&loop_ops, 1, &bench->app.loop), PL_OK);
    assert_int_equal(pl_channel_new(bench->app.loop, &config, &channel_ops, &bench->app.channel),
                     PL_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    pl_channel_free(bench->app.channel);
    bench->app.channel = NULL;
    pl_loop_free(bench->app.loop);
    pl_free(bench);
    return 0;
}

static void a_refused_connection_is_told_with_its_next_try(void **state)
{
    struct bench *bench = *state;

    pl_channel_wait_at_least(bench->app.channel, 5000);
    pl_channel_connect(bench->app.channel);
    pl_loop_run(bench->app.loop);
    assert_int_equal(bench->downs_len, 1);
    assert_int_equal(bench->retry_ms, 5000);
    assert_int_equal(pl_channel_state(bench->app.channel), PL_CHANNEL_TRANSIENT_FAILURE);
}

static void on_done(void *self, const struct pl_api_result *result)
{
    struct bench *bench = self;

    assert_null(result->response);
    assert_true(pl_api_may_retry(result));
    bench->code = result->code;
    bench->dones_len++;
}

static void on_abandoned(void *self)
{
    struct bench *bench = self;

    bench->abandoned_len++;
}

static void what_broke_may_be_repeated_and_what_was_said_may_not(void **state)
{
    struct pl_api_result result = {.code = PL_CODE_INTERNAL, .text = "no"};

    (void)state;
    assert_false(pl_api_may_retry(&result));
    result.broken = true;
    assert_true(pl_api_may_retry(&result));
}

static void a_call_without_a_connection_fails_at_once(void **state)
{
    struct bench *bench = *state;
    Parla__V1__GetUserRequest request = PARLA__V1__GET_USER_REQUEST__INIT;

    pl_api_call(bench->app.channel, &parla__v1__user_service__descriptor, "GetUser", "",
                &request.base, on_done, on_abandoned, bench);
    assert_int_equal(bench->dones_len, 1);
    assert_int_equal(bench->abandoned_len, 0);
    assert_int_equal(bench->code, PL_CODE_UNAVAILABLE);
}

static void a_call_that_memory_is_short_for_fails_at_once(void **state)
{
    struct bench *bench = *state;
    Parla__V1__GetUserRequest request = PARLA__V1__GET_USER_REQUEST__INIT;

    for (uint64_t nth = 1; nth <= 2; nth++) {
        pl_mem_fail_at(nth);
        pl_api_call(bench->app.channel, &parla__v1__user_service__descriptor, "GetUser", "",
                    &request.base, on_done, on_abandoned, bench);
        assert_true(pl_mem_failed());
        assert_int_equal(bench->dones_len, nth);
    }
    pl_mem_fail_at(0);
}

static int make_follow(struct bench *bench)
{
    struct pl_follow_ops ops = {.self = bench};
    struct pl_follow *follow = NULL;
    int err = pl_follow_new(&bench->app, NULL, 0, PARLA__V1__STREAM_START__STREAM_START_NOW, &ops,
                            &follow);

    assert_true((err == PL_OK) == (follow != NULL));
    pl_follow_free(follow);
    return err;
}

static int make_marker(struct bench *bench)
{
    struct pl_marker *marker = NULL;
    int err = pl_marker_new(&bench->app, 0, &marker);

    assert_true((err == PL_OK) == (marker != NULL));
    pl_marker_free(marker);
    return err;
}

static void making_parts_survives_want_of_memory(void **state)
{
    static int (*const makers[])(struct bench * bench) = {make_follow, make_marker};

    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        for (uint64_t nth = 1;; nth++) {
            bool failed;
            int err;

            pl_mem_fail_at(nth);
            err = makers[i](*state);
            failed = pl_mem_failed();
            pl_mem_fail_at(0);
            if (!failed) {
                assert_int_equal(err, PL_OK);
                break;
            }
            assert_int_equal(err, PL_E_NOMEM);
        }
    }
}

static void marks_of_each_room_only_rise(void **state)
{
    struct bench *bench = *state;
    struct pl_marker *marker;

    assert_int_equal(pl_marker_new(&bench->app, 0, &marker), PL_OK);
    assert_int_equal(pl_marker_last(marker, "lobby"), 0);
    pl_marker_shown(marker, "lobby", 7);
    pl_marker_shown(marker, "lobby", 5);
    pl_marker_shown(marker, "friends", 2);
    assert_int_equal(pl_marker_last(marker, "lobby"), 7);
    assert_int_equal(pl_marker_last(marker, "friends"), 2);
    pl_marker_forget(marker);
    assert_int_equal(pl_marker_last(marker, "lobby"), 0);
    pl_marker_free(marker);
}

static void direct_rooms_are_known_by_their_peers(void **state)
{
    struct bench *bench = *state;
    struct pl_follow_ops ops = {.self = bench};
    struct pl_follow *follow;

    assert_int_equal(pl_follow_new(&bench->app, NULL, 0, PARLA__V1__STREAM_START__STREAM_START_NOW,
                                   &ops, &follow),
                     PL_OK);
    assert_string_equal(pl_follow_peer(follow, "@1"), "");
    assert_null(pl_follow_room(follow, "ana"));
    pl_follow_know(follow, "@1", "ana");
    pl_follow_know(follow, "@2", "bob");
    pl_follow_know(follow, "lobby", "cleo");
    assert_string_equal(pl_follow_peer(follow, "@1"), "ana");
    assert_string_equal(pl_follow_room(follow, "bob"), "@2");
    assert_null(pl_follow_room(follow, "cleo"));
    pl_follow_know(follow, "@3", "ana"); /* somebody else has the name now */
    assert_string_equal(pl_follow_room(follow, "ana"), "@3");
    pl_follow_free(follow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_broke_may_be_repeated_and_what_was_said_may_not),
        cmocka_unit_test_setup_teardown(a_refused_connection_is_told_with_its_next_try, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_call_without_a_connection_fails_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_call_that_memory_is_short_for_fails_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(making_parts_survives_want_of_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(marks_of_each_room_only_rise, setup, teardown),
        cmocka_unit_test_setup_teardown(direct_rooms_are_known_by_their_peers, setup, teardown),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

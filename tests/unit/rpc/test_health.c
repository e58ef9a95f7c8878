/* test_health.c - grpc.health.v1, between the host and the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "pair.h"
#include "rpc/health.h"
#include "web.h"

#include <string.h>

static const char check_path[] = "/grpc.health.v1.Health/Check";
static const char watch_path[] = "/grpc.health.v1.Health/Watch";

struct fixture {
    struct pair pair;
    struct pl_rpc_health *health;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);

    assert_int_equal(pair_init(&fixture->pair), PL_OK);
    assert_int_equal(pl_rpc_health_new(fixture->pair.host, &fixture->health), PL_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pair_done(&fixture->pair);
    pl_rpc_health_free(fixture->health);
    test_free(fixture);
    return 0;
}

/* HealthCheckRequest{service: "a"} and responses, byte by byte. */
#define REQUEST_A           \
    pl_bytes_str("\x0a\x01" \
                 "a")

static void assert_status(const struct reply *reply, uint8_t status)
{
    const uint8_t expected[] = {0x08, status};

    assert_int_equal(reply->last_size, sizeof expected);
    assert_memory_equal(reply->last, expected, sizeof expected);
}

static void check_tells_the_status(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(pair_call(&fixture->pair, check_path, REQUEST_A, &reply), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(reply.code, PL_CODE_NOT_FOUND);

    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK);
    assert_int_equal(pl_rpc_health_set(fixture->health, "", false), PL_OK);
    assert_int_equal(pair_call(&fixture->pair, check_path, REQUEST_A, &reply), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_status(&reply, 1);

    assert_int_equal(pair_call(&fixture->pair, check_path, pl_bytes_str(""), &reply), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_status(&reply, 2);

    assert_int_equal(pair_call(&fixture->pair, check_path, pl_bytes_str("\xff"), &reply), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(reply.code, PL_CODE_INVALID_ARGUMENT);
}

static void watch_tells_each_change(void **state)
{
    struct fixture *fixture = *state;
    struct reply watch, other;

    assert_int_equal(pair_call(&fixture->pair, watch_path, REQUEST_A, &watch), PL_OK);
    assert_int_equal(pair_call(&fixture->pair, watch_path, pl_bytes_str(""), &other), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(watch.messages, 1);
    assert_status(&watch, 3); /* SERVICE_UNKNOWN */

    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(watch.messages, 2);
    assert_status(&watch, 1);

    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK); /* no change */
    pair_pump(&fixture->pair);
    assert_int_equal(watch.messages, 2);

    /* Two changes before it reads: the latest counts. */
    assert_int_equal(pl_rpc_health_set(fixture->health, "a", false), PL_OK);
    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK);
    assert_int_equal(pl_rpc_health_set(fixture->health, "a", false), PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(watch.messages, 3);
    assert_status(&watch, 2);
    assert_int_equal(other.messages, 1);
    assert_int_equal(watch.closed, 0);

    pl_rpc_client_cancel(watch.call);
    pair_pump(&fixture->pair);
    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK);
    assert_int_equal(pl_rpc_host_calls_len(fixture->pair.host), 1);
    pair_hang_up(&fixture->pair);
}

/* A watcher's name is held as long as its stream. */
static void watched_names_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    uint8_t request[3 + 513] = {0x0a, 0x80, 0x04}; /* 512 bytes */
    struct reply held, refused;

    memset(request + 3, 'a', sizeof request - 3);
    assert_int_equal(pair_call(&fixture->pair, watch_path,
                               (struct pl_bytes){request, sizeof request - 1}, &held),
                     PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(held.closed, 0);
    request[1] = 0x81; /* 513 */
    assert_int_equal(
        pair_call(&fixture->pair, watch_path, (struct pl_bytes){request, sizeof request}, &refused),
        PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(refused.code, PL_CODE_INVALID_ARGUMENT);
    pair_hang_up(&fixture->pair);
}

static void drain_tells_and_ends_watchers(void **state)
{
    struct fixture *fixture = *state;
    struct reply serving, unknown, check;

    assert_int_equal(pl_rpc_health_set(fixture->health, "a", true), PL_OK);
    assert_int_equal(pair_call(&fixture->pair, watch_path, REQUEST_A, &serving), PL_OK);
    assert_int_equal(pair_call(&fixture->pair, watch_path, pl_bytes_str(""), &unknown), PL_OK);
    pair_pump(&fixture->pair);
    pl_rpc_health_drain(fixture->health);
    pl_rpc_health_drain(fixture->health);
    pair_pump(&fixture->pair);
    assert_int_equal(serving.messages, 2);
    assert_status(&serving, 2);
    assert_int_equal(serving.code, PL_CODE_UNAVAILABLE);
    assert_int_equal(unknown.messages, 1);
    assert_int_equal(unknown.code, PL_CODE_UNAVAILABLE);
    assert_int_equal(pl_rpc_host_calls_len(fixture->pair.host), 0);
    assert_int_equal(pair_call(&fixture->pair, check_path, REQUEST_A, &check), PL_OK);
    pair_pump(&fixture->pair);
    assert_status(&check, 2);
}

/* For curl and for browsers. */
static void check_answers_in_json(void **state)
{
    static const struct {
        const char *request;
        int status;
        const char *response;
    } cases[] = {
        {"{}", 200, "{\"status\":\"SERVING\"}"},
        {"{\"service\":\"a\"}", 200, "{\"status\":\"NOT_SERVING\"}"},
        {"{\"service\":\"b\"}", 404, "{\"code\":\"not_found\",\"message\":\"unknown service\"}"},
    };
    struct web web;

    (void)state;
    EACH_VERSION (&web) {
        struct pl_rpc_health *health;
        struct web_reply reply;

        assert_int_equal(pl_rpc_health_new(web.host, &health), PL_OK);
        assert_int_equal(pl_rpc_health_set(health, "", true), PL_OK);
        assert_int_equal(pl_rpc_health_set(health, "a", false), PL_OK);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            web_call(&web, check_path, "application/json", NULL, cases[i].request,
                     strlen(cases[i].request), &reply);
            assert_int_equal(reply.status, cases[i].status);
            assert_true(web_body_is(&reply, cases[i].response));
            web_reply_done(&reply);
        }
        pl_rpc_health_free(health);
    }
}

static void watch_tells_in_json(void **state)
{
    struct web web;

    (void)state;
    EACH_VERSION (&web) {
        static const char all[] = "\0\0\0\0\x1c{\"status\":\"SERVICE_UNKNOWN\"}"
                                  "\0\0\0\0\x14{\"status\":\"SERVING\"}"
                                  "\0\0\0\0\x18{\"status\":\"NOT_SERVING\"}"
                                  "\2\0\0\0\x43{\"error\":{\"code\":\"unavailable\","
                                  "\"message\":\"the server is stopping\"}}";
        struct pl_rpc_health *health;
        struct web_reply reply;

        assert_int_equal(pl_rpc_health_new(web.host, &health), PL_OK);
        web_call(&web, watch_path, "application/connect+json", NULL, "\0\0\0\0\2{}", 7, &reply);
        assert_int_equal(pl_rpc_health_set(health, "", true), PL_OK);
        web_pump(&web);
        pl_rpc_health_drain(health);
        web_pump(&web);
        assert_int_equal(reply.ended, 1);
        assert_int_equal(reply.body_size, sizeof all - 1);
        assert_memory_equal(reply.body, all, sizeof all - 1);
        web_reply_done(&reply);
        web_hang_up(&web);
        pl_rpc_health_free(health);
    }
}

static void every_allocation_may_fail(void **state)
{
    int failed;
    uint64_t nth = 0;

    (void)state;
    do {
        struct pair pair;
        struct pl_rpc_health *health = NULL;
        struct reply check, watch;

        pl_mem_fail_at(++nth);
        if (pair_init(&pair) == PL_OK && pl_rpc_health_new(pair.host, &health) == PL_OK &&
            pl_rpc_health_set(health, "a", true) == PL_OK &&
            pair_call(&pair, watch_path, REQUEST_A, &watch) == PL_OK &&
            pair_call(&pair, check_path, REQUEST_A, &check) == PL_OK) {
            pair_pump(&pair);
            pl_rpc_health_drain(health);
            pair_pump(&pair);
        }
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        pair_done(&pair);
        pl_rpc_health_free(health);
    } while (failed);
    assert_true(nth > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(check_tells_the_status),
        TEST(watch_tells_each_change),
        TEST(watched_names_are_bounded),
        TEST(drain_tells_and_ends_watchers),
        cmocka_unit_test(check_answers_in_json),
        cmocka_unit_test(watch_tells_in_json),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_sender.c - messages on their way, while there is no connection. */
#include "client/sender.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct bench {
    struct pl_app app; /* a loop, and a channel that was never connected */
    struct pl_sender *sender;
    int refused_len;
};

static void on_sent(void *self, const struct pl_pending *pending,
                    const Parla__V1__ChatMessage *message)
{
    (void)self;
    (void)pending;
    (void)message;
    fail();
}

static void on_refused(void *self, const struct pl_pending *pending,
                       const struct pl_api_result *result)
{
    struct bench *bench = self;

    (void)pending;
    (void)result;
    bench->refused_len++;
}

static void on_token_lost(void *self, const struct pl_api_result *result)
{
    (void)self;
    (void)result;
    fail();
}

static void on_state(void *self, enum pl_channel_state channel_state)
{
    (void)self;
    (void)channel_state;
    fail();
}

static struct pl_sender_ops ops_of(struct bench *bench)
{
    return (struct pl_sender_ops){.self = bench,
                                  .on_sent = on_sent,
                                  .on_refused = on_refused,
                                  .on_token_lost = on_token_lost};
}

static int setup(void **state)
{
    struct pl_loop_ops loop_ops = {0};
    struct pl_channel_ops channel_ops = {.on_state = on_state};
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct bench *bench = pl_zalloc(sizeof *bench);
    struct pl_sender_ops ops = ops_of(bench);

    assert_int_equal(pl_target_parse("127.0.0.1:1", &config.target), PL_OK);
    assert_int_equal(pl_loop_new(&loop_ops, 1, &bench->app.loop), PL_OK);
    assert_int_equal(pl_channel_new(bench->app.loop, &config, &channel_ops, &bench->app.channel),
                     PL_OK);
    assert_int_equal(pl_sender_new(&bench->app, &ops, &bench->sender), PL_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    pl_sender_free(bench->sender);
    pl_channel_free(bench->app.channel);
    pl_loop_free(bench->app.loop);
    pl_free(bench);
    return 0;
}

static const struct pl_pending *nth(const struct bench *bench, size_t wanted)
{
    size_t at = 0;

    PL_LIST_EACH (node, pl_sender_pending(bench->sender)) {
        if (at++ == wanted)
            return PL_CONTAINER(node, struct pl_pending, node);
    }
    return NULL;
}

static void what_is_put_stays_pending_in_order(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(pl_sender_put(bench->sender, false, "lobby", "one", 1), PL_OK);
    assert_int_equal(pl_sender_put(bench->sender, true, "ana", "two", 2), PL_OK);
    assert_int_equal(pl_sender_len(bench->sender), 2);
    assert_string_equal(nth(bench, 0)->text, "one");
    assert_false(nth(bench, 0)->to_user);
    assert_string_equal(nth(bench, 1)->text, "two");
    assert_string_equal(nth(bench, 1)->target, "ana");
    assert_true(nth(bench, 1)->to_user);
    assert_int_equal(nth(bench, 1)->line, 2);
}

static void each_has_a_request_id_of_its_own(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 3; i++)
        assert_int_equal(pl_sender_put(bench->sender, false, "lobby", "same", 0), PL_OK);
    assert_int_equal(strlen(nth(bench, 0)->request_id), 22);
    assert_string_not_equal(nth(bench, 0)->request_id, nth(bench, 1)->request_id);
    assert_string_not_equal(nth(bench, 1)->request_id, nth(bench, 2)->request_id);
}

static void without_a_connection_it_stays_with_its_request_id(void **state)
{
    struct bench *bench = *state;
    char id[PL_REQUEST_ID_TEXT_SIZE];

    assert_int_equal(pl_sender_put(bench->sender, false, "lobby", "one", 0), PL_OK);
    memcpy(id, nth(bench, 0)->request_id, sizeof id);
    pl_sender_go_on(bench->sender); /* not signed in */
    bench->app.phase = PL_APP_READY;
    pl_sender_go_on(bench->sender); /* signed in, but the connection has just gone */
    pl_sender_go_on(bench->sender);
    assert_int_equal(bench->refused_len, 0);
    assert_int_equal(pl_sender_len(bench->sender), 1);
    assert_string_equal(nth(bench, 0)->request_id, id);
}

static void want_of_memory_is_told(void **state)
{
    struct bench *bench = *state;
    struct pl_sender_ops ops = ops_of(bench);

    pl_mem_fail_at(1);
    assert_int_equal(pl_sender_put(bench->sender, false, "lobby", "one", 0), PL_E_NOMEM);
    assert_int_equal(pl_sender_len(bench->sender), 0);
    for (uint64_t at = 1;; at++) {
        struct pl_sender *sender = NULL;
        int err;

        pl_mem_fail_at(at);
        err = pl_sender_new(&bench->app, &ops, &sender);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(err, PL_OK);
            pl_sender_free(sender);
            break;
        }
        assert_int_equal(err, PL_E_NOMEM);
        assert_null(sender);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_put_stays_pending_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(each_has_a_request_id_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_connection_it_stays_with_its_request_id, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(want_of_memory_is_told, setup, teardown),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

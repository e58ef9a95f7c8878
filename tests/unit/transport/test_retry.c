/* test_retry.c - whether, and when, a call that failed is tried again. */
#include "transport/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct pl_retry repeatable(uint32_t attempts_max)
{
    return (struct pl_retry){.repeatable = true,
                             .attempts_max = attempts_max,
                             .backoff = {.base_ms = 100, .max_ms = 5000}};
}

static const struct pl_retry_failure unavailable = {
    .code = PL_CODE_UNAVAILABLE, .processed = true, .pushback = PL_E_NOTFOUND};

static void what_was_not_processed_is_tried_again_at_once(void **state)
{
    const struct pl_retry_failure unseen = {.code = PL_CODE_UNAVAILABLE, .pushback = PL_E_NOTFOUND};
    struct pl_retry retry = {.attempts_max = 1};
    int64_t pause = 7;

    (void)state;
    for (int i = 0; i < PL_RETRY_TRANSPARENT_MAX; i++)
        assert_int_equal(pl_retry_decide(&retry, &unseen, 0, &pause), PL_RETRY_NOW);
    assert_int_equal(retry.attempts_len, 0);
    assert_int_equal(pl_retry_decide(&retry, &unseen, 0, &pause), PL_RETRY_NO);
    assert_int_equal(pause, 7);
}

static void pauses_between_attempts_grow(void **state)
{
    static const uint32_t pauses[] = {80, 128, 205};
    struct pl_retry retry = repeatable(4);
    int64_t pause;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pl_retry_decide(&retry, &unavailable, 0, &pause), PL_RETRY_LATER);
        assert_in_range(pause, pauses[i], pauses[i] + 2);
        assert_int_equal(retry.attempts_len, i + 1);
    }
    assert_int_equal(pl_retry_decide(&retry, &unavailable, 0, &pause), PL_RETRY_NO);
}

static void only_unavailable_is_tried_again(void **state)
{
    (void)state;
    for (int code = PL_CODE_CANCELLED; code <= PL_CODE_UNAUTHENTICATED; code++) {
        const struct pl_retry_failure failure = {
            .code = (enum pl_code)code, .processed = true, .pushback = PL_E_NOTFOUND};
        struct pl_retry retry = repeatable(4);
        int64_t pause;

        assert_int_equal(pl_retry_decide(&retry, &failure, 0, &pause),
                         code == PL_CODE_UNAVAILABLE ? PL_RETRY_LATER : PL_RETRY_NO);
    }
}

static void pushback_says_when_or_not_at_all(void **state)
{
    static const struct {
        int pushback;
        int64_t pushback_ms;
        enum pl_retry_verdict verdict;
        int64_t pause_ms;
    } cases[] = {
        {PL_OK, 0, PL_RETRY_LATER, 0},
        {PL_OK, 25, PL_RETRY_LATER, 25},
        {PL_OK, INT32_MAX, PL_RETRY_LATER, INT32_MAX},
        {PL_E_INVALID, 0, PL_RETRY_NO, -1},
        {PL_E_NOTFOUND, 0, PL_RETRY_LATER, 80},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pl_retry_failure failure = {.code = PL_CODE_UNAVAILABLE,
                                                 .processed = true,
                                                 .pushback = cases[i].pushback,
                                                 .pushback_ms = cases[i].pushback_ms};
        struct pl_retry retry = repeatable(4);
        int64_t pause = -1;

        assert_int_equal(pl_retry_decide(&retry, &failure, 0, &pause), cases[i].verdict);
        assert_int_equal(pause, cases[i].pause_ms);
    }
}

static void after_pushback_the_pauses_begin_anew(void **state)
{
    struct pl_retry retry = repeatable(5);
    struct pl_retry_failure pushed = unavailable;
    int64_t pause;

    (void)state;
    pushed.pushback = PL_OK;
    pushed.pushback_ms = 3;
    assert_int_equal(pl_retry_decide(&retry, &unavailable, 0, &pause), PL_RETRY_LATER);
    assert_int_equal(pl_retry_decide(&retry, &unavailable, 0, &pause), PL_RETRY_LATER);
    assert_int_equal(pl_retry_decide(&retry, &pushed, 0, &pause), PL_RETRY_LATER);
    assert_int_equal(pl_retry_decide(&retry, &unavailable, 0, &pause), PL_RETRY_LATER);
    assert_int_equal(pause, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_processed_is_tried_again_at_once),
        cmocka_unit_test(pauses_between_attempts_grow),
        cmocka_unit_test(only_unavailable_is_tried_again),
        cmocka_unit_test(pushback_says_when_or_not_at_all),
        cmocka_unit_test(after_pushback_the_pauses_begin_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

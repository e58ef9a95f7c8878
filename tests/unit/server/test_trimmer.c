/* test_trimmer.c - when free memory is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "server/trimmer.h"

enum { BUSY_US = 400 * 1000, IDLE_US = 100 * 1000 };

static void it_is_given_back_once_after_work(void **state)
{
    struct pl_trimmer trimmer = {0};
    int64_t used_us = 0;

    (void)state;
    assert_false(pl_trimmer_due(&trimmer, used_us += IDLE_US)); /* nothing was done yet */
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            assert_false(pl_trimmer_due(&trimmer, used_us += BUSY_US));
        assert_true(pl_trimmer_due(&trimmer, used_us += IDLE_US));
        for (int i = 0; i < 3; i++)
            assert_false(pl_trimmer_due(&trimmer, used_us += IDLE_US));
    }
}

static void it_starts_or_leaves_nothing(void **state)
{
    static const struct pl_loop_ops ops = {0};
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct pl_trimmer trimmer = {0};
        struct pl_loop *loop;
        int rc;

        assert_int_equal(pl_loop_new(&ops, 16, &loop), PL_OK);
        pl_mem_fail_at(nth);
        rc = pl_trimmer_start(&trimmer, loop);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(rc, failed ? PL_E_NOMEM : PL_OK);
        pl_trimmer_stop(&trimmer);
        pl_loop_free(loop);
    }
}

static void what_is_in_use_stays(void **state)
{
    char *text = pl_strdup("in use");

    (void)state;
    pl_free(pl_alloc(1 << 20));
    pl_mem_trim();
    assert_string_equal(text, "in use");
    pl_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_given_back_once_after_work),
        cmocka_unit_test(it_starts_or_leaves_nothing),
        cmocka_unit_test(what_is_in_use_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

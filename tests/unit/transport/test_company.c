/* test_company.c - who else is there. */
#include "transport/company.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ANA = 1, BOB = 3, CLEO = 5, NOW_MS = 50 * 1000 };

static void one_that_sends_by_itself_is_alone(void **state)
{
    struct pl_company company;

    (void)state;
    pl_company_init(&company);
    assert_int_equal(pl_company_kind(&company, 0, 0), PL_COMPANY_ALONE);
    for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + 10; now_ms++)
        pl_company_note(&company, ANA, now_ms);
    pl_company_note_light(&company, BOB, NOW_MS);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS), PL_COMPANY_ALONE);
}

static void another_makes_company_for_a_while(void **state)
{
    struct pl_company company;

    (void)state;
    pl_company_init(&company);
    pl_company_note(&company, ANA, NOW_MS);
    pl_company_note(&company, BOB, NOW_MS);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS), PL_COMPANY_HEAVY);
    pl_company_note(&company, BOB, NOW_MS + 1); /* from now on by itself */
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS + PL_COMPANY_ALONE_MS - 1),
                     PL_COMPANY_HEAVY);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS + PL_COMPANY_ALONE_MS), PL_COMPANY_ALONE);
}

static void one_that_asks_for_little_is_thought_of_for_a_moment(void **state)
{
    struct pl_company company;

    (void)state;
    pl_company_init(&company);
    pl_company_note(&company, ANA, NOW_MS);
    pl_company_note(&company, BOB, NOW_MS);
    pl_company_note_light(&company, BOB, NOW_MS);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS + PL_COMPANY_LIGHT_MS - 1),
                     PL_COMPANY_LIGHT);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS + PL_COMPANY_LIGHT_MS), PL_COMPANY_HEAVY);
}

static void nobody_is_company_for_oneself(void **state)
{
    struct pl_company company;

    (void)state;
    pl_company_init(&company);
    pl_company_note(&company, ANA, NOW_MS);
    pl_company_note(&company, BOB, NOW_MS);
    pl_company_note_light(&company, BOB, NOW_MS);
    assert_int_equal(pl_company_kind(&company, BOB, NOW_MS), PL_COMPANY_HEAVY);
    assert_int_equal(pl_company_kind(&company, ANA, NOW_MS), PL_COMPANY_LIGHT);
    for (int64_t now_ms = NOW_MS; now_ms < NOW_MS + 10; now_ms++) { /* also of many */
        pl_company_note_light(&company, CLEO, now_ms);
        pl_company_note_light(&company, BOB, now_ms);
        pl_company_note_light(&company, ANA, now_ms);
        assert_int_equal(pl_company_kind(&company, ANA, now_ms), PL_COMPANY_LIGHT);
        assert_int_equal(pl_company_kind(&company, BOB, now_ms), PL_COMPANY_LIGHT);
        assert_int_equal(pl_company_kind(&company, CLEO, now_ms), PL_COMPANY_LIGHT);
    }
}

/* The clocks of loops are read at different moments. */
static void a_loop_that_is_late_takes_nothing_back(void **state)
{
    struct pl_company company;

    (void)state;
    pl_company_init(&company);
    pl_company_note(&company, ANA, NOW_MS);
    pl_company_note(&company, BOB, NOW_MS);
    pl_company_note_light(&company, BOB, NOW_MS);
    pl_company_note(&company, ANA, NOW_MS - 5);
    pl_company_note_light(&company, BOB, NOW_MS - 5);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS + PL_COMPANY_LIGHT_MS - 1),
                     PL_COMPANY_LIGHT);
    assert_int_equal(pl_company_kind(&company, 0, NOW_MS - 10), PL_COMPANY_LIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_sends_by_itself_is_alone),
        cmocka_unit_test(another_makes_company_for_a_while),
        cmocka_unit_test(one_that_asks_for_little_is_thought_of_for_a_moment),
        cmocka_unit_test(nobody_is_company_for_oneself),
        cmocka_unit_test(a_loop_that_is_late_takes_nothing_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_time_text.c - times as people and programs read them. */
#include "client/time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define MORNING INT64_C(1714719907250) /* 2024-05-03 07:05:07.250 UTC */
#define HOUR    INT64_C(3600000)

static void people_get_local_time(void **state)
{
    char text[PL_TIME_TEXT_SIZE];

    (void)state;
    pl_time_clock(MORNING, text);
    assert_string_equal(text, "09:05");
    pl_time_day(MORNING, text);
    assert_string_equal(text, "Friday, 3 May 2024");
    pl_time_stamp(MORNING, text);
    assert_string_equal(text, "2024-05-03 09:05:07");
}

static void programs_get_utc(void **state)
{
    char text[PL_TIME_TEXT_SIZE];

    (void)state;
    pl_time_rfc3339(MORNING, text);
    assert_string_equal(text, "2024-05-03T07:05:07.250Z");
    pl_time_rfc3339(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    pl_time_rfc3339(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    pl_time_rfc3339(-1000, text);
    assert_string_equal(text, "1969-12-31T23:59:59.000Z");
}

static void a_day_is_a_local_one(void **state)
{
    (void)state;
    assert_true(pl_time_same_day(MORNING, MORNING + 14 * HOUR));
    assert_false(pl_time_same_day(MORNING, MORNING + 15 * HOUR)); /* 22:05 UTC, 00:05 here */
    assert_false(pl_time_same_day(MORNING, MORNING + 366 * 24 * HOUR));
}

static void a_time_beyond_all_years_is_no_crash(void **state)
{
    char text[PL_TIME_TEXT_SIZE];

    (void)state;
    pl_time_stamp(INT64_MAX, text);
    pl_time_rfc3339(INT64_MAX, text);
    pl_time_clock(INT64_MIN, text);
    pl_time_rfc3339(INT64_MIN, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_get_local_time),
        cmocka_unit_test(programs_get_utc),
        cmocka_unit_test(a_day_is_a_local_one),
        cmocka_unit_test(a_time_beyond_all_years_is_no_crash),
    };

    setenv("TZ", "CET-2", 1); /* two hours ahead, all year */
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

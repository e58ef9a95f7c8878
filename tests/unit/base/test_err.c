/* test_err.c - the table of errors, and the names of gRPC's codes. */
#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const int errors[] = {
#define ROW(name, value, code, http, text) (value),
    PL_ERR_MAP(ROW)
#undef ROW
};

enum { ERRORS_LEN = sizeof errors / sizeof errors[0] };

static void errors_are_negative_and_differ(void **state)
{
    (void)state;
    for (int i = 0; i < ERRORS_LEN; i++) {
        assert_true(errors[i] < 0);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(errors[i], errors[j]);
            assert_string_not_equal(pl_err_name(errors[i]), pl_err_name(errors[j]));
            assert_string_not_equal(pl_err_text(errors[i]), pl_err_text(errors[j]));
        }
    }
}

static void every_error_has_a_code_and_a_status_of_failure(void **state)
{
    (void)state;
    for (int i = 0; i < ERRORS_LEN; i++) {
        assert_true(pl_err_code(errors[i]) != PL_CODE_OK);
        assert_string_not_equal(pl_code_name((int)pl_err_code(errors[i])), "UNKNOWN");
        assert_in_range((unsigned)pl_err_http(errors[i]), 400, 599);
    }
}

static void the_table_says_what_it_should(void **state)
{
    (void)state;
    assert_string_equal(pl_err_name(PL_E_NOTFOUND), "NOTFOUND");
    assert_string_equal(pl_err_text(PL_E_FULL), "no space left");
    assert_int_equal(pl_err_code(PL_E_NOTFOUND), PL_CODE_NOT_FOUND);
    assert_int_equal(pl_err_http(PL_E_NOTFOUND), 404);
    assert_int_equal(pl_err_code(PL_E_TIMEOUT), PL_CODE_DEADLINE_EXCEEDED);
}

static void success_and_strangers_have_names_too(void **state)
{
    (void)state;
    assert_string_equal(pl_err_name(PL_OK), "OK");
    assert_string_equal(pl_err_text(PL_OK), "done");
    assert_int_equal(pl_err_code(PL_OK), PL_CODE_OK);
    assert_int_equal(pl_err_http(PL_OK), 200);
    assert_string_equal(pl_err_name(-1000), "UNKNOWN");
    assert_string_equal(pl_err_text(1), "unknown error");
    assert_int_equal(pl_err_code(-1000), PL_CODE_UNKNOWN);
    assert_int_equal(pl_err_http(-1000), 500);
}

static void codes_bear_grpcs_names_and_numbers(void **state)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };

    (void)state;
    for (int i = 0; i < 17; i++)
        assert_string_equal(pl_code_name(i), names[i]);
    assert_string_equal(pl_code_name(-1), "UNKNOWN");
    assert_string_equal(pl_code_name(17), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_negative_and_differ),
        cmocka_unit_test(every_error_has_a_code_and_a_status_of_failure),
        cmocka_unit_test(the_table_says_what_it_should),
        cmocka_unit_test(success_and_strangers_have_names_too),
        cmocka_unit_test(codes_bear_grpcs_names_and_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

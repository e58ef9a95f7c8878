/* test_reason.c - every reason a peer may be told, and refusals made of them. */
#include "model/reason.h"

#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    enum pl_reason reason;
    const char *name;
    enum pl_code code;
} rows[] = {
#define ROW(name, code, text) {PL_REASON_##name, #name, PL_CODE_##code},
    PL_REASON_MAP(ROW)
#undef ROW
};

enum { ROWS_LEN = sizeof rows / sizeof rows[0] };

static void names_and_numbers_differ(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS_LEN; i++) {
        assert_string_equal(pl_reason_name(rows[i].reason), rows[i].name);
        assert_int_not_equal(rows[i].reason, PL_REASON_NONE);
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].reason, rows[j].reason);
            assert_string_not_equal(rows[i].name, rows[j].name);
        }
    }
}

/* google.rpc.ErrorInfo: at most 63 bytes of [A-Z][A-Z0-9_]+[A-Z0-9]. */
static void names_are_what_error_info_allows(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS_LEN; i++) {
        const char *name = rows[i].name;
        size_t size = strlen(name);

        assert_in_range(size, 3, 63);
        assert_int_equal(strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), size);
        assert_in_range(name[0], 'A', 'Z');
        assert_int_not_equal(name[size - 1], '_');
    }
}

static void codes_and_texts_are_those_of_the_list(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS_LEN; i++) {
        const char *text = pl_reason_text(rows[i].reason);

        assert_int_equal(pl_reason_code(rows[i].reason), rows[i].code);
        assert_int_not_equal(rows[i].code, PL_CODE_OK);
        assert_true(strlen(text) > 0);
        assert_int_not_equal(text[strlen(text) - 1], '.');
        assert_true(pl_utf8_valid(pl_bytes_str(text)));
    }
    assert_int_equal(pl_reason_code(PL_REASON_NAME_TAKEN), PL_CODE_ALREADY_EXISTS);
    assert_int_equal(pl_reason_code(PL_REASON_CURSOR_LOST), PL_CODE_OUT_OF_RANGE);
    assert_int_equal(pl_reason_code(PL_REASON_TOKEN_INVALID), PL_CODE_UNAUTHENTICATED);
}

static void no_reason_is_no_refusal(void **state)
{
    (void)state;
    assert_string_equal(pl_reason_name(PL_REASON_NONE), "NONE");
    assert_int_equal(pl_reason_code(PL_REASON_NONE), PL_CODE_OK);
    assert_string_equal(pl_reason_text(PL_REASON_NONE), "");
}

static void a_plain_refusal_has_its_reason_only(void **state)
{
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_NAME_TAKEN);

    (void)state;
    assert_int_equal(refusal.reason, PL_REASON_NAME_TAKEN);
    assert_string_equal(refusal.field, "");
    assert_string_equal(refusal.detail, "");
    assert_int_equal(refusal.retry_ms, 0);
}

static void a_field_is_named_with_what_is_right(void **state)
{
    struct pl_refusal refusal = pl_refusal_field("text", "1 to 16384 bytes");

    (void)state;
    assert_int_equal(refusal.reason, PL_REASON_FIELD_INVALID);
    assert_string_equal(refusal.field, "text");
    assert_string_equal(refusal.detail, "1 to 16384 bytes");
}

static void what_is_too_long_is_cut_between_characters(void **state)
{
    char text[400];

    (void)state;
    for (size_t before = 0; before < 5; before++) {
        struct pl_refusal refusal;

        memset(text, 'a', before);
        for (size_t at = before; at + 4 < sizeof text; at += 4)
            memcpy(text + at, "\xf0\x9f\x99\x82", 5);
        refusal = pl_refusal_field(text, text);
        assert_true(pl_utf8_valid(pl_bytes_str(refusal.field)));
        assert_true(pl_utf8_valid(pl_bytes_str(refusal.detail)));
        assert_true(strlen(refusal.field) >= sizeof refusal.field - 4);
        assert_true(strlen(refusal.detail) >= sizeof refusal.detail - 4);
        assert_memory_equal(text, refusal.detail, strlen(refusal.detail));
    }
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(strlen(pl_refusal_field(text, "").field), 63);
}

static void errors_of_the_world_become_reasons(void **state)
{
    static const struct {
        int err;
        enum pl_reason reason;
        int retry;
    } cases[] = {
        {PL_E_FULL, PL_REASON_DISK_FULL, 1},         {PL_E_NOMEM, PL_REASON_OVERLOADED, 1},
        {PL_E_LIMIT, PL_REASON_OVERLOADED, 1},       {PL_E_AGAIN, PL_REASON_OVERLOADED, 1},
        {PL_E_BUSY, PL_REASON_OVERLOADED, 1},        {PL_E_CLOSED, PL_REASON_DRAINING, 1},
        {PL_E_IO, PL_REASON_STORE_FAILED, 1},        {PL_E_CORRUPT, PL_REASON_DATA_DAMAGED, 0},
        {PL_E_INVALID, PL_REASON_INTERNAL_ERROR, 0}, {-1000, PL_REASON_INTERNAL_ERROR, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_refusal refusal = pl_refusal_of_err(cases[i].err);

        assert_int_equal(refusal.reason, cases[i].reason);
        assert_int_equal(refusal.retry_ms > 0, cases[i].retry);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_numbers_differ),
        cmocka_unit_test(names_are_what_error_info_allows),
        cmocka_unit_test(codes_and_texts_are_those_of_the_list),
        cmocka_unit_test(no_reason_is_no_refusal),
        cmocka_unit_test(a_plain_refusal_has_its_reason_only),
        cmocka_unit_test(a_field_is_named_with_what_is_right),
        cmocka_unit_test(what_is_too_long_is_cut_between_characters),
        cmocka_unit_test(errors_of_the_world_become_reasons),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

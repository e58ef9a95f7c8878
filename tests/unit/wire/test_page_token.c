/* test_page_token.c - tokens are good for their own list only. */
#include "base/err.h"
#include "base/mem.h"
#include "wire/page_token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_token_leads_back_to_its_key(void **state)
{
    struct pl_arena arena;
    char *token, *last = NULL;

    (void)state;
    pl_arena_init(&arena, 4096);
    token = pl_page_token_make("users:", "ana", &arena);
    assert_non_null(token);
    assert_int_equal(pl_page_token_open("users:", token, &arena, &last), PL_OK);
    assert_string_equal(last, "ana");
    pl_arena_done(&arena);
}

static void no_token_is_the_first_page(void **state)
{
    struct pl_arena arena;
    char *last = NULL;

    (void)state;
    pl_arena_init(&arena, 4096);
    assert_int_equal(pl_page_token_open("users:", "", &arena, &last), PL_OK);
    assert_string_equal(last, "");
    pl_arena_done(&arena);
}

static void a_token_of_another_list_is_refused(void **state)
{
    struct pl_arena arena;
    char *token, *last = NULL;

    (void)state;
    pl_arena_init(&arena, 4096);
    token = pl_page_token_make("members:a", "b", &arena);
    assert_int_equal(pl_page_token_open("members:", token, &arena, &last), PL_E_INVALID);
    assert_int_equal(pl_page_token_open("members:b", token, &arena, &last), PL_E_INVALID);
    assert_null(last);
    pl_arena_done(&arena);
}

static void what_is_no_token_is_refused(void **state)
{
    static char longest[1024];
    const char *const texts[] = {"x", "AAAAAAAAAAAA", "!!", "\xc3\xa9", longest};
    struct pl_arena arena;
    char *last = NULL;

    (void)state;
    memset(longest, 'A', sizeof longest - 1);
    pl_arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(pl_page_token_open("users:", texts[i], &arena, &last), PL_E_INVALID);
    assert_null(last);
    pl_arena_done(&arena);
}

static void a_failed_allocation_is_told(void **state)
{
    struct pl_arena arena;
    char *last = NULL;

    (void)state;
    pl_arena_init(&arena, 4096);
    pl_mem_fail_at(1);
    assert_null(pl_page_token_make("users:", "ana", &arena));
    pl_arena_done(&arena);
    pl_mem_fail_at(1);
    assert_int_equal(pl_page_token_open("users:", "", &arena, &last), PL_E_NOMEM);
    pl_mem_fail_at(0);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_leads_back_to_its_key),
        cmocka_unit_test(no_token_is_the_first_page),
        cmocka_unit_test(a_token_of_another_list_is_refused),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_newcomers.c - how many may come from one address. */
#include "server/newcomers.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint8_t *key_of(uint32_t number)
{
    static uint8_t key[PL_PEER_KEY_SIZE];

    for (int i = 0; i < 4; i++)
        key[i] = (uint8_t)(number >> (8 * i));
    return key;
}

static void so_many_come_at_once_and_then_one_after_the_other(void **state)
{
    const uint32_t one_ms = PL_NEWCOMERS_MS / 100;
    struct pl_newcomers newcomers;
    int64_t now_ms = 5000;

    (void)state;
    pl_newcomers_init(&newcomers);
    for (int i = 0; i < 100; i++)
        assert_int_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), 0);
    assert_int_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), one_ms);
    assert_int_equal(pl_newcomers_take(&newcomers, key_of(2), 100, now_ms), 0);
    now_ms += one_ms;
    assert_int_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), 0);
    assert_int_not_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), 0);
    now_ms += PL_NEWCOMERS_MS; /* and all again */
    for (int i = 0; i < 100; i++)
        assert_int_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), 0);
    assert_int_not_equal(pl_newcomers_take(&newcomers, key_of(1), 100, now_ms), 0);
    pl_newcomers_done(&newcomers);
}

static void an_address_is_forgotten_when_all_may_come_again(void **state)
{
    struct pl_newcomers newcomers;

    (void)state;
    pl_newcomers_init(&newcomers);
    for (uint32_t i = 0; i < 1000; i++)
        assert_int_equal(pl_newcomers_take(&newcomers, key_of(i), 10, 5000), 0);
    assert_int_equal(newcomers.map.len, 1000);
    pl_newcomers_take(&newcomers, key_of(0), 10, 5000 + PL_NEWCOMERS_MS / 10);
    assert_int_equal(newcomers.map.len, 1);
    pl_newcomers_done(&newcomers);
}

static void addresses_are_bounded(void **state)
{
    struct pl_newcomers newcomers;

    (void)state;
    pl_newcomers_init(&newcomers);
    for (uint32_t i = 0; i < PL_NEWCOMERS_LEN_MAX + 10; i++)
        assert_int_equal(pl_newcomers_take(&newcomers, key_of(i), 1, 5000), 0);
    assert_int_equal(newcomers.map.len, PL_NEWCOMERS_LEN_MAX);
    assert_int_not_equal(pl_newcomers_take(&newcomers, key_of(10), 1, 5000), 0);
    assert_int_equal(pl_newcomers_take(&newcomers, key_of(9), 1, 5000), 0); /* it was forgotten */
    pl_newcomers_done(&newcomers);
}

static void without_memory_everyone_may_come(void **state)
{
    struct pl_newcomers newcomers;

    (void)state;
    pl_newcomers_init(&newcomers);
    pl_mem_fail_at(1);
    assert_int_equal(pl_newcomers_take(&newcomers, key_of(1), 1, 5000), 0);
    assert_true(pl_mem_failed());
    pl_mem_fail_at(0);
    assert_int_equal(newcomers.map.len, 0);
    pl_newcomers_done(&newcomers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_come_at_once_and_then_one_after_the_other),
        cmocka_unit_test(an_address_is_forgotten_when_all_may_come_again),
        cmocka_unit_test(addresses_are_bounded),
        cmocka_unit_test(without_memory_everyone_may_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

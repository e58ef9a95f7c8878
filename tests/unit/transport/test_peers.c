/* test_peers.c - who counts as one peer, and the limit. */
#include "transport/peers.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* Whether the second is refused where the first has the one place there is. */
static bool same_peer(const char *first, const char *second)
{
    struct pl_peers peers;
    struct pl_peer *one, *two = NULL;
    int rc;

    pl_peers_init(&peers);
    assert_int_equal(pl_peers_add(&peers, first, 1, &one), PL_OK);
    rc = pl_peers_add(&peers, second, 1, &two);
    assert_true(rc == PL_OK || rc == PL_E_LIMIT);
    pl_peers_remove(&peers, two);
    pl_peers_remove(&peers, one);
    pl_peers_done(&peers);
    return rc == PL_E_LIMIT;
}

static void a_peer_is_an_ipv4_address_whatever_its_port(void **state)
{
    (void)state;
    assert_true(same_peer("192.0.2.1:1", "192.0.2.1:65535"));
    assert_false(same_peer("192.0.2.1:1", "192.0.2.2:1"));
    assert_false(same_peer("192.0.2.1:1", "193.0.2.1:1"));
}

static void a_peer_is_an_ipv6_network_of_64_bits(void **state)
{
    (void)state;
    assert_true(same_peer("[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff::9]:2"));
    assert_false(same_peer("[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1"));
}

static void a_mapped_address_is_the_ipv4_one(void **state)
{
    (void)state;
    assert_true(same_peer("192.0.2.1:1", "[::ffff:192.0.2.1]:1"));
    assert_false(same_peer("[::ffff:192.0.2.1]:1", "[::ffff:192.0.2.2]:1"));
    assert_false(same_peer("[::1]:1", "[::ffff:0.0.0.1]:1"));
}

static void a_place_that_comes_free_is_taken_again(void **state)
{
    struct pl_peers peers;
    struct pl_peer *taken[3], *none = NULL;

    (void)state;
    pl_peers_init(&peers);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &taken[i]), PL_OK);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &none), PL_E_LIMIT);
    pl_peers_remove(&peers, taken[1]);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &taken[1]), PL_OK);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &none), PL_E_LIMIT);
    assert_null(none);
    for (size_t i = 0; i < 3; i++)
        pl_peers_remove(&peers, taken[i]);
    pl_peers_remove(&peers, NULL);
    pl_peers_done(&peers);
}

static void a_peer_that_takes_much_time_is_busy_for_a_while(void **state)
{
    struct pl_peers peers;
    struct pl_peer *peer, *other;

    (void)state;
    pl_peers_init(&peers);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &peer), PL_OK);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.2:1", 3, &other), PL_OK);
    assert_false(pl_peer_is_busy(peer, 5000));
    pl_peer_use(peer, 999, 5000);
    assert_false(pl_peer_is_busy(peer, 5000));
    pl_peer_use(peer, 1, 5099); /* the same window */
    assert_true(pl_peer_is_busy(peer, 5099));
    assert_false(pl_peer_is_busy(other, 5099));
    pl_peer_use(peer, 1, 5150); /* the next one, and what was before counts */
    assert_true(pl_peer_is_busy(peer, 5150));
    pl_peer_use(peer, 1, 5250);
    assert_false(pl_peer_is_busy(peer, 5250));
    pl_peer_use(peer, 5000, 5250);
    assert_true(pl_peer_is_busy(peer, 5449));
    assert_false(pl_peer_is_busy(peer, 5450)); /* silence is enough */
    pl_peer_use(peer, 1, 9000);
    assert_false(pl_peer_is_busy(peer, 9000));
    pl_peer_wait(peer); /* whoever waits uses little */
    assert_true(pl_peer_is_busy(peer, 20000));
    pl_peer_go_on(peer);
    assert_false(pl_peer_is_busy(peer, 20000));
    pl_peers_remove(&peers, peer);
    pl_peers_remove(&peers, other);
    pl_peers_done(&peers);
}

static void what_is_no_address_is_refused(void **state)
{
    struct pl_peers peers;
    struct pl_peer *none = NULL;

    (void)state;
    pl_peers_init(&peers);
    assert_int_equal(pl_peers_add(&peers, "", 1, &none), PL_E_INVALID);
    assert_int_equal(pl_peers_add(&peers, "example.org:1", 1, &none), PL_E_INVALID);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 0, &none), PL_E_LIMIT);
    pl_peers_done(&peers);
}

static void short_of_memory_nothing_is_counted(void **state)
{
    struct pl_peers peers;
    struct pl_peer *peer = NULL;

    (void)state;
    pl_peers_init(&peers);
    pl_mem_fail_at(1);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 1, &peer), PL_E_NOMEM);
    pl_mem_fail_at(0);
    assert_null(peer);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 1, &peer), PL_OK);
    pl_peers_remove(&peers, peer);
    pl_peers_done(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_an_ipv4_address_whatever_its_port),
        cmocka_unit_test(a_peer_is_an_ipv6_network_of_64_bits),
        cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
        cmocka_unit_test(a_place_that_comes_free_is_taken_again),
        cmocka_unit_test(a_peer_that_takes_much_time_is_busy_for_a_while),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(short_of_memory_nothing_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

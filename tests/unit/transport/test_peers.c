/* test_peers.c - who counts as one peer, the limit, and whose turn it is. */
#include "transport/peers.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW_MS = 50 * 1000, LEN_MAX = 100 };

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
    pl_peers_remove(&peers, two, NOW_MS);
    pl_peers_remove(&peers, one, NOW_MS);
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
    pl_peers_remove(&peers, taken[1], NOW_MS);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &taken[1]), PL_OK);
    assert_int_equal(pl_peers_add(&peers, "192.0.2.1:1", 3, &none), PL_E_LIMIT);
    assert_null(none);
    for (size_t i = 0; i < 3; i++)
        pl_peers_remove(&peers, taken[i], NOW_MS);
    pl_peers_remove(&peers, NULL, NOW_MS);
    pl_peers_done(&peers);
}

/* Peers that share a loop, each with one connection. */
struct scene {
    struct pl_peers peers;
    struct pl_peer *all[LEN_MAX];
    size_t len;
    int64_t now_ms;
};

static struct pl_peer *come(struct scene *scene)
{
    char address[64];

    snprintf(address, sizeof address, "192.0.%zu.%zu:1", scene->len / 250, scene->len % 250);
    assert_int_equal(pl_peers_add(&scene->peers, address, 1, &scene->all[scene->len]), PL_OK);
    return scene->all[scene->len++];
}

static void scene_init(struct scene *scene)
{
    *scene = (struct scene){.now_ms = NOW_MS};
    pl_peers_init(&scene->peers);
}

static void go(struct scene *scene, struct pl_peer *peer)
{
    pl_peers_remove(&scene->peers, peer, scene->now_ms);
    for (size_t i = 0; i < scene->len; i++)
        if (scene->all[i] == peer)
            scene->all[i] = NULL;
}

static void scene_done(struct scene *scene)
{
    for (size_t i = 0; i < scene->len; i++)
        if (scene->all[i] != NULL)
            go(scene, scene->all[i]);
    pl_peers_done(&scene->peers);
}

static void use(struct scene *scene, struct pl_peer *peer, int64_t used_us)
{
    pl_peers_use(&scene->peers, peer, used_us, scene->now_ms);
}

static bool heavy(struct scene *scene, struct pl_peer *peer)
{
    return pl_peers_is_heavy(&scene->peers, peer, scene->now_ms);
}

static bool light(struct scene *scene, struct pl_peer *peer)
{
    return pl_peers_is_light(&scene->peers, peer, scene->now_ms);
}

/* How long a heavy peer needs for the highest level, where so many are. */
static int64_t heavy_ms(int64_t peers_len)
{
    return PL_PEERS_LEVEL_US_MAX * 100 / PL_PEERS_SHARED_PERCENT / 1000 * peers_len;
}

static void beyond_a_burst_a_peer_is_heavy(void **state)
{
    struct scene scene;
    struct pl_peer *peer, *other;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    other = come(&scene);
    use(&scene, peer, PL_PEERS_BURST_US);
    assert_true(light(&scene, peer));
    use(&scene, peer, 1);
    assert_true(heavy(&scene, peer));
    assert_false(light(&scene, peer));
    assert_true(light(&scene, other));
    scene_done(&scene);
}

static void a_peer_that_keeps_to_its_share_is_light_for_ever(void **state)
{
    const int64_t share_us = 1000 * PL_PEERS_SHARED_PERCENT / 100;
    struct pl_peer *peer, *other;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    other = come(&scene);
    for (int i = 0; i < 1000; i++, scene.now_ms++)
        use(&scene, peer, share_us);
    assert_true(light(&scene, peer));
    for (int i = 0; i < 1000; i++, scene.now_ms++) { /* the half of that, beside another */
        use(&scene, peer, share_us / 2 - 1);
        use(&scene, other, share_us);
    }
    assert_true(light(&scene, peer));
    assert_false(light(&scene, other));
    scene_done(&scene);
}

static void a_heavy_peer_is_so_until_it_has_made_up_for_all(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, INT64_C(1) << 40); /* there is a highest level */
    scene.now_ms += heavy_ms(1) - 1;
    assert_true(heavy(&scene, peer));
    scene.now_ms++;
    assert_false(heavy(&scene, peer));
    assert_false(light(&scene, peer));
    scene.now_ms += PL_PEERS_STEADY_MS;
    assert_true(light(&scene, peer));
    scene_done(&scene);
}

static void many_looks_change_nothing(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    for (int64_t i = 0; i < heavy_ms(1); i++, scene.now_ms++)
        assert_true(heavy(&scene, peer));
    assert_false(heavy(&scene, peer));
    scene_done(&scene);
}

static void whoever_was_heavy_long_ago_is_light_at_once(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    scene.now_ms += heavy_ms(1) + PL_PEERS_STEADY_MS;
    assert_true(light(&scene, peer));
    scene_done(&scene);
}

static void peers_share_a_part(void **state)
{
    struct pl_peer *one, *two;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    one = come(&scene);
    two = come(&scene);
    use(&scene, one, PL_PEERS_LEVEL_US_MAX);
    use(&scene, two, PL_PEERS_LEVEL_US_MAX);
    scene.now_ms += heavy_ms(2) - 1;
    assert_true(heavy(&scene, one) && heavy(&scene, two));
    scene.now_ms++;
    assert_false(heavy(&scene, one));
    scene_done(&scene);
}

static void who_does_not_come_again_takes_no_part(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < LEN_MAX - 1; i++)
        use(&scene, come(&scene), PL_PEERS_LEVEL_US_MAX);
    for (size_t i = 0; i < LEN_MAX / 2; i++)
        go(&scene, scene.all[i]);
    scene.now_ms += heavy_ms(LEN_MAX);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    scene.now_ms += heavy_ms(1);
    assert_false(heavy(&scene, peer));
    scene_done(&scene);
}

static struct pl_peer *come_back(struct scene *scene)
{
    scene->len = 0;
    return come(scene);
}

static void who_connects_again_is_known(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    go(&scene, peer);
    peer = come_back(&scene);
    assert_true(heavy(&scene, peer));
    scene_done(&scene);
}

/* So bursts come to something, also if each has a connection of its own. */
static void what_a_light_peer_used_is_known_when_it_connects_again(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_BURST_US);
    go(&scene, peer);
    peer = come_back(&scene);
    use(&scene, peer, PL_PEERS_BURST_US);
    assert_true(heavy(&scene, peer));
    scene_done(&scene);
}

static void peers_that_are_gone_are_forgotten_in_time(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    go(&scene, peer);
    assert_int_equal(scene.peers.map.len, 0); /* it has used nothing */
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    go(&scene, peer);
    assert_int_equal(scene.peers.map.len, 1);
    scene.now_ms += heavy_ms(1) + PL_PEERS_STEADY_MS;
    go(&scene, come(&scene));
    assert_int_equal(scene.peers.map.len, 0);
    scene_done(&scene);
}

static void some_thousand_that_are_gone_are_remembered(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (uint32_t i = 0; i < PL_PEERS_GONE_LEN_MAX + 10; i++) {
        struct pl_peer *peer;
        char address[64];

        snprintf(address, sizeof address, "192.0.%u.%u:1", i / 250, i % 250);
        assert_int_equal(pl_peers_add(&scene.peers, address, 1, &peer), PL_OK);
        use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
        pl_peers_remove(&scene.peers, peer, scene.now_ms);
    }
    assert_int_equal(scene.peers.gone_len, PL_PEERS_GONE_LEN_MAX);
    assert_int_equal(scene.peers.map.len, PL_PEERS_GONE_LEN_MAX);
    scene_done(&scene);
}

static void a_peer_that_is_held_stays(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    pl_peers_hold(&scene.peers, peer);
    go(&scene, peer);
    assert_ptr_equal(come_back(&scene), peer);
    go(&scene, peer);
    pl_peers_release(&scene.peers, peer, scene.now_ms);
    assert_int_equal(scene.peers.map.len, 0);
    scene_done(&scene);
}

/* Whose turns come, in order, until there are none. */
static void check_turns(struct scene *scene, bool heavy_too, struct pl_turn *const *wanted)
{
    struct pl_turn *turn;

    while ((turn = pl_peers_next(&scene->peers, heavy_too, scene->now_ms)) != NULL)
        assert_ptr_equal(turn, *wanted++);
    assert_null(*wanted);
}

static void peers_have_turns_whatever_each_of_them_waits_for(void **state)
{
    struct pl_turn turns[5];
    struct pl_peer *one, *two;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    one = come(&scene);
    two = come(&scene);
    assert_false(pl_peers_any_waits(&scene.peers));
    for (size_t i = 0; i < 5; i++) {
        pl_list_init(&turns[i].node);
        pl_peers_wait(&scene.peers, i < 3 ? one : two, &turns[i]);
    }
    assert_true(pl_peers_any_waits(&scene.peers));
    check_turns(
        &scene, false,
        (struct pl_turn *const[]){&turns[0], &turns[3], &turns[1], &turns[4], &turns[2], NULL});
    assert_false(pl_peers_any_waits(&scene.peers));
    scene_done(&scene);
}

static void who_is_not_heavy_has_turns_first(void **state)
{
    struct pl_turn turns[3];
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    pl_peers_wait(&scene.peers, peer, &turns[0]);
    pl_peers_wait(&scene.peers, come(&scene), &turns[1]);
    check_turns(&scene, false, (struct pl_turn *const[]){&turns[1], NULL});
    assert_true(pl_peers_any_waits(&scene.peers));
    pl_peers_wait(&scene.peers, come(&scene), &turns[2]);
    check_turns(&scene, true, (struct pl_turn *const[]){&turns[2], &turns[0], NULL});
    scene_done(&scene);
}

static void of_heavy_ones_who_has_had_the_least_has_turns_first(void **state)
{
    const int64_t levels_us[] = {PL_PEERS_LEVEL_US_MAX, 2 * PL_PEERS_BURST_US,
                                 PL_PEERS_LEVEL_US_MAX};
    struct pl_turn turns[3];
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < 3; i++) {
        struct pl_peer *peer = come(&scene);

        use(&scene, peer, levels_us[i]);
        pl_peers_wait(&scene.peers, peer, &turns[i]);
    }
    check_turns(&scene, true, (struct pl_turn *const[]){&turns[1], &turns[0], &turns[2], NULL});
    scene_done(&scene);
}

static void a_heavy_peer_is_so_while_something_of_it_waits(void **state)
{
    struct pl_turn turn;
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
    pl_peers_wait(&scene.peers, peer, &turn);
    scene.now_ms += heavy_ms(1);
    check_turns(&scene, false, (struct pl_turn *const[]){NULL});
    check_turns(&scene, true, (struct pl_turn *const[]){&turn, NULL});
    assert_false(heavy(&scene, peer));
    scene_done(&scene);
}

/* However many wait, the one whose turn is next is found quickly. */
static void of_those_in_line_some_are_looked_at(void **state)
{
    struct pl_turn turns[PL_PEERS_LOOKED_AT_LEN + 1];
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (size_t i = 0; i < PL_PEERS_LOOKED_AT_LEN + 1; i++) {
        struct pl_peer *peer = come(&scene);

        if (i < PL_PEERS_LOOKED_AT_LEN)
            use(&scene, peer, PL_PEERS_LEVEL_US_MAX);
        pl_peers_wait(&scene.peers, peer, &turns[i]);
    }
    assert_null(pl_peers_next(&scene.peers, false, scene.now_ms));
    assert_ptr_equal(pl_peers_next(&scene.peers, true, scene.now_ms), &turns[0]);
    assert_ptr_equal(pl_peers_next(&scene.peers, false, scene.now_ms),
                     &turns[PL_PEERS_LOOKED_AT_LEN]);
    for (size_t i = 1; i < PL_PEERS_LOOKED_AT_LEN; i++)
        assert_ptr_equal(pl_peers_next(&scene.peers, true, scene.now_ms), &turns[i]);
    scene_done(&scene);
}

static void whoever_was_heavy_a_moment_ago_is_not_light(void **state)
{
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    use(&scene, peer, PL_PEERS_BURST_US + 1);
    scene.now_ms += PL_PEERS_STEADY_MS - 1; /* nobody has looked meanwhile */
    assert_false(heavy(&scene, peer) || light(&scene, peer));
    scene.now_ms++;
    assert_true(light(&scene, peer));
    scene_done(&scene);
}

static void whoever_is_taken_out_waits_no_more(void **state)
{
    struct pl_turn turns[2];
    struct pl_peer *peer;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    peer = come(&scene);
    pl_peers_wait(&scene.peers, peer, &turns[0]);
    pl_list_remove(&turns[0].node);
    check_turns(&scene, true, (struct pl_turn *const[]){NULL});
    assert_false(pl_peers_any_waits(&scene.peers));
    pl_peers_wait(&scene.peers, peer, &turns[0]);
    pl_list_remove(&turns[0].node);
    go(&scene, peer); /* it still has its place in line */
    assert_false(pl_peers_any_waits(&scene.peers));
    scene_done(&scene);
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
    pl_peers_remove(&peers, peer, NOW_MS);
    pl_peers_done(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_is_an_ipv4_address_whatever_its_port),
        cmocka_unit_test(a_peer_is_an_ipv6_network_of_64_bits),
        cmocka_unit_test(a_mapped_address_is_the_ipv4_one),
        cmocka_unit_test(a_place_that_comes_free_is_taken_again),
        cmocka_unit_test(beyond_a_burst_a_peer_is_heavy),
        cmocka_unit_test(a_peer_that_keeps_to_its_share_is_light_for_ever),
        cmocka_unit_test(a_heavy_peer_is_so_until_it_has_made_up_for_all),
        cmocka_unit_test(many_looks_change_nothing),
        cmocka_unit_test(whoever_was_heavy_long_ago_is_light_at_once),
        cmocka_unit_test(peers_share_a_part),
        cmocka_unit_test(who_does_not_come_again_takes_no_part),
        cmocka_unit_test(who_connects_again_is_known),
        cmocka_unit_test(what_a_light_peer_used_is_known_when_it_connects_again),
        cmocka_unit_test(peers_that_are_gone_are_forgotten_in_time),
        cmocka_unit_test(some_thousand_that_are_gone_are_remembered),
        cmocka_unit_test(a_peer_that_is_held_stays),
        cmocka_unit_test(peers_have_turns_whatever_each_of_them_waits_for),
        cmocka_unit_test(who_is_not_heavy_has_turns_first),
        cmocka_unit_test(of_heavy_ones_who_has_had_the_least_has_turns_first),
        cmocka_unit_test(a_heavy_peer_is_so_while_something_of_it_waits),
        cmocka_unit_test(of_those_in_line_some_are_looked_at),
        cmocka_unit_test(whoever_was_heavy_a_moment_ago_is_not_light),
        cmocka_unit_test(whoever_is_taken_out_waits_no_more),
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(short_of_memory_nothing_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

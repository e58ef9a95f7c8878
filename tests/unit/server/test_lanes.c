/* test_lanes.c - addresses have their turns at engine and readers. */
#include "server/lanes.h"

#include "base/err.h"
#include "base/mem.h"
#include "transport/port_connection.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SIZE = 1000, WENT_LEN_MAX = 2 * PL_LANES_COMMANDS_MAX };

/* A port whose loop does not run, so its time stands still; what went to engine and readers. */
struct scene {
    struct pl_company company;
    struct pl_loop *loop;
    struct pl_rpc_host *host;
    struct pl_port *port;
    struct pl_peer *ana, *bob, *cleo;
    struct pl_lanes lanes;
    struct pl_errand *went[WENT_LEN_MAX];
    size_t went_len;
    bool refuse; /* nothing goes after all */
};

static int64_t now_of(const struct scene *scene)
{
    return pl_loop_now_ms(scene->loop);
}

static void drop(struct scene *scene, struct pl_errand *errand)
{
    pl_lanes_leave(&scene->lanes, errand);
    pl_errand_free(errand);
}

static void come_back(struct scene *scene, struct pl_errand *errand)
{
    pl_lanes_back(&scene->lanes, errand);
    drop(scene, errand);
}

static void on_turn(struct pl_turn *turn)
{
    struct pl_lane *lane = PL_CONTAINER(turn, struct pl_lane, turn);
    struct scene *scene = lane->owner_weak;
    struct pl_errand *errand = pl_lanes_turn(&scene->lanes, lane);

    if (errand != NULL && scene->refuse)
        come_back(scene, errand);
    else if (errand != NULL)
        scene->went[scene->went_len++] = errand;
    pl_lanes_turn_end(&scene->lanes, lane);
}

static struct pl_peer *come(struct scene *scene, const char *address)
{
    struct pl_peer *peer = NULL;

    assert_int_equal(pl_peers_add(&scene->port->peers, address, 1, &peer), PL_OK);
    return peer;
}

static void scene_init(struct scene *scene)
{
    struct pl_loop_ops ops = {.self = scene};
    struct pl_port_config config = {.limits = PL_PORT_LIMITS_DEFAULT, .company = &scene->company};

    *scene = (struct scene){.went_len = 0};
    pl_company_init(&scene->company);
    assert_int_equal(pl_loop_new(&ops, 1, &scene->loop), PL_OK);
    assert_int_equal(pl_rpc_host_new(&pl_port_host_ops, &scene->host), PL_OK);
    assert_int_equal(pl_port_new(scene->loop, scene->host, &config, &scene->port), PL_OK);
    pl_lanes_init(&scene->lanes, scene->port, on_turn, scene);
    scene->ana = come(scene, "192.0.2.1:1");
    scene->bob = come(scene, "192.0.2.2:1");
    scene->cleo = come(scene, "192.0.2.3:1");
}

static void scene_done(struct scene *scene)
{
    struct pl_peer *peers[] = {scene->ana, scene->bob, scene->cleo};

    for (size_t i = 0; i < 3; i++)
        pl_peers_remove(&scene->port->peers, peers[i], now_of(scene));
    pl_port_free(scene->port);
    pl_loop_free(scene->loop);
    pl_rpc_host_free(scene->host);
    pl_lanes_done(&scene->lanes); /* last, as a loop does it */
}

enum { LIGHT_ONE = 2 }; /* a hash that is no peer's: theirs are odd */

/* Several send, and one that asks for little may be among them. */
static void mix(struct scene *scene, bool light)
{
    pl_company_note(&scene->company, 1, now_of(scene));
    pl_company_note(&scene->company, 2, now_of(scene));
    if (light)
        pl_company_note_light(&scene->company, LIGHT_ONE, now_of(scene));
    pl_peers_use(&scene->port->peers, scene->ana, 1, now_of(scene));
    pl_peers_use(&scene->port->peers, scene->cleo, 1, now_of(scene));
    assert_int_equal(pl_port_company(scene->port, NULL),
                     light ? PL_COMPANY_LIGHT : PL_COMPANY_HEAVY);
}

static void make_heavy(struct scene *scene, struct pl_peer *peer)
{
    pl_peers_use(&scene->port->peers, peer, PL_PEERS_LEVEL_US_MAX, now_of(scene));
}

/* All turns that have come, or only those of peers that are not heavy. */
static void have_turns(struct scene *scene, bool light)
{
    struct pl_turn *turn;

    while ((turn = pl_peers_next(&scene->port->peers, !light, now_of(scene))) != NULL)
        turn->go_on(turn);
}

static struct pl_errand *enter(struct scene *scene, struct pl_peer *peer, bool asked)
{
    struct pl_errand *errand = pl_errand_new(asked ? PL_ERRAND_QUERY : PL_ERRAND_COMMAND, 0, 1);

    assert_non_null(errand);
    errand->asked = asked;
    errand->charged_size = SIZE;
    assert_int_equal(pl_lanes_enter(&scene->lanes, peer, errand), PL_OK);
    return errand;
}

static struct pl_errand *send(struct scene *scene, struct pl_peer *peer, int rc)
{
    struct pl_errand *errand = enter(scene, peer, false);

    assert_int_equal(pl_lanes_go(&scene->lanes, errand), rc);
    return errand;
}

static struct pl_errand *ask(struct scene *scene, struct pl_peer *peer, int rc)
{
    struct pl_errand *errand = enter(scene, peer, true);

    assert_int_equal(pl_lanes_go(&scene->lanes, errand), rc);
    return errand;
}

static void all_come_back(struct scene *scene)
{
    for (size_t i = 0; i < scene->went_len; i++)
        come_back(scene, scene->went[i]);
    scene->went_len = 0;
}

static void all_is_over(struct scene *scene)
{
    have_turns(scene, false);
    while (scene->went_len > 0) {
        all_come_back(scene);
        have_turns(scene, false);
    }
    assert_int_equal(scene->lanes.map.len, 0);
    assert_int_equal(scene->lanes.commands_len, 0);
    assert_int_equal(scene->lanes.questions_len, 0);
    assert_true(pl_list_empty(&scene->lanes.blocked) && pl_list_empty(&scene->lanes.served));
}

static void who_is_alone_does_not_wait(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    make_heavy(&scene, scene.ana);
    for (int i = 0; i < WENT_LEN_MAX; i++)
        scene.went[scene.went_len++] = send(&scene, scene.ana, PL_OK);
    all_is_over(&scene);
    scene_done(&scene);
}

static void readers_have_some_questions_at_a_time(void **state)
{
    struct pl_errand *last;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < PL_LANES_QUESTIONS_MAX; i++)
        scene.went[scene.went_len++] = ask(&scene, scene.ana, PL_OK);
    last = ask(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_int_equal(scene.went_len, PL_LANES_QUESTIONS_MAX);
    come_back(&scene, scene.went[--scene.went_len]);
    have_turns(&scene, false);
    assert_ptr_equal(scene.went[scene.went_len - 1], last);
    all_is_over(&scene);
    scene_done(&scene);
}

static void sends_do_not_wait_behind_questions_of_the_same_address(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    for (int i = 0; i < PL_LANES_QUESTIONS_MAX; i++)
        scene.went[scene.went_len++] = ask(&scene, scene.ana, PL_OK);
    ask(&scene, scene.ana, PL_E_AGAIN); /* its lane is blocked */
    scene.went[scene.went_len++] = send(&scene, scene.ana, PL_OK);
    all_is_over(&scene);
    scene_done(&scene);
}

static void a_heavy_ones_sends_have_turns_beside_its_blocked_questions(void **state)
{
    struct pl_errand *sent;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, false);
    make_heavy(&scene, scene.ana);
    for (int i = 0; i < PL_LANES_QUESTIONS_MAX + 1; i++)
        ask(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_int_equal(scene.went_len, PL_LANES_QUESTIONS_MAX);
    sent = send(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_ptr_equal(scene.went[scene.went_len - 1], sent);
    all_is_over(&scene);
    scene_done(&scene);
}

static void a_heavy_one_waits_for_its_turns_and_others_do_not(void **state)
{
    struct pl_errand *sent[PL_LANES_COMMANDS_MAX + 2];
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, false);
    make_heavy(&scene, scene.ana);
    for (int i = 0; i < PL_LANES_COMMANDS_MAX + 2; i++)
        sent[i] = send(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_int_equal(scene.went_len, PL_LANES_COMMANDS_MAX); /* the engine has enough */
    for (size_t i = 0; i < scene.went_len; i++)
        assert_ptr_equal(scene.went[i], sent[i]);  /* in order */
    for (int i = 0; i < PL_LANE_COMMANDS_MAX; i++) /* but others have their part */
        scene.went[scene.went_len++] = send(&scene, scene.bob, PL_OK);
    send(&scene, scene.bob, PL_E_AGAIN);
    all_is_over(&scene);
    scene_done(&scene);
}

static void what_waits_goes_as_others_come_back(void **state)
{
    struct pl_errand *sent[PL_LANES_COMMANDS_MAX + 2];
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, false);
    make_heavy(&scene, scene.ana);
    for (int i = 0; i < PL_LANES_COMMANDS_MAX + 2; i++)
        sent[i] = send(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    for (int i = 0; i < 2; i++) {
        come_back(&scene, scene.went[i]);
        have_turns(&scene, false);
        assert_int_equal(scene.went_len, PL_LANES_COMMANDS_MAX + i + 1);
        assert_ptr_equal(scene.went[scene.went_len - 1], sent[PL_LANES_COMMANDS_MAX + i]);
    }
    scene.went[0] = scene.went[--scene.went_len];
    scene.went[1] = scene.went[--scene.went_len];
    all_is_over(&scene);
    scene_done(&scene);
}

static void beside_a_light_one_heavy_ones_have_little(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, true);
    make_heavy(&scene, scene.ana);
    make_heavy(&scene, scene.bob);
    for (int i = 0; i < PL_LANES_COMMANDS_LIGHT_MAX + 1; i++)
        send(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_int_equal(scene.went_len, PL_LANES_COMMANDS_LIGHT_MAX);
    for (int i = 0; i < PL_LANE_COMMANDS_LIGHT_MAX + 1; i++)
        send(&scene, scene.bob, PL_E_AGAIN);
    for (int i = 0; i < PL_LANES_QUESTIONS_LIGHT_MAX + 1; i++)
        ask(&scene, scene.bob, PL_E_AGAIN);
    have_turns(&scene, false);
    assert_int_equal(scene.lanes.commands_len,
                     PL_LANES_COMMANDS_LIGHT_MAX + PL_LANE_COMMANDS_LIGHT_MAX);
    assert_int_equal(scene.lanes.questions_len, PL_LANES_QUESTIONS_LIGHT_MAX);
    scene.went[scene.went_len++] = send(&scene, scene.cleo, PL_OK);
    scene.went[scene.went_len++] = ask(&scene, scene.cleo, PL_OK);
    all_is_over(&scene);
    scene_done(&scene);
}

static void addresses_that_wait_for_readers_have_turns(void **state)
{
    struct pl_errand *asked[4];
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, true);
    make_heavy(&scene, scene.ana);
    make_heavy(&scene, scene.bob);
    for (int i = 0; i < 3; i++)
        asked[i] = ask(&scene, scene.ana, PL_E_AGAIN);
    asked[3] = ask(&scene, scene.bob, PL_E_AGAIN);
    for (int i = 0; i < 4; i++) {
        const int order[] = {0, 3, 1, 2};

        have_turns(&scene, false);
        assert_int_equal(scene.went_len, PL_LANES_QUESTIONS_LIGHT_MAX);
        assert_ptr_equal(scene.went[0], asked[order[i]]);
        all_come_back(&scene);
    }
    all_is_over(&scene);
    scene_done(&scene);
}

/* Ana's lane was blocked first, but her turn does not come before Bob is done. */
static void nobody_hangs_on_the_turn_of_another(void **state)
{
    struct pl_errand *asked;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, true);
    for (int i = 0; i < PL_LANES_QUESTIONS_MAX; i++)
        scene.went[scene.went_len++] = ask(&scene, scene.cleo, PL_OK);
    make_heavy(&scene, scene.ana);
    ask(&scene, scene.ana, PL_E_AGAIN);
    have_turns(&scene, false);
    asked = ask(&scene, scene.bob, PL_E_AGAIN);
    have_turns(&scene, false);
    all_come_back(&scene);
    have_turns(&scene, true);
    assert_int_equal(scene.went_len, 1);
    assert_ptr_equal(scene.went[0], asked);
    all_is_over(&scene);
    scene_done(&scene);
}

static void a_lane_may_end_in_its_own_turn(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene);
    mix(&scene, false);
    make_heavy(&scene, scene.ana);
    make_heavy(&scene, scene.bob);
    scene.refuse = true;
    for (int i = 0; i < 3; i++) {
        send(&scene, scene.ana, PL_E_AGAIN);
        ask(&scene, scene.bob, PL_E_AGAIN);
    }
    have_turns(&scene, false);
    assert_int_equal(scene.went_len, 0);
    all_is_over(&scene);
    scene_done(&scene);
}

static void a_lane_keeps_its_peer(void **state)
{
    struct pl_peer *dan;
    struct scene scene;

    (void)state;
    scene_init(&scene);
    dan = come(&scene, "192.0.2.4:1");
    scene.went[scene.went_len++] = send(&scene, dan, PL_OK);
    pl_peers_remove(&scene.port->peers, dan, now_of(&scene));
    assert_ptr_equal(come(&scene, "192.0.2.4:1"), dan);
    pl_peers_remove(&scene.port->peers, dan, now_of(&scene));
    all_is_over(&scene);
    scene_done(&scene);
}

static void what_waits_is_bounded_and_freed_at_the_end(void **state)
{
    struct pl_errand *errand;
    struct scene scene;
    int rc = PL_E_AGAIN, len = 0;

    (void)state;
    scene_init(&scene);
    mix(&scene, false);
    make_heavy(&scene, scene.ana);
    while (rc == PL_E_AGAIN) {
        errand = enter(&scene, scene.ana, len % 2 == 0);
        errand->charged_size = PL_LANE_SIZE_MAX / 100;
        rc = pl_lanes_go(&scene.lanes, errand);
        len++;
    }
    assert_int_equal(rc, PL_E_LIMIT);
    assert_int_equal(len, 101);
    drop(&scene, errand);
    scene_done(&scene);
}

static void a_lane_needs_memory_or_says_so(void **state)
{
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_COMMAND, 0, 1);
    struct scene scene;

    (void)state;
    scene_init(&scene);
    pl_mem_fail_at(1);
    assert_int_equal(pl_lanes_enter(&scene.lanes, scene.ana, errand), PL_E_NOMEM);
    pl_mem_fail_at(0);
    assert_null(errand->lane_weak);
    pl_errand_free(errand);
    scene_done(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_alone_does_not_wait),
        cmocka_unit_test(readers_have_some_questions_at_a_time),
        cmocka_unit_test(sends_do_not_wait_behind_questions_of_the_same_address),
        cmocka_unit_test(a_heavy_ones_sends_have_turns_beside_its_blocked_questions),
        cmocka_unit_test(a_heavy_one_waits_for_its_turns_and_others_do_not),
        cmocka_unit_test(what_waits_goes_as_others_come_back),
        cmocka_unit_test(beside_a_light_one_heavy_ones_have_little),
        cmocka_unit_test(addresses_that_wait_for_readers_have_turns),
        cmocka_unit_test(nobody_hangs_on_the_turn_of_another),
        cmocka_unit_test(a_lane_may_end_in_its_own_turn),
        cmocka_unit_test(a_lane_keeps_its_peer),
        cmocka_unit_test(what_waits_is_bounded_and_freed_at_the_end),
        cmocka_unit_test(a_lane_needs_memory_or_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

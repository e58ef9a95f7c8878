/* test_port_turns.c - heavy peers have turns, and wait while a light one is there. */
#include "base/clock.h"
#include "base/err.h"
#include "transport/port.h"
#include "transport/port_connection.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CALLERS_LEN_MAX = 4 };

struct scene {
    struct world world;
    struct caller callers[CALLERS_LEN_MAX];
    size_t callers_len;
    struct pl_peer *other; /* who has some of the loop, too */
    int step;
    bool told;
    size_t over_len; /* when the debt was made */
};

static struct pl_port_config default_config(void)
{
    return (struct pl_port_config){.limits = PL_PORT_LIMITS_DEFAULT};
}

static void scene_init(struct scene *scene, const struct pl_port_config *config)
{
    *scene = (struct scene){0};
    assert_int_equal(world_init(&scene->world, config), PL_OK);
}

static void scene_done(struct scene *scene)
{
    pl_peers_remove(&scene->world.port->peers, scene->other, pl_loop_now_ms(scene->world.loop));
    world_done(&scene->world);
    for (size_t i = 0; i < scene->callers_len; i++)
        caller_done(&scene->callers[i]);
}

static struct caller *add(struct scene *scene, const char *method, const char *text)
{
    struct caller *caller = &scene->callers[scene->callers_len++];

    caller->mute = method == NULL;
    assert_int_equal(caller_start(caller, scene->world.loop, &scene->world.address, method, text),
                     PL_OK);
    return caller;
}

static bool all_over(struct world *world)
{
    struct scene *scene = world->data;

    for (size_t i = 0; i < scene->callers_len; i++)
        if (scene->callers[i].over == 0)
            return false;
    return true;
}

static bool all_gone(struct world *world)
{
    struct scene *scene = world->data;

    for (size_t i = 0; i < scene->callers_len; i++)
        if (scene->callers[i].gone == 0)
            return false;
    return pl_port_connections_len(world->port) == 0;
}

enum { OTHER = 2 }; /* a hash that is no peer's: theirs are odd */

static void set_company(struct world *world, enum pl_company_kind kind)
{
    struct pl_company *company = &world->port->company;
    int64_t now_ms = pl_loop_now_ms(world->loop);

    pl_company_init(company);
    if (kind == PL_COMPANY_ALONE)
        return;
    pl_company_note(company, OTHER + 2, now_ms);
    pl_company_note(company, OTHER, now_ms);
    if (kind == PL_COMPANY_LIGHT)
        pl_company_note_light(company, OTHER, now_ms);
}

/* Those who call are one peer: it is heavy, in such company. Counts how often some waits. */
static void be_heavy(struct world *world, enum pl_company_kind kind)
{
    struct scene *scene = world->data;
    struct pl_port *port = world->port;

    set_company(world, kind);
    if (scene->other == NULL)
        assert_int_equal(pl_peers_add(&port->peers, "192.0.2.1:1", 1, &scene->other), PL_OK);
    pl_peers_use(&port->peers, scene->other, 1, pl_loop_now_ms(world->loop));
    PL_LIST_EACH (node, &port->connections)
        pl_peers_use(&port->peers, PL_CONTAINER(node, struct pl_port_connection, node)->peer,
                     PL_PEERS_LEVEL_US_MAX, pl_loop_now_ms(world->loop));
    if (pl_peers_any_waits(&port->peers))
        scene->step++;
}

static bool heavy_alone(struct world *world)
{
    be_heavy(world, PL_COMPANY_ALONE);
    return all_over(world);
}

static bool heavy_beside_a_light_one(struct world *world)
{
    be_heavy(world, PL_COMPANY_LIGHT);
    return all_over(world);
}

static bool heavy_beside_others(struct world *world)
{
    be_heavy(world, PL_COMPANY_HEAVY);
    return all_over(world);
}

static size_t over_len(const struct scene *scene)
{
    size_t len = 0;

    for (size_t i = 0; i < scene->callers_len; i++)
        len += scene->callers[i].over > 0;
    return len;
}

/* Turns have taken much: until most of it is made up for nobody of the heavy ones has one. */
static bool heavy_in_debt(struct world *world)
{
    struct scene *scene = world->data;

    be_heavy(world, PL_COMPANY_LIGHT);
    if (scene->step > 0 && !scene->told) {
        scene->told = true;
        scene->over_len = over_len(scene);
        world->port->turns_us = PL_PORT_DEBT_US_MAX;
        world->port->paid_us = pl_clock_mono_us();
    }
    if (scene->told && world->port->turns_us > PL_PORT_DEBT_US_MAX / 2)
        assert_int_equal(over_len(scene), scene->over_len);
    return all_over(world);
}

/* Returns how often something was seen to wait. */
static int say_all_where(uint32_t heavy_percent, bool (*look)(struct world *world))
{
    static const char *const texts[CALLERS_LEN_MAX] = {"one", "two", "three", "four"};
    struct pl_port_config config = default_config();
    struct scene scene;

    config.limits.heavy_percent = heavy_percent;
    scene_init(&scene, &config);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        add(&scene, "Say", texts[i]);
    world_run(&scene.world, look, &scene);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        assert_string_equal(scene.callers[i].text, texts[i]);
    scene_done(&scene);
    return scene.step;
}

static int say_all(bool (*look)(struct world *world))
{
    return say_all_where(12, look);
}

static void what_a_heavy_peer_sends_waits_its_turn(void **state)
{
    (void)state;
    assert_true(say_all(heavy_beside_others) > 0);
}

static void where_time_is_not_shared_nothing_waits(void **state)
{
    (void)state;
    assert_true(say_all(heavy_beside_a_light_one) > 0);
    assert_int_equal(say_all_where(100, heavy_beside_a_light_one), 0);
}

static void where_one_peer_alone_sends_nothing_waits(void **state)
{
    (void)state;
    assert_int_equal(say_all(heavy_alone), 0);
}

static void beside_a_light_peer_heavy_ones_make_up_for_what_they_had_too_much(void **state)
{
    (void)state;
    assert_true(say_all(heavy_in_debt) > 0);
}

/* A second connection comes while the first has made its peer heavy. */
static bool until_one_is_held(struct world *world)
{
    struct scene *scene = world->data;

    be_heavy(world, PL_COMPANY_LIGHT);
    if (scene->callers_len == 1 && world->watches_len == 0) {
        set_company(world, PL_COMPANY_ALONE); /* the first begins */
    } else if (scene->callers_len == 1) {
        add(scene, "Say", "later");
    } else {
        PL_LIST_EACH (node, &world->port->connections)
            if (PL_CONTAINER(node, struct pl_port_connection, node)->held)
                return true;
    }
    return false;
}

static bool second_is_over(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->step < 1000) {
        scene->step = 1000;
        PL_LIST_EACH (node, &world->port->connections) {
            struct pl_port_connection *connection =
                PL_CONTAINER(node, struct pl_port_connection, node);

            assert_true(!connection->held || !connection->reading);
        }
    }
    set_company(world, PL_COMPANY_HEAVY);
    return scene->callers[1].over > 0;
}

static bool held_and_then_read(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->told) /* one was held */
        return second_is_over(world);
    scene->told = until_one_is_held(world);
    return false;
}

static void a_new_connection_of_a_heavy_peer_is_read_in_its_turn(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    world_run(&scene.world, held_and_then_read, &scene);
    assert_string_equal(scene.callers[1].text, "later");
    scene_done(&scene);
}

/* The first that waits for its turn is closed, and with it the loop ends. */
static bool until_one_waits(struct world *world)
{
    struct scene *scene = world->data;

    be_heavy(world, PL_COMPANY_LIGHT);
    return scene->step > 0;
}

static void a_connection_may_close_while_what_it_sent_waits(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Say", "one");
    world_run(&scene.world, until_one_waits, &scene);
    assert_int_equal(scene.callers[0].over, 0);
    scene_done(&scene);
}

static bool hang_up_while_it_waits(struct world *world)
{
    struct scene *scene = world->data;

    be_heavy(world, PL_COMPANY_LIGHT);
    if (scene->step == 1)
        PL_LIST_EACH (node, &world->port->connections)
            pl_port_connection_close(PL_CONTAINER(node, struct pl_port_connection, node), false);
    return scene->step > 0 && all_gone(world);
}

static void who_is_closed_waits_no_more(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        add(&scene, "Say", "one");
    world_run(&scene.world, hang_up_while_it_waits, &scene);
    scene_done(&scene);
}

static void a_long_answer_to_a_heavy_peer_comes_whole(void **state)
{
    static char text[3 * PL_PORT_HEAVY_SEND_SIZE];
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    memset(text, 'a', sizeof text - 1);
    scene_init(&scene, &config);
    add(&scene, "Say", text);
    world_run(&scene.world, heavy_beside_others, &scene);
    assert_int_equal(scene.callers[0].code, PL_CODE_OK);
    assert_int_equal(scene.callers[0].messages, 1);
    assert_true(scene.step > 0);
    scene_done(&scene);
}

/* The drain begins while something waits for its turn. */
static bool drain_while_it_waits(struct world *world)
{
    struct scene *scene = world->data;

    be_heavy(world, scene->told ? PL_COMPANY_HEAVY : PL_COMPANY_LIGHT);
    if (!scene->told && scene->step > 0) {
        scene->told = true;
        pl_port_drain(world->port);
    }
    return scene->told && all_gone(world);
}

static void a_port_drains_while_a_heavy_peer_waits(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Say", "one");
    world_run(&scene.world, drain_while_it_waits, &scene);
    assert_int_equal(scene.callers[0].gone, 1);
    scene_done(&scene);
}

struct waiting {
    struct pl_turn turn;
    struct world *world;
    int gone_on;
};

static void note_turn(struct pl_turn *turn)
{
    struct waiting *waiting = PL_CONTAINER(turn, struct waiting, turn);

    waiting->gone_on++;
    pl_loop_stop(waiting->world->loop);
}

static void a_turn_that_need_not_wait_does_not_wait_for_a_pause(void **state)
{
    struct pl_port_config config = default_config();
    struct waiting heavy = {.turn = {.go_on = note_turn}}, light = heavy;
    struct pl_peer *peers[2];
    struct scene scene;
    struct pl_port *port;

    (void)state;
    scene_init(&scene, &config);
    heavy.world = light.world = &scene.world;
    port = scene.world.port;
    set_company(&scene.world, PL_COMPANY_LIGHT);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(
            pl_peers_add(&port->peers, i == 0 ? "192.0.2.1:1" : "192.0.2.2:1", 1, &peers[i]),
            PL_OK);
    pl_peers_use(&port->peers, peers[0], PL_PEERS_LEVEL_US_MAX, pl_loop_now_ms(scene.world.loop));
    pl_port_await_turn(port, peers[0], &heavy.turn);
    assert_false(pl_port_flush(port));
    assert_true(port->turns_due);
    pl_port_await_turn(port, peers[1], &light.turn);
    assert_false(pl_port_flush(port));
    assert_false(port->turns_soon); /* the pause is over */
    world_run(&scene.world, NULL, &scene);
    assert_int_equal(light.gone_on, 1);
    pl_list_remove(&heavy.turn.node);
    for (size_t i = 0; i < 2; i++)
        pl_peers_remove(&port->peers, peers[i], pl_loop_now_ms(scene.world.loop));
    scene_done(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_heavy_peer_sends_waits_its_turn),
        cmocka_unit_test(where_time_is_not_shared_nothing_waits),
        cmocka_unit_test(where_one_peer_alone_sends_nothing_waits),
        cmocka_unit_test(beside_a_light_peer_heavy_ones_make_up_for_what_they_had_too_much),
        cmocka_unit_test(a_new_connection_of_a_heavy_peer_is_read_in_its_turn),
        cmocka_unit_test(a_connection_may_close_while_what_it_sent_waits),
        cmocka_unit_test(who_is_closed_waits_no_more),
        cmocka_unit_test(a_long_answer_to_a_heavy_peer_comes_whole),
        cmocka_unit_test(a_port_drains_while_a_heavy_peer_waits),
        cmocka_unit_test(a_turn_that_need_not_wait_does_not_wait_for_a_pause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

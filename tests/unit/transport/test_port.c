/* test_port.c - connections of a loop: accepted, fed, flushed, limited, drained. */
#include "transport/port.h"

#include "base/err.h"
#include "base/mem.h"
#include "rpc/limits.h"
#include "transport/port_connection.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CALLERS_LEN_MAX = 4, FAILURES_MAX = 2000 };

struct scene {
    struct world world;
    struct caller callers[CALLERS_LEN_MAX];
    size_t callers_len;
    int step;
    bool freed;
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
    if (!scene->freed)
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

static void a_call_is_answered(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Say", "hello");
    world_run(&scene.world, all_over, &scene);
    assert_int_equal(scene.callers[0].code, PL_CODE_OK);
    assert_string_equal(scene.callers[0].text, "hello");
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

static void many_callers_are_answered_each_its_own(void **state)
{
    static const char *const texts[CALLERS_LEN_MAX] = {"one", "two", "three", "four"};
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        add(&scene, "Say", texts[i]);
    world_run(&scene.world, all_over, &scene);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        assert_string_equal(scene.callers[i].text, texts[i]);
    scene_done(&scene);
}

/* All streams are open: in one turn, from outside the port, each is finished. */
static bool end_watches_once(struct world *world)
{
    struct scene *scene = world->data;

    if (world->watches_len < scene->callers_len)
        return all_over(world);
    world->flushes = 0;
    world_end_watches(world);
    assert_true(pl_port_flush(world->port));
    assert_false(pl_port_flush(world->port));
    return false;
}

static void one_flush_sends_what_a_turn_has_made(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    add(&scene, "Watch", "b");
    world_run(&scene.world, end_watches_once, &scene);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(scene.callers[i].code, PL_CODE_OK);
        assert_int_equal(scene.callers[i].messages, 1);
    }
    scene_done(&scene);
}

/* What the owner keeps of a connection: nothing at first, then what it was given. */
static bool count_in_extra(struct world *world)
{
    struct scene *scene = world->data;
    struct pl_rpc_call *call;
    int *count;

    if (world->watches_len == 0)
        return false;
    call = pl_rpc_host_call(world->host, world->watches[0]);
    assert_non_null(call);
    count = pl_port_extra(pl_rpc_call_conn(call));
    assert_int_equal(*count, scene->step);
    *count = ++scene->step;
    return scene->step >= 3;
}

static bool watched(struct world *world)
{
    return world->watches_len > 0;
}

static void each_connection_has_bytes_for_its_owner(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    config.extra_size = sizeof(int);
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    world_run(&scene.world, count_in_extra, &scene);
    assert_true(scene.step >= 3);
    scene_done(&scene);
}

/* One more than there is room for; once it is gone, the others go, and another comes. */
static bool one_too_many(struct world *world)
{
    struct scene *scene = world->data;
    int gone = 0;

    for (size_t i = 0; i < scene->callers_len; i++)
        gone += scene->callers[i].gone;
    if (scene->step == 0 && gone == 1) {
        scene->step = 1;
        for (size_t i = 0; i < scene->callers_len; i++)
            caller_close(&scene->callers[i]);
    } else if (scene->step == 1 && all_gone(world)) {
        scene->step = 2;
        add(scene, "Say", "there is room again");
    }
    return scene->step == 2 && scene->callers[3].over > 0;
}

static void check_two_at_a_time(const struct pl_port_config *config)
{
    struct scene scene;

    scene_init(&scene, config);
    for (size_t i = 0; i < 3; i++)
        add(&scene, NULL, NULL);
    world_run(&scene.world, one_too_many, &scene);
    assert_int_equal(scene.world.most_connections, 2);
    assert_string_equal(scene.callers[3].text, "there is room again");
    scene_done(&scene);
}

static void beyond_its_connections_a_port_closes_new_ones(void **state)
{
    struct pl_port_config config = default_config();

    (void)state;
    config.limits.connections_max = 2;
    check_two_at_a_time(&config);
}

static void beyond_a_peers_connections_a_port_closes_new_ones(void **state)
{
    struct pl_port_config config = default_config();

    (void)state;
    config.limits.peer_connections_max = 2;
    check_two_at_a_time(&config);
}

static void who_says_nothing_is_closed_and_who_spoke_is_not(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    config.limits.first_bytes_ms = 1;
    scene_init(&scene, &config);
    add(&scene, NULL, NULL);
    world_run(&scene.world, all_gone, &scene);
    assert_int_equal(scene.callers[0].connect_err, PL_OK);
    assert_int_equal(scene.callers[0].ended, 1);
    scene_done(&scene);
}

/* A connection is filed by the time for its first bytes; its call's is nearer. */
static void a_call_ends_at_its_deadline(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    scene.callers[0].timeout_ms = 1;
    add(&scene, "Watch", "a");
    world_run(&scene.world, all_over, &scene);
    assert_int_equal(scene.callers[0].code, PL_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

/* The callers here answer no PING, once their sockets are not read. */
static bool stop_reading(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->step == 0 && world->watches_len > 0 && scene->callers[0].messages > 0) {
        scene->step = 1;
        pl_socket_read_stop(scene->callers[0].socket);
    }
    return world->opened > 0 && pl_port_connections_len(world->port) == 0;
}

static void who_gives_no_sign_is_cut_off(void **state)
{
    struct pl_port_config config = default_config();
    struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
    struct scene scene;

    (void)state;
    limits.keepalive_ms = 1;
    limits.keepalive_timeout_ms = 1;
    limits.preface_ms = 1; /* it is looked at soon, then by what is due */
    scene_init(&scene, &config);
    pl_rpc_host_set_limits(scene.world.host, &limits);
    add(&scene, "Watch", "a");
    world_run(&scene.world, stop_reading, &scene);
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

/* Time as the port would see it, a tick after the other; returns how often it looked at
 * a connection. */
static uint32_t pass_time(struct pl_port *port, int64_t from_ms, int64_t until_ms)
{
    uint32_t looks = 0;

    for (int64_t now_ms = from_ms; now_ms <= until_ms; now_ms += 100) {
        struct pl_list *node;

        for (; (node = pl_wheel_next(&port->wheel, now_ms)) != NULL; looks++)
            pl_port_connection_tick(PL_CONTAINER(node, struct pl_port_connection, due_node),
                                    now_ms);
    }
    return looks;
}

static bool idle_for_a_minute(struct world *world)
{
    struct scene *scene = world->data;
    int64_t now_ms = pl_loop_now_ms(world->loop);

    if (world->watches_len < scene->callers_len || scene->step > 0)
        return scene->step > 0;
    scene->step = 1;
    assert_int_equal(pass_time(world->port, now_ms, now_ms + PL_RPC_PREFACE_MS * 3 / 10), 0);
    /* that time has passed; from then on they are looked at shortly before PINGs are due */
    assert_in_range(pass_time(world->port, now_ms, now_ms + 2 * PL_RPC_PREFACE_MS),
                    scene->callers_len, 2 * scene->callers_len);
    assert_int_equal(pass_time(world->port, now_ms, now_ms + PL_RPC_KEEPALIVE_MS * 8 / 10), 0);
    assert_false(pl_port_flush(world->port));
    assert_in_range(pass_time(world->port, now_ms, now_ms + PL_RPC_KEEPALIVE_MS + 1000),
                    scene->callers_len, 2 * scene->callers_len);
    assert_true(pl_port_flush(world->port)); /* the PINGs */
    return true;
}

static void idle_connections_are_not_looked_at(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    for (size_t i = 0; i < CALLERS_LEN_MAX; i++)
        add(&scene, "Watch", "a");
    world_run(&scene.world, idle_for_a_minute, &scene);
    scene_done(&scene);
}

static bool nobody_is_left(struct world *world)
{
    struct scene *scene = world->data;

    if (!all_over(world))
        return false;
    caller_close(&scene->callers[0]);
    return all_gone(world);
}

static void a_port_without_connections_waits_for_no_time(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    assert_int_equal(scene.world.port->wake_ms, INT64_MAX);
    add(&scene, "Say", "hello");
    world_run(&scene.world, nobody_is_left, &scene);
    assert_int_equal(pl_wheel_up_ms(&scene.world.port->wheel), INT64_MAX);
    scene_done(&scene);
}

/* A stream is open: the port drains; it has been told: the stream ends. */
static bool drain_step(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->step == 0 && world->watches_len == 1 && scene->callers[1].connected > 0) {
        scene->step = 1;
        pl_port_drain(world->port);
        pl_port_drain(world->port); /* harmless */
        while (pl_port_flush(world->port)) {
        }
    } else if (scene->step == 1 && pl_rpc_client_draining(scene->callers[0].rpc)) {
        scene->step = 2;
        assert_int_equal(scene->callers[0].over, 0);
        world_end_watches(world);
        while (pl_port_flush(world->port)) {
        }
    }
    return scene->step == 2 && all_gone(world);
}

static void a_drain_lets_calls_end_and_closes(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    add(&scene, NULL, NULL); /* it has said nothing: it does not hold up the drain */
    world_run(&scene.world, drain_step, &scene);
    assert_int_equal(scene.callers[0].code, PL_CODE_OK);
    assert_int_equal(scene.callers[0].over, 1);
    scene_done(&scene);
}

/* The port is freed in the middle of a stream. */
static bool free_port(struct world *world)
{
    if (world->watches_len == 0)
        return false;
    pl_port_free(world->port);
    world->port = NULL;
    assert_int_equal(world->closed, 1);
    return true;
}

static void freeing_a_port_ends_its_calls_at_once(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    world_run(&scene.world, free_port, &scene);
    scene_done(&scene);
}

static void a_loop_that_ends_ends_its_calls(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    world_run(&scene.world, watched, &scene);
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

static bool hang_up(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->step == 0 && world->watches_len > 0) {
        scene->step = 1;
        caller_close(&scene->callers[0]);
    }
    return scene->step == 1 && all_gone(world);
}

static void who_hangs_up_leaves_nothing_behind(void **state)
{
    struct pl_port_config config = default_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, "Watch", "a");
    world_run(&scene.world, hang_up, &scene);
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

static void a_port_needs_memory_or_says_so(void **state)
{
    struct pl_port_config config = default_config();
    int rc = PL_E_NOMEM;

    (void)state;
    for (uint64_t nth = 1; rc != PL_OK; nth++) {
        struct world world;

        assert_true(nth < FAILURES_MAX);
        pl_mem_fail_at(nth);
        rc = world_init(&world, &config);
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        world_done(&world);
    }
}

/* The caller has its answer, or has been hung up on. */
static bool answered_or_gone(struct world *world)
{
    struct scene *scene = world->data;

    return scene->callers[0].over > 0 || scene->callers[0].gone > 0;
}

/* Each allocation of a connection's life fails in turn, on either side. */
static void a_connection_short_of_memory_is_answered_or_closed(void **state)
{
    struct pl_port_config config = default_config();
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct scene scene;
        int rc;

        assert_true(nth < FAILURES_MAX);
        scene_init(&scene, &config);
        pl_mem_fail_at(nth);
        rc = caller_start(&scene.callers[0], scene.world.loop, &scene.world.address, "Say", "a");
        scene.callers_len = 1;
        if (rc == PL_OK)
            world_run(&scene.world, answered_or_gone, &scene);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(scene.world.closed, scene.world.opened);
        if (!failed)
            assert_string_equal(scene.callers[0].text, "a");
        scene_done(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_is_answered),
        cmocka_unit_test(many_callers_are_answered_each_its_own),
        cmocka_unit_test(one_flush_sends_what_a_turn_has_made),
        cmocka_unit_test(each_connection_has_bytes_for_its_owner),
        cmocka_unit_test(beyond_its_connections_a_port_closes_new_ones),
        cmocka_unit_test(beyond_a_peers_connections_a_port_closes_new_ones),
        cmocka_unit_test(who_says_nothing_is_closed_and_who_spoke_is_not),
        cmocka_unit_test(a_call_ends_at_its_deadline),
        cmocka_unit_test(who_gives_no_sign_is_cut_off),
        cmocka_unit_test(idle_connections_are_not_looked_at),
        cmocka_unit_test(a_port_without_connections_waits_for_no_time),
        cmocka_unit_test(a_drain_lets_calls_end_and_closes),
        cmocka_unit_test(freeing_a_port_ends_its_calls_at_once),
        cmocka_unit_test(a_loop_that_ends_ends_its_calls),
        cmocka_unit_test(who_hangs_up_leaves_nothing_behind),
        cmocka_unit_test(a_port_needs_memory_or_says_so),
        cmocka_unit_test(a_connection_short_of_memory_is_answered_or_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_simple_server.c - a whole server on one loop: served, stopped, cut off. */
#include "transport/simple_server.h"

#include "base/err.h"
#include "base/mem.h"
#include "world.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { FAILURES_MAX = 2000 };

struct scene {
    struct pl_simple_server *server;
    struct pl_address address;
    struct world world; /* what the service's handlers write to */
    struct caller caller;
    struct pl_timer *looks;
    void (*look)(struct scene *scene);
};

/* The server's turns are its own: the test looks at it by a timer. */
static void on_look(void *self)
{
    struct scene *scene = self;

    scene->look(scene);
}

static void scene_init(struct scene *scene, int64_t drain_ms, void (*look)(struct scene *scene))
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;

    *scene = (struct scene){.look = look};
    config.drain_ms = drain_ms;
    assert_int_equal(pl_simple_server_new(&config, &scene->server), PL_OK);
    assert_int_equal(
        pl_rpc_host_add(pl_simple_server_host(scene->server), &world_service, &scene->world),
        PL_OK);
    assert_int_equal(pl_simple_server_listen(scene->server, "127.0.0.1:0", &scene->address), PL_OK);
    assert_true(scene->address.port > 0);
    assert_int_equal(
        pl_timer_new(pl_simple_server_loop(scene->server), on_look, scene, &scene->looks), PL_OK);
    pl_timer_start(scene->looks, 0, 1);
}

static void scene_done(struct scene *scene)
{
    pl_timer_free(scene->looks);
    pl_simple_server_free(scene->server);
    caller_done(&scene->caller);
}

static void call(struct scene *scene, const char *method)
{
    assert_int_equal(caller_start(&scene->caller, pl_simple_server_loop(scene->server),
                                  &scene->address, method, "hello"),
                     PL_OK);
}

static void stop_once_answered(struct scene *scene)
{
    if (scene->caller.over > 0)
        pl_simple_server_stop(scene->server);
}

static void it_serves_until_it_is_stopped(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 3000, stop_once_answered);
    call(&scene, "Say");
    assert_int_equal(pl_simple_server_run(scene.server), PL_OK);
    assert_string_equal(scene.caller.text, "hello");
    scene_done(&scene);
}

static void signal_once_answered(struct scene *scene)
{
    if (scene->caller.over == 1) {
        scene->caller.over++;
        raise(SIGTERM);
    }
}

static void a_signal_ends_it(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 3000, signal_once_answered);
    call(&scene, "Say");
    assert_int_equal(pl_simple_server_run(scene.server), PL_OK);
    scene_done(&scene);
}

static void stop_in_a_stream(struct scene *scene)
{
    if (scene->world.watches_len > 0)
        pl_simple_server_stop(scene->server);
}

static void what_outlasts_the_grace_is_cut_off(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 1, stop_in_a_stream);
    call(&scene, "Watch");
    assert_int_equal(pl_simple_server_run(scene.server), PL_E_TIMEOUT);
    assert_int_equal(scene.world.closed, 1);
    scene_done(&scene);
}

static void it_may_be_stopped_and_never_run(void **state)
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_simple_server *server;

    (void)state;
    assert_int_equal(pl_simple_server_new(&config, &server), PL_OK);
    pl_simple_server_stop(server);
    pl_simple_server_free(server);
}

static void signals_in_a_stream(struct scene *scene)
{
    if (scene->world.watches_len > 0)
        raise(SIGINT);
}

static void a_second_signal_does_not_wait(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 3600 * 1000, signals_in_a_stream);
    call(&scene, "Watch");
    assert_int_equal(pl_simple_server_run(scene.server), PL_E_TIMEOUT);
    scene_done(&scene);
}

static void end_watch_when_draining(struct scene *scene)
{
    if (scene->world.watches_len == 0)
        return;
    pl_simple_server_stop(scene->server);
    if (!pl_rpc_client_draining(scene->caller.rpc))
        return;
    world_end_watches(&scene->world);
}

static void a_drain_waits_for_calls(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 3600 * 1000, end_watch_when_draining);
    scene.world.host = pl_simple_server_host(scene.server);
    call(&scene, "Watch");
    assert_int_equal(pl_simple_server_run(scene.server), PL_OK);
    assert_int_equal(scene.caller.over, 1);
    assert_int_equal(scene.caller.code, PL_CODE_OK);
    scene_done(&scene);
}

static void look_away(struct scene *scene)
{
    (void)scene;
}

static void stopped_before_it_runs_it_ends_at_once(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, 3000, look_away);
    pl_simple_server_stop(scene.server);
    pl_simple_server_stop(scene.server);
    assert_int_equal(pl_simple_server_run(scene.server), PL_OK);
    pl_simple_server_stop(scene.server);
    scene_done(&scene);
}

static void bad_addresses_are_refused(void **state)
{
    struct scene scene;
    struct pl_address other = {.port = 0};
    char taken[300];

    (void)state;
    scene_init(&scene, 3000, look_away);
    assert_int_equal(pl_simple_server_listen(scene.server, "nonsense", &other), PL_E_INVALID);
    pl_address_format(&scene.address, taken, sizeof taken);
    assert_int_equal(pl_simple_server_listen(scene.server, taken, &other), PL_E_BUSY);
    assert_int_equal(other.port, 0);
    assert_int_equal(pl_simple_server_listen(scene.server, "127.0.0.1:0", NULL), PL_OK);
    scene_done(&scene);
}

static void a_set_of_descriptors_must_be_one(void **state)
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_simple_server *server = NULL;

    (void)state;
    config.descriptor_set = pl_bytes_str("\xff\xff\xff");
    assert_int_equal(pl_simple_server_new(&config, &server), PL_E_CORRUPT);
    assert_null(server);
}

static void short_of_memory_it_is_not_made(void **state)
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    int rc = PL_E_NOMEM;

    (void)state;
    for (uint64_t nth = 1; rc != PL_OK; nth++) {
        struct pl_simple_server *server = NULL;

        assert_true(nth < FAILURES_MAX);
        pl_mem_fail_at(nth);
        rc = pl_simple_server_new(&config, &server);
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        pl_simple_server_free(server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_until_it_is_stopped),
        cmocka_unit_test(a_signal_ends_it),
        cmocka_unit_test(it_may_be_stopped_and_never_run),
        cmocka_unit_test(what_outlasts_the_grace_is_cut_off),
        cmocka_unit_test(a_second_signal_does_not_wait),
        cmocka_unit_test(a_drain_waits_for_calls),
        cmocka_unit_test(stopped_before_it_runs_it_ends_at_once),
        cmocka_unit_test(bad_addresses_are_refused),
        cmocka_unit_test(a_set_of_descriptors_must_be_one),
        cmocka_unit_test(short_of_memory_it_is_not_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

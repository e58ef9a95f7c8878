/* test_port_tls.c - a port that speaks TLS: who gets in, who is too slow, new certificates. */
#include "transport/port.h"

#include "../net/certs.h"
#include "base/err.h"
#include "base/mem.h"
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { CALLERS_LEN_MAX = 3, FAILURES_MAX = 5000 };

/* Made once: keys take time. */
static struct certs certs;
static struct pl_tls_context *server_context, *new_context, *strange_context, *client_context;

struct scene {
    struct world world;
    struct caller callers[CALLERS_LEN_MAX];
    size_t callers_len;
    int step;
};

static struct pl_tls_context *make_server(const char *cert, const char *key)
{
    struct pl_tls_server_files files = {certs_path(&certs, cert), certs_path(&certs, key), NULL};
    struct pl_tls_context *context = NULL;
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, 1024);
    assert_int_equal(pl_tls_server_context_new(&files, &text, &context), PL_OK);
    pl_bytebuf_done(&text);
    return context;
}

static int make_contexts(void **state)
{
    struct pl_tls_client_files files;
    struct pl_bytebuf text;

    (void)state;
    certs_init(&certs);
    server_context = make_server("server.crt", "server.key");
    new_context = make_server("rsa.crt", "rsa.key");
    strange_context = make_server("strange.crt", "strange.key");
    files = (struct pl_tls_client_files){certs_path(&certs, "ca.crt"), NULL, NULL};
    pl_bytebuf_init(&text, 1024);
    assert_int_equal(pl_tls_client_context_new(&files, &text, &client_context), PL_OK);
    pl_bytebuf_done(&text);
    return 0;
}

static int free_contexts(void **state)
{
    (void)state;
    pl_tls_context_unref(server_context);
    pl_tls_context_unref(new_context);
    pl_tls_context_unref(strange_context);
    pl_tls_context_unref(client_context);
    certs_done(&certs);
    return 0;
}

static struct pl_port_config tls_config(void)
{
    return (struct pl_port_config){.limits = PL_PORT_LIMITS_DEFAULT, .tls = server_context};
}

static void scene_init(struct scene *scene, const struct pl_port_config *config)
{
    *scene = (struct scene){0};
    assert_int_equal(world_init(&scene->world, config), PL_OK);
}

static void scene_done(struct scene *scene)
{
    world_done(&scene->world);
    for (size_t i = 0; i < scene->callers_len; i++)
        caller_done(&scene->callers[i]);
}

static struct caller *add(struct scene *scene, struct pl_tls_context *tls, const char *method,
                          const char *text)
{
    struct caller *caller = &scene->callers[scene->callers_len++];

    caller->tls = tls;
    caller->mute = method == NULL;
    assert_int_equal(caller_start(caller, scene->world.loop, &scene->world.address, method, text),
                     PL_OK);
    return caller;
}

static bool first_over(struct world *world)
{
    struct scene *scene = world->data;

    return scene->callers[0].over > 0;
}

static bool first_gone(struct world *world)
{
    struct scene *scene = world->data;

    return scene->callers[0].gone > 0 && pl_port_connections_len(world->port) == 0;
}

static void a_call_over_tls_is_answered(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, client_context, "Say", "in private");
    world_run(&scene.world, first_over, &scene);
    assert_string_equal(scene.callers[0].text, "in private");
    scene_done(&scene);
}

/* A stream is open: new certificates; another call gets them, the stream goes on. */
static bool change_certificates(struct world *world)
{
    struct scene *scene = world->data;

    if (scene->step == 0 && world->watches_len == 1) {
        scene->step = 1;
        pl_port_set_tls(world->port, strange_context);
        add(scene, client_context, "Say", "by whom?");
    } else if (scene->step == 1 && scene->callers[1].gone > 0) {
        scene->step = 2;
        pl_port_set_tls(world->port, new_context);
        add(scene, client_context, "Say", "by the new one");
    } else if (scene->step == 2 && scene->callers[2].over > 0) {
        scene->step = 3;
        assert_int_equal(scene->callers[0].over, 0);
        world_end_watches(world);
        while (pl_port_flush(world->port)) {
        }
    }
    return scene->step == 3 && scene->callers[0].over > 0;
}

static void new_certificates_are_for_new_connections(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, client_context, "Watch", "a");
    world_run(&scene.world, change_certificates, &scene);
    assert_int_equal(scene.callers[0].code, PL_CODE_OK);
    assert_true(scene.callers[1].secure_err < 0);
    assert_string_equal(scene.callers[2].text, "by the new one");
    scene_done(&scene);
}

static void a_handshake_that_fails_leaves_nothing_behind(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    config.tls = strange_context;
    scene_init(&scene, &config);
    add(&scene, client_context, "Say", "who are you?");
    world_run(&scene.world, first_gone, &scene);
    assert_true(scene.callers[0].secure_err < 0);
    assert_int_equal(scene.world.opened, 0);
    scene_done(&scene);
}

/* Begins a record, and says no more. */
static bool begin_a_record(struct world *world)
{
    static const uint8_t start[] = {0x16, 0x03, 0x01, 0x01, 0x00, 0x01};
    struct scene *scene = world->data;

    if (scene->step == 0 && scene->callers[0].connected > 0) {
        scene->step = 1;
        pl_socket_write(scene->callers[0].socket, (struct pl_bytes){start, sizeof start});
    }
    return first_gone(world);
}

static void a_handshake_has_a_time(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    config.limits.handshake_ms = 1;
    config.limits.first_bytes_ms = INT64_C(3600) * 1000;
    scene_init(&scene, &config);
    add(&scene, NULL, NULL, NULL);
    world_run(&scene.world, begin_a_record, &scene);
    assert_int_equal(scene.callers[0].ended, 1);
    scene_done(&scene);
}

static bool begin_and_drain(struct world *world)
{
    struct scene *scene = world->data;
    bool gone = begin_a_record(world);

    if (scene->step == 1 && pl_port_connections_len(world->port) == 1) {
        scene->step = 2;
        pl_port_drain(world->port);
    }
    return gone;
}

static void a_handshake_does_not_hold_up_a_drain(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    config.limits.handshake_ms = INT64_C(3600) * 1000;
    config.limits.first_bytes_ms = INT64_C(3600) * 1000;
    scene_init(&scene, &config);
    add(&scene, NULL, NULL, NULL);
    world_run(&scene.world, begin_and_drain, &scene);
    scene_done(&scene);
}

static void a_plain_call_is_not_served(void **state)
{
    struct pl_port_config config = tls_config();
    struct scene scene;

    (void)state;
    scene_init(&scene, &config);
    add(&scene, NULL, "Say", "in public");
    world_run(&scene.world, first_gone, &scene);
    assert_int_equal(scene.callers[0].messages, 0);
    assert_int_equal(scene.world.opened, 0);
    scene_done(&scene);
}

static bool answered_or_gone(struct world *world)
{
    struct scene *scene = world->data;

    return scene->callers[0].over > 0 || scene->callers[0].gone > 0;
}

static void short_of_memory_a_handshake_fails_or_succeeds(void **state)
{
    struct pl_port_config config = tls_config();
    bool failed = true;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct scene scene;
        int rc;

        assert_true(nth < FAILURES_MAX);
        scene_init(&scene, &config);
        scene.callers[0].tls = client_context;
        scene.callers_len = 1;
        pl_mem_fail_at(nth);
        rc = caller_start(&scene.callers[0], scene.world.loop, &scene.world.address, "Say", "a");
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
        cmocka_unit_test(a_call_over_tls_is_answered),
        cmocka_unit_test(new_certificates_are_for_new_connections),
        cmocka_unit_test(a_handshake_that_fails_leaves_nothing_behind),
        cmocka_unit_test(a_handshake_has_a_time),
        cmocka_unit_test(a_handshake_does_not_hold_up_a_drain),
        cmocka_unit_test(a_plain_call_is_not_served),
        cmocka_unit_test(short_of_memory_a_handshake_fails_or_succeeds),
    };

    return cmocka_run_group_tests(tests, make_contexts, free_contexts);
}

/* test_tls_files.c - certificates that are read, replaced, damaged, and read again. */
#include "server/tls_files.h"

#include "../net/certs.h"
#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { FAILURES_MAX = 2000, ERROR_SIZE_MAX = 1024 };

struct scene {
    struct certs certs;
    struct pl_loop *loop;
    struct pl_tls_files *files;
    struct pl_timer *asks;
    struct pl_bytebuf error_text;
    int taken;   /* contexts */
    int refused; /* what on_context answers with, once */
};

/* A file of the folder gets the content of another one. */
static void put(struct scene *scene, const char *to, const char *from)
{
    char new_path[1024];
    FILE *in = fopen(certs_path(&scene->certs, from), "re"), *out;
    int c;

    snprintf(new_path, sizeof new_path, "%s", certs_write(&scene->certs, "new", ""));
    out = fopen(new_path, "we");
    assert_non_null(in);
    assert_non_null(out);
    while ((c = getc(in)) != EOF)
        putc(c, out);
    fclose(in);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(rename(new_path, certs_path(&scene->certs, to)), 0);
}

static int on_context(void *self, struct pl_tls_context *context)
{
    struct scene *scene = self;
    int rc = scene->refused;

    assert_non_null(context);
    scene->refused = PL_OK;
    if (rc == PL_OK)
        scene->taken++;
    return rc;
}

static int open_files(struct scene *scene)
{
    struct pl_tls_files_config config = {
        .paths = {certs_path(&scene->certs, "live.crt"), certs_path(&scene->certs, "live.key"),
                  NULL},
        .on_context = on_context,
        .self = scene,
    };

    return pl_tls_files_open(scene->loop, &config, &scene->error_text, &scene->files);
}

static int setup(void **state)
{
    struct scene *scene = pl_zalloc(sizeof *scene);
    struct pl_loop_ops ops = {.self = scene};

    assert_non_null(scene);
    certs_init(&scene->certs);
    put(scene, "live.crt", "server.crt");
    put(scene, "live.key", "server.key");
    pl_bytebuf_init(&scene->error_text, ERROR_SIZE_MAX);
    assert_int_equal(pl_loop_new(&ops, 1, &scene->loop), PL_OK);
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;

    pl_timer_free(scene->asks);
    pl_tls_files_close(scene->files);
    pl_loop_free(scene->loop);
    pl_bytebuf_done(&scene->error_text);
    certs_done(&scene->certs);
    pl_free(scene);
    return 0;
}

static void they_are_read_at_once(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(open_files(scene), PL_OK);
    assert_non_null(pl_tls_files_context(scene->files));
    assert_int_equal(scene->taken, 0);
}

static void a_pair_that_does_not_match_is_no_start(void **state)
{
    struct scene *scene = *state;

    put(scene, "live.key", "rsa.key");
    assert_int_equal(open_files(scene), PL_E_INVALID);
    assert_true(scene->error_text.size > 0);
    assert_null(scene->files);
}

static void a_reload_takes_what_is_there(void **state)
{
    struct scene *scene = *state;
    struct pl_tls_context *old;

    assert_int_equal(open_files(scene), PL_OK);
    old = pl_tls_context_ref(pl_tls_files_context(scene->files));
    pl_tls_files_reload(scene->files);
    assert_int_equal(scene->taken, 1);
    assert_ptr_not_equal(pl_tls_files_context(scene->files), old);
    pl_tls_context_unref(old);
}

static void a_reload_that_fails_keeps_what_there_was(void **state)
{
    struct scene *scene = *state;
    struct pl_tls_context *old;

    assert_int_equal(open_files(scene), PL_OK);
    old = pl_tls_files_context(scene->files);
    put(scene, "live.key", "rsa.key");
    pl_tls_files_reload(scene->files);
    assert_int_equal(scene->taken, 0);
    assert_ptr_equal(pl_tls_files_context(scene->files), old);
    put(scene, "live.crt", "rsa.crt");
    scene->refused = PL_E_NOMEM; /* the loops could not be told */
    pl_tls_files_reload(scene->files);
    assert_ptr_equal(pl_tls_files_context(scene->files), old);
    pl_tls_files_reload(scene->files);
    assert_int_equal(scene->taken, 1);
    assert_ptr_not_equal(pl_tls_files_context(scene->files), old);
}

/* Asks until it has been taken. */
static void on_ask(void *self)
{
    struct scene *scene = self;

    if (scene->taken > 0)
        pl_loop_stop(scene->loop);
}

static void run_until_taken(struct scene *scene)
{
    assert_int_equal(pl_timer_new(scene->loop, on_ask, scene, &scene->asks), PL_OK);
    pl_timer_start(scene->asks, 1, 10);
    pl_loop_run(scene->loop);
    assert_int_equal(scene->taken, 1);
}

static void a_change_is_seen(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(open_files(scene), PL_OK);
    put(scene, "live.crt", "rsa.crt");
    put(scene, "live.key", "rsa.key");
    run_until_taken(scene);
}

static void what_loops_could_not_be_told_is_tried_again(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(open_files(scene), PL_OK);
    put(scene, "live.crt", "rsa.crt");
    put(scene, "live.key", "rsa.key");
    scene->refused = PL_E_NOMEM;
    run_until_taken(scene);
}

static void short_of_memory_nothing_is_opened(void **state)
{
    struct scene *scene = *state;
    int rc = PL_E_NOMEM;

    for (uint64_t nth = 1; rc != PL_OK; nth++) {
        assert_true(nth < FAILURES_MAX);
        pl_mem_fail_at(nth);
        rc = open_files(scene);
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        pl_bytebuf_done(&scene->error_text);
        pl_bytebuf_init(&scene->error_text, ERROR_SIZE_MAX);
    }
}

static void short_of_memory_a_reload_keeps_what_there_was(void **state)
{
    struct scene *scene = *state;
    struct pl_tls_context *old;

    assert_int_equal(open_files(scene), PL_OK);
    for (uint64_t nth = 1; scene->taken == 0; nth++) {
        assert_true(nth < FAILURES_MAX);
        old = pl_tls_files_context(scene->files);
        pl_mem_fail_at(nth);
        pl_tls_files_reload(scene->files);
        pl_mem_fail_at(0);
        assert_true(scene->taken == 1 || pl_tls_files_context(scene->files) == old);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_are_read_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pair_that_does_not_match_is_no_start, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_takes_what_is_there, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reload_that_fails_keeps_what_there_was, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(what_loops_could_not_be_told_is_tried_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(short_of_memory_nothing_is_opened, setup, teardown),
        cmocka_unit_test_setup_teardown(short_of_memory_a_reload_keeps_what_there_was, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("tls_files", tests, NULL, NULL);
}

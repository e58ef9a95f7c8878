/* test_parla.c - parla's driver: what it says first, and want of memory. */
#include "bench/parla.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "bench/run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct pl_bench_options options;
static const struct pl_bench_shape shape = {.publishers = 1, .conns = 2, .subs = 2, .channels = 3};

static struct pl_bench_run *new_run(void)
{
    struct pl_bench_run *run;

    assert_int_equal(pl_bench_run_new(&pl_bench_parla, &options, &shape, NULL, &run), PL_OK);
    assert_false(run->failed);
    return run;
}

static void a_connection_begins_with_the_preface_of_http2(void **state)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct pl_bench_run *run = new_run();
    struct pl_bench_conn *conn = &run->conns[0];
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 1 << 20);
    assert_int_equal(pl_bench_parla.conn_open(run->driver, conn, &conn->driver), PL_OK);
    assert_false(pl_list_empty(&run->dirty));
    assert_int_equal(pl_bench_parla.flush(conn->driver, &out), PL_OK);
    assert_true(out.size > sizeof preface);
    assert_memory_equal(out.data, preface, sizeof preface - 1);
    pl_bytebuf_done(&out);
    pl_bench_run_free(run);
}

static void a_server_of_another_kind_is_told_apart(void **state)
{
    static const char http1[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    struct pl_bench_run *run = new_run();
    struct pl_bench_conn *conn = &run->conns[0];

    (void)state;
    assert_int_equal(pl_bench_parla.conn_open(run->driver, conn, &conn->driver), PL_OK);
    assert_true(pl_bench_parla.recv(conn->driver, pl_bytes_str(http1)) < 0);
    assert_true(run->failed);
    assert_int_equal(run->status, PL_BENCH_EXIT_NO_SERVER);
    assert_non_null(strstr(run->why, "speaks HTTP/1, not gRPC"));
    pl_bench_run_free(run);
}

static void channels_are_found_by_their_names_only(void **state)
{
    struct pl_bench_run *run = new_run();
    char name[PL_BENCH_NAME_SIZE + 16];

    (void)state;
    for (uint32_t i = 0; i < shape.channels; i++)
        assert_int_equal(pl_bench_channel_of(run, pl_bytes_str(pl_bench_channel_name(run, i))), i);
    strcpy(name, pl_bench_channel_name(run, 0));
    name[strlen(name) - 1] = '3'; /* one more than there are */
    assert_true(pl_bench_channel_of(run, pl_bytes_str(name)) == UINT32_MAX);
    strcat(name, "0000000");
    assert_true(pl_bench_channel_of(run, pl_bytes_str(name)) == UINT32_MAX);
    strcpy(name, pl_bench_channel_name(run, 0));
    name[4] = (char)(name[4] ^ 1); /* of another run */
    assert_true(pl_bench_channel_of(run, pl_bytes_str(name)) == UINT32_MAX);
    assert_true(pl_bench_channel_of(run, pl_bytes_str("lobby")) == UINT32_MAX);
    assert_true(pl_bench_channel_of(run, (struct pl_bytes){0}) == UINT32_MAX);
    pl_bench_run_free(run);
}

static void want_of_memory_leaves_no_run_behind(void **state)
{
    int failed = 1;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct pl_bench_run *run = NULL;
        int err;

        pl_mem_fail_at(nth);
        err = pl_bench_run_new(&pl_bench_parla, &options, &shape, NULL, &run);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(err, failed ? PL_E_NOMEM : PL_OK);
        pl_bench_run_free(run);
    }
}

static void want_of_memory_leaves_no_connection_behind(void **state)
{
    int failed = 1;

    (void)state;
    for (uint64_t nth = 1; failed; nth++) {
        struct pl_bench_run *run = new_run();
        int err;

        pl_mem_fail_at(nth);
        err = pl_bench_parla.conn_open(run->driver, &run->conns[1], &run->conns[1].driver);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(err, failed ? PL_E_NOMEM : PL_OK);
        pl_bench_run_free(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_begins_with_the_preface_of_http2),
        cmocka_unit_test(a_server_of_another_kind_is_told_apart),
        cmocka_unit_test(channels_are_found_by_their_names_only),
        cmocka_unit_test(want_of_memory_leaves_no_run_behind),
        cmocka_unit_test(want_of_memory_leaves_no_connection_behind),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

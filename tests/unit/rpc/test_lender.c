/* test_lender.c - sessions of a host share one send buffer, and send no bytes of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "raw.h"
#include "rpc/host_inner.h"

#include <stdlib.h>
#include <string.h>

enum { CONNS = 3, BODY_SIZE = 60 * 1000 };

static const char *const paths[CONNS] = {"/a", "/b", "/c"};

struct talk {
    struct pl_rpc_conn *conn;
    struct raw raw;
    uint8_t got[BODY_SIZE + 64 * 1024];
    size_t got_size;
    ssize_t last; /* what the last fill returned */
};

struct bench {
    struct pl_rpc_host *host;
    uint8_t bodies[CONNS][BODY_SIZE];
    struct talk talks[CONNS];
};

static void on_want_send(void *self, struct pl_rpc_conn *conn)
{
    (void)self;
    (void)conn;
}

/* A page's body differs from the others' in each byte. */
static void get(struct bench *bench, int i, struct pl_rpc_page *ret_page)
{
    for (size_t at = 0; at < BODY_SIZE; at++)
        bench->bodies[i][at] = (uint8_t)((at + at / 251) % 80 * 3 + (size_t)i);
    *ret_page = (struct pl_rpc_page){
        .status = 200,
        .content_type = "text/plain",
        .body = {bench->bodies[i], BODY_SIZE},
    };
}

static void get_a(void *self, struct pl_rpc_page *ret_page)
{
    get(self, 0, ret_page);
}

static void get_b(void *self, struct pl_rpc_page *ret_page)
{
    get(self, 1, ret_page);
}

static void get_c(void *self, struct pl_rpc_page *ret_page)
{
    get(self, 2, ret_page);
}

static void ask(struct bench *bench, int i)
{
    const char *const fields[] = {":method", "GET",        ":scheme", "http", ":path",
                                  paths[i],  ":authority", "test",    NULL};
    struct talk *talk = &bench->talks[i];

    assert_int_equal(pl_rpc_conn_new(bench->host, PL_RPC_HTTP_2, 0, &talk->conn), PL_OK);
    raw_init(&talk->raw);
    raw_preface(&talk->raw);
    raw_headers(&talk->raw, 1, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, fields);
    assert_int_equal(
        pl_rpc_conn_recv(talk->conn, (struct pl_bytes){talk->raw.out, talk->raw.out_size}, 0),
        PL_OK);
}

static struct bench *bench_open(void)
{
    static void (*const gets[CONNS])(void *, struct pl_rpc_page *) = {get_a, get_b, get_c};
    static const struct pl_rpc_host_ops ops = {.on_want_send = on_want_send};
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    assert_int_equal(pl_rpc_host_new(&ops, &bench->host), PL_OK);
    for (int i = 0; i < CONNS; i++)
        assert_int_equal(pl_rpc_host_add_page(bench->host, paths[i], gets[i], bench), PL_OK);
    for (int i = 0; i < CONNS; i++)
        ask(bench, i);
    return bench;
}

static void bench_close(struct bench *bench)
{
    for (int i = 0; i < CONNS; i++) {
        pl_rpc_conn_free(bench->talks[i].conn);
        raw_done(&bench->talks[i].raw);
    }
    pl_rpc_host_free(bench->host);
    free(bench);
}

/* Takes so many bytes at most. */
static void fill(struct talk *talk, size_t size)
{
    assert_true(talk->got_size + size <= sizeof talk->got);
    talk->last = pl_rpc_conn_fill(talk->conn, talk->got + talk->got_size, size);
    if (talk->last > 0)
        talk->got_size += (size_t)talk->last;
}

/* What came in DATA is the body, and nothing else. */
static void check(const struct bench *bench, int i)
{
    const struct talk *talk = &bench->talks[i];
    size_t at = 0, body_size = 0;

    while (at < talk->got_size) {
        const uint8_t *head = talk->got + at;
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        at += 9 + size;
        assert_true(at <= talk->got_size);
        if (head[3] != NGHTTP2_DATA)
            continue;
        assert_true(body_size + size <= BODY_SIZE);
        assert_memory_equal(head + 9, bench->bodies[i] + body_size, size);
        body_size += size;
    }
    assert_int_equal(body_size, BODY_SIZE);
}

static void frames_cut_anywhere_are_completed_after_others_have_sent(void **state)
{
    static const size_t sizes[] = {1, 10, 999, 16384, 16393, 16394, 17000};

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct bench *bench = bench_open();
        bool any = true;

        /* the frames of one end where those of others do not */
        for (int i = 0; i < CONNS; i++)
            fill(&bench->talks[i], 30 + 7 * (size_t)i);
        while (any) {
            any = false;
            for (int i = 0; i < CONNS; i++) {
                fill(&bench->talks[i], sizes[k]);
                any = any || bench->talks[i].last > 0;
            }
        }
        for (int i = 0; i < CONNS; i++)
            check(bench, i);
        bench_close(bench);
    }
}

static void a_connection_that_goes_in_the_midst_of_a_frame_harms_no_other(void **state)
{
    struct bench *bench = bench_open();
    struct talk *gone = &bench->talks[1];

    (void)state;
    for (int i = 0; i < CONNS; i++)
        fill(&bench->talks[i], 5000);
    pl_rpc_conn_free(gone->conn);
    gone->conn = NULL;
    for (int i = 0; i < CONNS; i += 2) {
        do
            fill(&bench->talks[i], 5000);
        while (bench->talks[i].last > 0);
        check(bench, i);
    }
    bench_close(bench);
}

static void no_memory_to_keep_the_rest_of_a_frame_ends_the_connection(void **state)
{
    struct bench *bench = bench_open();

    (void)state;
    pl_mem_fail_at(0);
    fill(&bench->talks[0], 200); /* as far as the first DATA */
    for (uint64_t nth = 1; bench->talks[0].last > 0 && nth < 100; nth++) {
        pl_mem_fail_at(nth);
        fill(&bench->talks[1], 300);
        if (!pl_mem_failed())
            break;
        if (bench->talks[1].last < 0)
            assert_int_equal(bench->talks[1].last, PL_E_NOMEM);
    }
    pl_mem_fail_at(0);
    do
        fill(&bench->talks[2], 5000);
    while (bench->talks[2].last > 0);
    check(bench, 2);
    bench_close(bench);
}

static nghttp2_option *option_new(void)
{
    nghttp2_option *option;

    assert_int_equal(nghttp2_option_new(&option), 0);
    nghttp2_option_set_max_deflate_dynamic_table_size(option, 0);
    return option;
}

static void all_sessions_have_the_same_buffer(void **state)
{
    nghttp2_option *option = option_new();
    struct pl_rpc_h2_lender lender;
    nghttp2_session_callbacks *callbacks;
    nghttp2_session *sessions[2];
    void *buffer = NULL, *table = NULL;

    (void)state;
    pl_rpc_h2_lender_init(&lender);
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pl_rpc_h2_lender_session(&lender, callbacks, NULL, option, &sessions[i]),
                         0);
        assert_true(i == 0 || (lender.buffer.data == buffer && lender.table.data == table));
        buffer = lender.buffer.data;
        table = lender.table.data;
        assert_non_null(buffer);
        assert_non_null(table);
    }
    nghttp2_session_del(sessions[0]);
    assert_ptr_equal(lender.buffer.data, buffer); /* the other has it still */
    nghttp2_session_del(sessions[1]);
    pl_rpc_h2_lender_done(&lender);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
}

static void sessions_that_cannot_be_made_leave_nothing(void **state)
{
    nghttp2_option *option = option_new();
    nghttp2_session_callbacks *callbacks;
    bool failed = true;

    (void)state;
    assert_int_equal(nghttp2_session_callbacks_new(&callbacks), 0);
    for (uint64_t nth = 1; failed; nth++) {
        struct pl_rpc_h2_lender lender;
        nghttp2_session *session;
        int rv;

        pl_rpc_h2_lender_init(&lender);
        pl_mem_fail_at(nth);
        rv = pl_rpc_h2_lender_session(&lender, callbacks, NULL, option, &session);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(rv, failed ? NGHTTP2_ERR_NOMEM : 0);
        if (rv == 0)
            nghttp2_session_del(session);
        pl_rpc_h2_lender_done(&lender);
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_cut_anywhere_are_completed_after_others_have_sent),
        cmocka_unit_test(a_connection_that_goes_in_the_midst_of_a_frame_harms_no_other),
        cmocka_unit_test(no_memory_to_keep_the_rest_of_a_frame_ends_the_connection),
        cmocka_unit_test(all_sessions_have_the_same_buffer),
        cmocka_unit_test(sessions_that_cannot_be_made_leave_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

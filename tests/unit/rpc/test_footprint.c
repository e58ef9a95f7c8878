/* test_footprint.c - what connections and streams that wait cost in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "pair.h"
#include "raw.h"

#include <features.h>
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

enum {
    CONNS = 64,
    STREAMS = 64,
    CONN_SIZE_MAX = 9 * 1024,
    STREAM_SIZE_MAX = 496, /* of rpc and nghttp2; the chat adds some 450 */
};

/* Bytes that are allocated, with what the allocator adds; 0: it does not tell. */
static size_t allocated(void)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
    return mallinfo2().uordblks;
#else
    return 0;
#endif
}

static void talk(struct pl_rpc_conn *conn, struct raw *raw)
{
    static uint8_t data[64 * 1024];

    assert_int_equal(pl_rpc_conn_recv(conn, (struct pl_bytes){raw->out, raw->out_size}, 0), PL_OK);
    while (pl_rpc_conn_fill(conn, data, sizeof data) > 0)
        continue;
}

static void open_conns(struct pair *pair, struct raw *raw, struct pl_rpc_conn *conns[CONNS])
{
    raw->out_size = 0;
    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    for (int i = 0; i < CONNS; i++) {
        assert_int_equal(pl_rpc_conn_new(pair->host, PL_RPC_HTTP_ANY, 0, &conns[i]), PL_OK);
        talk(conns[i], raw);
    }
}

static void open_streams(struct pair *pair, struct raw *raw, struct pl_rpc_conn *conns[CONNS])
{
    raw->out_size = 0;
    for (int32_t k = 0; k < STREAMS; k++) {
        raw_request(raw, 2 * k + 1, NGHTTP2_FLAG_END_HEADERS, "/test.Kinds/WaitStream", NULL);
        raw_frame(raw, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 2 * k + 1, "\0\0\0\0\0", 5);
    }
    for (int i = 0; i < CONNS; i++)
        talk(conns[i], raw);
    assert_int_equal(pair->seen.messages, CONNS * STREAMS);
}

static void forget(struct pair *pair)
{
    for (uint64_t id = 1; id <= pair->seen.last_id; id++)
        pl_rpc_call_forget_request(pl_rpc_host_call(pair->host, id));
}

static void what_waits_costs_little(void **state)
{
    struct pair pair;
    struct pl_rpc_conn *conns[CONNS];
    struct raw *raw = calloc(1, sizeof *raw);
    size_t before, with_conns, with_streams;

    (void)state;
    if (allocated() == 0) {
        free(raw);
        skip();
    }
    assert_non_null(raw);
    assert_int_equal(pair_init(&pair), PL_OK);
    raw_init(raw);
    before = allocated();
    open_conns(&pair, raw, conns);
    with_conns = allocated();
    open_streams(&pair, raw, conns);
    forget(&pair);
    with_streams = allocated();
    print_message("a connection: %zu bytes, a stream: %zu\n", (with_conns - before) / CONNS,
                  (with_streams - with_conns) / CONNS / STREAMS);
    assert_in_range((with_conns - before) / CONNS, 1, CONN_SIZE_MAX);
    assert_in_range((with_streams - with_conns) / CONNS / STREAMS, 1, STREAM_SIZE_MAX);
    for (int i = 0; i < CONNS; i++)
        pl_rpc_conn_free(conns[i]);
    pair_done(&pair);
    raw_done(raw);
    free(raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_costs_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

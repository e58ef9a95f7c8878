/*
 * test_data.c - HTTP/2's DATA of a stream whose source has something now and then:
 * nothing is lost or said twice, whenever it is woken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "pair.h"
#include "raw.h"
#include "rpc/envelope.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_SIZE = 9, OUT_MAX = 64 * 1024, MESSAGE_SIZE = PL_RPC_ENVELOPE_SIZE + 3 };

/* A stream on a connection of its own. */
struct talk {
    struct pair pair;
    struct pl_rpc_conn *conn;
    struct pl_rpc_call *call;
    size_t due; /* bytes that the source has */
    size_t given;
    uint8_t out[OUT_MAX];
    size_t out_size;
};

/* Messages of three bytes, which tell where they are. */
static size_t on_pull(void *self, uint8_t *to, size_t size)
{
    struct talk *talk = self;
    size_t moved = 0;

    for (; moved < size && talk->due > 0; moved++, talk->due--, talk->given++) {
        size_t at = talk->given % MESSAGE_SIZE;

        to[moved] = at == PL_RPC_ENVELOPE_SIZE - 1 ? 3 : 0;
        if (at >= PL_RPC_ENVELOPE_SIZE)
            to[moved] = (uint8_t)(talk->given / MESSAGE_SIZE);
    }
    return moved;
}

static int fill(struct talk *talk, size_t size)
{
    ssize_t n;

    assert_true(talk->out_size + size <= OUT_MAX);
    n = pl_rpc_conn_fill(talk->conn, talk->out + talk->out_size, size);
    if (n > 0)
        talk->out_size += (size_t)n;
    return (int)n;
}

static int drain(struct talk *talk)
{
    int n;

    do
        n = fill(talk, 1024);
    while (n > 0);
    return n;
}

/* False where memory was short. */
static bool begin(struct talk *talk)
{
    struct pl_rpc_source source = {talk, on_pull};
    struct raw *raw = calloc(1, sizeof *raw);
    int rc;

    assert_non_null(raw);
    raw_init(raw);
    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    raw_request(raw, 1, NGHTTP2_FLAG_END_HEADERS, "/test.Kinds/WaitStream", NULL);
    raw_frame(raw, NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "\0\0\0\0\0", 5);
    rc = pl_rpc_conn_recv(talk->conn, (struct pl_bytes){raw->out, raw->out_size}, 0);
    raw_done(raw);
    free(raw);
    if (rc < 0 || drain(talk) < 0)
        return false;
    talk->call = pl_rpc_host_call(talk->pair.host, talk->pair.seen.last_id);
    if (talk->call == NULL)
        return false;
    pl_rpc_call_set_source(talk->call, &source);
    return true;
}

static void add(struct talk *talk)
{
    talk->due += MESSAGE_SIZE;
    pl_rpc_call_wake(talk->call);
}

/* All that the source gave has left, in order; the stream has ended or not. */
static void assert_whole(const struct talk *talk, bool ended)
{
    size_t data_size = 0;
    bool end_seen = false;

    for (size_t at = 0; at < talk->out_size;) {
        const uint8_t *head = talk->out + at;
        size_t size = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        at += HEAD_SIZE + size;
        assert_true(at <= talk->out_size);
        assert_int_not_equal(head[3], NGHTTP2_RST_STREAM);
        if (head[3] == NGHTTP2_HEADERS || head[3] == NGHTTP2_DATA)
            end_seen = (head[4] & NGHTTP2_FLAG_END_STREAM) != 0;
        for (size_t i = 0; head[3] == NGHTTP2_DATA && i < size; i++, data_size++)
            if (data_size % MESSAGE_SIZE >= PL_RPC_ENVELOPE_SIZE)
                assert_int_equal(head[HEAD_SIZE + i], (uint8_t)(data_size / MESSAGE_SIZE));
        if (head[3] == NGHTTP2_DATA)
            assert_true(size > 0);
    }
    assert_int_equal(data_size, talk->given);
    assert_int_equal(talk->due, 0);
    assert_int_equal(end_seen, ended);
}

/* A stream that is woken at every point of what leaves, and then ends. */
static void run(struct talk *talk, size_t piece)
{
    static const struct pl_rpc_status ok = {.code = PL_CODE_OK};

    if (!begin(talk))
        return;
    for (int i = 0; i < 40; i++) {
        add(talk);
        if (i % 7 == 6 ? drain(talk) < 0 : fill(talk, piece) < 0)
            return;
        if (pl_rpc_host_call(talk->pair.host, talk->pair.seen.last_id) == NULL)
            return; /* reset for want of memory */
    }
    if (drain(talk) < 0)
        return;
    if (!pl_mem_failed())
        assert_whole(talk, false);
    pl_rpc_call_finish(talk->call, &ok);
    if (drain(talk) == 0 && !pl_mem_failed())
        assert_whole(talk, true);
}

/* With the nth allocation failing; 0: none. Returns whether it did. */
static bool run_once(size_t piece, uint64_t nth)
{
    struct talk *talk = calloc(1, sizeof *talk);
    bool failed;

    assert_non_null(talk);
    assert_int_equal(pair_init(&talk->pair), PL_OK);
    assert_int_equal(pl_rpc_conn_new(talk->pair.host, PL_RPC_HTTP_ANY, 0, &talk->conn), PL_OK);
    pl_mem_fail_at(nth);
    run(talk, piece);
    failed = pl_mem_failed() != 0;
    pl_mem_fail_at(0);
    if (nth == 0)
        assert_int_equal(talk->given, 40 * MESSAGE_SIZE);
    pl_rpc_conn_free(talk->conn);
    pair_done(&talk->pair);
    free(talk);
    return failed;
}

static void what_comes_while_a_frame_leaves_follows(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 64; piece++)
        run_once(piece, 0);
}

static void short_memory_ends_it_cleanly(void **state)
{
    static const size_t pieces[] = {1, 5, 9, 17, 20, 1024};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        for (uint64_t nth = 1; run_once(pieces[i], nth); nth++)
            continue;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_while_a_frame_leaves_follows),
        cmocka_unit_test(short_memory_ends_it_cleanly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

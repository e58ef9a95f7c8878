/* test_flow.c - large messages, sources, and peers that open no window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "pair.h"
#include "rpc/limits.h"

#include <string.h>

static int setup(void **state)
{
    struct pair *pair = test_calloc(1, sizeof *pair);

    assert_int_equal(pair_init(pair), PL_OK);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    pair_done(pair);
    test_free(pair);
    return 0;
}

static void assert_last(const struct reply *reply, const char *text)
{
    assert_int_equal(reply->last_size, strlen(text));
    assert_memory_equal(reply->last, text, strlen(text));
}

static void call_large_messages_pass_both_ways(void **state)
{
    struct pair *pair = *state;
    uint8_t *data = test_malloc(PL_RPC_MESSAGE_SIZE_MAX);
    struct reply reply, talk;

    memset(data, 'z', PL_RPC_MESSAGE_SIZE_MAX);
    assert_int_equal(
        pair_call(pair, "Echo", (struct pl_bytes){data, PL_RPC_MESSAGE_SIZE_MAX}, &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_int_equal(reply.size, PL_RPC_MESSAGE_SIZE_MAX);

    assert_int_equal(pair_start(pair, "Talk", 0, &talk), PL_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pl_rpc_client_send(talk.call, (struct pl_bytes){data, PL_RPC_MESSAGE_SIZE_MAX}), PL_OK);
        assert_int_equal(pl_rpc_client_send(talk.call, pl_bytes_str("small")), PL_OK);
    }
    pl_rpc_client_half_close(talk.call);
    pair->chunk = 1000;
    pair_pump(pair);
    assert_int_equal(talk.code, PL_CODE_OK);
    assert_int_equal(talk.messages, 8);
    assert_int_equal(talk.size, 4 * ((size_t)PL_RPC_MESSAGE_SIZE_MAX + 5));
    test_free(data);
}

static void call_message_over_the_limit_is_refused(void **state)
{
    struct pair *pair = *state;
    size_t size = PL_RPC_MESSAGE_SIZE_MAX + 1;
    uint8_t *data = test_calloc(1, size);
    struct reply reply, after;

    assert_int_equal(pair_call(pair, "Echo", (struct pl_bytes){data, size}, &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.closed, 1);
    assert_int_equal(reply.code, PL_CODE_RESOURCE_EXHAUSTED);
    assert_int_equal(pair->seen.messages, 0);
    assert_int_equal(pair->seen.closed, 1);
    test_free(data);

    assert_int_equal(pair_call(pair, "Echo", pl_bytes_str("next"), &after), PL_OK);
    pair_pump(pair);
    assert_int_equal(after.code, PL_CODE_OK);
}

/* More large messages at once than the connection holds: each has its turn. */
static void call_large_messages_wait_for_their_turn(void **state)
{
    enum { LEN = 8 };
    struct pair *pair = *state;
    size_t size = 3 << 20;
    uint8_t *data = test_calloc(1, size);
    struct reply replies[LEN];

    for (int i = 0; i < LEN; i++)
        assert_int_equal(pair_call(pair, "Echo", (struct pl_bytes){data, size}, &replies[i]),
                         PL_OK);
    pair_pump(pair);
    for (int i = 0; i < LEN; i++) {
        assert_int_equal(replies[i].code, PL_CODE_OK);
        assert_int_equal(replies[i].closed, 1);
        assert_int_equal(replies[i].size, size);
    }
    test_free(data);
}

/* A source of `left` messages "tick", pulled in pieces of `piece` bytes. */
struct ticks {
    int left;
    size_t offset;
    size_t piece;
    int dry; /* how often it had nothing to give */
};

static size_t on_pull(void *self, uint8_t *to, size_t size)
{
    static const char message[] = "\0\0\0\0\4tick";
    struct ticks *ticks = self;
    size_t moved = 0;

    while (ticks->left > 0 && moved < size && moved < ticks->piece) {
        to[moved++] = (uint8_t)message[ticks->offset++];
        if (ticks->offset == sizeof message - 1) {
            ticks->offset = 0;
            ticks->left--;
        }
    }
    if (moved == 0)
        ticks->dry++;
    return moved;
}

static void call_source_is_pulled_and_messages_stay_whole(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_status bye = {.code = PL_CODE_UNAVAILABLE, .message = "bye"};
    struct ticks ticks = {.left = 0, .piece = 7};
    struct pl_rpc_source source = {&ticks, on_pull};
    struct pl_buf *buf = pl_buf_copy("queued", 6);
    struct pl_rpc_call *call;
    struct reply reply;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &reply), PL_OK);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    pl_rpc_call_set_source(call, &source);
    for (int round = 0; round < 10; round++) {
        ticks.left = 100;
        pl_rpc_call_wake(call);
        pair_pump(pair);
        assert_int_equal(reply.messages, 101 * round + 100);
        assert_last(&reply, "tick");
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
        pair_pump(pair);
        assert_last(&reply, "queued");
    }
    ticks.left = 5;
    pl_rpc_call_wake(call);
    pl_rpc_call_finish(call, &bye);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_UNAVAILABLE);
    assert_string_equal(reply.message, "bye");
    assert_int_equal(reply.messages, 1010); /* a finished call's source is let be */
    pl_buf_unref(buf);
}

static void call_source_that_is_dry_is_let_be_until_it_wakes(void **state)
{
    struct pair *pair = *state;
    struct ticks ticks = {.left = 3, .piece = 100};
    struct pl_rpc_source source = {&ticks, on_pull};
    struct pl_buf *buf = pl_buf_copy("queued", 6);
    struct pl_rpc_call *call;
    struct reply reply;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &reply), PL_OK);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    pl_rpc_call_set_source(call, &source);
    for (int round = 1; round <= 3; round++) {
        pl_rpc_call_wake(call);
        pair_pump(pair);
        assert_int_equal(ticks.dry, round);
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK); /* the queue moves, it does not */
        ticks.left = 3;
        pair_pump(pair);
        assert_last(&reply, "queued");
        assert_int_equal(ticks.dry, round);
        assert_int_equal(ticks.left, 3);
    }
    pair_hang_up(pair); /* while reply is there */
    pl_buf_unref(buf);
}

static void call_source_cut_amid_a_message_is_completed(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct ticks ticks = {.left = 1000 * 1000, .piece = 100000};
    struct pl_rpc_source source = {&ticks, on_pull};
    struct pl_buf *buf = pl_buf_copy("queued", 6);
    struct pl_rpc_call *call;
    struct reply reply;
    uint8_t data[9 + 16384 + 9 + 100]; /* ends within a frame */
    ssize_t size;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &reply), PL_OK);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    pl_rpc_call_set_source(call, &source);
    pl_rpc_call_wake(call);
    size = pl_rpc_conn_fill(pair->conn, data, sizeof data);
    assert_int_equal(size, sizeof data);
    assert_true(ticks.offset > 0); /* 16384 bytes are no whole number of messages */
    assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    pl_rpc_call_finish(call, &ok);
    assert_int_equal(
        pl_rpc_client_recv(pair->client, (struct pl_bytes){data, (size_t)size}, pair->now_ms),
        PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_last(&reply, "queued");
    assert_int_equal(ticks.offset, 0);
    pl_buf_unref(buf);
}

/* A peer that opens no window: the source is not asked, nothing is held. */
static void call_reader_that_does_not_read_holds_up_nothing_else(void **state)
{
    struct pair *pair = *state;
    struct pl_buf *buf = pl_buf_new(1 << 20);
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct pl_rpc_call *call;
    struct reply reply;
    uint8_t data[65536];

    memset(buf->data, 0, buf->size);
    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &reply), PL_OK);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    pl_rpc_call_finish(call, &ok);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ; /* what leaves is lost: the windows stay shut */
    assert_true(pl_rpc_call_queue_size(call) > 6 << 20);
    pair->now_ms += PL_RPC_LINGER_MS - 1;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    assert_int_equal(pair->seen.closed, 0);
    pair->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    assert_int_equal(pair->seen.closed, 1);
    assert_true(pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0); /* RST_STREAM */
    pair_hang_up(pair);
    pl_buf_unref(buf);
}

static void call_deadline_with_shut_windows(void **state)
{
    struct pair *pair = *state;
    struct pl_buf *buf = pl_buf_new(1 << 20);
    struct pl_rpc_call *call;
    struct reply reply;
    uint8_t data[65536];

    memset(buf->data, 0, buf->size);
    assert_int_equal(pair_start(pair, "WaitStream", 100, &reply), PL_OK);
    assert_int_equal(pl_rpc_client_send(reply.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(reply.call);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ;
    pair->now_ms += 100;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    assert_int_equal(pair->seen.closed, 1);
    assert_true(pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), 0);
    pair_hang_up(pair);
    pl_buf_unref(buf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_large_messages_pass_both_ways),
        TEST(call_message_over_the_limit_is_refused),
        TEST(call_large_messages_wait_for_their_turn),
        TEST(call_source_is_pulled_and_messages_stay_whole),
        TEST(call_source_that_is_dry_is_let_be_until_it_wakes),
        TEST(call_source_cut_amid_a_message_is_completed),
        TEST(call_reader_that_does_not_read_holds_up_nothing_else),
        TEST(call_deadline_with_shut_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

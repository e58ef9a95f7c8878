/* test_call.c - calls of every kind, between the host and the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "pair.h"
#include "rpc/envelope.h"
#include "rpc/limits.h"

#include <stdlib.h>
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

static void call_unary_is_answered(void **state)
{
    struct pair *pair = *state;
    struct reply reply;

    assert_int_equal(pair_call(pair, "Echo", pl_bytes_str("hello"), &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.closed, 1);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_int_equal(reply.messages, 1);
    assert_true(reply.processed);
    assert_last(&reply, "hello");
    assert_int_equal(pair->seen.opened, 1);
    assert_int_equal(pair->seen.closed, 1);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), 0);
    assert_true(pair->wants > 0);
}

static void call_empty_message_is_a_message(void **state)
{
    struct pair *pair = *state;
    struct reply reply;

    assert_int_equal(pair_call(pair, "Echo", pl_bytes_str(""), &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_int_equal(reply.messages, 1);
    assert_int_equal(reply.size, 0);
}

static void call_of_each_kind_in_chunks(void **state)
{
    static const size_t chunks[] = {1, 2, 3, 7, 100, 65536};
    struct pair *pair = *state;

    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct reply unary, many, count, talk;

        pair->chunk = chunks[i];
        assert_int_equal(pair_call(pair, "Echo", pl_bytes_str("one"), &unary), PL_OK);
        assert_int_equal(pair_call(pair, "Many", pl_bytes_str("50"), &many), PL_OK);
        assert_int_equal(pair_start(pair, "Count", 0, &count), PL_OK);
        assert_int_equal(pair_start(pair, "Talk", 0, &talk), PL_OK);
        for (int k = 0; k < 20; k++) {
            assert_int_equal(pl_rpc_client_send(count.call, pl_bytes_str("x")), PL_OK);
            assert_int_equal(pl_rpc_client_send(talk.call, pl_bytes_str("to and fro")), PL_OK);
            if (k % 5 == 0)
                pair_pump(pair);
        }
        pair_pump(pair);
        assert_int_equal(talk.messages, 20);
        assert_int_equal(talk.closed, 0);
        pl_rpc_client_half_close(count.call);
        pl_rpc_client_half_close(talk.call);
        pair_pump(pair);

        assert_int_equal(unary.code, PL_CODE_OK);
        assert_last(&unary, "one");
        assert_int_equal(many.code, PL_CODE_OK);
        assert_int_equal(many.messages, 50);
        assert_last(&many, "item 49");
        assert_int_equal(count.code, PL_CODE_OK);
        assert_last(&count, "20");
        assert_int_equal(talk.code, PL_CODE_OK);
        assert_last(&talk, "to and fro");
        assert_int_equal(unary.closed + many.closed + count.closed + talk.closed, 4);
    }
    assert_int_equal(pair->seen.opened, pair->seen.closed);
}

static void call_status_carries_message_and_details(void **state)
{
    static const char text[] = "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and "
                               "non-BMP \xf0\x9f\x98\x88, 100%\t\n";
    struct pair *pair = *state;
    struct reply reply;

    assert_int_equal(pair_call(pair, "Fail", pl_bytes_str(text), &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.closed, 1);
    assert_int_equal(reply.code, PL_CODE_ALREADY_EXISTS);
    assert_string_equal(reply.message, text);
    assert_int_equal(reply.details_size, 4);
    assert_memory_equal(reply.details, "\0\1\2\377", 4);
    assert_int_equal(reply.messages, 0);
}

static void call_status_message_is_cut_between_characters(void **state)
{
    struct pair *pair = *state;
    struct reply reply;
    char text[2000];

    memset(text, 'a', sizeof text);
    memcpy(text + PL_RPC_STATUS_MESSAGE_SIZE_MAX - 1, "\xe2\x98\xba", 3);
    assert_int_equal(
        pair_call(pair, "Fail", (struct pl_bytes){(uint8_t *)text, sizeof text}, &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(strlen(reply.message), PL_RPC_STATUS_MESSAGE_SIZE_MAX - 1);
    assert_int_equal(reply.code, PL_CODE_ALREADY_EXISTS);
}

static void call_finished_in_on_open(void **state)
{
    struct pair *pair = *state;
    struct reply reply;

    assert_int_equal(pair_start(pair, "Early", 0, &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.closed, 1);
    assert_int_equal(reply.code, PL_CODE_UNAUTHENTICATED);
    assert_string_equal(reply.message, "who is there?");
    assert_int_equal(pair->seen.closed, 1);

    assert_int_equal(pair_call(pair, "Early", pl_bytes_str("unheard"), &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_UNAUTHENTICATED);
    assert_int_equal(pair->seen.messages, 0);
    assert_int_equal(pair->seen.closed, 2);
}

static void call_unknown_is_unimplemented(void **state)
{
    static const struct {
        const char *path;
        const char *message;
    } cases[] = {
        {"/test.Nobody/Echo", "unknown service test.Nobody"},
        {"/test.Kinds/Nothing", "unknown method Nothing of service test.Kinds"},
        {"/test.Kinds/", "unknown method  of service test.Kinds"},
        {"/test.Kinds", "the path is not /service/method"},
        {"/", "the path is not /service/method"},
    };
    struct pair *pair = *state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply reply;

        assert_int_equal(pair_call(pair, cases[i].path, pl_bytes_str("x"), &reply), PL_OK);
        pair_pump(pair);
        assert_int_equal(reply.code, PL_CODE_UNIMPLEMENTED);
        assert_string_equal(reply.message, cases[i].message);
    }
    assert_int_equal(pair->seen.opened, 0);
}

static void call_with_metadata(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_metadata good[] = {
        {"x-text", pl_bytes_str("text, and more")},
        {"x-in-bin", {(const uint8_t *)"\0\xffz", 3}},
    };
    const struct pl_rpc_metadata bad[] = {
        {"Upper", pl_bytes_str("x")}, {"grpc-mine", pl_bytes_str("x")}, {"", pl_bytes_str("x")},
        {"x", pl_bytes_str("a\nb")},  {"x", pl_bytes_str(" a")},
    };
    struct reply reply;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(pair_start_with(pair, "Meta", &bad[i], 1, 0, &reply), PL_E_INVALID);

    assert_int_equal(pair_call(pair, "Meta", pl_bytes_str(""), &reply), PL_OK);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_NOT_FOUND);

    assert_int_equal(pair_start_with(pair, "Meta", good, 2, 0, &reply), PL_OK);
    assert_int_equal(pl_rpc_client_send(reply.call, pl_bytes_str("")), PL_OK);
    pl_rpc_client_half_close(reply.call);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_int_equal(reply.last_size, 3);
    assert_memory_equal(reply.last, "\0\xffz", 3);
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

static void call_cardinality_is_kept(void **state)
{
    struct pair *pair = *state;
    struct reply none, two;

    assert_int_equal(pair_start(pair, "Echo", 0, &none), PL_OK);
    pl_rpc_client_half_close(none.call);
    assert_int_equal(pair_start(pair, "Echo", 0, &two), PL_OK);
    assert_int_equal(pl_rpc_client_send(two.call, pl_bytes_str("a")), PL_OK);
    assert_int_equal(pl_rpc_client_send(two.call, pl_bytes_str("b")), PL_OK);
    pl_rpc_client_half_close(two.call);
    pair_pump(pair);
    assert_int_equal(none.code, PL_CODE_UNIMPLEMENTED);
    assert_int_equal(two.code, PL_CODE_UNIMPLEMENTED);
    assert_int_equal(pair->seen.messages, 0);
    assert_int_equal(pair->seen.closed, 2);
}

static void call_cancelled_by_the_client(void **state)
{
    struct pair *pair = *state;
    struct reply before, under_way, talk;

    assert_int_equal(pair_call(pair, "Wait", pl_bytes_str("x"), &before), PL_OK);
    pl_rpc_client_cancel(before.call); /* nothing has left yet */
    assert_int_equal(before.closed, 1);
    assert_int_equal(before.code, PL_CODE_CANCELLED);
    assert_false(before.processed);
    pair_pump(pair);
    assert_int_equal(pair->seen.opened, 0);

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &under_way), PL_OK);
    pair_pump(pair);
    assert_int_equal(pair->seen.opened, 1);
    pl_rpc_client_cancel(under_way.call);
    assert_int_equal(under_way.closed, 1);
    assert_true(under_way.processed);
    pair_pump(pair);
    assert_int_equal(pair->seen.closed, 1);

    assert_int_equal(pair_start(pair, "Talk", 0, &talk), PL_OK);
    assert_int_equal(pl_rpc_client_send(talk.call, pl_bytes_str("a")), PL_OK);
    assert_int_equal(pl_rpc_client_send(talk.call, pl_bytes_str("b")), PL_OK);
    talk.cancel = &talk; /* in on_message */
    pair_pump(pair);
    assert_int_equal(talk.messages, 1);
    assert_int_equal(talk.closed, 1);
    assert_int_equal(pair->seen.closed, 2);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), 0);
}

static void call_past_its_deadline_is_ended_by_both(void **state)
{
    struct pair *pair = *state;
    struct reply reply, stream;
    struct pl_rpc_call *call;

    assert_int_equal(pair_start(pair, "Wait", 500, &reply), PL_OK);
    assert_int_equal(pl_rpc_client_send(reply.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(reply.call);
    assert_int_equal(pair_start(pair, "WaitStream", 500, &stream), PL_OK);
    assert_int_equal(pl_rpc_client_send(stream.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(stream.call);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    assert_non_null(call);
    assert_int_equal(pl_rpc_call_deadline_ms(call), pair->now_ms + 500);
    assert_int_equal(pl_rpc_conn_due_ms(pair->conn), pair->now_ms + 500);

    pair->now_ms += 499;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    assert_int_equal(pair->seen.closed, 0);
    pair->now_ms += 1;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    assert_int_equal(pair->seen.closed, 2); /* at once */
    pair_pump(pair);                        /* the client hears it from the server */
    assert_int_equal(reply.code, PL_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(stream.code, PL_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(pair->seen.closed, 2);

    assert_int_equal(pair_start(pair, "WaitStream", 500, &stream), PL_OK);
    assert_int_equal(pl_rpc_client_send(stream.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(stream.call);
    pair_pump(pair);
    pair->now_ms += 500;
    assert_int_equal(pl_rpc_client_tick(pair->client, pair->now_ms), PL_OK);
    assert_int_equal(stream.closed, 1); /* by the client itself */
    assert_int_equal(stream.code, PL_CODE_DEADLINE_EXCEEDED);
    pair_pump(pair);
    assert_int_equal(pair->seen.closed, 3);
}

static void call_request_that_never_comes_is_given_up(void **state)
{
    struct pair *pair = *state;
    struct reply reply, talk;

    assert_int_equal(pair_start(pair, "Echo", 0, &reply), PL_OK);
    assert_int_equal(pair_start(pair, "Talk", 0, &talk), PL_OK);
    pair_pump(pair);
    for (int i = 0; i < 7; i++) { /* keepalive is answered meanwhile */
        pair_tick(pair, PL_RPC_REQUEST_MS / 6);
        pair_pump(pair);
    }
    assert_int_equal(reply.code, PL_CODE_DEADLINE_EXCEEDED);
    assert_int_equal(talk.closed, 0); /* a stream may wait */
}

static void call_lost_connection_ends_all(void **state)
{
    struct pair *pair = *state;
    struct reply sent, unsent;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &sent), PL_OK);
    pair_pump(pair);
    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &unsent), PL_OK);
    pl_rpc_conn_free(pair->conn);
    pair->conn = NULL;
    assert_int_equal(pair->seen.closed, 1);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), 0);
    pl_rpc_client_free(pair->client);
    pair->client = NULL;
    assert_int_equal(sent.code, PL_CODE_UNAVAILABLE);
    assert_true(sent.processed);
    assert_int_equal(unsent.code, PL_CODE_UNAVAILABLE);
    assert_false(unsent.processed);
}

static void call_thousand_at_once(void **state)
{
    enum { LEN = 1200 }; /* over the limit of streams: the rest waits in the client */
    struct pair *pair = *state;
    struct reply *replies = test_calloc(LEN, sizeof *replies);

    pair_pump(pair); /* the client learns the limit */
    for (int i = 0; i < LEN; i++)
        assert_int_equal(
            pair_call(pair, i % 2 ? "Echo" : "WaitStream", pl_bytes_str("hi"), &replies[i]), PL_OK);
    pair_pump(pair);
    assert_int_equal(pl_rpc_host_calls_len(pair->host), LEN / 2);
    for (int i = 0; i < LEN; i += 2)
        pl_rpc_client_cancel(replies[i].call);
    pair_pump(pair);
    for (int i = 0; i < LEN; i++) {
        assert_int_equal(replies[i].closed, 1);
        assert_int_equal(replies[i].code, i % 2 ? PL_CODE_OK : PL_CODE_CANCELLED);
    }
    assert_int_equal(pair->seen.closed, LEN);
    test_free(replies);
}

static void call_answered_later_by_id(void **state)
{
    struct pair *pair = *state;
    struct reply reply;
    struct pl_rpc_call *call;
    struct pl_buf *buf = pl_buf_copy("late", 4);
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    uint64_t id;

    assert_int_equal(pair_call(pair, "Wait", pl_bytes_str("x"), &reply), PL_OK);
    pair_pump(pair);
    id = pair->seen.last_id;
    pair->wants = 0;
    call = pl_rpc_host_call(pair->host, id);
    assert_int_equal(pl_rpc_call_add_header(call, "x-head", pl_bytes_str("1")), PL_OK);
    assert_int_equal(pl_rpc_call_add_header(call, "grpc-x", pl_bytes_str("1")), PL_E_INVALID);
    assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    assert_true(pair->wants > 0); /* told at once, outside of recv */
    assert_int_equal(pl_rpc_call_add_header(call, "x-head", pl_bytes_str("2")), PL_E_CLOSED);
    assert_int_equal(pl_rpc_call_queue_size(call), 9);
    pl_rpc_call_finish(call, &ok);
    assert_int_equal(pl_rpc_call_send(call, buf), PL_E_CLOSED);
    pl_buf_unref(buf);
    pair_pump(pair);
    assert_int_equal(reply.code, PL_CODE_OK);
    assert_last(&reply, "late");
    assert_null(pl_rpc_host_call(pair->host, id));
}

/* A source of `left` messages "tick", pulled in pieces of `piece` bytes. */
struct ticks {
    int left;
    size_t offset;
    size_t piece;
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
    pl_buf_unref(buf);
}

static void drain_lets_calls_end_and_refuses_new_ones(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_status bye = {.code = PL_CODE_UNAVAILABLE};
    struct reply stream, echo, late;

    assert_int_equal(pair_call(pair, "WaitStream", pl_bytes_str("x"), &stream), PL_OK);
    pair_pump(pair);
    assert_false(pl_rpc_client_draining(pair->client));
    assert_int_equal(pair_call(pair, "Echo", pl_bytes_str("on its way"), &echo), PL_OK);
    pl_rpc_conn_drain(pair->conn);
    pl_rpc_conn_drain(pair->conn);
    pair_pump(pair);
    assert_true(pl_rpc_client_draining(pair->client));
    assert_int_equal(echo.code, PL_CODE_OK);
    assert_int_equal(stream.closed, 0);
    assert_int_equal(pair_start(pair, "Echo", 0, &late), PL_E_CLOSED);
    assert_false(pl_rpc_conn_finished(pair->conn));
    pl_rpc_call_finish(pl_rpc_host_call(pair->host, 1), &bye);
    pair_pump(pair);
    assert_int_equal(stream.code, PL_CODE_UNAVAILABLE);
    assert_true(pl_rpc_conn_finished(pair->conn));
}

static void drain_does_not_wait_for_a_silent_peer(void **state)
{
    struct pair *pair = *state;
    uint8_t data[1000];

    pair_pump(pair);
    pl_rpc_conn_drain(pair->conn);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ;
    assert_false(pl_rpc_conn_finished(pair->conn));
    pair->now_ms += PL_RPC_DRAIN_MS;
    assert_int_equal(pl_rpc_conn_tick(pair->conn, pair->now_ms), PL_OK);
    while (pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0)
        ;
    assert_true(pl_rpc_conn_finished(pair->conn));
}

static void keepalive_finds_a_dead_peer(void **state)
{
    struct pair *pair = *state;
    struct reply reply;
    uint8_t data[1000];

    assert_int_equal(pair_start(pair, "Talk", 0, &reply), PL_OK);
    for (int i = 0; i < 100; i++) { /* a live one is kept for ever */
        pair_pump(pair);
        pair_tick(pair, PL_RPC_KEEPALIVE_MS);
        assert_int_equal(pair->conn_rc, PL_OK);
        assert_int_equal(pair->client_rc, PL_OK);
    }
    pair_pump(pair);
    pair_tick(pair, PL_RPC_KEEPALIVE_MS);
    assert_true(pl_rpc_conn_fill(pair->conn, data, sizeof data) > 0);
    pair_tick(pair, PL_RPC_KEEPALIVE_TIMEOUT_MS);
    assert_int_equal(pair->conn_rc, PL_E_TIMEOUT);
    assert_int_equal(pair->client_rc, PL_E_TIMEOUT);
    pl_rpc_client_free(pair->client);
    pair->client = NULL;
    assert_int_equal(reply.code, PL_CODE_UNAVAILABLE);
}

/* A whole conversation; every allocation in it fails once. */
static int conversation(struct pair *pair, struct reply replies[5])
{
    struct reply *talk = &replies[4];
    int rc = pair_init(pair);

    if (rc < 0)
        return rc;
    pair->chunk = 50;
    if ((rc = pair_call(pair, "Echo", pl_bytes_str("hello, hello, hello, hello"), &replies[0])) <
            0 ||
        (rc = pair_call(pair, "Many", pl_bytes_str("20"), &replies[1])) < 0 ||
        (rc = pair_call(pair, "Fail", pl_bytes_str("why"), &replies[2])) < 0 ||
        (rc = pair_start(pair, "Wait", 1000, &replies[3])) < 0 ||
        (rc = pair_start(pair, "Talk", 0, talk)) < 0)
        return rc;
    for (int i = 0; i < 3 && talk->call != NULL; i++) {
        (void)pl_rpc_client_send(talk->call, pl_bytes_str("a longer message than the chunks"));
        pair_pump(pair);
    }
    if (talk->call != NULL)
        pl_rpc_client_half_close(talk->call);
    pair_pump(pair);
    pair_tick(pair, 1000);
    pl_rpc_conn_drain(pair->conn);
    pair_pump(pair);
    return PL_OK;
}

static void every_allocation_may_fail(void **state)
{
    uint64_t nth = 0;
    int failed;

    (void)state;
    do {
        struct pair pair;
        struct reply replies[5];

        pl_mem_fail_at(++nth);
        (void)conversation(&pair, replies);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        assert_int_equal(pair.seen.closed <= pair.seen.opened, 1);
        if (pair.conn != NULL)
            pl_rpc_conn_free(pair.conn);
        pair.conn = NULL;
        assert_int_equal(pair.seen.closed, pair.seen.opened);
        pair_done(&pair);
    } while (failed);
    assert_true(nth > 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_unary_is_answered),
        TEST(call_empty_message_is_a_message),
        TEST(call_of_each_kind_in_chunks),
        TEST(call_status_carries_message_and_details),
        TEST(call_status_message_is_cut_between_characters),
        TEST(call_finished_in_on_open),
        TEST(call_unknown_is_unimplemented),
        TEST(call_with_metadata),
        TEST(call_large_messages_pass_both_ways),
        TEST(call_message_over_the_limit_is_refused),
        TEST(call_large_messages_wait_for_their_turn),
        TEST(call_cardinality_is_kept),
        TEST(call_cancelled_by_the_client),
        TEST(call_past_its_deadline_is_ended_by_both),
        TEST(call_request_that_never_comes_is_given_up),
        TEST(call_lost_connection_ends_all),
        TEST(call_thousand_at_once),
        TEST(call_answered_later_by_id),
        TEST(call_source_is_pulled_and_messages_stay_whole),
        TEST(call_source_cut_amid_a_message_is_completed),
        TEST(call_reader_that_does_not_read_holds_up_nothing_else),
        TEST(call_deadline_with_shut_windows),
        TEST(drain_lets_calls_end_and_refuses_new_ones),
        TEST(drain_does_not_wait_for_a_silent_peer),
        TEST(keepalive_finds_a_dead_peer),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

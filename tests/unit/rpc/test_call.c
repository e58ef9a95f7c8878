/* test_call.c - calls of every kind, between the host and the client. */
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

static void call_forgets_its_request_when_it_is_over(void **state)
{
    struct pair *pair = *state;
    const struct pl_rpc_metadata metadata = {"x-key", pl_bytes_str("value")};
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct pl_buf *buf = pl_buf_copy("later", 5);
    struct pl_rpc_call *call;
    struct pl_bytes value;
    struct reply reply;

    assert_int_equal(pair_start_with(pair, "WaitStream", &metadata, 1, 0, &reply), PL_OK);
    pair_pump(pair);
    call = pl_rpc_host_call(pair->host, pair->seen.last_id);
    pl_rpc_call_forget_request(call); /* whose message has not come */
    assert_true(pl_rpc_call_metadata(call, "x-key", &value));
    assert_int_equal(pl_rpc_client_send(reply.call, pl_bytes_str("x")), PL_OK);
    pl_rpc_client_half_close(reply.call);
    pair_pump(pair);
    assert_int_equal(pair->seen.messages, 1);
    assert_false(pl_rpc_call_metadata(call, "x-key", &value));
    assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    pair_pump(pair);
    assert_last(&reply, "later");
    pl_rpc_call_finish(call, &ok);
    pair_pump(pair);
    assert_int_equal(reply.closed, 1);
    assert_int_equal(reply.code, PL_CODE_OK);
    pl_buf_unref(buf);
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
    pair_hang_up(pair);
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
        TEST(call_forgets_its_request_when_it_is_over),
        TEST(call_cardinality_is_kept),
        TEST(call_cancelled_by_the_client),
        TEST(call_past_its_deadline_is_ended_by_both),
        TEST(call_request_that_never_comes_is_given_up),
        TEST(call_answered_later_by_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_share.c - what a stream that lies unread leaves of the connection's window, and
 * who goes first. The client here is made of bytes, and reads nothing by itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "rules.h"

#include <string.h>

enum { WINDOW = 65535, LARGE = 1 << 20 };

static const char echo_path[] = "/test.Kinds/Echo";
static const char stream_path[] = "/test.Kinds/WaitStream";

static int setup(void **state)
{
    *state = rule_bench_open();
    return 0;
}

static int teardown(void **state)
{
    rule_bench_close(*state);
    return 0;
}

/* Endless messages of 91 bytes. */
static size_t on_pull(void *self, uint8_t *to, size_t size)
{
    static const uint8_t head[] = {0, 0, 0, 0, 86};
    size_t *at = self;

    for (size_t i = 0; i < size; i++) {
        to[i] = *at < sizeof head ? head[*at] : 'x';
        *at = (*at + 1) % (sizeof head + 86);
    }
    return size;
}

static void put_u32(uint8_t to[4], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void read_more(struct raw *raw, int32_t stream_id, uint32_t size)
{
    uint8_t increment[4];

    put_u32(increment, size);
    raw_frame(raw, NGHTTP2_WINDOW_UPDATE, 0, stream_id, increment, sizeof increment);
}

static void set_initial_window(struct raw *raw, uint32_t size)
{
    uint8_t entry[6] = {0, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE};

    put_u32(entry + 2, size);
    raw_frame(raw, NGHTTP2_SETTINGS, 0, 0, entry, sizeof entry);
}

static void talk(struct rule_bench *bench)
{
    assert_int_equal(rule_bench_talk(bench), PL_OK);
}

/* Begins a call that streams without end once it is let; returns it. */
static struct pl_rpc_call *begin_stream(struct rule_bench *bench, int32_t stream_id, size_t *at)
{
    struct pl_rpc_source source = {at, on_pull};
    struct pl_rpc_call *call;

    raw_request(&bench->raw, stream_id, END_HEADERS, stream_path, NULL);
    raw_frame(&bench->raw, NGHTTP2_DATA, END_STREAM, stream_id, "\0\0\0\0\1x", 6);
    talk(bench);
    call = pl_rpc_host_call(bench->pair.host, bench->pair.seen.last_id);
    assert_non_null(call);
    pl_rpc_call_set_source(call, &source);
    return call;
}

/* Bytes of DATA that the stream was sent since the last time. */
static size_t sent(struct rule_bench *bench, int32_t stream_id)
{
    size_t size = 0;

    for (size_t i = 0; i < bench->raw.frames_len; i++)
        if (bench->raw.frames[i].type == NGHTTP2_DATA &&
            bench->raw.frames[i].stream_id == stream_id)
            size += bench->raw.frames[i].size;
    raw_clear(&bench->raw);
    return size;
}

/* A call that is answered with as much as it brings. */
static void request_echo(struct rule_bench *bench, int32_t stream_id, uint16_t size)
{
    uint8_t message[5 + 48000] = {0, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    size_t end = 5U + size;

    assert_true(end <= sizeof message);
    memset(message + 5, 'e', size);
    raw_request(&bench->raw, stream_id, END_HEADERS, echo_path, NULL);
    for (size_t at = 0; at < end; at += 16000)
        raw_frame(&bench->raw, NGHTTP2_DATA, end - at <= 16000 ? END_STREAM : 0, stream_id,
                  message + at, end - at < 16000 ? end - at : 16000);
}

static void stream_that_lies_unread_leaves_half_of_a_small_window(void **state)
{
    struct rule_bench *bench = *state;
    struct pl_rpc_call *call;
    size_t at = 0;

    raw_preface(&bench->raw);
    call = begin_stream(bench, 1, &at);
    pl_rpc_call_wake(call);
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW - WINDOW / 2);
    for (int32_t id = 3; id < 9; id += 2) { /* the rest goes on, while it is read */
        request_echo(bench, id, 10000);
        talk(bench);
        assert_int_equal(sent(bench, id), 10005);
        read_more(&bench->raw, 0, 10005);
    }
    pl_rpc_call_wake(call); /* changes nothing */
    talk(bench);
    assert_int_equal(sent(bench, 1), 0);
}

static void stream_goes_on_as_it_is_read(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0, total;

    raw_preface(&bench->raw);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    talk(bench);
    total = sent(bench, 1);
    for (int i = 0; i < 100; i++) { /* as clients do: when half has been read */
        read_more(&bench->raw, 0, WINDOW / 2 + 1);
        read_more(&bench->raw, 1, WINDOW / 2 + 1);
        talk(bench);
        assert_int_equal(sent(bench, 1), WINDOW / 2 + 1);
        total += WINDOW / 2 + 1;
    }
    assert_int_equal(at, total % 91);
}

static void stream_may_have_a_quarter_of_a_larger_window(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0;

    raw_preface(&bench->raw);
    read_more(&bench->raw, 0, 2 * WINDOW);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    talk(bench);
    assert_int_equal(sent(bench, 1), 3 * WINDOW / 4);
}

static void stream_has_all_of_its_window_where_that_is_small(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0;

    raw_preface(&bench->raw);
    read_more(&bench->raw, 0, 3 * WINDOW);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW);
}

/* There are clients that say what they have read once it is more than half. */
static void stream_may_have_more_than_half_of_its_window_unread(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0;

    raw_preface(&bench->raw);
    set_initial_window(&bench->raw, LARGE);
    read_more(&bench->raw, 0, 2 * LARGE - WINDOW);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    for (int i = 0; i < 100; i++)
        talk(bench);
    assert_int_equal(sent(bench, 1), LARGE / 2 + 1);
}

static void held_stream_goes_on_when_the_connection_may_have_more(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0;

    raw_preface(&bench->raw);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW - WINDOW / 2);
    read_more(&bench->raw, 0, LARGE);
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW / 2);
}

static void held_stream_goes_on_when_streams_may_have_more(void **state)
{
    struct rule_bench *bench = *state;
    size_t at = 0;

    raw_preface(&bench->raw);
    pl_rpc_call_wake(begin_stream(bench, 1, &at));
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW - WINDOW / 2);
    set_initial_window(&bench->raw, LARGE);
    talk(bench);
    assert_int_equal(sent(bench, 1), WINDOW / 2); /* the connection's end */
}

static void held_stream_ends_once_its_message_is_whole(void **state)
{
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct rule_bench *bench = *state;
    struct pl_rpc_call *call;
    size_t at = 0, size;

    raw_preface(&bench->raw);
    call = begin_stream(bench, 1, &at);
    pl_rpc_call_wake(call);
    talk(bench);
    size = sent(bench, 1);
    assert_true(size % 91 != 0);
    pl_rpc_call_finish(call, &ok);
    talk(bench);
    assert_int_equal(bench->raw.frames_len, 0);
    read_more(&bench->raw, 1, 100);
    talk(bench);
    assert_true(raw_has_field(&bench->raw, 1, "grpc-status: 0"));
    assert_int_equal(sent(bench, 1), 91 - size % 91);
}

static void held_stream_with_nothing_left_ends_at_once(void **state)
{
    const struct pl_rpc_status ok = {.code = PL_CODE_OK};
    struct rule_bench *bench = *state;
    struct pl_rpc_call *call;
    size_t at = 0;
    size_t size;

    raw_preface(&bench->raw);
    call = begin_stream(bench, 1, &at);
    pl_rpc_call_wake(call);
    talk(bench);
    size = sent(bench, 1);
    read_more(&bench->raw, 1, (uint32_t)(91 - size % 91)); /* a message's end */
    talk(bench);
    (void)sent(bench, 1);
    assert_int_equal(at, 0);
    pl_rpc_call_finish(call, &ok);
    talk(bench);
    assert_true(raw_has_field(&bench->raw, 1, "grpc-status: 0"));
}

static void answers_of_one_message_go_first(void **state)
{
    struct rule_bench *bench = *state;
    size_t at[3] = {0}, answers = 0, streams_before = 0;

    raw_preface(&bench->raw);
    set_initial_window(&bench->raw, LARGE);
    for (int i = 0; i < 3; i++)
        pl_rpc_call_wake(begin_stream(bench, 1 + 2 * i, &at[i]));
    read_more(&bench->raw, 0, WINDOW);
    talk(bench); /* each has sent something, until the connection's window was full */
    raw_clear(&bench->raw);
    for (int32_t id = 7; id < 13; id += 2)
        request_echo(bench, id, 48000);
    talk(bench);
    read_more(&bench->raw, 0, LARGE / 4);
    talk(bench);
    for (size_t i = 0; i < bench->raw.frames_len && answers < 3 * 48005; i++) {
        if (bench->raw.frames[i].type != NGHTTP2_DATA)
            continue;
        if (bench->raw.frames[i].stream_id >= 7)
            answers += bench->raw.frames[i].size;
        else
            streams_before++;
    }
    assert_int_equal(answers, 3 * 48005);
    assert_true(streams_before <= 1);     /* whose turn had come */
    for (int32_t id = 1; id < 7; id += 2) /* and streams go on in turn */
        assert_non_null(raw_find(&bench->raw, NGHTTP2_DATA, id));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stream_that_lies_unread_leaves_half_of_a_small_window),
        TEST(stream_goes_on_as_it_is_read),
        TEST(stream_may_have_a_quarter_of_a_larger_window),
        TEST(stream_has_all_of_its_window_where_that_is_small),
        TEST(stream_may_have_more_than_half_of_its_window_unread),
        TEST(held_stream_goes_on_when_the_connection_may_have_more),
        TEST(held_stream_goes_on_when_streams_may_have_more),
        TEST(held_stream_ends_once_its_message_is_whole),
        TEST(held_stream_with_nothing_left_ends_at_once),
        TEST(answers_of_one_message_go_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

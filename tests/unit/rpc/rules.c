/* rules.c - see rules.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rules.h"

#include <string.h>

static const char echo_path[] = "/test.Kinds/Echo";
static const char talk_path[] = "/test.Kinds/Talk";

struct rule_bench *rule_bench_open(void)
{
    static struct rule_bench only; /* large */

    assert_int_equal(pair_init(&only.pair), PL_OK);
    raw_init(&only.raw);
    return &only;
}

void rule_bench_close(struct rule_bench *bench)
{
    pl_rpc_conn_free(bench->pair.conn);
    bench->pair.conn = NULL;
    assert_int_equal(bench->pair.seen.opened, bench->pair.seen.closed);
    assert_int_equal(pl_rpc_host_calls_len(bench->pair.host), 0);
    pair_done(&bench->pair);
    raw_done(&bench->raw);
}

int rule_bench_talk(struct rule_bench *bench)
{
    struct raw *raw = &bench->raw;
    uint8_t data[4096];
    ssize_t size;
    int rc = pl_rpc_conn_recv(bench->pair.conn, (struct pl_bytes){raw->out, raw->out_size},
                              bench->pair.now_ms);

    raw->out_size = 0;
    while ((size = pl_rpc_conn_fill(bench->pair.conn, data, sizeof data)) > 0)
        raw_take(raw, (struct pl_bytes){data, (size_t)size});
    return rc;
}

static void expect(bool true_then, const char *name, const char *what)
{
    if (!true_then)
        fail_msg("%s: %s", name, what);
}

static void expect_code(const struct raw_frame *frame, const char *name, uint32_t error_code)
{
    if (frame == NULL)
        fail_msg("%s: no error was named", name);
    else if (frame->error_code != error_code)
        fail_msg("%s: error %u, not %u: %s", name, frame->error_code, error_code, frame->text);
}

void rule_expect(struct rule_bench *bench, const char *name, enum rule_answer answer,
                 uint32_t error_code)
{
    const struct raw_frame *goaway = raw_find(&bench->raw, NGHTTP2_GOAWAY, 0);
    const struct raw_frame *reset = raw_find(&bench->raw, NGHTTP2_RST_STREAM, -1);

    if (answer == CONNECTION) {
        expect_code(goaway, name, error_code);
        expect(pl_rpc_conn_finished(bench->pair.conn), name, "the connection goes on");
        return;
    }
    if (goaway != NULL)
        fail_msg("%s: the connection ends, error %u: %s", name, goaway->error_code, goaway->text);
    expect(!pl_rpc_conn_finished(bench->pair.conn), name, "the connection has ended");
    if (answer == STREAM) {
        expect_code(reset, name, error_code);
        expect(reset->stream_id == BAD_STREAM, name, "another stream was reset");
    } else {
        expect(reset == NULL, name, "a stream was reset");
    }
}

/* Ends a call that was begun, and finds it answered. */
static void expect_end(struct rule_bench *bench, const char *name, int32_t stream_id)
{
    raw_frame(&bench->raw, NGHTTP2_DATA, END_STREAM, stream_id, "\0\0\0\0\4fine", 9);
    expect(rule_bench_talk(bench) == PL_OK, name, "the connection has failed");
    expect(raw_has_field(&bench->raw, stream_id, "grpc-status: 0"), name, "others suffer");
}

void rule_expect_served(struct rule_bench *bench, const char *name, int32_t stream_id)
{
    raw_request(&bench->raw, stream_id, 0, echo_path, NULL);
    expect_end(bench, name, stream_id);
}

void rule_expect_reconnect(struct rule_bench *bench, const char *name)
{
    pl_rpc_conn_free(bench->pair.conn);
    bench->pair.conn = NULL;
    assert_int_equal(
        pl_rpc_conn_new(bench->pair.host, PL_RPC_HTTP_2, bench->pair.now_ms, &bench->pair.conn),
        PL_OK);
    raw_done(&bench->raw);
    raw_init(&bench->raw);
    raw_preface(&bench->raw);
    rule_expect_served(bench, name, GOOD_STREAM);
}

static void put_in_state(struct rule_bench *bench, enum rule_state state)
{
    struct raw *raw = &bench->raw;

    switch (state) {
    case IDLE:
        break;
    case OPEN:
        raw_request(raw, BAD_STREAM, 0, talk_path, NULL);
        break;
    case HALF_CLOSED:
        raw_request(raw, BAD_STREAM, 0, "/test.Kinds/Wait", NULL);
        raw_frame(raw, NGHTTP2_DATA, END_STREAM, BAD_STREAM, "\0\0\0\0\0", 5);
        break;
    case ENDED:
        raw_request(raw, BAD_STREAM, 0, echo_path, NULL);
        raw_frame(raw, NGHTTP2_DATA, END_STREAM, BAD_STREAM, "\0\0\0\0\0", 5);
        break;
    case CANCELLED:
        raw_request(raw, BAD_STREAM, 0, talk_path, NULL);
        raw_frame(raw, NGHTTP2_RST_STREAM, 0, BAD_STREAM, "\0\0\0\10", 4);
        break;
    case REFUSED:
        raw_request(raw, BAD_STREAM, 0, "/test.Kinds/Early", NULL);
        break;
    }
}

static void check(const struct rule *rule)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;

    raw_preface(raw);
    raw_frame(raw, NGHTTP2_SETTINGS, ACK, 0, NULL, 0);
    raw_request(raw, GOOD_STREAM, 0, talk_path, NULL);
    put_in_state(bench, rule->state);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(raw);

    for (const struct rule_frame *f = rule->frames;
         f < rule->frames + RULE_FRAMES_MAX && f->data != NULL; f++)
        raw_frame(raw, f->type, f->flags, f->stream_id, f->data, f->size);
    if (rule->send != NULL)
        rule->send(raw);
    (void)rule_bench_talk(bench);
    rule_expect(bench, rule->name, rule->answer, rule->error_code);
    if (rule->answer == CONNECTION) {
        rule_expect_reconnect(bench, rule->name);
    } else {
        expect_end(bench, rule->name, GOOD_STREAM);
        rule_expect_served(bench, rule->name, 101);
    }
    rule_bench_close(bench);
}

void rules_check(const struct rule *rules, size_t len)
{
    for (size_t i = 0; i < len; i++)
        check(&rules[i]);
}

/* test_web.c - gRPC-Web: binary and text, over HTTP/2 and HTTP/1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "rpc/envelope.h"
#include "rpc/gzip.h"
#include "web.h"

#include <stdio.h>
#include <string.h>

#define BINARY "application/grpc-web+proto"
#define TEXT   "application/grpc-web-text"

enum { FLAG_TRAILERS = 0x80, FRAME_MAX = 512 };

/* The item in a frame. */
static void assert_item(const struct web_frame *frame, const char *text, int64_t number)
{
    uint8_t item[FRAME_MAX];
    size_t size = kinds_item(item, text, number);

    assert_int_equal(frame->flags, 0);
    assert_int_equal(frame->size, size);
    assert_memory_equal(frame->data, item, size);
}

/* The last frame, whose lines are the trailers. */
static void assert_trailers(const struct web_reply *reply, size_t offset, const char *lines)
{
    struct web_frame frame;

    assert_true(web_next_frame(reply, &offset, &frame));
    assert_int_equal(frame.flags, FLAG_TRAILERS);
    assert_int_equal(frame.size, strlen(lines));
    assert_memory_equal(frame.data, lines, frame.size);
    assert_int_equal(offset, reply->body_size);
    assert_int_equal(reply->ended, 1);
    assert_string_equal(reply->trailers, "");
}

/* A body in base64 becomes bytes, piece by piece between paddings. */
static void decode_body(struct web_reply *reply)
{
    struct pl_bytebuf plain;

    assert_int_equal(reply->body_size % 4, 0);
    pl_bytebuf_init(&plain, SIZE_MAX / 2);
    for (size_t i = 0; i < reply->body_size; i += 4)
        assert_int_equal(pl_base64_decode((struct pl_bytes){reply->body + i, 4}, &plain), PL_OK);
    reply->body_size = plain.size;
    if (plain.size > 0)
        memcpy(reply->body, plain.data, plain.size);
    pl_bytebuf_done(&plain);
}

static size_t encode(struct pl_bytes data, char *to)
{
    struct pl_bytebuf text;
    size_t size;

    pl_bytebuf_init(&text, SIZE_MAX / 2);
    pl_base64_encode(data, &text);
    size = text.size;
    if (size > 0)
        memcpy(to, text.data, size);
    pl_bytebuf_done(&text);
    return size;
}

static void unary_call_is_answered(void **state)
{
    static const char *const types[] = {"application/grpc-web", BINARY,
                                        "Application/GRPC-Web+proto; charset=utf-8"};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        for (size_t i = 0; i < 3; i++) {
            uint8_t body[FRAME_MAX];
            size_t size = kinds_frame(body, 0, "hello", 7), offset = 0;
            struct web_reply reply;
            struct web_frame frame;

            web_call(&web, "Echo", types[i], NULL, body, size, &reply);
            assert_int_equal(reply.status, 200);
            assert_true(web_has(&reply, i == 0 ? "content-type: application/grpc-web"
                                               : "content-type: " BINARY));
            assert_false(web_names(&reply, "grpc-status"));
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_item(&frame, "hello", 7);
            assert_trailers(&reply, offset, "grpc-status: 0\r\n");
            web_reply_done(&reply);
        }
        assert_int_equal(web.seen.closed, 3);
        assert_false(web.gone);
    }
}

static void stream_is_answered_message_by_message(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "item", 5), offset = 0;
        struct web_reply reply;
        struct web_frame frame;

        web_call(&web, "Many", BINARY, NULL, body, size, &reply);
        for (int i = 0; i < 5; i++) {
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_item(&frame, "item", i);
        }
        assert_trailers(&reply, offset, "grpc-status: 0\r\n");
        web_reply_done(&reply);
    }
}

static void errors_come_in_the_trailers_frame(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "50 % off", PL_CODE_NOT_FOUND), offset = 0;
        static const char *const fields[] = {"x-in", "here", "x-in-bin", "//8", NULL};
        struct web_reply reply;
        struct web_frame frame;

        web_call(&web, "Fail", BINARY, fields, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "x-out: here"));
        assert_true(web_has(&reply, "x-out-bin: //8"));
        assert_true(web_next_frame(&reply, &offset, &frame));
        assert_int_equal(frame.flags, FLAG_TRAILERS);
        assert_non_null(memmem(frame.data, frame.size, "grpc-status: 5\r\n", 16));
        assert_non_null(memmem(frame.data, frame.size, "grpc-message: 50 %25 off\r\n", 26));
        assert_non_null(memmem(frame.data, frame.size, "\r\ngrpc-status-details-bin: ", 27));
        assert_non_null(memmem(frame.data, frame.size, "\r\nx-end: here\r\n", 15));
        assert_non_null(memmem(frame.data, frame.size, "\r\nx-end-bin: //8\r\n", 18));
        assert_int_equal(offset, reply.body_size);
        web_reply_done(&reply);

        web_call(&web, "Nothing", BINARY, NULL, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_trailers(&reply, 0,
                        "grpc-status: 12\r\n"
                        "grpc-message: unknown method Nothing of service test.v1.Kinds\r\n");
        web_reply_done(&reply);
        assert_false(web.gone);
    }
}

static void messages_are_decompressed_and_compressed(void **state)
{
    static const char *const fields[] = {
        "grpc-encoding", "gzip", "grpc-accept-encoding", "identity, gzip", "x-compress", "1", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t item[FRAME_MAX], body[FRAME_MAX];
        size_t item_size = kinds_item(item, "squeezed", 3), offset = 0;
        struct pl_bytebuf packed, plain;
        struct web_reply reply;
        struct web_frame frame;

        pl_bytebuf_init(&packed, FRAME_MAX);
        pl_bytebuf_init(&plain, FRAME_MAX);
        assert_int_equal(pl_rpc_gzip((struct pl_bytes){item, item_size}, &packed), PL_OK);
        pl_rpc_envelope_write(body, 1, packed.size);
        memcpy(body + PL_RPC_ENVELOPE_SIZE, packed.data, packed.size);
        web_call(&web, "Echo", BINARY, fields, body, PL_RPC_ENVELOPE_SIZE + packed.size, &reply);
        assert_true(web_has(&reply, "grpc-encoding: gzip"));
        assert_true(web_next_frame(&reply, &offset, &frame));
        assert_int_equal(frame.flags, 1);
        assert_int_equal(
            pl_rpc_gunzip((struct pl_bytes){frame.data, frame.size}, FRAME_MAX, &plain), PL_OK);
        assert_int_equal(plain.size, item_size);
        assert_memory_equal(plain.data, item, item_size);
        assert_trailers(&reply, offset, "grpc-status: 0\r\n");
        web_reply_done(&reply);
        pl_bytebuf_done(&packed);
        pl_bytebuf_done(&plain);
    }
}

/* The same bytes, however they are cut on the way in and on the way out. */
static void text_may_be_cut_anywhere(void **state)
{
    static const size_t chunks[] = {1, 2, 3, 4, 5, 7, 100, 65536};
    uint8_t frame_bytes[FRAME_MAX];
    char text[2 * FRAME_MAX];
    size_t size =
        encode((struct pl_bytes){frame_bytes, kinds_frame(frame_bytes, 0, "cut me", 9)}, text);
    struct web web;
    (void)state;

    for (size_t in = 0; in < 8; in++)
        for (size_t out = 0; out < 8; out++)
            EACH_VERSION (&web) {
                struct web_reply reply;
                struct web_frame frame;
                size_t offset = 0;

                web.chunk_in = chunks[in];
                web.chunk_out = chunks[out];
                web_call(&web, "Many", TEXT, NULL, text, size, &reply);
                assert_int_equal(reply.status, 200);
                assert_true(web_has(&reply, "content-type: " TEXT));
                decode_body(&reply);
                for (int i = 0; i < 9; i++) {
                    assert_true(web_next_frame(&reply, &offset, &frame));
                    assert_item(&frame, "cut me", i);
                }
                assert_trailers(&reply, offset, "grpc-status: 0\r\n");
                web_reply_done(&reply);
            }
}

/* Windows of a few bytes: each DATA frame of the response carries less than a group
 * of base64. */
static void text_passes_through_small_windows(void **state)
{
    uint8_t frame_bytes[FRAME_MAX];
    char text[2 * FRAME_MAX];
    size_t size =
        encode((struct pl_bytes){frame_bytes, kinds_frame(frame_bytes, 0, "narrow", 3)}, text);
    (void)state;

    for (uint32_t window = 1; window <= 9; window++) {
        struct web_reply reply;
        struct web_frame frame;
        struct web web;
        size_t offset = 0;

        assert_int_equal(web_init(&web, 2), PL_OK);
        web_hang_up(&web);
        web.window = window;
        assert_int_equal(web_connect(&web), PL_OK);
        web_call(&web, "Many", TEXT, NULL, text, size, &reply);
        decode_body(&reply);
        for (int i = 0; i < 3; i++) {
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_item(&frame, "narrow", i);
        }
        assert_trailers(&reply, offset, "grpc-status: 0\r\n");
        web_reply_done(&reply);
        web_done(&web);
    }
}

/* A sender pads wherever it has nothing more at the time. */
static void text_may_be_padded_in_its_midst(void **state)
{
    uint8_t bytes[FRAME_MAX];
    size_t size = kinds_frame(bytes, 0, "padding", 1);
    struct web web;
    (void)state;

    for (size_t cut = 1; cut < size; cut++)
        EACH_VERSION (&web) {
            char text[2 * FRAME_MAX];
            size_t at = encode((struct pl_bytes){bytes, cut}, text);
            struct web_reply reply;
            struct web_frame frame;
            size_t offset = 0;

            at += encode((struct pl_bytes){bytes + cut, size - cut}, text + at);
            web_call(&web, "Echo", TEXT, NULL, text, at, &reply);
            decode_body(&reply);
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_item(&frame, "padding", 1);
            assert_trailers(&reply, offset, "grpc-status: 0\r\n");
            web_reply_done(&reply);
        }
}

static void text_that_is_no_base64_is_refused(void **state)
{
    static const char *const bad[] = {"!!!!",   "AAA=AA=A", "=AAA", "A===",   "AA=A",
                                      "AAAA\n", "AAAAA",    "AAA",  "AAAAAAE"};
    struct web web;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        EACH_VERSION (&web) {
            struct web_reply reply;
            struct web_frame frame;
            size_t offset = 0;

            web_call(&web, "Echo", TEXT, NULL, bad[i], strlen(bad[i]), &reply);
            assert_int_equal(reply.ended, 1);
            decode_body(&reply);
            assert_true(web_next_frame(&reply, &offset, &frame));
            assert_int_equal(frame.flags, FLAG_TRAILERS);
            assert_memory_equal(frame.data, "grpc-status: 13\r\n", 17);
            web_reply_done(&reply);
            assert_int_equal(web.seen.messages, 0);
            assert_int_equal(web.seen.closed, 1);
        }
}

static void text_errors_are_text(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        struct web_reply reply;

        web_call(&web, "Nothing", TEXT, NULL, "AAAAAAA=", 8, &reply);
        assert_int_equal(reply.status, 200);
        assert_true(web_has(&reply, "content-type: " TEXT));
        decode_body(&reply);
        assert_trailers(&reply, 0,
                        "grpc-status: 12\r\n"
                        "grpc-message: unknown method Nothing of service test.v1.Kinds\r\n");
        web_reply_done(&reply);
    }
}

/* A binary request whose response is wanted in text, as of browsers that can read no
 * binary one before its end. */
static void accept_asks_for_text(void **state)
{
    static const char *const fields[] = {"accept", "application/grpc-web-text", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "both", 2), offset = 0;
        struct web_reply reply;
        struct web_frame frame;

        web_call(&web, "Echo", BINARY, fields, body, size, &reply);
        assert_true(web_has(&reply, "content-type: application/grpc-web-text+proto"));
        decode_body(&reply);
        assert_true(web_next_frame(&reply, &offset, &frame));
        assert_item(&frame, "both", 2);
        assert_trailers(&reply, offset, "grpc-status: 0\r\n");
        web_reply_done(&reply);
    }
}

static void deadline_ends_a_call(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "100m", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "", 0);
        struct web_reply reply;

        web_call(&web, "Wait", BINARY, fields, body, size, &reply);
        assert_int_equal(web.seen.deadline_ms, web.now_ms + 100);
        assert_int_equal(pl_rpc_conn_due_ms(web.conn), web.now_ms + 100);
        web.now_ms += 100;
        assert_int_equal(pl_rpc_conn_tick(web.conn, web.now_ms), PL_OK);
        web_pump(&web);
        assert_trailers(&reply, 0, "grpc-status: 4\r\ngrpc-message: the deadline has passed\r\n");
        assert_int_equal(web.seen.closed, 1);
        web_reply_done(&reply);
    }
}

static void malformed_timeout_is_refused(void **state)
{
    static const char *const fields[] = {"grpc-timeout", "soon", NULL};
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "", 0);
        struct web_reply reply;

        web_call(&web, "Echo", BINARY, fields, body, size, &reply);
        assert_trailers(&reply, 0, "grpc-status: 13\r\ngrpc-message: malformed grpc-timeout\r\n");
        assert_int_equal(web.seen.opened, 0);
        web_reply_done(&reply);
    }
}

static void stream_is_seen_while_it_lasts(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        uint8_t body[FRAME_MAX];
        size_t size = kinds_frame(body, 0, "", 0);
        struct web_reply reply;

        web_call(&web, "WaitStream", BINARY, NULL, body, size, &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.ended, 0);
        kinds_finish(web.host, &web.seen, PL_CODE_UNAVAILABLE, "bye");
        web_pump(&web);
        assert_trailers(&reply, 0, "grpc-status: 14\r\ngrpc-message: bye\r\n");
        web_reply_done(&reply);
    }
}

/* JSON within gRPC-Web's frames. */
static void messages_may_be_json(void **state)
{
    struct web web;
    (void)state;

    EACH_VERSION (&web) {
        static const char message[] = "{\"text\":\"in frames\",\"number\":\"4\"}";
        uint8_t body[FRAME_MAX];
        struct web_reply reply;
        struct web_frame frame;
        size_t offset = 0;

        pl_rpc_envelope_write(body, 0, sizeof message - 1);
        memcpy(body + PL_RPC_ENVELOPE_SIZE, message, sizeof message - 1);
        web_call(&web, "Echo", "application/grpc-web+json", NULL, body,
                 PL_RPC_ENVELOPE_SIZE + sizeof message - 1, &reply);
        assert_true(web_next_frame(&reply, &offset, &frame));
        assert_int_equal(frame.size, sizeof message - 1);
        assert_memory_equal(frame.data, message, frame.size);
        assert_trailers(&reply, offset, "grpc-status: 0\r\n");
        web_reply_done(&reply);
    }
}

/* The frame of trailers, in base64 as all of the body. */
static void callers_at_the_wrong_door_hear_it_in_text(void **state)
{
    struct web_reply reply;
    struct web web;
    (void)state;

    assert_int_equal(web_init(&web, 2), PL_OK);
    pl_rpc_conn_turn_away(web.conn, "not here");
    web_call(&web, "Echo", "application/grpc-web-text", NULL, "AAAAAAA=", 8, &reply);
    assert_int_equal(reply.ended, 1);
    assert_true(reply.body_size > 4);
    assert_memory_equal(reply.body, "gAAA", 4);
    web_reply_done(&reply);
    web_done(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_call_is_answered),
        cmocka_unit_test(stream_is_answered_message_by_message),
        cmocka_unit_test(errors_come_in_the_trailers_frame),
        cmocka_unit_test(messages_are_decompressed_and_compressed),
        cmocka_unit_test(text_may_be_cut_anywhere),
        cmocka_unit_test(text_passes_through_small_windows),
        cmocka_unit_test(text_may_be_padded_in_its_midst),
        cmocka_unit_test(text_that_is_no_base64_is_refused),
        cmocka_unit_test(text_errors_are_text),
        cmocka_unit_test(accept_asks_for_text),
        cmocka_unit_test(deadline_ends_a_call),
        cmocka_unit_test(malformed_timeout_is_refused),
        cmocka_unit_test(stream_is_seen_while_it_lasts),
        cmocka_unit_test(messages_may_be_json),
        cmocka_unit_test(callers_at_the_wrong_door_hear_it_in_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

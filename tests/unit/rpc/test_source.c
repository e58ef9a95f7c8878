/* test_source.c - a stream's source in every spelling: whole messages, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/buf.h"
#include "pb/json.h"
#include "rpc/envelope.h"
#include "rpc/gzip.h"
#include "test/v1/kinds.pb-c.h"
#include "web.h"

#include <string.h>

enum { BODY_MAX = 512, LEN = 40 };

/* How a client wants its messages. */
struct spelling {
    const char *content_type;
    const char *encoding; /* the name of the field that asks for compression, or NULL */
    bool json;
    bool text;
    int version; /* of HTTP; 0: either */
};

static const struct spelling SPELLINGS[] = {
    {"application/grpc", NULL, false, false, 2},
    {"application/grpc", "grpc-accept-encoding", false, false, 2},
    {"application/grpc+json", "grpc-accept-encoding", true, false, 2},
    {"application/grpc-web", NULL, false, false, 0},
    {"application/grpc-web", "grpc-accept-encoding", false, false, 0},
    {"application/grpc-web+json", NULL, true, false, 0},
    {"application/grpc-web-text", NULL, false, true, 0},
    {"application/grpc-web-text", "grpc-accept-encoding", false, true, 0},
    {"application/connect+proto", NULL, false, false, 0},
    {"application/connect+json", NULL, true, false, 0},
    {"application/connect+json", "connect-accept-encoding", true, false, 0},
};

enum { SPELLINGS_LEN = sizeof SPELLINGS / sizeof SPELLINGS[0] };

/* A source of items numbered from `next` to `end`, a few bytes at a time. */
struct items {
    int next, end;
    size_t piece;
    uint8_t frame[BODY_MAX];
    size_t size, offset;
};

static size_t on_pull(void *self, uint8_t *to, size_t size)
{
    struct items *items = self;
    size_t moved = 0;

    if (size > items->piece)
        size = items->piece;
    while (moved < size) {
        if (items->offset == items->size) {
            if (items->next == items->end)
                break;
            items->size = kinds_frame(items->frame, 0, "from the source", items->next++);
            items->offset = 0;
        }
        to[moved++] = items->frame[items->offset++];
    }
    return moved;
}

/* Begins a stream whose source has nothing yet. */
static struct pl_rpc_call *begin(struct web *web, const struct spelling *spelling,
                                 const char *const *more, struct items *items,
                                 struct web_reply *reply)
{
    const char *fields[16] = {"x-compress", "1"};
    struct pl_rpc_source source = {items, on_pull};
    size_t len = 2, size;
    uint8_t frame[BODY_MAX];
    char body[BODY_MAX];
    struct pl_rpc_call *call;

    if (spelling->encoding != NULL) {
        fields[len++] = spelling->encoding;
        fields[len++] = "gzip";
    }
    for (; more != NULL && *more != NULL; more++)
        fields[len++] = *more;
    fields[len] = NULL;
    if (spelling->json) {
        pl_rpc_envelope_write(frame, 0, 2);
        memcpy(frame + PL_RPC_ENVELOPE_SIZE, "{}", 2);
        size = PL_RPC_ENVELOPE_SIZE + 2;
    } else {
        size = kinds_frame(frame, 0, "", 0);
    }
    memcpy(body, frame, size);
    if (spelling->text) {
        assert_int_equal(size, PL_RPC_ENVELOPE_SIZE);
        memcpy(body, "AAAAAAA=", 8);
        size = 8;
    }
    web_call(web, "WaitStream", spelling->content_type, fields, body, size, reply);
    call = pl_rpc_host_call(web->host, web->seen.last_id);
    assert_non_null(call);
    pl_rpc_call_forget_request(call);
    pl_rpc_call_set_source(call, &source);
    return call;
}

/* The text and the number of the item in a frame. */
static void read_item(const struct spelling *spelling, const struct web_frame *frame, char *text,
                      int *ret_number)
{
    struct pl_bytebuf plain, bytes, fault;
    struct pl_bytes message = {frame->data, frame->size};
    Test__V1__Item *item;

    pl_bytebuf_init(&plain, BODY_MAX);
    pl_bytebuf_init(&bytes, BODY_MAX);
    pl_bytebuf_init(&fault, BODY_MAX);
    assert_int_equal(frame->flags, spelling->encoding != NULL ? 1 : 0);
    if (spelling->encoding != NULL) {
        assert_int_equal(pl_rpc_gunzip(message, BODY_MAX, &plain), PL_OK);
        message = (struct pl_bytes){plain.data, plain.size};
    }
    if (spelling->json) {
        assert_int_equal(pl_pb_json_parse(&test__v1__item__descriptor, message, &bytes, &fault),
                         PL_OK);
        message = (struct pl_bytes){bytes.data, bytes.size};
    }
    item = test__v1__item__unpack(NULL, message.size, message.data);
    assert_non_null(item);
    strcpy(text, item->text);
    *ret_number = (int)item->number;
    test__v1__item__free_unpacked(item, NULL);
    pl_bytebuf_done(&plain);
    pl_bytebuf_done(&bytes);
    pl_bytebuf_done(&fault);
}

/* The body from base64, piece by piece between paddings; a part of a group stays out. */
static void decode_text(struct web_reply *reply)
{
    struct pl_bytebuf plain;

    pl_bytebuf_init(&plain, SIZE_MAX / 2);
    for (size_t i = 0; i + 4 <= reply->body_size; i += 4)
        assert_int_equal(pl_base64_decode((struct pl_bytes){reply->body + i, 4}, &plain), PL_OK);
    if (plain.size > 0)
        memcpy(reply->body, plain.data, plain.size);
    reply->body_size = plain.size;
    pl_bytebuf_done(&plain);
}

/* Whole messages: the source's in order, and `queued` others among them; then the end,
 * where `ended`, with that status. */
static void assert_body(const struct spelling *spelling, struct web_reply *reply, int len,
                        int queued, const char *ended)
{
    bool grpc = strncmp(spelling->content_type, "application/grpc", 16) == 0;
    size_t offset = 0;
    struct web_frame frame;
    int next = 0, others = 0;

    if (spelling->text)
        decode_text(reply);
    while (next + others < len + queued) {
        char text[BODY_MAX];
        int number;

        assert_true(web_next_frame(reply, &offset, &frame));
        read_item(spelling, &frame, text, &number);
        if (strcmp(text, "queued") == 0) {
            others++;
            continue;
        }
        assert_string_equal(text, "from the source");
        assert_int_equal(number, next++);
    }
    assert_int_equal(next, len);
    assert_int_equal(reply->ended, ended != NULL);
    if (ended != NULL && grpc && strncmp(spelling->content_type, "application/grpc-web", 20) != 0) {
        assert_non_null(strstr(reply->trailers, ended));
    } else if (ended != NULL) {
        assert_true(web_next_frame(reply, &offset, &frame));
        assert_int_equal(frame.flags, grpc ? 0x80 : 2);
        assert_non_null(memmem(frame.data, frame.size, ended, strlen(ended)));
    }
    assert_int_equal(offset, reply->body_size);
}

#define EACH_SPELLING(spelling)                                                             \
    for (const struct spelling *spelling = SPELLINGS; spelling < SPELLINGS + SPELLINGS_LEN; \
         spelling++)

#define EACH_HTTP(spelling, web) \
    EACH_VERSION (web)           \
        if ((spelling)->version == 0 || (spelling)->version == (web)->version)

static bool is_grpc(const struct spelling *spelling)
{
    return strncmp(spelling->content_type, "application/grpc", 16) == 0;
}

static void messages_stay_whole_however_they_are_cut(void **state)
{
    static const size_t pieces[] = {1, 3, 7, 100, 65536};
    static const size_t chunks[] = {1, 3, 1000, 65536};
    struct web web;
    (void)state;

    EACH_SPELLING (spelling)
        for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++)
            for (size_t c = 0; c < sizeof chunks / sizeof chunks[0]; c++)
                EACH_HTTP (spelling, &web) {
                    struct items items = {.piece = pieces[p]};
                    struct web_reply reply;
                    struct pl_rpc_call *call = begin(&web, spelling, NULL, &items, &reply);

                    web.chunk_out = chunks[c];
                    for (int i = 0; i < LEN; i += 10) {
                        items.end += 10;
                        pl_rpc_call_wake(call);
                        web_pump(&web);
                    }
                    kinds_finish(web.host, &web.seen, PL_CODE_OK, NULL);
                    web_pump(&web);
                    assert_body(spelling, &reply, LEN, 0, is_grpc(spelling) ? "status: 0" : "{}");
                    web_reply_done(&reply);
                }
}

/* Some bytes leave, so that a message is probably cut; then another one is queued. */
static void queued_messages_stand_between(void **state)
{
    struct web web;
    (void)state;

    EACH_SPELLING (spelling)
        for (size_t cut = 1; cut < 80; cut += 3)
            EACH_HTTP (spelling, &web) {
                struct items items = {.piece = 9, .end = LEN};
                uint8_t item[BODY_MAX];
                struct pl_buf *queued = pl_buf_copy(item, kinds_item(item, "queued", 1));
                struct web_reply reply;
                struct pl_rpc_call *call = begin(&web, spelling, NULL, &items, &reply);

                pl_rpc_call_wake(call);
                web.chunk_out = cut;
                web_move_in(&web);
                assert_int_equal(pl_rpc_call_send(call, queued), PL_OK);
                assert_int_equal(pl_rpc_call_send(call, queued), PL_OK);
                web_pump(&web);
                kinds_finish(web.host, &web.seen, PL_CODE_OK, NULL);
                web_pump(&web);
                assert_body(spelling, &reply, LEN, 2, is_grpc(spelling) ? "status: 0" : "{}");
                web_reply_done(&reply);
                pl_buf_unref(queued);
            }
}

/* Of what a source has not begun nothing is asked for any more. */
static void a_cut_message_is_whole_before_the_end(void **state)
{
    struct web web;
    (void)state;

    EACH_SPELLING (spelling)
        for (size_t cut = 1; cut < 80; cut += 3)
            EACH_HTTP (spelling, &web) {
                struct items items = {.piece = 9, .end = 1000 * 1000};
                struct web_reply reply;
                struct pl_rpc_call *call = begin(&web, spelling, NULL, &items, &reply);

                pl_rpc_call_wake(call);
                web.chunk_out = cut;
                web_move_in(&web);
                kinds_finish(web.host, &web.seen, PL_CODE_ABORTED, "stop");
                items.piece = 65536;
                web_pump(&web);
                assert_int_equal(items.offset, items.size);
                assert_body(spelling, &reply, items.next, 0,
                            is_grpc(spelling) ? "status: 10" : "\"aborted\"");
                web_reply_done(&reply);
            }
}

/* A source that never gives the rest of a message: where the client has seen a part of
 * it, the stream is reset; where it has not, it gets the status. */
static void deadline_amid_a_message(void **state)
{
    static const char *const grpc[] = {"grpc-timeout", "1S", NULL};
    static const char *const connect[] = {"connect-timeout-ms", "1000", NULL};
    struct web web;
    (void)state;

    EACH_SPELLING (spelling)
        EACH_HTTP (spelling, &web) {
            bool plain = !spelling->json && spelling->encoding == NULL;
            struct items items = {.piece = 7, .end = 2};
            uint8_t frame[BODY_MAX];
            struct web_reply reply;
            struct pl_rpc_call *call =
                begin(&web, spelling, is_grpc(spelling) ? grpc : connect, &items, &reply);

            pl_rpc_call_wake(call);
            web_pump(&web);
            /* The third one lacks its last byte. */
            items.size = kinds_frame(frame, 0, "from the source", 2);
            memcpy(items.frame, frame, items.size);
            items.size -= 1;
            items.offset = 0;
            pl_rpc_call_wake(call);
            web_pump(&web);
            web.now_ms += 1000;
            web.conn_rc = pl_rpc_conn_tick(web.conn, web.now_ms);
            assert_int_equal(web.seen.closed, 1);
            web_pump(&web);
            if (plain) {
                assert_int_equal(reply.ended, 0);
                if (web.version == 2)
                    assert_int_equal(reply.reset, NGHTTP2_CANCEL);
                else
                    assert_true(web.gone);
            } else {
                assert_body(spelling, &reply, 2, 0,
                            is_grpc(spelling) ? "status: 4" : "\"deadline_exceeded\"");
            }
            web_reply_done(&reply);
        }
}

/* A message that JSON cannot express, or that is none, ends the stream without harm. */
static void messages_that_cannot_be_converted(void **state)
{
    struct web web;
    (void)state;

    EACH_SPELLING (spelling)
        EACH_HTTP (spelling, &web) {
            struct items items = {.piece = 100};
            struct web_reply reply;
            struct pl_rpc_call *call = begin(&web, spelling, NULL, &items, &reply);

            if (spelling->json) {
                memcpy(items.frame, "\0\0\0\0\1\xff", 6);
                items.size = 6;
                pl_rpc_call_wake(call);
                web_pump(&web);
                assert_int_equal(reply.ended, 0);
                assert_true(web.version == 2 ? reply.reset >= 0 : web.gone);
            }
            web_reply_done(&reply);
            web_hang_up(&web);
            assert_int_equal(web.seen.closed, 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_stay_whole_however_they_are_cut),
        cmocka_unit_test(queued_messages_stand_between),
        cmocka_unit_test(a_cut_message_is_whole_before_the_end),
        cmocka_unit_test(deadline_amid_a_message),
        cmocka_unit_test(messages_that_cannot_be_converted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_message.c - unpacking into an arena, packing into a buffer. */
#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char send_bytes[] = "\x0a\x05lobby\x1a\x05hello\x28\x07";

static int unpack(struct pl_arena *arena, Parla__V1__SendMessageRequest **ret)
{
    struct pl_bytes data = {(const uint8_t *)send_bytes, sizeof send_bytes - 1};
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;
    int rc =
        pl_pb_unpack(&parla__v1__send_message_request__descriptor, data, arena, &fault, &message);

    *ret = (void *)message;
    return rc;
}

static void what_is_unpacked_packs_to_the_same_bytes(void **state)
{
    Parla__V1__SendMessageRequest *request;
    struct pl_arena arena;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 4096);
    assert_int_equal(unpack(&arena, &request), PL_OK);
    assert_string_equal(request->room, "lobby");
    assert_string_equal(request->text, "hello");
    assert_string_equal(request->request_id, "");
    assert_int_equal(request->reply_to, 7);
    assert_int_equal(pl_pb_pack(&request->base, &buf), PL_OK);
    assert_int_equal(buf->size, sizeof send_bytes - 1);
    assert_memory_equal(buf->data, send_bytes, buf->size);
    pl_buf_unref(buf);
    pl_arena_done(&arena);
}

static void an_arena_too_small_is_no_memory(void **state)
{
    Parla__V1__SendMessageRequest *request;
    struct pl_arena arena;

    (void)state;
    for (size_t size = 0; size < 64; size += 8) {
        pl_arena_init(&arena, size);
        assert_int_equal(unpack(&arena, &request), PL_E_NOMEM);
        pl_arena_done(&arena);
    }
}

static void a_failed_allocation_is_told(void **state)
{
    Parla__V1__SendMessageRequest *request;
    Parla__V1__SendMessageRequest empty = PARLA__V1__SEND_MESSAGE_REQUEST__INIT;
    struct pl_arena arena;
    struct pl_buf *buf;

    (void)state;
    pl_arena_init(&arena, 4096);
    pl_mem_fail_at(1);
    assert_int_equal(unpack(&arena, &request), PL_E_NOMEM);
    pl_mem_fail_at(1);
    assert_int_equal(pl_pb_pack(&empty.base, &buf), PL_E_NOMEM);
    pl_mem_fail_at(0);
    pl_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_unpacked_packs_to_the_same_bytes),
        cmocka_unit_test(an_arena_too_small_is_no_memory),
        cmocka_unit_test(a_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

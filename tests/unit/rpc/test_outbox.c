/* test_outbox.c - messages leave an outbox as they went in; what rests of a call is clean. */
#include "rpc/outbox.h"

#include "base/err.h"
#include "base/mem.h"
#include "rpc/envelope.h"
#include "rpc/fields.h"
#include "rpc/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* So many messages, of sizes 0, 1, 2, …, each byte its message's number. */
static void push(struct pl_rpc_outbox *outbox, size_t first, size_t len)
{
    for (size_t i = first; i < first + len; i++) {
        struct pl_buf *buf = pl_buf_new(i);

        assert_non_null(buf);
        memset(buf->data, (int)i, i);
        assert_int_equal(pl_rpc_outbox_push(outbox, buf, 0), PL_OK);
        pl_buf_unref(buf);
    }
}

/* Takes one message, so many bytes at a time. */
static void pull(struct pl_rpc_outbox *outbox, size_t number, size_t step)
{
    size_t size = PL_RPC_ENVELOPE_SIZE + number, total = 0;
    uint8_t data[300], head[PL_RPC_ENVELOPE_SIZE];

    while (total < size) {
        size_t part = size - total < step ? size - total : step;
        size_t moved = pl_rpc_outbox_pull(outbox, data + total, part);

        assert_int_equal(moved, part);
        total += moved;
    }
    pl_rpc_envelope_write(head, 0, number);
    assert_memory_equal(data, head, sizeof head);
    for (size_t i = 0; i < number; i++)
        assert_int_equal(data[PL_RPC_ENVELOPE_SIZE + i], number);
    assert_false(pl_rpc_outbox_amid(outbox));
}

/* From one at a time to more than a first ring holds, and back to none. */
static void messages_leave_in_their_order(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 40; len++) {
        struct pl_rpc_outbox outbox = {0};
        size_t in = 0, out = 0;

        for (int round = 0; round < 4; round++) {
            push(&outbox, in, len);
            in += len;
            assert_int_equal(pl_rpc_outbox_len(&outbox), in - out);
            while (out < in - (round < 3 ? len / 2 : 0))
                pull(&outbox, out++, len);
        }
        assert_int_equal(pl_rpc_outbox_len(&outbox), 0);
        assert_int_equal(pl_rpc_outbox_size(&outbox), 0);
        pl_rpc_outbox_done(&outbox);
    }
}

static void what_has_not_left_is_freed(void **state)
{
    (void)state;
    for (size_t len = 0; len < 10; len++) {
        struct pl_rpc_outbox outbox = {0};

        push(&outbox, 0, len);
        pl_rpc_outbox_done(&outbox);
        assert_int_equal(pl_rpc_outbox_len(&outbox), 0);
        push(&outbox, 0, len); /* it may be used again */
        pl_rpc_outbox_done(&outbox);
    }
}

static void without_memory_the_queue_stands(void **state)
{
    struct pl_rpc_outbox outbox = {0};
    struct pl_buf *buf = pl_buf_copy("x", 1);

    (void)state;
    push(&outbox, 0, 1);
    pl_mem_fail_at(1);
    assert_int_equal(pl_rpc_outbox_push(&outbox, buf, 0), PL_E_NOMEM);
    pl_mem_fail_at(0);
    assert_int_equal(pl_rpc_outbox_len(&outbox), 1);
    push(&outbox, 1, 1);
    pull(&outbox, 0, 3);
    pull(&outbox, 1, 3);
    pl_buf_unref(buf);
    pl_rpc_outbox_done(&outbox);
}

static void fields_that_are_reset_are_none(void **state)
{
    static const uint8_t large[2000];
    struct pl_rpc_fields fields;
    struct pl_bytes name, value;
    size_t pos = 0;

    (void)state;
    pl_rpc_fields_init(&fields, 4000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("a"), pl_bytes_str("1")), PL_OK);
        if (i == 1) /* a block of another size */
            assert_int_equal(pl_rpc_fields_add(&fields, pl_bytes_str("b"),
                                               (struct pl_bytes){large, sizeof large}),
                             PL_OK);
        pl_rpc_fields_reset(&fields, 100);
        assert_int_equal(fields.len, 0);
        assert_false(pl_rpc_fields_find(&fields, "a", &value));
        assert_false(pl_rpc_fields_next(&fields, &pos, &name, &value));
        assert_int_equal(
            pl_rpc_fields_add(&fields, pl_bytes_str("c"), (struct pl_bytes){large, sizeof large}),
            PL_E_LIMIT); /* the maximum is the new one */
        pl_rpc_fields_reset(&fields, 4000);
    }
    pl_rpc_fields_done(&fields);
}

/* Also where it stood within a message, or within an envelope. */
static void a_reader_that_is_reset_begins_anew(void **state)
{
    static const uint8_t large[5000];
    struct pl_rpc_reader reader;

    (void)state;
    pl_rpc_reader_init(&reader, sizeof large);
    for (size_t size = 0; size <= sizeof large; size += size < 10 ? 1 : 499) {
        uint8_t envelope[PL_RPC_ENVELOPE_SIZE];
        struct pl_bytes data = {envelope, sizeof envelope}, message;

        pl_rpc_envelope_write(envelope, 0, sizeof large);
        if (size == 3)
            data.size = 3;
        assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message),
                         size == 3 ? PL_RPC_READ_MORE : PL_RPC_READ_HEAD);
        data = (struct pl_bytes){large, size};
        if (size != 3 && size < sizeof large)
            assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_RPC_READ_MORE);
        pl_rpc_reader_reset(&reader, sizeof large);
        assert_true(pl_rpc_reader_between(&reader));
        assert_int_equal(pl_rpc_reader_held(&reader), 0);

        pl_rpc_envelope_write(envelope, 0, 2);
        data = (struct pl_bytes){envelope, sizeof envelope};
        assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message), PL_RPC_READ_HEAD);
        for (int i = 0; i < 2; i++) {
            data = (struct pl_bytes){(const uint8_t *)"ok" + i, 1};
            assert_int_equal(pl_rpc_reader_feed(&reader, &data, &message),
                             i == 0 ? PL_RPC_READ_MORE : PL_RPC_READ_MESSAGE);
        }
        assert_true(pl_bytes_is(message, "ok"));
        pl_rpc_reader_reset(&reader, sizeof large);
    }
    pl_rpc_reader_done(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_in_their_order),
        cmocka_unit_test(what_has_not_left_is_freed),
        cmocka_unit_test(without_memory_the_queue_stands),
        cmocka_unit_test(fields_that_are_reset_are_none),
        cmocka_unit_test(a_reader_that_is_reset_begins_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_tls_hello.c - when a client's first message is whole, and that OpenSSL sees it likewise. */
#include "certs.h"

#include "base/err.h"
#include "net/tls_context.h"
#include "net/tls_hello.h"
#include "net/tls_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HEAD_SIZE = 5 };

static struct certs certs;

/* Of a memory of its own, so that a sanitizer sees who reads beyond the end. */
static int check(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, data, size);
    rc = pl_tls_hello_check((struct pl_bytes){copy, size});
    free(copy);
    return rc;
}

/* What a client of ours says first: one record. */
static void make_hello(struct pl_bytebuf *ret_hello)
{
    struct pl_tls_context *context = certs_client(&certs, "ca.crt", NULL);
    struct pl_tls_session *client;
    struct pl_bytes out;

    assert_int_equal(pl_tls_session_new(context, "localhost", &client), PL_OK);
    assert_int_equal(pl_tls_session_handshake(client), PL_E_AGAIN);
    out = pl_tls_session_out(client);
    pl_bytebuf_init(ret_hello, 1 << 20);
    pl_bytebuf_append(ret_hello, out.data, out.size);
    assert_int_equal(ret_hello->err, PL_OK);
    pl_tls_session_free(client);
    pl_tls_context_unref(context);
}

static void add_record(struct pl_bytebuf *to, uint8_t kind, const uint8_t *data, size_t size)
{
    const uint8_t head[HEAD_SIZE] = {kind, 3, 1, (uint8_t)(size >> 8), (uint8_t)size};

    pl_bytebuf_append(to, head, sizeof head);
    pl_bytebuf_append(to, data, size);
    assert_int_equal(to->err, PL_OK);
}

/* The same message in records of that size. */
static void cut(const struct pl_bytebuf *hello, size_t part_size, struct pl_bytebuf *ret_records)
{
    pl_bytebuf_init(ret_records, 1 << 20);
    for (size_t at = HEAD_SIZE; at < hello->size; at += part_size) {
        size_t left = hello->size - at;

        add_record(ret_records, 22, hello->data + at, left < part_size ? left : part_size);
    }
}

/* What a server says to it: PL_E_AGAIN, and something. */
static void expect_answer(const struct pl_bytebuf *records)
{
    struct pl_tls_context *context = certs_server(&certs, "server", NULL);
    struct pl_tls_session *server;

    assert_int_equal(pl_tls_session_new(context, NULL, &server), PL_OK);
    pl_tls_session_feed(server, (struct pl_bytes){records->data, records->size});
    assert_int_equal(pl_tls_session_handshake(server), PL_E_AGAIN);
    assert_int_equal(pl_tls_session_unread(server).size, 0);
    assert_true(pl_tls_session_out(server).size > 100);
    pl_tls_session_free(server);
    pl_tls_context_unref(context);
}

static void a_hello_is_whole_with_its_last_byte(void **state)
{
    const size_t sizes[] = {16384, 100, 5, 4, 3, 2, 1};
    struct pl_bytebuf hello;

    (void)state;
    make_hello(&hello);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pl_bytebuf records;

        cut(&hello, sizes[i], &records);
        for (size_t size = 0; size < records.size; size++)
            assert_int_equal(check(records.data, size), PL_E_AGAIN);
        assert_int_equal(check(records.data, records.size), PL_OK);
        expect_answer(&records);
        pl_bytebuf_append_str(&records, "and whatever comes behind it");
        assert_int_equal(check(records.data, records.size), PL_OK);
        pl_bytebuf_done(&records);
    }
    pl_bytebuf_done(&hello);
}

static void what_is_no_hello_is_not_waited_for(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        {"GET /", 5},
        {"PRI *", 5},
        {"\x17\x03\x03\x01\x01", 5},                          /* data */
        {"\x15\x03\x03\x00\x02", 5},                          /* an alert */
        {"\x16\x02\x03\x01\x01", 5},                          /* another version */
        {"\x16\x03\x01\x00\x00", 5},                          /* nothing */
        {"\x16\x03\x01\x40\x01", 5},                          /* longer than a record is */
        {"\x16\x03\x01\x00\x01\x02", 6},                      /* another message */
        {"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x00", 11}, /* a part, and then nothing */
        {"\x16\x03\x01\x00\x01\x01\x15\x03\x01\x00\x02", 11}, /* a part, and then an alert */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint8_t *bytes = (const uint8_t *)rows[i].bytes;

        for (size_t size = 0; size < rows[i].size; size++)
            assert_int_equal(check(bytes, size), PL_E_AGAIN);
        assert_int_equal(check(bytes, rows[i].size), PL_OK);
    }
}

/* A hello of that size, its head included, filled with zeroes, in records of that size. */
static int check_long(size_t size, size_t record_size, size_t come_size)
{
    static uint8_t zeroes[1 << 16];
    struct pl_bytebuf message, records;
    int rc;

    pl_bytebuf_init(&message, 1 << 20);
    pl_bytebuf_append(&message, zeroes, HEAD_SIZE); /* as cut() has it */
    pl_bytebuf_append(&message, zeroes, size);
    message.data[HEAD_SIZE] = 1;
    message.data[HEAD_SIZE + 2] = (uint8_t)((size - 4) >> 8);
    message.data[HEAD_SIZE + 3] = (uint8_t)(size - 4);
    cut(&message, record_size, &records);
    rc = check(records.data, come_size < records.size ? come_size : records.size);
    pl_bytebuf_done(&message);
    pl_bytebuf_done(&records);
    return rc;
}

static void a_hello_has_a_greatest_size(void **state)
{
    const size_t most = PL_TLS_HELLO_SIZE_MAX, all = (size_t)-1;
    const size_t small_len = most / (HEAD_SIZE + 1); /* of records with a byte each */

    (void)state;
    assert_int_equal(check_long(most - HEAD_SIZE, most, all), PL_OK);
    assert_int_equal(check_long(most - HEAD_SIZE + 1, most, all), PL_E_LIMIT);
    assert_int_equal(check_long(most - HEAD_SIZE + 1, most, HEAD_SIZE), PL_E_LIMIT);
    assert_int_equal(check_long(60000, 10, 100), PL_E_LIMIT); /* as it says itself */
    assert_int_equal(check_long(small_len, 1, all), PL_OK);
    assert_int_equal(check_long(small_len + 1, 1, all), PL_E_LIMIT);
    assert_int_equal(check_long(small_len + 1, 1, most), PL_E_AGAIN); /* a head to come */
    assert_int_equal(check_long(small_len + 1, 1, most + HEAD_SIZE), PL_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_is_whole_with_its_last_byte),
        cmocka_unit_test(what_is_no_hello_is_not_waited_for),
        cmocka_unit_test(a_hello_has_a_greatest_size),
    };
    int failed_len;

    pl_tls_use_mem();
    certs_init(&certs);
    failed_len = cmocka_run_group_tests(tests, NULL, NULL);
    certs_done(&certs);
    return failed_len;
}

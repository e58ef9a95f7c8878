/* test_client.c - the client against a server of bytes, which may say anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pair.h"
#include "raw.h"

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
};

static const char *const head[] = {":status", "200", "content-type", "application/grpc", NULL};
static const char *const tail_ok[] = {"grpc-status", "0", NULL};

struct fixture {
    struct pair pair; /* its host is not used */
    struct raw raw;
    struct reply reply; /* of a call on stream 1 */
};

/* Gives the client what was made for it, and takes what it says. */
static int talk(struct fixture *fixture)
{
    struct raw *raw = &fixture->raw;
    uint8_t data[4096];
    ssize_t size;
    int rc = pl_rpc_client_recv(fixture->pair.client, (struct pl_bytes){raw->out, raw->out_size},
                                fixture->pair.now_ms);

    raw->out_size = 0;
    while ((size = pl_rpc_client_fill(fixture->pair.client, data, sizeof data)) > 0)
        raw_take(raw, (struct pl_bytes){data, (size_t)size});
    return rc;
}

static int setup(void **state)
{
    static struct fixture only; /* large, and tests run one by one */
    struct fixture *fixture = &only;
    uint8_t data[NGHTTP2_CLIENT_MAGIC_LEN];

    assert_int_equal(pair_init(&fixture->pair), PL_OK);
    raw_init(&fixture->raw);
    assert_int_equal(pl_rpc_client_fill(fixture->pair.client, data, sizeof data), sizeof data);
    assert_memory_equal(data, NGHTTP2_CLIENT_MAGIC, sizeof data);
    raw_frame(&fixture->raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    assert_int_equal(pair_call(&fixture->pair, "Echo", pl_bytes_str("hi"), &fixture->reply), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pl_rpc_client_free(fixture->pair.client);
    fixture->pair.client = NULL;
    assert_int_equal(fixture->reply.closed, 1);
    pair_done(&fixture->pair);
    raw_done(&fixture->raw);
    return 0;
}

static void request_says_what_it_must(void **state)
{
    struct fixture *fixture = *state;
    static const char *const lines[] = {
        ":method: POST",      ":scheme: http", ":path: /test.Kinds/Echo",
        ":authority: test:1", "te: trailers",  "content-type: application/grpc",
    };
    struct reply late;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        assert_true(raw_has_field(&fixture->raw, 1, lines[i]));
    assert_int_equal(raw_find(&fixture->raw, NGHTTP2_DATA, 1)->flags, END_STREAM);
    assert_int_equal(raw_find(&fixture->raw, NGHTTP2_DATA, 1)->size, 7);

    assert_int_equal(pair_start(&fixture->pair, "Echo", 1500, &late), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(raw_has_field(&fixture->raw, 3, "grpc-timeout: 1500m"));
    pl_rpc_client_cancel(late.call);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(raw_find(&fixture->raw, NGHTTP2_RST_STREAM, 3)->error_code, NGHTTP2_CANCEL);
}

static void responses_without_grpc_status_are_mapped(void **state)
{
    static const struct {
        const char *http_status;
        const char *type;
        uint8_t flags;
        enum pl_code code;
    } cases[] = {
        {"400", "text/html", END_STREAM, PL_CODE_INTERNAL},
        {"401", "text/html", END_STREAM, PL_CODE_UNAUTHENTICATED},
        {"403", "text/html", END_STREAM, PL_CODE_PERMISSION_DENIED},
        {"404", "text/html", END_STREAM, PL_CODE_UNIMPLEMENTED},
        {"415", "text/html", END_STREAM, PL_CODE_UNKNOWN},
        {"429", "text/html", END_STREAM, PL_CODE_UNAVAILABLE},
        {"502", "text/html", END_STREAM, PL_CODE_UNAVAILABLE},
        {"503", "text/html", 0, PL_CODE_UNAVAILABLE}, /* with a body that never ends */
        {"200", "text/html", 0, PL_CODE_UNKNOWN},
        {"200", "application/grpc", END_STREAM, PL_CODE_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const fields[] = {":status", cases[i].http_status, "content-type",
                                      cases[i].type, NULL};
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_headers(&fixture->raw, 1, END_HEADERS | cases[i].flags, fields);
        assert_int_equal(talk(fixture), PL_OK);
        assert_int_equal(fixture->reply.closed, 1);
        assert_int_equal(fixture->reply.code, cases[i].code);
        assert_true(fixture->reply.processed);
        teardown(&inner);
    }
}

static void resets_are_mapped(void **state)
{
    static const struct {
        uint8_t error_code;
        enum pl_code code;
        bool processed;
    } cases[] = {
        {NGHTTP2_NO_ERROR, PL_CODE_INTERNAL, true},
        {NGHTTP2_PROTOCOL_ERROR, PL_CODE_INTERNAL, true},
        {NGHTTP2_INTERNAL_ERROR, PL_CODE_INTERNAL, true},
        {NGHTTP2_FLOW_CONTROL_ERROR, PL_CODE_INTERNAL, true},
        {NGHTTP2_REFUSED_STREAM, PL_CODE_UNAVAILABLE, false},
        {NGHTTP2_CANCEL, PL_CODE_CANCELLED, true},
        {NGHTTP2_ENHANCE_YOUR_CALM, PL_CODE_RESOURCE_EXHAUSTED, true},
        {NGHTTP2_INADEQUATE_SECURITY, PL_CODE_PERMISSION_DENIED, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t data[] = {0, 0, 0, cases[i].error_code};
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_frame(&fixture->raw, NGHTTP2_RST_STREAM, 0, 1, data, sizeof data);
        assert_int_equal(talk(fixture), PL_OK);
        assert_int_equal(fixture->reply.code, cases[i].code);
        assert_int_equal(fixture->reply.processed, cases[i].processed);
        assert_int_equal(fixture->reply.broken, cases[i].error_code == NGHTTP2_INTERNAL_ERROR);
        teardown(&inner);
    }
}

static void bad_statuses_are_unknown_and_bad_texts_stand(void **state)
{
    static const struct {
        const char *status;
        const char *message;
        const char *details;
        enum pl_code code;
        const char *text;
        size_t details_size;
    } cases[] = {
        {"5", "gone%21 100%", "AAEC/w==", PL_CODE_NOT_FOUND, "gone! 100%", 4},
        {"5", "%e2%98%ba%zz", "AAEC/w", PL_CODE_NOT_FOUND, "\xe2\x98\xba%zz", 4},
        {"5", "", "!!!", PL_CODE_NOT_FOUND, "", 0},
        {"17", "x", "", PL_CODE_UNKNOWN, "x", 0},
        {"-1", "x", "", PL_CODE_UNKNOWN, "x", 0},
        {"", "x", "", PL_CODE_UNKNOWN, "x", 0},
        {"0000", "x", "", PL_CODE_UNKNOWN, "x", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const fields[] = {":status",
                                      "200",
                                      "content-type",
                                      "application/grpc",
                                      "grpc-status",
                                      cases[i].status,
                                      "grpc-message",
                                      cases[i].message,
                                      "grpc-status-details-bin",
                                      cases[i].details,
                                      NULL};
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, fields);
        assert_int_equal(talk(fixture), PL_OK);
        assert_int_equal(fixture->reply.code, cases[i].code);
        assert_string_equal(fixture->reply.message, cases[i].text);
        assert_int_equal(fixture->reply.details_size, cases[i].details_size);
        teardown(&inner);
    }
}

static void messages_that_break_the_rules_end_the_call(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        bool ends; /* well, by its trailers */
        enum pl_code code;
    } cases[] = {
        {"\0\0\0\0\2hi", 7, true, PL_CODE_OK},
        {"\0\0\0\0\0", 5, true, PL_CODE_OK},
        {"\1\0\0\0\2hi", 7, false, PL_CODE_INTERNAL},             /* compressed */
        {"\0\0\100\0\1hi", 7, false, PL_CODE_RESOURCE_EXHAUSTED}, /* 4 MiB and one */
        {"\0\0\0\0\3hi", 7, true, PL_CODE_INTERNAL},              /* cut off */
        {"\0\0", 2, true, PL_CODE_INTERNAL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture *fixture;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_headers(&fixture->raw, 1, END_HEADERS, head);
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, cases[i].data, cases[i].size);
        if (cases[i].ends)
            raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, tail_ok);
        assert_int_equal(talk(fixture), PL_OK);
        assert_int_equal(fixture->reply.closed, 1);
        assert_int_equal(fixture->reply.code, cases[i].code);
        if (!cases[i].ends)
            assert_int_equal(raw_find(&fixture->raw, NGHTTP2_RST_STREAM, 1)->error_code,
                             NGHTTP2_CANCEL);
        teardown(&inner);
    }
}

static void informational_headers_are_passed_over(void **state)
{
    static const char *const early[] = {":status", "103", "link", "x", NULL};
    struct fixture *fixture = *state;

    raw_headers(&fixture->raw, 1, END_HEADERS, early);
    raw_headers(&fixture->raw, 1, END_HEADERS, head);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2hi", 7);
    raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, tail_ok);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->reply.code, PL_CODE_OK);
    assert_int_equal(fixture->reply.messages, 1);
}

/* HTTP has no status below 100: such a response is none at all. */
static void a_status_that_http_does_not_have_ends_the_call(void **state)
{
    static const char *const strange[] = {":status", "099", "content-type", "application/grpc",
                                          NULL};
    struct fixture *fixture = *state;

    raw_headers(&fixture->raw, 1, END_HEADERS, strange);
    raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\2hi", 7);
    raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, tail_ok);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->reply.code, PL_CODE_UNKNOWN);
    assert_int_equal(fixture->reply.messages, 0);
}

static void goaway_tells_what_was_not_processed(void **state)
{
    struct fixture *fixture = *state;
    struct reply above, waiting;

    assert_int_equal(pair_call(&fixture->pair, "Echo", pl_bytes_str("x"), &above), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    raw_frame(&fixture->raw, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8); /* stream 1 is */
    assert_int_equal(pair_call(&fixture->pair, "Echo", pl_bytes_str("x"), &waiting), PL_OK);
    assert_int_equal(talk(fixture), PL_OK);
    assert_true(pl_rpc_client_draining(fixture->pair.client));
    assert_int_equal(above.code, PL_CODE_UNAVAILABLE);
    assert_false(above.processed);
    assert_int_equal(waiting.code, PL_CODE_UNAVAILABLE);
    assert_false(waiting.processed);
    assert_int_equal(fixture->reply.closed, 0);

    raw_headers(&fixture->raw, 1, END_HEADERS, head);
    raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, tail_ok);
    assert_int_equal(talk(fixture), PL_OK);
    assert_int_equal(fixture->reply.code, PL_CODE_OK);
}

static void no_http2_at_all_is_an_error(void **state)
{
    struct fixture *fixture = *state;

    raw_bytes(&fixture->raw, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
    (void)talk(fixture);
    pl_rpc_client_free(fixture->pair.client);
    fixture->pair.client = NULL;
    assert_int_equal(fixture->reply.code, PL_CODE_UNAVAILABLE);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void noise_harms_nothing(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 3000; seed++) {
        struct fixture *fixture;
        uint32_t random = seed;
        void *inner;

        setup(&inner);
        fixture = inner;
        raw_headers(&fixture->raw, 1, END_HEADERS, head);
        raw_frame(&fixture->raw, NGHTTP2_DATA, 0, 1, "\0\0\0\0\5hello", 10);
        raw_frame(&fixture->raw, NGHTTP2_PING, 0, 0, "12345678", 8);
        raw_headers(&fixture->raw, 1, END_HEADERS | END_STREAM, tail_ok);
        for (int i = 0; i < 3; i++) {
            size_t at = next_random(&random) % fixture->raw.out_size;

            fixture->raw.out[at] = (uint8_t)next_random(&random);
        }
        (void)talk(fixture);
        teardown(&inner);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_says_what_it_must),
        cmocka_unit_test(responses_without_grpc_status_are_mapped),
        cmocka_unit_test(resets_are_mapped),
        cmocka_unit_test(bad_statuses_are_unknown_and_bad_texts_stand),
        cmocka_unit_test(messages_that_break_the_rules_end_the_call),
        TEST(informational_headers_are_passed_over),
        TEST(a_status_that_http_does_not_have_ends_the_call),
        TEST(goaway_tells_what_was_not_processed),
        TEST(no_http2_at_all_is_an_error),
        cmocka_unit_test(noise_harms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

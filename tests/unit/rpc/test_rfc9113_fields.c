/*
 * test_rfc9113_fields.c - field blocks and requests that break RFC 9113: sections 4.3
 * (compression, with RFC 7541), 6.10 (CONTINUATION), and 8 (malformed requests).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rpc/limits.h"
#include "rules.h"

#include <string.h>

static const char talk_path[] = "/test.Kinds/Talk";
static const char zeros[16384];

#define RULES_CHECK(rules) rules_check(rules, sizeof(rules) / sizeof(rules)[0])

/* HEADERS of stream 3 with that block. */
#define BLOCK(literal) \
    .frames = {{NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, BYTES(literal)}}

/* POST, http, /, and so on, in a few bytes. */
#define REQUEST "\203\206\204\1\4test"

/* 4.3 */

static void send_table_as_large_as_told(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM,
              BYTES("\77\341\37" REQUEST)); /* 4,096 bytes */
}

static void send_two_table_sizes(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM,
              BYTES("\40\77\341\37" REQUEST)); /* none, and 4,096 bytes */
}

/* The table is emptied, then what was in it is asked for. */
static void send_evicted_index(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM,
              BYTES(REQUEST "\100\1x\1y\276"));
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, NEXT_STREAM,
              BYTES("\40" REQUEST "\276"));
}

static void blocks_that_do_not_decompress_are_compression_errors(void **state)
{
    enum { CODE = NGHTTP2_COMPRESSION_ERROR };
    static const struct rule rules[] = {
        {"4.3, HPACK 6.1: index 0", CONNECTION, CODE, IDLE, BLOCK("\200")},
        {"4.3, HPACK 2.3.3: an index beyond the tables", CONNECTION, CODE, IDLE, BLOCK("\276")},
        {"4.3, HPACK 2.3.3: a name's index beyond them", CONNECTION, CODE, IDLE,
         BLOCK("\177\0\1x")},
        {"4.3, HPACK 5.1: an integer too large", CONNECTION, CODE, IDLE,
         BLOCK("\377\377\377\377\377\377\377\377\377\377\377\1")},
        {"4.3, HPACK 5.1: an integer cut", CONNECTION, CODE, IDLE, BLOCK("\377\200")},
        {"4.3, HPACK 5.2: a name cut", CONNECTION, CODE, IDLE, BLOCK(REQUEST "\0\5ab")},
        {"4.3, HPACK 5.2: a value cut", CONNECTION, CODE, IDLE, BLOCK(REQUEST "\0\1a\5b")},
        {"4.3, HPACK 5.2: a field without its value", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\0\1a")},
        {"4.3, HPACK 5.2: a string longer than any", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\0\1a\177\200\200\200\200\10")},
        {"4.3, HPACK 5.2: Huffman padding of zeros", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\0\1a\201\30")}, /* 'a' is 00011 */
        {"4.3, HPACK 5.2: Huffman padding of a byte", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\0\1a\202\37\377")},
        {"4.3, HPACK 5.2: Huffman's end of string", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\0\1a\204\377\377\377\377")},
        {"4.3, HPACK 6.3: a table larger than told", CONNECTION, CODE, IDLE,
         BLOCK("\77\342\37" REQUEST)},
        {"4.3, HPACK 4.2: a table's size after a field", CONNECTION, CODE, IDLE,
         BLOCK(REQUEST "\40")},
        {"4.3, HPACK 4.4: an entry that was thrown out", CONNECTION, CODE, IDLE,
         .send = send_evicted_index},
        {"4.3 trailers too", CONNECTION, CODE, OPEN, BLOCK("\200")},
        {"4.3, HPACK 6.3: a table as large as told is none", GOES_ON, 0, IDLE,
         .send = send_table_as_large_as_told},
        {"4.3, HPACK 4.2: two sizes are none", GOES_ON, 0, IDLE, .send = send_two_table_sizes},
        {"4.3, HPACK 5.2: Huffman padding of ones is none", GOES_ON, 0, IDLE,
         BLOCK(REQUEST "\0\1a\201\37")},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 4.3, 6.10 */

static void field_blocks_are_not_interrupted(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
#define BEGUN                                          \
    {                                                  \
        NGHTTP2_HEADERS, 0, BAD_STREAM, BYTES(REQUEST) \
    }
    static const struct rule rules[] = {
        {"6.10 after nothing", CONNECTION, CODE, OPEN,
         .frames = {{NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("\0\1a\1b")}}},
        {"6.10 after a block's end", CONNECTION, CODE, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_HEADERS, BAD_STREAM, BYTES(REQUEST)},
                    {NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("\0\1a\1b")}}},
        {"6.10 for another stream", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_CONTINUATION, END_HEADERS, GOOD_STREAM, BYTES("\0\1a\1b")}}},
        {"6.10 for no stream", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_CONTINUATION, END_HEADERS, 0, BYTES("\0\1a\1b")}}},
        {"4.3, 6.2 HEADERS amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN,
                    {NGHTTP2_HEADERS, END_HEADERS | END_STREAM, NEXT_STREAM, BYTES(REQUEST)}}},
        {"4.3, 6.2 HEADERS of the same stream amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_HEADERS, END_HEADERS, BAD_STREAM, BYTES("\0\1a\1b")}}},
        {"4.3 DATA amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_DATA, 0, BAD_STREAM, BYTES("x")}}},
        {"4.3 DATA of another stream amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_DATA, 0, GOOD_STREAM, BYTES("x")}}},
        {"4.3 PRIORITY amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_PRIORITY, 0, BAD_STREAM, BYTES("\0\0\0\0\1")}}},
        {"4.3 RST_STREAM amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_RST_STREAM, 0, BAD_STREAM, BYTES("\0\0\0\10")}}},
        {"4.3 SETTINGS amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_SETTINGS, 0, 0, BYTES("")}}},
        {"4.3 PING amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_PING, 0, 0, BYTES("pingpong")}}},
        {"4.3 GOAWAY amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_GOAWAY, 0, 0, BYTES("\0\0\0\0\0\0\0\0")}}},
        {"4.3 WINDOW_UPDATE amid", CONNECTION, CODE, IDLE,
         .frames = {BEGUN, {NGHTTP2_WINDOW_UPDATE, 0, 0, BYTES("\0\0\0\1")}}},
        {"6.10 a block in three frames is none", GOES_ON, 0, IDLE,
         .frames = {{NGHTTP2_HEADERS, END_STREAM, BAD_STREAM, BYTES("\203\206\204\1")},
                    {NGHTTP2_CONTINUATION, 0, BAD_STREAM, BYTES("\4te")},
                    {NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES("st")}}},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void send_continuations(struct raw *raw, int len, size_t size)
{
    raw_frame(raw, NGHTTP2_HEADERS, 0, BAD_STREAM, BYTES(REQUEST));
    for (int i = 0; i < len; i++)
        raw_frame(raw, NGHTTP2_CONTINUATION, 0, BAD_STREAM, zeros, size);
}

static void send_empty_continuations(struct raw *raw)
{
    send_continuations(raw, PL_RPC_CONTINUATIONS_MAX + 1, 0);
}

static void send_many_continuations(struct raw *raw)
{
    send_continuations(raw, 10 * 1000, 1);
}

static void send_large_continuations(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, 0, BAD_STREAM, BYTES(REQUEST "\0\1x\177\200\377\377\1"));
    for (int i = 0; i < 50; i++)
        raw_frame(raw, NGHTTP2_CONTINUATION, 0, BAD_STREAM, zeros, sizeof zeros);
}

static void send_few_continuations(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_STREAM, BAD_STREAM, BYTES(REQUEST));
    for (int i = 1; i < PL_RPC_CONTINUATIONS_MAX; i++)
        raw_frame(raw, NGHTTP2_CONTINUATION, 0, BAD_STREAM, BYTES("\0\1a\1b"));
    raw_frame(raw, NGHTTP2_CONTINUATION, END_HEADERS, BAD_STREAM, BYTES(""));
}

/* A list of a field of 4,033 bytes (section 6.5.2), so many times. */
static void send_list_of(struct raw *raw, const char *start, size_t start_size, int fields_len)
{
    static const char field[] = "\100\1x\177\241\36"; /* and a value of 4,000 bytes */
    static uint8_t block[16384];
    size_t size = start_size;

    memcpy(block, start, size);
    memcpy(block + size, field, sizeof field - 1);
    size += sizeof field - 1;
    memset(block + size, 'y', 4000);
    size += 4000;
    memset(block + size, 0276, (size_t)fields_len - 1);
    size += (size_t)fields_len - 1;
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM, block, size);
}

static void send_large_list(struct raw *raw)
{
    send_list_of(raw, BYTES(REQUEST), PL_RPC_HEADERS_CUT * PL_RPC_HEADERS_SIZE_MAX / 4033);
}

static void send_huge_list(struct raw *raw)
{
    send_list_of(raw, BYTES(REQUEST), 12000);
}

static void send_huge_trailers(struct raw *raw)
{
    send_list_of(raw, BYTES(""), 12000);
}

/* 10.5.1: few bytes, which HPACK makes many. */
static void lists_far_too_large_are_cut_off(void **state)
{
    static const struct rule rules[] = {
        {"10.5.1 some more than may be is answered", GOES_ON, 0, IDLE, .send = send_large_list},
        {"10.5.1 far more", STREAM, NGHTTP2_ENHANCE_YOUR_CALM, IDLE, .send = send_huge_list},
        {"10.5.1 far more, in trailers", STREAM, NGHTTP2_ENHANCE_YOUR_CALM, OPEN,
         .send = send_huge_trailers},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 10.5.1, and what CVE-2024-27316 was about: a block that never ends. */
static void blocks_without_an_end_are_cut_off(void **state)
{
    static const struct rule rules[] = {
        {"10.5 empty CONTINUATION frames", CONNECTION, NGHTTP2_ENHANCE_YOUR_CALM, IDLE,
         .send = send_empty_continuations},
        {"10.5 many CONTINUATION frames", CONNECTION, NGHTTP2_ENHANCE_YOUR_CALM, IDLE,
         .send = send_many_continuations},
        {"10.5 large CONTINUATION frames", CONNECTION, NGHTTP2_COMPRESSION_ERROR, IDLE,
         .send = send_large_continuations},
        {"6.10 as many as may be are none", GOES_ON, 0, IDLE, .send = send_few_continuations},
    };

    (void)state;
    RULES_CHECK(rules);
}

/* 8 */

/* HEADERS of stream 3, with these fields, and then DATA. */
struct request {
    const char *name;
    const char *fields[15]; /* "name", "value", …, NULL */
    const char *data;       /* NULL: none, HEADERS end it */
    bool goes_on;           /* DATA does not end it */
};

#define ALONE NULL, false

#define POST ":method", "POST"
#define HTTP ":scheme", "http"
#define PATH ":path", talk_path
#define TEST ":authority", "test"
#define GRPC "content-type", "application/grpc"

static void check_request(const struct request *request, enum rule_answer answer)
{
    struct rule_bench *bench = rule_bench_open();
    struct raw *raw = &bench->raw;

    raw_preface(raw);
    raw_request(raw, GOOD_STREAM, 0, talk_path, NULL);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    raw_clear(raw);
    raw_headers(raw, BAD_STREAM, END_HEADERS | (request->data == NULL ? END_STREAM : 0),
                request->fields);
    if (request->data != NULL)
        raw_frame(raw, NGHTTP2_DATA, request->goes_on ? 0 : END_STREAM, BAD_STREAM, request->data,
                  strlen(request->data));
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    rule_expect(bench, request->name, answer, answer == STREAM ? NGHTTP2_PROTOCOL_ERROR : 0);
    if (answer == STREAM) /* and no handler has seen it, or else its end */
        assert_true(raw_find(raw, NGHTTP2_HEADERS, BAD_STREAM) == NULL);
    rule_expect_served(bench, request->name, NEXT_STREAM);
    raw_frame(raw, NGHTTP2_DATA, END_STREAM, GOOD_STREAM, "\0\0\0\0\2ok", 7);
    assert_int_equal(rule_bench_talk(bench), PL_OK);
    assert_true(raw_has_field(raw, GOOD_STREAM, "grpc-status: 0"));
    rule_bench_close(bench);
}

#define REQUESTS_CHECK(requests, answer)                                \
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests)[0]; i++) \
    check_request(&(requests)[i], answer)

static void pseudo_header_fields_are_as_they_should(void **state)
{
    static const struct request bad[] = {
        {"8.3.1 no :method", {HTTP, PATH, TEST, GRPC}, ALONE},
        {"8.3.1 no :scheme", {POST, PATH, TEST, GRPC}, ALONE},
        {"8.3.1 no :path", {POST, HTTP, TEST, GRPC}, ALONE},
        {"8.3.1 no fields at all", {NULL}, ALONE},
        {"8.3.1 an empty :path", {POST, HTTP, ":path", "", TEST, GRPC}, ALONE},
        {"8.3.1 a :path without its slash", {POST, HTTP, ":path", "x/y", TEST, GRPC}, ALONE},
        {"8.3.1 :path is * but for OPTIONS", {POST, HTTP, ":path", "*", TEST, GRPC}, ALONE},
        {"8.3.1 an empty :method", {":method", "", HTTP, PATH, TEST, GRPC}, ALONE},
        {"8.3.1 a :method that is no token", {":method", "PO ST", HTTP, PATH, TEST}, ALONE},
        {"8.3.1 an empty :scheme", {POST, ":scheme", "", PATH, TEST, GRPC}, ALONE},
        {"8.3 two :method", {POST, POST, HTTP, PATH, TEST, GRPC}, ALONE},
        {"8.3 two :scheme", {POST, HTTP, HTTP, PATH, TEST, GRPC}, ALONE},
        {"8.3 two :path", {POST, HTTP, PATH, PATH, TEST, GRPC}, ALONE},
        {"8.3 two :authority", {POST, HTTP, PATH, TEST, TEST, GRPC}, ALONE},
        {"8.3 one that is unknown", {POST, HTTP, PATH, TEST, ":x", "y", GRPC}, ALONE},
        {"8.3 one without a name", {POST, HTTP, PATH, TEST, ":", "y", GRPC}, ALONE},
        {"8.3 one of responses", {POST, HTTP, PATH, TEST, ":status", "200"}, ALONE},
        {"8.3 one after a field", {POST, HTTP, TEST, GRPC, PATH}, ALONE},
        {"8.3 one again after a field", {POST, HTTP, PATH, TEST, GRPC, PATH}, ALONE},
        {"8.3.1 userinfo in :authority", {POST, HTTP, PATH, ":authority", "me@test", GRPC}, ALONE},
        {"8.3.1 :authority and host differ", {POST, HTTP, PATH, TEST, "host", "other"}, ALONE},
        {"8.5 CONNECT with :path and :scheme", {":method", "CONNECT", HTTP, PATH, TEST}, ALONE},
        {"8.5 CONNECT without :authority", {":method", "CONNECT"}, ALONE},
        {"8.5 CONNECT of a protocol that was not offered",
         {":method", "CONNECT", HTTP, PATH, TEST, ":protocol", "websocket"},
         ALONE},
    };
    static const struct request good[] = {
        {"8.3.1 :authority and host agree", {POST, HTTP, PATH, TEST, "host", "test"}, ALONE},
        {"8.3.1 :authority and host agree but for case",
         {POST, HTTP, PATH, TEST, "host", "Test"},
         ALONE},
        {"8.3.1 host alone", {POST, HTTP, PATH, "host", "test", GRPC}, ALONE},
        {"8.3.1 OPTIONS *", {":method", "OPTIONS", HTTP, ":path", "*", TEST}, ALONE},
        {"8.5 CONNECT as it should be", {":method", "CONNECT", TEST}, ALONE},
    };

    (void)state;
    REQUESTS_CHECK(bad, STREAM);
    REQUESTS_CHECK(good, GOES_ON);
}

static void fields_are_as_they_should(void **state)
{
#define WITH(name, value) {POST, HTTP, PATH, TEST, name, value}, ALONE
    static const struct request bad[] = {
        {"8.2.1 upper case in a name", WITH("Content-type", "application/grpc")},
        {"8.2.1 upper case at its end", WITH("x-A", "1")},
        {"8.2.1 a name with a space", WITH("a b", "1")},
        {"8.2.1 a name with a control character", WITH("a\1", "1")},
        {"8.2.1 a name with DEL", WITH("a\177", "1")},
        {"8.2.1 a name beyond ASCII", WITH("a\303\244", "1")},
        {"8.2.1 a name with a colon", WITH("a:b", "1")},
        {"8.2.1 a name with a line feed", WITH("a\nb", "1")},
        {"8.2.1 an empty name", WITH("", "1")},
        {"8.2.1 a value with a line feed", WITH("a", "1\nb: 2")},
        {"8.2.1 a value with a carriage return", WITH("a", "1\rb")},
        {"8.2.1 a value that begins with a space", WITH("a", " 1")},
        {"8.2.1 a value that ends with a tab", WITH("a", "1\t")},
        {"8.2.2 connection", WITH("connection", "keep-alive")},
        {"8.2.2 proxy-connection", WITH("proxy-connection", "keep-alive")},
        {"8.2.2 keep-alive", WITH("keep-alive", "timeout=5")},
        {"8.2.2 transfer-encoding", WITH("transfer-encoding", "chunked")},
        {"8.2.2 upgrade", WITH("upgrade", "h2c")},
        {"8.2.2 te is not trailers", WITH("te", "gzip")},
        {"8.2.2 te is more than trailers", WITH("te", "trailers, gzip")},
    };
    static const struct request good[] = {
        {"8.2.2 te is trailers", WITH("te", "trailers")},
        {"8.2.1 a value beyond ASCII", WITH("a", "\303\244")},
        {"8.2.1 an empty value", WITH("a", "")},
        {"8.2.3 cookies by the crumb",
         {POST, HTTP, PATH, TEST, "cookie", "a=1", "cookie", "b=2"},
         ALONE},
    };

    (void)state;
    REQUESTS_CHECK(bad, STREAM);
    REQUESTS_CHECK(good, GOES_ON);
}

/* A NUL is no text in C: by hand. */
static void send_nul_in_value(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM,
              BYTES(REQUEST "\0\1a\3x\0y"));
}

static void send_nul_in_name(struct raw *raw)
{
    raw_frame(raw, NGHTTP2_HEADERS, END_HEADERS | END_STREAM, BAD_STREAM,
              BYTES(REQUEST "\0\3a\0b\1x"));
}

static void send_pseudo_trailer(struct raw *raw)
{
    static const char *const fields[] = {":path", "/", NULL};

    raw_headers(raw, BAD_STREAM, END_HEADERS | END_STREAM, fields);
}

static void send_bad_trailer(struct raw *raw)
{
    static const char *const fields[] = {"connection", "close", NULL};

    raw_headers(raw, BAD_STREAM, END_HEADERS | END_STREAM, fields);
}

static void send_upper_trailer(struct raw *raw)
{
    static const char *const fields[] = {"X-Checksum", "1", NULL};

    raw_headers(raw, BAD_STREAM, END_HEADERS | END_STREAM, fields);
}

static void send_second_headers(struct raw *raw)
{
    static const char *const fields[] = {"x-checksum", "1", NULL};

    raw_headers(raw, BAD_STREAM, END_HEADERS, fields);
}

static void send_data_after_trailers(struct raw *raw)
{
    static const char *const fields[] = {"x-checksum", "1", NULL};

    raw_headers(raw, BAD_STREAM, END_HEADERS | END_STREAM, fields);
    raw_frame(raw, NGHTTP2_DATA, END_STREAM, BAD_STREAM, "x", 1);
}

static void trailers_are_as_they_should(void **state)
{
    enum { CODE = NGHTTP2_PROTOCOL_ERROR };
    static const struct rule rules[] = {
        {"8.2.1 NUL in a value", STREAM, CODE, IDLE, .send = send_nul_in_value},
        {"8.2.1 NUL in a name", STREAM, CODE, IDLE, .send = send_nul_in_name},
        {"8.1 HEADERS amid a request", STREAM, CODE, OPEN, .send = send_second_headers},
        {"8.1, 8.3 a pseudo-header field in trailers", STREAM, CODE, OPEN,
         .send = send_pseudo_trailer},
        {"8.1, 8.2.2 connection in trailers", STREAM, CODE, OPEN, .send = send_bad_trailer},
        {"8.1, 8.2.1 upper case in trailers", STREAM, CODE, OPEN, .send = send_upper_trailer},
        {"8.1 DATA after trailers; 5.4.1: of the connection", CONNECTION, NGHTTP2_STREAM_CLOSED,
         OPEN, .send = send_data_after_trailers},
        {"8.1 trailers alone are none", GOES_ON, 0, OPEN, BLOCK("\0\1a\1b")},
    };

    (void)state;
    RULES_CHECK(rules);
}

static void content_length_is_the_length(void **state)
{
#define LONG(value)                                     \
    {                                                   \
        POST, HTTP, PATH, TEST, "content-length", value \
    }
    static const struct request bad[] = {
        {"8.1.1 more than it says", LONG("3"), "four", false},
        {"8.1.1 more than it says, and going on", LONG("3"), "four", true},
        {"8.1.1 less than it says", LONG("5"), "four", false},
        {"8.1.1 nothing, though it says so much", LONG("5"), ALONE},
        {"8.1.1 something, though it says nothing", LONG("0"), "x", false},
        {"8.1.1 no number", LONG("four"), "four", false},
        {"8.1.1 a number with a sign", LONG("+4"), "four", false},
        {"8.1.1 no number at all", LONG(""), "four", false},
        {"8.1.1 a number larger than any", LONG("99999999999999999999"), "four", false},
        {"8.1.1 two numbers",
         {POST, HTTP, PATH, TEST, "content-length", "4", "content-length", "4"},
         "four",
         false},
    };
    static const struct request good[] = {
        {"8.1.1 as long as it says", LONG("4"), "four", false},
        {"8.1.1 as long as it says: nothing", LONG("0"), ALONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        check_request(&bad[i], STREAM);
    REQUESTS_CHECK(good, GOES_ON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_that_do_not_decompress_are_compression_errors),
        cmocka_unit_test(field_blocks_are_not_interrupted),
        cmocka_unit_test(blocks_without_an_end_are_cut_off),
        cmocka_unit_test(lists_far_too_large_are_cut_off),
        cmocka_unit_test(pseudo_header_fields_are_as_they_should),
        cmocka_unit_test(fields_are_as_they_should),
        cmocka_unit_test(trailers_are_as_they_should),
        cmocka_unit_test(content_length_is_the_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

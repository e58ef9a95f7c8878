/* cases.c - see cases.h. */
#include "cases.h"

#include <string.h>

#define LEN(array) (sizeof(array) / sizeof(array)[0])

/* The large request of the unary cases. */
#define LARGE .payload_size = 271828, .responses = {{.size = 314159}}, .responses_len = 1

#define STATUS_TEXT "test status message"
#define SPECIAL_TEXT \
    "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n"

static const struct interop_request empty[] = {{0}};
static const struct interop_request large[] = {{LARGE}};
static const struct interop_request status[] = {{.with_status = true}};

static const struct interop_request large_untrue[] = {{LARGE, .expect_compressed = INTEROP_YES}};
static const struct interop_request large_compressed[] = {
    {LARGE, .expect_compressed = INTEROP_YES, .compressed = true},
};
static const struct interop_request large_plain[] = {{LARGE, .expect_compressed = INTEROP_NO}};

static const struct interop_request large_answer_compressed[] = {{
    .payload_size = 271828,
    .responses = {{314159, INTEROP_YES}},
    .responses_len = 1,
}};
static const struct interop_request large_answer_plain[] = {{
    .payload_size = 271828,
    .responses = {{314159, INTEROP_NO}},
    .responses_len = 1,
}};

static const struct interop_request inputs[] = {
    {.payload_size = 27182},
    {.payload_size = 8},
    {.payload_size = 1828},
    {.payload_size = 45904},
};
static const struct interop_request input_untrue[] = {
    {.payload_size = 27182, .expect_compressed = INTEROP_YES},
};
static const struct interop_request inputs_mixed[] = {
    {.payload_size = 27182, .expect_compressed = INTEROP_YES, .compressed = true},
    {.payload_size = 45904, .expect_compressed = INTEROP_NO},
};

static const struct interop_request output[] = {
    {.responses = {{.size = 31415}, {.size = 9}, {.size = 2653}, {.size = 58979}},
     .responses_len = 4},
};
static const struct interop_request output_mixed[] = {
    {.responses = {{31415, INTEROP_YES}, {92653, INTEROP_NO}}, .responses_len = 2},
};

static const struct interop_request ping_pong[] = {
    {.payload_size = 27182, .responses = {{.size = 31415}}, .responses_len = 1},
    {.payload_size = 8, .responses = {{.size = 9}}, .responses_len = 1},
    {.payload_size = 1828, .responses = {{.size = 2653}}, .responses_len = 1},
    {.payload_size = 45904, .responses = {{.size = 58979}}, .responses_len = 1},
};
static const struct interop_request unanswered[] = {{.payload_size = 27182}};

static const struct interop_call empty_unary[] = {
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
};
static const struct interop_call large_unary[] = {
    {.method = INTEROP_UNARY, .requests = large, .requests_len = 1},
};
static const struct interop_call client_compressed_unary[] = {
    {
        .method = INTEROP_UNARY,
        .requests = large_untrue,
        .requests_len = 1,
        .code = PL_CODE_INVALID_ARGUMENT,
    },
    {.method = INTEROP_UNARY, .requests = large_compressed, .requests_len = 1, .gzip = true},
    {.method = INTEROP_UNARY, .requests = large_plain, .requests_len = 1},
};
static const struct interop_call server_compressed_unary[] = {
    {.method = INTEROP_UNARY, .requests = large_answer_compressed, .requests_len = 1},
    {.method = INTEROP_UNARY, .requests = large_answer_plain, .requests_len = 1},
};
static const struct interop_call client_streaming[] = {
    {
        .method = INTEROP_INPUT,
        .requests = inputs,
        .requests_len = LEN(inputs),
        .aggregated_size = 74922,
    },
};
static const struct interop_call client_compressed_streaming[] = {
    {
        .method = INTEROP_INPUT,
        .requests = input_untrue,
        .requests_len = 1,
        .code = PL_CODE_INVALID_ARGUMENT,
    },
    {
        .method = INTEROP_INPUT,
        .requests = inputs_mixed,
        .requests_len = LEN(inputs_mixed),
        .gzip = true,
        .aggregated_size = 73086,
    },
};
static const struct interop_call server_streaming[] = {
    {.method = INTEROP_OUTPUT, .requests = output, .requests_len = 1},
};
static const struct interop_call server_compressed_streaming[] = {
    {.method = INTEROP_OUTPUT, .requests = output_mixed, .requests_len = 1},
};
static const struct interop_call ping_pong_call[] = {
    {
        .method = INTEROP_DUPLEX,
        .requests = ping_pong,
        .requests_len = LEN(ping_pong),
        .one_by_one = true,
    },
};
static const struct interop_call empty_stream[] = {{.method = INTEROP_DUPLEX}};

/* The first call makes the connection, so that the second one gets out before its
 * time is over; the last shows that the connection is none the worse. */
static const struct interop_call timeout_on_sleeping_server[] = {
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
    {
        .method = INTEROP_DUPLEX,
        .requests = unanswered,
        .requests_len = 1,
        .stays_open = true,
        .timeout_ms = 1,
        .code = PL_CODE_DEADLINE_EXCEEDED,
    },
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
};
static const struct interop_call cancel_after_begin[] = {
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
    {
        .method = INTEROP_INPUT,
        .requests = inputs,
        .requests_len = LEN(inputs),
        .cancel = INTEROP_CANCEL_AT_ONCE,
        .code = PL_CODE_CANCELLED,
    },
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
};
static const struct interop_call cancel_after_first_response[] = {
    {
        .method = INTEROP_DUPLEX,
        .requests = ping_pong,
        .requests_len = LEN(ping_pong),
        .one_by_one = true,
        .cancel = INTEROP_CANCEL_ON_RESPONSE,
        .code = PL_CODE_CANCELLED,
    },
    {.method = INTEROP_EMPTY, .requests = empty, .requests_len = 1},
};

static const struct interop_call custom_metadata[] = {
    {.method = INTEROP_UNARY, .requests = large, .requests_len = 1, .metadata = true},
    {.method = INTEROP_DUPLEX, .requests = large, .requests_len = 1, .metadata = true},
};
static const struct interop_call status_code_and_message[] = {
    {
        .method = INTEROP_UNARY,
        .requests = status,
        .requests_len = 1,
        .code = PL_CODE_UNKNOWN,
        .text = STATUS_TEXT,
    },
    {
        .method = INTEROP_DUPLEX,
        .requests = status,
        .requests_len = 1,
        .code = PL_CODE_UNKNOWN,
        .text = STATUS_TEXT,
    },
};
static const struct interop_call special_status_message[] = {
    {
        .method = INTEROP_UNARY,
        .requests = status,
        .requests_len = 1,
        .code = PL_CODE_UNKNOWN,
        .text = SPECIAL_TEXT,
    },
};
static const struct interop_call unimplemented_method[] = {
    {
        .method = INTEROP_UNIMPLEMENTED,
        .requests = empty,
        .requests_len = 1,
        .code = PL_CODE_UNIMPLEMENTED,
    },
};
static const struct interop_call unimplemented_service[] = {
    {
        .method = INTEROP_NO_SERVICE,
        .requests = empty,
        .requests_len = 1,
        .code = PL_CODE_UNIMPLEMENTED,
    },
};

static const struct interop_case cases[] = {
    {"empty_unary", empty_unary, LEN(empty_unary)},
    {"large_unary", large_unary, LEN(large_unary)},
    {"client_compressed_unary", client_compressed_unary, LEN(client_compressed_unary)},
    {"server_compressed_unary", server_compressed_unary, LEN(server_compressed_unary)},
    {"client_streaming", client_streaming, LEN(client_streaming)},
    {"client_compressed_streaming", client_compressed_streaming, LEN(client_compressed_streaming)},
    {"server_streaming", server_streaming, LEN(server_streaming)},
    {"server_compressed_streaming", server_compressed_streaming, LEN(server_compressed_streaming)},
    {"ping_pong", ping_pong_call, LEN(ping_pong_call)},
    {"empty_stream", empty_stream, LEN(empty_stream)},
    {"timeout_on_sleeping_server", timeout_on_sleeping_server, LEN(timeout_on_sleeping_server)},
    {"cancel_after_begin", cancel_after_begin, LEN(cancel_after_begin)},
    {"cancel_after_first_response", cancel_after_first_response, LEN(cancel_after_first_response)},
    {"custom_metadata", custom_metadata, LEN(custom_metadata)},
    {"status_code_and_message", status_code_and_message, LEN(status_code_and_message)},
    {"special_status_message", special_status_message, LEN(special_status_message)},
    {"unimplemented_method", unimplemented_method, LEN(unimplemented_method)},
    {"unimplemented_service", unimplemented_service, LEN(unimplemented_service)},
};

const struct interop_case *interop_case_find(const char *name)
{
    for (size_t i = 0; i < LEN(cases); i++) {
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    }
    return NULL;
}

const char *interop_case_name(size_t i)
{
    return i < LEN(cases) ? cases[i].name : NULL;
}

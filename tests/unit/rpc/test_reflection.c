/*
 * test_reflection.c - every kind of request, over a small descriptor set:
 *
 *     base.proto   message base.Node { extensions; message Inner; enum Kind { RED } }
 *     more.proto   imports base.proto; service more.Finder { Find };
 *                  extend base.Node: more.weight = 126
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "pair.h"
#include "pb/message.h"
#include "rpc/reflection.h"

#include <string.h>

static uint8_t set_data[1024];
static size_t set_size;
static struct pl_bytes base_file, more_file;

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

#define RESPONSE(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind
#define REQUEST(kind)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind

/* Packs a file, as an entry of the set. */
static struct pl_bytes add_file(const Google__Protobuf__FileDescriptorProto *file)
{
    size_t size = google__protobuf__file_descriptor_proto__get_packed_size(file);
    struct pl_bytes bytes;

    assert_in_range(size, 1, 127);
    set_data[set_size++] = 0x0a;
    set_data[set_size++] = (uint8_t)size;
    bytes = (struct pl_bytes){set_data + set_size, size};
    set_size += google__protobuf__file_descriptor_proto__pack(file, set_data + set_size);
    return bytes;
}

static int make_set(void **state)
{
    Google__Protobuf__DescriptorProto inner = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__DescriptorProto node = GOOGLE__PROTOBUF__DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__EnumValueDescriptorProto red =
        GOOGLE__PROTOBUF__ENUM_VALUE_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__EnumDescriptorProto kind = GOOGLE__PROTOBUF__ENUM_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__MethodDescriptorProto find = GOOGLE__PROTOBUF__METHOD_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__ServiceDescriptorProto finder =
        GOOGLE__PROTOBUF__SERVICE_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__FieldDescriptorProto weight = GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__FileDescriptorProto base = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__FileDescriptorProto more = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
    Google__Protobuf__DescriptorProto *inners[] = {&inner}, *nodes[] = {&node};
    Google__Protobuf__EnumValueDescriptorProto *values[] = {&red};
    Google__Protobuf__EnumDescriptorProto *kinds[] = {&kind};
    Google__Protobuf__MethodDescriptorProto *finds[] = {&find};
    Google__Protobuf__ServiceDescriptorProto *finders[] = {&finder};
    Google__Protobuf__FieldDescriptorProto *weights[] = {&weight};
    char base_name[] = "base.proto", more_name[] = "more.proto", base_package[] = "base",
         more_package[] = "more", extendee[] = ".base.Node", node_name[] = "Node",
         inner_name[] = "Inner", kind_name[] = "Kind", red_name[] = "RED", find_name[] = "Find",
         finder_name[] = "Finder", weight_name[] = "weight";
    char *imports[] = {base_name};

    (void)state;
    inner.name = inner_name;
    red.name = red_name;
    kind.name = kind_name;
    kind.n_value = 1;
    kind.value = values;
    node.name = node_name;
    node.n_nested_type = 1;
    node.nested_type = inners;
    node.n_enum_type = 1;
    node.enum_type = kinds;
    base.name = base_name;
    base.package = base_package;
    base.n_message_type = 1;
    base.message_type = nodes;

    find.name = find_name;
    finder.name = finder_name;
    finder.n_method = 1;
    finder.method = finds;
    weight.name = weight_name;
    weight.extendee = extendee;
    weight.has_number = 1;
    weight.number = 126;
    more.name = more_name;
    more.package = more_package;
    more.n_dependency = 1;
    more.dependency = imports;
    more.n_service = 1;
    more.service = finders;
    more.n_extension = 1;
    more.extension = weights;

    base_file = add_file(&base);
    more_file = add_file(&more);
    return 0;
}

struct fixture {
    struct pair pair;
    struct pl_rpc_reflection *reflection;
    struct pl_arena arena;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof *fixture);
    struct pl_bytes set = {set_data, set_size};

    assert_int_equal(pair_init(&fixture->pair), PL_OK);
    assert_int_equal(pl_rpc_reflection_new(fixture->pair.host, set, &fixture->reflection), PL_OK);
    pl_arena_init(&fixture->arena, 1 << 20);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    pair_done(&fixture->pair);
    pl_rpc_reflection_free(fixture->reflection);
    pl_arena_done(&fixture->arena);
    test_free(fixture);
    return 0;
}

static uint8_t answer_data[8192];
static size_t answer_size;

static void on_answer(void *self, struct pl_bytes message)
{
    (void)self;
    assert_in_range(message.size, 1, sizeof answer_data);
    memcpy(answer_data, message.data, message.size);
    answer_size = message.size;
}

static void on_answered(void *self, const struct pl_rpc_status *status, bool processed)
{
    int *code = self;

    (void)processed;
    *code = (int)status->code;
}

/* Asks, and returns the answer. */
static const response_message *ask_path(struct fixture *fixture, const char *path,
                                        const request_message *request)
{
    int code = -1;
    struct pl_rpc_client_call_ops ops = {
        .self = &code, .on_message = on_answer, .on_close = on_answered};
    struct pl_rpc_client_call *call;
    struct pl_pb_fault fault;
    ProtobufCMessage *message;
    struct pl_buf *buf;

    answer_size = 0;
    assert_int_equal(pl_pb_pack(&request->base, &buf), PL_OK);
    assert_int_equal(pl_rpc_client_start(fixture->pair.client, path, NULL, 0, 0, &ops, &call),
                     PL_OK);
    assert_int_equal(pl_rpc_client_send(call, (struct pl_bytes){buf->data, buf->size}), PL_OK);
    pl_buf_unref(buf);
    pair_pump(&fixture->pair);
    assert_int_equal(code, -1); /* the stream stays open */
    pl_rpc_client_half_close(call);
    pair_pump(&fixture->pair);
    assert_int_equal(code, PL_CODE_OK);
    assert_int_equal(pl_pb_unpack(&grpc__reflection__v1__server_reflection_response__descriptor,
                                  (struct pl_bytes){answer_data, answer_size}, &fixture->arena,
                                  &fault, &message),
                     PL_OK);
    return (const void *)message;
}

static const response_message *ask(struct fixture *fixture, const request_message *request)
{
    return ask_path(fixture, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", request);
}

static void assert_file(const response_message *response, size_t i, struct pl_bytes file)
{
    const Grpc__Reflection__V1__FileDescriptorResponse *files;

    assert_int_equal(
        response->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
    files = response->file_descriptor_response;
    assert_in_range(i, 0, files->n_file_descriptor_proto - 1);
    assert_int_equal(files->file_descriptor_proto[i].len, file.size);
    assert_memory_equal(files->file_descriptor_proto[i].data, file.data, file.size);
}

static void assert_not_found(const response_message *response)
{
    assert_int_equal(
        response->message_response_case,
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE);
    assert_int_equal(response->error_response->error_code, PL_CODE_NOT_FOUND);
}

static void file_by_name(void **state)
{
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    char name[] = "more.proto", none[] = "none.proto", host[] = "here";
    const response_message *response;

    request.host = host;
    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME;
    request.file_by_filename = name;
    response = ask(*state, &request);
    assert_string_equal(response->valid_host, "here");
    assert_string_equal(response->original_request->file_by_filename, "more.proto");
    assert_int_equal(response->file_descriptor_response->n_file_descriptor_proto, 2);
    assert_file(response, 0, more_file);
    assert_file(response, 1, base_file); /* which it imports */

    request.file_by_filename = none;
    assert_not_found(ask(*state, &request));
}

static void file_by_symbol(void **state)
{
    static const struct {
        const char *symbol;
        const struct pl_bytes *file; /* NULL: there is none */
    } cases[] = {
        {"base.Node", &base_file},
        {"base.Node.Inner", &base_file},
        {"base.Node.Kind", &base_file},
        {"base.Node.RED", &base_file},
        {"more.Finder", &more_file},
        {"more.Finder.Find", &more_file},
        {"more.weight", &more_file},
        {"base.Nod", NULL},
        {"base", NULL},
        {"", NULL},
    };
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;

    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char symbol[32];
        const response_message *response;

        strcpy(symbol, cases[i].symbol);
        request.file_containing_symbol = symbol;
        response = ask(*state, &request);
        if (cases[i].file == NULL)
            assert_not_found(response);
        else
            assert_file(response, 0, *cases[i].file);
    }
}

static void extensions_are_found(void **state)
{
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    Grpc__Reflection__V1__ExtensionRequest asked = GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    char node[] = "base.Node", inner[] = "base.Node.Inner", finder[] = "more.Finder";
    const Grpc__Reflection__V1__ExtensionNumberResponse *numbers;

    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION;
    request.file_containing_extension = &asked;
    asked.containing_type = node;
    asked.extension_number = 126;
    assert_file(ask(*state, &request), 0, more_file);
    asked.extension_number = 127;
    assert_not_found(ask(*state, &request));

    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE;
    request.all_extension_numbers_of_type = node;
    numbers = ask(*state, &request)->all_extension_numbers_response;
    assert_string_equal(numbers->base_type_name, "base.Node");
    assert_int_equal(numbers->n_extension_number, 1);
    assert_int_equal(numbers->extension_number[0], 126);
    request.all_extension_numbers_of_type = inner;
    assert_int_equal(ask(*state, &request)->all_extension_numbers_response->n_extension_number, 0);
    request.all_extension_numbers_of_type = finder; /* no message */
    assert_not_found(ask(*state, &request));
}

static void services_are_listed_in_both_versions(void **state)
{
    static const char *const names[] = {"test.Kinds", "grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection"};
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    char text[] = "*";

    request.message_request_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
    request.list_services = text;
    for (int version = 0; version < 2; version++) {
        const Grpc__Reflection__V1__ListServiceResponse *list =
            ask_path(*state,
                     version == 0
                         ? "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
                         : "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                     &request)
                ->list_services_response;

        assert_int_equal(list->n_service, 3);
        for (size_t i = 0; i < 3; i++)
            assert_string_equal(list->service[i]->name, names[i]);
    }
}

/* Each kind of request in both versions, whose bytes are the same. */
static void all_is_answered_in_both_versions(void **state)
{
    static const char *const paths[] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    };
    static const int answers[] = {
        RESPONSE(FILE_DESCRIPTOR_RESPONSE), RESPONSE(FILE_DESCRIPTOR_RESPONSE),
        RESPONSE(FILE_DESCRIPTOR_RESPONSE), RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE),
        RESPONSE(LIST_SERVICES_RESPONSE),   RESPONSE(ERROR_RESPONSE)};
    char host[] = "host", file[] = "base.proto", symbol[] = "more.Finder.Find",
         type[] = "base.Node", any[] = "*";
    Grpc__Reflection__V1__ExtensionRequest extension =
        GRPC__REFLECTION__V1__EXTENSION_REQUEST__INIT;
    request_message requests[6];

    extension.containing_type = type;
    extension.extension_number = 126;
    for (size_t i = 0; i < 6; i++) {
        grpc__reflection__v1__server_reflection_request__init(&requests[i]);
        requests[i].host = host;
    }
    requests[0].message_request_case = REQUEST(FILE_BY_FILENAME);
    requests[0].file_by_filename = file;
    requests[1].message_request_case = REQUEST(FILE_CONTAINING_SYMBOL);
    requests[1].file_containing_symbol = symbol;
    requests[2].message_request_case = REQUEST(FILE_CONTAINING_EXTENSION);
    requests[2].file_containing_extension = &extension;
    requests[3].message_request_case = REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE);
    requests[3].all_extension_numbers_of_type = type;
    requests[4].message_request_case = REQUEST(LIST_SERVICES);
    requests[4].list_services = any; /* and the last one asks for nothing */

    for (size_t version = 0; version < 2; version++)
        for (size_t i = 0; i < 6; i++) {
            const response_message *response = ask_path(*state, paths[version], &requests[i]);

            assert_int_equal(response->message_response_case, answers[i]);
            assert_string_equal(response->valid_host, "host");
            assert_int_equal(response->original_request->message_request_case,
                             requests[i].message_request_case);
            if (i == 5)
                assert_int_equal(response->error_response->error_code, PL_CODE_UNIMPLEMENTED);
        }
}

static void bad_requests_end_the_stream(void **state)
{
    struct fixture *fixture = *state;
    struct reply reply;

    assert_int_equal(pair_call(&fixture->pair,
                               "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                               pl_bytes_str("\x1a\xff"), &reply),
                     PL_OK);
    pair_pump(&fixture->pair);
    assert_int_equal(reply.code, PL_CODE_INVALID_ARGUMENT);
}

static void on_passed_over(void *self, struct pl_bytes message)
{
    (void)self;
    (void)message;
}

/* What a client asks for and does not read is bounded for its connection, not for each
 * of its streams. */
static void unread_answers_are_bounded(void **state)
{
    enum { LEN = 60, HOST_SIZE = 60 * 1000, QUEUED_MAX = (4 << 20) + 3 * HOST_SIZE };
    static char host[HOST_SIZE + 1];
    struct fixture *fixture = *state;
    struct pair *pair = &fixture->pair;
    request_message request = GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
    struct pl_rpc_client_call *calls[LEN];
    int codes[LEN];
    char all[] = "";
    struct pl_buf *buf;

    memset(host, 'h', HOST_SIZE);
    request.host = host;
    request.message_request_case = REQUEST(LIST_SERVICES);
    request.list_services = all;
    assert_int_equal(pl_pb_pack(&request.base, &buf), PL_OK);
    pair_pump(pair);
    for (size_t i = 0; i < LEN; i++) {
        struct pl_rpc_client_call_ops ops = {
            .self = &codes[i], .on_message = on_passed_over, .on_close = on_answered};
        uint8_t data[4096];
        ssize_t size;

        codes[i] = -1;
        assert_int_equal(
            pl_rpc_client_start(pair->client,
                                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", NULL,
                                0, 0, &ops, &calls[i]),
            PL_OK);
        assert_int_equal(pl_rpc_client_send(calls[i], (struct pl_bytes){buf->data, buf->size}),
                         PL_OK);
        while ((size = pl_rpc_client_fill(pair->client, data, sizeof data)) > 0)
            assert_int_equal(
                pl_rpc_conn_recv(pair->conn, (struct pl_bytes){data, (size_t)size}, pair->now_ms),
                PL_OK);
    }
    pl_buf_unref(buf);
    assert_in_range(pl_rpc_conn_queue_size(pair->conn), 4 << 20, QUEUED_MAX);
    pair_pump(pair);
    assert_int_equal(codes[0], -1);
    assert_int_equal(codes[LEN - 1], PL_CODE_RESOURCE_EXHAUSTED);
    pair_hang_up(pair);
}

static void damaged_sets_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pl_rpc_reflection *reflection;

    for (size_t size = 1; size < set_size; size++) {
        struct pl_bytes cut = {set_data, size};
        uint8_t copy[sizeof set_data];
        int rc;

        if (size == 2 + base_file.size)
            continue; /* a whole file */
        rc = pl_rpc_reflection_new(fixture->pair.host, cut, &reflection);
        assert_int_equal(rc, PL_E_CORRUPT);
        memcpy(copy, set_data, set_size);
        copy[size] ^= 0x40;
        rc = pl_rpc_reflection_new(fixture->pair.host, (struct pl_bytes){copy + 1, size},
                                   &reflection);
        assert_int_equal(rc, PL_E_CORRUPT);
    }
    /* more.proto without what it imports */
    assert_int_equal(pl_rpc_reflection_new(
                         fixture->pair.host,
                         (struct pl_bytes){more_file.data - 2, more_file.size + 2}, &reflection),
                     PL_E_CORRUPT);
}

static void every_allocation_may_fail(void **state)
{
    int failed;
    uint64_t nth = 0;

    (void)state;
    do {
        struct pair pair;
        struct pl_rpc_reflection *reflection = NULL;
        struct reply reply;

        pl_mem_fail_at(++nth);
        if (pair_init(&pair) == PL_OK &&
            pl_rpc_reflection_new(pair.host, (struct pl_bytes){set_data, set_size}, &reflection) ==
                PL_OK &&
            pair_call(&pair, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                      pl_bytes_str("\x1a\x0amore.proto"), &reply) == PL_OK)
            pair_pump(&pair);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        pair_done(&pair);
        pl_rpc_reflection_free(reflection);
    } while (failed);
    assert_true(nth > 50);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_by_name),
        TEST(file_by_symbol),
        TEST(extensions_are_found),
        TEST(services_are_listed_in_both_versions),
        TEST(all_is_answered_in_both_versions),
        TEST(bad_requests_end_the_stream),
        TEST(unread_answers_are_bounded),
        TEST(damaged_sets_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, make_set, NULL);
}

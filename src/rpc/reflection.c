/*
 * reflection.c - both versions have the same messages but for their package, so
 * v1's code serves v1alpha too.
 *
 * A file is answered with all that it imports; the file itself comes first.
 */
#include "rpc/reflection.h"

#include "base/mem.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"
#include "pb/message.h"
#include "rpc/descriptor_index.h"
#include "rpc/host_inner.h"

#include <string.h>

enum {
    ARENA_SIZE_MAX = 1 << 20, /* a request, and what its answer is made of */
    QUEUE_SIZE_MAX = 4 << 20, /* answers that a connection may leave unread */
};

typedef Grpc__Reflection__V1__ServerReflectionRequest request_message;
typedef Grpc__Reflection__V1__ServerReflectionResponse response_message;

#define RESPONSE(kind) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##kind
#define REQUEST(kind)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##kind

struct pl_rpc_reflection {
    const struct pl_rpc_host *host_weak;
    struct pl_rpc_descriptor_index index;
};

/* protobuf-c's strings are not const, though it never writes to them. */
static char *unconst(const char *str)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = str};

    return cast.to;
}

static void finish(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    const struct pl_rpc_status status = {.code = code, .message = message};

    pl_rpc_call_finish(call, &status);
}

static int answer_error(response_message *response, struct pl_arena *arena, enum pl_code code,
                        const char *message)
{
    Grpc__Reflection__V1__ErrorResponse *error = pl_arena_alloc(arena, sizeof *error);

    if (error == NULL)
        return PL_E_NOMEM;
    grpc__reflection__v1__error_response__init(error);
    error->error_code = (int32_t)code;
    error->error_message = unconst(message);
    response->message_response_case = RESPONSE(ERROR_RESPONSE);
    response->error_response = error;
    return PL_OK;
}

/* Adds a file and all that it imports, each once. `files` has room for all. */
static void add_files(const struct pl_rpc_file *file, const struct pl_rpc_file **files, size_t *len)
{
    for (size_t i = 0; i < *len; i++)
        if (files[i] == file)
            return;
    files[(*len)++] = file;
    for (size_t i = 0; i < file->deps_len; i++)
        add_files(file->deps_weak[i], files, len);
}

static int answer_file(const struct pl_rpc_reflection *reflection, response_message *response,
                       struct pl_arena *arena, const struct pl_rpc_file *file)
{
    Grpc__Reflection__V1__FileDescriptorResponse *answer;
    const struct pl_rpc_file **files;
    size_t len = 0;

    if (file == NULL)
        return answer_error(response, arena, PL_CODE_NOT_FOUND,
                            "no such file, symbol or extension");
    files = pl_arena_alloc(arena, reflection->index.files_len * sizeof *files);
    answer = pl_arena_alloc(arena, sizeof *answer);
    if (files == NULL || answer == NULL)
        return PL_E_NOMEM;
    grpc__reflection__v1__file_descriptor_response__init(answer);
    add_files(file, files, &len);
    answer->file_descriptor_proto =
        pl_arena_alloc(arena, len * sizeof *answer->file_descriptor_proto);
    if (answer->file_descriptor_proto == NULL)
        return PL_E_NOMEM;
    answer->n_file_descriptor_proto = len;
    for (size_t i = 0; i < len; i++) {
        answer->file_descriptor_proto[i].data = (uint8_t *)(uintptr_t)files[i]->bytes.data;
        answer->file_descriptor_proto[i].len = files[i]->bytes.size;
    }
    response->message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
    response->file_descriptor_response = answer;
    return PL_OK;
}

static const struct pl_rpc_file *file_by_extension(
    const struct pl_rpc_reflection *reflection, const Grpc__Reflection__V1__ExtensionRequest *asked)
{
    const struct pl_rpc_descriptor_index *index = &reflection->index;

    for (size_t i = 0; i < index->extensions_len; i++)
        if (index->extensions[i].number == asked->extension_number &&
            strcmp(index->extensions[i].extendee, asked->containing_type) == 0)
            return index->extensions[i].file_weak;
    return NULL;
}

static int answer_numbers(const struct pl_rpc_reflection *reflection, response_message *response,
                          struct pl_arena *arena, const char *type)
{
    const struct pl_rpc_descriptor_index *index = &reflection->index;
    Grpc__Reflection__V1__ExtensionNumberResponse *answer;
    bool is_message = false;

    if (pl_rpc_file_by_symbol(index, type, &is_message) == NULL || !is_message)
        return answer_error(response, arena, PL_CODE_NOT_FOUND, "no such message type");
    answer = pl_arena_alloc(arena, sizeof *answer);
    if (answer == NULL)
        return PL_E_NOMEM;
    grpc__reflection__v1__extension_number_response__init(answer);
    answer->base_type_name = unconst(type);
    answer->extension_number =
        pl_arena_alloc(arena, index->extensions_len * sizeof *answer->extension_number);
    if (answer->extension_number == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < index->extensions_len; i++)
        if (strcmp(index->extensions[i].extendee, type) == 0)
            answer->extension_number[answer->n_extension_number++] = index->extensions[i].number;
    response->message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
    response->all_extension_numbers_response = answer;
    return PL_OK;
}

static int answer_services(const struct pl_rpc_reflection *reflection, response_message *response,
                           struct pl_arena *arena)
{
    Grpc__Reflection__V1__ListServiceResponse *answer = pl_arena_alloc(arena, sizeof *answer);
    size_t len = reflection->host_weak->services_by_name.len;

    if (answer == NULL)
        return PL_E_NOMEM;
    grpc__reflection__v1__list_service_response__init(answer);
    answer->service = pl_arena_alloc(arena, len * sizeof *answer->service);
    if (answer->service == NULL)
        return PL_E_NOMEM;
    PL_LIST_EACH (node, &reflection->host_weak->services) {
        const struct pl_rpc_host_service *service =
            PL_CONTAINER(node, struct pl_rpc_host_service, node);
        Grpc__Reflection__V1__ServiceResponse *item = pl_arena_alloc(arena, sizeof *item);

        if (item == NULL)
            return PL_E_NOMEM;
        grpc__reflection__v1__service_response__init(item);
        item->name = unconst(service->service_weak->name);
        answer->service[answer->n_service++] = item;
    }
    response->message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
    response->list_services_response = answer;
    return PL_OK;
}

/* What is asked in a way that is not known here is answered with an error: the stream
 * goes on. */
static int answer(const struct pl_rpc_reflection *reflection, const request_message *request,
                  response_message *response, struct pl_arena *arena)
{
    const struct pl_rpc_descriptor_index *index = &reflection->index;
    bool is_message;

    switch (request->message_request_case) {
    case REQUEST(FILE_BY_FILENAME):
        return answer_file(reflection, response, arena,
                           pl_rpc_file_by_name(index, request->file_by_filename));
    case REQUEST(FILE_CONTAINING_SYMBOL):
        return answer_file(
            reflection, response, arena,
            pl_rpc_file_by_symbol(index, request->file_containing_symbol, &is_message));
    case REQUEST(FILE_CONTAINING_EXTENSION):
        return answer_file(reflection, response, arena,
                           file_by_extension(reflection, request->file_containing_extension));
    case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
        return answer_numbers(reflection, response, arena, request->all_extension_numbers_of_type);
    case REQUEST(LIST_SERVICES):
        return answer_services(reflection, response, arena);
    default:
        return answer_error(response, arena, PL_CODE_UNIMPLEMENTED,
                            "the request asks for nothing that is known");
    }
}

/* Answers a request with a message. */
static int reply(struct pl_rpc_call *call, request_message *request, struct pl_arena *arena)
{
    const struct pl_rpc_reflection *reflection = pl_rpc_call_ctx(call);
    response_message response = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
    struct pl_buf *buf;
    int rc;

    response.valid_host = request->host;
    response.original_request = request;
    rc = answer(reflection, request, &response, arena);
    if (rc < 0)
        return rc;
    rc = pl_pb_pack(&response.base, &buf);
    if (rc < 0)
        return rc;
    rc = pl_rpc_call_send(call, buf);
    pl_buf_unref(buf);
    return rc;
}

static void on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_pb_fault fault;
    ProtobufCMessage *request;
    struct pl_arena arena;
    int rc;

    if (pl_rpc_conn_queue_size(pl_rpc_call_conn(call)) > QUEUE_SIZE_MAX) {
        finish(call, PL_CODE_RESOURCE_EXHAUSTED, "too many answers are unread");
        return;
    }
    pl_arena_init(&arena, ARENA_SIZE_MAX);
    rc = pl_pb_unpack(&grpc__reflection__v1__server_reflection_request__descriptor, message, &arena,
                      &fault, &request);
    if (rc == PL_OK)
        rc = reply(call, (request_message *)(void *)request, &arena);
    if (rc == PL_E_INVALID)
        finish(call, PL_CODE_INVALID_ARGUMENT, fault.text);
    else if (rc < 0)
        finish(call, pl_err_code(rc), pl_err_text(rc));
    pl_arena_done(&arena);
}

static void on_half_close(struct pl_rpc_call *call)
{
    finish(call, PL_CODE_OK, NULL);
}

static const struct pl_rpc_method methods[] = {
    {.name = "ServerReflectionInfo",
     .client_streaming = true,
     .server_streaming = true,
     .on_message = on_message,
     .on_half_close = on_half_close},
};

static const struct pl_rpc_service services[] = {
    {"grpc.reflection.v1.ServerReflection", methods, sizeof methods / sizeof methods[0],
     &grpc__reflection__v1__server_reflection__descriptor},
    {"grpc.reflection.v1alpha.ServerReflection", methods, sizeof methods / sizeof methods[0],
     &grpc__reflection__v1alpha__server_reflection__descriptor},
};

int pl_rpc_reflection_new(struct pl_rpc_host *host, struct pl_bytes descriptor_set,
                          struct pl_rpc_reflection **ret_reflection)
{
    struct pl_rpc_reflection *reflection = pl_zalloc(sizeof *reflection);
    int rc;

    if (reflection == NULL)
        return PL_E_NOMEM;
    reflection->host_weak = host;
    rc = pl_rpc_descriptor_index_init(&reflection->index, descriptor_set);
    for (size_t i = 0; i < sizeof services / sizeof services[0] && rc == PL_OK; i++)
        rc = pl_rpc_host_add(host, &services[i], reflection);
    if (rc < 0) {
        pl_rpc_reflection_free(reflection);
        return rc;
    }
    *ret_reflection = reflection;
    return PL_OK;
}

void pl_rpc_reflection_free(struct pl_rpc_reflection *reflection)
{
    if (reflection == NULL)
        return;
    pl_rpc_descriptor_index_done(&reflection->index);
    pl_free(reflection);
}

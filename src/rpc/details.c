/* details.c - three kinds of detail, each packed into a google.protobuf.Any. */
#include "rpc/details.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "pb/message.h"

#include <string.h>

#define URL_PREFIX      "type.googleapis.com/google.rpc."
#define URL_ERROR_INFO  URL_PREFIX "ErrorInfo"
#define URL_BAD_REQUEST URL_PREFIX "BadRequest"
#define URL_RETRY_INFO  URL_PREFIX "RetryInfo"

enum { KINDS_LEN = 3, ARENA_SIZE_MAX = 64 * 1024 };

/* protobuf-c's strings are not const, though it never writes to them. */
static char *unconst(const char *str)
{
    union {
        const char *from;
        char *to;
    } cast = {.from = str};

    return cast.to;
}

static int add_any(Google__Rpc__Status *status, const char *url, const ProtobufCMessage *message,
                   struct pl_arena *arena)
{
    Google__Protobuf__Any *any = pl_arena_alloc(arena, sizeof *any);
    uint8_t *data = pl_arena_alloc(arena, protobuf_c_message_get_packed_size(message));

    if (any == NULL || data == NULL)
        return PL_E_NOMEM;
    google__protobuf__any__init(any);
    any->type_url = unconst(url);
    any->value.data = data;
    any->value.len = protobuf_c_message_pack(message, data);
    status->details[status->n_details++] = any;
    return PL_OK;
}

static int add_error_info(Google__Rpc__Status *status, const struct pl_rpc_details *details,
                          struct pl_arena *arena)
{
    Google__Rpc__ErrorInfo info = GOOGLE__RPC__ERROR_INFO__INIT;
    Google__Rpc__ErrorInfo__MetadataEntry *entries, **refs;
    size_t len = details->metadata_len;

    if (details->reason[0] == 0)
        return PL_OK;
    if (len > ARENA_SIZE_MAX / sizeof *entries)
        return PL_E_LIMIT;
    entries = pl_arena_alloc(arena, len * sizeof *entries);
    refs = pl_arena_alloc(arena, len * sizeof(Google__Rpc__ErrorInfo__MetadataEntry *));
    if (entries == NULL || refs == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < len; i++) {
        google__rpc__error_info__metadata_entry__init(&entries[i]);
        entries[i].key = unconst(details->metadata[i].key);
        entries[i].value = unconst(details->metadata[i].value);
        refs[i] = &entries[i];
    }
    info.reason = unconst(details->reason);
    info.domain = unconst(details->domain);
    info.n_metadata = len;
    info.metadata = refs;
    return add_any(status, URL_ERROR_INFO, &info.base, arena);
}

static int add_bad_request(Google__Rpc__Status *status, const struct pl_rpc_details *details,
                           struct pl_arena *arena)
{
    Google__Rpc__BadRequest__FieldViolation violation =
        GOOGLE__RPC__BAD_REQUEST__FIELD_VIOLATION__INIT;
    Google__Rpc__BadRequest__FieldViolation *violations[] = {&violation};
    Google__Rpc__BadRequest request = GOOGLE__RPC__BAD_REQUEST__INIT;

    if (details->field[0] == 0)
        return PL_OK;
    violation.field = unconst(details->field);
    violation.description = unconst(details->message);
    request.n_field_violations = 1;
    request.field_violations = violations;
    return add_any(status, URL_BAD_REQUEST, &request.base, arena);
}

static int add_retry_info(Google__Rpc__Status *status, const struct pl_rpc_details *details,
                          struct pl_arena *arena)
{
    Google__Protobuf__Duration delay = GOOGLE__PROTOBUF__DURATION__INIT;
    Google__Rpc__RetryInfo info = GOOGLE__RPC__RETRY_INFO__INIT;

    if (details->retry_ms == 0)
        return PL_OK;
    delay.seconds = details->retry_ms / 1000;
    delay.nanos = (int32_t)(details->retry_ms % 1000) * 1000000;
    info.retry_delay = &delay;
    return add_any(status, URL_RETRY_INFO, &info.base, arena);
}

int pl_rpc_details_pack(const struct pl_rpc_details *details, struct pl_buf **ret_buf)
{
    Google__Rpc__Status status = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any *anys[KINDS_LEN];
    struct pl_arena arena;
    int rc;

    pl_arena_init(&arena, ARENA_SIZE_MAX);
    status.code = (int32_t)details->code;
    status.message = unconst(details->message);
    status.details = anys;
    rc = add_error_info(&status, details, &arena);
    if (rc == PL_OK)
        rc = add_bad_request(&status, details, &arena);
    if (rc == PL_OK)
        rc = add_retry_info(&status, details, &arena);
    if (rc == PL_OK)
        rc = pl_pb_pack(&status.base, ret_buf);
    pl_arena_done(&arena);
    return rc;
}

/* A whole number of milliseconds in 32 bits, rounded up; what is out of range is
 * cut to it. */
static uint32_t to_ms(const Google__Protobuf__Duration *delay)
{
    uint64_t ms;

    if (delay == NULL || delay->seconds < 0 || delay->nanos < 0)
        return 0;
    if (delay->seconds > UINT32_MAX / 1000)
        return UINT32_MAX;
    ms = (uint64_t)delay->seconds * 1000 + ((uint64_t)delay->nanos + 999999) / 1000000;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static int read_error_info(const Google__Rpc__ErrorInfo *info, struct pl_arena *arena,
                           struct pl_rpc_details *details)
{
    struct pl_rpc_details_entry *entries =
        pl_arena_alloc(arena, info->n_metadata * sizeof *entries);

    if (entries == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < info->n_metadata; i++) {
        entries[i].key = info->metadata[i]->key;
        entries[i].value = info->metadata[i]->value;
    }
    details->reason = info->reason;
    details->domain = info->domain;
    details->metadata = entries;
    details->metadata_len = info->n_metadata;
    return PL_OK;
}

static int read_any(const Google__Protobuf__Any *any, struct pl_arena *arena,
                    struct pl_rpc_details *details)
{
    struct pl_bytes value = {any->value.data, any->value.len};
    struct pl_pb_fault fault;
    ProtobufCMessage *message;
    int rc;

    if (strcmp(any->type_url, URL_ERROR_INFO) == 0) {
        rc = pl_pb_unpack(&google__rpc__error_info__descriptor, value, arena, &fault, &message);
        if (rc < 0)
            return rc;
        return read_error_info((const void *)message, arena, details);
    } else if (strcmp(any->type_url, URL_BAD_REQUEST) == 0) {
        const Google__Rpc__BadRequest *request;

        rc = pl_pb_unpack(&google__rpc__bad_request__descriptor, value, arena, &fault, &message);
        if (rc < 0)
            return rc;
        request = (const void *)message;
        if (request->n_field_violations > 0)
            details->field = request->field_violations[0]->field;
    } else if (strcmp(any->type_url, URL_RETRY_INFO) == 0) {
        const Google__Rpc__RetryInfo *info;

        rc = pl_pb_unpack(&google__rpc__retry_info__descriptor, value, arena, &fault, &message);
        if (rc < 0)
            return rc;
        info = (const void *)message;
        details->retry_ms = to_ms(info->retry_delay);
    }
    return PL_OK;
}

int pl_rpc_details_unpack(struct pl_bytes data, struct pl_arena *arena,
                          struct pl_rpc_details *ret_details)
{
    struct pl_rpc_details details = {.reason = "", .domain = "", .field = ""};
    struct pl_pb_fault fault;
    const Google__Rpc__Status *status;
    ProtobufCMessage *message;
    int rc = pl_pb_unpack(&google__rpc__status__descriptor, data, arena, &fault, &message);

    if (rc < 0)
        return rc;
    status = (const void *)message;
    details.code = status->code >= 0 && status->code <= (int)PL_CODE_UNAUTHENTICATED
                       ? (enum pl_code)status->code
                       : PL_CODE_UNKNOWN;
    details.message = status->message;
    for (size_t i = 0; i < status->n_details; i++) {
        rc = read_any(status->details[i], arena, &details);
        if (rc < 0)
            return rc;
    }
    *ret_details = details;
    return PL_OK;
}

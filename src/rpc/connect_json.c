/*
 * connect_json.c - see connect_json.h. jansson's functions take NULL for what could
 * not be made, and fail; so that one check at the end is enough.
 */
#include "rpc/connect_json.h"

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/utf8.h"
#include "google/rpc/status.pb-c.h"
#include "pb/json.h"
#include "pb/message.h"
#include "rpc/limits.h"

#include <jansson.h>
#include <string.h>

enum { TEXT_SIZE_MAX = 64 * 1024 };

/* Connect's names of gRPC's codes ("Error Codes"). */
static const char *code_name(enum pl_code code)
{
    static const char *const names[] = {
        [PL_CODE_OK] = "unknown", /* no error has it */
        [PL_CODE_CANCELLED] = "canceled",
        [PL_CODE_UNKNOWN] = "unknown",
        [PL_CODE_INVALID_ARGUMENT] = "invalid_argument",
        [PL_CODE_DEADLINE_EXCEEDED] = "deadline_exceeded",
        [PL_CODE_NOT_FOUND] = "not_found",
        [PL_CODE_ALREADY_EXISTS] = "already_exists",
        [PL_CODE_PERMISSION_DENIED] = "permission_denied",
        [PL_CODE_RESOURCE_EXHAUSTED] = "resource_exhausted",
        [PL_CODE_FAILED_PRECONDITION] = "failed_precondition",
        [PL_CODE_ABORTED] = "aborted",
        [PL_CODE_OUT_OF_RANGE] = "out_of_range",
        [PL_CODE_UNIMPLEMENTED] = "unimplemented",
        [PL_CODE_INTERNAL] = "internal",
        [PL_CODE_UNAVAILABLE] = "unavailable",
        [PL_CODE_DATA_LOSS] = "data_loss",
        [PL_CODE_UNAUTHENTICATED] = "unauthenticated",
    };

    return names[code];
}

/* {"type": …, "value": …}: its full name, and its bytes in base64 without padding. */
static json_t *detail_of(const Google__Protobuf__Any *any)
{
    const char *slash = strrchr(any->type_url, '/');
    struct pl_bytebuf value;
    json_t *detail;

    pl_bytebuf_init(&value, TEXT_SIZE_MAX);
    pl_base64_encode_bare((struct pl_bytes){any->value.data, any->value.len}, &value);
    detail = value.err < 0
                 ? NULL
                 : json_pack("{s:s, s:s%}", "type", slash != NULL ? slash + 1 : any->type_url,
                             "value", value.size > 0 ? (const char *)value.data : "", value.size);
    pl_bytebuf_done(&value);
    return detail;
}

/* Adds the details of a google.rpc.Status, which our own side has packed. */
static int add_details(json_t *error, struct pl_bytes packed)
{
    const Google__Rpc__Status *status;
    struct pl_pb_fault fault;
    ProtobufCMessage *message;
    struct pl_arena arena;
    json_t *details = json_array();
    int rc;

    pl_arena_init(&arena, TEXT_SIZE_MAX);
    rc = pl_pb_unpack(&google__rpc__status__descriptor, packed, &arena, &fault, &message);
    if (rc == PL_OK) {
        status = (const void *)message;
        for (size_t i = 0; rc == PL_OK && i < status->n_details; i++)
            rc = json_array_append_new(details, detail_of(status->details[i])) < 0 ? PL_E_NOMEM
                                                                                   : PL_OK;
    }
    pl_arena_done(&arena);
    if (rc < 0)
        json_decref(details);
    else if (json_object_set_new(error, "details", details) < 0)
        rc = PL_E_NOMEM;
    return rc;
}

/* JSON is UTF-8: what is not, as of a message that repeats what a peer sent, becomes
 * U+FFFD. */
static json_t *text_of(struct pl_bytes text)
{
    struct pl_bytebuf valid;
    json_t *json;

    pl_bytebuf_init(&valid, TEXT_SIZE_MAX);
    while (text.size > 0) {
        uint32_t point;
        size_t size = pl_utf8_decode(text.data, text.size, &point);

        if (size > 0)
            pl_bytebuf_append(&valid, text.data, size);
        else
            pl_bytebuf_append_str(&valid, "\xef\xbf\xbd");
        size += size == 0;
        text.data += size;
        text.size -= size;
    }
    json = valid.err < 0 ? NULL : json_stringn(pl_bytebuf_cstr(&valid), valid.size);
    pl_bytebuf_done(&valid);
    return json;
}

/* NULL where memory is short. Details that find no room, or are no Status, are left
 * out: the code still tells. */
static json_t *error_of(const struct pl_rpc_status *status)
{
    struct pl_bytes text = pl_rpc_status_text(status);
    json_t *error = json_object();
    int rv = json_object_set_new(error, "code", json_string(code_name(status->code)));

    if (rv == 0 && text.size > 0)
        rv = json_object_set_new(error, "message", text_of(text));
    if (rv == 0 && status->details.size > 0 &&
        status->details.size <= PL_RPC_STATUS_DETAILS_SIZE_MAX)
        (void)add_details(error, status->details);
    if (rv == 0)
        return error;
    json_decref(error);
    return NULL;
}

static int add_text(const char *text, size_t size, void *to)
{
    struct pl_bytebuf *buf = to;

    pl_bytebuf_append(buf, text, size);
    return buf->err < 0 ? -1 : 0;
}

/* The JSON as bytes; `json` is freed, and may be NULL. */
static int dump(json_t *json, struct pl_buf **ret_buf)
{
    struct pl_bytebuf text;
    int rc = PL_E_NOMEM;

    pl_bytebuf_init(&text, TEXT_SIZE_MAX);
    if (json != NULL && json_dump_callback(json, add_text, &text, JSON_COMPACT) == 0) {
        *ret_buf = pl_buf_copy(text.data, text.size);
        rc = *ret_buf == NULL ? PL_E_NOMEM : PL_OK;
    }
    pl_bytebuf_done(&text);
    json_decref(json);
    return rc;
}

int pl_rpc_connect_error(const struct pl_rpc_status *status, struct pl_buf **ret_buf)
{
    pl_pb_json_init();
    return dump(error_of(status), ret_buf);
}

/* NULL where memory is short. */
static json_t *metadata_of(const struct pl_rpc_fields *fields)
{
    json_t *metadata = json_object();
    struct pl_bytes name, value;

    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &name, &value);) {
        json_t *values = json_object_getn(metadata, (const char *)name.data, name.size);
        int rv = 0;

        if (values == NULL) {
            values = json_array();
            rv = json_object_setn_new(metadata, (const char *)name.data, name.size, values);
        }
        if (rv < 0 ||
            json_array_append_new(values, json_stringn((const char *)value.data, value.size)) < 0) {
            json_decref(metadata);
            return NULL;
        }
    }
    return metadata;
}

int pl_rpc_connect_end(const struct pl_rpc_status *status, const struct pl_rpc_fields *trailers,
                       struct pl_buf **ret_buf)
{
    json_t *end;
    int rv = 0;

    pl_pb_json_init();
    end = json_object();
    if (status->code != PL_CODE_OK)
        rv = json_object_set_new(end, "error", error_of(status));
    if (rv == 0 && trailers->len > 0)
        rv = json_object_set_new(end, "metadata", metadata_of(trailers));
    if (rv < 0) {
        json_decref(end);
        end = NULL;
    }
    return dump(end, ret_buf);
}

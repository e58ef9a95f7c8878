/*
 * grpc.c - gRPC's responses (PROTOCOL-HTTP2, "Responses"):
 *
 *     Response-Headers   :status 200, content-type, grpc-accept-encoding, custom
 *     Trailers           grpc-status, grpc-message, grpc-status-details-bin, custom
 *     Trailers-Only      both in one HEADERS frame, with END_STREAM
 *
 * grpc-message and the details are in the call's list of trailers already, in
 * their form on the wire.
 */
#include "rpc/codec.h"

#include "base/assert.h"
#include "rpc/call.h"
#include "rpc/conn.h"
#include "rpc/h2.h"
#include "rpc/limits.h"

#include <string.h>

/* :status, content-type, grpc-accept-encoding; grpc-status, grpc-message, details */
enum { OWN_FIELDS_MAX = 6 };

struct field_set {
    nghttp2_nv items[2 * PL_RPC_FIELDS_LEN_MAX + OWN_FIELDS_MAX];
    size_t len;
};

static void add(struct field_set *set, nghttp2_nv field)
{
    PL_ASSERT(set->len < sizeof set->items / sizeof set->items[0]);
    set->items[set->len++] = field;
}

static void add_all(struct field_set *set, const struct pl_rpc_fields *fields)
{
    struct pl_bytes name, value;

    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &name, &value);)
        add(set, pl_rpc_h2_field(name, value));
}

static void add_head(struct field_set *set, const struct pl_rpc_call *call)
{
    add(set, pl_rpc_h2_const(":status", "200"));
    add(set, pl_rpc_h2_const("content-type", "application/grpc"));
    add(set, pl_rpc_h2_const("grpc-accept-encoding", "identity"));
    add_all(set, &call->headers);
}

static void add_tail(struct field_set *set, const struct pl_rpc_call *call)
{
    static const char *const numbers[] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                          "9", "10", "11", "12", "13", "14", "15", "16"};

    PL_ASSERT((size_t)call->code < sizeof numbers / sizeof numbers[0]);
    add(set, pl_rpc_h2_const("grpc-status", numbers[call->code]));
    add_all(set, &call->trailers);
}

/* "application/grpc", or that and "+FORMAT" or ";PARAMETERS". */
static bool takes(struct pl_bytes content_type)
{
    static const char prefix[] = "application/grpc";
    size_t size = sizeof prefix - 1;

    if (content_type.size < size || memcmp(content_type.data, prefix, size) != 0)
        return false;
    return content_type.size == size || content_type.data[size] == '+' ||
           content_type.data[size] == ';';
}

static int submit_head(struct pl_rpc_call *call)
{
    nghttp2_data_provider provider = {.read_callback = pl_rpc_call_read};
    struct field_set set = {.len = 0};

    add_head(&set, call);
    return pl_rpc_h2_err(nghttp2_submit_response(call->conn_weak->session, call->stream_id,
                                                 set.items, set.len, &provider));
}

static int submit_tail(struct pl_rpc_call *call)
{
    struct field_set set = {.len = 0};

    add_tail(&set, call);
    return pl_rpc_h2_err(
        nghttp2_submit_trailer(call->conn_weak->session, call->stream_id, set.items, set.len));
}

static int submit_only(struct pl_rpc_call *call)
{
    struct field_set set = {.len = 0};

    add_head(&set, call);
    add_tail(&set, call);
    return pl_rpc_h2_err(nghttp2_submit_response(call->conn_weak->session, call->stream_id,
                                                 set.items, set.len, NULL));
}

const struct pl_rpc_codec pl_rpc_grpc = {
    .takes = takes,
    .submit_head = submit_head,
    .submit_tail = submit_tail,
    .submit_only = submit_only,
};

const struct pl_rpc_codec *pl_rpc_codec_find(struct pl_bytes content_type)
{
    return pl_rpc_grpc.takes(content_type) ? &pl_rpc_grpc : NULL;
}

/* json_print_known.c - the messages with a form of their own, from wire bytes to JSON. */
#include "base/assert.h"
#include "base/err.h"
#include "pb/json_known.h"
#include "pb/json_name.h"
#include "pb/json_printer.h"
#include "pb/json_text.h"

#include <math.h>
#include <string.h>

/* The last of a field's numbers, or 0. */
static uint64_t number_of(const struct pl_pb_json_view *view, unsigned number)
{
    struct pl_pb_json_parts parts = pl_pb_json_view_of(view, number);

    return parts.len > 0 ? parts.list[parts.len - 1].number : 0;
}

static int print_time(const struct pl_pb_json_view *view, enum pl_pb_json_form form,
                      struct pl_bytebuf *out)
{
    const struct pl_pb_json_time time = {
        .seconds = (int64_t)number_of(view, PL_PB_TIME_SECONDS),
        .nanos = (int32_t)(uint32_t)number_of(view, PL_PB_TIME_NANOS),
    };
    bool ok = form == PL_PB_JSON_TIMESTAMP ? pl_pb_json_put_timestamp(time, out)
                                           : pl_pb_json_put_duration(time, out);

    return ok ? out->err : PL_E_INVALID;
}

static int print_mask(const struct pl_pb_json_view *view, struct pl_bytebuf *out)
{
    struct pl_pb_json_parts paths = pl_pb_json_view_of(view, PL_PB_MASK_PATHS);

    pl_bytebuf_append_byte(out, '"');
    for (size_t i = 0; i < paths.len; i++) {
        if (i > 0)
            pl_bytebuf_append_byte(out, ',');
        if (!pl_pb_json_put_path(paths.list[i].bytes, out))
            return PL_E_INVALID;
    }
    pl_bytebuf_append_byte(out, '"');
    return out->err;
}

/* At most one of the fields is there, for all are members of one oneof. */
static int print_value(const struct pl_pb_json_view *view, struct pl_bytebuf *out)
{
    for (unsigned i = 0; i < view->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &view->descriptor->fields[i];
        struct pl_pb_json_parts parts = pl_pb_json_view_at(view, i);
        double real = 0;

        if (parts.len == 0)
            continue;
        if (field->type == PROTOBUF_C_TYPE_DOUBLE)
            memcpy(&real, &parts.list[parts.len - 1].number, sizeof real);
        return isfinite(real) ? pl_pb_json_print_single(field, parts, out) : PL_E_INVALID;
    }
    pl_bytebuf_append_str(out, "null");
    return out->err;
}

static int print_any(const struct pl_pb_json_view *view, struct pl_bytebuf *out)
{
    for (unsigned i = 0; i < view->descriptor->n_fields; i++) {
        struct pl_pb_json_parts parts = pl_pb_json_view_at(view, i);

        if (parts.len > 0 && parts.list[parts.len - 1].bytes.size > 0)
            return PL_E_UNSUPPORTED;
    }
    pl_bytebuf_append_str(out, "{}");
    return out->err;
}

static int print_form(const struct pl_pb_json_view *view, enum pl_pb_json_form form,
                      struct pl_bytebuf *out)
{
    const ProtobufCFieldDescriptor *only = &view->descriptor->fields[0];

    switch (form) {
    case PL_PB_JSON_ANY:
        return print_any(view, out);
    case PL_PB_JSON_DURATION:
    case PL_PB_JSON_TIMESTAMP:
        return print_time(view, form, out);
    case PL_PB_JSON_FIELD_MASK:
        return print_mask(view, out);
    case PL_PB_JSON_LIST:
        return pl_pb_json_print_list(only, pl_pb_json_view_at(view, 0), out);
    case PL_PB_JSON_STRUCT:
        return pl_pb_json_print_map(only, pl_pb_json_view_at(view, 0), out);
    case PL_PB_JSON_VALUE:
        return print_value(view, out);
    case PL_PB_JSON_WRAPPER:
        return pl_pb_json_print_single(only, pl_pb_json_view_at(view, 0), out);
    case PL_PB_JSON_FIELDS:
        break;
    }
    PL_UNREACHABLE();
}

int pl_pb_json_print_known(const ProtobufCMessageDescriptor *descriptor,
                           struct pl_pb_json_parts pieces, struct pl_bytebuf *out)
{
    struct pl_pb_json_view view;
    int rc = pl_pb_json_view_init(&view, descriptor, pieces);

    if (rc < 0)
        return rc;
    rc = print_form(&view, pl_pb_json_form_of(descriptor), out);
    pl_pb_json_view_done(&view);
    return rc;
}

/*
 * json_view.c - a counting sort: one pass counts the occurrences of each field, a
 * second one puts them where they belong.
 *
 * When another member of a oneof turns up, those counted before are dropped; the
 * second pass knows from the counts how many of the first to leave out.
 */
#include "pb/json_view.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "pb/json_name.h"

/* What is known of a field while its message is sorted. */
struct tally {
    size_t all;     /* occurrences */
    size_t kept;    /* those that count, the last ones */
    size_t current; /* for the first member of a oneof: the one that is set, plus 1 */
};

/* Reads one occurrence; *ret_field is NULL where the message has no such field. */
static void read_part(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes *data,
                      const ProtobufCFieldDescriptor **ret_field, struct pl_pb_json_part *ret_part)
{
    struct pl_pb_json_part part = {.number = 0};
    uint64_t tag;
    bool ok = pl_pb_read_varint(data, &tag);

    PL_ASSERT(ok); /* pl_pb_check() has seen all of it */
    part.type = (enum pl_pb_wire_type)(tag & 7);
    if (part.type == PL_PB_WIRE_LEN)
        ok = pl_pb_read_len(data, &part.bytes);
    else
        ok = pl_pb_read_number(data, part.type, &part.number);
    PL_ASSERT(ok);
    *ret_field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)(tag >> 3));
    *ret_part = part;
}

static void count_part(const ProtobufCMessageDescriptor *descriptor, struct tally *tallies,
                       const ProtobufCFieldDescriptor *field)
{
    size_t place = (size_t)(field - descriptor->fields);

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        size_t first = 0;

        while (!pl_pb_json_same_oneof(&descriptor->fields[first], field))
            first++;
        if (tallies[first].current != 0 && tallies[first].current != place + 1)
            tallies[tallies[first].current - 1].kept = 0;
        tallies[first].current = place + 1;
    }
    tallies[place].all++;
    tallies[place].kept++;
}

static void count_parts(const ProtobufCMessageDescriptor *descriptor,
                        struct pl_pb_json_parts pieces, struct tally *tallies)
{
    for (size_t i = 0; i < pieces.len; i++) {
        struct pl_bytes data = pieces.list[i].bytes;

        while (data.size > 0) {
            const ProtobufCFieldDescriptor *field;
            struct pl_pb_json_part part;

            read_part(descriptor, &data, &field, &part);
            if (field != NULL)
                count_part(descriptor, tallies, field);
        }
    }
}

/* Puts those that are kept where they belong; `all` counts down to `kept`. */
static void place_parts(struct pl_pb_json_view *view, struct pl_pb_json_parts pieces,
                        struct tally *tallies)
{
    for (size_t i = 0; i < pieces.len; i++) {
        struct pl_bytes data = pieces.list[i].bytes;

        while (data.size > 0) {
            const ProtobufCFieldDescriptor *field;
            struct pl_pb_json_part part;
            struct tally *tally;

            read_part(view->descriptor, &data, &field, &part);
            if (field == NULL)
                continue;
            tally = &tallies[field - view->descriptor->fields];
            if (tally->all > tally->kept)
                tally->all--;
            else
                view->parts[view->starts[field - view->descriptor->fields]++] = part;
        }
    }
}

int pl_pb_json_view_init(struct pl_pb_json_view *view, const ProtobufCMessageDescriptor *descriptor,
                         struct pl_pb_json_parts pieces)
{
    struct pl_pb_json_view fresh = {.descriptor = descriptor};
    size_t fields_len = descriptor->n_fields;
    struct tally *tallies = pl_calloc(fields_len, sizeof *tallies);
    size_t len = 0;

    fresh.starts = pl_calloc(fields_len + 1, sizeof *fresh.starts);
    if (tallies == NULL || fresh.starts == NULL)
        goto fail;
    count_parts(descriptor, pieces, tallies);
    for (size_t i = 0; i < fields_len; i++) {
        fresh.starts[i] = len;
        len += tallies[i].kept;
    }
    fresh.parts = pl_calloc(len, sizeof *fresh.parts);
    if (fresh.parts == NULL)
        goto fail;
    /* Each start moves up to the next one while parts are put in, and then back. */
    place_parts(&fresh, pieces, tallies);
    for (size_t i = 0; i < fields_len; i++)
        fresh.starts[i] -= tallies[i].kept;
    fresh.starts[fields_len] = len;
    pl_free(tallies);
    *view = fresh;
    return PL_OK;

fail:
    pl_free(tallies);
    pl_pb_json_view_done(&fresh);
    return PL_E_NOMEM;
}

void pl_pb_json_view_done(struct pl_pb_json_view *view)
{
    pl_free(view->parts);
    pl_free(view->starts);
}

struct pl_pb_json_parts pl_pb_json_view_at(const struct pl_pb_json_view *view, size_t place)
{
    PL_ASSERT(place < view->descriptor->n_fields);
    return (struct pl_pb_json_parts){view->parts + view->starts[place],
                                     view->starts[place + 1] - view->starts[place]};
}

struct pl_pb_json_parts pl_pb_json_view_of(const struct pl_pb_json_view *view, unsigned number)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(view->descriptor, number);

    PL_ASSERT(field != NULL);
    return pl_pb_json_view_at(view, (size_t)(field - view->descriptor->fields));
}

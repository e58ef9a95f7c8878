/*
 * json_print_map.c - maps, whose keys may come more than once on the wire.
 *
 * Which entry of a key is the last one is told by an object of jansson's: it keeps for
 * each key, in the order in which they first came, the number of its latest entry.
 */
#include "base/err.h"
#include "pb/json_load.h"
#include "pb/json_printer.h"

#include <string.h>

enum {
    KEY_SIZE_MAX = 1 << 30,
    KEY_PLACE = 0, /* of the two fields of an entry: pl_pb_json_is_map() knows them */
    VALUE_PLACE = 1,
};

/* The key of an entry as plain text. */
static int put_key(const ProtobufCMessageDescriptor *entry, const struct pl_pb_json_part *part,
                   struct pl_bytebuf *key)
{
    const ProtobufCFieldDescriptor *field = &entry->fields[KEY_PLACE];
    struct pl_pb_json_view view;
    struct pl_pb_json_parts parts;
    int rc = pl_pb_json_view_init(&view, entry, (struct pl_pb_json_parts){part, 1});

    if (rc < 0)
        return rc;
    parts = pl_pb_json_view_at(&view, KEY_PLACE);
    if (field->type != PROTOBUF_C_TYPE_STRING)
        pl_pb_json_print_number(field, parts.len > 0 ? parts.list[parts.len - 1].number : 0, key);
    else if (parts.len > 0)
        pl_bytebuf_append(key, parts.list[parts.len - 1].bytes.data,
                          parts.list[parts.len - 1].bytes.size);
    pl_pb_json_view_done(&view);
    return key->err;
}

/* Integers of 64 bits are printed with quotes, which are no part of a key. */
static struct pl_bytes bare(const struct pl_bytebuf *key, ProtobufCType type)
{
    struct pl_bytes text = {key->data, key->size};

    if (type != PROTOBUF_C_TYPE_STRING && text.size >= 2 && text.data[0] == '"')
        text = (struct pl_bytes){text.data + 1, text.size - 2};
    return text;
}

/* Notes for each key which of the parts is its last. */
static int find_last(const ProtobufCMessageDescriptor *entry, struct pl_pb_json_parts parts,
                     json_t *latest)
{
    struct pl_bytebuf key;
    int rc = PL_OK;

    pl_bytebuf_init(&key, KEY_SIZE_MAX);
    for (size_t i = 0; rc == PL_OK && i < parts.len; i++) {
        struct pl_bytes text;

        pl_bytebuf_clear(&key);
        rc = put_key(entry, &parts.list[i], &key);
        if (rc < 0)
            break;
        text = bare(&key, entry->fields[KEY_PLACE].type);
        if (json_object_setn_new_nocheck(latest, text.size > 0 ? (const char *)text.data : "",
                                         text.size, json_integer((json_int_t)i)) < 0)
            rc = PL_E_NOMEM;
    }
    pl_bytebuf_done(&key);
    return rc;
}

static int print_value(const ProtobufCMessageDescriptor *entry, const struct pl_pb_json_part *part,
                       struct pl_bytebuf *out)
{
    struct pl_pb_json_view view;
    int rc = pl_pb_json_view_init(&view, entry, (struct pl_pb_json_parts){part, 1});

    if (rc < 0)
        return rc;
    rc = pl_pb_json_print_single(&entry->fields[VALUE_PLACE],
                                 pl_pb_json_view_at(&view, VALUE_PLACE), out);
    pl_pb_json_view_done(&view);
    return rc;
}

int pl_pb_json_print_map(const ProtobufCFieldDescriptor *field, struct pl_pb_json_parts parts,
                         struct pl_bytebuf *out)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    json_t *latest = json_object();
    bool first = true;
    const char *key;
    json_t *index;
    int rc = latest == NULL ? PL_E_NOMEM : find_last(entry, parts, latest);

    pl_bytebuf_append_byte(out, '{');
    json_object_foreach(latest, key, index)
    {
        if (rc < 0)
            break;
        if (!first)
            pl_bytebuf_append_byte(out, ',');
        first = false;
        pl_pb_json_put_string(pl_bytes_str(key), out);
        pl_bytebuf_append_byte(out, ':');
        rc = print_value(entry, &parts.list[json_integer_value(index)], out);
    }
    pl_bytebuf_append_byte(out, '}');
    json_decref(latest);
    return rc < 0 ? rc : out->err;
}

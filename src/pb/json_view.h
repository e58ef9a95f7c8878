/*
 * json_view.h - which bytes of a message belong to which of its fields.
 *
 * A message on the wire may come in pieces, its fields in any order and more than
 * once. A view sorts the pieces by field, once, in time that grows with the bytes.
 *
 * Threads: none of its own. Ownership: a view owns its tables and borrows the bytes.
 */
#ifndef PL_PB_JSON_VIEW_H
#define PL_PB_JSON_VIEW_H

#include "pb/wire.h"

/* One occurrence of a field: bytes where the wire type is LEN, else a number. */
struct pl_pb_json_part {
    enum pl_pb_wire_type type;
    uint64_t number;
    struct pl_bytes bytes;
};

/* The occurrences of one field, in the order of the wire. */
struct pl_pb_json_parts {
    const struct pl_pb_json_part *list;
    size_t len;
};

struct pl_pb_json_view {
    const ProtobufCMessageDescriptor *descriptor;
    struct pl_pb_json_part *parts;
    size_t *starts; /* where in `parts` those of each field begin; one more at the end */
};

/* Sorts the content of a message, which is that of all its pieces one after the
 * other, and which pl_pb_check() has taken. Of a oneof only the member is kept that
 * came last, and of it what came since another member did. PL_E_NOMEM. */
int pl_pb_json_view_init(struct pl_pb_json_view *view, const ProtobufCMessageDescriptor *descriptor,
                         struct pl_pb_json_parts pieces);
void pl_pb_json_view_done(struct pl_pb_json_view *view);

/* The occurrences of the field with that place in the descriptor. */
struct pl_pb_json_parts pl_pb_json_view_at(const struct pl_pb_json_view *view, size_t place);

/* The same by the field's number, which the descriptor has. */
struct pl_pb_json_parts pl_pb_json_view_of(const struct pl_pb_json_view *view, unsigned number);

#endif

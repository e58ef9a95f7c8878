/*
 * request.h - requests from their bytes: checked, then made commands or queries.
 *
 * Each returns PL_OK or PL_E_NOMEM. With PL_OK, ret_refusal->reason tells whether
 * the request is refused already here (bad bytes, a field out of its range); if
 * it is PL_REASON_NONE, *ret is filled. What needs the chat's state is refused by
 * the engine. Strings point into the arena.
 */
#ifndef PL_WIRE_REQUEST_H
#define PL_WIRE_REQUEST_H

#include "base/arena.h"
#include "base/secret.h"
#include "model/command.h"
#include "model/query.h"
#include "model/reason.h"
#include "wire/cursor.h"

/* For the engine; kind and u of *ret are set. */
typedef int (*pl_wire_decode_command)(struct pl_bytes request, struct pl_arena *arena,
                                      struct pl_command *ret, struct pl_refusal *ret_refusal);

int pl_wire_sign_in_as_guest(struct pl_bytes request, struct pl_arena *arena,
                             struct pl_command *ret, struct pl_refusal *ret_refusal);
int pl_wire_sign_out(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                     struct pl_refusal *ret_refusal);
int pl_wire_get_user(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                     struct pl_refusal *ret_refusal);
int pl_wire_create_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                        struct pl_refusal *ret_refusal);
int pl_wire_join_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                      struct pl_refusal *ret_refusal);
int pl_wire_leave_room(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                       struct pl_refusal *ret_refusal);
int pl_wire_send_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                         struct pl_refusal *ret_refusal);
int pl_wire_mark_read(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                      struct pl_refusal *ret_refusal);
int pl_wire_take_messages(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                          struct pl_refusal *ret_refusal);
int pl_wire_ack_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                        struct pl_refusal *ret_refusal);
int pl_wire_release_message(struct pl_bytes request, struct pl_arena *arena, struct pl_command *ret,
                            struct pl_refusal *ret_refusal);

/* For a reader; kind, page_token, page_len and u of *ret are set. */
typedef int (*pl_wire_decode_query)(struct pl_bytes request, struct pl_arena *arena,
                                    struct pl_query *ret, struct pl_refusal *ret_refusal);

int pl_wire_list_users(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                       struct pl_refusal *ret_refusal);
int pl_wire_get_room(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                     struct pl_refusal *ret_refusal);
int pl_wire_list_rooms(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                       struct pl_refusal *ret_refusal);
int pl_wire_list_members(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                         struct pl_refusal *ret_refusal);
int pl_wire_list_messages(struct pl_bytes request, struct pl_arena *arena, struct pl_query *ret,
                          struct pl_refusal *ret_refusal);

/* Where a stream without a cursor starts, as on the wire (StreamStart). */
enum pl_stream_from {
    PL_STREAM_FROM_NOW = 1,
    PL_STREAM_FROM_UNREAD = 2,
    PL_STREAM_FROM_BEGINNING = 3,
};

struct pl_stream_request {
    const char *const *rooms;
    uint32_t rooms_len;
    bool has_cursor;
    struct pl_cursor cursor;
    enum pl_stream_from from;
};

int pl_wire_stream_messages(struct pl_bytes request, struct pl_arena *arena,
                            struct pl_stream_request *ret, struct pl_refusal *ret_refusal);

#endif

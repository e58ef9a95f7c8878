/*
 * reply.h - responses as bytes.
 */
#ifndef PL_WIRE_REPLY_H
#define PL_WIRE_REPLY_H

#include "base/arena.h"
#include "model/durability.h"
#include "model/effect.h"
#include "model/reader.h"

/* What a response tells besides the engine's reply. */
struct pl_reply_context {
    enum pl_durability durability;
    const char *token; /* SIGN_IN_GUEST: the new session's, in clear */
    int64_t expire_ms; /* SIGN_IN_GUEST: when the session lapses unless used */
    bool online;       /* GET_USER */
};

/* The response to a granted command or query that has one message for its answer
 * (not SUBSCRIBE, OPEN_TAKER, GET_USERS). `arena` is scratch. PL_E_NOMEM,
 * PL_E_CORRUPT (a stored event cannot be read). */
int pl_wire_reply(enum pl_command_kind kind, const struct pl_reply *reply,
                  const struct pl_reply_context *context, struct pl_arena *arena,
                  struct pl_buf **ret_buf);

/* Responses of lists. Add each item, then finish; what is added is copied. */
struct pl_wire_list {
    struct pl_arena *arena; /* borrowed */
    void **items;
    uint32_t len;
    uint32_t cap;
};

/* PL_E_NOMEM. */
int pl_wire_list_init(struct pl_wire_list *list, uint32_t cap, struct pl_arena *arena);

int pl_wire_list_add_user(struct pl_wire_list *list, const struct pl_user *user, bool online);
int pl_wire_list_add_room(struct pl_wire_list *list, const struct pl_room *room,
                          const struct pl_member *member, const char *caller, uint64_t mentions);
int pl_wire_list_add_member(struct pl_wire_list *list, const struct pl_member *member,
                            const char *name);
int pl_wire_list_add_message(struct pl_wire_list *list, const struct pl_message_row *row);

/* next: the next page's token, or "". as_of: the room's event up to which it
 * holds. */
int pl_wire_list_users_response(const struct pl_wire_list *list, const char *next,
                                struct pl_buf **ret_buf);
int pl_wire_list_rooms_response(const struct pl_wire_list *list, const char *next,
                                struct pl_buf **ret_buf);
int pl_wire_list_members_response(const struct pl_wire_list *list, const char *next,
                                  pl_sequence as_of, struct pl_buf **ret_buf);
int pl_wire_list_messages_response(const struct pl_wire_list *list, const char *next,
                                   pl_sequence as_of, struct pl_buf **ret_buf);

int pl_wire_get_room_response(const struct pl_room *room, struct pl_arena *arena,
                              struct pl_buf **ret_buf);

#endif

/*
 * naive.h - what a reader must find, worked out from the in-memory twin by
 * looking at every row, as model/reader.h says it.
 */
#ifndef PL_TEST_STORE_NAIVE_H
#define PL_TEST_STORE_NAIVE_H

#include "base/bytes.h"
#include "model/reader.h"

/* Each appends to `text`, a line a row, what the reader's callback is to get. */
void naive_users(const struct pl_store *twin, const char *prefix, const char *after,
                 uint32_t len_max, struct pl_bytebuf *text);
void naive_rooms(const struct pl_store *twin, pl_user_id user, bool unjoined, const char *after,
                 uint32_t len_max, struct pl_bytebuf *text);
void naive_members(const struct pl_store *twin, pl_room_id room, const char *after,
                   uint32_t len_max, struct pl_bytebuf *text);
void naive_messages(const struct pl_store *twin, const struct pl_message_query *query,
                    struct pl_bytebuf *text);
pl_position naive_page(const struct pl_store *twin, const struct pl_page_query *query,
                       struct pl_bytebuf *text);

/* The lines. */
void naive_put_user(struct pl_bytebuf *text, const struct pl_user *user);
void naive_put_room(struct pl_bytebuf *text, const struct pl_room *room,
                    const struct pl_member *member, uint64_t mentions);
void naive_put_member(struct pl_bytebuf *text, const struct pl_member *member, const char *name);
void naive_put_message(struct pl_bytebuf *text, pl_sequence sequence, uint32_t thread_size,
                       struct pl_bytes event);
void naive_put_state(struct pl_bytebuf *text, pl_position position,
                     const struct pl_room_state *state);
void naive_put_event(struct pl_bytebuf *text, pl_position position, pl_room_id room,
                     pl_sequence sequence, struct pl_bytes event);

#endif

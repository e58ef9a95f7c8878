/*
 * memory_state.h - the in-memory store's tables; of its own files only.
 *
 * A table is an array of rows of one size. Each change is noted on an undo
 * list; a rollback takes them back from the last to the first, for which no
 * memory is needed.
 */
#ifndef PL_STORE_MEMORY_STATE_H
#define PL_STORE_MEMORY_STATE_H

#include "base/assert.h"
#include "model/store.h"
#include "store/memory.h"

#include <stddef.h>

enum pl_memory_table_id {
    PL_TABLE_META,
    PL_TABLE_LOGS,
    PL_TABLE_USERS,
    PL_TABLE_SESSIONS,
    PL_TABLE_ROOMS,
    PL_TABLE_MEMBERS,
    PL_TABLE_SPANS,
    PL_TABLE_EVENTS,
    PL_TABLE_THREADS,
    PL_TABLE_REQUESTS,
    PL_TABLE_WORK,
    PL_TABLES_LEN,
};

struct pl_memory_log {
    uint64_t log;
    pl_position from;
};

struct pl_memory_span {
    pl_user_id user;
    struct pl_span span;
};

/* mentions and bytes are owned; of a row that was deleted, by its undo. */
struct pl_memory_event {
    struct pl_event_row row;
    uint64_t messages; /* how many there were in the room, up to it */
    pl_user_id *mentions;
};

struct pl_memory_thread {
    pl_room_id room;
    pl_sequence first;
    struct pl_thread_row row;
};

struct pl_memory_request {
    pl_user_id user;
    char target[PL_ROOM_NAME_SIZE_MAX + 2];
    char request_id[PL_REQUEST_ID_SIZE_MAX + 1];
    struct pl_hash content;
    pl_room_id room;
    pl_sequence sequence;
    int64_t create_ms;
};

struct pl_memory_table {
    size_t row_size;
    uint8_t *rows;
    size_t len;
    size_t cap;
};

enum pl_memory_change {
    PL_CHANGE_INSERT,
    PL_CHANGE_REPLACE,
    PL_CHANGE_DELETE,
};

struct pl_memory_undo {
    struct pl_memory_undo *next; /* the change before */
    enum pl_memory_table_id table;
    enum pl_memory_change change;
    size_t index;
    uint8_t row[]; /* as it was; of REPLACE and DELETE */
};

struct pl_memory_store {
    struct pl_memory_table tables[PL_TABLES_LEN];
    struct pl_memory_undo *undo; /* the last change first */
    bool in_transaction;
    uint64_t fail_op;
    int fail_op_err;
    uint64_t fail_commit;
    int fail_commit_err;
    bool failed;
    struct pl_memory_counts counts;
};

/* To be called first by every op: counts it, and gives the failure that was
 * asked for, or PL_OK. */
int pl_memory_op(struct pl_memory_store *store);

/* The same for one that writes, which only a transaction may. */
int pl_memory_write_op(struct pl_memory_store *store);

size_t pl_memory_len(const struct pl_memory_store *store, enum pl_memory_table_id table);

/* The row at `index`; until the table's next change. */
void *pl_memory_row(const struct pl_memory_store *store, enum pl_memory_table_id table,
                    size_t index);

/* Puts a row at the end where `index` is the length, else in place of the one
 * there. PL_E_NOMEM. */
int pl_memory_put(struct pl_memory_store *store, enum pl_memory_table_id table, size_t index,
                  const void *row);

/* Takes a row out; those behind it move up. PL_E_NOMEM. */
int pl_memory_delete(struct pl_memory_store *store, enum pl_memory_table_id table, size_t index);

/* The operations, by the file that has them. */
int pl_memory_get_user(void *self, pl_user_id id, struct pl_user *ret);
int pl_memory_find_user(void *self, const char *name, struct pl_user *ret);
int pl_memory_put_user(void *self, const struct pl_user *user);
int pl_memory_list_users_ending(void *self, uint32_t len_max, pl_user_id *ret, uint32_t *ret_len);
int pl_memory_find_session(void *self, const struct pl_hash *token_hash, struct pl_session *ret);
int pl_memory_get_session(void *self, pl_session_id id, struct pl_session *ret);
int pl_memory_put_session(void *self, const struct pl_session *session);
int pl_memory_delete_session(void *self, pl_session_id id);
int pl_memory_list_sessions_idle(void *self, int64_t before_ms, uint32_t len_max,
                                 struct pl_session *ret, uint32_t *ret_len);

int pl_memory_get_room(void *self, pl_room_id id, struct pl_room *ret);
int pl_memory_find_room(void *self, const char *name, struct pl_room *ret);
int pl_memory_find_direct(void *self, pl_user_id low, pl_user_id high, struct pl_room *ret);
int pl_memory_put_room(void *self, const struct pl_room *room);
int pl_memory_list_rooms_to_trim(void *self, int64_t now_ms, uint32_t len_max, pl_room_id *ret,
                                 uint32_t *ret_len);
int pl_memory_next_trim_due(void *self, int64_t *ret_ms);
int pl_memory_get_member(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret);
int pl_memory_put_member(void *self, const struct pl_member *member);
int pl_memory_delete_member(void *self, pl_room_id room, pl_user_id user);
int pl_memory_list_rooms_of(void *self, pl_user_id user, pl_room_id after, uint32_t len_max,
                            struct pl_member *ret, uint32_t *ret_len);
int pl_memory_open_span(void *self, pl_room_id room, pl_user_id user, pl_position from);
int pl_memory_close_span(void *self, pl_room_id room, pl_user_id user, pl_position until);

int pl_memory_append_event(void *self, const struct pl_event_row *row);
int pl_memory_get_message(void *self, pl_room_id room, pl_sequence sequence,
                          struct pl_buf **ret_bytes, pl_sequence *ret_thread,
                          pl_user_id *ret_sender);
int pl_memory_count_messages(void *self, pl_room_id room, pl_sequence through, uint64_t *ret_count);
int pl_memory_trim_room(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                        struct pl_trim *ret);
int pl_memory_get_thread(void *self, pl_room_id room, pl_sequence first, struct pl_thread_row *ret);
int pl_memory_put_thread(void *self, pl_room_id room, pl_sequence first,
                         const struct pl_thread_row *row);
int pl_memory_get_request(void *self, pl_user_id user, const char *target, const char *request_id,
                          struct pl_request *ret);
int pl_memory_put_request(void *self, const struct pl_request *request);
int pl_memory_expire_requests(void *self, int64_t before_ms, uint32_t len_max, uint32_t *ret_len);

int pl_memory_get_work(void *self, pl_room_id room, pl_sequence sequence, struct pl_work *ret);
int pl_memory_put_work(void *self, const struct pl_work *work);
int pl_memory_delete_work(void *self, pl_room_id room, pl_sequence sequence);
int pl_memory_list_work_before(void *self, pl_room_id room, pl_sequence before, uint32_t len_max,
                               struct pl_work *ret, uint32_t *ret_len);
int pl_memory_next_work(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                        struct pl_work *ret);
int pl_memory_list_work_of(void *self, uint64_t taker, uint32_t len_max, struct pl_work *ret,
                           uint32_t *ret_len);
int pl_memory_list_work_expired(void *self, int64_t now_ms, uint32_t len_max, struct pl_work *ret,
                                uint32_t *ret_len);
int pl_memory_next_work_due(void *self, int64_t now_ms, int64_t *ret_ms);
int pl_memory_clear_leases(void *self);

#endif

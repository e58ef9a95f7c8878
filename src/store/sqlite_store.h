/*
 * sqlite_store.h - the SQLite store inside: its ops, by noun.
 *
 * Each op is as model/store.h says.
 */
#ifndef PL_STORE_SQLITE_STORE_H
#define PL_STORE_SQLITE_STORE_H

#include "store/request_index.h"
#include "store/sqlite.h"
#include "store/sqlite_db.h"

#include <stdatomic.h>

enum { PL_WORK_SKIPS_LEN = 64 };

/* See sqlite_work.c: no work of the room up to `sequence` that is not of this
 * sender can be handed out before `until_ms`. room 0: nothing is known. */
struct pl_work_skip {
    pl_room_id room;
    pl_user_id not_from;
    pl_sequence sequence;
    int64_t until_ms;
};

/* Of the store's thread, but for what is atomic: see sqlite_wal.c. */
struct pl_sqlite_wal {
    uint32_t step;              /* checkpoint_pages */
    uint32_t pages;             /* its length after the last commit */
    uint32_t asked;             /* its length when a checkpoint was last made or asked for, … */
    uint32_t tried;             /* … and when it was last tried to have it begin anew */
    uint32_t forced;            /* its length when commits waited in vain; 0: they did not */
    bool purge_due;             /* something was trimmed since it was last emptied */
    int64_t purge_ms;           /* when it may be emptied again */
    void (*on_due)(void *self); /* NULL: commits make the checkpoints */
    void *self;
    atomic_uint in_db; /* pages that are in the database, says who made a checkpoint */
    atomic_bool running;
    atomic_int failed; /* as in the store, of a checkpoint on another thread */
};

struct pl_sqlite_store {
    struct pl_db db;
    int failed;      /* PL_E_IO or PL_E_CORRUPT, once it has happened */
    int64_t time_ms; /* of the last batch */
    struct pl_sqlite_wal wal;
    struct pl_work_skip work_skips[PL_WORK_SKIPS_LEN];
    struct pl_request_index requests;
};

/* Every statement, in the order of enum pl_store_stmt. */
extern const struct pl_db_sql pl_store_sql[];

/* sqlite.c: remembers what cannot be mended; returns rc. */
int pl_sqlite_store_check(struct pl_sqlite_store *store, int rc);

/* sqlite_wal.c; tend is called after each commit, lay while the WAL is empty. */
void pl_sqlite_wal_init(struct pl_sqlite_wal *wal, const struct pl_sqlite_config *config,
                        uint32_t step);
int pl_sqlite_wal_lay(struct pl_sqlite_store *store);
void pl_sqlite_wal_tend(struct pl_sqlite_store *store);

/* sqlite_user.c */
int pl_sqlite_get_user(void *self, pl_user_id id, struct pl_user *ret);
int pl_sqlite_find_user(void *self, const char *name, struct pl_user *ret);
int pl_sqlite_put_user(void *self, const struct pl_user *user);
int pl_sqlite_list_users_ending(void *self, uint32_t len_max, pl_user_id *ret, uint32_t *ret_len);
int pl_sqlite_find_session(void *self, const struct pl_hash *token_hash, struct pl_session *ret);
int pl_sqlite_get_session(void *self, pl_session_id id, struct pl_session *ret);
int pl_sqlite_put_session(void *self, const struct pl_session *session);
int pl_sqlite_delete_session(void *self, pl_session_id id);
int pl_sqlite_list_sessions_idle(void *self, int64_t before_ms, uint32_t len_max,
                                 struct pl_session *ret, uint32_t *ret_len);

/* sqlite_room.c */
int pl_sqlite_get_room(void *self, pl_room_id id, struct pl_room *ret);
int pl_sqlite_find_room(void *self, const char *name, struct pl_room *ret);
int pl_sqlite_find_direct(void *self, pl_user_id low, pl_user_id high, struct pl_room *ret);
int pl_sqlite_put_room(void *self, const struct pl_room *room);
int pl_sqlite_list_rooms_to_trim(void *self, int64_t now_ms, uint32_t len_max, pl_room_id *ret,
                                 uint32_t *ret_len);
int pl_sqlite_next_trim_due(void *self, int64_t *ret_ms);
int pl_sqlite_get_member(void *self, pl_room_id room, pl_user_id user, struct pl_member *ret);
int pl_sqlite_put_member(void *self, const struct pl_member *member);
int pl_sqlite_delete_member(void *self, pl_room_id room, pl_user_id user);
int pl_sqlite_list_rooms_of(void *self, pl_user_id user, pl_room_id after, uint32_t len_max,
                            struct pl_member *ret, uint32_t *ret_len);
int pl_sqlite_open_span(void *self, pl_room_id room, pl_user_id user, pl_position from);
int pl_sqlite_close_span(void *self, pl_room_id room, pl_user_id user, pl_position until);

/* sqlite_event.c */
int pl_sqlite_append_event(void *self, const struct pl_event_row *row);
int pl_sqlite_get_message(void *self, pl_room_id room, pl_sequence sequence,
                          struct pl_buf **ret_bytes, pl_sequence *ret_thread,
                          pl_user_id *ret_sender);
int pl_sqlite_count_messages(void *self, pl_room_id room, pl_sequence through, uint64_t *ret_count);
int pl_sqlite_trim_room(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                        struct pl_trim *ret);
int pl_sqlite_get_thread(void *self, pl_room_id room, pl_sequence first, struct pl_thread_row *ret);
int pl_sqlite_put_thread(void *self, pl_room_id room, pl_sequence first,
                         const struct pl_thread_row *row);

/* sqlite_request.c */
void pl_sqlite_requests_init(struct pl_sqlite_store *store, uint32_t chunk_len);
int pl_sqlite_requests_open(struct pl_sqlite_store *store); /* before all that follows */
void pl_sqlite_requests_done(struct pl_sqlite_store *store);
int pl_sqlite_load_requests(struct pl_sqlite_store *store);    /* what is not known already */
void pl_sqlite_forget_requests(struct pl_sqlite_store *store); /* after a rollback */
/* Whether loading seals chunks, which may take long: of a database that had none. */
int pl_sqlite_requests_behind(struct pl_sqlite_store *store, bool *ret_behind);
int pl_sqlite_get_request(void *self, pl_user_id user, const char *target, const char *request_id,
                          struct pl_request *ret);
int pl_sqlite_put_request(void *self, const struct pl_request *request);
int pl_sqlite_expire_requests(void *self, int64_t before_ms, uint32_t len_max, uint32_t *ret_len);

/* sqlite_work.c */
void pl_sqlite_forget_work(struct pl_sqlite_store *store); /* after a rollback */
int pl_sqlite_get_work(void *self, pl_room_id room, pl_sequence sequence, struct pl_work *ret);
int pl_sqlite_put_work(void *self, const struct pl_work *work);
int pl_sqlite_delete_work(void *self, pl_room_id room, pl_sequence sequence);
int pl_sqlite_next_work(void *self, pl_room_id room, pl_user_id not_from, int64_t now_ms,
                        struct pl_work *ret);
int pl_sqlite_list_work_before(void *self, pl_room_id room, pl_sequence before, uint32_t len_max,
                               struct pl_work *ret, uint32_t *ret_len);
int pl_sqlite_list_work_of(void *self, uint64_t taker, uint32_t len_max, struct pl_work *ret,
                           uint32_t *ret_len);
int pl_sqlite_list_work_expired(void *self, int64_t now_ms, uint32_t len_max, struct pl_work *ret,
                                uint32_t *ret_len);
int pl_sqlite_next_work_due(void *self, int64_t now_ms, int64_t *ret_ms);
int pl_sqlite_clear_leases(void *self);

#endif

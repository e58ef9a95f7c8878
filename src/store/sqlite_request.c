/*
 * sqlite_request.c - request ids: see request_index.h.
 *
 * A put appends a row, and every chunk_len-th seals the chunk. A question that
 * finds nothing, as nearly all do, needs no SQL at all.
 */
#include "store/sqlite_store.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "model/limits.h"
#include "store/sqlite_row.h"
#include "store/sqlite_stmt.h"

#include <string.h>

_Static_assert(PL_ROOM_NAME_SIZE_MAX >= PL_USER_NAME_SIZE_MAX + 1, "a target fits");

struct name {
    pl_user_id user;
    const char *target;
    const char *request_id;
};

uint64_t pl_request_key(const uint8_t secret[PL_HASH_KEY_SIZE], pl_user_id user, const char *target,
                        const char *request_id)
{
    struct pl_bytes of_target = pl_bytes_str(target), of_id = pl_bytes_str(request_id);
    uint8_t all[8 + PL_ROOM_NAME_SIZE_MAX + 1 + PL_REQUEST_ID_SIZE_MAX];
    uint8_t *end = all;

    PL_ASSERT(of_target.size <= PL_ROOM_NAME_SIZE_MAX && of_id.size <= PL_REQUEST_ID_SIZE_MAX);
    for (size_t i = 0; i < 8; i++)
        *end++ = (uint8_t)(user.v >> (8 * i));
    memcpy(end, of_target.data, of_target.size);
    end += of_target.size;
    *end++ = 0;
    memcpy(end, of_id.data, of_id.size);
    end += of_id.size;
    return pl_hash_lasting(secret, all, (size_t)(end - all));
}

static uint64_t key_of(const struct pl_sqlite_store *store, const struct name *name)
{
    return pl_request_key(store->requests.secret, name->user, name->target, name->request_id);
}

/* One integer, or `none` where there is no row. */
static int ask_u64(struct pl_sqlite_store *store, uint32_t stmt, uint64_t none, uint64_t *ret)
{
    struct pl_run run = pl_run_start(&store->db, stmt);
    uint64_t value = none;
    int rc = pl_run_step(&run);

    if (rc == PL_OK) {
        value = pl_run_get_u64(&run);
        rc = pl_run_end(&run);
    }
    if (rc < 0 && rc != PL_E_NOTFOUND)
        return rc;
    *ret = value;
    return PL_OK;
}

static int run_u64(struct pl_sqlite_store *store, uint32_t stmt, uint64_t value)
{
    struct pl_run run = pl_run_start(&store->db, stmt);

    pl_run_u64(&run, value);
    return pl_run_done(&run);
}

/* Sealing: the tail's keys, dealt to parts, and into the filter. */

static uint8_t *put_key(uint8_t *at, uint64_t key, uint32_t place)
{
    uint32_t print = pl_request_print(key);

    for (int i = 0; i < 4; i++)
        *at++ = (uint8_t)(print >> (8 * i));
    *at++ = (uint8_t)place;
    *at++ = (uint8_t)(place >> 8);
    return at;
}

static int put_part(struct pl_sqlite_store *store, uint64_t number, const uint8_t *keys,
                    size_t size)
{
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_REQUEST_KEYS);

    pl_run_u64(&run, number);
    pl_run_blob(&run, keys, size);
    return pl_run_done(&run);
}

static int put_parts(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    size_t at[PL_REQUEST_PARTS + 1] = {0}; /* where each part begins, then ends */
    uint8_t *keys = pl_alloc(index->tail.len * PL_REQUEST_KEY_SIZE + 1);
    size_t from = 0;
    int rc = PL_OK;

    if (keys == NULL)
        return PL_E_NOMEM;
    for (struct pl_map_node *node = pl_map_walk(&index->tail, NULL); node != NULL;
         node = pl_map_walk(&index->tail, node))
        at[pl_request_part(node->hash) + 1] += PL_REQUEST_KEY_SIZE;
    for (uint32_t part = 0; part < PL_REQUEST_PARTS; part++)
        at[part + 1] += at[part];
    for (struct pl_map_node *node = pl_map_walk(&index->tail, NULL); node != NULL;
         node = pl_map_walk(&index->tail, node)) {
        size_t *end = &at[pl_request_part(node->hash)];

        *end = (size_t)(put_key(keys + *end, node->hash, (uint32_t)(node - index->nodes)) - keys);
    }
    for (uint32_t part = 0; part < PL_REQUEST_PARTS && rc == PL_OK; from = at[part++])
        if (at[part] > from)
            rc = put_part(store, index->tail_chunk * PL_REQUEST_PARTS + part, keys + from,
                          at[part] - from);
    pl_free(keys);
    return rc;
}

static int keep_group(struct pl_sqlite_store *store, uint64_t group)
{
    struct pl_request_filter *filter = &store->requests.filter;
    struct pl_run run = pl_run_start(&store->db, STMT_PUT_REQUEST_FILTER);

    pl_run_u64(&run, group);
    pl_run_blob(&run, pl_request_filter_rows(filter, group), pl_request_filter_group_size(filter));
    return pl_run_done(&run);
}

static void empty_tail(struct pl_request_index *index)
{
    pl_map_done(&index->tail);
    pl_map_init(&index->tail);
}

static int seal(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    uint64_t group = index->tail_chunk / PL_REQUEST_GROUP_LEN;
    int rc;

    index->moved = true;
    rc = pl_request_filter_need(&index->filter, group);
    if (rc == PL_OK)
        rc = put_parts(store);
    if (rc < 0)
        return rc;
    for (struct pl_map_node *node = pl_map_walk(&index->tail, NULL); node != NULL;
         node = pl_map_walk(&index->tail, node))
        pl_request_filter_put(
            &index->filter, index->tail_chunk,
            pl_request_filter_key(pl_request_part(node->hash), pl_request_print(node->hash)));
    empty_tail(index);
    index->tail_chunk++;
    return index->tail_chunk % PL_REQUEST_GROUP_LEN == 0 ? keep_group(store, group) : PL_OK;
}

/* A request of the tail's chunk, whose row is there. */
static int note(struct pl_sqlite_store *store, uint64_t number, uint64_t key)
{
    struct pl_request_index *index = &store->requests;

    PL_ASSERT(number / index->chunk_len == index->tail_chunk);
    if (index->nodes == NULL)
        index->nodes = pl_alloc(index->chunk_len * sizeof *index->nodes);
    if (index->nodes == NULL)
        return PL_E_NOMEM;
    pl_map_put(&index->tail, &index->nodes[number % index->chunk_len], key);
    index->next = number + 1;
    return index->next % index->chunk_len == 0 ? seal(store) : PL_OK;
}

/* Loading. */

/* Keys of sealed chunks, into the filter, whose groups are there. */
static int read_keys(struct pl_sqlite_store *store, uint64_t from, uint64_t end)
{
    struct pl_request_index *index = &store->requests;
    struct pl_run run = pl_run_start(&store->db, STMT_LIST_REQUEST_KEYS);
    int rc;

    pl_run_u64(&run, from * PL_REQUEST_PARTS);
    pl_run_u64(&run, end * PL_REQUEST_PARTS);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        uint64_t number = pl_run_get_u64(&run);
        struct pl_bytes keys = pl_run_get_bytes(&run);
        uint32_t part = (uint32_t)(number % PL_REQUEST_PARTS);

        run.at = 0;
        for (size_t i = 0; i + PL_REQUEST_KEY_SIZE <= keys.size; i += PL_REQUEST_KEY_SIZE) {
            const uint8_t *at = keys.data + i;
            uint32_t print =
                at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

            pl_request_filter_put(&index->filter, number / PL_REQUEST_PARTS,
                                  pl_request_filter_key(part, print));
        }
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

/* A group as it was kept; else, of the last one, from its chunks' keys. */
static int read_group(struct pl_sqlite_store *store, uint64_t group)
{
    struct pl_request_index *index = &store->requests;
    struct pl_run run = pl_run_start(&store->db, STMT_GET_REQUEST_FILTER);
    struct pl_bytes rows;
    int rc;

    pl_run_u64(&run, group);
    rc = pl_run_step(&run);
    if (rc == PL_E_NOTFOUND)
        return read_keys(store, group * PL_REQUEST_GROUP_LEN, (group + 1) * PL_REQUEST_GROUP_LEN);
    if (rc < 0)
        return rc;
    rows = pl_run_get_bytes(&run);
    if (rows.size == pl_request_filter_group_size(&index->filter))
        memcpy(pl_request_filter_rows(&index->filter, group), rows.data, rows.size);
    else
        run.bad = true;
    return pl_run_end(&run);
}

static int read_filter(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    uint64_t group = index->first_chunk / PL_REQUEST_GROUP_LEN;
    int rc = PL_OK;

    pl_request_filter_clear(&index->filter);
    for (; rc == PL_OK && group * PL_REQUEST_GROUP_LEN < index->tail_chunk; group++) {
        rc = pl_request_filter_need(&index->filter, group);
        if (rc == PL_OK)
            rc = read_group(store, group);
    }
    return rc;
}

static int read_one(struct pl_sqlite_store *store, struct pl_run *run)
{
    struct pl_request_index *index = &store->requests;
    char target[PL_ROOM_NAME_SIZE_MAX + 1], request_id[PL_REQUEST_ID_SIZE_MAX + 1];
    struct name name = {.target = target, .request_id = request_id};
    uint64_t number = pl_run_get_u64(run);
    int rc = PL_OK;

    name.user.v = pl_run_get_u64(run);
    pl_run_get_text(run, target, sizeof target);
    pl_run_get_text(run, request_id, sizeof request_id);
    run->at = 0;
    if (run->bad) {
        pl_run_reset(run);
        return pl_db_damaged(run->db, "requests");
    }
    while (rc == PL_OK && number / index->chunk_len > index->tail_chunk)
        rc = seal(store); /* of a database that had no chunks, or whose last requests went */
    return rc == PL_OK ? note(store, number, key_of(store, &name)) : rc;
}

static int read_tail(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    struct pl_run run;
    int rc = PL_OK;

    empty_tail(index);
    index->next = index->tail_chunk * index->chunk_len;
    if (index->next == 0)
        index->next = 1;
    run = pl_run_start(&store->db, STMT_LIST_REQUESTS);
    pl_run_u64(&run, index->next);
    while (rc == PL_OK && (rc = pl_run_step(&run)) == PL_OK)
        rc = read_one(store, &run);
    pl_run_reset(&run);
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

/* The first chunk that is not sealed, and may have a request. */
static int find_tail(struct pl_sqlite_store *store, uint64_t *ret_chunk)
{
    uint64_t first = 0, last_keys = 0, sealed;
    int rc = ask_u64(store, STMT_FIRST_REQUEST, 0, &first);

    if (rc == PL_OK)
        rc = ask_u64(store, STMT_LAST_REQUEST_KEYS, UINT64_MAX, &last_keys);
    if (rc < 0)
        return rc;
    sealed = last_keys == UINT64_MAX ? 0 : last_keys / PL_REQUEST_PARTS + 1;
    *ret_chunk = first / store->requests.chunk_len;
    if (*ret_chunk < sealed)
        *ret_chunk = sealed;
    return PL_OK;
}

int pl_sqlite_load_requests(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    uint64_t first_keys = 0, tail_chunk = 0;
    int rc = PL_OK;

    if (index->known)
        return PL_OK;
    rc = find_tail(store, &tail_chunk);
    if (rc == PL_OK)
        rc = ask_u64(store, STMT_FIRST_REQUEST_KEYS, UINT64_MAX, &first_keys);
    if (rc < 0)
        return rc;
    if (tail_chunk < index->tail_chunk)
        index->filter_known = false; /* all requests went: numbers begin anew */
    index->first_chunk = index->tail_chunk = tail_chunk;
    if (index->first_chunk > first_keys / PL_REQUEST_PARTS)
        index->first_chunk = first_keys / PL_REQUEST_PARTS;
    if (!index->filter_known)
        rc = read_filter(store);
    index->filter_known = rc == PL_OK;
    if (rc == PL_OK)
        rc = read_tail(store);
    index->known = rc == PL_OK;
    return rc;
}

int pl_sqlite_requests_behind(struct pl_sqlite_store *store, bool *ret_behind)
{
    uint64_t last = 0, tail = 0;
    int rc = ask_u64(store, STMT_LAST_REQUEST, 0, &last);

    if (rc == PL_OK)
        rc = find_tail(store, &tail);
    if (rc == PL_OK)
        *ret_behind = last / store->requests.chunk_len > tail;
    return rc;
}

void pl_sqlite_forget_requests(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;

    index->known = false;
    index->asked = false;
    if (index->moved)
        index->filter_known = false; /* bits too many do no harm: what did not move may stay */
    index->moved = false;
}

void pl_sqlite_requests_init(struct pl_sqlite_store *store, uint32_t chunk_len)
{
    PL_ASSERT(chunk_len > 0 && chunk_len <= PL_REQUEST_CHUNK_LEN_MAX);
    store->requests = (struct pl_request_index){.chunk_len = chunk_len};
    pl_map_init(&store->requests.tail);
    pl_request_filter_init(&store->requests.filter, chunk_len);
}

int pl_sqlite_requests_open(struct pl_sqlite_store *store)
{
    struct pl_run run = pl_run_start(&store->db, STMT_GET_REQUEST_SECRET);
    int rc = pl_run_step(&run);

    if (rc == PL_E_NOTFOUND)
        return pl_db_damaged(&store->db, "request_secret");
    if (rc < 0)
        return rc;
    pl_run_get_exact(&run, store->requests.secret, sizeof store->requests.secret);
    return pl_run_end(&run);
}

void pl_sqlite_requests_done(struct pl_sqlite_store *store)
{
    pl_map_done(&store->requests.tail);
    pl_free(store->requests.nodes);
    pl_request_filter_clear(&store->requests.filter);
}

/* Finding. */

/* The request of that number, if it bears the name. */
static int get_row(struct pl_sqlite_store *store, uint64_t number, const struct name *name,
                   struct pl_request *ret)
{
    struct pl_run run = pl_run_start(&store->db, STMT_GET_REQUEST);
    struct pl_request row = {0};
    int rc;

    pl_run_u64(&run, number);
    pl_run_u64(&run, name->user.v);
    pl_run_text(&run, name->target);
    pl_run_text(&run, name->request_id);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    pl_run_get_exact(&run, row.content.v, sizeof row.content.v);
    row.room.v = pl_run_get_u64(&run);
    row.sequence = pl_run_get_u64(&run);
    row.create_ms = pl_run_get_i64(&run);
    rc = pl_run_end(&run);
    if (rc < 0)
        return rc;
    ret->content = row.content;
    ret->room = row.room;
    ret->sequence = row.sequence;
    ret->create_ms = row.create_ms;
    return PL_OK;
}

static int find_in_tail(struct pl_sqlite_store *store, uint64_t key, const struct name *name,
                        struct pl_request *ret, uint64_t *ret_number)
{
    struct pl_request_index *index = &store->requests;

    PL_MAP_EACH (node, &index->tail, key) {
        uint64_t number = index->tail_chunk * index->chunk_len + (uint64_t)(node - index->nodes);
        int rc = get_row(store, number, name, ret);

        if (rc == PL_OK)
            *ret_number = number;
        if (rc != PL_E_NOTFOUND)
            return rc;
    }
    return PL_E_NOTFOUND;
}

static int find_in_chunk(struct pl_sqlite_store *store, uint64_t chunk, uint64_t key,
                         const struct name *name, struct pl_request *ret, uint64_t *ret_number)
{
    struct pl_run run = pl_run_start(&store->db, STMT_GET_REQUEST_KEYS);
    uint8_t wanted[PL_REQUEST_KEY_SIZE];
    struct pl_bytes keys;
    int rc;

    put_key(wanted, key, 0);
    pl_run_u64(&run, chunk * PL_REQUEST_PARTS + pl_request_part(key));
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    keys = pl_run_get_bytes(&run);
    rc = PL_E_NOTFOUND;
    for (size_t i = 0; i + PL_REQUEST_KEY_SIZE <= keys.size && rc == PL_E_NOTFOUND;
         i += PL_REQUEST_KEY_SIZE) {
        const uint8_t *at = keys.data + i;
        uint64_t number = chunk * store->requests.chunk_len + (at[4] | (uint64_t)at[5] << 8);

        if (memcmp(at, wanted, 4) != 0)
            continue;
        rc = get_row(store, number, name, ret);
        if (rc == PL_OK)
            *ret_number = number;
    }
    pl_run_reset(&run);
    return rc;
}

static int find(struct pl_sqlite_store *store, uint64_t key, const struct name *name,
                struct pl_request *ret, uint64_t *ret_number)
{
    struct pl_request_index *index = &store->requests;
    uint64_t in_filter = pl_request_filter_key(pl_request_part(key), pl_request_print(key));
    int rc = find_in_tail(store, key, name, ret, ret_number);

    for (uint64_t chunk = index->first_chunk; rc == PL_E_NOTFOUND; chunk++) {
        chunk = pl_request_filter_next(&index->filter, chunk, index->tail_chunk, in_filter);
        if (chunk >= index->tail_chunk)
            break;
        rc = find_in_chunk(store, chunk, key, name, ret, ret_number);
    }
    return rc;
}

int pl_sqlite_get_request(void *self, pl_user_id user, const char *target, const char *request_id,
                          struct pl_request *ret)
{
    struct pl_sqlite_store *store = self;
    struct pl_request_index *index = &store->requests;
    struct name name = {.user = user, .target = target, .request_id = request_id};
    uint64_t key = key_of(store, &name), number = 0;
    int rc = pl_sqlite_load_requests(store);

    if (rc < 0)
        return rc;
    rc = find(store, key, &name, ret, &number);
    index->asked = rc == PL_OK || rc == PL_E_NOTFOUND;
    index->asked_key = key;
    index->asked_found = number;
    return rc;
}

/* Keeping. */

/* Deletes the row that bears the name, if there is one. */
static int delete_older(struct pl_sqlite_store *store, uint64_t key, const struct name *name)
{
    struct pl_request_index *index = &store->requests;
    bool asked = index->asked && index->asked_key == key;
    uint64_t number = asked ? index->asked_found : 0;
    struct pl_request row;
    int rc = PL_OK;

    index->asked = false;
    if (asked && number == 0)
        return PL_OK;
    if (!asked)
        rc = find(store, key, name, &row, &number);
    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    if (rc == PL_OK)
        rc = run_u64(store, STMT_DELETE_REQUEST, number);
    if (rc == PL_OK && number / index->chunk_len == index->tail_chunk)
        pl_map_remove(&index->tail, &index->nodes[number % index->chunk_len]);
    return rc;
}

int pl_sqlite_put_request(void *self, const struct pl_request *request)
{
    struct pl_sqlite_store *store = self;
    struct name name = {request->user, request->target, request->request_id};
    uint64_t key = key_of(store, &name);
    struct pl_run run;
    int rc = pl_sqlite_load_requests(store);

    if (rc == PL_OK)
        rc = delete_older(store, key, &name);
    if (rc < 0)
        return rc;
    run = pl_run_start(&store->db, STMT_PUT_REQUEST);
    pl_run_u64(&run, store->requests.next);
    pl_run_u64(&run, request->user.v);
    pl_run_text(&run, request->target);
    pl_run_text(&run, request->request_id);
    pl_run_blob(&run, request->content.v, sizeof request->content.v);
    pl_run_u64(&run, request->room.v);
    pl_run_u64(&run, request->sequence);
    pl_run_i64(&run, request->create_ms);
    rc = pl_run_done(&run);
    return rc == PL_OK ? note(store, store->requests.next, key) : rc;
}

/* Chunks of which no request is left go whole. */
static int drop_chunks(struct pl_sqlite_store *store)
{
    struct pl_request_index *index = &store->requests;
    uint64_t first, chunk;
    int rc = ask_u64(store, STMT_FIRST_REQUEST, index->next, &first);

    if (rc < 0)
        return rc;
    chunk = first / index->chunk_len;
    if (chunk > index->tail_chunk)
        chunk = index->tail_chunk;
    if (chunk <= index->first_chunk)
        return PL_OK;
    index->moved = true;
    rc = run_u64(store, STMT_TRIM_REQUEST_KEYS, chunk * PL_REQUEST_PARTS);
    if (rc == PL_OK)
        rc = run_u64(store, STMT_TRIM_REQUEST_FILTERS, chunk / PL_REQUEST_GROUP_LEN);
    if (rc < 0)
        return rc;
    index->first_chunk = chunk;
    pl_request_filter_drop_before(&index->filter, chunk / PL_REQUEST_GROUP_LEN);
    return PL_OK;
}

int pl_sqlite_expire_requests(void *self, int64_t before_ms, uint32_t len_max, uint32_t *ret_len)
{
    struct pl_sqlite_store *store = self;
    struct pl_run run = pl_run_start(&store->db, STMT_EXPIRE_REQUESTS);
    uint32_t len;
    int rc;

    pl_run_i64(&run, before_ms);
    pl_run_i64(&run, len_max);
    rc = pl_run_done(&run);
    if (rc < 0)
        return rc;
    len = (uint32_t)sqlite3_changes(store->db.handle);
    if (len > 0) {
        store->requests.asked = false;
        rc = pl_sqlite_load_requests(store);
        if (rc == PL_OK)
            rc = drop_chunks(store);
    }
    if (rc == PL_OK)
        *ret_len = len;
    return rc;
}

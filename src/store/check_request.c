/*
 * check_request.c - request ids, and whether each is found when it comes again.
 *
 * The index (request_index.h) is made anew, a chunk at a time: each request of a
 * sealed chunk must be among the chunk's keys and in its filter. Whether two requests
 * bear one name is looked for by their keys, of which a part is sorted at a time.
 */
#include "store/check_inner.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/request_index.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { PASS_LEN = 1 << 21 };

/* A request's row: its number, and what it is known by. */
struct name {
    uint64_t number;
    pl_user_id user;
    char target[PL_ROOM_NAME_SIZE_MAX + 1];
    char request_id[PL_REQUEST_ID_SIZE_MAX + 1];
};

/* A chunk that is made anew. */
struct chunk {
    uint32_t len; /* of all chunks */
    uint64_t number;
    bool begun;
    uint64_t *keys; /* by place */
    bool *there;    /* likewise: whether there is a request */
    struct pl_request_filter filter;
    uint64_t group; /* the filter's, while group_known */
    bool group_known, group_kept;
};

static void read_name(struct pl_run *run, struct name *ret)
{
    ret->user.v = pl_run_get_u64(run);
    pl_run_get_text(run, ret->target, sizeof ret->target);
    pl_run_get_text(run, ret->request_id, sizeof ret->request_id);
}

/* The message that it led to is kept, or retention has taken it. */
static int check_message(struct pl_check *check, struct pl_run *run, const struct name *name,
                         int64_t create_ms, pl_room_id room, pl_sequence sequence)
{
    uint32_t kind = pl_run_get_u32(run);
    uint64_t actor = pl_run_get_u64(run);
    int64_t sent_ms = pl_run_get_i64(run);
    int rc;

    if (kind == PL_EVENT_MESSAGE_SENT && actor == name->user.v && sent_ms == create_ms)
        return PL_OK;
    rc = pl_check_room(check, room);
    if (rc < 0 || (kind == 0 && check->room_known && sequence < check->room.first_sequence))
        return rc;
    pl_check_find(check, PL_ADVICE_RESTORE,
                  "request %" PRIu64 ": sequence %" PRIu64
                  " of room %s is not the message that it led to",
                  name->number, sequence, pl_check_room_name(check));
    return PL_OK;
}

static int check_rows(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_REQUESTS);
    int64_t last_ms = 0;
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct name name = {.number = pl_run_get_u64(&run)};
        uint64_t content_size;
        pl_sequence sequence;
        int64_t create_ms;
        pl_room_id room;

        read_name(&run, &name);
        content_size = pl_run_get_u64(&run);
        room.v = pl_run_get_u64(&run);
        sequence = pl_run_get_u64(&run);
        create_ms = pl_run_get_i64(&run);
        pl_check_next(check);
        if (!pl_check_columns(check, &run, "request %" PRIu64, name.number))
            continue;
        if (content_size != PL_HASH_SIZE || name.number == 0 || name.number > INT64_MAX ||
            name.user.v == 0 || name.user.v > check->meta.last_user)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "request %" PRIu64 ": its number, user or content cannot be",
                          name.number);
        if (create_ms < last_ms || create_ms > check->meta.time_ms)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "request %" PRIu64 ": is of %" PRId64 ", after one of %" PRId64
                          "; the oldest are forgotten first",
                          name.number, create_ms, last_ms);
        last_ms = create_ms;
        rc = check_message(check, &run, &name, create_ms, room, sequence);
        if (rc < 0)
            break;
    }
    pl_run_reset(&run);
    return pl_check_end(rc);
}

static int read_secret(struct pl_check *check, uint8_t secret[PL_HASH_KEY_SIZE], bool *ret_there)
{
    struct pl_run run = pl_check_run_start(check, CHECK_REQUEST_SECRET);
    int rc = pl_run_step(&run);

    *ret_there = rc == PL_OK;
    if (rc == PL_OK) {
        pl_run_get_exact(&run, secret, PL_HASH_KEY_SIZE);
        *ret_there = !run.bad;
        pl_run_reset(&run);
    }
    if (!*ret_there && (rc == PL_OK || rc == PL_E_NOTFOUND))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "request ids: the secret that they are found by is not there");
    return pl_check_end(rc);
}

/* Chunks before this one are sealed. */
static int find_sealed(struct pl_check *check, uint64_t *ret_sealed)
{
    struct pl_run run = pl_check_run_start(check, CHECK_LAST_REQUEST_KEYS);
    int64_t last;
    int rc = pl_run_step(&run);

    if (rc < 0)
        return rc;
    last = pl_run_get_i64(&run);
    pl_run_reset(&run);
    *ret_sealed = last < 0 ? 0 : (uint64_t)last / PL_REQUEST_PARTS + 1;
    return PL_OK;
}

/* The filter of the chunk's group, if one is kept: else it is made from the keys. */
static int load_group(struct pl_check *check, struct chunk *chunk)
{
    uint64_t group = chunk->number / PL_REQUEST_GROUP_LEN;
    struct pl_run run;
    struct pl_bytes rows;
    int rc;

    if (chunk->group_known && chunk->group == group)
        return PL_OK;
    pl_request_filter_clear(&chunk->filter);
    chunk->group = group;
    chunk->group_known = true;
    run = pl_check_run_start(check, CHECK_REQUEST_FILTER);
    pl_run_u64(&run, group);
    rc = pl_run_step(&run);
    chunk->group_kept = rc == PL_OK;
    if (rc != PL_OK)
        return pl_check_end(rc);
    rows = pl_run_get_bytes(&run);
    if (rows.size != pl_request_filter_group_size(&chunk->filter)) {
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "request ids: filter %" PRIu64 " has %zu bytes, not %zu", group, rows.size,
                      pl_request_filter_group_size(&chunk->filter));
        chunk->group_kept = false;
    } else {
        rc = pl_request_filter_need(&chunk->filter, group);
        if (rc == PL_OK)
            memcpy(pl_request_filter_rows(&chunk->filter, group), rows.data, rows.size);
    }
    pl_run_reset(&run);
    return rc;
}

/* Takes out of the chunk what these keys find. */
static void take_keys(struct pl_check *check, struct chunk *chunk, uint64_t number,
                      struct pl_bytes keys)
{
    uint32_t part = (uint32_t)(number % PL_REQUEST_PARTS);

    if (keys.size % PL_REQUEST_KEY_SIZE != 0)
        pl_check_find(check, PL_ADVICE_RESTORE, "request ids: keys %" PRIu64 " have %zu bytes",
                      number, keys.size);
    for (size_t i = 0; i + PL_REQUEST_KEY_SIZE <= keys.size; i += PL_REQUEST_KEY_SIZE) {
        const uint8_t *at = keys.data + i;
        uint32_t print =
            at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        uint32_t place = at[4] | (uint32_t)at[5] << 8;

        if (place < chunk->len && chunk->there[place] &&
            pl_request_part(chunk->keys[place]) == part &&
            pl_request_print(chunk->keys[place]) == print)
            chunk->there[place] = false;
    }
}

static void check_filter(struct pl_check *check, struct chunk *chunk)
{
    for (uint32_t place = 0; place < chunk->len && chunk->group_kept; place++) {
        uint64_t key = chunk->keys[place];
        uint64_t in_filter = pl_request_filter_key(pl_request_part(key), pl_request_print(key));

        if (chunk->there[place] &&
            pl_request_filter_next(&chunk->filter, chunk->number, chunk->number + 1, in_filter) !=
                chunk->number)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "request %" PRIu64 ": is not in its filter; it would be done again",
                          chunk->number * chunk->len + place);
    }
}

/* All of a sealed chunk's requests have been read. */
static int end_chunk(struct pl_check *check, struct chunk *chunk)
{
    struct pl_run run;
    int rc = load_group(check, chunk);

    if (rc < 0)
        return rc;
    check_filter(check, chunk);
    run = pl_check_run_start(check, CHECK_REQUEST_KEYS);
    pl_run_u64(&run, chunk->number * PL_REQUEST_PARTS);
    pl_run_u64(&run, (chunk->number + 1) * PL_REQUEST_PARTS);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        uint64_t number = pl_run_get_u64(&run);

        take_keys(check, chunk, number, pl_run_get_bytes(&run));
    }
    for (uint32_t place = 0; place < chunk->len && rc == PL_E_NOTFOUND; place++)
        if (chunk->there[place])
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "request %" PRIu64 ": is not among the keys of its chunk; it would be "
                          "done again",
                          chunk->number * chunk->len + place);
    return pl_check_end(rc);
}

static int walk_chunks(struct pl_check *check, const uint8_t *secret, struct chunk *chunk,
                       uint64_t sealed)
{
    struct pl_run run = pl_check_run_start(check, CHECK_REQUEST_NAMES);
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct name name = {.number = pl_run_get_u64(&run)};
        uint64_t number = name.number / chunk->len;

        read_name(&run, &name);
        if (run.bad) { /* told before */
            run.bad = false;
            continue;
        }
        if (chunk->begun && number != chunk->number) {
            rc = end_chunk(check, chunk);
            chunk->begun = false;
        }
        if (rc < 0 || number >= sealed)
            break;
        if (!chunk->begun)
            memset(chunk->there, 0, chunk->len * sizeof *chunk->there);
        chunk->begun = true;
        chunk->number = number;
        chunk->there[name.number % chunk->len] = true;
        chunk->keys[name.number % chunk->len] =
            pl_request_key(secret, name.user, name.target, name.request_id);
    }
    pl_run_reset(&run);
    rc = pl_check_end(rc);
    return rc == PL_OK && chunk->begun ? end_chunk(check, chunk) : rc;
}

static int check_index(struct pl_check *check, const uint8_t *secret)
{
    uint32_t len = check->config->request_chunk_len;
    struct chunk chunk = {.len = len > 0 ? len : PL_REQUEST_CHUNK_LEN};
    uint64_t sealed = 0;
    int rc = find_sealed(check, &sealed);

    pl_request_filter_init(&chunk.filter, chunk.len);
    chunk.keys = pl_calloc(chunk.len, sizeof *chunk.keys);
    chunk.there = pl_calloc(chunk.len, sizeof *chunk.there);
    if (rc == PL_OK && (chunk.keys == NULL || chunk.there == NULL))
        rc = PL_E_NOMEM;
    if (rc == PL_OK)
        rc = walk_chunks(check, secret, &chunk, sealed);
    pl_free(chunk.keys);
    pl_free(chunk.there);
    pl_request_filter_clear(&chunk.filter);
    return rc;
}

struct keyed {
    uint64_t key;
    uint64_t number;
};

struct keyed_list {
    struct keyed *items;
    size_t len, cap;
};

static int add_keyed(struct keyed_list *list, struct keyed item)
{
    if (list->len == list->cap) {
        size_t cap = list->cap > 0 ? list->cap * 2 : 1024;
        struct keyed *items = pl_realloc(list->items, cap * sizeof *items);

        if (items == NULL)
            return PL_E_NOMEM;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->len++] = item;
    return PL_OK;
}

static int by_key(const void *a, const void *b)
{
    uint64_t one = ((const struct keyed *)a)->key, other = ((const struct keyed *)b)->key;

    return one < other ? -1 : one > other;
}

static int get_name(struct pl_check *check, uint64_t number, struct name *ret)
{
    struct pl_run run = pl_check_run_start(check, CHECK_GET_REQUEST);
    int rc;

    pl_run_u64(&run, number);
    rc = pl_run_step(&run);
    if (rc == PL_OK) {
        read_name(&run, ret);
        pl_run_reset(&run);
    }
    return pl_check_end(rc);
}

/* Two keys may be equal by chance; two names may not. */
static int compare_names(struct pl_check *check, uint64_t number, uint64_t other)
{
    struct name a = {.number = number}, b = {.number = other};
    int rc = get_name(check, number, &a);

    if (rc == PL_OK)
        rc = get_name(check, other, &b);
    if (rc == PL_OK && a.user.v == b.user.v && strcmp(a.target, b.target) == 0 &&
        strcmp(a.request_id, b.request_id) == 0)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "requests %" PRIu64 " and %" PRIu64 ": user %" PRIu64
                      " has sent both under one request_id",
                      number, other, a.user.v);
    return rc;
}

/* Those whose key leaves `rest` when divided by `parts`. */
static int read_part(struct pl_check *check, const uint8_t *secret, uint64_t parts, uint64_t rest,
                     struct keyed_list *list)
{
    struct pl_run run = pl_check_run_start(check, CHECK_REQUEST_NAMES);
    int rc;

    list->len = 0;
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct name name = {.number = pl_run_get_u64(&run)};
        uint64_t key;

        read_name(&run, &name);
        if (run.bad) { /* told before */
            run.bad = false;
            continue;
        }
        key = pl_request_key(secret, name.user, name.target, name.request_id);
        if (key % parts == rest)
            rc = add_keyed(list, (struct keyed){key, name.number});
        if (rc < 0)
            break;
    }
    pl_run_reset(&run);
    return pl_check_end(rc);
}

static int check_names(struct pl_check *check, const uint8_t *secret)
{
    uint64_t pass = check->config->pass_len > 0 ? check->config->pass_len : PASS_LEN;
    uint64_t parts = check->done / pass + 1;
    struct keyed_list list = {0};
    int rc = PL_OK;

    for (uint64_t rest = 0; rest < parts && rc == PL_OK; rest++) {
        rc = read_part(check, secret, parts, rest, &list);
        if (rc == PL_OK && list.len > 0)
            qsort(list.items, list.len, sizeof *list.items, by_key);
        for (size_t i = 1; i < list.len && rc == PL_OK; i++)
            if (list.items[i].key == list.items[i - 1].key)
                rc = compare_names(check, list.items[i - 1].number, list.items[i].number);
    }
    pl_free(list.items);
    return rc;
}

int pl_check_requests(struct pl_check *check)
{
    uint8_t secret[PL_HASH_KEY_SIZE];
    bool there = false;
    int rc = check_rows(check);

    if (rc == PL_OK)
        rc = read_secret(check, secret, &there);
    if (rc < 0 || !there)
        return rc;
    rc = check_index(check, secret);
    return rc == PL_OK ? check_names(check, secret) : rc;
}

/* test_page_cache.c - what is kept and what goes; and that a page found in the cache
 * is the page that the store would give, for whoever asks, whatever happens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../store/folder.h"
#include "../store/load.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "server/page_cache.h"
#include "store/sqlite.h"

#include <string.h>

static struct pl_page_plan plan_at(uint64_t ends, pl_position position)
{
    return (struct pl_page_plan){.shared = true, .ends = ends, .position = position};
}

static void put(struct pl_page_cache *cache, const char *key, const struct pl_page_plan *plan,
                size_t size, pl_position through)
{
    struct pl_cached_page page = {
        .frames = pl_buf_new(size), .through = through, .cut = through < plan->position};

    assert_non_null(page.frames);
    memset(page.frames->data, key[0], size);
    pl_page_cache_put(cache, pl_bytes_str(key), plan, &page);
    pl_buf_unref(page.frames);
}

/* Up to where the page of that key has looked; 0: there is none. */
static pl_position find(struct pl_page_cache *cache, const char *key,
                        const struct pl_page_plan *plan)
{
    struct pl_cached_page page;

    if (!pl_page_cache_find(cache, pl_bytes_str(key), plan, &page))
        return 0;
    assert_int_equal(page.frames->data[0], (uint8_t)key[0]);
    pl_buf_unref(page.frames);
    return page.through;
}

static void a_cut_page_stays_what_it_is(void **state)
{
    struct pl_page_cache *cache;
    struct pl_page_plan then = plan_at(10, 100), now = plan_at(11, 120);

    (void)state;
    assert_int_equal(pl_page_cache_new(4096, &cache), PL_OK);
    assert_int_equal(find(cache, "a", &then), 0);
    put(cache, "a", &then, 100, 50);
    assert_int_equal(find(cache, "a", &then), 50);
    assert_int_equal(find(cache, "a", &now), 50);
    assert_int_equal(find(cache, "b", &now), 0);
    pl_page_cache_free(cache);
}

static void a_page_at_the_end_is_good_while_its_rooms_are_silent(void **state)
{
    struct pl_page_cache *cache;
    struct pl_page_plan then = plan_at(10, 100), others = plan_at(10, 120), now = plan_at(11, 130);

    (void)state;
    assert_int_equal(pl_page_cache_new(4096, &cache), PL_OK);
    put(cache, "a", &then, 100, 100);
    assert_int_equal(find(cache, "a", &then), 100);
    assert_int_equal(find(cache, "a", &others), 120); /* it has looked further by now */
    assert_int_equal(find(cache, "a", &now), 0);
    put(cache, "a", &now, 200, 130);
    assert_int_equal(find(cache, "a", &now), 130);
    assert_int_equal(pl_page_cache_stats(cache).len, 1);
    pl_page_cache_free(cache);
}

static void what_was_asked_for_longest_ago_goes_first(void **state)
{
    struct pl_page_cache *cache;
    struct pl_page_plan plan = plan_at(10, 100);

    (void)state;
    assert_int_equal(pl_page_cache_new(4096, &cache), PL_OK);
    put(cache, "a", &plan, 1000, 50);
    put(cache, "b", &plan, 1000, 51);
    put(cache, "c", &plan, 1000, 52);
    assert_int_equal(find(cache, "a", &plan), 50);
    put(cache, "d", &plan, 1000, 53);
    assert_int_equal(find(cache, "b", &plan), 0);
    assert_int_equal(find(cache, "a", &plan), 50);
    assert_int_equal(find(cache, "c", &plan), 52);
    assert_int_equal(find(cache, "d", &plan), 53);
    assert_true(pl_page_cache_stats(cache).size <= 4096);
    put(cache, "e", &plan, 5000, 54); /* larger than all that there may be */
    assert_int_equal(find(cache, "e", &plan), 0);
    assert_int_equal(pl_page_cache_stats(cache).len, 3);
    pl_page_cache_free(cache);
}

static void a_cache_of_no_bytes_keeps_nothing(void **state)
{
    struct pl_page_cache *cache;
    struct pl_page_plan plan = plan_at(10, 100);

    (void)state;
    assert_int_equal(pl_page_cache_new(0, &cache), PL_OK);
    put(cache, "a", &plan, 1, 50);
    assert_int_equal(find(cache, "a", &plan), 0);
    assert_int_equal(pl_page_cache_stats(cache).size, 0);
    pl_page_cache_free(cache);
}

static void want_of_memory_keeps_nothing_and_harms_nothing(void **state)
{
    struct pl_page_cache *cache = NULL;
    struct pl_page_plan plan = plan_at(10, 100);
    struct pl_cached_page page = {.frames = pl_buf_copy("a", 1), .through = 50, .cut = true};

    (void)state;
    pl_mem_fail_at(1);
    assert_int_equal(pl_page_cache_new(4096, &cache), PL_E_NOMEM);
    assert_null(cache);
    pl_mem_fail_at(0);
    assert_int_equal(pl_page_cache_new(4096, &cache), PL_OK);
    pl_mem_fail_at(1);
    pl_page_cache_put(cache, pl_bytes_str("a"), &plan, &page);
    pl_mem_fail_at(0);
    assert_int_equal(find(cache, "a", &plan), 0);
    pl_page_cache_put(cache, pl_bytes_str("a"), &plan, &page);
    assert_int_equal(find(cache, "a", &plan), 50);
    pl_buf_unref(page.frames);
    pl_page_cache_free(cache);
    pl_page_cache_free(NULL);
}

/* A store under a load of all that there is: messages, people who come and go, and
 * logs that are trimmed. */
struct world {
    struct folder folder;
    struct pl_sqlite_store *sqlite;
    struct pl_store store;
    struct pl_reader reader;
    struct load load;
    struct pl_page_cache *cache;
    uint64_t random;
};

static int setup(void **state)
{
    struct world *world = pl_zalloc(sizeof *world);
    struct pl_sqlite_config config = {.durability = PL_DURABILITY_WRITTEN};

    assert_non_null(world);
    assert_int_equal(pl_secret_init(), PL_OK);
    folder_make(&world->folder);
    config.dir = world->folder.data;
    assert_int_equal(pl_sqlite_store_open(&config, &world->sqlite, NULL), PL_OK);
    world->store = pl_sqlite_store_iface(world->sqlite);
    assert_int_equal(pl_sqlite_reader_open(&config, &world->reader, NULL), PL_OK);
    assert_int_equal(pl_page_cache_new(256 * 1024, &world->cache), PL_OK);
    world->random = 5;
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    pl_page_cache_free(world->cache);
    pl_sqlite_reader_close(&world->reader);
    pl_sqlite_store_close(world->sqlite);
    folder_remove(&world->folder);
    pl_free(world);
    return 0;
}

static void grow(struct world *world)
{
    uint64_t seed = random_next(&world->random);

    assert_int_equal(world->store.ops->begin(world->store.self), PL_OK);
    assert_int_equal(load_apply(&world->load, &world->store, seed, 10), PL_OK);
    assert_int_equal(world->store.ops->commit(world->store.self), PL_OK);
}

static int on_row(void *arg, const struct pl_page_row *row)
{
    struct pl_bytebuf *out = arg;

    pl_bytebuf_append(out, &row->position, sizeof row->position);
    pl_bytebuf_append(out, &row->room, sizeof row->room);
    pl_bytebuf_append(out, &row->sequence, sizeof row->sequence);
    pl_bytebuf_append(out, row->event.data, row->event.size);
    return out->err;
}

/* The page of the store, as bytes. */
static void read_page(struct world *world, const struct pl_page_query *query,
                      struct pl_bytebuf *out, pl_position *ret_through)
{
    pl_bytebuf_clear(out);
    assert_int_equal(
        world->reader.ops->read_page(world->reader.self, query, on_row, out, ret_through), PL_OK);
}

/* The page by way of the cache, against the one without it. */
static void compare(struct world *world, const struct pl_page_query *query, struct pl_bytebuf *key,
                    struct pl_bytebuf *out)
{
    struct pl_cached_page page = {0};
    struct pl_page_plan plan;
    struct pl_bytes bytes;
    pl_position through = 0;

    pl_bytebuf_clear(key);
    assert_int_equal(world->reader.ops->plan_page(world->reader.self, query, key, &plan), PL_OK);
    bytes = (struct pl_bytes){key->data, key->size};
    if (!plan.shared) {
        read_page(world, query, out, &through);
        return;
    }
    if (pl_page_cache_find(world->cache, bytes, &plan, &page)) {
        struct pl_page_query unplanned = *query;

        world->reader.ops->end(world->reader.self);
        assert_int_equal(world->reader.ops->begin(world->reader.self), PL_OK);
        read_page(world, &unplanned, out, &through);
        assert_int_equal(page.through, through);
        assert_int_equal(page.frames->size, out->size);
        assert_memory_equal(page.frames->data, out->data, out->size);
        assert_true(out->size > 0 && through > query->after);
    } else {
        read_page(world, query, out, &page.through);
        page.frames = pl_buf_copy(out->data, out->size);
        page.cut = page.through < plan.position;
        pl_page_cache_put(world->cache, bytes, &plan, &page);
    }
    pl_buf_unref(page.frames);
}

/* A query like those of others: few places, few bounds. */
static void make_query(struct world *world, struct pl_page_query *query, pl_room_id *rooms)
{
    uint32_t position = (uint32_t)world->load.meta.position;

    *query = (struct pl_page_query){
        .user = {1 + random_below(&world->random, LOAD_USERS_MAX)},
        .after = position - position * random_below(&world->random, 4) / 12,
        .all = random_below(&world->random, 8) == 0,
        .rooms = rooms,
        .len_max = 1 + 20 * random_below(&world->random, 2),
        .size_max = random_below(&world->random, 2) == 0 ? 500 : SIZE_MAX,
    };
    for (uint32_t i = 1 + random_below(&world->random, 5) / 4; i > 0; i--)
        rooms[query->rooms_len++].v = 1 + random_below(&world->random, LOAD_ROOMS_MAX);
    if (random_below(&world->random, 8) == 0)
        query->backlog =
            (struct pl_backlog){.kind = PL_BACKLOG_BEGINNING, .until = query->after + position / 9};
}

static void a_page_found_is_the_page_of_the_store(void **state)
{
    struct world *world = *state;
    struct pl_bytebuf key, out;

    pl_bytebuf_init(&key, 4096);
    pl_bytebuf_init(&out, 1 << 20);
    for (int round = 0; round < 150; round++) {
        grow(world);
        assert_int_equal(world->reader.ops->begin(world->reader.self), PL_OK);
        for (int i = 0; i < 200; i++) {
            struct pl_page_query query;
            pl_room_id rooms[2];

            make_query(world, &query, rooms);
            compare(world, &query, &key, &out);
        }
        world->reader.ops->end(world->reader.self);
    }
    pl_bytebuf_done(&key);
    pl_bytebuf_done(&out);
    assert_true(pl_page_cache_stats(world->cache).found > 200);
    assert_true(pl_page_cache_stats(world->cache).missed > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_page_stays_what_it_is),
        cmocka_unit_test(a_page_at_the_end_is_good_while_its_rooms_are_silent),
        cmocka_unit_test(what_was_asked_for_longest_ago_goes_first),
        cmocka_unit_test(a_cache_of_no_bytes_keeps_nothing),
        cmocka_unit_test(want_of_memory_keeps_nothing_and_harms_nothing),
        cmocka_unit_test_setup_teardown(a_page_found_is_the_page_of_the_store, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

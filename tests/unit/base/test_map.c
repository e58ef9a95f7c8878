/* test_map.c - maps: found, gone, colliding, grown, and without memory to grow. */
#include "base/map.h"

#include "base/list.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ITEMS_LEN = 5000 };

struct item {
    uint64_t key;
    struct pl_map_node node;
    int seen;
};

static struct item *find(const struct pl_map *map, uint64_t key, uint64_t hash)
{
    PL_MAP_EACH (node, map, hash) {
        struct item *item = PL_CONTAINER(node, struct item, node);

        if (item->key == key)
            return item;
    }
    return NULL;
}

/* Every item once, when walked; returns how many. */
static size_t walk(const struct pl_map *map, struct item *items)
{
    struct pl_map_node *node = NULL;
    size_t len = 0;

    for (size_t i = 0; i < ITEMS_LEN; i++)
        items[i].seen = 0;
    while ((node = pl_map_walk(map, node)) != NULL) {
        assert_int_equal(PL_CONTAINER(node, struct item, node)->seen++, 0);
        len++;
    }
    return len;
}

/* Puts all, takes every third out again, looks for each. */
static void fill_and_check(uint64_t (*hash)(uint64_t key), int without_memory)
{
    static struct item items[ITEMS_LEN];
    struct pl_map map;

    pl_map_init(&map);
    for (uint64_t i = 0; i < ITEMS_LEN; i++) {
        items[i].key = i;
        if (without_memory)
            pl_mem_fail_at(1);
        pl_map_put(&map, &items[i].node, hash(i));
        assert_ptr_equal(find(&map, i, hash(i)), &items[i]);
    }
    pl_mem_fail_at(0);
    assert_int_equal(map.len, ITEMS_LEN);
    assert_int_equal(walk(&map, items), ITEMS_LEN);
    for (uint64_t i = 0; i < ITEMS_LEN; i += 3)
        pl_map_remove(&map, &items[i].node);
    for (uint64_t i = 0; i < ITEMS_LEN; i++)
        assert_ptr_equal(find(&map, i, hash(i)), i % 3 == 0 ? NULL : &items[i]);
    assert_int_equal(walk(&map, items), map.len);
    pl_map_done(&map);
    assert_int_equal(map.len, 0);
}

static uint64_t few_hashes(uint64_t key)
{
    return key % 7;
}

static uint64_t same_buckets(uint64_t key)
{
    return key << 48; /* the low bits, which choose the bucket, are the same */
}

static void what_was_put_is_found_until_removed(void **state)
{
    (void)state;
    fill_and_check(pl_hash_u64, 0);
}

static void colliding_keys_are_told_apart(void **state)
{
    (void)state;
    fill_and_check(few_hashes, 0);
    fill_and_check(same_buckets, 0);
}

static void putting_works_without_memory_to_grow(void **state)
{
    (void)state;
    fill_and_check(pl_hash_u64, 1);
}

static void an_empty_map_finds_nothing(void **state)
{
    struct pl_map map;

    (void)state;
    pl_map_init(&map);
    assert_null(pl_map_first(&map, 0));
    assert_null(pl_map_walk(&map, NULL));
    pl_map_done(&map);
    pl_map_done(&map);
}

static void nodes_may_be_removed_behind_the_walker(void **state)
{
    static struct item items[ITEMS_LEN];
    struct pl_map map;
    struct pl_map_node *node, *next;
    size_t len = 0;

    (void)state;
    pl_map_init(&map);
    for (uint64_t i = 0; i < ITEMS_LEN; i++)
        pl_map_put(&map, &items[i].node, pl_hash_u64(i));
    for (node = pl_map_walk(&map, NULL); node != NULL; node = next) {
        next = pl_map_walk(&map, node);
        pl_map_remove(&map, node);
        len++;
    }
    assert_int_equal(len, ITEMS_LEN);
    assert_int_equal(map.len, 0);
    assert_null(pl_map_walk(&map, NULL));
    pl_map_done(&map);
}

static void hashes_depend_on_the_content_only(void **state)
{
    char a[] = "hello", b[] = "hello";

    (void)state;
    assert_true(pl_hash_str(a) == pl_hash_str(b));
    assert_true(pl_hash_str(a) == pl_hash_bytes(b, 5));
    assert_true(pl_hash_str("hello") != pl_hash_str("hellp"));
    assert_true(pl_hash_bytes("\0", 1) != pl_hash_bytes("\0\0", 2));
    assert_true(pl_hash_bytes(NULL, 0) == pl_hash_str(""));
    assert_true(pl_hash_u64(1) != pl_hash_u64(2));
}

/* Numbers that are handed out one after another, also in parts of a word. */
static void numbers_in_a_row_spread(void **state)
{
    enum { BUCKETS_LEN = 4096, CHAIN_LEN_MAX = 24 };

    (void)state;
    for (unsigned shift = 0; shift <= 52; shift += 4) {
        static unsigned chains[BUCKETS_LEN];

        memset(chains, 0, sizeof chains);
        for (uint64_t i = 0; i < BUCKETS_LEN; i++)
            if (++chains[pl_hash_u64(i << shift) % BUCKETS_LEN] > CHAIN_LEN_MAX)
                fail_msg("more than %u of numbers << %u", CHAIN_LEN_MAX, shift);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_removed),
        cmocka_unit_test(colliding_keys_are_told_apart),
        cmocka_unit_test(putting_works_without_memory_to_grow),
        cmocka_unit_test(an_empty_map_finds_nothing),
        cmocka_unit_test(nodes_may_be_removed_behind_the_walker),
        cmocka_unit_test(hashes_depend_on_the_content_only),
        cmocka_unit_test(numbers_in_a_row_spread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

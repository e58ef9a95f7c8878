/*
 * page_cache.c - a map by key, a list by last use.
 *
 * A page that was cut by its bounds stays what it is. One that ended where the log
 * ended is good until one of its rooms has a new event: it then makes way for the
 * longer one.
 */
#include "server/page_cache.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"

#include <string.h>

struct entry {
    struct pl_map_node node;
    struct pl_list use;
    struct pl_cached_page page;
    uint64_t ends;
    size_t key_size;
    uint8_t key[];
};

struct pl_page_cache {
    struct pl_map map;
    struct pl_list uses; /* used last comes last */
    size_t size;
    size_t size_max;
    uint64_t found;
    uint64_t missed;
};

int pl_page_cache_new(size_t size_max, struct pl_page_cache **ret_cache)
{
    struct pl_page_cache *cache = pl_zalloc(sizeof *cache);

    if (cache == NULL)
        return PL_E_NOMEM;
    pl_map_init(&cache->map);
    pl_list_init(&cache->uses);
    cache->size_max = size_max;
    *ret_cache = cache;
    return PL_OK;
}

static size_t entry_size(size_t key_size, const struct pl_buf *frames)
{
    return sizeof(struct entry) + key_size + sizeof *frames + frames->size;
}

static void drop(struct pl_page_cache *cache, struct entry *entry)
{
    cache->size -= entry_size(entry->key_size, entry->page.frames);
    pl_map_remove(&cache->map, &entry->node);
    pl_list_remove(&entry->use);
    pl_buf_unref(entry->page.frames);
    pl_free(entry);
}

void pl_page_cache_free(struct pl_page_cache *cache)
{
    if (cache == NULL)
        return;
    PL_LIST_EACH (node, &cache->uses)
        drop(cache, PL_CONTAINER(node, struct entry, use));
    PL_ASSERT(cache->size == 0);
    pl_map_done(&cache->map);
    pl_free(cache);
}

static struct entry *find(const struct pl_page_cache *cache, struct pl_bytes key)
{
    PL_MAP_EACH (node, &cache->map, pl_hash_bytes(key.data, key.size)) {
        struct entry *entry = PL_CONTAINER(node, struct entry, node);

        if (pl_bytes_equal((struct pl_bytes){entry->key, entry->key_size}, key))
            return entry;
    }
    return NULL;
}

bool pl_page_cache_find(struct pl_page_cache *cache, struct pl_bytes key,
                        const struct pl_page_plan *plan, struct pl_cached_page *ret)
{
    struct entry *entry = find(cache, key);

    PL_ASSERT(plan->shared);
    if (entry == NULL || (!entry->page.cut && entry->ends != plan->ends)) {
        cache->missed++;
        return false;
    }
    pl_list_remove(&entry->use);
    pl_list_append(&cache->uses, &entry->use);
    *ret = entry->page;
    if (!entry->page.cut) /* nothing of its rooms has come since */
        ret->through = plan->position;
    pl_buf_ref(ret->frames);
    cache->found++;
    return true;
}

void pl_page_cache_put(struct pl_page_cache *cache, struct pl_bytes key,
                       const struct pl_page_plan *plan, const struct pl_cached_page *page)
{
    size_t size = entry_size(key.size, page->frames);
    struct entry *entry = find(cache, key);

    PL_ASSERT(plan->shared);
    if (entry != NULL)
        drop(cache, entry);
    if (size > cache->size_max)
        return;
    entry = pl_alloc(sizeof *entry + key.size);
    if (entry == NULL)
        return;
    while (size > cache->size_max - cache->size)
        drop(cache, PL_CONTAINER(pl_list_first(&cache->uses), struct entry, use));
    *entry = (struct entry){.page = *page, .ends = plan->ends, .key_size = key.size};
    memcpy(entry->key, key.data, key.size);
    pl_buf_ref(page->frames);
    pl_map_put(&cache->map, &entry->node, pl_hash_bytes(key.data, key.size));
    pl_list_append(&cache->uses, &entry->use);
    cache->size += size;
}

struct pl_page_cache_stats pl_page_cache_stats(const struct pl_page_cache *cache)
{
    return (struct pl_page_cache_stats){
        .len = cache->map.len,
        .size = cache->size,
        .found = cache->found,
        .missed = cache->missed,
    };
}

/* pages.c - a count of bytes by page, and the streams of each. */
#include "fanout/pages.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "fanout/stream.h"

struct pl_held_page {
    struct pl_map_node node;
    struct pl_list age;     /* in pages->held */
    struct pl_list streams; /* of struct pl_page_hold */
    const struct pl_buf *frames_weak;
    size_t size;
};

void pl_pages_init(struct pl_pages *pages, size_t size_max, size_t page_size_max)
{
    *pages = (struct pl_pages){.size_max = size_max, .wanted_max = 1};
    pl_map_init(&pages->map);
    pl_list_init(&pages->held);
    pl_list_init(&pages->waiting);
    if (size_max / 2 / page_size_max > 1)
        pages->wanted_max = (uint32_t)(size_max / 2 / page_size_max);
}

void pl_pages_done(struct pl_pages *pages)
{
    PL_ASSERT(pages->size == 0 && pages->wanted == 0);
    PL_ASSERT(pl_list_empty(&pages->waiting));
    pl_map_done(&pages->map);
}

static struct pl_stream *stream_of(struct pl_list *node)
{
    return PL_CONTAINER(node, struct pl_page_hold, node)->stream_weak;
}

struct pl_page_hold *pl_page_hold_new(struct pl_stream *stream)
{
    struct pl_page_hold *hold = pl_zalloc(sizeof *hold);

    if (hold == NULL)
        return NULL;
    hold->stream_weak = stream;
    pl_list_init(&hold->node);
    return hold;
}

void pl_page_hold_free(struct pl_page_hold *hold)
{
    if (hold == NULL)
        return;
    PL_ASSERT(hold->page_weak == NULL && pl_list_empty(&hold->node));
    pl_free(hold);
}

bool pl_pages_may_ask(struct pl_pages *pages, struct pl_page_hold *hold)
{
    PL_ASSERT(hold->page_weak == NULL);
    if (pages->wanted == pages->wanted_max) {
        if (pl_list_empty(&hold->node))
            pl_list_append(&pages->waiting, &hold->node);
        return false;
    }
    pl_list_remove(&hold->node);
    pages->wanted++;
    return true;
}

void pl_pages_answered(struct pl_pages *pages)
{
    PL_ASSERT(pages->wanted > 0);
    pages->wanted--;
}

struct pl_stream *pl_pages_next(struct pl_pages *pages)
{
    struct pl_list *next = pl_list_first(&pages->waiting);

    if (next == NULL || pages->wanted == pages->wanted_max)
        return NULL;
    pl_list_remove(next);
    return stream_of(next);
}

static uint64_t hash_of(const struct pl_buf *frames)
{
    return pl_hash_u64((uint64_t)(uintptr_t)frames);
}

static struct pl_held_page *find(const struct pl_pages *pages, const struct pl_buf *frames)
{
    PL_MAP_EACH (node, &pages->map, hash_of(frames)) {
        struct pl_held_page *page = PL_CONTAINER(node, struct pl_held_page, node);

        if (page->frames_weak == frames)
            return page;
    }
    return NULL;
}

int pl_pages_hold(struct pl_pages *pages, struct pl_page_hold *hold, struct pl_buf *frames)
{
    struct pl_held_page *page = find(pages, frames);

    PL_ASSERT(hold->page_weak == NULL && pl_list_empty(&hold->node));
    if (page == NULL) {
        page = pl_zalloc(sizeof *page);
        if (page == NULL)
            return PL_E_NOMEM;
        pl_list_init(&page->streams);
        pl_list_init(&page->age);
        page->frames_weak = frames;
        page->size = frames->size;
        pl_map_put(&pages->map, &page->node, hash_of(frames));
        pages->size += frames->size;
    }
    pl_list_remove(&page->age);
    pl_list_append(&pages->held, &page->age);
    pl_list_append(&page->streams, &hold->node);
    hold->page_weak = page;
    return PL_OK;
}

void pl_pages_drop(struct pl_pages *pages, struct pl_page_hold *hold)
{
    struct pl_held_page *page;

    if (hold == NULL)
        return;
    page = hold->page_weak;
    pl_list_remove(&hold->node);
    hold->page_weak = NULL;
    if (page == NULL || !pl_list_empty(&page->streams))
        return;
    pages->size -= page->size;
    pl_map_remove(&pages->map, &page->node);
    pl_list_remove(&page->age);
    pl_free(page);
}

/* Its streams do without it; who cannot for want of memory keeps it. */
static void let_go(struct pl_pages *pages, struct pl_held_page *page,
                   const struct pl_framer *framer)
{
    struct pl_list *node = page->streams.next;

    while (node != &page->streams) {
        struct pl_stream *stream = stream_of(node);
        bool last = node->next == &page->streams;

        node = node->next;
        if (pl_stream_let_page_go(stream, framer)) {
            pages->let_go++;
            pl_pages_drop(pages, stream->hold); /* with its last one the page goes, too */
        }
        if (last)
            return;
    }
}

void pl_pages_trim(struct pl_pages *pages, const struct pl_framer *framer)
{
    struct pl_list *newest = pages->held.prev;
    struct pl_list *node = pages->held.next;

    while (pages->size > pages->size_max && node != newest) {
        struct pl_held_page *page = PL_CONTAINER(node, struct pl_held_page, age);

        node = node->next;
        let_go(pages, page, framer);
    }
}

/*
 * stream_page.c - what a reader finds becomes frames, once for all who need the same.
 */
#include "server/stream_page.h"

#include "base/err.h"

/* Where cursors are large, only the last frame bears one: so each item waits until the
 * next shows that it is not the last. */
struct frames {
    const struct pl_framer *framer;
    const struct pl_page_query *query;
    struct pl_bytebuf out;
    struct pl_bytebuf held;
    pl_position held_position;
    bool held_is_state;
    bool holding;
};

/* The states of rooms are given whole, however large the rooms. */
enum {
    FRAMES_SIZE_MAX = 16 * 1024 * 1024,
    CURSOR_ROOMS_LEN_SMALL = 8,
    PAGE_KEY_SIZE_MAX = 4096,
};

static void frames_add(struct frames *frames, struct pl_bytes item, bool is_state,
                       pl_position position, bool with_cursor)
{
    const struct pl_framer *framer = frames->framer;

    (is_state ? framer->room_state : framer->event)(
        framer->self, item, position, &frames->query->backlog, with_cursor, &frames->out);
}

static void frames_flush(struct frames *frames, bool with_cursor)
{
    if (frames->holding)
        frames_add(frames, (struct pl_bytes){frames->held.data, frames->held.size},
                   frames->held_is_state, frames->held_position, with_cursor);
    frames->holding = false;
}

static int on_row(void *arg, const struct pl_page_row *row)
{
    struct frames *frames = arg;
    bool large = frames->query->backlog.rooms_len > CURSOR_ROOMS_LEN_SMALL;

    if (row->state == NULL && !large) {
        frames_add(frames, row->event, false, row->position, true);
        return frames->out.err;
    }
    frames_flush(frames, false);
    pl_bytebuf_clear(&frames->held);
    if (row->state != NULL)
        frames->framer->room_state_bytes(frames->framer->self, row->state, &frames->held);
    else
        pl_bytebuf_append(&frames->held, row->event.data, row->event.size);
    if (frames->held.err < 0)
        return frames->held.err;
    frames->held_position = row->position;
    frames->held_is_state = row->state != NULL;
    frames->holding = true;
    if (!large) /* a cursor says that all of a room's state was given */
        frames_flush(frames, !row->state->more_members);
    return frames->out.err;
}

/* What a page's frames depend on, besides what its rows do: cursors tell of a
 * backlog that the page does not reach the end of. False: it names rooms, as nobody
 * else's does. */
static bool append_frames_key(const struct pl_page_query *query, struct pl_bytebuf *key)
{
    uint64_t numbers[] = {query->backlog.kind, query->backlog.until};

    if (query->backlog.kind == PL_BACKLOG_NONE)
        numbers[1] = 0;
    pl_bytebuf_append(key, numbers, sizeof numbers);
    return query->backlog.rooms_len == 0;
}

/* Reads the page and frames it. */
static int make_page(const struct pl_stream_page_context *context,
                     const struct pl_page_query *query, struct pl_cached_page *page)
{
    struct frames frames = {.framer = &context->framer, .query = query};
    const struct pl_reader *reader = &context->reader;
    int rc;

    pl_bytebuf_init(&frames.out, FRAMES_SIZE_MAX);
    pl_bytebuf_init(&frames.held, PL_ROOM_STATE_SIZE_MAX);
    rc = reader->ops->read_page(reader->self, query, on_row, &frames, &page->through);
    if (rc == PL_OK) {
        frames_flush(&frames, true);
        rc = frames.out.err;
    }
    if (rc == PL_OK) {
        page->frames = pl_buf_copy(frames.out.data, frames.out.size);
        rc = page->frames == NULL ? PL_E_NOMEM : PL_OK;
    }
    pl_bytebuf_done(&frames.out);
    pl_bytebuf_done(&frames.held);
    return rc;
}

/* The page that the plan leads to: one that was made before, or a new one. */
static int find_page(const struct pl_stream_page_context *context,
                     const struct pl_page_query *query, struct pl_bytes key,
                     const struct pl_page_plan *plan, struct pl_cached_page *page)
{
    int rc;

    if (plan->shared && pl_page_cache_find(context->cache_weak, key, plan, page))
        return PL_OK;
    rc = make_page(context, query, page);
    if (rc < 0)
        return rc;
    page->cut = page->through < plan->position;
    page->states_until = plan->states_until > page->through ? plan->states_until : 0;
    if (plan->shared)
        pl_page_cache_put(context->cache_weak, key, plan, page);
    return PL_OK;
}

int pl_stream_page_make(const struct pl_stream_page_context *context,
                        const struct pl_page_query *query, struct pl_cached_page *ret)
{
    const struct pl_reader *reader = &context->reader;
    struct pl_cached_page page = {0};
    struct pl_page_plan plan;
    struct pl_bytebuf key;
    int rc;

    pl_bytebuf_init(&key, PAGE_KEY_SIZE_MAX);
    rc = reader->ops->plan_page(reader->self, query, &key, &plan);
    if (rc == PL_OK) {
        plan.shared = append_frames_key(query, &key) && plan.shared && key.err == PL_OK;
        rc = find_page(context, query, (struct pl_bytes){key.data, key.size}, &plan, &page);
    }
    pl_bytebuf_done(&key);
    if (rc < 0)
        return rc;
    *ret = page;
    return PL_OK;
}

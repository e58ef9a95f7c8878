/* pages.c - see pages.h. */
#include "pages.h"

#include "base/err.h"
#include "store/memory_state.h"
#include "trace.h"

struct page {
    const struct pl_memory_store *store;
    const struct pl_page_query *query;
};

static bool is_asked_for(const struct page *page, pl_room_id room)
{
    const struct pl_page_query *query = page->query;

    for (uint32_t i = 0; !query->all && i < query->rooms_len; i++)
        if (query->rooms[i].v == room.v)
            return true;
    for (size_t i = 0; query->all && i < pl_memory_len(page->store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *row = pl_memory_row(page->store, PL_TABLE_ROOMS, i);

        if (row->id.v == room.v)
            return row->delivery == PL_ROOM_EVERYONE;
    }
    return false;
}

/* Whether the backlog has it, were the user there. */
static bool in_backlog(const struct pl_backlog *backlog, const struct pl_event_row *row)
{
    if (backlog->kind == PL_BACKLOG_BEGINNING)
        return true;
    for (uint32_t i = 0; i < backlog->rooms_len; i++)
        if (backlog->rooms[i].room.v == row->room.v)
            return row->sequence > backlog->rooms[i].after;
    return false;
}

static bool may_see(const struct page *page, const struct pl_event_row *row)
{
    const struct pl_page_query *query = page->query;
    bool backlog = query->backlog.kind != PL_BACKLOG_NONE && row->position <= query->backlog.until;

    if (backlog && !in_backlog(&query->backlog, row))
        return false;
    for (size_t i = 0; i < pl_memory_len(page->store, PL_TABLE_SPANS); i++) {
        const struct pl_memory_span *span = pl_memory_row(page->store, PL_TABLE_SPANS, i);

        if (span->user.v == query->user.v && span->span.room.v == row->room.v &&
            (backlog || span->span.from < row->position) && row->position <= span->span.until)
            return true;
    }
    return false;
}

/* The first event beyond the position. */
static size_t first_after(const struct pl_memory_store *store, pl_position position)
{
    size_t low = 0, high = pl_memory_len(store, PL_TABLE_EVENTS);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, middle);

        if (event->row.position <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of the whole journal; read past the operations, which may be about to fail. */
static pl_position last_position(const struct pl_memory_store *store)
{
    const struct pl_meta *meta = pl_memory_row(store, PL_TABLE_META, 0);

    return meta->position;
}

uint32_t pages_read(const struct pl_store *memory, const struct pl_page_query *query,
                    const struct pl_framer *framer, struct pl_bytebuf *out,
                    pl_position *ret_through, size_t *ret_last, bool *ret_cut)
{
    struct page page = {.store = memory->self, .query = query};
    size_t len = pl_memory_len(page.store, PL_TABLE_EVENTS);
    pl_position through = query->after;
    uint32_t given = 0;
    size_t size = 0;

    *ret_cut = false;
    for (size_t i = first_after(page.store, query->after); i < len; i++) {
        const struct pl_memory_event *event = pl_memory_row(page.store, PL_TABLE_EVENTS, i);
        const struct pl_buf *bytes = event->row.bytes;

        if (!is_asked_for(&page, event->row.room) || !may_see(&page, &event->row))
            continue;
        if (given == query->len_max || (given > 0 && size + bytes->size > query->size_max)) {
            *ret_cut = true;
            break;
        }
        *ret_last = out->size;
        framer->event(framer->self, (struct pl_bytes){bytes->data, bytes->size},
                      event->row.position, &query->backlog, true, out);
        through = event->row.position;
        size += bytes->size;
        given++;
    }
    JUDGE(out->err == PL_OK, "a page could not be framed");
    if (!*ret_cut && through < last_position(page.store))
        through = last_position(page.store);
    *ret_through = through;
    return given;
}

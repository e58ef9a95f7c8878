/* pages.c - see pages.h. */
#include "pages.h"

#include "base/err.h"
#include "store/memory_state.h"
#include "trace.h"

#include <stdio.h>

enum { MEMBERS_LEN_MAX = 256 };

struct page {
    const struct pl_memory_store *store;
    const struct pl_page_query *query;
    int (*on_row)(void *arg, const struct pl_page_row *row);
    void *arg;
    uint32_t len;
    size_t size;
    pl_position through;
    bool full;
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

/* Whether what is of that size still fits; else the page is full. */
static bool fits(struct page *page, size_t size)
{
    if (page->len == page->query->len_max ||
        (page->len > 0 && page->size + size > page->query->size_max))
        page->full = true;
    return !page->full;
}

static int give(struct page *page, const struct pl_page_row *row, size_t size)
{
    page->len++;
    page->size += size;
    page->through = row->position;
    return page->on_row(page->arg, row);
}

/* Who was in the room at that position; a quiet one has no event of entering. */
static bool was_in(const struct page *page, const struct pl_room *room, pl_user_id user)
{
    pl_position position = room->trimmed.position;

    for (size_t i = 0; i < pl_memory_len(page->store, PL_TABLE_SPANS); i++) {
        const struct pl_memory_span *span = pl_memory_row(page->store, PL_TABLE_SPANS, i);

        if (span->user.v == user.v && span->span.room.v == room->id.v &&
            span->span.until > position &&
            (span->span.from < position || (room->quiet_membership && span->span.from == position)))
            return true;
    }
    return false;
}

static uint32_t list_members(const struct page *page, const struct pl_room *room,
                             struct pl_state_member *members)
{
    uint32_t len = 0;

    for (size_t i = 0; i < pl_memory_len(page->store, PL_TABLE_USERS); i++) { /* by id */
        const struct pl_user *user = pl_memory_row(page->store, PL_TABLE_USERS, i);

        if (!was_in(page, room, user->id))
            continue;
        JUDGE(len < MEMBERS_LEN_MAX, "a room has too many members");
        members[len] = (struct pl_state_member){.member = {.room = room->id,
                                                           .user = user->id,
                                                           .state = PL_MEMBER_JOINED,
                                                           .role = PL_ROLE_MEMBER}};
        snprintf(members[len].name, sizeof members[len].name, "%s", user->name);
        len++;
    }
    return len;
}

static int give_state(struct page *page, const struct pl_room *room)
{
    static struct pl_state_member members[MEMBERS_LEN_MAX];
    struct pl_room_state state = {.room = *room, .members = members};
    struct pl_page_row row = {.position = room->trimmed.position,
                              .room = room->id,
                              .sequence = room->first_sequence - 1,
                              .state = &state};

    state.members_len = list_members(page, room, members);
    state.room.member_count = state.members_len;
    state.room.last_sequence = row.sequence;
    return fits(page, sizeof *room) ? give(page, &row, sizeof *room) : PL_OK;
}

/* The room whose state is due next: it lost an event that the page would have had, at a
 * position beyond `after` and before `before`. */
static const struct pl_room *next_state(const struct page *page, pl_position after,
                                        pl_position before)
{
    const struct pl_room *next = NULL;

    for (size_t i = 0; i < pl_memory_len(page->store, PL_TABLE_ROOMS); i++) {
        const struct pl_room *room = pl_memory_row(page->store, PL_TABLE_ROOMS, i);
        pl_position position = room->trimmed.position;
        struct pl_event_row gone = {
            .room = room->id, .position = position, .sequence = room->first_sequence - 1};

        if (position > after && position < before && is_asked_for(page, room->id) &&
            may_see(page, &gone) && (next == NULL || position < next->trimmed.position))
            next = room;
    }
    return next;
}

static int give_states(struct page *page, pl_position before)
{
    const struct pl_room *room;
    int rc = PL_OK;

    while (rc == PL_OK && !page->full && (room = next_state(page, page->through, before)) != NULL)
        rc = give_state(page, room);
    return rc;
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

static int give_event(struct page *page, const struct pl_event_row *event)
{
    struct pl_page_row row = {.position = event->position,
                              .room = event->room,
                              .sequence = event->sequence,
                              .event = {event->bytes->data, event->bytes->size}};

    return fits(page, event->bytes->size) ? give(page, &row, event->bytes->size) : PL_OK;
}

/* Of the whole journal; read past the operations, which may be about to fail. */
static pl_position last_position(const struct pl_memory_store *store)
{
    const struct pl_meta *meta = pl_memory_row(store, PL_TABLE_META, 0);

    return meta->position;
}

static int read_page(void *self, const struct pl_page_query *query,
                     int (*on_row)(void *arg, const struct pl_page_row *row), void *arg,
                     pl_position *ret_through)
{
    struct page page = {
        .store = self, .query = query, .on_row = on_row, .arg = arg, .through = query->after};
    size_t len = pl_memory_len(page.store, PL_TABLE_EVENTS);
    int rc = PL_OK;

    for (size_t i = first_after(page.store, query->after); i < len && rc == PL_OK; i++) {
        const struct pl_memory_event *event = pl_memory_row(page.store, PL_TABLE_EVENTS, i);

        if (!is_asked_for(&page, event->row.room) || !may_see(&page, &event->row))
            continue;
        rc = give_states(&page, event->row.position);
        if (rc == PL_OK && !page.full)
            rc = give_event(&page, &event->row);
        if (page.full)
            break;
    }
    if (rc == PL_OK && !page.full)
        rc = give_states(&page, PL_POSITION_MAX);
    if (!page.full && page.through < last_position(page.store))
        page.through = last_position(page.store);
    if (rc == PL_OK)
        *ret_through = page.through;
    return rc;
}

/* No page is anybody else's. */
static int plan_page(void *self, const struct pl_page_query *query, struct pl_bytebuf *key,
                     struct pl_page_plan *ret)
{
    struct page page = {.store = self, .query = query};
    const struct pl_room *room;

    (void)key;
    *ret = (struct pl_page_plan){.position = last_position(self)};
    for (pl_position after = query->after;
         (room = next_state(&page, after, PL_POSITION_MAX)) != NULL; after = ret->states_until)
        ret->states_until = room->trimmed.position;
    return PL_OK;
}

struct pl_reader pages_reader(const struct pl_store *memory)
{
    static const struct pl_reader_ops ops = {.plan_page = plan_page, .read_page = read_page};

    return (struct pl_reader){.ops = &ops, .self = memory->self};
}

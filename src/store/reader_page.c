/*
 * reader_page.c - a page of a stream: several rooms merged by position.
 *
 * A source is a run of one room's log that the user may see: a span, or what is
 * owed from before the stream was opened. First all of them are gathered, but
 * for rooms without news; then each is brought to its first event beyond the
 * query's position. Where that is the position of an event of the room, as that of
 * a page's last event is, it is the event's successor. Else, since within a room
 * sequence and position rise together, it is found by halving: from the room's end
 * in growing steps, since most streams lack little. The sources then stand in a heap by the
 * position of their next event, and the least is walked until another is less.
 *
 * A source that has lost events to retention begins with the room's state, which
 * stands where the last of them stood: no other event has that position, so it
 * is merged, cut and resumed like one.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct page {
    struct pl_sqlite_reader *reader;
    const struct pl_page_query *query;
    int (*on_event)(void *arg, const struct pl_page_row *row);
    void *arg;
    uint32_t len;
    size_t size;
    pl_position through;
    pl_room_id after_room; /* of the event at query->after; 0: there is none */
    pl_sequence after_sequence;
    bool full; /* cut, or ended by the callback */
};

static int append(struct pl_page_list *list, const struct pl_page_source *source)
{
    if (list->len == list->cap) {
        uint32_t cap = list->cap > 0 ? list->cap * 2 : 16;
        struct pl_page_source *grown = pl_realloc(list->items, cap * sizeof *grown);

        if (grown == NULL)
            return PL_E_NOMEM;
        list->items = grown;
        list->cap = cap;
    }
    list->items[list->len++] = *source;
    return PL_OK;
}

/* Adds the spans that a statement finds, as they are. */
static int add_spans(struct pl_sqlite_reader *reader, struct pl_run *run)
{
    int rc;

    while ((rc = pl_run_step(run)) == PL_OK) {
        struct pl_page_source span = {0};

        span.room.v = pl_run_get_u64(run);
        span.from = pl_run_get_u64(run);
        span.until = pl_run_get_u64(run);
        if (run->bad)
            return pl_run_end(run);
        rc = append(&reader->spans, &span);
        if (rc < 0) {
            pl_run_reset(run);
            return rc;
        }
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

static int compare_spans(const void *a, const void *b)
{
    const struct pl_page_source *x = a, *y = b;

    if (x->room.v != y->room.v)
        return x->room.v < y->room.v ? -1 : 1;
    return x->from < y->from ? -1 : x->from > y->from;
}

/* Gathers the user's spans that reach beyond the query's position, by room. */
static int gather_spans(struct page *page)
{
    const struct pl_page_query *query = page->query;
    struct pl_sqlite_reader *reader = page->reader;
    struct pl_run run;
    int rc = PL_OK;

    reader->spans.len = 0;
    if (query->all) {
        run = pl_run_start(&reader->db, READ_PAGE_SPANS);
        pl_run_u64(&run, query->user.v);
        pl_run_bound(&run, query->after);
        rc = add_spans(reader, &run);
    }
    for (uint32_t i = 0; !query->all && i < query->rooms_len && rc == PL_OK; i++) {
        run = pl_run_start(&reader->db, READ_PAGE_ROOM_SPANS);
        pl_run_u64(&run, query->user.v);
        pl_run_bound(&run, query->after);
        pl_run_u64(&run, query->rooms[i].v);
        rc = add_spans(reader, &run);
    }
    if (reader->spans.len > 1)
        qsort(reader->spans.items, reader->spans.len, sizeof *reader->spans.items, compare_spans);
    return rc;
}

/* Whether the backlog names the room, and beyond which sequence. */
static bool find_backlog(const struct pl_backlog *backlog, pl_room_id room, pl_sequence *ret_after)
{
    uint32_t low = 0, high = backlog->rooms_len;

    if (backlog->kind == PL_BACKLOG_BEGINNING) {
        *ret_after = 0;
        return true;
    }
    if (backlog->kind == PL_BACKLOG_NONE)
        return false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (backlog->rooms[middle].room.v < room.v)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == backlog->rooms_len || backlog->rooms[low].room.v != room.v)
        return false;
    *ret_after = backlog->rooms[low].after;
    return true;
}

struct room_ends {
    enum pl_room_delivery delivery;
    pl_sequence first_sequence;
    pl_sequence last_sequence;
    pl_position last_position;
    pl_position trimmed_position;
};

static int get_ends(struct pl_sqlite_reader *reader, pl_room_id room, struct room_ends *ret)
{
    struct pl_run run = pl_run_start(&reader->db, READ_PAGE_ROOM);
    int rc;

    pl_run_u64(&run, room.v);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    ret->delivery = (enum pl_room_delivery)pl_run_get_enum(&run, PL_ROOM_ONE);
    ret->first_sequence = pl_run_get_u64(&run);
    ret->last_sequence = pl_run_get_u64(&run);
    ret->last_position = pl_run_get_u64(&run);
    ret->trimmed_position = pl_run_get_u64(&run);
    return pl_run_end(&run);
}

/* The first event of the room whose sequence is at least `sequence`. */
static int probe(struct pl_sqlite_reader *reader, pl_room_id room, pl_sequence sequence,
                 pl_position *ret_position, pl_sequence *ret_sequence)
{
    struct pl_run run = pl_run_start(&reader->db, READ_PAGE_PROBE);
    int rc;

    pl_run_u64(&run, room.v);
    pl_run_bound(&run, sequence);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc;
    *ret_position = pl_run_get_u64(&run);
    *ret_sequence = pl_run_get_u64(&run);
    return pl_run_end(&run);
}

/* Finds which event stands at the query's position. */
static int find_after(struct page *page)
{
    struct pl_run run;
    int rc;

    if (page->query->after == 0)
        return PL_OK;
    run = pl_run_start(&page->reader->db, READ_PAGE_EVENT_AT);
    pl_run_bound(&run, page->query->after);
    rc = pl_run_step(&run);
    if (rc != PL_OK)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    page->after_room.v = pl_run_get_u64(&run);
    page->after_sequence = pl_run_get_u64(&run);
    return pl_run_end(&run);
}

/* The lowest sequence that the source's next event may have. */
static pl_sequence lowest(const struct page *page, const struct pl_page_source *source,
                          const struct room_ends *ends)
{
    pl_sequence low = source->after + 1;

    if (low < ends->first_sequence)
        low = ends->first_sequence;
    if (page->after_room.v == source->room.v && low <= page->after_sequence)
        low = page->after_sequence + 1; /* from >= query->after */
    return low;
}

/* Sets the source's next event: the first beyond its `from` and `after`. The
 * room's last event is beyond `from`. PL_E_NOTFOUND: it has none. */
static int seek(struct page *page, struct pl_page_source *source, const struct room_ends *ends)
{
    struct pl_sqlite_reader *reader = page->reader;
    pl_sequence low = lowest(page, source, ends); /* what is sought is here or later … */
    pl_sequence high = ends->last_sequence;       /* … and here or earlier */
    pl_sequence step = 1;
    bool halving = false; /* else growing steps from the end */
    int rc;

    if (low > high)
        return PL_E_NOTFOUND;
    if (source->from == page->query->after && page->after_room.v == source->room.v)
        high = low; /* all from `low` on are beyond it */
    while (low < high) {
        pl_sequence middle = !halving && high - low > step ? high - step : low + (high - low) / 2;
        pl_position position = 0;
        pl_sequence sequence = 0;

        rc = probe(reader, source->room, middle, &position, &sequence);
        if (rc < 0)
            return rc == PL_E_NOTFOUND ? pl_db_damaged(&reader->db, "a room's last event") : rc;
        if (position > source->from) {
            high = middle;
            step = halving ? 1 : step * 2;
        } else {
            low = middle + 1;
            halving = true;
        }
    }
    rc = probe(reader, source->room, low, &source->next_position, &source->next_sequence);
    if (rc == PL_OK && source->next_position > source->until)
        return PL_E_NOTFOUND;
    return rc;
}

/* Whether retention has taken events that the source would have had, up to a
 * place that is the source's. */
static bool lost_some(const struct pl_page_source *source, const struct room_ends *ends)
{
    return source->from < ends->trimmed_position && ends->trimmed_position <= source->until &&
           source->after + 1 < ends->first_sequence;
}

/* Adds a source if it has an event, or has lost one. */
static int add_source(struct page *page, struct pl_page_source source, const struct room_ends *ends)
{
    struct pl_sqlite_reader *reader = page->reader;
    int rc;

    source.last_sequence = ends->last_sequence;
    if (source.from >= source.until || source.from >= ends->last_position)
        return PL_OK;
    if (lost_some(&source, ends)) {
        source.state = true;
        source.next_position = ends->trimmed_position;
        source.next_sequence = ends->first_sequence;
        return append(&reader->sources, &source);
    }
    rc = seek(page, &source, ends);
    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    return rc == PL_OK ? append(&reader->sources, &source) : rc;
}

static pl_position later(pl_position a, pl_position b)
{
    return a > b ? a : b;
}

/* Makes sources of some spans, which are one room's, in order. */
static int make_sources(struct page *page, const struct pl_page_source *spans, uint32_t spans_len)
{
    const struct pl_page_query *query = page->query;
    struct pl_page_source backlog = {.room = spans[0].room, .from = query->after};
    pl_position floor = later(query->after, query->backlog.until);
    struct room_ends ends = {0};
    int rc = get_ends(page->reader, backlog.room, &ends);

    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    if (ends.last_position <= query->after || (query->all && ends.delivery == PL_ROOM_ONE))
        return PL_OK;
    backlog.until = spans[spans_len - 1].until;
    if (backlog.until > query->backlog.until)
        backlog.until = query->backlog.until;
    if (find_backlog(&query->backlog, backlog.room, &backlog.after))
        rc = add_source(page, backlog, &ends);
    for (uint32_t i = 0; i < spans_len && rc == PL_OK; i++) {
        struct pl_page_source span = spans[i];

        if (i > 0 && span.from == spans[i - 1].from) /* the query names a room twice */
            continue;
        span.from = later(span.from, floor);
        rc = add_source(page, span, &ends);
    }
    return rc;
}

static int gather(struct page *page)
{
    struct pl_page_list *spans = &page->reader->spans;
    int rc = gather_spans(page);

    page->reader->sources.len = 0;
    if (rc == PL_OK)
        rc = find_after(page);
    for (uint32_t at = 0, end; at < spans->len && rc == PL_OK; at = end) {
        for (end = at + 1; end < spans->len; end++) {
            if (spans->items[end].room.v != spans->items[at].room.v)
                break;
        }
        rc = make_sources(page, spans->items + at, end - at);
    }
    return rc;
}

static void sift_down(struct pl_page_list *heap, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        struct pl_page_source moved;

        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < heap->len; child++) {
            if (heap->items[child].next_position < heap->items[least].next_position)
                least = child;
        }
        if (least == at)
            return;
        moved = heap->items[at];
        heap->items[at] = heap->items[least];
        heap->items[least] = moved;
        at = least;
    }
}

/* Whether what is of that size still fits; else the page is full. */
static bool fits(struct page *page, size_t size)
{
    const struct pl_page_query *query = page->query;

    if (page->len == query->len_max || (page->len > 0 && page->size + size > query->size_max))
        page->full = true;
    return !page->full;
}

/* Gives an event, or finds that the page is full. */
static int give(struct page *page, const struct pl_page_row *row)
{
    int answer;

    if (row->position < page->through)
        return pl_db_damaged(&page->reader->db, "events out of order");
    if (!fits(page, row->event.size))
        return PL_OK;
    page->len++;
    page->size += row->event.size;
    page->through = row->position;
    answer = page->on_event(page->arg, row);
    if (answer != 0)
        page->full = true;
    return answer < 0 ? answer : PL_OK;
}

struct state_page {
    struct page *page;
    const struct pl_page_source *source;
};

static int on_state(void *arg, const struct pl_room_state *state)
{
    const struct state_page *to = arg;
    struct pl_page_row row = {.position = to->source->next_position,
                              .room = to->source->room,
                              .sequence = state->room.last_sequence,
                              .state = state};

    to->page->size += sizeof state->room + state->members_len * sizeof *state->members;
    return to->page->on_event(to->page->arg, &row);
}

/* Gives the state that the source begins with: all of it, or nothing, so that
 * a cursor is before it or behind it. Its next is then the first event kept. */
static int give_state(struct page *page, struct pl_page_source *source, bool *ret_ended)
{
    struct state_page to = {.page = page, .source = source};
    int answer = 0;
    int rc;

    if (!fits(page, sizeof(struct pl_room)))
        return PL_OK;
    rc = pl_reader_room_state(page->reader, source->room, on_state, &to, &answer);
    if (rc < 0)
        return rc;
    page->len++;
    if (answer != 0) {
        page->full = true;
        return PL_OK;
    }
    page->through = source->next_position;
    source->state = false;
    rc = probe(page->reader, source->room, source->next_sequence, &source->next_position,
               &source->next_sequence);
    if (rc == PL_E_NOTFOUND)
        return pl_db_damaged(&page->reader->db, "a room's last event");
    *ret_ended = source->next_position > source->until;
    return rc;
}

/* Gives the source's events until one is beyond `limit`, which is then its next,
 * or there is none left. */
static int walk_source(struct page *page, struct pl_page_source *source, pl_position limit,
                       bool *ret_ended)
{
    struct pl_run run = pl_run_start(&page->reader->db, READ_PAGE_EVENTS);
    int rc;

    pl_run_u64(&run, source->room.v);
    pl_run_u64(&run, source->next_sequence);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_page_row row = {.room = source->room};

        row.position = pl_run_get_u64(&run);
        row.sequence = pl_run_get_u64(&run);
        row.event = pl_row_event(&run, row.room, row.sequence);
        if (row.position < source->next_position || row.sequence < source->next_sequence)
            run.bad = true; /* both rise in a room */
        if (run.bad)
            return pl_run_end(&run);
        source->next_position = row.position;
        source->next_sequence = row.sequence;
        *ret_ended = row.position > source->until;
        if (*ret_ended || row.position > limit)
            break;
        rc = give(page, &row);
        if (rc < 0 || page->full) {
            pl_run_reset(&run);
            return rc;
        }
    }
    pl_run_reset(&run);
    if (rc == PL_E_NOTFOUND)
        *ret_ended = true;
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

static int merge(struct page *page)
{
    struct pl_page_list *heap = &page->reader->sources;

    for (uint32_t i = heap->len / 2; i-- > 0;)
        sift_down(heap, i);
    while (heap->len > 0 && !page->full) {
        pl_position limit = PL_POSITION_MAX;
        bool ended = false;
        int rc;

        if (heap->items[0].state) {
            rc = give_state(page, &heap->items[0], &ended);
            if (rc < 0)
                return rc;
            if (ended)
                heap->items[0] = heap->items[--heap->len];
            sift_down(heap, 0);
            continue;
        }
        for (uint32_t child = 1; child <= 2 && child < heap->len; child++) {
            if (heap->items[child].next_position < limit)
                limit = heap->items[child].next_position;
        }
        rc = walk_source(page, &heap->items[0], limit, &ended);
        if (rc < 0)
            return rc;
        if (ended)
            heap->items[0] = heap->items[--heap->len];
        sift_down(heap, 0);
    }
    return PL_OK;
}

/* What the sources give depends on these numbers of each. */
enum { KEY_NUMBERS = 3, KEY_RUNS_LEN_MAX = 64 };

static void append_key(const struct pl_page_list *sources, const struct pl_page_query *query,
                       struct pl_bytebuf *key)
{
    uint64_t bounds[] = {query->len_max, query->size_max};

    pl_bytebuf_append(key, bounds, sizeof bounds);
    for (uint32_t i = 0; i < sources->len; i++) {
        const struct pl_page_source *source = &sources->items[i];
        uint64_t numbers[KEY_NUMBERS] = {source->room.v, source->next_sequence, source->until};

        pl_bytebuf_append(key, numbers, sizeof numbers);
    }
}

int pl_reader_plan_page(void *self, const struct pl_page_query *query, struct pl_bytebuf *key,
                        struct pl_page_plan *ret)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_page_list *sources = &reader->sources;
    struct page page = {.reader = reader, .query = query};
    struct pl_page_plan plan = {.position = reader->meta.position};
    int rc;

    PL_ASSERT(reader->begun);
    reader->planned_weak = NULL;
    rc = gather(&page);
    if (rc < 0)
        return rc;
    plan.shared = query->len_max > 0 && sources->len > 0 && sources->len <= KEY_RUNS_LEN_MAX;
    for (uint32_t i = 0; i < sources->len; i++) {
        plan.shared = plan.shared && !sources->items[i].state;
        if (sources->items[i].state)
            plan.states_until = later(plan.states_until, sources->items[i].next_position);
        plan.ends += sources->items[i].last_sequence;
    }
    if (plan.shared)
        append_key(sources, query, key);
    plan.shared = plan.shared && key->err == PL_OK;
    reader->planned_weak = query;
    *ret = plan;
    return PL_OK;
}

int pl_reader_read_page(void *self, const struct pl_page_query *query,
                        int (*on_event)(void *arg, const struct pl_page_row *row), void *arg,
                        pl_position *ret_through)
{
    struct pl_sqlite_reader *reader = self;
    struct page page = {.reader = reader,
                        .query = query,
                        .on_event = on_event,
                        .arg = arg,
                        .through = query->after};
    int rc = PL_OK;

    PL_ASSERT(reader->begun);
    PL_ASSERT(reader->planned_weak == NULL || reader->planned_weak == query);
    if (reader->planned_weak == NULL)
        rc = gather(&page);
    reader->planned_weak = NULL;
    if (rc == PL_OK)
        rc = merge(&page);
    if (rc < 0)
        return rc;
    *ret_through = page.full ? page.through : later(query->after, reader->meta.position);
    return PL_OK;
}

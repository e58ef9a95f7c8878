/*
 * stream.c - StreamMessages: from the request to the hub's stream.
 *
 * The request becomes a SUBSCRIBE query; its answer says where the log stands, and
 * from then on every later event reaches this loop. The hub does the rest; here its
 * wishes (a page, a wake) become errands and calls of rpc.
 */
#include "server/stream_call.h"

#include "base/assert.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/io_loop.h"

#include <string.h>

static int decode(struct pl_bytes message, struct pl_errand *errand)
{
    struct pl_subscribe *to = &errand->command.u.subscribe;
    int rc = pl_wire_stream_messages(message, &errand->arena, &errand->stream, &errand->refusal);

    if (rc < 0 || errand->refusal.reason != PL_REASON_NONE)
        return rc;
    errand->command.kind = PL_QUERY_SUBSCRIBE;
    to->rooms = errand->stream.rooms;
    to->rooms_len = errand->stream.rooms_len;
    to->has_cursor = errand->stream.has_cursor;
    to->cursor_log = errand->stream.cursor.log;
    to->cursor_position = errand->stream.cursor.position;
    return PL_OK;
}

void pl_stream_on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    pl_stream_call_open(call, message, false, decode);
}

static size_t pull(void *self, uint8_t *to, size_t size)
{
    struct pl_stream_call *stream_call = self;

    return pl_stream_pull(stream_call->stream, to, size);
}

/* The rooms with something unread, by their ids. */
static int make_unread(const struct pl_granted *granted, struct pl_arena *arena,
                       struct pl_backlog *backlog)
{
    struct pl_backlog_room *rooms = pl_arena_alloc(arena, granted->rooms_len * sizeof *rooms);
    uint32_t len = 0;

    if (rooms == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < granted->rooms_len; i++) {
        const struct pl_subscribed_room *room = &granted->rooms[i];
        uint32_t at = len;

        if (room->read_sequence >= room->last_sequence)
            continue;
        for (; at > 0 && rooms[at - 1].room.v > room->id.v; at--)
            rooms[at] = rooms[at - 1];
        rooms[at] = (struct pl_backlog_room){room->id, room->read_sequence};
        len++;
    }
    backlog->rooms = rooms;
    backlog->rooms_len = len;
    return PL_OK;
}

/* Where the stream begins: after its cursor, or as `start` says. */
static int make_start(const struct pl_errand *errand, struct pl_arena *arena,
                      struct pl_stream_start *start)
{
    const struct pl_granted *granted = &errand->granted;

    start->after = granted->shown;
    if (errand->stream.has_cursor) {
        start->after = errand->stream.cursor.position;
        start->backlog = errand->stream.cursor.backlog;
        return PL_OK;
    }
    if (errand->stream.from == PL_STREAM_FROM_NOW)
        return PL_OK;
    start->backlog.until = granted->shown;
    if (errand->stream.from == PL_STREAM_FROM_BEGINNING) {
        start->backlog.kind = PL_BACKLOG_BEGINNING;
        start->after = 0;
        return PL_OK;
    }
    start->backlog.kind = PL_BACKLOG_UNREAD;
    if (make_unread(granted, arena, &start->backlog) < 0)
        return PL_E_NOMEM;
    if (start->backlog.rooms_len > 0)
        start->after = 0;
    else
        start->backlog.kind = PL_BACKLOG_NONE;
    return PL_OK;
}

void pl_stream_answer(struct pl_stream_call *stream_call, const struct pl_errand *errand)
{
    struct pl_io_loop *io = pl_stream_call_io(stream_call);
    struct pl_rpc_source source = {.self = stream_call, .pull = pull};
    const struct pl_granted *granted = &errand->granted;
    struct pl_stream_start start = {
        .user = granted->user,
        .session = granted->session,
        .shown = granted->shown,
        .all = granted->all,
        .rooms = granted->rooms,
        .rooms_len = granted->rooms_len,
        .now_ms = pl_loop_now_ms(io->loop),
    };
    struct pl_arena arena;
    int rc;

    if (pl_stream_call_refused(stream_call, errand))
        return;
    pl_arena_init(&arena, PL_ERRAND_SIZE_MAX);
    rc = make_start(errand, &arena, &start);
    if (rc == PL_OK)
        rc = pl_hub_open(io->hub, &start, stream_call, &stream_call->stream);
    pl_arena_done(&arena);
    if (rc < 0) {
        struct pl_refusal refusal = pl_refusal_of_err(rc);

        pl_stream_call_end(stream_call, &refusal);
        return;
    }
    stream_call->state = PL_STREAM_CALL_OPEN;
    pl_rpc_call_set_source(stream_call->call_weak, &source);
    pl_rpc_call_wake(stream_call->call_weak);
}

/* Copies a page's query: its arrays are the stream's. */
static int copy_query(const struct pl_page_query *from, struct pl_arena *arena,
                      struct pl_page_query *to)
{
    size_t rooms_size = from->rooms_len * sizeof *from->rooms;
    size_t backlog_size = from->backlog.rooms_len * sizeof *from->backlog.rooms;
    void *rooms = pl_arena_copy(arena, from->rooms, rooms_size);
    void *backlog = pl_arena_copy(arena, from->backlog.rooms, backlog_size);

    if (rooms == NULL || backlog == NULL)
        return PL_E_NOMEM;
    *to = *from;
    to->rooms = rooms;
    to->backlog.rooms = backlog;
    return PL_OK;
}

static void want_page(void *self, struct pl_stream *stream, const struct pl_page_query *query)
{
    struct pl_io_loop *io = self;
    struct pl_stream_call *stream_call = pl_stream_data(stream);
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_QUERY, io->config.number, stream_call->id);
    int rc = PL_E_NOMEM;

    if (errand != NULL) {
        errand->query.kind = PL_QUERY_READ_PAGE;
        errand->query.page_token = "";
        rc = copy_query(query, &errand->arena, &errand->query.u.page);
    }
    if (rc == PL_OK)
        rc = pl_reader_pool_post(io->config.readers_weak, errand);
    if (rc == PL_OK)
        return;
    pl_errand_free(errand);
    stream_call->page_failed = true; /* ended at the end of the turn: not from in here */
    io->pages_failed = true;
}

void pl_stream_page(struct pl_stream_call *stream_call, struct pl_errand *errand)
{
    struct pl_io_loop *io = pl_stream_call_io(stream_call);
    struct pl_buf *frames = errand->response;

    if (stream_call->stream == NULL)
        return;
    if (errand->refusal.reason != PL_REASON_NONE) {
        pl_hub_page_failed(io->hub, stream_call->stream, &errand->refusal);
        return;
    }
    errand->response = NULL;
    pl_hub_page(io->hub, stream_call->stream, frames, errand->through, errand->states_until,
                pl_loop_now_ms(io->loop));
}

static void wake(void *self, struct pl_stream *stream)
{
    struct pl_stream_call *stream_call = pl_stream_data(stream);

    (void)self;
    if (stream_call->state == PL_STREAM_CALL_OPEN)
        pl_rpc_call_wake(stream_call->call_weak);
}

static void ended(void *self, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    struct pl_stream_call *stream_call = pl_stream_data(stream);

    (void)self;
    pl_stream_call_end(stream_call, refusal); /* leaves the hub */
}

struct pl_hub_ops pl_stream_hub_ops(struct pl_io_loop *io)
{
    return (struct pl_hub_ops){
        .self = io,
        .want_page = want_page,
        .wake = wake,
        .ended = ended,
    };
}

void pl_stream_end_failed(struct pl_io_loop *io)
{
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_OVERLOADED);

    if (!io->pages_failed)
        return;
    io->pages_failed = false;
    refusal.retry_ms = 1000;
    PL_LIST_EACH (node, &io->stream_calls) {
        struct pl_stream_call *stream_call = pl_stream_call_of(node);

        if (stream_call->page_failed && stream_call->stream != NULL)
            pl_hub_page_failed(io->hub, stream_call->stream, &refusal);
        stream_call->page_failed = false;
    }
}

/*
 * loop.c - the loops' side of the server: letters, streams, pages.
 *
 * It does what src/server/io_loop.c, stream.c, take.c and the reader pool do.
 */
#include "sim.h"

#include "base/err.h"
#include "trace.h"

#include <inttypes.h>
#include <string.h>

enum { HEARTBEAT_MS = 20000 };

static struct call *call_of(struct loop *loop, uint64_t id)
{
    PL_LIST_EACH (node, &loop->calls) {
        struct call *call = PL_CONTAINER(node, struct call, node);

        if (call->id == id)
            return call;
    }
    return NULL;
}

/* So many pages may be asked for at a time: half of what may be held. */
static uint32_t wanted_max(const struct loop *loop)
{
    size_t len = loop->config.pages_size_max / 2 / loop->config.page_size_max;

    return len > 1 ? (uint32_t)len : 1;
}

static void want_page(void *self, struct pl_stream *stream, const struct pl_page_query *query)
{
    struct sim *sim = self;
    struct call *call = pl_stream_data(stream);
    struct loop *loop = &sim->server.loops[call->loop];
    size_t rooms_size = query->rooms_len * sizeof *query->rooms;
    size_t backlog_size = query->backlog.rooms_len * sizeof *query->backlog.rooms;
    void *rooms = sim_alloc(sim, rooms_size);
    void *backlog = sim_alloc(sim, backlog_size);

    JUDGE(!call->page_wanted, "a stream wants two pages at once");
    JUDGE(++loop->wanted <= wanted_max(loop), "%u pages are asked for", loop->wanted);
    if (rooms_size > 0)
        memcpy(rooms, query->rooms, rooms_size);
    if (backlog_size > 0)
        memcpy(backlog, query->backlog.rooms, backlog_size);
    call->page_query = *query;
    call->page_query.rooms = rooms;
    call->page_query.backlog.rooms = backlog;
    call->page_wanted = true;
}

static void on_wake(void *self, struct pl_stream *stream)
{
    struct call *call = pl_stream_data(stream);

    (void)self;
    call->awake = true;
}

static void on_ended(void *self, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    struct sim *sim = self;
    struct call *call = pl_stream_data(stream);
    enum pl_reason reason = refusal->reason;

    trace("stream %" PRIu64 " ends: %d", call->id, reason);
    loop_leave(sim, call);
    client_call_ended(sim, call, reason);
}

void loop_start(struct sim *sim, uint32_t number)
{
    static const size_t budgets[] = {0, 600, 2000, 6000, 1 << 20};
    struct loop *loop = &sim->server.loops[number];
    struct pl_hub_config config;

    loop->config = (struct pl_hub_config){
        .ops = {.self = sim, .want_page = want_page, .wake = on_wake, .ended = on_ended},
        .framer = sim->server.framer_iface,
        .tails_size_max = budgets[chance_below(&sim->chance, 5)],
        .heartbeat_ms = HEARTBEAT_MS,
    };
    loop->config.page_len_max = 1 + chance_below(&sim->chance, 20);
    loop->config.page_size_max = 1 + chance_below(&sim->chance, 4000);
    loop->config.pages_size_max = budgets[chance_below(&sim->chance, 5)];
    if (chance_once_in(&sim->chance, 2)) { /* then pages are shared between loops */
        loop->config.page_len_max = sim->server.loops[0].config.page_len_max;
        loop->config.page_size_max = sim->server.loops[0].config.page_size_max;
    }
    pl_list_init(&loop->calls);
    loop->wanted = 0;
    loop->starved = loop->draining = false;
    config = loop->config;
    if (sim->fault == FAULT_OVER_BUDGET)
        config.tails_size_max += 2000;
    JUDGE(pl_hub_new(&config, &loop->hub) == PL_OK, "out of memory");
}

static void drop_letter(struct letter *letter)
{
    pl_list_remove(&letter->node);
    pl_feed_unref(letter->feed);
    letter->feed = NULL;
}

void loop_stop(struct sim *sim, uint32_t number)
{
    struct loop *loop = &sim->server.loops[number];
    struct pl_hub_stats stats = pl_hub_stats(loop->hub);

    sim->seen->fell_behind += stats.fell_behind;
    sim->seen->rejoined += stats.rejoined;
    sim->seen->let_go += stats.pages_let_go;
    PL_LIST_EACH (node, &loop->calls)
        loop_leave(sim, PL_CONTAINER(node, struct call, node));
    PL_LIST_EACH (node, &loop->letters)
        drop_letter(PL_CONTAINER(node, struct letter, node));
    pl_hub_free(loop->hub);
    loop->hub = NULL;
}

/* The call is over here; the engine is to forget it. */
void loop_leave(struct sim *sim, struct call *call)
{
    struct loop *loop = &sim->server.loops[call->loop];

    if (call->state == CALL_GONE)
        return;
    if (call->stream != NULL) {
        pl_hub_close(loop->hub, call->stream);
        judge_stream_close(&call->judged);
    }
    call->stream = NULL;
    if (call->page_wanted)
        loop->wanted--;
    if (sim->fault != FAULT_LEAK)
        pl_buf_unref(call->page_frames);
    call->page_frames = NULL;
    pl_bytebuf_done(&call->bytes);
    call->state = CALL_GONE;
    pl_list_remove(&call->node);
    server_post(sim, &call->mail);
}

/* The rooms with something unread, by their ids. */
static void make_unread(struct sim *sim, const struct request *request, struct pl_backlog *backlog)
{
    struct pl_backlog_room *rooms = sim_alloc(sim, request->rooms_len * sizeof *rooms);

    for (uint32_t i = 0; i < request->rooms_len; i++) /* they are by id */
        if (request->rooms[i].read_sequence < request->rooms[i].last_sequence)
            rooms[backlog->rooms_len++] =
                (struct pl_backlog_room){request->rooms[i].id, request->rooms[i].read_sequence};
    backlog->rooms = rooms;
}

/* Where the stream begins: as src/server/stream.c has it. */
static void make_start(struct sim *sim, const struct call *call, const struct request *request,
                       struct pl_stream_start *start)
{
    start->after = request->shown;
    if (call->from == START_NOW)
        return;
    if (call->from == START_CURSOR) {
        start->after = call->cursor.position;
        start->backlog = call->cursor.backlog;
        return;
    }
    start->backlog.until = request->shown;
    if (call->from == START_BEGINNING) {
        start->backlog.kind = PL_BACKLOG_BEGINNING;
        start->after = 0;
        return;
    }
    make_unread(sim, request, &start->backlog);
    if (start->backlog.rooms_len > 0) {
        start->backlog.kind = PL_BACKLOG_UNREAD;
        start->after = 0;
    }
}

static void open_stream(struct sim *sim, struct call *call, const struct request *request)
{
    struct loop *loop = &sim->server.loops[call->loop];
    struct pl_stream_start start = {
        .user = request->user,
        .session = request->session,
        .shown = request->shown,
        .all = request->command.u.subscribe.rooms_len == 0,
        .rooms = request->rooms,
        .rooms_len = request->rooms_len,
        .now_ms = sim->mono_ms,
    };
    struct judge_stream_start judged;
    int rc;

    make_start(sim, call, request, &start);
    sim_starve(sim, 40);
    rc = pl_hub_open(loop->hub, &start, call, &call->stream);
    if (sim_fed(sim) && rc < 0) {
        loop_leave(sim, call);
        client_call_ended(sim, call, pl_refusal_of_err(rc).reason);
        return;
    }
    JUDGE(rc == PL_OK, "a stream could not be opened");
    judged = (struct judge_stream_start){
        .user = start.user.v,
        .all = start.all,
        .rooms = start.rooms,
        .rooms_len = start.rooms_len,
        .shown = start.shown,
        .after = start.after,
        .backlog = &start.backlog,
    };
    if (call->from == START_CURSOR) {
        judged.missing = call->client->missing;
        judged.missing_len = call->client->missing_len;
    }
    judge_stream_open(&sim->judge, &call->judged, &judged);
    call->state = CALL_OPEN;
    call->awake = true;
    trace("stream %" PRIu64 " of user %" PRIu64 " opens after %" PRIu64 ", shown %" PRIu64,
          call->id, start.user.v, start.after, start.shown);
}

static void answer_call(struct sim *sim, struct call *call, const struct request *request)
{
    if (request->reason != PL_REASON_NONE) {
        loop_leave(sim, call);
        client_call_ended(sim, call, request->reason);
        return;
    }
    if (call->taker)
        call->state = CALL_OPEN;
    else
        open_stream(sim, call, request);
}

static void end_streams(struct loop *loop)
{
    struct pl_refusal refusal = pl_refusal_of_err(PL_E_NOMEM);

    PL_LIST_EACH (node, &loop->calls) {
        struct call *call = PL_CONTAINER(node, struct call, node);

        if (call->stream != NULL)
            pl_hub_end(loop->hub, call->stream, &refusal);
    }
}

static void deliver_feed(struct sim *sim, struct loop *loop, struct pl_feed *feed)
{
    int rc;

    if (feed == NULL) {
        end_streams(loop);
        return;
    }
    sim_starve(sim, 60);
    rc = pl_hub_apply(loop->hub, feed, sim->mono_ms);
    if (sim_fed(sim))
        loop->starved = true;
    else
        JUDGE(rc == PL_OK, "a feed could not be applied");
    JUDGE(pl_hub_stats(loop->hub).tails_size <= loop->config.tails_size_max,
          "the tails are over their budget");
}

static void deliver(struct sim *sim, struct loop *loop, const struct letter *letter)
{
    struct call *call = NULL;

    if (letter->kind == LETTER_FEED) {
        deliver_feed(sim, loop, letter->feed);
        return;
    }
    if (letter->kind == LETTER_REPLY)
        call = call_of(loop, letter->request->command.reply_to);
    else
        call = call_of(loop, letter->call);
    if (letter->kind == LETTER_REPLY && call != NULL)
        answer_call(sim, call, letter->request);
    if (letter->kind == LETTER_REPLY)
        client_on_reply(sim, letter->request);
    else if (letter->kind == LETTER_TAKEN && call != NULL)
        client_on_taken(sim, call, letter);
    else if (call != NULL) {
        loop_leave(sim, call);
        client_call_ended(sim, call, letter->reason);
    }
}

bool loop_deliver(struct sim *sim, uint32_t number)
{
    struct loop *loop = &sim->server.loops[number];
    struct pl_list *node = pl_list_first(&loop->letters);
    struct letter *letter;

    if (node == NULL)
        return false;
    letter = PL_CONTAINER(node, struct letter, node);
    deliver(sim, loop, letter);
    drop_letter(letter);
    return true;
}

void loop_turn(struct sim *sim, uint32_t number)
{
    sim_starve(sim, 200);
    while (pl_hub_turn(sim->server.loops[number].hub))
        ;
    if (sim_fed(sim))
        sim->server.loops[number].starved = true;
}

void loop_tick(struct sim *sim, uint32_t number)
{
    sim_starve(sim, 20);
    pl_hub_tick(sim->server.loops[number].hub, sim->mono_ms);
    sim_fed(sim);
    loop_turn(sim, number);
}

/* FAULT_DROP_ON_REJOIN: all frames but the last. */
static struct pl_buf *without_last(struct pl_buf *frames)
{
    struct pl_buf *ret;
    size_t at = 0, last = 0;

    while (at < frames->size) {
        last = at;
        at += 5 + reading_size_of_frame(frames->data + at);
    }
    ret = pl_buf_copy(frames->data, last);
    pl_buf_unref(frames);
    return ret;
}

/* FAULT_NO_STATE */
static void frame_nothing(void *self, struct pl_bytes state, pl_position position,
                          const struct pl_backlog *backlog, bool with_cursor,
                          struct pl_bytebuf *out)
{
    (void)self;
    (void)state;
    (void)position;
    (void)backlog;
    (void)with_cursor;
    (void)out;
}

/* False: it could not be read, since the disk is dying. */
static bool read_page(struct sim *sim, struct call *call)
{
    struct pl_framer framer = sim->server.framer_iface;
    struct pl_cached_page page;
    bool starved;
    int rc;

    if (sim->fault == FAULT_NO_STATE)
        framer.room_state = frame_nothing;
    sim_starve(sim, 60);
    rc = disk_page(&sim->disk, &call->page_query, &framer, &page);
    starved = sim_fed(sim);
    if (rc < 0 && !starved)
        return false;
    call->page_read = true;
    call->page_failed = rc < 0;
    if (rc < 0) {
        trace("stream %" PRIu64 ": no page: %s", call->id, pl_err_text(rc));
        return true;
    }
    if (sim->fault == FAULT_DROP_ON_REJOIN && !page.cut)
        page.frames = without_last(page.frames);
    call->page_frames = page.frames;
    call->page_through = page.through;
    call->page_states_until = sim->fault == FAULT_EARLY_LIVE ? 0 : page.states_until;
    trace("stream %" PRIu64 ": a page of %zu bytes after %" PRIu64 ", through %" PRIu64, call->id,
          page.frames->size, call->page_query.after, page.through);
    return true;
}

static void hand_over(struct sim *sim, struct call *call)
{
    struct loop *loop = &sim->server.loops[call->loop];
    struct pl_refusal refusal = pl_refusal_of_err(PL_E_NOMEM);
    struct pl_buf *frames = call->page_frames;

    call->page_frames = NULL;
    call->page_wanted = false;
    call->page_read = false;
    loop->wanted--;
    if (call->page_failed) {
        pl_hub_page_failed(loop->hub, call->stream, &refusal);
    } else {
        if (frames->size > 0)
            loop->page_size = frames->size;
        sim_starve(sim, 60);
        pl_hub_page(loop->hub, call->stream, frames, call->page_through, call->page_states_until,
                    sim->mono_ms);
        if (sim_fed(sim))
            loop->starved = true;
    }
    loop_turn(sim, call->loop);
}

bool loop_page(struct sim *sim, struct call *call)
{
    if (!call->page_wanted)
        return false;
    if (!call->page_read) {
        if (sim->waiting && sim->disk.sqlite == NULL) /* the twin has no snapshots */
            return false;
        return read_page(sim, call);
    }
    hand_over(sim, call);
    return true;
}

/* A page that has just come may be over the budget; and so may those be that wait for their
 * streams' end, or that could not be let go for want of memory. */
void loop_judge(const struct sim *sim, uint32_t number)
{
    const struct loop *loop = &sim->server.loops[number];
    struct pl_hub_stats stats = pl_hub_stats(loop->hub);
    size_t streams_len = 0;

    PL_LIST_EACH (node, &loop->calls)
        streams_len += PL_CONTAINER(node, struct call, node)->stream != NULL;
    JUDGE(stats.streams_len == streams_len, "a loop has %zu streams, due were %zu",
          stats.streams_len, streams_len);
    JUDGE(stats.tails_size <= loop->config.tails_size_max, "the tails are over their budget");
    JUDGE(stats.pages_size <= loop->config.pages_size_max || stats.pages_size <= loop->page_size ||
              loop->starved || loop->draining,
          "pages of %zu bytes are held, %zu may be", stats.pages_size, loop->config.pages_size_max);
}

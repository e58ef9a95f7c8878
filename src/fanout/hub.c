/*
 * hub.c - feeds in, wakes out.
 *
 * A feed is walked three times: first who gains or loses a room, then events and
 * markers, then what has been lost for good. Where a change of membership stands
 * among the events does not matter then: the positions that it bears decide.
 */
#include "fanout/hub.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "fanout/stream.h"

struct pl_hub {
    struct pl_hub_config config;
    struct pl_stream_set set;
    struct pl_map streams; /* by user */
    struct pl_beats beats;
    struct pl_bytebuf scratch; /* for making frames; empty in between */
    pl_position through;       /* all feeds up to here that concern this hub have come */
    int64_t now_ms;            /* as last told */
    bool draining;
    uint32_t retry_ms; /* what a stream is told that is opened while draining */
};

/* Memory of an unusually large frame is not kept. */
enum { SCRATCH_KEEP_SIZE_MAX = 64 * 1024 };

int pl_hub_new(const struct pl_hub_config *config, struct pl_hub **ret_hub)
{
    struct pl_hub *hub = pl_zalloc(sizeof *hub);

    if (hub == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(config->heartbeat_ms > 0 && config->page_len_max > 0 && config->page_size_max > 0);
    hub->config = *config;
    pl_tails_init(&hub->set.tails, config->tails_size_max);
    pl_pages_init(&hub->set.pages, config->pages_size_max, config->page_size_max);
    pl_list_init(&hub->set.due);
    pl_map_init(&hub->streams);
    pl_beats_init(&hub->beats, config->heartbeat_ms);
    pl_bytebuf_init(&hub->scratch, PL_BUF_SIZE_MAX);
    *ret_hub = hub;
    return PL_OK;
}

void pl_hub_free(struct pl_hub *hub)
{
    if (hub == NULL)
        return;
    PL_ASSERT(hub->streams.len == 0);
    pl_tails_done(&hub->set.tails);
    pl_pages_done(&hub->set.pages);
    pl_map_done(&hub->streams);
    pl_bytebuf_done(&hub->scratch);
    pl_free(hub);
}

void *pl_stream_data(const struct pl_stream *stream)
{
    return stream->data_weak;
}

static struct pl_stream *stream_of(struct pl_map_node *node)
{
    return PL_CONTAINER(node, struct pl_stream, node);
}

/* The caller's clock may jump; silence is measured by what it passed, a jump
 * counting as one span at most. */
static void set_time(struct pl_hub *hub, int64_t now_ms)
{
    int64_t passed = hub->now_ms == 0 ? 0 : now_ms - hub->now_ms;

    if (passed > hub->config.heartbeat_ms)
        passed = hub->config.heartbeat_ms;
    if (passed > 0)
        hub->set.time_ms += passed;
    hub->now_ms = now_ms;
}

static int add_chunk(struct pl_stream *stream, struct pl_buf *buf, bool caught_up)
{
    if (buf == NULL)
        return PL_E_NOMEM;
    return caught_up ? pl_chunks_add_caught_up(&stream->chunks, buf)
                     : pl_chunks_add(&stream->chunks, buf, 0);
}

/* Gives the stream what is in scratch, and empties it. */
static int say_it(struct pl_hub *hub, struct pl_stream *stream, bool caught_up)
{
    int rc = hub->scratch.err;

    if (rc == PL_OK) {
        struct pl_buf *buf = pl_buf_copy(hub->scratch.data, hub->scratch.size);

        rc = add_chunk(stream, buf, caught_up);
        pl_buf_unref(buf);
    }
    if (hub->scratch.cap > SCRATCH_KEEP_SIZE_MAX) {
        pl_bytebuf_done(&hub->scratch);
        pl_bytebuf_init(&hub->scratch, PL_BUF_SIZE_MAX);
    }
    pl_bytebuf_clear(&hub->scratch);
    return rc;
}

static int say(struct pl_hub *hub, struct pl_stream *stream)
{
    return say_it(hub, stream, false);
}

static void end_for(struct pl_stream *stream, int err)
{
    struct pl_refusal refusal = pl_refusal_of_err(err);

    pl_stream_end(stream, &refusal, true);
}

/* CaughtUp, once, if the stream has passed `shown` at this position. */
static int say_caught_up(struct pl_hub *hub, struct pl_stream *stream, pl_position position)
{
    const struct pl_framer *framer = &hub->config.framer;

    if (stream->caught_up || position < stream->shown)
        return PL_OK;
    stream->caught_up = true;
    framer->caught_up(framer->self, position, pl_stream_backlog_at(stream, position),
                      &hub->scratch);
    return say_it(hub, stream, true);
}

/* Its rooms, the markers in them, and CaughtUp if it is owed nothing. */
static int fill(struct pl_hub *hub, struct pl_stream *stream, const struct pl_stream_start *start)
{
    const struct pl_framer *framer = &hub->config.framer;
    int rc = PL_OK;

    for (uint32_t i = 0; rc == PL_OK && i < start->rooms_len; i++)
        rc = pl_stream_gain(stream, start->rooms[i].id, start->shown);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < start->rooms_len; i++)
        framer->read_marker(framer->self, start->rooms[i].name, start->rooms[i].read_sequence,
                            &hub->scratch);
    if (start->rooms_len > 0)
        rc = say(hub, stream);
    if (rc == PL_OK)
        rc = say_caught_up(hub, stream, stream->cursor);
    return rc;
}

/* Where the stream will stand when it has been given what is pending; a live one
 * that has nothing before it stands where the last feed ended. */
static pl_position stands_at(const struct pl_hub *hub, const struct pl_stream *stream)
{
    pl_position through = pl_chunks_through(&stream->chunks);

    if (through > 0)
        return through;
    if (stream->state == PL_STREAM_LIVE && stream->places.ready_len == 0 &&
        hub->through > stream->cursor)
        return hub->through;
    return stream->cursor;
}

static void drain_stream(struct pl_hub *hub, struct pl_stream *stream, uint32_t retry_ms)
{
    const struct pl_framer *framer = &hub->config.framer;
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_DRAINING);
    pl_position position = stands_at(hub, stream);

    if (stream->state >= PL_STREAM_ENDING)
        return;
    refusal.retry_ms = retry_ms;
    framer->draining(framer->self, retry_ms, position, pl_stream_backlog_at(stream, position),
                     &hub->scratch);
    /* Where there is no memory for the frame, the status says it alone. */
    pl_stream_end(stream, &refusal, say(hub, stream) < 0);
}

int pl_hub_open(struct pl_hub *hub, const struct pl_stream_start *start, void *data,
                struct pl_stream **ret_stream)
{
    struct pl_stream *stream;
    int rc;

    set_time(hub, start->now_ms);
    stream = pl_stream_new(&hub->set, start, data);
    if (stream == NULL)
        return PL_E_NOMEM;
    rc = fill(hub, stream, start);
    if (rc < 0) {
        pl_stream_free(stream);
        return rc;
    }
    pl_map_put(&hub->streams, &stream->node, pl_hash_u64(stream->user.v));
    pl_beats_add(&hub->beats, &stream->beat, hub->set.time_ms + hub->config.heartbeat_ms);
    pl_stream_go_live(stream);
    pl_stream_make_due(stream);
    if (hub->draining)
        drain_stream(hub, stream, hub->retry_ms);
    *ret_stream = stream;
    return PL_OK;
}

void pl_hub_close(struct pl_hub *hub, struct pl_stream *stream)
{
    if (stream->page == PL_PAGE_WANTED)
        pl_pages_answered(&hub->set.pages);
    pl_map_remove(&hub->streams, &stream->node);
    pl_stream_free(stream);
}

static int apply_membership(struct pl_hub *hub, const struct pl_feed_entry *entry)
{
    int ret = PL_OK;

    PL_MAP_EACH (node, &hub->streams, pl_hash_u64(entry->user.v)) {
        struct pl_stream *stream = stream_of(node);
        int rc = PL_OK;

        if (stream->user.v != entry->user.v || stream->state >= PL_STREAM_ENDING ||
            !pl_stream_wants(stream, entry->room, entry->work))
            continue;
        if (entry->joined)
            rc = pl_stream_gain(stream, entry->room, entry->position);
        else
            pl_stream_lose(stream, entry->room, entry->position);
        if (rc < 0) {
            end_for(stream, rc);
            ret = rc;
        }
    }
    return ret;
}

static void end_session(struct pl_hub *hub, const struct pl_feed_entry *entry)
{
    struct pl_refusal refusal = pl_refusal_of(PL_REASON_SESSION_ENDED);

    PL_MAP_EACH (node, &hub->streams, pl_hash_u64(entry->user.v)) {
        struct pl_stream *stream = stream_of(node);

        if (stream->user.v == entry->user.v && stream->session.v == entry->session.v)
            pl_stream_end(stream, &refusal, true);
    }
}

static void drop_left(struct pl_hub *hub, const struct pl_feed_entry *entry)
{
    PL_MAP_EACH (node, &hub->streams, pl_hash_u64(entry->user.v)) {
        struct pl_stream *stream = stream_of(node);

        if (stream->user.v == entry->user.v)
            pl_stream_drop_left(stream);
    }
}

static int apply_marker(struct pl_hub *hub, const struct pl_feed *feed,
                        const struct pl_feed_entry *entry)
{
    int ret = PL_OK;

    PL_MAP_EACH (node, &hub->streams, pl_hash_u64(entry->user.v)) {
        struct pl_stream *stream = stream_of(node);
        int rc;

        if (stream->user.v != entry->user.v || stream->state >= PL_STREAM_ENDING ||
            pl_places_find(&stream->places, entry->room) == NULL)
            continue;
        rc = pl_chunks_add_marker(&stream->chunks, entry->room, feed->frames, entry->offset,
                                  entry->size);
        if (rc < 0) {
            end_for(stream, rc);
            ret = rc;
        }
        pl_stream_make_due(stream);
    }
    return ret;
}

/* Whether the event is for who is in that place, and not given by a page. */
static bool concerns(const struct pl_place *place, pl_position position)
{
    return position > place->stream_weak->cursor && position > place->from &&
           position <= place->until;
}

static void wake(struct pl_hub *hub, struct pl_stream *stream)
{
    if (stream->awake)
        return;
    stream->awake = true;
    hub->config.ops.wake(hub->config.ops.self, stream);
}

/* The tail's last entry is new: tells those who have been given all before. */
static void wake_idle(struct pl_hub *hub, struct pl_tail *tail)
{
    const struct pl_tail_entry *entry = pl_tail_at(tail, tail->end - 1);

    PL_LIST_EACH (node, &tail->idle) {
        struct pl_place *place = PL_CONTAINER(node, struct pl_place, idle);
        struct pl_stream *stream = place->stream_weak;

        if (!concerns(place, entry->position))
            continue;
        pl_places_make_ready(&stream->places, place, tail->end - 1, entry->position);
        wake(hub, stream);
    }
}

/* An event could not be kept: those who wait for it get it from the store. Each
 * then takes all its places out of the lists, and some tails may go with them. */
static void skip(struct pl_hub *hub, struct pl_tail *tail, pl_position position)
{
    struct pl_list *node = tail->idle.next;

    tail->refs++;
    pl_tail_skip(tail, position);
    while (node != &tail->idle) {
        struct pl_place *place = PL_CONTAINER(node, struct pl_place, idle);

        node = node->next;
        if (concerns(place, position)) {
            pl_stream_fall_behind(place->stream_weak);
            node = tail->idle.next;
        }
    }
    pl_tails_unref(&hub->set.tails, tail);
}

static int apply_event(struct pl_hub *hub, struct pl_tail *tail, bool reserved,
                       const struct pl_feed *feed, const struct pl_feed_entry *entry)
{
    int rc = PL_E_NOMEM;

    if (reserved)
        rc = pl_tail_append(tail, feed, entry);
    if (rc < 0)
        skip(hub, tail, entry->position);
    else
        wake_idle(hub, tail);
    return rc;
}

/* Events and markers, in order. */
static int apply_entries(struct pl_hub *hub, struct pl_feed *feed)
{
    bool reserved = pl_tails_reserve(&hub->set.tails) == PL_OK;
    bool held = false;
    struct pl_tail *tail = NULL;
    pl_room_id room = {0};
    int ret = PL_OK;

    for (uint32_t i = 0; i < feed->entries_len; i++) {
        const struct pl_feed_entry *entry = &feed->entries[i];
        int rc = PL_OK;

        if (entry->kind == PL_FEED_READ_MARKER) {
            rc = apply_marker(hub, feed, entry);
        } else if (entry->kind == PL_FEED_EVENT) {
            if (entry->room.v != room.v) {
                room = entry->room;
                tail = pl_tails_find(&hub->set.tails, room);
            }
            if (tail == NULL || entry->position <= tail->floor)
                continue;
            rc = apply_event(hub, tail, reserved, feed, entry);
            held = held || rc == PL_OK;
        }
        if (rc < 0) {
            ret = rc;
            room.v = 0; /* the tail may have gone: look for it again */
        }
    }
    if (held)
        pl_tails_hold(&hub->set.tails, feed);
    return ret;
}

int pl_hub_apply(struct pl_hub *hub, struct pl_feed *feed, int64_t now_ms)
{
    int ret = PL_OK;
    int rc;

    set_time(hub, now_ms);
    for (uint32_t i = 0; i < feed->entries_len; i++) {
        if (feed->entries[i].kind == PL_FEED_MEMBERSHIP) {
            rc = apply_membership(hub, &feed->entries[i]);
            if (rc < 0)
                ret = rc;
        } else if (feed->entries[i].kind == PL_FEED_SESSION_ENDED) {
            end_session(hub, &feed->entries[i]);
        }
    }
    rc = apply_entries(hub, feed);
    if (rc < 0)
        ret = rc;
    for (uint32_t i = 0; i < feed->entries_len; i++)
        if (feed->entries[i].kind == PL_FEED_MEMBERSHIP && !feed->entries[i].joined)
            drop_left(hub, &feed->entries[i]);
    if (feed->through > hub->through)
        hub->through = feed->through;
    pl_tails_evict(&hub->set.tails);
    return ret;
}

/* The stream gets a page of some events. */
static int hold_page(struct pl_hub *hub, struct pl_stream *stream, struct pl_buf *frames,
                     pl_position through)
{
    int rc = pl_pages_hold(&hub->set.pages, stream->hold, frames);

    if (rc < 0)
        return rc;
    rc = pl_chunks_add(&stream->chunks, frames, through);
    if (rc < 0)
        pl_pages_drop(&hub->set.pages, stream->hold);
    else
        stream->page = PL_PAGE_HELD;
    return rc;
}

void pl_hub_page(struct pl_hub *hub, struct pl_stream *stream, struct pl_buf *frames,
                 pl_position through, pl_position states_until, int64_t now_ms)
{
    int rc = PL_OK;

    set_time(hub, now_ms);
    PL_ASSERT(stream->page == PL_PAGE_WANTED && through >= stream->cursor);
    stream->page = PL_PAGE_NONE;
    pl_pages_answered(&hub->set.pages);
    if (stream->pages_until < states_until)
        stream->pages_until = states_until;
    if (stream->state == PL_STREAM_CATCHING_UP) {
        if (frames != NULL && frames->size > 0) {
            rc = hold_page(hub, stream, frames, through);
        } else {
            pl_stream_advance(stream, through);
        }
        if (rc == PL_OK)
            rc = say_caught_up(hub, stream, through);
        if (rc < 0)
            end_for(stream, rc);
        pl_stream_make_due(stream);
        pl_pages_trim(&hub->set.pages, &hub->config.framer);
    }
    pl_buf_unref(frames);
}

void pl_hub_page_failed(struct pl_hub *hub, struct pl_stream *stream,
                        const struct pl_refusal *refusal)
{
    PL_ASSERT(stream->page == PL_PAGE_WANTED);
    stream->page = PL_PAGE_NONE;
    pl_pages_answered(&hub->set.pages);
    pl_stream_end(stream, refusal, true);
}

void pl_hub_end(struct pl_hub *hub, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    (void)hub;
    pl_stream_end(stream, refusal, true);
}

void pl_hub_drain(struct pl_hub *hub, uint32_t retry_after_ms, uint32_t spread_ms)
{
    uint64_t i = 0;

    hub->draining = true;
    hub->retry_ms = retry_after_ms + spread_ms;
    for (struct pl_map_node *node = pl_map_walk(&hub->streams, NULL); node != NULL;
         node = pl_map_walk(&hub->streams, node))
        drain_stream(hub, stream_of(node),
                     retry_after_ms + (uint32_t)(i++ * spread_ms / hub->streams.len));
}

/* What the stream's owner is to read for it. */
static void ask_for_page(struct pl_hub *hub, struct pl_stream *stream)
{
    const struct pl_backlog *backlog = pl_stream_backlog_at(stream, stream->cursor);
    struct pl_page_query query = {
        .user = stream->user,
        .after = stream->cursor,
        .all = stream->all,
        .rooms = stream->rooms,
        .rooms_len = stream->rooms_len,
        .len_max = hub->config.page_len_max,
        .size_max = hub->config.page_size_max,
    };

    if (backlog != NULL)
        query.backlog = *backlog;
    stream->page = PL_PAGE_WANTED;
    hub->config.ops.want_page(hub->config.ops.self, stream, &query);
}

/* The stream asks for its page, or waits until it may. */
static void take_turn(struct pl_hub *hub, struct pl_stream *stream)
{
    if (stream->hold == NULL)
        stream->hold = pl_page_hold_new(stream);
    if (stream->hold == NULL)
        end_for(stream, PL_E_NOMEM);
    else if (pl_pages_may_ask(&hub->set.pages, stream->hold))
        ask_for_page(hub, stream);
}

static void tell_ended(struct pl_hub *hub, struct pl_stream *stream)
{
    struct pl_refusal refusal = pl_refusal_of((enum pl_reason)stream->reason);

    if (stream->refusal != NULL)
        refusal = *stream->refusal;
    pl_stream_set_state(stream, PL_STREAM_ENDED);
    hub->config.ops.ended(hub->config.ops.self, stream, &refusal);
}

/* The last call here may close the stream. */
static void look_at(struct pl_hub *hub, struct pl_stream *stream)
{
    if (stream->state == PL_STREAM_CATCHING_UP && stream->page == PL_PAGE_NONE) {
        pl_stream_go_live(stream);
        /* where the page behind which it was said has been let go */
        if (say_caught_up(hub, stream, stream->cursor) < 0)
            end_for(stream, PL_E_NOMEM);
    }
    if (stream->state == PL_STREAM_ENDING && !pl_stream_pending(stream)) {
        tell_ended(hub, stream);
        return;
    }
    if (!stream->awake && pl_stream_pending(stream)) {
        stream->awake = true;
        hub->config.ops.wake(hub->config.ops.self, stream);
    }
    if (stream->state == PL_STREAM_CATCHING_UP && stream->page == PL_PAGE_NONE && !stream->let_go)
        take_turn(hub, stream);
}

/* The next stream to be looked at: one that is due, else one that may ask for a page
 * now. */
static struct pl_stream *next_due(struct pl_hub *hub)
{
    struct pl_list *node = pl_list_first(&hub->set.due);

    if (node == NULL)
        return pl_pages_next(&hub->set.pages);
    pl_list_remove(node);
    return PL_CONTAINER(node, struct pl_stream, due);
}

bool pl_hub_turn(struct pl_hub *hub)
{
    struct pl_stream *stream;
    bool any = false;

    while ((stream = next_due(hub)) != NULL) {
        look_at(hub, stream);
        any = true;
    }
    return any;
}

/* A heartbeat, where the stream is silent because there is nothing to say. */
static void beat(struct pl_hub *hub, struct pl_stream *stream)
{
    const struct pl_framer *framer = &hub->config.framer;
    int64_t time_ms = hub->set.time_ms;

    if (stream->pulled_ms + hub->config.heartbeat_ms <= time_ms) {
        if (stream->state < PL_STREAM_ENDING && !pl_stream_pending(stream)) {
            pl_position position = stands_at(hub, stream);

            framer->heartbeat(framer->self, hub->now_ms, position,
                              pl_stream_backlog_at(stream, position), &hub->scratch);
            /* Where there is no memory for it, the next one comes in its time. */
            if (say(hub, stream) == PL_OK)
                stream->cursor = position;
            pl_stream_make_due(stream);
        }
        stream->pulled_ms = time_ms;
    }
    pl_beats_add(&hub->beats, &stream->beat, stream->pulled_ms + hub->config.heartbeat_ms);
}

void pl_hub_tick(struct pl_hub *hub, int64_t now_ms)
{
    struct pl_list *node;

    set_time(hub, now_ms);
    while ((node = pl_beats_next(&hub->beats, hub->set.time_ms)) != NULL)
        beat(hub, PL_CONTAINER(node, struct pl_stream, beat));
}

struct pl_hub_stats pl_hub_stats(const struct pl_hub *hub)
{
    return (struct pl_hub_stats){
        .streams_len = hub->streams.len,
        .live_len = hub->set.live_len,
        .tails_len = hub->set.tails.map.len,
        .tails_size = hub->set.tails.size,
        .pages_size = hub->set.pages.size,
        .pages_let_go = hub->set.pages.let_go,
        .fell_behind = hub->set.fell_behind,
        .rejoined = hub->set.rejoined,
    };
}

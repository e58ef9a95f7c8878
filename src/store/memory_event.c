/* memory_event.c - events, threads and request ids in the in-memory store. */
#include "base/err.h"
#include "base/mem.h"
#include "store/memory_state.h"

#include <stdio.h>
#include <string.h>

/* The room's last event, or NULL. */
static const struct pl_memory_event *last_event(const struct pl_memory_store *store,
                                                pl_room_id room)
{
    for (size_t i = pl_memory_len(store, PL_TABLE_EVENTS); i-- > 0;) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        if (event->row.room.v == room.v)
            return event;
    }
    return NULL;
}

/* The events' order is that of the journal, and each room's is dense. */
static void check_order(const struct pl_memory_store *store, const struct pl_event_row *row)
{
    size_t len = pl_memory_len(store, PL_TABLE_EVENTS);
    const struct pl_memory_event *last =
        len > 0 ? pl_memory_row(store, PL_TABLE_EVENTS, len - 1) : NULL;
    const struct pl_memory_event *in_room = last_event(store, row->room);

    PL_ASSERT(last == NULL || row->position > last->row.position);
    PL_ASSERT(row->sequence == (in_room != NULL ? in_room->row.sequence : 0) + 1);
}

static uint64_t messages_with(const struct pl_memory_store *store, const struct pl_event_row *row)
{
    const struct pl_memory_event *before = last_event(store, row->room);

    if (row->kind == PL_EVENT_MESSAGE_SENT)
        return row->message_no;
    return before != NULL ? before->messages : 0;
}

int pl_memory_append_event(void *self, const struct pl_event_row *row)
{
    struct pl_memory_store *store = self;
    struct pl_memory_event event = {.row = *row};
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    store->counts.append_event++;
    check_order(store, row);
    event.mentions = pl_memdup(row->mentions, row->mentions_len * sizeof *row->mentions);
    if (event.mentions == NULL)
        return PL_E_NOMEM;
    event.row.mentions = event.mentions;
    event.messages = messages_with(store, row);
    rc = pl_memory_put(store, PL_TABLE_EVENTS, pl_memory_len(store, PL_TABLE_EVENTS), &event);
    if (rc < 0) {
        pl_free(event.mentions);
        return rc;
    }
    pl_buf_ref(row->bytes);
    return PL_OK;
}

int pl_memory_get_message(void *self, pl_room_id room, pl_sequence sequence,
                          struct pl_buf **ret_bytes, pl_sequence *ret_thread,
                          pl_user_id *ret_sender)
{
    struct pl_memory_store *store = self;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = pl_memory_len(store, PL_TABLE_EVENTS); i-- > 0;) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        if (event->row.room.v != room.v || event->row.sequence != sequence ||
            event->row.kind != PL_EVENT_MESSAGE_SENT)
            continue;
        *ret_bytes = pl_buf_ref(event->row.bytes);
        *ret_thread = event->row.thread;
        *ret_sender = event->row.actor;
        return PL_OK;
    }
    return PL_E_NOTFOUND;
}

int pl_memory_count_messages(void *self, pl_room_id room, pl_sequence through, uint64_t *ret_count)
{
    struct pl_memory_store *store = self;
    uint64_t count = 0;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_EVENTS); i++) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        if (event->row.room.v == room.v && event->row.sequence <= through)
            count = event->messages;
    }
    *ret_count = count;
    return PL_OK;
}

static size_t index_of_thread(const struct pl_memory_store *store, pl_room_id room,
                              pl_sequence first)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_THREADS); i++) {
        const struct pl_memory_thread *thread = pl_memory_row(store, PL_TABLE_THREADS, i);

        if (thread->room.v == room.v && thread->first == first)
            break;
    }
    return i;
}

int pl_memory_get_thread(void *self, pl_room_id room, pl_sequence first, struct pl_thread_row *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_thread(store, room, first);
    const struct pl_memory_thread *thread;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_THREADS))
        return PL_E_NOTFOUND;
    thread = pl_memory_row(store, PL_TABLE_THREADS, i);
    *ret = thread->row;
    return PL_OK;
}

/* Where the room's first event is; *ret_last: it is its last one, too. */
static size_t index_of_first(const struct pl_memory_store *store, pl_room_id room, bool *ret_last)
{
    size_t len = pl_memory_len(store, PL_TABLE_EVENTS);
    size_t first = len;

    for (size_t i = len; i-- > 0;) {
        const struct pl_memory_event *event = pl_memory_row(store, PL_TABLE_EVENTS, i);

        if (event->row.room.v != room.v)
            continue;
        *ret_last = first == len;
        first = i;
    }
    return first;
}

static int delete_thread(struct pl_memory_store *store, pl_room_id room, pl_sequence first)
{
    size_t i = index_of_thread(store, room, first);

    return i < pl_memory_len(store, PL_TABLE_THREADS) ? pl_memory_delete(store, PL_TABLE_THREADS, i)
                                                      : PL_OK;
}

int pl_memory_trim_room(void *self, pl_room_id room, int64_t until_ms, uint32_t len_max,
                        struct pl_trim *ret)
{
    struct pl_memory_store *store = self;
    struct pl_trim trim = {0};
    int rc = pl_memory_write_op(store);

    while (rc == PL_OK) {
        bool last = true;
        size_t i = index_of_first(store, room, &last);
        const struct pl_memory_event *event;

        if (i == pl_memory_len(store, PL_TABLE_EVENTS))
            break;
        event = pl_memory_row(store, PL_TABLE_EVENTS, i);
        trim.first_ms = event->row.create_ms;
        if (last || trim.len == len_max || trim.first_ms > until_ms)
            break;
        trim.len++;
        trim.trimmed.position = event->row.position;
        trim.trimmed.messages = event->messages;
        if (event->row.kind == PL_EVENT_MESSAGE_SENT)
            trim.trimmed.last_message = event->row.sequence;
        rc = delete_thread(store, room, event->row.sequence);
        if (rc == PL_OK)
            rc = pl_memory_delete(store, PL_TABLE_EVENTS, i);
    }
    if (rc < 0)
        return rc;
    *ret = trim;
    return PL_OK;
}

int pl_memory_put_thread(void *self, pl_room_id room, pl_sequence first,
                         const struct pl_thread_row *row)
{
    struct pl_memory_store *store = self;
    struct pl_memory_thread thread = {.room = room, .first = first, .row = *row};
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    return pl_memory_put(store, PL_TABLE_THREADS, index_of_thread(store, room, first), &thread);
}

static size_t index_of_request(const struct pl_memory_store *store, pl_user_id user,
                               const char *target, const char *request_id)
{
    size_t i = 0;

    for (; i < pl_memory_len(store, PL_TABLE_REQUESTS); i++) {
        const struct pl_memory_request *request = pl_memory_row(store, PL_TABLE_REQUESTS, i);

        if (request->user.v == user.v && strcmp(request->target, target) == 0 &&
            strcmp(request->request_id, request_id) == 0)
            break;
    }
    return i;
}

int pl_memory_get_request(void *self, pl_user_id user, const char *target, const char *request_id,
                          struct pl_request *ret)
{
    struct pl_memory_store *store = self;
    size_t i = index_of_request(store, user, target, request_id);
    const struct pl_memory_request *request;
    int rc = pl_memory_op(store);

    if (rc < 0)
        return rc;
    if (i == pl_memory_len(store, PL_TABLE_REQUESTS))
        return PL_E_NOTFOUND;
    request = pl_memory_row(store, PL_TABLE_REQUESTS, i);
    ret->content = request->content;
    ret->room = request->room;
    ret->sequence = request->sequence;
    ret->create_ms = request->create_ms;
    return PL_OK;
}

int pl_memory_put_request(void *self, const struct pl_request *request)
{
    struct pl_memory_store *store = self;
    struct pl_memory_request row = {.user = request->user,
                                    .content = request->content,
                                    .room = request->room,
                                    .sequence = request->sequence,
                                    .create_ms = request->create_ms};
    size_t i = index_of_request(store, request->user, request->target, request->request_id);
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    PL_ASSERT(strlen(request->target) < sizeof row.target);
    PL_ASSERT(strlen(request->request_id) < sizeof row.request_id);
    snprintf(row.target, sizeof row.target, "%s", request->target);
    snprintf(row.request_id, sizeof row.request_id, "%s", request->request_id);
    return pl_memory_put(store, PL_TABLE_REQUESTS, i, &row);
}

int pl_memory_expire_requests(void *self, int64_t before_ms, uint32_t len_max, uint32_t *ret_len)
{
    struct pl_memory_store *store = self;
    uint32_t len = 0;
    int rc = pl_memory_write_op(store);

    if (rc < 0)
        return rc;
    /* the oldest of all, again and again */
    for (; len < len_max; len++) {
        const struct pl_memory_request *oldest = NULL;
        size_t at = 0;

        for (size_t i = 0; i < pl_memory_len(store, PL_TABLE_REQUESTS); i++) {
            const struct pl_memory_request *row = pl_memory_row(store, PL_TABLE_REQUESTS, i);

            if (row->create_ms < before_ms &&
                (oldest == NULL || row->create_ms < oldest->create_ms)) {
                oldest = row;
                at = i;
            }
        }
        if (oldest == NULL)
            break;
        rc = pl_memory_delete(store, PL_TABLE_REQUESTS, at);
        if (rc < 0)
            return rc;
    }
    *ret_len = len;
    return PL_OK;
}

/*
 * call_send.c - the response of a call.
 *
 * HTTP asks for bytes when it has room for them: queued messages go first,
 * then the source is pulled. A source may be cut anywhere, so the ends of its
 * messages are followed: what is queued meanwhile waits for the end of the one
 * under way.
 */
#include "rpc/call.h"

#include "base/assert.h"
#include "base/mem.h"
#include "rpc/conn.h"
#include "rpc/convert.h"
#include "rpc/cors.h"
#include "rpc/limits.h"

enum { STAGE_SIZE = 4096 };

static void resume(struct pl_rpc_call *call)
{
    if (!call->deferred)
        return;
    call->deferred = false;
    call->conn_weak->http->resume(call);
}

int pl_rpc_call_respond(struct pl_rpc_call *call, const struct pl_rpc_head *head, bool has_body)
{
    int rc = call->conn_weak->http->respond(call, head, has_body);

    if (rc < 0)
        return rc;
    call->head_submitted = true;
    if (!has_body)
        pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
    pl_rpc_conn_want_send(call->conn_weak);
    return PL_OK;
}

int pl_rpc_call_send_head(struct pl_rpc_call *call)
{
    if (call->head_submitted || call->format->codec->begin == NULL)
        return PL_OK;
    return call->format->codec->begin(call);
}

int pl_rpc_call_compress(struct pl_rpc_call *call, bool on)
{
    int rc = on && call->peer_gzip ? pl_rpc_convert_need(call) : PL_OK;

    if (rc == PL_OK)
        call->compress = on;
    return rc;
}

int pl_rpc_call_need_metadata(struct pl_rpc_call *call)
{
    struct pl_rpc_metadata *metadata;

    if (call->metadata != NULL)
        return PL_OK;
    metadata = pl_alloc(sizeof *metadata);
    if (metadata == NULL)
        return PL_E_NOMEM;
    pl_rpc_fields_init(&metadata->headers, PL_RPC_FIELDS_SIZE_MAX);
    pl_rpc_fields_init(&metadata->trailers, PL_RPC_FIELDS_SIZE_MAX);
    call->metadata = metadata;
    return PL_OK;
}

void pl_rpc_call_free_metadata(struct pl_rpc_call *call)
{
    if (call->metadata == NULL)
        return;
    pl_rpc_fields_done(&call->metadata->headers);
    pl_rpc_fields_done(&call->metadata->trailers);
    pl_free(call->metadata);
    call->metadata = NULL;
}

static const struct pl_rpc_fields no_fields;

const struct pl_rpc_fields *pl_rpc_call_headers(const struct pl_rpc_call *call)
{
    return call->metadata == NULL ? &no_fields : &call->metadata->headers;
}

const struct pl_rpc_fields *pl_rpc_call_trailers(const struct pl_rpc_call *call)
{
    return call->metadata == NULL ? &no_fields : &call->metadata->trailers;
}

int pl_rpc_call_add_header(struct pl_rpc_call *call, const char *name, struct pl_bytes value)
{
    int rc;

    if (call->state != PL_RPC_CALL_OPEN || call->head_submitted)
        return PL_E_CLOSED;
    rc = pl_rpc_call_need_metadata(call);
    return rc < 0 ? rc : pl_rpc_fields_add_custom(&call->metadata->headers, name, value);
}

int pl_rpc_call_add_trailer(struct pl_rpc_call *call, const char *name, struct pl_bytes value)
{
    int rc;

    if (call->state != PL_RPC_CALL_OPEN)
        return PL_E_CLOSED;
    rc = pl_rpc_call_need_metadata(call);
    return rc < 0 ? rc : pl_rpc_fields_add_custom(&call->metadata->trailers, name, value);
}

/* A response of one message is compressed by its size too. */
static int choose_compression(struct pl_rpc_call *call, size_t size)
{
    uint32_t size_min = pl_rpc_call_limits(call)->compress_size_min;

    if (call->method_weak->server_streaming || size_min == 0 || size < size_min)
        return PL_OK;
    return pl_rpc_call_compress(call, true);
}

int pl_rpc_call_send(struct pl_rpc_call *call, struct pl_buf *message)
{
    struct pl_buf *converted;
    uint8_t flags;
    int rc;

    if (call->state != PL_RPC_CALL_OPEN)
        return PL_E_CLOSED;
    rc = choose_compression(call, message->size);
    if (rc == PL_OK)
        rc = pl_rpc_call_send_head(call);
    if (rc < 0)
        return rc;
    rc = pl_rpc_convert_out(call, message, &converted, &flags);
    if (rc < 0)
        return rc;
    rc = pl_rpc_outbox_push(&call->outbox, converted, flags);
    pl_buf_unref(converted);
    if (rc < 0)
        return rc;
    resume(call);
    pl_rpc_conn_want_send(call->conn_weak);
    return PL_OK;
}

size_t pl_rpc_call_queue_size(const struct pl_rpc_call *call)
{
    return pl_rpc_outbox_size(&call->outbox);
}

void pl_rpc_call_set_source(struct pl_rpc_call *call, const struct pl_rpc_source *source)
{
    call->source = *source;
    call->dry = false;
}

void pl_rpc_call_wake(struct pl_rpc_call *call)
{
    if (call->state != PL_RPC_CALL_OPEN && call->state != PL_RPC_CALL_FINISHED)
        return;
    call->dry = false;
    if (pl_rpc_call_send_head(call) < 0) {
        pl_rpc_call_reset(call, PL_RPC_INTERNAL_ERROR);
        return;
    }
    resume(call);
    pl_rpc_conn_want_send(call->conn_weak);
}

void pl_rpc_call_end(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    call->code = status->code;
    call->moved_ms = call->conn_weak->now_ms;
    pl_rpc_call_set_state(call, PL_RPC_CALL_FINISHED);
    if (call->format->codec->finish(call, status) < 0) {
        pl_rpc_call_reset(call, PL_RPC_INTERNAL_ERROR);
        return;
    }
    resume(call);
    pl_rpc_conn_due_at(call->conn_weak, pl_rpc_call_next_due(call));
    pl_rpc_conn_want_send(call->conn_weak);
}

void pl_rpc_call_finish(struct pl_rpc_call *call, const struct pl_rpc_status *status)
{
    PL_ASSERT(call->state != PL_RPC_CALL_FINISHED);
    PL_ASSERT((unsigned)status->code <= PL_CODE_UNAUTHENTICATED);
    if (call->state != PL_RPC_CALL_OPEN)
        return; /* reset by the peer, or for want of memory; on_close is on its way */
    pl_rpc_call_end(call, status);
}

/* Whether messages of the source go out as it gives them. */
static bool source_is_plain(const struct pl_rpc_call *call)
{
    return call->convert == NULL || call->format == NULL ||
           (!call->format->json && !call->encoding_told);
}

void pl_rpc_call_cut(struct pl_rpc_call *call, const struct pl_rpc_status *status,
                     uint32_t error_code)
{
    bool whole = !pl_rpc_outbox_amid(&call->outbox);

    /* Of what is converted, the peer sees whole messages only, as they leave `staged`. */
    if (source_is_plain(call))
        whole = whole && pl_rpc_tracker_between(&call->tracker);
    else
        whole = whole && call->convert->staged_offset == 0;
    pl_rpc_outbox_done(&call->outbox);
    if (call->convert != NULL)
        pl_rpc_convert_drop(call->convert);
    call->tracker = (struct pl_rpc_tracker){0}; /* its source ends here */
    if (!whole) {
        pl_rpc_call_reset(call, error_code);
        return;
    }
    pl_rpc_call_end(call, status);
}

void pl_rpc_call_end_page(struct pl_rpc_call *call, const struct pl_rpc_page *page,
                          const char *allow)
{
    struct pl_buf *body = pl_buf_copy(page->body.data, page->body.size);
    bool wanted = page->body.size > 0 && call->verb != PL_RPC_VERB_HEAD;
    bool has_body = wanted && body != NULL && pl_rpc_outbox_push_bare(&call->outbox, body) == PL_OK;
    struct pl_rpc_head head;

    pl_buf_unref(body);
    pl_rpc_head_init(&head, page->status);
    if (page->content_type != NULL)
        pl_rpc_head_add_const(&head, "content-type", page->content_type);
    if (allow != NULL)
        pl_rpc_head_add_const(&head, "allow", allow);
    /* Without memory for the body, the status tells. */
    pl_rpc_head_set_size(&head, wanted && !has_body ? 0 : page->body.size);
    pl_rpc_cors_add(&head, call);
    call->format = NULL; /* it is not answered in any protocol's way */
    call->text_out = false;
    call->moved_ms = call->conn_weak->now_ms;
    pl_rpc_call_set_state(call, PL_RPC_CALL_FINISHED);
    if (pl_rpc_call_respond(call, &head, has_body) < 0)
        pl_rpc_call_reset(call, PL_RPC_INTERNAL_ERROR);
    else
        pl_rpc_conn_due_at(call->conn_weak, pl_rpc_call_next_due(call));
}

/* How many of `size` bytes the source may be asked for: all, but once the call is
 * finished, or while messages are queued, only the rest of the one under way. */
static size_t source_room(const struct pl_rpc_call *call, size_t size)
{
    size_t left = call->tracker.left;

    if (call->state == PL_RPC_CALL_OPEN && pl_rpc_outbox_len(&call->outbox) == 0)
        return size;
    if (pl_rpc_tracker_between(&call->tracker))
        return 0;
    if (left == 0)
        left = PL_RPC_ENVELOPE_SIZE - call->tracker.head_size;
    return left < size ? left : size;
}

static size_t pull_source(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    size_t room = source_room(call, size), pulled;

    if (call->source.pull == NULL || call->dry || room == 0)
        return 0;
    pulled = call->source.pull(call->source.self, to, room);
    PL_ASSERT(pulled <= room);
    call->dry = pulled == 0;
    pl_rpc_tracker_pass(&call->tracker, (struct pl_bytes){to, pulled});
    return pulled;
}

/* Pulls from the source what is to be converted, until some of it has been, or it
 * gives nothing more. */
static int stage_source(struct pl_rpc_call *call)
{
    uint8_t part[STAGE_SIZE];
    size_t pulled;

    while (call->convert->staged.size == 0 && (pulled = pull_source(call, part, sizeof part)) > 0) {
        int rc = pl_rpc_convert_source(call, (struct pl_bytes){part, pulled});

        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

/* Fills from the source alone. */
static size_t pull_plain(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    size_t total = 0, moved;

    do {
        moved = pull_source(call, to + total, size - total);
        total += moved;
    } while (moved > 0 && total < size);
    return total;
}

/* Fills from the queue and from the source, each message whole before another. < 0:
 * why not. */
static ssize_t pull(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    size_t total = 0, moved;

    if (call->convert == NULL && pl_rpc_outbox_len(&call->outbox) == 0)
        return (ssize_t)pull_plain(call, to, size);
    do {
        bool plain = source_is_plain(call);

        moved = plain ? 0 : pl_rpc_convert_pull(call->convert, to + total, size - total);
        if (moved == 0 && pl_rpc_tracker_between(&call->tracker))
            moved = pl_rpc_outbox_pull(&call->outbox, to + total, size - total);
        if (moved == 0 && plain && !pl_rpc_outbox_amid(&call->outbox))
            moved = pull_source(call, to + total, size - total);
        if (moved == 0 && !plain && !pl_rpc_outbox_amid(&call->outbox) && size > total) {
            int rc = stage_source(call);

            if (rc < 0)
                return rc;
            moved = pl_rpc_convert_pull(call->convert, to + total, size - total);
        }
        total += moved;
    } while (moved > 0 && total < size);
    return (ssize_t)total;
}

/* The same in base64. */
static ssize_t pull_text(struct pl_rpc_call *call, uint8_t *to, size_t size)
{
    struct pl_rpc_text_out *text_out = &call->convert->text_out;
    size_t total = 0;

    for (;;) {
        uint8_t part[STAGE_SIZE];
        struct pl_bytes data = {part, 0};
        size_t room = pl_rpc_text_out_room(text_out, size - total);
        ssize_t pulled = room > 0 ? pull(call, part, room < sizeof part ? room : sizeof part) : 0;

        if (pulled < 0)
            return pulled;
        data.size = (size_t)pulled;
        total += pl_rpc_text_out_pull(text_out, &data, room > 0 && pulled == 0, to + total,
                                      size - total);
        PL_ASSERT(data.size == 0);
        if (total == size || pulled == 0)
            return (ssize_t)total;
    }
}

/* Whether all of the body has been pulled. */
static bool pulled_all(const struct pl_rpc_call *call)
{
    const struct pl_rpc_convert *convert = call->convert;

    return call->state == PL_RPC_CALL_FINISHED && pl_rpc_outbox_len(&call->outbox) == 0 &&
           pl_rpc_tracker_between(&call->tracker) &&
           (convert == NULL ||
            (convert->staged.size == 0 && pl_rpc_text_out_empty(&convert->text_out)));
}

enum pl_rpc_pull pl_rpc_call_pull(struct pl_rpc_call *call, uint8_t *to, size_t size,
                                  size_t *ret_size)
{
    ssize_t moved;

    if (call->state >= PL_RPC_CALL_ENDED)
        return PL_RPC_PULL_NONE; /* a reset comes next */
    moved = call->text_out ? pull_text(call, to, size) : pull(call, to, size);
    if (moved < 0)
        return PL_RPC_PULL_FAILED;
    *ret_size = (size_t)moved;
    if (moved > 0)
        call->moved_ms = call->conn_weak->now_ms;
    if (pulled_all(call)) {
        bool trailers = call->format != NULL && call->format->codec->trail != NULL;

        if (trailers && call->format->codec->trail(call) < 0)
            return PL_RPC_PULL_FAILED;
        pl_rpc_call_set_state(call, PL_RPC_CALL_ENDED);
        return trailers ? PL_RPC_PULL_TRAILERS : PL_RPC_PULL_END;
    }
    /* What is converted may wait for more room. */
    if (moved > 0 && ((size_t)moved == size || call->convert != NULL))
        return PL_RPC_PULL_SOME;
    call->deferred = true;
    return moved > 0 ? PL_RPC_PULL_ALL : PL_RPC_PULL_NONE;
}

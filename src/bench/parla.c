/*
 * parla.c - parla under load, on rpc's client.
 *
 * What streams bring, and the answers to sends, are not unpacked (parla_walk.h).
 */
#include "bench/parla.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "bench/parla_inner.h"
#include "bench/parla_walk.h"
#include "model/limits.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"
#include "pb/wire.h"

#include <stdio.h>
#include <string.h>

enum {
    FILL_SIZE = 16 * 1024,
    USERS_MAX = 256,    /* unless asked for more */
    JOINS_MAX = 8192,   /* the same */
    REQUEST_HEAD = 256, /* what a SendMessageRequest has beside its text */
    REQUEST_ID_BYTES = 16,
    ROOMS_MAX = 1000, /* of one stream */
};

/* A SendMessage under way. */
struct sending {
    struct pl_bench_run *run_weak;
    struct pl_bench_ack ack;
    bool read; /* the answer has been */
};

/* A stream. */
struct stream {
    struct pl_bench_sub *sub_weak;
    struct pl_rpc_client_call *call;
    bool subscribed; /* caught up, which comes once the server has subscribed it */
};

static int parla_open(struct pl_bench_run *run, void **ret_self)
{
    struct pl_bench_parla *parla = pl_zalloc(sizeof *parla);
    uint32_t len = run->options_weak->users;
    uint32_t rooms = pl_bench_channels_len(run);

    if (parla == NULL)
        return PL_E_NOMEM;
    if (len == 0)
        len = JOINS_MAX / rooms + 1 < USERS_MAX ? JOINS_MAX / rooms + 1 : USERS_MAX;
    if (len > pl_bench_conns_len(run))
        len = pl_bench_conns_len(run);
    parla->run_weak = run;
    parla->users_len = len;
    pl_bytebuf_init(&parla->cursor, PL_CURSOR_SIZE_MAX + 1);
    pl_bytebuf_init(&parla->began, PL_CURSOR_SIZE_MAX + 1);
    parla->users = pl_calloc(len, sizeof *parla->users);
    if (parla->users == NULL) {
        pl_free(parla);
        return PL_E_NOMEM;
    }
    for (uint32_t i = 0; i < len; i++)
        snprintf(parla->users[i].name, sizeof parla->users[i].name, "pb-%s-%u",
                 pl_bench_run_id(run), i);
    *ret_self = parla;
    return PL_OK;
}

static void parla_close(void *self)
{
    struct pl_bench_parla *parla = self;

    pl_bytebuf_done(&parla->cursor);
    pl_bytebuf_done(&parla->began);
    pl_free(parla->users);
    pl_free(parla);
}

int pl_bench_parla_resume_at(struct pl_bench_parla *parla, struct pl_bytes cursor)
{
    pl_bytebuf_clear(&parla->cursor);
    pl_bytebuf_append(&parla->cursor, cursor.data, cursor.size);
    return parla->cursor.err;
}

const struct pl_bench_parla_user *pl_bench_parla_user_of(const struct pl_bench_parla_conn *conn)
{
    const struct pl_bench_parla *parla = conn->parla_weak;

    return &parla->users[pl_bench_conn_number(conn->conn_weak) % parla->users_len];
}

static void on_want_send(void *self)
{
    struct pl_bench_parla_conn *conn = self;

    pl_bench_want_flush(conn->conn_weak);
}

static int parla_conn_open(void *self, struct pl_bench_conn *conn_weak, void **ret_conn)
{
    struct pl_bench_parla *parla = self;
    struct pl_bench_parla_conn *conn = pl_zalloc(sizeof *conn);
    const struct pl_rpc_client_ops ops = {.self = conn, .on_want_send = on_want_send};
    const struct pl_rpc_client_config config = {
        .authority = pl_bench_authority(parla->run_weak),
        .scheme = pl_bench_is_tls(parla->run_weak) ? "https" : "http",
        .user_agent = "parla-bench",
        /* Who stops reading hears no sign; the run has its own time without progress. */
        .keepalive_ms = 2 * 3600 * 1000,
    };
    int err;

    if (conn == NULL)
        return PL_E_NOMEM;
    conn->parla_weak = parla;
    conn->conn_weak = conn_weak;
    err = pl_rpc_client_new_with(&ops, &config, pl_bench_now_ms(parla->run_weak), &conn->client);
    if (err < 0) {
        pl_free(conn);
        return err;
    }
    pl_bench_want_flush(conn_weak);
    *ret_conn = conn;
    return PL_OK;
}

static void parla_conn_close(void *self)
{
    struct pl_bench_parla_conn *conn = self;

    pl_rpc_client_free(conn->client);
    pl_free(conn);
}

/* The connection is beyond use. */
static int lost(struct pl_bench_parla_conn *conn, int err)
{
    const char *why = pl_rpc_client_why(conn->client);

    pl_bench_run_fail(conn->parla_weak->run_weak,
                      conn->ready ? PL_BENCH_EXIT_FAILED : PL_BENCH_EXIT_NO_SERVER,
                      "connection %u: %s", pl_bench_conn_number(conn->conn_weak) + 1,
                      why[0] != 0 ? why : pl_err_text(err));
    return err;
}

/* The first bytes of a server that is none of HTTP/2. */
static const char *stranger(struct pl_bench_parla_conn *conn, struct pl_bytes data)
{
    switch (pl_preface_feed(&conn->preface, data)) {
    case PL_PREFACE_MORE:
    case PL_PREFACE_HTTP2:
        return NULL;
    case PL_PREFACE_HTTP1:
        return "speaks HTTP/1, not gRPC";
    case PL_PREFACE_TLS:
        return "speaks TLS: use grpcs://";
    case PL_PREFACE_OTHER:
        break;
    }
    return "does not speak gRPC";
}

static int parla_recv(void *self, struct pl_bytes data)
{
    struct pl_bench_parla_conn *conn = self;
    struct pl_bench_run *run = conn->parla_weak->run_weak;
    const char *what = conn->ready ? NULL : stranger(conn, data);
    int err;

    if (what != NULL) {
        pl_bench_run_fail(run, PL_BENCH_EXIT_NO_SERVER, "%s %s", pl_bench_authority(run), what);
        return PL_E_PROTO;
    }
    err = pl_rpc_client_recv(conn->client, data, pl_bench_now_ms(run));
    if (err < 0)
        return lost(conn, err);
    if (!conn->ready && pl_rpc_client_settled(conn->client)) {
        conn->ready = true;
        pl_bench_ready(conn->conn_weak);
    }
    if (pl_rpc_client_draining(conn->client))
        return lost(conn, PL_E_CLOSED);
    return PL_OK;
}

static int parla_flush(void *self, struct pl_bytebuf *out)
{
    struct pl_bench_parla_conn *conn = self;

    for (;;) {
        uint8_t *to = pl_bytebuf_reserve(out, FILL_SIZE);
        ssize_t size;

        if (to == NULL)
            return out->err;
        size = pl_rpc_client_fill(conn->client, to, FILL_SIZE);
        if (size < 0)
            return lost(conn, (int)size);
        if (size == 0)
            return PL_OK;
        pl_bytebuf_added(out, (size_t)size);
    }
}

static int parla_tick(void *self, int64_t now_ms)
{
    struct pl_bench_parla_conn *conn = self;
    int err = pl_rpc_client_tick(conn->client, now_ms);

    return err < 0 ? lost(conn, err) : PL_OK;
}

/* `message` is the item that holds the event. */
static void deliver(struct stream *stream, struct pl_bytes event, struct pl_bytes message)
{
    struct pl_bench_run *run = pl_bench_conn_run(stream->sub_weak->conn_weak);
    struct pl_bench_event got;
    struct pl_bench_delivery delivery;

    if (run->phase >= PL_BENCH_CLEANING)
        return;
    if (!pl_bench_walk_event(event, &got) || got.text.data == NULL) {
        pl_bench_fail(run, "wrong: stream %u got an event that is no message",
                      stream->sub_weak->number);
        return;
    }
    delivery = (struct pl_bench_delivery){.channel = pl_bench_channel_of(run, got.room),
                                          .sequence = got.sequence,
                                          .text = got.text,
                                          .whole = message};
    pl_bench_delivered(stream->sub_weak, &delivery);
}

/* It has caught up. */
static void subscribed(struct stream *stream, struct pl_bytes cursor)
{
    const struct pl_bench_parla_conn *conn = stream->sub_weak->conn_weak->driver;
    struct pl_bench_parla *parla = conn->parla_weak;

    stream->subscribed = true;
    if (parla->cursor.size > 0 && parla->began.size > 0)
        return; /* it has come back */
    if (parla->began.size == 0)
        pl_bytebuf_append(&parla->began, cursor.data, cursor.size);
    pl_bench_subscribed(stream->sub_weak);
}

static void on_stream_message(void *self, struct pl_bytes message)
{
    struct stream *stream = self;
    struct pl_bench_item item;

    if (pl_bench_delivered_again(stream->sub_weak, message, true) > 0)
        return;
    if (!pl_bench_walk_item(message, &item))
        pl_bench_fail(pl_bench_conn_run(stream->sub_weak->conn_weak),
                      "wrong: stream %u got a message that cannot be read",
                      stream->sub_weak->number);
    else if (item.event.data != NULL)
        deliver(stream, item.event, message);
    else if (item.caught_up && !stream->subscribed)
        subscribed(stream, item.cursor);
}

static void on_stream_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct stream *stream = self;
    struct pl_bench_run *run = pl_bench_conn_run(stream->sub_weak->conn_weak);

    (void)processed;
    if (run->phase < PL_BENCH_CLEANING && stream->call != NULL)
        pl_bench_fail(run, "stream %u has ended: %s, %s", stream->sub_weak->number,
                      pl_code_name((int)status->code), status->message);
    stream->sub_weak->driver = NULL;
    pl_free(stream);
}

/* Opens the call; its first message is the request. */
static int begin(struct pl_bench_parla_conn *conn, const char *path, struct pl_bytes request,
                 const struct pl_rpc_client_call_ops *ops, struct pl_rpc_client_call **ret_call)
{
    const struct pl_rpc_metadata metadata = {
        .name = "authorization", .value = pl_bytes_str(pl_bench_parla_user_of(conn)->bearer)};
    const struct pl_rpc_client_request head = {
        .path = path, .metadata = &metadata, .metadata_len = 1};
    struct pl_rpc_client_call *call;
    int err = pl_rpc_client_begin(conn->client, &head, ops, &call);

    if (err < 0)
        return err;
    err = pl_rpc_client_send(call, request);
    pl_rpc_client_half_close(call);
    if (err < 0) /* the call is there, and ends by itself */
        pl_bench_fail(conn->parla_weak->run_weak, "%s: %s", path + 1, pl_err_text(err));
    *ret_call = call;
    return PL_OK;
}

static int parla_subscribe(void *self, struct pl_bench_sub *sub)
{
    struct pl_bench_parla_conn *conn = self;
    struct pl_bench_run *run = conn->parla_weak->run_weak;
    struct stream *stream = pl_zalloc(sizeof *stream);
    const struct pl_rpc_client_call_ops ops = {
        .self = stream, .on_message = on_stream_message, .on_close = on_stream_close};
    Parla__V1__StreamMessagesRequest request = PARLA__V1__STREAM_MESSAGES_REQUEST__INIT;
    char *rooms[ROOMS_MAX];
    struct pl_buf *buf;
    int err;

    if (stream == NULL)
        return PL_E_NOMEM;
    stream->sub_weak = sub;
    request.n_rooms = pl_bench_channels_len(run);
    request.rooms = rooms;
    if (conn->parla_weak->cursor.size > 0)
        request.cursor = (char *)(uintptr_t)pl_bytebuf_cstr(&conn->parla_weak->cursor);
    else
        request.start = PARLA__V1__STREAM_START__STREAM_START_NOW;
    request.durable_only = true;
    for (uint32_t i = 0; i < request.n_rooms; i++)
        rooms[i] = (char *)(uintptr_t)pl_bench_channel_name(run, i);
    err = pl_pb_pack(&request.base, &buf);
    if (err == PL_OK) {
        err = begin(conn, "/parla.v1.ChatService/StreamMessages",
                    (struct pl_bytes){buf->data, buf->size}, &ops, &stream->call);
        pl_buf_unref(buf);
    }
    if (err < 0)
        pl_free(stream);
    else
        sub->driver = stream;
    return err;
}

static int parla_leave(void *self, struct pl_bench_sub *sub)
{
    struct pl_bench_parla_conn *conn = self;
    struct stream *stream = sub->driver;
    struct pl_rpc_client_call *call = stream->call;
    const struct pl_bench_parla *parla = conn->parla_weak;

    PL_ASSERT(stream->subscribed && parla->began.size > 0);
    stream->call = NULL;
    pl_rpc_client_cancel(call);
    return pl_bench_parla_resume_at(conn->parla_weak,
                                    (struct pl_bytes){parla->began.data, parla->began.size});
}

static void on_send_message(void *self, struct pl_bytes answer)
{
    struct sending *sending = self;

    sending->read = pl_bench_walk_sent(answer, &sending->ack.sequence, &sending->ack.durability) &&
                    sending->ack.sequence > 0;
}

static void on_send_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct sending *sending = self;

    (void)processed;
    if (status->code != PL_CODE_OK)
        pl_bench_fail(sending->run_weak, "message %u of publisher %u is refused: %s, %s",
                      sending->ack.number, sending->ack.publisher, pl_code_name((int)status->code),
                      status->message);
    else if (!sending->read)
        pl_bench_fail(sending->run_weak,
                      "wrong: the answer to message %u of publisher %u has no sequence",
                      sending->ack.number, sending->ack.publisher);
    else
        pl_bench_acknowledged(sending->run_weak, &sending->ack);
    pl_free(sending);
}

/* A request_id, as a client makes that repeats what it is unsure of. */
static void put_request_id(struct pl_bytebuf *request)
{
    uint8_t id[REQUEST_ID_BYTES];
    char text[PL_BASE64_SIZE(REQUEST_ID_BYTES)];

    pl_random(id, sizeof id);
    pl_base64url_encode(id, sizeof id, text);
    pl_pb_write_tag(request, 4, PL_PB_WIRE_LEN);
    pl_pb_write_varint(request, sizeof text - 1);
    pl_bytebuf_append(request, text, sizeof text - 1);
}

static int parla_publish(void *self, const struct pl_bench_send *send)
{
    struct pl_bench_parla_conn *conn = self;
    struct pl_bench_run *run = conn->parla_weak->run_weak;
    struct sending *sending = pl_zalloc(sizeof *sending);
    const struct pl_rpc_client_call_ops ops = {
        .self = sending, .on_message = on_send_message, .on_close = on_send_close};
    struct pl_bytes room = pl_bytes_str(pl_bench_channel_name(run, send->channel));
    struct pl_rpc_client_call *call;
    struct pl_bytebuf request;
    int err;

    if (sending == NULL)
        return PL_E_NOMEM;
    sending->run_weak = run;
    sending->ack = (struct pl_bench_ack){
        .publisher = send->publisher, .channel = send->channel, .number = send->number};
    pl_bytebuf_init(&request, send->payload.size + REQUEST_HEAD);
    pl_pb_write_tag(&request, 1, PL_PB_WIRE_LEN);
    pl_pb_write_varint(&request, room.size);
    pl_bytebuf_append(&request, room.data, room.size);
    pl_pb_write_tag(&request, 3, PL_PB_WIRE_LEN);
    pl_pb_write_varint(&request, send->payload.size);
    pl_bytebuf_append(&request, send->payload.data, send->payload.size);
    if (run->options_weak->request_ids)
        put_request_id(&request);
    err = request.err;
    if (err == PL_OK)
        err = begin(conn, "/parla.v1.ChatService/SendMessage",
                    (struct pl_bytes){request.data, request.size}, &ops, &call);
    pl_bytebuf_done(&request);
    if (err < 0)
        pl_free(sending);
    return err;
}

const struct pl_bench_driver pl_bench_parla = {
    .name = "parla",
    .channels_max = ROOMS_MAX,
    .has_sequences = true,
    .has_acks = true,
    .open = parla_open,
    .close = parla_close,
    .prepare = pl_bench_parla_prepare,
    .clean = pl_bench_parla_clean,
    .read_back = pl_bench_parla_read_back,
    .conn_open = parla_conn_open,
    .conn_close = parla_conn_close,
    .recv = parla_recv,
    .flush = parla_flush,
    .tick = parla_tick,
    .subscribe = parla_subscribe,
    .publish = parla_publish,
    .leave = parla_leave,
};

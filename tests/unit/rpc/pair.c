/* pair.c - see pair.h. */
#include "pair.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "rpc/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct seen *seen_of(const struct pl_rpc_call *call)
{
    return pl_rpc_call_ctx(call);
}

static void finish(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    const struct pl_rpc_status status = {.code = code, .message = message};

    pl_rpc_call_finish(call, &status);
}

/* Sends, or finishes for want of memory. */
static bool send_bytes(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_buf *buf = pl_buf_copy(message.data, message.size);
    int rc = buf == NULL ? PL_E_NOMEM : pl_rpc_call_send(call, buf);

    pl_buf_unref(buf);
    if (rc == PL_E_NOMEM)
        finish(call, PL_CODE_UNAVAILABLE, "no memory");
    return rc == PL_OK;
}

static void on_open(struct pl_rpc_call *call)
{
    seen_of(call)->opened++;
    seen_of(call)->last_id = pl_rpc_call_id(call);
}

static void on_half_close(struct pl_rpc_call *call)
{
    seen_of(call)->half_closed++;
}

static void on_close(struct pl_rpc_call *call)
{
    seen_of(call)->closed++;
}

/* Echo: sends the message back. */
static void on_echo(struct pl_rpc_call *call, struct pl_bytes message)
{
    seen_of(call)->messages++;
    if (send_bytes(call, message))
        finish(call, PL_CODE_OK, NULL);
}

/* Many: sends as many messages as the decimal number in the message says. */
static void on_many(struct pl_rpc_call *call, struct pl_bytes message)
{
    char text[16];
    size_t size = message.size < sizeof text - 1 ? message.size : sizeof text - 1;

    seen_of(call)->messages++;
    memcpy(text, message.data, size);
    text[size] = 0;
    for (int i = 0, len = atoi(text); i < len; i++) {
        char item[32];

        snprintf(item, sizeof item, "item %d", i);
        if (!send_bytes(call, pl_bytes_str(item)))
            return;
    }
    finish(call, PL_CODE_OK, NULL);
}

/* Count: at half-close, how many messages there were. */
static void on_counted(struct pl_rpc_call *call, struct pl_bytes message)
{
    (void)message;
    seen_of(call)->messages++;
    pl_rpc_call_set_data(call, (void *)((uintptr_t)pl_rpc_call_data(call) + 1));
}

static void on_count_end(struct pl_rpc_call *call)
{
    char text[32];

    seen_of(call)->half_closed++;
    snprintf(text, sizeof text, "%d", (int)(uintptr_t)pl_rpc_call_data(call));
    if (send_bytes(call, pl_bytes_str(text)))
        finish(call, PL_CODE_OK, NULL);
}

/* Talk: each message comes back; half-close ends it. */
static void on_talk(struct pl_rpc_call *call, struct pl_bytes message)
{
    seen_of(call)->messages++;
    (void)send_bytes(call, message);
}

static void on_talk_end(struct pl_rpc_call *call)
{
    seen_of(call)->half_closed++;
    finish(call, PL_CODE_OK, NULL);
}

/* Wait: is never answered by itself. */
static void on_wait(struct pl_rpc_call *call, struct pl_bytes message)
{
    (void)message;
    seen_of(call)->messages++;
}

/* Fail: the message comes back as the status, with details, header and trailer. */
static void on_fail(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_rpc_status status = {.code = PL_CODE_ALREADY_EXISTS};
    char text[2048];
    size_t size = message.size < sizeof text - 1 ? message.size : sizeof text - 1;

    seen_of(call)->messages++;
    if (size > 0)
        memcpy(text, message.data, size);
    text[size] = 0;
    status.message = text;
    status.details = (struct pl_bytes){(const uint8_t *)"\0\1\2\377", 4};
    (void)pl_rpc_call_add_trailer(call, "x-more", pl_bytes_str("yes"));
    (void)pl_rpc_call_add_trailer(call, "x-more-bin", pl_bytes_str("\xff"));
    pl_rpc_call_finish(call, &status);
}

/* Early: fails before any message has come. */
static void on_early(struct pl_rpc_call *call)
{
    on_open(call);
    finish(call, PL_CODE_UNAUTHENTICATED, "who is there?");
}

/* Meta: sends the value of x-in-bin back. */
static void on_meta(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_bytes value;

    (void)message;
    seen_of(call)->messages++;
    if (!pl_rpc_call_metadata(call, "x-in-bin", &value)) {
        finish(call, PL_CODE_NOT_FOUND, "x-in-bin is missing");
        return;
    }
    if (send_bytes(call, value))
        finish(call, PL_CODE_OK, "");
}

static const struct pl_rpc_method methods[] = {
    {"Echo", false, false, false, on_open, on_echo, on_half_close, on_close},
    {"Many", false, true, false, on_open, on_many, on_half_close, on_close},
    {"Count", true, false, false, on_open, on_counted, on_count_end, on_close},
    {"Talk", true, true, false, on_open, on_talk, on_talk_end, on_close},
    {"Wait", false, false, false, on_open, on_wait, on_half_close, on_close},
    {"WaitStream", false, true, false, on_open, on_wait, on_half_close, on_close},
    {"Fail", false, false, false, on_open, on_fail, on_half_close, on_close},
    {"Early", false, false, false, on_early, on_wait, on_half_close, on_close},
    {"Meta", false, false, false, on_open, on_meta, NULL, on_close},
};

const struct pl_rpc_service pair_service = {
    .name = "test.Kinds", .methods = methods, .methods_len = sizeof methods / sizeof methods[0]};

static void on_host_want_send(void *self, struct pl_rpc_conn *conn)
{
    struct pair *pair = self;

    (void)conn;
    pair->wants++;
}

static void on_client_want_send(void *self)
{
    (void)self;
}

int pair_init(struct pair *pair)
{
    struct pl_rpc_host_ops host_ops = {.self = pair, .on_want_send = on_host_want_send};
    struct pl_rpc_client_ops client_ops = {pair, on_client_want_send};
    int rc;

    *pair = (struct pair){.now_ms = 1000, .chunk = 65536};
    rc = pl_rpc_host_new(&host_ops, &pair->host);
    if (rc < 0)
        return rc;
    rc = pl_rpc_host_add(pair->host, &pair_service, &pair->seen);
    if (rc < 0)
        return rc;
    rc = pl_rpc_conn_new(pair->host, PL_RPC_HTTP_2, pair->now_ms, &pair->conn);
    if (rc < 0)
        return rc;
    return pl_rpc_client_new(&client_ops, "test:1", pair->now_ms, &pair->client);
}

void pair_hang_up(struct pair *pair)
{
    pl_rpc_client_free(pair->client);
    pl_rpc_conn_free(pair->conn);
    pair->client = NULL;
    pair->conn = NULL;
}

void pair_done(struct pair *pair)
{
    pair_hang_up(pair);
    pl_rpc_host_free(pair->host);
    *pair = (struct pair){0};
}

void pair_pump(struct pair *pair)
{
    uint8_t *data = malloc(pair->chunk);
    bool moved = true;

    PL_ASSERT(data != NULL);
    while (moved) {
        ssize_t size = pl_rpc_client_fill(pair->client, data, pair->chunk);

        moved = false;
        if (size > 0) {
            moved = true;
            pair->conn_rc =
                pl_rpc_conn_recv(pair->conn, (struct pl_bytes){data, (size_t)size}, pair->now_ms);
        }
        size = pl_rpc_conn_fill(pair->conn, data, pair->chunk);
        if (size > 0) {
            moved = true;
            pair->client_rc = pl_rpc_client_recv(
                pair->client, (struct pl_bytes){data, (size_t)size}, pair->now_ms);
        }
    }
    free(data);
}

void pair_tick(struct pair *pair, int64_t ms)
{
    pair->now_ms += ms;
    pair->conn_rc = pl_rpc_conn_tick(pair->conn, pair->now_ms);
    pair->client_rc = pl_rpc_client_tick(pair->client, pair->now_ms);
}

static void on_reply(void *self, struct pl_bytes message)
{
    struct reply *reply = self;

    PL_ASSERT(reply->closed == 0);
    reply->messages++;
    reply->size += message.size;
    reply->last_size = message.size < sizeof reply->last ? message.size : sizeof reply->last;
    if (reply->last_size > 0)
        memcpy(reply->last, message.data, reply->last_size);
    if (reply->cancel != NULL)
        pl_rpc_client_cancel(reply->cancel->call);
}

static void on_reply_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct reply *reply = self;

    reply->closed++;
    reply->call = NULL;
    reply->code = status->code;
    reply->processed = processed;
    reply->broken = status->broken;
    snprintf(reply->message, sizeof reply->message, "%s",
             status->message != NULL ? status->message : "");
    reply->details_size = status->details.size;
    if (status->details.size > 0 && status->details.size <= sizeof reply->details)
        memcpy(reply->details, status->details.data, status->details.size);
}

int pair_start_with(struct pair *pair, const char *method, const struct pl_rpc_metadata *metadata,
                    size_t metadata_len, int64_t timeout_ms, struct reply *reply)
{
    struct pl_rpc_client_call_ops ops = {
        .self = reply, .on_message = on_reply, .on_close = on_reply_close};
    char path[128];

    *reply = (struct reply){.call = NULL};
    snprintf(path, sizeof path, "%s%s", method[0] == '/' ? "" : "/test.Kinds/", method);
    return pl_rpc_client_start(pair->client, path, metadata, metadata_len, timeout_ms, &ops,
                               &reply->call);
}

int pair_start(struct pair *pair, const char *method, int64_t timeout_ms, struct reply *reply)
{
    return pair_start_with(pair, method, NULL, 0, timeout_ms, reply);
}

int pair_call(struct pair *pair, const char *method, struct pl_bytes message, struct reply *reply)
{
    int rc = pair_start(pair, method, 0, reply);

    if (rc < 0)
        return rc;
    rc = pl_rpc_client_send(reply->call, message);
    if (rc < 0)
        return rc;
    pl_rpc_client_half_close(reply->call);
    return PL_OK;
}

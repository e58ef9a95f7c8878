/* raw_server.c - see raw_server.h. */
#include "raw_server.h"

#include "base/assert.h"
#include "rpc/envelope.h"

#include <stdio.h>
#include <string.h>

const char *const raw_head[] = {":status", "200", "content-type", "application/grpc", NULL};
const char *const raw_tail_ok[] = {"grpc-status", "0", NULL};

static void on_want_send(void *self)
{
    (void)self;
}

void raw_server_init(struct raw_server *server, const struct pl_rpc_client_config *config)
{
    const struct pl_rpc_client_ops ops = {server, on_want_send};
    uint8_t data[NGHTTP2_CLIENT_MAGIC_LEN];

    server->now_ms = 1000;
    server->rc = PL_OK;
    server->keeps_all = false;
    raw_init(&server->raw);
    if (config != NULL)
        PL_ASSERT(pl_rpc_client_new_with(&ops, config, server->now_ms, &server->client) == PL_OK);
    else
        PL_ASSERT(pl_rpc_client_new(&ops, "test:1", server->now_ms, &server->client) == PL_OK);
    PL_ASSERT(pl_rpc_client_fill(server->client, data, sizeof data) == (ssize_t)sizeof data);
    PL_ASSERT(memcmp(data, NGHTTP2_CLIENT_MAGIC, sizeof data) == 0);
    raw_frame(&server->raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    raw_frame(&server->raw, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, NULL, 0);
    PL_ASSERT(raw_server_talk(server) == PL_OK);
}

void raw_server_done(struct raw_server *server)
{
    pl_rpc_client_free(server->client);
    server->client = NULL;
    raw_done(&server->raw);
}

static void on_headers(void *self)
{
    struct served *served = self;

    PL_ASSERT(served->messages == 0 && served->closed == 0);
    served->headers++;
}

static void on_message(void *self, struct pl_bytes message)
{
    struct served *served = self;

    PL_ASSERT(served->headers == 1 && served->closed == 0);
    served->messages++;
    served->size = message.size;
    memset(served->last, 0, sizeof served->last);
    if (message.size > 0)
        memcpy(served->last, message.data,
               message.size < sizeof served->last ? message.size : sizeof served->last);
    if (served->call != NULL) {
        served->compressed = pl_rpc_client_call_was_compressed(served->call);
        if (served->cancels)
            pl_rpc_client_cancel(served->call);
    }
}

static void on_drained(void *self)
{
    struct served *served = self;

    PL_ASSERT(served->closed == 0);
    served->drained++;
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct served *served = self;

    PL_ASSERT(served->closed == 0);
    served->closed++;
    served->code = status->code;
    snprintf(served->message, sizeof served->message, "%s", status->message);
    served->details_size = status->details.size;
    served->processed = processed;
    if (served->at_close != NULL)
        served->at_close(served, served->arg);
    served->call = NULL;
}

int raw_server_begin(struct raw_server *server, const struct pl_rpc_client_request *request,
                     struct served *ret_served)
{
    const struct pl_rpc_client_call_ops ops = {
        .self = ret_served,
        .on_message = on_message,
        .on_close = on_close,
        .on_headers = on_headers,
        .on_drained = on_drained,
    };

    *ret_served = (struct served){.call = NULL};
    return pl_rpc_client_begin(server->client, request, &ops, &ret_served->call);
}

void raw_server_call(struct raw_server *server, struct served *ret_served)
{
    const struct pl_rpc_client_request request = {.path = "/test.Kinds/Any"};

    PL_ASSERT(raw_server_begin(server, &request, ret_served) == PL_OK);
    PL_ASSERT(pl_rpc_client_send(ret_served->call, pl_bytes_str("hi")) == PL_OK);
    pl_rpc_client_half_close(ret_served->call);
    PL_ASSERT(raw_server_talk(server) == PL_OK);
}

int raw_server_talk(struct raw_server *server)
{
    struct raw *raw = &server->raw;
    uint8_t data[16384];
    ssize_t size;

    server->rc = pl_rpc_client_recv(server->client, (struct pl_bytes){raw->out, raw->out_size},
                                    server->now_ms);
    raw->out_size = 0;
    if (server->keeps_all)
        return server->rc;
    while ((size = pl_rpc_client_fill(server->client, data, sizeof data)) > 0)
        raw_take(raw, (struct pl_bytes){data, (size_t)size});
    if (server->rc == PL_OK && size < 0)
        server->rc = (int)size;
    return server->rc;
}

void raw_server_message(struct raw_server *server, uint8_t flags, struct pl_bytes message)
{
    enum { FRAME_SIZE_MAX = 16384 };
    uint8_t frame[FRAME_SIZE_MAX];

    PL_ASSERT(message.size <= FRAME_SIZE_MAX - PL_RPC_ENVELOPE_SIZE);
    pl_rpc_envelope_write(frame, flags, message.size);
    if (message.size > 0)
        memcpy(frame + PL_RPC_ENVELOPE_SIZE, message.data, message.size);
    raw_frame(&server->raw, NGHTTP2_DATA, 0, 1, frame, PL_RPC_ENVELOPE_SIZE + message.size);
}

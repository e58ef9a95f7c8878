/*
 * nats.c - the server confirms nothing by itself: a PING behind the subscriptions of
 * each subscriber is answered once they are in force. The number of a subscription
 * leads to its subscriber.
 */
#include "peers/nats.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "peers/input.h"

#include <string.h>

enum { OUT_SIZE_MAX = 16 * 1024 * 1024 };

struct nats_conn {
    struct pl_bench_conn *conn_weak;
    struct pl_peer_input input;
    struct pl_bytebuf out;
    bool is_ready;

    struct pl_bench_sub **subs_weak; /* the first has subscriptions 0 to channels_len - 1 */
    uint32_t subs_len;
    uint32_t subs_cap;
    uint32_t confirmed_len;
    uint32_t channels_len;
};

static int refuse(struct nats_conn *nats, const char *what)
{
    pl_bench_fail(pl_bench_conn_run(nats->conn_weak), "the server sent %s", what);
    return PL_E_PROTO;
}

/* Then what comes says the same as on any other such connection: subscriptions are numbered
 * alike. */
static bool has_one_sub(const struct nats_conn *nats)
{
    return nats->subs_len == 1;
}

/* "MSG subject subscription size": nobody asks for replies here, so there is no fourth
 * word in between. */
static int take_message(struct nats_conn *nats, struct pl_bytes data, struct pl_bytes line,
                        int head)
{
    uint32_t size = 0;
    uint32_t subscription = 0;
    struct pl_bytes words = {line.data + 4, line.size - 4};
    const uint8_t *payload = data.data + head;
    struct pl_bench_delivery delivery;

    if (pl_peer_number(pl_peer_last_word(&words), &size) < 0 ||
        pl_peer_number(pl_peer_last_word(&words), &subscription) < 0 || words.size == 0 ||
        subscription / nats->channels_len >= nats->subs_len)
        return refuse(nats, "a message that cannot be read");
    if (data.size - (size_t)head < (size_t)size + 2)
        return 0;
    if (payload[size] != '\r' || payload[size + 1] != '\n')
        return refuse(nats, "a message without its end");
    delivery = (struct pl_bench_delivery){.channel = subscription % nats->channels_len,
                                          .text = {payload, size}};
    if (has_one_sub(nats))
        delivery.whole = (struct pl_bytes){data.data, (size_t)head + size + 2};
    pl_bench_delivered(nats->subs_weak[subscription / nats->channels_len], &delivery);
    return head + (int)size + 2;
}

/* The first answers the PING of the beginning, each further one that of a subscriber. */
static int on_pong(struct nats_conn *nats)
{
    if (!nats->is_ready) {
        nats->is_ready = true;
        pl_bench_ready(nats->conn_weak);
        return PL_OK;
    }
    if (nats->confirmed_len == nats->subs_len)
        return refuse(nats, "an answer to nothing");
    pl_bench_subscribed(nats->subs_weak[nats->confirmed_len++]);
    return PL_OK;
}

static int on_line(struct nats_conn *nats, struct pl_bytes line)
{
    if (pl_bytes_is(line, "PONG"))
        return on_pong(nats);
    if (pl_bytes_is(line, "PING")) {
        pl_bytebuf_append_str(&nats->out, "PONG\r\n");
        pl_bench_want_flush(nats->conn_weak);
        return nats->out.err;
    }
    if (pl_bytes_is(line, "+OK") || (line.size >= 5 && memcmp(line.data, "INFO ", 5) == 0))
        return PL_OK;
    if (line.size >= 5 && memcmp(line.data, "-ERR ", 5) == 0) {
        pl_bench_fail(pl_bench_conn_run(nats->conn_weak), "the server says: %.*s",
                      (int)line.size - 5, (const char *)line.data + 5);
        return PL_E_REFUSED;
    }
    return refuse(nats, "a line of an unknown kind");
}

static int take_one(void *self, struct pl_bytes data)
{
    struct nats_conn *nats = self;
    struct pl_bytes line;
    size_t known =
        has_one_sub(nats) ? pl_bench_delivered_again(nats->subs_weak[0], data, false) : 0;
    int head, rc;

    if (known > 0)
        return (int)known;
    head = pl_peer_line(data, &line);
    if (head == 0)
        return 0;
    if (line.size >= 4 && memcmp(line.data, "MSG ", 4) == 0)
        return take_message(nats, data, line, head);
    rc = on_line(nats, line);
    return rc < 0 ? rc : head;
}

static int nats_recv(void *conn_self, struct pl_bytes data)
{
    struct nats_conn *nats = conn_self;

    return pl_peer_input_feed(&nats->input, data, take_one, nats);
}

static int nats_flush(void *conn_self, struct pl_bytebuf *out)
{
    struct nats_conn *nats = conn_self;
    int rc = nats->out.err;

    pl_bytebuf_append(out, nats->out.data, nats->out.size);
    pl_bytebuf_clear(&nats->out);
    return rc < 0 ? rc : out->err;
}

static void nats_conn_close(void *conn_self)
{
    struct nats_conn *nats = conn_self;

    if (nats == NULL)
        return;
    pl_peer_input_done(&nats->input);
    pl_bytebuf_done(&nats->out);
    pl_free(nats->subs_weak);
    pl_free(nats);
}

static int nats_conn_open(void *self, struct pl_bench_conn *conn, void **ret_conn_self)
{
    struct nats_conn *nats = pl_zalloc(sizeof *nats);
    int rc;

    (void)self;
    if (nats == NULL)
        return PL_E_NOMEM;
    nats->conn_weak = conn;
    nats->channels_len = pl_bench_channels_len(pl_bench_conn_run(conn));
    PL_ASSERT(nats->channels_len > 0);
    pl_peer_input_init(&nats->input);
    pl_bytebuf_init(&nats->out, OUT_SIZE_MAX);
    pl_bytebuf_append_str(&nats->out, "CONNECT {\"verbose\":false,\"pedantic\":false,"
                                      "\"tls_required\":false,\"lang\":\"c\",\"version\":\"1\","
                                      "\"name\":\"parla-bench\"}\r\nPING\r\n");
    rc = nats->out.err;
    if (rc < 0) {
        nats_conn_close(nats);
        return rc;
    }
    *ret_conn_self = nats;
    pl_bench_want_flush(conn);
    return PL_OK;
}

static int add_sub(struct nats_conn *nats, struct pl_bench_sub *sub)
{
    if (nats->subs_len == nats->subs_cap) {
        uint32_t cap = nats->subs_cap > 0 ? nats->subs_cap * 2 : 1;
        void *subs = pl_realloc(nats->subs_weak, cap * sizeof(struct pl_bench_sub *));

        if (subs == NULL)
            return PL_E_NOMEM;
        nats->subs_weak = subs;
        nats->subs_cap = cap;
    }
    nats->subs_weak[nats->subs_len++] = sub;
    return PL_OK;
}

static int nats_subscribe(void *conn_self, struct pl_bench_sub *sub)
{
    struct nats_conn *nats = conn_self;
    struct pl_bench_run *run = pl_bench_conn_run(nats->conn_weak);
    uint32_t first = nats->subs_len * nats->channels_len;
    int rc = add_sub(nats, sub);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < nats->channels_len; i++)
        pl_bytebuf_printf(&nats->out, "SUB %s %u\r\n", pl_bench_channel_name(run, i), first + i);
    pl_bytebuf_append_str(&nats->out, "PING\r\n");
    pl_bench_want_flush(nats->conn_weak);
    return nats->out.err;
}

static int nats_publish(void *conn_self, const struct pl_bench_send *send)
{
    struct nats_conn *nats = conn_self;
    const char *name = pl_bench_channel_name(pl_bench_conn_run(nats->conn_weak), send->channel);

    pl_bytebuf_printf(&nats->out, "PUB %s %zu\r\n", name, send->payload.size);
    pl_bytebuf_append(&nats->out, send->payload.data, send->payload.size);
    pl_bytebuf_append_str(&nats->out, "\r\n");
    pl_bench_want_flush(nats->conn_weak);
    return nats->out.err;
}

const struct pl_bench_driver pl_peer_nats = {
    .name = "nats",
    .conn_open = nats_conn_open,
    .conn_close = nats_conn_close,
    .recv = nats_recv,
    .flush = nats_flush,
    .subscribe = nats_subscribe,
    .publish = nats_publish,
};

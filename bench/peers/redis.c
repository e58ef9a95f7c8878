/*
 * redis.c - answers come in the order of what was asked, so what was published and
 * is not yet answered waits in a ring.
 */
#include "peers/redis.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "peers/input.h"

#include <stdlib.h>

enum { OUT_SIZE_MAX = 16 * 1024 * 1024, ELEMENTS_LEN = 3 };

struct redis_conn {
    struct pl_bench_conn *conn_weak;
    struct pl_bench_sub *sub_weak;
    struct pl_peer_input input;
    struct pl_bytebuf out;
    uint32_t channels_left; /* that are to be confirmed */

    struct pl_bench_ack *asked; /* a ring */
    uint32_t asked_cap;         /* 0, or a power of 2 */
    uint32_t asked_first;
    uint32_t asked_len;
};

static int refuse(struct redis_conn *redis, const char *what)
{
    pl_bench_fail(pl_bench_conn_run(redis->conn_weak), "the server sent %s", what);
    return PL_E_PROTO;
}

static void send_bulk(struct redis_conn *redis, struct pl_bytes text)
{
    pl_bytebuf_printf(&redis->out, "$%zu\r\n", text.size);
    pl_bytebuf_append(&redis->out, text.data, text.size);
    pl_bytebuf_append_str(&redis->out, "\r\n");
}

static int on_published(struct redis_conn *redis)
{
    if (redis->asked_len == 0)
        return refuse(redis, "an answer to nothing");

    struct pl_bench_ack ack = redis->asked[redis->asked_first];

    redis->asked_first = (redis->asked_first + 1) & (redis->asked_cap - 1);
    redis->asked_len--;
    pl_bench_acknowledged(pl_bench_conn_run(redis->conn_weak), &ack);
    return PL_OK;
}

static int on_subscribed(struct redis_conn *redis)
{
    if (redis->channels_left == 0)
        return refuse(redis, "a confirmation of nothing");
    if (--redis->channels_left == 0)
        pl_bench_subscribed(redis->sub_weak);
    return PL_OK;
}

/* A bulk string, or an integer, from the front. Returns its size, 0, or a negative
 * enum pl_err. */
static int take_element(struct redis_conn *redis, struct pl_bytes data, struct pl_bytes *ret_text)
{
    struct pl_bytes line;
    uint32_t size = 0;
    int head = pl_peer_line(data, &line);

    if (head == 0)
        return 0;
    if (line.size > 1 && line.data[0] == ':') {
        *ret_text = (struct pl_bytes){line.data + 1, line.size - 1};
        return head;
    }
    if (line.size < 2 || line.data[0] != '$' ||
        pl_peer_number((struct pl_bytes){line.data + 1, line.size - 1}, &size) < 0)
        return refuse(redis, "an array that is no message");
    if (data.size - (size_t)head < (size_t)size + 2)
        return 0;
    *ret_text = (struct pl_bytes){data.data + head, size};
    if (ret_text->data[size] != '\r' || ret_text->data[size + 1] != '\n')
        return refuse(redis, "a string without its end");
    return head + (int)size + 2;
}

static int on_message(struct redis_conn *redis, struct pl_bytes name, struct pl_bytes payload,
                      struct pl_bytes whole)
{
    const struct pl_bench_delivery delivery = {
        .channel = pl_bench_channel_of(pl_bench_conn_run(redis->conn_weak), name),
        .text = payload,
        .whole = whole};

    if (delivery.channel == UINT32_MAX)
        return refuse(redis, "a message of a channel that nobody asked for");
    pl_bench_delivered(redis->sub_weak, &delivery);
    return PL_OK;
}

/* What subscribers get: the kind, the channel, the message or a count. */
static int take_array(struct redis_conn *redis, struct pl_bytes data, int head)
{
    struct pl_bytes elements[ELEMENTS_LEN];
    struct pl_bytes whole;
    int used = head;
    int rc = PL_OK;

    for (int i = 0; i < ELEMENTS_LEN; i++) {
        struct pl_bytes rest = {data.data + used, data.size - (size_t)used};
        int size = take_element(redis, rest, &elements[i]);

        if (size <= 0)
            return size;
        used += size;
    }
    whole = (struct pl_bytes){data.data, (size_t)used};
    if (redis->sub_weak == NULL)
        return refuse(redis, "a message without a subscription");
    if (pl_bytes_is(elements[0], "message"))
        rc = on_message(redis, elements[1], elements[2], whole);
    else if (pl_bytes_is(elements[0], "subscribe"))
        rc = on_subscribed(redis);
    else
        rc = refuse(redis, "a message of an unknown kind");
    return rc < 0 ? rc : used;
}

static int take_reply(void *self, struct pl_bytes data)
{
    struct redis_conn *redis = self;
    struct pl_bytes line;
    size_t known =
        redis->sub_weak != NULL ? pl_bench_delivered_again(redis->sub_weak, data, false) : 0;
    int rc = PL_OK;
    int head;

    if (known > 0)
        return (int)known;
    head = pl_peer_line(data, &line);
    if (head == 0)
        return 0;
    if (pl_bytes_is(line, "*3"))
        return take_array(redis, data, head);
    if (line.size > 1 && line.data[0] == ':') {
        rc = on_published(redis);
    } else if (pl_bytes_is(line, "+PONG")) {
        pl_bench_ready(redis->conn_weak);
    } else if (line.size > 0 && line.data[0] == '-') {
        pl_bench_fail(pl_bench_conn_run(redis->conn_weak), "the server says: %.*s",
                      (int)line.size - 1, (const char *)line.data + 1);
        rc = PL_E_REFUSED;
    } else {
        rc = refuse(redis, "an answer of an unknown kind");
    }
    return rc < 0 ? rc : head;
}

static int redis_recv(void *conn_self, struct pl_bytes data)
{
    struct redis_conn *redis = conn_self;

    return pl_peer_input_feed(&redis->input, data, take_reply, redis);
}

static int redis_flush(void *conn_self, struct pl_bytebuf *out)
{
    struct redis_conn *redis = conn_self;
    int rc = redis->out.err;

    pl_bytebuf_append(out, redis->out.data, redis->out.size);
    pl_bytebuf_clear(&redis->out);
    return rc < 0 ? rc : out->err;
}

static void redis_conn_close(void *conn_self)
{
    struct redis_conn *redis = conn_self;

    if (redis == NULL)
        return;
    pl_peer_input_done(&redis->input);
    pl_bytebuf_done(&redis->out);
    pl_free(redis->asked);
    pl_free(redis);
}

/* A PING tells whether the server takes the connection. */
static int redis_conn_open(void *self, struct pl_bench_conn *conn, void **ret_conn_self)
{
    struct redis_conn *redis = pl_zalloc(sizeof *redis);
    int rc;

    (void)self;
    if (redis == NULL)
        return PL_E_NOMEM;
    redis->conn_weak = conn;
    pl_peer_input_init(&redis->input);
    pl_bytebuf_init(&redis->out, OUT_SIZE_MAX);
    pl_bytebuf_append_str(&redis->out, "*1\r\n$4\r\nPING\r\n");
    rc = redis->out.err;
    if (rc < 0) {
        redis_conn_close(redis);
        return rc;
    }
    *ret_conn_self = redis;
    pl_bench_want_flush(conn);
    return PL_OK;
}

static int redis_subscribe(void *conn_self, struct pl_bench_sub *sub)
{
    struct redis_conn *redis = conn_self;
    struct pl_bench_run *run = pl_bench_conn_run(redis->conn_weak);
    uint32_t channels_len = pl_bench_channels_len(run);

    PL_ASSERT(redis->sub_weak == NULL);
    redis->sub_weak = sub;
    redis->channels_left = channels_len;
    pl_bytebuf_printf(&redis->out, "*%u\r\n$9\r\nSUBSCRIBE\r\n", channels_len + 1);
    for (uint32_t i = 0; i < channels_len; i++)
        send_bulk(redis, pl_bytes_str(pl_bench_channel_name(run, i)));
    pl_bench_want_flush(redis->conn_weak);
    return redis->out.err;
}

static int remember(struct redis_conn *redis, const struct pl_bench_ack *ack)
{
    if (redis->asked_len == redis->asked_cap) {
        uint32_t cap = redis->asked_cap > 0 ? redis->asked_cap * 2 : 64;
        struct pl_bench_ack *asked = pl_calloc(cap, sizeof *asked);

        if (asked == NULL)
            return PL_E_NOMEM;
        for (uint32_t i = 0; i < redis->asked_len; i++)
            asked[i] = redis->asked[(redis->asked_first + i) & (redis->asked_cap - 1)];
        pl_free(redis->asked);
        redis->asked = asked;
        redis->asked_cap = cap;
        redis->asked_first = 0;
    }
    redis->asked[(redis->asked_first + redis->asked_len) & (redis->asked_cap - 1)] = *ack;
    redis->asked_len++;
    return PL_OK;
}

static int redis_publish(void *conn_self, const struct pl_bench_send *send)
{
    struct redis_conn *redis = conn_self;
    const char *name = pl_bench_channel_name(pl_bench_conn_run(redis->conn_weak), send->channel);
    const struct pl_bench_ack ack = {
        .publisher = send->publisher, .channel = send->channel, .number = send->number};
    int rc = remember(redis, &ack);

    if (rc < 0)
        return rc;
    pl_bytebuf_append_str(&redis->out, "*3\r\n$7\r\nPUBLISH\r\n");
    send_bulk(redis, pl_bytes_str(name));
    send_bulk(redis, send->payload);
    pl_bench_want_flush(redis->conn_weak);
    return redis->out.err;
}

const struct pl_bench_driver pl_peer_redis = {
    .name = "redis",
    .subs_max = 1,
    .has_acks = true,
    .conn_open = redis_conn_open,
    .conn_close = redis_conn_close,
    .recv = redis_recv,
    .flush = redis_flush,
    .subscribe = redis_subscribe,
    .publish = redis_publish,
};

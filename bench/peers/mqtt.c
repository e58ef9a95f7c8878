/*
 * mqtt.c - packets of a type, a length of 1 to 4 bytes, and a body (MQTT 3.1.1,
 * section 2). A broker keeps one subscription of a topic for a connection, so a
 * connection is one subscriber.
 */
#include "peers/mqtt.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "peers/input.h"

#include <stdio.h>
#include <string.h>

enum { OUT_SIZE_MAX = 16 * 1024 * 1024 };

/* The first byte of a packet: type and flags (section 2.2). */
enum {
    CONNECT = 0x10,
    CONNACK = 0x20,
    PUBLISH = 0x30, /* QoS 0, not retained */
    SUBSCRIBE = 0x82,
    SUBACK = 0x90,
};

struct mqtt_conn {
    struct pl_bench_conn *conn_weak;
    struct pl_bench_sub *sub_weak;
    struct pl_peer_input input;
    struct pl_bytebuf out;
};

static int refuse(struct mqtt_conn *mqtt, const char *what)
{
    pl_bench_fail(pl_bench_conn_run(mqtt->conn_weak), "the server sent %s", what);
    return PL_E_PROTO;
}

static void send_head(struct mqtt_conn *mqtt, uint8_t type, size_t size)
{
    pl_bytebuf_append_byte(&mqtt->out, type);
    do {
        uint8_t byte = (uint8_t)(size & 0x7f);

        size >>= 7;
        pl_bytebuf_append_byte(&mqtt->out, size > 0 ? (uint8_t)(byte | 0x80) : byte);
    } while (size > 0);
}

static void send_u16(struct mqtt_conn *mqtt, size_t value)
{
    PL_ASSERT(value <= UINT16_MAX);
    pl_bytebuf_append_byte(&mqtt->out, (uint8_t)(value >> 8));
    pl_bytebuf_append_byte(&mqtt->out, (uint8_t)(value & 0xff));
}

static void send_text(struct mqtt_conn *mqtt, const char *text)
{
    send_u16(mqtt, strlen(text));
    pl_bytebuf_append_str(&mqtt->out, text);
}

/* The body of a packet, and in *ret_size the packet's size. Returns PL_OK, PL_E_AGAIN
 * where the end is missing, PL_E_PROTO. */
static int take_packet(struct pl_bytes data, struct pl_bytes *ret_body, size_t *ret_size)
{
    size_t size = 0;
    size_t used = 1;
    uint8_t byte;

    do {
        if (used >= data.size)
            return PL_E_AGAIN;
        byte = data.data[used];
        size |= (size_t)(byte & 0x7f) << (7 * (used - 1));
        if (++used > 5 || size > PL_PEER_MESSAGE_SIZE_MAX)
            return PL_E_PROTO;
    } while ((byte & 0x80) != 0);
    if (data.size - used < size)
        return PL_E_AGAIN;
    *ret_body = (struct pl_bytes){data.data + used, size};
    *ret_size = used + size;
    return PL_OK;
}

/* A topic, then the payload: the body of `whole`. */
static int on_publish(struct mqtt_conn *mqtt, struct pl_bytes body, struct pl_bytes whole)
{
    struct pl_bench_delivery delivery = {.whole = whole};
    size_t topic_size;
    size_t head;

    if (body.size < 2 || mqtt->sub_weak == NULL)
        return refuse(mqtt, "a message that cannot be read");
    topic_size = (size_t)body.data[0] << 8 | body.data[1];
    head = 2 + topic_size;
    if (body.size < head)
        return refuse(mqtt, "a message that cannot be read");
    delivery.channel = pl_bench_channel_of(pl_bench_conn_run(mqtt->conn_weak),
                                           (struct pl_bytes){body.data + 2, topic_size});
    if (delivery.channel == UINT32_MAX)
        return refuse(mqtt, "a message of a topic that nobody asked for");
    delivery.text = (struct pl_bytes){body.data + head, body.size - head};
    pl_bench_delivered(mqtt->sub_weak, &delivery);
    return PL_OK;
}

static int on_connack(struct mqtt_conn *mqtt, struct pl_bytes body)
{
    if (body.size != 2)
        return refuse(mqtt, "a CONNACK that cannot be read");
    if (body.data[1] != 0) {
        pl_bench_fail(pl_bench_conn_run(mqtt->conn_weak), "the server refuses: CONNACK %d",
                      body.data[1]);
        return PL_E_REFUSED;
    }
    pl_bench_ready(mqtt->conn_weak);
    return PL_OK;
}

/* A packet's id, then a code for each topic. */
static int on_suback(struct mqtt_conn *mqtt, struct pl_bytes body)
{
    if (mqtt->sub_weak == NULL ||
        body.size != 2 + (size_t)pl_bench_channels_len(pl_bench_conn_run(mqtt->conn_weak)))
        return refuse(mqtt, "a SUBACK that cannot be read");
    for (size_t i = 2; i < body.size; i++)
        if (body.data[i] != 0)
            return refuse(mqtt, "a SUBACK that refuses");
    pl_bench_subscribed(mqtt->sub_weak);
    return PL_OK;
}

static int take_one(void *self, struct pl_bytes data)
{
    struct mqtt_conn *mqtt = self;
    struct pl_bytes body;
    size_t size =
        mqtt->sub_weak != NULL ? pl_bench_delivered_again(mqtt->sub_weak, data, false) : 0;
    int rc;

    if (size > 0)
        return (int)size;
    rc = take_packet(data, &body, &size);
    if (rc == PL_E_AGAIN)
        return 0;
    if (rc < 0)
        return refuse(mqtt, "a packet that is too long");
    if (data.data[0] == PUBLISH)
        rc = on_publish(mqtt, body, (struct pl_bytes){data.data, size});
    else if (data.data[0] == CONNACK)
        rc = on_connack(mqtt, body);
    else if (data.data[0] == SUBACK)
        rc = on_suback(mqtt, body);
    else
        rc = refuse(mqtt, "a packet of an unknown kind");
    return rc < 0 ? rc : (int)size;
}

static int mqtt_recv(void *conn_self, struct pl_bytes data)
{
    struct mqtt_conn *mqtt = conn_self;

    return pl_peer_input_feed(&mqtt->input, data, take_one, mqtt);
}

static int mqtt_flush(void *conn_self, struct pl_bytebuf *out)
{
    struct mqtt_conn *mqtt = conn_self;
    int rc = mqtt->out.err;

    pl_bytebuf_append(out, mqtt->out.data, mqtt->out.size);
    pl_bytebuf_clear(&mqtt->out);
    return rc < 0 ? rc : out->err;
}

static void mqtt_conn_close(void *conn_self)
{
    struct mqtt_conn *mqtt = conn_self;

    if (mqtt == NULL)
        return;
    pl_peer_input_done(&mqtt->input);
    pl_bytebuf_done(&mqtt->out);
    pl_free(mqtt);
}

/* Protocol level 4, a clean session, no keepalive, a client's id (section 3.1). */
static int mqtt_conn_open(void *self, struct pl_bench_conn *conn, void **ret_conn_self)
{
    struct mqtt_conn *mqtt = pl_zalloc(sizeof *mqtt);
    char id[32];
    int rc;

    (void)self;
    if (mqtt == NULL)
        return PL_E_NOMEM;
    mqtt->conn_weak = conn;
    pl_peer_input_init(&mqtt->input);
    pl_bytebuf_init(&mqtt->out, OUT_SIZE_MAX);
    (void)snprintf(id, sizeof id, "%s%u", pl_bench_run_id(pl_bench_conn_run(conn)),
                   pl_bench_conn_number(conn));
    send_head(mqtt, CONNECT, 10 + 2 + strlen(id));
    send_text(mqtt, "MQTT");
    pl_bytebuf_append(&mqtt->out, "\x04\x02\x00\x00", 4);
    send_text(mqtt, id);
    rc = mqtt->out.err;
    if (rc < 0) {
        mqtt_conn_close(mqtt);
        return rc;
    }
    *ret_conn_self = mqtt;
    pl_bench_want_flush(conn);
    return PL_OK;
}

static int mqtt_subscribe(void *conn_self, struct pl_bench_sub *sub)
{
    struct mqtt_conn *mqtt = conn_self;
    struct pl_bench_run *run = pl_bench_conn_run(mqtt->conn_weak);
    uint32_t channels_len = pl_bench_channels_len(run);
    size_t size = 2;

    PL_ASSERT(mqtt->sub_weak == NULL);
    mqtt->sub_weak = sub;
    for (uint32_t i = 0; i < channels_len; i++)
        size += 2 + strlen(pl_bench_channel_name(run, i)) + 1;
    send_head(mqtt, SUBSCRIBE, size);
    send_u16(mqtt, 1);
    for (uint32_t i = 0; i < channels_len; i++) {
        send_text(mqtt, pl_bench_channel_name(run, i));
        pl_bytebuf_append_byte(&mqtt->out, 0);
    }
    pl_bench_want_flush(mqtt->conn_weak);
    return mqtt->out.err;
}

static int mqtt_publish(void *conn_self, const struct pl_bench_send *send)
{
    struct mqtt_conn *mqtt = conn_self;
    const char *name = pl_bench_channel_name(pl_bench_conn_run(mqtt->conn_weak), send->channel);

    send_head(mqtt, PUBLISH, 2 + strlen(name) + send->payload.size);
    send_text(mqtt, name);
    pl_bytebuf_append(&mqtt->out, send->payload.data, send->payload.size);
    pl_bench_want_flush(mqtt->conn_weak);
    return mqtt->out.err;
}

const struct pl_bench_driver pl_peer_mqtt = {
    .name = "mqtt",
    .subs_max = 1,
    .conn_open = mqtt_conn_open,
    .conn_close = mqtt_conn_close,
    .recv = mqtt_recv,
    .flush = mqtt_flush,
    .subscribe = mqtt_subscribe,
    .publish = mqtt_publish,
};

/*
 * fanout.c - a fixed fan-out, for its instructions to be counted: see
 * tools/count-instructions.
 *
 * From the effects of batches to the bytes of connections, all of it as in the
 * server, without sockets: router, feed, hub, streams, rpc, HTTP/2. The peers read
 * all and check that it is all there. What is counted are the functions serve_*();
 * the rest is not the server's.
 */
#include "base/assert.h"
#include "base/mem.h"
#include "fanout/hub.h"
#include "fanout/router.h"
#include "peers.h"
#include "rpc/host.h"
#include "rpc/limits.h"
#include "wire/event.h"
#include "wire/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_SIZE = 256 * 1024, OWN_MESSAGES = 1 /* CaughtUp */ };

struct shape {
    const char *name;
    uint32_t streams;     /* in all */
    uint32_t connections; /* which the streams are dealt out to */
    uint32_t rooms;       /* of each stream, the same ones, all as busy */
    uint32_t messages;    /* in all */
    uint32_t batch;       /* messages of one */
};

static const struct shape shapes[] = {
    {"one-by-one", 100, 100, 1, 2000, 1},       {"batches-of-8", 100, 100, 1, 2000, 8},
    {"batches-of-64", 100, 100, 1, 2000, 64},   {"gateway", 100, 2, 1, 2000, 64},
    {"hundred-rooms", 100, 100, 100, 2000, 64},
};

struct connection {
    struct pl_list dirty;
    struct pl_rpc_conn *rpc;
    struct peer peer;
    struct pl_bytebuf out;
};

struct server {
    const struct shape *shape;
    struct pl_wire_framer wire;
    struct pl_framer framer;
    struct pl_router *router;
    struct pl_hub *hub;
    struct pl_rpc_host *host;
    struct pl_effects effects;
    struct connection *connections;
    struct pl_list dirty;
    pl_position position;
    uint64_t streams_len;
    uint8_t send_buf[OUT_SIZE];
};

static void on_want_send(void *self, struct pl_rpc_conn *rpc)
{
    struct server *server = self;
    struct connection *connection = pl_rpc_conn_data(rpc);

    if (connection != NULL && pl_list_empty(&connection->dirty))
        pl_list_append(&server->dirty, &connection->dirty);
}

static void want_page(void *self, struct pl_stream *stream, const struct pl_page_query *query)
{
    (void)self;
    (void)stream;
    (void)query;
    PL_UNREACHABLE(); /* nobody is slow */
}

static void wake(void *self, struct pl_stream *stream)
{
    (void)self;
    pl_rpc_call_wake(pl_stream_data(stream));
}

static void ended(void *self, struct pl_stream *stream, const struct pl_refusal *refusal)
{
    (void)self;
    (void)stream;
    (void)refusal;
    PL_UNREACHABLE();
}

static size_t pull(void *self, uint8_t *to, size_t size)
{
    return pl_stream_pull(self, to, size);
}

/* A stream is asked for: it is registered, and opened. */
static void on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct server *server = pl_rpc_call_ctx(call);
    uint32_t rooms_len = server->shape->rooms;
    struct pl_effect *effect = pl_effects_add(&server->effects, PL_EFFECT_REPLY);
    struct pl_reply *reply = pl_arena_alloc(&server->effects.arena, sizeof *reply);
    struct pl_subscribed_room *rooms =
        pl_arena_alloc(&server->effects.arena, rooms_len * sizeof *rooms);
    struct pl_stream_start start = {.rooms = rooms, .rooms_len = rooms_len};
    struct pl_feed *feed = NULL;
    struct pl_stream *stream;
    uint64_t loops;

    PL_ASSERT(message.size == 0 && effect != NULL && reply != NULL && rooms != NULL);
    start.user.v = ++server->streams_len;
    start.session.v = start.user.v;
    for (uint32_t i = 0; i < rooms_len; i++)
        rooms[i] = (struct pl_subscribed_room){.id = {i + 1}, .name = "room"};
    effect->u.reply.to = pl_rpc_call_id(call);
    effect->u.reply.command = PL_QUERY_SUBSCRIBE;
    effect->u.reply.reply = reply;
    reply->u.subscribe.user.id = start.user;
    reply->u.subscribe.session.id = start.session;
    reply->u.subscribe.rooms = rooms;
    reply->u.subscribe.rooms_len = rooms_len;
    PL_ASSERT(pl_router_route(server->router, &server->effects, 0, &feed, &loops) == 0);
    PL_ASSERT(pl_hub_open(server->hub, &start, call, &stream) == 0);
    pl_effects_clear(&server->effects);
    pl_rpc_call_set_data(call, stream);
    pl_rpc_call_set_source(call, &(struct pl_rpc_source){.self = stream, .pull = pull});
    pl_rpc_call_wake(call);
}

static void on_close(struct pl_rpc_call *call)
{
    struct server *server = pl_rpc_call_ctx(call);

    pl_hub_close(server->hub, pl_rpc_call_data(call));
}

/* What the end of a loop's turn does, with a buffer where the socket is. */
static void turn_end(struct server *server)
{
    bool again;

    do {
        struct pl_list *node;

        again = pl_hub_turn(server->hub);
        while ((node = pl_list_first(&server->dirty)) != NULL) {
            struct connection *connection = PL_CONTAINER(node, struct connection, dirty);
            ssize_t size;

            pl_list_remove(node);
            do {
                size = pl_rpc_conn_fill(connection->rpc, server->send_buf, OUT_SIZE);
                PL_ASSERT(size >= 0);
                pl_bytebuf_append(&connection->out, server->send_buf, (size_t)size);
            } while (size == OUT_SIZE);
            PL_ASSERT(!pl_rpc_conn_finished(connection->rpc));
            again = true;
        }
    } while (again);
}

static __attribute__((noinline)) void serve_batch(struct server *server)
{
    struct pl_feed *feed = NULL;
    uint64_t loops;

    PL_ASSERT(pl_router_route(server->router, &server->effects, server->position, &feed, &loops) ==
              0);
    PL_ASSERT(feed != NULL && pl_hub_apply(server->hub, feed, 0) == 0);
    pl_feed_unref(feed);
    turn_end(server);
}

static __attribute__((noinline)) void serve_bytes(struct server *server,
                                                  struct connection *connection)
{
    struct pl_bytes data = {connection->peer.to_be.data, connection->peer.to_be.size};

    PL_ASSERT(pl_rpc_conn_recv(connection->rpc, data, 0) == 0);
    turn_end(server);
}

/* The peers read, and say what they have to say to that. */
static void pass_on(struct server *server)
{
    for (uint32_t i = 0; i < server->shape->connections; i++) {
        struct connection *connection = &server->connections[i];

        do {
            PL_ASSERT(connection->out.err == 0);
            peer_take(&connection->peer,
                      (struct pl_bytes){connection->out.data, connection->out.size});
            pl_bytebuf_clear(&connection->out);
            if (connection->peer.to_be.size > 0)
                serve_bytes(server, connection);
            pl_bytebuf_clear(&connection->peer.to_be);
        } while (connection->out.size > 0);
    }
}

static void add_message(struct server *server, uint32_t number)
{
    static const char text[] = "a hundred bytes of text, as it is in the chat of a room where "
                               "many read and a few write now and then";
    struct pl_event_encoder encoder = pl_wire_event_encoder();
    struct pl_event event = {
        .position = ++server->position,
        .room_id = {number % server->shape->rooms + 1},
        .room = "room",
        .sequence = number / server->shape->rooms + 1,
        .create_ms = INT64_C(1700000000000) + number,
        .actor_id = {1},
        .actor = "ana",
        .kind = PL_EVENT_MESSAGE_SENT,
        .u.message.text = text,
    };
    struct pl_effect *effect = pl_effects_add(&server->effects, PL_EFFECT_EVENT);

    _Static_assert(sizeof text == 101, "a hundred bytes and the end");
    PL_ASSERT(effect != NULL);
    PL_ASSERT(encoder.encode(encoder.self, &event, &effect->u.event.bytes) == 0);
    effect->u.event.position = event.position;
    effect->u.event.room = event.room_id;
    effect->u.event.sequence = event.sequence;
}

static const struct pl_rpc_method methods[] = {
    {.name = "Stream", .server_streaming = true, .on_message = on_message, .on_close = on_close}};
static const struct pl_rpc_service service = {
    .name = "Guard", .methods = methods, .methods_len = 1};

static void server_init(struct server *server, const struct shape *shape)
{
    struct pl_rpc_host_ops host_ops = {.self = server, .on_want_send = on_want_send};
    struct pl_rpc_limits limits = PL_RPC_LIMITS_DEFAULT;
    struct pl_hub_config config = {
        .ops = {server, want_page, wake, ended},
        .tails_size_max = 256 * 1024, /* so that feeds are evicted, too */
        .pages_size_max = 1,
        .page_len_max = 1,
        .page_size_max = 1,
        .heartbeat_ms = 1000,
    };

    server->shape = shape;
    server->framer = pl_wire_framer_iface(&server->wire);
    config.framer = server->framer;
    pl_list_init(&server->dirty);
    pl_effects_init(&server->effects, 64 << 20);
    limits.streams_max = shape->streams;
    PL_ASSERT(pl_router_new(&server->framer, &server->router) == 0);
    PL_ASSERT(pl_hub_new(&config, &server->hub) == 0);
    PL_ASSERT(pl_rpc_host_new(&host_ops, &server->host) == 0);
    PL_ASSERT(pl_rpc_host_add(server->host, &service, server) == 0);
    pl_rpc_host_set_limits(server->host, &limits);
    server->connections = pl_calloc(shape->connections, sizeof *server->connections);
    PL_ASSERT(server->connections != NULL);
    for (uint32_t i = 0; i < shape->connections; i++) {
        struct connection *connection = &server->connections[i];

        pl_list_init(&connection->dirty);
        pl_bytebuf_init(&connection->out, 64 << 20);
        peer_init(&connection->peer, shape->streams / shape->connections, "/Guard/Stream");
        PL_ASSERT(pl_rpc_conn_new(server->host, PL_RPC_HTTP_2, 0, &connection->rpc) == 0);
        pl_rpc_conn_set_data(connection->rpc, connection);
    }
}

static void server_done(struct server *server)
{
    for (uint32_t i = 0; i < server->shape->connections; i++) {
        pl_rpc_conn_free(server->connections[i].rpc);
        peer_done(&server->connections[i].peer);
        pl_bytebuf_done(&server->connections[i].out);
    }
    pl_free(server->connections);
    pl_hub_free(server->hub);
    pl_router_free(server->router);
    pl_rpc_host_free(server->host);
    pl_effects_done(&server->effects);
}

/* Every stream has had all, and the same as the others. */
static void check(const struct server *server)
{
    const struct shape *shape = server->shape;
    const struct peer_stream *first = &server->connections[0].peer.streams[0];
    uint32_t own = OWN_MESSAGES + shape->rooms; /* a read marker each */

    for (uint32_t i = 0; i < shape->connections; i++) {
        const struct peer *peer = &server->connections[i].peer;

        for (uint32_t j = 0; j < peer->streams_len; j++) {
            PL_ASSERT(peer->streams[j].messages == shape->messages + own);
            PL_ASSERT(peer->streams[j].left == 0 && peer->streams[j].head_size == 0);
            PL_ASSERT(peer->streams[j].hash == first->hash);
        }
    }
}

static void open_streams(struct server *server)
{
    for (uint32_t i = 0; i < server->shape->connections; i++) {
        struct connection *connection = &server->connections[i];

        serve_bytes(server, connection);
        pl_bytebuf_clear(&connection->peer.to_be);
    }
    pass_on(server);
    PL_ASSERT(server->streams_len == server->shape->streams);
}

static void run(const struct shape *shape)
{
    struct server *server = pl_zalloc(sizeof *server);

    PL_ASSERT(server != NULL);
    server_init(server, shape);
    open_streams(server);
    for (uint32_t i = 0; i < shape->messages;) {
        for (uint32_t n = 0; n < shape->batch && i < shape->messages; n++)
            add_message(server, i++);
        serve_batch(server);
        pl_effects_clear(&server->effects);
        pass_on(server);
    }
    check(server);
    server_done(server);
    pl_free(server);
}

/* Without an argument, lists the shapes and their deliveries; else runs that shape. */
int main(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        if (argc == 1)
            printf("%s %" PRIu32 "\n", shapes[i].name, shapes[i].streams * shapes[i].messages);
        else if (strcmp(argv[1], shapes[i].name) == 0) {
            run(&shapes[i]);
            return EXIT_SUCCESS;
        }
    }
    return argc == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* bench.c - see bench.h; failures fail the test that runs. */
#include "bench.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void peer_flush(struct peer *peer)
{
    if (peer->socket != NULL && !peer->ended)
        pl_socket_write(peer->socket, (struct pl_bytes){peer->raw.out, peer->raw.out_size});
    peer->raw.out_size = 0;
}

void peer_settings(struct peer *peer)
{
    raw_frame(&peer->raw, NGHTTP2_SETTINGS, 0, 0, NULL, 0);
    peer_flush(peer);
}

void peer_message(struct peer *peer, int32_t stream_id)
{
    static const char *const head[] = {":status", "200", "content-type", "application/grpc", NULL};

    raw_headers(&peer->raw, stream_id, NGHTTP2_FLAG_END_HEADERS, head);
    raw_frame(&peer->raw, NGHTTP2_DATA, 0, stream_id, "\0\0\0\0\2hi", 7);
    peer_flush(peer);
}

void peer_ok(struct peer *peer, int32_t stream_id)
{
    static const char *const tail[] = {"grpc-status", "0", NULL};

    raw_headers(&peer->raw, stream_id, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, tail);
    peer_flush(peer);
}

void peer_answer(struct peer *peer, int32_t stream_id)
{
    peer_message(peer, stream_id);
    peer_ok(peer, stream_id);
}

void peer_fail(struct peer *peer, int32_t stream_id, enum pl_code code, const char *pushback)
{
    char number[12];
    const char *fields[] = {":status",
                            "200",
                            "content-type",
                            "application/grpc",
                            "grpc-status",
                            number,
                            "grpc-message",
                            "as the test wants",
                            pushback != NULL ? "grpc-retry-pushback-ms" : NULL,
                            pushback,
                            NULL};

    snprintf(number, sizeof number, "%d", (int)code);
    raw_headers(&peer->raw, stream_id, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, fields);
    peer_flush(peer);
}

static void put_u32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

void peer_reset(struct peer *peer, int32_t stream_id, uint32_t error_code)
{
    uint8_t data[4];

    put_u32(data, error_code);
    raw_frame(&peer->raw, NGHTTP2_RST_STREAM, 0, stream_id, data, sizeof data);
    peer_flush(peer);
}

void peer_goaway(struct peer *peer, int32_t last_stream_id, const char *text)
{
    uint8_t data[256];

    put_u32(data, (uint32_t)last_stream_id);
    put_u32(data + 4, NGHTTP2_NO_ERROR);
    memcpy(data + 8, text, strlen(text));
    raw_frame(&peer->raw, NGHTTP2_GOAWAY, 0, 0, data, 8 + strlen(text));
    peer_flush(peer);
}

void peer_bytes(struct peer *peer, const char *text)
{
    raw_bytes(&peer->raw, text, strlen(text));
    peer_flush(peer);
}

void peer_hang_up(struct peer *peer)
{
    pl_socket_close(peer->socket);
}

static void on_read(void *self, struct pl_bytes data)
{
    struct peer *peer = self;
    struct raw *raw = &peer->raw;
    size_t magic = NGHTTP2_CLIENT_MAGIC_LEN - peer->magic_size;

    if (magic > data.size)
        magic = data.size;
    peer->magic_size += magic;
    raw_take(raw, (struct pl_bytes){data.data + magic, data.size - magic});
    while (peer->frames_seen < raw->frames_len) {
        const struct raw_frame *frame = &raw->frames[peer->frames_seen++];

        if ((frame->type == NGHTTP2_DATA || frame->type == NGHTTP2_HEADERS) &&
            (frame->flags & NGHTTP2_FLAG_END_STREAM) != 0 && peer->bench_weak->on_request != NULL)
            peer->bench_weak->on_request(peer, frame->stream_id);
    }
}

static void on_end(void *self, int err)
{
    struct peer *peer = self;

    (void)err;
    peer->ended = true;
    pl_socket_close(peer->socket);
}

static void on_close(void *self)
{
    struct peer *peer = self;

    peer->ended = true;
    peer->socket = NULL;
}

static void greet(struct peer *peer)
{
    assert_int_equal(pl_socket_read_start(peer->socket), PL_OK);
    if (peer->bench_weak->on_accept != NULL)
        peer->bench_weak->on_accept(peer);
    else
        peer_settings(peer);
}

static void on_secured(void *self, int err, const char *alpn)
{
    struct peer *peer = self;

    (void)alpn;
    if (err == PL_OK)
        greet(peer);
    else
        pl_socket_abort(peer->socket);
}

static void on_accept(void *self, struct pl_socket *socket)
{
    const struct pl_bytes nothing = {0};
    struct bench *bench = self;
    struct peer *peer = calloc(1, sizeof *peer); /* not what a test makes fail */

    assert_non_null(peer);
    assert_true(bench->peers_len < PEERS_MAX);
    bench->peers[bench->peers_len++] = peer;
    peer->bench_weak = bench;
    peer->socket = socket;
    raw_init(&peer->raw);
    pl_socket_set_ops(socket, &(struct pl_socket_ops){.self = peer,
                                                      .on_read = on_read,
                                                      .on_end = on_end,
                                                      .on_close = on_close,
                                                      .on_secured = on_secured});
    if (bench->server_tls == NULL)
        greet(peer);
    else if (pl_socket_start_tls(socket, bench->server_tls, NULL, nothing) < 0)
        pl_socket_abort(socket);
}

static void on_turn_end(void *self)
{
    struct bench *bench = self;

    if (bench->on_turn != NULL)
        bench->on_turn(bench);
}

static void on_state(void *self, enum pl_channel_state state)
{
    struct bench *bench = self;

    assert_int_equal(state, pl_channel_state(bench->channel));
    assert_true(bench->states_len < STATES_MAX);
    bench->states[bench->states_len++] = state;
    if (bench->on_state != NULL)
        bench->on_state(bench, state);
}

static uint32_t chance(void *self)
{
    const struct bench *bench = self;

    return bench->random;
}

void bench_init(struct bench *bench, bool listens)
{
    const struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct pl_loop_ops ops = {.self = bench, .on_turn_end = on_turn_end};
    struct pl_address address = {.host = "127.0.0.1"};

    *bench = (struct bench){.random = UINT32_MAX / 2 + 1, .config = config};
    assert_int_equal(pl_loop_new(&ops, 1, &bench->loop), PL_OK);
    assert_int_equal(pl_bound_open(&address, &bench->bound), PL_OK);
    bench->address = *pl_bound_address(bench->bound);
    if (listens) {
        assert_int_equal(
            pl_listener_new(bench->loop, bench->bound, on_accept, bench, &bench->listener), PL_OK);
    } else {
        pl_bound_close(bench->bound);
        bench->bound = NULL;
    }
    bench->config.target.address = bench->address;
    bench->config.random = chance;
    bench->config.random_self = bench;
    bench->config.backoff_base_ms = 10;
    bench->config.retry_base_ms = 10;
}

void bench_open(struct bench *bench)
{
    struct pl_channel_ops ops = {.self = bench, .on_state = on_state};

    assert_int_equal(pl_channel_new(bench->loop, &bench->config, &ops, &bench->channel), PL_OK);
}

void bench_done(struct bench *bench)
{
    if (bench->channel != NULL)
        bench->channel->inside = false; /* where a test has failed in a callback */
    pl_channel_free(bench->channel);
    pl_bound_close(bench->bound);
    bench->on_turn = NULL;
    pl_loop_free(bench->loop);
    for (size_t i = 0; i < bench->peers_len; i++) {
        raw_done(&bench->peers[i]->raw);
        free(bench->peers[i]);
    }
}

void bench_run(struct bench *bench)
{
    pl_loop_run(bench->loop);
    bench->on_turn = NULL;
}

void bench_stop(struct bench *bench)
{
    pl_loop_stop(bench->loop);
}

static void on_message(void *self, struct pl_bytes message)
{
    struct caller *caller = self;

    assert_true(pl_bytes_is(message, "hi"));
    assert_int_equal(caller->closed, 0);
    caller->messages++;
    if (caller->on_message != NULL)
        caller->on_message(caller);
}

static void on_call_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct caller *caller = self;

    caller->call = NULL;
    caller->closed++;
    assert_int_equal(caller->closed, 1);
    caller->code = status->code;
    caller->processed = processed;
    snprintf(caller->text, sizeof caller->text, "%s",
             status->message != NULL ? status->message : "");
    if (caller->on_close != NULL)
        caller->on_close(caller);
}

struct caller *bench_start(struct bench *bench, size_t nth,
                           const struct pl_channel_call_options *options)
{
    struct caller *caller = &bench->callers[nth];
    struct pl_rpc_client_call_ops ops = {
        .self = caller, .on_message = on_message, .on_close = on_call_close};

    assert_true(nth < CALLERS_MAX);
    caller->bench_weak = bench;
    assert_int_equal(
        pl_channel_start(bench->channel, "/test.Kinds/Echo", NULL, 0, options, &ops, &caller->call),
        PL_OK);
    assert_int_equal(caller->closed, 0);
    return caller;
}

struct caller *bench_call(struct bench *bench, size_t nth,
                          const struct pl_channel_call_options *options)
{
    struct caller *caller = bench_start(bench, nth, options);
    int err = pl_channel_send(caller->call, pl_bytes_str("hi"));

    assert_true(err == PL_OK || err == PL_E_CLOSED);
    pl_channel_half_close(caller->call);
    assert_int_equal(caller->closed, 0);
    return caller;
}

void bench_run_out(struct caller *caller)
{
    caller->call->deadline_ms = pl_loop_now_ms(caller->bench_weak->loop);
    pl_timer_start(caller->call->timer, 0, 0);
}

bool bench_all_closed(const struct bench *bench, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bench->callers[i].closed == 0)
            return false;
    return true;
}

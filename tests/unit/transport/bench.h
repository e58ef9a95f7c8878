/*
 * bench.h - for tests of the channel: a channel, and a server of bytes that says
 * what the test wants, both on one loop.
 *
 * The test's steps run at the end of each turn; it stops the loop when it has seen
 * what it waits for.
 */
#ifndef PL_TESTS_TRANSPORT_BENCH_H
#define PL_TESTS_TRANSPORT_BENCH_H

#include "../rpc/raw.h"
#include "transport/channel_inner.h"

enum { PEERS_MAX = 16, STATES_MAX = 64, CALLERS_MAX = 64 };

struct bench;

/* A connection, as the server sees it. */
struct peer {
    struct bench *bench_weak;
    struct pl_socket *socket; /* NULL once it is closed */
    struct raw raw;
    size_t magic_size;  /* of the client's magic, so much has come */
    size_t frames_seen; /* of raw's frames, so many were dealt with */
    bool ended;         /* the client has closed it */
};

/* A call, as its caller sees it. */
struct caller {
    struct bench *bench_weak;
    struct pl_channel_call *call; /* NULL once it is over */
    int messages;
    int closed;
    enum pl_code code;
    bool processed;
    char text[512];
    void (*on_message)(struct caller *caller);
    void (*on_close)(struct caller *caller);
};

struct bench {
    struct pl_loop *loop;
    struct pl_bound *bound;
    struct pl_listener *listener;
    struct pl_address address; /* where the server listens, or nobody does */
    struct pl_channel_config config;
    struct pl_channel *channel;
    struct pl_tls_context *server_tls; /* NULL: in the clear; borrowed */
    struct peer *peers[PEERS_MAX];
    size_t peers_len;
    struct caller callers[CALLERS_MAX];
    enum pl_channel_state states[STATES_MAX]; /* as told */
    size_t states_len;
    uint32_t random; /* what chance says */
    int step;        /* the test's */
    size_t count;    /* the test's */

    /* The test's; each may be NULL. */
    void (*on_turn)(struct bench *bench);
    void (*on_accept)(struct peer *peer); /* else the server's SETTINGS */
    /* A whole request has come. */
    void (*on_request)(struct peer *peer, int32_t stream_id);
    void (*on_state)(struct bench *bench, enum pl_channel_state state);
};

/* With a server, or an address where nobody listens. The channel is made by
 * bench_open(), by `config`. */
void bench_init(struct bench *bench, bool listens);
void bench_open(struct bench *bench);
void bench_done(struct bench *bench);

/* Runs the loop until bench_stop(); once. */
void bench_run(struct bench *bench);
void bench_stop(struct bench *bench);

/* Makes the nth call, of "/test.Kinds/Echo" with the message "hi". */
struct caller *bench_call(struct bench *bench, size_t nth,
                          const struct pl_channel_call_options *options);
/* The same without a message. */
struct caller *bench_start(struct bench *bench, size_t nth,
                           const struct pl_channel_call_options *options);

/* The call's deadline is now: nothing has to take its time. */
void bench_run_out(struct caller *caller);

/* Whether the first `len` calls are over. */
bool bench_all_closed(const struct bench *bench, size_t len);

/* What the server says. */
void peer_settings(struct peer *peer);
void peer_message(struct peer *peer, int32_t stream_id); /* headers and "hi" */
void peer_ok(struct peer *peer, int32_t stream_id);      /* trailers */
void peer_answer(struct peer *peer, int32_t stream_id);  /* both */
/* Trailers-only; `pushback`: grpc-retry-pushback-ms, or NULL. */
void peer_fail(struct peer *peer, int32_t stream_id, enum pl_code code, const char *pushback);
void peer_reset(struct peer *peer, int32_t stream_id, uint32_t error_code);
void peer_goaway(struct peer *peer, int32_t last_stream_id, const char *text);
void peer_bytes(struct peer *peer, const char *text);
void peer_hang_up(struct peer *peer);

#endif

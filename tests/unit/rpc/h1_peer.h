/*
 * h1_peer.h - a client of a server's connection of HTTP/1.1, by hand: text in, text out.
 */
#ifndef H1_PEER_H
#define H1_PEER_H

#include "kinds.h"
#include "rpc/health.h"
#include "rpc/limits.h"

#define ECHO  "POST /test.v1.Kinds/Echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
#define WAIT  "POST /test.v1.Kinds/Wait HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
#define SIZED "Content-Length: 14\r\n\r\n{\"number\":\"1\"}"
#define WAIT_STREAM                                                               \
    "POST /test.v1.Kinds/WaitStream HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n" \
    "Content-Type: application/grpc-web-text\r\n\r\nAAAAAAA="

enum { OUT_MAX = 1 << 20 };

struct fixture {
    struct pl_rpc_host *host;
    struct pl_rpc_health *health;
    struct pl_rpc_conn *conn;
    struct kinds_seen seen;
    struct pl_rpc_limits limits;
    int64_t now_ms;
    int rc;
    int wants; /* how often it wanted to send */
    char out[OUT_MAX];
    size_t out_size;
};

/* A cmocka fixture: a server and a connection to it. */
int peer_setup(void **state);
int peer_teardown(void **state);

/* Another connection, in place of the one before. */
void peer_connect(struct fixture *f, enum pl_rpc_http_version version);

void peer_give(struct fixture *f, const char *text);

/* What the server has to say by now, `part` bytes at a time. */
const char *peer_take_by(struct fixture *f, size_t part);
const char *peer_take(struct fixture *f);

/* Ends the calls that wait. */
void peer_finish(struct fixture *f);

void assert_starts(const char *text, const char *start);
bool has(const char *text, const char *part);

#endif

/*
 * raw_server.h - for tests: a client, and a server made of bytes that it talks to.
 */
#ifndef PL_TEST_RPC_RAW_SERVER_H
#define PL_TEST_RPC_RAW_SERVER_H

#include "raw.h"
#include "rpc/client.h"

enum {
    END_STREAM = NGHTTP2_FLAG_END_STREAM,
    END_HEADERS = NGHTTP2_FLAG_END_HEADERS,
};

/* What a call has come to. */
struct served {
    struct pl_rpc_client_call *call; /* NULL once it is over */
    int headers;
    int messages;
    int drained;
    int closed;
    bool compressed; /* the last message */
    size_t size;     /* of it */
    uint8_t last[64];
    enum pl_code code;
    char message[512];
    size_t details_size;
    bool processed;
    /* Called in on_close, while the call is there. */
    void (*at_close)(struct served *served, void *arg);
    void *arg;
    bool cancels; /* when a message comes */
};

struct raw_server {
    struct pl_rpc_client *client;
    struct raw raw;
    int64_t now_ms;
    int rc;         /* the last result of recv, or of fill where that failed */
    bool keeps_all; /* what the client sends is not taken */
};

extern const char *const raw_head[];    /* a response's headers */
extern const char *const raw_tail_ok[]; /* its trailers */

/* A client of that configuration (NULL: none), greeted with SETTINGS. */
void raw_server_init(struct raw_server *server, const struct pl_rpc_client_config *config);
void raw_server_done(struct raw_server *server);

/* Begins a call; `ret_served` forgets what it was. */
int raw_server_begin(struct raw_server *server, const struct pl_rpc_client_request *request,
                     struct served *ret_served);

/* The same for "/test.Kinds/Any", which sends "hi" and half-closes. */
void raw_server_call(struct raw_server *server, struct served *ret_served);

/* Gives the client the frames made for it, and takes what it says. */
int raw_server_talk(struct raw_server *server);

/* A message in its envelope, as one DATA frame of stream 1. */
void raw_server_message(struct raw_server *server, uint8_t flags, struct pl_bytes message);

#endif

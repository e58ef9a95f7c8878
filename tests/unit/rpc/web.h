/*
 * web.h - for tests: a host whose service is known to JSON, and a client of HTTP/2 or
 * HTTP/1.1 that shows responses as they came.
 *
 * The client allocates nothing through base/mem.h: what a test makes fail there is
 * the server's.
 */
#ifndef PL_TEST_RPC_WEB_H
#define PL_TEST_RPC_WEB_H

#include "kinds.h"
#include "rpc/limits.h"

#include <nghttp2/nghttp2.h>
#include <stddef.h>

/* A request, and what has come of its response. */
struct web_reply {
    struct web *web;
    int32_t stream_id;
    int status;
    int ended;            /* the body is whole */
    int reset;            /* HTTP/2's error code, or -1 */
    int interim;          /* how many 100 (Continue) came before */
    char head[16 * 1024]; /* "name: value\n"… */
    char trailers[8 * 1024];
    uint8_t *body;
    size_t body_size;
    uint8_t *request; /* what of the request's body has not left; HTTP/2 */
    size_t request_size;
    bool request_ended;
    bool head_only; /* the request is HEAD */
    struct web_reply *next;
};

struct web {
    int version; /* 1 or 2 */
    struct pl_rpc_host *host;
    struct pl_rpc_conn *conn;
    struct kinds_seen seen;
    int64_t now_ms;
    size_t chunk_in;  /* how many bytes are carried at a time: to the server, */
    size_t chunk_out; /* and from it */
    int conn_rc;      /* the last result of recv and fill */
    bool gone;        /* the server has ended the connection */
    uint32_t goaway;  /* HTTP/2's error code of it, + 1 */
    uint32_t window;  /* HTTP/2's initial window of a stream; 0: the usual */
    nghttp2_session *client;
    uint8_t *out; /* to the server; HTTP/1.1 */
    size_t out_size;
    uint8_t *in; /* from the server; HTTP/1.1 */
    size_t in_size;
    struct web_reply *first; /* whose response comes next; HTTP/1.1 */
};

/* A host with the service test.v1.Kinds, and a connection. PL_OK, or PL_E_NOMEM
 * where a test makes memory short; done() takes any state. */
int web_init(struct web *web, int version);
int web_init_with(struct web *web, int version, const struct pl_rpc_limits *limits);
void web_done(struct web *web);

/* Runs what follows over each version. */
#define EACH_VERSION(web)                                                                \
    for (int version_ = 1; version_ <= 2; version_++)                                    \
        for (int once_ = (assert_int_equal(web_init((web), version_), PL_OK), 1); once_; \
             once_ = 0, web_done(web))

/* The client's connection, where the test has set `window`, or after the server's. */
int web_connect(struct web *web);
void web_hang_up(struct web *web);

/* Begins a request: fields are "name", "value", …, NULL. A reply may be used again
 * after web_reply_done(); its strings are valid until then. */
void web_open(struct web *web, const char *method, const char *path, const char *const *fields,
              struct web_reply *reply);
/* Sends a part of its body. */
void web_send(struct web_reply *reply, const void *data, size_t size, bool end);
/* A request at once, its body's size told. */
void web_request(struct web *web, const char *method, const char *path, const char *const *fields,
                 const void *data, size_t size, struct web_reply *reply);
void web_reply_done(struct web_reply *reply);

/* Carries bytes both ways until both sides are silent. */
void web_pump(struct web *web);

/* Carries chunk_out bytes from the server, once. */
void web_move_in(struct web *web);

/* A request, and all of its response. `path` without a slash is a method of Kinds. */
void web_call(struct web *web, const char *path, const char *content_type,
              const char *const *fields, const void *data, size_t size, struct web_reply *reply);

/* Whether head or trailers have the line "name: value"; the value of a field, or NULL. */
bool web_has(const struct web_reply *reply, const char *line);
bool web_names(const struct web_reply *reply, const char *name);

/* Whether the body is that text. */
bool web_body_is(const struct web_reply *reply, const char *text);

/* The frame that begins at *offset of the body; false where there is no whole one. */
struct web_frame {
    uint8_t flags;
    size_t size;
    const uint8_t *data;
};
bool web_next_frame(const struct web_reply *reply, size_t *offset, struct web_frame *ret_frame);

#endif

/*
 * channel_inner.h - the channel, its connections and its calls, as the channel's own
 * files know them. The public side is channel.h.
 */
#ifndef PL_TRANSPORT_CHANNEL_INNER_H
#define PL_TRANSPORT_CHANNEL_INNER_H

#include "base/buf.h"
#include "base/list.h"
#include "net/tcp.h"
#include "rpc/fields.h"
#include "transport/channel.h"
#include "transport/preface.h"
#include "transport/retry.h"

enum { PL_CHANNEL_WHY_SIZE = 256, PL_CHANNEL_TEXT_SIZE = 640 };

enum pl_channel_conn_state {
    PL_CHANNEL_CONN_CONNECTING = 1, /* TCP */
    PL_CHANNEL_CONN_SECURING,       /* TLS */
    PL_CHANNEL_CONN_SETTLING,       /* the server's SETTINGS have not come */
    PL_CHANNEL_CONN_READY,
    PL_CHANNEL_CONN_DRAINING, /* the server takes no new calls */
};

/* A connection. What breaks it is found in the midst of callbacks, of the socket and
 * of calls; there it is only noted, and the flush takes it down. */
struct pl_channel_conn {
    struct pl_list node; /* in the channel's conns */
    struct pl_channel *channel_weak;
    enum pl_channel_conn_state state;
    struct pl_socket *socket;     /* NULL once it is closed */
    struct pl_rpc_client *client; /* from SETTLING on */
    size_t calls_len;             /* attempts on it */
    struct pl_preface preface;    /* SETTLING: what the server has said so far */
    bool broken;
    bool tells_why; /* being freed: what rpc says of its calls' end lacks the reason */
    char why[PL_CHANNEL_WHY_SIZE];
};

struct pl_channel {
    struct pl_loop *loop_weak;
    struct pl_channel_config config;
    struct pl_channel_ops ops;
    char *server_name;
    char authority[PL_TARGET_TEXT_SIZE]; /* "HOST:PORT" */
    enum pl_channel_state state;
    enum pl_channel_state told_state;
    struct pl_channel_conn *conn; /* CONNECTING, READY: the one for new calls; else NULL */
    struct pl_list conns;         /* that one, and those that drain */
    struct pl_list queue;         /* calls that the flush looks at: WAITING, ENDING */
    struct pl_list calls;         /* the others: ACTIVE, PAUSING */
    size_t calls_len;
    uint32_t waiting_len; /* calls that are WAITING or PAUSING */
    size_t held_size;     /* of messages that calls hold */

    struct pl_timer *pause; /* CONNECTING: its bound; TRANSIENT_FAILURE: until the next try */
    struct pl_timer *tick;  /* while there are connections */
    struct pl_timer *soon;  /* the flush */
    struct pl_backoff backoff;
    uint32_t wait_ms_min;
    int64_t keepalive_ms;
    int64_t begun_ms; /* when the last connection was begun */
    int64_t again_ms; /* TRANSIENT_FAILURE: when the next one will be */
    int64_t used_ms;  /* when there was a call last */
    bool given_up;    /* the owner broke the last connection, and no call went well on it */
    bool answered;    /* what failed last was a connection that TCP had made */
    bool dirty;       /* the flush has something to do */
    bool inside;      /* in callbacks of rpc, or in the flush: not to be flushed now */
    char why[PL_CHANNEL_WHY_SIZE];
    char failure[PL_CHANNEL_TEXT_SIZE]; /* the same for the status of calls, with the address */
};

enum pl_channel_call_state {
    PL_CHANNEL_CALL_WAITING = 1, /* for a connection */
    PL_CHANNEL_CALL_ACTIVE,      /* on a connection */
    PL_CHANNEL_CALL_PAUSING,     /* until the next attempt; the timer tells */
    PL_CHANNEL_CALL_ENDING,      /* the flush ends it, with end_code and text */
    PL_CHANNEL_CALL_OVER,        /* on_close is at work */
};

struct pl_channel_call {
    struct pl_list node; /* in the channel's queue or calls */
    struct pl_channel *channel_weak;
    struct pl_rpc_client_call_ops ops;
    enum pl_channel_call_state state;
    char *path;
    struct pl_rpc_fields metadata; /* the names with their NUL */
    bool wait_for_ready;
    bool compress;
    bool one_reply;
    struct pl_retry retry;
    int64_t deadline_ms;    /* INT64_MAX: none */
    int64_t again_ms;       /* PAUSING: until then */
    struct pl_timer *timer; /* NULL where there was nothing to wait for yet */

    struct pl_buf **held; /* the messages so far, unless committed */
    size_t held_len;
    size_t held_cap;
    size_t held_size;
    bool half_closed;
    bool committed; /* it is not tried again, so nothing is held */

    struct pl_channel_conn *conn_weak; /* ACTIVE; NULL once the attempt is over */
    struct pl_rpc_client_call *attempt;
    bool seen;     /* an attempt may have been processed */
    bool dropping; /* the attempt is being cancelled by the channel itself */

    enum pl_code end_code;
    char text[PL_CHANNEL_TEXT_SIZE];
};

/* In channel.c. */

/* There is something for the flush to do. */
void pl_channel_mark(struct pl_channel *channel);
uint32_t pl_channel_random(const struct pl_channel *channel);
int64_t pl_channel_now_ms(const struct pl_channel *channel);
/* The connection being made has got the server's SETTINGS. */
void pl_channel_settled(struct pl_channel *channel);
/* A call went well, or a message came: the server is not such that one must go. */
void pl_channel_is_well(struct pl_channel *channel);

/* In channel_conn.c. */

/* Begins to connect. PL_E_NOMEM, PL_E_CLOSED. */
int pl_channel_conn_new(struct pl_channel *channel, struct pl_channel_conn **ret_conn);
/* Ends its calls. Not from inside rpc. */
void pl_channel_conn_free(struct pl_channel_conn *conn);
/* Notes that it is to be taken down; the first reason counts. */
void pl_channel_conn_break(struct pl_channel_conn *conn, const char *why);
void pl_channel_conn_send(struct pl_channel_conn *conn);
void pl_channel_conn_tick(struct pl_channel_conn *conn);

/* In channel_call.c. */

/* Looks at the whole queue: begins attempts, ends what is to end. */
void pl_channel_calls_go_on(struct pl_channel *channel);
/* Ends all. */
void pl_channel_calls_end(struct pl_channel *channel, enum pl_code code, const char *text);

#endif

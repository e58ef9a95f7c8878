/*
 * errand.h - a call's errand: it leaves its loop with what is asked, passes the
 * threads that can answer, and comes back with the answer.
 *
 * It is one letter all the way, so an answer never fails for want of memory. The
 * thread that holds it owns it; the loop that made it frees it.
 *
 *     command  loop → engine → loop
 *     query    loop → reader → loop
 *     users    loop → reader → engine (who is online) → loop
 *     online   loop → engine (who is online) → loop
 */
#ifndef PL_SERVER_ERRAND_H
#define PL_SERVER_ERRAND_H

#include "base/arena.h"
#include "base/buf.h"
#include "model/command.h"
#include "model/effect.h"
#include "model/query.h"
#include "net/mailbox.h"
#include "net/tls.h"
#include "wire/request.h"

/* What kind of letter it is: the first member of every struct that threads post
 * to each other. */
enum pl_msg_kind {
    PL_MSG_ERRAND,      /* struct pl_errand */
    PL_MSG_STREAM_GONE, /* struct pl_stream_call: the engine forgets it, then the loop frees it */
    PL_MSG_FEED,        /* struct pl_feed_msg */
    PL_MSG_TAKEN,       /* struct pl_taken_msg */
    PL_MSG_TAKER_ENDED, /* struct pl_taken_msg */
    PL_MSG_TLS,         /* struct pl_tls_msg */
    PL_MSG_DRAIN,       /* a loop drains; it answers the control loop with DRAINED */
    PL_MSG_DRAINED,
};

struct pl_msg {
    struct pl_letter letter;
    enum pl_msg_kind kind;
};

enum pl_errand_kind {
    PL_ERRAND_COMMAND, /* u.command */
    PL_ERRAND_QUERY,   /* u.query */
    PL_ERRAND_USERS,   /* u.query, of LIST_USERS: a page of users, to be marked online */
    PL_ERRAND_ONLINE,  /* u.query, of LIST_USERS with online_only; becomes GET_USERS */
};

/* What a granted SUBSCRIBE or OPEN_TAKER gives; the arrays lie in the arena. */
struct pl_granted {
    pl_user_id user;
    pl_session_id session;
    pl_position shown;
    bool all;
    struct pl_subscribed_room *rooms;
    uint32_t rooms_len;
};

struct pl_lane;

struct pl_errand {
    struct pl_msg msg;
    enum pl_errand_kind kind;
    uint64_t call;             /* the call that waits, by its id */
    uint32_t loop;             /* its loop */
    size_t charged_size;       /* what its loop counts it for */
    struct pl_lane *lane_weak; /* its address's, or NULL: see lanes.h */
    bool silent;               /* nobody waits: freed when it comes back */
    int64_t work_us;           /* what it took whoever answered, about */
    bool asked;                /* of readers: see lanes.h */
    bool answered;             /* set by whoever answers, once */
    struct pl_arena arena;
    struct pl_command command;
    struct pl_query query;
    char token[64];        /* SIGN_IN_GUEST: the new token, in clear, for the answer */
    struct pl_user *users; /* USERS: the page that the reader found */
    uint32_t users_len;
    const char *next;                /* USERS: the next page's token */
    bool more;                       /* ONLINE: there is a next page */
    struct pl_stream_request stream; /* SUBSCRIBE: what was asked for */
    /* What the loop found wrong: told once the token is proven. NULL: nothing; in the arena. */
    struct pl_refusal *pending;
    /* the answer */
    struct pl_refusal refusal;
    struct pl_buf *response;   /* one reference, or NULL */
    struct pl_granted granted; /* of SUBSCRIBE and OPEN_TAKER */
    pl_position through;       /* of READ_PAGE: */
    pl_position states_until;  /* see struct pl_cached_page */
};

/* What an errand's arena may hold. */
enum { PL_ERRAND_SIZE_MAX = 4 * 1024 * 1024 };

/* NULL when memory is short. */
struct pl_errand *pl_errand_new(enum pl_errand_kind kind, uint32_t loop, uint64_t call);
void pl_errand_free(struct pl_errand *errand); /* NULL is fine */

/* Errands of a loop that have come back, for its next calls of one answer. Each keeps what
 * a small request takes. Those of streams are not kept: many may be opened at once, and
 * then none for hours. */
enum { PL_ERRAND_POOL_LEN_MAX = 256 };

struct pl_errand_pool {
    struct pl_list errands;
    uint32_t len;
};

void pl_errand_pool_init(struct pl_errand_pool *pool);
void pl_errand_pool_done(struct pl_errand_pool *pool);

/* As pl_errand_new() and pl_errand_free(). */
struct pl_errand *pl_errand_pool_take(struct pl_errand_pool *pool, enum pl_errand_kind kind,
                                      uint32_t loop, uint64_t call);
void pl_errand_pool_give(struct pl_errand_pool *pool, struct pl_errand *errand);

/* Makes it ask only whether its token is good: the request is refused anyway, but a
 * stranger is told nothing else than that it is one. The refusal becomes pending.
 * PL_E_NOMEM. */
int pl_errand_only_token(struct pl_errand *errand);

/* A feed for a loop. */
struct pl_feed_msg {
    struct pl_msg msg;
    struct pl_feed *feed; /* one reference, or NULL */
    bool feed_lost;       /* all streams must end */
    bool takers_lost;     /* a message for one was lost, or its end: all takers must end */
};

/* A message for a taker, or its end. */
struct pl_taken_msg {
    struct pl_msg msg;
    uint64_t call;             /* the taker's, by its id */
    struct pl_buf *bytes;      /* TAKEN: a TakeMessagesResponse, one reference */
    struct pl_refusal refusal; /* TAKER_ENDED */
};

/* New certificates for a loop. */
struct pl_tls_msg {
    struct pl_msg msg;
    struct pl_tls_context *context; /* one reference */
};

/* Frees a letter of the above kinds that nobody will receive. */
void pl_msg_discard(struct pl_msg *msg);

#endif

/*
 * stream_call.h - a StreamMessages or TakeMessages call, as loop and engine know
 * it.
 *
 * The loop makes it when the call opens. When the call is over it travels to the
 * engine, which forgets the stream or ends the taker's leases, and back to the
 * loop, which frees it: so forgetting never fails for want of memory.
 */
#ifndef PL_SERVER_STREAM_CALL_H
#define PL_SERVER_STREAM_CALL_H

#include "base/list.h"
#include "fanout/hub.h"
#include "rpc/host.h"
#include "server/errand.h"
#include "server/live_session.h"

struct pl_io_loop;

enum pl_stream_call_state {
    PL_STREAM_CALL_ASKING, /* the engine has been asked */
    PL_STREAM_CALL_OPEN,   /* it streams, or takes */
    PL_STREAM_CALL_GONE,   /* it is over; the engine is being told */
};

struct pl_stream_call {
    struct pl_msg gone; /* in the loop's list of open ones; then the letter PL_MSG_STREAM_GONE */
    uint64_t id;        /* the call's */
    uint32_t loop;
    uint8_t state; /* enum pl_stream_call_state */
    bool taker;
    bool page_failed; /* the loop's: its page could not be asked for */
    bool forgotten;   /* the engine's: it is no longer told of anything */
    union {
        struct { /* the loop's, until it is GONE */
            struct pl_rpc_call *call_weak;
            struct pl_live_session *session; /* one reference */
            struct pl_stream *stream;        /* the hub's; NULL for takers and while ASKING */
            int64_t sent_ms;                 /* takers: when something was last sent, monotonic */
        };
        struct {             /* the engine's, from then on */
            pl_user_id user; /* whose it was, as is still to be said: once it is forgotten */
        };
    };
};
_Static_assert(sizeof(void *) != 8 || sizeof(struct pl_stream_call) <= 72,
               "each open stream has one");

/* The one whose node that is in the loop's list. */
static inline struct pl_stream_call *pl_stream_call_of(struct pl_list *node)
{
    return PL_CONTAINER(node, struct pl_stream_call, gone.letter.node);
}

/* The engine knows takers of all loops: a taker's id is its call's, with the loop. */
uint64_t pl_taker_id(uint32_t loop, uint64_t call);
uint64_t pl_taker_call(uint64_t taker);

/* on_message of both kinds of call: decodes the request into the errand's command
 * (or its refusal), makes a stream call, and asks the engine. */
void pl_stream_call_open(struct pl_rpc_call *call, struct pl_bytes message, bool taker,
                         int (*decode)(struct pl_bytes message, struct pl_errand *errand));

/* Whether the answer is a refusal; the call is then ended with it. */
bool pl_stream_call_refused(struct pl_stream_call *stream_call, const struct pl_errand *errand);

/* The loop of one that is not GONE. */
struct pl_io_loop *pl_stream_call_io(const struct pl_stream_call *stream_call);

/* Ends the call with a refusal; the stream call is GONE at once, so that a peer that
 * does not read the end of its call holds nothing. */
void pl_stream_call_end(struct pl_stream_call *stream_call, const struct pl_refusal *refusal);

/* on_close of both kinds of call: leaves the hub, tells the engine. */
void pl_stream_call_on_close(struct pl_rpc_call *call);

/* StreamMessages (stream.c). */
void pl_stream_on_message(struct pl_rpc_call *call, struct pl_bytes message);
/* The engine has answered SUBSCRIBE. */
void pl_stream_answer(struct pl_stream_call *stream_call, const struct pl_errand *errand);
/* A page has come. */
void pl_stream_page(struct pl_stream_call *stream_call, struct pl_errand *errand);
/* What the loop's hub asks for. */
struct pl_hub_ops pl_stream_hub_ops(struct pl_io_loop *io);
/* Ends the streams whose pages could not be asked for. */
void pl_stream_end_failed(struct pl_io_loop *io);

/* TakeMessages (take.c). */
void pl_take_on_message(struct pl_rpc_call *call, struct pl_bytes message);
void pl_take_answer(struct pl_stream_call *stream_call, const struct pl_errand *errand);
void pl_take_message(struct pl_stream_call *stream_call, struct pl_taken_msg *taken);
/* Silence: a Heartbeat where one is due. */
void pl_take_beat(struct pl_stream_call *stream_call, int64_t now_ms);
void pl_take_drain(struct pl_stream_call *stream_call, uint32_t retry_after_ms);

/* Has the sessions of open streams marked as used, where that is due. */
void pl_stream_sessions_touch(struct pl_io_loop *io, int64_t now_ms);

#endif

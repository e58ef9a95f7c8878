/*
 * state.h - the engine's insides, and one command's turn; of core's files only.
 *
 * A handler decides one command: it returns PL_OK where it is granted,
 * PL_REFUSED where the reply holds a refusal (and nothing has changed), or a
 * negative error, which loses the whole batch.
 */
#ifndef PL_CORE_STATE_H
#define PL_CORE_STATE_H

#include "core/cache.h"
#include "core/engine.h"
#include "core/taker.h"

#include <stdbool.h>
#include <stdint.h>

enum { PL_REFUSED = 1 };

/* What a failed batch must leave as it was, besides the store's rows. Its times are of
 * the age clock: see pl_batch. */
struct pl_progress {
    bool started;
    int64_t expired_ms;  /* leases and delays up to here have been dealt with */
    int64_t rest_due_ms; /* when the rest of EXPIRE is due */
    int64_t trim_due_ms; /* when a room is to be trimmed; INT64_MAX: none */
    int64_t work_due_ms; /* when a lease runs out or a delay ends; INT64_MAX: none */
};

struct pl_engine {
    struct pl_engine_config config;
    struct pl_cache cache;
    struct pl_takers takers;
    struct pl_progress progress;
    struct pl_meta meta; /* while meta_known */
    bool meta_known;
    bool leases_void; /* the store has leases whose takers have been ended */
    bool work_moved;  /* progress.work_due_ms is to be asked for anew */

    /* of the batch under way */
    struct pl_effects *effects;
    int64_t now_ms;     /* what is made now bears it */
    int64_t age_ms;     /* what it is held against to see whether its time is over; <= now_ms */
    bool follow_up;     /* more is to be done than one batch may */
    size_t handed_size; /* bytes of messages that were leased */
};

struct pl_turn {
    struct pl_engine *engine;
    const struct pl_command *command;
    struct pl_reply *reply;     /* NULL for commands without one */
    struct pl_session *session; /* of who asks; NULL for the server's own commands */
    struct pl_user *user;
};

#define PL_ASK(engine, op, ...) \
    ((engine)->config.store.ops->op((engine)->config.store.self, __VA_ARGS__))

/* PL_E_CORRUPT for NOTFOUND, where a row must be there. */
int pl_must_be(int rc);

/* Sets the reply's refusal; the field and the detail may be "". */
void pl_turn_refuse(struct pl_turn *turn, enum pl_reason reason, const char *field,
                    const char *detail);

/* The same as a handler's result. */
static inline int pl_refuse(struct pl_turn *turn, enum pl_reason reason)
{
    pl_turn_refuse(turn, reason, "", "");
    return PL_REFUSED;
}

static inline int pl_refuse_detail(struct pl_turn *turn, enum pl_reason reason, const char *detail)
{
    pl_turn_refuse(turn, reason, "", detail);
    return PL_REFUSED;
}

static inline int pl_refuse_field(struct pl_turn *turn, const char *field, const char *detail)
{
    pl_turn_refuse(turn, PL_REASON_FIELD_INVALID, field, detail);
    return PL_REFUSED;
}

/* A reason that is one field's fault. */
static inline int pl_refuse_at(struct pl_turn *turn, enum pl_reason reason, const char *field)
{
    pl_turn_refuse(turn, reason, field, "");
    return PL_REFUSED;
}

#endif

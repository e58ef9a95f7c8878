/*
 * engine.h - the chat itself: a deterministic state machine.
 *
 * A batch of commands in, effects out; the same batches give the same state and
 * the same effects on every machine. No I/O of its own, no clock, no threads:
 * what it does not have in memory it asks of the store, and the time comes with
 * the batch.
 *
 * Within a batch each command is decided on what those before it have done. All
 * of a batch becomes durable, or nothing. Nothing of the effects may be seen by
 * anyone before pl_engine_apply() has returned PL_OK.
 *
 * Threads: one. Ownership: the engine owns its caches only.
 */
#ifndef PL_CORE_ENGINE_H
#define PL_CORE_ENGINE_H

#include "model/command.h"
#include "model/effect.h"
#include "model/store.h"

struct pl_engine;

struct pl_engine_config {
    struct pl_store store;           /* borrowed; outlives the engine */
    struct pl_event_encoder encoder; /* likewise */
    bool guests;                     /* SIGN_IN_GUEST is granted */
    int64_t session_idle_ms;         /* a guest's session ends after so long without use */
    size_t text_size_max;            /* <= PL_TEXT_SIZE_MAX */
};

/* PL_E_NOMEM, PL_E_INVALID (config). Reads nothing yet: give it a batch with
 * PL_COMMAND_START first. */
int pl_engine_new(const struct pl_engine_config *config, struct pl_engine **ret_engine);

/* NULL is fine. */
void pl_engine_free(struct pl_engine *engine);

/* Applies a batch in one transaction of the store. `effects` must be empty.
 *
 * PL_OK: all is durable; effects hold a reply for every command that has one,
 * granted or refused, and what else is to be done.
 * < 0: the store rolled back and nothing has happened, as far as this process goes: see
 * model/store.h about commits that fail. Caches are dropped, and
 * every taker has been ended: effects hold only their TAKER_ENDED. The caller
 * answers the batch's commands itself, with pl_refusal_of_err(). After PL_E_IO
 * and PL_E_CORRUPT the process must stop. */
int pl_engine_apply(struct pl_engine *engine, const struct pl_batch *batch,
                    struct pl_effects *effects);

/* When PL_COMMAND_EXPIRE should be given next, on the clock of pl_batch.age_ms:
 * leases and delays to the moment, retention within a tenth of it, the rest about once a minute.
 * Call after an apply. */
int64_t pl_engine_due_ms(const struct pl_engine *engine);

/* Whether the session has not been marked as used for so long that
 * TOUCH_SESSION is due: an hour, or a hundredth of session_idle_ms if that is
 * less. Any thread; pure. */
bool pl_session_touch_due(const struct pl_session *session, int64_t session_idle_ms,
                          int64_t now_ms);

#endif

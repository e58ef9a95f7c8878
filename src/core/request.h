/*
 * request.h - request ids: a send that is repeated is done once.
 *
 * Errors: those of the store, PL_E_NOMEM.
 */
#ifndef PL_CORE_REQUEST_H
#define PL_CORE_REQUEST_H

#include "core/state.h"

/* A used request_id, by the caller and its target. */
struct pl_request_key {
    char target[PL_ROOM_NAME_SIZE_MAX + 2];
    const char *id; /* "" : the send has none */
    struct pl_hash content;
};

void pl_request_key_init(struct pl_request_key *key, const struct pl_send *send);

/* Whether the caller used that id within the last day. If so the turn's reply
 * holds the first one's message as it stands now; refuses with
 * REQUEST_ID_REUSED where the content was other, with MESSAGE_NOT_FOUND where
 * retention has taken the message: it was sent, and is not sent again. */
int pl_request_replay(struct pl_turn *turn, const struct pl_request_key *key, bool *ret_found);

/* The id is used for this message. */
int pl_request_keep(struct pl_turn *turn, const struct pl_request_key *key, pl_room_id room,
                    pl_sequence sequence);

/* Forgets ids that are older than a day. */
int pl_request_expire(struct pl_engine *engine);

#endif

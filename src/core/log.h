/*
 * log.h - putting an event at the end of a room's log.
 *
 * Gives it its sequence and its position, has it encoded, keeps it, adds its
 * EVENT effect, and moves the room's figures.
 *
 * Errors: PL_E_NOMEM, PL_E_LIMIT (an event over PL_EVENT_SIZE_MAX: the limits
 *   of what it is made of do not allow that), those of the store.
 */
#ifndef PL_CORE_LOG_H
#define PL_CORE_LOG_H

#include "core/state.h"

/* A message as it was found good. */
struct pl_message {
    const char *text;
    pl_sequence reply_to;
    pl_sequence thread;
    const char *mentions[PL_MENTIONS_LEN_MAX];
    pl_user_id mention_ids[PL_MENTIONS_LEN_MAX];
    uint32_t mentions_len;
};

/* *ret_bytes is borrowed from the effect. */
int pl_log_message(struct pl_engine *engine, struct pl_room *room, const struct pl_user *actor,
                   const struct pl_message *message, struct pl_buf **ret_bytes);

/* `actor` NULL: nobody. */
int pl_log_room_changed(struct pl_engine *engine, struct pl_room *room,
                        const struct pl_user *actor);

int pl_log_member_changed(struct pl_engine *engine, struct pl_room *room,
                          const struct pl_user *actor, const struct pl_member *member,
                          const char *name);

#endif

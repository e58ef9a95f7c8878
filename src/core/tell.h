/*
 * tell.h - adding to a batch's effects. All: PL_OK or PL_E_NOMEM.
 */
#ifndef PL_CORE_TELL_H
#define PL_CORE_TELL_H

#include "core/state.h"

/* A string that lives as long as the effects, or NULL. */
const char *pl_tell_str(struct pl_engine *engine, const char *str);

/* The command's reply, granted until refused. */
int pl_tell_reply(struct pl_engine *engine, const struct pl_command *command,
                  struct pl_reply **ret_reply);

/* Consumes the reference to `bytes`, also on failure. */
int pl_tell_event(struct pl_engine *engine, const struct pl_event *event, struct pl_buf *bytes);

int pl_tell_membership(struct pl_engine *engine, const struct pl_room *room, pl_user_id user,
                       bool joined, pl_position position);
int pl_tell_marker(struct pl_engine *engine, const struct pl_room *room,
                   const struct pl_member *member);
int pl_tell_session_ended(struct pl_engine *engine, const struct pl_session *session);
int pl_tell_follow_up(struct pl_engine *engine);

/* Consumes the reference in `message`, also on failure. */
int pl_tell_leased(struct pl_engine *engine, const struct pl_taker *taker,
                   const struct pl_work *work, const struct pl_message_view *message);
int pl_tell_taker_ended(struct pl_effects *effects, const struct pl_taker *taker,
                        const struct pl_refusal *refusal);

#endif

/*
 * mention.h - whom a text mentions.
 *
 * '@' and a user's name, where no letter or digit stands before it (so that no
 * mail address is one); '.', '-' and '_' at its end belong to the sentence.
 * Who is not in the room is not mentioned.
 */
#ifndef PL_CORE_MENTION_H
#define PL_CORE_MENTION_H

#include "core/log.h"
#include "core/state.h"

/* How many '@name' of a text are looked up at most: a bound on its cost. */
#define PL_MENTION_TRIES_MAX 256

/* The next name that begins with '@' in *text, copied; *text moves beyond it.
 * False at the end. */
bool pl_mention_next(const char **text, char name[PL_USER_NAME_SIZE_MAX + 1]);

/* Fills message->mentions with the first PL_MENTIONS_LEN_MAX of the text, each
 * once. Names are borrowed from the cache. Errors: those of the store. */
int pl_mention_find(struct pl_engine *engine, const struct pl_room *room,
                    struct pl_message *message);

#endif

/*
 * state.h - what outlives a run: tokens, the last name, and who holds a name.
 *
 * In $XDG_STATE_HOME/parla (~/.local/state/parla), mode 0700, one folder a
 * server. In it, for each name, NAME.token (mode 0600) and NAME.lock; the last
 * name used is in last-name. Files are replaced whole, never half-written.
 *
 * Threads:   one.
 * Ownership: the lock of a name is held until the state is closed, or until
 *            another name is locked; the system frees it if the process dies.
 */
#ifndef PL_CLIENT_STATE_H
#define PL_CLIENT_STATE_H

#include "model/limits.h"

#include <stdbool.h>

enum { PL_TOKEN_SIZE_MAX = 255 };

struct pl_state;

/* Opens, and makes, the folder for a server ("HOST:PORT"). `get_env` is
 * getenv(). PL_E_NOTFOUND where neither XDG_STATE_HOME nor HOME is set, PL_E_IO,
 * PL_E_NOMEM. */
int pl_state_open(const char *server, char *(*get_env)(const char *name),
                  struct pl_state **ret_state);
void pl_state_close(struct pl_state *state); /* NULL is fine */

/* The folder, for messages. */
const char *pl_state_path(const struct pl_state *state);

/* The token kept for a name: PL_E_NOTFOUND, PL_E_IO. */
int pl_state_token(struct pl_state *state, const char *user, char ret_token[PL_TOKEN_SIZE_MAX + 1]);

/* Keeps a token, and the name as the last one. PL_E_IO, PL_E_FULL, PL_E_LIMIT. */
int pl_state_keep(struct pl_state *state, const char *user, const char *token);

/* Forgets a name's token; that there is none is no error. PL_E_IO. */
int pl_state_forget(struct pl_state *state, const char *user);

/* The last name used: PL_E_NOTFOUND, PL_E_IO. */
int pl_state_last_name(struct pl_state *state, char ret_user[PL_USER_NAME_SIZE_MAX + 1]);

/* Holds a name against other runs of this account, and lets go of the one held
 * before: PL_E_BUSY where another holds it, PL_E_IO. */
int pl_state_lock(struct pl_state *state, const char *user);

/* Whether another run holds it. */
bool pl_state_is_locked(struct pl_state *state, const char *user);

#endif

/*
 * newcomers.h - how many guests have signed in from where.
 *
 * A guest that goes away keeps its name and its place in the lobby for days. So one address may
 * make so many at once, and then as many again in each two hours: in the week that they last
 * by default that is less than the lobby holds.
 *
 * Threads:   its owner's.
 * Limits:    PL_NEWCOMERS_LEN_MAX addresses; then the one from which nobody has come for the
 * longest time is forgotten.
 */
#ifndef PL_SERVER_NEWCOMERS_H
#define PL_SERVER_NEWCOMERS_H

#include "base/list.h"
#include "base/map.h"
#include "transport/port.h"

enum {
    PL_NEWCOMERS_MS = 2 * 3600 * 1000,
    PL_NEWCOMERS_LEN_MAX = 65536,
};

struct pl_newcomers {
    struct pl_map map;     /* of addresses */
    struct pl_list oldest; /* the same, the one from which someone came last at the end */
};

void pl_newcomers_init(struct pl_newcomers *newcomers);
void pl_newcomers_done(struct pl_newcomers *newcomers);

/* Someone comes from there, where `len_max` (> 0) may in any PL_NEWCOMERS_MS. Returns 0, or after
 * how many milliseconds one may. Without memory to remember it, everyone may. */
uint32_t pl_newcomers_take(struct pl_newcomers *newcomers, const uint8_t key[PL_PEER_KEY_SIZE],
                           uint32_t len_max, int64_t now_ms);

#endif

/*
 * marker.h - how far a user has read.
 */
#ifndef PL_CORE_MARKER_H
#define PL_CORE_MARKER_H

#include "core/state.h"

/* MARK_READ. Errors: those of the store, PL_E_NOMEM. */
int pl_marker_mark_read(struct pl_turn *turn);

#endif

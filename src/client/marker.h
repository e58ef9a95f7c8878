/*
 * marker.h - tells the server how far one has read, so that what was shown is
 * not shown again.
 *
 * One call a room at a time; what is shown meanwhile goes with the next.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_MARKER_H
#define PL_CLIENT_MARKER_H

#include "client/app.h"

struct pl_marker;

/* delay_ms: how long to gather what is shown before telling. PL_E_NOMEM. */
int pl_marker_new(struct pl_app *app, uint32_t delay_ms, struct pl_marker **ret_marker);
void pl_marker_free(struct pl_marker *marker); /* NULL is fine; before the app is done with */

/* An event of a room has been shown. */
void pl_marker_shown(struct pl_marker *marker, const char *room, uint64_t sequence);

/* The last event shown of a room; 0 for none. */
uint64_t pl_marker_last(const struct pl_marker *marker, const char *room);

/* Tells what has not been told; also when signed in on a new connection. */
void pl_marker_go_on(struct pl_marker *marker);

/* The server's log is another one: forgets all. */
void pl_marker_forget(struct pl_marker *marker);

/* Whether the server has been told everything. */
bool pl_marker_is_done(const struct pl_marker *marker);

#endif

/*
 * framer.h - turns what a stream is told into frames.
 *
 * A frame is an enveloped message (flag byte, 32-bit big-endian length,
 * parla.v1.StreamMessagesResponse), ready to be sent as it is.
 */
#ifndef PL_MODEL_FRAMER_H
#define PL_MODEL_FRAMER_H

#include "base/bytes.h"
#include "model/ids.h"
#include "model/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* Makes the frames of a stream; `wire` implements it. Each appends one frame (or
 * what its name says) to `out`, whose `err` tells of failure. Threads: any, one framer each. */
struct pl_framer {
    void *self;
    /* Event bytes with the cursor (log, position); backlog NULL or kind NONE for
     * none; `with_cursor` false leaves the cursor empty. */
    void (*event)(void *self, struct pl_bytes event, pl_position position,
                  const struct pl_backlog *backlog, bool with_cursor, struct pl_bytebuf *out);
    /* A piece of a room's state, as bytes, and these in a frame as an event's. */
    void (*room_state_bytes)(void *self, const struct pl_room_state *state, struct pl_bytebuf *out);
    void (*room_state)(void *self, struct pl_bytes state, pl_position position,
                       const struct pl_backlog *backlog, bool with_cursor, struct pl_bytebuf *out);
    void (*read_marker)(void *self, const char *room, pl_sequence sequence, struct pl_bytebuf *out);
    /* These bear the cursor of where the stream stands. */
    void (*caught_up)(void *self, pl_position position, const struct pl_backlog *backlog,
                      struct pl_bytebuf *out);
    void (*heartbeat)(void *self, int64_t now_ms, pl_position position,
                      const struct pl_backlog *backlog, struct pl_bytebuf *out);
    void (*draining)(void *self, uint32_t retry_after_ms, pl_position position,
                     const struct pl_backlog *backlog, struct pl_bytebuf *out);
    /* The position that a whole frame's cursor tells; 0: it bears none. */
    pl_position (*position)(void *self, struct pl_bytes frame);
};

#endif

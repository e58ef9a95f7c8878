/*
 * frame.h - the frames of StreamMessages and TakeMessages.
 *
 * An enveloped message: flag byte 0, 32-bit big-endian length, then the message
 * (gRPC over HTTP/2, "Length-Prefixed-Message"). An event's bytes go in as they
 * are: nothing is decoded.
 */
#ifndef PL_WIRE_FRAME_H
#define PL_WIRE_FRAME_H

#include "model/framer.h"

/* Makes frames that bear cursors of this log. */
struct pl_wire_framer {
    uint64_t log;
};

/* The interface; borrows the framer, which must not change meanwhile. */
struct pl_framer pl_wire_framer_iface(struct pl_wire_framer *framer);

/* A UNREAD backlog of more rooms than this makes cursors so large that only some
 * frames bear one. */
enum { PL_CURSOR_ROOMS_LEN_SMALL = 8 };

#endif

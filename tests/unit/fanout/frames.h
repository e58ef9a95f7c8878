/*
 * frames.h - a framer for tests, and its reverse.
 *
 * A frame is an envelope (flag 0, 32-bit big-endian length) around: a letter,
 * the position of its cursor (64-bit little-endian; 0: none), the kind of the
 * cursor's backlog, and the rest.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "model/framer.h"

enum {
    FRAME_EVENT = 'E',      /* the rest: the event's bytes */
    FRAME_MARKER = 'M',     /* the sequence (64-bit little-endian), the room's name */
    FRAME_CAUGHT_UP = 'C',  /* nothing */
    FRAME_HEARTBEAT = 'H',  /* the time (64-bit little-endian) */
    FRAME_DRAINING = 'D',   /* retry_after_ms (64-bit little-endian) */
    FRAME_HEAD_SIZE = 5,    /* the envelope */
    FRAME_CURSOR_SIZE = 10, /* letter, position, kind */
};

struct frame {
    char letter;
    pl_position position;
    enum pl_backlog_kind backlog;
    uint64_t number;       /* sequence, time or retry_after_ms */
    struct pl_bytes bytes; /* of an event; of a marker: the room's name */
};

extern const struct pl_framer frames_framer;

/* Reads the first frame of the bytes; returns its size, 0 if it is not whole. */
size_t frames_parse(struct pl_bytes bytes, struct frame *ret_frame);

uint64_t frames_get_u64(const uint8_t *data);

#endif

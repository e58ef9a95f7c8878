/*
 * limits.h - every maximum of the chat, and how they relate.
 *
 * Going past one is a defined answer to the peer, never a surprise. Limits of
 * connections and HTTP/2 are in rpc/limits.h.
 */
#ifndef PL_MODEL_LIMITS_H
#define PL_MODEL_LIMITS_H

/* Sizes of strings, in bytes without the NUL. */
#define PL_USER_NAME_SIZE_MAX    32
#define PL_DISPLAY_NAME_SIZE_MAX 128
#define PL_STATUS_SIZE_MAX       128
#define PL_LABEL_SIZE_MAX        64
#define PL_ROOM_NAME_SIZE_MAX    64
#define PL_TITLE_SIZE_MAX        128
#define PL_TOPIC_SIZE_MAX        1024
#define PL_REQUEST_ID_SIZE_MAX   64
#define PL_TEXT_SIZE_MAX         (16 * 1024)
#define PL_CURSOR_SIZE_MAX       (32 * 1024) /* a start of 1,000 rooms, in base64 */
#define PL_PAGE_TOKEN_SIZE_MAX   256

/* An event's protobuf bytes: text, mentions and the little else. */
#define PL_EVENT_SIZE_MAX (PL_TEXT_SIZE_MAX + 8 * 1024)

/* A page of anything that lists. */
#define PL_PAGE_LEN_DEFAULT 50
#define PL_PAGE_LEN_MAX     1000

/* What a page of messages may hold, in bytes of events, past its first. */
#define PL_PAGE_SIZE_MAX (1024 * 1024)

#define PL_MENTIONS_LEN_MAX     50   /* of one message; later ones are not mentions */
#define PL_STREAM_ROOMS_LEN_MAX 1000 /* rooms that one stream names */
#define PL_USER_ROOMS_LEN_MAX   1000 /* rooms that one user may be in */
#define PL_ROOM_MEMBERS_LEN_MAX 100000

/* One item of a room's state in a stream: members, and protobuf bytes. */
#define PL_ROOM_STATE_LEN_MAX  500
#define PL_ROOM_STATE_SIZE_MAX (64 * 1024)

/* Work (ROOM_DELIVERY_ONE). */
#define PL_TAKE_LEN_DEFAULT  1
#define PL_TAKE_LEN_MAX      1000
#define PL_LEASE_S_DEFAULT   60
#define PL_LEASE_S_MAX       86400
#define PL_RELEASE_DELAY_MAX 86400

/* How long a request_id is remembered. */
#define PL_REQUEST_ID_MS ((int64_t)24 * 3600 * 1000)

/* What one batch of commands may be, so that a commit stays short. */
#define PL_BATCH_LEN_MAX  1024
#define PL_BATCH_SIZE_MAX (4 * 1024 * 1024)

/* How much of a user's end one command does; the rest follows in further ones. */
#define PL_END_ROOMS_LEN_MAX 64

/* The virtual partitions that rooms are dealt to (docs/ARCHITECTURE.md). */
#define PL_PARTITIONS_LEN 64

#define PL_LOOPS_LEN_MAX 64 /* a set of loops is one 64-bit word */

_Static_assert(PL_EVENT_SIZE_MAX >
                   PL_TEXT_SIZE_MAX + PL_MENTIONS_LEN_MAX * (PL_USER_NAME_SIZE_MAX + 2) + 512,
               "an event holds its text, its mentions and its head");
_Static_assert(PL_EVENT_SIZE_MAX > 2 * (PL_TITLE_SIZE_MAX + PL_TOPIC_SIZE_MAX) + 2048,
               "an event holds a room's settings");
_Static_assert(PL_ROOM_STATE_SIZE_MAX > PL_ROOM_STATE_LEN_MAX * (PL_USER_NAME_SIZE_MAX + 64) +
                                            PL_TITLE_SIZE_MAX + PL_TOPIC_SIZE_MAX + 1024,
               "an item of a room's state holds its members and the room");
_Static_assert(PL_ROOM_STATE_SIZE_MAX > PL_EVENT_SIZE_MAX, "what holds it holds an event");
_Static_assert(PL_PAGE_SIZE_MAX > PL_EVENT_SIZE_MAX, "a page holds an event");
_Static_assert(PL_BATCH_SIZE_MAX > PL_EVENT_SIZE_MAX, "a batch holds a command");

#endif

/*
 * reason.h - why the server says no: one stable list.
 *
 * The name is ErrorInfo.reason on the wire (domain "parla"); it never changes
 * its meaning. X(name, gRPC code, text)
 */
#ifndef PL_MODEL_REASON_H
#define PL_MODEL_REASON_H

#include "base/err.h"

#include <stdint.h>

#define PL_REASON_MAP(X)                                                                       \
    /* what a request holds */                                                                 \
    X(MALFORMED_REQUEST, INVALID_ARGUMENT, "the request is not a valid protobuf message")      \
    X(FIELD_INVALID, INVALID_ARGUMENT, "a field has a value that is not allowed")              \
    X(REQUEST_ID_REUSED, INVALID_ARGUMENT, "request_id was used before, with other content")   \
    X(CURSOR_INVALID, INVALID_ARGUMENT, "the cursor is not one that this server gave")         \
    X(CURSOR_LOST, OUT_OF_RANGE, "the cursor is of another log; start anew")                   \
    X(PAGE_TOKEN_INVALID, INVALID_ARGUMENT, "page_token is not one that this call gave")       \
    X(SEQUENCE_OUT_OF_RANGE, OUT_OF_RANGE, "the room has no event of that sequence yet")       \
    /* who asks */                                                                             \
    X(TOKEN_MISSING, UNAUTHENTICATED,                                                          \
      "no token: sign in, then send 'authorization: Bearer "                                   \
      "TOKEN'")                                                                                \
    X(TOKEN_INVALID, UNAUTHENTICATED, "the token is not valid, or no longer; sign in again")   \
    X(SESSION_ENDED, UNAUTHENTICATED, "the session has ended; sign in again")                  \
    X(TOO_MANY_GUESTS, RESOURCE_EXHAUSTED, "too many guests from your address; wait a little") \
    X(GUESTS_OFF, PERMISSION_DENIED, "this server lets no guests in")                          \
    X(NAME_TAKEN, ALREADY_EXISTS, "that name is taken; choose another")                        \
    /* rooms and users */                                                                      \
    X(USER_NOT_FOUND, NOT_FOUND, "there is no such user")                                      \
    X(ROOM_NOT_FOUND, NOT_FOUND, "there is no such room")                                      \
    X(ROOM_EXISTS, ALREADY_EXISTS, "that room id is taken; choose another")                    \
    X(NOT_A_MEMBER, PERMISSION_DENIED, "you are not a member of the room; join it first")      \
    X(NOT_INVITED, PERMISSION_DENIED, "the room is entered by invitation")                     \
    X(BANNED, PERMISSION_DENIED, "you are banned from the room")                               \
    X(MAY_ONLY_READ, PERMISSION_DENIED, "you may only read in the room")                       \
    X(ROOM_IS_DIRECT, FAILED_PRECONDITION, "a direct room is neither joined nor left")         \
    X(ROOM_IS_LOBBY, FAILED_PRECONDITION, "nobody leaves the lobby; sign out instead")         \
    X(NOT_A_WORK_ROOM, FAILED_PRECONDITION, "the room does not hand its messages out as work") \
    X(TOO_MANY_ROOMS, RESOURCE_EXHAUSTED, "you are in as many rooms as one may be")            \
    X(ROOM_FULL, RESOURCE_EXHAUSTED, "the room has as many members as it may have")            \
    /* messages */                                                                             \
    X(MESSAGE_NOT_FOUND, FAILED_PRECONDITION, "the room has no such message")                  \
    X(NOT_THE_LAST_MESSAGE, ABORTED, "another message came first")                             \
    X(SENDING_TOO_FAST, RESOURCE_EXHAUSTED, "you are sending too fast; wait a little")         \
    X(LEASE_LOST, FAILED_PRECONDITION, "the message is no longer leased to you")               \
    X(TAKER_TOO_SLOW, RESOURCE_EXHAUSTED, "the messages handed to you were not read in time")  \
    X(ATTACHMENTS_UNSUPPORTED, UNIMPLEMENTED, "this server takes no attachments")              \
    /* the server */                                                                           \
    X(METHOD_UNSUPPORTED, UNIMPLEMENTED, "this server does not have that method")              \
    X(DISK_FULL, RESOURCE_EXHAUSTED, "the server's disk is full")                              \
    X(OVERLOADED, UNAVAILABLE, "the server is too busy; try again")                            \
    X(DRAINING, UNAVAILABLE, "the server is stopping; try again")                              \
    X(STORE_FAILED, UNAVAILABLE, "the server could not store it; try again")                   \
    X(DATA_DAMAGED, DATA_LOSS, "what was asked for is damaged on the server's disk")           \
    X(INTERNAL_ERROR, INTERNAL, "the server met a bug")

enum pl_reason {
    PL_REASON_NONE = 0,
#define PL_REASON_ENUM(name, code, text) PL_REASON_##name,
    PL_REASON_MAP(PL_REASON_ENUM)
#undef PL_REASON_ENUM
};

/* A "no" to a peer. Not an error of ours. */
struct pl_refusal {
    enum pl_reason reason; /* NONE: not refused */
    char field[64];        /* the request's field that is wrong, or "" */
    char detail[160];      /* what is right, said to the peer; "" for the reason's own text */
    uint32_t retry_ms;     /* when to try again; 0: waiting does not help */
};

/* ErrorInfo.reason, such as "NAME_TAKEN". */
const char *pl_reason_name(enum pl_reason reason);

enum pl_code pl_reason_code(enum pl_reason reason);

/* What is told to the peer where the refusal has no detail. */
const char *pl_reason_text(enum pl_reason reason);

/* The refusal that tells a peer of an error of ours or of the world. */
struct pl_refusal pl_refusal_of_err(int err);

/* A refusal without field or detail. */
struct pl_refusal pl_refusal_of(enum pl_reason reason);

/* FIELD_INVALID with its field, and what would be right. */
struct pl_refusal pl_refusal_field(const char *field, const char *detail);

#endif

/*
 * err.h - one table of what can go wrong in the world, and gRPC's status codes.
 *
 * A function that can fail returns PL_OK or one of the negative values below.
 * What a peer did wrong towards the chat itself has finer names: see
 * model/reason.h.
 */
#ifndef PL_BASE_ERR_H
#define PL_BASE_ERR_H

/* gRPC's status codes, by their numbers on the wire (gRPC, statuscodes.md). */
enum pl_code {
    PL_CODE_OK = 0,
    PL_CODE_CANCELLED = 1,
    PL_CODE_UNKNOWN = 2,
    PL_CODE_INVALID_ARGUMENT = 3,
    PL_CODE_DEADLINE_EXCEEDED = 4,
    PL_CODE_NOT_FOUND = 5,
    PL_CODE_ALREADY_EXISTS = 6,
    PL_CODE_PERMISSION_DENIED = 7,
    PL_CODE_RESOURCE_EXHAUSTED = 8,
    PL_CODE_FAILED_PRECONDITION = 9,
    PL_CODE_ABORTED = 10,
    PL_CODE_OUT_OF_RANGE = 11,
    PL_CODE_UNIMPLEMENTED = 12,
    PL_CODE_INTERNAL = 13,
    PL_CODE_UNAVAILABLE = 14,
    PL_CODE_DATA_LOSS = 15,
    PL_CODE_UNAUTHENTICATED = 16,
};

/* X(name, value, gRPC code, HTTP status, text) */
#define PL_ERR_MAP(X)                                                  \
    X(NOMEM, -1, UNAVAILABLE, 503, "out of memory")                    \
    X(INVALID, -2, INVALID_ARGUMENT, 400, "invalid value")             \
    X(LIMIT, -3, RESOURCE_EXHAUSTED, 429, "over a limit")              \
    X(NOTFOUND, -4, NOT_FOUND, 404, "not found")                       \
    X(EXISTS, -5, ALREADY_EXISTS, 409, "already exists")               \
    X(IO, -6, UNAVAILABLE, 503, "input or output failed")              \
    X(FULL, -7, RESOURCE_EXHAUSTED, 507, "no space left")              \
    X(CORRUPT, -8, DATA_LOSS, 500, "damaged data")                     \
    X(BUSY, -9, UNAVAILABLE, 503, "in use by another")                 \
    X(CLOSED, -10, UNAVAILABLE, 503, "closed")                         \
    X(PROTO, -11, INTERNAL, 500, "protocol violated")                  \
    X(TIMEOUT, -12, DEADLINE_EXCEEDED, 504, "deadline exceeded")       \
    X(CANCELLED, -13, CANCELLED, 499, "cancelled")                     \
    X(AGAIN, -14, UNAVAILABLE, 503, "not now")                         \
    X(VERSION, -15, FAILED_PRECONDITION, 400, "of an unknown version") \
    X(UNSUPPORTED, -16, UNIMPLEMENTED, 501, "not supported")           \
    X(REFUSED, -17, UNAVAILABLE, 503, "connection refused")            \
    X(ADDRESS, -18, UNAVAILABLE, 503, "address not usable")

enum pl_err {
    PL_OK = 0,
#define PL_ERR_ENUM(name, value, code, http, text) PL_E_##name = (value),
    PL_ERR_MAP(PL_ERR_ENUM)
#undef PL_ERR_ENUM
};

/* The error's name, such as "NOMEM"; "OK" for PL_OK and "UNKNOWN" for others. */
const char *pl_err_name(int err);

/* What it means, in a few English words for an operator. */
const char *pl_err_text(int err);

/* The gRPC code that tells a peer of it. */
enum pl_code pl_err_code(int err);

/* The HTTP status that tells a peer of it (RFC 9110, section 15). */
int pl_err_http(int err);

/* The code's name on the wire, such as "NOT_FOUND"; "UNKNOWN" for others. */
const char *pl_code_name(int code);

#endif

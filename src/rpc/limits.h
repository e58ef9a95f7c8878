/*
 * limits.h - every maximum of the gRPC layer, and what happens beyond it. What is
 * in struct pl_rpc_limits too is a default.
 */
#ifndef PL_RPC_LIMITS_H
#define PL_RPC_LIMITS_H

#include <stdint.h>

/* Sizes, in bytes. */
enum {
    /* A message received; beyond: RESOURCE_EXHAUSTED (gRPC's usual default). */
    PL_RPC_MESSAGE_SIZE_MAX = 4 << 20,
    /* A header list as RFC 9113, section 6.5.2 counts it (name + value + 32 for
     * each field); told as SETTINGS_MAX_HEADER_LIST_SIZE; beyond:
     * RESOURCE_EXHAUSTED. */
    PL_RPC_HEADERS_SIZE_MAX = 8 << 10,
    /* A list so many times as large as may be costs time to look at, and HPACK makes
     * one out of few bytes: the stream is reset with ENHANCE_YOUR_CALM, and the rest
     * is only decompressed. */
    PL_RPC_HEADERS_CUT = 4,
    /* The target of an HTTP/1.1 request, which carries a message where Connect's GET
     * is used; beyond: 414 and close. */
    PL_RPC_TARGET_SIZE_MAX = 8 << 10,
    /* Its method; beyond: 501 and close. */
    PL_RPC_H1_METHOD_SIZE_MAX = 16,
    /* A request line, as a call keeps it beside the header fields. */
    PL_RPC_H1_LINE_SIZE_MAX = PL_RPC_TARGET_SIZE_MAX + PL_RPC_HEADERS_SIZE_MAX + 256,
    /* The extensions of all chunks of a body, which are dropped; beyond: 400 and
     * close. (Trailers, which are dropped too, may be as large as headers.) */
    PL_RPC_H1_EXTENSIONS_SIZE_MAX = 4 << 10,
    /* What a handler may add to a response's headers, or to its trailers. */
    PL_RPC_FIELDS_SIZE_MAX = 8 << 10,
    /* A field added to every header list's size (RFC 9113, section 6.5.2). */
    PL_RPC_FIELD_OVERHEAD = 32,
    /* A status message: the rest is cut off, between characters. */
    PL_RPC_STATUS_MESSAGE_SIZE_MAX = 1 << 10,
    /* Status details: larger ones are left out, since peers commonly take 8 KiB of
     * trailers in all. */
    PL_RPC_STATUS_DETAILS_SIZE_MAX = 4 << 10,
    /* Receive windows. A stream gets a larger one once its message says that it is
     * larger, and the connection has room for it: see PL_RPC_HELD_SIZE_MAX. */
    PL_RPC_STREAM_WINDOW = 65535,
    /* That of a stream which sends messages one after another, from the second on: so
     * much may be on its way, which makes a far peer fast. */
    PL_RPC_FLOWING_WINDOW = 1 << 20,
    PL_RPC_CONN_WINDOW = 4 << 20,
    PL_RPC_CLIENT_STREAM_WINDOW = 1 << 20,
    PL_RPC_CLIENT_CONN_WINDOW = 4 << 20,
    /* Headers of a response, or its trailers, counted as above; told to the server;
     * beyond: the call ends with RESOURCE_EXHAUSTED. */
    PL_RPC_CLIENT_HEADERS_SIZE_MAX = 16 << 10,
    /* Unfinished messages of one connection: those larger than a stream's window
     * wait for their turn below it; small ones beyond it are refused with
     * RESOURCE_EXHAUSTED. */
    PL_RPC_HELD_SIZE_MAX = 8 << 20,
};

/* Counts. */
enum {
    /* Fields that a handler may add to headers, or to trailers. */
    PL_RPC_FIELDS_LEN_MAX = 32,
    /* Streams at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS); beyond:
     * REFUSED_STREAM, or GOAWAY PROTOCOL_ERROR and close from a client that has
     * acknowledged it (RFC 9113, section 5.1.2). */
    PL_RPC_STREAMS_MAX = 1000,
    /* Frames that wait to be sent, as of a peer that never reads; beyond: GOAWAY
     * ENHANCE_YOUR_CALM and close. */
    PL_RPC_OUTBOUND_FRAMES_MAX = 10 * 1000,
    /* Acknowledgements of SETTINGS and PING among them. */
    PL_RPC_OUTBOUND_ACKS_MAX = 1000,
    /* Empty lines in front of an HTTP/1.1 request; beyond: 400 and close. */
    PL_RPC_H1_EMPTY_LINES_MAX = 2,
    /* Entries of one SETTINGS frame, CONTINUATION frames of one header block. */
    PL_RPC_SETTINGS_ENTRIES_MAX = 32,
    PL_RPC_CONTINUATIONS_MAX = 8,
    /* Calls that a client has at once on a connection, those counted that wait for
     * the server to take more; beyond: PL_E_LIMIT. */
    PL_RPC_CLIENT_CALLS_MAX = 10 * 1000,
};

/* Floods: what a peer may send in any PL_RPC_BUDGET_MS; beyond: GOAWAY
 * ENHANCE_YOUR_CALM and close (RFC 9113, section 10.5). */
enum {
    PL_RPC_BUDGET_MS = 10 * 1000,
    PL_RPC_BUDGET_SETTINGS = 100,
    PL_RPC_BUDGET_RESETS = 2 * PL_RPC_STREAMS_MAX, /* and what a stream's bad frame made us send */
    PL_RPC_BUDGET_EMPTY = 1000,                    /* empty DATA frames that end nothing */
    PL_RPC_BUDGET_OTHER = 1000,                    /* PRIORITY and frames of unknown types */
    PL_RPC_BUDGET_WINDOW_UPDATES = 50 * 1000,
    /* What a server may send its client of frames that bring nothing: PING,
     * SETTINGS, PRIORITY, unknown types, empty DATA, informational headers, resets of
     * no call. */
    PL_RPC_CLIENT_BUDGET_NOTHINGS = 50 * 1000,
    /* PINGs sooner after one another than the interval, since something was sent. */
    PL_RPC_PING_STRIKES_MAX = 2,
};

/* Times, in milliseconds. */
enum {
    /* From the connection's start to the client's SETTINGS. */
    PL_RPC_PREFACE_MS = 10 * 1000,
    /* From a header block's first frame to its last. */
    PL_RPC_HEADERS_MS = 10 * 1000,
    /* From the headers of a call that sends one message to that message's end. */
    PL_RPC_REQUEST_MS = 60 * 1000,
    /* A finished call whose peer takes nothing of what is still queued. */
    PL_RPC_LINGER_MS = 30 * 1000,
    /* Silence after which the peer is asked for a sign, and how long it has. */
    PL_RPC_KEEPALIVE_MS = 60 * 1000,
    PL_RPC_KEEPALIVE_TIMEOUT_MS = 20 * 1000,
    /* The same on the client, while it has calls. */
    PL_RPC_CLIENT_KEEPALIVE_MS = 30 * 1000,
    PL_RPC_PING_INTERVAL_MIN_MS = 10 * 1000,
    /* What calls have to end, on a connection that has grown old. */
    PL_RPC_AGE_GRACE_MS = 30 * 1000,
    /* From the first GOAWAY of a drain to the second, where no PING comes back. */
    PL_RPC_DRAIN_MS = 1000,
};

/* The maxima of a host that its owner may set: see pl_rpc_host_set_limits(). Sizes
 * in bytes, times in milliseconds. */
struct pl_rpc_limits {
    /* A message received, decompressed; beyond: RESOURCE_EXHAUSTED. */
    uint32_t message_size_max;
    /* The same for one that is decompressed or read from JSON: that cannot be left off half-way,
     * and bytes that cost next to nothing can keep a thread for long. 0: as much as
     * message_size_max. */
    uint32_t converted_size_max;
    /* Unfinished messages of one connection: those larger than a stream's window
     * wait for their turn below it; small ones beyond it are refused with
     * RESOURCE_EXHAUSTED. At least message_size_max. */
    uint32_t held_size_max;
    /* A header list as RFC 9113, section 6.5.2 counts it (name + value + 32 for
     * each field); told as SETTINGS_MAX_HEADER_LIST_SIZE; beyond:
     * RESOURCE_EXHAUSTED, or 431. */
    uint32_t headers_size_max;
    /* Streams at once on a connection (SETTINGS_MAX_CONCURRENT_STREAMS); beyond:
     * REFUSED_STREAM, or GOAWAY PROTOCOL_ERROR and close from a client that has
     * acknowledged it (RFC 9113, section 5.1.2). */
    uint32_t streams_max;
    /* A client's PINGs come no faster than this, with or without calls; as often as
     * ping_strikes_max they may, unless something was sent to it since; beyond:
     * GOAWAY ENHANCE_YOUR_CALM "too_many_pings" (gRFC A8). */
    uint32_t ping_interval_min_ms;
    uint32_t ping_strikes_max;
    /* In any PL_RPC_BUDGET_MS: see above. */
    uint32_t settings_max;
    uint32_t resets_max;       /* of streams, by the peer or for what it broke */
    uint32_t empty_frames_max; /* DATA that carries and ends nothing */
    uint32_t other_frames_max; /* PRIORITY, and unknown types */
    uint32_t window_updates_max;
    /* From the connection's start to the client's SETTINGS, or its first request. */
    uint32_t preface_ms;
    /* From a header block's first byte to its last. */
    uint32_t headers_ms;
    /* From the headers of a call that sends one message to that message's end. */
    uint32_t request_ms;
    /* A finished call whose peer takes nothing of what is still queued. */
    uint32_t linger_ms;
    /* HTTP/2: silence after which the peer is asked for a sign, and how long it has.
     * HTTP/1.1: how long a connection may wait for its next request. */
    uint32_t keepalive_ms;
    uint32_t keepalive_timeout_ms;
    /* A connection's age, a tenth more or less, at which it is drained, 0: none;
     * and how long its calls then have. */
    uint32_t age_max_ms;
    uint32_t age_grace_ms;
    /* Responses of one message are compressed from this size on, where the peer
     * takes that; 0: only where a handler asks for it. */
    uint32_t compress_size_min;
};

/* The defaults. */
#define PL_RPC_LIMITS_DEFAULT                                                                     \
    {                                                                                             \
        .message_size_max = PL_RPC_MESSAGE_SIZE_MAX, .held_size_max = PL_RPC_HELD_SIZE_MAX,       \
        .headers_size_max = PL_RPC_HEADERS_SIZE_MAX, .streams_max = PL_RPC_STREAMS_MAX,           \
        .ping_interval_min_ms = PL_RPC_PING_INTERVAL_MIN_MS,                                      \
        .ping_strikes_max = PL_RPC_PING_STRIKES_MAX, .settings_max = PL_RPC_BUDGET_SETTINGS,      \
        .resets_max = PL_RPC_BUDGET_RESETS, .empty_frames_max = PL_RPC_BUDGET_EMPTY,              \
        .other_frames_max = PL_RPC_BUDGET_OTHER,                                                  \
        .window_updates_max = PL_RPC_BUDGET_WINDOW_UPDATES, .preface_ms = PL_RPC_PREFACE_MS,      \
        .headers_ms = PL_RPC_HEADERS_MS, .request_ms = PL_RPC_REQUEST_MS,                         \
        .linger_ms = PL_RPC_LINGER_MS, .keepalive_ms = PL_RPC_KEEPALIVE_MS,                       \
        .keepalive_timeout_ms = PL_RPC_KEEPALIVE_TIMEOUT_MS, .age_grace_ms = PL_RPC_AGE_GRACE_MS, \
    }

_Static_assert(PL_RPC_MESSAGE_SIZE_MAX <= PL_RPC_HELD_SIZE_MAX,
               "the largest message fits where unfinished messages are held");
_Static_assert(PL_RPC_STATUS_DETAILS_SIZE_MAX * 4 / 3 + PL_RPC_STATUS_MESSAGE_SIZE_MAX <
                   PL_RPC_FIELDS_SIZE_MAX,
               "a status fits into trailers");

#endif

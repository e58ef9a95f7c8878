/*
 * cases.h - the interop cases as data: what a client sends, and what it asserts.
 *
 * A case is a row of calls, made one after the other. The numbers and texts are
 * those of gRPC's published descriptions.
 */
#ifndef INTEROP_CASES_H
#define INTEROP_CASES_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTEROP_MESSAGES_MAX = 4 };

/* A field that may be left out, or the answer to "was it compressed?". */
enum interop_choice { INTEROP_ANY, INTEROP_NO, INTEROP_YES };

enum interop_method {
    INTEROP_EMPTY,         /* EmptyCall */
    INTEROP_UNARY,         /* UnaryCall */
    INTEROP_INPUT,         /* StreamingInputCall */
    INTEROP_OUTPUT,        /* StreamingOutputCall */
    INTEROP_DUPLEX,        /* FullDuplexCall */
    INTEROP_UNIMPLEMENTED, /* UnimplementedCall */
    INTEROP_NO_SERVICE,    /* the same, of UnimplementedService */
};

/* When a client gives a call up. */
enum interop_cancel {
    INTEROP_CANCEL_NEVER,
    INTEROP_CANCEL_AT_ONCE,     /* before it has sent a message */
    INTEROP_CANCEL_ON_RESPONSE, /* after the first one */
};

/* What one response shall be. */
struct interop_response {
    int32_t size;
    enum interop_choice compressed; /* asked for, and then asserted */
};

struct interop_request {
    int32_t payload_size; /* 0: no payload */
    struct interop_response responses[INTEROP_MESSAGES_MAX];
    size_t responses_len;
    enum interop_choice expect_compressed;
    bool compressed;  /* how it really is sent */
    bool with_status; /* asks for the call's code and text */
};

struct interop_call {
    enum interop_method method;
    const struct interop_request *requests;
    size_t requests_len;
    bool one_by_one; /* each request waits for the responses to the one before it */
    bool stays_open; /* the client does not half-close */
    bool metadata;   /* asks for the echo of metadata, and asserts it */
    bool gzip;       /* the call's encoding; requests choose */
    enum interop_cancel cancel;
    int64_t timeout_ms; /* 0: as long as any */
    /* How it must end. */
    enum pl_code code;
    const char *text;        /* NULL: any */
    int32_t aggregated_size; /* of StreamingInputCall */
};

struct interop_case {
    const char *name;
    const struct interop_call *calls;
    size_t calls_len;
};

/* The case of that name, or NULL. */
const struct interop_case *interop_case_find(const char *name);

/* Their names, one by one; NULL after the last. */
const char *interop_case_name(size_t i);

#endif

/*
 * preface.h - what a server's first bytes tell: HTTP/2 begins with a SETTINGS frame
 * (RFC 9113, section 3.4); anything else is a server of another kind.
 *
 * Only for a good answer to who asked for the wrong server: the rest is rpc's.
 */
#ifndef PL_TRANSPORT_PREFACE_H
#define PL_TRANSPORT_PREFACE_H

#include "base/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum { PL_PREFACE_SIZE = 9 };

enum pl_preface_kind {
    PL_PREFACE_MORE, /* too little has come */
    PL_PREFACE_HTTP2,
    PL_PREFACE_HTTP1,
    PL_PREFACE_TLS, /* an alert: it wants TLS */
    PL_PREFACE_OTHER,
};

struct pl_preface {
    uint8_t head[PL_PREFACE_SIZE];
    size_t size;
};

/* Takes the next bytes of the connection, from a zeroed struct on; once it is more
 * than MORE, always says the same. */
enum pl_preface_kind pl_preface_feed(struct pl_preface *preface, struct pl_bytes data);

#endif

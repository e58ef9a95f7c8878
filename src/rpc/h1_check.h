/*
 * h1_check.h - the bytes of an HTTP/1.1 request that are not its body, one by one:
 * do they follow RFC 9112 to the letter?
 *
 * A request may pass a proxy that is lenient in another way than the parser behind
 * it; what one of them takes for one request, the other takes for two (RFC 9112,
 * section 11.2). llhttp is lenient here and there, and each version elsewhere: 8.1.0
 * takes a bare CR in a field's value (CVE-2023-30589). So it is given only what has
 * passed here, where nothing is lenient and nothing depends on its version:
 *
 * - Lines end in CRLF; CR and LF stand nowhere else.
 * - One space between the parts of the request line, none in front of a colon, no
 *   folded line (a line that begins with a space).
 * - Names and methods are tokens. Values have no control character but the tab.
 * - A target is visible ASCII, without '#'.
 * - The version is HTTP/1.0 or HTTP/1.1.
 * - A chunk's size is hexadecimal digits and nothing else, and so is never negative,
 *   never too large. Extensions behind a ';' pass, to be dropped.
 *
 * What the fields mean is looked at in h1_request.h.
 *
 * Limits: allocates nothing; all that it counts is bounded by limits.h.
 */
#ifndef PL_RPC_H1_CHECK_H
#define PL_RPC_H1_CHECK_H

#include "base/bytes.h"

#include <stdbool.h>

/* Why a request is not taken: what to answer. The connection ends with it, since
 * where the next request would begin is not known. */
struct pl_rpc_h1_refusal {
    int status;       /* of HTTP */
    const char *text; /* one line; a constant */
};

enum pl_rpc_h1_section {
    PL_RPC_H1_SECTION_HEAD,     /* empty lines before it, and request line to the empty line */
    PL_RPC_H1_SECTION_CHUNK,    /* the line of a chunk's size */
    PL_RPC_H1_SECTION_DATA_END, /* the CRLF behind a chunk's data */
    PL_RPC_H1_SECTION_TRAILERS, /* field lines behind the last chunk, and the empty line */
};

enum { PL_RPC_H1_CHUNK_DIGITS_MAX = 16 };

struct pl_rpc_h1_check {
    uint8_t state;
    uint8_t after_lf; /* the state behind the LF that is due */
    uint8_t empty_lines;
    uint8_t major;            /* of the version, its digit */
    uint32_t fields_size_max; /* of either of the two below */
    uint32_t size;            /* bytes of the part under way: method, target, version, value */
    uint32_t blank;           /* blanks at the end of a value, as it is so far */
    uint32_t fields_size;     /* names, values and PL_RPC_FIELD_OVERHEAD each */
    uint32_t lines_size;      /* all bytes of the field lines */
    uint32_t extensions_size; /* of all chunks of the body */
    uint8_t digits_len;
    uint8_t digits[PL_RPC_H1_CHUNK_DIGITS_MAX]; /* a chunk's size */
    struct pl_rpc_h1_refusal refusal;
};

/* Makes ready for a section, whose fields are at most fields_size_max. A head begins a
 * new request. */
void pl_rpc_h1_check_begin(struct pl_rpc_h1_check *check, enum pl_rpc_h1_section section,
                           uint32_t fields_size_max);

enum pl_rpc_h1_verdict {
    PL_RPC_H1_PASS, /* all of `data` is good, and the section goes on */
    PL_RPC_H1_DONE, /* the section's end is in `data`, at ret_size */
    PL_RPC_H1_BAD,  /* see check->refusal */
};

/* Looks at the next bytes. ret_size: how many of them belong to the section. */
enum pl_rpc_h1_verdict pl_rpc_h1_check_run(struct pl_rpc_h1_check *check, struct pl_bytes data,
                                           size_t *ret_size);

/* What names consist of (RFC 9110, section 5.6.2), and values (section 5.5). */
bool pl_rpc_h1_is_token(uint8_t byte);
bool pl_rpc_h1_is_value(uint8_t byte);

#endif

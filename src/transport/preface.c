/* preface.c - see preface.h. */
#include "transport/preface.h"

#include <string.h>

enum {
    FRAME_SETTINGS = 4,
    TLS_ALERT = 21, /* RFC 8446, section 5.1; its version begins with 3 */
    TLS_MAJOR = 3,
};

enum pl_preface_kind pl_preface_feed(struct pl_preface *preface, struct pl_bytes data)
{
    static const uint8_t no_flags_no_stream[] = {0, 0, 0, 0, 0};
    const uint8_t *head = preface->head;
    size_t part = PL_PREFACE_SIZE - preface->size;

    if (part > data.size)
        part = data.size;
    if (part > 0)
        memcpy(preface->head + preface->size, data.data, part);
    preface->size += part;

    if (preface->size >= 2 && head[0] == TLS_ALERT && head[1] == TLS_MAJOR)
        return PL_PREFACE_TLS;
    if (preface->size >= 5 && memcmp(head, "HTTP/", 5) == 0)
        return PL_PREFACE_HTTP1;
    if (preface->size < PL_PREFACE_SIZE)
        return PL_PREFACE_MORE;
    if (head[3] != FRAME_SETTINGS ||
        memcmp(head + 4, no_flags_no_stream, sizeof no_flags_no_stream) != 0)
        return PL_PREFACE_OTHER;
    return PL_PREFACE_HTTP2;
}

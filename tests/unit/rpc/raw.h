/*
 * raw.h - for tests: an HTTP/2 peer made of bytes, which may break every rule.
 */
#ifndef PL_TEST_RPC_RAW_H
#define PL_TEST_RPC_RAW_H

#include "base/bytes.h"

#include <nghttp2/nghttp2.h>
#include <stdbool.h>

enum { RAW_FRAMES_MAX = 4096, RAW_OUT_MAX = 1 << 20 };

/* A frame that the other side has sent. */
struct raw_frame {
    uint8_t type;
    uint8_t flags;
    int32_t stream_id;
    size_t size;
    uint32_t error_code; /* of RST_STREAM and GOAWAY */
    uint32_t increment;  /* of WINDOW_UPDATE */
    char text[1024];     /* HEADERS: "name: value\n"…; DATA and GOAWAY: the bytes */
};

struct raw {
    uint8_t out[RAW_OUT_MAX]; /* frames to give to the other side */
    size_t out_size;
    uint8_t in[RAW_OUT_MAX]; /* bytes from it, not parsed yet */
    size_t in_size;
    nghttp2_hd_inflater *inflater;
    struct raw_frame frames[RAW_FRAMES_MAX];
    size_t frames_len;
};

void raw_init(struct raw *raw);
void raw_done(struct raw *raw);

/* Forgets the frames so far. */
void raw_clear(struct raw *raw);

/* Appends a frame, or bare bytes. */
void raw_bytes(struct raw *raw, const void *data, size_t size);
void raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t stream_id, const void *data,
               size_t size);

/* Client preface and an empty SETTINGS. */
void raw_preface(struct raw *raw);

/* HEADERS of fields "name", "value", …, NULL, each a literal. */
void raw_headers(struct raw *raw, int32_t stream_id, uint8_t flags, const char *const *fields);

/* HEADERS of a gRPC request to that path; `extra` as above, or NULL. */
void raw_request(struct raw *raw, int32_t stream_id, uint8_t flags, const char *path,
                 const char *const *extra);

/* Takes bytes of the other side in, and parses the whole frames. */
void raw_take(struct raw *raw, struct pl_bytes data);

/* The first frame of that type and stream (-1: any) so far, or NULL. */
const struct raw_frame *raw_find(const struct raw *raw, uint8_t type, int32_t stream_id);

/* Whether any HEADERS of the stream hold the line "name: value". */
bool raw_has_field(const struct raw *raw, int32_t stream_id, const char *line);

#endif

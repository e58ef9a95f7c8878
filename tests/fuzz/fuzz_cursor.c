/*
 * fuzz_cursor.c - cursors and page tokens: what decodes encodes to the same place;
 * made-up ones are refused.
 *
 * Input: a byte that says what the rest is: the text of a cursor, its bytes without
 * the check (which nobody would guess), the text of a page token, or a key for one.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/secret.h"
#include "model/limits.h"
#include "wire/cursor.h"
#include "wire/page_token.h"

#include <stdlib.h>
#include <string.h>

enum { ARENA_SIZE = 256 * 1024, CHECK_SIZE = 8 };

static void check_same(const struct pl_cursor *a, const struct pl_cursor *b)
{
    PL_ASSERT(a->log == b->log && a->position == b->position);
    if (a->backlog.kind == PL_BACKLOG_NONE || a->backlog.until <= a->position) {
        PL_ASSERT(b->backlog.kind == PL_BACKLOG_NONE); /* left out */
        return;
    }
    PL_ASSERT(a->backlog.kind == b->backlog.kind && a->backlog.until == b->backlog.until);
    PL_ASSERT(a->backlog.rooms_len == b->backlog.rooms_len);
    for (uint32_t i = 0; i < a->backlog.rooms_len; i++) {
        PL_ASSERT(a->backlog.rooms[i].room.v == b->backlog.rooms[i].room.v);
        PL_ASSERT(a->backlog.rooms[i].after == b->backlog.rooms[i].after);
    }
}

static void decode_cursor(const char *text, struct pl_arena *arena)
{
    struct pl_cursor cursor, again;
    struct pl_bytebuf out;
    int rc = pl_cursor_decode(text, arena, &cursor);

    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_NOMEM);
    if (rc != PL_OK)
        return;
    PL_ASSERT(cursor.position <= PL_POSITION_MAX);
    PL_ASSERT(cursor.backlog.kind <= PL_BACKLOG_UNREAD);
    PL_ASSERT(cursor.backlog.until <= PL_POSITION_MAX);
    PL_ASSERT(cursor.backlog.rooms_len <= PL_STREAM_ROOMS_LEN_MAX + PL_USER_ROOMS_LEN_MAX);
    pl_bytebuf_init(&out, PL_CURSOR_SIZE_MAX + 4);
    pl_cursor_encode(cursor.log, cursor.position, &cursor.backlog, &out);
    PL_ASSERT(out.err == PL_OK);
    rc = pl_cursor_decode(pl_bytebuf_cstr(&out), arena, &again);
    PL_ASSERT(rc == PL_OK || rc == PL_E_NOMEM);
    if (rc == PL_OK)
        check_same(&cursor, &again);
    pl_bytebuf_done(&out);
}

/* Makes the text of a cursor that has these bytes and a check that fits. */
static void decode_bytes(struct pl_bytes bytes, struct pl_arena *arena)
{
    size_t size = bytes.size + CHECK_SIZE;
    uint8_t *data = malloc(size);
    char *text = malloc(PL_BASE64_SIZE(size));
    struct pl_hash hash = pl_hash_of(bytes);

    PL_ASSERT(data != NULL && text != NULL);
    if (bytes.size > 0)
        memcpy(data, bytes.data, bytes.size);
    memcpy(data + bytes.size, hash.v, CHECK_SIZE);
    pl_base64url_encode(data, size, text);
    decode_cursor(text, arena);
    free(data);
    free(text);
}

static void open_token(const char *text, struct pl_arena *arena)
{
    char *last = NULL;
    int rc = pl_page_token_open("rooms", text, arena, &last);

    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_NOMEM);
    if (rc == PL_OK && text[0] != 0)
        PL_ASSERT(strcmp(pl_page_token_make("rooms", last, arena), text) == 0);
}

static void make_token(const char *key, struct pl_arena *arena)
{
    char *token = pl_page_token_make("rooms", key, arena), *last = NULL;
    int rc;

    PL_ASSERT(token != NULL);
    rc = pl_page_token_open("rooms", token, arena, &last);
    if (strlen(key) <= PL_PAGE_TOKEN_SIZE_MAX - CHECK_SIZE) {
        PL_ASSERT(rc == PL_OK);
        PL_ASSERT(strcmp(last, key) == 0);
    } else {
        PL_ASSERT(rc == PL_E_INVALID);
    }
    PL_ASSERT(pl_page_token_open("users", token, arena, &last) == PL_E_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t kind = fuzz_byte(&input);
    struct pl_bytes rest = fuzz_rest(&input);
    struct pl_arena arena;
    char *text = fuzz_string(rest);

    pl_arena_init(&arena, ARENA_SIZE);
    switch (kind % 4) {
    case 0:
        decode_cursor(text, &arena);
        break;
    case 1:
        decode_bytes(rest, &arena);
        break;
    case 2:
        open_token(text, &arena);
        break;
    default:
        make_token(text, &arena);
    }
    pl_arena_done(&arena);
    free(text);
    return 0;
}

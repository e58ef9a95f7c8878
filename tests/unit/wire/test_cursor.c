/* test_cursor.c - cursors there and back, and what is no cursor. */
#include "base/err.h"
#include "base/mem.h"
#include "model/limits.h"
#include "wire/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t log_id = 0x0123456789abcdef;

/* Encodes, decodes, and gives back what came out; the arena is the caller's. */
static struct pl_cursor round_trip(pl_position position, const struct pl_backlog *backlog,
                                   struct pl_arena *arena)
{
    struct pl_cursor cursor = {0};
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, PL_CURSOR_SIZE_MAX + 1);
    pl_cursor_encode(log_id, position, backlog, &text);
    assert_int_equal(text.err, PL_OK);
    assert_int_equal(pl_cursor_decode(pl_bytebuf_cstr(&text), arena, &cursor), PL_OK);
    assert_int_equal(cursor.log, log_id);
    assert_int_equal(cursor.position, position);
    pl_bytebuf_done(&text);
    return cursor;
}

static void a_position_comes_back(void **state)
{
    static const pl_position positions[] = {0, 1, 127, 128, 1U << 31, PL_POSITION_MAX};
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++)
        assert_int_equal(round_trip(positions[i], NULL, &arena).backlog.kind, PL_BACKLOG_NONE);
    pl_arena_done(&arena);
}

static void a_backlog_comes_back(void **state)
{
    const struct pl_backlog_room rooms[] = {{{3}, 0}, {{4}, 17}, {{900}, 1U << 20}};
    struct pl_backlog beginning = {.kind = PL_BACKLOG_BEGINNING, .until = 500};
    struct pl_backlog unread = {
        .kind = PL_BACKLOG_UNREAD, .until = 500, .rooms = rooms, .rooms_len = 3};
    struct pl_cursor cursor;
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    cursor = round_trip(42, &beginning, &arena);
    assert_int_equal(cursor.backlog.kind, PL_BACKLOG_BEGINNING);
    assert_int_equal(cursor.backlog.until, 500);
    cursor = round_trip(42, &unread, &arena);
    assert_int_equal(cursor.backlog.kind, PL_BACKLOG_UNREAD);
    assert_int_equal(cursor.backlog.rooms_len, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cursor.backlog.rooms[i].room.v, rooms[i].room.v);
        assert_int_equal(cursor.backlog.rooms[i].after, rooms[i].after);
    }
    pl_arena_done(&arena);
}

static void a_backlog_that_is_over_is_left_out(void **state)
{
    struct pl_backlog beginning = {.kind = PL_BACKLOG_BEGINNING, .until = 42};
    struct pl_arena arena;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    assert_int_equal(round_trip(42, &beginning, &arena).backlog.kind, PL_BACKLOG_NONE);
    pl_arena_done(&arena);
}

static void the_longest_fits_its_limit(void **state)
{
    static struct pl_backlog_room rooms[PL_STREAM_ROOMS_LEN_MAX];
    struct pl_backlog unread = {.kind = PL_BACKLOG_UNREAD,
                                .until = PL_POSITION_MAX,
                                .rooms = rooms,
                                .rooms_len = PL_STREAM_ROOMS_LEN_MAX};
    struct pl_arena arena;

    (void)state;
    for (uint64_t i = 0; i < PL_STREAM_ROOMS_LEN_MAX; i++)
        rooms[i] = (struct pl_backlog_room){{(i + 1) << 40}, (uint64_t)INT64_MAX};
    pl_arena_init(&arena, 1 << 20);
    assert_int_equal(round_trip(1, &unread, &arena).backlog.rooms_len, PL_STREAM_ROOMS_LEN_MAX);
    pl_arena_done(&arena);
}

static void every_changed_character_is_found(void **state)
{
    struct pl_backlog beginning = {.kind = PL_BACKLOG_BEGINNING, .until = 500};
    struct pl_cursor cursor;
    struct pl_arena arena;
    struct pl_bytebuf text;

    (void)state;
    pl_arena_init(&arena, 1 << 20);
    pl_bytebuf_init(&text, 1024);
    pl_cursor_encode(log_id, 42, &beginning, &text);
    assert_non_null(pl_bytebuf_cstr(&text)[0] != 0 ? text.data : NULL);
    for (size_t i = 0; i + 1 < text.size; i++) { /* the last one has bits to spare */
        uint8_t was = text.data[i];

        text.data[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(pl_cursor_decode((const char *)text.data, &arena, &cursor), PL_E_INVALID);
        text.data[i] = was;
    }
    pl_bytebuf_done(&text);
    pl_arena_done(&arena);
}

static void what_is_no_cursor_is_refused(void **state)
{
    static char longest[PL_CURSOR_SIZE_MAX + 2];
    const char *const texts[] = {"x",    "AAAA", "!?", "caf\xc3\xa9", "AQEBAQEBAQEBAQEBAQEBAQEB",
                                 longest};
    struct pl_cursor cursor;
    struct pl_arena arena;

    (void)state;
    memset(longest, 'A', sizeof longest - 1);
    pl_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(pl_cursor_decode(texts[i], &arena, &cursor), PL_E_INVALID);
    pl_arena_done(&arena);
}

static void a_failed_allocation_is_told(void **state)
{
    const struct pl_backlog_room rooms[] = {{{3}, 0}};
    struct pl_backlog unread = {
        .kind = PL_BACKLOG_UNREAD, .until = 500, .rooms = rooms, .rooms_len = 1};
    struct pl_bytebuf text;

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        pl_bytebuf_init(&text, 1024);
        pl_mem_fail_at(nth);
        pl_cursor_encode(log_id, 42, &unread, &text);
        if (!pl_mem_failed())
            break;
        pl_mem_fail_at(0);
        assert_int_equal(text.err, PL_E_NOMEM);
        pl_bytebuf_done(&text);
    }
    pl_mem_fail_at(0);
    pl_bytebuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_position_comes_back),
        cmocka_unit_test(a_backlog_comes_back),
        cmocka_unit_test(a_backlog_that_is_over_is_left_out),
        cmocka_unit_test(the_longest_fits_its_limit),
        cmocka_unit_test(every_changed_character_is_found),
        cmocka_unit_test(what_is_no_cursor_is_refused),
        cmocka_unit_test(a_failed_allocation_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

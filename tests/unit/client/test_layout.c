/* test_layout.c - rows of a line being edited. */
#include "client/layout.h"

#include "base/err.h"
#include "base/mem.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct drawing {
    struct pl_bytebuf bytes;
    struct pl_layout layout;
};

static const char *draw(struct drawing *drawing, const char *prompt, const wchar_t *text,
                        size_t cursor, size_t cols, size_t rows_max)
{
    struct pl_layout_in in = {.prompt = prompt,
                              .prompt_on = "",
                              .prompt_off = "",
                              .text = text,
                              .text_len = wcslen(text),
                              .cursor = cursor,
                              .cols = cols,
                              .rows_max = rows_max};

    pl_bytebuf_clear(&drawing->bytes);
    assert_int_equal(pl_layout_draw(&in, &drawing->bytes, &drawing->layout), PL_OK);
    assert_true(drawing->layout.cursor_col < cols);
    assert_true(drawing->layout.cursor_row < drawing->layout.rows_len);
    assert_in_range(drawing->layout.rows_len, 1, rows_max);
    return pl_bytebuf_cstr(&drawing->bytes);
}

static void is_at(const struct drawing *drawing, size_t row, size_t col, size_t rows_len)
{
    assert_int_equal(drawing->layout.cursor_row, row);
    assert_int_equal(drawing->layout.cursor_col, col);
    assert_int_equal(drawing->layout.rows_len, rows_len);
}

static int setup(void **state)
{
    struct drawing *drawing = pl_zalloc(sizeof *drawing);

    pl_bytebuf_init(&drawing->bytes, 1 << 20);
    *state = drawing;
    return 0;
}

static int teardown(void **state)
{
    struct drawing *drawing = *state;

    pl_bytebuf_done(&drawing->bytes);
    pl_free(drawing);
    return 0;
}

static void a_short_line_is_one_row(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"hello", 5, 20, 9), "> hello");
    is_at(d, 0, 7, 1);
    draw(d, "> ", L"hello", 0, 20, 9);
    is_at(d, 0, 2, 1);
    assert_string_equal(draw(d, "> ", L"", 0, 20, 9), "> ");
    is_at(d, 0, 2, 1);
}

static void a_long_line_wraps_with_the_cursor(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"abcdefghijkl", 12, 10, 9), "> abcdefgh\r\nijkl");
    is_at(d, 1, 4, 2);
    draw(d, "> ", L"abcdefghijkl", 7, 10, 9);
    is_at(d, 0, 9, 2);
    draw(d, "> ", L"abcdefghijkl", 8, 10, 9);
    is_at(d, 1, 0, 2);
}

static void a_full_row_leaves_the_cursor_on_the_next(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"abcdefgh", 8, 10, 9), "> abcdefgh\r\n");
    is_at(d, 1, 0, 2);
    assert_string_equal(draw(d, "> ", L"abcdefgh", 3, 10, 9), "> abcdefgh");
    is_at(d, 0, 5, 1);
}

static void a_wide_character_is_not_torn(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"abcdefg\u6f22x", 7, 10, 9), "> abcdefg\r\n\u6f22x");
    is_at(d, 1, 0, 2);
    draw(d, "> ", L"abcdefg\u6f22x", 8, 10, 9);
    is_at(d, 1, 2, 2);
    draw(d, "> ", L"\u6f22\u5b57", 1, 10, 9);
    is_at(d, 0, 4, 1);
}

static void a_combining_mark_takes_no_column(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"e\u0301x", 3, 10, 9), "> e\u0301x");
    is_at(d, 0, 4, 1);
    assert_string_equal(draw(d, "> ", L"abcdefge\u0301", 9, 10, 9), "> abcdefge\u0301\r\n");
    is_at(d, 1, 0, 2);
}

static void a_line_break_shows_as_a_mark(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"a\nb", 3, 10, 9), "> a\u21b5b");
    is_at(d, 0, 5, 1);
}

static void what_is_not_harmless_shows_as_an_escape(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"a\x1bz", 3, 20, 9), "> a\\x1bz");
    is_at(d, 0, 8, 1);
    assert_string_equal(draw(d, "> ", L"abcdef\u202e", 7, 10, 9), "> abcdef\\u\r\n202e");
    is_at(d, 1, 4, 2);
    draw(d, "> ", L"abcdef\u202e", 6, 10, 9);
    is_at(d, 0, 8, 2);
}

static void of_too_many_rows_those_around_the_cursor_show(void **state)
{
    struct drawing *d = *state;
    const wchar_t *text = L"aaaaaaaabbbbbbbbbbccccccccccdddddddddd";

    assert_string_equal(draw(d, "> ", text, 38, 10, 2), "dddddddddd\r\n");
    is_at(d, 1, 0, 2);
    assert_string_equal(draw(d, "> ", text, 0, 10, 2), "> aaaaaaaa\r\nbbbbbbbbbb");
    is_at(d, 0, 2, 2);
    assert_string_equal(draw(d, "> ", text, 20, 10, 2), "bbbbbbbbbb\r\ncccccccccc");
    is_at(d, 1, 2, 2);
    assert_string_equal(draw(d, "> ", text, 20, 10, 1), "cccccccccc");
    is_at(d, 0, 2, 1);
}

static void a_long_prompt_is_cut(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "#a-very-long-room> ", L"x", 1, 10, 9), "#a-v\u2026x");
    is_at(d, 0, 6, 1);
}

static void the_narrowest_terminal_will_do(void **state)
{
    struct drawing *d = *state;

    assert_string_equal(draw(d, "> ", L"\u6f22b", 2, 2, 9), "\u2026\r\n\u6f22\r\nb");
    is_at(d, 2, 1, 3);
}

static void widths_are_in_columns(void **state)
{
    (void)state;
    assert_int_equal(pl_layout_width("abc"), 3);
    assert_int_equal(pl_layout_width("\u6f22e\u0301\U0001f44d"), 5);
}

static void a_cut_text_ends_with_an_ellipsis(void **state)
{
    struct drawing *d = *state;

    pl_layout_cut(&d->bytes, "abcdef", 6);
    assert_string_equal(pl_bytebuf_cstr(&d->bytes), "abcdef");
    pl_bytebuf_clear(&d->bytes);
    pl_layout_cut(&d->bytes, "abcdef", 5);
    assert_string_equal(pl_bytebuf_cstr(&d->bytes), "abcd\u2026");
    pl_bytebuf_clear(&d->bytes);
    pl_layout_cut(&d->bytes, "\u6f22\u6f22\u6f22", 4);
    assert_string_equal(pl_bytebuf_cstr(&d->bytes), "\u6f22\u2026");
    pl_bytebuf_clear(&d->bytes);
    pl_layout_cut(&d->bytes, "abc", 0);
    assert_string_equal(pl_bytebuf_cstr(&d->bytes), "");
}

static void want_of_memory_is_told(void **state)
{
    struct pl_layout_in in = {.prompt = "> ",
                              .prompt_on = "",
                              .prompt_off = "",
                              .text = L"abcdefghijklmnopqrstuvwxyz",
                              .text_len = 26,
                              .cols = 4,
                              .rows_max = 9};

    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_bytebuf out;
        struct pl_layout layout;
        int err;

        pl_bytebuf_init(&out, 1000);
        pl_mem_fail_at(nth);
        err = pl_layout_draw(&in, &out, &layout);
        pl_bytebuf_done(&out);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(err, PL_OK);
            break;
        }
        assert_int_equal(err, PL_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_short_line_is_one_row, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_line_wraps_with_the_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_row_leaves_the_cursor_on_the_next, setup, teardown),
        cmocka_unit_test_setup_teardown(a_wide_character_is_not_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_combining_mark_takes_no_column, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_break_shows_as_a_mark, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_harmless_shows_as_an_escape, setup, teardown),
        cmocka_unit_test_setup_teardown(of_too_many_rows_those_around_the_cursor_show, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_long_prompt_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(the_narrowest_terminal_will_do, setup, teardown),
        cmocka_unit_test(widths_are_in_columns),
        cmocka_unit_test_setup_teardown(a_cut_text_ends_with_an_ellipsis, setup, teardown),
        cmocka_unit_test(want_of_memory_is_told),
    };

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

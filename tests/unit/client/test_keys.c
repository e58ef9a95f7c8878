/* test_keys.c - what a terminal sends, cut into keys. */
#include "client/keys.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Keys as text: characters as U+..., sequences in <>, pastes in [], cut ones with
 * a ! after them. */
struct typed {
    struct pl_keys keys;
    struct pl_bytebuf seen;
};

static void on_point(void *self, uint32_t point)
{
    struct typed *typed = self;

    if (point > ' ' && point < 0x7f)
        pl_bytebuf_append_byte(&typed->seen, (uint8_t)point);
    else
        pl_bytebuf_printf(&typed->seen, "U+%04X", (unsigned)point);
}

static void on_sequence(void *self, const char *sequence)
{
    struct typed *typed = self;

    assert_int_equal(sequence[0], '\x1b');
    pl_bytebuf_printf(&typed->seen, "<%s>", sequence + 1);
}

static void on_paste(void *self, struct pl_bytes text, bool cut)
{
    struct typed *typed = self;

    pl_bytebuf_append_byte(&typed->seen, '[');
    pl_bytebuf_append(&typed->seen, text.data, text.size);
    pl_bytebuf_append_str(&typed->seen, cut ? "]!" : "]");
}

static void begin(struct typed *typed)
{
    struct pl_keys_ops ops = {
        .self = typed, .on_point = on_point, .on_sequence = on_sequence, .on_paste = on_paste};

    pl_keys_init(&typed->keys, &ops);
    pl_bytebuf_init(&typed->seen, 1 << 20);
}

static void end(struct typed *typed)
{
    pl_keys_done(&typed->keys);
    pl_bytebuf_done(&typed->seen);
}

/* The same keys, whether the bytes come at once or one by one. */
static void gives(const char *bytes, const char *expected)
{
    for (size_t step = 1; step <= strlen(bytes);
         step += strlen(bytes) > 1 ? strlen(bytes) - 1 : 1) {
        struct typed typed;

        begin(&typed);
        for (size_t at = 0; at < strlen(bytes); at += step) {
            size_t left = strlen(bytes) - at;
            struct pl_bytes part = {(const uint8_t *)bytes + at, left < step ? left : step};

            pl_keys_feed(&typed.keys, part);
        }
        assert_string_equal(pl_bytebuf_cstr(&typed.seen), expected);
        end(&typed);
    }
}

static void characters_are_keys(void **state)
{
    (void)state;
    gives("ab\r", "abU+000D");
    gives("\x03\x04\x7f", "U+0003U+0004U+007F");
    gives("\u00e9\u6f22\U0001f44d", "U+00E9U+6F22U+1F44D");
}

static void bytes_that_are_no_utf8_become_replacements(void **state)
{
    (void)state;
    gives("\xff"
          "a",
          "U+FFFDa");
    gives("\xc3"
          "a",
          "U+FFFDa");
    gives("\xe6\xbc\x1b[A", "U+FFFD<[A>");
}

static void sequences_are_whole(void **state)
{
    (void)state;
    gives("\x1b[Ax", "<[A>x");
    gives("\x1bOH", "<OH>");
    gives("\x1b[1;5C\x1b[3~", "<[1;5C><[3~>");
    gives("\x1b"
          "b\x1b\x7f",
          "<b><\x7f>");
}

static void torn_sequences_do_no_harm(void **state)
{
    (void)state;
    gives("\x1b\x1b[A", "<[A>");
    gives("\x1b[1\x1b[B", "<[B>");
    gives("\x1b[11111111111111111111111111111111111111111111111111m", "1111111111111111111m");
}

static void a_paste_is_one_key(void **state)
{
    (void)state;
    gives("\x1b[200~hello\x1b[201~x", "[hello]x");
    gives("\x1b[200~\x1b[201~", "[]");
}

static void line_ends_of_a_paste_are_line_feeds(void **state)
{
    (void)state;
    gives("\x1b[200~a\r\nb\rc\nd\x1b[201~", "[a\nb\nc\nd]");
}

static void what_is_within_a_paste_is_text(void **state)
{
    (void)state;
    gives("\x1b[200~a\x1b[Ab\x1b[201\x1b[201~", "[a\x1b[Ab\x1b[201]");
    gives("\x1b[200~\x03\x04\r\x1b[201~", "[\x03\x04\n]");
}

static void a_huge_paste_is_cut_and_says_so(void **state)
{
    static uint8_t much[PL_KEYS_PASTE_SIZE_MAX + 100];
    struct typed typed;

    (void)state;
    memset(much, 'x', sizeof much);
    begin(&typed);
    pl_keys_feed(&typed.keys, pl_bytes_str("\x1b[200~"));
    pl_keys_feed(&typed.keys, (struct pl_bytes){much, sizeof much});
    pl_keys_feed(&typed.keys, pl_bytes_str("\x1b[201~a"));
    assert_int_equal(typed.seen.size, PL_KEYS_PASTE_SIZE_MAX + 4);
    assert_memory_equal(typed.seen.data + typed.seen.size - 3, "]!a", 3);
    end(&typed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_keys),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacements),
        cmocka_unit_test(sequences_are_whole),
        cmocka_unit_test(torn_sequences_do_no_harm),
        cmocka_unit_test(a_paste_is_one_key),
        cmocka_unit_test(line_ends_of_a_paste_are_line_feeds),
        cmocka_unit_test(what_is_within_a_paste_is_text),
        cmocka_unit_test(a_huge_paste_is_cut_and_says_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

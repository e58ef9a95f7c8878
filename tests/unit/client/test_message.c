/* test_message.c - messages as lines of text. */
#include "client/message.h"

#include "base/err.h"
#include "parla/v1/room.pb-c.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const struct pl_colour plain = {.on = false};
static const struct pl_colour coloured = {.on = true};

static struct pl_message message(const char *text)
{
    return (struct pl_message){.room = "lobby",
                               .peer = "",
                               .sequence = 7,
                               .sender = "ana",
                               .text = text,
                               .time_ms = INT64_C(1714719907250)};
}

static void line_is(const struct pl_message *shown, struct pl_colour colour, const char *expected)
{
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, 4096);
    pl_message_line(&out, colour, shown);
    assert_string_equal(pl_bytebuf_cstr(&out), expected);
    pl_bytebuf_done(&out);
}

static void a_line_tells_when_where_who_and_what(void **state)
{
    struct pl_message shown = message("hello");

    (void)state;
    line_is(&shown, plain, "2024-05-03 07:05:07 #lobby ana: hello\n");
}

static void a_direct_room_goes_by_the_other_one(void **state)
{
    struct pl_message shown = message("hello");

    (void)state;
    shown.room = "@17";
    shown.peer = "bob";
    line_is(&shown, plain, "2024-05-03 07:05:07 @bob ana: hello\n");
    shown.peer = "";
    line_is(&shown, plain, "2024-05-03 07:05:07 @? ana: hello\n");
}

static void further_lines_cannot_pass_for_another_message(void **state)
{
    struct pl_message shown = message("one\n2024-05-03 07:05:08 #lobby bob: forged");

    (void)state;
    line_is(&shown, plain,
            "2024-05-03 07:05:07 #lobby ana: one\n"
            "    \u2502 2024-05-03 07:05:08 #lobby bob: forged\n");
}

static void nothing_raw_comes_through(void **state)
{
    struct pl_message shown = message("\x1b[2J\u202ex\u202c");

    (void)state;
    shown.sender = "a\x1b";
    shown.room = "l\n";
    line_is(&shown, plain, "2024-05-03 07:05:07 #l\\x0a a\\x1b: \\x1b[2J\\u202ex\\u202c\n");
}

static void a_deleted_message_says_so(void **state)
{
    struct pl_message shown = message("");

    (void)state;
    shown.deleted = true;
    line_is(&shown, plain, "2024-05-03 07:05:07 #lobby ana: (deleted)\n");
}

static void colour_ends_where_it_should(void **state)
{
    struct pl_message shown = message("hello");
    struct pl_bytebuf out;
    const char *text;

    (void)state;
    pl_bytebuf_init(&out, 4096);
    pl_message_line(&out, coloured, &shown);
    text = pl_bytebuf_cstr(&out);
    assert_non_null(strstr(text, "\x1b[2m2024-05-03 07:05:07\x1b[0m"));
    assert_non_null(strstr(text, "ana\x1b[0m: hello\n"));
    pl_bytebuf_done(&out);
}

static void timestamps_out_of_bounds_are_no_time(void **state)
{
    Google__Protobuf__Timestamp time = GOOGLE__PROTOBUF__TIMESTAMP__INIT;

    (void)state;
    assert_int_equal(pl_message_time_ms(NULL), 0);
    time.seconds = 12;
    time.nanos = 345678901;
    assert_int_equal(pl_message_time_ms(&time), 12345);
    time.seconds = INT64_MAX;
    assert_int_equal(pl_message_time_ms(&time), 0);
    time.seconds = INT64_MIN;
    assert_int_equal(pl_message_time_ms(&time), 0);
}

static void happens(Parla__V1__Event *event, const char *expected)
{
    struct pl_bytebuf out;

    pl_bytebuf_init(&out, 4096);
    assert_int_equal(pl_message_happening(&out, event), expected != NULL);
    if (expected != NULL)
        assert_string_equal(pl_bytebuf_cstr(&out), expected);
    pl_bytebuf_done(&out);
}

static void comings_and_goings_are_told(void **state)
{
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;
    Parla__V1__Member member = PARLA__V1__MEMBER__INIT;

    (void)state;
    event.kind_case = PARLA__V1__EVENT__KIND_MEMBER_CHANGED;
    event.member_changed = &member;
    event.actor_id = 1;
    member.user = (char[]){"ana"};
    member.user_id = 1;
    member.state = PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED;
    happens(&event, "ana joined");
    member.state = PARLA__V1__MEMBER_STATE__MEMBER_STATE_LEFT;
    happens(&event, "ana left");
    member.user_id = 2;
    happens(&event, "ana was removed");
    member.state = PARLA__V1__MEMBER_STATE__MEMBER_STATE_UNSPECIFIED;
    happens(&event, NULL);
}

static void unknown_kinds_are_passed_over(void **state)
{
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;

    (void)state;
    happens(&event, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_tells_when_where_who_and_what),
        cmocka_unit_test(a_direct_room_goes_by_the_other_one),
        cmocka_unit_test(further_lines_cannot_pass_for_another_message),
        cmocka_unit_test(nothing_raw_comes_through),
        cmocka_unit_test(a_deleted_message_says_so),
        cmocka_unit_test(colour_ends_where_it_should),
        cmocka_unit_test(timestamps_out_of_bounds_are_no_time),
        cmocka_unit_test(comings_and_goings_are_told),
        cmocka_unit_test(unknown_kinds_are_passed_over),
    };

    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        return 1;
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

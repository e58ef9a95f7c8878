/* test_json_out.c - one JSON object a line. */
#include "client/json_out.h"

#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/room.pb-c.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct pl_message hello = {.room = "lobby",
                                        .peer = "",
                                        .sequence = 7,
                                        .sender = "ana",
                                        .sender_id = 3,
                                        .text = "h\u00e9 \"x\"\n\x1b\x7f",
                                        .time_ms = INT64_C(1714719907250)};

static void a_message_is_one_line_of_ascii(void **state)
{
    struct pl_bytebuf out;

    (void)state;
    pl_bytebuf_init(&out, 4096);
    pl_json_message(&out, &hello);
    assert_string_equal(pl_bytebuf_cstr(&out),
                        "{\"type\":\"message\",\"room\":\"lobby\",\"sequence\":7,"
                        "\"time\":\"2024-05-03T07:05:07.250Z\",\"sender\":\"ana\","
                        "\"sender_id\":3,\"text\":\"h\\u00E9 \\\"x\\\"\\n\\u001B\\u007f\"}\n");
    pl_bytebuf_done(&out);
}

static void who_came_and_went_is_told(void **state)
{
    Parla__V1__Event event = PARLA__V1__EVENT__INIT;
    Parla__V1__Member member = PARLA__V1__MEMBER__INIT;
    struct pl_bytebuf out;
    json_t *object;

    (void)state;
    event.room = (char[]){"friends"};
    event.sequence = 2;
    event.kind_case = PARLA__V1__EVENT__KIND_MEMBER_CHANGED;
    event.member_changed = &member;
    member.user = (char[]){"bob"};
    member.state = PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED;
    pl_bytebuf_init(&out, 4096);
    pl_json_happening(&out, &event, "");
    object = json_loadb((const char *)out.data, out.size, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(object, "type")), "member");
    assert_string_equal(json_string_value(json_object_get(object, "state")), "joined");
    assert_null(json_object_get(object, "peer"));
    json_decref(object);

    pl_bytebuf_clear(&out);
    event.kind_case = PARLA__V1__EVENT__KIND__NOT_SET;
    pl_json_happening(&out, &event, "");
    assert_int_equal(out.size, 0);
    pl_bytebuf_done(&out);
}

static void rooms_and_users_are_objects(void **state)
{
    Parla__V1__JoinedRoom joined = PARLA__V1__JOINED_ROOM__INIT;
    Parla__V1__Room room = PARLA__V1__ROOM__INIT;
    Parla__V1__User user = PARLA__V1__USER__INIT;
    struct pl_bytebuf out;

    (void)state;
    joined.room = &room;
    room.room = (char[]){"help"};
    room.delivery = PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE;
    user.user = (char[]){"ana"};
    user.online = true;
    pl_bytebuf_init(&out, 4096);
    pl_json_room(&out, &joined);
    assert_non_null(strstr(pl_bytebuf_cstr(&out), "\"delivery\":\"one\""));
    assert_non_null(strstr(pl_bytebuf_cstr(&out), "\"state\":\"none\""));
    pl_bytebuf_clear(&out);
    pl_json_user(&out, &user);
    assert_non_null(strstr(pl_bytebuf_cstr(&out), "\"online\":true"));
    pl_bytebuf_done(&out);
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_bytebuf out;
        int err;
        bool failed;

        pl_bytebuf_init(&out, 4096);
        pl_mem_fail_at(nth);
        pl_json_message(&out, &hello);
        failed = pl_mem_failed();
        pl_mem_fail_at(0);
        err = out.err;
        pl_bytebuf_done(&out);
        if (!failed) {
            assert_int_equal(err, PL_OK);
            break;
        }
        assert_int_equal(err, PL_E_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_one_line_of_ascii),
        cmocka_unit_test(who_came_and_went_is_told),
        cmocka_unit_test(rooms_and_users_are_objects),
        cmocka_unit_test(want_of_memory_is_told),
    };

    pl_json_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

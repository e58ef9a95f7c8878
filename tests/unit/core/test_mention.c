/* test_mention.c - whom a text mentions. */
#include "world.h"

#include "core/mention.h"

#include <stdio.h>

/* The names found in a text, joined by commas. */
static const char *names_in(const char *text)
{
    static char all[256];
    char name[PL_USER_NAME_SIZE_MAX + 1];

    all[0] = 0;
    while (pl_mention_next(&text, name)) {
        strcat(all, name);
        strcat(all, ",");
    }
    return all;
}

static void a_mention_is_at_and_a_name(void **state)
{
    (void)state;
    assert_string_equal(names_in(""), "");
    assert_string_equal(names_in("@"), "");
    assert_string_equal(names_in("@@"), "");
    assert_string_equal(names_in("@ana"), "ana,");
    assert_string_equal(names_in("hello @ana and @bo"), "ana,bo,");
    assert_string_equal(names_in("(@ana)"), "ana,");
    assert_string_equal(names_in("@ana, @bo: look"), "ana,bo,");
    assert_string_equal(names_in("\xe4\xbd\xa0@ana\xe5\xa5\xbd"), "ana,");
    assert_string_equal(names_in("@@ana"), "ana,");
}

static void the_end_of_a_sentence_is_no_name(void **state)
{
    (void)state;
    assert_string_equal(names_in("ask @ana."), "ana,");
    assert_string_equal(names_in("ask @ana..."), "ana,");
    assert_string_equal(names_in("@ana-_."), "ana,");
    assert_string_equal(names_in("@ana.b-c_d."), "ana.b-c_d,");
    assert_string_equal(names_in("@..."), "");
}

static void addresses_and_other_words_are_none(void **state)
{
    (void)state;
    assert_string_equal(names_in("mail@ana.example"), "");
    assert_string_equal(names_in("Mail@ana"), "");
    assert_string_equal(names_in("9@ana"), "");
    assert_string_equal(names_in("@1st"), "");
    assert_string_equal(names_in("@Ana"), "");
    assert_string_equal(names_in("@anaX"), "");
    assert_string_equal(names_in("@ana@bo"), "ana,");
    assert_string_equal(names_in("@abcdefghijklmnopqrstuvwxyz0123456789"), "");
    assert_string_equal(names_in("@abcdefghijklmnopqrstuvwxyz012345"),
                        "abcdefghijklmnopqrstuvwxyz012345,");
}

static void members_only_each_once(void **state)
{
    struct world world;
    struct pl_bytebuf dump;

    (void)state;
    world_start(&world);
    do_sign_in(&world, "ana");
    do_sign_in(&world, "bo");
    do_sign_in(&world, "cy");
    do_create(&world, "ana", "den");
    do_join(&world, "bo", "den");
    do_join(&world, "cy", "den");
    do_leave(&world, "cy", "den");
    do_send(&world, "ana", "den", "@bo @cy @nobody @bo @ana");
    assert_string_equal(world_event(&world, 0),
                        "den 6 by ana(1) sent '@bo @cy @nobody @bo @ana' re 0 thread 0 @bo @ana");
    world_dump(&world, &dump);
    assert_non_null(strstr(pl_bytebuf_cstr(&dump), "mentions=2,1, bytes"));
    pl_bytebuf_done(&dump);
    world_done(&world);
}

static uint32_t mentions_in(struct world *world)
{
    const char *at = world_event(world, 0);
    uint32_t len = 0;

    at = strstr(at, "thread 0");
    assert_non_null(at);
    for (; *at != 0; at++)
        len += *at == '@';
    return len;
}

static void mentions_are_bounded(void **state)
{
    static char names[60][8];
    static char text[4096];
    struct world world;

    (void)state;
    world_start(&world);
    for (int i = 0; i < 60; i++) {
        snprintf(names[i], sizeof names[i], "u%d", i);
        add_sign_in(&world, names[i]);
        strcat(text, "@");
        strcat(text, names[i]);
        strcat(text, " ");
    }
    assert_int_equal(world_apply(&world), PL_OK);
    assert_granted(do_send(&world, "u0", "lobby", text));
    assert_int_equal(mentions_in(&world), PL_MENTIONS_LEN_MAX);

    /* and so are look-ups */
    text[0] = 0;
    for (int i = 0; i < PL_MENTION_TRIES_MAX; i++)
        strcat(text, "@nobody ");
    strcat(text, "@u1");
    assert_granted(do_send(&world, "u0", "lobby", text));
    assert_int_equal(mentions_in(&world), 0);
    assert_granted(do_send(&world, "u0", "lobby", text + strlen("@nobody ")));
    assert_int_equal(mentions_in(&world), 1);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mention_is_at_and_a_name),
        cmocka_unit_test(the_end_of_a_sentence_is_no_name),
        cmocka_unit_test(addresses_and_other_words_are_none),
        cmocka_unit_test(members_only_each_once),
        cmocka_unit_test(mentions_are_bounded),
    };

    return cmocka_run_group_tests_name("mention", tests, NULL, NULL);
}

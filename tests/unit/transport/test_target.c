/* test_target.c - texts that name a server. */
#include "transport/target.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void targets_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        bool tls;
        const char *host;
        uint16_t port;
        const char *written;
    } cases[] = {
        {"localhost:50051", false, "localhost", 50051, "localhost:50051"},
        {"grpc://127.0.0.1:1", false, "127.0.0.1", 1, "127.0.0.1:1"},
        {"grpcs://chat.example:443", true, "chat.example", 443, "grpcs://chat.example:443"},
        {"grpcs://[::1]:50051", true, "::1", 50051, "grpcs://[::1]:50051"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PL_TARGET_TEXT_SIZE];
        struct pl_target target;

        assert_int_equal(pl_target_parse(cases[i].text, &target), PL_OK);
        assert_int_equal(target.tls, cases[i].tls);
        assert_string_equal(target.address.host, cases[i].host);
        assert_int_equal(target.address.port, cases[i].port);
        pl_target_format(&target, text, sizeof text);
        assert_string_equal(text, cases[i].written);
    }
}

static void the_longest_host_can_be_written(void **state)
{
    char text[PL_TARGET_TEXT_SIZE + 1] = "grpcs://", again[PL_TARGET_TEXT_SIZE];
    struct pl_target target;

    (void)state;
    memset(text + 8, 'a', 255);
    strcpy(text + 8 + 255, ":65535");
    assert_int_equal(pl_target_parse(text, &target), PL_OK);
    pl_target_format(&target, again, sizeof again);
    assert_string_equal(again, text);
}

static void other_texts_are_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "localhost",
                                        ":50051",
                                        "grpcs://",
                                        "grpcs://localhost",
                                        "http://localhost:80",
                                        "grpcs:localhost:1",
                                        "grpcs://grpcs://localhost:1",
                                        "grpcs://localhost:1/",
                                        "GRPCS://localhost:1"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pl_target target = {.tls = true, .address = {.port = 77}};

        if (pl_target_parse(cases[i], &target) != PL_E_INVALID)
            fail_msg("'%s' was taken", cases[i]);
        assert_int_equal(target.address.port, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_read_and_written),
        cmocka_unit_test(the_longest_host_can_be_written),
        cmocka_unit_test(other_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

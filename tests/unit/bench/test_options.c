/* test_options.c - the command line. */
#include "bench/options.h"

#include "base/err.h"
#include "bench/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ARGS_LEN_MAX = 16 };

static const struct pl_bench_options defaults = {.subscribers = 7, .size = 100, .timeout_s = 30};
static struct pl_bench_options options;
static char fault[PL_BENCH_FAULT_SIZE];
static const char *env_server;

static char *get_env(const char *name)
{
    return (char *)(uintptr_t)(strcmp(name, "PARLA_SERVER") == 0 ? env_server : NULL);
}

/* Parses the options of a command, up to a NULL. */
static int parse(enum pl_bench_which command, const char *first, ...)
{
    static const char *argv[ARGS_LEN_MAX]; /* the options point into it */
    int argc = 0;
    va_list args;

    va_start(args, first);
    for (const char *arg = first; arg != NULL; arg = va_arg(args, const char *))
        argv[argc++] = arg;
    va_end(args);
    memset(&options, 0, sizeof options);
    fault[0] = 0;
    return pl_bench_options_parse(argc, argv, command, get_env, &defaults, &options, fault);
}

static int no_environment(void **state)
{
    (void)state;
    env_server = NULL;
    return 0;
}

static void nothing_said_is_the_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_FANOUT, NULL), PL_OK);
    assert_int_equal(options.subscribers, 7);
    assert_string_equal(options.server, PL_BENCH_SERVER_DEFAULT);
    assert_false(options.json);
}

static void numbers_are_taken_with_and_without_an_equals_sign(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_FANOUT, "--subscribers", "12", "--in-flight=3", NULL), PL_OK);
    assert_int_equal(options.subscribers, 12);
    assert_int_equal(options.in_flight, 3);
}

static void a_number_that_is_none_or_out_of_bounds_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "x", "-1", "1x", "+1", "0", "1e3", " 12", "18446744073709551616"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(PL_BENCH_FANOUT, "--subscribers", wrong[i], NULL), PL_E_INVALID);
        assert_string_equal(fault, "--subscribers takes a whole number, 1 to 1000000");
    }
    assert_int_equal(parse(PL_BENCH_FANOUT, "--size", "39", NULL), PL_E_INVALID);
    assert_int_equal(parse(PL_BENCH_FANOUT, "--size", "40", NULL), PL_OK);
    assert_int_equal(parse(PL_BENCH_SLOW, "--trickle", "0", NULL), PL_OK);
    assert_int_equal(parse(PL_BENCH_SLOW, "--trickle", "1073741825", NULL), PL_E_INVALID);
}

static void an_option_of_another_command_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_SEND, "--subscribers", "1", NULL), PL_E_INVALID);
    assert_string_equal(fault, "unknown option: --subscribers");
    assert_int_equal(parse(PL_BENCH_FANOUT, "--sub", "1", NULL), PL_E_INVALID);
    assert_int_equal(parse(PL_BENCH_FANOUT, "--subscribersx=1", NULL), PL_E_INVALID);
    assert_int_equal(parse(PL_BENCH_FANOUT, "what", NULL), PL_E_INVALID);
}

static void a_value_that_is_missing_or_too_much_is_told(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_FANOUT, "--size", NULL), PL_E_INVALID);
    assert_string_equal(fault, "--size takes B");
    assert_int_equal(parse(PL_BENCH_FANOUT, "--json=yes", NULL), PL_E_INVALID);
    assert_string_equal(fault, "--json takes nothing");
}

static void flags_are_set(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_IDLE, "--json", "--message", "--keep", NULL), PL_OK);
    assert_true(options.json);
    assert_true(options.message);
    assert_true(options.keep);
}

static void help_is_found_anywhere(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_IDLE, "--json", "--help", NULL), PL_E_CANCELLED);
    assert_int_equal(parse(PL_BENCH_IDLE, "-h", NULL), PL_E_CANCELLED);
}

static void durability_is_one_of_its_names(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_SEND, "--durability", "written", NULL), PL_OK);
    assert_int_equal(options.durability, PL_BENCH_DURABILITY_WRITTEN);
    assert_int_equal(parse(PL_BENCH_SEND, "--durability=synced", NULL), PL_OK);
    assert_int_equal(options.durability, PL_BENCH_DURABILITY_SYNCED);
    assert_int_equal(parse(PL_BENCH_SEND, "--durability", "safe", NULL), PL_E_INVALID);
    assert_int_equal(parse(PL_BENCH_SEND, "--durability", "", NULL), PL_E_INVALID);
}

static void the_server_is_told_by_option_then_environment(void **state)
{
    (void)state;
    env_server = "example.org:1";
    assert_int_equal(parse(PL_BENCH_SEND, NULL), PL_OK);
    assert_string_equal(options.server, "example.org:1");
    assert_int_equal(parse(PL_BENCH_SEND, "--server", "grpcs://[::1]:2", NULL), PL_OK);
    assert_string_equal(options.server, "grpcs://[::1]:2");
    assert_true(options.target.tls);
    assert_int_equal(parse(PL_BENCH_SEND, "--server", "nowhere", NULL), PL_E_INVALID);
}

static void authorities_are_for_tls_only(void **state)
{
    (void)state;
    assert_int_equal(parse(PL_BENCH_SEND, "--ca", "ca.pem", NULL), PL_E_INVALID);
    assert_int_equal(parse(PL_BENCH_SEND, "--ca", "ca.pem", "--server", "grpcs://h:1", NULL),
                     PL_OK);
    assert_string_equal(options.ca_file, "ca.pem");
}

static void help_names_every_option_of_the_command_and_no_other(void **state)
{
    struct pl_bytebuf text;

    (void)state;
    pl_bytebuf_init(&text, 16 * 1024);
    pl_bench_options_help(PL_BENCH_SEND, &defaults, &text);
    assert_non_null(strstr(pl_bytebuf_cstr(&text), "--in-flight W"));
    assert_non_null(strstr(pl_bytebuf_cstr(&text), "(30)"));
    assert_null(strstr(pl_bytebuf_cstr(&text), "--subscribers"));
    pl_bytebuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_said_is_the_defaults, no_environment),
        cmocka_unit_test_setup(numbers_are_taken_with_and_without_an_equals_sign, no_environment),
        cmocka_unit_test_setup(a_number_that_is_none_or_out_of_bounds_is_refused, no_environment),
        cmocka_unit_test_setup(an_option_of_another_command_is_unknown, no_environment),
        cmocka_unit_test_setup(a_value_that_is_missing_or_too_much_is_told, no_environment),
        cmocka_unit_test_setup(flags_are_set, no_environment),
        cmocka_unit_test_setup(help_is_found_anywhere, no_environment),
        cmocka_unit_test_setup(durability_is_one_of_its_names, no_environment),
        cmocka_unit_test_setup(the_server_is_told_by_option_then_environment, no_environment),
        cmocka_unit_test_setup(authorities_are_for_tls_only, no_environment),
        cmocka_unit_test_setup(help_names_every_option_of_the_command_and_no_other, no_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_options.c - the command line. */
#include "client/options.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ARGS_LEN_MAX = 16 };

static struct pl_options options;
static const char *words[ARGS_LEN_MAX + 1];
static char fault[PL_OPTIONS_FAULT_SIZE];
static const char *env_server;
static const char *env_user;

static char *get_env(const char *name)
{
    const char *value = strcmp(name, "PARLA_SERVER") == 0 ? env_server
                        : strcmp(name, "PARLA_USER") == 0 ? env_user
                                                          : NULL;

    return (char *)(uintptr_t)value;
}

/* Parses what follows the program's name, up to a NULL. */
static int parse(const char *first, ...)
{
    static const char *argv[ARGS_LEN_MAX] = {"parla"}; /* the options point into it */
    int argc = 1;
    va_list args;

    va_start(args, first);
    for (const char *arg = first; arg != NULL; arg = va_arg(args, const char *))
        argv[argc++] = arg;
    va_end(args);
    return pl_options_parse(argc, argv, words, get_env, &options, fault);
}

static int no_environment(void **state)
{
    (void)state;
    env_server = NULL;
    env_user = NULL;
    return 0;
}

static void nothing_is_the_chat_with_the_default_server(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL), PL_OK);
    assert_null(options.command);
    assert_null(options.user);
    assert_string_equal(options.server, "127.0.0.1:50051");
    assert_int_equal(options.count, 20);
}

static void options_stand_before_and_after_the_command(void **state)
{
    (void)state;
    assert_int_equal(
        parse("--server", "[::1]:7", "history", "--user=ana", "lobby", "-n", "5", "--json", NULL),
        PL_OK);
    assert_string_equal(options.server, "[::1]:7");
    assert_string_equal(options.user, "ana");
    assert_string_equal(options.command, "history");
    assert_int_equal(options.args_len, 1);
    assert_string_equal(options.args[0], "lobby");
    assert_int_equal(options.count, 5);
    assert_int_equal(options.given, PL_OPTION_JSON | PL_OPTION_COUNT);
    assert_int_equal(parse("history", "-n7", NULL), PL_OK);
    assert_int_equal(options.count, 7);
}

static void the_environment_fills_in(void **state)
{
    (void)state;
    env_server = "example.org:99";
    env_user = "bob";
    assert_int_equal(parse("who", NULL), PL_OK);
    assert_string_equal(options.server, "example.org:99");
    assert_string_equal(options.user, "bob");
    assert_int_equal(parse("who", "--server", "127.0.0.1:1", "--user", "ana", NULL), PL_OK);
    assert_string_equal(options.server, "127.0.0.1:1");
    assert_string_equal(options.user, "ana");
    env_server = "";
    env_user = "";
    assert_int_equal(parse("who", NULL), PL_OK);
    assert_null(options.user);
    assert_string_equal(options.server, "127.0.0.1:50051");
}

static void a_server_with_tls_is_named_by_its_scheme(void **state)
{
    (void)state;
    assert_int_equal(parse("who", "--server", "grpcs://chat.example:443", NULL), PL_OK);
    assert_true(options.target.tls);
    assert_null(options.ca_file);
    assert_string_equal(options.server, "grpcs://chat.example:443");
    assert_int_equal(parse("--server=grpcs://[::1]:7", "--ca", "ca.pem", "who", NULL), PL_OK);
    assert_string_equal(options.ca_file, "ca.pem");
    env_server = "grpc://example.org:99";
    assert_int_equal(parse("who", NULL), PL_OK);
    assert_false(options.target.tls);
    assert_string_equal(options.server, "example.org:99");
    assert_int_equal(parse("who", "--ca=ca.pem", NULL), PL_E_INVALID);
    assert_string_equal(fault, "--ca is for servers with TLS: grpcs://example.org:99");
    assert_int_equal(parse("who", "--ca", NULL), PL_E_INVALID);
    assert_int_equal(parse("who", "--server", "http://example.org:99", NULL), PL_E_INVALID);
    assert_non_null(strstr(fault, "grpcs://HOST:PORT"));
}

static void a_dash_alone_is_an_argument(void **state)
{
    (void)state;
    assert_int_equal(parse("send", "lobby", "-", NULL), PL_OK);
    assert_int_equal(options.args_len, 2);
    assert_string_equal(options.args[1], "-");
}

static void two_dashes_end_the_options(void **state)
{
    (void)state;
    assert_int_equal(parse("work", "jobs", "--", "grep", "--json", "-n", NULL), PL_OK);
    assert_int_equal(options.args_len, 1);
    assert_int_equal(options.child_len, 3);
    assert_string_equal(options.child[0], "grep");
    assert_string_equal(options.child[2], "-n");
    assert_int_equal(options.given, 0);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    assert_int_equal(parse("--frob", NULL), PL_E_INVALID);
    assert_string_equal(fault, "unknown option: --frob");
    assert_int_equal(parse("--server", NULL), PL_E_INVALID);
    assert_int_equal(parse("--server", "nowhere", NULL), PL_E_INVALID);
    assert_non_null(strstr(fault, "HOST:PORT"));
    assert_int_equal(parse("--user", "Ana B", NULL), PL_E_INVALID);
    assert_non_null(strstr(fault, "'Ana B' is not a name"));
    assert_int_equal(parse("history", "lobby", "-n", "0", NULL), PL_E_INVALID);
    assert_int_equal(parse("history", "lobby", "-n", "-3", NULL), PL_E_INVALID);
    assert_int_equal(parse("history", "lobby", "-n", "12x", NULL), PL_E_INVALID);
    assert_int_equal(parse("history", "lobby", "-n", "99999999999999999999", NULL), PL_E_INVALID);
    assert_int_equal(parse("history", "lobby", "-n", NULL), PL_E_INVALID);
    assert_int_equal(parse("work", "jobs", "--lease", "86401", NULL), PL_E_INVALID);
    assert_int_equal(parse("--users=ana", NULL), PL_E_INVALID);
}

static void a_refusal_leaves_the_options_untouched(void **state)
{
    (void)state;
    assert_int_equal(parse("rooms", NULL), PL_OK);
    assert_int_equal(parse("who", "--frob", NULL), PL_E_INVALID);
    assert_string_equal(options.command, "rooms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_the_chat_with_the_default_server, no_environment),
        cmocka_unit_test_setup(options_stand_before_and_after_the_command, no_environment),
        cmocka_unit_test_setup(the_environment_fills_in, no_environment),
        cmocka_unit_test_setup(a_server_with_tls_is_named_by_its_scheme, no_environment),
        cmocka_unit_test_setup(a_dash_alone_is_an_argument, no_environment),
        cmocka_unit_test_setup(two_dashes_end_the_options, no_environment),
        cmocka_unit_test_setup(what_is_wrong_is_said, no_environment),
        cmocka_unit_test_setup(a_refusal_leaves_the_options_untouched, no_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_config.c - options and the file: every key, what is wrong and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../store/folder.h"
#include "base/mem.h"
#include "model/limits.h"
#include "server/config.h"
#include "server/config_limits.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS_LEN_MAX = 24, SAID_SIZE = 8192 };

/* Reads options, up to a NULL, while standard output and error go to a file. */
struct reading {
    struct folder folder;
    struct pl_config config;
    enum pl_config_result result;
    char file[320]; /* the configuration file's name */
    char said[SAID_SIZE];
};

static int setup(void **state)
{
    struct reading *reading = pl_zalloc(sizeof *reading);

    assert_non_null(reading);
    folder_make(&reading->folder);
    snprintf(reading->file, sizeof reading->file, "%s/parlad.ini", reading->folder.path);
    *state = reading;
    return 0;
}

static int teardown(void **state)
{
    struct reading *reading = *state;

    folder_remove(&reading->folder);
    pl_free(reading);
    return 0;
}

static void read_said(struct reading *reading, const char *path)
{
    FILE *file = fopen(path, "re");
    size_t size;

    assert_non_null(file);
    size = fread(reading->said, 1, SAID_SIZE - 1, file);
    reading->said[size] = 0;
    fclose(file);
}

static void read_args(struct reading *reading, const char *const *args)
{
    char path[320], copies[ARGS_LEN_MAX][SAID_SIZE / 4];
    char *argv[ARGS_LEN_MAX + 1] = {NULL};
    int argc = 0, fd, out, err;

    snprintf(copies[argc], sizeof copies[argc], "parlad");
    argv[argc] = copies[argc];
    argc++;
    for (; *args != NULL; args++, argc++) {
        assert_true(argc < ARGS_LEN_MAX);
        snprintf(copies[argc], sizeof copies[argc], "%s", *args);
        argv[argc] = copies[argc];
    }
    snprintf(path, sizeof path, "%s/said", reading->folder.path);
    fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    fflush(stdout);
    out = dup(STDOUT_FILENO);
    err = dup(STDERR_FILENO);
    assert_true(dup2(fd, STDOUT_FILENO) >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    reading->result = pl_config_read(argc, argv, &reading->config);
    fflush(stdout);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    close(fd);
    close(out);
    close(err);
    read_said(reading, path);
}

#define read_options(reading, ...) \
    read_args(reading, (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Reads a file of that text, and no option but --config. */
static void read_text(struct reading *reading, const char *text)
{
    FILE *file = fopen(reading->file, "we");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    read_options(reading, "--config", reading->file);
}

static void assert_said(const struct reading *reading, const char *part)
{
    if (strstr(reading->said, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, reading->said);
}

static void assert_listens(const struct pl_config *config, uint32_t nth, const char *address)
{
    char text[300];

    assert_true(nth < config->listen_len);
    pl_address_format(&config->listen[nth], text, sizeof text);
    assert_string_equal(text, address);
}

static void defaults_are_those_of_the_help(void **state)
{
    struct reading *reading = *state;
    const struct pl_config *config = &reading->config;

    read_options(reading, "--data", "/d");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
    assert_string_equal(reading->said, "");
    assert_int_equal(config->listen_len, 1);
    assert_listens(config, 0, "127.0.0.1:50051");
    assert_true(config->loops >= 1 && config->loops <= PL_LOOPS_LEN_MAX);
    assert_true(config->guests);
    assert_int_equal(config->durability, PL_DURABILITY_SYNCED);
    assert_int_equal(config->log_level, PL_DIAG_INFO);
    assert_int_equal(config->log_format, PL_DIAG_TEXT);
    assert_int_equal(config->guest_idle_ms, INT64_C(604800) * 1000);
    assert_int_equal(config->text_size_max, 16384);
    assert_int_equal(config->heartbeat_ms, 20000);
    assert_int_equal(config->tails_size_max, 8388608);
    assert_int_equal(config->port.connections_max, 100000);
    assert_int_equal(config->port.peer_connections_max, 1000);
    assert_int_equal(config->rpc.message_size_max, 4194304);
    assert_int_equal(config->rpc.age_max_ms, 0);
    assert_string_equal(config->tls_cert, "");
    assert_string_equal(config->tls_key, "");
    assert_string_equal(config->tls_client_ca, "");
    assert_int_equal(config->cors_origins_len, 0);
    assert_int_equal(config->requests_max, 65536);
    assert_int_equal(config->send_rate, 0);
}

static void every_key_of_the_file_is_read(void **state)
{
    struct reading *reading = *state;
    const struct pl_config *config = &reading->config;

    read_text(reading, "; a comment\n"
                       "[server]\n"
                       "listen = 127.0.0.1:1\n"
                       "listen = [::1]:2\n"
                       "data = /data ; where it lies\n"
                       "loops = 3\n"
                       "guests = off\n"
                       "durability = written\n"
                       "log_level = debug\n"
                       "log_format = json\n"
                       "tls_cert = /cert.pem\n"
                       "tls_key = /key.pem\n"
                       "tls_client_ca = /ca.pem\n"
                       "cors_origins = https://a.example http://[::1]:8080\n"
                       "cors_origins = *\n"
                       "\n"
                       "[limits]\n"
                       "guest_idle_s = 5\n"
                       "text_size = 100\n"
                       "heartbeat_ms = 50\n"
                       "tails_size = 65536\n"
                       "requests = 8\n"
                       "send_rate = 9\n");
    assert_string_equal(reading->said, "");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
    assert_int_equal(config->listen_len, 2);
    assert_listens(config, 0, "127.0.0.1:1");
    assert_listens(config, 1, "[::1]:2");
    assert_string_equal(config->data, "/data");
    assert_int_equal(config->loops, 3);
    assert_false(config->guests);
    assert_int_equal(config->durability, PL_DURABILITY_WRITTEN);
    assert_int_equal(config->log_level, PL_DIAG_DEBUG);
    assert_int_equal(config->log_format, PL_DIAG_JSON);
    assert_int_equal(config->guest_idle_ms, 5000);
    assert_int_equal(config->text_size_max, 100);
    assert_int_equal(config->heartbeat_ms, 50);
    assert_int_equal(config->tails_size_max, 65536);
    assert_string_equal(config->tls_cert, "/cert.pem");
    assert_string_equal(config->tls_key, "/key.pem");
    assert_string_equal(config->tls_client_ca, "/ca.pem");
    assert_int_equal(config->cors_origins_len, 3);
    assert_string_equal(config->cors_origins[0], "https://a.example");
    assert_string_equal(config->cors_origins[1], "http://[::1]:8080");
    assert_string_equal(config->cors_origins[2], "*");
    assert_int_equal(config->requests_max, 8);
    assert_int_equal(config->send_rate, 9);
}

/* Where a limit of the port or of rpc lies. */
static int64_t limit_of(const struct pl_config *config, const char *name)
{
    const struct pl_limit_key *key = pl_limit_key_find(name);

    assert_non_null(key);
    return pl_limit_get(key, config);
}

static void every_limit_is_a_key_of_its_own(void **state)
{
    struct reading *reading = *state;
    char text[SAID_SIZE];
    size_t at = (size_t)snprintf(text, sizeof text, "[limits]\n");

    for (size_t i = 0; i < pl_limit_keys_len; i++) /* of each its least, and a bit */
        at += (size_t)snprintf(text + at, sizeof text - at, "%s = %lld\n", pl_limit_keys[i].name,
                               (long long)pl_limit_keys[i].min + (long long)i);
    read_text(reading, text);
    assert_string_equal(reading->said, "");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
    for (size_t i = 0; i < pl_limit_keys_len; i++)
        assert_int_equal(limit_of(&reading->config, pl_limit_keys[i].name),
                         pl_limit_keys[i].min + (int64_t)i);
}

static void every_limit_has_bounds(void **state)
{
    struct reading *reading = *state;

    for (size_t i = 0; i < pl_limit_keys_len; i++) {
        const struct pl_limit_key *key = &pl_limit_keys[i];
        char text[200], takes[128];

        read_options(reading, "--data", "/d");
        assert_in_range(limit_of(&reading->config, key->name), key->min, key->max);
        pl_limit_takes(key, takes, sizeof takes);
        for (int upper = 0; upper < 2; upper++) {
            snprintf(text, sizeof text, "[limits]\n%s = %lld\n", key->name,
                     (long long)(upper ? key->max + 1 : key->min - 1));
            read_text(reading, text);
            assert_int_equal(reading->result, PL_CONFIG_INVALID);
            assert_said(reading, takes);
        }
    }
}

static void limits_that_contradict_each_other_are_told(void **state)
{
    struct reading *reading = *state;

    read_text(reading, "[limits]\nmessage_size = 100000\nheld_size = 99999\n");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "message_size is 100000, which is more than held_size, 99999");
    read_text(reading, "[limits]\nmessage_size = 2000\n");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "text_size is 16384, which is more than message_size, 2000");
    read_text(reading, "[limits]\nmessage_size = 2000\ntext_size = 1000\nheld_size = 2000\n");
    assert_string_equal(reading->said, "");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
}

static void certificate_and_key_go_together(void **state)
{
    struct reading *reading = *state;

    read_options(reading, "--tls-cert", "c");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "give tls_key too");
    read_options(reading, "--tls-key", "k");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "give tls_cert too");
    read_options(reading, "--tls-client-ca", "a");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    read_options(reading, "--tls-client-ca", "a", "--tls-cert", "c", "--tls-key", "k");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
}

static void an_origin_is_a_scheme_and_a_host(void **state)
{
    static const char *const bad[] = {
        "a.example",
        "https://",
        "https://a.example/",
        "https://A.example",
        "ftp://a.example",
        "https://a b",
        "null",
        "**",
        "https://a?b",
        "https://u@a",
        "* https://a/b",
    };
    struct reading *reading = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        read_options(reading, "--cors-origins", bad[i]);
        assert_int_equal(reading->result, PL_CONFIG_INVALID);
        assert_said(reading, "--cors-origins must be origins such as https://example.org, or *");
    }
}

static void every_option_is_read_and_wins_over_the_file(void **state)
{
    struct reading *reading = *state;
    const struct pl_config *config = &reading->config;
    FILE *file = fopen(reading->file, "we");

    assert_non_null(file);
    fputs("[server]\nlisten = 127.0.0.1:1\nlisten = 127.0.0.1:2\ndata = /file\nloops = 3\n"
          "guests = off\nlog_level = debug\ncors_origins = https://file.example\n",
          file);
    fclose(file);
    read_options(reading, "--listen", "127.0.0.1:3", "--data", "/option", "--loops", "2",
                 "--guests", "on", "--config", reading->file, "--durability", "written",
                 "--log-level", "error", "--log-format", "json", "--cors-origins",
                 "https://a.example https://b.example", "--cors-origins", "https://c.example");
    assert_string_equal(reading->said, "");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
    assert_int_equal(config->listen_len, 1);
    assert_listens(config, 0, "127.0.0.1:3");
    assert_string_equal(config->data, "/option");
    assert_int_equal(config->loops, 2);
    assert_true(config->guests);
    assert_int_equal(config->durability, PL_DURABILITY_WRITTEN);
    assert_int_equal(config->log_level, PL_DIAG_ERROR);
    assert_int_equal(config->cors_origins_len, 3);
    assert_string_equal(config->cors_origins[0], "https://a.example");
    assert_string_equal(config->cors_origins[2], "https://c.example");
    assert_int_equal(config->log_format, PL_DIAG_JSON);
}

static void a_bad_value_is_told_with_file_line_and_what_would_be_right(void **state)
{
    static const struct {
        const char *section, *line, *right;
    } bad[] = {
        {"server", "listen = nowhere", "HOST:PORT"},
        {"server", "listen = 127.0.0.1:65536", "HOST:PORT"},
        {"server", "data =", "a folder"},
        {"server", "loops = 0", "1 to 64"},
        {"server", "loops = 65", "1 to 64"},
        {"server", "loops = 2x", "1 to 64"},
        {"server", "loops = -1", "1 to 64"},
        {"server", "guests = yes", "on or off"},
        {"server", "durability = replicated", "synced or written"},
        {"server", "log_level = loud", "error, warning, info or debug"},
        {"server", "log_format = xml", "text or json"},
        {"limits", "guest_idle_s = 0", "seconds, 1 to 316224000"},
        {"limits", "guest_idle_s = 99999999999999999999", "seconds, 1 to 316224000"},
        {"limits", "text_size = 16385", "bytes, 1 to 16384"},
        {"limits", "heartbeat_ms = 9", "milliseconds, 10 to 3600000"},
        {"limits", "tails_size = 65535", "bytes, 65536 to 1099511627776"},
        {"limits", "connections = 0", "1 to 10000000"},
        {"limits", "requests = 0", "1 to 10000000"},
        {"limits", "send_rate = 1000001", "0 to 1000000"},
    };
    struct reading *reading = *state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[200], where[400];

        snprintf(text, sizeof text, "[%s]\n\n%s\n", bad[i].section, bad[i].line);
        read_text(reading, text);
        assert_int_equal(reading->result, PL_CONFIG_INVALID);
        snprintf(where, sizeof where, "%s:3: ", reading->file);
        assert_said(reading, where);
        assert_said(reading, bad[i].right);
    }
}

static void an_unknown_key_is_told_with_file_and_line_and_the_keys(void **state)
{
    struct reading *reading = *state;
    char where[400];

    read_text(reading, "[server]\nguests = on\n[limits]\nloops = 2\n");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    snprintf(where, sizeof where, "%s:4: there is no key 'loops' in section [limits]",
             reading->file);
    assert_said(reading, where);
    assert_said(reading, "[server] loops");
    assert_said(reading, "[limits] guest_idle_s");
}

static void what_is_no_key_is_told_with_file_and_line(void **state)
{
    struct reading *reading = *state;
    char where[400];

    read_text(reading, "[server]\nguests = on\nnonsense\n");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    snprintf(where, sizeof where, "%s:3: must be 'key = value' or '[section]'", reading->file);
    assert_said(reading, where);
}

static void an_indented_line_is_a_line_of_its_own(void **state)
{
    struct reading *reading = *state;

    read_text(reading, "[server]\n  data = /data\n\tguests = off\n");
    assert_string_equal(reading->said, "");
    assert_int_equal(reading->result, PL_CONFIG_RUN);
    assert_string_equal(reading->config.data, "/data");
    assert_false(reading->config.guests);
}

static void a_line_too_long_is_told_and_is_one_line(void **state)
{
    struct reading *reading = *state;
    char text[1000], where[400];
    size_t size = (size_t)snprintf(text, sizeof text, "[server]\ndata = /");

    memset(text + size, 'x', 400);
    snprintf(text + size + 400, sizeof text - size - 400, "\nguests = maybe\n");
    read_text(reading, text);
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    snprintf(where, sizeof where, "%s:2: the line is too long", reading->file);
    assert_said(reading, where);
    snprintf(where, sizeof where, "%s:3: 'guests' must be on or off", reading->file);
    assert_said(reading, where);
}

static void bad_options_are_told(void **state)
{
    struct reading *reading = *state;

    read_options(reading, "--loops", "0");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "--loops must be 1 to 64, not '0'");
    read_options(reading, "--nonsense");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "see parlad --help");
    read_options(reading, "start");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "'start' is no option");
    read_options(reading, "--config", "/nowhere/parlad.ini");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, "cannot read /nowhere/parlad.ini");
    /* limits are the file's only */
    read_options(reading, "--text-size", "5");
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
}

static void at_most_sixteen_addresses_are_taken(void **state)
{
    struct reading *reading = *state;
    char text[PL_CONFIG_LISTEN_LEN_MAX * 40 + 100];
    size_t at = (size_t)snprintf(text, sizeof text, "[server]\n");

    for (int i = 0; i <= PL_CONFIG_LISTEN_LEN_MAX; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "listen = 127.0.0.1:%d\n", i + 1);
    read_text(reading, text);
    assert_int_equal(reading->result, PL_CONFIG_INVALID);
    assert_said(reading, ":18: 'listen' must be");
}

static void help_and_version_need_nothing_else(void **state)
{
    static const char *const told[] = {
        "--listen",       "--data",   "--loops",      "--guests",     "--durability",
        "--log-level",    "--config", "--log-format", "text_size",    "tails_size",
        "--version",      "--help",   "--tls-cert",   "--tls-key",    "--tls-client-ca",
        "--cors-origins", "requests", "connections",  "guest_idle_s", "heartbeat_ms",
        "send_rate",
    };
    struct reading *reading = *state;

    read_options(reading, "--help");
    assert_int_equal(reading->result, PL_CONFIG_DONE);
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        assert_said(reading, told[i]);
    for (size_t i = 0; i < pl_limit_keys_len; i++)
        assert_said(reading, pl_limit_keys[i].name);
    read_options(reading, "--version");
    assert_int_equal(reading->result, PL_CONFIG_DONE);
    assert_said(reading, "parlad ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_those_of_the_help, setup, teardown),
        cmocka_unit_test_setup_teardown(every_key_of_the_file_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(every_limit_is_a_key_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(every_limit_has_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_that_contradict_each_other_are_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(certificate_and_key_go_together, setup, teardown),
        cmocka_unit_test_setup_teardown(an_origin_is_a_scheme_and_a_host, setup, teardown),
        cmocka_unit_test_setup_teardown(every_option_is_read_and_wins_over_the_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_bad_value_is_told_with_file_line_and_what_would_be_right,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_unknown_key_is_told_with_file_and_line_and_the_keys,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_key_is_told_with_file_and_line, setup, teardown),
        cmocka_unit_test_setup_teardown(an_indented_line_is_a_line_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_too_long_is_told_and_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_options_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(at_most_sixteen_addresses_are_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(help_and_version_need_nothing_else, setup, teardown),
    };

    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

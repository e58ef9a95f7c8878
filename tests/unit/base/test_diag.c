/* test_diag.c - lines on standard error, caught by a pipe. */
#include "base/diag.h"

#include "base/assert.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { OUTPUT_SIZE = 60000, LINE_SIZE_MAX = 1023 };

/* Standard error while it goes into a pipe. */
struct capture {
    int saved;
    int fd;
    char text[OUTPUT_SIZE];
};

static void capture_start(struct capture *capture)
{
    int fds[2];

    fflush(stderr);
    assert_int_equal(pipe(fds), 0);
    capture->saved = dup(2);
    assert_true(capture->saved >= 0);
    assert_int_equal(dup2(fds[1], 2), 2);
    close(fds[1]);
    capture->fd = fds[0];
}

static const char *capture_stop(struct capture *capture)
{
    size_t size = 0;

    assert_int_equal(dup2(capture->saved, 2), 2); /* closes the pipe's last writer */
    close(capture->saved);
    for (;;) {
        ssize_t n = read(capture->fd, capture->text + size, OUTPUT_SIZE - 1 - size);

        assert_true(n >= 0);
        if (n == 0)
            break;
        size += (size_t)n;
    }
    close(capture->fd);
    capture->text[size] = 0;
    return capture->text;
}

/* The one line that a call writes, without its newline. */
static const char *line_of(struct capture *capture, const char *text)
{
    char *line;
    size_t size;

    capture_start(capture);
    pl_diag(PL_DIAG_ERROR, "test", "%s", text);
    capture_stop(capture);
    line = capture->text;
    size = strlen(line);
    assert_true(size > 0 && size <= LINE_SIZE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + size - 1);
    line[size - 1] = 0;
    return line;
}

static void a_line_has_time_level_area_and_text(void **state)
{
    static struct capture capture;
    int year, month, day, hour, minute, second, ms, used = 0;
    const char *line;

    (void)state;
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
    capture_start(&capture);
    pl_diag(PL_DIAG_WARNING, "store", "%d of %s", 7, "nine");
    line = capture_stop(&capture);
    assert_int_equal(sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
                            &minute, &second, &ms, &used),
                     7);
    assert_string_equal(line + used, " warning store: 7 of nine\n");
}

static void only_grave_enough_lines_are_written(void **state)
{
    static struct capture capture;

    (void)state;
    for (int level = PL_DIAG_ERROR; level <= PL_DIAG_DEBUG; level++) {
        pl_diag_set((enum pl_diag_level)level, PL_DIAG_TEXT);
        for (int of = PL_DIAG_ERROR; of <= PL_DIAG_DEBUG; of++) {
            const char *text;

            assert_int_equal(pl_diag_on((enum pl_diag_level)of), of <= level);
            capture_start(&capture);
            pl_diag((enum pl_diag_level)of, "test", "hello");
            text = capture_stop(&capture);
            assert_int_equal(*text != 0, of <= level);
        }
    }
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
}

static void levels_have_names(void **state)
{
    enum pl_diag_level level;

    (void)state;
    for (int i = PL_DIAG_ERROR; i <= PL_DIAG_DEBUG; i++) {
        assert_int_equal(pl_diag_level_parse(pl_diag_level_name((enum pl_diag_level)i), &level),
                         PL_OK);
        assert_int_equal(level, i);
    }
    assert_string_equal(pl_diag_level_name(PL_DIAG_WARNING), "warning");
    level = PL_DIAG_INFO;
    assert_int_equal(pl_diag_level_parse("loud", &level), PL_E_INVALID);
    assert_int_equal(pl_diag_level_parse("", &level), PL_E_INVALID);
    assert_int_equal(pl_diag_level_parse("Error", &level), PL_E_INVALID);
    assert_int_equal(level, PL_DIAG_INFO);
}

static void a_line_cannot_be_forged(void **state)
{
    static struct capture capture;
    const char *line;

    (void)state;
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
    line = line_of(&capture, "a\nb\r\x1b[2J\x7f\xc2\x9b"
                             "c\xe2\x80\xae!\xe2\x80\xac"
                             "d\xe2\x80\xa8"
                             "e\xff");
    assert_non_null(strstr(
        line, "test: a\\u000ab\\u000d\\u001b[2J\\u007f\\u009bc\\u202e!\\u202cd\\u2028e\\xff"));
    line = line_of(&capture, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82 \"C:\\dir\"");
    assert_non_null(strstr(line, "test: gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82 \"C:\\dir\""));
}

/* Reads the line as JSON, and checks its other fields. */
static json_t *parse(const char *line)
{
    json_error_t error;
    json_t *root = json_loads(line, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL)
        fail_msg("%s in %s", error.text, line);
    assert_int_equal(json_object_size(root), 4);
    assert_string_equal(json_string_value(json_object_get(root, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(root, "area")), "test");
    assert_int_equal(json_string_length(json_object_get(root, "time")), 24);
    return root;
}

static void expect_json(const char *text, const char *expected)
{
    static struct capture capture;
    json_t *root;

    pl_diag_set(PL_DIAG_INFO, PL_DIAG_JSON);
    root = parse(line_of(&capture, text));
    assert_string_equal(json_string_value(json_object_get(root, "text")), expected);
    json_decref(root);
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
}

static void json_lines_are_valid_whatever_the_text(void **state)
{
    (void)state;
    expect_json("plain", "plain");
    expect_json("", "");
    expect_json("\"quoted\" C:\\dir", "\"quoted\" C:\\dir");
    expect_json("tab\tline\nescape\x1b", "tab\tline\nescape\x1b");
    expect_json("gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82", "gr\xc3\xbc\xc3\x9f \xf0\x9f\x99\x82");
    expect_json("bad \xff\xc3 end\xe4\xbd", "bad \\xff\\xc3 end\\xe4\\xbd");
}

static void fill(char *text, size_t size, const char *piece)
{
    size_t piece_size = strlen(piece), at = 0;

    for (; at + piece_size < size; at += piece_size)
        memcpy(text + at, piece, piece_size);
    text[at] = 0;
}

static void long_lines_are_cut_and_stay_valid(void **state)
{
    static const char *const pieces[] = {
        "x", "\"", "\\", "\n", "\xff", "\xf0\x9f\x99\x82", "\xc3\xbc", "ab\xe2\x80\x8f"};
    static struct capture capture;

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        for (size_t size = 900; size < 1100; size += 7) {
            char text[1200];
            json_t *root;

            fill(text, size, pieces[i]);
            pl_diag_set(PL_DIAG_INFO, PL_DIAG_JSON);
            root = parse(line_of(&capture, text));
            assert_true(json_string_length(json_object_get(root, "text")) > 100);
            json_decref(root);
            pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
            line_of(&capture, text);
        }
    }
}

static void an_overlong_area_is_cut(void **state)
{
    static struct capture capture;
    char area[3000];

    (void)state;
    fill(area, sizeof area, "a");
    capture_start(&capture);
    pl_diag(PL_DIAG_ERROR, area, "text");
    assert_non_null(strstr(capture_stop(&capture), "aaa: text\n"));
}

static void errno_stands_as_it_was(void **state)
{
    static struct capture capture;

    (void)state;
    capture_start(&capture);
    close(2); /* the write fails */
    errno = ENOSPC;
    pl_diag(PL_DIAG_ERROR, "test", "hello");
    assert_int_equal(errno, ENOSPC);
    capture_stop(&capture);
}

static void the_last_lines_are_dumped_graver_or_not(void **state)
{
    static struct capture capture;
    const char *text;

    (void)state;
    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    for (int i = 0; i < 40; i++)
        pl_diag(PL_DIAG_DEBUG, "test", "line %d.", i);
    capture_start(&capture);
    pl_diag_dump();
    text = capture_stop(&capture);
    assert_null(strstr(text, "line 7."));
    for (int i = 8; i < 40; i++) {
        char line[16];
        const char *found;

        snprintf(line, sizeof line, "line %d.", i);
        found = strstr(text, line);
        assert_non_null(found);
        text = found; /* in their order */
    }
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
}

static void a_failed_assertion_says_where_dumps_and_aborts(void **state)
{
    static struct capture capture;
    const char *text;
    int status;
    pid_t child;

    (void)state;
    capture_start(&capture);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        volatile int two = 2;

        signal(SIGABRT, SIG_DFL); /* cmocka catches it */
        pl_diag(PL_DIAG_DEBUG, "test", "just before");
        PL_ASSERT(two == 3);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    text = capture_stop(&capture);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "just before"));
    assert_non_null(strstr(text, "test_diag.c:"));
    assert_non_null(strstr(text, "assertion 'two == 3' failed"));
}

/* --- threads ------------------------------------------------------------- */

enum { THREADS_LEN = 4, LINES_LEN = 100 };

static void *write_lines(void *arg)
{
    for (int i = 0; i < LINES_LEN; i++)
        pl_diag(PL_DIAG_ERROR, "test", "thread %d line %d.", *(int *)arg, i);
    return NULL;
}

static void threads_write_whole_lines(void **state)
{
    static struct capture capture;
    pthread_t threads[THREADS_LEN];
    int numbers[THREADS_LEN], next[THREADS_LEN] = {0}, lines_len = 0;

    (void)state;
    capture_start(&capture);
    for (int i = 0; i < THREADS_LEN; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS_LEN; i++)
        pthread_join(threads[i], NULL);
    capture_stop(&capture);
    for (char *line = strtok(capture.text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        int thread, number;
        const char *at = strstr(line, "test: ");

        assert_non_null(at);
        assert_int_equal(sscanf(at, "test: thread %d line %d.", &thread, &number), 2);
        assert_in_range(thread, 0, THREADS_LEN - 1);
        assert_int_equal(number, next[thread]++);
        lines_len++;
    }
    assert_int_equal(lines_len, THREADS_LEN * LINES_LEN);
}

static void lines_that_may_come_often_are_told_seldom(void **state)
{
    struct pl_diag_seldom seldom = {0};
    uint64_t left_out_len = 99;

    (void)state;
    for (int i = 0; i < PL_DIAG_SELDOM_LEN; i++) {
        assert_true(pl_diag_seldom_may(&seldom, 1000 + i, &left_out_len));
        assert_int_equal(left_out_len, 0);
    }
    for (int i = 0; i < 1000; i++)
        assert_false(pl_diag_seldom_may(&seldom, 1000 + PL_DIAG_SELDOM_MS - 1, &left_out_len));
    assert_true(pl_diag_seldom_may(&seldom, 1000 + PL_DIAG_SELDOM_MS, &left_out_len));
    assert_int_equal(left_out_len, 1000);
    assert_true(pl_diag_seldom_may(&seldom, 1000 + PL_DIAG_SELDOM_MS, &left_out_len));
    assert_int_equal(left_out_len, 0);
}

static void what_was_left_out_is_counted_in_the_next_line(void **state)
{
    static struct capture capture;
    struct pl_diag_seldom seldom = {0}, loud = {.left_out_len = 7};
    const char *text;
    int lines = 0;

    (void)state;
    pl_diag_set(PL_DIAG_INFO, PL_DIAG_TEXT);
    capture_start(&capture);
    for (int i = 0; i < 1000; i++)
        pl_diag_seldom(&seldom, PL_DIAG_ERROR, "test", "line %d", i);
    pl_diag_seldom(&loud, PL_DIAG_ERROR, "test", "line %d", 1);
    text = capture_stop(&capture);
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, PL_DIAG_SELDOM_LEN + 1);
    assert_non_null(strstr(text, "test: line 4\n"));
    assert_null(strstr(text, "line 5"));
    assert_non_null(strstr(text, "test: (7 like this were left out) line 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_area_and_text),
        cmocka_unit_test(only_grave_enough_lines_are_written),
        cmocka_unit_test(lines_that_may_come_often_are_told_seldom),
        cmocka_unit_test(what_was_left_out_is_counted_in_the_next_line),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(a_line_cannot_be_forged),
        cmocka_unit_test(json_lines_are_valid_whatever_the_text),
        cmocka_unit_test(long_lines_are_cut_and_stay_valid),
        cmocka_unit_test(an_overlong_area_is_cut),
        cmocka_unit_test(errno_stands_as_it_was),
        cmocka_unit_test(the_last_lines_are_dumped_graver_or_not),
        cmocka_unit_test(a_failed_assertion_says_where_dumps_and_aborts),
        cmocka_unit_test(threads_write_whole_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

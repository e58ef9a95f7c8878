/* test_lines.c - lines of pipes and of files. */
#include "client/lines.h"

#include "base/err.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct reading {
    struct pl_loop *loop;
    struct pl_lines *lines;
    struct pl_bytebuf seen; /* "1:text;2!;" and "end" */
    unsigned allowed;       /* lines until it wants a pause */
    int (*on_pause)(struct reading *reading);
    int write_fd;
};

static void on_line(void *self, struct pl_bytes line, uint64_t number)
{
    struct reading *reading = self;

    assert_int_equal(line.data[line.size], 0);
    pl_bytebuf_printf(&reading->seen, "%u:%s;", (unsigned)number, (const char *)line.data);
    if (reading->allowed > 0)
        reading->allowed--;
}

static void on_too_long(void *self, uint64_t number)
{
    struct reading *reading = self;

    pl_bytebuf_printf(&reading->seen, "%u!;", (unsigned)number);
}

static void on_end(void *self, int err)
{
    struct reading *reading = self;

    pl_bytebuf_append_str(&reading->seen, err == PL_OK ? "end" : pl_err_name(err));
    pl_loop_stop(reading->loop);
}

static bool wants_more(void *self)
{
    struct reading *reading = self;

    if (reading->allowed == 0 && reading->on_pause != NULL)
        reading->on_pause(reading);
    return reading->allowed > 0;
}

static void read_all(struct reading *reading, int fd, const char *expected)
{
    struct pl_loop_ops loop_ops = {0};
    struct pl_lines_ops ops = {.self = reading,
                               .on_line = on_line,
                               .on_too_long = on_too_long,
                               .on_end = on_end,
                               .wants_more = wants_more};

    reading->allowed = reading->allowed > 0 ? reading->allowed : 1000;
    pl_bytebuf_init(&reading->seen, 1 << 20);
    assert_int_equal(pl_loop_new(&loop_ops, 1, &reading->loop), PL_OK);
    assert_int_equal(pl_lines_new(reading->loop, fd, 10, &ops, &reading->lines), PL_OK);
    pl_lines_go_on(reading->lines);
    pl_loop_run(reading->loop);
    assert_string_equal(pl_bytebuf_cstr(&reading->seen), expected);
    pl_lines_free(reading->lines);
    pl_loop_free(reading->loop);
    pl_bytebuf_done(&reading->seen);
}

static int pipe_of(const char *text)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
    close(fds[1]);
    return fds[0];
}

static void piped(const char *text, const char *expected)
{
    struct reading reading = {0};
    int fd = pipe_of(text);

    read_all(&reading, fd, expected);
    close(fd);
}

static void lines_of_a_pipe_come_in_order(void **state)
{
    (void)state;
    piped("one\ntwo\n\nfour\n", "1:one;2:two;3:;4:four;end");
    piped("", "end");
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    piped("one\ntwo", "1:one;2:two;end");
}

static void a_line_that_is_too_long_is_told_and_passed_over(void **state)
{
    (void)state;
    piped("0123456789\n01234567890\nafter\n0123456789012345", "1:0123456789;2!;3:after;4!;end");
}

static void a_file_is_read_as_well(void **state)
{
    struct reading reading = {0};
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    fputs("one\ntwo\n", file);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
    read_all(&reading, fileno(file), "1:one;2:two;end");
    fclose(file);
}

static void nothing_is_an_end(void **state)
{
    struct reading reading = {0};
    int fd = open("/dev/null", O_RDONLY);

    (void)state;
    read_all(&reading, fd, "end");
    close(fd);
}

static void on_timer(void *self)
{
    struct reading *reading = self;

    reading->allowed = 1000;
    pl_lines_go_on(reading->lines);
}

static int go_on_later(struct reading *reading)
{
    struct pl_timer *timer;

    pl_bytebuf_append_str(&reading->seen, "pause;");
    assert_int_equal(pl_timer_new(reading->loop, on_timer, reading, &timer), PL_OK);
    pl_timer_start(timer, 0, 0);
    return 0;
}

static void a_pause_loses_nothing(void **state)
{
    struct reading reading = {.allowed = 2, .on_pause = go_on_later};
    int fd = pipe_of("one\ntwo\n");

    (void)state;
    read_all(&reading, fd, "1:one;2:two;pause;end");
    close(fd);
}

static void making_it_survives_want_of_memory(void **state)
{
    struct pl_loop_ops loop_ops = {0};
    struct pl_lines_ops ops = {0};
    struct pl_loop *loop;

    (void)state;
    assert_int_equal(pl_loop_new(&loop_ops, 1, &loop), PL_OK);
    for (uint64_t nth = 1;; nth++) {
        struct pl_lines *lines = NULL;
        int err;

        pl_mem_fail_at(nth);
        err = pl_lines_new(loop, 0, 10, &ops, &lines);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(err, PL_OK);
            pl_lines_free(lines);
            break;
        }
        assert_int_equal(err, PL_E_NOMEM);
        assert_null(lines);
    }
    pl_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_pipe_come_in_order),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(a_line_that_is_too_long_is_told_and_passed_over),
        cmocka_unit_test(a_file_is_read_as_well),
        cmocka_unit_test(nothing_is_an_end),
        cmocka_unit_test(a_pause_loses_nothing),
        cmocka_unit_test(making_it_survives_want_of_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

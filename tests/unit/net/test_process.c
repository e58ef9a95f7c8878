/* test_process.c - children: their end, their input, their signals. */
#include "net/process.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct run {
    struct pl_loop *loop;
    struct pl_process *process;
    int status;
    int exits_len;
};

static void on_exit_stop(void *self, int status)
{
    struct run *run = self;

    run->status = status;
    run->exits_len++;
    pl_process_free(run->process); /* also from on_exit */
    pl_loop_stop(run->loop);
}

static void run_init(struct run *run)
{
    struct pl_loop_ops ops = {.self = NULL};

    *run = (struct run){.status = -1};
    assert_int_equal(pl_loop_new(&ops, 1, &run->loop), PL_OK);
}

static int status_of(const char *script, struct pl_bytes input)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct run run;

    run_init(&run);
    assert_int_equal(pl_process_start(run.loop, argv, input, on_exit_stop, &run, &run.process),
                     PL_OK);
    pl_loop_run(run.loop);
    assert_int_equal(run.exits_len, 1);
    pl_loop_free(run.loop);
    return run.status;
}

static const struct pl_bytes nothing;

static void the_exit_status_is_told(void **state)
{
    (void)state;
    assert_int_equal(status_of("exit 0", nothing), 0);
    assert_int_equal(status_of("exit 7", nothing), 7);
    assert_int_equal(status_of("exit 255", nothing), 255);
}

static void a_signals_number_is_told_from_128_up(void **state)
{
    (void)state;
    assert_int_equal(status_of("kill -TERM $$", nothing), 128 + SIGTERM);
    assert_int_equal(status_of("kill -KILL $$", nothing), 128 + SIGKILL);
}

static void a_child_has_neither_our_ignored_nor_our_blocked_signals(void **state)
{
    sigset_t blocked, before;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &before), 0);
    assert_int_equal(status_of("kill -USR1 $$", nothing), 128 + SIGUSR1);
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
    assert_int_equal(status_of("kill -PIPE $$", nothing), 128 + SIGPIPE);
}

static void the_input_arrives_and_ends(void **state)
{
    (void)state;
    assert_int_equal(status_of("test \"$(cat)\" = hello", pl_bytes_str("hello")), 0);
    assert_int_equal(status_of("test \"$(cat)\" = ''", nothing), 0);
    assert_int_equal(status_of("test \"$(cat /dev/stdin)\" = hello", pl_bytes_str("hello")), 0);
}

enum { BIG_SIZE = 1024 * 1024 }; /* more than a pipe holds */

static void a_big_input_arrives(void **state)
{
    uint8_t *big = pl_alloc(BIG_SIZE);

    (void)state;
    assert_non_null(big);
    memset(big, 'x', BIG_SIZE);
    assert_int_equal(status_of("test \"$(wc -c)\" -eq 1048576", (struct pl_bytes){big, BIG_SIZE}),
                     0);
    pl_free(big);
}

static void a_child_need_not_read_its_input(void **state)
{
    uint8_t *big = pl_zalloc(BIG_SIZE);

    (void)state;
    assert_non_null(big);
    assert_int_equal(status_of("exec <&-; exit 3", (struct pl_bytes){big, BIG_SIZE}), 3);
    assert_int_equal(status_of("exit 4", (struct pl_bytes){big, BIG_SIZE}), 4);
    pl_free(big);
}

static void a_program_that_is_not_there_is_not_found(void **state)
{
    const char *const argv[] = {"no-such-program-anywhere", NULL};
    const char *const not_a_program[] = {"/", NULL};
    struct run run;

    (void)state;
    run_init(&run);
    assert_int_equal(pl_process_start(run.loop, argv, nothing, on_exit_stop, &run, &run.process),
                     PL_E_NOTFOUND);
    assert_int_equal(
        pl_process_start(run.loop, not_a_program, nothing, on_exit_stop, &run, &run.process),
        PL_E_IO);
    assert_null(run.process);
    pl_loop_stop(run.loop);
    pl_loop_run(run.loop);
    assert_int_equal(run.exits_len, 0);
    pl_loop_free(run.loop);
}

static void a_child_is_killed(void **state)
{
    const char *const argv[] = {"cat", NULL};
    uint8_t *big = pl_zalloc(BIG_SIZE);
    struct run run;

    (void)state;
    assert_non_null(big);
    run_init(&run);
    assert_int_equal(
        pl_process_start(run.loop, argv + 0, nothing, on_exit_stop, &run, &run.process), PL_OK);
    pl_process_kill(run.process, SIGKILL);
    pl_loop_run(run.loop);
    assert_true(run.status == 128 + SIGKILL || run.status == 0); /* its input had ended */
    pl_loop_free(run.loop);
    pl_free(big);
}

static void stop_at_exit(void *self, int status)
{
    struct run *run = self;

    run->status = status;
    pl_loop_stop(run->loop);
}

static void a_forgotten_child_is_not_told_of(void **state)
{
    const char *const first[] = {"true", NULL};
    const char *const second[] = {"true", NULL};
    struct run forgotten, run;
    struct pl_process *process;

    (void)state;
    run_init(&run);
    forgotten = run;
    assert_int_equal(
        pl_process_start(run.loop, first, nothing, on_exit_stop, &forgotten, &forgotten.process),
        PL_OK);
    pl_process_free(forgotten.process);
    pl_process_free(NULL);
    assert_int_equal(pl_process_start(run.loop, second, nothing, stop_at_exit, &run, &process),
                     PL_OK);
    pl_loop_run(run.loop);
    assert_int_equal(forgotten.exits_len, 0);
    assert_int_equal(run.status, 0);
    pl_process_kill(process, SIGTERM); /* harmless: it has ended */
    pl_process_free(process);
    pl_loop_free(run.loop);
}

static void starting_survives_each_failing_allocation(void **state)
{
    const char *const argv[] = {"true", NULL};
    struct run run;

    (void)state;
    run_init(&run);
    for (uint64_t nth = 1;; nth++) {
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_process_start(run.loop, argv, pl_bytes_str("input"), on_exit_stop, &run,
                              &run.process);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_OK);
            break;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(run.process);
    }
    pl_loop_run(run.loop);
    assert_int_equal(run.exits_len, 1);
    pl_loop_free(run.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_is_told),
        cmocka_unit_test(a_signals_number_is_told_from_128_up),
        cmocka_unit_test(a_child_has_neither_our_ignored_nor_our_blocked_signals),
        cmocka_unit_test(the_input_arrives_and_ends),
        cmocka_unit_test(a_big_input_arrives),
        cmocka_unit_test(a_child_need_not_read_its_input),
        cmocka_unit_test(a_program_that_is_not_there_is_not_found),
        cmocka_unit_test(a_child_is_killed),
        cmocka_unit_test(a_forgotten_child_is_not_told_of),
        cmocka_unit_test(starting_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

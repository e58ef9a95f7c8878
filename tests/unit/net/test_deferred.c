/* test_deferred.c - what a loop is asked to do soon, and what takes long. */
#include "net/handle.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { JOBS_LEN = 5 };

struct job {
    struct pl_deferred deferred;
    struct bench *bench_weak;
    int turn; /* in which it ran: so many had ended; -1: it has not */
    int place;
};

struct bench {
    struct pl_loop *loop;
    struct job soon[JOBS_LEN], slow[JOBS_LEN];
    int turns_len;
    int runs_len;
    int stop_at; /* after so many of `slow` */
};

static void note(struct job *job)
{
    assert_int_equal(job->turn, -1);
    job->turn = job->bench_weak->turns_len;
    job->place = job->bench_weak->runs_len++;
}

static void run_soon(struct pl_deferred *deferred)
{
    note(PL_CONTAINER(deferred, struct job, deferred));
}

static void run_slow(struct pl_deferred *deferred)
{
    struct job *job = PL_CONTAINER(deferred, struct job, deferred);
    struct bench *bench = job->bench_weak;

    note(job);
    if (job == &bench->slow[bench->stop_at])
        pl_loop_stop(bench->loop);
}

static void on_turn_end(void *self)
{
    struct bench *bench = self;

    bench->turns_len++;
}

static void job_init(struct job *job, struct bench *bench, void (*run)(struct pl_deferred *))
{
    pl_list_init(&job->deferred.node);
    job->deferred.run = run;
    job->bench_weak = bench;
    job->turn = -1;
}

static void bench_init(struct bench *bench, int stop_at)
{
    struct pl_loop_ops ops = {.self = bench, .on_turn_end = on_turn_end};

    *bench = (struct bench){.stop_at = stop_at};
    assert_int_equal(pl_loop_new(&ops, 1, &bench->loop), PL_OK);
    for (int i = 0; i < JOBS_LEN; i++) {
        job_init(&bench->soon[i], bench, run_soon);
        job_init(&bench->slow[i], bench, run_slow);
        pl_loop_defer_long(bench->loop, &bench->slow[i].deferred);
        pl_loop_defer_long(bench->loop, &bench->slow[i].deferred); /* once is enough */
        pl_loop_defer(bench->loop, &bench->soon[i].deferred);
    }
}

static void what_takes_long_is_done_once_a_turn_after_the_rest_of_it(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, JOBS_LEN - 1);
    pl_loop_run(bench.loop);
    for (int i = 0; i < JOBS_LEN; i++) {
        assert_int_equal(bench.slow[i].turn, i + 1); /* that turn has ended */
        assert_true(bench.soon[i].turn >= 1);        /* the first ends before the first wait */
    }
    assert_true(bench.soon[0].place < bench.slow[1].place);
    assert_true(bench.turns_len > JOBS_LEN); /* and one more sees what came of the last */
    assert_int_equal(bench.runs_len, 2 * JOBS_LEN);
    pl_loop_free(bench.loop);
}

static void what_is_called_off_is_not_done(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, JOBS_LEN - 1);
    pl_list_remove(&bench.slow[0].deferred.node);
    pl_list_remove(&bench.slow[2].deferred.node);
    pl_loop_run(bench.loop);
    for (int i = 0; i < JOBS_LEN; i++)
        assert_int_equal(bench.slow[i].turn < 0, i == 0 || i == 2);
    pl_loop_free(bench.loop);
}

static void a_loop_that_ends_leaves_what_takes_long(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench, 1);
    pl_loop_run(bench.loop);
    for (int i = 0; i < JOBS_LEN; i++)
        assert_int_equal(bench.slow[i].turn<0, i> 1);
    pl_loop_free(bench.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_takes_long_is_done_once_a_turn_after_the_rest_of_it),
        cmocka_unit_test(what_is_called_off_is_not_done),
        cmocka_unit_test(a_loop_that_ends_leaves_what_takes_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

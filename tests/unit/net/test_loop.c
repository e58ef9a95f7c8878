/* test_loop.c - turns, letters, timers, signals, watched descriptors. */
#include "net/loop.h"
#include "net/thread.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { INBOX_LEN_MAX = 1000 };

struct note {
    struct pl_letter letter;
    int from;
    int number;
};

/* A loop and what has happened on it; the hooks are each test's own. */
struct bench {
    struct pl_loop *loop;
    struct pl_timer *timer;
    int letters_len;
    int turns_len;
    int timers_len;
    int next[4]; /* the number that the next letter of that poster has */
    struct note note;
    void (*on_letter)(struct bench *bench);
    void (*on_turn_end)(struct bench *bench);
    void (*on_timer)(struct bench *bench);
};

static void on_letter(void *self, struct pl_letter *letter)
{
    struct bench *bench = self;
    struct note *note = PL_CONTAINER(letter, struct note, letter);

    assert_true(pl_loop_on_thread(bench->loop));
    assert_int_equal(note->number, bench->next[note->from]++);
    bench->letters_len++;
    if (bench->on_letter != NULL)
        bench->on_letter(bench);
}

static void on_turn_end(void *self)
{
    struct bench *bench = self;

    bench->turns_len++;
    if (bench->on_turn_end != NULL)
        bench->on_turn_end(bench);
}

static void on_timer(void *self)
{
    struct bench *bench = self;

    bench->timers_len++;
    if (bench->on_timer != NULL)
        bench->on_timer(bench);
}

static void bench_init(struct bench *bench)
{
    struct pl_loop_ops ops = {bench, on_letter, on_turn_end};

    *bench = (struct bench){.turns_len = 0};
    assert_int_equal(pl_loop_new(&ops, INBOX_LEN_MAX, &bench->loop), PL_OK);
    assert_int_equal(pl_timer_new(bench->loop, on_timer, bench, &bench->timer), PL_OK);
}

static void stop(struct bench *bench)
{
    pl_loop_stop(bench->loop);
}

/* --- turns --------------------------------------------------------------- */

static void a_loop_stopped_before_it_runs_ends_at_once(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    pl_loop_stop(bench.loop);
    pl_loop_run(bench.loop);
    assert_int_equal(bench.turns_len, 1); /* what was made is flushed all the same */
    pl_loop_stop(bench.loop);
    pl_loop_free(bench.loop);
}

static void stop_at_three(struct bench *bench)
{
    if (bench->letters_len == 3)
        pl_loop_stop(bench->loop);
}

static void expect_all_letters(struct bench *bench)
{
    if (bench->turns_len == 2)
        assert_int_equal(bench->letters_len, 3);
}

static void a_turn_ends_once_after_all_its_letters(void **state)
{
    struct bench bench;
    struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

    (void)state;
    bench_init(&bench);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pl_loop_post(bench.loop, &notes[i].letter), PL_OK);
    bench.on_letter = stop_at_three;
    bench.on_turn_end = expect_all_letters;
    pl_loop_run(bench.loop);
    assert_int_equal(bench.turns_len, 2); /* before the first wait, after the letters */
    pl_loop_free(bench.loop);
}

static void post_to_itself_once(struct bench *bench)
{
    if (bench->turns_len == 1)
        assert_int_equal(pl_loop_post(bench->loop, &bench->note.letter), PL_OK);
}

static void a_letter_posted_at_a_turns_end_is_delivered(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.on_turn_end = post_to_itself_once;
    bench.on_letter = stop;
    pl_loop_run(bench.loop); /* nothing else would ever wake it */
    assert_int_equal(bench.letters_len, 1);
    assert_int_equal(bench.turns_len, 2);
    pl_loop_free(bench.loop);
}

static void start_timer_once(struct bench *bench)
{
    if (bench->turns_len == 1)
        pl_timer_start(bench->timer, 0, 0);
}

static void a_timer_started_at_a_turns_end_fires(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.on_turn_end = start_timer_once;
    bench.on_timer = stop;
    pl_loop_run(bench.loop);
    assert_int_equal(bench.timers_len, 1);
    pl_loop_free(bench.loop);
}

static void stop_at_first_turn(struct bench *bench)
{
    if (bench->turns_len == 1)
        pl_loop_stop(bench->loop);
}

static void a_loop_can_be_stopped_at_a_turns_end(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.on_turn_end = stop_at_first_turn;
    pl_loop_run(bench.loop);
    assert_int_equal(bench.turns_len, 2); /* the last one flushes */
    pl_loop_free(bench.loop);
}

static void post_after_stop(struct bench *bench)
{
    if (bench->letters_len > 1)
        return;
    pl_loop_stop(bench->loop);
    bench->note.number = 1;
    assert_int_equal(pl_loop_post(bench->loop, &bench->note.letter), PL_OK);
}

static void letters_left_when_it_ends_are_delivered_then_refused(void **state)
{
    struct bench bench;
    struct note first = {.number = 0};

    (void)state;
    bench_init(&bench);
    assert_int_equal(pl_loop_post(bench.loop, &first.letter), PL_OK);
    bench.on_letter = post_after_stop;
    pl_loop_run(bench.loop);
    assert_int_equal(bench.letters_len, 2);
    assert_int_equal(pl_loop_post(bench.loop, &first.letter), PL_E_CLOSED);
    assert_int_equal(pl_loop_post_always(bench.loop, &first.letter), PL_E_CLOSED);
    pl_loop_free(bench.loop);
}

static void a_loop_freed_without_a_run_delivers_its_letters(void **state)
{
    struct bench bench;
    struct note note = {.number = 0};

    (void)state;
    bench_init(&bench);
    assert_int_equal(pl_loop_post(bench.loop, &note.letter), PL_OK);
    pl_loop_free(bench.loop);
    assert_int_equal(bench.letters_len, 1);
    pl_loop_free(NULL);
}

static void a_full_inbox_refuses(void **state)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct pl_loop *loop;
    struct bench bench = {.letters_len = 0};
    struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};

    (void)state;
    ops = (struct pl_loop_ops){.self = &bench, .on_letter = on_letter};
    assert_int_equal(pl_loop_new(&ops, 1, &loop), PL_OK);
    bench.loop = loop;
    assert_int_equal(pl_loop_post(loop, &notes[0].letter), PL_OK);
    assert_int_equal(pl_loop_post(loop, &notes[2].letter), PL_E_LIMIT);
    assert_int_equal(pl_loop_post_always(loop, &notes[1].letter), PL_OK);
    pl_loop_free(loop);
    assert_int_equal(bench.letters_len, 2);
}

/* --- other threads ------------------------------------------------------- */

enum { POSTERS_LEN = 4, NOTES_LEN = 3000 };

struct poster {
    struct pl_loop *loop_weak;
    struct note notes[NOTES_LEN];
    int number;
};

static void post_all(void *self)
{
    struct poster *poster = self;

    assert_false(pl_loop_on_thread(poster->loop_weak));
    for (int i = 0; i < NOTES_LEN; i++) {
        poster->notes[i].from = poster->number;
        poster->notes[i].number = i;
        assert_int_equal(pl_loop_post_always(poster->loop_weak, &poster->notes[i].letter), PL_OK);
    }
}

static void stop_when_all_came(struct bench *bench)
{
    if (bench->letters_len == POSTERS_LEN * NOTES_LEN)
        pl_loop_stop(bench->loop);
}

struct poster_start {
    struct bench bench;
    struct poster *posters;
    struct pl_thread *threads[POSTERS_LEN];
};

static void start_posters(struct bench *bench)
{
    struct poster_start *start = PL_CONTAINER(bench, struct poster_start, bench);

    if (bench->turns_len > 1)
        return;
    for (int i = 0; i < POSTERS_LEN; i++) {
        start->posters[i].loop_weak = bench->loop;
        start->posters[i].number = i;
        assert_int_equal(
            pl_thread_start("poster", post_all, &start->posters[i], &start->threads[i]), PL_OK);
    }
}

static void letters_of_many_threads_come_in_each_ones_order(void **state)
{
    struct poster_start start;

    (void)state;
    bench_init(&start.bench);
    start.posters = pl_calloc(POSTERS_LEN, sizeof *start.posters);
    assert_non_null(start.posters);
    start.bench.on_turn_end = start_posters; /* it runs by then */
    start.bench.on_letter = stop_when_all_came;
    pl_loop_run(start.bench.loop);
    for (int i = 0; i < POSTERS_LEN; i++)
        pl_thread_join(start.threads[i]);
    assert_int_equal(start.bench.letters_len, POSTERS_LEN * NOTES_LEN);
    pl_loop_free(start.bench.loop);
    pl_free(start.posters);
}

static void run(void *self)
{
    pl_loop_run(self);
}

static void another_thread_stops_a_loop(void **state)
{
    struct bench bench;
    struct pl_thread *thread;

    (void)state;
    bench_init(&bench);
    assert_int_equal(pl_thread_start("loop", run, bench.loop, &thread), PL_OK);
    pl_loop_stop(bench.loop);
    pl_thread_join(thread);
    assert_true(pl_loop_on_thread(bench.loop)); /* it runs no more */
    pl_timer_free(bench.timer);                 /* after the run is fine too */
    pl_loop_free(bench.loop);
}

/* Posters that do not know when the loop ends: each letter is either delivered or
 * still the poster's. */
struct hammer {
    struct pl_loop *loop_weak;
    int posted_len;
};

static void post_until_closed(void *self)
{
    struct hammer *hammer = self;

    for (;;) {
        struct note *note = pl_zalloc(sizeof *note);

        note->number = hammer->posted_len;
        if (pl_loop_post_always(hammer->loop_weak, &note->letter) < 0) {
            pl_free(note);
            return;
        }
        hammer->posted_len++;
    }
}

static void free_and_count(void *self, struct pl_letter *letter)
{
    struct bench *bench = self;

    pl_free(PL_CONTAINER(letter, struct note, letter));
    if (++bench->letters_len == 1000)
        pl_loop_stop(bench->loop);
}

static void no_letter_is_lost_when_a_loop_ends(void **state)
{
    struct bench bench = {.letters_len = 0};
    struct pl_loop_ops ops = {.self = &bench, .on_letter = free_and_count};
    struct hammer hammers[2];
    struct pl_thread *threads[2];

    (void)state;
    assert_int_equal(pl_loop_new(&ops, INBOX_LEN_MAX, &bench.loop), PL_OK);
    for (int i = 0; i < 2; i++) {
        hammers[i] = (struct hammer){.loop_weak = bench.loop};
        assert_int_equal(pl_thread_start("hammer", post_until_closed, &hammers[i], &threads[i]),
                         PL_OK);
    }
    pl_loop_run(bench.loop);
    for (int i = 0; i < 2; i++)
        pl_thread_join(threads[i]);
    assert_int_equal(bench.letters_len, hammers[0].posted_len + hammers[1].posted_len);
    pl_loop_free(bench.loop);
}

static void call_from_a_wrong_thread(void)
{
    struct bench bench;
    struct pl_thread *thread;

    signal(SIGABRT, SIG_DFL); /* cmocka catches it */
    if (dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO) < 0)
        _exit(1);
    bench_init(&bench);
    if (pl_thread_start("loop", run, bench.loop, &thread) < 0)
        _exit(1);
    for (;;) /* fine as long as it does not run yet */
        pl_loop_now_ms(bench.loop);
}

static void a_call_from_a_wrong_thread_is_a_bug(void **state)
{
    int status = -1;
    pid_t child = fork();

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        call_from_a_wrong_thread();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* --- timers -------------------------------------------------------------- */

static void stop_after_three_timers(struct bench *bench)
{
    if (bench->timers_len == 3)
        pl_loop_stop(bench->loop);
}

static void a_timer_repeats(void **state)
{
    struct bench bench;
    int64_t before;

    (void)state;
    bench_init(&bench);
    before = pl_loop_now_ms(bench.loop);
    bench.on_timer = stop_after_three_timers;
    pl_timer_start(bench.timer, 1, 2);
    pl_loop_run(bench.loop);
    assert_int_equal(bench.timers_len, 3);
    assert_true(pl_loop_now_ms(bench.loop) >= before + 5);
    pl_loop_free(bench.loop);
}

struct order {
    struct pl_loop *loop;
    char text[8];
    int len;
};

static void add_a(void *self)
{
    struct order *order = self;

    order->text[order->len++] = 'a';
}

static void add_b(void *self)
{
    struct order *order = self;

    order->text[order->len++] = 'b';
}

static void add_c_and_stop(void *self)
{
    struct order *order = self;

    order->text[order->len++] = 'c';
    pl_loop_stop(order->loop);
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct order order = {.len = 0};
    struct pl_timer *a, *b, *c;

    (void)state;
    assert_int_equal(pl_loop_new(&ops, 1, &order.loop), PL_OK);
    assert_int_equal(pl_timer_new(order.loop, add_c_and_stop, &order, &c), PL_OK);
    assert_int_equal(pl_timer_new(order.loop, add_b, &order, &b), PL_OK);
    assert_int_equal(pl_timer_new(order.loop, add_a, &order, &a), PL_OK);
    pl_timer_start(c, 9, 0);
    pl_timer_start(a, 30, 0);
    pl_timer_start(b, 6, 0);
    pl_timer_start(a, 3, 0); /* starting again moves it */
    pl_loop_run(order.loop);
    assert_string_equal(order.text, "abc");
    pl_loop_free(order.loop);
}

static void free_timer_and_stop(struct bench *bench)
{
    pl_timer_free(bench->timer);
    pl_loop_stop(bench->loop);
}

static void a_timer_may_be_freed_as_it_fires(void **state)
{
    struct bench bench;

    (void)state;
    bench_init(&bench);
    bench.on_timer = free_timer_and_stop;
    pl_timer_start(bench.timer, 1, 1);
    pl_loop_run(bench.loop);
    assert_int_equal(bench.timers_len, 1);
    pl_loop_free(bench.loop);
}

static void a_stopped_timer_does_not_fire(void **state)
{
    struct bench bench;
    struct order order = {.len = 0};
    struct pl_timer *last;

    (void)state;
    bench_init(&bench);
    order.loop = bench.loop;
    pl_timer_start(bench.timer, 1, 1);
    pl_timer_stop(bench.timer);
    assert_int_equal(pl_timer_new(bench.loop, add_c_and_stop, &order, &last), PL_OK);
    pl_timer_start(last, 5, 0);
    pl_loop_run(bench.loop);
    assert_int_equal(bench.timers_len, 0);
    assert_int_equal(pl_timer_new(bench.loop, add_a, &order, &last), PL_E_CLOSED);
    pl_timer_start(bench.timer, 1, 0); /* harmless now */
    pl_timer_stop(bench.timer);
    pl_loop_free(bench.loop);
}

/* --- signals and descriptors --------------------------------------------- */

struct signalled {
    struct pl_loop *loop;
    struct pl_signal *watcher;
    int signum;
};

static void on_signal(void *self, int signum)
{
    struct signalled *signalled = self;

    signalled->signum = signum;
    pl_signal_free(signalled->watcher); /* from its own callback too */
    pl_loop_stop(signalled->loop);
}

static void a_signal_is_told_on_the_loop(void **state)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct signalled signalled = {.signum = 0};

    (void)state;
    assert_int_equal(pl_loop_new(&ops, 1, &signalled.loop), PL_OK);
    assert_int_equal(
        pl_signal_new(signalled.loop, SIGUSR1, on_signal, &signalled, &signalled.watcher), PL_OK);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(signalled.signum, 0); /* not at once: it waits for the loop */
    pl_loop_run(signalled.loop);
    assert_int_equal(signalled.signum, SIGUSR1);
    pl_loop_free(signalled.loop);
}

static void a_broken_pipe_is_no_signal(void **state)
{
    struct bench bench;
    int fds[2];

    (void)state;
    bench_init(&bench);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    close(fds[1]);
    pl_loop_free(bench.loop);
}

struct watched {
    struct pl_loop *loop;
    struct pl_watch *watch;
    int fd;
    ssize_t size;
    int len;
};

static void on_readable(void *self)
{
    struct watched *watched = self;
    char data[16];

    watched->size = read(watched->fd, data, sizeof data);
    watched->len++;
    if (watched->size == 0)
        pl_loop_stop(watched->loop);
}

static void a_pipe_is_watched_for_bytes_and_for_its_end(void **state)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct watched watched = {.len = 0};
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    watched.fd = fds[0];
    assert_int_equal(pl_loop_new(&ops, 1, &watched.loop), PL_OK);
    assert_int_equal(pl_watch_new(watched.loop, fds[0], on_readable, &watched, &watched.watch),
                     PL_OK);
    assert_int_equal(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0); /* it is the caller's */
    assert_int_equal(write(fds[1], "hello", 5), 5);
    close(fds[1]);
    pl_loop_run(watched.loop);
    assert_int_equal(watched.size, 0);
    assert_int_equal(watched.len, 2);
    assert_true(fcntl(fds[0], F_GETFD) >= 0); /* not closed with the watch */
    pl_watch_free(watched.watch);
    pl_loop_free(watched.loop);
    close(fds[0]);
}

static void a_terminal_is_watched(void **state)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct watched watched = {.len = 0};
    int master = posix_openpt(O_RDWR | O_NOCTTY);

    (void)state;
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    watched.fd = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(watched.fd >= 0);
    assert_int_equal(pl_loop_new(&ops, 1, &watched.loop), PL_OK);
    assert_int_equal(pl_watch_new(watched.loop, watched.fd, on_readable, &watched, &watched.watch),
                     PL_OK);
    assert_int_equal(write(master, "hi\n\004", 4), 4); /* a line, and the end of input */
    pl_loop_run(watched.loop);
    assert_int_equal(watched.size, 0);
    pl_loop_free(watched.loop);
    close(watched.fd);
    close(master);
}

static void a_regular_file_is_not_watched(void **state)
{
    struct bench bench;
    struct watched watched = {.len = 0};
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    bench_init(&bench);
    assert_int_equal(pl_watch_new(bench.loop, fileno(file), on_readable, &watched, &watched.watch),
                     PL_E_UNSUPPORTED);
    assert_null(watched.watch);
    assert_int_equal(pl_watch_new(bench.loop, -1, on_readable, &watched, &watched.watch), PL_E_IO);
    pl_watch_free(NULL);
    fclose(file);
    pl_loop_free(bench.loop);
}

/* --- want of memory ------------------------------------------------------ */

static int new_loop_with_all(struct pl_loop **ret_loop, int fd)
{
    struct pl_loop_ops ops = {.self = NULL};
    struct pl_loop *loop;
    struct pl_timer *timer;
    struct pl_signal *watcher;
    struct pl_watch *watch;
    int rc = pl_loop_new(&ops, 1, &loop);

    if (rc < 0)
        return rc;
    rc = pl_timer_new(loop, add_a, NULL, &timer);
    if (rc == PL_OK)
        rc = pl_signal_new(loop, SIGUSR2, on_signal, NULL, &watcher);
    if (rc == PL_OK)
        rc = pl_watch_new(loop, fd, on_readable, NULL, &watch);
    if (rc < 0)
        pl_loop_free(loop);
    else
        *ret_loop = loop;
    return rc;
}

static void all_survive_each_failing_allocation(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    for (uint64_t nth = 1;; nth++) {
        struct pl_loop *loop = NULL;
        int rc;

        pl_mem_fail_at(nth);
        rc = new_loop_with_all(&loop, fds[0]);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_OK);
            pl_loop_free(loop);
            break;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(loop);
    }
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: it forks, and a child has no other threads */
        cmocka_unit_test(a_call_from_a_wrong_thread_is_a_bug),
        cmocka_unit_test(a_loop_stopped_before_it_runs_ends_at_once),
        cmocka_unit_test(a_turn_ends_once_after_all_its_letters),
        cmocka_unit_test(a_letter_posted_at_a_turns_end_is_delivered),
        cmocka_unit_test(a_timer_started_at_a_turns_end_fires),
        cmocka_unit_test(a_loop_can_be_stopped_at_a_turns_end),
        cmocka_unit_test(letters_left_when_it_ends_are_delivered_then_refused),
        cmocka_unit_test(a_loop_freed_without_a_run_delivers_its_letters),
        cmocka_unit_test(a_full_inbox_refuses),
        cmocka_unit_test(letters_of_many_threads_come_in_each_ones_order),
        cmocka_unit_test(another_thread_stops_a_loop),
        cmocka_unit_test(no_letter_is_lost_when_a_loop_ends),
        cmocka_unit_test(a_timer_repeats),
        cmocka_unit_test(timers_fire_in_the_order_of_their_times),
        cmocka_unit_test(a_timer_may_be_freed_as_it_fires),
        cmocka_unit_test(a_stopped_timer_does_not_fire),
        cmocka_unit_test(a_signal_is_told_on_the_loop),
        cmocka_unit_test(a_broken_pipe_is_no_signal),
        cmocka_unit_test(a_pipe_is_watched_for_bytes_and_for_its_end),
        cmocka_unit_test(a_terminal_is_watched),
        cmocka_unit_test(a_regular_file_is_not_watched),
        cmocka_unit_test(all_survive_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_mailbox.c - order, limits, and several threads that post at once. */
#include "net/mailbox.h"
#include "net/thread.h"

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct note {
    struct pl_letter letter;
    int from;
    int number;
};

static struct note *note_of(struct pl_list *node)
{
    return PL_CONTAINER(PL_CONTAINER(node, struct pl_letter, node), struct note, letter);
}

static void count_wake(void *self)
{
    ++*(int *)self;
}

static struct pl_mailbox *new_mailbox(size_t len_max, int *wakes_len)
{
    struct pl_mailbox *mailbox = NULL;

    assert_int_equal(
        pl_mailbox_new(len_max, wakes_len != NULL ? count_wake : NULL, wakes_len, &mailbox), PL_OK);
    return mailbox;
}

static void letters_come_in_their_order_behind_what_is_there(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(3, NULL);
    struct note notes[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    struct pl_list list;
    int expected = 0;

    (void)state;
    pl_list_init(&list);
    pl_list_append(&list, &notes[0].letter.node);
    for (int i = 1; i < 4; i++)
        assert_int_equal(pl_mailbox_post(mailbox, &notes[i].letter), PL_OK);
    assert_int_equal(pl_mailbox_len(mailbox), 3);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 3);
    assert_int_equal(pl_mailbox_len(mailbox), 0);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 0);
    PL_LIST_EACH (node, &list)
        assert_int_equal(note_of(node)->number, expected++);
    assert_int_equal(expected, 4);
    pl_mailbox_free(mailbox);
}

static void a_full_mailbox_refuses_all_but_what_must_not_be_lost(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(1, NULL);
    struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[0].letter), PL_OK);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[1].letter), PL_E_LIMIT);
    assert_int_equal(pl_mailbox_post_always(mailbox, &notes[2].letter), PL_OK);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 2);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[1].letter), PL_OK); /* still ours */
    assert_int_equal(pl_mailbox_take(mailbox, &list), 1);
    pl_mailbox_free(mailbox);
}

static void only_the_first_letter_wakes(void **state)
{
    int wakes_len = 0;
    struct pl_mailbox *mailbox = new_mailbox(2, &wakes_len);
    struct note notes[3] = {{.number = 0}};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    pl_mailbox_post(mailbox, &notes[0].letter);
    pl_mailbox_post(mailbox, &notes[1].letter);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[2].letter), PL_E_LIMIT);
    assert_int_equal(wakes_len, 1);
    pl_mailbox_take(mailbox, &list);
    pl_mailbox_post(mailbox, &notes[2].letter);
    assert_int_equal(wakes_len, 2);
    pl_mailbox_take(mailbox, &list);
    pl_mailbox_free(mailbox);
}

static void what_is_put_waits_for_the_ring(void **state)
{
    int wakes_len = 0;
    struct pl_mailbox *mailbox = new_mailbox(2, &wakes_len);
    struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    pl_mailbox_ring(mailbox);
    assert_int_equal(wakes_len, 0); /* for nothing */
    assert_int_equal(pl_mailbox_put(mailbox, &notes[0].letter), PL_OK);
    assert_int_equal(pl_mailbox_put(mailbox, &notes[1].letter), PL_OK);
    assert_int_equal(pl_mailbox_put(mailbox, &notes[2].letter), PL_E_LIMIT);
    assert_int_equal(wakes_len, 0);
    pl_mailbox_ring(mailbox);
    pl_mailbox_ring(mailbox);
    assert_int_equal(wakes_len, 1);
    assert_int_equal(pl_mailbox_put_always(mailbox, &notes[2].letter), PL_OK);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 3);
    pl_mailbox_ring(mailbox);
    assert_int_equal(wakes_len, 1);
    pl_list_remove(&notes[0].letter.node);
    assert_int_equal(pl_mailbox_put(mailbox, &notes[0].letter), PL_OK);
    pl_list_remove(&notes[1].letter.node);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[1].letter), PL_OK); /* rings for both */
    assert_int_equal(wakes_len, 2);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 2);
    pl_mailbox_free(mailbox);
}

static void a_closed_mailbox_takes_no_more_but_gives_what_it_has(void **state)
{
    int wakes_len = 0;
    struct pl_mailbox *mailbox = new_mailbox(2, &wakes_len);
    struct note notes[2] = {{.number = 0}};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[0].letter), PL_OK);
    assert_false(pl_mailbox_closed(mailbox));
    pl_mailbox_close(mailbox);
    pl_mailbox_close(mailbox);
    assert_true(pl_mailbox_closed(mailbox));
    assert_int_equal(wakes_len, 2); /* one for the letter, one for the close */
    assert_int_equal(pl_mailbox_post(mailbox, &notes[1].letter), PL_E_CLOSED);
    assert_int_equal(pl_mailbox_post_always(mailbox, &notes[1].letter), PL_E_CLOSED);
    assert_int_equal(pl_mailbox_wait(mailbox, -1, &list), 1);
    assert_int_equal(pl_mailbox_wait(mailbox, -1, &list), 0); /* does not wait */
    pl_mailbox_free(mailbox);
}

static void waiting_ends_with_its_time(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(1, NULL);
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_mailbox_wait(mailbox, 0, &list), 0);
    assert_int_equal(pl_mailbox_wait(mailbox, 1, &list), 0);
    pl_mailbox_free(mailbox);
}

/* --- several threads ----------------------------------------------------- */

enum { POSTERS_LEN = 4, NOTES_LEN = 5000, FEW = 64 };

struct poster {
    struct pl_mailbox *mailbox_weak;
    int number;
    bool always;
    struct note notes[NOTES_LEN];
};

static void post_all(void *self)
{
    struct poster *poster = self;

    for (int i = 0; i < NOTES_LEN; i++) {
        struct note *note = &poster->notes[i];
        int rc;

        note->from = poster->number;
        note->number = i;
        do {
            rc = poster->always ? pl_mailbox_post_always(poster->mailbox_weak, &note->letter)
                                : pl_mailbox_post(poster->mailbox_weak, &note->letter);
        } while (rc == PL_E_LIMIT); /* the receiver is at work */
        assert_int_equal(rc, PL_OK);
    }
}

static void each_posters_letters_keep_their_order(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(FEW, NULL);
    struct poster *posters = pl_calloc(POSTERS_LEN, sizeof *posters);
    struct pl_thread *threads[POSTERS_LEN];
    int next[POSTERS_LEN] = {0};
    size_t len = 0;

    (void)state;
    assert_non_null(posters);
    for (int i = 0; i < POSTERS_LEN; i++) {
        posters[i].mailbox_weak = mailbox;
        posters[i].number = i;
        posters[i].always = i % 2 == 0;
        assert_int_equal(pl_thread_start("poster", post_all, &posters[i], &threads[i]), PL_OK);
    }
    while (len < (size_t)POSTERS_LEN * NOTES_LEN) {
        struct pl_list list;
        size_t taken_len = 0;

        pl_list_init(&list);
        len += pl_mailbox_wait(mailbox, -1, &list);
        PL_LIST_EACH (node, &list) {
            struct note *note = note_of(node);

            assert_int_equal(note->number, next[note->from]++);
            taken_len++;
        }
        assert_true(taken_len > 0);
    }
    for (int i = 0; i < POSTERS_LEN; i++) {
        pl_thread_join(threads[i]);
        assert_int_equal(next[i], NOTES_LEN);
    }
    assert_int_equal(pl_mailbox_len(mailbox), 0);
    pl_mailbox_free(mailbox);
    pl_free(posters);
}

static void close_mailbox(void *self)
{
    pl_mailbox_close(self);
}

static void closing_wakes_who_waits(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(1, NULL);
    struct pl_thread *thread;
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_thread_start("closer", close_mailbox, mailbox, &thread), PL_OK);
    assert_int_equal(pl_mailbox_wait(mailbox, -1, &list), 0);
    assert_true(pl_mailbox_closed(mailbox));
    pl_thread_join(thread);
    pl_mailbox_free(mailbox);
}

static void what_is_gathered_is_taken_and_the_next_rings(void **state)
{
    int wakes_len = 0;
    struct pl_mailbox *mailbox = new_mailbox(4, &wakes_len);
    struct note notes[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[0].letter), PL_OK);
    assert_int_equal(pl_mailbox_put(mailbox, &notes[1].letter), PL_OK);
    assert_int_equal(wakes_len, 1);
    assert_int_equal(pl_mailbox_gather(mailbox, 0, &list), 2);
    assert_int_equal(pl_mailbox_gather(mailbox, 1, &list), 0);
    assert_int_equal(pl_mailbox_post(mailbox, &notes[2].letter), PL_OK); /* rings again */
    assert_int_equal(wakes_len, 2);
    assert_int_equal(pl_mailbox_take(mailbox, &list), 1);
    pl_mailbox_free(mailbox);
}

static void closing_ends_the_gathering(void **state)
{
    struct pl_mailbox *mailbox = new_mailbox(2, NULL);
    struct pl_thread *thread = NULL;
    struct note note = {.number = 0};
    struct pl_list list;

    (void)state;
    pl_list_init(&list);
    assert_int_equal(pl_mailbox_post(mailbox, &note.letter), PL_OK);
    assert_int_equal(pl_thread_start("closer", close_mailbox, mailbox, &thread), PL_OK);
    assert_int_equal(pl_mailbox_gather(mailbox, 3600 * INT64_C(1000000), &list), 1);
    pl_thread_join(thread);
    pl_mailbox_free(mailbox);
}

static void a_mailbox_survives_each_failing_allocation(void **state)
{
    (void)state;
    for (uint64_t nth = 1;; nth++) {
        struct pl_mailbox *mailbox = NULL;
        int rc;

        pl_mem_fail_at(nth);
        rc = pl_mailbox_new(1, NULL, NULL, &mailbox);
        if (!pl_mem_failed()) {
            pl_mem_fail_at(0);
            assert_int_equal(rc, PL_OK);
            pl_mailbox_free(mailbox);
            pl_mailbox_free(NULL);
            return;
        }
        assert_int_equal(rc, PL_E_NOMEM);
        assert_null(mailbox);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_come_in_their_order_behind_what_is_there),
        cmocka_unit_test(a_full_mailbox_refuses_all_but_what_must_not_be_lost),
        cmocka_unit_test(only_the_first_letter_wakes),
        cmocka_unit_test(what_is_put_waits_for_the_ring),
        cmocka_unit_test(a_closed_mailbox_takes_no_more_but_gives_what_it_has),
        cmocka_unit_test(waiting_ends_with_its_time),
        cmocka_unit_test(each_posters_letters_keep_their_order),
        cmocka_unit_test(closing_wakes_who_waits),
        cmocka_unit_test(what_is_gathered_is_taken_and_the_next_rings),
        cmocka_unit_test(closing_ends_the_gathering),
        cmocka_unit_test(a_mailbox_survives_each_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

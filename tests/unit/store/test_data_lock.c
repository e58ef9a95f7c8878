/* test_data_lock.c - one server a data folder, however it ends. */
#include "base/err.h"
#include "base/mem.h"
#include "folder.h"
#include "store/dir.h"
#include "store/lock.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct folder *folder = pl_zalloc(sizeof *folder);

    assert_non_null(folder);
    folder_make(folder);
    *state = folder;
    return 0;
}

static int teardown(void **state)
{
    folder_remove(*state);
    pl_free(*state);
    return 0;
}

static void second_comer_is_told_who_has_it(void **state)
{
    struct folder *folder = *state;
    struct pl_data_lock *lock = NULL, *second = NULL;
    struct pl_data_lock_holder holder = {{0}};
    char want[256];

    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    snprintf(want, sizeof want, "parlad, pid %ld", (long)getpid());
    assert_int_equal(pl_data_lock_open(folder->data, &second, &holder), PL_E_BUSY);
    assert_string_equal(holder.text, want);
    assert_int_equal(pl_data_lock_describe(lock, "listening on 127.0.0.1:50051"), PL_OK);
    snprintf(want, sizeof want, "parlad, pid %ld, listening on 127.0.0.1:50051", (long)getpid());
    assert_int_equal(pl_data_lock_open(folder->data, &second, &holder), PL_E_BUSY);
    assert_string_equal(holder.text, want);
    assert_int_equal(pl_data_lock_open(folder->data, &second, NULL), PL_E_BUSY);
    assert_null(second);
    pl_data_lock_close(lock);
    assert_int_equal(pl_data_lock_open(folder->data, &second, &holder), PL_OK);
    pl_data_lock_close(second);
    pl_data_lock_close(NULL);
}

static void long_description_is_cut(void **state)
{
    struct folder *folder = *state;
    struct pl_data_lock *lock = NULL, *second = NULL;
    struct pl_data_lock_holder holder = {{0}};
    char text[1000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    assert_int_equal(pl_data_lock_describe(lock, text), PL_OK);
    assert_int_equal(pl_data_lock_open(folder->data, &second, &holder), PL_E_BUSY);
    assert_true(strlen(holder.text) > 200);
    pl_data_lock_close(lock);
}

static void that_data_was_kept_is_remembered(void **state)
{
    struct folder *folder = *state;
    struct pl_data_lock *lock = NULL, *second = NULL;
    struct pl_data_lock_holder holder = {{0}};

    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    assert_false(pl_data_lock_used(lock));
    assert_int_equal(pl_data_lock_describe(lock, "a text that is longer than the next"), PL_OK);
    pl_data_lock_close(lock);
    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    assert_false(pl_data_lock_used(lock));
    assert_int_equal(pl_data_lock_set_used(lock), PL_OK);
    assert_int_equal(pl_data_lock_describe(lock, "a text"), PL_OK);
    assert_int_equal(pl_data_lock_open(folder->data, &second, &holder), PL_E_BUSY);
    assert_non_null(strstr(holder.text, ", a text"));
    assert_null(strchr(holder.text, '\n'));
    pl_data_lock_close(lock);
    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    assert_true(pl_data_lock_used(lock));
    assert_int_equal(pl_data_lock_set_used(lock), PL_OK);
    pl_data_lock_close(lock);
}

static void lock_ends_with_its_process(void **state)
{
    struct folder *folder = *state;
    struct pl_data_lock *lock = NULL;
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (pl_data_lock_open(folder->data, &lock, NULL) == PL_OK)
            (void)!write(ready[1], "x", 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_E_BUSY);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(pl_data_lock_open(folder->data, &lock, NULL), PL_OK);
    pl_data_lock_close(lock);
    close(ready[0]);
    close(ready[1]);
}

static void folders_above_are_made_too_and_for_us_only(void **state)
{
    struct folder *folder = *state;
    char path[600];
    struct stat st;

    snprintf(path, sizeof path, "%s/a//b/c/", folder->data);
    assert_int_equal(pl_data_dir_make(path), PL_OK);
    assert_int_equal(pl_data_dir_make(path), PL_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(folder->data, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void folder_that_cannot_be_made_is_an_error(void **state)
{
    struct pl_data_lock *lock = NULL;

    (void)state;
    assert_int_equal(pl_data_dir_make(""), PL_E_IO);
    assert_int_equal(pl_data_lock_open("/dev/null/data", &lock, NULL), PL_E_IO);
    assert_int_equal(errno, ENOTDIR);
    assert_null(lock);
}

static void open_fails_cleanly_without_memory(void **state)
{
    struct folder *folder = *state;
    struct pl_data_lock *lock = NULL;
    uint64_t nth = 0;
    int rc;

    do {
        pl_mem_fail_at(++nth);
        rc = pl_data_lock_open(folder->data, &lock, NULL);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
    } while (rc != PL_OK);
    assert_false(pl_mem_failed());
    assert_true(nth > 2);
    pl_mem_fail_at(0);
    pl_data_lock_close(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(second_comer_is_told_who_has_it, setup, teardown),
        cmocka_unit_test_setup_teardown(long_description_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(that_data_was_kept_is_remembered, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_ends_with_its_process, setup, teardown),
        cmocka_unit_test_setup_teardown(folders_above_are_made_too_and_for_us_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(folder_that_cannot_be_made_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(open_fails_cleanly_without_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

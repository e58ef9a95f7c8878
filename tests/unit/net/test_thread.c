/* test_thread.c - threads start, bear their name, and are joined. */
#include "net/thread.h"

#include "base/err.h"
#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void note_name(void *self)
{
    pthread_getname_np(pthread_self(), self, 16);
}

static void a_thread_runs_and_bears_its_name(void **state)
{
    char name[16] = "";
    struct pl_thread *thread;

    (void)state;
    assert_int_equal(pl_thread_start("engine", note_name, name, &thread), PL_OK);
    pl_thread_join(thread);
    assert_string_equal(name, "engine");
}

static void a_long_name_is_cut(void **state)
{
    char name[16] = "";
    struct pl_thread *thread;

    (void)state;
    assert_int_equal(pl_thread_start("a-name-of-many-bytes", note_name, name, &thread), PL_OK);
    pl_thread_join(thread);
    assert_string_equal(name, "a-name-of-many-");
}

static void joining_nothing_is_fine(void **state)
{
    (void)state;
    pl_thread_join(NULL);
}

static void there_is_a_processor(void **state)
{
    (void)state;
    assert_true(pl_cpu_count() >= 1);
}

static void a_thread_survives_a_failing_allocation(void **state)
{
    struct pl_thread *thread = NULL;
    char name[16] = "";

    (void)state;
    pl_mem_fail_at(1);
    assert_int_equal(pl_thread_start("never", note_name, name, &thread), PL_E_NOMEM);
    assert_null(thread);
    assert_string_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_runs_and_bears_its_name),
        cmocka_unit_test(a_long_name_is_cut),
        cmocka_unit_test(joining_nothing_is_fine),
        cmocka_unit_test(there_is_a_processor),
        cmocka_unit_test(a_thread_survives_a_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

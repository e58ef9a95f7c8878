/* test_buf.c - shared buffers and their references. */
#include "base/buf.h"

#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_copy_holds_the_bytes(void **state)
{
    struct pl_buf *buf = pl_buf_copy("a\0b", 3);
    struct pl_buf *empty = pl_buf_copy(NULL, 0);

    (void)state;
    assert_int_equal(buf->size, 3);
    assert_memory_equal(buf->data, "a\0b", 3);
    assert_int_equal(empty->size, 0);
    pl_buf_unref(buf);
    pl_buf_unref(empty);
    pl_buf_unref(NULL);
}

static void the_last_reference_frees(void **state)
{
    struct pl_buf *buf = pl_buf_copy("x", 1);

    (void)state;
    assert_ptr_equal(pl_buf_ref(buf), buf);
    assert_int_equal(atomic_load(&buf->refs), 2);
    pl_buf_unref(buf);
    assert_memory_equal(buf->data, "x", 1); /* a leak or a use too late shows under ASan */
    pl_buf_unref(buf);
}

static void the_limit_is_the_largest_size(void **state)
{
    struct pl_buf *buf = pl_buf_new(PL_BUF_SIZE_MAX);

    (void)state;
    assert_non_null(buf);
    assert_int_equal(buf->size, PL_BUF_SIZE_MAX);
    pl_buf_unref(buf);
    assert_null(pl_buf_new(PL_BUF_SIZE_MAX + 1));
    assert_null(pl_buf_new(SIZE_MAX));
}

static void want_of_memory_gives_none(void **state)
{
    (void)state;
    pl_mem_fail_at(1);
    assert_null(pl_buf_new(1));
    pl_mem_fail_at(1);
    assert_null(pl_buf_copy("x", 1));
    pl_mem_fail_at(0);
}

enum { THREADS_LEN = 4, ROUNDS_LEN = 20000 };

static void *ref_and_unref(void *arg)
{
    struct pl_buf *buf = arg;

    for (int i = 0; i < ROUNDS_LEN; i++) {
        struct pl_buf *mine = pl_buf_ref(buf);

        if (mine->data[0] != 'x')
            return arg;
        pl_buf_unref(mine);
    }
    pl_buf_unref(buf);
    return NULL;
}

static void threads_share_a_buffer(void **state)
{
    struct pl_buf *buf = pl_buf_copy("x", 1);
    pthread_t threads[THREADS_LEN];

    (void)state;
    for (int i = 0; i < THREADS_LEN; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_unref, pl_buf_ref(buf)), 0);
    pl_buf_unref(buf);
    for (int i = 0; i < THREADS_LEN; i++) {
        void *wrong;

        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_holds_the_bytes),
        cmocka_unit_test(the_last_reference_frees),
        cmocka_unit_test(the_limit_is_the_largest_size),
        cmocka_unit_test(want_of_memory_gives_none),
        cmocka_unit_test(threads_share_a_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

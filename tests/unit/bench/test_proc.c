/* test_proc.c - this process, looked at from outside. */
#include "bench/proc.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void time_of_the_processor_grows_with_work(void **state)
{
    struct pl_bench_usage before, after;
    int64_t worked_us = pl_clock_thread_us() + 50 * 1000;

    (void)state;
    assert_int_equal(pl_bench_proc_read(pl_bench_proc_self(), &before), PL_OK);
    while (pl_clock_thread_us() < worked_us)
        continue;
    assert_int_equal(pl_bench_proc_read(pl_bench_proc_self(), &after), PL_OK);
    assert_true(after.cpu_s - before.cpu_s >= 0.049);
}

static void memory_grows_with_what_is_touched(void **state)
{
    enum { SIZE = 32 << 20 };
    struct pl_bench_usage before, after;
    volatile char *memory;

    (void)state;
    assert_int_equal(pl_bench_proc_read(pl_bench_proc_self(), &before), PL_OK);
    memory = pl_alloc(SIZE);
    assert_non_null(memory);
    for (size_t i = 0; i < SIZE; i += 1024)
        memory[i] = 1;
    assert_int_equal(pl_bench_proc_read(pl_bench_proc_self(), &after), PL_OK);
    assert_true(after.rss_size >= before.rss_size + SIZE / 2);
    pl_free((void *)(uintptr_t)memory);
}

static void who_listens_is_found_by_the_port(void **state)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pl_address address = {.host = "127.0.0.1"};
    socklen_t size = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
    address.port = ntohs(name.sin_port);
    assert_int_equal(pl_bench_proc_find(&address), 0); /* bound is not listening */
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(pl_bench_proc_find(&address), pl_bench_proc_self());
    strcpy(address.host, "192.0.2.1");
    assert_int_equal(pl_bench_proc_find(&address), 0); /* elsewhere */
    close(fd);
}

static void what_is_no_process_has_no_figures(void **state)
{
    struct pl_bench_usage usage;

    (void)state;
    assert_int_equal(pl_bench_proc_read(UINT32_MAX, &usage), PL_E_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_of_the_processor_grows_with_work),
        cmocka_unit_test(memory_grows_with_what_is_touched),
        cmocka_unit_test(who_listens_is_found_by_the_port),
        cmocka_unit_test(what_is_no_process_has_no_figures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

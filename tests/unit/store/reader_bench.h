/*
 * reader_bench.h - a reader of a SQLite store, and the in-memory twin that got the same.
 */
#ifndef PL_TEST_STORE_READER_BENCH_H
#define PL_TEST_STORE_READER_BENCH_H

#include "folder.h"
#include "load.h"
#include "store/sqlite.h"

#include <stdint.h>

struct fixture {
    struct folder folder;
    struct pl_sqlite_config config;
    struct pl_sqlite_store *sqlite;
    struct pl_store store;
    struct pl_store twin;
    struct pl_reader reader;
    struct load load;
    uint64_t random;
};

/* A cmocka fixture, whose *state is a struct fixture. */
int reader_bench_setup(void **state);
int reader_bench_teardown(void **state);

#define READER_TEST(name) \
    cmocka_unit_test_setup_teardown(name, reader_bench_setup, reader_bench_teardown)

/* Both stores get the same batches. */
void reader_bench_grow(struct fixture *f, int batches);

/* What is read from begin to end is of one moment. */
void reader_bench_begin(struct fixture *f);
void reader_bench_end(struct fixture *f);

#endif

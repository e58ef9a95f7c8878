/* reader_bench.c - a store, its twin and a reader, in a folder of their own. */
#include "reader_bench.h"

#include "base/err.h"
#include "base/mem.h"
#include "store/memory.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int reader_bench_setup(void **state)
{
    struct fixture *f = pl_zalloc(sizeof *f);

    assert_non_null(f);
    folder_make(&f->folder);
    f->config =
        (struct pl_sqlite_config){.dir = f->folder.data, .durability = PL_DURABILITY_WRITTEN};
    assert_int_equal(pl_sqlite_store_open(&f->config, &f->sqlite, NULL), PL_OK);
    f->store = pl_sqlite_store_iface(f->sqlite);
    assert_int_equal(pl_memory_store_new(&f->twin), PL_OK);
    assert_int_equal(pl_sqlite_reader_open(&f->config, &f->reader, NULL), PL_OK);
    f->random = 11;
    *state = f;
    return 0;
}

int reader_bench_teardown(void **state)
{
    struct fixture *f = *state;

    pl_sqlite_reader_close(&f->reader);
    pl_sqlite_store_close(f->sqlite);
    pl_memory_store_free(&f->twin);
    folder_remove(&f->folder);
    pl_free(f);
    return 0;
}

void reader_bench_grow(struct fixture *f, int batches)
{
    for (int i = 0; i < batches; i++) {
        uint64_t seed = random_next(&f->random);
        struct load again = f->load;

        assert_int_equal(f->store.ops->begin(f->store.self), PL_OK);
        assert_int_equal(load_apply(&f->load, &f->store, seed, 10), PL_OK);
        assert_int_equal(f->store.ops->commit(f->store.self), PL_OK);
        assert_int_equal(f->twin.ops->begin(f->twin.self), PL_OK);
        assert_int_equal(load_apply(&again, &f->twin, seed, 10), PL_OK);
        assert_int_equal(f->twin.ops->commit(f->twin.self), PL_OK);
    }
}

void reader_bench_begin(struct fixture *f)
{
    assert_int_equal(f->reader.ops->begin(f->reader.self), PL_OK);
}

void reader_bench_end(struct fixture *f)
{
    f->reader.ops->end(f->reader.self);
}

/* test_sqlite_crash.c - what is left after the power went, and disks that are
 * full or broken. */
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "crash_vfs.h"
#include "folder.h"
#include "load.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "store/sqlite_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { LIVES = 8, BATCHES_MAX = 60 };

/* One data folder's lives, each but the last ended by a cut. */
struct lives {
    struct folder folder;
    struct pl_sqlite_config config;
    bool mix;
    bool beside; /* checkpoints are made on a connection of their own */
    bool due;    /* one of those */
    uint64_t random;
    struct pl_store twin;  /* what was acknowledged, and nothing else */
    struct load load;      /* its state */
    uint64_t pending_seed; /* of the batch whose outcome is not known; 0: none */
    uint32_t cuts;
    uint32_t unsure; /* batches that were there although nobody was told */
};

static void on_checkpoint_due(void *self)
{
    struct lives *lives = self;

    lives->due = true;
}

static void lives_init(struct lives *lives, uint64_t seed)
{
    memset(lives, 0, sizeof *lives);
    folder_make(&lives->folder);
    lives->config = (struct pl_sqlite_config){.dir = lives->folder.data,
                                              .vfs = CRASH_VFS_NAME,
                                              .durability = PL_DURABILITY_SYNCED,
                                              .checkpoint_pages = 30,
                                              .request_chunk_len = 2};
    lives->random = seed;
    assert_int_equal(pl_memory_store_new(&lives->twin), PL_OK);
    crash_vfs_start();
}

static void lives_done(struct lives *lives)
{
    crash_vfs_stop();
    pl_memory_store_free(&lives->twin);
    folder_remove(&lives->folder);
}

/* Applies a batch; what it answers is what a caller would be told. */
static int apply(const struct pl_store *store, struct load *load, uint64_t seed)
{
    struct load next = *load;
    int rc = store->ops->begin(store->self);

    if (rc == PL_OK)
        rc = load_apply(&next, store, seed, 1 + (uint32_t)(seed % 12));
    if (rc == PL_OK)
        rc = store->ops->commit(store->self);
    if (rc < 0)
        store->ops->rollback(store->self);
    else
        *load = next;
    return rc;
}

/* Whether all is there that was acknowledged, and none of it half. */
static bool check(struct lives *lives, struct pl_sqlite_store *sqlite)
{
    struct pl_store store = pl_sqlite_store_iface(sqlite);
    struct pl_meta meta;

    if (store.ops->get_meta(store.self, &meta) < 0 || meta.batch < lives->load.meta.batch)
        return false;
    if (meta.batch > lives->load.meta.batch && lives->pending_seed != 0) {
        lives->unsure++;
        assert_int_equal(apply(&lives->twin, &lives->load, lives->pending_seed), PL_OK);
    }
    lives->pending_seed = 0;
    load_compare(&lives->load, &store, &lives->twin);
    return true;
}

static bool sound(struct pl_sqlite_store *sqlite)
{
    sqlite3_stmt *stmt = NULL;
    bool ok;

    if (sqlite3_prepare_v2(sqlite->db.handle, "PRAGMA integrity_check", -1, &stmt, NULL) !=
        SQLITE_OK)
        return false;
    ok = sqlite3_step(stmt) == SQLITE_ROW &&
         strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    return ok;
}

/* Batches until the power goes, with checkpoints some time after they were asked
 * for. */
static void work(struct lives *lives, struct pl_sqlite_store *sqlite)
{
    struct pl_store store = pl_sqlite_store_iface(sqlite);
    struct pl_sqlite_checkpointer *checkpointer = NULL;

    if (lives->beside &&
        pl_sqlite_checkpointer_open(sqlite, &lives->config, &checkpointer, NULL) < 0)
        assert_true(crash_vfs_is_cut());
    for (int i = 0; i < BATCHES_MAX; i++) {
        struct load next = lives->load;
        uint64_t seed = random_next(&lives->random);

        if (apply(&store, &next, seed) < 0) {
            assert_true(crash_vfs_is_cut());
            lives->pending_seed = seed;
            break;
        }
        assert_int_equal(apply(&lives->twin, &lives->load, seed), PL_OK);
        if (lives->due && checkpointer != NULL && random_below(&lives->random, 3) == 0) {
            lives->due = false;
            if (pl_sqlite_checkpointer_run(checkpointer) < 0)
                assert_true(crash_vfs_is_cut());
        }
    }
    pl_sqlite_checkpointer_close(checkpointer);
}

/* From a start, which a cut may hit, to the next cut. */
static void live(struct lives *lives)
{
    struct pl_sqlite_store *sqlite = NULL;

    crash_vfs_cut_at(1 + random_below(&lives->random, 400));
    if (pl_sqlite_store_open(&lives->config, &sqlite, NULL) == PL_OK)
        work(lives, sqlite);
    else
        assert_true(crash_vfs_is_cut());
    if (crash_vfs_is_cut())
        lives->cuts++;
    pl_sqlite_store_close(sqlite); /* which may be hit, too */
    crash_vfs_restore(lives->mix ? random_next(&lives->random) | 1 : 0);
}

/* Starts what the disk holds. False: something that was acknowledged is lost. */
static bool survive(struct lives *lives)
{
    struct pl_sqlite_store *sqlite = NULL;
    bool good = pl_sqlite_store_open(&lives->config, &sqlite, NULL) == PL_OK &&
                check(lives, sqlite) && sound(sqlite);

    pl_sqlite_store_close(sqlite);
    return good;
}

static void have_checkpoints_beside(struct lives *lives)
{
    lives->beside = true;
    lives->config.on_checkpoint_due = on_checkpoint_due;
    lives->config.self = lives;
    lives->config.lay_wal = true;
}

/* Runs folders of some lives each. Returns how many of them lost something. */
static uint32_t run(enum pl_durability durability, bool mix, bool lie, bool beside, uint32_t seeds)
{
    uint32_t lost = 0, cuts = 0, unsure = 0;

    for (uint32_t seed = 1; seed <= seeds; seed++) {
        struct lives lives;
        bool good = true;

        lives_init(&lives, seed);
        lives.config.durability = durability;
        lives.mix = mix;
        if (beside)
            have_checkpoints_beside(&lives);
        crash_vfs_faults.lie = lie;
        for (int i = 0; i < LIVES && good; i++) {
            live(&lives);
            good = survive(&lives);
        }
        if (!good) {
            lost++;
            if (durability == PL_DURABILITY_SYNCED && !lie)
                print_error("seed %u lost something\n", seed);
        }
        cuts += lives.cuts;
        unsure += lives.unsure;
        lives_done(&lives);
    }
    assert_true(cuts > seeds / 2); /* else it has shown nothing */
    assert_true(!mix || unsure > 0);
    return lost;
}

static void what_was_acknowledged_survives_a_cut(void **state)
{
    (void)state;
    assert_int_equal(run(PL_DURABILITY_SYNCED, false, false, false, 12), 0);
}

static void what_was_acknowledged_survives_a_cut_that_leaves_a_mess(void **state)
{
    (void)state;
    assert_int_equal(run(PL_DURABILITY_SYNCED, true, false, false, 12), 0);
}

static void cuts_while_checkpoints_are_made_beside_lose_nothing(void **state)
{
    (void)state;
    assert_int_equal(run(PL_DURABILITY_SYNCED, false, false, true, 12), 0);
    assert_int_equal(run(PL_DURABILITY_SYNCED, true, false, true, 12), 0);
}

static void leaving_out_the_sync_is_found(void **state)
{
    (void)state;
    assert_true(run(PL_DURABILITY_WRITTEN, false, false, false, 5) > 0);
}

static void a_disk_that_lies_is_found(void **state)
{
    (void)state;
    assert_true(run(PL_DURABILITY_SYNCED, false, true, false, 5) > 0);
}

static void full_disk_rolls_back_and_goes_on_when_there_is_space(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    struct pl_store store;
    int refused = 0;

    (void)state;
    lives_init(&lives, 5);
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    store = pl_sqlite_store_iface(sqlite);
    for (int i = 0; i < 200; i++) {
        struct load next = lives.load;
        uint64_t seed = random_next(&lives.random);
        int rc;

        crash_vfs_faults.full = i % 20 > 10;
        rc = apply(&store, &next, seed);
        if (rc == PL_OK) {
            assert_int_equal(apply(&lives.twin, &lives.load, seed), PL_OK);
            continue;
        }
        assert_true(crash_vfs_faults.full);
        assert_int_equal(rc, PL_E_FULL);
        refused++;
        load_compare(&lives.load, &store, &lives.twin);
    }
    assert_true(refused > 10);
    crash_vfs_faults.full = false;
    pl_sqlite_store_close(sqlite);
    assert_true(survive(&lives));
    lives_done(&lives);
}

static size_t wal_size(struct lives *lives)
{
    size_t size;

    pl_free(folder_read(&lives->folder, PL_SQLITE_FILE "-wal", &size));
    return size;
}

static void commits_do_not_make_a_laid_wal_longer(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    struct pl_store store;
    size_t size;

    (void)state;
    lives_init(&lives, 14);
    lives.config.lay_wal = true;
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    size = wal_size(&lives);
    assert_true(size > 4 * 4096 * (size_t)lives.config.checkpoint_pages);
    store = pl_sqlite_store_iface(sqlite);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        assert_int_equal(apply(&store, &lives.load, seed), PL_OK);
        assert_int_equal(wal_size(&lives), size);
    }
    pl_sqlite_store_close(sqlite);
    lives_done(&lives);
}

static void a_disk_too_full_to_lay_the_wal_is_no_reason_to_stay_closed(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;

    (void)state;
    lives_init(&lives, 15);
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    work(&lives, sqlite);
    pl_sqlite_store_close(sqlite);
    lives.config.lay_wal = true;
    crash_vfs_faults.full = true;
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    assert_int_equal(wal_size(&lives), 0);
    crash_vfs_faults.full = false;
    work(&lives, sqlite);
    pl_sqlite_store_close(sqlite);
    assert_true(survive(&lives));
    lives_done(&lives);
}

static void a_wal_that_cannot_be_synced_is_not_opened(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;

    (void)state;
    lives_init(&lives, 16);
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    pl_sqlite_store_close(sqlite);
    lives.config.lay_wal = true;
    crash_vfs_faults.fail_syncs = true;
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_E_IO);
    crash_vfs_faults.fail_syncs = false;
    lives_done(&lives);
}

/* After a failed write or sync nothing goes on, and a new start has all that
 * was acknowledged. */
static void check_broken(bool *fault)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    struct pl_store store;
    struct load next;

    lives_init(&lives, 6);
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    work(&lives, sqlite);
    store = pl_sqlite_store_iface(sqlite);
    *fault = true;
    lives.pending_seed = 77;
    next = lives.load;
    assert_int_equal(apply(&store, &next, lives.pending_seed), PL_E_IO);
    assert_int_equal(store.ops->begin(store.self), PL_E_IO);
    *fault = false;
    assert_int_equal(store.ops->begin(store.self), PL_E_IO);
    pl_sqlite_store_close(sqlite);
    assert_true(survive(&lives));
    lives_done(&lives);
}

static void failed_write_is_not_trusted_again(void **state)
{
    (void)state;
    check_broken(&crash_vfs_faults.fail_writes);
}

static void failed_sync_is_not_trusted_again(void **state)
{
    (void)state;
    check_broken(&crash_vfs_faults.fail_syncs);
}

static void open_brings_the_wal_into_the_database(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    size_t size;
    uint8_t *data;

    (void)state;
    lives_init(&lives, 9);
    lives.config.checkpoint_pages = 1000000;
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    work(&lives, sqlite);
    crash_vfs_cut_at(1);
    pl_sqlite_store_close(sqlite);
    assert_true(crash_vfs_is_cut());
    crash_vfs_restore(0);
    data = folder_read(&lives.folder, PL_SQLITE_FILE "-wal", &size);
    pl_free(data);
    assert_true(size > 100000);
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    data = folder_read(&lives.folder, PL_SQLITE_FILE "-wal", &size);
    pl_free(data);
    assert_int_equal(size, 0);
    assert_true(check(&lives, sqlite));
    pl_sqlite_store_close(sqlite);
    lives_done(&lives);
}

static void failed_checkpoint_loses_nothing_and_ends_the_store(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    struct pl_store store;

    (void)state;
    lives_init(&lives, 10);
    lives.config.checkpoint_pages = 1000000;
    assert_int_equal(pl_sqlite_store_open(&lives.config, &sqlite, NULL), PL_OK);
    work(&lives, sqlite);
    store = pl_sqlite_store_iface(sqlite);
    crash_vfs_faults.fail_syncs = true;
    assert_int_equal(pl_sqlite_store_checkpoint(sqlite), PL_E_IO);
    assert_int_equal(store.ops->begin(store.self), PL_E_IO);
    crash_vfs_faults.fail_syncs = false;
    crash_vfs_cut_at(1);
    pl_sqlite_store_close(sqlite);
    crash_vfs_restore(0);
    assert_true(survive(&lives));
    lives_done(&lives);
}

/* A checkpointer with some work to do. */
static struct pl_sqlite_checkpointer *open_beside(struct lives *lives, uint64_t seed,
                                                  struct pl_sqlite_store **ret_sqlite)
{
    struct pl_sqlite_checkpointer *checkpointer = NULL;

    lives_init(lives, seed);
    have_checkpoints_beside(lives);
    assert_int_equal(pl_sqlite_store_open(&lives->config, ret_sqlite, NULL), PL_OK);
    assert_int_equal(pl_sqlite_checkpointer_open(*ret_sqlite, &lives->config, &checkpointer, NULL),
                     PL_OK);
    lives->beside = false; /* work() only asks for checkpoints */
    work(lives, *ret_sqlite);
    return checkpointer;
}

static void failed_checkpoint_beside_loses_nothing_and_ends_the_store(void **state)
{
    bool *faults[] = {&crash_vfs_faults.fail_syncs, &crash_vfs_faults.fail_writes};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct pl_sqlite_store *sqlite = NULL;
        struct lives lives;
        struct pl_sqlite_checkpointer *checkpointer = open_beside(&lives, 11, &sqlite);
        struct pl_store store = pl_sqlite_store_iface(sqlite);

        assert_true(lives.due);
        *faults[i] = true;
        assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_E_IO);
        *faults[i] = false;
        assert_int_equal(store.ops->begin(store.self), PL_E_IO);
        assert_int_equal(store.ops->begin(store.self), PL_E_IO);
        crash_vfs_cut_at(1);
        pl_sqlite_checkpointer_close(checkpointer);
        pl_sqlite_store_close(sqlite);
        crash_vfs_restore(0);
        assert_true(survive(&lives));
        lives_done(&lives);
    }
}

/* The store has not heard of it yet when it commits, or is closed. */
static void after_a_failed_checkpoint_beside_the_wal_stays(void **state)
{
    (void)state;
    for (int commits = 0; commits < 2; commits++) {
        struct pl_sqlite_store *sqlite = NULL;
        struct lives lives;
        struct pl_sqlite_checkpointer *checkpointer = open_beside(&lives, 13, &sqlite);
        struct pl_store store = pl_sqlite_store_iface(sqlite);
        size_t size;

        if (commits > 0)
            assert_int_equal(store.ops->begin(store.self), PL_OK);
        crash_vfs_faults.fail_syncs = true;
        assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_E_IO);
        crash_vfs_faults.fail_syncs = false;
        if (commits > 0) {
            sqlite->wal.purge_due = true; /* the commit would empty the WAL at once */
            sqlite->wal.purge_ms = 0;
            atomic_store(&sqlite->wal.in_db, sqlite->wal.pages - 1);
            assert_int_equal(store.ops->commit(store.self), PL_OK);
        }
        pl_sqlite_checkpointer_close(checkpointer);
        pl_sqlite_store_close(sqlite);
        pl_free(folder_read(&lives.folder, PL_SQLITE_FILE "-wal", &size));
        assert_true(size > 100000);
        assert_true(survive(&lives));
        lives_done(&lives);
    }
}

static void full_disk_at_a_checkpoint_beside_stops_nobody(void **state)
{
    struct pl_sqlite_store *sqlite = NULL;
    struct lives lives;
    struct pl_sqlite_checkpointer *checkpointer = open_beside(&lives, 12, &sqlite);

    (void)state;
    crash_vfs_faults.full = true;
    assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_E_FULL);
    crash_vfs_faults.full = false;
    work(&lives, sqlite);
    assert_int_equal(pl_sqlite_checkpointer_run(checkpointer), PL_OK);
    pl_sqlite_checkpointer_close(checkpointer);
    pl_sqlite_store_close(sqlite);
    assert_true(survive(&lives));
    lives_done(&lives);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_a_cut),
        cmocka_unit_test(what_was_acknowledged_survives_a_cut_that_leaves_a_mess),
        cmocka_unit_test(cuts_while_checkpoints_are_made_beside_lose_nothing),
        cmocka_unit_test(leaving_out_the_sync_is_found),
        cmocka_unit_test(a_disk_that_lies_is_found),
        cmocka_unit_test(full_disk_rolls_back_and_goes_on_when_there_is_space),
        cmocka_unit_test(commits_do_not_make_a_laid_wal_longer),
        cmocka_unit_test(a_disk_too_full_to_lay_the_wal_is_no_reason_to_stay_closed),
        cmocka_unit_test(a_wal_that_cannot_be_synced_is_not_opened),
        cmocka_unit_test(failed_write_is_not_trusted_again),
        cmocka_unit_test(failed_sync_is_not_trusted_again),
        cmocka_unit_test(open_brings_the_wal_into_the_database),
        cmocka_unit_test(failed_checkpoint_loses_nothing_and_ends_the_store),
        cmocka_unit_test(failed_checkpoint_beside_loses_nothing_and_ends_the_store),
        cmocka_unit_test(after_a_failed_checkpoint_beside_the_wal_stays),
        cmocka_unit_test(full_disk_at_a_checkpoint_beside_stops_nobody),
    };

    if (pl_secret_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * test_on_disk.c - on the SQLite store the engine does as on the in-memory one.
 *
 * Two engines get the same random batches; their effects must be the same to
 * the byte, also after restarts, when the database is opened again.
 */
#include "../store/folder.h"
#include "core/state.h"
#include "run.h"
#include "store/sqlite.h"

enum { BATCHES = 300, SEEDS = 10 };

struct disk {
    struct folder folder;
    struct pl_sqlite_store *store;
    struct pl_engine *engine;
};

static void open_disk(struct disk *disk, const struct world *world)
{
    const struct pl_sqlite_config config = {
        .dir = disk->folder.data, .durability = PL_DURABILITY_WRITTEN, .request_chunk_len = 8};
    struct pl_engine_config engine = world->config;

    assert_int_equal(pl_sqlite_store_open(&config, &disk->store, NULL), PL_OK);
    engine.store = pl_sqlite_store_iface(disk->store);
    assert_int_equal(pl_engine_new(&engine, &disk->engine), PL_OK);
}

static void close_disk(struct disk *disk)
{
    pl_engine_free(disk->engine);
    pl_sqlite_store_close(disk->store);
}

/* Applies the world's batch to both and compares what comes of it. */
static void apply_both(struct run *run, struct disk *disk)
{
    struct world other = run->world;
    struct pl_bytebuf a, b;

    assert_int_equal(world_apply(&run->world), PL_OK);
    pl_effects_init(&other.effects, PL_BUF_SIZE_MAX);
    assert_int_equal(pl_engine_apply(disk->engine, &run->world.batch, &other.effects), PL_OK);
    world_render(&run->world, &a);
    world_render(&other, &b);
    assert_string_equal(pl_bytebuf_cstr(&a), pl_bytebuf_cstr(&b));
    assert_int_equal(pl_engine_due_ms(run->world.engine), pl_engine_due_ms(disk->engine));
    pl_bytebuf_done(&a);
    pl_bytebuf_done(&b);
    pl_effects_done(&other.effects);
    run_follow(run);
}

static void restart_both(struct run *run, struct disk *disk)
{
    close_disk(disk);
    world_restart(&run->world);
    open_disk(disk, &run->world);
    model_lose_takers(run->model);
    run_gather_start(run);
    apply_both(run, disk);
}

static void run_seed(uint64_t seed)
{
    struct run run;
    struct disk disk;

    run_init(&run, seed);
    folder_make(&disk.folder);
    open_disk(&disk, &run.world);
    run_gather_start(&run);
    apply_both(&run, &disk);
    for (uint32_t i = 0; i < BATCHES; i++) {
        if (seed % 2 == 0)
            for (size_t slot = 0; slot < PL_SLOTS_LEN; slot++)
                disk.engine->cache.slots[slot].len_max = 0; /* ask the store always */
        run_gather(&run);
        apply_both(&run, &disk);
        if (pl_engine_due_ms(disk.engine) <= run.world.now_ms) {
            run_gather_expire(&run);
            apply_both(&run, &disk);
        }
        if (run_below(&run, 50) == 0)
            restart_both(&run, &disk);
    }
    model_check(run.model, &run.world);
    close_disk(&disk);
    folder_remove(&disk.folder);
    run_done(&run);
}

static void both_stores_lead_to_the_same_effects(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_stores_lead_to_the_same_effects),
    };

    return cmocka_run_group_tests_name("on_disk", tests, NULL, NULL);
}

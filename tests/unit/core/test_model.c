/*
 * test_model.c - the engine does what a naive model says, whatever people do.
 *
 * People chosen by a seed do what comes to their mind, in batches; some of the
 * store's operations fail, sometimes the server is restarted, some engines
 * remember next to nothing. A failure prints its seed.
 */
#include "core/state.h"
#include "run.h"

#include <stdlib.h>

enum { BATCHES = 600, SEEDS = 100 };

static void forget_soon(struct run *run, uint64_t seed)
{
    for (size_t i = 0; seed % 3 == 0 && i < PL_SLOTS_LEN; i++)
        run->world.engine->cache.slots[i].len_max = i;
}

static void start(struct run *run)
{
    run_gather_start(run);
    assert_int_equal(world_apply(&run->world), PL_OK);
}

/* What the server does when the engine says that it is time. */
static void expire_if_due(struct run *run)
{
    if (pl_engine_due_ms(run->world.engine) > run->world.now_ms)
        return;
    run_gather_expire(run);
    assert_int_equal(world_apply(&run->world), PL_OK);
    run_follow(run);
    assert_true(pl_engine_due_ms(run->world.engine) > run->world.now_ms);
}

/* Whether the batch failed. */
static bool one_batch(struct run *run)
{
    int rc;

    run_gather(run);
    if (run_below(run, 20) == 0)
        pl_memory_store_fail_op(&run->world.store, 1 + run_below(run, 40), PL_E_FULL);
    rc = world_apply(&run->world);
    pl_memory_store_fail_op(&run->world.store, 0, PL_OK);
    if (rc < 0) {
        assert_int_equal(rc, PL_E_FULL);
        model_lose_takers(run->model);
        return true;
    }
    run_follow(run);
    expire_if_due(run);
    model_check(run->model, &run->world);
    return false;
}

static uint32_t failures; /* of batches, over all seeds */

static void run_seed(uint64_t seed)
{
    struct run run;

    run_init(&run, seed);
    forget_soon(&run, seed);
    start(&run);
    for (uint32_t i = 0; i < BATCHES; i++) {
        failures += one_batch(&run);
        if (run_below(&run, 50) == 0) {
            world_restart(&run.world);
            forget_soon(&run, seed);
            model_lose_takers(run.model);
            start(&run);
        }
    }
    run_done(&run);
}

static uint64_t first_seed = 1, last_seed = SEEDS;

static void the_engine_does_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed <= last_seed; seed++)
        run_seed(seed);
    if (first_seed != last_seed)
        assert_true(failures > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_does_what_the_model_says),
    };

    if (argc == 2) /* one seed again */
        first_seed = last_seed = strtoull(argv[1], NULL, 10);
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}

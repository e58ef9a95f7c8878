/*
 * test_model.c - the engine does what a naive model says, whatever people do.
 *
 * People chosen by a seed do what comes to their mind, in batches; some
 * commits fail, sometimes the server is restarted, some engines remember next
 * to nothing. A failure prints its seed.
 */
#include "model.h"

#include "base/mem.h"
#include "core/state.h"

#include <inttypes.h>
#include <stdlib.h>

enum { BATCH_LEN = 6, BATCHES = 600, SEEDS = 30 };

struct run {
    struct world world;
    struct model *model;

    uint64_t seed;
    struct step steps[BATCH_LEN];
    uint32_t steps_len;
    uint32_t failures;
    bool forgetful;
};

static uint32_t below(struct run *run, uint32_t bound)
{
    return (uint32_t)(model_random(&run->seed) % bound);
}

static void forget_soon(struct run *run)
{
    for (size_t i = 0; run->forgetful && i < PL_SLOTS_LEN; i++)
        run->world.engine->cache.slots[i].len_max = i;
}

/* A step that the model can follow. One slot of a taker is opened once, rooms
 * are not filled beyond the model's memory. */
static bool may_take(const struct run *run, const struct step *step)
{
    if (run->model->room[step->room].last >= MODEL_LOG_LEN)
        return step->kind == PL_COMMAND_SIGN_IN_GUEST || step->kind == PL_COMMAND_ACK_MESSAGE;
    if (step->kind != PL_COMMAND_OPEN_TAKER)
        return true;
    for (uint32_t i = 0; i < run->steps_len; i++)
        if (run->steps[i].kind == PL_COMMAND_OPEN_TAKER)
            return false;
    return !run->model->taker[step->taker].open;
}

static void gather(struct run *run)
{
    bool alone = below(run, 5) == 0;
    uint32_t len = alone ? 1 : 1 + below(run, BATCH_LEN);

    world_clear(&run->world);
    run->steps_len = 0;
    for (uint32_t i = 0; i < len; i++) {
        struct step step = model_choose(run->model, &run->seed, alone);

        if (!may_take(run, &step))
            continue;
        model_add(run->model, &run->world, &step);
        run->steps[run->steps_len++] = step;
    }
}

/* Walks the effects: each reply is the turn of its step, and what follows it
 * came of that. */
static void follow(struct run *run)
{
    uint32_t next = 0;

    if (run->steps_len == 1 &&
        (run->steps[0].kind == PL_COMMAND_EXPIRE || run->steps[0].kind == PL_COMMAND_CLOSE_TAKER))
        model_do(run->model, &run->steps[next++], NULL);
    PL_LIST_EACH (node, &run->world.effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_REPLY) {
            const struct step *step = &run->steps[next++];

            assert_int_equal(effect->u.reply.to, step->tag);
            assert_refused(effect->u.reply.reply,
                           model_do(run->model, step, effect->u.reply.reply));
        } else {
            model_judge(run->model, effect);
        }
    }
    assert_int_equal(next, run->steps_len);
}

static void start(struct run *run)
{
    world_clear(&run->world);
    add_start(&run->world, 100 + run->world.batch_number);
    assert_int_equal(world_apply(&run->world), PL_OK);
}

/* What the server does when the engine says that it is time. */
static void expire_if_due(struct run *run)
{
    if (pl_engine_due_ms(run->world.engine) > run->world.now_ms)
        return;
    world_clear(&run->world);
    run->steps[0] = (struct step){.kind = PL_COMMAND_EXPIRE};
    run->steps_len = 1;
    model_add(run->model, &run->world, &run->steps[0]);
    assert_int_equal(world_apply(&run->world), PL_OK);
    follow(run);
    assert_true(pl_engine_due_ms(run->world.engine) > run->world.now_ms);
}

static void one_batch(struct run *run)
{
    int rc;

    run->world.now_ms += below(run, 10) == 0 ? 20000 : below(run, 50);
    run->model->now_ms = run->world.now_ms;
    gather(run);
    if (below(run, 20) == 0)
        pl_memory_store_fail_op(&run->world.store, 1 + below(run, 40), PL_E_FULL);
    rc = world_apply(&run->world);
    pl_memory_store_fail_op(&run->world.store, 0, PL_OK);
    if (rc < 0) {
        assert_int_equal(rc, PL_E_FULL);
        run->failures++;
        model_lose_takers(run->model);
        return;
    }
    follow(run);
    expire_if_due(run);
    model_check(run->model, &run->world);
    if (below(run, 50) == 0) {
        world_restart(&run->world);
        forget_soon(run);
        model_lose_takers(run->model);
        start(run);
    }
}

static void run_seed(uint64_t seed)
{
    struct run run = {.model = calloc(1, sizeof *run.model), .seed = seed};

    assert_non_null(run.model);
    print_message("seed %" PRIu64 "\n", seed);
    model_init(run.model);
    world_init(&run.world);
    run.forgetful = seed % 3 == 0;
    forget_soon(&run);
    start(&run);
    for (uint32_t i = 0; i < BATCHES; i++)
        one_batch(&run);
    assert_true(run.failures > 0);
    world_done(&run.world);
    free(run.model);
}

static void the_engine_does_what_the_model_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_does_what_the_model_says),
    };

    if (argc == 2) { /* one seed again */
        run_seed(strtoull(argv[1], NULL, 10));
        return 0;
    }
    return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}

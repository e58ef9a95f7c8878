/* run.c - see run.h. */
#include "run.h"

#include "base/mem.h"

#include <inttypes.h>

void run_init(struct run *run, uint64_t seed)
{
    *run = (struct run){.model = pl_zalloc(sizeof *run->model), .seed = seed};
    assert_non_null(run->model);
    print_message("seed %" PRIu64 "\n", seed);
    model_init(run->model);
    world_init(&run->world);
}

void run_done(struct run *run)
{
    world_done(&run->world);
    pl_free(run->model);
}

uint32_t run_below(struct run *run, uint32_t bound)
{
    return (uint32_t)(model_random(&run->seed) % bound);
}

/* A step that the model can follow: one taker is opened in a batch, in a slot
 * that is free, and no room is filled beyond the model's memory. */
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

void run_gather(struct run *run)
{
    bool alone = run_below(run, 5) == 0;
    uint32_t len = alone ? 1 : 1 + run_below(run, RUN_BATCH_LEN);

    run->world.now_ms += run_below(run, 10) == 0 ? 20000 : run_below(run, 50);
    run->model->now_ms = run->world.now_ms;
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

void run_gather_start(struct run *run)
{
    world_clear(&run->world);
    add_start(&run->world, 100 + run->world.batch_number);
    run->steps_len = 0;
}

void run_gather_expire(struct run *run)
{
    world_clear(&run->world);
    run->steps[0] = (struct step){.kind = PL_COMMAND_EXPIRE};
    run->steps_len = 1;
    model_add(run->model, &run->world, &run->steps[0]);
}

/* Each reply is the turn of its step, and what follows it came of that. */
void run_follow(struct run *run)
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

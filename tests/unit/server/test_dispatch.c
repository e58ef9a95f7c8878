/* test_dispatch.c - effects that find no memory are made up for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "server/dispatch.h"
#include "server/stream_call.h"
#include "wire/frame.h"

enum { LOOPS_LEN = 3, SENT_LEN_MAX = 8 };

struct world {
    struct pl_dispatch dispatch;
    struct pl_wire_framer framer;
    struct pl_framer framer_iface;
    struct pl_effects effects;
    struct pl_list errands;
    struct pl_msg *sent[SENT_LEN_MAX];
    uint32_t loops[SENT_LEN_MAX];
    uint32_t sent_len;
};

static void to_loop(void *self, uint32_t loop, struct pl_msg *msg)
{
    struct world *world = self;

    assert_true(world->sent_len < SENT_LEN_MAX);
    world->sent[world->sent_len] = msg;
    world->loops[world->sent_len++] = loop;
}

static int setup(void **state)
{
    struct world *world = pl_zalloc(sizeof *world);

    assert_non_null(world);
    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    pl_dispatch_init(&world->dispatch);
    world->framer_iface = pl_wire_framer_iface(&world->framer);
    assert_int_equal(pl_router_new(&world->framer_iface, &world->dispatch.router), PL_OK);
    world->dispatch.loops_len = LOOPS_LEN;
    world->dispatch.to_loop = to_loop;
    world->dispatch.self = world;
    pl_effects_init(&world->effects, 1024 * 1024);
    pl_list_init(&world->errands);
    assert_int_equal(pl_dispatch_reserve(&world->dispatch), PL_OK);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    for (uint32_t i = 0; i < world->sent_len; i++)
        pl_msg_discard(world->sent[i]);
    pl_effects_done(&world->effects);
    pl_dispatch_done(&world->dispatch);
    pl_router_free(world->dispatch.router);
    pl_free(world);
    return 0;
}

static void add_taker_ended(struct world *world, uint32_t loop)
{
    struct pl_effect *effect = pl_effects_add(&world->effects, PL_EFFECT_TAKER_ENDED);

    assert_non_null(effect);
    effect->u.taker_ended.taker = pl_taker_id(loop, 5);
    effect->u.taker_ended.loop = loop;
    effect->u.taker_ended.refusal = pl_refusal_of(PL_REASON_NOT_A_MEMBER);
}

static void assert_ended(const struct world *world, uint32_t nth, uint32_t loop)
{
    const struct pl_taken_msg *msg = PL_CONTAINER(world->sent[nth], struct pl_taken_msg, msg);

    assert_int_equal(world->loops[nth], loop);
    assert_int_equal(world->sent[nth]->kind, PL_MSG_TAKER_ENDED);
    assert_int_equal(msg->call, 5);
}

static void assert_takers_lost(const struct world *world, uint32_t nth, uint32_t loop)
{
    const struct pl_feed_msg *msg = PL_CONTAINER(world->sent[nth], struct pl_feed_msg, msg);

    assert_int_equal(world->loops[nth], loop);
    assert_int_equal(world->sent[nth]->kind, PL_MSG_FEED);
    assert_null(msg->feed);
    assert_false(msg->feed_lost);
    assert_true(msg->takers_lost);
}

static void a_takers_end_that_cannot_be_told_ends_its_loops_takers(void **state)
{
    struct world *world = *state;

    add_taker_ended(world, 2);
    add_taker_ended(world, 1);
    pl_mem_fail_at(1);
    pl_dispatch_effects(&world->dispatch, &world->effects, 0, &world->errands);
    assert_true(pl_mem_failed());
    assert_int_equal(world->sent_len, 2);
    assert_ended(world, 0, 1);
    assert_takers_lost(world, 1, 2);

    /* once: the next batch knows nothing of it */
    pl_effects_clear(&world->effects);
    assert_int_equal(pl_dispatch_reserve(&world->dispatch), PL_OK);
    pl_dispatch_effects(&world->dispatch, &world->effects, 0, &world->errands);
    assert_int_equal(world->sent_len, 2);
}

static void the_same_holds_where_the_batch_was_lost(void **state)
{
    struct world *world = *state;

    add_taker_ended(world, 0);
    add_taker_ended(world, 0);
    pl_mem_fail_at(2);
    pl_dispatch_failure(&world->dispatch, &world->effects, PL_E_FULL, &world->errands);
    assert_true(pl_mem_failed());
    assert_int_equal(world->sent_len, 2);
    assert_ended(world, 0, 0);
    assert_takers_lost(world, 1, 0);
}

static void a_lost_batch_refuses_every_errand(void **state)
{
    struct world *world = *state;
    struct pl_errand *loud = pl_errand_new(PL_ERRAND_COMMAND, 1, 7);
    struct pl_errand *silent = pl_errand_new(PL_ERRAND_COMMAND, 1, 0);

    assert_true(loud != NULL && silent != NULL);
    silent->silent = true;
    pl_list_append(&world->errands, &silent->msg.letter.node);
    pl_list_append(&world->errands, &loud->msg.letter.node);
    pl_dispatch_failure(&world->dispatch, &world->effects, PL_E_FULL, &world->errands);
    assert_true(pl_list_empty(&world->errands));
    assert_int_equal(world->sent_len, 1);
    assert_ptr_equal(world->sent[0], &loud->msg);
    assert_true(loud->answered);
    assert_int_equal(loud->refusal.reason, PL_REASON_DISK_FULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_takers_end_that_cannot_be_told_ends_its_loops_takers),
        TEST(the_same_holds_where_the_batch_was_lost),
        TEST(a_lost_batch_refuses_every_errand),
    };

    return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}

/* test_work.c - takers, leases, and what becomes of work. */
#include "world.h"

#include <stdio.h>

/* ana owns #jobs, a work room; bo and cy are in it. A first message there has
 * the sequence 5. */
static void setup(struct world *world)
{
    world_start(world);
    do_sign_in(world, "ana");
    do_sign_in(world, "bo");
    do_sign_in(world, "cy");
    do_create_as(world, "ana", "jobs", PL_ROOM_PUBLIC, PL_ROOM_ONE, false);
    do_join(world, "bo", "jobs");
    do_join(world, "cy", "jobs");
}

static const struct pl_reply *applied(struct world *world)
{
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

static const struct pl_reply *open_taker(struct world *world, const char *token, uint64_t taker,
                                         uint32_t len)
{
    add_taker(world, token, "jobs", taker)->u.open_taker.unacked_len_max = len;
    return applied(world);
}

static void close_taker(struct world *world, uint64_t taker)
{
    world_add(world, PL_COMMAND_CLOSE_TAKER, NULL)->u.close_taker.taker = taker;
    assert_int_equal(world_apply(world), PL_OK);
    assert_int_equal(world_count(world, PL_EFFECT_REPLY), 0);
    assert_int_equal(world_count(world, PL_EFFECT_TAKER_ENDED), 0);
}

static const struct pl_reply *ack(struct world *world, const char *token, pl_sequence sequence,
                                  uint64_t lease)
{
    add_lease(world, PL_COMMAND_ACK_MESSAGE, token, "jobs", sequence, lease);
    return applied(world);
}

static const struct pl_reply *release(struct world *world, const char *token, pl_sequence sequence,
                                      uint64_t lease, uint32_t delay_s)
{
    add_lease(world, PL_COMMAND_RELEASE_MESSAGE, token, "jobs", sequence, lease)->u.lease.delay_s =
        delay_s;
    return applied(world);
}

/* The nth LEASED effect is this. */
static void assert_leased(struct world *world, uint32_t nth, uint64_t taker, pl_sequence sequence,
                          uint64_t lease, uint32_t attempt)
{
    const struct pl_effect *effect = world_effect(world, PL_EFFECT_LEASED, nth);

    assert_int_equal(effect->u.leased.taker, taker);
    assert_int_equal(effect->u.leased.loop, 3);
    assert_int_equal(effect->u.leased.message.sequence, sequence);
    assert_int_equal(effect->u.leased.lease, lease);
    assert_int_equal(effect->u.leased.attempt, attempt);
    assert_non_null(effect->u.leased.message.event);
}

static void assert_leased_len(struct world *world, uint32_t len)
{
    assert_int_equal(world_count(world, PL_EFFECT_LEASED), len);
}

static bool is_work(struct world *world, pl_sequence sequence)
{
    struct pl_work work;
    int rc = world->store.ops->get_work(world->store.self, world_room(world, "jobs").id, sequence,
                                        &work);

    assert_true(rc == PL_OK || rc == PL_E_NOTFOUND);
    return rc == PL_OK;
}

static void work_waits_for_a_taker(void **state)
{
    struct world world;
    const struct pl_reply *reply;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one"); /* 5 */
    do_send(&world, "ana", "jobs", "two"); /* 6 */
    assert_leased_len(&world, 0);
    reply = open_taker(&world, "bo", 11, 5);
    assert_granted(reply);
    assert_int_equal(reply->u.taker.user.v, 2);
    assert_int_equal(reply->u.taker.session.v, 2);
    assert_leased_len(&world, 2);
    assert_leased(&world, 0, 11, 5, 1, 1);
    assert_leased(&world, 1, 11, 6, 2, 1);
    assert_string_equal(
        world_text(&world, world_effect(&world, PL_EFFECT_LEASED, 1)->u.leased.message.event),
        "jobs 6 by ana(1) sent 'two' re 0 thread 0");
    /* the reply comes first */
    assert_int_equal(PL_CONTAINER(pl_list_first(&world.effects.list), struct pl_effect, node)->kind,
                     PL_EFFECT_REPLY);
    /* what is sent while a taker waits goes out at once */
    do_send(&world, "ana", "jobs", "three");
    assert_leased(&world, 0, 11, 7, 3, 1);
    world_done(&world);
}

static void a_taker_is_refused_where_it_must_be(void **state)
{
    struct world world;
    struct pl_command *command;

    (void)state;
    setup(&world);
    do_sign_in(&world, "dee");
    assert_refused(open_taker(&world, "dee", 11, 1), PL_REASON_NOT_A_MEMBER);
    add_taker(&world, "bo", "lobby", 11);
    assert_refused(applied(&world), PL_REASON_NOT_A_WORK_ROOM);
    add_taker(&world, "bo", "none", 11);
    assert_refused(applied(&world), PL_REASON_ROOM_NOT_FOUND);
    assert_refused_field(open_taker(&world, "bo", 11, 0), PL_REASON_FIELD_INVALID,
                         "max_unacknowledged");
    assert_refused_field(open_taker(&world, "bo", 11, PL_TAKE_LEN_MAX + 1), PL_REASON_FIELD_INVALID,
                         "max_unacknowledged");
    command = add_taker(&world, "bo", "jobs", 11);
    command->u.open_taker.lease_s = PL_LEASE_S_MAX + 1;
    assert_refused_field(applied(&world), PL_REASON_FIELD_INVALID, "lease_seconds");
    command = add_taker(&world, "bo", "jobs", 11);
    command->u.open_taker.lease_s = 0;
    assert_refused_field(applied(&world), PL_REASON_FIELD_INVALID, "lease_seconds");
    do_send(&world, "ana", "jobs", "one");
    assert_leased_len(&world, 0);
    world_done(&world);
}

static void an_ack_ends_work_and_hands_on(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    do_send(&world, "ana", "jobs", "two");
    open_taker(&world, "bo", 11, 1);
    assert_leased_len(&world, 1);
    assert_granted(ack(&world, "bo", 5, 1));
    assert_false(is_work(&world, 5));
    assert_leased_len(&world, 1);
    assert_leased(&world, 0, 11, 6, 2, 1);
    assert_granted(ack(&world, "bo", 6, 2));
    assert_leased_len(&world, 0);
    assert_refused(ack(&world, "bo", 6, 2), PL_REASON_LEASE_LOST); /* twice */
    world_done(&world);
}

static void only_the_lease_at_hand_counts(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_create_as(&world, "ana", "more", PL_ROOM_PUBLIC, PL_ROOM_ONE, false);
    do_join(&world, "bo", "more");
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    assert_refused(ack(&world, "cy", 5, 1), PL_REASON_LEASE_LOST);
    assert_refused(ack(&world, "bo", 6, 1), PL_REASON_LEASE_LOST);
    assert_refused(ack(&world, "bo", 5, 2), PL_REASON_LEASE_LOST);
    assert_refused(release(&world, "cy", 5, 1, 0), PL_REASON_LEASE_LOST);
    add_lease(&world, PL_COMMAND_ACK_MESSAGE, "bo", "more", 5, 1);
    assert_refused(applied(&world), PL_REASON_LEASE_LOST);
    add_lease(&world, PL_COMMAND_ACK_MESSAGE, "bo", "lobby", 5, 1);
    assert_refused(applied(&world), PL_REASON_NOT_A_WORK_ROOM);
    add_lease(&world, PL_COMMAND_ACK_MESSAGE, "bo", "none", 5, 1);
    assert_refused(applied(&world), PL_REASON_ROOM_NOT_FOUND);
    assert_refused_field(release(&world, "bo", 5, 1, PL_RELEASE_DELAY_MAX + 1),
                         PL_REASON_FIELD_INVALID, "delay_seconds");
    assert_true(is_work(&world, 5));
    assert_granted(ack(&world, "bo", 5, 1));
    world_done(&world);
}

static void another_taker_of_the_same_user_may_ack(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    open_taker(&world, "bo", 12, 1);
    assert_granted(ack(&world, "bo", 5, 1)); /* whichever connection says so */
    world_done(&world);
}

static void takers_take_turns(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    open_taker(&world, "bo", 11, 10);
    open_taker(&world, "cy", 12, 10);
    for (int i = 0; i < 6; i++)
        add_send(&world, "ana", "jobs", "again");
    assert_int_equal(world_apply(&world), PL_OK);
    assert_leased_len(&world, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_leased(&world, i, i % 2 == 0 ? 11 : 12, 5 + i, 1 + i, 1);
    world_done(&world);
}

static void one_taker_s_own_messages_are_for_others(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    open_taker(&world, "bo", 11, 10);
    do_send(&world, "bo", "jobs", "not for me"); /* 5 */
    assert_leased_len(&world, 0);
    do_send(&world, "ana", "jobs", "for bo"); /* 6 passes it */
    assert_leased(&world, 0, 11, 6, 1, 1);
    open_taker(&world, "cy", 12, 10);
    assert_leased_len(&world, 1);
    assert_leased(&world, 0, 12, 5, 2, 1);
    close_taker(&world, 12); /* it waits again */
    assert_leased_len(&world, 0);
    add_taker(&world, "bo", "jobs", 13)->u.open_taker.include_own = true;
    applied(&world);
    assert_leased(&world, 0, 13, 5, 3, 2);
    world_done(&world);
}

static void a_closed_taker_s_work_goes_to_the_next(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    for (int i = 0; i < 3; i++)
        add_send(&world, "ana", "jobs", "x");
    assert_int_equal(world_apply(&world), PL_OK);
    open_taker(&world, "bo", 11, 3);
    open_taker(&world, "cy", 12, 10);
    assert_leased_len(&world, 0);
    close_taker(&world, 11);
    assert_leased_len(&world, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_leased(&world, i, 12, 5 + i, 4 + i, 2);
    assert_refused(ack(&world, "bo", 5, 1), PL_REASON_LEASE_LOST);
    close_taker(&world, 11); /* again: nothing */
    world_done(&world);
}

static void many_leases_of_a_taker_all_end(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    for (int i = 0; i < 200; i++)
        add_send(&world, "ana", "jobs", "x");
    assert_int_equal(world_apply(&world), PL_OK);
    open_taker(&world, "bo", 11, 1000);
    assert_leased_len(&world, 200);
    close_taker(&world, 11);
    open_taker(&world, "cy", 12, 1000);
    assert_leased_len(&world, 200);
    assert_leased(&world, 199, 12, 204, 400, 2);
    world_done(&world);
}

static void released_work_goes_to_another_first(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    open_taker(&world, "bo", 11, 5);
    open_taker(&world, "cy", 12, 5);
    do_send(&world, "ana", "jobs", "one");
    assert_leased(&world, 0, 11, 5, 1, 1);
    do_send(&world, "ana", "jobs", "two");
    assert_leased(&world, 0, 12, 6, 2, 1);
    assert_granted(release(&world, "bo", 5, 1, 0));
    assert_leased(&world, 0, 12, 5, 3, 2);
    assert_refused(ack(&world, "bo", 5, 1), PL_REASON_LEASE_LOST);
    assert_granted(ack(&world, "cy", 5, 3));
    world_done(&world);
}

static void a_delay_is_kept(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_expire(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 5);
    assert_granted(release(&world, "bo", 5, 1, 30));
    assert_leased_len(&world, 0);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 30000);
    world.now_ms += 29999;
    do_expire(&world);
    assert_leased_len(&world, 0);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 1);
    world.now_ms += 1;
    do_expire(&world);
    assert_leased(&world, 0, 11, 5, 2, 2);
    world_done(&world);
}

static void leases_and_delays_follow_no_jump_of_the_time_of_day(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_expire(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 5); /* leases of 60 s */
    world.jump_ms = DAY_MS;
    do_expire(&world);
    assert_granted(release(&world, "bo", 5, 1, 30));
    assert_leased_len(&world, 0);
    world.now_ms += 29999;
    do_expire(&world);
    assert_leased_len(&world, 0);
    world.now_ms += 1;
    do_expire(&world);
    assert_leased(&world, 0, 11, 5, 2, 2);
    world.now_ms += 60000;
    do_expire(&world);
    assert_leased(&world, 0, 11, 5, 3, 3);
    world_done(&world);
}

static void a_lease_runs_out(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_expire(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 5); /* leases of 60 s */
    open_taker(&world, "cy", 12, 5);
    world.now_ms += 59999;
    do_expire(&world);
    assert_leased_len(&world, 0);
    assert_int_equal(pl_engine_due_ms(world.engine), world.now_ms + 1);
    world.now_ms += 1;
    assert_refused(ack(&world, "bo", 5, 1), PL_REASON_LEASE_LOST); /* EXPIRE or not */
    assert_true(pl_engine_due_ms(world.engine) <= world.now_ms);   /* still to be done */
    do_expire(&world);
    assert_leased(&world, 0, 12, 5, 2, 2);
    assert_granted(ack(&world, "cy", 5, 2));
    world_done(&world);
}

static void many_leases_run_out_in_steps(void **state)
{
    struct world world;
    uint32_t handed = 0, rounds = 0;

    (void)state;
    setup(&world);
    open_taker(&world, "bo", 11, 1000);
    for (int i = 0; i < 150; i++)
        add_send(&world, "ana", "jobs", "x");
    assert_int_equal(world_apply(&world), PL_OK);
    world.now_ms += 60000;
    do {
        do_expire(&world);
        handed += world_count(&world, PL_EFFECT_LEASED);
        rounds++;
    } while (world_count(&world, PL_EFFECT_FOLLOW_UP) > 0);
    assert_int_equal(handed, 150);
    assert_true(rounds > 1);
    world_done(&world);
}

static void what_a_taker_may_have_is_bounded_in_bytes(void **state)
{
    static char text[PL_TEXT_SIZE_MAX + 1];
    struct world world;
    uint32_t len;

    (void)state;
    memset(text, 'x', PL_TEXT_SIZE_MAX);
    setup(&world);
    for (int i = 0; i < 100; i++)
        add_send(&world, "ana", "jobs", text);
    assert_int_equal(world_apply(&world), PL_OK);
    open_taker(&world, "bo", 11, 1000);
    len = world_count(&world, PL_EFFECT_LEASED);
    assert_in_range(len, 50, 64); /* 1 MiB */
    assert_granted(ack(&world, "bo", 5, 1));
    assert_leased_len(&world, 1);
    assert_leased(&world, 0, 11, 5 + len, 1 + len, 1);
    world_done(&world);
}

static void one_batch_hands_out_so_much(void **state)
{
    static char text[PL_TEXT_SIZE_MAX + 1];
    static uint64_t takers = 100;
    struct world world;
    uint32_t handed = 0, rounds = 0;

    (void)state;
    memset(text, 'x', PL_TEXT_SIZE_MAX);
    setup(&world);
    for (int i = 0; i < 400; i++)
        add_send(&world, "ana", "jobs", text);
    assert_int_equal(world_apply(&world), PL_OK);
    for (int i = 0; i < 8; i++)
        add_taker(&world, "bo", "jobs", takers++)->u.open_taker.unacked_len_max = 1000;
    assert_int_equal(world_apply(&world), PL_OK);
    for (;;) {
        handed += world_count(&world, PL_EFFECT_LEASED);
        assert_true(world_count(&world, PL_EFFECT_LEASED) <= 5 * 1024 / 16);
        if (world_count(&world, PL_EFFECT_FOLLOW_UP) == 0)
            break;
        do_expire(&world);
        rounds++;
    }
    assert_int_equal(handed, 400);
    assert_true(rounds > 0);
    world_done(&world);
}

static void assert_ended(struct world *world, uint64_t taker, enum pl_reason reason)
{
    const struct pl_effect *effect = world_effect(world, PL_EFFECT_TAKER_ENDED, 0);

    assert_int_equal(world_count(world, PL_EFFECT_TAKER_ENDED), 1);
    assert_int_equal(effect->u.taker_ended.taker, taker);
    assert_int_equal(effect->u.taker_ended.loop, 3);
    assert_string_equal(pl_reason_name(effect->u.taker_ended.refusal.reason),
                        pl_reason_name(reason));
}

static void leaving_the_room_ends_its_takers(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    open_taker(&world, "cy", 12, 1);
    assert_granted(do_leave(&world, "bo", "jobs"));
    assert_ended(&world, 11, PL_REASON_NOT_A_MEMBER);
    assert_leased(&world, 0, 12, 5, 2, 2);
    world_done(&world);
}

static void the_end_of_a_session_ends_its_takers(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    open_taker(&world, "cy", 12, 1);
    assert_granted(do_sign_out(&world, "bo"));
    assert_ended(&world, 11, PL_REASON_SESSION_ENDED);
    assert_leased(&world, 0, 12, 5, 2, 2);
    world_done(&world);
}

static void takers_that_end_together_get_nothing_of_each_other(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 5);
    open_taker(&world, "bo", 12, 5);
    open_taker(&world, "cy", 13, 5);
    assert_granted(do_leave(&world, "bo", "jobs"));
    assert_int_equal(world_count(&world, PL_EFFECT_TAKER_ENDED), 2);
    assert_leased_len(&world, 1);
    assert_leased(&world, 0, 13, 5, 2, 2);
    open_taker(&world, "cy", 14, 5);
    do_sign_out(&world, "cy");
    assert_int_equal(world_count(&world, PL_EFFECT_TAKER_ENDED), 2);
    assert_leased_len(&world, 0);
    world_done(&world);
}

static void a_restart_clears_leases_and_keeps_attempts(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    world_restart(&world);
    add_start(&world, 78);
    add_taker(&world, "cy", "jobs", 11);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_leased(&world, 0, 11, 5, 2, 2);
    world_done(&world);
}

static void a_start_ends_every_taker(void **state)
{
    struct world world;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    add_start(&world, 78);
    assert_int_equal(world_apply(&world), PL_OK);
    assert_ended(&world, 11, PL_REASON_STORE_FAILED);
    assert_refused(ack(&world, "bo", 5, 1), PL_REASON_LEASE_LOST);
    open_taker(&world, "cy", 12, 1);
    assert_leased(&world, 0, 12, 5, 2, 2);
    world_done(&world);
}

static void a_failed_batch_ends_every_taker(void **state)
{
    struct world world;
    const struct pl_effect *effect;

    (void)state;
    setup(&world);
    do_send(&world, "ana", "jobs", "one");
    open_taker(&world, "bo", 11, 1);
    open_taker(&world, "cy", 12, 1);
    /* 13 is of the batch that fails; 12 is closed by who opened it */
    add_taker(&world, "cy", "jobs", 13);
    world_add(&world, PL_COMMAND_CLOSE_TAKER, NULL)->u.close_taker.taker = 12;
    pl_memory_store_fail_commit(&world.store, 1, PL_E_FULL);
    assert_int_equal(world_apply(&world), PL_E_FULL);
    assert_ended(&world, 11, PL_REASON_STORE_FAILED);
    effect = world_effect(&world, PL_EFFECT_TAKER_ENDED, 0);
    assert_true(effect->u.taker_ended.refusal.retry_ms > 0);
    assert_int_equal(pl_list_first(&world.effects.list)->next == &world.effects.list, true);

    assert_refused(ack(&world, "bo", 5, 1), PL_REASON_LEASE_LOST);
    open_taker(&world, "cy", 14, 1); /* the lease was cleared */
    assert_leased(&world, 0, 14, 5, 2, 2);
    world_done(&world);
}

static void who_could_not_be_told_is_told_with_the_next_batch(void **state)
{
    struct world world;
    struct pl_effects none;
    struct pl_batch batch = {.number = 1000, .time_ms = 0};

    (void)state;
    setup(&world);
    open_taker(&world, "bo", 11, 1);
    /* effects that may hold nothing */
    pl_effects_init(&none, 0);
    pl_list_init(&batch.commands);
    pl_memory_store_fail_commit(&world.store, 1, PL_E_FULL);
    assert_int_equal(pl_engine_apply(world.engine, &batch, &none), PL_E_FULL);
    assert_true(pl_list_empty(&none.list));
    batch.number = 1001;
    assert_int_equal(pl_engine_apply(world.engine, &batch, &none), PL_E_NOMEM);
    pl_effects_done(&none);
    world.batch_number = 1001;
    do_send(&world, "ana", "lobby", "x");
    assert_ended(&world, 11, PL_REASON_STORE_FAILED);
    do_send(&world, "ana", "lobby", "x");
    assert_int_equal(world_count(&world, PL_EFFECT_TAKER_ENDED), 0);
    world_done(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_waits_for_a_taker),
        cmocka_unit_test(a_taker_is_refused_where_it_must_be),
        cmocka_unit_test(an_ack_ends_work_and_hands_on),
        cmocka_unit_test(only_the_lease_at_hand_counts),
        cmocka_unit_test(another_taker_of_the_same_user_may_ack),
        cmocka_unit_test(takers_take_turns),
        cmocka_unit_test(one_taker_s_own_messages_are_for_others),
        cmocka_unit_test(a_closed_taker_s_work_goes_to_the_next),
        cmocka_unit_test(many_leases_of_a_taker_all_end),
        cmocka_unit_test(released_work_goes_to_another_first),
        cmocka_unit_test(a_delay_is_kept),
        cmocka_unit_test(leases_and_delays_follow_no_jump_of_the_time_of_day),
        cmocka_unit_test(a_lease_runs_out),
        cmocka_unit_test(many_leases_run_out_in_steps),
        cmocka_unit_test(what_a_taker_may_have_is_bounded_in_bytes),
        cmocka_unit_test(one_batch_hands_out_so_much),
        cmocka_unit_test(leaving_the_room_ends_its_takers),
        cmocka_unit_test(the_end_of_a_session_ends_its_takers),
        cmocka_unit_test(takers_that_end_together_get_nothing_of_each_other),
        cmocka_unit_test(a_restart_clears_leases_and_keeps_attempts),
        cmocka_unit_test(a_start_ends_every_taker),
        cmocka_unit_test(a_failed_batch_ends_every_taker),
        cmocka_unit_test(who_could_not_be_told_is_told_with_the_next_batch),
    };

    return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}

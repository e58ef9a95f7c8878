/*
 * test_failure.c - whatever fails, nothing has happened, and the same batch
 * given again succeeds; and the same batches give the same effects.
 *
 * A scenario of a few batches touches every command; each batch is then made
 * to fail at each allocation and at each of the store's operations in turn.
 */
#include "world.h"

#include "base/mem.h"
#include "core/state.h"

static void start(struct world *world)
{
    add_start(world, 77);
}

static void people_come(struct world *world)
{
    add_sign_in(world, "ana");
    add_sign_in(world, "bo");
    add_sign_in(world, "cy");
    add_sign_in(world, "cy");
}

static void rooms_are_made(struct world *world)
{
    struct pl_command *command;

    add_create(world, "ana", "den")->u.create_room.title = "The den";
    command = add_create(world, "ana", "jobs");
    command->u.create_room.delivery = PL_ROOM_ONE;
    command = add_create(world, "bo", "cave");
    command->u.create_room.visibility = PL_ROOM_PRIVATE;
    command->u.create_room.quiet_membership = true;
    add_join(world, "bo", "den");
    add_join(world, "cy", "den");
    add_join(world, "bo", "jobs");
    add_join(world, "cy", "jobs");
    add_join(world, "cy", "cave");
    add_join(world, "cy", "new")->u.join_room.create_if_missing = true;
}

static void things_are_said(struct world *world)
{
    struct pl_command *command;

    command = add_send(world, "ana", "den", "hello @bo and @cy");
    command->u.send.request_id = "r1";
    command = add_send(world, "ana", "den", "hello @bo and @cy");
    command->u.send.request_id = "r1";
    command = add_send(world, "bo", "den", "re");
    command->u.send.reply_to = 5;
    command->u.send.thread = 5;
    command->u.send.expected_last_message = 5;
    add_send_user(world, "ana", "bo", "psst");
    add_send_user(world, "bo", "ana", "what?");
    add_send(world, "cy", "cave", "?");
}

static void things_are_read(struct world *world)
{
    static const char *const names[] = {"den", "lobby", "jobs"};
    static const pl_user_id ids[] = {{1}, {2}, {9}};
    struct pl_command *command;

    add_mark(world, "cy", "den", 5);
    add_leave(world, "cy", "den");
    add_join(world, "cy", "den");
    command = add_subscribe(world, "cy", NULL, 0);
    command->u.subscribe.has_cursor = true;
    command->u.subscribe.cursor_log = 77;
    command->u.subscribe.cursor_position = 3;
    add_subscribe(world, "bo", names, 3);
    world_add(world, PL_QUERY_GET_USER, "bo")->u.get_user.name = "ana";
    command = world_add(world, PL_QUERY_GET_USERS, "bo");
    command->u.get_users.ids = ids;
    command->u.get_users.ids_len = 3;
    world_add(world, PL_COMMAND_TOUCH_SESSION, "bo");
    world_add(world, PL_COMMAND_STREAM_CLOSED, NULL)->u.stream_closed.user = (pl_user_id){1};
}

static void work_is_taken(struct world *world)
{
    add_send(world, "ana", "jobs", "one");
    add_taker(world, "bo", "jobs", 11)->u.open_taker.unacked_len_max = 3;
    add_taker(world, "cy", "jobs", 12)->u.open_taker.unacked_len_max = 2;
    for (int i = 0; i < 5; i++)
        add_send(world, "ana", "jobs", "more");
}

/* jobs: 5 to 10; 11 has 5, 6, 8 (leases 1, 2, 4), 12 has 7, 9 (3, 5) */
static void work_is_done(struct world *world)
{
    add_lease(world, PL_COMMAND_ACK_MESSAGE, "bo", "jobs", 5, 1);
    add_lease(world, PL_COMMAND_RELEASE_MESSAGE, "bo", "jobs", 6, 2)->u.lease.delay_s = 10;
    add_lease(world, PL_COMMAND_RELEASE_MESSAGE, "cy", "jobs", 7, 3);
    world_add(world, PL_COMMAND_CLOSE_TAKER, NULL)->u.close_taker.taker = 12;
}

static void leases_run_out(struct world *world)
{
    world->now_ms += 60 * 1000;
    world_add(world, PL_COMMAND_EXPIRE, NULL);
}

static void a_worker_goes(struct world *world)
{
    add_taker(world, "bo", "jobs", 13)->u.open_taker.unacked_len_max = 3;
    add_taker(world, "cy", "jobs", 14)->u.open_taker.unacked_len_max = 3;
    add_leave(world, "cy", "jobs");
    world_add(world, PL_COMMAND_SIGN_OUT, "bo");
    add_sign_in(world, "bo");
}

static void a_room_is_to_forget(struct world *world)
{
    struct pl_command *command = add_create(world, "cy", "haste");

    command->u.create_room.retention_s = 1;
    command->u.create_room.delivery = PL_ROOM_ONE;
    add_send(world, "cy", "haste", "a");
    add_send(world, "cy", "haste", "b")->u.send.thread = 3;
    add_send(world, "cy", "haste", "c");
}

static void it_forgets(struct world *world)
{
    world->now_ms += 2000;
    world_add(world, PL_COMMAND_EXPIRE, NULL);
}

static void all_grow_old(struct world *world)
{
    world->now_ms += IDLE_MS + 1;
    world_add(world, PL_COMMAND_EXPIRE, NULL);
}

static const struct step {
    void (*add)(struct world *world);
    bool of_takers; /* its outcome depends on takers of batches before it */
} steps[] = {
    {start, false},           {people_come, false},
    {rooms_are_made, false},  {things_are_said, false},
    {things_are_read, false}, {work_is_taken, false},
    {work_is_done, true},     {leases_run_out, true},
    {a_worker_goes, true},    {a_room_is_to_forget, false},
    {it_forgets, false},      {all_grow_old, false},
};

enum { STEPS_LEN = sizeof steps / sizeof steps[0] };

static void run_until(struct world *world, size_t len)
{
    world_init(world);
    for (size_t i = 0; i < len; i++) {
        world_clear(world);
        steps[i].add(world);
        assert_int_equal(world_apply(world), PL_OK);
    }
    world_clear(world);
    if (len < STEPS_LEN)
        steps[len].add(world);
}

static char *dump_of(const struct world *world)
{
    struct pl_bytebuf buf;
    char *text;

    world_dump(world, &buf);
    text = pl_strdup(pl_bytebuf_cstr(&buf));
    assert_non_null(text);
    pl_bytebuf_done(&buf);
    return text;
}

static void assert_same_and_free(char *a, char *b)
{
    assert_string_equal(a, b);
    pl_free(a);
    pl_free(b);
}

/* What a step leads to when nothing fails. */
static char *outcome_of(size_t step)
{
    struct world world;
    char *text;

    run_until(&world, step + 1);
    text = dump_of(&world);
    world_done(&world);
    return text;
}

static void assert_only_takers_ended(const struct world *world)
{
    PL_LIST_EACH (node, &world->effects.list)
        assert_int_equal(PL_CONTAINER(node, struct pl_effect, node)->kind, PL_EFFECT_TAKER_ENDED);
}

/* After a failure: nothing has happened, and the batch may be given again. */
static void assert_unharmed(struct world *world, size_t step, char *before)
{
    assert_only_takers_ended(world);
    assert_same_and_free(before, dump_of(world));
    assert_int_equal(world_again(world), PL_OK);
    if (!steps[step].of_takers)
        assert_same_and_free(dump_of(world), outcome_of(step));
}

static void no_failed_allocation_leaves_a_trace(void **state)
{
    (void)state;
    for (size_t step = 0; step < STEPS_LEN; step++) {
        bool more = true;

        for (uint64_t nth = 1; more; nth++) {
            struct world world;
            char *before;
            int rc;

            run_until(&world, step);
            before = dump_of(&world);
            pl_mem_fail_at(nth);
            rc = world_apply(&world);
            more = pl_mem_failed();
            pl_mem_fail_at(0);
            if (rc < 0) {
                assert_int_equal(rc, PL_E_NOMEM);
                assert_true(more);
                assert_unharmed(&world, step, before);
            } else {
                /* a hash map that could not grow is no failure */
                pl_free(before);
                assert_same_and_free(dump_of(&world), outcome_of(step));
            }
            world_done(&world);
        }
    }
}

static void no_failed_operation_leaves_a_trace(void **state)
{
    static const int errors[] = {PL_E_FULL, PL_E_IO, PL_E_NOMEM, PL_E_CORRUPT};

    (void)state;
    for (size_t step = 0; step < STEPS_LEN; step++) {
        bool more = true;

        for (uint64_t nth = 1; more; nth++) {
            int error = errors[nth % 4];
            struct world world;
            char *before;
            int rc;

            run_until(&world, step);
            before = dump_of(&world);
            pl_memory_store_fail_op(&world.store, nth, error);
            rc = world_apply(&world);
            more = pl_memory_store_failed(&world.store);
            pl_memory_store_fail_op(&world.store, 0, PL_OK);
            assert_int_equal(rc, more ? error : PL_OK);
            if (more)
                assert_unharmed(&world, step, before);
            else
                pl_free(before);
            world_done(&world);
        }
    }
}

static void no_failed_commit_leaves_a_trace(void **state)
{
    (void)state;
    for (size_t step = 0; step < STEPS_LEN; step++) {
        struct world world;
        char *before;

        run_until(&world, step);
        before = dump_of(&world);
        pl_memory_store_fail_commit(&world.store, 1, PL_E_IO);
        assert_int_equal(world_apply(&world), PL_E_IO);
        assert_unharmed(&world, step, before);
        world_done(&world);
    }
}

static void an_engine_that_cannot_be_made_leaks_nothing(void **state)
{
    struct world world;
    struct pl_engine *engine = NULL;

    (void)state;
    world_init(&world);
    pl_mem_fail_at(1);
    assert_int_equal(pl_engine_new(&world.config, &engine), PL_E_NOMEM);
    assert_null(engine);
    pl_mem_fail_at(0);
    world_done(&world);
}

static void no_room_for_effects_is_want_of_memory(void **state)
{
    struct world world;
    size_t size = 0;
    int rc;

    (void)state;
    do {
        run_until(&world, 3);
        pl_effects_done(&world.effects);
        pl_effects_init(&world.effects, size);
        rc = world_apply(&world);
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        world_done(&world);
        size += 100;
    } while (rc < 0);
    assert_true(size > 1000);
}

/* Applies each step to both and compares all that comes of it. */
static void assert_alike(struct world *a, struct world *b)
{
    for (size_t i = 0; i < STEPS_LEN; i++) {
        struct pl_bytebuf x, y;

        world_clear(a);
        world_clear(b);
        steps[i].add(a);
        steps[i].add(b);
        assert_int_equal(world_apply(a), PL_OK);
        assert_int_equal(world_apply(b), PL_OK);
        world_render(a, &x);
        world_render(b, &y);
        assert_string_equal(pl_bytebuf_cstr(&x), pl_bytebuf_cstr(&y));
        pl_bytebuf_done(&x);
        pl_bytebuf_done(&y);
        assert_same_and_free(dump_of(a), dump_of(b));
    }
}

static void the_same_batches_give_the_same_effects(void **state)
{
    struct world a, b;

    (void)state;
    world_init(&a);
    world_init(&b);
    assert_alike(&a, &b);
    world_done(&a);
    world_done(&b);
}

static void an_engine_that_remembers_little_does_the_same(void **state)
{
    struct world a, b;

    (void)state;
    world_init(&a);
    world_init(&b);
    for (size_t i = 0; i < PL_SLOTS_LEN; i++)
        b.engine->cache.slots[i].len_max = 0;
    assert_alike(&a, &b);
    world_done(&a);
    world_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_failed_allocation_leaves_a_trace),
        cmocka_unit_test(no_failed_operation_leaves_a_trace),
        cmocka_unit_test(no_failed_commit_leaves_a_trace),
        cmocka_unit_test(an_engine_that_cannot_be_made_leaks_nothing),
        cmocka_unit_test(no_room_for_effects_is_want_of_memory),
        cmocka_unit_test(the_same_batches_give_the_same_effects),
        cmocka_unit_test(an_engine_that_remembers_little_does_the_same),
    };

    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}

/* test_effect.c - effects keep their order, and give back what they hold. */
#include "model/effect.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { EFFECTS_SIZE_MAX = 1 << 20 };

static unsigned refs(struct pl_buf *buf)
{
    return atomic_load(&buf->refs);
}

/* One of each kind; each that can hold a buffer holds a reference. */
static void add_all(struct pl_effects *effects, struct pl_buf *buf)
{
    struct pl_effect *effect = pl_effects_add(effects, PL_EFFECT_REPLY);

    effect->u.reply.command = PL_COMMAND_SEND_MESSAGE;
    effect->u.reply.reply = pl_arena_alloc(&effects->arena, sizeof *effect->u.reply.reply);
    effect->u.reply.reply->u.send.message.event = pl_buf_ref(buf);
    effect = pl_effects_add(effects, PL_EFFECT_EVENT);
    effect->u.event.bytes = pl_buf_ref(buf);
    pl_effects_add(effects, PL_EFFECT_MEMBERSHIP);
    pl_effects_add(effects, PL_EFFECT_READ_MARKER);
    pl_effects_add(effects, PL_EFFECT_SESSION_ENDED);
    effect = pl_effects_add(effects, PL_EFFECT_LEASED);
    effect->u.leased.message.event = pl_buf_ref(buf);
    pl_effects_add(effects, PL_EFFECT_TAKER_ENDED);
    pl_effects_add(effects, PL_EFFECT_FOLLOW_UP);
}

static void done_gives_back_every_reference(void **state)
{
    struct pl_buf *buf = pl_buf_copy("event", 5);
    struct pl_effects effects;

    (void)state;
    pl_effects_init(&effects, EFFECTS_SIZE_MAX);
    add_all(&effects, buf);
    assert_int_equal(refs(buf), 4);
    pl_effects_done(&effects);
    assert_int_equal(refs(buf), 1);
    pl_effects_done(&effects); /* once more gives nothing back twice */
    assert_int_equal(refs(buf), 1);
    pl_buf_unref(buf);
}

static void cleared_effects_are_filled_again(void **state)
{
    struct pl_buf *buf = pl_buf_copy("event", 5);
    struct pl_effects effects;

    (void)state;
    pl_effects_init(&effects, EFFECTS_SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        add_all(&effects, buf);
        assert_int_equal(refs(buf), 4);
        pl_effects_clear(&effects);
        assert_int_equal(refs(buf), 1);
        assert_true(pl_list_empty(&effects.list));
    }
    pl_effects_done(&effects);
    pl_buf_unref(buf);
}

static void half_made_effects_hold_nothing(void **state)
{
    struct pl_effects effects;
    struct pl_effect *effect;

    (void)state;
    pl_effects_init(&effects, EFFECTS_SIZE_MAX);
    effect = pl_effects_add(&effects, PL_EFFECT_REPLY); /* its reply did not fit */
    effect->u.reply.command = PL_COMMAND_SEND_MESSAGE;
    pl_effects_add(&effects, PL_EFFECT_EVENT);
    pl_effects_add(&effects, PL_EFFECT_LEASED);
    pl_effects_done(&effects);
}

static void a_reply_to_another_command_holds_no_buffer(void **state)
{
    struct pl_effects effects;
    struct pl_effect *effect;
    struct pl_reply *reply;

    (void)state;
    pl_effects_init(&effects, EFFECTS_SIZE_MAX);
    effect = pl_effects_add(&effects, PL_EFFECT_REPLY);
    effect->u.reply.command = PL_COMMAND_SIGN_IN_GUEST;
    reply = pl_arena_alloc(&effects.arena, sizeof *reply);
    reply->u.sign_in.session.id.v = 77; /* where a SEND_MESSAGE's pointer would be */
    effect->u.reply.reply = reply;
    pl_effects_done(&effects);
}

static void effects_keep_their_order_and_start_zeroed(void **state)
{
    struct pl_effects effects;
    int kind = PL_EFFECT_REPLY;

    (void)state;
    pl_effects_init(&effects, EFFECTS_SIZE_MAX);
    for (int i = PL_EFFECT_REPLY; i <= PL_EFFECT_FOLLOW_UP; i++) {
        struct pl_effect *effect = pl_effects_add(&effects, (enum pl_effect_kind)i);

        assert_non_null(effect);
        if (i == PL_EFFECT_REPLY)
            assert_null(effect->u.reply.reply);
        else if (i == PL_EFFECT_LEASED)
            assert_null(effect->u.leased.message.event);
        else if (i == PL_EFFECT_TAKER_ENDED)
            assert_int_equal(effect->u.taker_ended.refusal.reason, PL_REASON_NONE);
    }
    PL_LIST_EACH (node, &effects.list)
        assert_int_equal(PL_CONTAINER(node, struct pl_effect, node)->kind, kind++);
    assert_int_equal(kind, PL_EFFECT_FOLLOW_UP + 1);
    pl_effects_done(&effects);
}

/* Of a reply only so much is there: what the replies hold that may be shortened. */
static void a_reply_has_room_for_what_its_command_answers(void **state)
{
    const size_t refused = offsetof(struct pl_reply, u), whole = sizeof(struct pl_reply);
    const struct pl_reply *reply = NULL;

    (void)state;
    assert_true(pl_reply_size(PL_COMMAND_SEND_MESSAGE) >= refused + sizeof reply->u.send);
    assert_true(pl_reply_size(PL_COMMAND_MARK_READ) >= refused);
    for (int kind = PL_COMMAND_START; kind <= PL_QUERY_GET_USERS; kind++)
        if (kind != PL_COMMAND_SEND_MESSAGE && kind != PL_COMMAND_MARK_READ &&
            kind != PL_COMMAND_ACK_MESSAGE && kind != PL_COMMAND_RELEASE_MESSAGE)
            assert_int_equal(pl_reply_size((enum pl_command_kind)kind), whole);
}

static void want_of_memory_adds_nothing(void **state)
{
    struct pl_buf *buf = pl_buf_copy("event", 5);
    struct pl_effects effects;

    (void)state;
    pl_effects_init(&effects, 2 * sizeof(struct pl_effect));
    pl_mem_fail_at(1);
    assert_null(pl_effects_add(&effects, PL_EFFECT_EVENT));
    pl_mem_fail_at(0);
    assert_true(pl_list_empty(&effects.list));
    pl_effects_add(&effects, PL_EFFECT_EVENT)->u.event.bytes = pl_buf_ref(buf);
    while (pl_effects_add(&effects, PL_EFFECT_EVENT) != NULL)
        ;
    pl_effects_done(&effects);
    assert_int_equal(refs(buf), 1);
    pl_buf_unref(buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_gives_back_every_reference),
        cmocka_unit_test(cleared_effects_are_filled_again),
        cmocka_unit_test(half_made_effects_hold_nothing),
        cmocka_unit_test(a_reply_to_another_command_holds_no_buffer),
        cmocka_unit_test(effects_keep_their_order_and_start_zeroed),
        cmocka_unit_test(a_reply_has_room_for_what_its_command_answers),
        cmocka_unit_test(want_of_memory_adds_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

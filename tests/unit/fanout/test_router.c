/* test_router.c - which loops a batch concerns, and who is online. */
#include "base/err.h"
#include "base/mem.h"
#include "fanout/router.h"
#include "frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A router, and the batch in the making. */
struct bench {
    struct pl_router *router;
    struct pl_effects effects;
};

static int bench_init(struct bench *bench)
{
    pl_effects_init(&bench->effects, 1 << 20);
    return pl_router_new(&frames_framer, &bench->router);
}

static void bench_done(struct bench *bench)
{
    pl_effects_done(&bench->effects);
    pl_router_free(bench->router);
}

static void add_event(struct bench *bench, uint64_t room, pl_position position)
{
    struct pl_effect *effect = pl_effects_add(&bench->effects, PL_EFFECT_EVENT);

    assert_non_null(effect);
    effect->u.event.room.v = room;
    effect->u.event.position = position;
    effect->u.event.bytes = pl_buf_copy("event", 5);
    assert_non_null(effect->u.event.bytes);
}

static void add_membership(struct bench *bench, uint64_t user, uint64_t room, bool joined,
                           bool work)
{
    struct pl_effect *effect = pl_effects_add(&bench->effects, PL_EFFECT_MEMBERSHIP);

    assert_non_null(effect);
    effect->u.membership.user.v = user;
    effect->u.membership.room.v = room;
    effect->u.membership.name = "room";
    effect->u.membership.joined = joined;
    effect->u.membership.work = work;
    effect->u.membership.position = 7;
}

static void add_marker(struct bench *bench, uint64_t user, uint64_t room)
{
    struct pl_effect *effect = pl_effects_add(&bench->effects, PL_EFFECT_READ_MARKER);

    assert_non_null(effect);
    effect->u.marker.user.v = user;
    effect->u.marker.room.v = room;
    effect->u.marker.name = "room";
    effect->u.marker.sequence = 3;
}

static void add_ended(struct bench *bench, uint64_t user, uint64_t session)
{
    struct pl_effect *effect = pl_effects_add(&bench->effects, PL_EFFECT_SESSION_ENDED);

    assert_non_null(effect);
    effect->u.ended.user.v = user;
    effect->u.ended.session.v = session;
}

/* Stream `to` of user `user` and session user * 10 on the loop: of rooms 1 and 2
 * by name, or of all, which are these now. */
static struct pl_reply *add_subscribe(struct bench *bench, uint32_t loop, uint64_t to,
                                      uint64_t user, bool all)
{
    struct pl_effect *effect = pl_effects_add(&bench->effects, PL_EFFECT_REPLY);
    struct pl_reply *reply = pl_arena_alloc(&bench->effects.arena, sizeof *reply);
    struct pl_subscribed_room *rooms = pl_arena_alloc(&bench->effects.arena, 2 * sizeof *rooms);

    assert_true(effect != NULL && reply != NULL && rooms != NULL);
    effect->u.reply.to = to;
    effect->u.reply.loop = loop;
    effect->u.reply.command = PL_QUERY_SUBSCRIBE;
    effect->u.reply.reply = reply;
    rooms[0].id.v = 1;
    rooms[1].id.v = 2;
    reply->u.subscribe.user.id.v = user;
    snprintf(reply->u.subscribe.user.name, sizeof reply->u.subscribe.user.name, "user%u",
             (unsigned)user);
    reply->u.subscribe.session.id.v = user * 10;
    reply->u.subscribe.all = all;
    reply->u.subscribe.rooms = rooms;
    reply->u.subscribe.rooms_len = 2;
    return reply;
}

/* Routes the batch; expects these loops, and entries by letter: e, j(oined),
 * l(eft), m, s. */
static void expect_route(struct bench *bench, uint64_t expected_loops, const char *entries)
{
    struct pl_feed *feed = NULL;
    uint64_t loops = 0;
    char text[100] = "";

    assert_int_equal(pl_router_route(bench->router, &bench->effects, 9, &feed, &loops), PL_OK);
    pl_effects_clear(&bench->effects);
    assert_int_equal(loops, expected_loops);
    if (feed == NULL) {
        assert_string_equal("", entries);
        return;
    }
    assert_int_equal(feed->through, 9);
    for (uint32_t i = 0; i < feed->entries_len; i++) {
        const struct pl_feed_entry *entry = &feed->entries[i];
        const char *letters[] = {"e", entry->joined ? "j" : "l", "m", "s"};

        strcat(text, letters[entry->kind]);
    }
    assert_string_equal(text, entries);
    pl_feed_unref(feed);
}

#define BENCH()         \
    struct bench bench; \
    assert_int_equal(bench_init(&bench), PL_OK)

static void router_tells_only_loops_that_stream_the_room(void **state)
{
    BENCH();
    pl_user_id user;

    (void)state;
    add_event(&bench, 1, 5);
    expect_route(&bench, 0, "");
    add_subscribe(&bench, 0, 100, 1, false);
    add_subscribe(&bench, 63, 100, 2, true);
    expect_route(&bench, 0, "");
    add_event(&bench, 1, 6);
    add_event(&bench, 3, 7);
    expect_route(&bench, 1 | (uint64_t)1 << 63, "e");
    assert_int_equal(pl_router_streams_len(bench.router), 2);
    assert_true(pl_router_close(bench.router, 0, 100, &user));
    assert_int_equal(user.v, 1);
    assert_false(pl_router_close(bench.router, 0, 100, &user));
    add_event(&bench, 1, 8);
    expect_route(&bench, (uint64_t)1 << 63, "e");
    bench_done(&bench);
}

static void router_frames_what_it_tells(void **state)
{
    BENCH();
    struct pl_feed *feed = NULL;
    struct frame frame;
    uint64_t loops;

    (void)state;
    add_subscribe(&bench, 2, 100, 1, false);
    add_event(&bench, 1, 6);
    add_marker(&bench, 1, 1);
    assert_int_equal(pl_router_route(bench.router, &bench.effects, 6, &feed, &loops), PL_OK);
    assert_int_equal(feed->entries_len, 2);
    assert_int_equal(feed->entries[0].position, 6);
    assert_int_equal(frames_parse((struct pl_bytes){feed->frames->data + feed->entries[0].offset,
                                                    feed->entries[0].size},
                                  &frame),
                     feed->entries[0].size);
    assert_int_equal(frame.letter, FRAME_EVENT);
    assert_int_equal(frame.position, 6);
    assert_true(pl_bytes_is(frame.bytes, "event"));
    assert_int_equal(frames_parse((struct pl_bytes){feed->frames->data + feed->entries[1].offset,
                                                    feed->entries[1].size},
                                  &frame),
                     feed->entries[1].size);
    assert_int_equal(frame.letter, FRAME_MARKER);
    assert_int_equal(frame.number, 3);
    pl_feed_unref(feed);
    bench_done(&bench);
}

static void router_refused_subscription_is_no_stream(void **state)
{
    BENCH();

    (void)state;
    add_subscribe(&bench, 0, 100, 1, false)->refusal = pl_refusal_of(PL_REASON_NOT_A_MEMBER);
    expect_route(&bench, 0, "");
    assert_int_equal(pl_router_streams_len(bench.router), 0);
    bench_done(&bench);
}

static void router_event_before_its_subscription_may_be_told(void **state)
{
    BENCH();

    (void)state;
    add_event(&bench, 1, 5);
    add_subscribe(&bench, 4, 100, 1, false);
    expect_route(&bench, 1 << 4, "e");
    bench_done(&bench);
}

static void router_stream_of_all_rooms_follows_its_user(void **state)
{
    BENCH();

    (void)state;
    add_subscribe(&bench, 1, 100, 1, true);
    expect_route(&bench, 0, "");
    add_event(&bench, 3, 6); /* the user's own joining */
    add_membership(&bench, 1, 3, true, false);
    add_membership(&bench, 1, 4, true, true);
    add_event(&bench, 4, 7);
    expect_route(&bench, 2, "ejj");
    add_event(&bench, 3, 8);
    add_membership(&bench, 1, 3, false, false);
    expect_route(&bench, 2, "el");
    add_event(&bench, 3, 9);
    expect_route(&bench, 0, "");
    bench_done(&bench);
}

static void router_user_who_comes_back_in_the_batch_stays(void **state)
{
    BENCH();

    (void)state;
    add_subscribe(&bench, 1, 100, 1, true);
    add_membership(&bench, 1, 2, false, false);
    add_membership(&bench, 1, 2, true, false);
    expect_route(&bench, 2, "lj");
    add_event(&bench, 2, 9);
    expect_route(&bench, 2, "e");
    bench_done(&bench);
}

static void router_stream_that_names_a_room_keeps_it(void **state)
{
    BENCH();

    (void)state;
    add_subscribe(&bench, 1, 100, 1, false);
    add_membership(&bench, 1, 2, false, false);
    expect_route(&bench, 2, "l");
    add_event(&bench, 2, 9);
    expect_route(&bench, 2, "e");
    bench_done(&bench);
}

static void router_markers_and_ends_go_to_their_user(void **state)
{
    BENCH();

    (void)state;
    add_subscribe(&bench, 1, 100, 1, true);
    add_subscribe(&bench, 2, 101, 1, true)->u.subscribe.session.id.v = 11;
    add_subscribe(&bench, 3, 102, 2, true);
    expect_route(&bench, 0, "");
    add_marker(&bench, 1, 1);
    expect_route(&bench, 2 | 4, "m");
    add_marker(&bench, 5, 1);
    expect_route(&bench, 0, "");
    add_ended(&bench, 1, 11);
    expect_route(&bench, 4, "s");
    add_ended(&bench, 1, 12);
    expect_route(&bench, 0, "");
    bench_done(&bench);
}

static void expect_online(struct bench *bench, const char *prefix, const char *after,
                          uint32_t len_max, const char *expected)
{
    pl_user_id ids[300];
    uint32_t len = pl_router_list_online(bench->router, prefix, after, len_max, ids);
    char text[300] = "";
    size_t n = 0;

    for (uint32_t i = 0; i < len; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%u ", (unsigned)ids[i].v);
    assert_string_equal(text, expected);
}

static void router_counts_the_streams_of_a_room(void **state)
{
    BENCH();
    pl_user_id user;

    (void)state;
    assert_int_equal(pl_router_room_streams(bench.router, (pl_room_id){1}), 0);
    add_subscribe(&bench, 0, 100, 1, false);
    add_subscribe(&bench, 0, 101, 1, true);
    add_subscribe(&bench, 63, 100, 2, true);
    expect_route(&bench, 0, "");
    assert_int_equal(pl_router_room_streams(bench.router, (pl_room_id){1}), 3);
    assert_int_equal(pl_router_room_streams(bench.router, (pl_room_id){3}), 0);
    add_membership(&bench, 2, 1, false, false);
    expect_route(&bench, (uint64_t)1 << 63, "l");
    assert_int_equal(pl_router_room_streams(bench.router, (pl_room_id){1}), 2);
    pl_router_close(bench.router, 0, 100, &user);
    pl_router_close(bench.router, 0, 101, &user);
    assert_int_equal(pl_router_room_streams(bench.router, (pl_room_id){1}), 0);
    bench_done(&bench);
}

static void router_lists_who_is_online_by_name(void **state)
{
    BENCH();
    pl_user_id user;

    (void)state;
    for (uint64_t i = 1; i <= 12; i++)
        add_subscribe(&bench, (uint32_t)i % 3, i, i, true);
    add_subscribe(&bench, 2, 50, 12, true);
    expect_route(&bench, 0, "");
    expect_online(&bench, "", "", 300, "1 10 11 12 2 3 4 5 6 7 8 9 ");
    expect_online(&bench, "", "", 3, "1 10 11 ");
    expect_online(&bench, "", "user11", 3, "12 2 3 ");
    expect_online(&bench, "user1", "", 300, "1 10 11 12 ");
    expect_online(&bench, "user1", "user10", 300, "11 12 ");
    expect_online(&bench, "user1", "user2", 300, "");
    expect_online(&bench, "zoe", "", 300, "");
    assert_false(pl_router_close(bench.router, 0, 12, &user));
    assert_true(pl_router_online(bench.router, (pl_user_id){12}));
    assert_true(pl_router_close(bench.router, 2, 50, &user));
    assert_false(pl_router_online(bench.router, (pl_user_id){12}));
    for (uint64_t i = 1; i <= 9; i += 2)
        assert_true(pl_router_close(bench.router, (uint32_t)i % 3, i, &user));
    expect_online(&bench, "", "", 300, "10 11 2 4 6 8 ");
    bench_done(&bench);
}

static void router_sorts_many_whatever_their_order(void **state)
{
    BENCH();
    pl_user_id ids[300];

    (void)state;
    for (uint64_t i = 0; i < 256; i++)
        add_subscribe(&bench, 0, i, (i * 37 & 255) + 1000, true);
    expect_route(&bench, 0, "");
    for (uint32_t left = 256; left > 0; left -= 8) {
        uint32_t len = pl_router_list_online(bench.router, "", "", 300, ids);

        assert_int_equal(len, left);
        for (uint32_t i = 0; i < len; i++)
            assert_true(i == 0 || ids[i - 1].v < ids[i].v);
        for (uint64_t i = left - 8; i < left; i++) {
            pl_user_id user;

            assert_true(pl_router_close(bench.router, 0, i, &user));
        }
    }
    assert_int_equal(pl_router_list_online(bench.router, "", "", 300, ids), 0);
    bench_done(&bench);
}

static void router_bears_each_allocation_failing(void **state)
{
    uint64_t nth = 0;
    bool failed = true;

    (void)state;
    while (failed) {
        struct bench bench;
        struct pl_feed *feed = NULL;
        uint64_t loops = 0;
        pl_user_id user;
        int rc;

        pl_effects_init(&bench.effects, 1 << 20);
        add_subscribe(&bench, 3, 100, 1, true);
        add_membership(&bench, 1, 3, true, false);
        add_membership(&bench, 1, 4, true, false);
        add_event(&bench, 3, 8);
        add_marker(&bench, 1, 3);
        add_ended(&bench, 1, 10);
        pl_mem_fail_at(++nth);
        rc = pl_router_new(&frames_framer, &bench.router);
        if (rc < 0) {
            bench.router = NULL;
        } else {
            rc = pl_router_route(bench.router, &bench.effects, 9, &feed, &loops);
            pl_router_close(bench.router, 3, 100, &user);
            assert_int_equal(pl_router_streams_len(bench.router), 0);
        }
        failed = pl_mem_failed() != 0;
        pl_mem_fail_at(0);
        assert_true(rc == PL_OK || failed);
        assert_true(rc < 0 || feed != NULL);
        pl_feed_unref(feed);
        bench_done(&bench);
    }
    assert_true(nth > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_tells_only_loops_that_stream_the_room),
        cmocka_unit_test(router_frames_what_it_tells),
        cmocka_unit_test(router_refused_subscription_is_no_stream),
        cmocka_unit_test(router_event_before_its_subscription_may_be_told),
        cmocka_unit_test(router_stream_of_all_rooms_follows_its_user),
        cmocka_unit_test(router_user_who_comes_back_in_the_batch_stays),
        cmocka_unit_test(router_stream_that_names_a_room_keeps_it),
        cmocka_unit_test(router_markers_and_ends_go_to_their_user),
        cmocka_unit_test(router_counts_the_streams_of_a_room),
        cmocka_unit_test(router_lists_who_is_online_by_name),
        cmocka_unit_test(router_sorts_many_whatever_their_order),
        cmocka_unit_test(router_bears_each_allocation_failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_cache.c - cached rows: use, change, eviction, forgetting. */
#include "world.h"

#include "core/cache.h"

#include <stdio.h>

struct fixture {
    struct pl_store store;
    struct pl_cache cache;
};

static void setup(struct fixture *fixture)
{
    assert_int_equal(pl_memory_store_new(&fixture->store), PL_OK);
    pl_cache_init(&fixture->cache, fixture->store);
    assert_int_equal(fixture->store.ops->begin(fixture->store.self), PL_OK);
}

static void done(struct fixture *fixture)
{
    pl_cache_done(&fixture->cache);
    pl_memory_store_free(&fixture->store);
}

static struct pl_room *add_room(struct fixture *fixture, uint64_t id)
{
    struct pl_room room = {.id = {id}, .visibility = PL_ROOM_DIRECT, .direct = {{id}, {id + 1}}};
    struct pl_room *ret;

    snprintf(room.name, sizeof room.name, "@%d", (int)id);
    assert_int_equal(pl_cache_room_add(&fixture->cache, &room, &ret), PL_OK);
    return ret;
}

static uint64_t ops(const struct fixture *fixture)
{
    return pl_memory_store_counts(&fixture->store).ops;
}

static void a_cached_row_is_found_by_every_key(void **state)
{
    struct fixture fixture;
    struct pl_room *room, *found;
    uint64_t before;

    (void)state;
    setup(&fixture);
    room = add_room(&fixture, 7);
    before = ops(&fixture);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){7}, &found), PL_OK);
    assert_ptr_equal(found, room);
    assert_int_equal(pl_cache_room_named(&fixture.cache, "@7", &found), PL_OK);
    assert_ptr_equal(found, room);
    assert_int_equal(pl_cache_room_direct(&fixture.cache, (pl_user_id){8}, (pl_user_id){7}, &found),
                     PL_OK);
    assert_ptr_equal(found, room);
    assert_int_equal(ops(&fixture), before);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){8}, &found), PL_E_NOTFOUND);
    done(&fixture);
}

static void a_dropped_row_is_read_again_by_every_key(void **state)
{
    struct fixture fixture;
    struct pl_room *room;

    (void)state;
    setup(&fixture);
    add_room(&fixture, 7)->message_count = 5; /* unwritten */
    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_room_named(&fixture.cache, "@7", &room), PL_OK);
    assert_int_equal(room->message_count, 0);
    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_room_direct(&fixture.cache, (pl_user_id){7}, (pl_user_id){8}, &room),
                     PL_OK);
    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){7}, &room), PL_OK);
    done(&fixture);
}

static void a_change_is_written_once(void **state)
{
    struct fixture fixture;
    struct pl_room *room;
    uint64_t before;

    (void)state;
    setup(&fixture);
    room = add_room(&fixture, 7);
    before = ops(&fixture);
    for (int i = 0; i < 10; i++) {
        room->message_count++;
        pl_cache_room_changed(&fixture.cache, room);
    }
    assert_int_equal(pl_cache_flush(&fixture.cache), PL_OK);
    assert_int_equal(pl_cache_flush(&fixture.cache), PL_OK);
    assert_int_equal(ops(&fixture), before + 1);
    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){7}, &room), PL_OK);
    assert_int_equal(room->message_count, 10);
    done(&fixture);
}

static void the_least_used_goes_first_and_is_written(void **state)
{
    struct fixture fixture;
    struct pl_room *room;
    uint64_t before;

    (void)state;
    setup(&fixture);
    fixture.cache.slots[PL_SLOT_ROOM].len_max = 2;
    room = add_room(&fixture, 1);
    room->message_count = 9;
    pl_cache_room_changed(&fixture.cache, room);
    add_room(&fixture, 3);
    add_room(&fixture, 5);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){3}, &room), PL_OK);
    before = ops(&fixture);
    assert_int_equal(pl_cache_trim(&fixture.cache), PL_OK);
    assert_int_equal(ops(&fixture), before + 1); /* 1 was written */
    assert_int_equal(fixture.cache.slots[PL_SLOT_ROOM].len, 2);
    assert_int_equal(pl_cache_flush(&fixture.cache), PL_OK);
    assert_int_equal(ops(&fixture), before + 1);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){3}, &room), PL_OK);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){5}, &room), PL_OK);
    assert_int_equal(ops(&fixture), before + 1);
    assert_int_equal(pl_cache_room(&fixture.cache, (pl_room_id){1}, &room), PL_OK);
    assert_int_equal(ops(&fixture), before + 2);
    assert_int_equal(room->message_count, 9);
    done(&fixture);
}

static void peeking_sees_changes_and_keeps_nothing(void **state)
{
    struct fixture fixture;
    struct pl_room room, *cached;
    struct pl_member member, *cached_member;

    (void)state;
    setup(&fixture);
    cached = add_room(&fixture, 7);
    cached->message_count = 3;
    assert_int_equal(pl_cache_peek_room(&fixture.cache, (pl_room_id){7}, &room), PL_OK);
    assert_int_equal(room.message_count, 3);
    assert_int_equal(
        pl_cache_member(&fixture.cache, (pl_room_id){7}, (pl_user_id){1}, &cached_member), PL_OK);
    assert_int_equal(cached_member->state, PL_MEMBER_NONE);
    cached_member->state = PL_MEMBER_JOINED;
    assert_int_equal(pl_cache_member_put(&fixture.cache, cached_member), PL_OK);
    cached_member->read_sequence = 4;
    member = (struct pl_member){.room = {7}, .user = {1}};
    pl_cache_member_overlay(&fixture.cache, &member);
    assert_int_equal(member.read_sequence, 4);

    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_peek_room_named(&fixture.cache, "@7", &room), PL_OK);
    assert_int_equal(room.message_count, 0);
    assert_int_equal(
        pl_cache_peek_member(&fixture.cache, (pl_room_id){7}, (pl_user_id){1}, &member), PL_OK);
    assert_int_equal(member.state, PL_MEMBER_JOINED);
    assert_int_equal(
        pl_cache_peek_member(&fixture.cache, (pl_room_id){7}, (pl_user_id){2}, &member), PL_OK);
    assert_int_equal(member.state, PL_MEMBER_NONE);
    assert_int_equal(fixture.cache.slots[PL_SLOT_ROOM].len, 0);
    assert_int_equal(fixture.cache.slots[PL_SLOT_MEMBER].len, 0);
    done(&fixture);
}

static void a_name_is_found_while_its_user_is_active(void **state)
{
    struct fixture fixture;
    struct pl_user draft = {.id = {1}, .name = "ana", .state = PL_USER_ACTIVE};
    struct pl_user *user, *found;

    (void)state;
    setup(&fixture);
    assert_int_equal(pl_cache_user_add(&fixture.cache, &draft, &user), PL_OK);
    assert_int_equal(pl_cache_user_named(&fixture.cache, "ana", &found), PL_OK);
    assert_ptr_equal(found, user);
    user->state = PL_USER_ENDING;
    assert_int_equal(pl_cache_user_put(&fixture.cache, user), PL_OK);
    assert_int_equal(pl_cache_user_named(&fixture.cache, "ana", &found), PL_E_NOTFOUND);
    draft.id.v = 2;
    assert_int_equal(pl_cache_user_add(&fixture.cache, &draft, &user), PL_OK);
    assert_int_equal(pl_cache_user_named(&fixture.cache, "ana", &found), PL_OK);
    assert_int_equal(found->id.v, 2);
    assert_int_equal(pl_cache_user(&fixture.cache, (pl_user_id){1}, &found), PL_OK);
    assert_int_equal(found->state, PL_USER_ENDING);
    done(&fixture);
}

static void a_deleted_row_stays_deleted(void **state)
{
    struct fixture fixture;
    struct pl_session session = {.id = {1}, .user = {1}, .token_hash = {{42}}};
    struct pl_session *found;
    struct pl_member *member;

    (void)state;
    setup(&fixture);
    assert_int_equal(pl_cache_session_add(&fixture.cache, &session), PL_OK);
    assert_int_equal(pl_cache_session(&fixture.cache, &session.token_hash, &found), PL_OK);
    assert_int_equal(pl_cache_session_delete(&fixture.cache, &session), PL_OK);
    assert_int_equal(pl_cache_session(&fixture.cache, &session.token_hash, &found), PL_E_NOTFOUND);

    assert_int_equal(pl_cache_member(&fixture.cache, (pl_room_id){1}, (pl_user_id){1}, &member),
                     PL_OK);
    member->state = PL_MEMBER_JOINED;
    assert_int_equal(pl_cache_member_put(&fixture.cache, member), PL_OK);
    pl_cache_member_changed(&fixture.cache, member);
    assert_int_equal(pl_cache_member_delete(&fixture.cache, member), PL_OK);
    assert_int_equal(member->state, PL_MEMBER_NONE);
    assert_int_equal(pl_cache_flush(&fixture.cache), PL_OK); /* nothing is written */
    pl_cache_drop(&fixture.cache);
    assert_int_equal(pl_cache_member(&fixture.cache, (pl_room_id){1}, (pl_user_id){1}, &member),
                     PL_OK);
    assert_int_equal(member->state, PL_MEMBER_NONE);
    done(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cached_row_is_found_by_every_key),
        cmocka_unit_test(a_dropped_row_is_read_again_by_every_key),
        cmocka_unit_test(a_change_is_written_once),
        cmocka_unit_test(the_least_used_goes_first_and_is_written),
        cmocka_unit_test(peeking_sees_changes_and_keeps_nothing),
        cmocka_unit_test(a_name_is_found_while_its_user_is_active),
        cmocka_unit_test(a_deleted_row_stays_deleted),
    };

    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

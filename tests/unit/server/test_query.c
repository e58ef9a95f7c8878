/* test_query.c - who may ask what, and what they get, from a store on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../store/folder.h"
#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/engine.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "server/query.h"
#include "store/sqlite.h"
#include "wire/event.h"
#include "wire/frame.h"

#include <stdio.h>
#include <string.h>

#define IDLE_MS  ((int64_t)7 * 24 * 3600 * 1000)
#define HOUR_MS  ((int64_t)3600 * 1000)
#define START_MS INT64_C(1700000000000)

struct world {
    struct folder folder;
    struct pl_sqlite_store *sqlite;
    struct pl_engine *engine;
    struct pl_effects effects;
    struct pl_batch batch;
    struct pl_query_context context;
    struct pl_wire_framer framer;
    int64_t now_ms;
};

static int apply(struct world *world)
{
    int rc;

    pl_effects_clear(&world->effects);
    world->batch.number++;
    world->batch.time_ms = world->now_ms;
    rc = pl_engine_apply(world->engine, &world->batch, &world->effects);
    pl_list_init(&world->batch.commands);
    return rc;
}

/* Applies one command, which must be granted. */
static void run(struct world *world, struct pl_command *command, const char *token)
{
    command->token_hash = pl_hash_of(pl_bytes_str(token));
    pl_list_append(&world->batch.commands, &command->node);
    assert_int_equal(apply(world), PL_OK);
    PL_LIST_EACH (node, &world->effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_REPLY)
            assert_int_equal(effect->u.reply.reply->refusal.reason, PL_REASON_NONE);
    }
}

static void sign_in(struct world *world, const char *name)
{
    struct pl_command command = {.kind = PL_COMMAND_SIGN_IN_GUEST};

    command.u.sign_in_guest.name = name;
    command.u.sign_in_guest.label = "";
    run(world, &command, name);
}

static void create(struct world *world, const char *name, const char *room,
                   enum pl_room_visibility visibility)
{
    struct pl_command command = {.kind = PL_COMMAND_CREATE_ROOM};

    command.u.create_room.name = room;
    command.u.create_room.title = "";
    command.u.create_room.topic = "";
    command.u.create_room.visibility = visibility;
    command.u.create_room.delivery = PL_ROOM_EVERYONE;
    run(world, &command, name);
}

static void join(struct world *world, const char *name, const char *room)
{
    struct pl_command command = {.kind = PL_COMMAND_JOIN_ROOM};

    command.u.join_room.room = room;
    run(world, &command, name);
}

static void say(struct world *world, const char *name, const char *room, const char *text)
{
    struct pl_command command = {.kind = PL_COMMAND_SEND_MESSAGE};

    command.u.send = (struct pl_send){.room = room, .user = "", .text = text, .request_id = ""};
    run(world, &command, name);
}

static struct pl_errand *ask_for(enum pl_query_kind kind, const char *token)
{
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_QUERY, 0, 1);

    assert_non_null(errand);
    errand->query.kind = kind;
    errand->query.token_hash = pl_hash_of(pl_bytes_str(token));
    errand->query.page_token = "";
    errand->query.page_len = PL_PAGE_LEN_DEFAULT;
    switch (kind) {
    case PL_QUERY_LIST_USERS:
        errand->kind = PL_ERRAND_USERS;
        errand->query.u.list_users.prefix = "";
        break;
    case PL_QUERY_GET_ROOM:
    case PL_QUERY_LIST_MEMBERS:
        errand->query.u.room.room = "lobby";
        break;
    case PL_QUERY_LIST_MESSAGES:
        errand->query.u.list_messages.room = "lobby";
        break;
    default:
        break;
    }
    return errand;
}

/* Answers the errand; whether the session is to be marked. */
static bool answer(struct world *world, struct pl_errand *errand)
{
    bool touch = pl_query_answer(&world->context, errand, world->now_ms, world->now_ms);

    assert_true(errand->answered);
    if (errand->refusal.reason != PL_REASON_NONE)
        assert_null(errand->response);
    return touch;
}

/* Answers and frees it; how it was refused. */
static enum pl_reason refused(struct world *world, struct pl_errand *errand)
{
    enum pl_reason reason;

    answer(world, errand);
    reason = errand->refusal.reason;
    if (reason == PL_REASON_PAGE_TOKEN_INVALID)
        assert_string_equal(errand->refusal.field, "page_token");
    pl_errand_free(errand);
    return reason;
}

static void open_engine(struct world *world)
{
    struct pl_command start = {.kind = PL_COMMAND_START};
    struct pl_engine_config config = {
        .store = pl_sqlite_store_iface(world->sqlite),
        .encoder = pl_wire_event_encoder(),
        .guests = true,
        .session_idle_ms = IDLE_MS,
        .text_size_max = PL_TEXT_SIZE_MAX,
    };

    assert_int_equal(pl_engine_new(&config, &world->engine), PL_OK);
    start.u.start.log = 77;
    pl_list_append(&world->batch.commands, &start.node);
    assert_int_equal(apply(world), PL_OK);
}

static int setup(void **state)
{
    struct world *world = pl_zalloc(sizeof *world);
    struct pl_sqlite_config sqlite = {.durability = PL_DURABILITY_WRITTEN};

    assert_non_null(world);
    assert_int_equal(pl_secret_init(), PL_OK);
    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    folder_make(&world->folder);
    sqlite.dir = world->folder.data;
    assert_int_equal(pl_sqlite_store_open(&sqlite, &world->sqlite, NULL), PL_OK);
    pl_effects_init(&world->effects, 64 * 1024 * 1024);
    pl_list_init(&world->batch.commands);
    world->now_ms = START_MS;
    open_engine(world);
    world->framer.log = 77;
    world->context.framer = pl_wire_framer_iface(&world->framer);
    world->context.session_idle_ms = IDLE_MS;
    assert_int_equal(pl_page_cache_new(64 * 1024, &world->context.pages_weak), PL_OK);
    assert_int_equal(pl_sqlite_reader_open(&sqlite, &world->context.reader, NULL), PL_OK);
    sign_in(world, "ana");
    sign_in(world, "bo");
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;

    pl_sqlite_reader_close(&world->context.reader);
    pl_page_cache_free(world->context.pages_weak);
    pl_engine_free(world->engine);
    pl_effects_done(&world->effects);
    pl_sqlite_store_close(world->sqlite);
    folder_remove(&world->folder);
    pl_free(world);
    return 0;
}

static const enum pl_query_kind kinds[] = {
    PL_QUERY_LIST_USERS,   PL_QUERY_GET_ROOM,      PL_QUERY_LIST_ROOMS,
    PL_QUERY_LIST_MEMBERS, PL_QUERY_LIST_MESSAGES,
};

enum { KINDS_LEN = sizeof kinds / sizeof kinds[0] };

static void nobody_is_answered_without_a_token_that_holds(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < KINDS_LEN; i++) {
        assert_int_equal(refused(world, ask_for(kinds[i], "nobody")), PL_REASON_TOKEN_INVALID);
        assert_int_equal(refused(world, ask_for(kinds[i], "ana")), PL_REASON_NONE);
    }
    world->now_ms += IDLE_MS;
    for (size_t i = 0; i < KINDS_LEN; i++)
        assert_int_equal(refused(world, ask_for(kinds[i], "ana")), PL_REASON_NONE);
    world->now_ms++; /* lapsed, even if nothing has ended it yet */
    for (size_t i = 0; i < KINDS_LEN; i++)
        assert_int_equal(refused(world, ask_for(kinds[i], "ana")), PL_REASON_TOKEN_INVALID);
}

static void who_has_signed_out_is_nobody(void **state)
{
    struct world *world = *state;
    struct pl_command out = {.kind = PL_COMMAND_SIGN_OUT};

    run(world, &out, "ana");
    sign_in(world, "ana-again");
    for (size_t i = 0; i < KINDS_LEN; i++)
        assert_int_equal(refused(world, ask_for(kinds[i], "ana")), PL_REASON_TOKEN_INVALID);
}

static void a_session_is_marked_when_that_is_due(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand = ask_for(PL_QUERY_GET_ROOM, "ana");

    assert_false(answer(world, errand));
    pl_errand_free(errand);
    world->now_ms += HOUR_MS;
    errand = ask_for(PL_QUERY_GET_ROOM, "ana");
    assert_true(answer(world, errand));
    pl_errand_free(errand);
    errand = ask_for(PL_QUERY_GET_ROOM, "nobody");
    assert_false(answer(world, errand));
    pl_errand_free(errand);
}

static void a_session_is_marked_though_the_time_of_day_was_set_back(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand = ask_for(PL_QUERY_GET_ROOM, "ana");
    int64_t age_ms = world->now_ms + HOUR_MS;

    assert_true(pl_query_answer(&world->context, errand, age_ms - 2 * IDLE_MS, age_ms));
    pl_errand_free(errand);
}

static void rooms_are_seen_by_who_may_see_them(void **state)
{
    static const enum pl_query_kind of_members[] = {PL_QUERY_LIST_MEMBERS, PL_QUERY_LIST_MESSAGES};
    struct world *world = *state;
    struct pl_errand *errand;

    create(world, "ana", "open", PL_ROOM_PUBLIC);
    create(world, "ana", "secret", PL_ROOM_PRIVATE);

    errand = ask_for(PL_QUERY_GET_ROOM, "bo");
    errand->query.u.room.room = "open";
    assert_int_equal(refused(world, errand), PL_REASON_NONE);
    errand = ask_for(PL_QUERY_GET_ROOM, "bo");
    errand->query.u.room.room = "secret";
    assert_int_equal(refused(world, errand), PL_REASON_ROOM_NOT_FOUND);
    errand = ask_for(PL_QUERY_GET_ROOM, "ana");
    errand->query.u.room.room = "secret";
    assert_int_equal(refused(world, errand), PL_REASON_NONE);

    for (size_t i = 0; i < 2; i++) {
        static const struct {
            const char *room;
            enum pl_reason reason;
        } rooms[] = {{"open", PL_REASON_NOT_A_MEMBER},
                     {"secret", PL_REASON_ROOM_NOT_FOUND},
                     {"nowhere", PL_REASON_ROOM_NOT_FOUND}};

        for (size_t k = 0; k < 3; k++) {
            errand = ask_for(of_members[i], "bo");
            errand->query.u.room.room = rooms[k].room; /* the first field of both */
            errand->query.u.list_messages.room = rooms[k].room;
            assert_int_equal(refused(world, errand), rooms[k].reason);
        }
    }
}

/* The names on a page of rooms, as "a b", and the next page's token. */
static void page_of_rooms(struct world *world, bool unjoined, uint32_t len, char token[256],
                          const char *names)
{
    struct pl_errand *errand = ask_for(PL_QUERY_LIST_ROOMS, "bo");
    Parla__V1__ListRoomsResponse *page;
    char said[512] = "";

    errand->query.u.list_rooms.unjoined = unjoined;
    errand->query.page_len = len;
    errand->query.page_token = token;
    answer(world, errand);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    page = parla__v1__list_rooms_response__unpack(NULL, errand->response->size,
                                                  errand->response->data);
    assert_non_null(page);
    for (size_t i = 0; i < page->n_rooms; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s%s", i > 0 ? " " : "",
                 page->rooms[i]->room->room, page->rooms[i]->member != NULL ? "*" : "");
    assert_string_equal(said, names);
    snprintf(token, 256, "%s", page->next_page_token);
    parla__v1__list_rooms_response__free_unpacked(page, NULL);
    pl_errand_free(errand);
}

static void rooms_are_listed_by_id_in_pages(void **state)
{
    struct world *world = *state;
    char token[256] = "";
    struct pl_errand *errand;

    create(world, "ana", "c", PL_ROOM_PUBLIC);
    create(world, "ana", "a", PL_ROOM_PUBLIC);
    create(world, "ana", "b", PL_ROOM_PRIVATE);
    join(world, "bo", "c");
    page_of_rooms(world, false, 10, token, "c* lobby*");
    assert_string_equal(token, "");
    page_of_rooms(world, true, 10, token, "a c* lobby*");
    page_of_rooms(world, true, 2, token, "a c*");
    assert_string_not_equal(token, "");

    /* a token is good for its own list only */
    errand = ask_for(PL_QUERY_LIST_ROOMS, "bo");
    errand->query.page_token = token;
    assert_int_equal(refused(world, errand), PL_REASON_PAGE_TOKEN_INVALID);
    errand = ask_for(PL_QUERY_LIST_MEMBERS, "bo");
    errand->query.page_token = token;
    assert_int_equal(refused(world, errand), PL_REASON_PAGE_TOKEN_INVALID);
    errand = ask_for(PL_QUERY_LIST_USERS, "bo");
    errand->query.page_token = "no token at all";
    assert_int_equal(refused(world, errand), PL_REASON_PAGE_TOKEN_INVALID);

    page_of_rooms(world, true, 2, token, "lobby*");
    assert_string_equal(token, "");
}

static void members_are_listed_by_name_in_pages(void **state)
{
    static const char *const names[] = {"ana", "bo", "cleo"};
    struct world *world = *state;
    char token[256] = "";

    sign_in(world, "cleo");
    for (size_t i = 0; i < 3; i++) {
        struct pl_errand *errand = ask_for(PL_QUERY_LIST_MEMBERS, "ana");
        Parla__V1__ListMembersResponse *page;

        errand->query.page_len = 1;
        errand->query.page_token = token;
        answer(world, errand);
        assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
        page = parla__v1__list_members_response__unpack(NULL, errand->response->size,
                                                        errand->response->data);
        assert_non_null(page);
        assert_int_equal(page->n_members, 1);
        assert_string_equal(page->members[0]->user, names[i]);
        assert_int_equal(page->as_of_sequence, 1);
        snprintf(token, sizeof token, "%s", page->next_page_token);
        assert_int_equal(token[0] != 0, i < 2);
        parla__v1__list_members_response__free_unpacked(page, NULL);
        pl_errand_free(errand);
    }
}

/* Reads all pages of the lobby's messages; returns how many pages. `first` and
 * `step` say what sequences to expect. */
static uint32_t read_all(struct world *world, bool ascending, uint32_t page_len, uint64_t first,
                         int step, uint32_t len)
{
    char token[256] = "";
    uint64_t expected = first;
    uint32_t pages = 0, seen = 0;

    do {
        struct pl_errand *errand = ask_for(PL_QUERY_LIST_MESSAGES, "ana");
        Parla__V1__ListMessagesResponse *page;

        errand->query.u.list_messages.ascending = ascending;
        errand->query.page_len = page_len;
        errand->query.page_token = token;
        answer(world, errand);
        assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
        assert_true(errand->response->size <= 2 * PL_PAGE_SIZE_MAX);
        page = parla__v1__list_messages_response__unpack(NULL, errand->response->size,
                                                         errand->response->data);
        assert_non_null(page);
        assert_true(page->n_messages > 0 && page->n_messages <= page_len);
        assert_int_equal(page->as_of_sequence, len + 1);
        for (size_t i = 0; i < page->n_messages; i++) {
            assert_int_equal(page->messages[i]->sequence, expected);
            expected = (uint64_t)((int64_t)expected + step);
        }
        seen += (uint32_t)page->n_messages;
        snprintf(token, sizeof token, "%s", page->next_page_token);
        parla__v1__list_messages_response__free_unpacked(page, NULL);
        pl_errand_free(errand);
        pages++;
        assert_true(pages <= len);
    } while (token[0] != 0);
    assert_int_equal(seen, len);
    return pages;
}

static void messages_are_listed_in_pages_both_ways(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 7; i++)
        say(world, i % 2 == 0 ? "ana" : "bo", "lobby", "hello");
    assert_int_equal(read_all(world, true, 3, 2, 1, 7), 3);
    assert_int_equal(read_all(world, false, 3, 8, -1, 7), 3);
    assert_int_equal(read_all(world, false, 7, 8, -1, 7), 1);
}

static void large_messages_make_smaller_pages(void **state)
{
    struct world *world = *state;
    char *text = pl_zalloc(PL_TEXT_SIZE_MAX + 1);

    assert_non_null(text);
    memset(text, 'x', PL_TEXT_SIZE_MAX);
    for (int i = 0; i < 150; i++)
        say(world, "ana", "lobby", text);
    pl_free(text);
    assert_int_equal(read_all(world, true, 1000, 2, 1, 150), 3);
    assert_int_equal(read_all(world, false, 1000, 151, -1, 150), 3);
}

static void messages_of_many_parts_fit_a_page(void **state)
{
    enum { LEN = 900 };
    struct world *world = *state;
    char text[PL_MENTIONS_LEN_MAX * 6 + 1] = "";

    for (int i = 0; i < PL_MENTIONS_LEN_MAX; i++) {
        char name[8];

        snprintf(name, sizeof name, "m%c%c", 'a' + i / 26, 'a' + i % 26);
        sign_in(world, name);
        snprintf(text + strlen(text), sizeof text - strlen(text), "@%s ", name);
    }
    for (int i = 0; i < LEN; i++)
        say(world, "ana", "lobby", text);
    read_all(world, true, 1000, 2, 1, LEN);
    read_all(world, false, 1000, LEN + 1, -1, LEN);
}

static void a_page_token_keeps_within_the_bounds_asked_for(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand;
    Parla__V1__ListMessagesResponse *page;
    char token[256];

    for (int i = 0; i < 8; i++)
        say(world, "ana", "lobby", "hello");
    errand = ask_for(PL_QUERY_LIST_MESSAGES, "ana");
    errand->query.page_len = 2;
    answer(world, errand);
    page = parla__v1__list_messages_response__unpack(NULL, errand->response->size,
                                                     errand->response->data);
    assert_non_null(page);
    snprintf(token, sizeof token, "%s", page->next_page_token);
    parla__v1__list_messages_response__free_unpacked(page, NULL);
    pl_errand_free(errand);

    errand = ask_for(PL_QUERY_LIST_MESSAGES, "ana");
    errand->query.page_token = token;
    errand->query.u.list_messages.before = 5;
    answer(world, errand);
    page = parla__v1__list_messages_response__unpack(NULL, errand->response->size,
                                                     errand->response->data);
    assert_non_null(page);
    assert_int_equal(page->messages[0]->sequence, 4);
    parla__v1__list_messages_response__free_unpacked(page, NULL);
    pl_errand_free(errand);
}

static void users_are_gathered_by_name_and_prefix(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand = ask_for(PL_QUERY_LIST_USERS, "ana");
    char token[256];

    sign_in(world, "bea");
    errand->query.u.list_users.prefix = "b";
    errand->query.page_len = 1;
    answer(world, errand);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    assert_int_equal(errand->users_len, 1);
    assert_string_equal(errand->users[0].name, "bea");
    snprintf(token, sizeof token, "%s", errand->next);
    assert_string_not_equal(token, "");
    pl_errand_free(errand);

    errand = ask_for(PL_QUERY_LIST_USERS, "ana");
    errand->query.u.list_users.prefix = "b";
    errand->query.page_len = 1;
    errand->query.page_token = token;
    answer(world, errand);
    assert_int_equal(errand->users_len, 1);
    assert_string_equal(errand->users[0].name, "bo");
    assert_string_equal(errand->next, "");
    pl_errand_free(errand);
}

static struct pl_errand *ask_for_page(uint64_t user, pl_position after)
{
    struct pl_errand *errand = ask_for(PL_QUERY_READ_PAGE, "nobody: the stream has been proven");

    errand->query.u.page = (struct pl_page_query){
        .user = {user}, .after = after, .all = true, .len_max = 2, .size_max = 64 * 1024};
    return errand;
}

static void a_stream_is_given_pages_up_to_the_end(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand;
    pl_position through = 1; /* the lobby's own event */

    for (int i = 0; i < 3; i++)
        say(world, "ana", "lobby", "hello");
    errand = ask_for_page(1, through);
    answer(world, errand);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    assert_true(errand->response->size > 0);
    assert_int_equal(errand->through, 3);
    through = errand->through;
    pl_errand_free(errand);

    errand = ask_for_page(1, through);
    answer(world, errand);
    assert_true(errand->response->size > 0);
    assert_int_equal(errand->through, 4);
    through = errand->through;
    pl_errand_free(errand);

    errand = ask_for_page(1, through);
    answer(world, errand);
    assert_int_equal(errand->response->size, 0);
    assert_int_equal(errand->through, 4);
    pl_errand_free(errand);
}

/* The frames of a page, for that user; the errand is to be freed. */
static struct pl_errand *page_of(struct world *world, uint64_t user, pl_position after)
{
    struct pl_errand *errand = ask_for_page(user, after);

    answer(world, errand);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    return errand;
}

static void users_in_one_room_share_a_page(void **state)
{
    struct world *world = *state;
    struct pl_errand *pages[4];

    for (int i = 0; i < 3; i++)
        say(world, "ana", "lobby", "hello");
    pages[0] = page_of(world, 1, 2);
    pages[1] = page_of(world, 2, 2);
    assert_ptr_equal(pages[0]->response, pages[1]->response); /* the very same bytes */
    assert_int_equal(pages[1]->through, 4);

    /* it ended where the log did: a longer one takes its place, once there is more */
    say(world, "bo", "lobby", "and hello");
    pages[2] = page_of(world, 1, 2);
    pages[3] = page_of(world, 2, 2);
    assert_ptr_equal(pages[2]->response, pages[3]->response);
    assert_ptr_not_equal(pages[0]->response, pages[2]->response);
    assert_int_equal(pages[3]->through, 4); /* two of three: it is cut */
    for (int i = 0; i < 4; i++)
        pl_errand_free(pages[i]);
    assert_int_equal(pl_page_cache_stats(world->context.pages_weak).found, 2);
}

static void leave(struct world *world, const char *name, const char *room)
{
    struct pl_command command = {.kind = PL_COMMAND_LEAVE_ROOM};

    command.u.leave_room.room = room;
    run(world, &command, name);
}

static pl_position last_position(struct world *world)
{
    const struct pl_reader *reader = &world->context.reader;
    struct pl_meta meta;

    assert_int_equal(reader->ops->begin(reader->self), PL_OK);
    assert_int_equal(reader->ops->get_meta(reader->self, &meta), PL_OK);
    reader->ops->end(reader->self);
    return meta.position;
}

static void who_has_left_shares_no_more(void **state)
{
    struct world *world = *state;
    struct pl_errand *errands[3];
    pl_position joined, left;

    create(world, "ana", "room", PL_ROOM_PUBLIC);
    join(world, "bo", "room");
    joined = last_position(world);
    say(world, "ana", "room", "for both");
    errands[0] = page_of(world, 1, joined);
    assert_true(errands[0]->response->size > 0);
    leave(world, "bo", "room"); /* he is told that */
    left = last_position(world);
    say(world, "ana", "room", "for one");
    errands[1] = page_of(world, 1, left);
    errands[2] = page_of(world, 2, left);
    assert_true(errands[1]->response->size > 0);
    assert_int_equal(errands[2]->response->size, 0);
    for (int i = 0; i < 3; i++)
        pl_errand_free(errands[i]);
    errands[1] = page_of(world, 1, joined);
    errands[2] = page_of(world, 2, joined);
    assert_ptr_not_equal(errands[1]->response, errands[2]->response);
    for (int i = 1; i < 3; i++)
        pl_errand_free(errands[i]);
}

static void want_of_memory_is_an_answer(void **state)
{
    struct world *world = *state;

    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    create(world, "ana", "room", PL_ROOM_PUBLIC);
    for (int i = 0; i < 5; i++)
        say(world, "ana", "lobby", "hello");
    for (size_t i = 0; i <= KINDS_LEN; i++) {
        bool failed = true;

        for (uint64_t nth = 1; failed; nth++) {
            struct pl_errand *errand =
                i < KINDS_LEN ? ask_for(kinds[i], "ana") : ask_for_page(1, 0);

            pl_mem_fail_at(nth);
            answer(world, errand);
            failed = pl_mem_failed() != 0;
            pl_mem_fail_at(0);
            if (errand->refusal.reason != PL_REASON_NONE)
                assert_int_equal(errand->refusal.reason, PL_REASON_OVERLOADED);
            if (!failed)
                assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
            pl_errand_free(errand);
            assert_true(nth < 10000);
        }
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(nobody_is_answered_without_a_token_that_holds),
        TEST(who_has_signed_out_is_nobody),
        TEST(a_session_is_marked_when_that_is_due),
        TEST(a_session_is_marked_though_the_time_of_day_was_set_back),
        TEST(rooms_are_seen_by_who_may_see_them),
        TEST(rooms_are_listed_by_id_in_pages),
        TEST(members_are_listed_by_name_in_pages),
        TEST(messages_are_listed_in_pages_both_ways),
        TEST(large_messages_make_smaller_pages),
        TEST(messages_of_many_parts_fit_a_page),
        TEST(a_page_token_keeps_within_the_bounds_asked_for),
        TEST(users_are_gathered_by_name_and_prefix),
        TEST(a_stream_is_given_pages_up_to_the_end),
        TEST(users_in_one_room_share_a_page),
        TEST(who_has_left_shares_no_more),
        TEST(want_of_memory_is_an_answer),
    };

    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}

/* test_engine_thread.c - letters in, answers out, each exactly once, whatever fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "parla/v1/user_service.pb-c.h"
#include "server/engine_thread.h"
#include "server/stream_call.h"
#include "store/memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    LOOPS_LEN = 2,
    WAIT_US = 60 * 1000 * 1000, /* to catch a hang; measures nothing */
};

#define IDLE_MS ((int64_t)7 * 24 * 3600 * 1000)

struct world {
    struct pl_store store;
    struct pl_engine_thread *engine;
    struct pl_age_clock age;
    struct pl_mailbox *loops[LOOPS_LEN];
    struct pl_list came[LOOPS_LEN]; /* taken from the mailbox, not yet looked at */
    uint64_t calls;
};

static void to_loop(void *self, uint32_t loop, struct pl_msg *msg)
{
    struct world *world = self;

    assert_true(loop < LOOPS_LEN);
    if (pl_mailbox_put_always(world->loops[loop], &msg->letter) < 0)
        pl_msg_discard(msg);
}

static void ring_loops(void *self)
{
    struct world *world = self;

    for (uint32_t i = 0; i < LOOPS_LEN; i++)
        pl_mailbox_ring(world->loops[i]);
}

static struct pl_engine_thread_config config_of(struct world *world)
{
    return (struct pl_engine_thread_config){
        .store = world->store,
        .log = 77,
        .loops_len = LOOPS_LEN,
        .guests = true,
        .durability = PL_DURABILITY_SYNCED,
        .session_idle_ms = IDLE_MS,
        .age = &world->age,
        .text_size_max = PL_TEXT_SIZE_MAX,
        .inbox_len_max = 4,
        .to_loop = to_loop,
        .ring_loops = ring_loops,
        .self = world,
    };
}

static struct pl_msg *msg_of(struct pl_list *node)
{
    return PL_CONTAINER(PL_CONTAINER(node, struct pl_letter, node), struct pl_msg, letter);
}

/* The loop's next letter. */
static struct pl_msg *next(struct world *world, uint32_t loop)
{
    struct pl_list *node = pl_list_first(&world->came[loop]);

    if (node == NULL) {
        assert_true(pl_mailbox_wait(world->loops[loop], WAIT_US, &world->came[loop]) > 0);
        node = pl_list_first(&world->came[loop]);
    }
    pl_list_remove(node);
    return msg_of(node);
}

static struct pl_errand *next_errand(struct world *world, uint32_t loop)
{
    struct pl_msg *msg = next(world, loop);

    assert_int_equal(msg->kind, PL_MSG_ERRAND);
    return PL_CONTAINER(msg, struct pl_errand, msg);
}

static struct pl_errand *errand_new(struct world *world, uint32_t loop, const char *token)
{
    struct pl_errand *errand = pl_errand_new(PL_ERRAND_COMMAND, loop, ++world->calls);

    assert_non_null(errand);
    errand->command.token_hash = pl_hash_of(pl_bytes_str(token));
    errand->query.token_hash = errand->command.token_hash;
    return errand;
}

static void post(struct world *world, struct pl_errand *errand)
{
    assert_int_equal(pl_engine_thread_post_always(world->engine, &errand->msg), PL_OK);
}

/* Sends an errand and frees it; how it was answered. */
static enum pl_reason ask(struct world *world, struct pl_errand *errand)
{
    struct pl_errand *back;
    enum pl_reason reason;

    post(world, errand);
    back = next_errand(world, errand->loop);
    assert_ptr_equal(back, errand);
    assert_true(back->answered);
    reason = back->refusal.reason;
    pl_errand_free(back);
    return reason;
}

static struct pl_errand *get_user(struct world *world, const char *token)
{
    struct pl_errand *errand = errand_new(world, 0, token);

    errand->command.kind = PL_QUERY_GET_USER;
    errand->command.u.get_user.name = "";
    return errand;
}

static void sign_in(struct world *world, const char *name)
{
    struct pl_errand *errand = errand_new(world, 0, name);

    errand->command.kind = PL_COMMAND_SIGN_IN_GUEST;
    errand->command.u.sign_in_guest.name = name;
    errand->command.u.sign_in_guest.label = "";
    assert_int_equal(ask(world, errand), PL_REASON_NONE);
}

static struct pl_errand *send_text(struct world *world, const char *token, const char *room,
                                   const char *text)
{
    struct pl_errand *errand = errand_new(world, 0, token);

    errand->command.kind = PL_COMMAND_SEND_MESSAGE;
    errand->command.u.send =
        (struct pl_send){.room = room, .user = "", .text = text, .request_id = ""};
    return errand;
}

static struct pl_errand *subscribe(struct world *world, uint32_t loop, const char *token)
{
    struct pl_errand *errand = errand_new(world, loop, token);

    errand->command.kind = PL_QUERY_SUBSCRIBE;
    errand->command.u.subscribe.rooms_len = 0;
    return errand;
}

static struct pl_stream_call *stream_gone(uint32_t loop, uint64_t call, bool taker)
{
    struct pl_stream_call *stream_call = pl_zalloc(sizeof *stream_call);

    assert_non_null(stream_call);
    stream_call->gone.kind = PL_MSG_STREAM_GONE;
    stream_call->id = call;
    stream_call->loop = loop;
    stream_call->taker = taker;
    return stream_call;
}

/* Says that the stream has gone, and sees it come home. */
static void close_stream(struct world *world, uint32_t loop, uint64_t call, bool taker)
{
    struct pl_stream_call *gone = stream_gone(loop, call, taker);
    struct pl_msg *msg;

    assert_int_equal(pl_engine_thread_post_always(world->engine, &gone->gone), PL_OK);
    msg = next(world, loop);
    assert_ptr_equal(msg, &gone->gone);
    pl_msg_discard(msg);
}

static struct pl_errand *list_online(struct world *world, const char *token, const char *prefix,
                                     const char *page_token, uint32_t page_len)
{
    struct pl_errand *errand = errand_new(world, 0, token);

    errand->kind = PL_ERRAND_ONLINE;
    errand->query.kind = PL_QUERY_LIST_USERS;
    errand->query.page_token = page_token;
    errand->query.page_len = page_len;
    errand->query.u.list_users.online_only = true;
    errand->query.u.list_users.prefix = prefix;
    return errand;
}

/* The page of users online, as "ana bo", and the token of the next. */
static void assert_online(struct world *world, const char *prefix, const char *page_token,
                          uint32_t page_len, const char *names, char next_token[256])
{
    struct pl_errand *errand = list_online(world, "ana", prefix, page_token, page_len);
    Parla__V1__ListUsersResponse *page;
    char said[256] = "";

    post(world, errand);
    errand = next_errand(world, 0);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    page = parla__v1__list_users_response__unpack(NULL, errand->response->size,
                                                  errand->response->data);
    assert_non_null(page);
    for (size_t i = 0; i < page->n_users; i++) {
        assert_true(page->users[i]->online);
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i > 0 ? " " : "",
                 page->users[i]->user);
    }
    assert_string_equal(said, names);
    snprintf(next_token, 256, "%s", page->next_page_token);
    parla__v1__list_users_response__free_unpacked(page, NULL);
    pl_errand_free(errand);
}

/* A failure hits the next batch, not one that the thread makes by itself: all that
 * falls due at the start has been done once something was answered. */
static void settle(struct world *world)
{
    assert_int_equal(ask(world, get_user(world, "nobody")), PL_REASON_TOKEN_INVALID);
}

static int setup(void **state)
{
    struct world *world = pl_zalloc(sizeof *world);
    struct pl_engine_thread_config config;

    assert_non_null(world);
    assert_int_equal(pl_secret_init(), PL_OK);
    pl_diag_set(PL_DIAG_ERROR, PL_DIAG_TEXT);
    assert_int_equal(pl_memory_store_new(&world->store), PL_OK);
    for (uint32_t i = 0; i < LOOPS_LEN; i++) {
        pl_list_init(&world->came[i]);
        assert_int_equal(pl_mailbox_new(1024, NULL, NULL, &world->loops[i]), PL_OK);
    }
    config = config_of(world);
    assert_int_equal(pl_engine_thread_start(&config, &world->engine), PL_OK);
    settle(world);
    *state = world;
    return 0;
}

/* Nothing may have come that the test has not seen. */
static int teardown(void **state)
{
    struct world *world = *state;

    pl_engine_thread_stop(world->engine);
    for (uint32_t i = 0; i < LOOPS_LEN; i++) {
        pl_mailbox_take(world->loops[i], &world->came[i]);
        assert_true(pl_list_empty(&world->came[i]));
        pl_mailbox_free(world->loops[i]);
    }
    pl_memory_store_free(&world->store);
    pl_free(world);
    return 0;
}

static void every_errand_comes_back_once_and_in_order(void **state)
{
    struct world *world = *state;
    struct pl_errand *sent[200];

    sign_in(world, "ana");
    for (size_t i = 0; i < 200; i++) {
        /* silent ones among them have no answer, and do not come back */
        struct pl_errand *silent = errand_new(world, 0, "ana");

        silent->silent = true;
        silent->command.kind = PL_COMMAND_TOUCH_SESSION;
        sent[i] = i % 3 == 0   ? get_user(world, "ana")
                  : i % 3 == 1 ? send_text(world, "ana", "lobby", "hello")
                               : send_text(world, "nobody", "lobby", "hello");
        post(world, silent);
        post(world, sent[i]);
    }
    for (size_t i = 0; i < 200; i++) {
        struct pl_errand *errand = next_errand(world, 0);

        assert_ptr_equal(errand, sent[i]);
        assert_int_equal(errand->refusal.reason,
                         i % 3 == 2 ? PL_REASON_TOKEN_INVALID : PL_REASON_NONE);
        assert_true((errand->response != NULL) == (i % 3 != 2));
        pl_errand_free(errand);
    }
}

static void a_lost_batch_answers_every_errand(void **state)
{
    static const struct {
        int err;
        enum pl_reason reason;
    } failures[] = {{PL_E_FULL, PL_REASON_DISK_FULL}, {PL_E_NOMEM, PL_REASON_OVERLOADED}};
    struct world *world = *state;

    sign_in(world, "ana");
    for (size_t i = 0; i < 2; i++) {
        pl_memory_store_fail_commit(&world->store, 1, failures[i].err);
        assert_int_equal(ask(world, send_text(world, "ana", "lobby", "lost")), failures[i].reason);
        assert_int_equal(ask(world, send_text(world, "ana", "lobby", "kept")), PL_REASON_NONE);
    }
}

static void a_stream_gets_its_answer_before_its_feed(void **state)
{
    struct world *world = *state;
    struct pl_errand *asking, *saying, *back;
    struct pl_msg *msg;
    uint64_t call;

    sign_in(world, "ana");
    asking = subscribe(world, 1, "ana");
    call = asking->call;
    saying = send_text(world, "ana", "lobby", "hello");
    post(world, asking);
    post(world, saying);
    back = next_errand(world, 1);
    assert_ptr_equal(back, asking);
    assert_int_equal(back->granted.rooms_len, 1);
    assert_string_equal(back->granted.rooms[0].name, "lobby");
    assert_true(back->granted.all);
    pl_errand_free(back);
    back = next_errand(world, 0);
    assert_ptr_equal(back, saying);
    pl_errand_free(back);
    msg = next(world, 1);
    assert_int_equal(msg->kind, PL_MSG_FEED);
    assert_non_null(PL_CONTAINER(msg, struct pl_feed_msg, msg)->feed);
    assert_false(PL_CONTAINER(msg, struct pl_feed_msg, msg)->feed_lost);
    pl_msg_discard(msg);

    /* gone: nothing more comes for it */
    close_stream(world, 1, call, false);
    assert_int_equal(ask(world, send_text(world, "ana", "lobby", "alone")), PL_REASON_NONE);
}

static void a_stream_that_goes_at_once_is_forgotten(void **state)
{
    struct world *world = *state;
    struct pl_stream_call *gone;
    struct pl_errand *asking;
    struct pl_msg *msg;
    char next_token[256];

    sign_in(world, "ana");
    asking = subscribe(world, 1, "ana");
    gone = stream_gone(1, asking->call, false);
    post(world, asking);
    assert_int_equal(pl_engine_thread_post_always(world->engine, &gone->gone), PL_OK);
    pl_errand_free(next_errand(world, 1));
    msg = next(world, 1);
    assert_ptr_equal(msg, &gone->gone);
    pl_msg_discard(msg);
    assert_online(world, "", "", 10, "", next_token);

    /* one that the engine never knew comes home, too */
    close_stream(world, 0, 12345, false);
    close_stream(world, 0, 12345, true);
}

static void who_has_a_stream_is_listed_online_by_name(void **state)
{
    static const char *const names[] = {"cleo", "ana", "bo", "bea"};
    struct world *world = *state;
    uint64_t calls[4];
    char next_token[256];

    for (size_t i = 0; i < 4; i++) {
        struct pl_errand *asking;

        sign_in(world, names[i]);
        asking = subscribe(world, 0, names[i]);
        calls[i] = asking->call;
        assert_int_equal(ask(world, asking), PL_REASON_NONE);
    }
    assert_online(world, "", "", 10, "ana bea bo cleo", next_token);
    assert_string_equal(next_token, "");
    assert_online(world, "b", "", 10, "bea bo", next_token);
    assert_online(world, "", "", 2, "ana bea", next_token);
    assert_online(world, "", next_token, 2, "bo cleo", next_token);
    assert_string_equal(next_token, "");
    for (size_t i = 0; i < 4; i++)
        close_stream(world, 0, calls[i], false);
    assert_online(world, "", "", 10, "", next_token);
}

static void a_bad_page_token_is_told_to_who_is_known_only(void **state)
{
    struct world *world = *state;
    struct pl_errand *errand;

    assert_int_equal(ask(world, list_online(world, "nobody", "", "bad", 10)),
                     PL_REASON_TOKEN_INVALID);
    sign_in(world, "ana");
    post(world, list_online(world, "ana", "", "bad", 10));
    errand = next_errand(world, 0);
    assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
    assert_non_null(errand->pending);
    assert_int_equal(errand->pending->reason, PL_REASON_PAGE_TOKEN_INVALID);
    assert_string_equal(errand->pending->field, "page_token");
    pl_errand_free(errand);
}

static uint64_t open_taker(struct world *world, uint32_t loop, const char *token)
{
    struct pl_errand *errand = errand_new(world, loop, token);
    uint64_t call = errand->call;

    errand->command.kind = PL_COMMAND_OPEN_TAKER;
    errand->command.u.open_taker.room = "help";
    errand->command.u.open_taker.taker = pl_taker_id(loop, call);
    errand->command.u.open_taker.unacked_len_max = 1;
    errand->command.u.open_taker.lease_s = 86400;
    assert_int_equal(ask(world, errand), PL_REASON_NONE);
    return call;
}

static void make_help(struct world *world)
{
    struct pl_errand *errand = errand_new(world, 0, "ana");

    errand->command.kind = PL_COMMAND_CREATE_ROOM;
    errand->command.u.create_room.name = "help";
    errand->command.u.create_room.title = "";
    errand->command.u.create_room.topic = "";
    errand->command.u.create_room.visibility = PL_ROOM_PUBLIC;
    errand->command.u.create_room.delivery = PL_ROOM_ONE;
    assert_int_equal(ask(world, errand), PL_REASON_NONE);
    errand = errand_new(world, 0, "bo");
    errand->command.kind = PL_COMMAND_JOIN_ROOM;
    errand->command.u.join_room.room = "help";
    assert_int_equal(ask(world, errand), PL_REASON_NONE);
}

/* The next letter is a message for that taker. */
static void assert_taken(struct world *world, uint32_t loop, uint64_t call)
{
    struct pl_msg *msg = next(world, loop);

    assert_int_equal(msg->kind, PL_MSG_TAKEN);
    assert_int_equal(PL_CONTAINER(msg, struct pl_taken_msg, msg)->call, call);
    pl_msg_discard(msg);
}

static void takers_of_two_loops_are_told_apart(void **state)
{
    struct world *world = *state;
    uint64_t first, second;

    sign_in(world, "ana");
    sign_in(world, "bo");
    make_help(world);
    first = open_taker(world, 0, "bo");
    world->calls = first - 1; /* the other loop counts its calls likewise */
    second = open_taker(world, 1, "bo");
    assert_int_equal(first, second);
    assert_int_equal(ask(world, send_text(world, "ana", "lobby", "no work")), PL_REASON_NONE);
    post(world, send_text(world, "ana", "help", "one"));
    pl_errand_free(next_errand(world, 0));
    assert_taken(world, 0, first);
    assert_int_equal(ask(world, send_text(world, "ana", "help", "two")), PL_REASON_NONE);
    assert_taken(world, 1, second);

    /* what the one had goes to the other, once that has room for it */
    close_stream(world, 1, second, true);
    close_stream(world, 0, first, true);
}

static void a_taker_that_goes_in_a_lost_batch_is_forgotten_nevertheless(void **state)
{
    struct world *world = *state;
    struct pl_stream_call *gone;
    struct pl_msg *msg;
    uint64_t call, other;

    sign_in(world, "ana");
    sign_in(world, "bo");
    make_help(world);
    call = open_taker(world, 0, "bo");
    assert_int_equal(ask(world, send_text(world, "ana", "help", "one")), PL_REASON_NONE);
    assert_taken(world, 0, call);

    /* the batch in which it goes fails: all takers are ended, and it comes home with
     * a later one */
    gone = stream_gone(0, call, true);
    pl_memory_store_fail_commit(&world->store, 1, PL_E_FULL);
    assert_int_equal(pl_engine_thread_post_always(world->engine, &gone->gone), PL_OK);
    msg = next(world, 0);
    assert_ptr_equal(msg, &gone->gone);
    pl_msg_discard(msg);

    other = open_taker(world, 1, "bo");
    assert_taken(world, 1, other);
    close_stream(world, 1, other, true);
}

/* A store whose disk is full, and that counts how often sessions were to be ended. */
static atomic_bool full;
static atomic_uint expiries;
static const struct pl_store_ops *real_ops;

static int full_commit(void *self)
{
    return atomic_load(&full) ? PL_E_FULL : real_ops->commit(self);
}

static int counted_list_sessions_idle(void *self, int64_t before_ms, uint32_t len_max,
                                      struct pl_session *ret, uint32_t *ret_len)
{
    atomic_fetch_add(&expiries, 1);
    return real_ops->list_sessions_idle(self, before_ms, len_max, ret, ret_len);
}

static void what_is_due_is_not_tried_with_every_batch_of_a_full_disk(void **state)
{
    enum { ASKS_LEN = 50 };
    struct world *world = *state;
    struct pl_engine_thread_config config;
    struct pl_store_ops ops;

    sign_in(world, "ana");
    pl_engine_thread_stop(world->engine);
    real_ops = world->store.ops;
    ops = *real_ops;
    ops.commit = full_commit;
    ops.list_sessions_idle = counted_list_sessions_idle;
    config = config_of(world);
    config.log = 78;
    config.store.ops = &ops;
    atomic_store(&full, false);
    atomic_store(&expiries, 0);
    assert_int_equal(pl_engine_thread_start(&config, &world->engine), PL_OK);
    atomic_store(&full, true);
    for (int i = 0; i < ASKS_LEN; i++)
        assert_int_equal(ask(world, send_text(world, "ana", "lobby", "lost")), PL_REASON_DISK_FULL);
    assert_true(atomic_load(&expiries) < ASKS_LEN / 2);
    atomic_store(&full, false);
    assert_int_equal(ask(world, send_text(world, "ana", "lobby", "kept")), PL_REASON_NONE);
    pl_engine_thread_stop(world->engine);
    world->engine = NULL;
}

static void a_session_in_use_by_queries_alone_is_marked(void **state)
{
    struct world *world = *state;
    struct pl_hash token = pl_hash_of(pl_bytes_str("ana"));
    struct pl_session session;
    int64_t used_ms;

    sign_in(world, "ana");
    pl_engine_thread_stop(world->engine);
    world->engine = NULL;
    assert_int_equal(world->store.ops->find_session(world->store.self, &token, &session), PL_OK);
    used_ms = session.used_ms - 2 * 3600 * 1000;
    session.used_ms = used_ms;
    assert_int_equal(world->store.ops->begin(world->store.self), PL_OK);
    assert_int_equal(world->store.ops->put_session(world->store.self, &session), PL_OK);
    assert_int_equal(world->store.ops->commit(world->store.self), PL_OK);

    {
        struct pl_engine_thread_config config = config_of(world);

        config.log = 78;
        assert_int_equal(pl_engine_thread_start(&config, &world->engine), PL_OK);
    }
    assert_int_equal(ask(world, get_user(world, "ana")), PL_REASON_NONE);
    pl_engine_thread_stop(world->engine); /* deals with what waits first */
    world->engine = NULL;
    assert_int_equal(world->store.ops->find_session(world->store.self, &token, &session), PL_OK);
    assert_true(session.used_ms > used_ms);
}

static void what_waits_at_the_end_is_dealt_with(void **state)
{
    struct world *world = *state;
    struct pl_errand *sent[50];
    struct pl_stream_call *gone = stream_gone(0, 4711, false);
    struct pl_msg *msg;

    sign_in(world, "ana");
    for (size_t i = 0; i < 50; i++) {
        sent[i] = send_text(world, "ana", "lobby", "hello");
        post(world, sent[i]);
    }
    assert_int_equal(pl_engine_thread_post_always(world->engine, &gone->gone), PL_OK);
    pl_engine_thread_stop(world->engine);
    world->engine = NULL;
    for (size_t i = 0; i < 50; i++) {
        struct pl_errand *errand = next_errand(world, 0);

        assert_ptr_equal(errand, sent[i]);
        assert_int_equal(errand->refusal.reason, PL_REASON_NONE);
        pl_errand_free(errand);
    }
    msg = next(world, 0);
    assert_ptr_equal(msg, &gone->gone);
    pl_msg_discard(msg);
}

/* The clock was set ten years ahead for a moment, and then right again. */
static void a_restart_after_a_jump_that_was_set_right_ends_nothing(void **state)
{
    const int64_t jump_ms = INT64_C(10) * 365 * 24 * 3600 * 1000;
    struct world *world = *state;
    struct pl_engine_thread_config config = config_of(world);
    const struct pl_store *store = &world->store;
    struct pl_meta meta;

    sign_in(world, "ana");
    pl_engine_thread_stop(world->engine);
    assert_int_equal(store->ops->begin(store->self), PL_OK);
    assert_int_equal(store->ops->get_meta(store->self, &meta), PL_OK);
    meta.time_ms += jump_ms;
    assert_int_equal(store->ops->put_meta(store->self, &meta), PL_OK);
    assert_int_equal(store->ops->commit(store->self), PL_OK);

    assert_int_equal(pl_engine_thread_start(&config, &world->engine), PL_OK);
    settle(world);
    assert_int_equal(ask(world, get_user(world, "ana")), PL_REASON_NONE);
}

static void a_start_short_of_memory_leaves_nothing(void **state)
{
    struct world *world = *state;
    uint64_t nth = 0;
    int rc;

    pl_engine_thread_stop(world->engine);
    world->engine = NULL;
    do {
        struct pl_engine_thread_config config = config_of(world);

        config.log = 1000 + nth;
        pl_mem_fail_at(++nth);
        rc = pl_engine_thread_start(&config, &world->engine);
        if (rc == PL_OK && pl_mem_failed()) { /* something that it can do without */
            pl_engine_thread_stop(world->engine);
            world->engine = NULL;
        }
        assert_true(rc == PL_OK || rc == PL_E_NOMEM);
        assert_true(nth < 1000);
    } while (pl_mem_failed());
    pl_mem_fail_at(0);
    assert_int_equal(rc, PL_OK);
    settle(world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_errand_comes_back_once_and_in_order),
        TEST(a_lost_batch_answers_every_errand),
        TEST(a_stream_gets_its_answer_before_its_feed),
        TEST(a_stream_that_goes_at_once_is_forgotten),
        TEST(who_has_a_stream_is_listed_online_by_name),
        TEST(a_bad_page_token_is_told_to_who_is_known_only),
        TEST(takers_of_two_loops_are_told_apart),
        TEST(a_taker_that_goes_in_a_lost_batch_is_forgotten_nevertheless),
        TEST(what_is_due_is_not_tried_with_every_batch_of_a_full_disk),
        TEST(a_session_in_use_by_queries_alone_is_marked),
        TEST(what_waits_at_the_end_is_dealt_with),
        TEST(a_restart_after_a_jump_that_was_set_right_ends_nothing),
        TEST(a_start_short_of_memory_leaves_nothing),
    };

    return cmocka_run_group_tests_name("engine_thread", tests, NULL, NULL);
}

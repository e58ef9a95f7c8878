#include "town.h"

#include "../core/world.h"
#include "base/mem.h"
#include "store/sqlite.h"
#include "wire/event.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { REQUESTS = TOWN_CHUNK_LEN * 70 };

static void apply(struct world *world)
{
    assert_int_equal(world_apply(world), PL_OK);
}

static void send_more(struct world *world, uint32_t messages, uint32_t size)
{
    char *text = pl_alloc(size + 1);

    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = 0;
    for (uint32_t i = 0; i < messages; i++)
        assert_granted(do_send(world, "ana", "log", text));
    pl_free(text);
}

static void send_as(struct world *world, const char *id)
{
    struct pl_command *command = add_send(world, "bob", "log", "once");

    command->u.send.request_id = id;
    apply(world);
    assert_granted(world_last(world));
}

static void talk(struct world *world)
{
    struct pl_command *command;

    assert_granted(do_create(world, "ana", "log"));
    assert_granted(do_join(world, "bob", "log"));
    assert_granted(do_send(world, "ana", "log", "hello @bob and @ana")); /* 4 */
    assert_granted(do_send(world, "ana", "log", "hello again @bob"));
    command = add_send(world, "bob", "log", "in a thread");
    command->u.send.thread = 4;
    apply(world);
    command = add_send(world, "ana", "log", "in it, too");
    command->u.send.thread = 4;
    apply(world);
    assert_granted(world_last(world));
    assert_granted(do_mark(world, "bob", "log", 5));
    assert_granted(do_join(world, "cyn", "log"));
    assert_granted(do_leave(world, "cyn", "log"));
    assert_granted(do_join(world, "cyn", "log"));
    assert_granted(do_leave(world, "cyn", "log"));
    assert_granted(do_send_user(world, "ana", "bob", "between us"));
    assert_granted(do_create_as(world, "bob", "closed", PL_ROOM_PRIVATE, PL_ROOM_EVERYONE, true));
}

static void work(struct world *world)
{
    assert_granted(do_create_as(world, "ana", "jobs", PL_ROOM_PUBLIC, PL_ROOM_ONE, false));
    assert_granted(do_join(world, "bob", "jobs"));
    add_taker(world, "bob", "jobs", 9);
    apply(world);
    for (int i = 0; i < 3; i++)
        assert_granted(do_send(world, "ana", "jobs", "do this"));
}

/* A room of which the front is gone. */
static void forget(struct world *world)
{
    struct pl_command *command = add_create(world, "bob", "brief");

    command->u.create_room.retention_s = 100;
    apply(world);
    for (int i = 0; i < 4; i++)
        assert_granted(do_send(world, "bob", "brief", "gone soon @bob"));
    world->now_ms += 200 * 1000;
    assert_granted(do_send(world, "bob", "brief", "still here @bob"));
    do_expire(world);
}

void town_make_large(const struct folder *folder, uint32_t messages, uint32_t size)
{
    const struct pl_sqlite_config config = {.dir = folder->data,
                                            .durability = PL_DURABILITY_WRITTEN,
                                            .request_chunk_len = TOWN_CHUNK_LEN};
    static const char *const people[] = {"ana", "bob", "cyn", "dan"};
    struct pl_sqlite_store *store;
    struct world world;

    assert_int_equal(pl_sqlite_store_open(&config, &store, NULL), PL_OK);
    world_init(&world);
    world.config.store = pl_sqlite_store_iface(store);
    world.config.encoder = pl_wire_event_encoder();
    world_restart(&world);
    add_start(&world, 77);
    apply(&world);
    for (size_t i = 0; i < 4; i++)
        assert_granted(do_sign_in(&world, people[i]));
    talk(&world);
    assert_granted(do_sign_out(&world, "dan"));
    work(&world);
    forget(&world);
    for (int i = 0; i < REQUESTS; i++) {
        char id[32];

        snprintf(id, sizeof id, "request-%d", i);
        send_as(&world, id);
    }
    send_more(&world, messages, size);
    world_done(&world);
    pl_sqlite_store_close(store);
}

void town_make(const struct folder *folder)
{
    town_make_large(folder, 0, 0);
}

void town_copy(const char *from, const char *to)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char piece[4096];
    size_t size;

    assert_non_null(in);
    assert_non_null(out);
    while ((size = fread(piece, 1, sizeof piece, in)) > 0)
        assert_int_equal(fwrite(piece, 1, size, out), size);
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

void town_sql(const char *path, const char *sql)
{
    sqlite3 *db;
    char *why = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA ignore_check_constraints = 1", NULL, NULL, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* test_sqlite_threads.c - readers on threads of their own, beside a writer. */
#include "base/err.h"
#include "folder.h"
#include "store/sqlite.h"

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A thread that reads while another writes: each batch adds some events to
 * room 1, and all that tells of them. */
struct looker {
    pthread_t thread;
    const struct pl_sqlite_config *config;
    pl_position end;
    uint32_t looks;
    bool ok;
};

struct look {
    pl_position next;
    bool ok;
};

static int on_looked(void *arg, const struct pl_page_row *row)
{
    struct look *look = arg;

    look->ok = look->ok && row->position == look->next && row->sequence == look->next;
    look->next++;
    return 0;
}

/* Reads until it has seen the end; false once anything is not of one moment. */
static bool look_once(struct pl_reader *reader, pl_position *seen)
{
    struct pl_page_query query = {
        .user = {1}, .after = *seen, .all = true, .len_max = 10000, .size_max = SIZE_MAX};
    struct look look = {.next = *seen + 1, .ok = true};
    struct pl_meta meta;
    struct pl_room room;
    bool ok;

    if (reader->ops->begin(reader->self) < 0)
        return false;
    ok = reader->ops->get_meta(reader->self, &meta) == PL_OK &&
         reader->ops->find_room(reader->self, "one", &room) == PL_OK &&
         room.last_sequence == meta.position &&
         reader->ops->read_page(reader->self, &query, on_looked, &look, seen) == PL_OK && look.ok &&
         look.next == meta.position + 1 && *seen == meta.position;
    reader->ops->end(reader->self);
    return ok;
}

static void *run_looker(void *arg)
{
    struct looker *looker = arg;
    struct pl_reader reader = {0};
    pl_position seen = 0;

    looker->ok = pl_sqlite_reader_open(looker->config, &reader, NULL) == PL_OK;
    while (looker->ok && seen < looker->end) {
        looker->ok = look_once(&reader, &seen);
        looker->looks++;
    }
    pl_sqlite_reader_close(&reader);
    return NULL;
}

static void write_batch(const struct pl_store *store, struct pl_room *room, struct pl_meta *meta,
                        int len)
{
    const struct pl_store_ops *ops = store->ops;

    assert_int_equal(ops->begin(store->self), PL_OK);
    for (int i = 0; i < len; i++) {
        struct pl_event_row row = {.position = ++meta->position,
                                   .room = room->id,
                                   .sequence = ++room->last_sequence,
                                   .kind = PL_EVENT_MESSAGE_SENT,
                                   .message_no = ++room->message_count};

        row.bytes = pl_buf_copy("event", 5);
        assert_non_null(row.bytes);
        assert_int_equal(ops->append_event(store->self, &row), PL_OK);
        pl_buf_unref(row.bytes);
        room->last_position = row.position;
    }
    assert_int_equal(ops->put_room(store->self, room), PL_OK);
    assert_int_equal(ops->put_meta(store->self, meta), PL_OK);
    assert_int_equal(ops->commit(store->self), PL_OK);
}

static void open_stream(const struct pl_store *store, const struct pl_room *room)
{
    assert_int_equal(store->ops->begin(store->self), PL_OK);
    assert_int_equal(store->ops->put_room(store->self, room), PL_OK);
    assert_int_equal(store->ops->open_span(store->self, room->id, (pl_user_id){1}, 0), PL_OK);
    assert_int_equal(store->ops->commit(store->self), PL_OK);
}

/* A thread that makes a checkpoint whenever one is due. */
struct checkpoints {
    pthread_t thread;
    struct pl_sqlite_checkpointer *checkpointer;
    sem_t due;
    atomic_bool ending;
    bool ok;
};

static void on_checkpoint_due(void *self)
{
    struct checkpoints *checkpoints = self;

    assert_int_equal(sem_post(&checkpoints->due), 0);
}

static void *run_checkpoints(void *arg)
{
    struct checkpoints *checkpoints = arg;

    checkpoints->ok = true;
    while (checkpoints->ok) {
        while (sem_wait(&checkpoints->due) < 0)
            ; /* EINTR */
        if (atomic_load(&checkpoints->ending))
            break;
        checkpoints->ok = pl_sqlite_checkpointer_run(checkpoints->checkpointer) == PL_OK;
    }
    return NULL;
}

static void start_checkpoints(struct checkpoints *checkpoints, struct pl_sqlite_store *sqlite,
                              const struct pl_sqlite_config *config)
{
    assert_int_equal(pl_sqlite_checkpointer_open(sqlite, config, &checkpoints->checkpointer, NULL),
                     PL_OK);
    assert_int_equal(pthread_create(&checkpoints->thread, NULL, run_checkpoints, checkpoints), 0);
}

static void stop_checkpoints(struct checkpoints *checkpoints)
{
    atomic_store(&checkpoints->ending, true);
    assert_int_equal(sem_post(&checkpoints->due), 0);
    assert_int_equal(pthread_join(checkpoints->thread, NULL), 0);
    assert_true(checkpoints->ok);
    pl_sqlite_checkpointer_close(checkpoints->checkpointer);
    sem_destroy(&checkpoints->due);
}

static void see_whole_batches(bool beside)
{
    enum { LOOKERS = 3, BATCHES = 400 };
    struct folder folder;
    struct pl_sqlite_config config = {.dir = folder.data,
                                      .durability = PL_DURABILITY_WRITTEN,
                                      .checkpoint_pages = 20}; /* while they read */
    struct pl_room room = {.id = {1},
                           .name = "one",
                           .visibility = PL_ROOM_PUBLIC,
                           .delivery = PL_ROOM_EVERYONE,
                           .first_sequence = 1};
    struct pl_sqlite_store *sqlite = NULL;
    struct looker lookers[LOOKERS];
    struct pl_meta meta = {0};
    struct checkpoints checkpoints = {.ok = false};
    struct pl_store store;

    atomic_init(&checkpoints.ending, false);
    assert_int_equal(sem_init(&checkpoints.due, 0, 0), 0);
    folder_make(&folder);
    if (beside) {
        config.on_checkpoint_due = on_checkpoint_due;
        config.self = &checkpoints;
    }
    assert_int_equal(pl_sqlite_store_open(&config, &sqlite, NULL), PL_OK);
    store = pl_sqlite_store_iface(sqlite);
    if (beside)
        start_checkpoints(&checkpoints, sqlite, &config);
    open_stream(&store, &room);
    for (int i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){.config = &config};
        for (int batch = 0; batch < BATCHES; batch++)
            lookers[i].end += (pl_position)(1 + batch % 7);
        assert_int_equal(pthread_create(&lookers[i].thread, NULL, run_looker, &lookers[i]), 0);
    }
    for (int batch = 0; batch < BATCHES; batch++)
        write_batch(&store, &room, &meta, 1 + batch % 7);
    for (int i = 0; i < LOOKERS; i++) {
        assert_int_equal(pthread_join(lookers[i].thread, NULL), 0);
        assert_true(lookers[i].ok);
        assert_true(lookers[i].looks > 0);
    }
    if (beside)
        stop_checkpoints(&checkpoints);
    pl_sqlite_store_close(sqlite);
    folder_remove(&folder);
}

static void readers_on_threads_see_whole_batches(void **state)
{
    (void)state;
    see_whole_batches(false);
}

static void checkpoints_on_a_thread_disturb_nobody(void **state)
{
    (void)state;
    see_whole_batches(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_on_threads_see_whole_batches),
        cmocka_unit_test(checkpoints_on_a_thread_disturb_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

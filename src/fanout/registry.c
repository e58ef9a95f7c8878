/*
 * registry.c - three maps and the counts between them.
 *
 * The counts answer "which loops want this room?" in one look, whatever the
 * number of subscribers.
 */
#include "fanout/registry.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

void pl_registry_init(struct pl_registry *registry)
{
    *registry = (struct pl_registry){0};
    pl_map_init(&registry->rooms);
    pl_map_init(&registry->users);
    pl_map_init(&registry->streams);
}

static struct pl_reg_stream *stream_of(struct pl_map_node *node)
{
    return PL_CONTAINER(node, struct pl_reg_stream, node);
}

void pl_registry_done(struct pl_registry *registry)
{
    for (;;) {
        struct pl_map_node *node = pl_map_walk(&registry->streams, NULL);

        if (node == NULL)
            break;
        pl_registry_remove(registry, stream_of(node));
    }
    PL_ASSERT(registry->rooms.len == 0 && registry->users.len == 0);
    pl_map_done(&registry->rooms);
    pl_map_done(&registry->users);
    pl_map_done(&registry->streams);
}

static struct pl_reg_room *room_find(const struct pl_registry *registry, pl_room_id id)
{
    PL_MAP_EACH (node, &registry->rooms, pl_hash_u64(id.v)) {
        struct pl_reg_room *room = PL_CONTAINER(node, struct pl_reg_room, node);

        if (room->id.v == id.v)
            return room;
    }
    return NULL;
}

static struct pl_reg_room *room_ref(struct pl_registry *registry, pl_room_id id)
{
    struct pl_reg_room *room = room_find(registry, id);

    if (room == NULL) {
        room = pl_zalloc(sizeof *room);
        if (room == NULL)
            return NULL;
        room->id = id;
        pl_map_put(&registry->rooms, &room->node, pl_hash_u64(id.v));
    }
    room->refs++;
    return room;
}

static void room_unref(struct pl_registry *registry, struct pl_reg_room *room)
{
    PL_ASSERT(room->refs > 0);
    if (--room->refs > 0)
        return;
    pl_map_remove(&registry->rooms, &room->node);
    pl_free(room->counts);
    pl_free(room);
}

static int room_reserve(struct pl_reg_room *room, uint32_t loop)
{
    uint32_t *counts;

    if (loop < room->counts_len)
        return PL_OK;
    counts = pl_realloc(room->counts, (loop + 1) * sizeof *counts);
    if (counts == NULL)
        return PL_E_NOMEM;
    memset(counts + room->counts_len, 0, (loop + 1 - room->counts_len) * sizeof *counts);
    room->counts = counts;
    room->counts_len = loop + 1;
    return PL_OK;
}

/* The stream's rooms, sorted. */
static struct pl_reg_room **rooms_of(struct pl_reg_stream *stream)
{
    return stream->rooms_cap == 1 ? &stream->rooms.one : stream->rooms.array;
}

static struct pl_reg_room *room_at(const struct pl_reg_stream *stream, uint32_t i)
{
    return stream->rooms_cap == 1 ? stream->rooms.one : stream->rooms.array[i];
}

static int stream_reserve(struct pl_reg_stream *stream)
{
    bool few = stream->rooms_cap == 1;
    uint32_t cap = stream->rooms_cap * 2;
    struct pl_reg_room **rooms;

    if (stream->rooms_len < stream->rooms_cap)
        return PL_OK;
    rooms = pl_realloc(few ? NULL : stream->rooms.array, cap * sizeof *rooms);
    if (rooms == NULL)
        return PL_E_NOMEM;
    if (few)
        rooms[0] = stream->rooms.one;
    stream->rooms.array = rooms;
    stream->rooms_cap = cap & (((uint32_t)1 << 24) - 1);
    return PL_OK;
}

/* Where the room is among the stream's, which are sorted, or would be. */
static uint32_t place_of(const struct pl_reg_stream *stream, pl_room_id id)
{
    uint32_t low = 0;
    uint32_t high = stream->rooms_len;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (room_at(stream, middle)->id.v < id.v)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct pl_reg_stream *stream, uint32_t i, pl_room_id id)
{
    return i < stream->rooms_len && room_at(stream, i)->id.v == id.v;
}

int pl_registry_gain(struct pl_registry *registry, struct pl_reg_stream *stream, pl_room_id id)
{
    uint32_t i = place_of(stream, id);
    struct pl_reg_room **rooms, *room;

    if (is_at(stream, i, id))
        return PL_OK;
    room = room_ref(registry, id);
    if (room == NULL)
        return PL_E_NOMEM;
    if (room_reserve(room, stream->loop) < 0 || stream_reserve(stream) < 0) {
        room_unref(registry, room);
        return PL_E_NOMEM;
    }
    rooms = rooms_of(stream);
    memmove(rooms + i + 1, rooms + i, (stream->rooms_len - i) * sizeof *rooms);
    rooms[i] = room;
    stream->rooms_len++;
    if (room->counts[stream->loop]++ == 0)
        room->loops |= (uint64_t)1 << stream->loop;
    return PL_OK;
}

static void drop(struct pl_registry *registry, struct pl_reg_stream *stream, uint32_t i)
{
    struct pl_reg_room **rooms = rooms_of(stream), *room = rooms[i];

    PL_ASSERT(room->counts[stream->loop] > 0);
    if (--room->counts[stream->loop] == 0)
        room->loops &= ~((uint64_t)1 << stream->loop);
    stream->rooms_len--;
    memmove(rooms + i, rooms + i + 1, (stream->rooms_len - i) * sizeof *rooms);
    room_unref(registry, room);
}

void pl_registry_lose(struct pl_registry *registry, struct pl_reg_stream *stream, pl_room_id id)
{
    uint32_t i = place_of(stream, id);

    if (is_at(stream, i, id))
        drop(registry, stream, i);
}

struct pl_reg_user *pl_registry_user(const struct pl_registry *registry, pl_user_id id)
{
    PL_MAP_EACH (node, &registry->users, pl_hash_u64(id.v)) {
        struct pl_reg_user *user = PL_CONTAINER(node, struct pl_reg_user, node);

        if (user->id.v == id.v)
            return user;
    }
    return NULL;
}

static struct pl_reg_user *user_get(struct pl_registry *registry, pl_user_id id, const char *name)
{
    struct pl_reg_user *user = pl_registry_user(registry, id);
    size_t size = strlen(name);

    if (user != NULL)
        return user;
    PL_ASSERT(size < sizeof user->name);
    user = pl_zalloc(sizeof *user);
    if (user == NULL)
        return NULL;
    user->id = id;
    pl_list_init(&user->streams);
    memcpy(user->name, name, size + 1);
    user->online.name = user->name;
    user->online.user = id;
    pl_map_put(&registry->users, &user->node, pl_hash_u64(id.v));
    pl_online_add(&registry->online, &user->online);
    return user;
}

static uint64_t stream_hash(uint32_t loop, uint64_t id)
{
    struct {
        uint64_t id;
        uint64_t loop;
    } key = {id, loop};

    return pl_hash_bytes(&key, sizeof key);
}

struct pl_reg_stream *pl_registry_find(const struct pl_registry *registry, uint32_t loop,
                                       uint64_t id)
{
    PL_MAP_EACH (node, &registry->streams, stream_hash(loop, id)) {
        struct pl_reg_stream *stream = stream_of(node);

        if (stream->loop == loop && stream->id == id)
            return stream;
    }
    return NULL;
}

struct pl_reg_stream *pl_registry_add(struct pl_registry *registry,
                                      const struct pl_reg_start *start)
{
    struct pl_reg_stream *stream;
    struct pl_reg_user *user;

    PL_ASSERT(start->loop < PL_LOOPS_LEN_MAX);
    PL_ASSERT(pl_registry_find(registry, start->loop, start->stream) == NULL);
    stream = pl_zalloc(sizeof *stream);
    if (stream == NULL)
        return NULL;
    user = user_get(registry, start->user, start->name);
    if (user == NULL) {
        pl_free(stream);
        return NULL;
    }
    stream->id = start->stream;
    stream->loop = start->loop & 0x7f;
    stream->all = start->all;
    stream->session = start->session;
    stream->user_weak = user;
    stream->rooms_cap = 1;
    pl_list_append(&user->streams, &stream->of_user);
    pl_map_put(&registry->streams, &stream->node, stream_hash(stream->loop, stream->id));
    return stream;
}

void pl_registry_remove(struct pl_registry *registry, struct pl_reg_stream *stream)
{
    struct pl_reg_user *user = stream->user_weak;

    while (stream->rooms_len > 0)
        drop(registry, stream, stream->rooms_len - 1);
    pl_map_remove(&registry->streams, &stream->node);
    pl_list_remove(&stream->of_user);
    if (stream->rooms_cap > 1)
        pl_free(stream->rooms.array);
    pl_free(stream);
    if (!pl_list_empty(&user->streams))
        return;
    pl_online_remove(&registry->online, &user->online);
    pl_map_remove(&registry->users, &user->node);
    pl_free(user);
}

uint64_t pl_registry_room_loops(const struct pl_registry *registry, pl_room_id id)
{
    const struct pl_reg_room *room = room_find(registry, id);

    return room == NULL ? 0 : room->loops;
}

size_t pl_registry_room_streams(const struct pl_registry *registry, pl_room_id id)
{
    const struct pl_reg_room *room = room_find(registry, id);

    return room == NULL ? 0 : room->refs;
}

uint64_t pl_registry_user_loops(const struct pl_registry *registry, pl_user_id id,
                                pl_session_id session)
{
    const struct pl_reg_user *user = pl_registry_user(registry, id);
    uint64_t loops = 0;

    if (user == NULL)
        return 0;
    PL_LIST_EACH (node, &user->streams) {
        const struct pl_reg_stream *stream = PL_CONTAINER(node, struct pl_reg_stream, of_user);

        if (session.v == 0 || stream->session.v == session.v)
            loops |= (uint64_t)1 << stream->loop;
    }
    return loops;
}

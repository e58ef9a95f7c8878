/*
 * router.c - from a batch's effects to its feed.
 *
 * Three walks: what streams gain, then the entries, then what streams lose. An
 * entry is made if any loop may have a use for it; the positions that it bears
 * let the loops decide exactly.
 */
#include "fanout/router.h"

#include "base/assert.h"
#include "base/mem.h"
#include "fanout/registry.h"

#include <string.h>

struct pl_router {
    const struct pl_framer *framer_weak;
    struct pl_registry registry;
    /* what the feed of a batch is made in; kept for the next */
    struct pl_feed_entry *entries;
    uint32_t entries_len;
    uint32_t entries_cap;
    struct pl_bytebuf frames;
    uint64_t loops;
};

/* Memory of an unusually large batch is not kept. */
enum { FRAMES_KEEP_SIZE_MAX = 1024 * 1024 };

int pl_router_new(const struct pl_framer *framer, struct pl_router **ret_router)
{
    struct pl_router *router = pl_zalloc(sizeof *router);

    if (router == NULL)
        return PL_E_NOMEM;
    router->framer_weak = framer;
    pl_registry_init(&router->registry);
    pl_bytebuf_init(&router->frames, PL_BUF_SIZE_MAX);
    *ret_router = router;
    return PL_OK;
}

void pl_router_free(struct pl_router *router)
{
    if (router == NULL)
        return;
    pl_registry_done(&router->registry);
    pl_bytebuf_done(&router->frames);
    pl_free(router->entries);
    pl_free(router);
}

static int subscribe(struct pl_router *router, uint32_t loop, uint64_t id,
                     const struct pl_reply *reply)
{
    struct pl_reg_start start = {
        .loop = loop,
        .stream = id,
        .user = reply->u.subscribe.user.id,
        .name = reply->u.subscribe.user.name,
        .session = reply->u.subscribe.session.id,
        .all = reply->u.subscribe.all,
    };
    struct pl_reg_stream *stream = pl_registry_add(&router->registry, &start);

    if (stream == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < reply->u.subscribe.rooms_len; i++) {
        int rc = pl_registry_gain(&router->registry, stream, reply->u.subscribe.rooms[i].id);

        if (rc < 0) {
            pl_registry_remove(&router->registry, stream);
            return rc;
        }
    }
    return PL_OK;
}

/* The user's streams of all rooms gain or lose the room. */
static int move(struct pl_router *router, pl_user_id user_id, pl_room_id room, bool joined)
{
    struct pl_reg_user *user = pl_registry_user(&router->registry, user_id);

    if (user == NULL)
        return PL_OK;
    PL_LIST_EACH (node, &user->streams) {
        struct pl_reg_stream *stream = PL_CONTAINER(node, struct pl_reg_stream, of_user);
        int rc = PL_OK;

        if (!stream->all)
            continue;
        if (joined)
            rc = pl_registry_gain(&router->registry, stream, room);
        else
            pl_registry_lose(&router->registry, stream, room);
        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

static int gain(struct pl_router *router, const struct pl_effect *effect)
{
    if (effect->kind == PL_EFFECT_REPLY && effect->u.reply.command == PL_QUERY_SUBSCRIBE &&
        effect->u.reply.reply->refusal.reason == PL_REASON_NONE)
        return subscribe(router, effect->u.reply.loop, effect->u.reply.to, effect->u.reply.reply);
    if (effect->kind == PL_EFFECT_MEMBERSHIP && effect->u.membership.joined &&
        !effect->u.membership.work)
        return move(router, effect->u.membership.user, effect->u.membership.room, true);
    return PL_OK;
}

/* Whether a later effect brings the user back into the room that this one is the
 * loss of. */
static bool comes_back(const struct pl_effects *effects, const struct pl_effect *lost)
{
    for (struct pl_list *node = lost->node.next; node != &effects->list; node = node->next) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_MEMBERSHIP && effect->u.membership.joined &&
            effect->u.membership.user.v == lost->u.membership.user.v &&
            effect->u.membership.room.v == lost->u.membership.room.v)
            return true;
    }
    return false;
}

static void lose(struct pl_router *router, const struct pl_effects *effects,
                 const struct pl_effect *effect)
{
    if (effect->kind != PL_EFFECT_MEMBERSHIP || effect->u.membership.joined)
        return;
    if (pl_registry_user(&router->registry, effect->u.membership.user) == NULL ||
        comes_back(effects, effect))
        return;
    move(router, effect->u.membership.user, effect->u.membership.room, false);
}

static int add_entry(struct pl_router *router, uint64_t loops, const struct pl_feed_entry *entry,
                     size_t offset)
{
    if (router->frames.err != PL_OK)
        return router->frames.err;
    if (router->entries_len == router->entries_cap) {
        uint32_t cap = router->entries_cap == 0 ? 64 : router->entries_cap * 2;
        struct pl_feed_entry *entries = pl_realloc(router->entries, cap * sizeof *entries);

        if (entries == NULL)
            return PL_E_NOMEM;
        router->entries = entries;
        router->entries_cap = cap;
    }
    router->entries[router->entries_len] = *entry;
    router->entries[router->entries_len].offset = (uint32_t)offset;
    router->entries[router->entries_len].size = (uint32_t)(router->frames.size - offset);
    router->entries_len++;
    router->loops |= loops;
    return PL_OK;
}

static int add_event(struct pl_router *router, const struct pl_effect *effect)
{
    const struct pl_framer *framer = router->framer_weak;
    uint64_t loops = pl_registry_room_loops(&router->registry, effect->u.event.room);
    size_t offset = router->frames.size;
    struct pl_feed_entry entry = {
        .kind = PL_FEED_EVENT,
        .room = effect->u.event.room,
        .position = effect->u.event.position,
    };

    if (loops == 0)
        return PL_OK;
    framer->event(framer->self,
                  (struct pl_bytes){effect->u.event.bytes->data, effect->u.event.bytes->size},
                  effect->u.event.position, NULL, true, &router->frames);
    return add_entry(router, loops, &entry, offset);
}

static int add_marker(struct pl_router *router, const struct pl_effect *effect)
{
    const struct pl_framer *framer = router->framer_weak;
    uint64_t loops =
        pl_registry_user_loops(&router->registry, effect->u.marker.user, (pl_session_id){0});
    size_t offset = router->frames.size;
    struct pl_feed_entry entry = {
        .kind = PL_FEED_READ_MARKER,
        .room = effect->u.marker.room,
        .user = effect->u.marker.user,
    };

    if (loops == 0)
        return PL_OK;
    framer->read_marker(framer->self, effect->u.marker.name, effect->u.marker.sequence,
                        &router->frames);
    return add_entry(router, loops, &entry, offset);
}

static int add_membership(struct pl_router *router, const struct pl_effect *effect)
{
    uint64_t loops =
        pl_registry_user_loops(&router->registry, effect->u.membership.user, (pl_session_id){0});
    struct pl_feed_entry entry = {
        .kind = PL_FEED_MEMBERSHIP,
        .room = effect->u.membership.room,
        .user = effect->u.membership.user,
        .position = effect->u.membership.position,
        .joined = effect->u.membership.joined,
        .work = effect->u.membership.work,
    };

    return loops == 0 ? PL_OK : add_entry(router, loops, &entry, router->frames.size);
}

static int add_ended(struct pl_router *router, const struct pl_effect *effect)
{
    uint64_t loops =
        pl_registry_user_loops(&router->registry, effect->u.ended.user, effect->u.ended.session);
    struct pl_feed_entry entry = {
        .kind = PL_FEED_SESSION_ENDED,
        .user = effect->u.ended.user,
        .session = effect->u.ended.session,
    };

    return loops == 0 ? PL_OK : add_entry(router, loops, &entry, router->frames.size);
}

static int add(struct pl_router *router, const struct pl_effect *effect)
{
    switch (effect->kind) {
    case PL_EFFECT_EVENT:
        return add_event(router, effect);
    case PL_EFFECT_MEMBERSHIP:
        return add_membership(router, effect);
    case PL_EFFECT_READ_MARKER:
        return add_marker(router, effect);
    case PL_EFFECT_SESSION_ENDED:
        return add_ended(router, effect);
    case PL_EFFECT_REPLY:
    case PL_EFFECT_LEASED:
    case PL_EFFECT_TAKER_ENDED:
    case PL_EFFECT_FOLLOW_UP:
        return PL_OK;
    }
    PL_UNREACHABLE();
}

static int walk(struct pl_router *router, const struct pl_effects *effects,
                int (*on_effect)(struct pl_router *router, const struct pl_effect *effect))
{
    PL_LIST_EACH (node, &effects->list) {
        int rc = on_effect(router, PL_CONTAINER(node, struct pl_effect, node));

        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

/* The feed of the entries that were added; NULL for none. */
static int make_feed(struct pl_router *router, pl_position through, struct pl_feed **ret_feed)
{
    struct pl_feed *feed = NULL;

    if (router->entries_len > 0) {
        feed = pl_feed_new(through, router->entries, router->entries_len,
                           (struct pl_bytes){router->frames.data, router->frames.size});
        if (feed == NULL)
            return PL_E_NOMEM;
    }
    *ret_feed = feed;
    return PL_OK;
}

int pl_router_route(struct pl_router *router, const struct pl_effects *effects, pl_position through,
                    struct pl_feed **ret_feed, uint64_t *ret_loops)
{
    int rc;

    router->entries_len = 0;
    router->loops = 0;
    pl_bytebuf_clear(&router->frames);
    rc = walk(router, effects, gain);
    if (rc == PL_OK)
        rc = walk(router, effects, add);
    if (rc == PL_OK)
        rc = make_feed(router, through, ret_feed);
    if (rc == PL_OK) {
        *ret_loops = router->loops;
        PL_LIST_EACH (node, &effects->list)
            lose(router, effects, PL_CONTAINER(node, struct pl_effect, node));
    }
    if (router->frames.cap > FRAMES_KEEP_SIZE_MAX) {
        pl_bytebuf_done(&router->frames);
        pl_bytebuf_init(&router->frames, PL_BUF_SIZE_MAX);
    }
    return rc;
}

bool pl_router_close(struct pl_router *router, uint32_t loop, uint64_t id, pl_user_id *ret_user)
{
    struct pl_reg_stream *stream = pl_registry_find(&router->registry, loop, id);
    pl_user_id user;

    if (stream == NULL)
        return false;
    user = stream->user_weak->id;
    pl_registry_remove(&router->registry, stream);
    if (pl_router_online(router, user))
        return false;
    *ret_user = user;
    return true;
}

bool pl_router_online(const struct pl_router *router, pl_user_id user)
{
    return pl_registry_user(&router->registry, user) != NULL;
}

uint32_t pl_router_list_online(const struct pl_router *router, const char *prefix,
                               const char *after, uint32_t len_max, pl_user_id *ret_ids)
{
    return pl_online_list(&router->registry.online, prefix, after, len_max, ret_ids);
}

size_t pl_router_streams_len(const struct pl_router *router)
{
    return router->registry.streams.len;
}

size_t pl_router_room_streams(const struct pl_router *router, pl_room_id room)
{
    return pl_registry_room_streams(&router->registry, room);
}

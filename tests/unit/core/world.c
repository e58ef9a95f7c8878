/* world.c - see world.h. */
#include "world.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>

enum { TEXT_MAX = 1 << 26 };

/* An encoder whose events people can read. */
static int encode(void *self, const struct pl_event *event, struct pl_buf **ret_buf)
{
    struct pl_bytebuf text;
    struct pl_buf *buf = NULL;
    int rc;

    (void)self;
    pl_bytebuf_init(&text, PL_EVENT_SIZE_MAX);
    pl_bytebuf_printf(&text, "%s %" PRIu64 " by %s(%" PRIu64 ") ", event->room, event->sequence,
                      event->actor, event->actor_id.v);
    switch (event->kind) {
    case PL_EVENT_MESSAGE_SENT:
        pl_bytebuf_printf(&text, "sent '%s' re %" PRIu64 " thread %" PRIu64, event->u.message.text,
                          event->u.message.reply_to, event->u.message.thread);
        for (uint32_t i = 0; i < event->u.message.mentions_len; i++)
            pl_bytebuf_printf(&text, " @%s", event->u.message.mentions[i]);
        break;
    case PL_EVENT_ROOM_CHANGED:
        pl_bytebuf_printf(&text, "room '%s' members %" PRIu32 " last %" PRIu64,
                          event->u.room->title, event->u.room->member_count,
                          event->u.room->last_sequence);
        break;
    case PL_EVENT_MEMBER_CHANGED:
        pl_bytebuf_printf(&text, "member %s(%" PRIu64 ") state %d role %d", event->u.member.name,
                          event->u.member.member->user.v, (int)event->u.member.member->state,
                          (int)event->u.member.member->role);
        break;
    }
    rc = text.err;
    if (rc == PL_OK) {
        buf = pl_buf_copy(text.data, text.size);
        rc = buf == NULL ? PL_E_NOMEM : PL_OK;
    }
    pl_bytebuf_done(&text);
    if (rc == PL_OK)
        *ret_buf = buf;
    return rc;
}

static void new_engine(struct world *world)
{
    assert_int_equal(pl_engine_new(&world->config, &world->engine), PL_OK);
}

void world_init(struct world *world)
{
    *world = (struct world){.now_ms = 1000000000000};
    assert_int_equal(pl_memory_store_new(&world->store), PL_OK);
    world->config = (struct pl_engine_config){.store = world->store,
                                              .encoder = {.encode = encode},
                                              .guests = true,
                                              .session_idle_ms = IDLE_MS,
                                              .text_size_max = PL_TEXT_SIZE_MAX};
    pl_arena_init(&world->arena, TEXT_MAX);
    pl_list_init(&world->batch.commands);
    pl_effects_init(&world->effects, TEXT_MAX);
    new_engine(world);
}

void world_start(struct world *world)
{
    world_init(world);
    add_start(world, 77);
    assert_int_equal(world_apply(world), PL_OK);
}

void world_done(struct world *world)
{
    pl_engine_free(world->engine);
    pl_effects_done(&world->effects);
    pl_arena_done(&world->arena);
    pl_memory_store_free(&world->store);
}

void world_restart(struct world *world)
{
    pl_engine_free(world->engine);
    new_engine(world);
}

static struct pl_hash token_hash(const char *token)
{
    return pl_hash_of(pl_bytes_str(token));
}

/* Every string of a command is set. */
static void blank(struct pl_command *command)
{
    switch (command->kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        command->u.sign_in_guest.name = command->u.sign_in_guest.label = "";
        break;
    case PL_COMMAND_CREATE_ROOM:
        command->u.create_room.name = command->u.create_room.title = "";
        command->u.create_room.topic = "";
        command->u.create_room.visibility = PL_ROOM_PUBLIC;
        command->u.create_room.delivery = PL_ROOM_EVERYONE;
        break;
    case PL_COMMAND_SEND_MESSAGE:
        command->u.send.room = command->u.send.user = "";
        command->u.send.text = command->u.send.request_id = "";
        break;
    case PL_QUERY_GET_USER:
        command->u.get_user.name = "";
        break;
    case PL_COMMAND_OPEN_TAKER:
        command->u.open_taker.room = "";
        command->u.open_taker.unacked_len_max = 1;
        command->u.open_taker.lease_s = 60;
        break;
    default:
        break;
    }
}

void world_clear(struct world *world)
{
    pl_list_init(&world->batch.commands);
    pl_arena_clear(&world->arena);
    world->batch.number = 0;
}

struct pl_command *world_add(struct world *world, enum pl_command_kind kind, const char *token)
{
    struct pl_command *command;

    if (world->batch.number != 0)
        world_clear(world); /* the last batch is done with */
    command = pl_arena_alloc(&world->arena, sizeof *command);
    assert_non_null(command);
    command->kind = kind;
    if (token != NULL)
        command->token_hash = token_hash(token);
    command->reply_to = ++world->tag;
    command->reply_loop = 3;
    blank(command);
    pl_list_append(&world->batch.commands, &command->node);
    return command;
}

struct pl_command *add_start(struct world *world, uint64_t log)
{
    struct pl_command *command = world_add(world, PL_COMMAND_START, NULL);

    command->u.start.log = log;
    return command;
}

struct pl_command *add_sign_in(struct world *world, const char *name)
{
    struct pl_command *command = world_add(world, PL_COMMAND_SIGN_IN_GUEST, name);

    command->u.sign_in_guest.name = name;
    return command;
}

struct pl_command *add_create(struct world *world, const char *token, const char *room)
{
    struct pl_command *command = world_add(world, PL_COMMAND_CREATE_ROOM, token);

    command->u.create_room.name = room;
    return command;
}

struct pl_command *add_join(struct world *world, const char *token, const char *room)
{
    struct pl_command *command = world_add(world, PL_COMMAND_JOIN_ROOM, token);

    command->u.join_room.room = room;
    return command;
}

struct pl_command *add_leave(struct world *world, const char *token, const char *room)
{
    struct pl_command *command = world_add(world, PL_COMMAND_LEAVE_ROOM, token);

    command->u.leave_room.room = room;
    return command;
}

struct pl_command *add_send(struct world *world, const char *token, const char *room,
                            const char *text)
{
    struct pl_command *command = world_add(world, PL_COMMAND_SEND_MESSAGE, token);

    command->u.send.room = room;
    command->u.send.text = text;
    return command;
}

struct pl_command *add_send_user(struct world *world, const char *token, const char *user,
                                 const char *text)
{
    struct pl_command *command = world_add(world, PL_COMMAND_SEND_MESSAGE, token);

    command->u.send.user = user;
    command->u.send.text = text;
    return command;
}

struct pl_command *add_mark(struct world *world, const char *token, const char *room,
                            pl_sequence sequence)
{
    struct pl_command *command = world_add(world, PL_COMMAND_MARK_READ, token);

    command->u.mark_read.room = room;
    command->u.mark_read.sequence = sequence;
    return command;
}

struct pl_command *add_taker(struct world *world, const char *token, const char *room,
                             uint64_t taker)
{
    struct pl_command *command = world_add(world, PL_COMMAND_OPEN_TAKER, token);

    command->u.open_taker.room = room;
    command->u.open_taker.taker = taker;
    return command;
}

struct pl_command *add_lease(struct world *world, enum pl_command_kind kind, const char *token,
                             const char *room, pl_sequence sequence, uint64_t lease)
{
    struct pl_command *command = world_add(world, kind, token);

    command->u.lease.room = room;
    command->u.lease.sequence = sequence;
    command->u.lease.lease = lease;
    return command;
}

struct pl_command *add_subscribe(struct world *world, const char *token, const char *const *rooms,
                                 uint32_t rooms_len)
{
    struct pl_command *command = world_add(world, PL_QUERY_SUBSCRIBE, token);

    command->u.subscribe.rooms = rooms;
    command->u.subscribe.rooms_len = rooms_len;
    return command;
}

int world_again(struct world *world)
{
    int rc;

    world->batch.number = world->batch_number + 1;
    world->batch.time_ms = world->now_ms + world->jump_ms;
    world->batch.age_ms = world->now_ms;
    pl_effects_clear(&world->effects);
    rc = pl_engine_apply(world->engine, &world->batch, &world->effects);
    if (rc == PL_OK)
        world->batch_number++;
    return rc;
}

int world_apply(struct world *world)
{
    return world_again(world);
}

const struct pl_reply *world_reply(const struct world *world, uint64_t tag)
{
    PL_LIST_EACH (node, &world->effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == PL_EFFECT_REPLY && effect->u.reply.to == tag) {
            assert_int_equal(effect->u.reply.loop, 3);
            return effect->u.reply.reply;
        }
    }
    fail_msg("no reply to %" PRIu64, tag);
    return NULL;
}

const struct pl_reply *world_last(const struct world *world)
{
    return world_reply(world, world->tag);
}

uint32_t world_count(const struct world *world, enum pl_effect_kind kind)
{
    uint32_t len = 0;

    PL_LIST_EACH (node, &world->effects.list)
        len += PL_CONTAINER(node, struct pl_effect, node)->kind == kind;
    return len;
}

const struct pl_effect *world_effect(const struct world *world, enum pl_effect_kind kind,
                                     uint32_t nth)
{
    PL_LIST_EACH (node, &world->effects.list) {
        const struct pl_effect *effect = PL_CONTAINER(node, struct pl_effect, node);

        if (effect->kind == kind && nth-- == 0)
            return effect;
    }
    fail_msg("no such effect of kind %d", (int)kind);
    return NULL;
}

const char *world_text(struct world *world, const struct pl_buf *bytes)
{
    const char *text = pl_arena_copy(&world->arena, bytes->data, bytes->size);

    assert_non_null(text);
    return text;
}

const char *world_event(struct world *world, uint32_t nth)
{
    return world_text(world, world_effect(world, PL_EFFECT_EVENT, nth)->u.event.bytes);
}

static const struct pl_reply *do_it(struct world *world)
{
    assert_int_equal(world_apply(world), PL_OK);
    return world_last(world);
}

const struct pl_reply *do_sign_in(struct world *world, const char *name)
{
    add_sign_in(world, name);
    return do_it(world);
}

const struct pl_reply *do_sign_out(struct world *world, const char *token)
{
    world_add(world, PL_COMMAND_SIGN_OUT, token);
    return do_it(world);
}

const struct pl_reply *do_create(struct world *world, const char *token, const char *room)
{
    add_create(world, token, room);
    return do_it(world);
}

const struct pl_reply *do_create_as(struct world *world, const char *token, const char *room,
                                    enum pl_room_visibility visibility,
                                    enum pl_room_delivery delivery, bool quiet)
{
    struct pl_command *command = add_create(world, token, room);

    command->u.create_room.visibility = visibility;
    command->u.create_room.delivery = delivery;
    command->u.create_room.quiet_membership = quiet;
    return do_it(world);
}

const struct pl_reply *do_join(struct world *world, const char *token, const char *room)
{
    add_join(world, token, room);
    return do_it(world);
}

const struct pl_reply *do_leave(struct world *world, const char *token, const char *room)
{
    add_leave(world, token, room);
    return do_it(world);
}

const struct pl_reply *do_send(struct world *world, const char *token, const char *room,
                               const char *text)
{
    add_send(world, token, room, text);
    return do_it(world);
}

const struct pl_reply *do_send_user(struct world *world, const char *token, const char *user,
                                    const char *text)
{
    add_send_user(world, token, user, text);
    return do_it(world);
}

const struct pl_reply *do_mark(struct world *world, const char *token, const char *room,
                               pl_sequence sequence)
{
    add_mark(world, token, room, sequence);
    return do_it(world);
}

void do_expire(struct world *world)
{
    world_add(world, PL_COMMAND_EXPIRE, NULL);
    assert_int_equal(world_apply(world), PL_OK);
}

void assert_granted(const struct pl_reply *reply)
{
    assert_string_equal(pl_reason_name(reply->refusal.reason), "NONE");
}

void assert_refused(const struct pl_reply *reply, enum pl_reason reason)
{
    assert_string_equal(pl_reason_name(reply->refusal.reason), pl_reason_name(reason));
}

void assert_refused_field(const struct pl_reply *reply, enum pl_reason reason, const char *field)
{
    assert_refused(reply, reason);
    assert_string_equal(reply->refusal.field, field);
}

struct pl_user world_user(struct world *world, const char *name)
{
    struct pl_user user;

    assert_int_equal(world->store.ops->find_user(world->store.self, name, &user), PL_OK);
    return user;
}

struct pl_room world_room(struct world *world, const char *name)
{
    struct pl_room room;

    assert_int_equal(world->store.ops->find_room(world->store.self, name, &room), PL_OK);
    return room;
}

struct pl_member world_member(struct world *world, const char *room, const char *user)
{
    struct pl_member member;

    assert_int_equal(world->store.ops->get_member(world->store.self, world_room(world, room).id,
                                                  world_user(world, user).id, &member),
                     PL_OK);
    return member;
}

void world_put_member(struct world *world, const struct pl_member *member)
{
    const struct pl_store *store = &world->store;

    assert_int_equal(store->ops->begin(store->self), PL_OK);
    assert_int_equal(store->ops->put_member(store->self, member), PL_OK);
    assert_int_equal(store->ops->commit(store->self), PL_OK);
}

void world_put_user(struct world *world, const struct pl_user *user)
{
    const struct pl_store *store = &world->store;

    assert_int_equal(store->ops->begin(store->self), PL_OK);
    assert_int_equal(store->ops->put_user(store->self, user), PL_OK);
    assert_int_equal(store->ops->commit(store->self), PL_OK);
}

void world_put_room(struct world *world, const struct pl_room *room)
{
    const struct pl_store *store = &world->store;

    assert_int_equal(store->ops->begin(store->self), PL_OK);
    assert_int_equal(store->ops->put_room(store->self, room), PL_OK);
    assert_int_equal(store->ops->commit(store->self), PL_OK);
}

void world_dump(const struct world *world, struct pl_bytebuf *buf)
{
    pl_bytebuf_init(buf, TEXT_MAX);
    pl_memory_store_dump(&world->store, buf);
    assert_int_equal(buf->err, PL_OK);
}

static void render_bytes(struct pl_bytebuf *buf, const struct pl_buf *bytes)
{
    if (bytes != NULL)
        pl_bytebuf_append(buf, bytes->data, bytes->size);
}

static void render_reply(struct pl_bytebuf *buf, enum pl_command_kind kind,
                         const struct pl_reply *reply)
{
    pl_bytebuf_printf(buf, "%s field=%s detail=%s", pl_reason_name(reply->refusal.reason),
                      reply->refusal.field, reply->refusal.detail);
    if (reply->refusal.reason != PL_REASON_NONE)
        return;
    switch (kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        pl_bytebuf_printf(buf, " user=%" PRIu64 " session=%" PRIu64, reply->u.sign_in.user.id.v,
                          reply->u.sign_in.session.id.v);
        break;
    case PL_COMMAND_CREATE_ROOM:
    case PL_COMMAND_JOIN_ROOM:
        pl_bytebuf_printf(buf, " room=%s last=%" PRIu64, reply->u.room.room.name,
                          reply->u.room.room.last_sequence);
        break;
    case PL_COMMAND_SEND_MESSAGE:
        pl_bytebuf_printf(buf, " room=%s sequence=%" PRIu64 " thread=%" PRIu32 " again=%d ",
                          reply->u.send.room, reply->u.send.message.sequence,
                          reply->u.send.message.thread_size, (int)reply->u.send.deduplicated);
        render_bytes(buf, reply->u.send.message.event);
        break;
    case PL_QUERY_SUBSCRIBE:
        pl_bytebuf_printf(buf, " shown=%" PRIu64, reply->u.subscribe.shown);
        for (uint32_t i = 0; i < reply->u.subscribe.rooms_len; i++)
            pl_bytebuf_printf(buf, " %s:%" PRIu64 ":%" PRIu64, reply->u.subscribe.rooms[i].name,
                              reply->u.subscribe.rooms[i].last_sequence,
                              reply->u.subscribe.rooms[i].read_sequence);
        break;
    default:
        break;
    }
}

static void render_effect(struct pl_bytebuf *buf, const struct pl_effect *effect)
{
    switch (effect->kind) {
    case PL_EFFECT_REPLY:
        pl_bytebuf_printf(buf, "reply %" PRIu64 " kind=%d ", effect->u.reply.to,
                          (int)effect->u.reply.command);
        render_reply(buf, effect->u.reply.command, effect->u.reply.reply);
        break;
    case PL_EFFECT_EVENT:
        pl_bytebuf_printf(buf, "event %" PRIu64 " room=%" PRIu64 " ", effect->u.event.position,
                          effect->u.event.room.v);
        render_bytes(buf, effect->u.event.bytes);
        break;
    case PL_EFFECT_MEMBERSHIP:
        pl_bytebuf_printf(buf, "membership %" PRIu64 " %s joined=%d work=%d position=%" PRIu64,
                          effect->u.membership.user.v, effect->u.membership.name,
                          (int)effect->u.membership.joined, (int)effect->u.membership.work,
                          effect->u.membership.position);
        break;
    case PL_EFFECT_READ_MARKER:
        pl_bytebuf_printf(buf, "marker %" PRIu64 " %s %" PRIu64, effect->u.marker.user.v,
                          effect->u.marker.name, effect->u.marker.sequence);
        break;
    case PL_EFFECT_SESSION_ENDED:
        pl_bytebuf_printf(buf, "session_ended %" PRIu64 " user=%" PRIu64, effect->u.ended.session.v,
                          effect->u.ended.user.v);
        break;
    case PL_EFFECT_LEASED:
        pl_bytebuf_printf(buf, "leased taker=%" PRIu64 " lease=%" PRIu64 " attempt=%" PRIu32 " ",
                          effect->u.leased.taker, effect->u.leased.lease, effect->u.leased.attempt);
        render_bytes(buf, effect->u.leased.message.event);
        break;
    case PL_EFFECT_TAKER_ENDED:
        pl_bytebuf_printf(buf, "taker_ended %" PRIu64 " %s", effect->u.taker_ended.taker,
                          pl_reason_name(effect->u.taker_ended.refusal.reason));
        break;
    case PL_EFFECT_FOLLOW_UP:
        pl_bytebuf_append_str(buf, "follow_up");
        break;
    }
    pl_bytebuf_append_byte(buf, '\n');
}

void world_render(const struct world *world, struct pl_bytebuf *buf)
{
    pl_bytebuf_init(buf, TEXT_MAX);
    PL_LIST_EACH (node, &world->effects.list)
        render_effect(buf, PL_CONTAINER(node, struct pl_effect, node));
    assert_int_equal(buf->err, PL_OK);
}

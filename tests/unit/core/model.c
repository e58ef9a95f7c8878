/* model.c - see model.h. */
#include "model.h"

#include <string.h>

const char *const model_people[MODEL_PEOPLE] = {"p0", "p1", "p2", "p3", "p4", "p5"};
const char *const model_rooms[MODEL_ROOMS] = {"lobby", "r1", "r2", "r3", "r4", "r5"};

/* SplitMix64 */
uint64_t model_random(uint64_t *seed)
{
    uint64_t x = *seed += 0x9e3779b97f4a7c15U;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static uint32_t below(uint64_t *seed, uint32_t bound)
{
    return (uint32_t)(model_random(seed) % bound);
}

void model_init(struct model *model)
{
    memset(model, 0, sizeof *model);
    model->room[0].exists = true;
    model->room[0].quiet = true;
    model->room[0].last = 1;
}

/* A lease that somebody has, if any is found in a few tries; else none such. */
static void choose_lease(const struct model *model, uint64_t *seed, struct step *step)
{
    for (int i = 0; i < 20; i++) {
        const struct model_room *room = &model->room[step->room];
        uint32_t sequence = room->last > 0 ? 1 + below(seed, room->last) : 1;
        const struct model_work *work = &room->log[sequence].work;

        step->sequence = sequence;
        step->lease = work->lease;
        if (work->lease != 0) {
            if (below(seed, 8) != 0) /* else whoever it is tries */
                step->person = model->taker[work->taker].person;
            return;
        }
        step->room = (int)below(seed, MODEL_ROOMS);
    }
}

struct step model_choose(const struct model *model, uint64_t *seed, bool alone)
{
    static const enum pl_command_kind kinds[] = {
        PL_COMMAND_SEND_MESSAGE, PL_COMMAND_SEND_MESSAGE,    PL_COMMAND_SEND_MESSAGE,
        PL_COMMAND_SEND_MESSAGE, PL_COMMAND_MARK_READ,       PL_COMMAND_MARK_READ,
        PL_COMMAND_JOIN_ROOM,    PL_COMMAND_JOIN_ROOM,       PL_COMMAND_LEAVE_ROOM,
        PL_COMMAND_CREATE_ROOM,  PL_COMMAND_SIGN_IN_GUEST,   PL_COMMAND_SIGN_IN_GUEST,
        PL_COMMAND_OPEN_TAKER,   PL_COMMAND_OPEN_TAKER,      PL_COMMAND_ACK_MESSAGE,
        PL_COMMAND_ACK_MESSAGE,  PL_COMMAND_RELEASE_MESSAGE, PL_COMMAND_SIGN_OUT,
    };
    struct step step = {.kind = kinds[below(seed, sizeof kinds / sizeof kinds[0])],
                        .person = (int)below(seed, MODEL_PEOPLE),
                        .other = (int)below(seed, MODEL_PEOPLE),
                        .room = (int)below(seed, MODEL_ROOMS),
                        .taker = (int)below(seed, MODEL_TAKERS),
                        .flag = below(seed, 4) == 0,
                        .quiet = below(seed, 3) == 0,
                        .work = below(seed, 2) == 0};

    if (alone)
        step.kind = below(seed, 2) == 0 ? PL_COMMAND_CLOSE_TAKER : PL_COMMAND_EXPIRE;
    if (step.kind == PL_COMMAND_SIGN_OUT && below(seed, 4) != 0)
        step.kind = PL_COMMAND_SEND_MESSAGE;
    if (step.kind == PL_COMMAND_MARK_READ)
        step.sequence = below(seed, model->room[step.room].last + 2);
    if (step.kind == PL_COMMAND_ACK_MESSAGE || step.kind == PL_COMMAND_RELEASE_MESSAGE)
        choose_lease(model, seed, &step);
    if (step.kind == PL_COMMAND_RELEASE_MESSAGE)
        step.delay_s = below(seed, 3) * 5;
    if (step.kind == PL_COMMAND_SEND_MESSAGE && below(seed, 5) != 0)
        step.other = -1; /* into a room */
    return step;
}

void model_add(const struct model *model, struct world *world, struct step *step)
{
    const char *token = model_people[step->person];
    const char *room = model_rooms[step->room];
    struct pl_command *command;

    switch (step->kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        command = add_sign_in(world, token);
        break;
    case PL_COMMAND_CREATE_ROOM:
        command = add_create(world, token, room);
        command->u.create_room.visibility = step->flag ? PL_ROOM_PRIVATE : PL_ROOM_PUBLIC;
        command->u.create_room.delivery = step->work ? PL_ROOM_ONE : PL_ROOM_EVERYONE;
        command->u.create_room.quiet_membership = step->quiet;
        break;
    case PL_COMMAND_JOIN_ROOM:
        command = add_join(world, token, room);
        command->u.join_room.create_if_missing = step->flag;
        break;
    case PL_COMMAND_LEAVE_ROOM:
        command = add_leave(world, token, room);
        break;
    case PL_COMMAND_SEND_MESSAGE:
        if (step->other >= 0)
            command = add_send_user(world, token, model_people[step->other], "to you");
        else
            command = add_send(world, token, room, "to all");
        break;
    case PL_COMMAND_MARK_READ:
        command = add_mark(world, token, room, step->sequence);
        break;
    case PL_COMMAND_OPEN_TAKER:
        command = add_taker(world, token, room, model->last_taker + 1);
        command->u.open_taker.unacked_len_max = 1 + (uint32_t)step->taker;
        command->u.open_taker.include_own = step->flag;
        break;
    case PL_COMMAND_ACK_MESSAGE:
    case PL_COMMAND_RELEASE_MESSAGE:
        command = add_lease(world, step->kind, token, room, step->sequence, step->lease);
        command->u.lease.delay_s = step->delay_s;
        break;
    case PL_COMMAND_CLOSE_TAKER:
        command = world_add(world, step->kind, NULL);
        command->u.close_taker.taker = model->taker[step->taker].id;
        break;
    default:
        command = world_add(world, step->kind, token);
        break;
    }
    step->tag = command->reply_to;
}

/* An event at the end of a room's log. */
static void append(struct model_room *room, bool message, uint64_t sender)
{
    struct model_event *event = &room->log[++room->last];

    *event = (struct model_event){.message = message, .sender = sender};
    event->work.waits = message && room->work;
}

static void end_taker(struct model *model, int index)
{
    struct model_taker *taker = &model->taker[index];
    struct model_room *room = &model->room[taker->room];

    for (uint32_t i = 1; i <= room->last; i++)
        if (room->log[i].work.lease != 0 && room->log[i].work.taker == index)
            room->log[i].work.lease = 0;
    *taker = (struct model_taker){0};
}

/* The takers of a person in a room, or in all (-1), stop; that is to be told. */
static void stop_takers(struct model *model, int person, int room)
{
    for (int i = 0; i < MODEL_TAKERS; i++)
        if (model->taker[i].open && model->taker[i].person == person &&
            (room < 0 || model->taker[i].room == room))
            model->taker[i].stopped = true;
}

static void enter(struct model *model, int room, int person)
{
    struct model_room *r = &model->room[room];
    struct model_member *member = &model->member[room][person];

    if (member->read < r->last)
        member->read = r->last;
    member->joined = true;
    if (!r->quiet)
        append(r, false, 0);
}

static void leave(struct model *model, int room, int person)
{
    model->member[room][person].joined = false;
    if (!model->room[room].quiet)
        append(&model->room[room], false, 0);
    stop_takers(model, person, room);
}

static void make(struct model *model, const struct step *step, bool settings)
{
    struct model_room *room = &model->room[step->room];

    room->exists = true;
    room->is_private = settings && step->flag;
    room->quiet = settings && step->quiet;
    room->work = settings && step->work;
    append(room, false, 0);
    enter(model, step->room, step->person);
}

static enum pl_reason do_sign_out_of(struct model *model, int person)
{
    for (int room = 0; room < MODEL_ROOMS; room++) {
        if (model->member[room][person].joined)
            leave(model, room, person);
        model->member[room][person] = (struct model_member){0};
    }
    for (int other = 0; other < MODEL_PEOPLE; other++)
        model->direct[person][other] = model->direct[other][person] = 0;
    stop_takers(model, person, -1);
    model->person[person] = 0;
    return PL_REASON_NONE;
}

/* Why the person may not do in the room what members may. */
static enum pl_reason outside(const struct model *model, const struct step *step)
{
    const struct model_room *room = &model->room[step->room];

    if (model->member[step->room][step->person].joined)
        return PL_REASON_NONE;
    return room->exists && !room->is_private ? PL_REASON_NOT_A_MEMBER : PL_REASON_ROOM_NOT_FOUND;
}

static enum pl_reason do_join_room(struct model *model, const struct step *step)
{
    const struct model_room *room = &model->room[step->room];

    if (!room->exists && !step->flag)
        return PL_REASON_ROOM_NOT_FOUND;
    if (!room->exists)
        make(model, step, false);
    else if (model->member[step->room][step->person].joined)
        return PL_REASON_NONE;
    else if (room->is_private)
        return PL_REASON_ROOM_NOT_FOUND;
    else
        enter(model, step->room, step->person);
    return PL_REASON_NONE;
}

static enum pl_reason do_send_direct(struct model *model, const struct step *step,
                                     const struct pl_reply *reply)
{
    uint32_t *last = &model->direct[step->person][step->other];

    if (step->person == step->other)
        return PL_REASON_FIELD_INVALID;
    if (model->person[step->other] == 0)
        return PL_REASON_USER_NOT_FOUND;
    *last = *last == 0 ? 4 : *last + 1;
    model->direct[step->other][step->person] = *last;
    assert_int_equal(reply->u.send.message.sequence, *last);
    return PL_REASON_NONE;
}

static enum pl_reason do_send_room(struct model *model, const struct step *step,
                                   const struct pl_reply *reply)
{
    struct model_room *room = &model->room[step->room];
    enum pl_reason reason = outside(model, step);

    if (reason != PL_REASON_NONE)
        return reason;
    append(room, true, model->person[step->person]);
    model->member[step->room][step->person].read = room->last;
    assert_int_equal(reply->u.send.message.sequence, room->last);
    return PL_REASON_NONE;
}

static enum pl_reason do_mark_read(struct model *model, const struct step *step)
{
    struct model_member *member = &model->member[step->room][step->person];
    enum pl_reason reason = outside(model, step);

    if (reason != PL_REASON_NONE)
        return reason;
    if (step->sequence > model->room[step->room].last)
        return PL_REASON_SEQUENCE_OUT_OF_RANGE;
    if (step->sequence > member->read)
        member->read = step->sequence;
    return PL_REASON_NONE;
}

static enum pl_reason do_open_taker(struct model *model, const struct step *step)
{
    struct model_taker *taker = &model->taker[step->taker];
    enum pl_reason reason = outside(model, step);

    if (reason != PL_REASON_NONE)
        return reason;
    if (!model->room[step->room].work)
        return PL_REASON_NOT_A_WORK_ROOM;
    assert_false(taker->open); /* see test_model.c */
    *taker = (struct model_taker){.open = true,
                                  .id = ++model->last_taker,
                                  .person = step->person,
                                  .room = step->room,
                                  .len_max = 1 + (uint32_t)step->taker,
                                  .include_own = step->flag};
    return PL_REASON_NONE;
}

static enum pl_reason do_lease(struct model *model, const struct step *step)
{
    struct model_work *work = &model->room[step->room].log[step->sequence].work;
    enum pl_reason reason = outside(model, step);

    if (reason != PL_REASON_NONE)
        return reason;
    if (!model->room[step->room].work)
        return PL_REASON_NOT_A_WORK_ROOM;
    if (step->lease == 0 || work->lease != step->lease || work->until_ms <= model->now_ms ||
        model->taker[work->taker].person != step->person)
        return PL_REASON_LEASE_LOST;
    work->lease = 0;
    model->taker[work->taker].len--;
    if (step->kind == PL_COMMAND_ACK_MESSAGE)
        work->waits = false;
    else
        work->not_before_ms = step->delay_s > 0 ? model->now_ms + step->delay_s * 1000 : 0;
    return PL_REASON_NONE;
}

static void do_expire_leases(struct model *model)
{
    for (int r = 0; r < MODEL_ROOMS; r++)
        for (uint32_t i = 1; i <= model->room[r].last; i++) {
            struct model_work *work = &model->room[r].log[i].work;

            if (work->lease == 0 || work->until_ms > model->now_ms)
                continue;
            work->lease = 0;
            model->taker[work->taker].len--;
        }
}

static enum pl_reason do_of_nobody(struct model *model, const struct step *step)
{
    if (step->kind == PL_COMMAND_EXPIRE)
        do_expire_leases(model);
    else if (model->taker[step->taker].open)
        end_taker(model, step->taker);
    return PL_REASON_NONE;
}

enum pl_reason model_do(struct model *model, const struct step *step, const struct pl_reply *reply)
{
    bool known = model->person[step->person] != 0;

    if (step->kind == PL_COMMAND_EXPIRE || step->kind == PL_COMMAND_CLOSE_TAKER)
        return do_of_nobody(model, step);
    if (step->kind == PL_COMMAND_SIGN_IN_GUEST) {
        if (known)
            return PL_REASON_NAME_TAKEN;
        model->person[step->person] = reply->u.sign_in.user.id.v;
        enter(model, 0, step->person);
        return PL_REASON_NONE;
    }
    if (!known)
        return PL_REASON_TOKEN_INVALID;
    switch (step->kind) {
    case PL_COMMAND_SIGN_OUT:
        return do_sign_out_of(model, step->person);
    case PL_COMMAND_CREATE_ROOM:
        if (model->room[step->room].exists)
            return PL_REASON_ROOM_EXISTS;
        make(model, step, true);
        return PL_REASON_NONE;
    case PL_COMMAND_JOIN_ROOM:
        return do_join_room(model, step);
    case PL_COMMAND_LEAVE_ROOM:
        if (outside(model, step) != PL_REASON_NONE)
            return outside(model, step);
        if (step->room == 0)
            return PL_REASON_ROOM_IS_LOBBY;
        leave(model, step->room, step->person);
        return PL_REASON_NONE;
    case PL_COMMAND_SEND_MESSAGE:
        return step->other >= 0 ? do_send_direct(model, step, reply)
                                : do_send_room(model, step, reply);
    case PL_COMMAND_MARK_READ:
        return do_mark_read(model, step);
    case PL_COMMAND_OPEN_TAKER:
        return do_open_taker(model, step);
    default:
        return do_lease(model, step);
    }
}

static int taker_of(const struct model *model, uint64_t id)
{
    for (int i = 0; i < MODEL_TAKERS; i++)
        if (model->taker[i].open && model->taker[i].id == id)
            return i;
    fail_msg("no such taker");
    return -1;
}

static void judge_leased(struct model *model, const struct pl_effect *effect)
{
    int index = taker_of(model, effect->u.leased.taker);
    struct model_taker *taker = &model->taker[index];
    struct model_event *event = &model->room[taker->room].log[effect->u.leased.message.sequence];

    assert_false(taker->stopped);
    assert_true(taker->len < taker->len_max);
    assert_true(effect->u.leased.message.sequence <= model->room[taker->room].last);
    assert_true(event->work.waits);
    assert_int_equal(event->work.lease, 0);
    assert_true(event->work.not_before_ms <= model->now_ms);
    assert_true(taker->include_own || event->sender != model->person[taker->person]);
    assert_int_equal(effect->u.leased.attempt, event->work.attempts + 1);
    taker->len++;
    event->work.attempts++;
    event->work.lease = effect->u.leased.lease;
    event->work.taker = index;
    event->work.until_ms = model->now_ms + 60 * 1000;
}

void model_judge(struct model *model, const struct pl_effect *effect)
{
    int index;

    if (effect->kind == PL_EFFECT_LEASED)
        judge_leased(model, effect);
    if (effect->kind != PL_EFFECT_TAKER_ENDED)
        return;
    index = taker_of(model, effect->u.taker_ended.taker);
    assert_true(model->taker[index].stopped);
    end_taker(model, index);
}

void model_lose_takers(struct model *model)
{
    for (int i = 0; i < MODEL_TAKERS; i++) {
        if (model->taker[i].open)
            end_taker(model, i);
    }
}

static bool could_be_handed(const struct model *model, int room, const struct model_event *event)
{
    if (!event->work.waits || event->work.lease != 0 || event->work.not_before_ms > model->now_ms)
        return false;
    for (int i = 0; i < MODEL_TAKERS; i++) {
        const struct model_taker *taker = &model->taker[i];

        if (taker->open && taker->room == room && taker->len < taker->len_max &&
            (taker->include_own || event->sender != model->person[taker->person]))
            return true;
    }
    return false;
}

static uint64_t messages_through(const struct model_room *room, uint32_t sequence)
{
    uint64_t count = 0;

    for (uint32_t i = 1; i <= sequence; i++)
        count += room->log[i].message;
    return count;
}

static void check_room(const struct model *model, struct world *world, int index)
{
    const struct model_room *room = &model->room[index];
    struct pl_room stored = world_room(world, model_rooms[index]);
    uint32_t members = 0;

    assert_int_equal(stored.last_sequence, room->last);
    assert_int_equal(stored.message_count, messages_through(room, room->last));
    for (int person = 0; person < MODEL_PEOPLE; person++) {
        const struct model_member *member = &model->member[index][person];
        struct pl_member row;

        if (!member->joined)
            continue;
        members++;
        row = world_member(world, model_rooms[index], model_people[person]);
        assert_int_equal(row.state, PL_MEMBER_JOINED);
        assert_int_equal(row.read_sequence, member->read);
        assert_int_equal(row.read_count, messages_through(room, member->read));
    }
    assert_int_equal(stored.member_count, members);
}

void model_check(const struct model *model, struct world *world)
{
    for (int i = 0; i < MODEL_TAKERS; i++)
        assert_false(model->taker[i].stopped); /* all have been told */
    for (int index = 0; index < MODEL_ROOMS; index++) {
        const struct model_room *room = &model->room[index];

        if (!room->exists)
            continue;
        check_room(model, world, index);
        for (uint32_t i = 1; room->work && i <= room->last; i++)
            assert_false(could_be_handed(model, index, &room->log[i]));
    }
}

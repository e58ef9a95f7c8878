/*
 * lists.c - what is listed, of history too, is what the judge's naive chat has.
 *
 * Readers see the last commit, at any moment, as the judge does.
 */
#include "sim.h"

#include "base/err.h"
#include "parla/v1/chat_service.pb-c.h"
#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { NAMES_LEN_MAX = 512 };

struct names {
    const char *names[NAMES_LEN_MAX];
    uint32_t len;
    uint32_t at; /* the next that is due */
};

static void add_name(struct names *names, const char *name)
{
    JUDGE(names->len < NAMES_LEN_MAX, "too many names");
    names->names[names->len++] = name;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(struct names *names)
{
    qsort(names->names, names->len, sizeof names->names[0], compare_names);
}

static void expect_name(struct names *names, const char *name, const char *of)
{
    JUDGE(names->at < names->len && strcmp(names->names[names->at], name) == 0,
          "%s is listed among %s, due was %s", name, of,
          names->at < names->len ? names->names[names->at] : "nothing");
    names->at++;
}

static int on_user(void *arg, const struct pl_user *user)
{
    expect_name(arg, user->name, "users");
    return 0;
}

static void look_at_users(struct sim *sim, const struct pl_reader *reader)
{
    struct names names = {.len = 0};

    for (size_t i = 0; i < sim->judge.users_len; i++)
        if (sim->judge.users[i].active)
            add_name(&names, sim->judge.users[i].name);
    sort_names(&names);
    JUDGE(reader->ops->list_users(reader->self, "", "", NAMES_LEN_MAX, on_user, &names) == PL_OK,
          "users cannot be listed");
    JUDGE(names.at == names.len, "users are missing from a list");
}

struct members {
    struct names names;
    const struct judge *judge;
    uint32_t room;
};

static int on_member(void *arg, const struct pl_member *member, const char *name)
{
    struct members *members = arg;

    JUDGE(judge_joined(members->judge, members->room, member->user.v),
          "user %" PRIu64 " is listed in a room where it is not", member->user.v);
    expect_name(&members->names, name, "members");
    return 0;
}

static void look_at_members(struct sim *sim, const struct pl_reader *reader)
{
    struct members members = {.judge = &sim->judge};

    members.room = chance_below(&sim->chance, (uint32_t)sim->judge.rooms_len);
    for (size_t i = 0; i < sim->judge.users_len; i++)
        if (judge_joined(&sim->judge, members.room, i + 1))
            add_name(&members.names, sim->judge.users[i].name);
    sort_names(&members.names);
    JUDGE(reader->ops->list_members(reader->self, (pl_room_id){members.room + 1}, "", NAMES_LEN_MAX,
                                    on_member, &members) == PL_OK,
          "members cannot be listed");
    JUDGE(members.names.at == members.names.len, "members are missing from a list");
}

struct rooms {
    struct names names;
    const struct judge *judge;
    uint64_t user;
};

/* Messages that mention the user, beyond its marker. */
static uint64_t count_mentions(const struct rooms *rooms, uint32_t index)
{
    const struct judge_room *room = &rooms->judge->rooms[index];
    pl_sequence read = rooms->user < room->members_len ? room->members[rooms->user].read : 0;
    uint64_t count = 0;

    for (size_t i = read; i < room->log_len; i++) {
        const struct judge_event *event = &rooms->judge->log[room->log[i]];

        count += event->mention == rooms->user && !event->trimmed;
    }
    return count;
}

static int on_room(void *arg, const struct pl_room *room, const struct pl_member *member,
                   uint64_t mentions)
{
    struct rooms *rooms = arg;
    uint32_t index = (uint32_t)(room->id.v - 1);
    bool joined = judge_joined(rooms->judge, index, rooms->user);

    expect_name(&rooms->names, room->name, "rooms");
    JUDGE((member->state == PL_MEMBER_JOINED) == joined, "a list has another standing in %s",
          room->name);
    JUDGE(mentions == count_mentions(rooms, index),
          "a list of user %" PRIu64 " has %" PRIu64 " mentions in %s, due was %" PRIu64,
          rooms->user, mentions, room->name, count_mentions(rooms, index));
    JUDGE(!joined || pl_room_unread(room, member) ==
                         judge_unread(rooms->judge, index,
                                      rooms->judge->rooms[index].members[rooms->user].read),
          "a list has %" PRIu64 " unread in %s", pl_room_unread(room, member), room->name);
    return 0;
}

static void look_at_rooms(struct sim *sim, const struct pl_reader *reader, bool unjoined)
{
    struct rooms rooms = {.judge = &sim->judge};

    if (sim->judge.users_len == 0)
        return;
    rooms.user = 1 + chance_below(&sim->chance, (uint32_t)sim->judge.users_len);
    if (!sim->judge.users[rooms.user - 1].active)
        return; /* who is gone asks for nothing */
    for (uint32_t i = 0; i < sim->judge.rooms_len; i++)
        if (judge_joined(&sim->judge, i, rooms.user) ||
            (unjoined && !sim->judge.rooms[i].is_private))
            add_name(&rooms.names, sim->judge.rooms[i].name);
    sort_names(&rooms.names);
    JUDGE(reader->ops->list_rooms(reader->self, (pl_user_id){rooms.user}, unjoined, "",
                                  NAMES_LEN_MAX, on_room, &rooms) == PL_OK,
          "rooms cannot be listed");
    JUDGE(rooms.names.at == rooms.names.len, "rooms are missing from a list");
}

struct history {
    const struct judge *judge;
    const struct pl_message_query *query;
    pl_sequence at; /* the last given; 0: none yet */
    uint32_t len;
};

static bool is_asked_for(const struct judge_event *event, const struct pl_message_query *query)
{
    return event->kind == PL_EVENT_MESSAGE_SENT &&
           (query->thread == 0 || event->sequence == query->thread ||
            event->thread == query->thread);
}

/* The next message that the query is due, or 0. */
static pl_sequence next_due(const struct history *history)
{
    const struct pl_message_query *query = history->query;
    const struct judge_room *room = &history->judge->rooms[query->room.v - 1];
    pl_sequence low = query->after + 1 > room->first ? query->after + 1 : room->first;
    pl_sequence high = room->log_len;

    if (query->before != 0 && query->before <= high)
        high = query->before - 1;
    if (history->len == query->len_max)
        return 0;
    if (history->at != 0 && query->ascending)
        low = history->at + 1;
    if (history->at != 0 && !query->ascending)
        high = history->at - 1;
    for (pl_sequence i = low; i <= high; i++) {
        pl_sequence sequence = query->ascending ? i : low + high - i;

        if (is_asked_for(&history->judge->log[room->log[sequence - 1]], query))
            return sequence;
    }
    return 0;
}

static int on_message(void *arg, const struct pl_message_row *row)
{
    struct history *history = arg;
    const struct judge_room *room = &history->judge->rooms[history->query->room.v - 1];
    pl_sequence due = next_due(history);
    Parla__V1__Event *event = parla__v1__event__unpack(NULL, row->event.size, row->event.data);

    JUDGE(due != 0 && row->sequence == due, "history has %" PRIu64 " of %s, due was %" PRIu64,
          row->sequence, room->name, due);
    JUDGE(event != NULL && event->sequence == due && event->message_sent != NULL &&
              strcmp(event->room, room->name) == 0 &&
              strcmp(event->message_sent->text, history->judge->log[room->log[due - 1]].text) == 0,
          "%" PRIu64 " of %s has another text in history", due, room->name);
    parla__v1__event__free_unpacked(event, NULL);
    history->at = due;
    history->len++;
    return 0;
}

static void look_at_history(struct sim *sim, const struct pl_reader *reader)
{
    uint32_t index = chance_below(&sim->chance, (uint32_t)sim->judge.rooms_len);
    uint32_t end = (uint32_t)sim->judge.rooms[index].log_len + 2;
    struct pl_message_query query = {.room = {index + 1}};
    struct history history = {.judge = &sim->judge, .query = &query};

    query.before = chance_once_in(&sim->chance, 2) ? 0 : chance_below(&sim->chance, end);
    query.after = chance_once_in(&sim->chance, 2) ? 0 : chance_below(&sim->chance, end);
    query.ascending = chance_once_in(&sim->chance, 2);
    query.thread = chance_once_in(&sim->chance, 3) ? chance_below(&sim->chance, end) : 0;
    query.len_max = 1 + chance_below(&sim->chance, 20);
    JUDGE(reader->ops->list_messages(reader->self, &query, on_message, &history) == PL_OK,
          "history cannot be listed");
    JUDGE(next_due(&history) == 0, "history ends before %" PRIu64 " of %s", next_due(&history),
          sim->judge.rooms[index].name);
}

void lists_look(struct sim *sim)
{
    const struct pl_reader *reader = disk_sqlite_reader(sim->disk.sqlite);
    uint32_t dice = chance_below(&sim->chance, 8);

    if (reader == NULL || reader->ops->begin(reader->self) < 0)
        return; /* the disk is dying */
    sim->seen->lists++;
    if (dice == 0)
        look_at_users(sim, reader);
    else if (dice == 1)
        look_at_members(sim, reader);
    else if (dice < 4)
        look_at_rooms(sim, reader, dice == 2);
    else
        look_at_history(sim, reader);
    reader->ops->end(reader->self);
}

/*
 * judge_store.c - what the store holds is what came of the commands.
 */
#include "judge.h"

#include "base/err.h"
#include "trace.h"

#include <inttypes.h>
#include <string.h>

size_t judge_unread(const struct judge *judge, uint32_t index, pl_sequence read)
{
    pl_sequence gone = judge->rooms[index].first - 1;

    return judge_messages_after(judge, index, read > gone ? read : gone);
}

/* Where the log that is kept begins, and what was before. */
static void check_front(const struct judge *judge, const struct pl_room *stored, uint32_t index)
{
    const struct judge_room *room = &judge->rooms[index];
    pl_sequence gone = room->first - 1;
    struct pl_trimmed due = {.position = 0};

    for (pl_sequence i = 1; i <= gone; i++) {
        const struct judge_event *event = &judge->log[room->log[i - 1]];

        due.position = event->position;
        due.messages += event->kind == PL_EVENT_MESSAGE_SENT;
        if (event->kind == PL_EVENT_MESSAGE_SENT)
            due.last_message = i;
    }
    JUDGE(stored->first_sequence == room->first && stored->trimmed.position == due.position &&
              stored->trimmed.messages == due.messages &&
              stored->trimmed.last_message == due.last_message,
          "%s begins at %" PRIu64 " after position %" PRIu64 ", due was %" PRIu64 " after %" PRIu64,
          room->name, stored->first_sequence, stored->trimmed.position, room->first, due.position);
}

static void check_member(const struct judge *judge, const struct pl_store *store,
                         const struct pl_room *stored, uint32_t index, uint64_t user)
{
    const struct judge_member *member = &judge->rooms[index].members[user];
    struct pl_member row;
    int rc = store->ops->get_member(store->self, stored->id, (pl_user_id){user}, &row);

    JUDGE(rc == PL_OK && row.state == PL_MEMBER_JOINED, "user %" PRIu64 " is not in %s", user,
          stored->name);
    JUDGE(row.read_sequence == member->read,
          "user %" PRIu64 " has read %s to %" PRIu64 ", due was %" PRIu64, user, stored->name,
          row.read_sequence, member->read);
    JUDGE(pl_room_unread(stored, &row) == judge_unread(judge, index, member->read),
          "user %" PRIu64 " has %" PRIu64 " unread in %s, due was %zu", user,
          pl_room_unread(stored, &row), stored->name, judge_unread(judge, index, member->read));
}

void judge_store(const struct judge *judge, const struct pl_store *store)
{
    struct pl_meta meta;

    JUDGE(store->ops->get_meta(store->self, &meta) == PL_OK, "the store has no meta");
    JUDGE(meta.position == judge->position, "the store is at %" PRIu64 ", the log at %" PRIu64,
          meta.position, judge->position);
    for (uint32_t i = 0; i < judge->rooms_len; i++) {
        const struct judge_room *room = &judge->rooms[i];
        struct pl_room stored;
        uint32_t members = 0;

        JUDGE(store->ops->get_room(store->self, (pl_room_id){i + 1}, &stored) == PL_OK,
              "%s is not stored", room->name);
        JUDGE(strcmp(stored.name, room->name) == 0 && stored.last_sequence == room->log_len &&
                  stored.message_count == judge_messages_after(judge, i, 0),
              "%s ends at %" PRIu64 " with %" PRIu64 " messages, due was %zu with %zu", room->name,
              stored.last_sequence, stored.message_count, room->log_len,
              judge_messages_after(judge, i, 0));
        check_front(judge, &stored, i);
        for (uint64_t user = 1; user < room->members_len; user++) {
            if (!room->members[user].joined)
                continue;
            members++;
            check_member(judge, store, &stored, i, user);
        }
        JUDGE(stored.member_count == members, "%s has %u members, due was %u", room->name,
              stored.member_count, members);
    }
}

void judge_store_no_work(const struct judge *judge, const struct pl_store *store)
{
    for (size_t i = 0; i < judge->log_len; i++) {
        const struct judge_event *event = &judge->log[i];
        struct pl_work work;

        JUDGE(store->ops->get_work(store->self, (pl_room_id){event->room + 1}, event->sequence,
                                   &work) == PL_E_NOTFOUND,
              "%" PRIu64 " of %s is still to be done", event->sequence,
              judge->rooms[event->room].name);
    }
}

static void pass_trimmed(const struct judge *judge, size_t *at)
{
    while (*at < judge->log_len && judge->log[*at].trimmed)
        ++*at;
}

void judge_stored_event(const struct judge *judge, size_t *at, const struct pl_event_row *row)
{
    const struct judge_event *event;

    pass_trimmed(judge, at);
    event = &judge->log[*at];
    JUDGE(*at < judge->log_len && row->room.v == event->room + 1 &&
              row->sequence == event->sequence && row->position == event->position &&
              row->kind == event->kind && row->actor.v == event->actor,
          "the disk has %" PRIu64 " of room %" PRIu64 " at position %" PRIu64
          ", which was not decided so",
          row->sequence, row->room.v, row->position);
    ++*at;
}

void judge_stored_end(const struct judge *judge, size_t at)
{
    pass_trimmed(judge, &at);
    JUDGE(at == judge->log_len, "the disk lacks %" PRIu64 " of %s", judge->log[at].sequence,
          judge->rooms[judge->log[at].room].name);
}

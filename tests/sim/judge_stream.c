/*
 * judge_stream.c - a stream is the log from its start, in order, each once.
 *
 * An event beyond the backlog is owed if it is within a span of the user in a room
 * of the stream: that is known as soon as it is in the log. Up to the backlog's
 * end it is owed in a room where the user was before the stream was opened, up to
 * the end of the last time there; and may be given in one entered since.
 *
 * An event that retention has taken may be given, out of a tail, or not: then the
 * room's state is to make up for it, unless its last time there ended before the place
 * at which that would stand.
 */
#include "judge.h"

#include "trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum owed {
    OWED_NOT,
    OWED_MAYBE,
    OWED_SURELY,
};

static bool of_stream(const struct judge *judge, const struct judge_stream *stream, uint32_t room)
{
    if (stream->all)
        return !judge->rooms[room].work;
    for (uint32_t i = 0; i < stream->rooms_len; i++)
        if (stream->rooms[i] == room + 1)
            return true;
    return false;
}

static bool in_span(const struct judge_room *room, uint64_t user, pl_position position)
{
    for (size_t i = room->spans_len; i-- > 0;) {
        const struct judge_span *span = &room->spans[i];

        if (span->user == user && span->from < position && position <= span->until)
            return true;
    }
    return false;
}

static enum owed of_backlog(const struct judge_stream *stream, const struct judge_event *event)
{
    bool surely =
        event->room < stream->must_len && event->position <= stream->must_until[event->room];

    if (stream->backlog == PL_BACKLOG_BEGINNING)
        return surely ? OWED_SURELY : OWED_MAYBE;
    for (uint32_t i = 0; i < stream->unread_len; i++)
        if (stream->unread[i].room.v == event->room + 1 &&
            event->sequence > stream->unread[i].after)
            return surely ? OWED_SURELY : OWED_MAYBE;
    return OWED_NOT;
}

static enum owed owed(const struct judge *judge, const struct judge_stream *stream,
                      const struct judge_event *event)
{
    if (!of_stream(judge, stream, event->room))
        return OWED_NOT;
    if (stream->backlog != PL_BACKLOG_NONE && event->position <= stream->until)
        return of_backlog(stream, event);
    return in_span(&judge->rooms[event->room], stream->user, event->position) ? OWED_SURELY
                                                                              : OWED_NOT;
}

/* Where the user's last time in the room ended. */
static pl_position last_until(const struct judge_room *room, uint64_t user)
{
    for (size_t i = room->spans_len; i-- > 0;)
        if (room->spans[i].user == user)
            return room->spans[i].until;
    return 0;
}

/* Whose session ended may have had less: the end comes when it comes. */
static bool lenient(const struct judge *judge, const struct judge_stream *stream)
{
    return !judge->users[stream->user - 1].active;
}

/* Whether the room's state is to stand for an event that was taken: all up to the last
 * one taken is owed. */
static bool state_is_due(const struct judge *judge, const struct judge_stream *stream,
                         const struct judge_event *event)
{
    const struct judge_room *room = &judge->rooms[event->room];

    for (pl_sequence i = event->sequence; i < room->first; i++)
        if (owed(judge, stream, &judge->log[room->log[i - 1]]) != OWED_SURELY)
            return false;
    return true;
}

/* What is missing of the room, for which its state is still due. */
static pl_sequence missing(const struct judge *judge, const struct judge_stream *stream,
                           uint32_t room)
{
    pl_sequence sequence = room < stream->missing_len ? stream->missing[room] : 0;

    if (sequence == 0 ||
        !state_is_due(judge, stream, &judge->log[judge->rooms[room].log[sequence - 1]]))
        return 0;
    return sequence;
}

static void set_missing(const struct judge *judge, struct judge_stream *stream, uint32_t room,
                        pl_sequence sequence)
{
    if (room >= stream->missing_len) {
        stream->missing = realloc(stream->missing, judge->rooms_len * sizeof *stream->missing);
        JUDGE(stream->missing != NULL, "out of memory");
        memset(stream->missing + stream->missing_len, 0,
               (judge->rooms_len - stream->missing_len) * sizeof *stream->missing);
        stream->missing_len = judge->rooms_len;
    }
    stream->missing[room] = sequence;
}

void judge_stream_open(const struct judge *judge, struct judge_stream *stream,
                       const struct judge_stream_start *start)
{
    *stream = (struct judge_stream){
        .user = start->user,
        .all = start->all,
        .shown = start->shown,
        .backlog = start->backlog->until > start->after ? start->backlog->kind : PL_BACKLOG_NONE,
        .until = start->backlog->until,
        .unread_len = start->backlog->rooms_len,
    };
    JUDGE(stream->unread_len <= sizeof stream->unread / sizeof stream->unread[0],
          "a backlog of %u rooms", stream->unread_len);
    for (uint32_t i = 0; i < stream->unread_len; i++)
        stream->unread[i] = start->backlog->rooms[i];
    if (!start->all) {
        JUDGE(start->rooms_len <= 16, "a stream of %u rooms", start->rooms_len);
        stream->rooms_len = start->rooms_len;
        for (uint32_t i = 0; i < start->rooms_len; i++)
            stream->rooms[i] = start->rooms[i].id.v;
    }
    stream->must_until = calloc(judge->rooms_len, sizeof *stream->must_until);
    JUDGE(stream->must_until != NULL, "out of memory");
    stream->must_len = judge->rooms_len;
    for (size_t i = 0; i < judge->rooms_len; i++)
        stream->must_until[i] = last_until(&judge->rooms[i], start->user);
    while (stream->next < judge->log_len && judge->log[stream->next].position <= start->after)
        stream->next++;
    for (uint32_t i = 0; i < start->missing_len; i++)
        if (start->missing[i] != 0)
            set_missing(judge, stream, i, start->missing[i]);
}

void judge_stream_close(struct judge_stream *stream)
{
    free(stream->must_until);
    free(stream->missing);
    stream->must_until = NULL;
    stream->missing = NULL;
    stream->missing_len = 0;
}

/* The stream goes on behind an event that it has not given. */
static void pass_over(const struct judge *judge, struct judge_stream *stream,
                      const struct judge_event *event, const char *what, pl_sequence sequence)
{
    if (owed(judge, stream, event) != OWED_SURELY || lenient(judge, stream))
        return;
    JUDGE(event->trimmed,
          "a stream of user %" PRIu64 " gave %" PRIu64 " of %s where %" PRIu64 " of %s was due",
          stream->user, sequence, what, event->sequence, judge->rooms[event->room].name);
    if (state_is_due(judge, stream, event))
        set_missing(judge, stream, event->room, event->sequence);
}

static bool same(const struct judge *judge, const struct judge_event *event,
                 const struct judge_given *given)
{
    return event->sequence == given->sequence &&
           strcmp(judge->rooms[event->room].name, given->room) == 0;
}

void judge_stream_event(const struct judge *judge, struct judge_stream *stream,
                        const struct judge_given *given)
{
    for (; stream->next < judge->log_len; stream->next++) {
        const struct judge_event *event = &judge->log[stream->next];
        enum owed is = owed(judge, stream, event);

        if (!same(judge, event, given)) {
            pass_over(judge, stream, event, given->room, given->sequence);
            continue;
        }
        JUDGE(missing(judge, stream, event->room) == 0 || lenient(judge, stream),
              "a stream of user %" PRIu64 " gave %" PRIu64 " of %s, but neither %" PRIu64
              ", which is gone, nor the room's state",
              stream->user, given->sequence, given->room, missing(judge, stream, event->room));
        JUDGE(is != OWED_NOT || lenient(judge, stream),
              "a stream of user %" PRIu64 " gave %" PRIu64 " of %s, which is not for it",
              stream->user, given->sequence, given->room);
        JUDGE(event->kind == given->kind && event->actor == given->actor &&
                  event->reply_to == given->reply_to && event->thread == given->thread &&
                  given->mentions == (event->mention != 0) &&
                  (event->text == NULL) == (given->text == NULL) &&
                  (event->text == NULL || strcmp(event->text, given->text) == 0),
              "%" PRIu64 " of %s was given with other content", given->sequence, given->room);
        JUDGE(given->cursor == 0 || given->cursor == event->position,
              "%" PRIu64 " of %s bears the cursor %" PRIu64 ", due was %" PRIu64, given->sequence,
              given->room, given->cursor, event->position);
        stream->next++;
        return;
    }
    fail("a stream of user %" PRIu64 " gave %" PRIu64
         " of %s, which it had before or which is not in the log",
         stream->user, given->sequence, given->room);
}

/* Who was in the room when that event was its last. */
static bool was_in(const struct judge_room *room, uint64_t user, pl_position position)
{
    for (size_t i = 0; i < room->spans_len; i++) {
        const struct judge_span *span = &room->spans[i];

        if (span->user == user && span->until > position &&
            (span->from < position || (room->quiet && span->from == position)))
            return true;
    }
    return false;
}

/* Of those who have gone for good since the page was read nobody knows. */
static void check_members(const struct judge *judge, const struct judge_room *room,
                          pl_position position, const struct judge_given_state *given)
{
    uint64_t user = 0;

    JUDGE(given->member_count == given->members_len, "%s's state has %zu members of %u", room->name,
          given->members_len, given->member_count);
    for (size_t i = 0; i <= given->members_len; i++) {
        uint64_t next = i < given->members_len ? given->members[i] : judge->users_len + 1;

        for (user++; user < next; user++)
            JUDGE(!judge->users[user - 1].active || !was_in(room, user, position),
                  "user %" PRIu64 " was in %s, and its state does not say so", user, room->name);
        JUDGE(user == next, "%s's state has user %" PRIu64 " where %" PRIu64 " was due", room->name,
              next, user);
        JUDGE(i == given->members_len || was_in(room, user, position),
              "user %" PRIu64 " was not in %s, as its state says", user, room->name);
    }
}

void judge_stream_state(const struct judge *judge, struct judge_stream *stream,
                        const struct judge_given_state *given)
{
    uint32_t index = judge_room_named(judge, given->room);
    const struct judge_room *room;
    const struct judge_event *event;

    JUDGE(index != UINT32_MAX, "a state of %s, which is not there", given->room);
    room = &judge->rooms[index];
    JUDGE(given->sequence > 0 && given->sequence <= room->log_len, "%s's state is of %" PRIu64,
          given->room, given->sequence);
    event = &judge->log[room->log[given->sequence - 1]];
    JUDGE(event->trim_end && room->log[given->sequence - 1] >= stream->next &&
              (owed(judge, stream, event) != OWED_NOT || lenient(judge, stream)),
          "a stream of user %" PRIu64 " gave the state of %s at %" PRIu64 ", which is not for it",
          stream->user, given->room, given->sequence);
    JUDGE(given->cursor == 0 || given->cursor == event->position,
          "the state of %s at %" PRIu64 " bears the cursor %" PRIu64, given->room, given->sequence,
          given->cursor);
    check_members(judge, room, event->position, given);
    for (; stream->next <= room->log[given->sequence - 1]; stream->next++)
        pass_over(judge, stream, &judge->log[stream->next], given->room, given->sequence);
    if (index < stream->missing_len)
        set_missing(judge, stream, index, 0);
}

/* The last position that retention has taken of a room. */
static pl_position gone_until(const struct judge *judge, const struct judge_room *room)
{
    return room->first > 1 ? judge->log[room->log[room->first - 2]].position : 0;
}

/* Nothing that is owed up to there is left. */
static void complete(const struct judge *judge, const struct judge_stream *stream,
                     pl_position until)
{
    if (lenient(judge, stream))
        return;
    for (size_t i = stream->next; i < judge->log_len; i++) {
        const struct judge_event *event = &judge->log[i];

        JUDGE(event->position > until || owed(judge, stream, event) != OWED_SURELY ||
                  (event->trimmed && (!state_is_due(judge, stream, event) ||
                                      gone_until(judge, &judge->rooms[event->room]) > until)),
              "a stream of user %" PRIu64 " has not given %" PRIu64 " of %s", stream->user,
              event->sequence, judge->rooms[event->room].name);
    }
    for (uint32_t i = 0; i < stream->missing_len; i++)
        JUDGE(missing(judge, stream, i) == 0 || gone_until(judge, &judge->rooms[i]) > until,
              "a stream of user %" PRIu64 " lacks the state of %s", stream->user,
              judge->rooms[i].name);
}

void judge_stream_caught_up(const struct judge *judge, struct judge_stream *stream)
{
    JUDGE(!stream->caught_up, "a stream has caught up twice");
    stream->caught_up = true;
    complete(judge, stream, stream->shown);
}

static const struct judge_member *standing(const struct judge *judge,
                                           const struct judge_stream *stream, uint64_t room)
{
    return stream->user < judge->rooms[room - 1].members_len
               ? &judge->rooms[room - 1].members[stream->user]
               : NULL;
}

void judge_stream_marker(const struct judge *judge, struct judge_stream *stream, const char *room,
                         pl_sequence sequence)
{
    uint32_t index = judge_room_named(judge, room);
    const struct judge_member *member;
    uint32_t i = 0;

    JUDGE(index != UINT32_MAX, "a marker of %s, which is not there", room);
    member = standing(judge, stream, index + 1);
    JUDGE(lenient(judge, stream) || (member != NULL && sequence <= member->read),
          "a marker of %s at %" PRIu64 " is too far", room, sequence);
    while (i < stream->markers_len && stream->markers[i].room != index + 1)
        i++;
    if (i == stream->markers_len) {
        if (i == sizeof stream->markers / sizeof stream->markers[0])
            return;
        stream->markers_len++;
        stream->markers[i].room = index + 1;
        stream->markers[i].sequence = 0;
    }
    JUDGE(stream->markers[i].sequence <= sequence, "a marker of %s went back", room);
    stream->markers[i].sequence = sequence;
}

void judge_stream_complete(const struct judge *judge, const struct judge_stream *stream)
{
    complete(judge, stream, PL_POSITION_MAX);
    JUDGE(stream->caught_up || lenient(judge, stream), "a stream has not caught up");
    for (uint32_t i = 0; i < stream->markers_len && !lenient(judge, stream); i++) {
        const struct judge_member *member = standing(judge, stream, stream->markers[i].room);

        JUDGE(!member->joined || member->read == stream->markers[i].sequence,
              "a stream's marker of %s is %" PRIu64 ", due was %" PRIu64,
              judge->rooms[stream->markers[i].room - 1].name, stream->markers[i].sequence,
              member->read);
    }
}

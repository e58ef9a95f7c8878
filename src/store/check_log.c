/*
 * check_log.c - rooms and their logs.
 *
 * Events are read in the order of their positions, as they lie, with what each room's
 * log has come to in memory: for a range of rooms at a time. A position is given to
 * one event only, and none is left out; so those that are there and those that
 * retention has taken are as many as the last position says.
 */
#include "store/check_inner.h"

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PASS_LEN = 1 << 18 };

static void check_direct(struct pl_check *check, const struct pl_room *room)
{
    bool direct = room->visibility == PL_ROOM_DIRECT;
    bool pair = room->direct[0].v > 0 && room->direct[0].v < room->direct[1].v &&
                room->direct[1].v <= check->meta.last_user;
    char name[PL_ROOM_NAME_SIZE_MAX + 1];

    snprintf(name, sizeof name, "@%" PRIu64, room->id.v);
    if (direct ? !pair || strcmp(room->name, name) != 0
               : room->direct[0].v != 0 || room->direct[1].v != 0 || room->name[0] == '@')
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s (%" PRIu64 "): its name, or whose direct room it is, cannot be",
                      room->name, room->id.v);
}

static void check_settings(struct pl_check *check, const struct pl_room *room)
{
    if (!pl_room_ref_valid(room->name))
        pl_check_find(check, PL_ADVICE_RESTORE, "room %" PRIu64 ": the name is none", room->id.v);
    if (room->visibility < PL_ROOM_PUBLIC || room->delivery < PL_ROOM_EVERYONE ||
        room->settings_version < 1)
        pl_check_find(check, PL_ADVICE_RESTORE, "room %s (%" PRIu64 "): a setting is none",
                      room->name, room->id.v);
    if (room->partition != pl_room_partition(room->id))
        pl_check_find(check, PL_ADVICE_RESTORE, "room %s (%" PRIu64 "): is in the wrong partition",
                      room->name, room->id.v);
    check_direct(check, room);
}

static void check_figures(struct pl_check *check, const struct pl_room *room, int64_t trim_due_ms)
{
    bool trimmed = room->first_sequence > 1;

    if (room->first_sequence < 1 || room->first_sequence > room->last_sequence ||
        room->last_message_sequence > room->last_sequence ||
        room->message_count > room->last_sequence || room->trimmed.messages > room->message_count ||
        room->trimmed.last_message >= room->first_sequence ||
        room->trimmed.messages >= room->first_sequence)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s (%" PRIu64 "): the figures of its log exclude each other",
                      room->name, room->id.v);
    if (trimmed ? room->trimmed.position == 0
                : room->trimmed.position != 0 || room->trimmed.messages != 0 ||
                      room->trimmed.last_message != 0)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s (%" PRIu64 "): what retention has taken is not what is missing",
                      room->name, room->id.v);
    if (trim_due_ms != pl_room_trim_due_ms(room))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s (%" PRIu64 "): its log is to be trimmed at %" PRId64
                      ", and is said to be at %" PRId64,
                      room->name, room->id.v, pl_room_trim_due_ms(room), trim_due_ms);
}

static int check_member_count(struct pl_check *check, const struct pl_room *room)
{
    struct pl_run run = pl_check_run_start(check, CHECK_COUNT_MEMBERS);
    uint64_t members;
    int rc;

    pl_run_u64(&run, room->id.v);
    rc = pl_run_step(&run);
    if (rc < 0)
        return rc;
    members = pl_run_get_u64(&run);
    pl_run_reset(&run);
    if (members != room->member_count)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s (%" PRIu64 "): %" PRIu64 " are in it, and %u are said to be",
                      room->name, room->id.v, members, room->member_count);
    return PL_OK;
}

static int check_lobby(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_FIND_ROOM);
    int rc;

    if (check->meta.batch == 0)
        return PL_OK; /* it was made and never served */
    pl_run_text(&run, PL_LOBBY_NAME);
    rc = pl_run_step(&run);
    if (rc == PL_E_NOTFOUND)
        pl_check_find(check, PL_ADVICE_RESTORE, "rooms: there is no " PL_LOBBY_NAME);
    if (rc == PL_OK)
        pl_run_reset(&run);
    return pl_check_end(rc);
}

int pl_check_rooms(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_ROOMS);
    uint64_t next = 1;
    int rc;

    pl_run_u64(&run, 0);
    pl_run_u64(&run, INT64_MAX);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_room room = {.id = {0}};
        int64_t trim_due_ms;

        pl_row_room(&run, &room);
        trim_due_ms = pl_run_get_i64(&run);
        if (room.id.v != next)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "rooms: after %" PRIu64 " comes %" PRIu64 "; those between are gone",
                          next - 1, room.id.v);
        next = room.id.v + 1;
        pl_check_next(check);
        if (!pl_check_columns(check, &run, "room %" PRIu64, room.id.v))
            continue;
        check_settings(check, &room);
        check_figures(check, &room, trim_due_ms);
        rc = check_member_count(check, &room);
        if (rc < 0)
            break;
    }
    pl_run_reset(&run);
    if (rc == PL_E_NOTFOUND && next != check->meta.last_room + 1)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "rooms: the last one is %" PRIu64 ", and the last one given out %" PRIu64,
                      next - 1, check->meta.last_room);
    rc = pl_check_end(rc);
    return rc == PL_OK ? check_lobby(check) : rc;
}

/* Up to where a room's log has been read, and what its row says of it. */
struct log {
    bool there;
    uint64_t name_hash;
    pl_sequence first_sequence, last_sequence, last_message;
    uint64_t message_count;
    pl_position last_position;
    int64_t first_ms;
    struct pl_trimmed trimmed;
    pl_sequence sequence; /* of the event read last; 0: none yet */
    pl_sequence message;  /* of the last message among them */
    uint64_t messages;
    pl_position position;
};

struct logs {
    struct log *logs; /* by room, from `first` on */
    uint64_t first;
    uint64_t len;
    uint64_t gone;   /* events of all rooms that retention has taken */
    uint64_t events; /* that there are */
    bool all;        /* what does not belong to a room is looked at, too */
};

/* An event's row. */
struct row {
    pl_position position;
    pl_room_id room;
    pl_sequence sequence;
    uint32_t kind;
    int64_t create_ms;
    pl_user_id actor;
    uint64_t messages;
    pl_sequence thread;
    struct pl_bytes bytes;
    bool summed; /* they are what was acknowledged, if they add up to … */
    int64_t sum; /* … this */
};

static int load_logs(struct pl_check *check, struct logs *logs)
{
    struct pl_run run = pl_check_run_start(check, CHECK_ROOMS);
    int rc;

    memset(logs->logs, 0, logs->len * sizeof *logs->logs);
    pl_run_u64(&run, logs->first);
    pl_run_u64(&run, logs->first + logs->len);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_room room = {.id = {0}};

        pl_row_room(&run, &room);
        run.bad = false; /* told with the rooms */
        logs->gone += room.first_sequence - 1;
        logs->logs[room.id.v - logs->first] = (struct log){
            .there = true,
            .name_hash = pl_hash_str(room.name),
            .first_sequence = room.first_sequence,
            .last_sequence = room.last_sequence,
            .last_message = room.last_message_sequence,
            .message_count = room.message_count,
            .last_position = room.last_position,
            .first_ms = room.first_ms,
            .trimmed = room.trimmed,
            .message = room.trimmed.last_message,
            .messages = room.trimmed.messages,
        };
    }
    return pl_check_end(rc);
}

static bool read_row(struct pl_check *check, struct pl_run *run, struct row *row)
{
    row->position = pl_run_get_u64(run);
    row->room.v = pl_run_get_u64(run);
    row->sequence = pl_run_get_u64(run);
    row->kind = pl_run_get_u32(run);
    row->create_ms = pl_run_get_i64(run);
    row->actor.v = pl_run_get_u64(run);
    row->messages = pl_run_get_u64(run);
    row->thread = pl_run_get_u64(run);
    row->bytes = pl_run_get_bytes(run);
    row->summed = pl_run_get_maybe_i64(run, &row->sum);
    return pl_check_columns(check, run, "event %" PRIu64, row->position);
}

static int check_mention_count(struct pl_check *check, const struct row *row, uint32_t told)
{
    struct pl_run run;
    uint64_t len;
    int rc;

    if (told == 0)
        return PL_OK;
    check->mentions_told += told;
    run = pl_check_run_start(check, CHECK_COUNT_MENTIONS);
    pl_run_u64(&run, row->room.v);
    pl_run_u64(&run, row->sequence);
    rc = pl_run_step(&run);
    if (rc < 0)
        return rc;
    len = pl_run_get_u64(&run);
    pl_run_reset(&run);
    if (len != told)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": the message mentions %u users, and %" PRIu64
                      " are remembered",
                      row->position, told, len);
    return PL_OK;
}

/* The bytes, which readers are given, against the row, which the server goes by. */
static int check_bytes(struct pl_check *check, const struct row *row, const struct log *log)
{
    const struct pl_event_decoder *decoder = &check->config->decoder;
    struct pl_event_facts facts;
    int rc;

    if (row->summed && row->sum != pl_event_sum(row->room, row->sequence, row->bytes)) {
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": its bytes are not those that were written",
                      row->position);
        return PL_OK;
    }
    rc = decoder->decode(decoder->self, row->bytes, &facts);
    if (rc == PL_E_CORRUPT) {
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": its %zu bytes are no event; it cannot be shown",
                      row->position, row->bytes.size);
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    if (facts.sequence != row->sequence || facts.kind != row->kind ||
        facts.create_ms != row->create_ms || facts.actor_id.v != row->actor.v ||
        facts.thread != row->thread || (log != NULL && pl_hash_str(facts.room) != log->name_hash)) {
        pl_check_find(
            check, PL_ADVICE_RESTORE,
            "event %" PRIu64 ": its bytes say sequence %" PRIu64
            " of room %s, kind %u; the row says sequence %" PRIu64 ", kind %u, or another "
            "room, time, author or thread",
            row->position, facts.sequence, facts.room, facts.kind, row->sequence, row->kind);
        return PL_OK;
    }
    return check_mention_count(check, row, facts.mentions_len);
}

static void check_row(struct pl_check *check, const struct row *row)
{
    bool message = row->kind == PL_EVENT_MESSAGE_SENT;

    if (!message && row->kind != PL_EVENT_ROOM_CHANGED && row->kind != PL_EVENT_MEMBER_CHANGED)
        pl_check_find(check, PL_ADVICE_RESTORE, "event %" PRIu64 ": kind %u is none", row->position,
                      row->kind);
    if (row->thread > 0 && (!message || row->thread >= row->sequence))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": cannot belong to the thread %" PRIu64, row->position,
                      row->thread);
    if (row->actor.v > check->meta.last_user)
        pl_check_find(check, PL_ADVICE_RESTORE, "event %" PRIu64 ": user %" PRIu64 " never was",
                      row->position, row->actor.v);
}

/* Positions and times of the journal, over all rooms. */
static void check_order(struct pl_check *check, const struct row *row, pl_position *position,
                        int64_t *time_ms)
{
    if (row->position == 0 || row->position > check->meta.position)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": the last position given out is %" PRIu64, row->position,
                      check->meta.position);
    if (row->create_ms < *time_ms || row->create_ms > check->meta.time_ms)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": time runs back: %" PRId64 " after %" PRId64
                      ", and the last batch is of %" PRId64,
                      row->position, row->create_ms, *time_ms, check->meta.time_ms);
    *position = row->position;
    *time_ms = row->create_ms;
}

static void check_first(struct pl_check *check, const struct row *row, const struct log *log)
{
    if (row->create_ms != log->first_ms)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %" PRIu64 ": its first event is of %" PRId64
                      ", and is said to be of %" PRId64,
                      row->room.v, row->create_ms, log->first_ms);
    if (row->position <= log->trimmed.position)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %" PRIu64 ": position %" PRIu64 " is kept, and is said to be trimmed",
                      row->room.v, row->position);
}

static void check_in_log(struct pl_check *check, const struct row *row, struct log *log)
{
    pl_sequence next = log->sequence > 0 ? log->sequence + 1 : log->first_sequence;
    bool message = row->kind == PL_EVENT_MESSAGE_SENT;

    if (row->sequence != next)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %" PRIu64 ": its log has sequence %" PRIu64 " where %" PRIu64
                      " belongs (position %" PRIu64 ")",
                      row->room.v, row->sequence, next, row->position);
    if (row->messages != log->messages + message)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "event %" PRIu64 ": counts %" PRIu64 " messages of room %" PRIu64
                      ", and %" PRIu64 " are right",
                      row->position, row->messages, row->room.v, log->messages + message);
    if (log->sequence == 0)
        check_first(check, row, log);
    log->sequence = row->sequence;
    log->messages = row->messages;
    log->position = row->position;
    if (message)
        log->message = row->sequence;
}

static int walk_events(struct pl_check *check, struct logs *logs)
{
    struct pl_run run = pl_check_run_start(check, CHECK_EVENTS);
    pl_position position = 0;
    int64_t time_ms = 0;
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct row row;
        struct log *log = NULL;
        bool good = read_row(check, &run, &row);

        if (row.room.v >= logs->first && row.room.v - logs->first < logs->len)
            log = &logs->logs[row.room.v - logs->first];
        if (log != NULL && log->there && good)
            check_in_log(check, &row, log);
        if (log != NULL && good)
            rc = check_bytes(check, &row, log->there ? log : NULL);
        if (rc < 0)
            break;
        if (!logs->all)
            continue;
        if (good)
            check_row(check, &row);
        check_order(check, &row, &position, &time_ms);
        if (row.room.v == 0 || row.room.v > check->meta.last_room || (log != NULL && !log->there))
            pl_check_find(check, PL_ADVICE_RESTORE, "event %" PRIu64 ": room %" PRIu64 " never was",
                          row.position, row.room.v);
        logs->events++;
        pl_check_next(check);
    }
    pl_run_reset(&run);
    if (rc == PL_E_NOTFOUND && logs->all && position != check->meta.position)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "events: the last position is %" PRIu64 ", and %" PRIu64
                      " was given out: those between are lost",
                      position, check->meta.position);
    return pl_check_end(rc);
}

static void check_ends(struct pl_check *check, const struct logs *logs)
{
    for (uint64_t i = 0; i < logs->len; i++) {
        const struct log *log = &logs->logs[i];

        if (!log->there)
            continue;
        if (log->sequence != log->last_sequence || log->position != log->last_position)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "room %" PRIu64 ": its log ends with sequence %" PRIu64
                          " at position %" PRIu64 ", and is said to end with %" PRIu64
                          " at %" PRIu64,
                          logs->first + i, log->sequence, log->position, log->last_sequence,
                          log->last_position);
        if (log->messages != log->message_count || log->message != log->last_message)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "room %" PRIu64 ": %" PRIu64 " messages, the last one %" PRIu64
                          "; the room says %" PRIu64 ", the last one %" PRIu64,
                          logs->first + i, log->messages, log->message, log->message_count,
                          log->last_message);
    }
}

int pl_check_events(struct pl_check *check)
{
    uint64_t pass = check->config->pass_len > 0 ? check->config->pass_len : PASS_LEN;
    uint64_t last = check->meta.last_room;
    struct logs logs = {.first = 1, .len = last < pass ? last : pass, .all = true};
    int rc = PL_OK;

    logs.logs = pl_calloc((size_t)logs.len + 1, sizeof *logs.logs);
    if (logs.logs == NULL)
        return PL_E_NOMEM;
    do {
        if (logs.len > last - logs.first + 1)
            logs.len = last - logs.first + 1;
        rc = load_logs(check, &logs);
        if (rc == PL_OK)
            rc = walk_events(check, &logs);
        if (rc == PL_OK)
            check_ends(check, &logs);
        logs.first += logs.len;
        logs.all = false;
    } while (rc == PL_OK && logs.first <= last);
    pl_free(logs.logs);
    if (rc == PL_OK && logs.events + logs.gone != check->meta.position)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "events: %" PRIu64 " are there and %" PRIu64
                      " were taken by retention; %" PRIu64 " positions were given out",
                      logs.events, logs.gone, check->meta.position);
    return rc;
}

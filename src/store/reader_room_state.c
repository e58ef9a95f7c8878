/*
 * reader_room_state.c - a room as it stood where its kept log begins.
 *
 * Who was in it follows from the spans, as they tell when each one came and
 * went: the span that began last before that place reaches beyond it, or there
 * is none. A span begins just before the event of entering; in a quiet room,
 * which has no such event, at the place itself one is in.
 *
 * Users that have ended are in no room, nor were they.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

static int count(struct pl_sqlite_reader *reader, const struct pl_room *room, pl_position begun,
                 uint32_t *ret)
{
    struct pl_run run = pl_run_start(&reader->db, READ_STATE_COUNT);
    int rc;

    pl_run_u64(&run, room->id.v);
    pl_run_u64(&run, room->trimmed.position);
    pl_run_u64(&run, begun);
    rc = pl_run_step(&run);
    PL_ASSERT(rc != PL_E_NOTFOUND);
    if (rc < 0)
        return rc;
    *ret = pl_run_get_u32(&run);
    return pl_run_end(&run);
}

/* Fetches members beyond `after`, and whether there are more than fit. */
static int fetch(struct pl_sqlite_reader *reader, struct pl_room_state *state, pl_position begun,
                 pl_user_id after)
{
    struct pl_run run = pl_run_start(&reader->db, READ_STATE_MEMBERS);
    int rc;

    state->members_len = 0;
    state->more_members = false;
    pl_run_u64(&run, state->room.id.v);
    pl_run_u64(&run, state->room.trimmed.position);
    pl_run_u64(&run, begun);
    pl_run_bound(&run, after.v);
    pl_run_i64(&run, PL_ROOM_STATE_LEN_MAX + 1);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_state_member *member = &reader->members[state->members_len];

        if (state->members_len == PL_ROOM_STATE_LEN_MAX) {
            state->more_members = true;
            pl_run_reset(&run);
            return PL_OK;
        }
        memset(member, 0, sizeof *member);
        pl_row_member(&run, &member->member);
        pl_run_get_text(&run, member->name, sizeof member->name);
        if (pl_run_get_u64(&run) != PL_POSITION_MAX) /* has been away since */
            member->member.update_ms = 0;
        member->member.state = PL_MEMBER_JOINED;
        if (run.bad)
            return pl_run_end(&run);
        state->members_len++;
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

static int get_room(struct pl_sqlite_reader *reader, pl_room_id id, struct pl_room *ret)
{
    struct pl_run run = pl_run_start(&reader->db, READ_GET_ROOM);
    int rc;

    pl_run_u64(&run, id.v);
    rc = pl_row_get_room(&run, ret);
    return rc == PL_E_NOTFOUND ? pl_db_damaged(&reader->db, "a room's state") : rc;
}

int pl_reader_room_state(struct pl_sqlite_reader *reader, pl_room_id room,
                         int (*on_state)(void *arg, const struct pl_room_state *state), void *arg,
                         int *ret_answer)
{
    struct pl_room_state state = {.more_members = true};
    struct pl_room *then = &state.room;
    pl_user_id after = {0};
    pl_position begun;
    int answer = 0;
    int rc;

    if (reader->members == NULL)
        reader->members = pl_calloc(PL_ROOM_STATE_LEN_MAX, sizeof *reader->members);
    if (reader->members == NULL)
        return PL_E_NOMEM;
    state.members = reader->members;
    rc = get_room(reader, room, then);
    if (rc < 0)
        return rc;
    begun = then->trimmed.position + (then->quiet_membership ? 1 : 0);
    rc = count(reader, then, begun, &then->member_count);
    then->last_sequence = then->first_sequence - 1;
    then->last_message_sequence = then->trimmed.last_message;
    then->message_count = then->trimmed.messages;
    then->last_position = then->trimmed.position;
    while (rc == PL_OK && answer == 0 && state.more_members) {
        rc = fetch(reader, &state, begun, after);
        if (rc < 0)
            return rc;
        if (state.members_len > 0)
            after = state.members[state.members_len - 1].member.user;
        answer = on_state(arg, &state);
    }
    if (rc < 0)
        return rc;
    *ret_answer = answer;
    return answer < 0 ? answer : PL_OK;
}

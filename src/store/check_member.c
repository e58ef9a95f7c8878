/*
 * check_member.c - who is in which room, up to where they have read, and what they may
 * see.
 */
#include "store/check_inner.h"

#include "base/err.h"

#include <inttypes.h>
#include <string.h>

/* How many messages of the room have a sequence of at most `through`. */
static int count_messages(struct pl_check *check, const struct pl_member *member, uint64_t *ret)
{
    struct pl_run run = pl_check_run_start(check, CHECK_COUNT_MESSAGES);
    int rc;

    pl_run_u64(&run, member->room.v);
    pl_run_bound(&run, member->read_sequence);
    rc = pl_run_step(&run);
    *ret = rc == PL_OK ? pl_run_get_u64(&run) : 0;
    if (rc == PL_OK)
        pl_run_reset(&run);
    return pl_check_end(rc);
}

/* What is unread follows from the marker's count. */
static int check_marker(struct pl_check *check, const struct pl_member *member)
{
    const struct pl_room *room = &check->room;
    uint64_t read = 0;
    bool kept = member->read_sequence >= room->first_sequence;
    int rc;

    if (member->read_sequence > room->last_sequence) {
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: user %" PRIu64 " has read up to %" PRIu64
                      ", and the log ends with %" PRIu64,
                      room->name, member->user.v, member->read_sequence, room->last_sequence);
        return PL_OK;
    }
    if (!kept) {
        if (member->read_count > room->trimmed.messages)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "room %s: user %" PRIu64 " has read %" PRIu64
                          " messages, and only %" PRIu64 " can be",
                          room->name, member->user.v, member->read_count, room->trimmed.messages);
        return PL_OK;
    }
    rc = count_messages(check, member, &read);
    if (rc == PL_OK && read != member->read_count)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: user %" PRIu64 " has read %" PRIu64
                      " messages, and is said to have read %" PRIu64,
                      room->name, member->user.v, read, member->read_count);
    return rc;
}

/* `name` is the member's, `user_name` the user's, who may be nobody (state 0). */
static void check_user(struct pl_check *check, const struct pl_member *member, const char *name,
                       const char *user_name, uint32_t user_state)
{
    bool invited_or_joined =
        member->state == PL_MEMBER_INVITED || member->state == PL_MEMBER_JOINED;

    if (user_state == 0 || (member->state == PL_MEMBER_JOINED && user_state == PL_USER_ENDED))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: its member %" PRIu64 " is not there or has ended",
                      pl_check_room_name(check), member->user.v);
    else if (invited_or_joined && strcmp(name, user_name) != 0)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: its member %" PRIu64 " is listed as %s, and is called %s",
                      pl_check_room_name(check), member->user.v, name, user_name);
    if (member->state == PL_MEMBER_NONE ||
        (member->state == PL_MEMBER_JOINED && member->role < PL_ROLE_READER))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "room %s: member %" PRIu64 ": state or role is none",
                      pl_check_room_name(check), member->user.v);
}

int pl_check_members(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_MEMBERS);
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        char name[PL_USER_NAME_SIZE_MAX + 1], user_name[PL_USER_NAME_SIZE_MAX + 1];
        struct pl_member member = {.user = {0}};
        uint32_t user_state;

        pl_row_member(&run, &member);
        pl_run_get_text(&run, name, sizeof name);
        pl_run_get_text(&run, user_name, sizeof user_name);
        user_state = pl_run_get_u32(&run);
        pl_check_next(check);
        if (!pl_check_columns(check, &run, "member %" PRIu64 " of room %" PRIu64, member.user.v,
                              member.room.v))
            continue;
        rc = pl_check_room(check, member.room);
        if (rc < 0)
            break;
        check_user(check, &member, name, user_name, user_state);
        if (check->room_known)
            rc = check_marker(check, &member);
        else
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "member %" PRIu64 ": room %" PRIu64 " never was", member.user.v,
                          member.room.v);
        if (rc < 0)
            break;
    }
    pl_run_reset(&run);
    return pl_check_end(rc);
}

/* One row of spans, in the order of user, room and start. */
struct span {
    uint64_t user, room, start, until;
    uint32_t state; /* of the member; 0: none */
};

static void check_span(struct pl_check *check, const struct span *span, const struct span *before)
{
    bool open = span->until == PL_POSITION_MAX;
    bool follows = before->user == span->user && before->room == span->room;

    if (span->start > span->until || span->start > check->meta.position ||
        (!open && span->until > check->meta.position))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "span of user %" PRIu64 " in room %" PRIu64 ": from %" PRIu64 " to %" PRIu64
                      " cannot be",
                      span->user, span->room, span->start, span->until);
    if (follows && before->until > span->start)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "span of user %" PRIu64 " in room %" PRIu64 ": one begins at %" PRIu64
                      ", before the one before it ends",
                      span->user, span->room, span->start);
    if (span->state == 0 || (open && span->state != PL_MEMBER_JOINED))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "span of user %" PRIu64 " in room %" PRIu64
                      ": is %s, and the user is not in it",
                      span->user, span->room, open ? "open" : "kept");
}

int pl_check_spans(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_SPANS);
    struct span before = {0};
    uint64_t open = 0, joined = 0;
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct span span = {.user = pl_run_get_u64(&run)};

        span.room = pl_run_get_u64(&run);
        span.start = pl_run_get_u64(&run);
        span.until = pl_run_get_u64(&run);
        span.state = pl_run_get_u32(&run);
        check_span(check, &span, &before);
        open += span.until == PL_POSITION_MAX;
        before = span;
        pl_check_next(check);
    }
    if (rc != PL_E_NOTFOUND)
        return rc;
    run = pl_check_run_start(check, CHECK_COUNT_JOINED);
    rc = pl_run_step(&run);
    if (rc < 0)
        return rc;
    joined = pl_run_get_u64(&run);
    pl_run_reset(&run);
    if (open != joined)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "spans: %" PRIu64 " are open, and %" PRIu64 " members are in rooms", open,
                      joined);
    return PL_OK;
}

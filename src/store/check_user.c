/*
 * check_user.c - the counters, users and sessions.
 *
 * Ids are given out one by one and users are never deleted, so they are dense. How many
 * rooms and sessions a user has is counted for a range of users at a time.
 */
#include "store/check_inner.h"

#include "base/err.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

enum { PASS_LEN = 1 << 20 };

static int check_logs(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_LOGS);
    uint64_t last = 0, start = 0;
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        uint64_t number = pl_run_get_u64(&run), log = pl_run_get_u64(&run);
        uint64_t from = pl_run_get_u64(&run);

        if (from < start || from > check->meta.position)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "logs: number %" PRIu64 " begins at position %" PRIu64
                          ", after one that begins at %" PRIu64 "; the last position is %" PRIu64,
                          number, from, start, check->meta.position);
        start = from;
        last = log;
        pl_check_next(check);
    }
    if (rc == PL_E_NOTFOUND && last != check->meta.log)
        pl_check_find(check, PL_ADVICE_RESTORE, "counters: the last log is not the one in use");
    return pl_check_end(rc);
}

int pl_check_meta(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_META);
    int rc = pl_row_get_meta(&run, &check->meta);

    if (rc == PL_E_NOTFOUND) {
        pl_check_find(check, PL_ADVICE_RESTORE, "counters: they are not there");
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    if (check->meta.time_ms < 0 || check->meta.age_ms < 0 ||
        check->meta.position > PL_POSITION_MAX || check->meta.batch > INT64_MAX ||
        check->meta.last_user > INT64_MAX || check->meta.last_room > INT64_MAX ||
        check->meta.last_session > INT64_MAX) {
        pl_check_find(check, PL_ADVICE_RESTORE, "counters: one is less than 0");
        memset(&check->meta, 0, sizeof check->meta); /* ranges are walked by them */
        return PL_OK;
    }
    check->report_weak->meta = check->meta;
    check->done++;
    return check_logs(check);
}

/* What is counted of the users from `first` on. */
struct tally {
    uint64_t first;
    uint64_t len;
    uint32_t *rooms;
    uint32_t *sessions;
};

static int count(struct pl_check *check, enum pl_check_stmt stmt, const struct tally *tally,
                 uint32_t *counts)
{
    struct pl_run run = pl_check_run_start(check, stmt);
    int rc;

    memset(counts, 0, tally->len * sizeof *counts);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        uint64_t user = pl_run_get_u64(&run);

        if (user >= tally->first && user - tally->first < tally->len)
            counts[user - tally->first]++;
    }
    return pl_check_end(rc);
}

static void check_user(struct pl_check *check, const struct pl_user *user, uint32_t rooms,
                       uint32_t sessions)
{
    uint64_t id = user->id.v;

    if (!pl_user_name_valid(user->name))
        pl_check_find(check, PL_ADVICE_RESTORE, "user %" PRIu64 ": the name is none", id);
    if (user->state < PL_USER_ACTIVE || user->kind < PL_USER_PERSON)
        pl_check_find(check, PL_ADVICE_RESTORE, "user %" PRIu64 ": state or kind is none", id);
    if (user->room_count != rooms)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "user %" PRIu64 " (%s): is in %u rooms, and is said to be in %u", id,
                      user->name, rooms, user->room_count);
    if (user->state == PL_USER_ENDED && (rooms > 0 || sessions > 0))
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "user %" PRIu64 " (%s): has ended, and has %u rooms and %u sessions", id,
                      user->name, rooms, sessions);
    if (user->state == PL_USER_ACTIVE && user->kind == PL_USER_GUEST && sessions == 0)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "user %" PRIu64 " (%s): a guest without a session, whose name nobody can use",
                      id, user->name);
    if (user->create_ms > check->meta.time_ms || user->last_seen_ms > check->meta.time_ms)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "user %" PRIu64 " (%s): a time is later than the last batch", id, user->name);
}

/* Users of the range, whose tally is made. */
static int walk_users(struct pl_check *check, const struct tally *tally)
{
    struct pl_run run = pl_check_run_start(check, CHECK_USERS);
    uint64_t next = tally->first;
    int rc;

    pl_run_u64(&run, tally->first);
    pl_run_u64(&run, tally->first + tally->len);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_user user = {.id = {0}};

        pl_row_user(&run, &user);
        if (user.id.v != next)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "users: after %" PRIu64 " comes %" PRIu64 "; those between are gone",
                          next - 1, user.id.v);
        next = user.id.v + 1;
        if (pl_check_columns(check, &run, "user %" PRIu64, user.id.v))
            check_user(check, &user, tally->rooms[user.id.v - tally->first],
                       tally->sessions[user.id.v - tally->first]);
        pl_check_next(check);
    }
    if (rc == PL_E_NOTFOUND && next < tally->first + tally->len)
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "users: there is none from %" PRIu64
                      " on, and the last one given out is %" PRIu64,
                      next, check->meta.last_user);
    return pl_check_end(rc);
}

/* Ids that were never given out. */
static int find_beyond(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_USERS);
    int rc;

    pl_run_u64(&run, check->meta.last_user + 1);
    pl_run_u64(&run, INT64_MAX);
    rc = pl_run_step(&run);
    if (rc == PL_OK) {
        pl_check_find(check, PL_ADVICE_RESTORE,
                      "users: there is a %" PRIu64 ", and the last one given out is %" PRIu64,
                      pl_run_get_u64(&run), check->meta.last_user);
        pl_run_reset(&run);
    }
    return pl_check_end(rc);
}

int pl_check_users(struct pl_check *check)
{
    uint64_t pass = check->config->pass_len > 0 ? check->config->pass_len : PASS_LEN;
    uint64_t last = check->meta.last_user;
    struct tally tally = {.first = 1, .len = last < pass ? last : pass};
    int rc = PL_OK;

    tally.rooms = pl_calloc((size_t)tally.len + 1, sizeof *tally.rooms);
    tally.sessions = pl_calloc((size_t)tally.len + 1, sizeof *tally.sessions);
    if (tally.rooms == NULL || tally.sessions == NULL)
        rc = PL_E_NOMEM;
    for (; rc == PL_OK && tally.first <= last; tally.first += tally.len) {
        if (tally.len > last - tally.first + 1)
            tally.len = last - tally.first + 1;
        rc = count(check, CHECK_MEMBER_USERS, &tally, tally.rooms);
        if (rc == PL_OK)
            rc = count(check, CHECK_SESSION_USERS, &tally, tally.sessions);
        if (rc == PL_OK)
            rc = walk_users(check, &tally);
    }
    pl_free(tally.rooms);
    pl_free(tally.sessions);
    return rc == PL_OK ? find_beyond(check) : rc;
}

int pl_check_sessions(struct pl_check *check)
{
    struct pl_run run = pl_check_run_start(check, CHECK_SESSIONS);
    int rc;

    while ((rc = pl_run_step(&run)) == PL_OK) {
        struct pl_session session = {.id = {0}};
        uint32_t state;

        pl_row_session(&run, &session);
        state = pl_run_get_u32(&run);
        pl_check_next(check);
        if (!pl_check_columns(check, &run, "session %" PRIu64, session.id.v))
            continue;
        if (session.id.v == 0 || session.id.v > check->meta.last_session)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "session %" PRIu64 ": the last one given out is %" PRIu64, session.id.v,
                          check->meta.last_session);
        if (state != PL_USER_ACTIVE)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "session %" PRIu64 ": its user %" PRIu64 " is not there or has ended",
                          session.id.v, session.user.v);
        if (session.used_ms < session.create_ms || session.used_ms > check->meta.time_ms)
            pl_check_find(check, PL_ADVICE_RESTORE,
                          "session %" PRIu64 ": was used at a time that cannot be", session.id.v);
    }
    return pl_check_end(rc);
}

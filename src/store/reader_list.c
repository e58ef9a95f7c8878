/*
 * reader_list.c - users, rooms and members, by name.
 *
 * A user's own rooms are few (a user may be in 1,000) and are sorted; public
 * ones may be many and are walked by name. list_rooms merges the two, which
 * share no room: the public ones are left out of the first.
 */
#include "store/reader_state.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>

/* A callback's answer: go on, end without error (1), or end with it. */
static int stop(int answer)
{
    return answer < 0 ? answer : PL_OK;
}

/* Makes of a prefix the least text beyond all that begin with it. False if
 * there is none. Names are ASCII; but what is asked for may be any bytes. */
static bool prefix_end(char *text)
{
    for (size_t size = strlen(text); size > 0; size--) {
        if ((unsigned char)text[size - 1] < 0xff) {
            text[size - 1]++;
            text[size] = 0;
            return true;
        }
    }
    return false;
}

static int each_user(struct pl_run *run, int (*on_user)(void *arg, const struct pl_user *user),
                     void *arg)
{
    int rc;

    while ((rc = pl_run_step(run)) == PL_OK) {
        struct pl_user user = {0};
        int answer;

        pl_row_user(run, &user);
        if (run->bad)
            return pl_run_end(run);
        answer = on_user(arg, &user);
        if (answer != 0) {
            pl_run_reset(run);
            return stop(answer);
        }
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

int pl_reader_list_users(void *self, const char *prefix, const char *after, uint32_t len_max,
                         int (*on_user)(void *arg, const struct pl_user *user), void *arg)
{
    struct pl_sqlite_reader *reader = self;
    char *end = pl_strdup(prefix);
    bool ends;
    struct pl_run run;
    int rc;

    PL_ASSERT(reader->begun);
    if (end == NULL)
        return PL_E_NOMEM;
    ends = prefix_end(end);
    run = pl_run_start(&reader->db, ends ? READ_LIST_USERS : READ_LIST_USERS_REST);
    if (strcmp(after, prefix) >= 0)
        pl_run_text_after(&run, after);
    else
        pl_run_text(&run, prefix);
    if (ends)
        pl_run_text(&run, end);
    pl_run_i64(&run, len_max);
    rc = each_user(&run, on_user, arg);
    pl_free(end);
    return rc;
}

struct room_row {
    struct pl_room room;
    struct pl_member member;
    bool there; /* a row was fetched and not yet given */
};

static int fetch_own(struct pl_run *run, struct room_row *row)
{
    int rc = pl_run_step(run);

    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    if (rc < 0)
        return rc;
    memset(row, 0, sizeof *row);
    pl_row_room(run, &row->room);
    pl_row_member(run, &row->member);
    row->there = true;
    return run->bad ? pl_run_end(run) : PL_OK;
}

static int fetch_public(struct pl_sqlite_reader *reader, struct pl_run *run, pl_user_id user,
                        struct room_row *row)
{
    int rc = pl_run_step(run);
    struct pl_run member;

    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    if (rc < 0)
        return rc;
    memset(row, 0, sizeof *row);
    pl_row_room(run, &row->room);
    if (run->bad)
        return pl_run_end(run);
    member = pl_run_start(&reader->db, READ_GET_MEMBER);
    pl_run_u64(&member, row->room.id.v);
    pl_run_u64(&member, user.v);
    rc = pl_row_get_member(&member, &row->member);
    if (rc == PL_E_NOTFOUND) {
        row->member = (struct pl_member){.room = row->room.id, .user = user};
        rc = PL_OK;
    }
    row->there = rc == PL_OK;
    return rc;
}

static int count_mentions(struct pl_sqlite_reader *reader, const struct pl_member *member,
                          uint64_t *ret)
{
    struct pl_run run = pl_run_start(&reader->db, READ_COUNT_MENTIONS);
    uint64_t count;
    int rc;

    pl_run_u64(&run, member->user.v);
    pl_run_u64(&run, member->room.v);
    pl_run_bound(&run, member->read_sequence);
    rc = pl_run_step(&run);
    PL_ASSERT(rc != PL_E_NOTFOUND);
    if (rc < 0)
        return rc;
    count = pl_run_get_u64(&run);
    rc = pl_run_end(&run);
    if (rc == PL_OK)
        *ret = count;
    return rc;
}

int pl_reader_list_rooms(void *self, pl_user_id user, bool unjoined, const char *after,
                         uint32_t len_max,
                         int (*on_room)(void *arg, const struct pl_room *room,
                                        const struct pl_member *member, uint64_t mentions),
                         void *arg)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run own_run = pl_run_start(&reader->db, READ_LIST_ROOMS_OWN);
    struct pl_run public_run = pl_run_start(&reader->db, READ_LIST_ROOMS_PUBLIC);
    struct room_row own = {0}, public = {0};
    int rc, answer = 0;

    PL_ASSERT(reader->begun);
    pl_run_u64(&own_run, user.v);
    pl_run_text_after(&own_run, after);
    pl_run_i64(&own_run, unjoined);
    pl_run_i64(&own_run, len_max);
    rc = fetch_own(&own_run, &own);
    if (rc == PL_OK && unjoined) {
        pl_run_text_after(&public_run, after);
        pl_run_i64(&public_run, len_max);
        rc = fetch_public(reader, &public_run, user, &public);
    }
    for (uint32_t len = 0; rc == PL_OK && len < len_max && (own.there || public.there); len++) {
        bool take_own = own.there && (!public.there || strcmp(own.room.name, public.room.name) < 0);
        struct room_row *row = take_own ? &own : &public;
        uint64_t mentions = 0;

        rc = count_mentions(reader, &row->member, &mentions);
        if (rc < 0)
            break;
        answer = on_room(arg, &row->room, &row->member, mentions);
        if (answer != 0)
            break;
        row->there = false;
        rc =
            take_own ? fetch_own(&own_run, &own) : fetch_public(reader, &public_run, user, &public);
    }
    pl_run_reset(&own_run);
    pl_run_reset(&public_run);
    return rc < 0 ? rc : stop(answer);
}

int pl_reader_list_members(void *self, pl_room_id room, const char *after, uint32_t len_max,
                           int (*on_member)(void *arg, const struct pl_member *member,
                                            const char *name),
                           void *arg)
{
    struct pl_sqlite_reader *reader = self;
    struct pl_run run = pl_run_start(&reader->db, READ_LIST_MEMBERS);
    int rc;

    PL_ASSERT(reader->begun);
    pl_run_u64(&run, room.v);
    pl_run_text_after(&run, after);
    pl_run_i64(&run, len_max);
    while ((rc = pl_run_step(&run)) == PL_OK) {
        char name[PL_USER_NAME_SIZE_MAX + 1];
        struct pl_member member = {0};
        int answer;

        pl_row_member(&run, &member);
        pl_run_get_text(&run, name, sizeof name);
        if (run.bad)
            return pl_run_end(&run);
        answer = on_member(arg, &member, name);
        if (answer != 0) {
            pl_run_reset(&run);
            return stop(answer);
        }
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

/*
 * query.c - one function a query; the switch and the snapshot are the parent's.
 */
#include "server/query.h"

#include "base/diag.h"
#include "base/err.h"
#include "core/engine.h"
#include "server/stream_page.h"
#include "wire/page_token.h"
#include "wire/reply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One query being answered. */
struct asked {
    const struct pl_reader *reader;
    struct pl_errand *errand;
    struct pl_session session;
    struct pl_user user;
};

/* A page of a list: one item more than asked for tells that there is a next. */
struct page {
    struct asked *asked;
    struct pl_wire_list list;
    uint32_t len_max;
    size_t size; /* of messages: bytes so far */
    bool more;
    char list_key[128]; /* what the page token is bound to */
    char last[PL_ROOM_NAME_SIZE_MAX + 24];
};

static void refuse(struct asked *asked, enum pl_reason reason)
{
    asked->errand->refusal = pl_refusal_of(reason);
}

static bool refused(const struct asked *asked)
{
    return asked->errand->refusal.reason != PL_REASON_NONE;
}

/* An arena of an errand that is so full makes the end of a page. */
enum { PAGE_ARENA_SIZE_MAX = PL_ERRAND_SIZE_MAX / 2 };

/* Opens the page that the token names; the room's id or the like stands in `of`. */
static int page_open(struct page *page, struct asked *asked, const char *kind, const char *of,
                     char **ret_after)
{
    struct pl_errand *errand = asked->errand;
    int rc;

    *page = (struct page){.asked = asked, .len_max = errand->query.page_len};
    snprintf(page->list_key, sizeof page->list_key, "%s:%s", kind, of);
    rc = pl_page_token_open(page->list_key, errand->query.page_token, &errand->arena, ret_after);
    if (rc == PL_E_INVALID) {
        refuse(asked, PL_REASON_PAGE_TOKEN_INVALID);
        snprintf(errand->refusal.field, sizeof errand->refusal.field, "page_token");
        return PL_OK;
    }
    return rc < 0 ? rc : pl_wire_list_init(&page->list, page->len_max, &errand->arena);
}

/* Whether the page has room for one more; notes where it ends. */
static bool page_has_room(struct page *page)
{
    if (page->list.len < page->len_max)
        return true;
    page->more = true;
    return false;
}

static const char *page_next(struct page *page)
{
    if (!page->more)
        return "";
    return pl_page_token_make(page->list_key, page->last, &page->asked->errand->arena);
}

/* The room, if the caller may see it; private ones are as if they were not there. */
static int find_room(struct asked *asked, const char *name, struct pl_room *ret_room,
                     struct pl_member *ret_member)
{
    const struct pl_reader *reader = asked->reader;
    int rc = reader->ops->find_room(reader->self, name, ret_room);

    if (rc == PL_E_NOTFOUND) {
        refuse(asked, PL_REASON_ROOM_NOT_FOUND);
        return PL_OK;
    }
    if (rc < 0)
        return rc;
    rc = reader->ops->get_member(reader->self, ret_room->id, asked->user.id, ret_member);
    if (rc == PL_E_NOTFOUND)
        *ret_member = (struct pl_member){.state = PL_MEMBER_NONE};
    else if (rc < 0)
        return rc;
    if (ret_room->visibility != PL_ROOM_PUBLIC && ret_member->state != PL_MEMBER_JOINED &&
        ret_member->state != PL_MEMBER_INVITED)
        refuse(asked, PL_REASON_ROOM_NOT_FOUND);
    return PL_OK;
}

/* The same, and the caller must be in it. */
static int find_own_room(struct asked *asked, const char *name, struct pl_room *ret_room)
{
    struct pl_member member = {.state = PL_MEMBER_NONE};
    int rc = find_room(asked, name, ret_room, &member);

    if (rc == PL_OK && !refused(asked) && member.state != PL_MEMBER_JOINED)
        refuse(asked, PL_REASON_NOT_A_MEMBER);
    return rc;
}

static int answer_get_room(struct asked *asked)
{
    struct pl_room room;
    struct pl_member member;
    int rc = find_room(asked, asked->errand->query.u.room.room, &room, &member);

    if (rc < 0 || refused(asked))
        return rc;
    return pl_wire_get_room_response(&room, &asked->errand->arena, &asked->errand->response);
}

static int on_room(void *arg, const struct pl_room *room, const struct pl_member *member,
                   uint64_t mentions)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return PL_OK;
    snprintf(page->last, sizeof page->last, "%s", room->name);
    return pl_wire_list_add_room(&page->list, room, member, page->asked->user.name, mentions);
}

static int answer_list_rooms(struct asked *asked)
{
    const struct pl_reader *reader = asked->reader;
    bool unjoined = asked->errand->query.u.list_rooms.unjoined;
    struct page page;
    const char *next;
    char *after;
    int rc = page_open(&page, asked, "rooms", unjoined ? "all" : "own", &after);

    if (rc < 0 || refused(asked))
        return rc;
    rc = reader->ops->list_rooms(reader->self, asked->user.id, unjoined, after, page.len_max + 1,
                                 on_room, &page);
    if (rc < 0)
        return rc;
    next = page_next(&page);
    return next == NULL ? PL_E_NOMEM
                        : pl_wire_list_rooms_response(&page.list, next, &asked->errand->response);
}

static int on_member(void *arg, const struct pl_member *member, const char *name)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return PL_OK;
    snprintf(page->last, sizeof page->last, "%s", name);
    return pl_wire_list_add_member(&page->list, member, name);
}

static int answer_list_members(struct asked *asked)
{
    const struct pl_reader *reader = asked->reader;
    struct pl_room room;
    struct page page;
    const char *next;
    char *after;
    int rc = find_own_room(asked, asked->errand->query.u.room.room, &room);

    if (rc < 0 || refused(asked))
        return rc;
    rc = page_open(&page, asked, "members", room.name, &after);
    if (rc < 0 || refused(asked))
        return rc;
    rc =
        reader->ops->list_members(reader->self, room.id, after, page.len_max + 1, on_member, &page);
    if (rc < 0)
        return rc;
    next = page_next(&page);
    return next == NULL ? PL_E_NOMEM
                        : pl_wire_list_members_response(&page.list, next, room.last_sequence,
                                                        &asked->errand->response);
}

static int on_message(void *arg, const struct pl_message_row *row)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return PL_OK;
    if (page->list.len > 0 && (page->size + row->event.size > PL_PAGE_SIZE_MAX ||
                               page->list.arena->size > PAGE_ARENA_SIZE_MAX)) {
        page->more = true;
        return 1; /* fewer than asked for: they are large, or of many parts */
    }
    page->size += row->event.size;
    snprintf(page->last, sizeof page->last, "%" PRIu64, row->sequence);
    return pl_wire_list_add_message(&page->list, row);
}

/* The next page begins beyond where the last one ended, in the direction asked. */
static void narrow(struct pl_message_query *query, const char *after)
{
    pl_sequence last = strtoull(after, NULL, 10);

    if (after[0] == 0)
        return;
    if (query->ascending && last > query->after)
        query->after = last;
    else if (!query->ascending && (query->before == 0 || last < query->before))
        query->before = last;
}

static int answer_list_messages(struct asked *asked)
{
    const struct pl_reader *reader = asked->reader;
    const struct pl_query *from = &asked->errand->query;
    struct pl_message_query query = {
        .before = from->u.list_messages.before,
        .after = from->u.list_messages.after,
        .thread = from->u.list_messages.thread,
        .ascending = from->u.list_messages.ascending,
        .len_max = from->page_len + 1,
    };
    char of[PL_ROOM_NAME_SIZE_MAX + 48];
    struct pl_room room;
    struct page page;
    const char *next;
    char *after;
    int rc = find_own_room(asked, from->u.list_messages.room, &room);

    if (rc < 0 || refused(asked))
        return rc;
    snprintf(of, sizeof of, "%s:%" PRIu64 ":%d", room.name, query.thread, query.ascending);
    rc = page_open(&page, asked, "messages", of, &after);
    if (rc < 0 || refused(asked))
        return rc;
    query.room = room.id;
    narrow(&query, after);
    rc = reader->ops->list_messages(reader->self, &query, on_message, &page);
    if (rc < 0)
        return rc;
    next = page_next(&page);
    return next == NULL ? PL_E_NOMEM
                        : pl_wire_list_messages_response(&page.list, next, room.last_sequence,
                                                         &asked->errand->response);
}

/* Users are only gathered here; the engine's thread knows who is online. */
struct user_page {
    struct page page;
    struct pl_user *users;
    uint32_t len;
};

static int on_user(void *arg, const struct pl_user *user)
{
    struct user_page *users = arg;

    if (users->len == users->page.len_max) {
        users->page.more = true;
        return PL_OK;
    }
    snprintf(users->page.last, sizeof users->page.last, "%s", user->name);
    users->users[users->len++] = *user;
    return PL_OK;
}

static int answer_list_users(struct asked *asked)
{
    const struct pl_reader *reader = asked->reader;
    struct pl_errand *errand = asked->errand;
    struct user_page users = {0};
    char *after;
    int rc = page_open(&users.page, asked, "users", errand->query.u.list_users.prefix, &after);

    if (rc < 0 || refused(asked))
        return rc;
    users.users = pl_arena_alloc(&errand->arena, users.page.len_max * sizeof *users.users);
    if (users.users == NULL)
        return PL_E_NOMEM;
    rc = reader->ops->list_users(reader->self, errand->query.u.list_users.prefix, after,
                                 users.page.len_max + 1, on_user, &users);
    if (rc < 0)
        return rc;
    errand->users = users.users;
    errand->users_len = users.len;
    errand->next = page_next(&users.page);
    return errand->next == NULL ? PL_E_NOMEM : PL_OK;
}

static int answer_read_page(const struct pl_query_context *context, struct pl_errand *errand)
{
    const struct pl_stream_page_context page_context = {
        .reader = context->reader, .framer = context->framer, .cache_weak = context->pages_weak};
    struct pl_cached_page page;
    int rc = pl_stream_page_make(&page_context, &errand->query.u.page, &page);

    if (rc < 0)
        return rc;
    errand->response = page.frames;
    errand->through = page.through;
    errand->states_until = page.states_until;
    return PL_OK;
}

static int authenticate(struct asked *asked, int64_t idle_ms, int64_t age_ms)
{
    const struct pl_reader *reader = asked->reader;
    int rc =
        reader->ops->find_session(reader->self, &asked->errand->query.token_hash, &asked->session);

    if (rc == PL_OK)
        rc = reader->ops->get_user(reader->self, asked->session.user, &asked->user);
    if (rc == PL_E_NOTFOUND || (rc == PL_OK && (asked->user.state != PL_USER_ACTIVE ||
                                                (asked->user.kind == PL_USER_GUEST &&
                                                 age_ms - asked->session.used_ms > idle_ms)))) {
        refuse(asked, PL_REASON_TOKEN_INVALID);
        return PL_OK;
    }
    return rc;
}

static int answer(struct asked *asked)
{
    switch (asked->errand->query.kind) {
    case PL_QUERY_LIST_USERS:
        return answer_list_users(asked);
    case PL_QUERY_GET_ROOM:
        return answer_get_room(asked);
    case PL_QUERY_LIST_ROOMS:
        return answer_list_rooms(asked);
    case PL_QUERY_LIST_MEMBERS:
        return answer_list_members(asked);
    case PL_QUERY_LIST_MESSAGES:
        return answer_list_messages(asked);
    case PL_QUERY_READ_PAGE:
        break;
    }
    return PL_E_INVALID;
}

bool pl_query_answer(const struct pl_query_context *context, struct pl_errand *errand,
                     int64_t now_ms, int64_t age_ms)
{
    struct asked asked = {.reader = &context->reader, .errand = errand};
    const struct pl_reader *reader = &context->reader;
    bool touch = false;
    int rc = reader->ops->begin(reader->self);

    if (rc == PL_OK) {
        if (errand->query.kind == PL_QUERY_READ_PAGE) {
            rc = answer_read_page(context, errand);
        } else {
            rc = authenticate(&asked, context->session_idle_ms, age_ms);
            if (rc == PL_OK && !refused(&asked)) {
                touch = pl_session_touch_due(&asked.session, context->session_idle_ms,
                                             now_ms > age_ms ? now_ms : age_ms);
                rc = answer(&asked);
            }
        }
        reader->ops->end(reader->self);
    }
    if (rc < 0) {
        PL_DIAG_SELDOM(PL_DIAG_ERROR, "query", "a query failed: %s", pl_err_text(rc));
        pl_buf_unref(errand->response);
        errand->response = NULL;
        errand->refusal = pl_refusal_of_err(rc);
    }
    errand->answered = true;
    return touch;
}

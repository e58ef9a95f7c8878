#include "load.h"

#include "base/err.h"
#include "base/mem.h"
#include "folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LIST_LEN = 64 };

struct doing {
    struct load *load;
    const struct pl_store_ops *ops;
    void *self;
    uint64_t random;
};

static uint32_t pick(struct doing *d, uint32_t len)
{
    return random_below(&d->random, len);
}

static pl_user_id pick_user(struct doing *d)
{
    uint64_t len = d->load->meta.last_user;

    return (pl_user_id){len > 0 ? 1 + pick(d, (uint32_t)len) : 0};
}

static struct pl_room *pick_room(struct doing *d)
{
    uint64_t len = d->load->meta.last_room;

    return &d->load->rooms[len > 0 ? 1 + pick(d, (uint32_t)len) : 0];
}

static enum pl_member_state *state_of(struct doing *d, const struct pl_room *room, pl_user_id user)
{
    return &d->load->states[room->id.v][user.v];
}

static void fill_hash(struct doing *d, struct pl_hash *hash)
{
    for (size_t i = 0; i < sizeof hash->v; i++)
        hash->v[i] = (uint8_t)random_next(&d->random);
}

static void fill_text(struct doing *d, char *text, size_t size)
{
    uint32_t len = pick(d, (uint32_t)size);

    for (uint32_t i = 0; i < len; i++)
        text[i] = (char)('a' + pick(d, 26));
    text[len] = 0;
}

static bool name_taken(const struct load *load, const char *name)
{
    for (uint64_t i = 1; i <= load->meta.last_user; i++) {
        if (load->users[i].state == PL_USER_ACTIVE && strcmp(load->users[i].name, name) == 0)
            return true;
    }
    return false;
}

static int do_sign_in(struct doing *d)
{
    struct pl_user user = {.state = PL_USER_ACTIVE, .kind = PL_USER_GUEST};
    struct pl_session session = {0};
    int rc;

    if (d->load->meta.last_user == LOAD_USERS_MAX)
        return PL_OK;
    snprintf(user.name, sizeof user.name, "user%u", pick(d, 12));
    if (name_taken(d->load, user.name))
        return PL_OK;
    user.id.v = ++d->load->meta.last_user;
    fill_text(d, user.display_name, sizeof user.display_name);
    fill_text(d, user.status, sizeof user.status);
    user.create_ms = d->load->meta.time_ms;
    rc = d->ops->put_user(d->self, &user);
    if (rc < 0)
        return rc;
    d->load->users[user.id.v] = user;
    session.id.v = ++d->load->meta.last_session;
    session.user = user.id;
    fill_hash(d, &session.token_hash);
    fill_text(d, session.label, sizeof session.label);
    session.create_ms = session.used_ms = d->load->meta.time_ms;
    return d->ops->put_session(d->self, &session);
}

static int do_user(struct doing *d)
{
    struct pl_user *user = &d->load->users[pick_user(d).v];

    if (user->id.v == 0)
        return PL_OK;
    if (pick(d, 6) == 0 && user->state < PL_USER_ENDED)
        user->state++;
    user->last_seen_ms = d->load->meta.time_ms;
    user->room_count = pick(d, 1000);
    return d->ops->put_user(d->self, user);
}

static int do_session(struct doing *d)
{
    struct pl_session session;
    pl_session_id id;
    int rc;

    if (d->load->meta.last_session == 0)
        return PL_OK;
    id.v = 1 + pick(d, (uint32_t)d->load->meta.last_session);
    rc = d->ops->get_session(d->self, id, &session);
    if (rc == PL_E_NOTFOUND)
        return PL_OK;
    if (rc < 0)
        return rc;
    if (pick(d, 8) == 0)
        return d->ops->delete_session(d->self, id);
    session.used_ms = d->load->meta.time_ms;
    return d->ops->put_session(d->self, &session);
}

static int do_create_room(struct doing *d)
{
    struct pl_meta *meta = &d->load->meta;
    struct pl_room *room = &d->load->rooms[meta->last_room + 1];
    uint32_t id = (uint32_t)meta->last_room + 1;

    if (meta->last_room == LOAD_ROOMS_MAX)
        return PL_OK;
    *room = (struct pl_room){.id = {id}, .create_ms = meta->time_ms};
    room->visibility = (enum pl_room_visibility)(1 + id % 3);
    if (room->visibility == PL_ROOM_DIRECT) {
        if (id >= meta->last_user)
            return PL_OK;
        room->direct[0].v = id;
        room->direct[1].v = id + 1 + pick(d, (uint32_t)meta->last_user - id);
    }
    meta->last_room++;
    snprintf(room->name, sizeof room->name, "%c-room%u", 'a' + (char)pick(d, 3), id);
    fill_text(d, room->title, sizeof room->title);
    fill_text(d, room->topic, sizeof room->topic);
    room->delivery = id % 4 == 0 ? PL_ROOM_ONE : PL_ROOM_EVERYONE;
    room->quiet_membership = id % 5 == 0;
    room->retention_s = id % 2 == 0 ? 1 + pick(d, 6) : pick(d, 2) * UINT64_MAX; /* all bits */
    room->partition = pick(d, PL_PARTITIONS_LEN);
    return d->ops->put_room(d->self, room);
}

/* An event of the room, of `size` bytes. */
static int append(struct doing *d, struct pl_room *room, struct pl_event_row *row, uint32_t size)
{
    int rc;

    row->position = ++d->load->meta.position;
    row->room = room->id;
    row->sequence = ++room->last_sequence;
    row->create_ms = d->load->meta.time_ms;
    row->bytes = pl_buf_new(size);
    if (row->bytes == NULL)
        return PL_E_NOMEM;
    for (uint32_t i = 0; i < size; i++)
        row->bytes->data[i] = (uint8_t)(row->position * 31 + i);
    rc = d->ops->append_event(d->self, row);
    pl_buf_unref(row->bytes);
    room->last_position = row->position;
    if (room->first_sequence == 0) {
        room->first_sequence = 1;
        room->first_ms = row->create_ms;
    }
    return rc;
}

static int do_member(struct doing *d)
{
    struct pl_room *room = pick_room(d);
    struct pl_event_row row = {.kind = PL_EVENT_MEMBER_CHANGED, .actor = pick_user(d)};
    struct pl_member member = {.room = room->id, .user = row.actor, .role = PL_ROLE_MEMBER};
    enum pl_member_state *state = state_of(d, room, row.actor);
    enum pl_member_state next = (enum pl_member_state)(1 + pick(d, PL_MEMBER_BANNED));
    int rc = PL_OK;

    if (room->id.v == 0 || row.actor.v == 0 || next == *state)
        return PL_OK;
    member.state = next;
    member.update_ms = d->load->meta.time_ms;
    if (next == PL_MEMBER_JOINED)
        rc = d->ops->open_span(d->self, room->id, row.actor, d->load->meta.position);
    if (rc == PL_OK && !room->quiet_membership)
        rc = append(d, room, &row, 20 + pick(d, 80));
    else if (rc == PL_OK)
        d->load->meta.position++; /* another partition's, so that spans differ */
    if (rc == PL_OK && *state == PL_MEMBER_JOINED)
        rc = d->ops->close_span(d->self, room->id, row.actor, d->load->meta.position);
    if (next == PL_MEMBER_JOINED)
        room->member_count++;
    else if (*state == PL_MEMBER_JOINED)
        room->member_count--;
    *state = next;
    if (rc == PL_OK && next == PL_MEMBER_LEFT && pick(d, 3) == 0) {
        *state = PL_MEMBER_NONE;
        rc = d->ops->delete_member(d->self, room->id, row.actor);
    } else if (rc == PL_OK) {
        rc = d->ops->put_member(d->self, &member);
    }
    return rc < 0 ? rc : d->ops->put_room(d->self, room);
}

static int note_request(struct doing *d, const struct pl_room *room, pl_user_id user)
{
    struct pl_request request = {.user = user,
                                 .target = room->name,
                                 .room = room->id,
                                 .sequence = room->last_sequence,
                                 .create_ms = d->load->meta.time_ms};
    char id[32];

    d->load->meta.time_ms++; /* so that no two are of the same age */
    snprintf(id, sizeof id, "request-%u", (unsigned)d->load->requests++ % 40);
    request.request_id = id;
    fill_hash(d, &request.content);
    return d->ops->put_request(d->self, &request);
}

static int note_thread(struct doing *d, const struct pl_room *room, pl_sequence first)
{
    struct pl_thread_row thread = {0};
    int rc = d->ops->get_thread(d->self, room->id, first, &thread);

    if (rc < 0 && rc != PL_E_NOTFOUND)
        return rc;
    thread.last_message = room->last_sequence;
    thread.size++;
    return d->ops->put_thread(d->self, room->id, first, &thread);
}

/* The first message of a thread to reply to, or 0. */
static int pick_thread(struct doing *d, const struct pl_room *room, pl_sequence *ret_first)
{
    pl_sequence sequence = 1 + pick(d, (uint32_t)room->last_sequence + 1), thread;
    struct pl_buf *bytes;
    pl_user_id sender;
    int rc = d->ops->get_message(d->self, room->id, sequence, &bytes, &thread, &sender);

    *ret_first = 0;
    if (rc == PL_OK) {
        pl_buf_unref(bytes);
        *ret_first = thread != 0 ? thread : sequence;
        if (*ret_first < room->first_sequence)
            *ret_first = 0;
    }
    return rc == PL_E_NOTFOUND ? PL_OK : rc;
}

static int do_send(struct doing *d)
{
    struct pl_room *room = pick_room(d);
    pl_user_id mentions[3] = {pick_user(d), {0}, {0}};
    struct pl_event_row row = {.kind = PL_EVENT_MESSAGE_SENT, .actor = pick_user(d)};
    int rc = PL_OK;

    if (room->id.v == 0 || row.actor.v == 0)
        return PL_OK;
    if (pick(d, 3) == 0)
        rc = pick_thread(d, room, &row.thread);
    if (rc < 0)
        return rc;
    row.mentions = mentions;
    row.mentions_len = pick(d, 2);
    if (row.mentions_len > 0 && mentions[0].v < d->load->meta.last_user) {
        mentions[1].v = mentions[0].v + 1;
        row.mentions_len = 2;
    }
    row.message_no = ++room->message_count;
    rc = append(d, room, &row, pick(d, 40) == 0 ? PL_EVENT_SIZE_MAX : 40 + pick(d, 300));
    room->last_message_sequence = room->last_sequence;
    if (rc == PL_OK && row.thread != 0)
        rc = note_thread(d, room, row.thread);
    if (rc == PL_OK && pick(d, 2) == 0)
        rc = note_request(d, room, row.actor);
    if (rc == PL_OK && room->delivery == PL_ROOM_ONE) {
        struct pl_work work = {
            .room = room->id, .sequence = room->last_sequence, .sender = row.actor};

        rc = d->ops->put_work(d->self, &work);
    }
    return rc < 0 ? rc : d->ops->put_room(d->self, room);
}

static int do_mark_read(struct doing *d)
{
    struct pl_room *room = pick_room(d);
    pl_user_id user = pick_user(d);
    struct pl_member member;
    int rc = d->ops->get_member(d->self, room->id, user, &member);

    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    member.read_sequence = pick(d, (uint32_t)room->last_sequence + 1);
    member.read_count = room->trimmed.messages;
    if (member.read_sequence >= room->first_sequence)
        rc = d->ops->count_messages(d->self, room->id, member.read_sequence, &member.read_count);
    return rc < 0 ? rc : d->ops->put_member(d->self, &member);
}

static int do_lease(struct doing *d)
{
    struct pl_room *room = pick_room(d);
    struct pl_work work;
    int rc = d->ops->next_work(d->self, room->id, pick(d, 2) == 0 ? pick_user(d) : (pl_user_id){0},
                               d->load->meta.time_ms, &work);

    if (rc < 0)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    work.attempts++;
    work.lease = ++d->load->meta.last_lease;
    work.taker = 1 + pick(d, 4);
    work.lease_until_ms = d->load->meta.time_ms + 1 + pick(d, 4000);
    return d->ops->put_work(d->self, &work);
}

static int do_end_lease(struct doing *d)
{
    struct pl_work work[LIST_LEN];
    uint32_t len;
    int rc = pick(d, 2) == 0
                 ? d->ops->list_work_of(d->self, 1 + pick(d, 4), LIST_LEN, work, &len)
                 : d->ops->list_work_expired(d->self, d->load->meta.time_ms, 3, work, &len);

    for (uint32_t i = 0; rc == PL_OK && i < len; i++) {
        work[i].lease = work[i].taker = 0;
        work[i].lease_until_ms = 0;
        work[i].not_before_ms = pick(d, 2) == 0 ? 0 : d->load->meta.time_ms + pick(d, 3000);
        if (pick(d, 3) == 0)
            rc = d->ops->delete_work(d->self, work[i].room, work[i].sequence);
        else
            rc = d->ops->put_work(d->self, &work[i]);
    }
    return rc;
}

static int trim(struct doing *d, struct pl_room *room)
{
    struct pl_trim trimmed;
    struct pl_work work[LIST_LEN];
    uint32_t len = 0;
    int rc = d->ops->trim_room(d->self, room->id,
                               d->load->meta.time_ms - (int64_t)room->retention_s * 1000,
                               1 + pick(d, 30), &trimmed);

    if (rc < 0)
        return rc;
    assert_true(trimmed.len > 0);
    if (trimmed.trimmed.last_message == 0)
        trimmed.trimmed.last_message = room->trimmed.last_message;
    room->trimmed = trimmed.trimmed;
    room->first_ms = trimmed.first_ms;
    room->first_sequence += trimmed.len;
    rc = d->ops->list_work_before(d->self, room->id, room->first_sequence, LIST_LEN, work, &len);
    for (uint32_t i = 0; rc == PL_OK && i < len; i++)
        rc = d->ops->delete_work(d->self, work[i].room, work[i].sequence);
    return rc < 0 ? rc : d->ops->put_room(d->self, room);
}

static int do_trim(struct doing *d)
{
    pl_room_id rooms[3];
    uint32_t len = 0;
    int rc = d->ops->list_rooms_to_trim(d->self, d->load->meta.time_ms, 3, rooms, &len);

    for (uint32_t i = 0; rc == PL_OK && i < len; i++)
        rc = trim(d, &d->load->rooms[rooms[i].v]);
    return rc;
}

static int do_rare(struct doing *d)
{
    struct pl_meta *meta = &d->load->meta;
    uint32_t len;

    switch (pick(d, 3)) {
    case 0:
        meta->log = random_next(&d->random);
        return d->ops->add_log(d->self, meta->log, meta->position);
    case 1:
        return d->ops->clear_leases(d->self);
    default:
        return d->ops->expire_requests(d->self, meta->time_ms - 2000, pick(d, 5), &len);
    }
}

int load_apply(struct load *load, const struct pl_store *store, uint64_t seed, uint32_t ops)
{
    static int (*const does[])(struct doing * d) = {
        do_sign_in, do_user,  do_session,   do_create_room, do_member, do_member, do_member,
        do_send,    do_send,  do_send,      do_send,        do_send,   do_send,   do_mark_read,
        do_lease,   do_lease, do_end_lease, do_rare,        do_send,   do_send,   do_trim,
    };
    struct doing d = {.load = load, .ops = store->ops, .self = store->self, .random = seed};
    int rc = PL_OK;

    load->meta.batch++;
    load->meta.time_ms += 1 + pick(&d, 500);
    load->meta.age_ms = load->meta.time_ms - (int64_t)(load->meta.batch % 50);
    for (uint32_t i = 0; i < ops && rc == PL_OK; i++)
        rc = does[pick(&d, sizeof does / sizeof does[0])](&d);
    return rc < 0 ? rc : store->ops->put_meta(store->self, &load->meta);
}

/* Calls the op with both stores and compares the answers. */
static void assert_work_equal(const struct pl_work *a, const struct pl_work *b, size_t size)
{
    (void)size;
    assert_int_equal(a->room.v, b->room.v);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->sender.v, b->sender.v);
    assert_int_equal(a->attempts, b->attempts);
    assert_int_equal(a->not_before_ms, b->not_before_ms);
    assert_int_equal(a->lease, b->lease);
    assert_int_equal(a->taker, b->taker);
    assert_int_equal(a->lease_until_ms, b->lease_until_ms);
}

/* Structs are equal to the byte, but for struct pl_work, which has a gap. */
#define BOTH(type, op, ...) BOTH_SAME(type, assert_memory_equal, op, __VA_ARGS__)
#define BOTH_WORK(op, ...)  BOTH_SAME(struct pl_work, assert_work_equal, op, __VA_ARGS__)
#define BOTH_SAME(type, same, op, ...)                                  \
    do {                                                                \
        type got_a, got_b;                                              \
        int rc_a, rc_b;                                                 \
                                                                        \
        memset(&got_a, 0, sizeof got_a);                                \
        memset(&got_b, 0, sizeof got_b);                                \
        rc_a = a->ops->op(a->self, __VA_ARGS__ __VA_OPT__(, ) & got_a); \
        rc_b = b->ops->op(b->self, __VA_ARGS__ __VA_OPT__(, ) & got_b); \
        assert_int_equal(rc_a, rc_b);                                   \
        assert_true(rc_a == PL_OK || rc_a == PL_E_NOTFOUND);            \
        same(&got_a, &got_b, sizeof got_a);                             \
    } while (0)

#define BOTH_LISTS(type, op, ...) BOTH_LISTS_SAME(type, assert_memory_equal, op, __VA_ARGS__)
#define BOTH_WORKS(op, ...)       BOTH_LISTS_SAME(struct pl_work, assert_work_equal, op, __VA_ARGS__)
#define BOTH_LISTS_SAME(type, same, op, ...)                                       \
    do {                                                                           \
        static type list_a[LIST_LEN], list_b[LIST_LEN];                            \
        uint32_t len_a = 99, len_b = 98;                                           \
                                                                                   \
        assert_int_equal(a->ops->op(a->self, __VA_ARGS__, list_a, &len_a), PL_OK); \
        assert_int_equal(b->ops->op(b->self, __VA_ARGS__, list_b, &len_b), PL_OK); \
        assert_int_equal(len_a, len_b);                                            \
        for (uint32_t at = 0; at < len_a; at++)                                    \
            same(&list_a[at], &list_b[at], sizeof list_a[at]);                     \
    } while (0)

static void compare_users(const struct load *load, const struct pl_store *a,
                          const struct pl_store *b)
{
    for (uint64_t id = 0; id <= load->meta.last_user + 1; id++) {
        BOTH(struct pl_user, get_user, (pl_user_id){id});
        BOTH_LISTS(struct pl_member, list_rooms_of, (pl_user_id){id}, (pl_room_id){id % 3},
                   (uint32_t)(id % 4) + 1);
    }
    for (unsigned i = 0; i < 13; i++) {
        char name[32];

        snprintf(name, sizeof name, "user%u", i);
        BOTH(struct pl_user, find_user, name);
    }
    for (uint64_t id = 0; id <= load->meta.last_session + 1; id++) {
        struct pl_session session = {0};

        BOTH(struct pl_session, get_session, (pl_session_id){id});
        (void)a->ops->get_session(a->self, (pl_session_id){id}, &session);
        BOTH(struct pl_session, find_session, &session.token_hash);
    }
    BOTH_LISTS(pl_user_id, list_users_ending, LIST_LEN);
    BOTH_LISTS(struct pl_session, list_sessions_idle, load->meta.time_ms - 700, 5);
}

static void compare_message(const struct pl_store *a, const struct pl_store *b, pl_room_id room,
                            pl_sequence sequence)
{
    struct pl_buf *bytes_a = NULL, *bytes_b = NULL;
    pl_sequence thread_a = 0, thread_b = 0;
    pl_user_id sender_a = {0}, sender_b = {0};
    int rc_a = a->ops->get_message(a->self, room, sequence, &bytes_a, &thread_a, &sender_a);
    int rc_b = b->ops->get_message(b->self, room, sequence, &bytes_b, &thread_b, &sender_b);

    assert_int_equal(rc_a, rc_b);
    assert_int_equal(thread_a, thread_b);
    assert_int_equal(sender_a.v, sender_b.v);
    if (rc_a == PL_OK) {
        assert_int_equal(bytes_a->size, bytes_b->size);
        assert_memory_equal(bytes_a->data, bytes_b->data, bytes_a->size);
    }
    pl_buf_unref(bytes_a);
    pl_buf_unref(bytes_b);
}

static void compare_room(const struct load *load, const struct pl_store *a,
                         const struct pl_store *b, const struct pl_room *room)
{
    BOTH(struct pl_room, get_room, room->id);
    BOTH(struct pl_room, find_room, room->name);
    if (room->direct[0].v != 0)
        BOTH(struct pl_room, find_direct, room->direct[0], room->direct[1]);
    for (uint64_t user = 0; user <= load->meta.last_user; user++)
        BOTH(struct pl_member, get_member, room->id, (pl_user_id){user});
    for (pl_sequence sequence = 0; sequence <= room->last_sequence + 1; sequence++) {
        compare_message(a, b, room->id, sequence);
        if (sequence >= room->first_sequence)
            BOTH(uint64_t, count_messages, room->id, sequence);
        BOTH(struct pl_thread_row, get_thread, room->id, sequence);
        BOTH_WORK(get_work, room->id, sequence);
    }
    BOTH(uint64_t, count_messages, room->id, UINT64_MAX);
    BOTH_WORKS(list_work_before, room->id, room->first_sequence + 5, 7);
    BOTH_WORK(next_work, room->id, (pl_user_id){0}, load->meta.time_ms);
    BOTH_WORK(next_work, room->id, (pl_user_id){1}, load->meta.time_ms + 500);
}

static void compare_requests(const struct load *load, const struct pl_store *a,
                             const struct pl_store *b)
{
    for (uint64_t user = 1; user <= load->meta.last_user; user++) {
        for (unsigned i = 0; i < 40 * LOAD_ROOMS_MAX; i++) {
            char id[32];

            snprintf(id, sizeof id, "request-%u", i % 40);
            BOTH(struct pl_request, get_request, (pl_user_id){user}, load->rooms[1 + i / 40].name,
                 id);
        }
    }
}

void load_compare(const struct load *load, const struct pl_store *a, const struct pl_store *b)
{
    struct pl_meta meta_a, meta_b;
    pl_position until_a = 3, until_b = 4;
    int rc;

    assert_int_equal(a->ops->get_meta(a->self, &meta_a), PL_OK);
    assert_int_equal(b->ops->get_meta(b->self, &meta_b), PL_OK);
    assert_memory_equal(&meta_a, &meta_b, sizeof meta_a);
    rc = a->ops->find_log(a->self, meta_a.log, &until_a);
    assert_int_equal(b->ops->find_log(b->self, meta_a.log, &until_b), rc);
    if (rc == PL_OK)
        assert_int_equal(until_a, until_b);
    compare_users(load, a, b);
    compare_requests(load, a, b);
    for (uint64_t id = 1; id <= load->meta.last_room; id++)
        compare_room(load, a, b, &load->rooms[id]);
    for (uint64_t taker = 0; taker < 5; taker++)
        BOTH_WORKS(list_work_of, taker, LIST_LEN);
    BOTH_WORKS(list_work_expired, load->meta.time_ms, 7);
    BOTH(int64_t, next_work_due, load->meta.time_ms);
    BOTH_LISTS(pl_room_id, list_rooms_to_trim, load->meta.time_ms + 2000, 3);
    BOTH_LISTS(pl_room_id, list_rooms_to_trim, INT64_MAX, LIST_LEN);
    BOTH(int64_t, next_trim_due);
}

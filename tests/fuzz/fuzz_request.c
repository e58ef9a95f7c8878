/*
 * fuzz_request.c - requests of every method: what is not refused keeps to the
 * limits that the engine relies on; what is refused says so in sound text.
 *
 * Input: a line that names the method, such as "send_message", then the bytes.
 */
#include "types.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/utf8.h"
#include "model/limits.h"
#include "wire/request.h"

#include <string.h>

enum { ARENA_SIZE = 256 * 1024 };

static const struct {
    const char *name;
    pl_wire_decode_command decode;
} commands[] = {
    {"sign_in_as_guest", pl_wire_sign_in_as_guest},
    {"sign_out", pl_wire_sign_out},
    {"get_user", pl_wire_get_user},
    {"create_room", pl_wire_create_room},
    {"join_room", pl_wire_join_room},
    {"leave_room", pl_wire_leave_room},
    {"send_message", pl_wire_send_message},
    {"mark_read", pl_wire_mark_read},
    {"take_messages", pl_wire_take_messages},
    {"ack_message", pl_wire_ack_message},
    {"release_message", pl_wire_release_message},
};

static const struct {
    const char *name;
    pl_wire_decode_query decode;
} queries[] = {
    {"list_users", pl_wire_list_users},       {"get_room", pl_wire_get_room},
    {"list_rooms", pl_wire_list_rooms},       {"list_members", pl_wire_list_members},
    {"list_messages", pl_wire_list_messages},
};

static void check_text(const char *text, size_t size_max)
{
    PL_ASSERT(text != NULL);
    PL_ASSERT(strlen(text) <= size_max);
    PL_ASSERT(pl_utf8_valid(pl_bytes_str(text)));
}

static void check_refusal(const struct pl_refusal *refusal)
{
    PL_ASSERT(memchr(refusal->field, 0, sizeof refusal->field) != NULL);
    PL_ASSERT(memchr(refusal->detail, 0, sizeof refusal->detail) != NULL);
    check_text(refusal->field, sizeof refusal->field);
    check_text(refusal->detail, sizeof refusal->detail);
    PL_ASSERT(pl_reason_text(refusal->reason)[0] != 0);
}

static void check_room(const char *room)
{
    check_text(room, PL_ROOM_NAME_SIZE_MAX);
    PL_ASSERT(pl_room_ref_valid(room));
}

static void check_send(const struct pl_send *send)
{
    PL_ASSERT((send->room[0] == 0) != (send->user[0] == 0));
    if (send->room[0] != 0)
        check_room(send->room);
    check_text(send->user, PL_USER_NAME_SIZE_MAX);
    check_text(send->text, PL_TEXT_SIZE_MAX);
    check_text(send->request_id, PL_REQUEST_ID_SIZE_MAX);
}

static void check_command(const struct pl_command *command)
{
    switch (command->kind) {
    case PL_COMMAND_SIGN_IN_GUEST:
        check_text(command->u.sign_in_guest.name, PL_USER_NAME_SIZE_MAX);
        check_text(command->u.sign_in_guest.label, PL_LABEL_SIZE_MAX);
        return;
    case PL_QUERY_GET_USER:
        check_text(command->u.get_user.name, PL_USER_NAME_SIZE_MAX);
        return;
    case PL_COMMAND_CREATE_ROOM:
        check_room(command->u.create_room.name);
        check_text(command->u.create_room.title, PL_TITLE_SIZE_MAX);
        check_text(command->u.create_room.topic, PL_TOPIC_SIZE_MAX);
        PL_ASSERT(command->u.create_room.retention_s <= INT64_MAX / 1000);
        return;
    case PL_COMMAND_JOIN_ROOM:
        check_room(command->u.join_room.room);
        return;
    case PL_COMMAND_LEAVE_ROOM:
        check_room(command->u.leave_room.room);
        return;
    case PL_COMMAND_SEND_MESSAGE:
        check_send(&command->u.send);
        return;
    case PL_COMMAND_MARK_READ:
        check_room(command->u.mark_read.room);
        return;
    case PL_COMMAND_OPEN_TAKER:
        check_room(command->u.open_taker.room);
        PL_ASSERT(command->u.open_taker.unacked_len_max >= 1);
        PL_ASSERT(command->u.open_taker.unacked_len_max <= PL_TAKE_LEN_MAX);
        PL_ASSERT(command->u.open_taker.lease_s >= 1);
        PL_ASSERT(command->u.open_taker.lease_s <= PL_LEASE_S_MAX);
        return;
    case PL_COMMAND_ACK_MESSAGE:
    case PL_COMMAND_RELEASE_MESSAGE:
        check_room(command->u.lease.room);
        PL_ASSERT(command->u.lease.delay_s <= PL_RELEASE_DELAY_MAX);
        return;
    default:
        PL_ASSERT(command->kind == PL_COMMAND_SIGN_OUT);
    }
}

static void check_query(const struct pl_query *query)
{
    if (query->kind != PL_QUERY_GET_ROOM) {
        PL_ASSERT(query->page_len >= 1 && query->page_len <= PL_PAGE_LEN_MAX);
        PL_ASSERT(query->page_token != NULL);
    }
    if (query->kind == PL_QUERY_LIST_USERS)
        check_text(query->u.list_users.prefix, PL_USER_NAME_SIZE_MAX);
    else if (query->kind == PL_QUERY_LIST_MESSAGES)
        check_room(query->u.list_messages.room);
    else if (query->kind != PL_QUERY_LIST_ROOMS)
        check_room(query->u.room.room);
}

static void check_stream(const struct pl_stream_request *stream)
{
    PL_ASSERT(stream->rooms_len <= PL_STREAM_ROOMS_LEN_MAX);
    for (uint32_t i = 0; i < stream->rooms_len; i++)
        check_room(stream->rooms[i]);
    PL_ASSERT(stream->from >= PL_STREAM_FROM_NOW && stream->from <= PL_STREAM_FROM_BEGINNING);
    if (stream->has_cursor)
        PL_ASSERT(stream->cursor.position <= PL_POSITION_MAX);
}

static void run(struct pl_bytes method, struct pl_bytes bytes, struct pl_arena *arena)
{
    struct pl_refusal refusal = {.reason = PL_REASON_NONE};
    struct pl_stream_request stream;
    int rc;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct pl_command command = {.kind = PL_COMMAND_START};

        if (!pl_bytes_is(method, commands[i].name))
            continue;
        rc = commands[i].decode(bytes, arena, &command, &refusal);
        PL_ASSERT(rc == PL_OK || rc == PL_E_NOMEM);
        if (rc == PL_OK && refusal.reason == PL_REASON_NONE)
            check_command(&command);
        else if (rc == PL_OK)
            check_refusal(&refusal);
        return;
    }
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        struct pl_query query = {.page_token = NULL};

        if (!pl_bytes_is(method, queries[i].name))
            continue;
        rc = queries[i].decode(bytes, arena, &query, &refusal);
        PL_ASSERT(rc == PL_OK || rc == PL_E_NOMEM);
        if (rc == PL_OK && refusal.reason == PL_REASON_NONE)
            check_query(&query);
        else if (rc == PL_OK)
            check_refusal(&refusal);
        return;
    }
    rc = pl_wire_stream_messages(bytes, arena, &stream, &refusal);
    PL_ASSERT(rc == PL_OK || rc == PL_E_NOMEM);
    if (rc == PL_OK && refusal.reason == PL_REASON_NONE)
        check_stream(&stream);
    else if (rc == PL_OK)
        check_refusal(&refusal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct pl_bytes method = fuzz_line(&input);
    struct pl_arena arena;

    pl_arena_init(&arena, ARENA_SIZE);
    run(method, fuzz_rest(&input), &arena);
    pl_arena_done(&arena);
    return 0;
}

/*
 * sqlite_row.c - columns to fields, in the order of the lists in the header.
 */
#include "store/sqlite_row.h"

#include "base/err.h"
#include "base/secret.h"

#include <string.h>

void pl_row_meta(struct pl_run *run, struct pl_meta *ret)
{
    ret->batch = pl_run_get_u64(run);
    ret->time_ms = pl_run_get_i64(run);
    ret->age_ms = pl_run_get_i64(run);
    ret->position = pl_run_get_u64(run);
    ret->log = pl_run_get_u64(run);
    ret->last_user = pl_run_get_u64(run);
    ret->last_session = pl_run_get_u64(run);
    ret->last_room = pl_run_get_u64(run);
    ret->last_lease = pl_run_get_u64(run);
}

void pl_row_user(struct pl_run *run, struct pl_user *ret)
{
    ret->id.v = pl_run_get_u64(run);
    pl_run_get_text(run, ret->name, sizeof ret->name);
    ret->state = (enum pl_user_state)pl_run_get_enum(run, PL_USER_ENDED);
    ret->kind = (enum pl_user_kind)pl_run_get_enum(run, PL_USER_ADMIN);
    pl_run_get_text(run, ret->display_name, sizeof ret->display_name);
    pl_run_get_text(run, ret->status, sizeof ret->status);
    ret->create_ms = pl_run_get_i64(run);
    ret->last_seen_ms = pl_run_get_i64(run);
    ret->room_count = pl_run_get_u32(run);
}

void pl_row_session(struct pl_run *run, struct pl_session *ret)
{
    ret->id.v = pl_run_get_u64(run);
    ret->user.v = pl_run_get_u64(run);
    pl_run_get_exact(run, ret->token_hash.v, sizeof ret->token_hash.v);
    pl_run_get_text(run, ret->label, sizeof ret->label);
    ret->create_ms = pl_run_get_i64(run);
    ret->used_ms = pl_run_get_i64(run);
}

void pl_row_room(struct pl_run *run, struct pl_room *ret)
{
    ret->id.v = pl_run_get_u64(run);
    pl_run_get_text(run, ret->name, sizeof ret->name);
    ret->visibility = (enum pl_room_visibility)pl_run_get_enum(run, PL_ROOM_DIRECT);
    ret->direct[0].v = pl_run_get_u64(run);
    ret->direct[1].v = pl_run_get_u64(run);
    pl_run_get_text(run, ret->title, sizeof ret->title);
    pl_run_get_text(run, ret->topic, sizeof ret->topic);
    ret->delivery = (enum pl_room_delivery)pl_run_get_enum(run, PL_ROOM_ONE);
    ret->quiet_membership = pl_run_get_bool(run);
    ret->retention_s = pl_run_get_u64(run);
    ret->create_ms = pl_run_get_i64(run);
    ret->settings_version = pl_run_get_u32(run);
    ret->member_count = pl_run_get_u32(run);
    ret->partition = pl_run_get_u32(run);
    ret->first_sequence = pl_run_get_u64(run);
    ret->last_sequence = pl_run_get_u64(run);
    ret->last_message_sequence = pl_run_get_u64(run);
    ret->message_count = pl_run_get_u64(run);
    ret->last_position = pl_run_get_u64(run);
    ret->first_ms = pl_run_get_i64(run);
    ret->trimmed.position = pl_run_get_u64(run);
    ret->trimmed.messages = pl_run_get_u64(run);
    ret->trimmed.last_message = pl_run_get_u64(run);
}

void pl_row_member(struct pl_run *run, struct pl_member *ret)
{
    ret->room.v = pl_run_get_u64(run);
    ret->user.v = pl_run_get_u64(run);
    ret->state = (enum pl_member_state)pl_run_get_enum(run, PL_MEMBER_BANNED);
    ret->role = (enum pl_member_role)pl_run_get_enum(run, PL_ROLE_OWNER);
    ret->update_ms = pl_run_get_i64(run);
    ret->read_sequence = pl_run_get_u64(run);
    ret->read_count = pl_run_get_u64(run);
}

/* Defines pl_row_get_NAME(): fetches, reads, checks, and only then sets *ret.
 * Zeroed first, so that equal rows are equal bytes. */
int32_t pl_event_sum(pl_room_id room, pl_sequence sequence, struct pl_bytes bytes)
{
    uint8_t key[PL_HASH_KEY_SIZE]; /* not to be kept from anyone */

    for (int i = 0; i < 8; i++) {
        key[i] = (uint8_t)(room.v >> 8 * i);
        key[8 + i] = (uint8_t)(sequence >> 8 * i);
    }
    return (int32_t)(uint32_t)pl_hash_lasting(key, bytes.data, bytes.size);
}

struct pl_bytes pl_row_event(struct pl_run *run, pl_room_id room, pl_sequence sequence)
{
    struct pl_bytes bytes = pl_run_get_bytes(run);
    int64_t sum;

    if (pl_run_get_maybe_i64(run, &sum) && sum != pl_event_sum(room, sequence, bytes))
        run->bad = true;
    return bytes;
}

#define DEFINE_GET(name)                                             \
    int pl_row_get_##name(struct pl_run *run, struct pl_##name *ret) \
    {                                                                \
        struct pl_##name row;                                        \
        int rc = pl_run_step(run);                                   \
                                                                     \
        if (rc != PL_OK)                                             \
            return rc;                                               \
        memset(&row, 0, sizeof row);                                 \
        pl_row_##name(run, &row);                                    \
        rc = pl_run_end(run);                                        \
        if (rc == PL_OK)                                             \
            *ret = row;                                              \
        return rc;                                                   \
    }

DEFINE_GET(meta)
DEFINE_GET(user)
DEFINE_GET(session)
DEFINE_GET(room)
DEFINE_GET(member)

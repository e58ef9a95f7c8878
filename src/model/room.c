/* room.c - what follows from a room's figures. */
#include "model/room.h"

enum { TRIM_SLACK_MS = 60 * 1000 };

uint64_t pl_room_unread(const struct pl_room *room, const struct pl_member *member)
{
    uint64_t gone =
        member->read_count > room->trimmed.messages ? member->read_count : room->trimmed.messages;

    return room->message_count - gone;
}

int64_t pl_room_trim_due_ms(const struct pl_room *room)
{
    int64_t retention_ms, slack_ms;

    if (room->retention_s == 0 || room->first_sequence >= room->last_sequence)
        return 0;
    if (room->retention_s > (uint64_t)(INT64_MAX - TRIM_SLACK_MS - room->first_ms) / 1000)
        return 0; /* no clock gets there */
    retention_ms = (int64_t)room->retention_s * 1000;
    slack_ms = retention_ms / 10;
    return room->first_ms + retention_ms + (slack_ms < TRIM_SLACK_MS ? slack_ms : TRIM_SLACK_MS);
}

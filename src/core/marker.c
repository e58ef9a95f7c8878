/*
 * marker.c - a read marker, with the number of messages up to it, from which
 * unread counts follow without counting.
 */
#include "core/marker.h"

#include "base/err.h"
#include "core/member.h"
#include "core/tell.h"

int pl_marker_mark_read(struct pl_turn *turn)
{
    struct pl_engine *engine = turn->engine;
    pl_sequence sequence = turn->command->u.mark_read.sequence;
    struct pl_room *room;
    struct pl_member *member;
    uint64_t count;
    int rc = pl_member_joined(turn, turn->command->u.mark_read.room, &room, &member);

    if (rc != PL_OK)
        return rc;
    if (sequence > room->last_sequence)
        return pl_refuse(turn, PL_REASON_SEQUENCE_OUT_OF_RANGE);
    if (sequence <= member->read_sequence)
        return PL_OK;
    count = room->message_count;
    if (sequence < room->first_sequence)
        count = room->trimmed.messages;
    else if (sequence < room->last_message_sequence)
        rc = PL_ASK(engine, count_messages, room->id, sequence, &count);
    if (rc < 0)
        return rc;
    member->read_sequence = sequence;
    member->read_count = count;
    pl_cache_member_changed(&engine->cache, member);
    return pl_tell_marker(engine, room, member);
}

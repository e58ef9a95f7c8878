/* rooms_text.c - rooms as lines of a list. */
#include "client/rooms_text.h"

#include "client/message.h"
#include "client/safe_text.h"
#include "parla/v1/room.pb-c.h"

bool pl_rooms_is_joined(const Parla__V1__JoinedRoom *joined)
{
    return joined->member != NULL &&
           joined->member->state == PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED;
}

bool pl_rooms_is_one(const Parla__V1__Room *room)
{
    return room->delivery == PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE;
}

void pl_rooms_text(struct pl_bytebuf *out, struct pl_colour colour,
                   const Parla__V1__JoinedRoom *joined, const char *peer)
{
    const Parla__V1__Room *room = joined->room;

    pl_bytebuf_append_str(out, pl_rooms_is_joined(joined) ? "* " : "  ");
    if (pl_message_is_direct(room->room) && peer[0] == 0)
        pl_safe_append(out, pl_bytes_str(room->room), NULL);
    else
        pl_message_room(out, room->room, peer);
    pl_bytebuf_append_str(out, pl_colour_dim(colour));
    if (!pl_message_is_direct(room->room))
        pl_bytebuf_printf(out, "  %u member%s", room->member_count,
                          room->member_count == 1 ? "" : "s");
    if (pl_rooms_is_one(room))
        pl_bytebuf_append_str(out, ", each message to one");
    pl_bytebuf_append_str(out, pl_colour_off(colour));
    if (joined->unread_count > 0)
        pl_bytebuf_printf(out, "  %s%u unread%s", pl_colour_bold(colour), joined->unread_count,
                          pl_colour_off(colour));
    if (room->title[0] != 0) {
        pl_bytebuf_append_str(out, "  ");
        pl_safe_append(out, pl_bytes_str(room->title), NULL);
    }
    if (room->topic[0] != 0) {
        pl_bytebuf_append_str(out, "  ");
        pl_safe_append(out, pl_bytes_str(room->topic), NULL);
    }
}

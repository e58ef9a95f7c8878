/* json_out.c - one JSON object a line. */
#include "client/json_out.h"

#include "base/err.h"
#include "client/time_text.h"
#include "parla/v1/room.pb-c.h"
#include "pb/json.h"

#include <jansson.h>
#include <string.h>

void pl_json_init(void)
{
    pl_pb_json_init();
}

/* jansson lets U+007F through, which is a control character too. */
static int append(const char *data, size_t size, void *self)
{
    struct pl_bytebuf *out = self;

    for (size_t i = 0; i < size; i++) {
        if (data[i] == 0x7f)
            pl_bytebuf_append_str(out, "\\u007f");
        else
            pl_bytebuf_append_byte(out, (uint8_t)data[i]);
    }
    return out->err == PL_OK ? 0 : -1;
}

/* Consumes the object, which may be NULL for want of memory. */
static void put(struct pl_bytebuf *out, json_t *object)
{
    if (object == NULL ||
        (json_dump_callback(object, append, out, JSON_COMPACT | JSON_ENSURE_ASCII) < 0 &&
         out->err == PL_OK))
        out->err = PL_E_NOMEM;
    json_decref(object);
    pl_bytebuf_append_byte(out, '\n');
}

/* Adds a member; consumes the value, which may be NULL for want of memory. */
static void set(struct pl_bytebuf *out, json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0 && out->err == PL_OK)
        out->err = PL_E_NOMEM;
}

static void set_time(struct pl_bytebuf *out, json_t *object, const char *key, int64_t ms)
{
    char text[PL_TIME_TEXT_SIZE];

    if (ms == 0)
        return;
    pl_time_rfc3339(ms, text);
    set(out, object, key, json_string(text));
}

void pl_json_message(struct pl_bytebuf *out, const struct pl_message *message)
{
    json_t *object = json_pack("{s:s, s:s, s:I}", "type", "message", "room", message->room,
                               "sequence", (json_int_t)message->sequence);

    if (message->peer[0] != 0)
        set(out, object, "peer", json_string(message->peer));
    set_time(out, object, "time", message->time_ms);
    set(out, object, "sender", json_string(message->sender));
    set(out, object, "sender_id", json_integer((json_int_t)message->sender_id));
    set(out, object, "text", json_string(message->text));
    if (message->deleted)
        set(out, object, "deleted", json_true());
    put(out, object);
}

static const char *member_state(Parla__V1__MemberState state)
{
    switch (state) {
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_INVITED:
        return "invited";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED:
        return "joined";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_LEFT:
        return "left";
    case PARLA__V1__MEMBER_STATE__MEMBER_STATE_BANNED:
        return "banned";
    default:
        return "none";
    }
}

void pl_json_happening(struct pl_bytebuf *out, const Parla__V1__Event *event, const char *peer)
{
    json_t *object;

    if (event->kind_case != PARLA__V1__EVENT__KIND_MEMBER_CHANGED)
        return;
    object = json_pack("{s:s, s:s, s:I}", "type", "member", "room", event->room, "sequence",
                       (json_int_t)event->sequence);
    if (peer[0] != 0)
        set(out, object, "peer", json_string(peer));
    set_time(out, object, "time", pl_message_time_ms(event->create_time));
    set(out, object, "user", json_string(event->member_changed->user));
    json_object_set_new(object, "user_id",
                        json_integer((json_int_t)event->member_changed->user_id));
    set(out, object, "state", json_string(member_state(event->member_changed->state)));
    put(out, object);
}

void pl_json_trimmed(struct pl_bytebuf *out, const Parla__V1__RoomState *state, const char *peer)
{
    json_t *object = json_pack("{s:s, s:s, s:I}", "type", "trimmed", "room", state->room->room,
                               "sequence", (json_int_t)state->as_of_sequence);

    if (peer[0] != 0)
        set(out, object, "peer", json_string(peer));
    put(out, object);
}

void pl_json_room(struct pl_bytebuf *out, const Parla__V1__JoinedRoom *joined)
{
    const Parla__V1__Room *room = joined->room;
    bool one = room->delivery == PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE;
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "room", room->room, "title",
                  room->title, "topic", room->topic, "delivery", one ? "one" : "everyone",
                  "members", (json_int_t)room->member_count, "last_sequence",
                  (json_int_t)room->last_sequence, "unread", (json_int_t)joined->unread_count,
                  "state", member_state(joined->member != NULL ? joined->member->state : 0));

    set_time(out, object, "created", pl_message_time_ms(room->create_time));
    put(out, object);
}

void pl_json_user(struct pl_bytebuf *out, const Parla__V1__User *user)
{
    json_t *object = json_pack("{s:s, s:I, s:b, s:s, s:s}", "user", user->user, "user_id",
                               (json_int_t)user->user_id, "online", (int)user->online,
                               "display_name", user->display_name, "status", user->status);

    set_time(out, object, "last_seen", pl_message_time_ms(user->last_seen_time));
    put(out, object);
}

/*
 * room.h - rooms and who is in them, as the store keeps them.
 *
 * Plain data: copied by value, no pointers. Times are milliseconds since 1970,
 * UTC; 0 is never.
 */
#ifndef PL_MODEL_ROOM_H
#define PL_MODEL_ROOM_H

#include "model/ids.h"
#include "model/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* As on the wire (parla.v1.RoomVisibility). */
enum pl_room_visibility {
    PL_ROOM_PUBLIC = 1,
    PL_ROOM_PRIVATE = 2,
    PL_ROOM_DIRECT = 3,
};

/* As on the wire (parla.v1.RoomDelivery). */
enum pl_room_delivery {
    PL_ROOM_EVERYONE = 1,
    PL_ROOM_ONE = 2,
};

/* As on the wire (parla.v1.MemberState); NONE: never was in it. */
enum pl_member_state {
    PL_MEMBER_NONE = 0,
    PL_MEMBER_INVITED = 1,
    PL_MEMBER_JOINED = 2,
    PL_MEMBER_LEFT = 3,
    PL_MEMBER_BANNED = 4,
};

/* As on the wire (parla.v1.MemberRole). */
enum pl_member_role {
    PL_ROLE_READER = 1,
    PL_ROLE_MEMBER = 2,
    PL_ROLE_MODERATOR = 3,
    PL_ROLE_OWNER = 4,
};

#define PL_LOBBY_NAME "lobby"

/* What retention has taken from the front of a room's log; all 0: nothing. */
struct pl_trimmed {
    pl_position position;     /* of the last event taken */
    uint64_t messages;        /* how many messages were taken */
    pl_sequence last_message; /* the last of them */
};

struct pl_room {
    pl_room_id id;
    char name[PL_ROOM_NAME_SIZE_MAX + 1]; /* Room.room on the wire */
    char title[PL_TITLE_SIZE_MAX + 1];
    char topic[PL_TOPIC_SIZE_MAX + 1];
    enum pl_room_visibility visibility;
    enum pl_room_delivery delivery;
    bool quiet_membership;
    uint64_t retention_s; /* 0: for ever */
    int64_t create_ms;
    uint32_t settings_version; /* the etag: one more at each change of settings */
    uint32_t member_count;     /* JOINED ones */
    uint32_t partition;        /* < PL_PARTITIONS_LEN */
    pl_sequence first_sequence;
    pl_sequence last_sequence;         /* 0 before the first event */
    pl_sequence last_message_sequence; /* 0 before the first message */
    uint64_t message_count;            /* messages ever sent to it */
    pl_position last_position;         /* of its last event */
    int64_t first_ms;                  /* the time of its first event that is kept */
    struct pl_trimmed trimmed;
    pl_user_id direct[2]; /* of a direct room, the lower id first; else 0 */
};

/* A user's standing in a room. read_count is the number of messages whose
 * sequence is at most read_sequence, so that what is unread is known without
 * counting: see pl_room_unread(). Of a marker before the first event kept it may
 * count any of those that retention has taken. */
struct pl_member {
    pl_room_id room;
    pl_user_id user;
    enum pl_member_state state;
    enum pl_member_role role;
    int64_t update_ms;
    pl_sequence read_sequence;
    uint64_t read_count;
};

/* What of a room's log a user may see in a stream: events with a position
 * beyond `from` and up to `until`. Open spans reach to PL_POSITION_MAX. A user
 * has one span for each time of being in the room. */
struct pl_span {
    pl_room_id room;
    pl_position from;
    pl_position until;
};

/* Whether the bytes are a room's id that a client may choose: 1 to 64 of a-z,
 * 0-9, '-', '_' and '.'. */
bool pl_room_name_valid(const char *name);

/* Whether they are one that a client may name: also '@' and what follows. */
bool pl_room_ref_valid(const char *name);

/* How many of the messages kept the member has not read. */
uint64_t pl_room_unread(const struct pl_room *room, const struct pl_member *member);

/* When the room's log is to be trimmed: a tenth of its retention, or a minute if
 * that is less, after its first event's time is over, so that what goes goes
 * together. 0: never, or not as long as that event is the last one. */
int64_t pl_room_trim_due_ms(const struct pl_room *room);

/* The virtual partition that a room is dealt to; stable for ever. */
uint32_t pl_room_partition(pl_room_id room);

#endif

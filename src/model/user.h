/*
 * user.h - users and their sessions, as the store keeps them.
 *
 * Plain data: copied by value, no pointers. Times are milliseconds since 1970,
 * UTC; 0 is never.
 */
#ifndef PL_MODEL_USER_H
#define PL_MODEL_USER_H

#include "base/secret.h"
#include "model/ids.h"
#include "model/limits.h"

#include <stdbool.h>
#include <stdint.h>

/* As on the wire (parla.v1.UserKind). */
enum pl_user_kind {
    PL_USER_PERSON = 1,
    PL_USER_GUEST = 2,
    PL_USER_BOT = 3,
    PL_USER_ADMIN = 4,
};

enum pl_user_state {
    PL_USER_ACTIVE = 1, /* holds its name */
    PL_USER_ENDING = 2, /* the name is free; memberships are being ended */
    PL_USER_ENDED = 3,  /* kept only as the author of what it wrote */
};

struct pl_user {
    pl_user_id id;
    char name[PL_USER_NAME_SIZE_MAX + 1];
    char display_name[PL_DISPLAY_NAME_SIZE_MAX + 1];
    char status[PL_STATUS_SIZE_MAX + 1];
    enum pl_user_kind kind;
    enum pl_user_state state;
    int64_t create_ms;
    int64_t last_seen_ms; /* when its last stream closed; 0 if it never had one */
    uint32_t room_count;  /* rooms that it is in */
};

struct pl_session {
    pl_session_id id;
    pl_user_id user;
    struct pl_hash token_hash;
    char label[PL_LABEL_SIZE_MAX + 1];
    int64_t create_ms;
    int64_t used_ms; /* told in coarse steps: see PL_COMMAND_TOUCH_SESSION */
};

/* Whether the bytes are a user's name: 1 to 32 of a-z, 0-9, '-', '_' and '.',
 * a letter first. */
bool pl_user_name_valid(const char *name);

#endif

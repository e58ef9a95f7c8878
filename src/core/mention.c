/* mention.c - finding '@name' in a text, and who that is. */
#include "core/mention.h"

#include "base/err.h"

#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool pl_mention_next(const char **text, char name[PL_USER_NAME_SIZE_MAX + 1])
{
    const char *begin = *text;
    const char *at = strchr(begin, '@');

    for (; at != NULL; at = strchr(at, '@')) {
        bool free_before = at == begin || !is_alnum(at[-1]);
        size_t size = 0;

        at++;
        while (is_name(at[size]))
            size++;
        if (!free_before || is_alnum(at[size])) /* @anaX is nobody */
            continue;
        while (size > 0 && !is_alnum(at[size - 1]))
            size--;
        if (size == 0 || size > PL_USER_NAME_SIZE_MAX)
            continue;
        memcpy(name, at, size);
        name[size] = 0;
        if (!pl_user_name_valid(name))
            continue;
        *text = at + size + (at[size] == '@'); /* a letter stands before that one */
        return true;
    }
    return false;
}

static bool has(const struct pl_message *message, const char *name)
{
    for (uint32_t i = 0; i < message->mentions_len; i++)
        if (strcmp(message->mentions[i], name) == 0)
            return true;
    return false;
}

static int add(struct pl_engine *engine, const struct pl_room *room, const char *name,
               struct pl_message *message)
{
    struct pl_member *member;
    struct pl_user *user;
    int rc;

    if (has(message, name))
        return PL_OK;
    rc = pl_cache_user_named(&engine->cache, name, &user);
    if (rc == PL_OK)
        rc = pl_cache_member(&engine->cache, room->id, user->id, &member);
    if (rc != PL_OK)
        return rc == PL_E_NOTFOUND ? PL_OK : rc;
    if (member->state != PL_MEMBER_JOINED)
        return PL_OK;
    message->mentions[message->mentions_len] = user->name;
    message->mention_ids[message->mentions_len] = user->id;
    message->mentions_len++;
    return PL_OK;
}

int pl_mention_find(struct pl_engine *engine, const struct pl_room *room,
                    struct pl_message *message)
{
    char name[PL_USER_NAME_SIZE_MAX + 1];
    const char *text = message->text;
    uint32_t tries = 0;

    message->mentions_len = 0;
    while (message->mentions_len < PL_MENTIONS_LEN_MAX && tries++ < PL_MENTION_TRIES_MAX &&
           pl_mention_next(&text, name)) {
        int rc = add(engine, room, name, message);

        if (rc < 0)
            return rc;
    }
    return PL_OK;
}

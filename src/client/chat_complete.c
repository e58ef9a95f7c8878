/*
 * chat_complete.c - completes the word before the cursor: commands, rooms,
 * users.
 */
#include "client/chat.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum { NAMES_LEN_MAX = 1000, SHARED_SIZE = 128 };

const char *const pl_chat_commands[] = {"/create",  "/help",   "/history", "/join",
                                        "/leave",   "/msg",    "/quit",    "/rooms",
                                        "/signout", "/switch", "/who",     NULL};

void pl_chat_know_name(struct pl_chat *chat, const char *name)
{
    struct pl_chat_name *known;

    if (strlen(name) > PL_USER_NAME_SIZE_MAX || chat->names_len == NAMES_LEN_MAX)
        return;
    PL_LIST_EACH (node, &chat->names) {
        if (strcmp(PL_CONTAINER(node, struct pl_chat_name, node)->name, name) == 0)
            return;
    }
    known = pl_zalloc(sizeof *known);
    if (known == NULL)
        return; /* it is only not completed */
    snprintf(known->name, sizeof known->name, "%s", name);
    pl_list_append(&chat->names, &known->node);
    chat->names_len++;
}

void pl_chat_names_clear(struct pl_chat *chat)
{
    PL_LIST_EACH (node, &chat->names) {
        pl_list_remove(node);
        pl_free(PL_CONTAINER(node, struct pl_chat_name, node));
    }
    chat->names_len = 0;
}

/* What begins like the word. */
struct matches {
    const char *word;
    size_t len;
    char shared[SHARED_SIZE]; /* what all have in common */
    struct pl_bytebuf list;   /* for people to read */
};

static void match(struct matches *matches, const char *candidate)
{
    size_t same = 0;

    if (strncmp(candidate, matches->word, strlen(matches->word)) != 0)
        return;
    if (matches->len++ == 0)
        snprintf(matches->shared, sizeof matches->shared, "%s", candidate);
    while (matches->shared[same] != 0 && matches->shared[same] == candidate[same])
        same++;
    matches->shared[same] = 0;
    pl_bytebuf_append_byte(&matches->list, ' ');
    pl_bytebuf_append_str(&matches->list, candidate);
}

static void match_names(struct pl_chat *chat, struct matches *matches)
{
    PL_LIST_EACH (node, &chat->names)
        match(matches, PL_CONTAINER(node, struct pl_chat_name, node)->name);
}

static void match_rooms(struct pl_chat *chat, struct matches *matches)
{
    PL_LIST_EACH (node, &chat->rooms) {
        const struct pl_chat_room *room = PL_CONTAINER(node, struct pl_chat_room, node);

        if (!pl_message_is_direct(room->id))
            match(matches, room->id);
    }
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Finds what the word may become; false where nothing is completed there. */
static bool find(struct pl_chat *chat, const char *before, const char *word,
                 struct matches *matches)
{
    if (word == before && word[0] == '/') {
        for (size_t i = 0; pl_chat_commands[i] != NULL; i++)
            match(matches, pl_chat_commands[i]);
    } else if (word[0] == '@') {
        matches->word = word + 1;
        match_names(chat, matches);
    } else if (word[0] == '#') {
        matches->word = word + 1;
        match_rooms(chat, matches);
    } else if (begins(before, "/msg ") && word == before + strlen("/msg ")) {
        match_names(chat, matches);
    } else if (begins(before, "/switch ") || begins(before, "/join ") ||
               begins(before, "/leave ")) {
        match_rooms(chat, matches);
    } else {
        return false;
    }
    return true;
}

void pl_chat_complete(struct pl_chat *chat, const char *before)
{
    const char *blank = strrchr(before, ' ');
    const char *word = blank != NULL ? blank + 1 : before;
    struct matches matches = {.word = word};

    if (chat->phase == PL_CHAT_ASKING)
        return;
    pl_bytebuf_init(&matches.list, 64 * 1024);
    if (find(chat, before, word, &matches) && matches.len > 0) {
        const char *rest = matches.shared + strlen(matches.word);

        if (rest[0] != 0)
            pl_screen_insert(chat->screen, rest);
        if (matches.len == 1)
            pl_screen_insert(chat->screen, " ");
        else if (rest[0] == 0)
            pl_chat_say(chat, "one of:%s", pl_bytebuf_cstr(&matches.list));
    }
    pl_bytebuf_done(&matches.list);
}

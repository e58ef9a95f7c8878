/*
 * chat_name.c - asks for a name.
 *
 * Two chats of one account are two people: a name that another run holds is not
 * taken, and what is offered is free on this side.
 */
#include "client/chat.h"

#include "base/err.h"
#include "model/user.h"

#include <stdio.h>
#include <string.h>

/* The last name, or that with a figure where another run holds it; or none. */
static void choose_offer(struct pl_chat *chat)
{
    char last[PL_USER_NAME_SIZE_MAX + 1];
    char name[PL_USER_NAME_SIZE_MAX + 8];

    chat->offer[0] = 0;
    if (pl_state_last_name(chat->app.state, last) < 0)
        return;
    for (unsigned i = 1; i < 10; i++) {
        snprintf(name, sizeof name, i == 1 ? "%s" : "%s%u", last, i);
        if (!pl_user_name_valid(name))
            return;
        if (!pl_state_is_locked(chat->app.state, name)) {
            memcpy(chat->offer, name, strlen(name) + 1); /* valid: it fits */
            return;
        }
    }
}

void pl_chat_ask_name(struct pl_chat *chat)
{
    chat->phase = PL_CHAT_ASKING;
    choose_offer(chat);
}

void pl_chat_try_name(struct pl_chat *chat, const char *name)
{
    int err = pl_state_lock(chat->app.state, name);

    if (err == PL_E_BUSY) {
        pl_chat_say(chat, "%s is another chat of yours, running now; choose another name", name);
        pl_chat_ask_name(chat);
        return;
    }
    if (err < 0) {
        pl_chat_say(chat, "cannot write in %s: %s", pl_state_path(chat->app.state),
                    pl_err_text(err));
        pl_chat_ask_name(chat);
        return;
    }
    chat->phase = PL_CHAT_ENTERING;
    pl_app_sign_in(&chat->app, name);
}

void pl_chat_take_name(struct pl_chat *chat, const char *text)
{
    char name[PL_USER_NAME_SIZE_MAX + 2];
    size_t len = 0;

    while (*text == ' ' || *text == '@')
        text++;
    for (; text[len] != 0 && text[len] != ' ' && len < sizeof name - 1; len++) {
        char c = text[len];

        name[len] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    name[len] = 0;
    if (len == 0 && chat->offer[0] != 0)
        snprintf(name, sizeof name, "%s", chat->offer);
    if (pl_user_name_valid(name) && text[len + strspn(text + len, " ")] == 0)
        pl_chat_try_name(chat, name);
    else
        pl_chat_say(chat, "a name is 1 to 32 of a-z, 0-9, '-', '_' and '.', a letter first");
}

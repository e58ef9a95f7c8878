/*
 * chat_input.c - what is typed: messages and commands.
 */
#include "client/chat.h"

#include "base/err.h"
#include "base/mem.h"
#include "client/history.h"
#include "client/rooms_text.h"
#include "client/safe_text.h"
#include "client/script.h"
#include "model/limits.h"
#include "model/room.h"
#include "model/user.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HISTORY_LEN_MAX = 1000, ARGS_SIZE = 256 };

/* A call that a command has made, and what it was about. */
struct errand {
    struct pl_chat *chat_weak;
    char name[PL_ROOM_NAME_SIZE_MAX + 2];
    void (*done)(struct errand *errand, const struct pl_api_result *result);
};

static void on_errand(void *self, const struct pl_api_result *result)
{
    struct errand *errand = self;

    if (result->response == NULL)
        errand->chat_weak->signing_out = false;
    if (result->code == PL_CODE_UNAUTHENTICATED)
        pl_chat_token_lost(errand->chat_weak);
    else if (result->response == NULL)
        pl_chat_say_refused(errand->chat_weak, result);
    else
        errand->done(errand, result);
    pl_free(errand);
}

static void call(struct pl_chat *chat, const ProtobufCServiceDescriptor *service,
                 const char *method, const ProtobufCMessage *request, const char *name,
                 void (*done)(struct errand *errand, const struct pl_api_result *result))
{
    struct errand *errand = pl_zalloc(sizeof *errand);

    if (errand == NULL) {
        pl_chat_say(chat, "out of memory");
        return;
    }
    if (chat->app.phase != PL_APP_READY) {
        pl_chat_say(chat, "there is no connection at the moment; try again later");
        pl_free(errand);
        return;
    }
    errand->chat_weak = chat;
    memcpy(errand->name, name, strnlen(name, sizeof errand->name - 1));
    errand->done = done;
    pl_app_call_owned(&chat->app, service, method, request, on_errand, pl_free, errand);
}

static void say(struct pl_chat *chat, bool is_user, const char *target, const char *text)
{
    size_t size = strlen(text);

    if (size > PL_TEXT_SIZE_MAX) {
        pl_chat_say(chat, "that is %zu bytes too long; nothing was sent", size - PL_TEXT_SIZE_MAX);
        pl_screen_insert(chat->screen, text);
        return;
    }
    if (pl_sender_put(chat->sender, is_user, target, text, 0) < 0) {
        pl_chat_say(chat, "out of memory; nothing was sent");
        return;
    }
    pl_sender_go_on(chat->sender);
}

/* The first word of the arguments without a mark before it, and what follows. */
static const char *first_word(const char *args, char mark, char word[ARGS_SIZE])
{
    size_t size;

    if (*args == mark)
        args++;
    size = strcspn(args, " ");
    if (size >= ARGS_SIZE)
        size = ARGS_SIZE - 1;
    memcpy(word, args, size);
    word[size] = 0;
    args += size;
    return args + strspn(args, " ");
}

static bool room_arg(struct pl_chat *chat, const char *args, char room[ARGS_SIZE])
{
    const char *rest = first_word(args, '#', room);

    if (rest[0] == 0 && pl_room_name_valid(room))
        return true;
    pl_chat_say(chat, "a room is 1 to 64 of a-z, 0-9, '-', '_' and '.'");
    return false;
}

static void enter(struct pl_chat *chat, const Parla__V1__Room *joined)
{
    bool was_there = pl_chat_room_find(chat, joined->room) != NULL;
    struct pl_chat_room *room = pl_chat_room_enter(chat, joined->room, pl_rooms_is_one(joined));

    if (room == NULL) {
        pl_chat_say(chat, "out of memory");
        return;
    }
    pl_chat_set_target(chat, false, room->id);
    pl_chat_say(chat, "you are in #%s%s", room->id,
                room->is_one ? "; each message goes to one of those who take" : "");
    if (!was_there && !room->is_one)
        pl_chat_room_fill(chat, room);
}

static void on_joined(struct errand *errand, const struct pl_api_result *result)
{
    const Parla__V1__JoinRoomResponse *response =
        (const Parla__V1__JoinRoomResponse *)result->response;

    if (response->room != NULL)
        enter(errand->chat_weak, response->room);
}

static void do_join(struct pl_chat *chat, const char *args)
{
    Parla__V1__JoinRoomRequest request = PARLA__V1__JOIN_ROOM_REQUEST__INIT;
    char room[ARGS_SIZE];

    if (!room_arg(chat, args, room))
        return;
    request.room = room;
    request.create_if_missing = true;
    call(chat, &parla__v1__room_service__descriptor, "JoinRoom", &request.base, "", on_joined);
}

static void on_created(struct errand *errand, const struct pl_api_result *result)
{
    const Parla__V1__CreateRoomResponse *response =
        (const Parla__V1__CreateRoomResponse *)result->response;

    if (response->room != NULL)
        enter(errand->chat_weak, response->room);
}

static void do_create(struct pl_chat *chat, const char *args)
{
    Parla__V1__CreateRoomRequest request = PARLA__V1__CREATE_ROOM_REQUEST__INIT;
    Parla__V1__Room made = PARLA__V1__ROOM__INIT;
    char word[ARGS_SIZE];
    char room[ARGS_SIZE];
    const char *rest = first_word(args, '#', word);
    bool one = strcmp(rest, "--one") == 0;

    if (strcmp(word, "--one") == 0) {
        one = true;
        args = rest;
    } else if (one) {
        args = word;
    }
    if (!room_arg(chat, args, room))
        return;
    request.room = &made;
    made.room = room;
    made.visibility = PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PUBLIC;
    made.delivery = one ? PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE
                        : PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_EVERYONE;
    call(chat, &parla__v1__room_service__descriptor, "CreateRoom", &request.base, "", on_created);
}

static void on_left(struct errand *errand, const struct pl_api_result *result)
{
    (void)result;
    pl_chat_room_leave(errand->chat_weak, errand->name);
    pl_chat_say(errand->chat_weak, "you have left #%s", errand->name);
}

static void do_leave(struct pl_chat *chat, const char *args)
{
    Parla__V1__LeaveRoomRequest request = PARLA__V1__LEAVE_ROOM_REQUEST__INIT;
    char room[ARGS_SIZE];

    if (args[0] == 0 && chat->target.is_user) { /* a conversation is only closed */
        pl_chat_set_target(chat, false, PL_LOBBY_NAME);
        return;
    }
    if (!room_arg(chat, args[0] != 0 ? args : chat->target.name, room))
        return;
    request.room = room;
    call(chat, &parla__v1__room_service__descriptor, "LeaveRoom", &request.base, room, on_left);
}

static void do_msg(struct pl_chat *chat, const char *args)
{
    char user[ARGS_SIZE];
    const char *text = first_word(args, '@', user);

    if (!pl_user_name_valid(user) || text[0] == 0)
        pl_chat_say(chat, "/msg USER TEXT");
    else
        say(chat, true, user, text);
}

static void do_switch(struct pl_chat *chat, const char *args)
{
    struct pl_room_ref ref;

    if (pl_room_ref_parse(args, &ref) < 0)
        pl_chat_say(chat, "/switch ROOM or /switch @USER");
    else if (!ref.is_user && pl_chat_room_find(chat, ref.name) == NULL)
        pl_chat_say(chat, "you are not in #%s; /join %s enters it", ref.name, ref.name);
    else
        pl_chat_set_target(chat, ref.is_user, ref.name);
}

static void on_rooms(struct errand *errand, const struct pl_api_result *result)
{
    struct pl_chat *chat = errand->chat_weak;
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    const Parla__V1__ListRoomsResponse *response =
        (const Parla__V1__ListRoomsResponse *)result->response;

    for (size_t i = 0; i < response->n_rooms; i++) {
        if (response->rooms[i]->room == NULL)
            continue;
        pl_bytebuf_append_str(out, "  ");
        pl_rooms_text(out, chat->app.colour, response->rooms[i],
                      pl_follow_peer(chat->follow, response->rooms[i]->room->room));
        pl_bytebuf_append_byte(out, '\n');
    }
    if (response->next_page_token[0] != 0)
        pl_chat_say(chat, "and more; 'parla rooms' lists all");
}

static void do_rooms(struct pl_chat *chat, const char *args)
{
    Parla__V1__ListRoomsRequest request = PARLA__V1__LIST_ROOMS_REQUEST__INIT;

    (void)args;
    request.include_unjoined = true;
    request.page_size = PL_API_ROOMS_LEN;
    call(chat, &parla__v1__room_service__descriptor, "ListRooms", &request.base, "", on_rooms);
}

static void on_users(struct errand *errand, const struct pl_api_result *result)
{
    struct pl_chat *chat = errand->chat_weak;
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    const Parla__V1__ListUsersResponse *response =
        (const Parla__V1__ListUsersResponse *)result->response;

    pl_chat_say(chat, "online: %zu%s", response->n_users,
                response->next_page_token[0] != 0 ? " and more; 'parla who' lists all" : "");
    for (size_t i = 0; i < response->n_users; i++) {
        const char *user = response->users[i]->user;

        pl_bytebuf_append_str(out, "  ");
        pl_bytebuf_append_str(out, pl_colour_name(chat->app.colour, user));
        pl_safe_append(out, pl_bytes_str(user), NULL);
        pl_bytebuf_append_str(out, pl_colour_off(chat->app.colour));
        pl_bytebuf_append_byte(out, '\n');
        pl_chat_know_name(chat, user);
    }
}

static void do_who(struct pl_chat *chat, const char *args)
{
    Parla__V1__ListUsersRequest request = PARLA__V1__LIST_USERS_REQUEST__INIT;

    (void)args;
    request.online_only = true;
    request.page_size = PL_API_USERS_LEN;
    call(chat, &parla__v1__user_service__descriptor, "ListUsers", &request.base, "", on_users);
}

static void on_history_begin(void *self, size_t len)
{
    struct pl_chat *chat = self;

    pl_chat_say(chat, "the last %zu messages:", len);
    chat->has_shown_day = false;
}

static void on_history_message(void *self, const Parla__V1__ChatMessage *listed)
{
    struct pl_chat *chat = self;
    struct pl_message message =
        pl_message_of_chat(listed, pl_follow_peer(chat->follow, listed->room));

    pl_chat_show_message(chat, &message);
}

static void on_history_end(void *self)
{
    pl_chat_say(self, "the end of the history");
}

static void on_history_refused(void *self, const struct pl_api_result *result)
{
    pl_chat_say_refused(self, result);
}

static void do_history(struct pl_chat *chat, const char *args)
{
    struct pl_history_ops ops = {.self = chat,
                                 .on_begin = on_history_begin,
                                 .on_message = on_history_message,
                                 .on_end = on_history_end,
                                 .on_refused = on_history_refused};
    const char *room = chat->target.name;
    char *end = NULL;
    long len = args[0] != 0 ? strtol(args, &end, 10) : PL_HISTORY_LEN_DEFAULT;

    if ((end != NULL && *end != 0) || len < 1 || len > HISTORY_LEN_MAX) {
        pl_chat_say(chat, "/history N, N being 1 to %d", HISTORY_LEN_MAX);
        return;
    }
    if (chat->target.is_user)
        room = pl_follow_room(chat->follow, chat->target.name);
    if (room == NULL) {
        pl_chat_say(chat, "nothing was said with @%s since you came", chat->target.name);
        return;
    }
    if (pl_history_ask(&chat->app, room, (uint32_t)len, &ops) < 0)
        pl_chat_say(chat, "out of memory");
}

static void do_help(struct pl_chat *chat, const char *args)
{
    (void)args;
    pl_bytebuf_append_str(
        pl_screen_out(chat->screen),
        "  TEXT                 say it to the room of the prompt\n"
        "  /join ROOM           enter a room; it is made if there is none\n"
        "  /create ROOM [--one] make a room; --one: each message is handed to one\n"
        "  /leave               leave the room\n"
        "  /switch ROOM|@USER   talk there from now on\n"
        "  /msg USER TEXT       tell one person something\n"
        "  /rooms               which rooms there are\n"
        "  /who                 who is online\n"
        "  /history [N]         the last N messages of the room\n"
        "  /signout             go, and set your name free\n"
        "  /quit                go; what is said meanwhile waits for you\n"
        "  //TEXT               say /TEXT\n");
}

static void on_signed_out(struct errand *errand, const struct pl_api_result *result)
{
    struct pl_chat *chat = errand->chat_weak;

    (void)result;
    snprintf(chat->farewell, sizeof chat->farewell, "signed out; the name %s is free again",
             chat->app.user);
    if (pl_state_forget(chat->app.state, chat->app.user) < 0)
        pl_chat_say(chat, "cannot remove the token in %s", pl_state_path(chat->app.state));
    pl_app_end(&chat->app, PL_EXIT_DONE);
}

static void do_signout(struct pl_chat *chat, const char *args)
{
    Parla__V1__SignOutRequest request = PARLA__V1__SIGN_OUT_REQUEST__INIT;

    (void)args;
    chat->signing_out = chat->app.phase == PL_APP_READY; /* the streams' ends are no news then */
    call(chat, &parla__v1__session_service__descriptor, "SignOut", &request.base, "",
         on_signed_out);
}

static void do_quit(struct pl_chat *chat, const char *args)
{
    (void)args;
    pl_chat_end(chat, PL_EXIT_DONE);
}

static const struct {
    const char *name;
    void (*run)(struct pl_chat *chat, const char *args);
} commands[] = {
    {"/create", do_create}, {"/help", do_help},   {"/history", do_history},
    {"/join", do_join},     {"/leave", do_leave}, {"/msg", do_msg},
    {"/quit", do_quit},     {"/rooms", do_rooms}, {"/signout", do_signout},
    {"/switch", do_switch}, {"/who", do_who},
};

static void run_command(struct pl_chat *chat, const char *text)
{
    char word[ARGS_SIZE];
    const char *args = first_word(text, 0, word);
    struct pl_bytebuf safe;

    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, word) == 0) {
            commands[i].run(chat, args);
            return;
        }
    }
    pl_bytebuf_init(&safe, ARGS_SIZE * 12);
    pl_safe_append(&safe, pl_bytes_str(word), NULL);
    pl_chat_say(chat, "no command %s, nothing was sent; /help lists them, // begins a text with /",
                pl_bytebuf_cstr(&safe));
    pl_bytebuf_done(&safe);
}

static void keep(struct pl_chat *chat, const char *text)
{
    size_t size = strlen(text) + 1;
    struct pl_chat_early *early = pl_alloc(sizeof *early + size);

    if (early == NULL) {
        pl_chat_say(chat, "out of memory; nothing was sent");
        return;
    }
    memcpy(early->text, text, size);
    pl_list_append(&chat->early, &early->node);
}

void pl_chat_take_early(struct pl_chat *chat)
{
    struct pl_list *first;

    while ((first = pl_list_first(&chat->early)) != NULL) {
        struct pl_chat_early *early = PL_CONTAINER(first, struct pl_chat_early, node);

        pl_list_remove(first);
        pl_chat_take_line(chat, early->text);
        pl_free(early);
    }
}

void pl_chat_early_clear(struct pl_chat *chat)
{
    PL_LIST_EACH (node, &chat->early) {
        pl_list_remove(node);
        pl_free(PL_CONTAINER(node, struct pl_chat_early, node));
    }
}

void pl_chat_take_line(struct pl_chat *chat, const char *text)
{
    if (text[strspn(text, " \t\n")] == 0)
        return;
    if (!chat->rooms_known && strcmp(text, "/quit") != 0) {
        keep(chat, text);
        return;
    }
    if (text[0] != '/')
        say(chat, chat->target.is_user, chat->target.name, text);
    else if (text[1] == '/')
        say(chat, chat->target.is_user, chat->target.name, text + 1);
    else
        run_command(chat, text);
}

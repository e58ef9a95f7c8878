/*
 * chat.h - the chat in the terminal: what its files share.
 *
 * cmd_chat.c lives and dies, chat_name.c asks for a name, chat_input.c takes
 * lines and commands, chat_rooms.c knows the rooms, chat_show.c prints,
 * chat_complete.c completes words.
 *
 * Threads: one.
 */
#ifndef PL_CLIENT_CHAT_H
#define PL_CLIENT_CHAT_H

#include "base/list.h"
#include "client/app.h"
#include "client/follow.h"
#include "client/marker.h"
#include "client/message.h"
#include "client/screen.h"
#include "client/sender.h"
#include "parla/v1/room.pb-c.h"

enum pl_chat_phase {
    PL_CHAT_ASKING,   /* for a name */
    PL_CHAT_ENTERING, /* a name is known; not signed in for the first time */
    PL_CHAT_LIVE,     /* signed in at least once under this name */
    PL_CHAT_ENDING,   /* what is under way finishes */
};

/* Where a line goes. */
struct pl_chat_target {
    bool is_user;
    char name[PL_ROOM_NAME_SIZE_MAX + 2]; /* a user's name, or a room's id */
};

struct pl_chat_room {
    struct pl_list node;
    struct pl_chat *chat_weak;
    char id[PL_ROOM_NAME_SIZE_MAX + 2];
    bool is_one;                /* its messages go to one taker each */
    bool wants_fill;            /* its last messages are to be shown */
    bool filling;               /* they are being asked for */
    uint64_t taken;             /* the last message that was taken and shown; 0: none */
    struct pl_api_stream *take; /* NULL: none is open */
};

/* A line typed before one was quite in. */
struct pl_chat_early {
    struct pl_list node;
    char text[];
};

/* A name that completion knows. */
struct pl_chat_name {
    struct pl_list node;
    char name[PL_USER_NAME_SIZE_MAX + 1];
};

struct pl_chat {
    struct pl_app app;
    enum pl_chat_phase phase;
    struct pl_screen *screen;
    struct pl_follow *follow;
    struct pl_marker *marker;
    struct pl_sender *sender;
    struct pl_timer *take_again;
    struct pl_timer *end_timer;
    struct pl_signal *signals[3];
    struct pl_chat_target target; /* of what is typed */
    struct pl_list rooms;         /* those that one is in, as far as known */
    struct pl_list names;
    size_t names_len;
    struct pl_list early;                  /* taken once the rooms are known */
    bool rooms_known;                      /* the server has told them since signing in */
    char offer[PL_USER_NAME_SIZE_MAX + 1]; /* the name offered; "" for none */
    char status[256];                      /* of the connection; "" while all is well */
    char farewell[PL_APP_TEXT_SIZE];       /* to be said when the screen is gone */
    int64_t shown_day_ms;                  /* a time of the day shown last */
    bool has_shown_day;
    bool signing_out; /* by /signout */
    bool was_live;    /* signed in at least once in this run */
    bool is_failure;  /* the farewell is for standard error */
    bool lost;        /* the connection was, and that was told */
};

/* cmd_chat.c */

/* Ends in good order: what is being sent or marked may finish. */
void pl_chat_end(struct pl_chat *chat, int exit_status);

/* The server does not know the token any more: asks for a name, keeps lines. */
void pl_chat_token_lost(struct pl_chat *chat);

/* chat_name.c */

void pl_chat_ask_name(struct pl_chat *chat);
/* An answer was typed. */
void pl_chat_take_name(struct pl_chat *chat, const char *text);
/* Tries a valid name, or tells why not and asks. */
void pl_chat_try_name(struct pl_chat *chat, const char *name);

/* chat_show.c */

/* A line about the chat itself; the text must be harmless. */
void pl_chat_say(struct pl_chat *chat, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The server said no, or something else is wrong: raw text. */
void pl_chat_say_refused(struct pl_chat *chat, const struct pl_api_result *result);
/* A message with its time, and its room where that is not the current one. */
void pl_chat_show_message(struct pl_chat *chat, const struct pl_message *message);
void pl_chat_show_event(struct pl_chat *chat, const Parla__V1__Event *event, const char *peer);
/* The prompt and the notes, as they stand. */
void pl_chat_show_state(struct pl_chat *chat);
/* What was not sent, on standard output; after the screen is gone. */
void pl_chat_show_unsent(struct pl_chat *chat);

/* chat_rooms.c */

struct pl_chat_room *pl_chat_room_find(struct pl_chat *chat, const char *id);
/* Finds or adds; NULL for want of memory. */
struct pl_chat_room *pl_chat_room_enter(struct pl_chat *chat, const char *id, bool is_one);
void pl_chat_room_leave(struct pl_chat *chat, const char *id);
void pl_chat_rooms_clear(struct pl_chat *chat);
/* Asks the server which rooms one is in. */
void pl_chat_rooms_ask(struct pl_chat *chat);
/* Shows a room's last messages, before anything newer of it. */
void pl_chat_room_fill(struct pl_chat *chat, struct pl_chat_room *room);
/* Goes on with what a lost connection has interrupted. */
void pl_chat_rooms_go_on(struct pl_chat *chat);
void pl_chat_set_target(struct pl_chat *chat, bool is_user, const char *name);

/* chat_input.c */

/* A line was typed: a message or a command. Before the rooms are known it is kept
 * for pl_chat_take_early(). */
void pl_chat_take_line(struct pl_chat *chat, const char *text);
void pl_chat_take_early(struct pl_chat *chat);
void pl_chat_early_clear(struct pl_chat *chat);

/* chat_complete.c */

void pl_chat_complete(struct pl_chat *chat, const char *before);
void pl_chat_know_name(struct pl_chat *chat, const char *name);
void pl_chat_names_clear(struct pl_chat *chat);
/* The commands, ended by NULL. */
extern const char *const pl_chat_commands[];

#endif

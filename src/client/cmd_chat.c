/*
 * cmd_chat.c - parla without a command, on a terminal: the chat's life.
 *
 * It connects while it asks for a name. Signed in, it shows the lobby's last
 * messages and follows all rooms; a lost connection is told, and all goes on
 * where it was. It ends with what is under way finished, or a moment later.
 */
#include "client/chat.h"

#include "base/err.h"
#include "client/command.h"
#include "client/safe_text.h"
#include "client/time_text.h"
#include "model/room.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MARK_DELAY_MS = 1000, END_MS = 2000, STATUS_SIGNAL = 128 };

static bool may_end(const struct pl_chat *chat)
{
    if (chat->app.phase != PL_APP_READY)
        return true;
    return pl_sender_len(chat->sender) == 0 && pl_marker_is_done(chat->marker);
}

void pl_chat_end(struct pl_chat *chat, int exit_status)
{
    chat->phase = PL_CHAT_ENDING;
    chat->app.exit_status = exit_status;
    pl_marker_go_on(chat->marker);
    pl_timer_start(chat->end_timer, END_MS, 0);
}

static void on_end_timer(void *self)
{
    struct pl_chat *chat = self;

    pl_app_end(&chat->app, chat->app.exit_status);
}

static void on_turn_end(void *self)
{
    struct pl_chat *chat = self;

    if (chat->phase == PL_CHAT_ENDING && may_end(chat))
        pl_app_end(&chat->app, chat->app.exit_status);
    pl_chat_show_state(chat);
    pl_screen_flush(chat->screen);
}

/* Signed in for the first time under this name. */
static void begin(struct pl_chat *chat)
{
    struct pl_chat_room *lobby;

    chat->phase = PL_CHAT_LIVE;
    chat->was_live = true;
    pl_chat_set_target(chat, false, PL_LOBBY_NAME);
    pl_chat_know_name(chat, chat->app.user);
    pl_chat_say(chat, "you are %s; /help tells what you can do", chat->app.user);
    lobby = pl_chat_room_enter(chat, PL_LOBBY_NAME, false);
    if (lobby != NULL)
        pl_chat_room_fill(chat, lobby);
}

static void on_ready(void *self)
{
    struct pl_chat *chat = self;

    chat->status[0] = 0;
    if (chat->phase == PL_CHAT_ENTERING)
        begin(chat);
    else if (chat->lost)
        pl_chat_say(chat, "connected again");
    chat->lost = false;
    pl_chat_rooms_ask(chat);
    pl_chat_rooms_go_on(chat);
    pl_follow_start(chat->follow);
    pl_sender_go_on(chat->sender);
    pl_marker_go_on(chat->marker);
}

static void on_refused(void *self, const struct pl_api_result *result)
{
    struct pl_chat *chat = self;

    pl_chat_say_refused(chat, result);
    pl_chat_ask_name(chat);
}

static void on_warning(void *self, const char *text)
{
    struct pl_api_result result = {.code = PL_CODE_UNKNOWN, .text = text};

    pl_chat_say_refused(self, &result);
}

/* Nothing of what was shown holds for who signs in next. */
static void forget_all(struct pl_chat *chat)
{
    pl_chat_rooms_clear(chat);
    chat->rooms_known = false;
    pl_follow_forget(chat->follow);
    pl_marker_forget(chat->marker);
}

void pl_chat_token_lost(struct pl_chat *chat)
{
    if (chat->phase != PL_CHAT_LIVE || chat->signing_out)
        return;
    pl_chat_say(chat, "you are signed out: the server does not know this session any more");
    pl_app_token_lost(&chat->app);
    pl_chat_ask_name(chat);
    /* the calls and streams under way were of that session */
    pl_channel_break(chat->app.channel, "signed out");
}

static void on_down(void *self, const char *why, uint32_t retry_ms)
{
    struct pl_chat *chat = self;
    char clock[16];
    struct tm tm;
    time_t when = time(NULL) + (time_t)((retry_ms + 999) / 1000);

    if (chat->phase == PL_CHAT_ASKING)
        forget_all(chat); /* no call is under way now */
    if (!chat->was_live) {
        pl_app_no_server(&chat->app, chat->farewell);
        chat->is_failure = true;
        pl_app_end(&chat->app, PL_EXIT_NO_SERVER);
        return;
    }
    if (chat->phase == PL_CHAT_LIVE && !chat->lost)
        pl_chat_say(chat, "the connection was lost: %s", why);
    chat->lost = true;
    localtime_r(&when, &tm);
    strftime(clock, sizeof clock, "%H:%M:%S", &tm);
    snprintf(chat->status, sizeof chat->status, "no connection (%s); trying again at %s", why,
             clock);
}

/* One is in a room now, by /join, whose answer may come later, or from another
 * device. From here on nothing of the room is shown before its last messages. */
static void come_in(struct pl_chat *chat, const char *id)
{
    struct pl_chat_room *room = pl_chat_room_find(chat, id);

    if (room != NULL || pl_message_is_direct(id))
        return;
    room = pl_chat_room_enter(chat, id, false);
    if (room != NULL)
        pl_chat_room_fill(chat, room);
}

static void on_event(void *self, const Parla__V1__Event *event, const char *peer)
{
    struct pl_chat *chat = self;
    const Parla__V1__Member *member = event->member_changed;
    bool is_mine = event->kind_case == PARLA__V1__EVENT__KIND_MEMBER_CHANGED &&
                   member->user_id == chat->app.user_id;

    if (event->sequence <= pl_marker_last(chat->marker, event->room) &&
        (is_mine || event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT))
        return; /* shown already; who else came and went, the history does not tell */
    if (!is_mine)
        pl_chat_show_event(chat, event, peer);
    else if (member->state == PARLA__V1__MEMBER_STATE__MEMBER_STATE_JOINED)
        come_in(chat, event->room);
    else
        pl_chat_room_leave(chat, event->room);
    pl_marker_shown(chat->marker, event->room, event->sequence);
}

static void on_trimmed(void *self, const Parla__V1__RoomState *state, const char *peer)
{
    struct pl_bytebuf room;

    pl_bytebuf_init(&room, 1024);
    pl_message_room(&room, state->room->room, peer);
    pl_chat_say(self, "%s: what was said before is no longer kept", pl_bytebuf_cstr(&room));
    pl_bytebuf_done(&room);
}

static void on_reset(void *self)
{
    struct pl_chat *chat = self;

    pl_chat_say(chat, "the server's log is another one than before; beginning anew");
    pl_marker_forget(chat->marker);
}

static void on_follow_refused(void *self, const struct pl_api_result *result)
{
    struct pl_chat *chat = self;

    if (result->code == PL_CODE_UNAUTHENTICATED)
        pl_chat_token_lost(chat);
    else
        pl_chat_say_refused(chat, result);
}

static void on_sent(void *self, const struct pl_pending *pending,
                    const Parla__V1__ChatMessage *sent)
{
    struct pl_chat *chat = self;
    const struct pl_chat_room *room = pl_chat_room_find(chat, sent->room);
    struct pl_message message = pl_message_of_chat(sent, "");

    if (pending->to_user)
        pl_follow_know(chat->follow, sent->room, pending->target);
    if (room != NULL && room->is_one) /* no stream brings it back to us */
        pl_chat_show_message(chat, &message);
}

static void on_send_refused(void *self, const struct pl_pending *pending,
                            const struct pl_api_result *result)
{
    struct pl_chat *chat = self;
    struct pl_bytebuf *out = pl_screen_out(chat->screen);

    pl_chat_say_refused(chat, result);
    pl_bytebuf_printf(out, "  not sent to %c%s: ", pending->to_user ? '@' : '#', pending->target);
    pl_safe_append(out, pl_bytes_str(pending->text), "\n    ");
    pl_bytebuf_append_byte(out, '\n');
}

static void on_send_token_lost(void *self, const struct pl_api_result *result)
{
    (void)result;
    pl_chat_token_lost(self);
}

static void on_line(void *self, const char *text)
{
    struct pl_chat *chat = self;

    if (chat->phase == PL_CHAT_ASKING)
        pl_chat_take_name(chat, text);
    else if (chat->phase != PL_CHAT_ENDING)
        pl_chat_take_line(chat, text);
}

static void on_interrupt(void *self, bool had_text)
{
    if (!had_text)
        pl_chat_say(self, "/quit or Ctrl-D leaves");
}

static void on_screen_end(void *self)
{
    pl_chat_end(self, PL_EXIT_DONE);
}

static void on_complete(void *self, const char *before)
{
    pl_chat_complete(self, before);
}

static void on_signal(void *self, int signum)
{
    pl_chat_end(self, STATUS_SIGNAL + signum);
}

static void on_take_again(void *self)
{
    pl_chat_rooms_go_on(self);
}

static int open_parts(struct pl_chat *chat)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct pl_screen_ops screen_ops = {.self = chat,
                                       .on_line = on_line,
                                       .on_interrupt = on_interrupt,
                                       .on_end = on_screen_end,
                                       .on_complete = on_complete};
    struct pl_follow_ops follow_ops = {
        .self = chat,
        .on_event = on_event,
        .on_trimmed = on_trimmed,
        .on_reset = on_reset,
        .on_refused = on_follow_refused,
    };
    struct pl_sender_ops sender_ops = {.self = chat,
                                       .on_sent = on_sent,
                                       .on_refused = on_send_refused,
                                       .on_token_lost = on_send_token_lost};
    int err = pl_follow_new(&chat->app, NULL, 0, PARLA__V1__STREAM_START__STREAM_START_UNREAD,
                            &follow_ops, &chat->follow);

    if (err == PL_OK)
        err = pl_marker_new(&chat->app, MARK_DELAY_MS, &chat->marker);
    if (err == PL_OK)
        err = pl_sender_new(&chat->app, &sender_ops, &chat->sender);
    if (err == PL_OK)
        err = pl_timer_new(chat->app.loop, on_take_again, chat, &chat->take_again);
    if (err == PL_OK)
        err = pl_timer_new(chat->app.loop, on_end_timer, chat, &chat->end_timer);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0] && err == PL_OK; i++)
        err = pl_signal_new(chat->app.loop, signals[i], on_signal, chat, &chat->signals[i]);
    if (err == PL_OK)
        err = pl_screen_new(chat->app.loop, chat->app.colour, &screen_ops, &chat->screen);
    return err;
}

static void close_parts(struct pl_chat *chat)
{
    chat->phase = PL_CHAT_ENDING;
    pl_screen_free(chat->screen);
    if (chat->sender != NULL)
        pl_chat_show_unsent(chat);
    if (chat->farewell[0] != 0 && chat->is_failure)
        pl_app_complain("%s", chat->farewell);
    else if (chat->farewell[0] != 0)
        puts(chat->farewell);
    pl_chat_rooms_clear(chat);
    pl_chat_names_clear(chat);
    pl_chat_early_clear(chat);
    for (size_t i = 0; i < sizeof chat->signals / sizeof chat->signals[0]; i++)
        pl_signal_free(chat->signals[i]);
    pl_timer_free(chat->end_timer);
    pl_timer_free(chat->take_again);
    pl_sender_free(chat->sender);
    pl_marker_free(chat->marker);
    pl_follow_free(chat->follow);
    pl_app_done(&chat->app);
}

int pl_cmd_chat(const struct pl_options *options)
{
    struct pl_chat chat = {0};
    struct pl_app_ops ops = {.self = &chat,
                             .on_ready = on_ready,
                             .on_refused = on_refused,
                             .on_down = on_down,
                             .on_warning = on_warning,
                             .on_turn_end = on_turn_end};
    int status = PL_EXIT_REFUSED;
    int err;

    pl_list_init(&chat.rooms);
    pl_list_init(&chat.names);
    pl_list_init(&chat.early);
    pl_chat_set_target(&chat, false, PL_LOBBY_NAME);
    if (pl_app_init(&chat.app, options, &ops) < 0)
        return PL_EXIT_REFUSED;
    err = open_parts(&chat);
    if (err == PL_OK && options->user != NULL)
        pl_chat_try_name(&chat, options->user);
    else if (err == PL_OK)
        pl_chat_ask_name(&chat);
    if (err == PL_OK)
        status = pl_app_run(&chat.app);
    else
        pl_app_complain("%s", pl_err_text(err));
    close_parts(&chat);
    return status;
}

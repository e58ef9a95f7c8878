/*
 * chat_show.c - what the chat prints.
 *
 * Everything that others wrote goes through safe_text.h on its way; the notes
 * at the bottom hold what has not happened yet.
 */
#include "client/chat.h"

#include "base/err.h"
#include "client/safe_text.h"
#include "client/time_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TIME_COLUMNS = 6, PENDING_SHOWN_LEN_MAX = 4, NOTES_SIZE_MAX = 32 * 1024 };

void pl_chat_say(struct pl_chat *chat, const char *format, ...)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    char text[2048];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pl_bytebuf_append_str(out, pl_colour_dim(chat->app.colour));
    pl_bytebuf_append_str(out, "* ");
    pl_bytebuf_append_str(out, text);
    pl_bytebuf_append_str(out, pl_colour_off(chat->app.colour));
    pl_bytebuf_append_byte(out, '\n');
}

void pl_chat_say_refused(struct pl_chat *chat, const struct pl_api_result *result)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);

    pl_bytebuf_append_str(out, pl_colour_alert(chat->app.colour));
    pl_bytebuf_append_str(out, "! ");
    pl_safe_append(out, pl_bytes_str(result->text), "\n  ");
    pl_bytebuf_append_str(out, pl_colour_off(chat->app.colour));
    pl_bytebuf_append_byte(out, '\n');
}

/* A line where a new day begins. */
static void show_day(struct pl_chat *chat, int64_t time_ms)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    char day[PL_TIME_TEXT_SIZE];

    if (chat->has_shown_day && pl_time_same_day(chat->shown_day_ms, time_ms))
        return;
    chat->has_shown_day = true;
    chat->shown_day_ms = time_ms;
    pl_time_day(time_ms, day);
    pl_bytebuf_printf(out, "%s--- %s ---%s\n", pl_colour_dim(chat->app.colour), day,
                      pl_colour_off(chat->app.colour));
}

static bool is_current(const struct pl_chat *chat, const char *room, const char *peer)
{
    if (chat->target.is_user)
        return pl_message_is_direct(room) && strcmp(peer, chat->target.name) == 0;
    return strcmp(room, chat->target.name) == 0;
}

static void begin_line(struct pl_chat *chat, const char *room, const char *peer, int64_t time_ms)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    char time[PL_TIME_TEXT_SIZE];

    show_day(chat, time_ms);
    pl_time_clock(time_ms, time);
    pl_bytebuf_printf(out, "%s%s%s ", pl_colour_dim(chat->app.colour), time,
                      pl_colour_off(chat->app.colour));
    if (is_current(chat, room, peer))
        return;
    pl_bytebuf_append_str(out, pl_colour_bold(chat->app.colour));
    pl_message_room(out, room, peer);
    pl_bytebuf_append_str(out, pl_colour_off(chat->app.colour));
    pl_bytebuf_append_byte(out, ' ');
}

void pl_chat_show_message(struct pl_chat *chat, const struct pl_message *message)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);

    begin_line(chat, message->room, message->peer, message->time_ms);
    pl_message_said(out, chat->app.colour, message, TIME_COLUMNS);
    pl_bytebuf_append_byte(out, '\n');
    pl_chat_know_name(chat, message->sender);
}

void pl_chat_show_event(struct pl_chat *chat, const Parla__V1__Event *event, const char *peer)
{
    struct pl_bytebuf *out = pl_screen_out(chat->screen);
    struct pl_bytebuf text;

    if (event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT) {
        struct pl_message message = pl_message_of_event(event, peer);

        pl_chat_show_message(chat, &message);
        return;
    }
    if (pl_message_is_direct(event->room))
        return; /* that someone is in a conversation shows by what is said */
    pl_bytebuf_init(&text, 4096);
    if (pl_message_happening(&text, event)) {
        begin_line(chat, event->room, peer, pl_message_time_ms(event->create_time));
        pl_bytebuf_printf(out, "%s* %s%s\n", pl_colour_dim(chat->app.colour),
                          pl_bytebuf_cstr(&text), pl_colour_off(chat->app.colour));
    }
    pl_bytebuf_done(&text);
}

static void append_target(struct pl_bytebuf *out, bool is_user, const char *name)
{
    pl_bytebuf_printf(out, "%c%s", is_user ? '@' : '#', name);
}

/* Notes of what waits, and how many more there are. */
struct waiting {
    struct pl_bytebuf *notes;
    size_t len;
};

static bool begin_waiting(struct waiting *waiting)
{
    if (++waiting->len > PENDING_SHOWN_LEN_MAX)
        return false;
    pl_bytebuf_append_str(waiting->notes, "\u2026 ");
    return true;
}

static void end_waiting(struct waiting *waiting, const char *text)
{
    pl_safe_append(waiting->notes, pl_bytes_str(text), " \u21b5 ");
    pl_bytebuf_append_byte(waiting->notes, '\n');
}

static void append_pending(struct pl_chat *chat, struct pl_bytebuf *notes)
{
    struct waiting waiting = {.notes = notes};

    PL_LIST_EACH (node, pl_sender_pending(chat->sender)) {
        const struct pl_pending *pending = PL_CONTAINER(node, struct pl_pending, node);
        bool is_there = pending->to_user == chat->target.is_user &&
                        strcmp(pending->target, chat->target.name) == 0;

        if (!begin_waiting(&waiting))
            continue;
        if (!is_there) {
            append_target(notes, pending->to_user, pending->target);
            pl_bytebuf_append_byte(notes, ' ');
        }
        end_waiting(&waiting, pending->text);
    }
    PL_LIST_EACH (node, &chat->early) {
        if (begin_waiting(&waiting))
            end_waiting(&waiting, PL_CONTAINER(node, struct pl_chat_early, node)->text);
    }
    if (waiting.len > PENDING_SHOWN_LEN_MAX)
        pl_bytebuf_printf(notes, "\u2026 and %zu more\n", waiting.len - PENDING_SHOWN_LEN_MAX);
}

void pl_chat_show_state(struct pl_chat *chat)
{
    struct pl_bytebuf text;

    pl_bytebuf_init(&text, 4 * PL_TEXT_SIZE_MAX * 4);
    if (chat->status[0] != 0) {
        pl_safe_append(&text, pl_bytes_str(chat->status), NULL);
        pl_bytebuf_append_byte(&text, '\n');
    }
    append_pending(chat, &text);
    pl_screen_set_notes(chat->screen, pl_bytebuf_cstr(&text));

    pl_bytebuf_clear(&text);
    if (chat->phase == PL_CHAT_ASKING) {
        pl_bytebuf_append_str(&text, "your name");
        if (chat->offer[0] != 0)
            pl_bytebuf_printf(&text, " [%s]", chat->offer);
        pl_bytebuf_append_str(&text, ": ");
    } else {
        append_target(&text, chat->target.is_user, chat->target.name);
        pl_bytebuf_append_str(&text, "> ");
    }
    pl_screen_set_prompt(chat->screen, pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
}

void pl_chat_show_unsent(struct pl_chat *chat)
{
    struct pl_bytebuf text;

    if (pl_sender_len(chat->sender) == 0 && pl_list_empty(&chat->early))
        return;
    puts("not sent:");
    PL_LIST_EACH (node, pl_sender_pending(chat->sender)) {
        const struct pl_pending *pending = PL_CONTAINER(node, struct pl_pending, node);

        pl_bytebuf_init(&text, 16 * PL_TEXT_SIZE_MAX);
        append_target(&text, pending->to_user, pending->target);
        pl_bytebuf_append_byte(&text, ' ');
        pl_safe_append(&text, pl_bytes_str(pending->text), "\n    ");
        printf("  %s\n", pl_bytebuf_cstr(&text));
        pl_bytebuf_done(&text);
    }
    PL_LIST_EACH (node, &chat->early) {
        pl_bytebuf_init(&text, 16 * PL_TEXT_SIZE_MAX);
        pl_safe_append(&text, pl_bytes_str(PL_CONTAINER(node, struct pl_chat_early, node)->text),
                       "\n    ");
        printf("  %s\n", pl_bytebuf_cstr(&text));
        pl_bytebuf_done(&text);
    }
}

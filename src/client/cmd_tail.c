/*
 * cmd_tail.c - parla tail [ROOM|@USER…] [--unread | --beginning] [--json]: what
 * is said, as it is said, for ever.
 *
 * With --unread what was written out is marked as read, so that the next one
 * goes on after it.
 */
#include "client/command.h"

#include "base/err.h"
#include "base/mem.h"
#include "client/find_room.h"
#include "client/follow.h"
#include "client/json_out.h"
#include "client/marker.h"
#include "client/message.h"

struct tail {
    struct pl_script script;
    const struct pl_options *options;
    struct pl_follow *follow; /* NULL until the rooms are known */
    struct pl_marker *marker; /* NULL unless --unread */
    char **rooms;             /* ids; owned */
    size_t rooms_len;
    bool json;
};

static void show_happening(struct tail *tail, const Parla__V1__Event *event, const char *peer)
{
    struct pl_bytebuf *out = &tail->script.app.out;
    struct pl_bytebuf text;
    struct pl_message message = {.room = event->room, .peer = peer};

    if (tail->json) {
        pl_json_happening(out, event, peer);
        return;
    }
    if (pl_message_is_direct(event->room))
        return; /* that someone is in a conversation shows by what is said */
    pl_bytebuf_init(&text, 4096);
    if (pl_message_happening(&text, event)) {
        message.time_ms = pl_message_time_ms(event->create_time);
        pl_message_note(out, tail->script.app.colour, &message, pl_bytebuf_cstr(&text));
    }
    pl_bytebuf_done(&text);
}

static void on_event(void *self, const Parla__V1__Event *event, const char *peer)
{
    struct tail *tail = self;
    struct pl_bytebuf *out = &tail->script.app.out;

    if (event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT) {
        struct pl_message message = pl_message_of_event(event, peer);

        if (tail->json)
            pl_json_message(out, &message);
        else
            pl_message_line(out, tail->script.app.colour, &message);
    } else {
        show_happening(tail, event, peer);
    }
    if (tail->marker != NULL)
        pl_marker_shown(tail->marker, event->room, event->sequence);
}

static void on_trimmed(void *self, const Parla__V1__RoomState *state, const char *peer)
{
    struct tail *tail = self;
    struct pl_bytebuf *out = &tail->script.app.out;

    if (tail->json) {
        pl_json_trimmed(out, state, peer);
        return;
    }
    pl_bytebuf_append_str(out, "* ");
    pl_message_room(out, state->room->room, peer);
    pl_bytebuf_append_str(out, ": what was said before is no longer kept\n");
}

static void on_reset(void *self)
{
    (void)self;
    pl_app_complain("the server's log is another one than before; beginning anew");
}

static void on_refused(void *self, const struct pl_api_result *result)
{
    struct tail *tail = self;

    pl_script_refuse(&tail->script, result);
}

static Parla__V1__StreamStart start_of(const struct pl_options *options)
{
    if ((options->given & PL_OPTION_UNREAD) != 0)
        return PARLA__V1__STREAM_START__STREAM_START_UNREAD;
    if ((options->given & PL_OPTION_BEGINNING) != 0)
        return PARLA__V1__STREAM_START__STREAM_START_BEGINNING;
    return PARLA__V1__STREAM_START__STREAM_START_NOW;
}

static void find_next(struct tail *tail);

static void begin(struct tail *tail)
{
    struct pl_follow_ops ops = {
        .self = tail,
        .on_event = on_event,
        .on_trimmed = on_trimmed,
        .on_reset = on_reset,
        .on_refused = on_refused,
    };
    int err = pl_follow_new(&tail->script.app, (const char *const *)tail->rooms, tail->rooms_len,
                            start_of(tail->options), &ops, &tail->follow);

    if (err < 0) {
        pl_script_fail(&tail->script, err);
        return;
    }
    for (size_t i = 0; i < tail->rooms_len; i++) {
        if (tail->options->args[i][0] == '@')
            pl_follow_know(tail->follow, tail->rooms[i], tail->options->args[i] + 1);
    }
    pl_follow_start(tail->follow);
}

static void on_found(void *self, const char *room)
{
    struct tail *tail = self;

    if (room == NULL) {
        pl_app_complain("nothing was said yet with %s", tail->options->args[tail->rooms_len]);
        pl_app_end(&tail->script.app, PL_EXIT_REFUSED);
        return;
    }
    tail->rooms[tail->rooms_len] = pl_strdup(room);
    if (tail->rooms[tail->rooms_len] == NULL) {
        pl_script_fail(&tail->script, PL_E_NOMEM);
        return;
    }
    tail->rooms_len++;
    find_next(tail);
}

/* Finds the ids of what was named, one after the other. */
static void find_next(struct tail *tail)
{
    struct pl_find_room_ops ops = {.self = tail, .on_found = on_found, .on_refused = on_refused};
    struct pl_room_ref ref;
    int err;

    if (tail->rooms_len == tail->options->args_len) {
        begin(tail);
        return;
    }
    err = pl_room_ref_parse(tail->options->args[tail->rooms_len], &ref);
    if (err == PL_OK)
        err = pl_find_room(&tail->script.app, &ref, &ops);
    if (err < 0)
        pl_script_fail(&tail->script, err);
}

static void on_ready(void *self)
{
    struct tail *tail = self;

    if (tail->follow == NULL) {
        find_next(tail);
        return;
    }
    pl_follow_start(tail->follow);
    if (tail->marker != NULL)
        pl_marker_go_on(tail->marker);
}

static int check(const struct pl_options *options)
{
    const unsigned both = PL_OPTION_UNREAD | PL_OPTION_BEGINNING;
    struct pl_room_ref ref;
    int status = 0;

    if ((options->given & both) == both) {
        pl_app_complain("--unread and --beginning exclude each other");
        return PL_EXIT_USAGE;
    }
    for (size_t i = 0; i < options->args_len && status == 0; i++)
        status = pl_script_room(options->args[i], &ref);
    return status;
}

static void tail_done(struct tail *tail)
{
    pl_marker_free(tail->marker);
    pl_follow_free(tail->follow);
    for (size_t i = 0; tail->rooms != NULL && i < tail->rooms_len; i++)
        pl_free(tail->rooms[i]);
    pl_free(tail->rooms);
    pl_script_done(&tail->script);
}

int pl_cmd_tail(const struct pl_options *options)
{
    struct tail tail = {.options = options, .json = (options->given & PL_OPTION_JSON) != 0};
    struct pl_script_ops ops = {.self = &tail, .on_ready = on_ready};
    int status = check(options);
    int err = PL_OK;

    if (status == 0)
        status = pl_script_init(&tail.script, options, true, &ops);
    if (status != 0)
        return status;
    tail.rooms = pl_calloc(options->args_len + 1, sizeof *tail.rooms);
    if (tail.rooms == NULL)
        err = PL_E_NOMEM;
    if (err == PL_OK && (options->given & PL_OPTION_UNREAD) != 0)
        err = pl_marker_new(&tail.script.app, 0, &tail.marker);
    if (err < 0)
        pl_script_fail(&tail.script, err);
    status = pl_script_run(&tail.script);
    tail_done(&tail);
    return status;
}

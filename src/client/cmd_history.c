/*
 * cmd_history.c - parla history ROOM|@USER [-n N] [--json]: the last messages,
 * oldest first.
 */
#include "client/command.h"

#include "base/err.h"
#include "client/find_room.h"
#include "client/history.h"
#include "client/json_out.h"
#include "client/message.h"

struct history {
    struct pl_script script;
    struct pl_room_ref ref;
    uint32_t wanted;
    bool json;
};

static void on_begin(void *self, size_t len)
{
    (void)self;
    (void)len;
}

static void on_message(void *self, const Parla__V1__ChatMessage *listed)
{
    struct history *history = self;
    struct pl_bytebuf *out = &history->script.app.out;
    struct pl_message message =
        pl_message_of_chat(listed, history->ref.is_user ? history->ref.name : "");

    if (history->json)
        pl_json_message(out, &message);
    else
        pl_message_line(out, history->script.app.colour, &message);
}

static void on_end(void *self)
{
    struct history *history = self;

    pl_app_end(&history->script.app, PL_EXIT_DONE);
}

static void on_refused(void *self, const struct pl_api_result *result)
{
    struct history *history = self;

    pl_script_refuse(&history->script, result);
}

static void on_found(void *self, const char *room)
{
    struct history *history = self;
    struct pl_history_ops ops = {.self = history,
                                 .on_begin = on_begin,
                                 .on_message = on_message,
                                 .on_end = on_end,
                                 .on_refused = on_refused};
    int err = PL_OK;

    if (room == NULL) /* nothing has been said yet */
        on_end(history);
    else
        err = pl_history_ask(&history->script.app, room, history->wanted, &ops);
    if (err < 0)
        pl_script_fail(&history->script, err);
}

static void on_ready(void *self)
{
    struct history *history = self;
    struct pl_find_room_ops ops = {.self = history, .on_found = on_found, .on_refused = on_refused};
    int err = pl_find_room(&history->script.app, &history->ref, &ops);

    if (err < 0)
        pl_script_fail(&history->script, err);
}

int pl_cmd_history(const struct pl_options *options)
{
    struct history history = {.wanted = options->count,
                              .json = (options->given & PL_OPTION_JSON) != 0};
    struct pl_script_ops ops = {.self = &history, .on_ready = on_ready};
    int status = pl_script_room(options->args[0], &history.ref);

    if (status != 0)
        return status;
    status = pl_script_init(&history.script, options, false, &ops);
    if (status != 0)
        return status;
    status = pl_script_run(&history.script);
    pl_script_done(&history.script);
    return status;
}

/*
 * cmd_pipe.c - parla without a terminal: sends the lines of standard input to
 * the lobby, and ends after the last acknowledgement.
 *
 * Lines are read only as fast as the server takes them.
 */
#include "client/command.h"

#include "base/err.h"
#include "base/utf8.h"
#include "client/lines.h"
#include "client/script.h"
#include "client/sender.h"
#include "model/room.h"

#include <inttypes.h>
#include <unistd.h>

enum { PENDING_LEN_MAX = 64 };

struct pipe {
    struct pl_script script;
    struct pl_sender *sender;
    struct pl_lines *lines;
    bool ended;
    bool refused; /* some line was */
};

static void end_if_done(struct pipe *pipe)
{
    if (pipe->ended && pl_sender_len(pipe->sender) == 0)
        pl_app_end(&pipe->script.app, pipe->refused ? PL_EXIT_REFUSED : PL_EXIT_DONE);
}

static void on_ready(void *self)
{
    struct pipe *pipe = self;

    pl_lines_go_on(pipe->lines);
    pl_sender_go_on(pipe->sender);
}

static void after_one(struct pipe *pipe)
{
    if (pl_sender_len(pipe->sender) < PENDING_LEN_MAX / 2)
        pl_lines_go_on(pipe->lines);
    end_if_done(pipe);
}

static void on_sent(void *self, const struct pl_pending *pending,
                    const Parla__V1__ChatMessage *message)
{
    (void)pending;
    (void)message;
    after_one(self);
}

static void on_refused(void *self, const struct pl_pending *pending,
                       const struct pl_api_result *result)
{
    struct pipe *pipe = self;

    pipe->refused = true;
    pl_app_complain("line %" PRIu64 ": %s", pending->line, result->text);
    after_one(pipe);
}

static void on_token_lost(void *self, const struct pl_api_result *result)
{
    struct pipe *pipe = self;

    pl_script_refuse(&pipe->script, result);
}

static void refuse_line(struct pipe *pipe, uint64_t number, const char *why)
{
    pipe->refused = true;
    pl_app_complain("line %" PRIu64 ": %s", number, why);
}

static void on_line(void *self, struct pl_bytes line, uint64_t number)
{
    struct pipe *pipe = self;
    int err;

    if (line.size == 0)
        return;
    if (!pl_utf8_valid(line)) {
        refuse_line(pipe, number, "it is not UTF-8");
        return;
    }
    err = pl_sender_put(pipe->sender, false, PL_LOBBY_NAME, (const char *)line.data, number);
    if (err < 0) {
        pl_script_fail(&pipe->script, err);
        return;
    }
    pl_sender_go_on(pipe->sender);
}

static void on_too_long(void *self, uint64_t number)
{
    refuse_line(self, number, "it is too long");
}

static void on_end(void *self, int err)
{
    struct pipe *pipe = self;

    if (err < 0)
        pl_app_complain("standard input: %s", pl_err_text(err));
    pipe->refused = pipe->refused || err < 0;
    pipe->ended = true;
    end_if_done(pipe);
}

static bool wants_more(void *self)
{
    const struct pipe *pipe = self;

    return pl_sender_len(pipe->sender) < PENDING_LEN_MAX;
}

int pl_cmd_pipe(const struct pl_options *options)
{
    struct pipe pipe = {0};
    struct pl_script_ops script_ops = {.self = &pipe, .on_ready = on_ready};
    struct pl_sender_ops ops = {.self = &pipe,
                                .on_sent = on_sent,
                                .on_refused = on_refused,
                                .on_token_lost = on_token_lost};
    struct pl_lines_ops lines_ops = {.self = &pipe,
                                     .on_line = on_line,
                                     .on_too_long = on_too_long,
                                     .on_end = on_end,
                                     .wants_more = wants_more};
    int status = pl_script_init(&pipe.script, options, true, &script_ops);
    int err;

    if (status != 0)
        return status;
    err = pl_sender_new(&pipe.script.app, &ops, &pipe.sender);
    if (err == PL_OK)
        err = pl_lines_new(pipe.script.app.loop, STDIN_FILENO, PL_TEXT_SIZE_MAX, &lines_ops,
                           &pipe.lines);
    if (err < 0)
        pl_script_fail(&pipe.script, err);
    status = pl_script_run(&pipe.script);
    pl_lines_free(pipe.lines);
    pl_sender_free(pipe.sender);
    pl_script_done(&pipe.script);
    return status;
}

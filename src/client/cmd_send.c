/*
 * cmd_send.c - parla send ROOM|@USER [TEXT | -]: one message, from the arguments
 * or from standard input.
 */
#include "client/command.h"

#include "base/err.h"
#include "base/utf8.h"
#include "client/script.h"
#include "client/sender.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct send {
    struct pl_script script;
    struct pl_sender *sender;
};

static void on_ready(void *self)
{
    struct send *send = self;

    pl_sender_go_on(send->sender);
}

static void on_sent(void *self, const struct pl_pending *pending,
                    const Parla__V1__ChatMessage *message)
{
    struct send *send = self;

    (void)pending;
    (void)message;
    pl_app_end(&send->script.app, PL_EXIT_DONE);
}

static void on_refused(void *self, const struct pl_pending *pending,
                       const struct pl_api_result *result)
{
    struct send *send = self;

    (void)pending;
    pl_script_refuse(&send->script, result);
}

static void on_token_lost(void *self, const struct pl_api_result *result)
{
    struct send *send = self;

    pl_script_refuse(&send->script, result);
}

/* All of standard input without its last line end. */
static int read_input(struct pl_bytebuf *text)
{
    for (;;) {
        uint8_t *to = pl_bytebuf_reserve(text, 4096);
        ssize_t size;

        if (to == NULL)
            return text->err;
        size = read(STDIN_FILENO, to, 4096);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return PL_E_IO;
        if (size == 0)
            break;
        pl_bytebuf_added(text, (size_t)size);
    }
    if (text->size > 0 && text->data[text->size - 1] == '\n')
        text->size--;
    return PL_OK;
}

static int read_text(const struct pl_options *options, struct pl_bytebuf *text)
{
    int err = PL_OK;

    if (options->args_len < 2 && options->child_len == 0)
        err = read_input(text);
    else if (options->args_len == 2 && strcmp(options->args[1], "-") == 0)
        err = read_input(text);
    else {
        for (size_t i = 1; i < options->args_len + options->child_len; i++) {
            size_t of_child = i - options->args_len;

            pl_bytebuf_append_str(text, i > 1 ? " " : "");
            pl_bytebuf_append_str(text, i < options->args_len ? options->args[i]
                                                              : options->child[of_child]);
        }
    }
    if (err == PL_OK)
        err = text->err;
    if (err < 0) {
        pl_app_complain("%s", err == PL_E_LIMIT ? "the text is too long" : pl_err_text(err));
        return PL_EXIT_REFUSED;
    }
    if (text->size == 0 || !pl_utf8_valid((struct pl_bytes){text->data, text->size})) {
        pl_app_complain(text->size == 0 ? "there is no text to send" : "the text is not UTF-8");
        return PL_EXIT_REFUSED;
    }
    return 0;
}

static int run(const struct pl_options *options, const struct pl_room_ref *to, const char *text)
{
    struct send send;
    struct pl_script_ops script_ops = {.self = &send, .on_ready = on_ready};
    struct pl_sender_ops ops = {.self = &send,
                                .on_sent = on_sent,
                                .on_refused = on_refused,
                                .on_token_lost = on_token_lost};
    int status = pl_script_init(&send.script, options, false, &script_ops);
    int err;

    if (status != 0)
        return status;
    send.sender = NULL;
    err = pl_sender_new(&send.script.app, &ops, &send.sender);
    if (err == PL_OK)
        err = pl_sender_put(send.sender, to->is_user, to->name, text, 1);
    if (err < 0)
        pl_script_fail(&send.script, err);
    status = pl_script_run(&send.script);
    pl_sender_free(send.sender);
    pl_script_done(&send.script);
    return status;
}

int pl_cmd_send(const struct pl_options *options)
{
    struct pl_room_ref to;
    struct pl_bytebuf text;
    int status = pl_script_room(options->args[0], &to);

    if (status != 0)
        return status;
    pl_bytebuf_init(&text, PL_TEXT_SIZE_MAX + 8192);
    status = read_text(options, &text);
    if (status == 0)
        status = run(options, &to, pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return status;
}

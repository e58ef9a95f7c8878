/* simple_client.c - see simple_client.h. */
#include "transport/simple_client.h"

#include "base/err.h"
#include "base/secret.h"

#include <stdio.h>

#define MESSAGE_SIZE_MAX ((size_t)64 << 20) /* rpc bounds it before */

/* What a call needs while it is under way. */
struct simple {
    struct pl_loop *loop;
    struct pl_tls_context *tls;
    struct pl_channel *channel;
    struct pl_simple_reply *reply_weak;
};

static void set_status(struct pl_simple_reply *reply, enum pl_code code, const char *text)
{
    reply->code = code;
    snprintf(reply->text, sizeof reply->text, "%s", text != NULL ? text : "");
    if (code != PL_CODE_OK)
        pl_bytebuf_clear(&reply->message); /* a response counts only with an OK */
}

static void on_message(void *self, struct pl_bytes message)
{
    struct simple *simple = self;

    pl_bytebuf_append(&simple->reply_weak->message, message.data, message.size);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct simple *simple = self;
    int err = simple->reply_weak->message.err;

    (void)processed;
    if (status->code == PL_CODE_OK && err < 0)
        set_status(simple->reply_weak, pl_err_code(err), pl_err_text(err));
    else
        set_status(simple->reply_weak, status->code, status->message);
    pl_loop_stop(simple->loop);
}

/* The certificates to trust; what is wrong with them is in the reply. */
static int trust(struct simple *simple, const struct pl_simple_call *call)
{
    struct pl_tls_client_files files = {.ca_file = call->ca_file};
    struct pl_bytebuf text;
    int err;

    pl_bytebuf_init(&text, PL_SIMPLE_TEXT_SIZE);
    err = pl_tls_client_context_new(&files, &text, &simple->tls);
    if (err < 0)
        set_status(simple->reply_weak, PL_CODE_INVALID_ARGUMENT, pl_bytebuf_cstr(&text));
    pl_bytebuf_done(&text);
    return err;
}

static int start(struct simple *simple, const struct pl_simple_call *call)
{
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct pl_channel_call_options options = call->options;
    struct pl_channel_ops channel_ops = {0};
    struct pl_loop_ops loop_ops = {0};
    struct pl_rpc_client_call_ops ops = {
        .self = simple, .on_message = on_message, .on_close = on_close};
    int err = pl_target_parse(call->target, &config.target);

    if (err == PL_OK && config.target.tls)
        err = trust(simple, call);
    if (err == PL_OK)
        err = pl_loop_new(&loop_ops, 1, &simple->loop);
    config.tls = simple->tls;
    if (err == PL_OK)
        err = pl_channel_new(simple->loop, &config, &channel_ops, &simple->channel);
    if (options.timeout_ms == 0)
        options.timeout_ms = PL_SIMPLE_TIMEOUT_MS;
    options.one_reply = true;
    if (err == PL_OK)
        err = pl_channel_call(simple->channel, call->path, call->request, call->metadata,
                              call->metadata_len, &options, &ops, NULL);
    return err;
}

void pl_simple_call(const struct pl_simple_call *call, struct pl_simple_reply *ret_reply)
{
    struct simple simple = {.reply_weak = ret_reply};
    int err = pl_secret_init();

    *ret_reply = (struct pl_simple_reply){.code = PL_CODE_OK};
    pl_bytebuf_init(&ret_reply->message, MESSAGE_SIZE_MAX);
    if (err == PL_OK)
        err = start(&simple, call);
    if (err == PL_OK)
        pl_loop_run(simple.loop);
    else if (ret_reply->code == PL_CODE_OK)
        set_status(ret_reply, pl_err_code(err), pl_err_text(err));
    pl_channel_free(simple.channel);
    pl_loop_free(simple.loop);
    pl_tls_context_unref(simple.tls);
}

void pl_simple_reply_done(struct pl_simple_reply *reply)
{
    pl_bytebuf_done(&reply->message);
}

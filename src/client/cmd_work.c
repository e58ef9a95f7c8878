/*
 * cmd_work.c - parla work ROOM [--lease SECONDS] -- COMMAND…: takes the messages
 * of a room that hands them out as work, one at a time, and gives each to the
 * command on its standard input.
 *
 * Exit status 0 of the command acknowledges the message; any other releases it
 * for another taker, after a pause that grows with the attempts. While the
 * command runs the connection may break: the lease ends with it, so the
 * acknowledgement is refused then, and the message comes to someone again. No
 * other is taken until the command has ended.
 */
#include "client/command.h"

#include "base/err.h"
#include "base/mem.h"
#include "client/script.h"
#include "model/limits.h"
#include "net/process.h"
#include "parla/v1/chat_service.pb-c.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEASE_S_DEFAULT = 3600, AGAIN_MS = 1000, RELEASE_DELAY_S_MAX = 60, STATUS_SIGNAL = 128 };

struct work {
    struct pl_script script;
    const struct pl_options *options;
    char *room;
    uint32_t lease_s;
    struct pl_api_stream *stream; /* NULL: none is open */
    struct pl_timer *again;
    struct pl_signal *signals[2];
    struct pl_process *process; /* NULL: no message is being dealt with */
    uint64_t sequence;          /* of the message being dealt with */
    uint64_t lease;
    uint32_t attempt;
    int stopped_by; /* a signal's number; 0: go on */
};

static void take(struct work *work);

static void end_by_signal(struct work *work)
{
    pl_app_end(&work->script.app, STATUS_SIGNAL + work->stopped_by);
}

static void on_settled(void *self, const struct pl_api_result *result)
{
    struct work *work = self;

    if (result->code == PL_CODE_FAILED_PRECONDITION)
        pl_app_complain("message %" PRIu64 ": %s", work->sequence, result->text);
    else if (result->code != PL_CODE_OK && !pl_api_may_retry(result))
        pl_script_refuse(&work->script, result);
    if (work->stopped_by != 0)
        end_by_signal(work);
    else
        take(work); /* where the connection broke while the command ran */
}

static void acknowledge(struct work *work)
{
    Parla__V1__AckMessageRequest request = PARLA__V1__ACK_MESSAGE_REQUEST__INIT;

    request.room = work->room;
    request.sequence = work->sequence;
    request.lease = work->lease;
    pl_app_call(&work->script.app, &parla__v1__chat_service__descriptor, "AckMessage",
                &request.base, on_settled, work);
}

static void release(struct work *work)
{
    Parla__V1__ReleaseMessageRequest request = PARLA__V1__RELEASE_MESSAGE_REQUEST__INIT;

    request.room = work->room;
    request.sequence = work->sequence;
    request.lease = work->lease;
    request.delay_seconds =
        work->attempt < RELEASE_DELAY_S_MAX ? work->attempt : RELEASE_DELAY_S_MAX;
    if (work->stopped_by != 0)
        request.delay_seconds = 0;
    pl_app_call(&work->script.app, &parla__v1__chat_service__descriptor, "ReleaseMessage",
                &request.base, on_settled, work);
}

static void on_child_exit(void *self, int status)
{
    struct work *work = self;

    pl_process_free(work->process);
    work->process = NULL;
    if (status == 0) {
        acknowledge(work);
        return;
    }
    if (work->stopped_by == 0)
        pl_app_complain("message %" PRIu64 ": the command ended with status %d; released",
                        work->sequence, status);
    release(work);
}

/* Tells the command about the message; there is only one at a time. */
static void set_environment(const Parla__V1__TakenMessage *taken)
{
    char number[24];

    setenv("PARLA_ROOM", taken->message->room, 1);
    setenv("PARLA_SENDER", taken->message->sender, 1);
    snprintf(number, sizeof number, "%" PRIu64, taken->message->sequence);
    setenv("PARLA_SEQUENCE", number, 1);
    snprintf(number, sizeof number, "%" PRIu32, taken->attempt);
    setenv("PARLA_ATTEMPT", number, 1);
}

static void on_taken(struct work *work, const Parla__V1__TakenMessage *taken)
{
    int err;

    work->sequence = taken->message->sequence;
    work->lease = taken->lease;
    work->attempt = taken->attempt;
    set_environment(taken);
    err = pl_process_start(work->script.app.loop, work->options->child,
                           pl_bytes_str(taken->message->text), on_child_exit, work, &work->process);
    if (err == PL_OK)
        return;
    pl_app_complain("%s: %s", work->options->child[0],
                    err == PL_E_NOTFOUND ? "no such command" : pl_err_text(err));
    pl_app_end(&work->script.app, err == PL_E_NOTFOUND ? PL_EXIT_USAGE : PL_EXIT_REFUSED);
}

static void on_item(void *self, const ProtobufCMessage *message)
{
    struct work *work = self;
    const Parla__V1__TakeMessagesResponse *item = (const Parla__V1__TakeMessagesResponse *)message;

    switch (item->item_case) {
    case PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_TAKEN:
        if (item->taken->message == NULL)
            pl_channel_break(work->script.app.channel, "the server handed out nothing as work");
        else if (work->process == NULL && work->stopped_by == 0)
            on_taken(work, item->taken);
        break; /* one that comes while we end goes to another when the stream does */
    case PARLA__V1__TAKE_MESSAGES_RESPONSE__ITEM_DRAINING:
        pl_channel_wait_at_least(work->script.app.channel, item->draining->retry_after_ms);
        break;
    default:
        break;
    }
}

static void on_end(void *self, const struct pl_api_result *result)
{
    struct work *work = self;

    work->stream = NULL;
    if (result->code == PL_CODE_OK || pl_api_may_retry(result))
        pl_timer_start(work->again, AGAIN_MS, 0);
    else
        pl_script_refuse(&work->script, result);
}

static void take(struct work *work)
{
    Parla__V1__TakeMessagesRequest request = PARLA__V1__TAKE_MESSAGES_REQUEST__INIT;
    struct pl_api_stream_ops ops = {.self = work, .on_message = on_item, .on_end = on_end};

    if (work->stream != NULL || work->process != NULL || work->stopped_by != 0 ||
        work->script.app.phase != PL_APP_READY)
        return;
    request.room = work->room;
    request.max_unacknowledged = 1;
    request.lease_seconds = work->lease_s;
    request.include_own = true;
    if (pl_api_stream_start(work->script.app.channel, &parla__v1__chat_service__descriptor,
                            "TakeMessages", work->script.app.token, &request.base, &ops,
                            &work->stream) < 0)
        pl_timer_start(work->again, AGAIN_MS, 0);
}

static void on_ready(void *self)
{
    take(self);
}

static void on_again(void *self)
{
    take(self);
}

/* The command gets the signal, and what it does with it decides about the
 * message. */
static void on_signal(void *self, int signum)
{
    struct work *work = self;

    work->stopped_by = signum;
    if (work->process != NULL)
        pl_process_kill(work->process, signum);
    else
        end_by_signal(work);
}

static int run(struct work *work)
{
    int err = pl_timer_new(work->script.app.loop, on_again, work, &work->again);

    if (err == PL_OK)
        err = pl_signal_new(work->script.app.loop, SIGINT, on_signal, work, &work->signals[0]);
    if (err == PL_OK)
        err = pl_signal_new(work->script.app.loop, SIGTERM, on_signal, work, &work->signals[1]);
    if (err < 0)
        pl_script_fail(&work->script, err);
    return pl_script_run(&work->script);
}

int pl_cmd_work(const struct pl_options *options)
{
    struct work work = {.options = options, .lease_s = LEASE_S_DEFAULT};
    struct pl_script_ops ops = {.self = &work, .on_ready = on_ready};
    struct pl_room_ref ref;
    int status = pl_script_room(options->args[0], &ref);

    if (status == 0 && (ref.is_user || options->child_len == 0)) {
        pl_app_complain("usage: parla work ROOM [--lease SECONDS] -- COMMAND...");
        status = PL_EXIT_USAGE;
    }
    if (status == 0)
        status = pl_script_init(&work.script, options, true, &ops);
    if (status != 0)
        return status;
    work.room = (char *)(uintptr_t)ref.name;
    if ((options->given & PL_OPTION_LEASE) != 0)
        work.lease_s = options->lease_s;
    status = run(&work);
    pl_process_free(work.process);
    pl_signal_free(work.signals[0]);
    pl_signal_free(work.signals[1]);
    pl_timer_free(work.again);
    pl_script_done(&work.script);
    return status;
}

/*
 * sender.c - messages on their way.
 *
 * One call at a time: where a call is refused for the moment (too fast, too
 * busy) and those behind it were not, the order of what was said would change.
 */
#include "client/sender.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"
#include "parla/v1/chat_service.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { REQUEST_ID_BYTES = 16, AGAIN_MS = 1000 };

_Static_assert(PL_BASE64_SIZE(REQUEST_ID_BYTES) == PL_REQUEST_ID_TEXT_SIZE, "a request id fits");

struct pl_sender {
    struct pl_app *app_weak;
    struct pl_sender_ops ops;
    struct pl_list pending;
    size_t len;
    bool under_way; /* the first one is */
    struct pl_timer *again;
};

static void on_done(void *self, const struct pl_api_result *result)
{
    struct pl_sender *sender = self;
    struct pl_pending *first =
        PL_CONTAINER(pl_list_first(&sender->pending), struct pl_pending, node);
    const Parla__V1__SendMessageResponse *response =
        (const Parla__V1__SendMessageResponse *)result->response;

    PL_ASSERT(sender->under_way);
    sender->under_way = false;
    if (result->code == PL_CODE_UNAUTHENTICATED) {
        sender->ops.on_token_lost(sender->ops.self, result);
        return;
    }
    if (result->code != PL_CODE_OK && pl_api_may_retry(result)) {
        pl_timer_start(sender->again, result->retry_ms > 0 ? result->retry_ms : AGAIN_MS, 0);
        return;
    }
    pl_list_remove(&first->node);
    sender->len--;
    if (response != NULL && response->message != NULL)
        sender->ops.on_sent(sender->ops.self, first, response->message);
    else
        sender->ops.on_refused(sender->ops.self, first, result);
    pl_free(first);
    pl_sender_go_on(sender);
}

void pl_sender_go_on(struct pl_sender *sender)
{
    Parla__V1__SendMessageRequest request = PARLA__V1__SEND_MESSAGE_REQUEST__INIT;
    struct pl_list *node = pl_list_first(&sender->pending);
    struct pl_pending *first;

    if (node == NULL || sender->under_way || sender->app_weak->phase != PL_APP_READY)
        return;
    pl_timer_stop(sender->again);
    first = PL_CONTAINER(node, struct pl_pending, node);
    if (first->to_user) {
        request.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_USER;
        request.user = first->target;
    } else {
        request.target_case = PARLA__V1__SEND_MESSAGE_REQUEST__TARGET_ROOM;
        request.room = first->target;
    }
    request.text = first->text;
    request.request_id = first->request_id;
    sender->under_way = true;
    pl_app_call(sender->app_weak, &parla__v1__chat_service__descriptor, "SendMessage",
                &request.base, on_done, sender);
}

static void on_again(void *self)
{
    pl_sender_go_on(self);
}

int pl_sender_put(struct pl_sender *sender, bool to_user, const char *target, const char *text,
                  uint64_t line)
{
    size_t size = strlen(text) + 1;
    struct pl_pending *pending = pl_zalloc(sizeof *pending + size);
    uint8_t id[REQUEST_ID_BYTES];

    if (pending == NULL)
        return PL_E_NOMEM;
    PL_ASSERT(strlen(target) < sizeof pending->target);
    memcpy(pending->text, text, size);
    snprintf(pending->target, sizeof pending->target, "%s", target);
    pending->to_user = to_user;
    pending->line = line;
    pl_random(id, sizeof id);
    pl_base64url_encode(id, sizeof id, pending->request_id);
    pl_list_append(&sender->pending, &pending->node);
    sender->len++;
    return PL_OK;
}

const struct pl_list *pl_sender_pending(const struct pl_sender *sender)
{
    return &sender->pending;
}

size_t pl_sender_len(const struct pl_sender *sender)
{
    return sender->len;
}

int pl_sender_new(struct pl_app *app, const struct pl_sender_ops *ops,
                  struct pl_sender **ret_sender)
{
    struct pl_sender *sender = pl_zalloc(sizeof *sender);
    int err;

    if (sender == NULL)
        return PL_E_NOMEM;
    sender->app_weak = app;
    sender->ops = *ops;
    pl_list_init(&sender->pending);
    err = pl_timer_new(app->loop, on_again, sender, &sender->again);
    if (err < 0) {
        pl_free(sender);
        return err;
    }
    *ret_sender = sender;
    return PL_OK;
}

void pl_sender_free(struct pl_sender *sender)
{
    if (sender == NULL)
        return;
    PL_LIST_EACH (node, &sender->pending) {
        pl_list_remove(node);
        pl_free(PL_CONTAINER(node, struct pl_pending, node));
    }
    pl_timer_free(sender->again);
    pl_free(sender);
}

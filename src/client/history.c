/*
 * history.c - pages of messages.
 *
 * Pages are kept packed until the last one has come.
 */
#include "client/history.h"

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"
#include "parla/v1/chat_service.pb-c.h"
#include "pb/message.h"

#include <stdio.h>

#define PAGE_UNPACKED_SIZE_MAX ((size_t)32 << 20)

struct page {
    struct pl_list node;
    struct pl_buf *response;
};

struct history {
    struct pl_app *app_weak;
    struct pl_history_ops ops;
    char room[PL_ROOM_NAME_SIZE_MAX + 2];
    uint32_t wanted;
    size_t len;           /* of messages that have come */
    struct pl_list pages; /* oldest first */
};

static void history_free(void *self)
{
    struct history *history = self;

    PL_LIST_EACH (node, &history->pages) {
        struct page *page = PL_CONTAINER(node, struct page, node);

        pl_list_remove(node);
        pl_buf_unref(page->response);
        pl_free(page);
    }
    pl_free(history);
}

static void refuse(struct history *history, const struct pl_api_result *result)
{
    history->ops.on_refused(history->ops.self, result);
    history_free(history);
}

static void fail(struct history *history, int err)
{
    struct pl_api_result result = {.code = pl_err_code(err), .text = pl_err_text(err)};

    refuse(history, &result);
}

static int give_page(struct history *history, const struct page *page)
{
    struct pl_arena arena;
    struct pl_pb_fault fault;
    ProtobufCMessage *message = NULL;
    const Parla__V1__ListMessagesResponse *response;
    int err;

    pl_arena_init(&arena, PAGE_UNPACKED_SIZE_MAX);
    err = pl_pb_unpack(&parla__v1__list_messages_response__descriptor,
                       (struct pl_bytes){page->response->data, page->response->size}, &arena,
                       &fault, &message);
    if (err == PL_OK) {
        response = (const Parla__V1__ListMessagesResponse *)message;
        for (size_t i = response->n_messages; i-- > 0;)
            history->ops.on_message(history->ops.self, response->messages[i]);
    }
    pl_arena_done(&arena);
    return err;
}

static void give_all(struct history *history)
{
    history->ops.on_begin(history->ops.self, history->len);
    PL_LIST_EACH (node, &history->pages) {
        int err = give_page(history, PL_CONTAINER(node, struct page, node));

        if (err < 0) {
            fail(history, err);
            return;
        }
    }
    history->ops.on_end(history->ops.self);
    history_free(history);
}

static void on_page(void *self, const struct pl_api_result *result);

static void ask(struct history *history, char *page_token)
{
    Parla__V1__ListMessagesRequest request = PARLA__V1__LIST_MESSAGES_REQUEST__INIT;

    request.room = history->room;
    request.page_size =
        history->wanted < PL_API_MESSAGES_LEN ? history->wanted : PL_API_MESSAGES_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call_owned(history->app_weak, &parla__v1__chat_service__descriptor, "ListMessages",
                      &request.base, on_page, history_free, history);
}

static void on_page(void *self, const struct pl_api_result *result)
{
    struct history *history = self;
    const Parla__V1__ListMessagesResponse *response =
        (const Parla__V1__ListMessagesResponse *)result->response;
    struct page *page;
    int err;

    if (response == NULL) {
        refuse(history, result);
        return;
    }
    page = pl_zalloc(sizeof *page);
    err = page != NULL ? pl_pb_pack(&response->base, &page->response) : PL_E_NOMEM;
    if (err < 0) {
        pl_free(page);
        fail(history, err);
        return;
    }
    pl_list_prepend(&history->pages, &page->node);
    history->len += response->n_messages;
    history->wanted -=
        response->n_messages < history->wanted ? (uint32_t)response->n_messages : history->wanted;
    if (history->wanted > 0 && response->next_page_token[0] != 0)
        ask(history, response->next_page_token);
    else
        give_all(history);
}

int pl_history_ask(struct pl_app *app, const char *room, uint32_t len,
                   const struct pl_history_ops *ops)
{
    struct history *history = pl_zalloc(sizeof *history);

    if (history == NULL)
        return PL_E_NOMEM;
    history->app_weak = app;
    history->ops = *ops;
    history->wanted = len;
    snprintf(history->room, sizeof history->room, "%s", room);
    pl_list_init(&history->pages);
    ask(history, NULL);
    return PL_OK;
}

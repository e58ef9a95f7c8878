/*
 * cmd_history.c - parla history ROOM|@USER [-n N] [--json]: the last messages,
 * oldest first.
 *
 * The server lists newest first, in pages. So the pages are kept as lines, each
 * page put before those that came earlier, and all are written at the end.
 */
#include "client/command.h"

#include "base/err.h"
#include "base/mem.h"
#include "client/find_room.h"
#include "client/json_out.h"
#include "client/message.h"
#include "parla/v1/chat_service.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { PAGE_LEN = 1000 };

struct page {
    struct pl_list node;
    struct pl_bytebuf lines;
};

struct history {
    struct pl_script script;
    struct pl_room_ref ref;
    char room[PL_ROOM_NAME_SIZE_MAX + 2];
    uint32_t wanted;
    struct pl_list pages; /* oldest first */
    bool json;
};

static void finish(struct history *history)
{
    PL_LIST_EACH (node, &history->pages) {
        struct page *page = PL_CONTAINER(node, struct page, node);

        pl_bytebuf_append(&history->script.app.out, page->lines.data, page->lines.size);
    }
    pl_app_end(&history->script.app, PL_EXIT_DONE);
}

static int keep_page(struct history *history, const Parla__V1__ListMessagesResponse *response)
{
    struct page *page = pl_zalloc(sizeof *page);

    if (page == NULL)
        return PL_E_NOMEM;
    pl_bytebuf_init(&page->lines, (size_t)64 << 20);
    pl_list_prepend(&history->pages, &page->node);
    for (size_t i = response->n_messages; i-- > 0;) {
        struct pl_message message = pl_message_of_chat(
            response->messages[i], history->ref.is_user ? history->ref.name : "");

        if (history->json)
            pl_json_message(&page->lines, &message);
        else
            pl_message_line(&page->lines, history->script.app.colour, &message);
    }
    return page->lines.err;
}

static void on_page(void *self, const struct pl_api_result *result);

static void ask(struct history *history, char *page_token)
{
    Parla__V1__ListMessagesRequest request = PARLA__V1__LIST_MESSAGES_REQUEST__INIT;

    request.room = history->room;
    request.page_size = history->wanted < PAGE_LEN ? history->wanted : PAGE_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call(&history->script.app, &parla__v1__chat_service__descriptor, "ListMessages",
                &request.base, on_page, history);
}

static void on_page(void *self, const struct pl_api_result *result)
{
    struct history *history = self;
    const Parla__V1__ListMessagesResponse *response =
        (const Parla__V1__ListMessagesResponse *)result->response;
    int err;

    if (response == NULL) {
        pl_script_refuse(&history->script, result);
        return;
    }
    err = keep_page(history, response);
    if (err < 0) {
        pl_script_fail(&history->script, err);
        return;
    }
    history->wanted -=
        response->n_messages < history->wanted ? (uint32_t)response->n_messages : history->wanted;
    if (history->wanted > 0 && response->next_page_token[0] != 0)
        ask(history, response->next_page_token);
    else
        finish(history);
}

static void on_found(void *self, const char *room)
{
    struct history *history = self;

    if (room == NULL) { /* nothing has been said yet */
        finish(history);
        return;
    }
    snprintf(history->room, sizeof history->room, "%s", room);
    ask(history, NULL);
}

static void on_refused(void *self, const struct pl_api_result *result)
{
    struct history *history = self;

    pl_script_refuse(&history->script, result);
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
    pl_list_init(&history.pages);
    status = pl_script_init(&history.script, options, false, &ops);
    if (status != 0)
        return status;
    status = pl_script_run(&history.script);
    PL_LIST_EACH (node, &history.pages) {
        struct page *page = PL_CONTAINER(node, struct page, node);

        pl_bytebuf_done(&page->lines);
        pl_free(page);
    }
    pl_script_done(&history.script);
    return status;
}

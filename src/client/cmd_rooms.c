/*
 * cmd_rooms.c - parla rooms [--json]: the rooms that one may see, those that one
 * is in marked with a star.
 */
#include "client/command.h"

#include "client/json_out.h"
#include "client/rooms_text.h"
#include "client/script.h"

struct rooms {
    struct pl_script script;
    bool json;
};

static void on_page(void *self, const struct pl_api_result *result);

static void ask(struct rooms *rooms, char *page_token)
{
    Parla__V1__ListRoomsRequest request = PARLA__V1__LIST_ROOMS_REQUEST__INIT;

    request.include_unjoined = true;
    request.page_size = PL_API_ROOMS_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call(&rooms->script.app, &parla__v1__room_service__descriptor, "ListRooms",
                &request.base, on_page, rooms);
}

static void on_page(void *self, const struct pl_api_result *result)
{
    struct rooms *rooms = self;
    const Parla__V1__ListRoomsResponse *response =
        (const Parla__V1__ListRoomsResponse *)result->response;
    struct pl_bytebuf *out = &rooms->script.app.out;

    if (response == NULL) {
        pl_script_refuse(&rooms->script, result);
        return;
    }
    for (size_t i = 0; i < response->n_rooms; i++) {
        if (response->rooms[i]->room == NULL)
            continue;
        if (rooms->json) {
            pl_json_room(out, response->rooms[i]);
        } else {
            pl_rooms_text(out, rooms->script.app.colour, response->rooms[i], "");
            pl_bytebuf_append_byte(out, '\n');
        }
    }
    if (response->next_page_token[0] != 0)
        ask(rooms, response->next_page_token);
    else
        pl_app_end(&rooms->script.app, PL_EXIT_DONE);
}

static void on_ready(void *self)
{
    ask(self, NULL);
}

int pl_cmd_rooms(const struct pl_options *options)
{
    struct rooms rooms = {.json = (options->given & PL_OPTION_JSON) != 0};
    struct pl_script_ops ops = {.self = &rooms, .on_ready = on_ready};
    int status = pl_script_init(&rooms.script, options, false, &ops);

    if (status != 0)
        return status;
    status = pl_script_run(&rooms.script);
    pl_script_done(&rooms.script);
    return status;
}

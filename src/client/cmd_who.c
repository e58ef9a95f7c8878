/* cmd_who.c - parla who [--json]: who is around, a name a line. */
#include "client/command.h"

#include "client/json_out.h"
#include "client/safe_text.h"
#include "client/script.h"
#include "parla/v1/user_service.pb-c.h"

struct who {
    struct pl_script script;
    bool json;
};

static void on_page(void *self, const struct pl_api_result *result);

static void ask(struct who *who, char *page_token)
{
    Parla__V1__ListUsersRequest request = PARLA__V1__LIST_USERS_REQUEST__INIT;

    request.online_only = true;
    request.page_size = PL_API_USERS_LEN;
    if (page_token != NULL)
        request.page_token = page_token;
    pl_app_call(&who->script.app, &parla__v1__user_service__descriptor, "ListUsers", &request.base,
                on_page, who);
}

static void on_page(void *self, const struct pl_api_result *result)
{
    struct who *who = self;
    const Parla__V1__ListUsersResponse *response =
        (const Parla__V1__ListUsersResponse *)result->response;
    struct pl_bytebuf *out = &who->script.app.out;

    if (response == NULL) {
        pl_script_refuse(&who->script, result);
        return;
    }
    for (size_t i = 0; i < response->n_users; i++) {
        if (who->json) {
            pl_json_user(out, response->users[i]);
        } else {
            pl_safe_append(out, pl_bytes_str(response->users[i]->user), NULL);
            pl_bytebuf_append_byte(out, '\n');
        }
    }
    if (response->next_page_token[0] != 0)
        ask(who, response->next_page_token);
    else
        pl_app_end(&who->script.app, PL_EXIT_DONE);
}

static void on_ready(void *self)
{
    ask(self, NULL);
}

int pl_cmd_who(const struct pl_options *options)
{
    struct who who = {.json = (options->given & PL_OPTION_JSON) != 0};
    struct pl_script_ops ops = {.self = &who, .on_ready = on_ready};
    int status = pl_script_init(&who.script, options, false, &ops);

    if (status != 0)
        return status;
    status = pl_script_run(&who.script);
    pl_script_done(&who.script);
    return status;
}

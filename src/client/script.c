/* script.c - runs without a person. */
#include "client/script.h"

#include "base/err.h"
#include "model/room.h"
#include "model/user.h"

static void on_ready(void *self)
{
    struct pl_script *script = self;

    if (script->was_ready && !script->lasting)
        return; /* what it does is under way on the connection before this one */
    if (script->was_ready)
        pl_app_complain("connected again");
    script->was_ready = true;
    script->ops.on_ready(script->ops.self);
}

static void on_refused(void *self, const struct pl_api_result *result)
{
    pl_script_refuse(self, result);
}

static void on_down(void *self, const char *why, uint32_t retry_ms)
{
    struct pl_script *script = self;
    const char *server = script->app.options->server;
    char no_server[PL_APP_TEXT_SIZE];

    if (!script->was_ready) {
        pl_app_no_server(&script->app, no_server);
        if (pl_channel_was_answered(script->app.channel))
            pl_app_complain("%s", no_server);
        else
            pl_app_complain("%s (%s)", no_server, why);
        pl_app_end(&script->app, PL_EXIT_NO_SERVER);
    } else if (!script->lasting) {
        pl_app_complain("the connection to %s was lost: %s", server, why);
        pl_app_end(&script->app, PL_EXIT_NO_SERVER);
    } else {
        pl_app_complain("the connection was lost: %s; trying again in %u s", why,
                        (retry_ms + 500) / 1000);
    }
}

int pl_script_init(struct pl_script *script, const struct pl_options *options, bool lasting,
                   const struct pl_script_ops *ops)
{
    struct pl_app_ops app_ops = {
        .self = script, .on_ready = on_ready, .on_refused = on_refused, .on_down = on_down};
    char user[PL_USER_NAME_SIZE_MAX + 1];

    *script = (struct pl_script){.ops = *ops, .lasting = lasting};
    if (pl_app_init(&script->app, options, &app_ops) < 0)
        return PL_EXIT_REFUSED;
    if (pl_app_default_name(&script->app, user) < 0) {
        pl_app_complain("say under which name: --user NAME");
        pl_script_done(script);
        return PL_EXIT_USAGE;
    }
    pl_app_sign_in(&script->app, user);
    return 0;
}

void pl_script_done(struct pl_script *script)
{
    pl_app_done(&script->app);
}

int pl_script_run(struct pl_script *script)
{
    return pl_app_run(&script->app);
}

void pl_script_refuse(struct pl_script *script, const struct pl_api_result *result)
{
    bool no_server = result->code == PL_CODE_UNAVAILABLE &&
                     pl_channel_state(script->app.channel) == PL_CHANNEL_TRANSIENT_FAILURE;

    if (no_server && script->lasting)
        return; /* it will be asked again */
    if (!no_server)
        pl_app_complain("%s", result->text);
    pl_app_end(&script->app, no_server ? PL_EXIT_NO_SERVER : PL_EXIT_REFUSED);
}

void pl_script_fail(struct pl_script *script, int err)
{
    pl_app_complain("%s", pl_err_text(err));
    pl_app_end(&script->app, PL_EXIT_REFUSED);
}

int pl_room_ref_parse(const char *text, struct pl_room_ref *ret_ref)
{
    struct pl_room_ref ref = {.name = text};

    if (text[0] == '@' || text[0] == '#') {
        ref.is_user = text[0] == '@';
        ref.name = text + 1;
    }
    if (ref.is_user ? !pl_user_name_valid(ref.name) : !pl_room_name_valid(ref.name))
        return PL_E_INVALID;
    *ret_ref = ref;
    return PL_OK;
}

int pl_script_room(const char *text, struct pl_room_ref *ret_ref)
{
    if (pl_room_ref_parse(text, ret_ref) == PL_OK)
        return 0;
    pl_app_complain("'%s' is neither a room (1 to 64 of a-z, 0-9, '-', '_' and '.') nor @USER",
                    text);
    return PL_EXIT_USAGE;
}

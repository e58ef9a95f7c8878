/*
 * cmd_join.c - parla join, leave and create: one call each, that tells nothing
 * where it goes well.
 */
#include "client/command.h"

#include "client/script.h"
#include "parla/v1/room_service.pb-c.h"

struct join {
    struct pl_script script;
    const char *method;
    const ProtobufCMessage *request_weak;
};

static void on_done(void *self, const struct pl_api_result *result)
{
    struct join *join = self;

    if (result->code != PL_CODE_OK)
        pl_script_refuse(&join->script, result);
    else
        pl_app_end(&join->script.app, PL_EXIT_DONE);
}

static void on_ready(void *self)
{
    struct join *join = self;

    pl_app_call(&join->script.app, &parla__v1__room_service__descriptor, join->method,
                join->request_weak, on_done, join);
}

static int run(const struct pl_options *options, const char *method,
               const ProtobufCMessage *request)
{
    struct join join = {.method = method, .request_weak = request};
    struct pl_script_ops ops = {.self = &join, .on_ready = on_ready};
    int status = pl_script_init(&join.script, options, false, &ops);

    if (status != 0)
        return status;
    status = pl_script_run(&join.script);
    pl_script_done(&join.script);
    return status;
}

/* The room's id: these are for rooms that have a name. */
static int room_of(const struct pl_options *options, char **ret_room)
{
    struct pl_room_ref ref;
    int status = pl_script_room(options->args[0], &ref);

    if (status != 0)
        return status;
    if (ref.is_user) {
        pl_app_complain("a conversation with a user is neither made, joined nor left");
        return PL_EXIT_USAGE;
    }
    *ret_room = (char *)(uintptr_t)ref.name;
    return 0;
}

int pl_cmd_join(const struct pl_options *options)
{
    Parla__V1__JoinRoomRequest request = PARLA__V1__JOIN_ROOM_REQUEST__INIT;
    int status = room_of(options, &request.room);

    request.create_if_missing = true;
    return status != 0 ? status : run(options, "JoinRoom", &request.base);
}

int pl_cmd_leave(const struct pl_options *options)
{
    Parla__V1__LeaveRoomRequest request = PARLA__V1__LEAVE_ROOM_REQUEST__INIT;
    int status = room_of(options, &request.room);

    return status != 0 ? status : run(options, "LeaveRoom", &request.base);
}

int pl_cmd_create(const struct pl_options *options)
{
    Parla__V1__CreateRoomRequest request = PARLA__V1__CREATE_ROOM_REQUEST__INIT;
    Parla__V1__Room room = PARLA__V1__ROOM__INIT;
    int status = room_of(options, &room.room);

    request.room = &room;
    room.visibility = PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PUBLIC;
    room.delivery = (options->given & PL_OPTION_ONE) != 0
                        ? PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_ONE
                        : PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_EVERYONE;
    return status != 0 ? status : run(options, "CreateRoom", &request.base);
}

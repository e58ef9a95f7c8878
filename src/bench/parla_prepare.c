/*
 * parla_prepare.c - guests and rooms of a run, made before it and removed after.
 *
 * The first guest owns the rooms; the others join. All of it goes over one
 * connection, a few calls at a time: a token is good on any.
 */
#include "base/assert.h"
#include "base/buf.h"
#include "base/err.h"
#include "bench/parla_inner.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "pb/message.h"

#include <stdio.h>

enum { CALLS_AT_ONCE = 64, ANSWER_SIZE_MAX = 64 * 1024 };

static const char *const paths[] = {
    [PL_BENCH_STEP_OWNER] = "/parla.v1.SessionService/SignInAsGuest",
    [PL_BENCH_STEP_ROOMS] = "/parla.v1.RoomService/CreateRoom",
    [PL_BENCH_STEP_USERS] = "/parla.v1.SessionService/SignInAsGuest",
    [PL_BENCH_STEP_JOIN] = "/parla.v1.RoomService/JoinRoom",
    [PL_BENCH_STEP_DELETE] = "/parla.v1.RoomService/DeleteRoom",
    [PL_BENCH_STEP_SIGN_OUT] = "/parla.v1.SessionService/SignOut",
};

static uint32_t calls_of(const struct pl_bench_parla *parla)
{
    uint32_t rooms = pl_bench_channels_len(parla->run_weak);

    switch (parla->step) {
    case PL_BENCH_STEP_OWNER:
        return 1;
    case PL_BENCH_STEP_ROOMS:
    case PL_BENCH_STEP_DELETE:
        return rooms;
    case PL_BENCH_STEP_USERS:
        return parla->users_len - 1;
    case PL_BENCH_STEP_JOIN:
        return (parla->users_len - 1) * rooms;
    case PL_BENCH_STEP_SIGN_OUT:
        return parla->users_len;
    case PL_BENCH_STEP_READY:
    case PL_BENCH_STEP_OVER:
        break;
    }
    return 0;
}

static void go_on(struct pl_bench_parla *parla);

/* Keeps the token. */
static void take_session(struct pl_bench_parla *parla, struct pl_bench_parla_user *user,
                         struct pl_bytes answer)
{
    const Parla__V1__SignInAsGuestResponse *response;
    ProtobufCMessage *message = NULL;
    struct pl_arena arena;
    struct pl_pb_fault fault;

    pl_arena_init(&arena, ANSWER_SIZE_MAX);
    if (pl_pb_unpack(&parla__v1__sign_in_as_guest_response__descriptor, answer, &arena, &fault,
                     &message) < 0) {
        pl_bench_fail(parla->run_weak, "the answer to SignInAsGuest cannot be read");
    } else {
        response = (const Parla__V1__SignInAsGuestResponse *)(const void *)message;
        if (response->session == NULL || response->session->token[0] == 0)
            pl_bench_fail(parla->run_weak, "the answer to SignInAsGuest has no token");
        else
            snprintf(user->bearer, sizeof user->bearer, "Bearer %s", response->session->token);
    }
    pl_arena_done(&arena);
}

static void on_done(void *self, uint32_t tag, const struct pl_rpc_status *status,
                    struct pl_bytes answer)
{
    struct pl_bench_parla *parla = self;
    bool cannot = parla->step == PL_BENCH_STEP_DELETE && status->code == PL_CODE_UNIMPLEMENTED;

    if (status->code != PL_CODE_OK && !cannot) { /* a server that cannot delete keeps them */
        pl_bench_fail(parla->run_weak, "%s: %s%s%s%s", paths[parla->step] + 1,
                      pl_code_name((int)status->code), status->message[0] != 0 ? ", " : "",
                      status->message,
                      parla->step == PL_BENCH_STEP_OWNER ? " (the server must let guests in)" : "");
        return;
    }
    if (parla->step == PL_BENCH_STEP_OWNER)
        take_session(parla, &parla->users[0], answer);
    else if (parla->step == PL_BENCH_STEP_USERS)
        take_session(parla, &parla->users[1 + tag], answer);
    parla->done++;
    pl_bench_run_moved(parla->run_weak);
    go_on(parla);
}

static int call(struct pl_bench_parla *parla, const char *bearer, const void *request, uint32_t tag)
{
    return pl_bench_parla_unary_pb(parla->control_weak, paths[parla->step], bearer, request,
                                   on_done, parla, tag);
}

static int sign_in(struct pl_bench_parla *parla, uint32_t user, uint32_t tag)
{
    Parla__V1__SignInAsGuestRequest request = PARLA__V1__SIGN_IN_AS_GUEST_REQUEST__INIT;

    request.user = parla->users[user].name;
    return call(parla, "", &request, tag);
}

static int create(struct pl_bench_parla *parla, uint32_t i)
{
    Parla__V1__CreateRoomRequest request = PARLA__V1__CREATE_ROOM_REQUEST__INIT;
    Parla__V1__Room room = PARLA__V1__ROOM__INIT;
    char title[] = "parla-bench";

    room.room = (char *)(uintptr_t)pl_bench_channel_name(parla->run_weak, i);
    room.title = title;
    room.visibility = PARLA__V1__ROOM_VISIBILITY__ROOM_VISIBILITY_PUBLIC;
    room.delivery = PARLA__V1__ROOM_DELIVERY__ROOM_DELIVERY_EVERYONE;
    room.quiet_membership = true;
    request.room = &room;
    return call(parla, parla->users[0].bearer, &request, i);
}

static int join(struct pl_bench_parla *parla, uint32_t i)
{
    uint32_t rooms = pl_bench_channels_len(parla->run_weak);
    Parla__V1__JoinRoomRequest request = PARLA__V1__JOIN_ROOM_REQUEST__INIT;

    request.room = (char *)(uintptr_t)pl_bench_channel_name(parla->run_weak, i % rooms);
    return call(parla, parla->users[1 + i / rooms].bearer, &request, i);
}

static int delete_room(struct pl_bench_parla *parla, uint32_t i)
{
    Parla__V1__DeleteRoomRequest request = PARLA__V1__DELETE_ROOM_REQUEST__INIT;

    request.room = (char *)(uintptr_t)pl_bench_channel_name(parla->run_weak, i);
    return call(parla, parla->users[0].bearer, &request, i);
}

static int sign_out(struct pl_bench_parla *parla, uint32_t i)
{
    Parla__V1__SignOutRequest request = PARLA__V1__SIGN_OUT_REQUEST__INIT;

    return call(parla, parla->users[i].bearer, &request, i);
}

static int begin(struct pl_bench_parla *parla, uint32_t i)
{
    switch (parla->step) {
    case PL_BENCH_STEP_OWNER:
        return sign_in(parla, 0, i);
    case PL_BENCH_STEP_ROOMS:
        return create(parla, i);
    case PL_BENCH_STEP_USERS:
        return sign_in(parla, 1 + i, i);
    case PL_BENCH_STEP_JOIN:
        return join(parla, i);
    case PL_BENCH_STEP_DELETE:
        return delete_room(parla, i);
    case PL_BENCH_STEP_SIGN_OUT:
        return sign_out(parla, i);
    case PL_BENCH_STEP_READY:
    case PL_BENCH_STEP_OVER:
        break;
    }
    PL_UNREACHABLE();
}

/* Enters the next step that has calls, or ends. */
static void next_step(struct pl_bench_parla *parla)
{
    do {
        parla->step++;
        parla->begun = 0;
        parla->done = 0;
    } while (calls_of(parla) == 0 && parla->step != PL_BENCH_STEP_READY &&
             parla->step != PL_BENCH_STEP_OVER);
    if (parla->step == PL_BENCH_STEP_READY)
        pl_bench_prepared(parla->run_weak);
    else if (parla->step == PL_BENCH_STEP_OVER)
        pl_bench_cleaned(parla->run_weak);
}

static void go_on(struct pl_bench_parla *parla)
{
    uint32_t len = calls_of(parla);
    int err = PL_OK;

    if (parla->done == len) {
        next_step(parla);
        len = calls_of(parla);
    }
    while (err == PL_OK && parla->begun < len && parla->begun - parla->done < CALLS_AT_ONCE)
        err = begin(parla, parla->begun++);
    if (err < 0)
        pl_bench_fail(parla->run_weak, "%s: %s", paths[parla->step] + 1, pl_err_text(err));
}

int pl_bench_parla_prepare(void *self, struct pl_bench_conn *conn)
{
    struct pl_bench_parla *parla = self;

    PL_ASSERT(parla->step == PL_BENCH_STEP_OWNER);
    parla->control_weak = conn->driver;
    go_on(parla);
    return PL_OK;
}

int pl_bench_parla_clean(void *self, struct pl_bench_conn *conn)
{
    struct pl_bench_parla *parla = self;

    (void)conn;
    PL_ASSERT(parla->step == PL_BENCH_STEP_READY);
    next_step(parla);
    go_on(parla);
    return PL_OK;
}

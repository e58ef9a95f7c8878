/* server.c - echo-server HOST:PORT */
#include "base/err.h"
#include "echo.pb-c.h"
#include "pb/message.h"
#include "transport/simple_server.h"

#include <stdio.h>

enum { TIMES_MAX = 100, ARENA_SIZE_MAX = 1 << 20 };

static void on_message(struct pl_rpc_call *call, struct pl_bytes data)
{
    Echo__V1__EchoResponse response = ECHO__V1__ECHO_RESPONSE__INIT;
    bool repeats = pl_rpc_call_method(call)->server_streaming;
    Echo__V1__EchoRequest *request;
    struct pl_rpc_status status = {0};
    ProtobufCMessage *unpacked;
    struct pl_buf *buf = NULL;
    struct pl_pb_fault fault;
    struct pl_arena arena;
    int rc;

    pl_arena_init(&arena, ARENA_SIZE_MAX);
    rc = pl_pb_unpack(&echo__v1__echo_request__descriptor, data, &arena, &fault, &unpacked);
    if (rc == PL_OK) {
        request = (void *)unpacked;
        response.text = request->text;
        rc = repeats && request->times > TIMES_MAX ? PL_E_LIMIT : pl_pb_pack(&response.base, &buf);
        for (uint32_t i = 0; rc == PL_OK && i < (repeats ? request->times : 1); i++)
            rc = pl_rpc_call_send(call, buf);
    }
    if (rc < 0)
        status = (struct pl_rpc_status){.code = pl_err_code(rc), .message = pl_err_text(rc)};
    pl_rpc_call_finish(call, &status);
    pl_buf_unref(buf);
    pl_arena_done(&arena);
}

static const struct pl_rpc_method methods[] = {
    {.name = "Echo", .no_side_effects = true, .on_message = on_message},
    {.name = "Repeat", .server_streaming = true, .on_message = on_message},
};
static const struct pl_rpc_service service = {"echo.v1.EchoService", methods, 2,
                                              &echo__v1__echo_service__descriptor};

int main(int argc, char **argv)
{
    struct pl_simple_server_config config = PL_SIMPLE_SERVER_DEFAULT;
    struct pl_simple_server *server = NULL;
    struct pl_address address;
    int rc = argc == 2 ? pl_simple_server_new(&config, &server) : PL_E_INVALID;

    if (rc == PL_OK)
        rc = pl_rpc_host_add(pl_simple_server_host(server), &service, NULL);
    if (rc == PL_OK)
        rc = pl_simple_server_listen(server, argv[1], &address);
    if (rc == PL_OK) {
        printf("listening on port %d\n", address.port);
        fflush(stdout);
        rc = pl_simple_server_run(server);
    }
    pl_simple_server_free(server);
    if (rc < 0)
        fprintf(stderr, "echo-server HOST:PORT: %s\n", pl_err_text(rc));
    return rc < 0;
}

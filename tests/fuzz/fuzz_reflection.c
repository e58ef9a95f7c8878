/*
 * fuzz_reflection.c - questions to server reflection, from a client over a
 * connection without a socket: each is answered, and the call ends well.
 *
 * Input: questions, each a byte that says its size and so many bytes of a
 * ServerReflectionRequest; the first byte of all says which version is asked.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "pb/message.h"
#include "rpc/client.h"
#include "rpc/host.h"
#include "rpc/reflection.h"
#include "server/descriptors.h"

#include <stdlib.h>

enum { QUESTIONS_LEN_MAX = 8, ARENA_SIZE = 4 << 20 };

/* What a call comes to. */
struct asked {
    unsigned answers;
    bool over;
    enum pl_code code;
};

static void on_host_want_send(void *self, struct pl_rpc_conn *conn)
{
    (void)self;
    (void)conn;
}

static void on_client_want_send(void *self)
{
    (void)self;
}

static void on_message(void *self, struct pl_bytes message)
{
    struct asked *asked = self;
    struct pl_pb_fault fault;

    asked->answers++;
    PL_ASSERT(pl_pb_check(&grpc__reflection__v1__server_reflection_response__descriptor, message,
                          &fault) == PL_OK);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct asked *asked = self;

    (void)processed;
    asked->over = true;
    asked->code = status->code;
}

static struct pl_rpc_host *host;
static struct pl_rpc_reflection *reflection;

static void free_host(void)
{
    pl_rpc_reflection_free(reflection);
    pl_rpc_host_free(host);
}

/* The host, made once: it takes the descriptors in, and keeps parts of calls for
 * the next ones until it is freed. */
static struct pl_rpc_host *host_of(void)
{
    if (host == NULL) {
        const struct pl_rpc_host_ops ops = {.on_want_send = on_host_want_send};

        PL_ASSERT(pl_rpc_host_new(&ops, &host) == PL_OK);
        PL_ASSERT(pl_rpc_reflection_new(host, pl_descriptors(), &reflection) == PL_OK);
        PL_ASSERT(atexit(free_host) == 0);
    }
    return host;
}

static void pump(struct pl_rpc_client *client, struct pl_rpc_conn *conn)
{
    static uint8_t data[65536];
    bool moved = true;

    while (moved) {
        ssize_t size = pl_rpc_client_fill(client, data, sizeof data);

        moved = size > 0;
        if (size > 0)
            PL_ASSERT(pl_rpc_conn_recv(conn, (struct pl_bytes){data, (size_t)size}, 1000) == PL_OK);
        size = pl_rpc_conn_fill(conn, data, sizeof data);
        moved = moved || size > 0;
        if (size > 0)
            PL_ASSERT(pl_rpc_client_recv(client, (struct pl_bytes){data, (size_t)size}, 1000) ==
                      PL_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const char *path = fuzz_byte(&input) % 2 == 0
                           ? "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
                           : "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
    struct asked asked = {.code = PL_CODE_UNKNOWN};
    struct pl_rpc_client_call *call;
    struct pl_rpc_client *client;
    struct pl_rpc_conn *conn;
    unsigned questions = 0;

    PL_ASSERT(pl_rpc_conn_new(host_of(), PL_RPC_HTTP_2, 1000, &conn) == PL_OK);
    PL_ASSERT(pl_rpc_client_new(&(struct pl_rpc_client_ops){NULL, on_client_want_send}, "fuzz:1",
                                1000, &client) == PL_OK);
    PL_ASSERT(pl_rpc_client_start(client, path, NULL, 0, 0,
                                  &(struct pl_rpc_client_call_ops){
                                      .self = &asked, on_message, on_close, NULL, NULL},
                                  &call) == PL_OK);
    while (input.size > 0 && questions < QUESTIONS_LEN_MAX && !asked.over) {
        PL_ASSERT(pl_rpc_client_send(call, fuzz_take(&input, fuzz_byte(&input))) == PL_OK);
        questions++;
        pump(client, conn);
    }
    if (!asked.over)
        pl_rpc_client_half_close(call);
    pump(client, conn);
    PL_ASSERT(asked.over);
    PL_ASSERT(asked.code == PL_CODE_OK || asked.code == PL_CODE_INVALID_ARGUMENT ||
              asked.code == PL_CODE_RESOURCE_EXHAUSTED);
    PL_ASSERT(asked.code != PL_CODE_OK || asked.answers == questions);
    pl_rpc_client_free(client);
    pl_rpc_conn_free(conn);
    return 0;
}

/*
 * health.c - see health.h. A watcher's stream has a source, which gives the status
 * of the moment if it differs from the one told last: there is nothing to queue.
 */
#include "rpc/health.h"

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"
#include "grpc/health/v1/health.pb-c.h"
#include "pb/message.h"
#include "rpc/envelope.h"

#include <string.h>

enum {
    REQUEST_ARENA_SIZE_MAX = 16 * 1024,
    WATCHED_NAME_SIZE_MAX = 512,               /* which a stream holds, known or not */
    FRAME_SIZE_MAX = PL_RPC_ENVELOPE_SIZE + 8, /* a response has one small number */
};

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

#define UNKNOWN         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN
#define SERVING         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING     GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct pl_rpc_health {
    struct pl_list names;
    struct pl_list watches;
};

/* A service whose status was set. */
struct health_name {
    struct pl_list node;
    serving_status status;
    char name[];
};

/* A Watch call. */
struct watch {
    struct pl_list node;
    const struct pl_rpc_health *health_weak;
    struct pl_rpc_call *call_weak;
    serving_status told; /* UNKNOWN: nothing yet */
    bool ended;          /* by a drain; its call is still to close */
    uint8_t frame[FRAME_SIZE_MAX];
    size_t frame_size;
    size_t frame_offset; /* how much of it has left */
    char name[];
};

static struct health_name *find_name(const struct pl_rpc_health *health, const char *name)
{
    PL_LIST_EACH (node, &health->names) {
        struct health_name *found = PL_CONTAINER(node, struct health_name, node);

        if (strcmp(found->name, name) == 0)
            return found;
    }
    return NULL;
}

static void finish(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    const struct pl_rpc_status status = {.code = code, .message = message};

    pl_rpc_call_finish(call, &status);
}

/* The name in a request, in the arena; NULL where the call has been finished. */
static const char *request_name(struct pl_rpc_call *call, struct pl_bytes message,
                                struct pl_arena *arena)
{
    const Grpc__Health__V1__HealthCheckRequest *request;
    ProtobufCMessage *unpacked;
    struct pl_pb_fault fault;
    int rc = pl_pb_unpack(&grpc__health__v1__health_check_request__descriptor, message, arena,
                          &fault, &unpacked);

    if (rc == PL_E_NOMEM) {
        finish(call, PL_CODE_RESOURCE_EXHAUSTED, "no memory for the request");
        return NULL;
    }
    if (rc < 0) {
        finish(call, PL_CODE_INVALID_ARGUMENT, fault.text);
        return NULL;
    }
    request = (const void *)unpacked;
    return request->service;
}

/* A response to queue; NULL when memory is short. */
static struct pl_buf *response_new(serving_status status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    struct pl_buf *buf;

    response.status = status;
    return pl_pb_pack(&response.base, &buf) < 0 ? NULL : buf;
}

static void check(struct pl_rpc_call *call, const char *name)
{
    const struct health_name *found = find_name(pl_rpc_call_ctx(call), name);
    struct pl_buf *buf;
    int rc;

    if (found == NULL) {
        finish(call, PL_CODE_NOT_FOUND, "unknown service");
        return;
    }
    buf = response_new(found->status);
    rc = buf != NULL ? pl_rpc_call_send(call, buf) : PL_E_NOMEM;
    pl_buf_unref(buf);
    finish(call, pl_err_code(rc), rc < 0 ? pl_err_text(rc) : NULL);
}

static void on_check(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_arena arena;
    const char *name;

    pl_arena_init(&arena, REQUEST_ARENA_SIZE_MAX);
    name = request_name(call, message, &arena);
    if (name != NULL)
        check(call, name);
    pl_arena_done(&arena);
}

/* Makes the frame for a status. */
static void set_frame(struct watch *watch, serving_status status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    size_t size;

    response.status = status;
    size = protobuf_c_message_get_packed_size(&response.base);
    PL_ASSERT(size <= sizeof watch->frame - PL_RPC_ENVELOPE_SIZE);
    pl_rpc_envelope_write(watch->frame, 0, size);
    protobuf_c_message_pack(&response.base, watch->frame + PL_RPC_ENVELOPE_SIZE);
    watch->frame_size = PL_RPC_ENVELOPE_SIZE + size;
    watch->frame_offset = 0;
    watch->told = status;
}

static size_t on_pull(void *self, uint8_t *to, size_t size)
{
    struct watch *watch = self;
    size_t left = watch->frame_size - watch->frame_offset;

    if (left == 0) {
        const struct health_name *found = find_name(watch->health_weak, watch->name);
        serving_status status = found != NULL ? found->status : SERVICE_UNKNOWN;

        if (status == watch->told)
            return 0;
        set_frame(watch, status);
        left = watch->frame_size;
    }
    if (size > left)
        size = left;
    memcpy(to, watch->frame + watch->frame_offset, size);
    watch->frame_offset += size;
    return size;
}

static void start_watch(struct pl_rpc_call *call, const char *name)
{
    struct pl_rpc_health *health = pl_rpc_call_ctx(call);
    struct pl_rpc_source source = {.pull = on_pull};
    struct watch *watch;

    if (strlen(name) > WATCHED_NAME_SIZE_MAX) {
        finish(call, PL_CODE_INVALID_ARGUMENT, "no service has so long a name");
        return;
    }
    watch = pl_zalloc(sizeof *watch + strlen(name) + 1);
    if (watch == NULL) {
        finish(call, PL_CODE_UNAVAILABLE, pl_err_text(PL_E_NOMEM));
        return;
    }
    source.self = watch;
    watch->health_weak = health;
    watch->call_weak = call;
    watch->told = UNKNOWN;
    memcpy(watch->name, name, strlen(name) + 1);
    pl_list_append(&health->watches, &watch->node);
    pl_rpc_call_set_data(call, watch);
    pl_rpc_call_set_source(call, &source);
    pl_rpc_call_wake(call);
}

static void on_watch(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_arena arena;
    const char *name;

    pl_arena_init(&arena, REQUEST_ARENA_SIZE_MAX);
    name = request_name(call, message, &arena);
    if (name != NULL)
        start_watch(call, name);
    pl_arena_done(&arena);
}

static void on_watch_close(struct pl_rpc_call *call)
{
    struct watch *watch = pl_rpc_call_data(call);

    if (watch == NULL)
        return;
    pl_list_remove(&watch->node);
    pl_free(watch);
}

static const struct pl_rpc_method methods[] = {
    {.name = "Check", .no_side_effects = true, .on_message = on_check},
    {.name = "Watch", .server_streaming = true, .on_message = on_watch, .on_close = on_watch_close},
};

static const struct pl_rpc_service service = {
    .name = "grpc.health.v1.Health",
    .methods = methods,
    .methods_len = sizeof methods / sizeof methods[0],
    .descriptor = &grpc__health__v1__health__descriptor,
};

/* GET /healthz: for who watches over the server, and does not speak gRPC. */
static void get_page(void *self, struct pl_rpc_page *ret_page)
{
    const struct health_name *server = find_name(self, "");
    bool serving = server != NULL && server->status == SERVING;

    *ret_page = (struct pl_rpc_page){
        .status = serving ? 200 : 503,
        .content_type = "text/plain; charset=utf-8",
        .body = pl_bytes_str(serving ? "ok\n" : "not serving\n"),
    };
}

int pl_rpc_health_new(struct pl_rpc_host *host, struct pl_rpc_health **ret_health)
{
    struct pl_rpc_health *health = pl_zalloc(sizeof *health);
    int rc;

    if (health == NULL)
        return PL_E_NOMEM;
    pl_list_init(&health->names);
    pl_list_init(&health->watches);
    rc = pl_rpc_host_add(host, &service, health);
    if (rc == PL_OK)
        rc = pl_rpc_host_add_page(host, "/healthz", get_page, health);
    if (rc < 0) {
        pl_rpc_health_free(health);
        return rc;
    }
    *ret_health = health;
    return PL_OK;
}

void pl_rpc_health_free(struct pl_rpc_health *health)
{
    if (health == NULL)
        return;
    PL_ASSERT(pl_list_empty(&health->watches));
    PL_LIST_EACH (node, &health->names)
        pl_free(PL_CONTAINER(node, struct health_name, node));
    pl_free(health);
}

int pl_rpc_health_set(struct pl_rpc_health *health, const char *service_name, bool serving)
{
    struct health_name *name = find_name(health, service_name);

    if (name == NULL) {
        name = pl_zalloc(sizeof *name + strlen(service_name) + 1);
        if (name == NULL)
            return PL_E_NOMEM;
        memcpy(name->name, service_name, strlen(service_name) + 1);
        pl_list_append(&health->names, &name->node);
    }
    name->status = serving ? SERVING : NOT_SERVING;
    PL_LIST_EACH (node, &health->watches) {
        struct watch *watch = PL_CONTAINER(node, struct watch, node);

        if (strcmp(watch->name, service_name) == 0)
            pl_rpc_call_wake(watch->call_weak);
    }
    return PL_OK;
}

void pl_rpc_health_drain(struct pl_rpc_health *health)
{
    struct pl_buf *buf = response_new(NOT_SERVING);

    PL_LIST_EACH (node, &health->names)
        PL_CONTAINER(node, struct health_name, node)->status = NOT_SERVING;
    PL_LIST_EACH (node, &health->watches) {
        struct watch *watch = PL_CONTAINER(node, struct watch, node);
        int rc = PL_OK;

        if (watch->ended)
            continue;
        watch->ended = true;
        if (watch->told == SERVING)
            rc = buf != NULL ? pl_rpc_call_send(watch->call_weak, buf) : PL_E_NOMEM;
        finish(watch->call_weak, PL_CODE_UNAVAILABLE,
               rc < 0 ? pl_err_text(rc) : "the server is stopping");
    }
    pl_buf_unref(buf);
}

/*
 * parla_call.c - calls of one message each way.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "bench/parla_inner.h"
#include "pb/message.h"

struct unary {
    struct pl_bench_run *run_weak;
    pl_bench_parla_done on_done;
    void *self_weak;
    uint32_t tag;
    uint8_t *answer;
    size_t answer_size;
};

static void on_message(void *self, struct pl_bytes message)
{
    struct unary *unary = self;

    unary->answer = pl_memdup(message.data, message.size);
    unary->answer_size = message.size;
    if (unary->answer == NULL)
        pl_bench_fail(unary->run_weak, "%s", pl_err_text(PL_E_NOMEM));
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct unary *unary = self;

    (void)processed;
    if (!unary->run_weak->failed && unary->run_weak->phase != PL_BENCH_OVER)
        unary->on_done(unary->self_weak, unary->tag, status,
                       (struct pl_bytes){unary->answer, unary->answer_size});
    pl_free(unary->answer);
    pl_free(unary);
}

int pl_bench_parla_unary(struct pl_bench_parla_conn *conn, const char *path, const char *bearer,
                         struct pl_bytes request, pl_bench_parla_done on_done, void *self,
                         uint32_t tag)
{
    const struct pl_rpc_metadata metadata = {.name = "authorization",
                                             .value = pl_bytes_str(bearer)};
    const struct pl_rpc_client_request head = {
        .path = path, .metadata = &metadata, .metadata_len = bearer[0] != 0, .one_reply = true};
    struct unary *unary = pl_zalloc(sizeof *unary);
    const struct pl_rpc_client_call_ops ops = {
        .self = unary, .on_message = on_message, .on_close = on_close};
    struct pl_rpc_client_call *call;
    int err;

    if (unary == NULL)
        return PL_E_NOMEM;
    unary->run_weak = conn->parla_weak->run_weak;
    unary->on_done = on_done;
    unary->self_weak = self;
    unary->tag = tag;
    err = pl_rpc_client_begin(conn->client, &head, &ops, &call);
    if (err < 0) {
        pl_free(unary);
        return err;
    }
    err = pl_rpc_client_send(call, request);
    pl_rpc_client_half_close(call);
    if (err < 0) /* the call is there, and ends by itself */
        pl_bench_fail(unary->run_weak, "%s: %s", path + 1, pl_err_text(err));
    return PL_OK;
}

int pl_bench_parla_unary_pb(struct pl_bench_parla_conn *conn, const char *path, const char *bearer,
                            const ProtobufCMessage *request, pl_bench_parla_done on_done,
                            void *self, uint32_t tag)
{
    struct pl_buf *buf;
    int err = pl_pb_pack(request, &buf);

    if (err < 0)
        return err;
    err = pl_bench_parla_unary(conn, path, bearer, (struct pl_bytes){buf->data, buf->size}, on_done,
                               self, tag);
    pl_buf_unref(buf);
    return err;
}

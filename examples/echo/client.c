/* client.c - echo-client HOST:PORT TEXT [TIMES] */
#include "base/err.h"
#include "echo.pb-c.h"
#include "pb/message.h"
#include "transport/channel.h"

#include <stdio.h>
#include <stdlib.h>

static void on_reply(void *self, struct pl_bytes data)
{
    Echo__V1__EchoResponse *response = echo__v1__echo_response__unpack(NULL, data.size, data.data);

    (void)self;
    if (response == NULL)
        return;
    puts(response->text);
    echo__v1__echo_response__free_unpacked(response, NULL);
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    (void)processed;
    if (status->code != PL_CODE_OK)
        fprintf(stderr, "%s: %s\n", pl_code_name((int)status->code), status->message);
    pl_loop_stop(self);
}

int main(int argc, char **argv)
{
    const char *path = argc == 4 ? "/echo.v1.EchoService/Repeat" : "/echo.v1.EchoService/Echo";
    static const struct pl_channel_call_options options = {.repeatable = true, .timeout_ms = 10000};
    struct pl_channel_config config = PL_CHANNEL_CONFIG_DEFAULT;
    struct pl_loop_ops loop_ops = {0};
    struct pl_channel_ops channel_ops = {0};
    struct pl_rpc_client_call_ops ops = {.on_message = on_reply, .on_close = on_close};
    Echo__V1__EchoRequest request = ECHO__V1__ECHO_REQUEST__INIT;
    struct pl_channel *channel = NULL;
    struct pl_channel_call *call;
    struct pl_loop *loop = NULL;
    struct pl_buf *buf = NULL;
    int rc = argc < 3 ? PL_E_INVALID : pl_target_parse(argv[1], &config.target);

    request.text = argc < 3 ? NULL : argv[2];
    request.times = argc < 4 ? 1 : (uint32_t)strtoul(argv[3], NULL, 10);
    if (rc == PL_OK)
        rc = pl_pb_pack(&request.base, &buf);
    if (rc == PL_OK)
        rc = pl_loop_new(&loop_ops, 1, &loop);
    if (rc == PL_OK)
        rc = pl_channel_new(loop, &config, &channel_ops, &channel);
    ops.self = loop;
    if (rc == PL_OK)
        rc = pl_channel_call(channel, path, (struct pl_bytes){buf->data, buf->size}, NULL, 0,
                             &options, &ops, &call);
    if (rc == PL_OK)
        pl_loop_run(loop);
    pl_channel_free(channel);
    pl_loop_free(loop);
    pl_buf_unref(buf);
    if (rc < 0)
        fprintf(stderr, "echo-client HOST:PORT TEXT [TIMES]: %s\n", pl_err_text(rc));
    return rc < 0;
}

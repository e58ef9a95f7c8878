/* test_compression.c - client and host compress for each other, message by message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "pair.h"

#include <string.h>

enum { LONG_SIZE = 20000 };

static const char zip_path[] = "/test.Zip/Turn";
static uint8_t zeros[LONG_SIZE];
static const struct pl_bytes long_one = {zeros, LONG_SIZE};

static int came_compressed; /* messages at the host */
static int came_plain;

static void on_open(struct pl_rpc_call *call)
{
    struct pl_bytes value;

    if (pl_rpc_call_metadata(call, "x-compress", &value))
        assert_int_equal(pl_rpc_call_compress(call, true), PL_OK);
}

/* What comes goes back, in the same way. */
static void on_message(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_buf *buf = pl_buf_copy(message.data, message.size);
    bool compressed = pl_rpc_call_message_compressed(call);

    assert_non_null(buf);
    assert_true(pl_bytes_equal(message, long_one));
    came_compressed += compressed;
    came_plain += !compressed;
    assert_int_equal(pl_rpc_call_compress(call, compressed), PL_OK);
    assert_int_equal(pl_rpc_call_send(call, buf), PL_OK);
    pl_buf_unref(buf);
}

static void on_half_close(struct pl_rpc_call *call)
{
    const struct pl_rpc_status status = {.code = PL_CODE_OK};

    pl_rpc_call_finish(call, &status);
}

static const struct pl_rpc_method methods[] = {
    {.name = "Turn",
     .client_streaming = true,
     .server_streaming = true,
     .on_open = on_open,
     .on_message = on_message,
     .on_half_close = on_half_close},
};

static const struct pl_rpc_service zip = {.name = "test.Zip", .methods = methods, .methods_len = 1};

struct turned {
    struct pl_rpc_client_call *call;
    int compressed;
    int plain;
    int closed;
    enum pl_code code;
};

static void on_turned(void *self, struct pl_bytes message)
{
    struct turned *turned = self;

    assert_true(pl_bytes_equal(message, long_one));
    if (pl_rpc_client_call_was_compressed(turned->call))
        turned->compressed++;
    else
        turned->plain++;
}

static void on_close(void *self, const struct pl_rpc_status *status, bool processed)
{
    struct turned *turned = self;

    (void)processed;
    turned->closed++;
    turned->code = status->code;
}

static void each_message_goes_as_it_is_told_to(void **state)
{
    static const struct pl_rpc_metadata metadata[] = {{"x-compress", {(const uint8_t *)"1", 1}}};
    const struct pl_rpc_client_request request = {
        .path = zip_path, .metadata = metadata, .metadata_len = 1, .gzip = true};
    struct turned turned = {.call = NULL};
    const struct pl_rpc_client_call_ops ops = {
        .self = &turned, .on_message = on_turned, .on_close = on_close};
    struct pair pair;

    (void)state;
    came_compressed = came_plain = 0;
    assert_int_equal(pair_init(&pair), PL_OK);
    assert_int_equal(pl_rpc_host_add(pair.host, &zip, NULL), PL_OK);
    assert_int_equal(pl_rpc_client_begin(pair.client, &request, &ops, &turned.call), PL_OK);
    for (int i = 0; i < 5; i++) {
        pl_rpc_client_call_compress(turned.call, i % 2 == 0);
        assert_int_equal(pl_rpc_client_send(turned.call, long_one), PL_OK);
        assert_true(pl_rpc_client_call_queue_size(turned.call) > LONG_SIZE || i % 2 == 0);
        pair_pump(&pair);
        assert_int_equal(turned.compressed + turned.plain, i + 1);
    }
    assert_int_equal(came_compressed, 3);
    assert_int_equal(came_plain, 2);
    assert_int_equal(turned.compressed, 3);
    assert_int_equal(turned.plain, 2);
    pl_rpc_client_half_close(turned.call);
    pair_pump(&pair);
    assert_int_equal(turned.closed, 1);
    assert_int_equal(turned.code, PL_CODE_OK);
    pair_done(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_goes_as_it_is_told_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

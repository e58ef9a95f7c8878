/* kinds.c - see kinds.h. */
#include "kinds.h"

#include "base/assert.h"
#include "base/buf.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/envelope.h"
#include "test/v1/kinds.pb-c.h"

#include <stdio.h>
#include <string.h>

enum { ITEM_SIZE_MAX = 256 };

static struct kinds_seen *seen_of(const struct pl_rpc_call *call)
{
    return pl_rpc_call_ctx(call);
}

static void finish(struct pl_rpc_call *call, enum pl_code code, const char *message)
{
    const struct pl_rpc_status status = {.code = code, .message = message};

    pl_rpc_call_finish(call, &status);
}

/* Sends, or finishes for want of memory. */
static bool send_bytes(struct pl_rpc_call *call, struct pl_bytes message)
{
    struct pl_buf *buf = pl_buf_copy(message.data, message.size);
    int rc = buf == NULL ? PL_E_NOMEM : pl_rpc_call_send(call, buf);

    pl_buf_unref(buf);
    if (rc < 0 && rc != PL_E_CLOSED)
        finish(call, PL_CODE_UNAVAILABLE, "no memory");
    return rc == PL_OK;
}

static bool send_item(struct pl_rpc_call *call, const char *text, int64_t number)
{
    uint8_t item[ITEM_SIZE_MAX];

    return send_bytes(call, (struct pl_bytes){item, kinds_item(item, text, number)});
}

static Test__V1__Item *unpack(struct pl_bytes message)
{
    Test__V1__Item *item = test__v1__item__unpack(NULL, message.size, message.data);

    PL_ASSERT(item != NULL);
    return item;
}

/* Notes the metadata, and gives x-in back as header x-out and trailer x-end. */
static void on_open(struct pl_rpc_call *call)
{
    struct kinds_seen *seen = seen_of(call);
    struct pl_bytes name, value;
    size_t at = 0;

    seen->opened++;
    seen->last_id = pl_rpc_call_id(call);
    seen->deadline_ms = pl_rpc_call_deadline_ms(call);
    for (size_t pos = 0; pl_rpc_call_metadata_next(call, &pos, &name, &value);) {
        at += (size_t)snprintf(seen->metadata + at, sizeof seen->metadata - at, "%.*s: %.*s\n",
                               (int)name.size, (const char *)name.data, (int)value.size,
                               (const char *)value.data);
        PL_ASSERT(at < sizeof seen->metadata);
    }
    if (pl_rpc_call_metadata(call, "x-in", &value)) {
        (void)pl_rpc_call_add_header(call, "x-out", value);
        (void)pl_rpc_call_add_trailer(call, "x-end", value);
    }
    if (pl_rpc_call_metadata(call, "x-in-bin", &value)) {
        (void)pl_rpc_call_add_header(call, "x-out-bin", value);
        (void)pl_rpc_call_add_trailer(call, "x-end-bin", value);
    }
    if (pl_rpc_call_metadata(call, "x-compress", &value))
        (void)pl_rpc_call_compress(call, true);
}

static void on_half_close(struct pl_rpc_call *call)
{
    seen_of(call)->half_closed++;
}

static void on_close(struct pl_rpc_call *call)
{
    seen_of(call)->closed++;
}

static void note(struct pl_rpc_call *call, struct pl_bytes message)
{
    seen_of(call)->messages++;
    seen_of(call)->last_size = message.size;
}

static void on_echo(struct pl_rpc_call *call, struct pl_bytes message)
{
    note(call, message);
    if (send_bytes(call, message))
        finish(call, PL_CODE_OK, NULL);
}

static void on_many(struct pl_rpc_call *call, struct pl_bytes message)
{
    Test__V1__Item *item = unpack(message);
    bool sent = true;

    note(call, message);
    for (int64_t i = 0; sent && i < item->number; i++)
        sent = send_item(call, item->text, i);
    if (sent)
        finish(call, PL_CODE_OK, NULL);
    test__v1__item__free_unpacked(item, NULL);
}

static void on_counted(struct pl_rpc_call *call, struct pl_bytes message)
{
    note(call, message);
    pl_rpc_call_set_data(call, (void *)((uintptr_t)pl_rpc_call_data(call) + 1));
}

static void on_count_end(struct pl_rpc_call *call)
{
    seen_of(call)->half_closed++;
    if (send_item(call, "", (int64_t)(uintptr_t)pl_rpc_call_data(call)))
        finish(call, PL_CODE_OK, NULL);
}

static void on_talk(struct pl_rpc_call *call, struct pl_bytes message)
{
    note(call, message);
    (void)send_bytes(call, message);
}

static void on_talk_end(struct pl_rpc_call *call)
{
    seen_of(call)->half_closed++;
    finish(call, PL_CODE_OK, NULL);
}

/* A google.rpc.Status with one detail: the item itself. */
static void on_fail(struct pl_rpc_call *call, struct pl_bytes message)
{
    Google__Rpc__Status packed = GOOGLE__RPC__STATUS__INIT;
    Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
    Google__Protobuf__Any *details[] = {&any};
    char type_url[] = "type.googleapis.com/test.v1.Item";
    Test__V1__Item *item = unpack(message);
    struct pl_rpc_status status = {.code = (enum pl_code)item->number, .message = item->text};
    uint8_t bytes[2 * ITEM_SIZE_MAX], copy[ITEM_SIZE_MAX];

    note(call, message);
    PL_ASSERT(message.size <= sizeof copy);
    if (message.size > 0)
        memcpy(copy, message.data, message.size);
    any.type_url = type_url;
    any.value.data = copy;
    any.value.len = message.size;
    packed.code = (int32_t)item->number;
    packed.n_details = 1;
    packed.details = details;
    status.details = (struct pl_bytes){bytes, google__rpc__status__pack(&packed, bytes)};
    if (item->data.len > 0)
        status.details = (struct pl_bytes){item->data.data, item->data.len};
    if (!pl_rpc_call_method(call)->server_streaming || send_item(call, "first", 1))
        pl_rpc_call_finish(call, &status);
    test__v1__item__free_unpacked(item, NULL);
}

static void on_silent(struct pl_rpc_call *call, struct pl_bytes message)
{
    note(call, message);
    finish(call, PL_CODE_OK, NULL);
}

static const struct pl_rpc_method methods[] = {
    {"Echo", false, false, false, on_open, on_echo, on_half_close, on_close},
    {"Look", false, false, true, on_open, on_echo, on_half_close, on_close},
    {"Many", false, true, false, on_open, on_many, on_half_close, on_close},
    {"Count", true, false, false, on_open, on_counted, on_count_end, on_close},
    {"Talk", true, true, false, on_open, on_talk, on_talk_end, on_close},
    {"Wait", false, false, false, on_open, note, on_half_close, on_close},
    {"WaitStream", false, true, false, on_open, note, on_half_close, on_close},
    {"Fail", false, false, false, on_open, on_fail, on_half_close, on_close},
    {"FailStream", false, true, false, on_open, on_fail, on_half_close, on_close},
    {"Silent", false, false, false, on_open, on_silent, on_half_close, on_close},
};

const struct pl_rpc_service kinds_service = {
    .name = "test.v1.Kinds",
    .methods = methods,
    .methods_len = sizeof methods / sizeof methods[0],
    .descriptor = &test__v1__kinds__descriptor,
};

size_t kinds_item(uint8_t *to, const char *text, int64_t number)
{
    Test__V1__Item item = TEST__V1__ITEM__INIT;
    char copy[ITEM_SIZE_MAX / 2];

    PL_ASSERT(strlen(text) < sizeof copy);
    strcpy(copy, text);
    item.text = copy;
    item.number = number;
    return test__v1__item__pack(&item, to);
}

size_t kinds_frame(uint8_t *to, uint8_t flags, const char *text, int64_t number)
{
    size_t size = kinds_item(to + PL_RPC_ENVELOPE_SIZE, text, number);

    pl_rpc_envelope_write(to, flags, size);
    return PL_RPC_ENVELOPE_SIZE + size;
}

void kinds_finish(struct pl_rpc_host *host, const struct kinds_seen *seen, enum pl_code code,
                  const char *message)
{
    finish(pl_rpc_host_call(host, seen->last_id), code, message);
}

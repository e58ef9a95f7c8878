/* core.c - the functions of bench/driver.h that drivers call. */
#include "core.h"

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BUF_SIZE_MAX = 1024 * 1024 };

uint32_t pl_bench_channels_len(const struct pl_bench_run *run)
{
    (void)run;
    return CORE_CHANNELS_LEN;
}

const char *pl_bench_channel_name(const struct pl_bench_run *run, uint32_t channel)
{
    (void)run;
    return channel == 0 ? "pb-x-0" : "pb-x-1";
}

uint32_t pl_bench_channel_of(const struct pl_bench_run *run, struct pl_bytes name)
{
    for (uint32_t i = 0; i < CORE_CHANNELS_LEN; i++)
        if (pl_bytes_is(name, pl_bench_channel_name(run, i)))
            return i;
    return UINT32_MAX;
}

const char *pl_bench_run_id(const struct pl_bench_run *run)
{
    (void)run;
    return "abcdefgh";
}

uint32_t pl_bench_conn_number(const struct pl_bench_conn *conn)
{
    (void)conn;
    return 12;
}

struct pl_bench_run *pl_bench_conn_run(const struct pl_bench_conn *conn)
{
    return conn->run_weak;
}

void pl_bench_want_flush(struct pl_bench_conn *conn)
{
    conn->wants_flush = true;
}

void pl_bench_ready(struct pl_bench_conn *conn)
{
    pl_bytebuf_append_str(&conn->run_weak->told, "ready\n");
}

void pl_bench_subscribed(struct pl_bench_sub *sub)
{
    pl_bytebuf_printf(&sub->conn_weak->run_weak->told, "subscribed %u\n", sub->number);
}

/* What came last, as a core would keep it. */
static void keep(struct core_kept *kept, const struct pl_bench_delivery *delivery)
{
    assert_true(delivery->whole.size <= sizeof kept->whole && delivery->text.size < CORE_TEXT_SIZE);
    if (delivery->whole.size > 0)
        memcpy(kept->whole, delivery->whole.data, delivery->whole.size);
    kept->whole_size = delivery->whole.size;
    memcpy(kept->text, delivery->text.data, delivery->text.size);
    kept->text[delivery->text.size] = 0;
    kept->channel = delivery->channel;
}

void pl_bench_delivered(struct pl_bench_sub *to, const struct pl_bench_delivery *delivery)
{
    struct pl_bench_run *run = to->conn_weak->run_weak;

    assert_int_equal(delivery->sequence, 0);
    pl_bytebuf_printf(&run->told, "delivered %u, channel %u: %.*s\n", to->number, delivery->channel,
                      (int)delivery->text.size, (const char *)delivery->text.data);
    keep(&run->kept, delivery);
}

size_t pl_bench_delivered_again(struct pl_bench_sub *to, struct pl_bytes data, bool alone)
{
    struct pl_bench_run *run = to->conn_weak->run_weak;
    const struct core_kept *kept = &run->kept;

    assert_false(alone);
    if (kept->whole_size == 0 || kept->whole_size > data.size ||
        memcmp(kept->whole, data.data, kept->whole_size) != 0)
        return 0;
    pl_bytebuf_printf(&run->told, "known %u, channel %u: %s\n", to->number, kept->channel,
                      kept->text);
    return kept->whole_size;
}

void pl_bench_acknowledged(struct pl_bench_run *run, const struct pl_bench_ack *ack)
{
    pl_bytebuf_printf(&run->told, "acknowledged %u %u\n", ack->channel, ack->number);
}

void pl_bench_fail(struct pl_bench_run *run, const char *format, ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pl_bytebuf_printf(&run->told, "failed: %s\n", text);
}

int core_open(struct core *core, const struct pl_bench_driver *driver)
{
    memset(core, 0, sizeof *core);
    pl_bytebuf_init(&core->run.told, BUF_SIZE_MAX);
    core->conn.run_weak = &core->run;
    core->driver = driver;
    for (uint32_t i = 0; i < CORE_SUBS_MAX; i++)
        core->subs[i] = (struct pl_bench_sub){.number = i, .conn_weak = &core->conn};
    return driver->conn_open(NULL, &core->conn, &core->conn_self);
}

void core_close(struct core *core)
{
    core->driver->conn_close(core->conn_self);
    pl_bytebuf_done(&core->run.told);
}

void core_subscribe(struct core *core, uint32_t number)
{
    assert_int_equal(core->driver->subscribe(core->conn_self, &core->subs[number]), PL_OK);
}

void core_publish(struct core *core, uint32_t channel, uint32_t number, const char *payload)
{
    const struct pl_bench_send send = {
        .channel = channel, .number = number, .payload = pl_bytes_str(payload)};

    assert_int_equal(core->driver->publish(core->conn_self, &send), PL_OK);
}

void core_expect_sent(struct core *core, const void *bytes, size_t size)
{
    struct pl_bytebuf out;

    assert_true(core->conn.wants_flush);
    core->conn.wants_flush = false;
    pl_bytebuf_init(&out, BUF_SIZE_MAX);
    assert_int_equal(core->driver->flush(core->conn_self, &out), PL_OK);
    assert_int_equal(out.size, size);
    assert_memory_equal(out.data, bytes, size);
    pl_bytebuf_done(&out);
}

void core_expect_told(struct core *core, const char *lines)
{
    assert_string_equal(pl_bytebuf_cstr(&core->run.told), lines);
    pl_bytebuf_clear(&core->run.told);
}

/* Each piece lies in memory of its own, so that reading past it is seen. */
int core_recv(struct core *core, const void *bytes, size_t size, size_t piece_size)
{
    const uint8_t *at = bytes;
    int rc = PL_OK;

    while (size > 0 && rc == PL_OK) {
        size_t now = size < piece_size ? size : piece_size;
        struct pl_bytebuf piece;

        pl_bytebuf_init(&piece, BUF_SIZE_MAX);
        pl_bytebuf_append(&piece, at, now);
        rc = core->driver->recv(core->conn_self, (struct pl_bytes){piece.data, piece.size});
        pl_bytebuf_done(&piece);
        at += now;
        size -= now;
    }
    return rc;
}

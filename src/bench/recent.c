/*
 * recent.c - a ring: a place's message is in the slot of its number.
 */
#include "bench/recent.h"

#include "base/mem.h"

struct pl_bench_recent *pl_bench_recent_new(void)
{
    return pl_zalloc(sizeof(struct pl_bench_recent));
}

void pl_bench_recent_free(struct pl_bench_recent *recent)
{
    pl_free(recent);
}

uint32_t pl_bench_recent_keep(struct pl_bench_recent *recent, struct pl_bytes whole,
                              const struct pl_bench_reading *reading)
{
    struct pl_bench_recent_message *message;

    if (whole.size == 0 || whole.size > sizeof message->bytes)
        return 0;
    message = &recent->messages[++recent->len % PL_BENCH_RECENT_LEN];
    message->reading = *reading;
    message->size = (uint32_t)whole.size;
    memcpy(message->bytes, whole.data, whole.size);
    return recent->len;
}

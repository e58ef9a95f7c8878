/*
 * parla_walk.h - what parla's messages hold, found in their bytes without unpacking.
 *
 * A subscriber reads hundreds of thousands of events a second, and wants three of
 * their fields. The others are skipped, whatever they are; a field that comes twice
 * counts as it came last.
 *
 * Ownership: what is found is borrowed from the bytes.
 * Errors:    false where a field is cut or of no known wire type; then nothing is
 *            set.
 */
#ifndef PL_BENCH_PARLA_WALK_H
#define PL_BENCH_PARLA_WALK_H

#include "base/bytes.h"
#include "bench/driver.h"

#include <stdbool.h>
#include <stdint.h>

/* An item of a stream: StreamMessagesResponse. */
struct pl_bench_item {
    struct pl_bytes cursor; /* data is NULL where there is none */
    struct pl_bytes event;  /* the same */
    bool caught_up;
};

bool pl_bench_walk_item(struct pl_bytes data, struct pl_bench_item *ret_item);

/* An Event, or the like of it in a list: a ChatMessage. */
struct pl_bench_event {
    struct pl_bytes room;
    struct pl_bytes text; /* data is NULL where the event is not a message with a text */
    uint64_t sequence;
};

bool pl_bench_walk_event(struct pl_bytes data, struct pl_bench_event *ret_event);
bool pl_bench_walk_message(struct pl_bytes data, struct pl_bench_event *ret_message);

/* A SendMessageResponse: only these members of the answer are set. */
bool pl_bench_walk_sent(struct pl_bytes data, uint64_t *ret_sequence,
                        enum pl_bench_durability *ret_durability);

/* A ListMessagesResponse: takes its next message off the bytes; *ret_message.data is
 * NULL at the end. */
bool pl_bench_walk_page(struct pl_bytes *page, struct pl_bytes *ret_message);

#endif

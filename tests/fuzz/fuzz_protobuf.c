/*
 * fuzz_protobuf.c - raw protobuf checks: whatever passes can be unpacked, has only
 * sound strings, and passes again after packing.
 *
 * Input: a line that names the type, then the message's bytes.
 */
#include "types.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "pb/message.h"

#include <string.h>

enum { ARENA_SIZE = 1 << 20 };

static void check_fault(const struct pl_pb_fault *fault)
{
    PL_ASSERT(fault->text != NULL && fault->text[0] != 0);
    PL_ASSERT(memchr(fault->field, 0, sizeof fault->field) != NULL);
}

/* What protobuf-c makes of it is packed, and must be as sound; packed once more
 * it must not change. */
static void round_trip(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message)
{
    struct pl_arena arena;
    struct pl_pb_fault fault;
    ProtobufCMessage *again;
    struct pl_buf *first, *second;
    int rc;

    PL_ASSERT(pl_pb_pack(message, &first) == PL_OK);
    pl_arena_init(&arena, ARENA_SIZE);
    rc = pl_pb_unpack(type, (struct pl_bytes){first->data, first->size}, &arena, &fault, &again);
    if (rc == PL_OK) {
        PL_ASSERT(pl_pb_pack(again, &second) == PL_OK);
        PL_ASSERT(pl_bytes_equal((struct pl_bytes){first->data, first->size},
                                 (struct pl_bytes){second->data, second->size}));
        pl_buf_unref(second);
    } else {
        PL_ASSERT(rc == PL_E_NOMEM); /* the arena's end */
    }
    pl_arena_done(&arena);
    pl_buf_unref(first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const ProtobufCMessageDescriptor *type = fuzz_message_type(&input);
    struct pl_bytes bytes = fuzz_rest(&input);
    struct pl_pb_fault fault = {.text = NULL};
    struct pl_arena arena;
    ProtobufCMessage *message = NULL;
    int rc = pl_pb_check(type, bytes, &fault), unpacked;

    PL_ASSERT(rc == PL_OK || rc == PL_E_INVALID || rc == PL_E_LIMIT);
    if (rc < 0)
        check_fault(&fault);

    pl_arena_init(&arena, ARENA_SIZE);
    unpacked = pl_pb_unpack(type, bytes, &arena, &fault, &message);
    PL_ASSERT(unpacked == rc || (rc == PL_OK && unpacked == PL_E_NOMEM));
    if (unpacked == PL_OK) {
        fuzz_message_check(message);
        round_trip(type, message);
    }
    pl_arena_done(&arena);
    return 0;
}

/* message.c - protobuf-c with an arena for its allocator. */
#include "pb/message.h"

#include "base/err.h"

static void *arena_alloc(void *self, size_t size)
{
    return pl_arena_alloc(self, size);
}

/* The arena frees all at once; protobuf-c frees one by one when it fails. */
static void arena_free(void *self, void *ptr)
{
    (void)self;
    (void)ptr;
}

int pl_pb_unpack(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes data,
                 struct pl_arena *arena, struct pl_pb_fault *ret_fault, ProtobufCMessage **ret)
{
    ProtobufCAllocator allocator = {arena_alloc, arena_free, arena};
    ProtobufCMessage *message;
    int rc = pl_pb_check(descriptor, data, ret_fault);

    if (rc < 0)
        return rc;
    message = protobuf_c_message_unpack(descriptor, &allocator, data.size, data.data);
    if (message == NULL)
        return PL_E_NOMEM; /* the bytes are sound: the check above has seen them */
    *ret = message;
    return PL_OK;
}

int pl_pb_pack(const ProtobufCMessage *message, struct pl_buf **ret_buf)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    struct pl_buf *buf;

    if (size > PL_BUF_SIZE_MAX)
        return PL_E_LIMIT;
    buf = pl_buf_new(size);
    if (buf == NULL)
        return PL_E_NOMEM;
    protobuf_c_message_pack(message, buf->data);
    *ret_buf = buf;
    return PL_OK;
}

/*
 * request_int.h - what the request_*.c files share.
 */
#ifndef PL_WIRE_REQUEST_INT_H
#define PL_WIRE_REQUEST_INT_H

#include "pb/message.h"
#include "wire/request.h"

/* Unpacks the request into the arena. PL_OK with *ret_message NULL where it is
 * refused; PL_E_NOMEM. */
int pl_request_unpack(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes request,
                      struct pl_arena *arena, struct pl_refusal *ret_refusal,
                      const void **ret_message);

/* Refuses and returns false where the bytes are no message of that type. */
bool pl_request_check(const ProtobufCMessageDescriptor *descriptor, struct pl_bytes request,
                      struct pl_refusal *ret_refusal);

/* Each refuses and returns false where the value is not allowed. */
bool pl_request_size_ok(const char *value, size_t size_max, const char *field,
                        struct pl_refusal *ret_refusal);
bool pl_request_room_ok(const char *room, struct pl_refusal *ret_refusal);

/* 0 is the default; more than the maximum is the maximum. */
uint32_t pl_request_page_len(uint32_t page_size);

#endif

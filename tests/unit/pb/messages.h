/*
 * messages.h - every message that tests of the JSON mapping can reach: those of the
 * services, of json_cases.proto, and all that these hold.
 */
#ifndef PL_TESTS_PB_MESSAGES_H
#define PL_TESTS_PB_MESSAGES_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

enum { MESSAGES_LEN_MAX = 512 };

struct messages {
    const ProtobufCMessageDescriptor *list[MESSAGES_LEN_MAX];
    size_t len;
};

/* Fills in the list, each message once. */
void messages_init(struct messages *messages);

/* The message of that full name, or NULL. */
const ProtobufCMessageDescriptor *messages_find(const struct messages *messages, const char *name);

#endif

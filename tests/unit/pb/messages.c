/* messages.c - the descriptors refer to each other: a few roots lead to all. */
#include "messages.h"

#include "base/assert.h"
#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "json_cases.pb-c.h"
#include "parla/v1/chat_service.pb-c.h"
#include "parla/v1/room_service.pb-c.h"
#include "parla/v1/session_service.pb-c.h"
#include "parla/v1/user_service.pb-c.h"

#include <string.h>

static void add(struct messages *messages, const ProtobufCMessageDescriptor *message)
{
    if (messages_find(messages, message->name) != NULL)
        return;
    PL_ASSERT(messages->len < MESSAGES_LEN_MAX);
    messages->list[messages->len++] = message;
    for (unsigned i = 0; i < message->n_fields; i++)
        if (message->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            add(messages, message->fields[i].descriptor);
}

static void add_service(struct messages *messages, const ProtobufCServiceDescriptor *service)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        add(messages, service->methods[i].input);
        add(messages, service->methods[i].output);
    }
}

void messages_init(struct messages *messages)
{
    messages->len = 0;
    add_service(messages, &parla__v1__chat_service__descriptor);
    add_service(messages, &parla__v1__room_service__descriptor);
    add_service(messages, &parla__v1__session_service__descriptor);
    add_service(messages, &parla__v1__user_service__descriptor);
    add_service(messages, &grpc__health__v1__health__descriptor);
    add_service(messages, &grpc__reflection__v1__server_reflection__descriptor);
    add(messages, &google__rpc__error_info__descriptor);
    add(messages, &google__rpc__bad_request__descriptor);
    add(messages, &google__rpc__retry_info__descriptor);
    add(messages, &google__rpc__status__descriptor);
    add(messages, &pl__json__scalars__descriptor);
    add(messages, &pl__json__lists__descriptor);
    add(messages, &pl__json__maps__descriptor);
    add(messages, &pl__json__nested__descriptor);
    add(messages, &pl__json__known__descriptor);
}

const ProtobufCMessageDescriptor *messages_find(const struct messages *messages, const char *name)
{
    for (size_t i = 0; i < messages->len; i++)
        if (strcmp(messages->list[i]->name, name) == 0)
            return messages->list[i];
    return NULL;
}

/* event_facts.c - the bytes may be damaged: all is checked before it is believed. */
#include "wire/event_facts.h"

#include "base/arena.h"
#include "base/err.h"
#include "parla/v1/event.pb-c.h"
#include "pb/message.h"

#include <stdio.h>
#include <string.h>

enum { DECODE_ARENA_SIZE = PL_EVENT_SIZE_MAX + 64 * 1024 };

static const int64_t seconds_max = INT64_MAX / 2000;

static bool set_time(const Google__Protobuf__Timestamp *time, struct pl_event_facts *facts)
{
    facts->create_ms = 0;
    if (time == NULL)
        return true;
    if (time->seconds < 0 || time->seconds > seconds_max || time->nanos < 0 ||
        time->nanos > 999999999)
        return false;
    facts->create_ms = time->seconds * 1000 + time->nanos / 1000000;
    return true;
}

static bool set_facts(const Parla__V1__Event *event, struct pl_event_facts *facts)
{
    if (strlen(event->room) >= sizeof facts->room || !set_time(event->create_time, facts))
        return false;
    snprintf(facts->room, sizeof facts->room, "%s", event->room);
    facts->sequence = event->sequence;
    facts->actor_id.v = event->actor_id;
    facts->kind = (uint32_t)event->kind_case;
    if (event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT) {
        facts->thread = event->message_sent->thread;
        facts->mentions_len = (uint32_t)event->message_sent->n_mentions;
    }
    return true;
}

static int decode(void *self, struct pl_bytes bytes, struct pl_event_facts *ret_facts)
{
    struct pl_event_facts facts = {.sequence = 0};
    ProtobufCMessage *message;
    struct pl_pb_fault fault;
    struct pl_arena arena;
    int rc;

    (void)self;
    pl_arena_init(&arena, DECODE_ARENA_SIZE);
    rc = pl_pb_unpack(&parla__v1__event__descriptor, bytes, &arena, &fault, &message);
    if (rc == PL_OK && !set_facts((const Parla__V1__Event *)message, &facts))
        rc = PL_E_CORRUPT;
    pl_arena_done(&arena);
    if (rc == PL_OK)
        *ret_facts = facts;
    return rc == PL_OK || rc == PL_E_NOMEM ? rc : PL_E_CORRUPT;
}

struct pl_event_decoder pl_wire_event_decoder(void)
{
    return (struct pl_event_decoder){.self = NULL, .decode = decode};
}

/*
 * event_facts.h - what an event's bytes say, for who compares it with what else is
 * known of the event.
 */
#ifndef PL_WIRE_EVENT_FACTS_H
#define PL_WIRE_EVENT_FACTS_H

#include "model/event.h"

/* It has no state; the bytes are checked as if they came from outside. */
struct pl_event_decoder pl_wire_event_decoder(void);

#endif

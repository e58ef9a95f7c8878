/*
 * pages.h - pages of a stream out of the in-memory twin, as model/reader.h says
 * them: event by event.
 */
#ifndef PL_TESTS_SIM_PAGES_H
#define PL_TESTS_SIM_PAGES_H

#include "model/reader.h"

/* A reader that makes pages, and nothing else. It sees what the store holds at the
 * moment, so it is not to be asked while a transaction is open. */
struct pl_reader pages_reader(const struct pl_store *memory);

#endif

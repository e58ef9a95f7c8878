/*
 * pages.h - pages of a stream out of the in-memory twin, as model/reader.h says
 * them: event by event.
 */
#ifndef PL_TESTS_SIM_PAGES_H
#define PL_TESTS_SIM_PAGES_H

#include "base/bytes.h"
#include "model/framer.h"
#include "model/reader.h"

/* Appends the page's frames; *ret_last is where the last of them begins. Returns
 * how many there are. *ret_cut: there may be more. */
uint32_t pages_read(const struct pl_store *memory, const struct pl_page_query *query,
                    const struct pl_framer *framer, struct pl_bytebuf *out,
                    pl_position *ret_through, size_t *ret_last, bool *ret_cut);

#endif

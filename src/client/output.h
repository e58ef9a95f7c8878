/*
 * output.h - writing to a descriptor until all is written, also where somebody
 * has made it non-blocking.
 */
#ifndef PL_CLIENT_OUTPUT_H
#define PL_CLIENT_OUTPUT_H

#include "base/bytes.h"

/* PL_OK; PL_E_CLOSED where nobody reads any more, PL_E_FULL, PL_E_IO. */
int pl_output_write(int fd, struct pl_bytes data);

#endif

/*
 * bound.h - what a listener asks of a bound address.
 *
 * Inside net only. Threads: any, one after the other.
 */
#ifndef PL_NET_BOUND_H
#define PL_NET_BOUND_H

#include "net/tcp.h"

/* Sets *ret_fd to a new non-blocking socket that listens on the address and gets
 * its share of what comes; it is the caller's. PL_E_BUSY, PL_E_IO. */
int pl_bound_listen(const struct pl_bound *bound, int *ret_fd);

#endif

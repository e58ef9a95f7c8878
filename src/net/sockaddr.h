/*
 * sockaddr.h - the system's addresses, from text and to text.
 *
 * Inside net only. Threads: any.
 */
#ifndef PL_NET_SOCKADDR_H
#define PL_NET_SOCKADDR_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* PL_E_INVALID where `host` is no IPv4 or IPv6 address in figures. */
int pl_sockaddr_of_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret_addr);

/* Writes it as pl_address_format() does. `size` >= 64. */
void pl_sockaddr_format(const struct sockaddr_storage *addr, char *text, size_t size);

/* Of AF_INET or AF_INET6. */
uint16_t pl_sockaddr_port(const struct sockaddr_storage *addr);
void pl_sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port);

#endif

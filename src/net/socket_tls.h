/*
 * socket_tls.h - the part of a socket that knows TLS; see net/tcp.h.
 *
 * Inside net only: what the plain part hands over. All are for sockets whose `tls`
 * is not NULL.
 */
#ifndef PL_NET_SOCKET_TLS_H
#define PL_NET_SOCKET_TLS_H

#include "net/socket.h"

/* Ciphertext has come. */
void pl_socket_tls_take(struct pl_socket *socket, struct pl_bytes data);

/* The peer has shut its half of the connection. */
void pl_socket_tls_fin(struct pl_socket *socket);

/* The connection is broken, and socket->err says how. */
void pl_socket_tls_broken(struct pl_socket *socket);

/* What was written is with the kernel. */
void pl_socket_tls_drained(struct pl_socket *socket);

/* The owner begins or stops reading: socket->reading has changed. */
void pl_socket_tls_set_reading(struct pl_socket *socket);

bool pl_socket_tls_write(struct pl_socket *socket, struct pl_bytes data);

/* The owner closes: the last words, and nothing more is done. */
void pl_socket_tls_close(struct pl_socket *socket);

/* Nothing more is done. What is borrowed stays until it is freed. */
void pl_socket_tls_stop(struct pl_socket *socket);
void pl_socket_tls_free(struct pl_socket *socket);

/* For tests. */
struct pl_tls_session *pl_socket_tls_session(struct pl_socket *socket);

#endif

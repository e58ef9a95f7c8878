/*
 * tcp.h - listeners and stream sockets of a loop.
 *
 * Threads:   all on the loop's thread.
 * Ownership: the caller frees what it made; on_close tells when a socket is
 *            gone for good, and is the last callback.
 */
#ifndef PL_NET_TCP_H
#define PL_NET_TCP_H

#include "base/bytes.h"
#include "net/loop.h"

#include <stdbool.h>

struct pl_tls_context;

/* "HOST:PORT", host a name, an IPv4 address, or an IPv6 one in brackets. */
struct pl_address {
    char host[256];
    uint16_t port;
};

/* PL_E_INVALID where the text is not of that form or the port not in 0..65535.
 * "HOST" alone and ":PORT" are refused. */
int pl_address_parse(const char *text, struct pl_address *ret_address);

/* Writes it as above: "127.0.0.1:50051", "[::1]:50051". `size` >= 300. */
void pl_address_format(const struct pl_address *address, char *text, size_t size);

struct pl_socket;

/* Each may be NULL. All come from the loop, none from inside a call of the
 * owner's; after pl_socket_close() or _abort() only on_close does. */
struct pl_socket_ops {
    void *self; /* set per socket with pl_socket_set_ops() */
    /* Bytes have come; borrowed until it returns. */
    void (*on_read)(void *self, struct pl_bytes data);
    /* What was handed to pl_socket_write() is with the kernel: more may be
     * written. */
    void (*on_drained)(void *self);
    /* The peer will send no more (PL_OK; one may write on), or the connection is
     * broken (PL_E_CLOSED, _TIMEOUT, _NOMEM, _IO): each is told once at most. The
     * owner then closes. */
    void (*on_end)(void *self, int err);
    /* The socket is closed and freed; the last callback. */
    void (*on_close)(void *self);
    /* What pl_socket_start_tls() began has succeeded (PL_OK, and the protocol that
     * ALPN agreed on, or NULL) or failed (PL_E_PROTO, _CLOSED, _LIMIT, _TIMEOUT,
     * _NOMEM, _IO; then on_end does not come, and the owner closes). Once. */
    void (*on_secured)(void *self, int err, const char *alpn);
};

/* A bound address, found free by a plain bind first (SO_REUSEPORT alone would
 * share it silently), so that several loops may listen on it. */
struct pl_bound;

/* Binds: PL_E_ADDRESS where the host has no such address or does not resolve,
 * PL_E_BUSY where the address is in use, PL_E_IO. Port 0 takes a free one. */
int pl_bound_open(const struct pl_address *address, struct pl_bound **ret_bound);
/* The address with its real port. */
const struct pl_address *pl_bound_address(const struct pl_bound *bound);
void pl_bound_close(struct pl_bound *bound); /* NULL is fine; listeners go on */

struct pl_listener;

/* Accepts on the loop what comes to the address: each loop that listens on one
 * gets its share. on_accept owns the new socket, and gives it its ops. Where
 * descriptors or memory run out, connections wait in the kernel. PL_E_NOMEM,
 * PL_E_BUSY, PL_E_IO; PL_E_CLOSED once the loop ends. */
int pl_listener_new(struct pl_loop *loop, struct pl_bound *bound,
                    void (*on_accept)(void *self, struct pl_socket *socket), void *self,
                    struct pl_listener **ret_listener);
void pl_listener_free(struct pl_listener *listener); /* stops accepting */

/* Starts to connect; a name's addresses are tried in turn. on_connect (with the
 * ops' self) gets PL_OK, or why not (PL_E_REFUSED, PL_E_ADDRESS, PL_E_TIMEOUT,
 * PL_E_NOMEM, PL_E_IO); after an error the socket closes by itself and only
 * on_close follows. Itself it fails with PL_E_NOMEM, or PL_E_CLOSED once the loop
 * ends: then nobody is called. */
int pl_socket_connect(struct pl_loop *loop, const struct pl_address *address,
                      void (*on_connect)(void *self, int err), const struct pl_socket_ops *ops,
                      struct pl_socket **ret_socket);

void pl_socket_set_ops(struct pl_socket *socket, const struct pl_socket_ops *ops);

/* Begins, or stops, calling on_read. PL_E_CLOSED after the peer's end, a failure
 * or a close. While it is stopped, a broken connection shows only in writes. */
int pl_socket_read_start(struct pl_socket *socket);
void pl_socket_read_stop(struct pl_socket *socket);

/* Writes what the kernel takes at once; a rest is copied and written later, and
 * on_drained tells of it. Returns whether all was taken (true: write on). A
 * failure shows as on_end, later; what is written after it is dropped. Not before
 * on_connect. */
bool pl_socket_write(struct pl_socket *socket, struct pl_bytes data);

/* Whether an earlier write is still under way. */
bool pl_socket_writing(const struct pl_socket *socket);

/* From now on the socket speaks TLS: as a server by a server's context, then
 * `server_name` is NULL; by a client's context as a client that wants to reach
 * that name or address. `first` is ciphertext that the owner has read already; it
 * is copied. Once, on an open socket to which nothing was written; nothing may be
 * written until on_secured. After that all means plaintext; on_read comes if
 * reading was begun, before or since.
 *
 * The end of input without close_notify is an end like another (PL_OK): the
 * protocols above must know when they are cut off, and HTTP does. The owner
 * bounds the time of the handshake.
 *
 * PL_E_NOMEM; PL_E_INVALID for a name that cannot be; PL_E_LIMIT where `first`
 * is over 64 KiB; PL_E_CLOSED after the peer's end or a failure: then nothing has
 * changed, and the owner closes. */
int pl_socket_start_tls(struct pl_socket *socket, struct pl_tls_context *context,
                        const char *server_name, struct pl_bytes first);

/* Why TLS failed, in one line, such as "certificate verify failed: self-signed
 * certificate"; "" where it has not. Valid until on_close. */
const char *pl_socket_tls_error(const struct pl_socket *socket);

/* Closes: _close after what was written is with the kernel and the peer has had
 * a moment to take it; a peer that takes nothing is waited for 10 s. _abort
 * closes at once. Either may be called again, until on_close. */
void pl_socket_close(struct pl_socket *socket);
void pl_socket_abort(struct pl_socket *socket);

/* The other side's address, for diagnostics. */
const char *pl_socket_peer(const struct pl_socket *socket);

#endif

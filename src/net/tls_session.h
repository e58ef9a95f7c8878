/*
 * tls_session.h - one TLS connection without its socket: bytes in, bytes out.
 *
 * Whoever moves the bytes feeds ciphertext, goes on with the handshake or reads
 * until that wants more, and after each call sends what pl_tls_session_out()
 * holds, also after a failure: then it is the alert that tells the peer.
 *
 * Inside net only.
 *
 * Threads:   one at a time.
 * Limits:    PL_TLS_HANDSHAKE_SIZE_MAX bytes from the peer until the handshake is
 *            done, PL_TLS_IDLE_SIZE_MAX without a byte of plaintext in them.
 */
#ifndef PL_NET_TLS_SESSION_H
#define PL_NET_TLS_SESSION_H

#include "base/bytes.h"
#include "net/tls.h"

#include <stdbool.h>

#define PL_TLS_HANDSHAKE_SIZE_MAX ((size_t)64 * 1024)
#define PL_TLS_IDLE_SIZE_MAX      ((size_t)64 * 1024)

/* As much is encrypted at a time. */
#define PL_TLS_WRITE_SIZE_MAX ((size_t)48 * 1024)

/* Why a handshake failed whose peer has ended the connection. */
#define PL_TLS_ENDED_TEXT "the peer closed the connection during the handshake"

struct pl_tls_session;

/* A client's context wants the server's name (or address, in figures) that its
 * certificate must be for; a server's wants NULL. PL_E_NOMEM; PL_E_INVALID for a
 * name that none can be. */
int pl_tls_session_new(struct pl_tls_context *context, const char *server_name,
                       struct pl_tls_session **ret_session);
void pl_tls_session_free(struct pl_tls_session *session); /* NULL is fine */

/* Hands over what has come, borrowed until pl_tls_session_unread() says that
 * nothing of it is left, or until the next feed. */
void pl_tls_session_feed(struct pl_tls_session *session, struct pl_bytes data);

/* What has not been taken of it. */
struct pl_bytes pl_tls_session_unread(const struct pl_tls_session *session);

/* Goes on with the handshake. PL_OK: it is done. PL_E_AGAIN: it wants more. Else it
 * has failed for good: PL_E_PROTO (also where whom we speak to is not trusted),
 * PL_E_CLOSED (the peer has ended it), PL_E_LIMIT, PL_E_NOMEM. */
int pl_tls_session_handshake(struct pl_tls_session *session);

/* No more bytes will come: a handshake that is not done has failed. What comes
 * later may end without close_notify: HTTP knows its own ends. */
void pl_tls_session_end(struct pl_tls_session *session);

/* The agreed protocol's name, or NULL; once the handshake is done. */
const char *pl_tls_session_alpn(const struct pl_tls_session *session);

/* Plaintext, up to `size` > 0 bytes. PL_E_AGAIN: all that was fed is used up.
 * PL_E_CLOSED: the peer will send no more. Else as above. */
int pl_tls_session_read(struct pl_tls_session *session, uint8_t *data, size_t size,
                        size_t *ret_size);

/* Whether there may be more to read of what was fed. */
bool pl_tls_session_has_more(const struct pl_tls_session *session);

/* Encrypts up to PL_TLS_WRITE_SIZE_MAX bytes. Errors as above. */
int pl_tls_session_write(struct pl_tls_session *session, struct pl_bytes data);

/* Says that we shall send no more (close_notify), if that can be said. */
void pl_tls_session_shut(struct pl_tls_session *session);

/* Ciphertext to be sent; dropped, with its memory, by pl_tls_session_sent(). */
struct pl_bytes pl_tls_session_out(const struct pl_tls_session *session);
void pl_tls_session_sent(struct pl_tls_session *session);

/* For tests, which have it do what a decent peer does not. */
struct ssl_st *pl_tls_session_ssl(struct pl_tls_session *session);

/* One line that says why it failed; "" while it has not. */
const char *pl_tls_session_error(const struct pl_tls_session *session);

#endif

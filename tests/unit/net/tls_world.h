/*
 * tls_world.h - a world whose ends speak TLS.
 */
#ifndef PL_TESTS_NET_TLS_WORLD_H
#define PL_TESTS_NET_TLS_WORLD_H

#include "certs.h"
#include "world.h"

/* What the ends use; tests may put others in their place. */
extern struct certs tls_certs;
extern struct pl_tls_context *tls_server, *tls_client;
extern const char *tls_name; /* the server's, to its client */

/* With contexts that serve; both ends start TLS and read. An end that ends is
 * closed, and the loop ends with both. */
void tls_world_init(struct world *world);
void tls_world_done(struct world *world);

/* Starts TLS on an end, with what was read already. */
void tls_start(struct end *end, struct pl_bytes first);

/* For hooks. */
void tls_start_server(struct world *world);
void tls_start_client(struct world *world);
void tls_squeeze_and_start_server(struct world *world);

/* A send buffer as small as the kernel has it. (With a small receive buffer too,
 * the kernel itself waits for its timers.) */
void tls_squeeze(struct end *end);

int tls_fd(struct end *end);

/* The handshake is done, once, and h2 agreed on. */
void tls_assert_secured(struct end *end);

/* The bytes go on with the pattern; counts them. */
void tls_check_pattern(struct end *end, struct pl_bytes data);

#endif

/*
 * tls_files.h - the server's certificate and key: read, watched, read again.
 *
 * The files are looked at by name every second, so that it does not matter how
 * they are replaced: written over, renamed, or behind a symbolic link. What has
 * changed is read once it has been the same for a second, and taken if it is
 * whole: certificate and key must belong together. Otherwise what there was
 * stays, and that is said once for each change.
 *
 * Threads: the control loop's.
 */
#ifndef PL_SERVER_TLS_FILES_H
#define PL_SERVER_TLS_FILES_H

#include "base/bytes.h"
#include "net/loop.h"
#include "net/tls.h"

struct pl_tls_files;

struct pl_tls_files_config {
    struct pl_tls_server_files paths; /* borrowed */
    /* They have changed: the new context, borrowed. PL_OK, or what kept it from
     * being taken; then it is tried again. */
    int (*on_context)(void *self, struct pl_tls_context *context);
    void *self;
};

/* Reads the files. Errors of pl_tls_server_context_new(), with its text. */
int pl_tls_files_open(struct pl_loop *loop, const struct pl_tls_files_config *config,
                      struct pl_bytebuf *error_text, struct pl_tls_files **ret_files);

/* What was read last; borrowed. */
struct pl_tls_context *pl_tls_files_context(const struct pl_tls_files *files);

/* Reads them again, whether they have changed or not. */
void pl_tls_files_reload(struct pl_tls_files *files);

/* NULL is fine. */
void pl_tls_files_close(struct pl_tls_files *files);

#endif

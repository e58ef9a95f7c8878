/*
 * tls_files.c - tells by what the system says of the files whether they have
 * changed.
 *
 * That is looked at before they are read: what changes while they are being
 * read looks changed at the next look.
 */
#include "server/tls_files.h"

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"

#include <string.h>
#include <sys/stat.h>

enum { LOOK_MS = 1000, PATHS_LEN = 3, ERROR_SIZE_MAX = 1024 };

/* What tells one content of a file from another; all zero where there is none.
 */
struct look {
    uint64_t device, inode, size;
    int64_t modified_s, modified_ns, changed_s, changed_ns;
};

struct pl_tls_files {
    struct pl_tls_files_config config;
    struct pl_tls_context *context;
    struct pl_timer *looks;
    struct look tried[PATHS_LEN]; /* what was read last, with success or without */
    struct look last[PATHS_LEN];  /* at the last look */
};

static struct look look_at(const char *path)
{
    struct stat found;

    if (path == NULL || stat(path, &found) != 0)
        return (struct look){0};
    return (struct look){
        .device = (uint64_t)found.st_dev,
        .inode = (uint64_t)found.st_ino,
        .size = (uint64_t)found.st_size,
        .modified_s = found.st_mtim.tv_sec,
        .modified_ns = found.st_mtim.tv_nsec,
        .changed_s = found.st_ctim.tv_sec,
        .changed_ns = found.st_ctim.tv_nsec,
    };
}

static void look_at_all(const struct pl_tls_files *files, struct look looks[PATHS_LEN])
{
    looks[0] = look_at(files->config.paths.cert_file);
    looks[1] = look_at(files->config.paths.key_file);
    looks[2] = look_at(files->config.paths.client_ca_file);
}

static bool same(const struct look a[PATHS_LEN], const struct look b[PATHS_LEN])
{
    return memcmp(a, b, PATHS_LEN * sizeof *a) == 0;
}

static int read_files(struct pl_tls_files *files, struct pl_bytebuf *error_text,
                      struct pl_tls_context **ret_context)
{
    look_at_all(files, files->tried);
    memcpy(files->last, files->tried, sizeof files->last);
    return pl_tls_server_context_new(&files->config.paths, error_text, ret_context);
}

static int take(struct pl_tls_files *files, struct pl_tls_context *context)
{
    int rc = files->config.on_context(files->config.self, context);

    if (rc < 0)
        return rc;
    pl_tls_context_unref(files->context);
    files->context = pl_tls_context_ref(context);
    return PL_OK;
}

void pl_tls_files_reload(struct pl_tls_files *files)
{
    struct pl_tls_context *context = NULL;
    struct pl_bytebuf error_text;
    int rc;

    pl_bytebuf_init(&error_text, ERROR_SIZE_MAX);
    rc = read_files(files, &error_text, &context);
    if (rc == PL_OK)
        rc = take(files, context);
    if (rc == PL_OK)
        pl_diag(PL_DIAG_INFO, "tls", "new connections get the certificate now in %s",
                files->config.paths.cert_file);
    else
        pl_diag(PL_DIAG_ERROR, "tls", "new certificates are not taken, the old ones stay: %s",
                error_text.size > 0 ? pl_bytebuf_cstr(&error_text) : pl_err_text(rc));
    if (rc == PL_E_NOMEM) /* that passes */
        memset(files->tried, 0, sizeof files->tried);
    pl_tls_context_unref(context);
    pl_bytebuf_done(&error_text);
}

static void on_look(void *self)
{
    struct pl_tls_files *files = self;
    struct look now[PATHS_LEN];

    look_at_all(files, now);
    if (!same(now, files->tried) && same(now, files->last))
        pl_tls_files_reload(files);
    else
        memcpy(files->last, now, sizeof files->last);
}

int pl_tls_files_open(struct pl_loop *loop, const struct pl_tls_files_config *config,
                      struct pl_bytebuf *error_text, struct pl_tls_files **ret_files)
{
    struct pl_tls_files *files = pl_zalloc(sizeof *files);
    int rc;

    if (files == NULL)
        return PL_E_NOMEM;
    files->config = *config;
    rc = read_files(files, error_text, &files->context);
    if (rc == PL_OK)
        rc = pl_timer_new(loop, on_look, files, &files->looks);
    if (rc < 0) {
        pl_tls_files_close(files);
        return rc;
    }
    pl_timer_start(files->looks, LOOK_MS, LOOK_MS);
    *ret_files = files;
    return PL_OK;
}

struct pl_tls_context *pl_tls_files_context(const struct pl_tls_files *files)
{
    return files->context;
}

void pl_tls_files_close(struct pl_tls_files *files)
{
    if (files == NULL)
        return;
    pl_timer_free(files->looks);
    pl_tls_context_unref(files->context);
    pl_free(files);
}

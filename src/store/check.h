/*
 * check.h - looks at everything in a data folder, and says what is not right.
 *
 * Only reads. What can be counted or found anew is, and compared with what is
 * kept: logs with their rooms, members with both, indexes with their tables.
 * Memory is bounded: it does not grow with the messages, rooms or users.
 */
#ifndef PL_STORE_CHECK_H
#define PL_STORE_CHECK_H

#include "model/event.h"
#include "model/store.h"
#include "store/sqlite.h"

#include <stdbool.h>
#include <stdint.h>

/* Called from within pl_check_run(), on its thread. */
struct pl_check_ops {
    /* A part begins; `total` is about how much there is of it, 0: not known. */
    void (*on_part)(void *self, const char *part, uint64_t total);
    /* So much of it has been looked at. Called often; it may be called with 0 again and
     * again, so that one sees that it goes on. */
    void (*on_progress)(void *self, uint64_t done);
    /* It ends; of `done` things `found` are not right. */
    void (*on_part_done)(void *self, const char *part, uint64_t done, uint64_t found);
    /* Something is not right: what, and what to do about it. */
    void (*on_finding)(void *self, const char *text, const char *advice);
};

struct pl_check_config {
    const char *dir;
    const char *vfs; /* as in pl_sqlite_config */
    bool quick;      /* indexes are not compared with their tables */
    struct pl_event_decoder decoder;
    const struct pl_check_ops *ops;
    void *self;
    uint32_t request_chunk_len; /* as in pl_sqlite_config */
    uint32_t pass_len;          /* rooms, or users, at a time; 0: a default. For tests. */
};

struct pl_check_report {
    uint64_t findings; /* not all of which were told, where there are many of a kind */
    bool beside;       /* a server ran: this is the state of one moment */
    uint32_t version;
    struct pl_meta meta;
};

/* PL_OK: all was looked at, see the findings. PL_E_NOTFOUND (there is no
 * database), PL_E_VERSION (of a newer program), PL_E_IO, PL_E_NOMEM, PL_E_BUSY:
 * it could not be done; `problem` says why, and the report counts what had been
 * found. */
int pl_check_run(const struct pl_check_config *config, struct pl_check_report *ret_report,
                 struct pl_store_problem *problem);

#endif

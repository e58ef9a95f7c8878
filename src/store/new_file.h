/*
 * new_file.h - a file that is there as a whole, and on the disk, or not at all.
 *
 * It is made as PATH.partial beside its place, mode 0600, and gets its name at the
 * end. Only a crash leaves the .partial behind; the next one to make the file takes
 * that away.
 *
 * Threads: one at a time.
 */
#ifndef PL_STORE_NEW_FILE_H
#define PL_STORE_NEW_FILE_H

#include <stdbool.h>

struct pl_new_file;

/* Begins an empty file that is to become `path`. `replace`: a file that has the name
 * gives way. PL_E_EXISTS (and not to be replaced), PL_E_INVALID (what has the name is
 * no file), PL_E_BUSY (another process makes it just now), PL_E_IO (errno says why),
 * PL_E_FULL, PL_E_NOMEM. */
int pl_new_file_open(const char *path, bool replace, struct pl_new_file **ret_file);

/* Where it is written until then. */
const char *pl_new_file_temp(const struct pl_new_file *file);

/* Brings what has been written so far to the disk. PL_E_IO, PL_E_FULL. */
int pl_new_file_sync(struct pl_new_file *file);

/* Brings all to the disk, then gives it its name there. As for opening; after a
 * failure it can only be closed. */
int pl_new_file_publish(struct pl_new_file *file);

/* Unless it was published, nothing of it stays. NULL is fine; errno is kept. */
void pl_new_file_close(struct pl_new_file *file);

#endif

/*
 * dir.h - the data folder.
 */
#ifndef PL_STORE_DIR_H
#define PL_STORE_DIR_H

#include <stdbool.h>

/* Makes the folder, and those above it, where they are missing: mode 0700. What
 * it made is on the disk when it returns. PL_E_IO (errno says why), PL_E_FULL,
 * PL_E_NOMEM. */
int pl_data_dir_make(const char *dir);

/* Syncs the entries of the folder that `path` lies in. PL_E_IO, PL_E_NOMEM. */
int pl_dir_sync_of(const char *path);

/* The same in two steps: what can fail for want of memory or descriptors comes first.
 * The descriptor is the caller's to close. PL_E_IO, PL_E_NOMEM. */
int pl_dir_open_of(const char *path, int *ret_fd);
int pl_dir_sync(int fd);

/* Whether the folder has a file of that name with something in it; false also where that
 * cannot be seen. */
bool pl_data_dir_has(const char *dir, const char *name);

#endif

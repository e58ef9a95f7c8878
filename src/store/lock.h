/*
 * lock.h - one server a data folder.
 *
 * The kernel holds the lock (flock of DIR/lock), so that it ends with the
 * process, however that ends. The file's first line says who has it, for who comes
 * second; its second one, that data was kept here, for who finds none.
 *
 * Threads: one at a time.
 */
#ifndef PL_STORE_LOCK_H
#define PL_STORE_LOCK_H

#include <stdbool.h>

#define PL_DATA_LOCK_FILE "lock"

struct pl_data_lock;

/* Who has the lock, as it says itself: "parlad, pid 123, listening on …". */
struct pl_data_lock_holder {
    char text[256];
};

/* Takes the lock of a data folder, which is made if it is missing. PL_E_BUSY:
 * another has it, see `ret_holder` (may be NULL). PL_E_IO (errno says why),
 * PL_E_FULL, PL_E_NOMEM. */
int pl_data_lock_open(const char *dir, struct pl_data_lock **ret_lock,
                      struct pl_data_lock_holder *ret_holder);

/* Adds to what the second comer is told: "parlad, pid 123, " and the text.
 * PL_E_IO, PL_E_FULL. */
int pl_data_lock_describe(struct pl_data_lock *lock, const char *text);

/* Whether a server has kept data in the folder before; and that one does from now on,
 * which is on the disk when it returns. PL_E_IO, PL_E_FULL. */
bool pl_data_lock_used(const struct pl_data_lock *lock);
int pl_data_lock_set_used(struct pl_data_lock *lock);

/* Gives the lock back. NULL is fine. */
void pl_data_lock_close(struct pl_data_lock *lock);

#endif

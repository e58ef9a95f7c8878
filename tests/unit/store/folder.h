/*
 * folder.h - a data folder of its own for each test, and seeded numbers.
 */
#ifndef PL_TEST_STORE_FOLDER_H
#define PL_TEST_STORE_FOLDER_H

#include <stddef.h>
#include <stdint.h>

struct folder {
    char path[256]; /* made */
    char data[288]; /* a name in it, not made */
};

/* Makes an empty folder; removes it with all that is in it. */
void folder_make(struct folder *folder);
void folder_remove(const struct folder *folder);

/* A file's content, to be freed with pl_free(); fails the test if there is none. */
uint8_t *folder_read(const struct folder *folder, const char *name, size_t *ret_size);

/* The next number of a seeded series (splitmix64). */
uint64_t random_next(uint64_t *state);

/* One of 0 to len - 1. */
uint32_t random_below(uint64_t *state, uint32_t len);

#endif

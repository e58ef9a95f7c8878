/*
 * town.h - a data folder in which there is some of everything: users who came and
 * went, rooms of each kind, threads, mentions, work, retention, request ids; made by
 * the engine, so that all of it is as it must be.
 */
#ifndef PL_TEST_STORE_TOWN_H
#define PL_TEST_STORE_TOWN_H

#include "folder.h"

#include <stdint.h>

enum { TOWN_CHUNK_LEN = 3 }; /* of its request ids */

/* Makes it in folder->data, and closes it. */
void town_make(const struct folder *folder);

/* The same with so many more messages of that size, in #log. */
void town_make_large(const struct folder *folder, uint32_t messages, uint32_t size);

/* Copies one file. */
void town_copy(const char *from, const char *to);

/* Runs SQL on a database past everything; SQLite's own checks are off. */
void town_sql(const char *path, const char *sql);

#endif

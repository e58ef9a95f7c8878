/*
 * schema.h - the tables, their version, and how older ones become newer.
 *
 * The version is the database's user_version (PRAGMA); application_id says that
 * it is parla's. A program works on one version only.
 */
#ifndef PL_STORE_SCHEMA_H
#define PL_STORE_SCHEMA_H

#include "store/sqlite_db.h"

/* "parl" */
#define PL_SCHEMA_APPLICATION_ID 0x7061726c

struct pl_schema {
    const char *const *steps; /* steps[n] makes version n + 1 of version n; SQL */
    uint32_t version;         /* how many steps there are */
};

/* What this program works on. */
extern const struct pl_schema pl_schema_now;

/* Reads the version; 0: the database is empty. Changes nothing. PL_E_VERSION
 * where it is newer than `schema`, PL_E_CORRUPT where it is not parla's. */
int pl_schema_check(struct pl_db *db, const struct pl_schema *schema, uint32_t *ret_version);

/* Brings a database of `version` (from a check) up to date in one transaction,
 * after an older one was copied to PATH.vVERSION.bak: that copy is complete and
 * on the disk before anything changes. */
int pl_schema_migrate(struct pl_db *db, const struct pl_schema *schema, uint32_t version);

#endif

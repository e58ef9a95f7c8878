/*
 * config_limits.h - section [limits] of the configuration: whole numbers.
 *
 * Each key names a member of struct pl_config, the unit in which the file gives it,
 * and its bounds. docs/LIMITS.md tells what happens beyond each.
 */
#ifndef PL_SERVER_CONFIG_LIMITS_H
#define PL_SERVER_CONFIG_LIMITS_H

#include "server/config.h"

struct pl_limit_key {
    const char *name;
    const char *unit; /* "" for what is only counted */
    const char *help;
    int64_t min, max; /* in that unit */
    int64_t factor;   /* what the member holds for one of the unit */
    size_t offset;    /* the member's in struct pl_config */
    size_t size;      /* and its size: 4 (unsigned) or 8 */
};

extern const struct pl_limit_key pl_limit_keys[];
extern const size_t pl_limit_keys_len;

void pl_limits_set_defaults(struct pl_config *config);

/* The key of that name, or NULL. */
const struct pl_limit_key *pl_limit_key_find(const char *name);

/* Sets it; false where the value is not one that it takes. */
bool pl_limit_set(const struct pl_limit_key *key, const char *value, struct pl_config *config);

/* Its value, in its unit. */
int64_t pl_limit_get(const struct pl_limit_key *key, const struct pl_config *config);

/* What it takes, in words: "bytes, 1 to 16384". */
void pl_limit_takes(const struct pl_limit_key *key, char *text, size_t size);

/* Whether those agree that depend on each other; else what does not is said on
 * standard error. */
bool pl_limits_agree(const struct pl_config *config);

#endif

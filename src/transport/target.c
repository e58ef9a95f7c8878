/* target.c - see target.h. */
#include "transport/target.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdio.h>
#include <string.h>

#define PLAIN  "grpc://"
#define SECURE "grpcs://"

_Static_assert(sizeof SECURE + sizeof(struct pl_address) + sizeof "[]:65535" < PL_TARGET_TEXT_SIZE,
               "the longest address fits");

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

int pl_target_parse(const char *text, struct pl_target *ret_target)
{
    struct pl_target target = {.tls = begins_with(text, SECURE)};
    int err;

    if (target.tls)
        text += strlen(SECURE);
    else if (begins_with(text, PLAIN))
        text += strlen(PLAIN);
    err = pl_address_parse(text, &target.address);
    if (err == PL_OK)
        *ret_target = target;
    return err;
}

void pl_target_format(const struct pl_target *target, char *text, size_t size)
{
    char address[PL_TARGET_TEXT_SIZE];

    PL_ASSERT(size >= PL_TARGET_TEXT_SIZE);
    pl_address_format(&target->address, address, sizeof address);
    PL_ASSERT(snprintf(text, size, "%s%s", target->tls ? SECURE : "", address) < (int)size);
}

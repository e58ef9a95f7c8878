/* turn.c - how a command is refused. */
#include "base/assert.h"
#include "base/err.h"
#include "core/state.h"

#include <stdio.h>

int pl_must_be(int rc)
{
    return rc == PL_E_NOTFOUND ? PL_E_CORRUPT : rc;
}

void pl_turn_refuse(struct pl_turn *turn, enum pl_reason reason, const char *field,
                    const char *detail)
{
    struct pl_refusal *refusal = &turn->reply->refusal;

    PL_ASSERT(reason != PL_REASON_NONE);
    *refusal = pl_refusal_of(reason);
    snprintf(refusal->field, sizeof refusal->field, "%s", field);
    snprintf(refusal->detail, sizeof refusal->detail, "%s", detail);
}

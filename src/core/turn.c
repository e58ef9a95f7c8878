/* turn.c - how a command is refused. */
#include "base/assert.h"
#include "core/state.h"

#include <stdio.h>

int pl_must_be(int rc)
{
    return rc == PL_E_NOTFOUND ? PL_E_CORRUPT : rc;
}

int pl_refuse(struct pl_turn *turn, enum pl_reason reason)
{
    PL_ASSERT(turn->reply != NULL && reason != PL_REASON_NONE);
    turn->reply->refusal = pl_refusal_of(reason);
    return PL_REFUSED;
}

int pl_refuse_detail(struct pl_turn *turn, enum pl_reason reason, const char *detail)
{
    struct pl_refusal *refusal = &turn->reply->refusal;

    pl_refuse(turn, reason);
    snprintf(refusal->detail, sizeof refusal->detail, "%s", detail);
    return PL_REFUSED;
}

int pl_refuse_field(struct pl_turn *turn, const char *field, const char *detail)
{
    turn->reply->refusal = pl_refusal_field(field, detail);
    return PL_REFUSED;
}

int pl_refuse_at(struct pl_turn *turn, enum pl_reason reason, const char *field)
{
    struct pl_refusal *refusal = &turn->reply->refusal;

    pl_refuse(turn, reason);
    snprintf(refusal->field, sizeof refusal->field, "%s", field);
    return PL_REFUSED;
}

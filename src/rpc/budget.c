/* budget.c - fixed windows: at worst twice the budget around a border. */
#include "rpc/budget.h"

#include "rpc/limits.h"

bool pl_rpc_budget_spend(struct pl_rpc_budget *budget, uint32_t max, int64_t now_ms)
{
    if (now_ms - budget->since_ms >= PL_RPC_BUDGET_MS) {
        budget->since_ms = now_ms;
        budget->spent = 0;
    }
    if (budget->spent >= max)
        return false;
    budget->spent++;
    return true;
}

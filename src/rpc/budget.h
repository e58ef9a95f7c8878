/*
 * budget.h - how much of a thing a peer may do in a time.
 */
#ifndef PL_RPC_BUDGET_H
#define PL_RPC_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct pl_rpc_budget {
    int64_t since_ms; /* when the present time began */
    uint32_t spent;
};

/* Spends one of `max` in any PL_RPC_BUDGET_MS; false: it is used up. */
bool pl_rpc_budget_spend(struct pl_rpc_budget *budget, uint32_t max, int64_t now_ms);

#endif

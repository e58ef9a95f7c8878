/* number.c - see number.h. */
#include "rpc/number.h"

uint64_t pl_rpc_number(struct pl_bytes text)
{
    uint64_t number = 0;

    if (text.size == 0)
        return UINT64_MAX;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || number > (UINT64_MAX - 9) / 10)
            return UINT64_MAX;
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    return number;
}

/* timeout.c - see timeout.h; eight digits of hours are far from overflow. */
#include "rpc/timeout.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdio.h>

enum { DIGITS_MAX = 8, VALUE_MAX = 99999999 };

int pl_rpc_timeout_parse(struct pl_bytes text, int64_t *ret_ms)
{
    int64_t value = 0;

    if (text.size < 2 || text.size > DIGITS_MAX + 1)
        return PL_E_INVALID;
    for (size_t i = 0; i < text.size - 1; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return PL_E_INVALID;
        value = value * 10 + (text.data[i] - '0');
    }

    switch (text.data[text.size - 1]) {
    case 'H':
        *ret_ms = value * 60 * 60 * 1000;
        return PL_OK;
    case 'M':
        *ret_ms = value * 60 * 1000;
        return PL_OK;
    case 'S':
        *ret_ms = value * 1000;
        return PL_OK;
    case 'm':
        *ret_ms = value;
        return PL_OK;
    case 'u':
        *ret_ms = (value + 999) / 1000;
        return PL_OK;
    case 'n':
        *ret_ms = (value + 999999) / 1000000;
        return PL_OK;
    default:
        return PL_E_INVALID;
    }
}

void pl_rpc_timeout_format(int64_t ms, char text[PL_RPC_TIMEOUT_TEXT_SIZE])
{
    static const struct {
        char name;
        int64_t ms;
    } units[] = {{'m', 1}, {'S', 1000}, {'M', 60 * 1000}, {'H', 60 * 60 * 1000}};
    int64_t value = 0;
    size_t i;

    PL_ASSERT(ms >= 0);
    for (i = 0; i < sizeof units / sizeof units[0]; i++) {
        value = ms / units[i].ms + (ms % units[i].ms != 0);
        if (value <= VALUE_MAX)
            break;
    }
    if (i == sizeof units / sizeof units[0]) {
        value = VALUE_MAX;
        i--;
    }
    snprintf(text, PL_RPC_TIMEOUT_TEXT_SIZE, "%d%c", (int)value, units[i].name);
}

int64_t pl_rpc_timeout_after(int64_t now_ms, int64_t timeout_ms)
{
    return timeout_ms > INT64_MAX - now_ms ? INT64_MAX : now_ms + timeout_ms;
}

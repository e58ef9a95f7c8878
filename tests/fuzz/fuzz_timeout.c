/*
 * fuzz_timeout.c - grpc-timeout: what is taken is taken exactly, and what is
 * written is read again as no less.
 */
#include "fuzz.h"

#include "base/assert.h"
#include "base/err.h"
#include "rpc/timeout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Written and read again: not less, and the same where milliseconds have room. */
static void check_format(int64_t ms)
{
    char text[PL_RPC_TIMEOUT_TEXT_SIZE];
    int64_t again = -1;

    pl_rpc_timeout_format(ms, text);
    PL_ASSERT(pl_rpc_timeout_parse(pl_bytes_str(text), &again) == PL_OK);
    if (ms <= 99999999)
        PL_ASSERT(again == ms);
    else if (ms <= INT64_C(99999999) * 3600 * 1000)
        PL_ASSERT(again >= ms && again - ms < 3600 * 1000);
    else
        PL_ASSERT(again == INT64_C(99999999) * 3600 * 1000);
}

/* The same by other means: nanoseconds of the unit in 128 bits. */
static int64_t expected_ms(struct pl_bytes text)
{
    static const struct {
        char name;
        int64_t ns;
    } units[] = {
        {'H', INT64_C(3600000000000)},
        {'M', INT64_C(60000000000)},
        {'S', 1000000000},
        {'m', 1000000},
        {'u', 1000},
        {'n', 1},
    };
    char digits[9] = "";
    uint64_t value = 0;

    if (text.size < 2 || text.size > 9)
        return -1;
    memcpy(digits, text.data, text.size - 1);
    if (strspn(digits, "0123456789") != text.size - 1)
        return -1;
    PL_ASSERT(sscanf(digits, "%" SCNu64, &value) == 1);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text.data[text.size - 1] == (uint8_t)units[i].name)
            return (int64_t)(((__int128)value * units[i].ns + 999999) / 1000000);
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pl_bytes text = {data, size};
    int64_t ms = -1, wanted = expected_ms(text);
    int rc = pl_rpc_timeout_parse(text, &ms);

    PL_ASSERT(rc == (wanted < 0 ? PL_E_INVALID : PL_OK));
    PL_ASSERT(ms == wanted);
    if (rc == PL_OK) {
        check_format(ms);
        PL_ASSERT(pl_rpc_timeout_after(0, ms) == ms);
        PL_ASSERT(pl_rpc_timeout_after(INT64_MAX - 1, ms) >= INT64_MAX - 1);
    }
    if (size >= sizeof ms) {
        memcpy(&ms, data, sizeof ms);
        check_format(ms & INT64_MAX);
    }
    return 0;
}

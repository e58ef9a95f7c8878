/* status.c - see status.h. */
#include "rpc/status.h"

#include "rpc/limits.h"

struct pl_bytes pl_rpc_status_text(const struct pl_rpc_status *status)
{
    struct pl_bytes text = pl_bytes_str(status->message != NULL ? status->message : "");

    if (text.size <= PL_RPC_STATUS_MESSAGE_SIZE_MAX)
        return text;
    text.size = PL_RPC_STATUS_MESSAGE_SIZE_MAX;
    while (text.size > 0 && (text.data[text.size] & 0xc0) == 0x80)
        text.size--; /* no half characters */
    return text;
}

/* reason.c - expands the one list in reason.h. */
#include "model/reason.h"

#include "base/assert.h"

#include <string.h>

const char *pl_reason_name(enum pl_reason reason)
{
    switch (reason) {
    case PL_REASON_NONE:
        return "NONE";
#define PL_REASON_NAME(name, code, text) \
    case PL_REASON_##name:               \
        return #name;
        PL_REASON_MAP(PL_REASON_NAME)
#undef PL_REASON_NAME
    }
    PL_UNREACHABLE();
}

enum pl_code pl_reason_code(enum pl_reason reason)
{
    switch (reason) {
    case PL_REASON_NONE:
        return PL_CODE_OK;
#define PL_REASON_CODE(name, code, text) \
    case PL_REASON_##name:               \
        return PL_CODE_##code;
        PL_REASON_MAP(PL_REASON_CODE)
#undef PL_REASON_CODE
    }
    PL_UNREACHABLE();
}

const char *pl_reason_text(enum pl_reason reason)
{
    switch (reason) {
    case PL_REASON_NONE:
        return "";
#define PL_REASON_TEXT(name, code, text) \
    case PL_REASON_##name:               \
        return text;
        PL_REASON_MAP(PL_REASON_TEXT)
#undef PL_REASON_TEXT
    }
    PL_UNREACHABLE();
}

struct pl_refusal pl_refusal_of(enum pl_reason reason)
{
    return (struct pl_refusal){.reason = reason};
}

struct pl_refusal pl_refusal_of_err(int err)
{
    struct pl_refusal refusal = {.retry_ms = 1000};

    PL_ASSERT(err < 0);
    switch (err) {
    case PL_E_FULL:
        refusal.reason = PL_REASON_DISK_FULL;
        break;
    case PL_E_NOMEM:
    case PL_E_BUSY:
    case PL_E_AGAIN:
    case PL_E_LIMIT:
        refusal.reason = PL_REASON_OVERLOADED;
        break;
    case PL_E_CLOSED:
        refusal.reason = PL_REASON_DRAINING;
        break;
    case PL_E_IO:
        refusal.reason = PL_REASON_STORE_FAILED;
        break;
    case PL_E_CORRUPT:
        refusal.reason = PL_REASON_DATA_DAMAGED;
        refusal.retry_ms = 0;
        break;
    default:
        refusal.reason = PL_REASON_INTERNAL_ERROR;
        refusal.retry_ms = 0;
        break;
    }
    return refusal;
}

/* Copies what fits, cut between characters: it becomes a protobuf string. */
static void copy_cut(char *to, size_t to_size, const char *from)
{
    size_t size = strlen(from);

    if (size >= to_size) {
        size = to_size - 1;
        while (size > 0 && (from[size] & 0xc0) == 0x80)
            size--;
    }
    memcpy(to, from, size);
    to[size] = 0;
}

struct pl_refusal pl_refusal_field(const char *field, const char *detail)
{
    struct pl_refusal refusal = {.reason = PL_REASON_FIELD_INVALID};

    copy_cut(refusal.field, sizeof refusal.field, field);
    copy_cut(refusal.detail, sizeof refusal.detail, detail);
    return refusal;
}

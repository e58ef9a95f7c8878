/* err.c - everything here expands from the one table in err.h. */
#include "base/err.h"

const char *pl_err_name(int err)
{
    switch (err) {
    case PL_OK:
        return "OK";
#define PL_ERR_NAME(name, value, code, http, text) \
    case (value):                                  \
        return #name;
        PL_ERR_MAP(PL_ERR_NAME)
#undef PL_ERR_NAME
    default:
        return "UNKNOWN";
    }
}

const char *pl_err_text(int err)
{
    switch (err) {
    case PL_OK:
        return "done";
#define PL_ERR_TEXT(name, value, code, http, text) \
    case (value):                                  \
        return text;
        PL_ERR_MAP(PL_ERR_TEXT)
#undef PL_ERR_TEXT
    default:
        return "unknown error";
    }
}

enum pl_code pl_err_code(int err)
{
    switch (err) {
    case PL_OK:
        return PL_CODE_OK;
#define PL_ERR_CODE(name, value, code, http, text) \
    case (value):                                  \
        return PL_CODE_##code;
        PL_ERR_MAP(PL_ERR_CODE)
#undef PL_ERR_CODE
    default:
        return PL_CODE_UNKNOWN;
    }
}

int pl_err_http(int err)
{
    switch (err) {
    case PL_OK:
        return 200;
#define PL_ERR_HTTP(name, value, code, http, text) \
    case (value):                                  \
        return http;
        PL_ERR_MAP(PL_ERR_HTTP)
#undef PL_ERR_HTTP
    default:
        return 500;
    }
}

const char *pl_code_name(int code)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };

    if (code < 0 || code >= (int)(sizeof names / sizeof names[0]))
        return "UNKNOWN";
    return names[code];
}

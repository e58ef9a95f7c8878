/* uverr.c - one switch: callers act on few errors, the rest is PL_E_IO. */
#include "net/uverr.h"

#include "base/err.h"

#include <uv.h>

int pl_err_of_uv(int status)
{
    if (status >= 0)
        return PL_OK;
    switch (status) {
    case UV_ENOMEM:
    case UV_ENOBUFS:
    case UV_EAI_MEMORY:
        return PL_E_NOMEM;
    case UV_ENOENT:
        return PL_E_NOTFOUND;
    case UV_EEXIST:
    case UV_EALREADY:
        return PL_E_EXISTS;
    case UV_EADDRINUSE:
        return PL_E_BUSY;
    case UV_EAGAIN:
        return PL_E_AGAIN;
    case UV_ECANCELED:
        return PL_E_CANCELLED;
    case UV_ECONNREFUSED:
        return PL_E_REFUSED;
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE:
    case UV_ENOTCONN:
        return PL_E_CLOSED;
    case UV_ETIMEDOUT:
        return PL_E_TIMEOUT;
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
    case UV_ENETUNREACH:
    case UV_EHOSTUNREACH:
    case UV_EAI_ADDRFAMILY:
    case UV_EAI_AGAIN:
    case UV_EAI_FAIL:
    case UV_EAI_FAMILY:
    case UV_EAI_NODATA:
    case UV_EAI_NONAME:
        return PL_E_ADDRESS;
    default:
        return PL_E_IO;
    }
}

int pl_err_of_errno(int number)
{
    return pl_err_of_uv(uv_translate_sys_error(number));
}

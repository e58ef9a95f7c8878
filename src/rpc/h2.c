/* h2.c - see h2.h. */
#include "rpc/h2.h"

#include "base/mem.h"

#include <string.h>

static void *on_malloc(size_t size, void *self)
{
    (void)self;
    return pl_alloc(size);
}

static void on_free(void *ptr, void *self)
{
    (void)self;
    pl_free(ptr);
}

static void *on_calloc(size_t len, size_t size, void *self)
{
    (void)self;
    return pl_calloc(len, size);
}

static void *on_realloc(void *ptr, size_t size, void *self)
{
    (void)self;
    return pl_realloc(ptr, size);
}

nghttp2_mem *pl_rpc_h2_mem(void)
{
    /* nghttp2 copies it, and changes nothing in it. */
    static nghttp2_mem mem = {NULL, on_malloc, on_free, on_calloc, on_realloc};

    return &mem;
}

int pl_rpc_h2_err(int rv)
{
    if (rv >= 0)
        return PL_OK;
    switch (rv) {
    case NGHTTP2_ERR_NOMEM:
        return PL_E_NOMEM;
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        return PL_E_LIMIT;
    case NGHTTP2_ERR_START_STREAM_NOT_ALLOWED:
    case NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE:
    case NGHTTP2_ERR_STREAM_CLOSED:
    case NGHTTP2_ERR_SESSION_CLOSING:
        return PL_E_CLOSED;
    default:
        return PL_E_PROTO;
    }
}

/* nghttp2 tells only of the extensions that are to be unpacked. */
static int on_unpack_unknown(nghttp2_session *session, void **payload, const nghttp2_frame_hd *hd,
                             void *self)
{
    (void)session;
    (void)payload;
    (void)hd;
    (void)self;
    return NGHTTP2_ERR_CANCEL;
}

void pl_rpc_h2_callbacks_see_unknown(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, on_unpack_unknown);
}

void pl_rpc_h2_option_see_unknown(nghttp2_option *option)
{
    for (int type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; type++)
        nghttp2_option_set_user_recv_extension_type(option, (uint8_t)type);
}

nghttp2_nv pl_rpc_h2_const(const char *name, const char *value)
{
    nghttp2_nv nv = pl_rpc_h2_field(pl_bytes_str(name), pl_bytes_str(value));

    nv.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
    return nv;
}

nghttp2_nv pl_rpc_h2_field(struct pl_bytes name, struct pl_bytes value)
{
    return (nghttp2_nv){
        .name = (uint8_t *)(uintptr_t)name.data,
        .value = (uint8_t *)(uintptr_t)value.data,
        .namelen = name.size,
        .valuelen = value.size,
        .flags = NGHTTP2_NV_FLAG_NONE,
    };
}

enum pl_code pl_rpc_h2_code(uint32_t error_code)
{
    switch (error_code) {
    case NGHTTP2_REFUSED_STREAM:
        return PL_CODE_UNAVAILABLE;
    case NGHTTP2_CANCEL:
        return PL_CODE_CANCELLED;
    case NGHTTP2_ENHANCE_YOUR_CALM:
        return PL_CODE_RESOURCE_EXHAUSTED;
    case NGHTTP2_INADEQUATE_SECURITY:
        return PL_CODE_PERMISSION_DENIED;
    case NGHTTP2_STREAM_CLOSED:
    case NGHTTP2_HTTP_1_1_REQUIRED:
        return PL_CODE_UNKNOWN;
    default:
        return PL_CODE_INTERNAL;
    }
}

enum pl_code pl_rpc_http_code(int http_status)
{
    switch (http_status) {
    case 400:
        return PL_CODE_INTERNAL;
    case 401:
        return PL_CODE_UNAUTHENTICATED;
    case 403:
        return PL_CODE_PERMISSION_DENIED;
    case 404:
        return PL_CODE_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return PL_CODE_UNAVAILABLE;
    default:
        return PL_CODE_UNKNOWN;
    }
}

/*
 * tls_pipe.c - a BIO of our own: OpenSSL takes input where it lies, without a copy
 * in between, and its output stays in a buffer with an upper bound.
 *
 * OpenSSL reads no further than the record that it is at, so `taken_size` says
 * how much a peer has sent without anything coming of it.
 */
#include "net/tls_pipe.h"

#include "base/err.h"

#include <string.h>

static int on_read(BIO *bio, char *data, size_t size, size_t *ret_size)
{
    struct pl_tls_pipe *pipe = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (pipe->in.size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    pipe->over = pipe->taken_size >= pipe->taken_max;
    if (pipe->over)
        return 0; /* without a retry: an error */
    if (size > pipe->in.size)
        size = pipe->in.size;
    memcpy(data, pipe->in.data, size);
    pipe->in.data += size;
    pipe->in.size -= size;
    pipe->taken_size += size;
    *ret_size = size;
    return 1;
}

static int on_write(BIO *bio, const char *data, size_t size, size_t *ret_size)
{
    struct pl_tls_pipe *pipe = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    pl_bytebuf_append(&pipe->out, data, size);
    if (pipe->out.err < 0)
        return 0;
    *ret_size = size;
    return 1;
}

static long on_ctrl(BIO *bio, int command, long number, void *ptr)
{
    (void)bio;
    (void)number;
    (void)ptr;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *pl_tls_pipe_method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "pipe");

    if (method == NULL)
        return NULL;
    BIO_meth_set_read_ex(method, on_read);
    BIO_meth_set_write_ex(method, on_write);
    BIO_meth_set_ctrl(method, on_ctrl);
    return method;
}

BIO *pl_tls_pipe_bio_new(const BIO_METHOD *method, struct pl_tls_pipe *pipe)
{
    BIO *bio = BIO_new(method);

    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, pipe);
    BIO_set_init(bio, 1);
    return bio;
}

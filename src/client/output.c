/* output.c - whole writes. */
#include "client/output.h"

#include "base/err.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

static int wait_for_room(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLOUT};

    return poll(&ready, 1, -1) < 0 && errno != EINTR ? PL_E_IO : PL_OK;
}

int pl_output_write(int fd, struct pl_bytes data)
{
    while (data.size > 0) {
        ssize_t size = write(fd, data.data, data.size);

        if (size >= 0) {
            data.data += size;
            data.size -= (size_t)size;
        } else if (errno == EAGAIN) {
            int err = wait_for_room(fd);

            if (err < 0)
                return err;
        } else if (errno != EINTR) {
            return errno == EPIPE ? PL_E_CLOSED : errno == ENOSPC ? PL_E_FULL : PL_E_IO;
        }
    }
    return PL_OK;
}

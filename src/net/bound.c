/*
 * bound.c - an address that is ours alone, and sockets that share it.
 *
 * SO_REUSEPORT lets any process of the same user in, without a word. So the
 * address is taken by a plain bind first, by a socket that then holds it (it never
 * listens), and only once it is ours that socket gets SO_REUSEPORT, by which our
 * listeners join it.
 *
 * A plain bind also fails while connections of a server that has just stopped are
 * in TIME_WAIT. SO_REUSEADDR overlooks these, but never a socket that listens. It
 * would overlook a second holder, though, which does not listen: so it is taken
 * back from the holder as soon as it is bound, and the next one that binds, with
 * it or without, finds the address in use.
 *
 * The listeners keep SO_REUSEADDR: accepted connections inherit it, and only
 * TIME_WAITs that have it are overlooked by the next start.
 */
#include "net/bound.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/sockaddr.h"
#include "net/uverr.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG_LEN = 1024 };

struct pl_bound {
    int fd; /* holds the address; never listens */
    struct sockaddr_storage addr;
    struct pl_address address;
};

static int set_option(int fd, int level, int option, int value)
{
    if (setsockopt(fd, level, option, &value, sizeof value) < 0)
        return pl_err_of_errno(errno);
    return PL_OK;
}

static socklen_t size_of(const struct sockaddr_storage *addr)
{
    return addr->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int open_socket(int family, int *ret_fd)
{
    int fd = socket(family, SOCK_STREAM, 0);
    int rc = PL_OK;

    if (fd < 0)
        return pl_err_of_errno(errno);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
        rc = pl_err_of_errno(errno);
    if (rc == PL_OK && family == AF_INET6) /* [::] takes IPv4 too, whatever the system's default */
        rc = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return PL_OK;
}

static int bind_to(int fd, const struct sockaddr_storage *addr)
{
    if (bind(fd, (const struct sockaddr *)addr, size_of(addr)) < 0)
        return pl_err_of_errno(errno);
    return PL_OK;
}

static int take(int fd, const struct sockaddr_storage *addr)
{
    int rc = bind_to(fd, addr);

    if (rc == PL_E_BUSY) { /* perhaps by TIME_WAITs only */
        rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
        if (rc == PL_OK)
            rc = bind_to(fd, addr);
        if (rc == PL_OK)
            rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0);
    }
    if (rc == PL_OK)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    return rc;
}

static int hold(struct pl_bound *bound, const struct sockaddr_storage *addr)
{
    socklen_t size = sizeof bound->addr;
    int fd = -1, rc;

    rc = open_socket(addr->ss_family, &fd);
    if (rc < 0)
        return rc;
    rc = take(fd, addr);
    if (rc == PL_OK && getsockname(fd, (struct sockaddr *)&bound->addr, &size) < 0)
        rc = pl_err_of_errno(errno);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    bound->fd = fd;
    bound->address.port = pl_sockaddr_port(&bound->addr);
    return PL_OK;
}

/* A name may have addresses of both families: IPv4 goes first, for it is where
 * who gives no address connects to. */
static int hold_resolved(struct pl_bound *bound, const struct addrinfo *found)
{
    static const int families[] = {AF_INET, AF_INET6};
    int rc = PL_E_ADDRESS;

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        for (const struct addrinfo *at = found; at != NULL; at = at->ai_next) {
            struct sockaddr_storage addr = {0};

            if (at->ai_family != families[i])
                continue;
            PL_ASSERT(at->ai_addrlen <= sizeof addr);
            memcpy(&addr, at->ai_addr, at->ai_addrlen);
            pl_sockaddr_set_port(&addr, bound->address.port);
            rc = hold(bound, &addr);
            if (rc != PL_E_ADDRESS)
                return rc;
        }
    }
    return rc;
}

static int resolve_and_hold(struct pl_bound *bound)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int rc;

    rc = getaddrinfo(bound->address.host, NULL, &hints, &found);
    if (rc == EAI_MEMORY)
        return PL_E_NOMEM;
    if (rc != 0)
        return PL_E_ADDRESS;
    rc = hold_resolved(bound, found);
    freeaddrinfo(found);
    return rc;
}

int pl_bound_open(const struct pl_address *address, struct pl_bound **ret_bound)
{
    struct pl_bound *bound = pl_zalloc(sizeof *bound);
    struct sockaddr_storage addr;
    int rc;

    if (bound == NULL)
        return PL_E_NOMEM;
    bound->fd = -1;
    bound->address = *address;
    if (pl_sockaddr_of_numeric(address->host, address->port, &addr) == PL_OK)
        rc = hold(bound, &addr);
    else
        rc = resolve_and_hold(bound);
    if (rc < 0) {
        pl_bound_close(bound);
        return rc;
    }
    *ret_bound = bound;
    return PL_OK;
}

const struct pl_address *pl_bound_address(const struct pl_bound *bound)
{
    return &bound->address;
}

void pl_bound_close(struct pl_bound *bound)
{
    if (bound == NULL)
        return;
    if (bound->fd >= 0)
        close(bound->fd);
    pl_free(bound);
}

int pl_bound_listen(const struct pl_bound *bound, int *ret_fd)
{
    int fd = -1, rc;

    rc = open_socket(bound->addr.ss_family, &fd);
    if (rc < 0)
        return rc;
    rc = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (rc == PL_OK)
        rc = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (rc == PL_OK)
        rc = bind_to(fd, &bound->addr);
    if (rc == PL_OK && listen(fd, BACKLOG_LEN) < 0)
        rc = pl_err_of_errno(errno);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_fd = fd;
    return PL_OK;
}

/* address.c - addresses as text; nothing is resolved here. */
#include "net/tcp.h"

#include "base/err.h"
#include "net/sockaddr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static int parse_port(const char *text, uint16_t *ret_port)
{
    uint32_t port = 0;
    size_t len = strlen(text);

    if (len == 0 || len > PORT_DIGITS_MAX)
        return PL_E_INVALID;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return PL_E_INVALID;
        port = port * 10 + (uint32_t)(text[i] - '0');
    }
    if (port > PORT_MAX)
        return PL_E_INVALID;
    *ret_port = (uint16_t)port;
    return PL_OK;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

static bool host_valid(const char *host, bool bracketed)
{
    struct sockaddr_storage unused;

    if (bracketed)
        return pl_sockaddr_of_numeric(host, 0, &unused) == PL_OK && unused.ss_family == AF_INET6;
    for (; *host != 0; host++)
        if (!is_name_char(*host))
            return false;
    return true;
}

int pl_address_parse(const char *text, struct pl_address *ret_address)
{
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = strchr(host, bracketed ? ']' : ':');
    struct pl_address address = {.port = 0};
    size_t size;

    if (end == NULL || end == host)
        return PL_E_INVALID;
    size = (size_t)(end - host);
    if (size >= sizeof address.host)
        return PL_E_INVALID;
    memcpy(address.host, host, size);
    if (!host_valid(address.host, bracketed))
        return PL_E_INVALID;
    if (bracketed && *++end != ':')
        return PL_E_INVALID;
    if (parse_port(end + 1, &address.port) < 0)
        return PL_E_INVALID;
    *ret_address = address;
    return PL_OK;
}

void pl_address_format(const struct pl_address *address, char *text, size_t size)
{
    const char *form = strchr(address->host, ':') != NULL ? "[%s]:%u" : "%s:%u";

    snprintf(text, size, form, address->host, (unsigned)address->port);
}

int pl_sockaddr_of_numeric(const char *host, uint16_t port, struct sockaddr_storage *ret_addr)
{
    struct sockaddr_storage addr;

    memset(&addr, 0, sizeof addr);
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)&addr) < 0 &&
        uv_ip6_addr(host, port, (struct sockaddr_in6 *)&addr) < 0)
        return PL_E_INVALID;
    *ret_addr = addr;
    return PL_OK;
}

/* An IPv4 peer of a socket that takes both families, ::ffff:a.b.c.d (RFC 4291,
 * section 2.5.5.2), is told as the IPv4 address that it is. */
static int host_of(const struct sockaddr_storage *addr, char *host, size_t size, uint16_t *ret_port)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (addr->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

        *ret_port = ntohs(in6->sin6_port);
        if (memcmp(&in6->sin6_addr, mapped, sizeof mapped) == 0)
            return uv_inet_ntop(AF_INET, (const uint8_t *)&in6->sin6_addr + sizeof mapped, host,
                                size);
        return uv_ip6_name(in6, host, size);
    }
    if (addr->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)addr;

        *ret_port = ntohs(in->sin_port);
        return uv_ip4_name(in, host, size);
    }
    return UV_EAFNOSUPPORT;
}

void pl_sockaddr_format(const struct sockaddr_storage *addr, char *text, size_t size)
{
    struct pl_address address;

    if (host_of(addr, address.host, sizeof address.host, &address.port) < 0)
        snprintf(text, size, "unknown");
    else
        pl_address_format(&address, text, size);
}

uint16_t pl_sockaddr_port(const struct sockaddr_storage *addr)
{
    if (addr->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)addr)->sin6_port);
    return ntohs(((const struct sockaddr_in *)addr)->sin_port);
}

void pl_sockaddr_set_port(struct sockaddr_storage *addr, uint16_t port)
{
    if (addr->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)addr)->sin_port = htons(port);
}

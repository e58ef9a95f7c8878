/*
 * tls_hello.c - records and a message's head, nothing else (RFC 8446, sections 5.1 and 4).
 *
 * OpenSSL sets aside some 45 KiB for a connection with the first byte that it is given. So it is
 * given none until it can do something with them; what waits till then is what the peer has sent.
 *
 * A hello may be cut into several records, and even its head may be. What is inside is for
 * OpenSSL to judge, and so is all that is no hello.
 */
#include "net/tls_hello.h"

#include "base/err.h"

enum {
    RECORD_HEAD_SIZE = 5, /* kind, version, size */
    RECORD_SIZE_MAX = 16384,
    KIND_HANDSHAKE = 22,
    VERSION_MAJOR = 3,
    MESSAGE_HEAD_SIZE = 4, /* kind, size */
    MESSAGE_HELLO = 1,
};

/* The message so far: its head, and how much of it is there. */
struct message {
    uint8_t head[MESSAGE_HEAD_SIZE];
    size_t size;
};

static void add(struct message *message, struct pl_bytes part)
{
    for (size_t i = 0; i < part.size && message->size + i < MESSAGE_HEAD_SIZE; i++)
        message->head[message->size + i] = part.data[i];
    message->size += part.size;
}

static int check_message(const struct message *message)
{
    const uint8_t *head = message->head;
    size_t size;

    if (head[0] != MESSAGE_HELLO)
        return PL_OK;
    if (message->size < MESSAGE_HEAD_SIZE)
        return PL_E_AGAIN;
    size = MESSAGE_HEAD_SIZE + ((size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
    if (size > PL_TLS_HELLO_SIZE_MAX)
        return PL_E_LIMIT;
    return message->size < size ? PL_E_AGAIN : PL_OK;
}

/* Whether that is how a hello's record begins. */
static bool is_record(const uint8_t *head, size_t size)
{
    return head[0] == KIND_HANDSHAKE && head[1] == VERSION_MAJOR && size > 0 &&
           size <= RECORD_SIZE_MAX;
}

int pl_tls_hello_check(struct pl_bytes come)
{
    struct message message = {0};
    int rc = PL_E_AGAIN;

    for (size_t at = 0; rc == PL_E_AGAIN && come.size - at >= RECORD_HEAD_SIZE;) {
        const uint8_t *head = come.data + at, *body = head + RECORD_HEAD_SIZE;
        size_t size = (size_t)head[3] << 8 | head[4];

        if (!is_record(head, size))
            return PL_OK;
        at += RECORD_HEAD_SIZE + size;
        if (at > PL_TLS_HELLO_SIZE_MAX)
            return PL_E_LIMIT;
        if (at > come.size)
            return PL_E_AGAIN;
        add(&message, (struct pl_bytes){body, size});
        rc = check_message(&message);
    }
    return rc;
}

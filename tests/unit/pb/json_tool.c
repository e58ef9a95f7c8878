/*
 * json_tool.c - the JSON mapping for tests in other languages.
 *
 * Reads requests on its standard input, answers each on its standard output:
 *     request:  'p' (parse) or 'w' (print), name size, name, body size, body
 *     answer:   error as a signed number, body size, body (or the error's text)
 * Sizes and numbers are 4 bytes, little-endian.
 */
#include "base/err.h"
#include "messages.h"
#include "pb/json.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODY_SIZE_MAX = 16 * 1024 * 1024 };

/* Ends the program where a request is cut: there is no one to answer. */
static void must_read(void *to, size_t size)
{
    if (fread(to, 1, size, stdin) != size)
        exit(2);
}

static size_t read_size(void)
{
    uint8_t bytes[4];

    must_read(bytes, sizeof bytes);
    return (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 |
           (size_t)bytes[3] << 24;
}

static void write_number(uint32_t number)
{
    for (int i = 0; i < 4; i++)
        putchar((int)(number >> (8 * i) & 0xff));
}

static void read_bytes(struct pl_bytebuf *to)
{
    size_t size = read_size();
    uint8_t *data = pl_bytebuf_reserve(to, size);

    if (data == NULL)
        exit(2);
    must_read(data, size);
    pl_bytebuf_added(to, size);
}

static void answer(const struct messages *messages, int what)
{
    struct pl_bytebuf name, body, out, error;
    const ProtobufCMessageDescriptor *message;
    struct pl_bytebuf *told = &out;
    int rc;

    pl_bytebuf_init(&name, 1024);
    pl_bytebuf_init(&body, BODY_SIZE_MAX);
    pl_bytebuf_init(&out, BODY_SIZE_MAX);
    pl_bytebuf_init(&error, PL_PB_JSON_ERROR_SIZE_MAX);
    read_bytes(&name);
    read_bytes(&body);
    message = messages_find(messages, pl_bytebuf_cstr(&name));
    if (message == NULL)
        exit(3);
    if (what == 'p')
        rc = pl_pb_json_parse(message, (struct pl_bytes){body.data, body.size}, &out, &error);
    else
        rc = pl_pb_json_print(message, (struct pl_bytes){body.data, body.size}, &out);
    if (rc < 0)
        told = &error;
    write_number((uint32_t)rc);
    write_number((uint32_t)told->size);
    fwrite(told->data, 1, told->size, stdout);
    fflush(stdout);
    pl_bytebuf_done(&name);
    pl_bytebuf_done(&body);
    pl_bytebuf_done(&out);
    pl_bytebuf_done(&error);
}

int main(void)
{
    struct messages messages;
    int what;

    messages_init(&messages);
    while ((what = getchar()) != EOF)
        answer(&messages, what);
    return 0;
}

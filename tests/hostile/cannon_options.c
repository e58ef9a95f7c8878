/* cannon_options.c - one table of options, and the files that they name. */
#include "base/mem.h"
#include "cannon.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { NUMBER, FLAG, FILE_OF_BYTES, READ };

struct option {
    const char *name;
    enum kind kind;
    size_t offset;
};

#define AT(member) offsetof(struct cannon_options, member)

static const struct option table[] = {
    {"--from", NUMBER, AT(from_first)},         {"--addresses", NUMBER, AT(from_len)},
    {"--connections", NUMBER, AT(connections)}, {"--open", FILE_OF_BYTES, AT(open)},
    {"--again", FILE_OF_BYTES, AT(again)},      {"--chunk", NUMBER, AT(chunk_size)},
    {"--every", NUMBER, AT(every_ms)},          {"--connect-rate", NUMBER, AT(connect_rate)},
    {"--next-ids", FLAG, AT(next_ids)},         {"--tls", FLAG, AT(tls)},
    {"--key-updates", FLAG, AT(key_updates)},   {"--read", READ, AT(read)},
};

static bool complain(const char *what, const char *more)
{
    fprintf(stderr, "hostile-cannon: %s %s\n", what, more);
    return false;
}

static bool read_file(const char *path, struct cannon_shot *ret_shot)
{
    FILE *file = fopen(path, "rb");
    long size = -1;

    if (file == NULL)
        return complain("cannot open", path);
    if (fseek(file, 0, SEEK_END) == 0)
        size = ftell(file);
    if (size >= 0 && fseek(file, 0, SEEK_SET) == 0) {
        ret_shot->size = (size_t)size;
        ret_shot->data = pl_alloc(ret_shot->size);
    }
    if (ret_shot->data == NULL ||
        fread(ret_shot->data, 1, ret_shot->size, file) != ret_shot->size) {
        fclose(file);
        return complain("cannot read", path);
    }
    fclose(file);
    return true;
}

static bool read_number(const char *text, uint32_t *ret_number)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (end == text || *end != 0 || number > UINT32_MAX)
        return complain("no number:", text);
    *ret_number = (uint32_t)number;
    return true;
}

static bool read_read(const char *text, enum cannon_read *ret_read)
{
    static const char *const names[] = {"all", "none", "first"};

    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_read = (enum cannon_read)i;
            return true;
        }
    }
    return complain("--read takes all, none or first, not", text);
}

static bool set(const struct option *option, const char *value, struct cannon_options *options)
{
    void *member = (char *)options + option->offset;

    switch (option->kind) {
    case NUMBER:
        return read_number(value, member);
    case FILE_OF_BYTES:
        return read_file(value, member);
    case READ:
        return read_read(value, member);
    case FLAG:
        break;
    }
    *(bool *)member = true;
    return true;
}

static bool read_server(const char *text, struct sockaddr_in *ret_server)
{
    const char *colon = strchr(text, ':');
    char host[INET_ADDRSTRLEN];
    uint32_t port;

    if (colon == NULL || (size_t)(colon - text) >= sizeof host)
        return complain("no HOST:PORT:", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = 0;
    ret_server->sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &ret_server->sin_addr) != 1 || !read_number(colon + 1, &port))
        return complain("no address:", text);
    ret_server->sin_port = htons((uint16_t)port);
    return true;
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

bool cannon_options_parse(int argc, char **argv, struct cannon_options *ret_options)
{
    *ret_options = (struct cannon_options){.from_first = 2, .from_len = 1, .connections = 1};
    if (argc < 2)
        return complain("usage:", "hostile-cannon HOST:PORT [OPTION...]");
    if (!read_server(argv[1], &ret_options->server))
        return false;
    for (int i = 2; i < argc; i++) {
        const struct option *option = find(argv[i]);

        if (option == NULL)
            return complain("unknown option:", argv[i]);
        if (option->kind != FLAG && ++i == argc)
            return complain("a value is missing after", argv[i - 1]);
        if (!set(option, argv[i], ret_options))
            return false;
    }
    if (ret_options->connections == 0 || ret_options->from_len == 0 ||
        ret_options->from_first + ret_options->from_len > 255)
        return complain("what is asked for", "makes no peers");
    return true;
}

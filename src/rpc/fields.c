/* fields.c - see fields.h; lists are short, so finding is walking, where it need be. */
#include "rpc/fields.h"

#include "base/assert.h"
#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "rpc/limits.h"

#include <string.h>

struct field_head {
    uint32_t name_size;
    uint32_t value_size;
};

struct pl_rpc_fields_block {
    uint32_t size;
    uint32_t cap;
    uint64_t names; /* a bit for each name: one whose bit is not set is not there */
    uint8_t data[]; /* each field: name size, value size (32 bits), name, value */
};

/* What an ordinary request's fields take, so that they come to one piece of memory. */
enum { CAP_FIRST = 248 - sizeof(struct pl_rpc_fields_block) };

static uint64_t bit_of(struct pl_bytes name)
{
    return name.size == 0 ? 1 : UINT64_C(1) << ((name.size + name.data[name.size - 1]) & 63);
}

void pl_rpc_fields_init(struct pl_rpc_fields *fields, size_t size_max)
{
    PL_ASSERT(size_max <= UINT32_MAX / 2);
    *fields = (struct pl_rpc_fields){.size_max = (uint32_t)size_max};
}

void pl_rpc_fields_done(struct pl_rpc_fields *fields)
{
    pl_free(fields->block);
    fields->block = NULL;
    fields->len = 0;
}

void pl_rpc_fields_reset(struct pl_rpc_fields *fields, size_t size_max)
{
    struct pl_rpc_fields_block *block = fields->block;

    if (block != NULL && block->cap != CAP_FIRST) {
        pl_free(block);
        block = NULL;
    }
    if (block != NULL) {
        block->size = 0;
        block->names = 0;
    }
    pl_rpc_fields_init(fields, size_max);
    fields->block = block;
}

static uint8_t *put(uint8_t *to, const void *data, size_t size)
{
    if (size > 0)
        memcpy(to, data, size);
    return to + size;
}

/* Makes room for `size` bytes more; on failure the list is as it was. */
static int reserve(struct pl_rpc_fields *fields, size_t size)
{
    struct pl_rpc_fields_block *block = fields->block;
    size_t used = block != NULL ? block->size : 0, cap = CAP_FIRST;

    if (size > fields->size_max - used)
        return PL_E_LIMIT;
    if (block != NULL && size <= block->cap - used)
        return PL_OK;
    while (cap < used + size)
        cap *= 2;
    if (cap > fields->size_max)
        cap = fields->size_max;
    block = pl_realloc(block, sizeof *block + cap);
    if (block == NULL)
        return PL_E_NOMEM;
    if (fields->block == NULL)
        *block = (struct pl_rpc_fields_block){0};
    block->cap = (uint32_t)cap;
    fields->block = block;
    return PL_OK;
}

int pl_rpc_fields_add(struct pl_rpc_fields *fields, struct pl_bytes name, struct pl_bytes value)
{
    struct field_head head = {(uint32_t)name.size, (uint32_t)value.size};
    struct pl_rpc_fields_block *block;
    uint8_t *to;
    int rc;

    if (name.size > UINT32_MAX || value.size > UINT32_MAX)
        return PL_E_LIMIT;
    rc = reserve(fields, sizeof head + name.size + value.size);
    if (rc < 0)
        return rc;
    block = fields->block;
    to = put(block->data + block->size, &head, sizeof head);
    to = put(to, name.data, name.size);
    to = put(to, value.data, value.size);
    block->size = (uint32_t)(to - block->data);
    block->names |= bit_of(name);
    fields->len++;
    return PL_OK;
}

bool pl_rpc_fields_next(const struct pl_rpc_fields *fields, size_t *pos, struct pl_bytes *ret_name,
                        struct pl_bytes *ret_value)
{
    const struct pl_rpc_fields_block *block = fields->block;
    struct field_head head;
    const uint8_t *at;

    if (block == NULL || *pos >= block->size)
        return false;
    at = block->data + *pos;
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    *ret_name = (struct pl_bytes){at, head.name_size};
    *ret_value = (struct pl_bytes){at + head.name_size, head.value_size};
    *pos += sizeof head + head.name_size + head.value_size;
    return true;
}

bool pl_rpc_fields_find(const struct pl_rpc_fields *fields, const char *name,
                        struct pl_bytes *ret_value)
{
    struct pl_bytes wanted = pl_bytes_str(name), found, value;

    if (fields->block == NULL || (fields->block->names & bit_of(wanted)) == 0)
        return false;
    for (size_t pos = 0; pl_rpc_fields_next(fields, &pos, &found, &value);) {
        if (!pl_bytes_equal(found, wanted))
            continue;
        *ret_value = value;
        return true;
    }
    return false;
}

bool pl_rpc_field_is_binary(struct pl_bytes name)
{
    return name.size > 4 && memcmp(name.data + name.size - 4, "-bin", 4) == 0;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

bool pl_rpc_list_next(struct pl_bytes *list, struct pl_bytes *ret_item)
{
    const uint8_t *comma;

    if (list->data == NULL)
        return false;
    *ret_item = *list;
    comma = list->size > 0 ? memchr(list->data, ',', list->size) : NULL;
    if (comma != NULL) {
        ret_item->size = (size_t)(comma - list->data);
        list->data += ret_item->size + 1;
        list->size -= ret_item->size + 1;
    } else {
        *list = (struct pl_bytes){NULL, 0};
    }
    while (ret_item->size > 0 && is_blank(ret_item->data[0])) {
        ret_item->data++;
        ret_item->size--;
    }
    while (ret_item->size > 0 && is_blank(ret_item->data[ret_item->size - 1]))
        ret_item->size--;
    return true;
}

int pl_rpc_fields_add_wire(struct pl_rpc_fields *fields, struct pl_bytes name,
                           struct pl_bytes value)
{
    struct pl_bytebuf decoded;
    struct pl_bytes item;
    int rc = PL_OK;

    if (!pl_rpc_field_is_binary(name))
        return pl_rpc_fields_add(fields, name, value);

    pl_bytebuf_init(&decoded, value.size);
    while (rc == PL_OK && pl_rpc_list_next(&value, &item)) {
        pl_bytebuf_clear(&decoded);
        rc = pl_base64_decode(item, &decoded);
        if (rc == PL_OK)
            rc = pl_rpc_fields_add(fields, name, (struct pl_bytes){decoded.data, decoded.size});
    }
    pl_bytebuf_done(&decoded);
    return rc;
}

bool pl_rpc_field_is_metadata(struct pl_bytes name)
{
    if (name.size == 0 || name.data[0] == ':')
        return false;
    return !(pl_bytes_is(name, "connection") || pl_bytes_is(name, "content-length") ||
             pl_bytes_is(name, "expect") || pl_bytes_is(name, "host") ||
             pl_bytes_is(name, "keep-alive") || pl_bytes_is(name, "proxy-connection") ||
             pl_bytes_is(name, "te") || pl_bytes_is(name, "trailer") ||
             pl_bytes_is(name, "transfer-encoding") || pl_bytes_is(name, "upgrade"));
}

static bool name_allowed(struct pl_bytes name)
{
    if (!pl_rpc_field_is_metadata(name) || pl_bytes_is(name, "content-type") ||
        (name.size >= 5 && memcmp(name.data, "grpc-", 5) == 0))
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];

        if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '_' ||
              byte == '-' || byte == '.'))
            return false;
    }
    return true;
}

static bool value_allowed(struct pl_bytes value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < 0x20 || value.data[i] > 0x7e)
            return false;
    return value.size == 0 || (value.data[0] != ' ' && value.data[value.size - 1] != ' ');
}

int pl_rpc_fields_add_custom(struct pl_rpc_fields *fields, const char *name, struct pl_bytes value)
{
    struct pl_bytes name_bytes = pl_bytes_str(name);
    struct pl_bytebuf encoded;
    int rc;

    if (!name_allowed(name_bytes))
        return PL_E_INVALID;
    if (fields->len >= PL_RPC_FIELDS_LEN_MAX)
        return PL_E_LIMIT;
    if (!pl_rpc_field_is_binary(name_bytes)) {
        if (!value_allowed(value))
            return PL_E_INVALID;
        return pl_rpc_fields_add(fields, name_bytes, value);
    }

    pl_bytebuf_init(&encoded, PL_RPC_FIELDS_SIZE_MAX);
    pl_base64_encode_bare(value, &encoded);
    rc = encoded.err;
    if (rc == PL_OK)
        rc = pl_rpc_fields_add(fields, name_bytes, (struct pl_bytes){encoded.data, encoded.size});
    pl_bytebuf_done(&encoded);
    return rc;
}

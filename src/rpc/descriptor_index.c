/*
 * descriptor_index.c - each file is unpacked for a moment, to read the names in it.
 */
#include "rpc/descriptor_index.h"

#include "base/err.h"
#include "base/list.h"
#include "google/protobuf/descriptor.pb-c.h"

#include <stdio.h>
#include <string.h>

enum {
    INDEX_SIZE_MAX = 4 << 20,
    FILE_SIZE_MAX = 16 << 20, /* one file, unpacked */
    FILES_LEN_MAX = 1000,
    EXTENSIONS_LEN_MIN = 8,
    SET_FILE_TAG = 1 << 3 | 2, /* FileDescriptorSet.file: field 1, with a length */
    MESSAGES_DEPTH_MAX = 32,
};

struct symbol {
    struct pl_map_node by_name;
    const char *name;
    const struct pl_rpc_file *file_weak;
    bool is_message;
};

/* Takes the next file off the front of a set. */
static int next_file(struct pl_bytes *set, struct pl_bytes *ret_file)
{
    size_t size = 0, i = 1;

    if (set->data[0] != SET_FILE_TAG)
        return PL_E_CORRUPT;
    for (unsigned shift = 0;; shift += 7) {
        if (i >= set->size || shift > 28)
            return PL_E_CORRUPT;
        size |= (size_t)(set->data[i] & 0x7f) << shift;
        if ((set->data[i++] & 0x80) == 0)
            break;
    }
    if (size > set->size - i)
        return PL_E_CORRUPT;
    *ret_file = (struct pl_bytes){set->data + i, size};
    set->data += i + size;
    set->size -= i + size;
    return PL_OK;
}

static int find_files(struct pl_rpc_descriptor_index *index, struct pl_bytes set)
{
    struct pl_bytes rest = set, file;
    size_t len = 0;

    while (rest.size > 0) {
        if (next_file(&rest, &file) < 0 || ++len > FILES_LEN_MAX)
            return PL_E_CORRUPT;
    }
    index->files = pl_arena_alloc(&index->arena, len * sizeof *index->files);
    if (index->files == NULL)
        return PL_E_NOMEM;
    while (set.size > 0 && next_file(&set, &file) == PL_OK)
        index->files[index->files_len++].bytes = file;
    return PL_OK;
}

/* "scope.name", in the arena; NULL when memory is short. */
static char *full_name(struct pl_rpc_descriptor_index *index, const char *scope, const char *name)
{
    size_t size = strlen(scope) + strlen(name) + 2;
    char *full = pl_arena_alloc(&index->arena, size);

    if (full != NULL)
        snprintf(full, size, "%s%s%s", scope, scope[0] != 0 ? "." : "", name);
    return full;
}

/* Adds a symbol; gives its full name. */
static int add_symbol(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                      const char *scope, const char *name, bool is_message, const char **ret_name)
{
    struct symbol *symbol = pl_arena_alloc(&index->arena, sizeof *symbol);

    if (name == NULL)
        return PL_E_CORRUPT;
    if (symbol == NULL)
        return PL_E_NOMEM;
    symbol->name = full_name(index, scope, name);
    if (symbol->name == NULL)
        return PL_E_NOMEM;
    symbol->file_weak = file;
    symbol->is_message = is_message;
    pl_map_put(&index->symbols, &symbol->by_name, pl_hash_str(symbol->name));
    *ret_name = symbol->name;
    return PL_OK;
}

static int add_extension(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                         const char *scope, const Google__Protobuf__FieldDescriptorProto *field)
{
    struct pl_rpc_extension *extension;
    const char *name;
    int rc = add_symbol(index, file, scope, field->name, false, &name);

    if (rc < 0)
        return rc;
    if (field->extendee == NULL || field->extendee[0] != '.')
        return PL_E_CORRUPT; /* compilers write full names */
    if (index->extensions_len == index->extensions_cap) {
        size_t cap = index->extensions_cap > 0 ? index->extensions_cap * 2 : EXTENSIONS_LEN_MIN;
        struct pl_rpc_extension *extensions =
            pl_arena_alloc(&index->arena, cap * sizeof *extensions);

        if (extensions == NULL)
            return PL_E_NOMEM;
        if (index->extensions_len > 0)
            memcpy(extensions, index->extensions, index->extensions_len * sizeof *extensions);
        index->extensions = extensions;
        index->extensions_cap = cap;
    }
    extension = &index->extensions[index->extensions_len];
    extension->extendee = full_name(index, "", field->extendee + 1);
    if (extension->extendee == NULL)
        return PL_E_NOMEM;
    extension->number = field->number;
    extension->file_weak = file;
    index->extensions_len++;
    return PL_OK;
}

static int add_extensions(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                          const char *scope, Google__Protobuf__FieldDescriptorProto *const *fields,
                          size_t len)
{
    int rc = PL_OK;

    for (size_t i = 0; i < len && rc == PL_OK; i++)
        rc = add_extension(index, file, scope, fields[i]);
    return rc;
}

/* The values of an enum are siblings of the enum, not its children. */
static int add_enums(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                     const char *scope, Google__Protobuf__EnumDescriptorProto *const *enums,
                     size_t len)
{
    const char *name;
    int rc = PL_OK;

    for (size_t i = 0; i < len && rc == PL_OK; i++) {
        rc = add_symbol(index, file, scope, enums[i]->name, false, &name);
        for (size_t k = 0; k < enums[i]->n_value && rc == PL_OK; k++)
            rc = add_symbol(index, file, scope, enums[i]->value[k]->name, false, &name);
    }
    return rc;
}

static int add_messages(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                        const char *scope, Google__Protobuf__DescriptorProto *const *messages,
                        size_t len, int depth)
{
    int rc = depth > MESSAGES_DEPTH_MAX ? PL_E_CORRUPT : PL_OK;

    for (size_t i = 0; i < len && rc == PL_OK; i++) {
        const Google__Protobuf__DescriptorProto *message = messages[i];
        const char *name;

        rc = add_symbol(index, file, scope, message->name, true, &name);
        if (rc == PL_OK)
            rc = add_enums(index, file, name, message->enum_type, message->n_enum_type);
        if (rc == PL_OK)
            rc = add_extensions(index, file, name, message->extension, message->n_extension);
        if (rc == PL_OK)
            rc = add_messages(index, file, name, message->nested_type, message->n_nested_type,
                              depth + 1);
    }
    return rc;
}

static int add_services(struct pl_rpc_descriptor_index *index, const struct pl_rpc_file *file,
                        const char *scope, const Google__Protobuf__FileDescriptorProto *proto)
{
    int rc = PL_OK;

    for (size_t i = 0; i < proto->n_service && rc == PL_OK; i++) {
        const Google__Protobuf__ServiceDescriptorProto *service = proto->service[i];
        const char *name, *method_name;

        rc = add_symbol(index, file, scope, service->name, false, &name);
        for (size_t k = 0; k < service->n_method && rc == PL_OK; k++)
            rc = add_symbol(index, file, name, service->method[k]->name, false, &method_name);
    }
    return rc;
}

static int add_dep_names(struct pl_rpc_descriptor_index *index, struct pl_rpc_file *file,
                         const Google__Protobuf__FileDescriptorProto *proto)
{
    size_t len = proto->n_dependency;

    if (len == 0)
        return PL_OK;
    file->dep_names = pl_arena_alloc(&index->arena, len * sizeof *file->dep_names);
    file->deps_weak = pl_arena_alloc(&index->arena, len * sizeof *file->deps_weak);
    if (file->dep_names == NULL || file->deps_weak == NULL)
        return PL_E_NOMEM;
    for (size_t i = 0; i < len; i++) {
        file->dep_names[i] = full_name(index, "", proto->dependency[i]);
        if (file->dep_names[i] == NULL)
            return PL_E_NOMEM;
    }
    file->deps_len = len;
    return PL_OK;
}

static int add_file(struct pl_rpc_descriptor_index *index, struct pl_rpc_file *file,
                    const Google__Protobuf__FileDescriptorProto *proto)
{
    const char *package = proto->package != NULL ? proto->package : "";
    int rc;

    if (proto->name == NULL)
        return PL_E_CORRUPT;
    file->name = full_name(index, "", proto->name);
    if (file->name == NULL)
        return PL_E_NOMEM;
    rc = add_dep_names(index, file, proto);
    if (rc == PL_OK)
        rc = add_messages(index, file, package, proto->message_type, proto->n_message_type, 0);
    if (rc == PL_OK)
        rc = add_enums(index, file, package, proto->enum_type, proto->n_enum_type);
    if (rc == PL_OK)
        rc = add_extensions(index, file, package, proto->extension, proto->n_extension);
    if (rc == PL_OK)
        rc = add_services(index, file, package, proto);
    return rc;
}

/* The arena that a file is unpacked into, and whether it had no more to give. */
struct unpacking {
    struct pl_arena arena;
    bool is_short;
};

static void *unpacking_alloc(void *self, size_t size)
{
    struct unpacking *unpacking = self;
    void *ptr = pl_arena_alloc(&unpacking->arena, size);

    if (ptr == NULL)
        unpacking->is_short = true;
    return ptr;
}

static void unpacking_free(void *self, void *ptr)
{
    (void)self; /* the arena frees all at once */
    (void)ptr;
}

static int read_file(struct pl_rpc_descriptor_index *index, struct pl_rpc_file *file)
{
    struct unpacking unpacking = {.is_short = false};
    ProtobufCAllocator allocator = {unpacking_alloc, unpacking_free, &unpacking};
    const Google__Protobuf__FileDescriptorProto *proto;
    int rc;

    pl_arena_init(&unpacking.arena, FILE_SIZE_MAX);
    proto = google__protobuf__file_descriptor_proto__unpack(&allocator, file->bytes.size,
                                                            file->bytes.data);
    if (proto != NULL)
        rc = add_file(index, file, proto);
    else
        rc = unpacking.is_short ? PL_E_NOMEM : PL_E_CORRUPT;
    pl_arena_done(&unpacking.arena);
    return rc;
}

static int link_deps(struct pl_rpc_descriptor_index *index)
{
    for (size_t i = 0; i < index->files_len; i++) {
        struct pl_rpc_file *file = &index->files[i];

        for (size_t k = 0; k < file->deps_len; k++) {
            file->deps_weak[k] = pl_rpc_file_by_name(index, file->dep_names[k]);
            if (file->deps_weak[k] == NULL)
                return PL_E_CORRUPT;
        }
    }
    return PL_OK;
}

int pl_rpc_descriptor_index_init(struct pl_rpc_descriptor_index *index, struct pl_bytes set)
{
    int rc;

    *index = (struct pl_rpc_descriptor_index){.files = NULL};
    pl_arena_init(&index->arena, INDEX_SIZE_MAX);
    pl_map_init(&index->symbols);
    rc = find_files(index, set);
    for (size_t i = 0; i < index->files_len && rc == PL_OK; i++)
        rc = read_file(index, &index->files[i]);
    return rc == PL_OK ? link_deps(index) : rc;
}

void pl_rpc_descriptor_index_done(struct pl_rpc_descriptor_index *index)
{
    pl_map_done(&index->symbols);
    pl_arena_done(&index->arena);
}

const struct pl_rpc_file *pl_rpc_file_by_name(const struct pl_rpc_descriptor_index *index,
                                              const char *name)
{
    for (size_t i = 0; i < index->files_len; i++)
        if (strcmp(index->files[i].name, name) == 0)
            return &index->files[i];
    return NULL;
}

const struct pl_rpc_file *pl_rpc_file_by_symbol(const struct pl_rpc_descriptor_index *index,
                                                const char *symbol, bool *ret_is_message)
{
    PL_MAP_EACH (node, &index->symbols, pl_hash_str(symbol)) {
        const struct symbol *found = PL_CONTAINER(node, struct symbol, by_name);

        if (strcmp(found->name, symbol) != 0)
            continue;
        *ret_is_message = found->is_message;
        return found->file_weak;
    }
    return NULL;
}

/* json_name.c - rules of names, as protoc has them; see json_name.h. */
#include "pb/json_name.h"

#include <string.h>

static char upper(char letter)
{
    return letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
}

enum pl_pb_json_form pl_pb_json_form_of(const ProtobufCMessageDescriptor *descriptor)
{
    static const char package[] = "google.protobuf.";
    static const struct {
        const char *name;
        enum pl_pb_json_form form;
    } forms[] = {
        {"Any", PL_PB_JSON_ANY},
        {"BoolValue", PL_PB_JSON_WRAPPER},
        {"BytesValue", PL_PB_JSON_WRAPPER},
        {"DoubleValue", PL_PB_JSON_WRAPPER},
        {"Duration", PL_PB_JSON_DURATION},
        {"FieldMask", PL_PB_JSON_FIELD_MASK},
        {"FloatValue", PL_PB_JSON_WRAPPER},
        {"Int32Value", PL_PB_JSON_WRAPPER},
        {"Int64Value", PL_PB_JSON_WRAPPER},
        {"ListValue", PL_PB_JSON_LIST},
        {"StringValue", PL_PB_JSON_WRAPPER},
        {"Struct", PL_PB_JSON_STRUCT},
        {"Timestamp", PL_PB_JSON_TIMESTAMP},
        {"UInt32Value", PL_PB_JSON_WRAPPER},
        {"UInt64Value", PL_PB_JSON_WRAPPER},
        {"Value", PL_PB_JSON_VALUE},
    };

    if (strncmp(descriptor->name, package, sizeof package - 1) != 0)
        return PL_PB_JSON_FIELDS;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(descriptor->name + sizeof package - 1, forms[i].name) == 0)
            return forms[i].form;
    return PL_PB_JSON_FIELDS;
}

void pl_pb_json_name(const char *name, struct pl_bytebuf *to)
{
    bool raise = false;

    for (; *name != 0; name++) {
        if (*name != '_')
            pl_bytebuf_append_byte(to, (uint8_t)(raise ? upper(*name) : *name));
        raise = *name == '_';
    }
}

/* Whether `entry` is what protoc calls the entries of the map `field`: its letters
 * without underscores, the first and each after an underscore upper-case, "Entry". */
static bool is_entry_name(const char *entry, const char *field)
{
    bool raise = true;

    for (; *field != 0; field++) {
        if (*field != '_' && *entry++ != (raise ? upper(*field) : *field))
            return false;
        raise = *field == '_';
    }
    return strcmp(entry, "Entry") == 0;
}

static bool is_entry_field(const ProtobufCFieldDescriptor *field, const char *name, uint32_t id)
{
    return field->id == id && strcmp(field->name, name) == 0 &&
           field->label != PROTOBUF_C_LABEL_REPEATED &&
           (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
}

static bool is_key_type(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    default:
        return true;
    }
}

bool pl_pb_json_is_map(const ProtobufCMessageDescriptor *descriptor,
                       const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t size = strlen(descriptor->name);

    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    return entry->n_fields == 2 && is_entry_field(&entry->fields[0], "key", 1) &&
           is_entry_field(&entry->fields[1], "value", 2) && is_key_type(entry->fields[0].type) &&
           strncmp(entry->name, descriptor->name, size) == 0 && entry->name[size] == '.' &&
           is_entry_name(entry->name + size + 1, field->name);
}

bool pl_pb_json_takes_null(const ProtobufCFieldDescriptor *field)
{
    if (field->type == PROTOBUF_C_TYPE_ENUM) {
        const ProtobufCEnumDescriptor *type = field->descriptor;

        return strcmp(type->name, "google.protobuf.NullValue") == 0;
    }
    return field->type == PROTOBUF_C_TYPE_MESSAGE &&
           pl_pb_json_form_of(field->descriptor) == PL_PB_JSON_VALUE;
}

/* protobuf-c keeps in quantifier_offset where a struct says which member is set. */
bool pl_pb_json_same_oneof(const ProtobufCFieldDescriptor *a, const ProtobufCFieldDescriptor *b)
{
    return (a->flags & b->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
           a->quantifier_offset == b->quantifier_offset;
}

bool pl_pb_json_has_presence(const ProtobufCFieldDescriptor *field)
{
    return field->type == PROTOBUF_C_TYPE_MESSAGE || field->label != PROTOBUF_C_LABEL_NONE ||
           (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* format.c - which content-type stands for which protocol and spelling. */
#include "rpc/codec.h"

#include <string.h>

static const struct pl_rpc_format formats[] = {
    {.content_type = "application/grpc", .codec = &pl_rpc_grpc},
    {.content_type = "application/grpc+proto", .codec = &pl_rpc_grpc},
    {.content_type = "application/grpc+json", .codec = &pl_rpc_grpc, .json = true},
    {.content_type = "application/grpc-web", .codec = &pl_rpc_grpc_web},
    {.content_type = "application/grpc-web+proto", .codec = &pl_rpc_grpc_web},
    {.content_type = "application/grpc-web+json", .codec = &pl_rpc_grpc_web, .json = true},
    {.content_type = "application/grpc-web-text", .codec = &pl_rpc_grpc_web, .text = true},
    {.content_type = "application/grpc-web-text+proto", .codec = &pl_rpc_grpc_web, .text = true},
    {.content_type = "application/connect+proto", .codec = &pl_rpc_connect_stream},
    {.content_type = "application/connect+json", .codec = &pl_rpc_connect_stream, .json = true},
};

const struct pl_rpc_format pl_rpc_connect_proto = {
    .content_type = "application/proto",
    .codec = &pl_rpc_connect_unary,
};
const struct pl_rpc_format pl_rpc_connect_json = {
    .content_type = "application/json",
    .codec = &pl_rpc_connect_unary,
    .json = true,
};

/* Media types are the same in upper and lower case (RFC 9110, section 8.3.1). */
static bool is_type(struct pl_bytes type, const char *name)
{
    if (type.size != strlen(name))
        return false;
    for (size_t i = 0; i < type.size; i++) {
        uint8_t byte = type.data[i];

        if (byte >= 'A' && byte <= 'Z')
            byte = (uint8_t)(byte - 'A' + 'a');
        if (byte != (uint8_t)name[i])
            return false;
    }
    return true;
}

const char *pl_rpc_format_text(const struct pl_rpc_format *format)
{
    if (format->text)
        return format->content_type;
    return format->codec == &pl_rpc_grpc_web && !format->json ? "application/grpc-web-text+proto"
                                                              : NULL;
}

bool pl_rpc_format_is_text(struct pl_bytes accept)
{
    const struct pl_rpc_format *format = pl_rpc_format_find(accept);

    return format != NULL && format->text;
}

const struct pl_rpc_format *pl_rpc_format_find(struct pl_bytes content_type)
{
    size_t size = 0;

    if (pl_bytes_is(content_type, "application/grpc")) /* what most calls are */
        return &formats[0];
    while (size < content_type.size && content_type.data[size] != ';')
        size++; /* parameters, such as charset, change nothing */
    while (size > 0 && content_type.data[size - 1] == ' ')
        size--;
    content_type.size = size;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (is_type(content_type, formats[i].content_type))
            return &formats[i];
    if (is_type(content_type, pl_rpc_connect_proto.content_type))
        return &pl_rpc_connect_proto;
    return is_type(content_type, pl_rpc_connect_json.content_type) ? &pl_rpc_connect_json : NULL;
}

/* chat_service.c - messages: sending, history, and the two streams. */
#include "server/service.h"
#include "server/stream_call.h"

static const struct pl_rpc_method methods[] = {
    {.name = "SendMessage", .on_message = pl_unary_on_message},
    {.name = "StreamMessages",
     .server_streaming = true,
     .on_message = pl_stream_on_message,
     .on_close = pl_stream_call_on_close},
    {.name = "ListMessages", .on_message = pl_unary_on_message},
    {.name = "SearchMessages", .on_message = pl_unary_on_message},
    {.name = "EditMessage", .on_message = pl_unary_on_message},
    {.name = "DeleteMessage", .on_message = pl_unary_on_message},
    {.name = "AddReaction", .on_message = pl_unary_on_message},
    {.name = "RemoveReaction", .on_message = pl_unary_on_message},
    {.name = "PinMessage", .on_message = pl_unary_on_message},
    {.name = "UnpinMessage", .on_message = pl_unary_on_message},
    {.name = "MarkRead", .on_message = pl_unary_on_message},
    {.name = "TakeMessages",
     .server_streaming = true,
     .on_message = pl_take_on_message,
     .on_close = pl_stream_call_on_close},
    {.name = "AckMessage", .on_message = pl_unary_on_message},
    {.name = "ReleaseMessage", .on_message = pl_unary_on_message},
    {.name = "SetTyping", .on_message = pl_unary_on_message},
};

static const struct pl_unary unary[] = {
    {.command = pl_wire_send_message},
    {0}, /* StreamMessages: stream.c */
    {.query = pl_wire_list_messages},
    {0}, /* SearchMessages */
    {0}, /* EditMessage */
    {0}, /* DeleteMessage */
    {0}, /* AddReaction */
    {0}, /* RemoveReaction */
    {0}, /* PinMessage */
    {0}, /* UnpinMessage */
    {.command = pl_wire_mark_read},
    {0}, /* TakeMessages: take.c */
    {.command = pl_wire_ack_message},
    {.command = pl_wire_release_message},
    {0}, /* SetTyping */
};

_Static_assert(sizeof methods / sizeof methods[0] == sizeof unary / sizeof unary[0], "a row each");

const struct pl_service_def pl_chat_service = {
    .service = {.name = "parla.v1.ChatService",
                .methods = methods,
                .methods_len = sizeof methods / sizeof methods[0]},
    .unary = unary,
};

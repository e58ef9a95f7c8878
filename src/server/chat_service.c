/* chat_service.c - messages: sending, history, and the two streams. */
#include "server/service.h"
#include "server/stream_call.h"
#include "wire/services.h"

static const struct pl_rpc_method methods[] = {
    PL_UNARY_METHOD("SendMessage"),
    {.name = "StreamMessages",
     .server_streaming = true,
     .on_message = pl_stream_on_message,
     .on_close = pl_stream_call_on_close},
    PL_QUERY_METHOD("ListMessages"),
    PL_QUERY_METHOD("SearchMessages"),
    PL_UNARY_METHOD("EditMessage"),
    PL_UNARY_METHOD("DeleteMessage"),
    PL_UNARY_METHOD("AddReaction"),
    PL_UNARY_METHOD("RemoveReaction"),
    PL_UNARY_METHOD("PinMessage"),
    PL_UNARY_METHOD("UnpinMessage"),
    PL_UNARY_METHOD("MarkRead"),
    {.name = "TakeMessages",
     .server_streaming = true,
     .on_message = pl_take_on_message,
     .on_close = pl_stream_call_on_close},
    PL_UNARY_METHOD("AckMessage"),
    PL_UNARY_METHOD("ReleaseMessage"),
    PL_UNARY_METHOD("SetTyping"),
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
                .methods_len = sizeof methods / sizeof methods[0],
                .descriptor = &parla__v1__chat_service__descriptor},
    .unary = unary,
};

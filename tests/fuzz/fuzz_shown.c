/*
 * fuzz_shown.c - what a server says, as the client shows it: lines for people have
 * no control characters, lines for scripts are JSON in ASCII.
 *
 * Input: a line that names the type, then the message's bytes.
 */
#include "types.h"

#include "base/assert.h"
#include "base/err.h"
#include "client/json_out.h"
#include "client/message.h"
#include "client/rooms_text.h"
#include "pb/message.h"

#include <jansson.h>
#include <locale.h>
#include <string.h>

enum { ARENA_SIZE = 1 << 20, OUT_SIZE_MAX = 1 << 22 };

static const struct pl_colour plain = {.on = false};

static void check_text(struct pl_bytebuf *out)
{
    PL_ASSERT(out->err == PL_OK);
    PL_ASSERT(fuzz_is_tame((struct pl_bytes){out->data, out->size}, "\n"));
    pl_bytebuf_clear(out);
}

/* Nothing, or one object a line. */
static void check_json(struct pl_bytebuf *out)
{
    json_t *object;

    PL_ASSERT(out->err == PL_OK);
    if (out->size == 0)
        return;
    for (size_t i = 0; i + 1 < out->size; i++)
        PL_ASSERT(out->data[i] >= ' ' && out->data[i] <= '~');
    PL_ASSERT(out->data[out->size - 1] == '\n');
    object = json_loadb((const char *)out->data, out->size, JSON_REJECT_DUPLICATES, NULL);
    PL_ASSERT(json_is_object(object));
    json_decref(object);
    pl_bytebuf_clear(out);
}

static void show_message(const struct pl_message *message, struct pl_bytebuf *out)
{
    pl_message_line(out, plain, message);
    check_text(out);
    pl_message_said(out, plain, message, 40);
    check_text(out);
    pl_json_message(out, message);
    check_json(out);
}

static void show_event(const Parla__V1__Event *event, struct pl_bytebuf *out)
{
    const char *peer = event->sequence % 2 == 0 ? "" : event->actor;
    struct pl_message message;

    if (event->kind_case == PARLA__V1__EVENT__KIND_MESSAGE_SENT) {
        message = pl_message_of_event(event, peer);
        show_message(&message, out);
        return;
    }
    if (pl_message_happening(out, event))
        PL_ASSERT(out->size > 0);
    check_text(out);
    pl_json_happening(out, event, peer);
    check_json(out);
}

static void show_room(const Parla__V1__JoinedRoom *joined, struct pl_bytebuf *out)
{
    if (joined->room == NULL)
        return;
    pl_rooms_text(out, plain, joined, joined->room->title);
    check_text(out);
    pl_json_room(out, joined);
    check_json(out);
}

static void show(const ProtobufCMessage *message, struct pl_bytebuf *out)
{
    const ProtobufCMessageDescriptor *type = message->descriptor;

    if (type == &parla__v1__event__descriptor) {
        show_event((const Parla__V1__Event *)message, out);
    } else if (type == &parla__v1__chat_message__descriptor) {
        struct pl_message chat =
            pl_message_of_chat((const Parla__V1__ChatMessage *)message, "someone");

        show_message(&chat, out);
    } else if (type == &parla__v1__joined_room__descriptor) {
        show_room((const Parla__V1__JoinedRoom *)message, out);
    } else if (type == &parla__v1__user__descriptor) {
        pl_json_user(out, (const Parla__V1__User *)message);
        check_json(out);
    } else if (type == &parla__v1__room_state__descriptor) {
        const Parla__V1__RoomState *state = (const Parla__V1__RoomState *)message;

        if (state->room != NULL)
            pl_json_trimmed(out, state, "");
        check_json(out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *locale;
    struct fuzz_input input = {data, size};
    const ProtobufCMessageDescriptor *type = fuzz_message_type(&input);
    struct pl_pb_fault fault;
    struct pl_arena arena;
    struct pl_bytebuf out;
    ProtobufCMessage *message;

    if (locale == NULL) {
        locale = setlocale(LC_CTYPE, "C.UTF-8");
        pl_json_init();
    }
    PL_ASSERT(locale != NULL);
    pl_arena_init(&arena, ARENA_SIZE);
    pl_bytebuf_init(&out, OUT_SIZE_MAX);
    if (pl_pb_unpack(type, fuzz_rest(&input), &arena, &fault, &message) == PL_OK)
        show(message, &out);
    pl_bytebuf_done(&out);
    pl_arena_done(&arena);
    return 0;
}

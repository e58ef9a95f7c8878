#!/usr/bin/python3
"""Makes the inputs of the fuzz targets that are not text: make-seeds.py FOLDER

FOLDER/NOUN/NAME is one input of the target fuzz_NOUN. What is text is kept in
corpus/ instead.
"""

import pathlib
import shutil
import struct
import sys


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, value):
    """A protobuf field: a whole number, text, bytes, or a list of fields."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, list):
        value = b"".join(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def message(*fields):
    return b"".join(fields)


def envelope(data, flags=0):
    return bytes([flags]) + struct.pack(">I", len(data)) + data


TIME = [field(1, 1714726800), field(2, 250000000)]
USER = [field(1, "ana"), field(2, "Ana"), field(3, "here")]
ROOM = [field(1, "friends"), field(2, "Friends"), field(3, "of all kinds")]


def envelope_seeds():
    one = envelope(b"hello")
    yield "one", b"\0" + one
    yield "three", b"\1" + one + envelope(b"") + envelope(b"x" * 300, 1)
    yield "cut", b"\2" + one + envelope(b"hello")[:7]
    yield "large", b"\3" + envelope(b"y" * 4096)
    yield "too-large", b"\4" + one + b"\0\0\0\x10\x01" + b"z" * 10
    yield "huge", b"\5" + b"\0\xff\xff\xff\xff"


def protobuf_seeds():
    yield "sign-in", b"SignInAsGuestRequest\n" + message(field(1, "ana"))
    yield "send", b"SendMessageRequest\n" + message(
        field(1, "friends"), field(3, "hi \u20ac"), field(4, "id-1"), field(5, 7), field(6, 1 << 40))
    yield "stream", b"StreamMessagesRequest\n" + message(
        field(1, "lobby"), field(1, "friends"), field(3, 2))
    yield "create-room", b"CreateRoomRequest\n" + message(field(1, ROOM + [field(4, 1)]))
    yield "event", b"Event\n" + message(
        field(1, "friends"), field(2, 12), field(3, TIME), field(4, "ana"), field(5, 1),
        field(10, [field(1, "hello"), field(2, 3), field(4, "ben"), field(4, "cleo")]))
    yield "status", b"google.rpc.Status\n" + message(
        field(1, 5), field(2, "no such room"),
        field(3, [field(1, "type.googleapis.com/google.rpc.ErrorInfo"),
                  field(2, [field(1, "ROOM_NOT_FOUND"), field(2, "parla"),
                            field(3, [field(1, "room"), field(2, "friends")])])]))
    yield "health", b"HealthCheckRequest\n" + message(field(1, "parla.v1.ChatService"))
    yield "reflection", b"ServerReflectionRequest\n" + message(
        field(5, [field(1, "parla.v1.Event"), field(2, 1)]))
    yield "unknown-fields", b"Room\n" + message(
        field(900, 1), varint(901 << 3 | 5) + b"abcd", varint(902 << 3 | 1) + b"abcdefgh", field(903, "x"))
    yield "packed", b"FileDescriptorResponse\n" + message(field(1, b"\1\2\3"), field(1, b""))
    yield "bad-text", b"Room\n" + message(field(1, b"\xff\xfe"))
    yield "nul-in-text", b"Room\n" + message(field(1, b"a\0b"))
    yield "cut", b"Room\n" + message(field(1, "friends"))[:-2]
    yield "group", b"Room\n" + varint(1 << 3 | 3) + varint(1 << 3 | 4)
    yield "long-varint", b"Event\n" + varint(2 << 3) + b"\xff" * 9 + b"\1"


def request_seeds():
    def requests():
        yield "sign_in_as_guest", message(field(1, "ana"))
        yield "sign_out", b""
        yield "get_user", message(field(1, "ana"))
        yield "create_room", message(field(1, ROOM))
        yield "join_room", message(field(1, "friends"), field(2, 1))
        yield "leave_room", message(field(1, "friends"))
        yield "send_message", message(field(1, "friends"), field(3, "hi"), field(4, "id-1"))
        yield "mark_read", message(field(1, "friends"), field(2, 9))
        yield "take_messages", message(field(1, "work"), field(2, 5), field(3, 30))
        yield "ack_message", message(field(1, "work"), field(2, 5), field(3, 99))
        yield "release_message", message(field(1, "work"), field(2, 5), field(3, 99), field(4, 60))
        yield "list_users", message(field(1, 1), field(2, "an"), field(3, 10), field(4, "token"))
        yield "get_room", message(field(1, "friends"))
        yield "list_rooms", message(field(1, 1), field(2, 10))
        yield "list_members", message(field(1, "friends"), field(2, 10))
        yield "list_messages", message(field(1, "friends"), field(2, 10), field(4, 3))
        yield "stream_messages", message(field(1, "friends"), field(3, 2))

    for name, data in requests():
        yield name, name.encode() + b"\n" + data


def cursor_seeds():
    head = b"\1" + bytes(range(8))
    yield "text-none", b"\0AQABAgMEBQYHAAA"
    yield "now", b"\1" + head + varint(1000) + b"\0"
    yield "beginning", b"\1" + head + varint(3) + b"\1" + varint(1 << 40)
    yield "unread", b"\1" + head + varint(3) + b"\2" + varint(900) + varint(2) + b"".join(
        map(varint, (5, 17, 1, 0)))
    yield "late", b"\1" + head + varint((1 << 63) - 1) + b"\1" + varint((1 << 63) - 1)
    yield "too-far", b"\1" + head + varint(1 << 63) + b"\0"
    yield "many-rooms", b"\1" + head + varint(0) + b"\2" + varint(9) + varint(300) + b"\1\1" * 300
    yield "token", b"\2ZnJpZW5kcwAAAAAAAAAA"
    yield "key", b"\3friends"
    yield "long-key", b"\3" + b"k" * 248
    yield "too-long-key", b"\3" + b"k" * 249


def config_seeds():
    yield "carriage-returns", b"[server]\r\nguests = on\r\n"
    yield "blanks", b"[server] \n\tguests\t=\ton \n\n \n"


def safe_text_seeds():
    yield "lines", b"hello\tworld \nnext\r\nlast\r"


SEEDS = {
    "config": config_seeds,
    "cursor": cursor_seeds,
    "envelope": envelope_seeds,
    "protobuf": protobuf_seeds,
    "request": request_seeds,
    "safe_text": safe_text_seeds,
}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    shutil.rmtree(root, ignore_errors=True)
    for noun, seeds in SEEDS.items():
        (root / noun).mkdir(parents=True)
        for name, data in seeds():
            (root / noun / name).write_bytes(data)


main()

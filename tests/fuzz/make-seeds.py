#!/usr/bin/python3
"""Makes the inputs of the fuzz targets that are not text: make-seeds.py FOLDER

FOLDER/NOUN/NAME is one input of the target fuzz_NOUN. What is text is kept in
corpus/ instead.
"""

import base64
import gzip
import pathlib
import shutil
import struct
import sys
import zlib


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


def json_seeds():
    """Messages that are to be printed; what is to be parsed is in corpus/json."""
    yield "empty", b"Known\n\0"
    yield "scalars", b"Scalars\n\0" + message(
        field(1, -1), field(2, 1 << 40), field(5, 3), varint(11 << 3 | 5) + struct.pack("<f", 0.1),
        varint(12 << 3 | 1) + struct.pack("<d", 1e-310), field(13, 1), field(14, "\u2028<\x7f"), field(15, b"\0\xff"),
        field(16, -7))
    yield "packed", b"Lists\n\0" + message(field(1, b"\1\2\3"), field(1, 4), field(16, b"\0\1\x63"),
                                            field(13, b"\0\1"), field(12, struct.pack("<d", float("nan"))))
    yield "maps", b"Maps\n\0" + message(field(1, [field(1, "a"), field(2, "b")]), field(1, [field(1, "a")]),
                                        field(1, b""), field(3, [field(1, 5), field(2, b"")]))
    yield "merged", b"Nested\n\0" + message(field(1, [field(3, "a")]), field(1, [field(2, b"")]), field(4, "x"),
                                            field(5, 7), field(6, [field(8, [field(1, 0)])]))
    yield "times", b"Known\n\0" + message(field(1, TIME), field(2, [field(1, -5), field(2, -500000000)]),
                                          field(3, [field(1, "a_b.c"), field(1, "d")]))
    yield "time-too-late", b"Known\n\0" + message(field(1, [field(1, 253402300800)]))
    yield "values", b"Known\n\0" + message(
        field(6, [field(6, [field(1, [varint(2 << 3 | 1) + struct.pack("<d", 0.5)])])]), field(5, [
            field(1, [field(1, "k"), field(2, [field(4, 1)])])]))
    yield "any", b"Known\n\0" + message(field(8, [field(1, "type.googleapis.com/parla.v1.Room")]))


def shown_seeds():
    def member(state, user=2):
        return [field(1, "ben"), field(2, user), field(3, state)]

    yield "message", b"Event\n" + message(
        field(1, "friends"), field(2, 12), field(3, TIME), field(4, "ana"), field(5, 1),
        field(10, [field(1, "hello\nthere \x1b[31m"), field(2, 3), field(4, "ben")]))
    for number in range(9, 16):
        yield f"kind-{number}", b"Event\n" + message(
            field(1, "@ana"), field(2, 13), field(3, TIME), field(4, "ana\u202e"), field(5, 1),
            field(number, [field(1, "ben"), field(2, 2)]))
    yield "chat", b"ChatMessage\n" + message(field(1, "friends"), field(2, 12), field(3, TIME), field(4, "ana"))
    yield "room", b"JoinedRoom\n" + message(field(1, ROOM), field(2, 1))
    yield "user", b"User\n" + message(*USER, field(4, 1))
    yield "state", b"RoomState\n" + message(field(1, ROOM), field(2, member(1)))


def details_seeds():
    def any_of(name, *fields):
        return field(3, [field(1, f"type.googleapis.com/google.rpc.{name}"), field(2, list(fields))])

    yield "bare", message(field(1, 5), field(2, "no such room"))
    yield "all", message(
        field(1, 3), field(2, "wrong"), any_of("ErrorInfo", field(1, "FIELD_INVALID"), field(2, "parla"),
                                              field(3, [field(1, "a"), field(2, "b")])),
        any_of("BadRequest", field(1, [field(1, "room"), field(2, "must be")])),
        any_of("RetryInfo", field(1, [field(1, 5), field(2, 250000000)])))
    yield "negative-retry", message(any_of("RetryInfo", field(1, [field(1, -5), field(2, -1)])))
    yield "huge-retry", message(any_of("RetryInfo", field(1, [field(1, 1 << 62)])))
    yield "other-kind", message(field(1, 99), field(3, [field(1, "x/y.Z"), field(2, b"\xff")]))
    yield "not-any", message(field(3, b"\xff"))


def reflection_seeds():
    def questions(*messages):
        return b"".join(bytes([len(data)]) + data for data in messages)

    asked = [field(3, "parla/v1/event.proto"), field(4, "parla.v1.ChatService.SendMessage"),
             field(5, [field(1, "parla.v1.Event"), field(2, 7)]), field(6, "parla.v1.Event"), field(7, "*")]
    for number, data in enumerate(asked):
        yield f"question-{number}", b"\0" + questions(field(1, "host") + data)
    yield "all", b"\1" + questions(*asked)
    yield "nothing", b"\0" + questions(b"")
    yield "unknown", b"\0" + questions(field(4, "no.such.Thing"), field(3, "no.proto"))
    yield "broken", b"\0" + questions(b"\xff")


def keys_seeds():
    yield "text", b"\0hello \xe2\x82\xac\r"
    yield "arrows", b"\1\x1b[A\x1b[1;5D\x1bOP\x1bf\x7f\x03"
    yield "paste", b"\2\x1b[200~two\r\nlines\r\x1b[31m\x1b[201~after"
    yield "unfinished", b"\3\x1b[200~never ends\x1b[20"
    yield "not-utf8", b"\4\xff\xc0\xaf\xe2\x82"
    yield "long-sequence", b"\5\x1b[" + b"1;" * 40 + b"A"
    yield "escapes", b"\6\x1b\x1b\x1b[\x1b"


def text_body_seeds():
    body = envelope(b"hello") + envelope(b"grpc-status:0\r\n", 0x80)
    yield "whole", b"\0\0" + base64.b64encode(body)
    yield "padded-in-its-midst", b"\0\1" + base64.b64encode(body[:10]) + base64.b64encode(body[10:])
    yield "cut", b"\0\2" + base64.b64encode(body)[:-3]
    yield "wrong", b"\0\3" + b"AAAA*AAA"
    yield "pads-only", b"\0\4===="
    yield "bytes", b"\0\5" + body


def target_seeds():
    for name, text in {"plain": "127.0.0.1:50051", "grpc": "grpc://host.example:1", "grpcs": "grpcs://[::1]:443",
                       "no-port": "grpcs://host", "other": "https://host:1", "long": "h" * 256 + ":1",
                       "http-1": "HTTP/1.1 400 Bad Request"}.items():
        yield name, text.encode()
    yield "settings", frame(SETTINGS)
    yield "alert", b"\x15\3\3\0\2\2\x46"


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


# HTTP/2 (RFC 9113, section 4.1): frames, and header blocks of literals.
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATHS = ["Echo", "Many", "Count", "Talk", "Wait", "WaitAll", "Early", "Source", "None"]


def frame(kind, flags=0, stream=0, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(text):
    return bytes([len(text)]) + text.encode()


def headers(stream, fields, flags=END_HEADERS):
    block = b"".join(b"\0" + literal(name) + literal(value) for name, value in fields)
    return frame(HEADERS, flags, stream, block)


def request(stream, path, *more):
    return headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "fuzz"),
                            ("te", "trailers"), ("content-type", "application/grpc"), *more])


def h2_request_bytes():
    """Whole conversations, as a client says them."""
    hello = envelope(b"\5hello")
    start = PREFACE + frame(SETTINGS)
    yield "unary", start + request(1, "/fuzz.Kinds/Echo") + frame(DATA, END_STREAM, 1, hello)
    yield "many", start + request(1, "/fuzz.Kinds/Many") + frame(DATA, END_STREAM, 1, hello)
    yield "count", start + request(1, "/fuzz.Kinds/Count") + frame(DATA, 0, 1, hello + hello) + frame(
        DATA, END_STREAM, 1)
    yield "talk", start + request(1, "/fuzz.Kinds/Talk") + frame(DATA, 0, 1, hello[:3]) + frame(
        DATA, 0, 1, hello[3:]) + frame(DATA, END_STREAM, 1, hello)
    yield "two", start + request(1, "/fuzz.Kinds/Wait", ("grpc-timeout", "1S")) + request(
        3, "/fuzz.Kinds/Source") + frame(DATA, END_STREAM, 3, envelope(b"")) + frame(RST_STREAM, 0, 1, b"\0\0\0\x08")
    yield "settings", PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0\0\0\5\0\5\0\0\x40\0") + frame(
        SETTINGS, ACK) + request(1, "/fuzz.Kinds/Source") + frame(DATA, END_STREAM, 1, hello) + frame(
            WINDOW_UPDATE, 0, 1, b"\0\0\x10\0") + frame(WINDOW_UPDATE, 0, 0, b"\0\1\0\0")
    yield "pings", start + frame(PING, 0, 0, b"12345678") * 20 + frame(GOAWAY, 0, 0, b"\0" * 8)
    yield "continued", start + frame(HEADERS, 0, 1, b"\0" + literal(":method")) + frame(
        CONTINUATION, END_HEADERS, 1, literal("POST"))
    yield "compressed", start + request(1, "/fuzz.Kinds/Echo", ("grpc-encoding", "gzip")) + frame(
        DATA, END_STREAM, 1, envelope(gzip.compress(b"hello" * 20, mtime=0), 1))
    yield "metadata", start + request(
        1, "/fuzz.Kinds/Echo", ("x-in-bin", "AAEC"), ("authorization", "Bearer t")) + frame(
            DATA, END_STREAM, 1, hello)
    yield "health", start + request(1, "/grpc.health.v1.Health/Watch") + frame(DATA, END_STREAM, 1, envelope(b""))


# The scripts of fuzz_conn.c and fuzz_client.c; frames are h2.c's.
def step(*parts):
    """A frame, given to the other side at once."""
    return b"\1" + b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)


def act(kind, *parts):
    return bytes([kind * 4]) + b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)


def short(number):
    return struct.pack(">H", number)


def call(stream, method, *more):
    return step(0, stream, 0, PATHS.index(method), len(more), *more)


def data(stream, size, end=1):
    return step(2, stream, end, 0, short(size))


TICK, FILL, ANSWER, CHUNK, DRAIN, FAIL = 0, 1, 2, 4, 5, 6
FILL_ALL = act(FILL, short(65535))


def conn_scripts():
    yield "unary", call(1, "Echo") + data(1, 5) + FILL_ALL
    yield "chunks", act(CHUNK, 1) + call(1, "Echo") + data(1, 5) + FILL_ALL
    yield "large", call(1, "Echo") + data(1, 15000) + FILL_ALL + step(4, 0, short(1), 15) + FILL_ALL
    yield "answered-late", call(1, "Wait") + data(1, 5) + act(ANSWER, 0, 0, short(300)) + act(
        ANSWER, 3, 0, 2, b"ok") + act(ANSWER, 4, 0, 2, b"ok") + act(ANSWER, 2, 0, 0) + FILL_ALL
    yield "deadline", call(1, "WaitAll", 0) + FILL_ALL + act(TICK, 2) + act(TICK, 3) + FILL_ALL
    yield "idle", FILL_ALL + act(TICK, 12) + FILL_ALL + act(TICK, 10) + FILL_ALL
    yield "drain", call(1, "Talk") + data(1, 5, 0) + act(DRAIN) + FILL_ALL + act(TICK, 6) + data(1, 1) + FILL_ALL
    yield "reset", call(1, "Source") + data(1, 0) + act(FILL, short(100)) + step(5, 1, 8) + FILL_ALL
    yield "windows", step(3, 4, short(5), 0) + call(1, "Many") + data(1, 9) + FILL_ALL + step(
        4, 1, short(9), 0) + FILL_ALL
    yield "many-calls", b"".join(call(stream, "WaitAll") for stream in range(1, 60, 2)) + FILL_ALL
    yield "announced", call(1, "Count") + step(2, 1, 0, 0x40, short(10), short(60000), 4) + data(1, 15000, 0) * 4
    yield "short", act(FAIL, 9) + call(1, "Echo") + data(1, 5) + FILL_ALL


def web_call(line, kind, form, body=0, *more):
    """A request of HTTP/1.1; h1.c makes it of these."""
    return step(4, line, kind, form, body, len(more), *more)


def web_scripts():
    enveloped, text, chunked, left_open, twice, end = 1, 2, 4, 8, 16, 32
    yield "json", web_call(0, 0, 0) + FILL_ALL
    yield "proto", web_call(0, 1, chunked, 1) + FILL_ALL
    yield "connect-json", web_call(1, 2, enveloped) + FILL_ALL
    yield "connect-proto", web_call(3, 3, enveloped | twice | end, 1) + FILL_ALL
    yield "grpc-web", web_call(7, 4, enveloped, 1) + FILL_ALL
    yield "grpc-web-text", web_call(1, 5, enveloped | text, 1) + FILL_ALL
    yield "in-chunks", web_call(2, 4, enveloped | left_open, 1) + step(1, enveloped, 1) + step(3) + FILL_ALL
    yield "pipelined", web_call(0, 0, 0) * 5 + FILL_ALL * 5
    yield "answered-late", web_call(4, 0, 0) + web_call(0, 0, 0) + act(ANSWER, 1, 0) + act(ANSWER, 2, 0, 5) + FILL_ALL
    yield "http-1.0", web_call(11, 4, enveloped, 1, 1) + FILL_ALL
    yield "get", web_call(12, 255, 0, 3) + web_call(13, 255, 0, 3) + FILL_ALL
    yield "preflight", web_call(10, 255, 0, 3, 11, 12, 13) + web_call(9, 255, 0, 3) + FILL_ALL
    yield "timeout", web_call(4, 0, 0, 0, 2, 3) + act(TICK, 3) + FILL_ALL
    yield "unknown", web_call(8, 0, 0) + web_call(0, 7, 0) + FILL_ALL
    yield "continue", act(CHUNK, 60) + web_call(0, 0, 0, 0, 2, 14) + FILL_ALL
    yield "gone", web_call(4, 0, 0) + act(7, 0) + bytes([252]) + FILL_ALL
    yield "drain", web_call(5, 3, enveloped | left_open, 1) + act(DRAIN) + FILL_ALL + step(3) + FILL_ALL
    yield "compressed", web_call(7, 3, enveloped, 1, 9) + FILL_ALL


def conn_seeds():
    h1, h2, preface, raw, read, drain, short_of_memory, away = 1, 2, 4, 8, 16, 32, 64, 128

    for name, script in conn_scripts():
        yield name, bytes([h2 | preface | read, 0]) + script
    for name, script in web_scripts():
        yield f"web-{name}", bytes([h1 | read, 0]) + script
        yield f"web-{name}-short", bytes([h1 | read | short_of_memory, 25]) + script
    start = call(1, "Echo") + data(1, 5) + FILL_ALL
    yield "short-from-the-start", bytes([h2 | preface | read | short_of_memory, 20]) + start
    yield "turned-away", bytes([h2 | preface | read | away, 0]) + start
    yield "web-turned-away", bytes([h1 | read | away, 0]) + web_call(0, 0, 0) + FILL_ALL
    for name, text in h2_request_bytes():
        yield f"raw-{name}", bytes([raw | read, 1]) + text
        yield f"raw-{name}-drained", bytes([h2 | raw | read | drain, 7]) + text
    for name, text in h1_requests():
        yield f"raw-web-{name}", bytes([raw | read, 3]) + text.encode()


def h2_response_bytes():
    hello = envelope(b"hello")
    ok = [(":status", "200"), ("content-type", "application/grpc")]
    last = END_HEADERS | END_STREAM
    yield "unary", headers(1, ok) + frame(DATA, 0, 1, hello) + headers(1, [("grpc-status", "0")], last)
    yield "trailers-only", headers(1, ok + [("grpc-status", "5"), ("grpc-message", "no%20room"),
                                            ("grpc-status-details-bin", "CAUSAm5v")], last)
    yield "compressed", headers(1, ok + [("grpc-encoding", "gzip")]) + frame(
        DATA, 0, 1, envelope(gzip.compress(b"hello" * 20, mtime=0), 1)) + headers(1, [("grpc-status", "0")], last)
    yield "unavailable", headers(1, [(":status", "503")], last) + headers(3, [(":status", "429")], last)
    yield "reset", headers(1, ok) + frame(RST_STREAM, 0, 1, b"\0\0\0\7") + frame(RST_STREAM, 0, 3, b"\0\0\0\x0b")
    yield "goaway", headers(1, ok) + frame(GOAWAY, 0, 0, b"\0\0\0\1\0\0\0\x0btoo_many_pings") + frame(
        DATA, 0, 1, hello)
    yield "three", b"".join(headers(stream, ok) for stream in (1, 3, 5)) + frame(DATA, 0, 5, hello * 3) + headers(
        5, [("grpc-status", "0"), ("grpc-retry-pushback-ms", "100")], last)
    yield "informational", headers(1, [(":status", "100")]) + headers(1, ok) + headers(1, [("grpc-status", "2")], last)


def client_scripts():
    begin, on_call = 2, 6
    send, cancel, half_close = 5, 0, 1

    def response(stream, kind, flags=0):
        return step(0, stream, flags, kind, 0)

    start = act(begin, 0) + act(on_call, send, 0, short(5)) + act(on_call, half_close, 0)
    yield "unary", start + FILL_ALL + response(1, 0) + data(1, 5, 0) + response(1, 1, 1) + FILL_ALL
    yield "trailers-only", start + FILL_ALL + response(1, 2, 1) + FILL_ALL
    yield "cancel", start + FILL_ALL + response(1, 0) + act(on_call, cancel, 0) + data(1, 5, 0) + FILL_ALL
    yield "deadline", act(begin, 16) + FILL_ALL + act(TICK, 3) + FILL_ALL
    yield "keepalive", start + FILL_ALL + act(TICK, 7) + FILL_ALL + act(TICK, 6) + FILL_ALL
    yield "gzip", act(begin, 32) + act(on_call, send, 0, short(5000)) + FILL_ALL
    yield "one-reply", act(begin, 64) + FILL_ALL + response(1, 0) + data(1, 5, 0) * 2 + response(1, 1, 1)
    yield "large", start + FILL_ALL + response(1, 0) + data(1, 15000, 0) * 9 + response(1, 1, 1) + FILL_ALL
    yield "many", act(begin, 1) * 40 + FILL_ALL + response(1, 0) + act(CHUNK, 3) + response(3, 2, 1) + FILL_ALL
    yield "short", act(5, 7) + start + FILL_ALL + response(1, 0) + data(1, 5, 0)


def client_seeds():
    for name, script in client_scripts():
        yield name, b"\x08\0" + script
        yield f"{name}-acting", b"\x0a\3" + script
    yield "short-from-the-start", b"\x0c\x10" + FILL_ALL
    for name, raw in h2_response_bytes():
        yield f"raw-{name}", b"\1\1\0\1\2" + frame(SETTINGS) + frame(SETTINGS, ACK) + raw
        yield f"raw-{name}-acting", b"\3\5\x40\1\2" + frame(SETTINGS) + raw


def gzip_seeds():
    text = b"a message that says hello, hello, hello"
    member = gzip.compress(text, mtime=0)
    deflated = zlib.compressobj(wbits=-15)
    yield "member", b"\x10" + member
    yield "limit", b"\4" + member
    yield "cut", b"\x10" + member[:-3]
    yield "more-behind", b"\x10" + member + b"x"
    yield "two-members", b"\x10" + member + member
    yield "wrong-checksum", b"\x10" + member[:-8] + b"\0" * 4 + member[-4:]
    yield "name-and-comment", b"\x10\x1f\x8b\x08\x18\0\0\0\0\0\3name\0comment\0" + member[10:]
    yield "zlib", b"\x10" + zlib.compress(text)
    yield "deflated", b"\x12" + deflated.compress(text) + deflated.flush()
    yield "bomb", b"\x0e" + zlib.compressobj(9, wbits=-15).compress(b"") + gzip.compress(
        b"\0" * 900000, mtime=0)[10:-8]
    yield "compress", b"\1" + text
    yield "compress-nothing", b"\1"


def h1_requests():
    """Requests that are fine, and those that readers take differently."""
    host = "host: fuzz\r\n"
    yield "get", f"GET /healthz HTTP/1.1\r\n{host}\r\n"
    yield "post", f"POST /fuzz.Kinds/Echo HTTP/1.1\r\n{host}content-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}"
    yield "pipelined", f"GET /a?b=c HTTP/1.1\r\n{host}\r\n" * 3
    yield "chunked", (f"POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n"
                      "5;ext=\"1\"\r\nhello\r\n1\r\n!\r\n0\r\nx-trailer: 1\r\n\r\n")
    yield "http-1.0", "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"
    yield "absolute", f"OPTIONS http://fuzz:80/a HTTP/1.1\r\n{host}\r\nOPTIONS * HTTP/1.1\r\n{host}\r\n"
    yield "continue", f"POST / HTTP/1.1\r\n{host}expect: 100-continue\r\ncontent-length: 1\r\n\r\nx"
    yield "upgrade", f"GET / HTTP/1.1\r\n{host}connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\r\nGET / HTTP/1.1\r\n{host}\r\n"
    yield "close", f"GET / HTTP/1.1\r\n{host}connection: close\r\n\r\n"
    yield "both-lengths", f"POST / HTTP/1.1\r\n{host}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    yield "two-lengths", f"POST / HTTP/1.1\r\n{host}content-length: 5\r\ncontent-length: 5\r\n\r\nhello"
    yield "list-of-lengths", f"POST / HTTP/1.1\r\n{host}content-length: 5, 5\r\n\r\nhello"
    yield "signed-length", f"POST / HTTP/1.1\r\n{host}content-length: +5\r\n\r\nhello"
    yield "huge-length", f"POST / HTTP/1.1\r\n{host}content-length: 18446744073709551616\r\n\r\n"
    yield "bare-lf", f"GET / HTTP/1.1\n{host}\n"
    yield "bare-cr", f"GET / HTTP/1.1\r\n{host}x: a\rb\r\n\r\n"
    yield "folded", f"GET / HTTP/1.1\r\n{host}x: a\r\n b\r\n\r\n"
    yield "space-before-colon", f"GET / HTTP/1.1\r\n{host}content-length : 5\r\n\r\n"
    yield "coding-twice", f"POST / HTTP/1.1\r\n{host}transfer-encoding: chunked, chunked\r\n\r\n"
    yield "coding-other", f"POST / HTTP/1.1\r\n{host}transfer-encoding: gzip, chunked\r\n\r\n"
    yield "coding-hidden", f"POST / HTTP/1.1\r\n{host}transfer-encoding: \x0bchunked\r\n\r\n"
    yield "no-host", "GET / HTTP/1.1\r\n\r\n"
    yield "two-hosts", f"GET / HTTP/1.1\r\n{host}{host}\r\n"
    yield "chunk-size", f"POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n"
    yield "chunk-size-huge", f"POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"
    yield "chunk-end", f"POST / HTTP/1.1\r\n{host}transfer-encoding: chunked\r\n\r\n1\r\nab\r\n"
    yield "connect", f"CONNECT fuzz:80 HTTP/1.1\r\n{host}\r\n"
    yield "http-2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield "http-0.9", "GET /\r\n"


def h1_seeds():
    for number, (name, text) in enumerate(h1_requests()):
        yield name, bytes([number]) + text.encode()


def walk_seeds():
    text = [field(1, "hello"), field(2, 3), field(4, "ben")]
    event = [field(1, "friends"), field(2, 300), field(3, TIME), field(4, "ana"), field(5, 1 << 20),
             field(10, text)]
    said = [field(1, "friends"), field(2, 12), field(4, "hello"), field(14, 9)]
    yield "item", b"\0" + message(field(1, "cursor"), field(2, event))
    yield "caught-up", b"\0" + message(field(1, "cursor"), field(3, []))
    yield "event", b"\1" + message(*event)
    yield "deleted", b"\1" + message(field(1, "friends"), field(2, 9), field(12, [field(1, 7)]))
    yield "message", b"\2" + message(*said)
    yield "sent", b"\3" + message(field(1, said), field(2, 1), field(3, 2))
    yield "page", b"\4" + message(field(1, said), field(1, []), field(1, said), field(3, 300))
    yield "fixed", b"\1" + varint(14 << 3 | 5) + b"abcd" + varint(15 << 3 | 1) + b"abcdefgh"
    yield "cut", b"\1" + message(*event)[:-3]


SEEDS = {
    "client": client_seeds,
    "config": config_seeds,
    "conn": conn_seeds,
    "cursor": cursor_seeds,
    "details": details_seeds,
    "envelope": envelope_seeds,
    "gzip": gzip_seeds,
    "h1": h1_seeds,
    "json": json_seeds,
    "keys": keys_seeds,
    "protobuf": protobuf_seeds,
    "reflection": reflection_seeds,
    "request": request_seeds,
    "safe_text": safe_text_seeds,
    "shown": shown_seeds,
    "target": target_seeds,
    "text_body": text_body_seeds,
    "walk": walk_seeds,
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

"""Bytes that no honest client sends: in messages, in frames, on the socket. The server answers
what can be answered, and goes on serving everyone else."""

import random
import socket

import grpc
import pytest

from support.client import call_raw, events_of, texts_of
from support.contract import IMPLEMENTED, api
from support.deadline import DEADLINE, eventually
from support.http2 import (
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    call_headers,
    envelope,
    frame,
)
from support.refusal import refused

SEND = api.method("SendMessage").path
STREAM = api.method("StreamMessages").path
SIGN_IN = api.method("SignInAsGuest").path

# Strings that are no UTF-8: RFC 3629, section 3, and surrogates.
NO_UTF8 = [
    b"\xff",
    b"\x80",
    b"caf\xe9",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xe0\x80\x80",
    b"\xed\xa0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"cut \xe2\x82",
]


@pytest.fixture
def ana(guest):
    """An honest client; she must be served as ever when the test is over."""
    ana = guest("ana")
    stream = ana.live("lobby")
    yield ana
    sent = ana.send("lobby", "is anybody there?").sequence
    while stream.message().sequence != sent:
        pass


@pytest.fixture
def raw(server):
    """raw() is a socket to the server."""
    clients = []

    def connect(**options):
        clients.append(RawClient(server.address, **options))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


def field(number, value):
    """A length-delimited field of protobuf's wire format."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value):
    """Protobuf's variable-length integer."""
    out = b""
    while value >= 128:
        out += bytes([value % 128 + 128])
        value //= 128
    return out + bytes([value])


def send_raw(guest, data, path=SEND):
    """A call with these bytes as its message."""
    return call_raw(guest.channel, path, data, guest.metadata())


ROOM, TEXT = field(1, b"lobby"), field(3, b"hello")


# --- messages --------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*NO_UTF8, b"a\0b", b"\0"])
def test_a_text_of_raw_bytes_that_may_not_be(ana, text):
    with refused("INVALID_ARGUMENT", field="text"):
        send_raw(ana, ROOM + field(3, text))


@pytest.mark.parametrize("value", [b"\xff", b"lobby\0", b"lobby\0x"])
def test_every_string_is_looked_at(ana, value):
    for number, name in ((1, "room"), (2, "user"), (4, "request_id")):
        where = ROOM if name == "request_id" else b""
        with refused("INVALID_ARGUMENT", field=name):
            send_raw(ana, where + TEXT + field(number, value))
    attachment = field(7, field(2, value))
    with refused("INVALID_ARGUMENT"):
        send_raw(ana, ROOM + TEXT + attachment)
    with refused("INVALID_ARGUMENT", field="room.topic"):
        topic = field(1, field(1, b"room-x") + field(3, value))
        send_raw(ana, topic, api.method("CreateRoom").path)


def test_text_as_long_as_may_be_is_not_cut(ana):
    text = b"x" * (16 * 1024)
    response = api.SendMessageResponse.FromString(send_raw(ana, ROOM + field(3, text)))
    assert len(response.message.text) == 16 * 1024


@pytest.mark.parametrize(
    "data",
    [
        b"\xff",
        b"\x0a",
        b"\x0a\x05lob",
        b"\x0a\xff\xff\xff\xff\x0f",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01lobby",
        b"\x0e\x0f",
        b"\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x07",
        b"\x0b" * 10_000,
        b"A" * 100_000,
    ],
)
def test_a_message_that_is_no_protobuf(ana, data):
    with refused("INVALID_ARGUMENT", "MALFORMED_REQUEST"):
        send_raw(ana, data)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00",  # field 0
        b"\x0b\x0c",  # groups
        b"\x0c",
        b"\x08\x01",  # a number where a string belongs
        b"\x2a\x00",  # a string where a number belongs
        bytes(range(256)),
    ],
)
def test_a_message_that_readers_may_take_for_protobuf(ana, data):
    with refused("INVALID_ARGUMENT"):
        send_raw(ana, data)


def test_random_messages_to_every_method(ana):
    dice = random.Random(20)
    unary = [m for m in api.methods() if m.name in IMPLEMENTED and not m.server_streaming]
    unary = [m for m in unary if m.name != "SignOut"]
    for method in unary:
        for _ in range(25):
            data = dice.randbytes(dice.choice((1, 3, 20, 200)))
            try:
                send_raw(ana, data, method.path)
            except grpc.RpcError as error:
                assert error.code().name not in ("INTERNAL", "UNKNOWN", "UNAVAILABLE"), method.name


def test_fields_that_nobody_knows_are_skipped(ana):
    unknown = field(1000, b"\xff\0") + varint(1001 << 3) + varint(7) + b"\x85\x7d1234"
    response = api.SendMessageResponse.FromString(send_raw(ana, unknown + ROOM + TEXT))
    assert response.message.text == "hello"


def test_the_last_of_a_field_given_twice_counts(ana):
    data = field(1, b"missing") + field(3, b"\xff") + ROOM + TEXT
    with refused("INVALID_ARGUMENT", field="text"):
        send_raw(ana, data)
    data = field(2, b"someone") + ROOM + field(3, b"other") + TEXT
    response = api.SendMessageResponse.FromString(send_raw(ana, data))
    assert (response.message.room, response.message.text) == ("lobby", "hello")


def test_a_message_too_large(ana):
    with pytest.raises(grpc.RpcError) as caught:
        send_raw(ana, ROOM + field(3, b"x" * 5_000_000))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_no_message_or_two_for_a_unary_method(ana):
    call = ana.channel.stream_unary(SEND)
    before = ana.call("GetRoom", room="lobby").room.last_sequence
    for requests in ([], [ROOM + TEXT] * 2):
        with pytest.raises(grpc.RpcError) as caught:
            call(iter(requests), timeout=DEADLINE, metadata=ana.metadata())
        assert caught.value.code().name in ("UNIMPLEMENTED", "INTERNAL", "INVALID_ARGUMENT")
    assert ana.call("GetRoom", room="lobby").room.last_sequence == before


# --- frames ----------------------------------------------------------------------------------

BAD_FRAMES = {
    # name: (bytes, the errors that RFC 9113 or RFC 7541 name for it)
    "data on no stream": (frame(DATA, 0, 0, b"x"), {PROTOCOL_ERROR}),
    "headers on no stream": (frame(HEADERS, END_HEADERS, 0, b""), {PROTOCOL_ERROR}),
    "an even stream": (frame(HEADERS, 5, 2, call_headers(SEND)), {PROTOCOL_ERROR}),
    "data on an idle stream": (frame(DATA, 0, 7, b"x"), {PROTOCOL_ERROR}),
    "a reset of an idle stream": (frame(RST_STREAM, 0, 7, b"\0\0\0\1"), {PROTOCOL_ERROR}),
    "a window for an idle stream": (frame(WINDOW_UPDATE, 0, 7, b"\0\0\0\1"), {PROTOCOL_ERROR}),
    "a window that grows by nothing": (frame(WINDOW_UPDATE, 0, 0, b"\0" * 4), {PROTOCOL_ERROR}),
    "a window that overflows": (
        frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        {FLOW_CONTROL_ERROR},
    ),
    "a frame too large": (frame(DATA, 0, 1, b"", length=0xFFFFFF), {FRAME_SIZE_ERROR}),
    "settings of odd size": (frame(SETTINGS, 0, 0, b"12345"), {FRAME_SIZE_ERROR}),
    "settings on a stream": (frame(SETTINGS, 0, 1), {PROTOCOL_ERROR}),
    "settings acknowledged with more": (frame(SETTINGS, 1, 0, b"123456"), {FRAME_SIZE_ERROR}),
    "a window too large in settings": (
        frame(SETTINGS, 0, 0, b"\0\4\xff\xff\xff\xff"),
        {FLOW_CONTROL_ERROR},
    ),
    "a frame size out of bounds": (frame(SETTINGS, 0, 0, b"\0\5\0\0\0\1"), {PROTOCOL_ERROR}),
    "a ping of odd size": (frame(PING, 0, 0, b"1234567"), {FRAME_SIZE_ERROR}),
    "a ping on a stream": (frame(PING, 0, 1, b"12345678"), {PROTOCOL_ERROR}),
    "a reset of odd size": (
        frame(HEADERS, END_HEADERS, 1, call_headers(SEND)) + frame(RST_STREAM, 0, 1, b"\0"),
        {FRAME_SIZE_ERROR},
    ),
    "a push from a client": (frame(PUSH_PROMISE, 4, 1, b"\0\0\0\2"), {PROTOCOL_ERROR}),
    "a continuation of nothing": (frame(CONTINUATION, 4, 1, b""), {PROTOCOL_ERROR}),
    "headers interrupted": (
        frame(HEADERS, 0, 1, call_headers(SEND)) + frame(PING, 0, 0, b"12345678"),
        {PROTOCOL_ERROR},
    ),
    "padding longer than the frame": (
        frame(HEADERS, END_HEADERS, 1, call_headers(SEND)) + frame(DATA, PADDED, 1, b"\x09x"),
        {PROTOCOL_ERROR},
    ),
    "headers that are no HPACK": (frame(HEADERS, 5, 1, b"\xff" * 30), {COMPRESSION_ERROR}),
    "an index beyond the table": (frame(HEADERS, 5, 1, b"\xfe"), {COMPRESSION_ERROR}),
    "a table too large": (frame(HEADERS, 5, 1, b"\x3f\xff\xff\xff\x7f"), {COMPRESSION_ERROR}),
    "no settings first": (None, {PROTOCOL_ERROR}),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_frame_that_breaks_the_protocol(ana, raw, name):
    data, errors = BAD_FRAMES[name]
    if data is None:
        client = raw(greet=False)
        client.send(PREFACE + frame(PING, 0, 0, b"12345678"))
    else:
        client = raw()
        client.send(data)
    assert client.goaway() in errors | {None}
    client.hung_up()


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\0" * 1000,
        b"\xff" * 1000,
        PREFACE[:-1] + b"x" + frame(SETTINGS),
        PREFACE.lower() + frame(SETTINGS),
    ],
)
def test_another_protocol(ana, raw, data):
    client = raw(greet=False)
    client.send(data)
    client.socket.shutdown(socket.SHUT_WR)
    client.hung_up()


def test_random_frames(ana, raw):
    dice = random.Random(9113)
    for _ in range(60):
        client = raw()
        client.call(1, STREAM, ana.token, b"")
        for _ in range(20):
            kind, flags = dice.randrange(12), dice.randrange(256)
            stream = dice.choice((0, 1, 1, 3, dice.randrange(1 << 31)))
            client.send(frame(kind, flags, stream, dice.randbytes(dice.randrange(60))))
        client.close(abruptly=dice.random() < 0.5)


# --- calls -----------------------------------------------------------------------------------

# What a client may leave behind when it stops in the middle.
HALVES = {
    "half a preface": PREFACE[:10],
    "a preface alone": PREFACE,
    "half a frame": PREFACE + frame(SETTINGS) + frame(HEADERS, 4, 1, call_headers(SEND))[:20],
    "headers without an end": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, END_STREAM, 1, call_headers(SEND)[:30]),
    "a call without a message": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, END_HEADERS, 1, call_headers(SEND)),
    "half an envelope": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, END_HEADERS, 1, call_headers(SEND))
    + frame(DATA, 0, 1, b"\0\0\0"),
    "half a message": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, END_HEADERS, 1, call_headers(SEND))
    + frame(DATA, 0, 1, envelope(ROOM + TEXT)[:-3]),
    "a message without an end": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, END_HEADERS, 1, call_headers(SEND))
    + frame(DATA, 0, 1, envelope(ROOM + TEXT)),
}


@pytest.mark.parametrize("abruptly", [False, True])
@pytest.mark.parametrize("half", HALVES)
def test_a_client_that_stops_in_the_middle(ana, raw, half, abruptly):
    before = ana.call("GetRoom", room="lobby").room.last_sequence
    for _ in range(5):
        client = raw(greet=False)
        client.send(HALVES[half])
        client.close(abruptly)
    waiting = raw(greet=False)  # and one that stays, and says no more
    waiting.send(HALVES[half])
    assert ana.call("GetRoom", room="lobby").room.last_sequence == before


@pytest.mark.parametrize(
    "body",
    [
        envelope(ROOM + TEXT, length=1000),
        envelope(ROOM + TEXT, length=1),
        envelope(ROOM + TEXT, length=2**32 - 1),
        envelope(ROOM + TEXT, flag=1),
        envelope(ROOM + TEXT, flag=255),
        b"\0\0",
        b"",
        envelope(b"") + b"\0",
        envelope(ROOM + TEXT) * 3,
    ],
)
def test_a_body_that_is_no_message(ana, raw, body):
    before = ana.call("GetRoom", room="lobby").room.last_sequence
    client = raw()
    client.call(1, SEND, ana.token)
    client.send(frame(DATA, END_STREAM, 1, body))
    answer = client.read_until(lambda f: f[2] == 1 and f[0] in (HEADERS, RST_STREAM))
    assert answer is not None, "the connection was cut for one call's sake"
    assert client.ping()
    assert ana.call("GetRoom", room="lobby").room.last_sequence == before


def test_a_call_reset_in_the_middle(ana, raw):
    client = raw()
    for stream in range(1, 400, 2):
        client.call(stream, SEND, ana.token)
        client.send(frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))
    client.ping()


def test_headers_that_are_too_much(ana, raw):
    client = raw()
    client.call(1, SEND, ana.token, x_large="x" * 12_000)
    client.read_until(lambda f: f[2] == 1)
    client = raw()
    block = call_headers(SEND, x_large="x" * 10_000)
    client.send(frame(HEADERS, 0, 1, block))
    for _ in range(100):
        client.send(frame(CONTINUATION, 0, 1, block))
    client.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"grpc_timeout": "soon"},
        {"grpc_timeout": "99999999999999H"},
        {"grpc_timeout": "-1S"},
        {"grpc_timeout": "1"},
        {"grpc_encoding": "made-up"},
        {"x_bin": "!!!"},
        {"authorization_bin": "%%%"},
    ],
)
def test_odd_headers(ana, raw, headers):
    client = raw()
    client.call(1, SIGN_IN, message=b"\xff", **headers)
    assert client.read_until(lambda f: f[2] == 1) is not None
    assert client.ping()


@pytest.mark.parametrize("window", [b"\0\0\0\0", b"\x7f\xff\xff\xff"])
def test_a_client_that_never_reads(ana, guest, fresh, raw, window):
    writer, reader = guest("writer"), guest("reader")
    room = fresh("room")
    writer.create(room)
    reader.join(room)
    request = api.StreamMessagesRequest(rooms=[room]).SerializeToString()
    client = raw(greet=False)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.send(PREFACE + frame(SETTINGS, 0, 0, b"\0\4" + window))
    client.send(frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\0\0"))
    for stream in range(1, 20, 2):
        client.call(stream, STREAM, reader.token, request)
    eventually(lambda: writer.user(reader.name).online)
    live = reader.live(room)
    wanted = [f"{i}" + "x" * 16_000 for i in range(200)]
    for call in [writer.begin_send(room, text) for text in wanted]:
        call.result()
    assert live.texts(200) == wanted
    client.close(abruptly=True)


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_a_window_of_a_few_bytes(ana, guest, fresh, raw, step):
    """Messages are cut where the window ends, and go on when it grows."""
    writer = guest("writer")
    room = fresh("room")
    writer.create(room)
    texts = [f"message {i} " + "x" * (20 * i) for i in range(6)]
    for text in texts:
        writer.send(room, text)
    request = api.StreamMessagesRequest(rooms=[room], start=api.STREAM_START_BEGINNING)
    client = raw(greet=False)
    client.send(PREFACE + frame(SETTINGS, 0, 0, b"\0\4" + step.to_bytes(4, "big")))
    client.call(1, STREAM, writer.token, request.SerializeToString())
    body, found = b"", []
    while found != texts:
        kind, _flags, stream, payload = client.read_until(lambda f: f[0] == DATA)
        assert (kind, stream) == (DATA, 1) and len(payload) <= step
        body += payload
        client.send(frame(WINDOW_UPDATE, 0, 1, len(payload).to_bytes(4, "big")))
        client.send(frame(WINDOW_UPDATE, 0, 0, len(payload).to_bytes(4, "big")))
        while len(body) >= 5 and len(body) >= 5 + int.from_bytes(body[1:5], "big"):
            size = 5 + int.from_bytes(body[1:5], "big")
            item = api.StreamMessagesResponse.FromString(body[5:size])
            found += texts_of(events_of([item]))
            body = body[size:]


def test_as_many_calls_as_one_likes_in_one_write(ana, raw):
    """More than the server allows at once: each is answered, or refused before it did anything."""
    before = ana.call("GetRoom", room="lobby").room.last_sequence
    client = raw()
    block = call_headers(SEND, ana.token)
    body = envelope(ROOM + TEXT)
    streams = range(1, 6001, 2)
    client.send(
        b"".join(
            frame(HEADERS, END_HEADERS, stream, block) + frame(DATA, END_STREAM, stream, body)
            for stream in streams
        )
    )
    sent, refused_ones, hung_up = 0, 0, False
    while sent + refused_ones < len(streams) and not hung_up:
        found = client.read_frame()
        if found is None:
            hung_up = True
        elif found[0] == DATA:
            sent += 1
            client.send(frame(WINDOW_UPDATE, 0, 0, max(1, len(found[3])).to_bytes(4, "big")))
        elif found[0] == RST_STREAM and found[3] == b"\0\0\0\7":
            refused_ones += 1
    after = ana.call("GetRoom", room="lobby").room.last_sequence
    assert sent > 0
    assert after - before == sent or hung_up


def test_many_that_do_nothing(ana, raw):
    idle = [raw(greet=index % 2 == 0) for index in range(100)]
    ana.send("lobby", "still there?")
    for client in idle[::2]:
        assert client.ping()


def test_pings_are_answered(raw):
    client = raw()
    for _ in range(2):
        assert client.ping()


def test_frames_that_are_merely_odd(ana, raw):
    client = raw()
    client.send(frame(PRIORITY, 0, 1, b"\0\0\0\0\x10"))
    client.send(frame(0xFA, 0xFF, 0x7FFFFFFF, b"unknown kinds are skipped"))
    client.send(frame(SETTINGS, 0, 0, b"\xff\xff\0\0\0\1"))
    client.call(1, SEND, ana.token, ROOM + TEXT)
    answer = client.read_until(lambda f: f[2] == 1 and f[0] == DATA)
    response = api.SendMessageResponse.FromString(answer[3][5:])
    assert response.message.text == "hello"

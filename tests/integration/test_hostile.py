"""Peers that mean harm: what they cost the server in memory, and that others are served.

The bounds are those of docs/LIMITS.md, times the number of peers. Where a limit is a time, it is
set short; deadlines only catch what hangs. Nothing here waits for time to pass by itself.
"""

import contextlib
import http.client
import json
import socket
import ssl
import struct
import zlib

import grpc
import pytest

from support.certificates import Authority
from support.client import Guest
from support.contract import api
from support.deadline import DEADLINE
from support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    call_headers,
    envelope,
    frame,
    literal,
)
from support.memory import KIB, MIB, costs_at_most

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
SIGN_IN = "/parla.v1.SessionService/SignInAsGuest"
ENHANCE_YOUR_CALM = 0xB  # RFC 9113, section 7
NO_WINDOW = frame(SETTINGS, payload=b"\0\4\0\0\0\0")

# What docs/LIMITS.md gives one connection, beside what is named in a test.
CONTROL_FRAMES = 2 * MIB
UNSENT = 256 * KIB
ANSWERS = 16 * MIB


@pytest.fixture(name="hostile")
def _hostile():
    """hostile(server, n) are n peers, which are gone when the test is over."""
    clients = []

    def connect(server, count, **options):
        new = [RawClient(server.address, **options) for _ in range(count)]
        clients.extend(new)
        return new

    yield connect
    for client in clients:
        client.close()


@pytest.fixture(name="serve")
def _serve(parlad, sign_in):
    """A server with these limits, and someone who is served before and after."""
    people = []

    def start(**limits):
        server = parlad(limits=limits, loops=1)
        ana = sign_in(server, "ana")
        ana.create("quiet")
        people.append((server, ana, ana.live("quiet")))
        return server, ana

    yield start
    for server, ana, stream in people:
        ana.send("quiet", "still here?")
        assert stream.texts(1) == ["still here?"]
        late = sign_in(server, "late")
        assert late.user().user == "late"
        server.check()


def setting(window):
    """SETTINGS with that INITIAL_WINDOW_SIZE."""
    return frame(SETTINGS, payload=struct.pack(">HI", 4, window))


def blast(client, data, times):
    """Sends that over and over without reading, until the server has had enough of it. Returns
    the error it named, where its last word was not lost with what it had not read."""
    client.socket.settimeout(DEADLINE)
    try:
        for _ in range(times):
            client.socket.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return client.goaway()


# --- slow ------------------------------------------------------------------------------------


# A field's value of 32 KiB begins, and of 8 KiB.
HALF_HEADERS = {
    "HTTP/2": PREFACE
    + frame(SETTINGS)
    + frame(HEADERS, 0, 1, call_headers(CHECK) + b"\0\1x\x7f\x80\xff\x01")
    + frame(CONTINUATION, 0, 1, bytes(16384)),
    "HTTP/1.1": b"GET /healthz HTTP/1.1\r\nhost: test\r\nx: " + 7000 * b"x",
}


@pytest.mark.parametrize("version", HALF_HEADERS)
def test_headers_that_never_end(serve, hostile, version):
    server, ana = serve(headers_ms=1000)
    with costs_at_most(server, 200 * 64 * KIB):
        clients = hostile(server, 200, greet=False)
        for client in clients:
            client.send(HALF_HEADERS[version])
        assert ana.user().user == "ana"
        for client in clients:
            client.socket.settimeout(DEADLINE)
            with contextlib.suppress(ConnectionResetError):
                while client.socket.recv(65536):
                    pass


def test_bodies_that_never_end(serve, hostile):
    server, ana = serve(held_size=2 * MIB, message_size=MIB, request_ms=3000)
    with costs_at_most(server, 10 * (2 * 2 * MIB + UNSENT)):
        clients = hostile(server, 10)
        for client in clients:
            for stream in range(1, 201, 2):  # 100 × 48 KiB of messages of 60 KiB
                client.call(stream, CHECK)
                part = envelope(bytes(16379), length=60 * KIB)
                client.send(frame(DATA, 0, stream, part))
                client.send(2 * frame(DATA, 0, stream, bytes(16384)))
        assert ana.user().user == "ana"
        for client in clients:
            ended = set()
            while len(ended) < 100:
                found = client.read_until(lambda f: f[0] == HEADERS and f[1] & END_STREAM)
                ended.add(found[2])
            assert client.ping()


def test_large_messages_wait_for_their_turn(serve, hostile):
    server, ana = serve(held_size=4 * MIB, request_ms=3000)
    with costs_at_most(server, 10 * (2 * 4 * MIB + UNSENT)):
        clients = hostile(server, 10)
        for client in clients:
            for stream in range(1, 201, 2):  # each says 4 MiB, and fills its window
                client.call(stream, CHECK)
                part = envelope(bytes(16379), length=4 * MIB - 1)
                client.send(frame(DATA, 0, stream, part))
                client.send(2 * frame(DATA, 0, stream, bytes(16384)))
        assert ana.user().user == "ana"
        for client in clients:
            assert client.ping()


def test_chunks_by_the_byte(serve, hostile):
    server, ana = serve(request_ms=2000)
    head = (
        f"POST {SIGN_IN} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
        "transfer-encoding: chunked\r\n\r\n"
    ).encode()
    with costs_at_most(server, 300 * 64 * KIB):
        clients = hostile(server, 300, greet=False)
        for client in clients:
            client.send(head)
        for _ in range(20):
            for client in clients:
                client.send(b"1\r\n \r\n")
        assert ana.user().user == "ana"
        for client in clients:
            assert client.socket.recv(12) in (b"HTTP/1.1 408", b"HTTP/1.1 504")


# --- never reading ---------------------------------------------------------------------------


def test_answers_that_nobody_reads(serve, hostile):
    server, ana = serve()
    for call in [ana.begin_send("lobby", "x" * 16000) for _ in range(70)]:
        call.result()
    request = api.ListMessagesRequest(room="lobby", page_size=1000).SerializeToString()
    path = api.method("ListMessages").path
    with costs_at_most(server, 4 * (ANSWERS + 4 * MIB)):  # and a few that are being made
        for client in hostile(server, 4):
            client.send(NO_WINDOW)
            for i in range(60):  # pages of 1 MiB
                client.call(2 * i + 1, path, ana.token, request)
            for _ in range(40):
                assert client.read_until(lambda f: f[0] == HEADERS and f[1] & END_STREAM)
        assert ana.user().user == "ana"


def test_streams_that_nobody_reads(serve, hostile):
    server, ana = serve(tails_size=MIB)
    request = api.StreamMessagesRequest(rooms=["lobby"]).SerializeToString()
    path = api.method("StreamMessages").path
    (client,) = hostile(server, 1)
    client.send(NO_WINDOW)
    for i in range(900):
        client.call(2 * i + 1, path, ana.token, request)
    assert client.ping()
    # Each stream may have what was read for it, once; the messages there are only once.
    with costs_at_most(server, 900 * 32 * KIB):
        for call in [ana.begin_send("lobby", "x" * 8000) for _ in range(500)]:
            call.result()
        assert client.ping()


def send_until_full(client, ana, data):
    """Sends that over and over, until the server takes no more of it though it has had its turn.
    Returns how many bytes of it went out."""
    client.socket.setblocking(False)
    sent, refused = 0, 0
    while refused < 3:
        try:
            sent += client.socket.send(data[sent % len(data) :])
            refused = 0
        except BlockingIOError:
            assert ana.user().user == "ana"
            refused += 1
    return sent


def test_requests_by_the_dozen_whose_answers_nobody_reads(serve, hostile):
    """HTTP/1.1: the server stops reading, and goes on where the client does."""
    server, ana = serve()
    request = b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"
    with costs_at_most(server, 4 * MIB):
        (client,) = hostile(server, 1, greet=False)
        sent = send_until_full(client, ana, 1000 * request)
        client.socket.setblocking(True)
        client.socket.settimeout(DEADLINE)
        answers = client.socket.makefile("rb")
        for _ in range(sent // len(request)):
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline() != b"ok\n":
                pass


# --- floods ----------------------------------------------------------------------------------

RESET = b"".join(
    frame(HEADERS, END_HEADERS, stream, call_headers(WATCH))
    + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
    for stream in range(3, 8003, 2)
)

# What is sent at a time, and how often: each is far more than may be.
FLOODS = {
    "resets": (RESET, 1),
    "pings": (1000 * frame(PING, payload=bytes(8)), 100),
    "settings": (1000 * setting(65535), 100),
    "empty DATA": (1000 * frame(DATA, 0, 1), 100),
    "PRIORITY": (1000 * frame(PRIORITY, 0, 1, b"\0\0\0\0\1"), 100),
    "unknown types": (1000 * frame(0x77, 0, 1, b"x"), 100),
    "window updates": (1000 * frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1"), 100),
    "CONTINUATION": (frame(HEADERS, 0, 3, call_headers(CHECK)) + 1000 * frame(CONTINUATION, 0, 3), 1),
}


@pytest.mark.parametrize("name", FLOODS)
def test_floods(serve, hostile, name):
    server, ana = serve()
    data, times = FLOODS[name]
    with costs_at_most(server, 20 * UNSENT):
        for client in hostile(server, 20):
            client.call(1, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
            assert blast(client, data, times) in (ENHANCE_YOUR_CALM, None)
            client.hung_up()
        assert ana.user().user == "ana"


def test_frames_that_wait_for_a_peer_that_does_not_read(serve, hostile):
    """Each call is answered at once, and the answer is a frame that waits: until there are too
    many, where the kernel has not taken them all."""
    server, ana = serve(resets=1000 * 1000)
    last = 80001
    calls = b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, stream, call_headers("/no.such/Call"))
        for stream in range(1, last + 1, 2)
    )
    with costs_at_most(server, 4 * (CONTROL_FRAMES + 1000 * 2 * KIB)):
        for client in hostile(server, 4):
            client.send(calls)
            found = client.read_until(lambda f: f[0] == GOAWAY or f[2] == last)
            if found is not None and found[0] == GOAWAY:
                assert int.from_bytes(found[3][4:8], "big") == ENHANCE_YOUR_CALM
        assert ana.user().user == "ana"


# --- bombs -----------------------------------------------------------------------------------


def test_one_large_field_named_again_and_again(serve, hostile):
    """HPACK: a byte of the frame is 4 KiB of headers."""
    server, ana = serve()
    large = b"\x40" + literal("x" * 100, "y" * 3900)[1:]  # enters the table
    with costs_at_most(server, 10 * UNSENT):
        for client in hostile(server, 10):
            for i in range(20):
                block = call_headers(CHECK) + (large if i == 0 else b"") + 10000 * b"\xbe"
                client.send(frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, block))
            for i in range(20):
                found = client.read_until(lambda f: f[0] == RST_STREAM)
                assert found[2:] == (2 * i + 1, ENHANCE_YOUR_CALM.to_bytes(4, "big"))
            assert client.ping()
        assert ana.user().user == "ana"


@pytest.fixture(scope="module", name="bomb")
def _bomb():
    """256 MiB of zeros, in gzip: some 256 KiB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(bytes(MIB)) for _ in range(256)]) + packer.flush()


def test_compressed_messages_that_grow(serve, hostile, bomb):
    server, ana = serve(converted_size=4 * MIB)
    with costs_at_most(server, 3 * 4 * MIB):
        for client in hostile(server, 10):
            client.call(1, CHECK, grpc_encoding="gzip")
            body = envelope(bomb, flag=1)
            for at in range(0, len(body), 16384):
                client.send(frame(DATA, 0, 1, body[at : at + 16384]))
                if at == 0:  # it says how long it is, and gets a window for that
                    assert client.read_until(lambda f: f[:3:2] == (WINDOW_UPDATE, 1)) is not None
            client.send(frame(DATA, END_STREAM, 1))
            found = client.read_until(lambda f: f[0] == HEADERS and f[2] == 1)
            assert found[1] & END_STREAM
            assert client.ping()
        assert ana.user().user == "ana"


def post(server, body, **headers):
    """A call in HTTP/1.1: status and code."""
    web = http.client.HTTPConnection(server.address, timeout=DEADLINE)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    web.request("POST", SIGN_IN, body, {"content-type": "application/json", **headers})
    response = web.getresponse()
    return response.status, json.loads(response.read())["code"]


def test_compressed_bodies_that_grow(serve, bomb):
    server, ana = serve(converted_size=4 * MIB)
    with costs_at_most(server, 3 * 4 * MIB):
        for _ in range(5):
            assert post(server, bomb, content_encoding="gzip") == (429, "resource_exhausted")
        assert ana.user().user == "ana"


NESTED = {
    "arrays": 4 * MIB * b"[",
    "objects": 700_000 * b'{"a":',
    "closed": 2 * MIB * b"[" + 2 * MIB * b"]",
    "many values": b'{"user":[' + 2 * MIB * b"1," + b"1]}",
    "many empty arrays": b'{"user":[' + (MIB + 300_000) * b"[]," + b"[]]}",
    "many members": b"{" + b",".join(b'"%d":1' % i for i in range(350_000)) + b"}",
    "one long name": b'{"' + 4_000_000 * b"x" + b'":1}',
    "one long text": b'{"user":"' + 4_000_000 * b"x" + b'"}',
    "one long number": b'{"user":' + 4_000_000 * b"9" + b"}",
    "escapes": b'{"user":"' + 690_000 * b"\\u0061" + b'"}',
}


@pytest.mark.parametrize("name", NESTED)
def test_json_that_is_large_when_read(serve, name):
    server, ana = serve(converted_size=4 * MIB)
    with costs_at_most(server, 5 * 4 * MIB):
        for _ in range(3):
            status, _ = post(server, NESTED[name])
            assert status in (400, 429)
        assert ana.user().user == "ana"


# --- TLS -------------------------------------------------------------------------------------


def client_hello():
    """The first bytes of a handshake."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize("part", ["half a hello", "a hello"])
def test_handshakes_that_stop_midway(parlad, hostile, tmp_path, part):
    authority = Authority(tmp_path)
    pair = authority.issue()
    limits = {"handshake_ms": 3000, "peer_connections": 2000}
    server = parlad(tls_cert=pair.cert, tls_key=pair.key, limits=limits, loops=1)
    credentials = grpc.ssl_channel_credentials(authority.roots)
    ana = Guest(server.address, "ana", credentials=credentials)
    hello = client_hello() if part == "a hello" else client_hello()[:100]
    with costs_at_most(server, 1000 * 64 * KIB):
        clients = hostile(server, 1000, greet=False)
        for client in clients:
            client.send(hello)
        assert ana.user().user == "ana"
        late = Guest(server.address, "late", credentials=credentials)
        assert late.user().user == "late"
        for client in clients:  # the server may have answered the hello before it hangs up
            client.socket.settimeout(DEADLINE)
            with contextlib.suppress(ConnectionResetError):
                while client.socket.recv(65536):
                    pass
    assert ana.user().user == "ana"
    ana.close()
    late.close()

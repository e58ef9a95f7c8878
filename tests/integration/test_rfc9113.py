"""What RFC 9113 names for bytes that break it: on a real socket, in the clear and over TLS.

One case or so for each section; all the cases are in tests/unit/rpc/test_rfc9113*.c.
"""

import ssl

import pytest

from support.certificates import Authority
from support.http2 import (
    ACK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW_UPDATE,
    RawClient,
    call_headers,
    envelope,
    frame,
    literal,
)
from support.server import Parlad

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
SERVING = b"\x08\x01"
ENHANCE_YOUR_CALM = 0xB  # RFC 9113, section 7

BLOCK = call_headers(CHECK)
ALONE = END_HEADERS | END_STREAM

# The bytes, on a connection whose stream 1 is open: it watches; and the error of the connection.
CONNECTION_ERRORS = {
    "4.2 a frame over the maximum": (frame(DATA, 0, 1, bytes(16385)), FRAME_SIZE_ERROR),
    "4.2 CONTINUATION over the maximum": (
        frame(HEADERS, 0, 3, BLOCK) + frame(CONTINUATION, 0, 3, bytes(16385)),
        FRAME_SIZE_ERROR,
    ),
    "4.3 an index beyond the tables": (frame(HEADERS, ALONE, 3, b"\xfe"), COMPRESSION_ERROR),
    "4.3 a field block interrupted": (
        frame(HEADERS, 0, 3, BLOCK) + frame(PING, payload=bytes(8)),
        PROTOCOL_ERROR,
    ),
    "5.1 DATA for an idle stream": (frame(DATA, 0, 5, b"x"), PROTOCOL_ERROR),
    "5.1 DATA for a half-closed stream": (frame(DATA, 0, 1, b"x"), STREAM_CLOSED),
    "5.1.1 an even stream": (frame(HEADERS, ALONE, 2, BLOCK), PROTOCOL_ERROR),
    "5.1.1 a stream that was passed over": (
        frame(HEADERS, END_HEADERS, 9, BLOCK) + frame(HEADERS, END_HEADERS, 7, BLOCK),
        PROTOCOL_ERROR,
    ),
    "5.3 a stream that depends on itself": (
        frame(PRIORITY, 0, 3, b"\0\0\0\3\1"),
        PROTOCOL_ERROR,
    ),
    "6.1 padding longer than DATA": (
        frame(HEADERS, END_HEADERS, 3, BLOCK) + frame(DATA, PADDED, 3, b"\x09x"),
        PROTOCOL_ERROR,
    ),
    "6.2 HEADERS for no stream": (frame(HEADERS, ALONE, 0, BLOCK), PROTOCOL_ERROR),
    "6.3 PRIORITY too short": (frame(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    "6.4 RST_STREAM for an idle stream": (frame(RST_STREAM, 0, 5, bytes(4)), PROTOCOL_ERROR),
    "6.5 an acknowledgement with settings": (
        frame(SETTINGS, ACK, 0, b"\0\3\0\0\0\1"),
        FRAME_SIZE_ERROR,
    ),
    "6.5.2 a window too large": (
        frame(SETTINGS, 0, 0, b"\0\4\x80\0\0\0"),
        FLOW_CONTROL_ERROR,
    ),
    "6.6 PUSH_PROMISE of a client": (
        frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\2" + BLOCK),
        PROTOCOL_ERROR,
    ),
    "6.7 PING for a stream": (frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "6.8 GOAWAY for a stream": (frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "6.9 a window that grows by nothing": (frame(WINDOW_UPDATE, 0, 0, bytes(4)), PROTOCOL_ERROR),
    "6.9.1 the connection's window too large": (
        frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff"),
        FLOW_CONTROL_ERROR,
    ),
    "6.10 CONTINUATION of nothing": (
        frame(CONTINUATION, END_HEADERS, 1, b"\x82"),
        PROTOCOL_ERROR,
    ),
    "10.5 CONTINUATION without an end": (
        frame(HEADERS, 0, 3, BLOCK) + 100 * frame(CONTINUATION, 0, 3),
        ENHANCE_YOUR_CALM,
    ),
}

# The same, and the error of stream 3.
STREAM_ERRORS = {
    "6.9.1 a stream's window too large": (
        frame(HEADERS, END_HEADERS, 3, BLOCK)
        + frame(WINDOW_UPDATE, 0, 3, b"\x7f\xff\xff\xff"),
        FLOW_CONTROL_ERROR,
    ),
    "8.1 HEADERS amid a request": (
        frame(HEADERS, END_HEADERS, 3, BLOCK) + frame(HEADERS, END_HEADERS, 3, literal("a", "b")),
        PROTOCOL_ERROR,
    ),
    "8.1.1 content-length and less": (
        frame(HEADERS, END_HEADERS, 3, BLOCK + literal("content-length", "6"))
        + frame(DATA, END_STREAM, 3, envelope(b"")),
        PROTOCOL_ERROR,
    ),
    "8.2.1 upper case in a name": (
        frame(HEADERS, ALONE, 3, BLOCK + literal("Upper", "x")),
        PROTOCOL_ERROR,
    ),
    "8.2.2 a field of the connection": (
        frame(HEADERS, ALONE, 3, BLOCK + literal("connection", "close")),
        PROTOCOL_ERROR,
    ),
    "8.3 a pseudo-header field after others": (
        frame(HEADERS, ALONE, 3, BLOCK + literal(":path", "/")),
        PROTOCOL_ERROR,
    ),
    "8.3.1 host is not :authority": (
        frame(HEADERS, ALONE, 3, BLOCK + literal("host", "other")),
        PROTOCOL_ERROR,
    ),
    "8.5 CONNECT with a path": (
        frame(HEADERS, ALONE, 3, literal(":method", "CONNECT") + literal(":path", "/")),
        PROTOCOL_ERROR,
    ),
}

# What is no error.
IGNORED = {
    "4.1 flags that are not known": frame(PING, 0xFE, 0, bytes(8)),
    "5.1 frames for a closed stream": (
        frame(HEADERS, END_HEADERS, 3, BLOCK)
        + frame(RST_STREAM, 0, 3, b"\0\0\0\x08")
        + frame(DATA, 0, 3, b"x")
        + frame(WINDOW_UPDATE, 0, 3, b"\0\0\0\1")
    ),
    "5.5 types that are not known": frame(0x77, 0xFF, 1, b"x") + frame(0xFF, 0, 0, bytes(16384)),
    "6.5.2 settings that are not known": frame(SETTINGS, 0, 0, b"\xf0\xf0\0\0\0\1"),
}


@pytest.fixture(scope="module", name="routes")
def _routes(tmp_path_factory):
    """Servers in the clear and over TLS, and how to reach them."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    pair = authority.issue()
    context = ssl.create_default_context(cadata=authority.roots.decode())
    context.set_alpn_protocols(["h2"])
    plain = Parlad(tmp_path_factory.mktemp("plain"))
    secured = Parlad(tmp_path_factory.mktemp("tls"), tls_cert=pair.cert, tls_key=pair.key)
    yield {"h2c": (plain, None), "TLS": (secured, context)}
    plain.finish()
    secured.finish()


@pytest.fixture(name="dial", params=["h2c", "TLS"])
def _dial(request, routes):
    """dial() is a connection to the server, which is seen to be well when the test is over."""
    server, context = routes[request.param]
    clients = []

    def dial(**options):
        clients.append(RawClient(server.address, context=context, **options))
        return clients[-1]

    yield dial
    check(dial(), 1)
    for client in clients:
        client.close()
    server.check()


def check(client, stream):
    """A call on that stream is served."""
    client.call(stream, CHECK, message=b"")
    found = client.read_until(lambda f: f[2] == stream and f[0] in (DATA, RST_STREAM))
    assert found is not None and found[0] == DATA
    assert found[3] == envelope(SERVING)


def watching(dial):
    """A connection whose stream 1 watches the server's health."""
    client = dial()
    client.call(1, WATCH, message=b"")
    found = client.read_until(lambda f: f[2] == 1 and f[0] == DATA)
    assert found[3] == envelope(SERVING)
    return client


@pytest.mark.parametrize("name", CONNECTION_ERRORS)
def test_the_connection_ends(dial, name):
    data, error = CONNECTION_ERRORS[name]
    client = watching(dial)
    client.send(data)
    assert client.goaway() == error
    client.hung_up()


@pytest.mark.parametrize("name", STREAM_ERRORS)
def test_the_stream_ends(dial, name):
    data, error = STREAM_ERRORS[name]
    client = watching(dial)
    client.send(data)
    found = client.read_until(lambda f: f[0] == RST_STREAM)
    assert (found[2], int.from_bytes(found[3], "big")) == (3, error)
    check(client, 5)
    assert client.ping()


@pytest.mark.parametrize("name", IGNORED)
def test_nothing_ends(dial, name):
    client = watching(dial)
    client.send(IGNORED[name])
    check(client, 5)


@pytest.mark.parametrize(
    "data",
    [
        PREFACE + frame(PING, payload=bytes(8)),
        PREFACE + frame(SETTINGS, ACK),
        PREFACE + PREFACE,
    ],
)
def test_a_preface_without_settings(dial, data):
    client = dial(greet=False)
    client.send(data)
    assert client.goaway() == PROTOCOL_ERROR
    client.hung_up()

"""The bytes that attacks are made of, over HTTP/2 and HTTP/1.1."""

import base64
import contextlib
import ssl
import zlib

from support.contract import api
from support.http2 import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    call_headers,
    envelope,
    frame,
)

KIB, MIB = 1 << 10, 1 << 20

CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
SIGN_IN = "/parla.v1.SessionService/SignInAsGuest"

GREETING = PREFACE + frame(SETTINGS)
WIDE = frame(WINDOW_UPDATE, 0, 0, (0x7FFE0000).to_bytes(4, "big"))


def window_of(size):
    """SETTINGS with that INITIAL_WINDOW_SIZE."""
    return frame(SETTINGS, payload=b"\0\4" + size.to_bytes(4, "big"))


def begin(path, stream, token="", **extra):
    """HEADERS of a call."""
    return frame(HEADERS, END_HEADERS, stream, call_headers(path, token, **extra))


def call(path, stream, message=b"", token="", flag=0, **extra):
    """A whole call of one message."""
    body = envelope(message, flag=flag)
    parts = [body[at : at + 16384] for at in range(0, len(body), 16384)]
    out = begin(path, stream, token, **extra)
    for part in parts[:-1]:
        out += frame(DATA, 0, stream, part)
    return out + frame(DATA, END_STREAM, stream, parts[-1])


def calls(count, name, token="", **fields):
    """So many calls of a method of the chat, on streams 1, 3, …"""
    method = api.method(name)
    message = method.request(**fields).SerializeToString()
    return b"".join(call(method.path, 2 * i + 1, message, token) for i in range(count))


def checks(count, **extra):
    """So many calls of health's Check."""
    return b"".join(call(CHECK, 2 * i + 1, **extra) for i in range(count))


def streams(count, token, rooms, start):
    """So many streams of events."""
    return calls(count, "StreamMessages", token, rooms=rooms, start=start)


def resets(count):
    """Rapid reset: calls that end as they begin."""
    cancel = (8).to_bytes(4, "big")
    return b"".join(
        begin(WATCH, stream) + frame(RST_STREAM, 0, stream, cancel)
        for stream in range(1, 2 * count, 2)
    )


def broken_calls(count):
    """Calls that have themselves reset: each sends to a window of 0."""
    zero = frame(WINDOW_UPDATE, 0, 1, bytes(4))
    return b"".join(
        begin(WATCH, stream) + zero[:5] + stream.to_bytes(4, "big") + zero[9:]
        for stream in range(1, 2 * count, 2)
    )


PINGS = 1000 * frame(PING, payload=bytes(8))
SETTINGS_FRAMES = 1000 * frame(SETTINGS)
EMPTY_DATA = 1000 * frame(DATA, 0, 1)
PRIORITIES = 1000 * frame(PRIORITY, 0, 1, b"\0\0\0\0\1")
UNKNOWN = 1000 * frame(0x77, 0, 1, b"x")
WINDOW_UPDATES = 1000 * frame(WINDOW_UPDATE, 0, 1, b"\0\0\0\1")
EMPTY_CONTINUATIONS = frame(HEADERS, 0, 1, call_headers(CHECK)) + 1000 * frame(CONTINUATION, 0, 1)
EMPTY_HEADERS = b"".join(frame(HEADERS, END_HEADERS, i, b"") for i in range(1, 2001, 2))


def half_headers():
    """A field's value of 7 KiB begins, in a CONTINUATION that does not end."""
    head = call_headers(CHECK) + b"\0\1x\x7f\x81\x36"
    return frame(HEADERS, 0, 1, head) + frame(CONTINUATION, 0, 1, length=7000)[:9]


def half_bodies(count, size, length, **extra):
    """Calls whose messages begin and do not end; the last one ends in the midst of a frame."""
    out = b""
    for stream in range(1, 2 * count, 2):
        out += begin(CHECK, stream, **extra)
        flag = 1 if extra else 0
        out += frame(DATA, 0, stream, envelope(bytes(size - 5), flag=flag, length=length))
    return out + frame(DATA, 0, 2 * count - 1, length=8000)[:9]


def indexed_bomb(count):
    """HPACK: a field of 3.9 KiB is named again and again, a byte each time."""
    name, value = b"x" * 100, b"y" * 3700
    field = b"\x40" + bytes([len(name)]) + name + b"\x7f\xf5\x1b" + value
    blocks = [call_headers(CHECK) + (field if i == 0 else b"") + 10000 * b"\xbe" for i in range(count)]
    return b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, block) for i, block in enumerate(blocks)
    )


def many_fields(count, size=8 * KIB):
    """Calls with as many small fields as go into `size`, with 32 bytes counted for each."""
    fields = {f"x_{i:03}": "y" for i in range((size - 400) // (32 + 6))}
    return b"".join(
        frame(HEADERS, END_HEADERS | END_STREAM, 2 * i + 1, call_headers(CHECK, **fields))
        for i in range(count)
    )


def large_fields(count, size):
    """Calls with one large field."""
    value = "y" * (size - 500)
    out = b""
    for stream in range(1, 2 * count, 2):
        block = call_headers(CHECK, x=value)
        parts = [block[at : at + 16384] for at in range(0, len(block), 16384)]
        for i, part in enumerate(parts):
            last = END_HEADERS if i == len(parts) - 1 else 0
            kind = HEADERS if i == 0 else CONTINUATION
            out += frame(kind, last | (END_STREAM if i == 0 else 0), stream, part)
    return out


def zeros(size):
    """So many of them, in gzip: a thousandth of that."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(bytes(size)) + packer.flush()


def gzip_bombs(count, size):
    """Calls whose messages grow a thousandfold."""
    return b"".join(
        call(CHECK, 2 * i + 1, zeros(size), flag=1, grpc_encoding="gzip") for i in range(count)
    )


def posts(count, path, body, token="", **headers):
    """Requests of HTTP/1.1, one behind the other, with a body of JSON."""
    lines = [f"POST {path} HTTP/1.1", "host: test", "content-type: application/json"]
    lines += [f"content-length: {len(body)}"]
    if token:
        lines.append(f"authorization: Bearer {token}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return count * (("\r\n".join(lines) + "\r\n\r\n").encode() + body)


def random_websocket():
    """A handshake of WebSocket, which nobody here speaks."""
    key = base64.b64encode(bytes(16)).decode()
    lines = ["GET /chat HTTP/1.1", "host: test", "upgrade: websocket", "connection: Upgrade"]
    lines += [f"sec-websocket-key: {key}", "sec-websocket-version: 13"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def client_hello():
    """The first bytes of a handshake of TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2"])
    tls = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()

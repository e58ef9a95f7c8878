"""HTTP/2 by hand, for a client that breaks the rules: frames out, frames in, nothing checked.

Headers go out as HPACK literals without indexing; what comes in is not decoded.
"""

import socket
import ssl
import struct
import time

from support.deadline import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8

# RFC 9113, section 7.
PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED = 0x1, 0x3, 0x5
FRAME_SIZE_ERROR, COMPRESSION_ERROR = 0x6, 0x9


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """A frame's bytes; `length` may lie."""
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header field that enters no table (RFC 7541, section 6.2.2)."""
    name, value = name.encode(), value.encode()
    return b"\x00" + _length(name) + name + _length(value) + value


def _length(data):
    size = len(data)
    if size < 127:
        return bytes([size])
    out = [127]
    size -= 127
    while size >= 128:
        out.append(size % 128 + 128)
        size //= 128
    return bytes([*out, size])


def call_headers(path, token="", **extra):
    """The header block of a gRPC call."""
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test")]
    fields += [("content-type", "application/grpc"), ("te", "trailers")]
    if token:
        fields.append(("authorization", f"Bearer {token}"))
    fields += [(name.replace("_", "-"), value) for name, value in extra.items()]
    return b"".join(literal(name, value) for name, value in fields)


def envelope(message, flag=0, length=None):
    """A message as gRPC frames it; `length` may lie."""
    return struct.pack(">BI", flag, len(message) if length is None else length) + message


class RawClient:
    """A socket to the server; with a context of ssl, over TLS."""

    def __init__(self, address, greet=True, context=None):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host.strip("[]"), int(port)), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self._buffer = b""
        if greet:
            self.send(PREFACE + frame(SETTINGS))

    def send(self, data):
        """Sends bytes. A server that has hung up is no error here."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            pass

    def call(self, stream, path, token="", message=None, **extra):
        """Begins a call, and sends its one message if there is one."""
        self.send(frame(HEADERS, END_HEADERS, stream, call_headers(path, token, **extra)))
        if message is not None:
            self.send(frame(DATA, END_STREAM, stream, envelope(message)))

    def read_frame(self):
        """(kind, flags, stream, payload), or None where the server has hung up."""
        head = self._read(9)
        if head is None:
            return None
        size = int.from_bytes(head[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        payload = self._read(size)
        return None if payload is None else (kind, flags, stream, payload)

    def _read(self, size):
        end = time.monotonic() + DEADLINE
        while len(self._buffer) < size:
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except (ConnectionResetError, ssl.SSLEOFError):
                return None
            if not data:
                return None
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def read_until(self, wanted):
        """Reads frames until one satisfies; None where the server has hung up before."""
        while True:
            found = self.read_frame()
            if found is None or wanted(found):
                return found

    def goaway(self):
        """The error code of the GOAWAY that comes; None where the server just hangs up."""
        found = self.read_until(lambda f: f[0] == GOAWAY and f[3][4:8] != b"\0\0\0\0")
        return None if found is None else int.from_bytes(found[3][4:8], "big")

    def hung_up(self):
        """Waits until the server has closed the connection."""
        assert self.read_until(lambda f: False) is None

    def ping(self):
        """A round trip: the connection is in use."""
        self.send(frame(PING, payload=b"01234567"))
        return self.read_until(lambda f: f[0] == PING and f[1] & ACK) is not None

    def close(self, abruptly=False):
        """Hangs up; abruptly with a reset."""
        if abruptly:
            linger = struct.pack("ii", 1, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

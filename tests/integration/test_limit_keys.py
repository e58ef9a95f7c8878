"""Limits of connections and of gRPC, each set by its key: what a peer beyond it gets.

What the limits are for is in docs/LIMITS.md. Times are set so short that they have passed by
the time that one looks; nothing here measures them.
"""

import gzip
import http.client
import itertools
import json
import socket

import grpc
import pytest

from support.certificates import Authority
from support.client import call_raw, connect
from support.deadline import DEADLINE
from support.http2 import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    call_headers,
    envelope,
    frame,
)

SIGN_IN = "/parla.v1.SessionService/SignInAsGuest"
WATCH = "/grpc.health.v1.Health/Watch"
CHECK = "/grpc.health.v1.Health/Check"

_numbers = itertools.count(1)

NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0x0, 0x7, 0xB  # RFC 9113, section 7
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_HEADER_LIST_SIZE = 0x3, 0x4, 0x6


def setting(number, value):
    """A SETTINGS frame with one entry."""
    return frame(SETTINGS, payload=number.to_bytes(2, "big") + value.to_bytes(4, "big"))


def silent(server):
    """A connection that says nothing by itself."""
    return RawClient(server.address, greet=False)


def settings_of(client):
    """What the server says in its first SETTINGS."""
    payload = client.read_until(lambda f: f[0] == SETTINGS and not f[1] & ACK)[3]
    pairs = [payload[i : i + 6] for i in range(0, len(payload), 6)]
    return {int.from_bytes(p[:2], "big"): int.from_bytes(p[2:], "big") for p in pairs}


@pytest.mark.parametrize("key", ["connections", "peer_connections"])
def test_one_connection_too_many_is_closed(parlad, key):
    server = parlad(loops=1, limits={key: 2})
    first, second, third = (silent(server) for _ in range(3))
    third.hung_up()
    for client in (first, second):  # those that there were are served
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))
        assert client.ping()
    first.close()
    second.close()
    fresh = silent(server)
    fresh.close()


def test_a_first_byte_is_waited_for_only_so_long(parlad):
    silent(parlad(limits={"first_bytes_ms": 1})).hung_up()


def test_a_handshake_is_waited_for_only_so_long(parlad, tmp_path):
    pair = Authority(tmp_path).issue()
    server = parlad(tls_cert=pair.cert, tls_key=pair.key, limits={"handshake_ms": 1})
    client = silent(server)
    client.send(bytes([0x16, 0x03, 0x01, 0x01, 0x00, 0x01]))
    client.hung_up()


@pytest.mark.parametrize("sent", [b"PRI * HT", b"GET / HT", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_a_preface_is_waited_for_only_so_long(parlad, sent):
    client = silent(parlad(limits={"preface_ms": 1, "headers_ms": 1}))
    client.send(sent)
    client.hung_up()


def test_headers_are_waited_for_only_so_long(parlad):
    client = RawClient(parlad(limits={"headers_ms": 1}).address)
    client.send(frame(HEADERS, 0, 1, call_headers(CHECK)[:10]))
    client.hung_up()


def test_a_message_is_waited_for_only_so_long(parlad):
    client = RawClient(parlad(limits={"request_ms": 1}).address)
    client.call(1, CHECK)
    client.send(frame(DATA, 0, 1, envelope(b"", length=100)))
    found = client.read_until(lambda f: f[0] == HEADERS and f[2] == 1)
    assert found[1] & END_STREAM


def test_an_answer_that_is_not_taken_is_kept_only_so_long(parlad):
    client = RawClient(parlad(limits={"linger_ms": 1}).address)
    client.send(setting(INITIAL_WINDOW_SIZE, 0))
    client.call(1, CHECK, message=b"")
    assert client.read_until(lambda f: f[0] == RST_STREAM and f[2] == 1) is not None
    assert client.ping()


def test_a_message_over_its_size_is_refused(parlad):
    server = parlad(limits={"text_size": 1000, "message_size": 2000})
    with connect(server.address) as channel:
        assert call_raw(channel, CHECK, b"")
        with pytest.raises(grpc.RpcError) as caught:
            call_raw(channel, CHECK, bytes(2001))
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_compressed_messages_over_their_size_are_refused(parlad):
    client = RawClient(parlad(limits={"converted_size": 2000}).address)
    for stream, size in ((1, 2001), (3, 0)):
        client.call(stream, CHECK, grpc_encoding="gzip")
        client.send(frame(DATA, END_STREAM, stream, envelope(gzip.compress(bytes(size)), flag=1)))
    refused = client.read_until(lambda f: f[0] == HEADERS)
    assert refused[2] == 1 and refused[1] & END_STREAM
    answered = client.read_until(lambda f: f[0] == HEADERS)
    assert answered[2] == 3 and not answered[1] & END_STREAM


def test_json_over_its_size_is_refused(parlad):
    server = parlad(limits={"converted_size": 2000})
    for size, status in ((2000, 200), (2001, 429)):
        web = http.client.HTTPConnection(server.address, timeout=DEADLINE)
        body = b'{"user":"json"' + (size - 15) * b" " + b"}"
        assert len(body) == size
        web.request("POST", SIGN_IN, body, {"content-type": "application/json"})
        assert web.getresponse().status == status


def test_unfinished_messages_over_their_size_are_refused(parlad):
    limits = {"text_size": 1000, "message_size": 2000, "held_size": 2000}
    client = RawClient(parlad(limits=limits).address)
    for stream in (1, 3):
        client.call(stream, CHECK)
        client.send(frame(DATA, 0, stream, envelope(bytes(1500), length=2000)))
    found = client.read_until(lambda f: f[0] == HEADERS)
    assert found[2] == 3 and found[1] & END_STREAM


def test_headers_over_their_size_are_refused(parlad):
    server = parlad(limits={"headers_size": 1024})
    client = RawClient(server.address)
    assert settings_of(client)[MAX_HEADER_LIST_SIZE] == 1024
    client.call(1, CHECK, message=b"", filler="x" * 1024)
    found = client.read_until(lambda f: f[0] == HEADERS and f[2] == 1)
    assert found[1] & END_STREAM


@pytest.mark.parametrize("limit", [8 * 1024, 64 * 1024])
def test_headers_of_http_1_over_their_size_are_refused(parlad, limit):
    server = parlad(limits={"headers_size": limit})
    for size, status in ((limit - 1024, 200), (limit, 431)):
        web = http.client.HTTPConnection(server.address, timeout=DEADLINE)
        web.request("GET", "/healthz", headers={"filler": "x" * size})
        assert web.getresponse().status == status


def test_one_stream_too_many_is_refused(parlad):
    client = RawClient(parlad(limits={"streams": 1}).address)
    assert settings_of(client)[MAX_CONCURRENT_STREAMS] == 1
    client.call(1, WATCH, message=b"")
    client.call(3, WATCH, message=b"")
    found = client.read_until(lambda f: f[0] == RST_STREAM)
    assert found[2] == 3
    assert int.from_bytes(found[3], "big") == REFUSED_STREAM


def reset_streams(client):
    """Begins calls, and takes them back."""
    for stream in (1, 3, 5):
        client.send(frame(HEADERS, END_HEADERS, stream, call_headers(WATCH)))
        client.send(frame(RST_STREAM, stream=stream, payload=bytes(4)))


def send_empty_data(client):
    """Sends frames that bring nothing."""
    client.call(1, CHECK)
    client.send(3 * frame(DATA, 0, 1))


FLOODS = {
    "ping_strikes": lambda client: client.send(3 * frame(PING, payload=bytes(8))),
    "settings_frames": lambda client: client.send(3 * frame(SETTINGS)),
    "resets": reset_streams,
    "empty_frames": send_empty_data,
    "other_frames": lambda client: client.send(3 * frame(PRIORITY, 0, 1, bytes([0, 0, 0, 0, 1]))),
    "window_updates": lambda client: client.send(3 * frame(WINDOW_UPDATE, payload=b"\0\0\0\1")),
}


@pytest.mark.parametrize("key", FLOODS)
def test_a_flood_is_answered_with_enhance_your_calm(parlad, key):
    limits = {key: 1, "ping_interval_ms": 3600 * 1000}
    client = RawClient(parlad(limits=limits).address)
    FLOODS[key](client)
    assert client.goaway() == ENHANCE_YOUR_CALM
    client.hung_up()


def test_pings_in_good_time_are_no_flood(parlad):
    client = RawClient(parlad(limits={"ping_interval_ms": 0, "ping_strikes": 0}).address)
    for _ in range(100):
        assert client.ping()


def test_silence_gets_a_ping_and_then_the_end(parlad):
    client = RawClient(parlad(limits={"keepalive_ms": 1, "keepalive_timeout_ms": 1}).address)
    assert client.read_until(lambda f: f[0] == PING and not f[1] & ACK) is not None
    client.hung_up()


def test_a_web_client_may_wait_only_so_long_for_its_next_request(parlad):
    server = parlad(limits={"keepalive_ms": 1})
    host, port = server.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), DEADLINE) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n")
        assert plain.makefile("rb").read().endswith(b"ok\n")  # and it has hung up


def test_an_old_connection_is_drained_and_its_calls_have_a_grace(parlad):
    limits = {"connection_age_ms": 1, "connection_age_grace_ms": 1}
    client = RawClient(parlad(limits=limits).address)
    client.call(1, WATCH, message=b"")
    found = client.read_until(lambda f: f[0] == GOAWAY)
    assert int.from_bytes(found[3][4:8], "big") == NO_ERROR
    client.hung_up()


def test_a_connection_without_an_age_lives_on(parlad):
    client = RawClient(parlad().address)
    assert client.ping()


def post(server, headers):
    """Signs in over HTTP/1.1, in JSON; the response and its body."""
    web = http.client.HTTPConnection(server.address, timeout=DEADLINE)
    body = json.dumps({"user": f"guest-{next(_numbers)}"})
    web.request("POST", SIGN_IN, body, {"content-type": "application/json", **headers})
    response = web.getresponse()
    return response, response.read()


@pytest.mark.parametrize(("size", "encoding"), [(1, "gzip"), (1 << 20, None), (0, None)])
def test_answers_are_compressed_from_a_size_on(parlad, size, encoding):
    server = parlad(limits={"compress_size": size})
    response, body = post(server, {"accept-encoding": "gzip"})
    assert response.status == 200
    assert response.getheader("content-encoding") == encoding
    assert json.loads(gzip.decompress(body) if encoding else body)["session"]["token"]
    response, body = post(server, {})
    assert response.getheader("content-encoding") is None
    assert json.loads(body)["session"]["token"]


def allowed(server, origin):
    """Whether a web page of that origin may call."""
    response, _ = post(server, {"origin": origin})
    return response.getheader("access-control-allow-origin") in (origin, "*")


def test_web_pages_of_other_origins_may_call_where_the_configuration_says_so(parlad):
    server = parlad(cors_origins="https://a.example http://b.example:8080")
    assert allowed(server, "https://a.example")
    assert allowed(server, "http://b.example:8080")
    assert not allowed(server, "http://b.example")
    assert not allowed(server, "https://c.example")
    assert allowed(parlad(cors_origins="*"), "https://c.example")
    assert not allowed(parlad(), "https://c.example")


def test_too_many_entries_and_pieces_end_the_connection(parlad):
    server = parlad()
    entries = RawClient(server.address)
    entries.send(frame(SETTINGS, payload=33 * (bytes([0, INITIAL_WINDOW_SIZE]) + bytes(4))))
    pieces = RawClient(server.address)
    pieces.send(frame(HEADERS, 0, 1, call_headers(CHECK)))
    pieces.send(20 * frame(CONTINUATION, 0, 1))
    for client in (entries, pieces):
        assert client.goaway() != NO_ERROR
        client.hung_up()

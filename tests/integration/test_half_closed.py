"""Clients of HTTP/1.1 that have said all at once: answered, in order, and then closed."""

import json
import socket
import time

import pytest

from support.deadline import DEADLINE

SIGN_IN = "/parla.v1.SessionService/SignInAsGuest"


def request(name):
    """Signs in under that name, in JSON."""
    body = json.dumps({"user": name}).encode()
    head = f"POST {SIGN_IN} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
    return head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body


def ask(server, data):
    """Sends all of it, shuts its half, and reads to the end."""
    host, port = server.address.rsplit(":", 1)
    end = time.monotonic() + DEADLINE
    answer = bytearray()
    with socket.create_connection((host, int(port)), DEADLINE) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        while part := client.recv(65536):
            assert time.monotonic() < end, "the answers do not come to an end"
            answer += part
    return answer.decode()


def test_who_has_shut_its_half_is_answered(server, fresh):
    name = fresh("ana")
    answer = ask(server, request(name))
    assert answer.startswith("HTTP/1.1 200 ")
    assert name in answer


# So many that they would not be answered if each waited until some timer of the server's runs.
def test_requests_sent_ahead_are_answered_in_order(parlad, fresh):
    server = parlad(limits={"sign_ins": 0})
    names = [fresh("guest") for _ in range(800)]
    answer = ask(server, b"".join(request(name) for name in names))
    assert answer.count("HTTP/1.1 200 ") == len(names)
    places = [answer.index(f'"{name}"') for name in names]
    assert places == sorted(places)


@pytest.mark.parametrize("data", [b"", b"G", b"GET /healthz HTTP/1.1\r\n", b"\x16\x03\x01"])
def test_who_ends_in_the_middle_is_let_go(server, data):
    ask(server, data)

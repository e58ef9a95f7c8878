"""Takers that never read: what comes for them later costs a bounded amount, and nobody else."""

import signal
import struct

import pytest

from support.contract import api
from support.http2 import (
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PREFACE,
    SETTINGS,
    WINDOW_UPDATE,
    RawClient,
    frame,
)

INITIAL_WINDOW_SIZE = 4  # RFC 9113, section 6.5.2
WINDOW_MAX = 2**31 - 1


@pytest.fixture
def desk(parlad, sign_in):
    """desk(): a server, who asks, who takes, and their room."""

    def make(**options):
        server = parlad(**options)
        asker, ana = sign_in(server, "asker"), sign_in(server, "ana")
        asker.create("help", delivery=api.ROOM_DELIVERY_ONE)
        ana.join("help")
        return server, asker, ana

    return make


def deaf_taker(server, guest, **fields):
    """A taker whose peer has not given the stream a byte of window."""
    client = RawClient(server.address, greet=False)
    settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)
    client.send(PREFACE + frame(SETTINGS, payload=settings))
    request = api.TakeMessagesRequest(room="help", **fields).SerializeToString()
    client.call(1, api.method("TakeMessages").path, guest.token, request)
    assert client.read_until(lambda f: f[0] == HEADERS) is not None
    return client


def test_a_message_for_a_taker_that_was_told_of_the_drain_harms_nobody(desk):
    server, asker, ana = desk(loops=1)
    taker = deaf_taker(server, ana, max_unacknowledged=10)
    sender = RawClient(server.address)
    assert sender.ping()
    server.tell(signal.SIGTERM)
    assert taker.read_until(lambda f: f[0] == GOAWAY) is not None
    request = api.SendMessageRequest(room="help", text="late").SerializeToString()
    sender.call(1, api.method("SendMessage").path, asker.token, request)
    assert sender.read_until(lambda f: f[0] == DATA and f[2] == 1) is not None
    assert server.wait() == 0
    server.check_traces()
    taker.close()
    sender.close()


def test_a_taker_that_never_reads_is_ended(desk):
    server, asker, ana = desk()
    for call in [asker.begin_send("help", "x" * 16000) for _ in range(70)]:
        call.result()
    taker = deaf_taker(server, ana, max_unacknowledged=1000, lease_seconds=1)
    other = ana.take("help", max_unacknowledged=1, lease_seconds=1)
    for _ in range(4):  # each when a lease has run out once more
        other.taken()
    update = struct.pack(">I", WINDOW_MAX)
    taker.send(frame(WINDOW_UPDATE, stream=1, payload=update))
    taker.send(frame(WINDOW_UPDATE, payload=struct.pack(">I", WINDOW_MAX - 65535)))
    end = taker.read_until(lambda f: f[0] == HEADERS and f[1] & END_STREAM)
    assert end is not None  # trailers: the call was ended
    taker.close()
    assert server.alive()

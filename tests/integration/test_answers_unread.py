"""Answers that nobody reads: a connection gets only so many of them."""

import struct

from support.contract import api
from support.http2 import END_STREAM, HEADERS, PREFACE, SETTINGS, RawClient, frame

INITIAL_WINDOW_SIZE = 4  # RFC 9113, section 6.5.2
ASKED = 40  # pages of 1 MiB


def test_pages_that_are_not_read_are_refused_beyond_a_bound(server, guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    for call in [ana.begin_send(room, "x" * 16000) for _ in range(70)]:
        call.result()

    client = RawClient(server.address, greet=False)
    client.send(PREFACE + frame(SETTINGS, payload=struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)))
    request = api.ListMessagesRequest(room=room, page_size=1000).SerializeToString()
    path = api.method("ListMessages").path
    for i in range(ASKED):
        client.call(2 * i + 1, path, ana.token, request)
    for _ in range(ASKED // 2):  # a refusal needs no window
        assert client.read_until(lambda f: f[0] == HEADERS and f[1] & END_STREAM) is not None

    # who reads is served meanwhile, and so is this connection once it has hung up
    assert len(ana.call("ListMessages", room=room, page_size=1000).messages) > 60
    client.close()

"""Streams whose peers do not read: what they hold together is bounded, and they miss nothing."""

import struct

from support.contract import api
from support.http2 import DATA, HEADERS, PREFACE, SETTINGS, WINDOW_UPDATE, RawClient, frame
from support.memory import MIB, costs_at_most

INITIAL_WINDOW_SIZE = 4  # RFC 9113, section 6.5.2
PATH = api.method("StreamMessages").path


def window_update(stream, size):
    return frame(WINDOW_UPDATE, stream=stream, payload=struct.pack(">I", size))


class Streams:
    """Streams on one connection, none of which may be sent a byte until it is told so."""

    def __init__(self, server):
        self.client = RawClient(server.address, greet=False)
        settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, 0)
        self.client.send(PREFACE + frame(SETTINGS, payload=settings))
        self.client.send(window_update(0, 2**31 - 1 - 65535))
        self.bytes = {}

    def open(self, stream, guest, **fields):
        request = api.StreamMessagesRequest(**fields).SerializeToString()
        self.client.call(stream, PATH, guest.token, request)
        self.bytes[stream] = b""

    def wait_for_heads(self):
        """Every call has been answered with its headers."""
        waiting = set(self.bytes)
        while waiting:
            kind, _, stream, _ = self.client.read_frame()
            if kind == HEADERS:
                waiting.discard(stream)

    def items(self, stream, grant):
        """What comes on a stream, item by item; it may be sent so much more, again and again."""
        owed = 0
        while True:
            if owed <= 0:
                self.client.send(window_update(stream, grant))
                owed += grant
            kind, _, number, payload = self.client.read_frame()
            if kind != DATA:
                continue
            assert number == stream
            owed -= len(payload)
            self.bytes[stream] += payload
            while len(self.bytes[stream]) >= 5:
                size = int.from_bytes(self.bytes[stream][1:5], "big")
                if len(self.bytes[stream]) < 5 + size:
                    break
                message = self.bytes[stream][5 : 5 + size]
                self.bytes[stream] = self.bytes[stream][5 + size :]
                yield api.StreamMessagesResponse.FromString(message)

    def texts(self, stream, grant, until):
        """The texts of a stream up to one; the cursors rise with them."""
        texts = []
        for item in self.items(stream, grant):
            if item.HasField("event"):
                texts.append(item.event.message_sent.text)
                if texts[-1] == until:
                    return texts
        return None


def send_all(guest, texts):
    for start in range(0, len(texts), 100):
        for call in [guest.begin_send("lobby", text) for text in texts[start : start + 100]]:
            call.result()


def cursors_of(guest, texts):
    """A cursor after each of these, which are sent now."""
    live = guest.live("lobby")
    send_all(guest, texts)
    cursors = []
    while len(cursors) < len(texts):
        item = live.next()
        if item.HasField("event"):
            cursors.append(item.cursor)
    return cursors


def test_what_streams_hold_that_resume_and_do_not_read_is_bounded(parlad, sign_in):
    limits = {"tails_size": MIB, "pages_size": MIB, "page_cache_size": MIB}
    server = parlad(limits=limits, loops=1)
    ana = sign_in(server, "ana")
    texts = [f"{i} " + "x" * 8000 for i in range(900)]
    cursors = cursors_of(ana, texts)
    streams = Streams(server)
    # Each has a page of its own: some 50 MiB, were all of them held.
    with costs_at_most(server, 8 * MIB):
        for i, cursor in enumerate(cursors):
            streams.open(2 * i + 1, ana, rooms=["lobby"], cursor=cursor)
        streams.wait_for_heads()
        assert streams.client.ping()
        ana.send("lobby", "the last")
    for i, grant in ((0, 1 << 20), (300, 10_000), (700, 65_535), (880, 7), (898, 1)):
        got = streams.texts(2 * i + 1, grant, "the last")
        assert got == [*texts[i + 1 :], "the last"]
    streams.client.close()


def test_who_stops_amid_a_page_goes_on_there(parlad, sign_in):
    limits = {"tails_size": 65536, "pages_size": 65536}
    server = parlad(limits=limits, loops=1)
    ana = sign_in(server, "ana")
    texts = [f"{i} " + "x" * 3000 for i in range(200)]
    cursors = cursors_of(ana, texts)
    streams = Streams(server)
    parts = {}
    for i in range(8):  # each reads a little of a page, which the next ones' pages drive out
        stream = 2 * i + 1
        streams.open(stream, ana, rooms=["lobby"], cursor=cursors[i])
        items = streams.items(stream, 5000)
        parts[stream] = []
        while len(parts[stream]) < 2:
            item = next(items)
            if item.HasField("event"):
                parts[stream].append(item.event.message_sent.text)
    ana.send("lobby", "the last")
    for i in range(8):
        got = parts[2 * i + 1] + streams.texts(2 * i + 1, 20_000, "the last")
        assert got == [*texts[i + 1 :], "the last"]
    streams.client.close()

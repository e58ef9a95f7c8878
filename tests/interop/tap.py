"""A relay between a client and a server over plain HTTP/2 that notes each gRPC message's
envelope: few libraries let a program see whether a message came compressed."""

import collections
import socket
import threading

from support.deadline import DEADLINE
from support.http2 import DATA, PADDED, PREFACE

Envelope = collections.namedtuple("Envelope", "compressed size")


class _Frames:
    """What one side has sent on one connection, cut into frames and those into messages."""

    def __init__(self, note, skip):
        self._note = note
        self._skip = skip
        self._bytes = b""
        self._streams = collections.defaultdict(bytes)

    def feed(self, data):
        self._bytes += data
        if self._skip:
            skipped = min(self._skip, len(self._bytes))
            self._bytes = self._bytes[skipped:]
            self._skip -= skipped
        while len(self._bytes) >= 9:
            size = int.from_bytes(self._bytes[:3], "big")
            if len(self._bytes) < 9 + size:
                return
            kind, flags = self._bytes[3], self._bytes[4]
            stream = int.from_bytes(self._bytes[5:9], "big")
            payload, self._bytes = self._bytes[9 : 9 + size], self._bytes[9 + size :]
            if kind == DATA:
                self._data(stream, payload, flags)

    def _data(self, stream, payload, flags):
        if flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        data = self._streams[stream] + payload
        while len(data) >= 5:
            size = int.from_bytes(data[1:5], "big")
            if len(data) < 5 + size:
                break
            assert data[0] in (0, 1), f"an envelope's flags are {data[0]}"
            self._note(stream, Envelope(data[0] == 1, size))
            data = data[5 + size :]
        self._streams[stream] = data


class Tap:
    """Listens; what connects is joined to the server. A message is noted before it is passed on:
    who has the answer finds the request's envelope here."""

    def __init__(self, target):
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._noted = {"requests": {}, "responses": {}}
        self._sockets = []
        self._faults = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(self._listener)
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)

    def _start(self, run, *arguments):
        threading.Thread(target=run, args=arguments, daemon=True).start()

    def _accept(self):
        number = 0
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            server = socket.create_connection(self._target, DEADLINE)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                end.settimeout(None)
            self._sockets += [client, server]
            number += 1
            self._start(self._relay, client, server, number, "requests", len(PREFACE))
            self._start(self._relay, server, client, number, "responses", 0)

    def _relay(self, source, target, number, side, skip):
        def note(stream, envelope):
            with self._lock:
                self._noted[side].setdefault((number, stream), []).append(envelope)

        frames = _Frames(note, skip)
        try:
            while data := source.recv(65536):
                frames.feed(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of them has gone; the tests see it by themselves
        except AssertionError as fault:
            self._faults.append(str(fault))

    def compressed(self, side):
        """Whether each message was compressed: a list for each call that sent any, in the order of
        the calls. side: "requests" or "responses"."""
        assert not self._faults, self._faults
        with self._lock:
            calls = sorted(self._noted[side].items())
            return [[envelope.compressed for envelope in call] for _, call in calls]

    def close(self):
        """Cuts everyone off."""
        for end in self._sockets:
            end.close()

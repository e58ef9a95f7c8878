"""Bytes that are no protocol, connections that come to nothing, and the project's own programs."""

import json
import os
import socket
import ssl
import subprocess

from crowd import MAIN_ROOMS, Actor
from ledger import Broken
from support.contract import api
from support.deadline import DEADLINE
from support.http2 import DATA, PREFACE, SETTINGS, RawClient, frame


class Stray(Actor):
    """Connects and breaks the rules, or says nothing; some hold on for a while."""

    each_s = 1.5

    def enter(self):
        self._held = []

    def step(self):
        ways = [self._silent, self._junk, self._frames, self._half_request, self._half_call]
        client = self.rng.choice(ways)()
        self.world.count("strays")
        if client is not None and len(self._held) < 8 and self.rng.random() < 0.5:
            self._held.append(client)
        elif client is not None:
            client.close(abruptly=self.rng.random() < 0.5)
        if len(self._held) > 4:
            self._held.pop(0).close()

    def _client(self):
        context = None
        if self.world.authority is not None:
            context = ssl.create_default_context(cafile=str(self.world.authority.pair.cert))
            context.set_alpn_protocols(["h2"])
        return RawClient(self.world.address, greet=False, context=context)

    def _silent(self):
        host, port = self.world.address.rsplit(":", 1)
        socket.create_connection((host, int(port)), DEADLINE).close()
        return self._client()

    def _junk(self):
        client = RawClient(self.world.address, greet=False)
        client.send(self.rng.randbytes(self.rng.randrange(1, 300)))
        return client

    def _frames(self):
        client = self._client()
        client.send(PREFACE + frame(SETTINGS))
        kind, stream = self.rng.randrange(12), self.rng.randrange(4)
        payload = self.rng.randbytes(self.rng.randrange(40))
        client.send(frame(kind, self.rng.randrange(256), stream, payload))
        return client

    def _half_request(self):
        client = self._client()
        client.send(b"POST /parla.v1.ChatService/SendMessage HTTP/1.1\r\nhost: x\r\ncontent-")
        return client

    def _half_call(self):
        client = self._client()
        client.send(PREFACE + frame(SETTINGS))
        client.call(1, api.method("SendMessage").path, "no-token")
        client.send(frame(DATA, 0, 1, b"\0\0\0\0\x20half"))
        client.ping()
        return client

    def leave(self):
        for client in self._held:
            client.close()


class Programs(Actor):
    """parla sends and reads it back; parla-bench checks a crowd."""

    each_s = 10.0

    def __init__(self, world, name, parla, bench, folder):
        super().__init__(world, name)
        self._parla, self._bench = parla, bench
        self._environment = dict(os.environ, XDG_STATE_HOME=str(folder))

    def step(self):
        if self._parla is not None:
            self._talk()
        if self._bench is not None and self.rng.random() < 0.3:
            crowd = ["--subscribers=40", "--connections=8"]
            self.bench("fanout", *crowd, "--messages=400", "--rate=200")

    def run(self, program, *arguments):
        """Runs one of them to its end; what it printed."""
        server = self.world.address
        where = ["--server", server]
        if self.world.authority is not None:
            where = ["--server", f"grpcs://{server}", "--ca", str(self.world.authority.pair.cert)]
        done = subprocess.run(
            [program, arguments[0], *where, *arguments[1:]],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=self._environment,
            timeout=8 * DEADLINE,
            start_new_session=True,  # a Ctrl-C is for the campaign, not for its parts
            check=False,
        )
        if done.returncode != 0:
            said = done.stderr.decode()[-600:]
            raise Broken(f"{arguments} ended with {done.returncode}: {said}")
        return done.stdout.decode()

    def bench(self, *arguments):
        """parla-bench, which ends otherwise where one message is missing or out of order."""
        self.run(self._bench, *arguments, "--json", f"--pid={self.world.server.process.pid}")
        self.world.count("runs of parla-bench")

    def _talk(self):
        who = ["--user", f"program-{self.world.life}"]
        self.run(self._parla, "join", *who, MAIN_ROOMS[1])
        text = self.world.fresh(self.name)
        self.run(self._parla, "send", *who, MAIN_ROOMS[1], text)
        lines = self.run(self._parla, "history", *who, MAIN_ROOMS[1], "-n", "30", "--json")
        told = [json.loads(line) for line in lines.splitlines()]
        told = [(message["sequence"], message["text"]) for message in told]
        self.world.ledger.check_page(MAIN_ROOMS[1], told[0][0] - 1, told, "parla history")
        self.world.count("runs of parla")

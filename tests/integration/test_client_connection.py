"""How parla reaches its server: over TLS, and from one connection to the next."""

import json
import os
import socket
import subprocess
import time

import pytest

from support.certificates import Authority
from support.deadline import DEADLINE
from support.server import read_line
from support.terminal import COMMAND, Terminal, environment


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="secure")
def _secure(parlad, authority):
    """A server with a certificate by the authority."""
    pair = authority.issue()
    return parlad(tls_cert=pair.cert, tls_key=pair.key)


class Runs:
    """Runs of parla in one home."""

    def __init__(self, home, server):
        self.home = home
        self._env = environment(home, server)

    def run(self, *arguments):
        """Its status, output and standard error."""
        done = subprocess.run(
            [*COMMAND, "--user", "ana", *arguments],
            env=self._env,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def start(self, *arguments, **options):
        """Leaves it running; its standard error is in the home."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=(self.home / "stderr").open("wb"),
            **options,
        )

    def tokens(self):
        """The folders, of servers, where tokens are."""
        return {path.parent.name for path in self.home.rglob("*.token")}


@pytest.fixture(name="runs")
def _runs(tmp_path):
    """runs(server) is a new home from which that server is called."""
    made = []

    def make(server):
        home = tmp_path / f"home-{len(made)}"
        home.mkdir()
        made.append(Runs(home, server))
        return made[-1]

    return make


def test_calls_go_over_tls(secure, authority, runs):
    me = runs(f"grpcs://{secure.address}")
    ca = ["--ca", str(authority.pair.cert)]
    assert me.run(*ca, "send", "lobby", "hello") == (0, "", "")
    status, told, complaints = me.run(*ca, "history", "lobby", "--json")
    assert (status, complaints) == (0, "")
    assert [json.loads(line)["text"] for line in told.splitlines()] == ["hello"]


def test_the_chat_goes_over_tls(secure, authority, tmp_path):
    terminal = Terminal(
        environment(tmp_path, f"grpcs://{secure.address}"),
        *["--user", "ana", "--ca", str(authority.pair.cert)],
    )
    try:
        terminal.until("you are ana")
        terminal.enter("hello")
        terminal.until("ana: hello")
        terminal.enter("/quit")
        assert terminal.end() == 0
    finally:
        terminal.close()


def test_tokens_learnt_over_tls_are_kept_apart(secure, parlad, authority, runs):
    me = runs(None)
    plain = parlad()
    ca = ["--ca", str(authority.pair.cert)]
    assert me.run("--server", f"grpcs://{secure.address}", *ca, "who")[0] == 0
    over_tls = me.tokens()
    assert me.run("--server", f"grpc://{plain.address}", "who")[0] == 0
    assert len(over_tls) == 1 and len(me.tokens() - over_tls) == 1
    assert all(name.startswith("grpcs") for name in over_tls)


def test_what_is_wrong_with_tls_is_said(secure, parlad, authority, runs, tmp_path):
    pair = authority.issue("elsewhere", "DNS:elsewhere.test")
    elsewhere = parlad(tls_cert=pair.cert, tls_key=pair.key)
    plain = parlad()
    ca = ["--ca", str(authority.pair.cert)]
    missing = tmp_path / "missing.pem"
    for server, more, status, words in (
        (f"grpcs://{secure.address}", [], 3, "certificate verify failed"),
        (f"grpcs://{elsewhere.address}", ca, 3, "mismatch"),
        (f"grpcs://{plain.address}", ca, 3, "does not speak TLS"),
        (secure.address, [], 1, "this port speaks TLS: use grpcs://"),
        (f"grpcs://{secure.address}", ["--ca", str(missing)], 1, str(missing)),
        (plain.address, ca, 2, "--ca is for servers with TLS"),
    ):
        found, _, complaints = runs(server).run(*more, "who")
        assert found == status and words in complaints, (server, complaints)


def test_the_chat_says_it_too(secure, tmp_path):
    terminal = Terminal(environment(tmp_path, f"grpcs://{secure.address}"), "--user", "ana", cols=160)
    try:
        assert terminal.end() == 3
        assert f"no connection to grpcs://{secure.address}: certificate verify" in terminal.text()
    finally:
        terminal.close()


def test_a_server_of_another_kind_is_told(runs):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        me = runs(f"{host}:{port}")
        process = me.start("--user", "ana", "who")
        listener.settimeout(DEADLINE)
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert process.wait(DEADLINE) == 3
        process.stdout.close()
    told = (me.home / "stderr").read_text()
    assert told == f"parla: no connection to {host}:{port}: the server speaks HTTP/1, not gRPC\n"


def sockets(process):
    """The inodes of the connections that it has open."""
    folder = f"/proc/{process.pid}/fd"
    links = []
    for name in os.listdir(folder):
        try:
            links.append(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            pass  # closed meanwhile
    return {link for link in links if link.startswith("socket:")}


def test_connections_that_have_grown_old_are_replaced_unnoticed(parlad, runs):
    server = parlad(
        limits={"connection_age_ms": 1500, "connection_age_grace_ms": 1000, "preface_ms": 1000}
    )
    reader, writer = runs(server.address), runs(server.address)
    assert reader.run("who")[0] == 0
    tail = reader.start("--user", "ana", "tail", "lobby", "--json", "--beginning")
    pipe = writer.start("--user", "bob", stdin=subprocess.PIPE)
    seen = set()
    number = 0
    end = time.monotonic() + DEADLINE
    while len(seen) < 4:
        assert time.monotonic() < end
        pipe.stdin.write(f"message {number}\n".encode())
        pipe.stdin.flush()
        item = json.loads(read_line(tail))
        while "text" not in item:  # who came
            item = json.loads(read_line(tail))
        assert item["text"] == f"message {number}"
        number += 1
        seen |= sockets(tail)
    pipe.stdin.close()
    assert pipe.wait(DEADLINE) == 0
    tail.terminate()
    tail.wait(DEADLINE)
    for process, run in ((tail, reader), (pipe, writer)):
        process.stdout.close()
        assert (run.home / "stderr").read_text() == ""

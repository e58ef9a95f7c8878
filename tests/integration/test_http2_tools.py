"""nghttp2's own tools and curl against parlad, in the clear and over TLS.

Only what came of it is counted; how long it took is nobody's business here.
"""

import re
import subprocess

import pytest

from support.certificates import Authority
from support.contract import api
from support.deadline import DEADLINE
from support.http2 import envelope
from support.server import Parlad

CHECK = "/grpc.health.v1.Health/Check"
SEND = api.method("SendMessage").path
CALL = ["-H", "content-type: application/grpc", "-H", "te: trailers"]


@pytest.fixture(scope="module", name="authority")
def _authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module", name="servers")
def _servers(tmp_path_factory, authority):
    """By scheme."""
    pair = authority.issue()
    tls = {"tls_cert": pair.cert, "tls_key": pair.key}
    servers = {
        "http": Parlad(tmp_path_factory.mktemp("plain")),
        "https": Parlad(tmp_path_factory.mktemp("tls"), **tls),
    }
    yield servers
    for server in servers.values():
        server.finish()


@pytest.fixture(name="base", params=["http", "https"])
def _base(request, servers):
    """The server's address as a URL without its path; the server is well afterwards."""
    yield f"{request.param}://{servers[request.param].address}"
    servers[request.param].check()


@pytest.fixture(name="nobody")
def _nobody(tmp_path):
    """A file with the empty message."""
    path = tmp_path / "empty"
    path.write_bytes(envelope(b""))
    return path


def run(*command):
    """What the tool prints; it must succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, timeout=4 * DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace")


def load(requests, *arguments):
    """h2load's summary must say that every request has succeeded."""
    told = run("h2load", "--requests", requests, *arguments)
    summary = re.search(r"^requests: .*$", told, re.MULTILINE)[0]
    for word in ("total", "started", "done", "succeeded"):
        assert f"{requests} {word}" in summary, told
    for word in ("failed", "errored", "timeout"):
        assert f" 0 {word}" in summary, told
    assert re.search(rf"^status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx", told, re.MULTILINE)
    return told


# --- h2load ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requests", "clients", "streams"), [(2000, 1, 1), (4000, 1, 100), (6000, 60, 20)]
)
def test_h2load_calls(base, nobody, requests, clients, streams):
    counts = ["--clients", clients, "--max-concurrent-streams", streams]
    told = load(requests, *counts, "--data", nobody, *CALL, base + CHECK)
    if base.startswith("https"):
        assert "Application protocol: h2" in told


def test_h2load_sends_messages_that_are_all_there(servers, sign_in, tmp_path, fresh):
    ana, room = sign_in(servers["http"], fresh("ana")), fresh("room")
    ana.create(room)
    before = ana.call("GetRoom", room=room).room.last_sequence
    data = tmp_path / "message"
    message = api.SendMessageRequest(room=room, text="load")
    data.write_bytes(envelope(message.SerializeToString()))
    load(
        *[1000, "--clients", 10, "--max-concurrent-streams", 10, "--data", data, *CALL],
        *["-H", f"authorization: Bearer {ana.token}", f"http://{ana.address}{SEND}"],
    )
    assert ana.call("GetRoom", room=room).room.last_sequence == before + 1000


@pytest.mark.parametrize("options", [[], ["--h1"]])
def test_h2load_gets_a_page(base, options):
    counts = ["--clients", 20, "--max-concurrent-streams", 10]
    load(2000, *options, *counts, base + "/healthz")


@pytest.mark.parametrize("bits", [1, 10])
def test_h2load_with_small_windows(base, nobody, bits):
    sizes = ["--window-bits", bits, "--connection-window-bits", max(bits, 16)]
    load(500, *sizes, "--max-concurrent-streams", 10, "--data", nobody, *CALL, base + CHECK)


# --- nghttp ----------------------------------------------------------------------------------


def test_nghttp_gets_a_page(base):
    told = run("nghttp", "--verbose", "--no-verify-peer", base + "/healthz")
    assert ":status: 200" in told
    assert "recv SETTINGS frame" in told and "recv GOAWAY" not in told
    assert "\nok\n" in told


def test_nghttp_calls(base, nobody):
    told = run("nghttp", "--verbose", "-y", "--data", nobody, "--hexdump", *CALL, base + CHECK)
    assert ":status: 200" in told
    assert "content-type: application/grpc" in told
    assert "grpc-status: 0" in told
    assert "recv RST_STREAM" not in told and "recv GOAWAY" not in told


def test_nghttp_is_told_of_a_page_that_is_not_there(base):
    told = run("nghttp", "--verbose", "--no-verify-peer", base + "/nowhere")
    assert ":status: 404" in told


def test_nghttp_asks_for_many_things_at_once(base):
    paths = [base + "/healthz", base + "/nowhere"]
    told = run("nghttp", "--verbose", "-y", "--multiply", 20, "--padding", 100, *paths)
    assert told.count(":status: 200") == 20
    assert told.count(":status: 404") == 20


def test_nghttp_sends_trailers_and_a_body_in_parts(base, nobody):
    arguments = ["--data", nobody, "--trailer", "x-checksum: 1", "--no-content-length"]
    told = run("nghttp", "--verbose", "-y", *arguments, *CALL, base + CHECK)
    assert "grpc-status: 0" in told


# --- curl ------------------------------------------------------------------------------------


def curl(authority, *arguments):
    """The version of HTTP, the status, and what else came."""
    told = run(
        *["curl", "--disable", "--noproxy", "*", "--silent", "--show-error", "--include"],
        *["--cacert", authority.pair.cert, "--output", "-"],
        *["--write-out", "\n%{http_version} %{response_code}", *arguments],
    )
    body, _, summary = told.rpartition("\n")
    version, status = summary.split()
    return version, int(status), body


def test_curl_gets_a_page(base, authority):
    for option in ("--http2-prior-knowledge", "--http2"):
        version, status, body = curl(authority, option, base + "/healthz")
        assert status == 200
        assert body.endswith("ok\n")
        # h2c by an upgrade is gone from RFC 9113: who asks is answered in HTTP/1.1.
        upgrades = option == "--http2" and base.startswith("http:")
        assert version == ("1.1" if upgrades else "2")


def test_curl_calls(base, authority, nobody):
    call = ["--http2-prior-knowledge", "--data-binary", f"@{nobody}", *CALL]
    version, status, body = curl(authority, *call, base + CHECK)
    assert (version, status) == ("2", 200)
    assert "grpc-status: 0" in body

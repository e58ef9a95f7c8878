"""Fixtures: the project's own server, with TLS and without, and what lies between it and a client."""

import pathlib
import subprocess
import sys

import pytest

# How processes are waited for is told once, for all tests.
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from programs import HERE, Server, build_path  # noqa: E402
from tap import Tap  # noqa: E402


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A folder with a CA and a server's certificate for localhost."""
    folder = tmp_path_factory.mktemp("certificates")
    command = [str(HERE / "make-certificates"), str(folder)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return folder


def own_server(*options):
    """What starts the project's own server."""
    return [build_path("parla-interop-server"), "--listen", "127.0.0.1:0", *map(str, options)]


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """The server of a file of tests."""
    server = Server(own_server(), tmp_path_factory.mktemp("server"))
    yield server
    server.finish()


@pytest.fixture(scope="module")
def shared_tls_server(tmp_path_factory, certificates):
    """The same over TLS."""
    files = ["--tls-cert", certificates / "server.pem", "--tls-key", certificates / "server.key"]
    server = Server(own_server(*files), tmp_path_factory.mktemp("server"))
    yield server
    server.finish()


@pytest.fixture
def server(shared_server):
    """The server, seen to be well before and after each test."""
    shared_server.check()
    yield shared_server
    shared_server.check()


@pytest.fixture
def tls_server(shared_tls_server):
    """The same of the one over TLS."""
    shared_tls_server.check()
    yield shared_tls_server
    shared_tls_server.check()


@pytest.fixture
def taps():
    """taps(address): a relay to a server that notes what passes."""
    made = []

    def make(address):
        made.append(Tap(address))
        return made[-1]

    yield make
    for tap in made:
        tap.close()


@pytest.fixture
def tap(server, taps):
    """One to the file's server."""
    return taps(server.address)

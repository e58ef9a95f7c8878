"""Fixtures: the project's own server, with TLS and without, and what lies between it and a client."""

import pathlib
import sys

import pytest

# How processes are waited for is told once, for all tests.
sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from programs import Server, build_path  # noqa: E402
from tap import Tap  # noqa: E402


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """The server of a file of tests."""
    command = [build_path("parla-interop-server"), "--listen", "127.0.0.1:0"]
    server = Server(command, tmp_path_factory.mktemp("server"))
    yield server
    server.finish()


@pytest.fixture
def server(shared_server):
    """The same, seen to be well before and after each test."""
    shared_server.check()
    yield shared_server
    shared_server.check()


@pytest.fixture
def tap(server):
    """A relay to the server that notes what passes."""
    tap = Tap(server.address)
    yield tap
    tap.close()

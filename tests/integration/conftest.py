"""Fixtures: a server for each file of tests, more of them where one must die, guests."""

import itertools

import pytest

from support.client import Guest
from support.server import Parlad


def pytest_make_parametrize_id(config, val, argname):
    """Long strings and bytes make no good names for tests."""
    if isinstance(val, (str, bytes)) and len(val) > 48:
        return f"{argname}-of-{len(val)}"
    return None


_numbers = itertools.count(1)


@pytest.fixture
def fresh():
    """fresh("ana") is a name that nothing else on the server bears."""
    return lambda name: f"{name}-{next(_numbers)}"


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """The server of a file of tests; they keep apart by fresh names."""
    server = Parlad(tmp_path_factory.mktemp("parlad"))
    yield server
    server.finish()


@pytest.fixture
def server(shared_server):
    """The same, seen to be well before and after each test."""
    shared_server.check()
    yield shared_server
    shared_server.check()


@pytest.fixture
def parlad(tmp_path_factory):
    """Starts a server of the test's own: parlad(option=value…)."""
    servers = []

    def start(folder=None, **options):
        servers.append(Parlad(folder or tmp_path_factory.mktemp("parlad"), **options))
        return servers[-1]

    yield start
    for server in reversed(servers):
        server.finish()


@pytest.fixture
def sign_in():
    """sign_in(server, "ana") is a guest of exactly that name."""
    guests = []

    def enter(server, name, **options):
        guests.append(Guest(server.address, name, **options))
        return guests[-1]

    yield enter
    for guest in guests:
        guest.close()


@pytest.fixture
def guest(server, sign_in, fresh):
    """guest("ana") is someone on the file's server, of a fresh name that begins so."""
    return lambda name="guest", **options: sign_in(server, fresh(name), **options)

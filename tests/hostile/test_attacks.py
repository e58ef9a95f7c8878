"""Every attack for a moment, with few peers: what an honest client sends goes through meanwhile, and
memory stays within its bound. How long a send takes is judged by `run`, on a quiet machine."""

import dataclasses
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import attacks  # noqa: E402
import field  # noqa: E402

CONNECTIONS_MAX = 50
SENDS = 20
RATE = 1000


@pytest.fixture(scope="module", name="places")
def _places(tmp_path_factory):
    """places(tls) is a server of that kind, an honest client of it, and what attackers know."""
    found = {}

    def place(tls):
        if tls not in found:
            server, authority = field.start_server(tmp_path_factory.mktemp("parlad"), tls)
            known = field.prepare(server, authority)
            found[tls] = server, field.Honest(server, authority, RATE), known
        return found[tls]

    yield place
    for server, _, _ in found.values():
        server.finish()


@pytest.mark.parametrize("attack", attacks.ALL, ids=lambda attack: attack.name)
def test_an_honest_client_is_served_while_there_is(attack, places):
    server, honest, known = places(attack.tls)
    few = dataclasses.replace(attack, connections=min(attack.connections, CONNECTIONS_MAX))
    before = field.resident(server)[0]
    field.forget_peak(server)
    attackers = field.Attackers(server, few, known)
    figures = honest.run(SENDS / RATE)
    done = attackers.stop()
    server.check()
    assert figures["messages"] == SENDS
    assert done["opened"] + done["failed"] > 0
    if field.is_judged(server):
        assert field.resident(server)[1] - before <= attack.bound[0] + field.SLACK

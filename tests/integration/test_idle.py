"""A guest's session lapses when it is not used, and only then."""

import time

import pytest

from support.contract import api
from support.refusal import refused

IDLE_S = 4  # long enough that a machine that stalls for a second or two fails nothing


@pytest.fixture
def hasty(parlad):
    """A server where sessions lapse after IDLE_S."""
    return parlad(limits={"guest_idle_s": IDLE_S, "heartbeat_ms": 50})


def beats_for(stream, seconds):
    """Reads a stream's heartbeats for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert stream.next().HasField("heartbeat")


def test_an_open_stream_keeps_its_session(hasty, sign_in):
    ana = sign_in(hasty, "ana")
    stream = ana.live("lobby")
    beats_for(stream, 1.5 * IDLE_S)
    ana.send("lobby", "still here")
    assert stream.message().message_sent.text == "still here"


def test_a_taker_keeps_its_session(hasty, sign_in):
    ana = sign_in(hasty, "ana")
    ana.create("help", delivery=api.ROOM_DELIVERY_ONE)
    taker = ana.take("help")
    beats_for(taker, 1.5 * IDLE_S)
    assert ana.user().user == "ana"


@pytest.mark.parametrize(
    ("method", "fields"),
    [("GetUser", {}), ("ListUsers", {"online_only": True}), ("ListRooms", {})],
)
def test_calls_that_only_ask_keep_their_session(hasty, sign_in, method, fields):
    ana = sign_in(hasty, "ana")
    end = time.monotonic() + 1.5 * IDLE_S
    while time.monotonic() < end:
        ana.call(method, **fields)


def test_who_does_nothing_is_gone(hasty, sign_in):
    ana, bo = sign_in(hasty, "ana"), sign_in(hasty, "bo")
    stream = bo.live("lobby")
    beats_for(stream, 2 * IDLE_S)
    with refused("UNAUTHENTICATED"):
        ana.user()
    assert sign_in(hasty, "ana").user_id != ana.user_id

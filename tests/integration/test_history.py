"""ListMessages: what stands in a room, in both directions, page after page."""

import pytest

from support.client import Guest
from support.contract import api
from support.refusal import refused


@pytest.fixture(scope="module")
def log(shared_server):
    """A room of 120 messages: (who wrote them, the room, the messages)."""
    ana = Guest(shared_server.address, "historian")
    ana.create("history")
    calls = [ana.begin_send("history", f"message {i}") for i in range(120)]
    yield ana, "history", [call.result().message for call in calls]
    ana.close()


def sequences(messages):
    """Their places in the log."""
    return [message.sequence for message in messages]


def test_fifty_of_the_newest_unless_asked(log):
    ana, room, sent = log
    page = ana.call("ListMessages", room=room)
    assert list(page.messages) == sent[:-51:-1]
    assert page.next_page_token
    assert page.as_of_sequence == sent[-1].sequence


@pytest.mark.parametrize("page_size", [1, 7, 40, 119, 120, 121, 1000, 2**32 - 1])
@pytest.mark.parametrize("ascending", [False, True])
def test_pages_make_the_whole(log, ascending, page_size):
    ana, room, sent = log
    fields = {"ascending": ascending, "page_size": page_size}
    found = ana.messages(room, **fields)
    assert found == (sent if ascending else sent[::-1])
    page = ana.call("ListMessages", room=room, **fields)
    assert len(page.messages) == min(page_size, 120)
    assert bool(page.next_page_token) == (page_size < 120)


@pytest.mark.parametrize("ascending", [False, True])
def test_before_and_after_are_bounds(log, ascending):
    ana, room, sent = log
    bounds = {"after": sent[9].sequence, "before": sent[20].sequence}
    found = ana.messages(room, ascending=ascending, page_size=3, **bounds)
    wanted = sequences(sent[10:20])
    assert sequences(found) == (wanted if ascending else wanted[::-1])


def test_one_bound_is_enough(log):
    ana, room, sent = log
    assert sequences(ana.messages(room, after=sent[-3].sequence)) == sequences(sent[-1:-3:-1])
    found = ana.messages(room, before=sent[2].sequence, ascending=True)
    assert sequences(found) == sequences(sent[:2])


@pytest.mark.parametrize(
    "bounds",
    [
        {"after": 2**64 - 1},
        {"before": 1},
        {"after": 50, "before": 40},
        {"after": 50, "before": 51},
        {"after": 2**63, "before": 2**63 + 5},
    ],
)
def test_bounds_with_nothing_between_give_nothing(log, bounds):
    ana, room, _sent = log
    page = ana.call("ListMessages", room=room, **bounds)
    assert not page.messages and not page.next_page_token


def test_an_empty_room(guest, fresh):
    ana = guest("ana")
    room = ana.create(fresh("room"))
    page = ana.call("ListMessages", room=room.room)
    assert not page.messages and not page.next_page_token
    assert page.as_of_sequence == room.last_sequence


def test_what_comes_meanwhile_shifts_no_page(guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    sent = [ana.send(room, f"message {i}") for i in range(6)]
    first = ana.call("ListMessages", room=room, page_size=3)
    ana.send(room, "meanwhile")
    second = ana.call("ListMessages", room=room, page_size=3, page_token=first.next_page_token)
    assert sequences([*first.messages, *second.messages]) == sequences(sent[::-1])


def test_a_thread_alone(guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    first = ana.send(room, "first").sequence
    inside = [first]
    for i in range(5):
        ana.send(room, f"outside {i}")
        inside.append(ana.send(room, f"inside {i}", thread=first).sequence)
    assert sequences(ana.messages(room, thread=first, page_size=2)) == inside[::-1]
    found = ana.messages(room, thread=first, ascending=True, after=inside[1], before=inside[4])
    assert sequences(found) == inside[2:4]
    assert len(ana.messages(room)) == 11


def test_a_page_stays_under_a_mebibyte(guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    calls = [ana.begin_send(room, f"{i:03}" + "x" * 16_000) for i in range(100)]
    sent = sequences([call.result().message for call in calls])
    page = ana.call("ListMessages", room=room, page_size=1000)
    assert 1 <= len(page.messages) < 100
    assert page.ByteSize() <= 1024 * 1024
    assert page.next_page_token
    assert sequences(ana.messages(room, page_size=1000)) == sent[::-1]
    assert sequences(ana.messages(room, page_size=1000, ascending=True)) == sent


def test_a_page_token_is_of_its_room_only(log, fresh):
    ana, room, _sent = log
    token = ana.call("ListMessages", room=room, page_size=10).next_page_token
    other = fresh("other")
    ana.create(other)
    ana.send(other, "here")
    with refused("INVALID_ARGUMENT", "PAGE_TOKEN_INVALID", "page_token"):
        ana.call("ListMessages", room=other, page_token=token)


def test_as_of_sequence_is_where_a_stream_takes_over(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    watch = bob.live(room)
    calls = [ana.begin_send(room, f"message {i}") for i in range(50)]
    page = bob.call("ListMessages", room=room, page_size=1000)
    seen = {message.sequence for message in page.messages}
    wanted = [call.result().message.sequence for call in calls]
    streamed = [watch.message().sequence for _ in wanted]
    assert sorted(seen) == [s for s in wanted if s <= page.as_of_sequence]
    assert streamed == wanted


def test_a_private_rooms_history_is_its_members(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room, visibility=api.ROOM_VISIBILITY_PRIVATE)
    ana.send(room, "among us")
    assert len(ana.messages(room)) == 1
    with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
        bob.messages(room)

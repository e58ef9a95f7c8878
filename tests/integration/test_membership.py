"""Coming and going while others talk: what one is told is what one was there for."""

import threading

import pytest

from support.client import Ended, events_of, texts_of
from support.contract import api
from support.deadline import DEADLINE, eventually
from support.refusal import refused

BEGINNING = api.STREAM_START_BEGINNING
UNREAD = api.STREAM_START_UNREAD


def standing_changes(log, user):
    """(sequence, whether the user is in) for each time that they came or went."""
    return [
        (event.sequence, event.member_changed.state == api.MEMBER_STATE_JOINED)
        for event in log
        if event.HasField("member_changed") and event.member_changed.user == user
    ]


def seen_by(log, user):
    """The messages of a log that were sent while the user was in."""
    changes = dict(standing_changes(log, user))
    inside = False
    texts = []
    for event in log:
        inside = changes.get(event.sequence, inside)
        if inside and event.HasField("message_sent"):
            texts.append(event.message_sent.text)
    return texts


def test_whoever_comes_and_goes_is_told_what_they_were_there_for(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("door")
    ana.create(room)
    bob.join(room)
    start = bob.live().cursor
    stream = bob.stream(cursor=start)
    stop = threading.Event()

    def talk():
        number = 0
        while not stop.is_set():
            calls = [ana.begin_send(room, f"message {number + i}") for i in range(10)]
            for call in calls:
                call.result()
            number += 10

    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    for _ in range(40):
        bob.leave(room)
        bob.join(room)
    stop.set()
    talker.join(DEADLINE)
    ana.send(room, "the end")

    log = events_of(ana.stream(room, start=BEGINNING).until_caught_up())
    wanted = seen_by(log, bob.name)
    assert wanted[-1] == "the end"
    assert len(standing_changes(log, bob.name)) == 81

    got, places = [], []
    while texts_of(got)[-1:] != ["the end"]:
        item = stream.next()
        got += events_of([item], room)
        if item.cursor:
            places.append((item.cursor, len(got)))
    assert texts_of(got) == wanted
    left = [sequence for sequence, joined in standing_changes(log, bob.name) if not joined]
    assert set(left) <= {event.sequence for event in got}, "a leaving of one's own was not told"

    # The same from the log alone, from the start and from anywhere between.
    for cursor, count in [(start, 0), *places[:: len(places) // 10]]:
        again = bob.stream(cursor=cursor)
        assert texts_of(events_of(again.until_caught_up(), room)) == texts_of(got[count:])
        again.cancel()


def test_a_room_named_twice_is_streamed_once(guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    stream = ana.live(room, room)
    ana.send(room, "one")
    ana.send(room, "two")
    assert stream.texts(2) == ["one", "two"]


def test_a_refused_first_message_makes_no_room(guest):
    ana, bob = guest("ana"), guest("bob")
    for fields in ({"reply_to": 1}, {"thread": 7}, {"expected_last_message": 1}):
        with refused("ABORTED" if "expected_last_message" in fields else "FAILED_PRECONDITION"):
            ana.send(bob, "hello", **fields)
    assert set(ana.rooms()) == set(bob.rooms()) == {"lobby"}


@pytest.fixture(scope="module")
def many():
    """How many rooms one user may be in."""
    return 1000


def test_as_many_rooms_as_may_be(guest, fresh, many):
    """Named in one stream, resumed in the midst of what is unread; one more is refused."""
    ana, bob = guest("ana"), guest("bob")
    rooms = sorted(fresh("r" * 50) for _ in range(many - 1))
    for call in [ana.begin("CreateRoom", room=api.Room(room=room)) for room in rooms]:
        call.result()
    with refused("RESOURCE_EXHAUSTED", "TOO_MANY_ROOMS"):
        ana.create(fresh("one-more"))
    with refused("RESOURCE_EXHAUSTED", "TOO_MANY_ROOMS"):
        bob.send(ana, "is there room for one more?")
    assert len(ana.rooms(page_size=300)) == many

    half = rooms[::2]
    for call in [bob.begin("JoinRoom", room=room) for room in half]:
        call.result()
    for call in [bob.begin_send(room, f"to {room}") for room in half]:
        call.result()
    wanted = [f"to {room}" for room in half]
    for named in ([], [*rooms, "lobby"]):
        got, fields = [], {"start": UNREAD}
        for stop in (1, 250, 300, len(half)):
            stream = ana.stream(*named, **fields)
            pending = []
            while len(got) < stop:
                item = stream.next()
                pending += texts_of(events_of([item]))
                if item.cursor:
                    got, pending, fields = got + pending, [], {"cursor": item.cursor}
            stream.cancel()
        assert sorted(got) == sorted(wanted) and len(got) == len(wanted)


@pytest.mark.parametrize("end", ["stay", "kill"])
def test_whoever_signs_out_leaves_every_room(parlad, sign_in, end):
    server = parlad()
    ana, bob = sign_in(server, "ana"), sign_in(server, "bob")
    rooms = [f"room-{i}" for i in range(300)]
    for call in [ana.begin("CreateRoom", room=api.Room(room=room)) for room in rooms]:
        call.result()
    for call in [bob.begin("JoinRoom", room=room) for room in rooms]:
        call.result()
    bob.sign_out()
    if end == "kill":
        server.kill()
        server.start()
        ana.reconnect()
    new = sign_in(server, "bob")
    assert set(new.rooms()) == {"lobby"}
    eventually(lambda: all(entry.room.member_count == 1 for name, entry in all_but_lobby(ana)))
    for room in rooms[::50]:
        assert set(ana.members(room)) == {"ana"}
        log = events_of(ana.stream(room, start=BEGINNING).until_caught_up())
        assert standing_changes(log, "bob")[-1][1] is False
    with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
        new.messages(rooms[-1])


def all_but_lobby(guest):
    """The rooms that a guest is in, with their entries."""
    return [(name, entry) for name, entry in guest.rooms(page_size=1000).items() if name != "lobby"]


def test_a_member_who_is_away_misses_nothing(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    calls = [ana.begin_send(room, f"message {i}") for i in range(30)]
    for call in calls:
        call.result()
    assert bob.rooms()[room].unread_count == 30
    stream = bob.stream(room, start=UNREAD)
    assert len(texts_of(events_of(stream.until_caught_up()))) == 30


def test_a_stream_of_a_room_that_one_left_is_refused_anew(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    bob.leave(room)
    stream = bob.stream(room)
    with pytest.raises(Ended) as ended:
        stream.next()
    ended.value.refusal.check("PERMISSION_DENIED", "NOT_A_MEMBER")

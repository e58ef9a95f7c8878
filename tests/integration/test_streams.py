"""StreamMessages: every start, what comes and in which order, how it ends."""

import signal

import pytest

from support.client import Ended, Guest, events_of, texts_of
from support.contract import api

BEGINNING = api.STREAM_START_BEGINNING
UNREAD = api.STREAM_START_UNREAD
NOW = api.STREAM_START_NOW


@pytest.fixture
def pair(guest, fresh):
    """Two in a room: (ana, bob, room)."""
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    return ana, bob, room


def told(items, room):
    """The texts of a room's messages among the items."""
    return texts_of(events_of(items, room))


@pytest.mark.parametrize("start", [NOW, api.STREAM_START_UNSPECIFIED])
def test_now_begins_with_what_comes(pair, start):
    ana, bob, room = pair
    ana.send(room, "before")
    for stream in (bob.stream(start=start), bob.stream(room, start=start)):
        assert events_of(stream.until_caught_up()) == []
        ana.send(room, "after")
        assert stream.texts(1) == ["after"]


def test_unread_begins_after_the_read_marker_in_each_room(pair, fresh):
    ana, bob, room = pair
    other = fresh("other")
    ana.create(other)
    bob.join(other)
    read = ana.send(room, "read").sequence
    bob.mark_read(room, read)
    ana.send(other, "read too")
    bob.mark_read(other, ana.send(other, "and this").sequence)
    ana.send(room, "unread 1")
    ana.send(other, "unread 2")
    unread = ["unread 1", "unread 3"]
    ana.send(room, unread[1])
    for rooms in ((), (room, other)):
        stream = bob.stream(*rooms, start=UNREAD)
        items = stream.until_caught_up()
        assert told(items, room) == unread
        assert told(items, other) == ["unread 2"]
        unread.append("live")
        ana.send(room, "live")
        assert stream.texts(1) == ["live"]
    only = bob.stream(other, start=UNREAD).until_caught_up()
    assert told(only, other) == ["unread 2"] and told(only, room) == []


def test_streaming_alone_marks_nothing_as_read(pair):
    ana, bob, room = pair
    ana.send(room, "unread")
    bob.stream(room, start=UNREAD).until_caught_up()
    assert bob.rooms()[room].unread_count == 1


def test_own_messages_are_not_unread(pair):
    ana, bob, room = pair
    ana.send(room, "from ana")
    bob.send(room, "from bob")
    assert told(bob.stream(start=UNREAD).until_caught_up(), room) == []
    assert told(ana.stream(start=UNREAD).until_caught_up(), room) == ["from bob"]


def test_beginning_is_the_whole_log(pair):
    ana, bob, room = pair
    for text in ("one", "two", "three"):
        ana.send(room, text)
    bob.mark_read(room, bob.call("GetRoom", room=room).room.last_sequence)
    for rooms in ((), (room,)):
        stream = bob.stream(*rooms, start=BEGINNING)
        events = events_of(stream.until_caught_up(), room)
        last = bob.call("GetRoom", room=room).room.last_sequence
        assert [event.sequence for event in events] == list(range(1, last + 1))
        assert texts_of(events)[:3] == ["one", "two", "three"]
        ana.send(room, "live")
        assert stream.message().sequence == last + 1


def test_the_log_holds_also_what_was_before_one_came(pair, guest):
    ana, _bob, room = pair
    ana.send(room, "early")
    late = guest("late")
    late.join(room)
    assert told(late.stream(start=BEGINNING).until_caught_up(), room) == ["early"]


def test_a_cursor_goes_on_after_its_item(pair):
    ana, bob, room = pair
    for i in range(6):
        ana.send(room, f"message {i}")
    stream = bob.stream(room, start=BEGINNING)
    seen = []
    places = []  # (cursor, how many events had come)
    for item in stream.until_caught_up():
        seen += events_of([item])
        if item.cursor:
            places.append((item.cursor, len(seen)))
    assert places, "no cursor on any item"
    for cursor, count in places:
        for rooms in ((room,), ()):
            resumed = bob.stream(*rooms, cursor=cursor)
            assert events_of(resumed.until_caught_up(), room) == seen[count:]
            resumed.cancel()


def test_a_cursor_outranks_the_start(pair):
    ana, bob, room = pair
    stream = bob.live(room)
    ana.send(room, "one")
    stream.message()
    stream.cancel()
    ana.send(room, "two")
    items = bob.stream(room, cursor=stream.cursor, start=BEGINNING).until_caught_up()
    assert told(items, room) == ["two"]


def test_caught_up_comes_at_once_where_there_is_nothing(guest):
    ana = guest("ana")
    for start in (NOW, UNREAD):
        stream = ana.stream(start=start)
        assert events_of(stream.until_caught_up()) == []
        assert stream.cursor, "nowhere to go on from"


def test_caught_up_comes_once(pair):
    ana, bob, room = pair
    ana.send(room, "one")
    stream = bob.stream(room, start=BEGINNING)
    stream.until_caught_up()
    for i in range(20):
        ana.send(room, f"live {i}")
    assert len(stream.texts(20)) == 20  # a second CaughtUp fails in the stream
    stream.cancel()


def test_named_rooms_only(pair, fresh):
    ana, bob, room = pair
    other, third = fresh("other"), fresh("third")
    for name in (other, third):
        ana.create(name)
        bob.join(name)
    stream = bob.live(room, other)
    for i, name in enumerate((room, third, other, third, room)):
        ana.send(name, f"{i}")
    assert stream.texts(3) == ["0", "2", "4"]


def test_rooms_of_one_stream_come_in_one_order(pair, fresh):
    ana, bob, room = pair
    other = fresh("other")
    ana.create(other)
    bob.join(other)
    live = bob.live()
    texts = []
    for i in range(10):
        texts.append(f"message {i}")
        ana.send(room if i % 3 else other, texts[-1])
    assert live.texts(10) == texts
    again = bob.stream(room, other, start=BEGINNING).until_caught_up()
    assert texts_of(events_of(again)) == texts


@pytest.mark.parametrize("rooms", [["Room"], ["lobby", ""], ["a" * 65], ["lobby"] * 1001])
def test_impossible_rooms_are_refused(guest, rooms):
    refusal = guest("ana").stream(*rooms).ended().check("INVALID_ARGUMENT", "FIELD_INVALID")
    assert refusal.fields[0].startswith("rooms")


def test_one_room_that_is_not_ones_own_is_enough(pair, guest, fresh):
    _ana, _bob, room = pair
    eve = guest("eve")
    eve.stream("lobby", room).ended().check("PERMISSION_DENIED", "NOT_A_MEMBER")
    eve.stream("lobby", fresh("missing")).ended().check("NOT_FOUND", "ROOM_NOT_FOUND")


def test_a_thousand_rooms_may_be_named(guest, fresh):
    ana = guest("ana")
    rooms = [fresh("many") for _ in range(200)]
    for call in [ana.begin("JoinRoom", room=r, create_if_missing=True) for r in rooms]:
        call.result()
    stream = ana.live(*rooms)
    for room in rooms[::40]:
        ana.send(room, room)
    assert stream.texts(5) == rooms[::40]


def test_all_rooms_include_those_joined_later(pair, guest, fresh):
    ana, bob, _room = pair
    stream = bob.live()
    later = fresh("later")
    ana.create(later)
    ana.send(later, "before bob came")
    bob.join(later)
    ana.send(later, "to bob")
    event = stream.message()
    assert (event.room, event.message_sent.text) == (later, "to bob")
    direct = ana.send(bob, "psst").room
    assert stream.message().room == direct
    mine = fresh("mine")
    bob.create(mine)
    bob.send(mine, "alone")
    assert stream.message().room == mine


def test_a_stream_resumed_tells_of_rooms_joined_meanwhile(pair, fresh):
    ana, bob, room = pair
    stream = bob.live()
    stream.cancel()
    later = fresh("later")
    ana.create(later)
    ana.send(later, "before bob came")
    ana.send(room, "one")
    bob.join(later)
    ana.send(later, "to bob")
    ana.send(room, "two")
    items = bob.stream(cursor=stream.cursor).until_caught_up()
    assert told(items, room) == ["one", "two"]
    assert told(items, later)[-1:] == ["to bob"]


def test_the_last_event_of_a_room_is_ones_own_leaving(pair):
    ana, bob, room = pair
    streams = [bob.live(), bob.live(room, "lobby")]
    ana.send(room, "stay!")
    bob.leave(room)
    ana.send(room, "behind bob's back")
    ana.send("lobby", "the stream goes on")
    for stream in streams:
        events = []
        while not events or events[-1].room != "lobby":
            events.append(stream.event())
        assert texts_of(events) == ["stay!", "the stream goes on"]
        left = events[-2]
        assert left.room == room
        assert left.member_changed.user == bob.name
        assert left.member_changed.state == api.MEMBER_STATE_LEFT


def test_leaving_is_the_last_event_for_who_was_away_too(pair):
    ana, bob, room = pair
    stream = bob.live()
    stream.cancel()
    ana.send(room, "before")
    bob.leave(room)
    ana.send(room, "behind bob's back")
    events = events_of(bob.stream(cursor=stream.cursor).until_caught_up(), room)
    assert texts_of(events) == ["before"]
    assert events[-1].member_changed.user == bob.name
    assert events[-1].member_changed.state == api.MEMBER_STATE_LEFT


def test_what_was_said_between_leaving_and_coming_back_is_not_told_on_resume(pair):
    ana, bob, room = pair
    stream = bob.live()
    stream.cancel()
    bob.leave(room)
    ana.send(room, "behind bob's back")
    bob.join(room)
    ana.send(room, "welcome back")
    items = bob.stream(cursor=stream.cursor).until_caught_up()
    assert told(items, room) == ["welcome back"]


def test_rooms_of_work_are_left_out_unless_named(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    work, talk = fresh("work"), fresh("talk")
    ana.create(work, delivery=api.ROOM_DELIVERY_ONE)
    ana.create(talk)
    bob.join(work)
    bob.join(talk)
    everything, named = bob.live(), bob.live(work)
    ana.send(work, "a job")
    ana.send(talk, "a word")
    assert everything.texts(1) == ["a word"]
    assert named.texts(1) == ["a job"]
    assert told(bob.stream(start=BEGINNING).until_caught_up(), work) == []


def test_read_markers_are_told_at_the_start(pair, fresh):
    ana, bob, room = pair
    other = fresh("other")
    ana.create(other)
    bob.join(other)
    bob.mark_read(room, ana.send(room, "one").sequence)
    ana.send(room, "two")
    bob.send(other, "mine")
    standing = {name: entry.read_sequence for name, entry in bob.rooms().items()}
    for stream in (bob.stream(), bob.stream(room, other), bob.stream(start=BEGINNING)):
        items = stream.until_caught_up()
        markers = [item.read_marker for item in items if item.HasField("read_marker")]
        found = {marker.room: marker.sequence for marker in markers}
        assert len(found) == len(markers)
        assert found[room] == standing[room]
        assert found[other] == standing[other]
        assert all(standing[name] == sequence for name, sequence in found.items())


def test_a_read_marker_that_moves_is_told_to_ones_own_streams(server, guest, pair):
    ana, bob, room = pair
    eve = guest("eve")
    eve.join(room)
    other_device = Guest(server.address, bob.name, token=bob.token)
    streams = [bob.live(), other_device.live(room)]
    not_for_eve = eve.live()
    sequence = ana.send(room, "read me").sequence
    bob.mark_read(room, sequence)
    for stream in streams:
        assert stream.marker(room) == sequence
    ana.send(room, "the end")
    texts = []
    while texts != ["read me", "the end"]:
        item = not_for_eve.next()
        assert not item.HasField("read_marker")
        texts += texts_of(events_of([item]))
    other_device.close()


def test_sending_moves_the_senders_marker_on_their_streams(pair):
    ana, _bob, room = pair
    stream = ana.live()
    sent = ana.send(room, "mine").sequence
    assert stream.marker(room) == sent


def test_durable_only_leaves_out_what_does_not_last(pair):
    ana, bob, room = pair
    stream = bob.live(durable_only=True)
    ana.live().cancel()
    ana.send(room, "lasting")
    while True:
        item = stream.next()
        assert item.WhichOneof("item") not in ("typing", "presence")
        if item.HasField("event"):
            break


@pytest.mark.parametrize("cursor", ["x", "garbage", "AAAA", "A" * 64, "!?", "\u00e9", "A" * 7000])
def test_a_forged_cursor_is_refused(guest, cursor):
    ana = guest("ana")
    refusal = ana.stream(cursor=cursor).ended()
    refusal.check("INVALID_ARGUMENT", "CURSOR_INVALID", "cursor")


def test_a_bent_cursor_never_shows_what_is_not_ones_own(pair, guest):
    ana, bob, room = pair
    stream = bob.stream(start=BEGINNING)
    stream.until_caught_up()
    cursor = stream.cursor
    eve = guest("eve")
    for place in range(0, len(cursor), 3):
        bent = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        for forged in (bent, cursor[:place]):
            call = eve.stream(cursor=forged)
            try:
                items = call.until_caught_up()
            except Ended as ended:  # refused is right as well
                assert ended.refusal.code.name in ("INVALID_ARGUMENT", "OUT_OF_RANGE"), ended
                continue
            assert events_of(items, room) == []
            call.cancel()


def test_anothers_cursor_shows_ones_own_rooms_only(pair, guest):
    ana, bob, room = pair
    stream = bob.live()
    ana.send(room, "among us")
    stream.message()
    ana.send(room, "still among us")
    items = guest("eve").stream(cursor=stream.cursor).until_caught_up()
    assert events_of(items, room) == []


def test_a_cursor_of_another_server_is_lost(server, parlad, sign_in):
    stranger = sign_in(parlad(), "stranger").live()
    ana = sign_in(server, "visitor")
    ana.stream(cursor=stranger.cursor).ended().check("OUT_OF_RANGE", "CURSOR_LOST")


def test_stopping_is_announced(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.create("work", delivery=api.ROOM_DELIVERY_ONE)
    streams = [ana.live(), ana.live("lobby"), ana.take("work")]
    ana.send("lobby", "last words")
    server.stop(signal.SIGTERM)
    for stream in streams:
        items, refusal = stream.rest()
        refusal.check("UNAVAILABLE", "DRAINING")
        assert refusal.retry_ms is not None
        assert items[-1].HasField("draining")
    server.start()
    ana.reconnect()
    resumed = ana.stream("lobby", cursor=streams[1].cursor)
    assert told(resumed.until_caught_up(), "lobby") == []


def test_sigint_stops_as_well(parlad, sign_in):
    server = parlad()
    stream = sign_in(server, "ana").live()
    server.stop(signal.SIGINT)
    items, refusal = stream.rest()
    assert items[-1].HasField("draining")
    refusal.check("UNAVAILABLE")


def test_a_stream_resumes_across_a_restart_without_gap_or_repeat(parlad, sign_in):
    server = parlad()
    ana, bob = sign_in(server, "ana"), sign_in(server, "bob")
    rooms = ["lobby", "one", "two"]
    for room in rooms[1:]:
        ana.create(room)
        bob.join(room)
    wanted, got, cursor = [], [], bob.live().cursor
    for life in range(3):
        stream = bob.stream(cursor=cursor)
        for i in range(12):
            wanted.append(f"{life}.{i}")
            ana.send(rooms[i % 3], wanted[-1])
        unsaved = []  # what has come since the last cursor is given again
        while len(got) < len(wanted) - 5:
            item = stream.next()
            unsaved += texts_of(events_of([item]))
            if item.cursor:
                got, unsaved, cursor = got + unsaved, [], item.cursor
        server.restart()
        ana.reconnect()
        bob.reconnect()
    stream = bob.stream(cursor=cursor)
    got += texts_of(events_of(stream.until_caught_up()))
    assert got == wanted


def test_a_cursor_taken_while_catching_up_goes_on_catching_up(pair, fresh):
    ana, bob, room = pair
    other = fresh("other")
    ana.create(other)
    bob.join(other)
    texts = [f"message {i}" + "x" * 500 for i in range(300)]
    for call in [ana.begin_send(room if i % 2 else other, text) for i, text in enumerate(texts)]:
        call.result()
    for start in (BEGINNING, UNREAD):
        whole = events_of(bob.stream(room, other, start=start).until_caught_up())
        got, cursor, fields = [], "", {"start": start}
        for stop in (7, 50, 120, 1000):
            stream = bob.stream(room, other, **fields)
            pending = []
            while len(got) < stop:
                item = stream.next()
                pending += events_of([item])
                if item.cursor:
                    got, pending, cursor = got + pending, [], item.cursor
                if item.HasField("caught_up"):
                    break
            stream.cancel()
            fields = {"cursor": cursor}
        assert got == whole


def test_the_hand_over_from_log_to_live_is_exact(pair):
    ana, bob, room = pair
    ana.send(room, "first")
    calls = [ana.begin_send(room, f"message {i}") for i in range(400)]
    streams = [bob.stream(room, start=BEGINNING) for _ in range(10)]
    wanted = ["first"] + [call.result().message.text for call in calls]
    for stream in streams:
        assert stream.texts(401) == wanted

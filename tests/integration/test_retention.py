"""Room.retention_seconds: messages are kept so long; streams say where something is missing."""

import pytest

from support.contract import api
from support.deadline import DEADLINE, eventually
from support.refusal import refused

SECRET = "nobody is to read this in a week"


@pytest.fixture
def hasty(guest, fresh):
    """Two in a room that keeps messages for a second: (ana, bob, room). They are its events 1
    to 3, and the last event of a room always stays."""
    ana, bob = guest("ana"), guest("bob")
    room = fresh("hasty")
    ana.create(room, retention_seconds=1)
    bob.join(room)
    return ana, bob, room


def until_kept_from(guest, room, sequence):
    """Waits until the room's first event is this one."""
    eventually(lambda: guest.call("GetRoom", room=room).room.first_sequence == sequence)


def states_of(items):
    """The rooms' states among a stream's items."""
    return [item.room_state for item in items if item.HasField("room_state")]


def what_of(items):
    """The items that are a room's, each as the place in the log that it tells of."""
    found = []
    for item in items:
        if item.HasField("room_state"):
            found.append(f"state as of {item.room_state.as_of_sequence}")
        elif item.HasField("event"):
            found.append(item.event.sequence)
    return found


def test_messages_go_and_the_last_event_stays(hasty):
    ana, bob, room = hasty
    for text in "abc":
        ana.send(room, text)
    until_kept_from(bob, room, 6)
    assert [message.text for message in bob.messages(room)] == ["c"]
    assert [message.text for message in bob.messages(room, ascending=True, after=1)] == ["c"]
    assert bob.messages(room, before=6) == []
    found = bob.call("GetRoom", room=room).room
    assert (found.last_sequence, found.last_message_sequence) == (6, 6)
    assert found.retention_seconds == 1
    assert ana.send(room, "d").sequence == 7


def test_a_room_without_it_keeps_all(guest, fresh, hasty):
    ana, _, room = hasty
    ever = fresh("ever")
    ana.create(ever)
    kept = ana.send(ever, "kept")
    ana.send(room, "goes")
    ana.send(room, "stays")
    until_kept_from(ana, room, 5)
    assert ana.call("GetRoom", room=ever).room.first_sequence == 1
    assert ana.messages(ever) == [kept]


def test_what_is_gone_is_not_unread(hasty):
    ana, bob, room = hasty
    for text in ("a", f"@{bob.name} b", f"@{bob.name} c"):
        ana.send(room, text)
    until_kept_from(bob, room, 6)
    entry = bob.rooms()[room]
    assert (entry.unread_count, entry.unread_mentions) == (1, 1)
    assert entry.read_sequence < 4
    bob.mark_read(room, 4)  # a place before all that is kept
    entry = bob.rooms()[room]
    assert (entry.read_sequence, entry.unread_count, entry.unread_mentions) == (4, 1, 1)
    bob.mark_read(room, 6)
    entry = bob.rooms()[room]
    assert (entry.unread_count, entry.unread_mentions) == (0, 0)


def test_what_was_sent_and_is_gone_is_not_sent_again(hasty):
    ana, bob, room = hasty
    ana.send(room, "once", request_id="r1")
    ana.send(room, "later")
    until_kept_from(bob, room, 5)
    with refused("FAILED_PRECONDITION", "MESSAGE_NOT_FOUND"):
        ana.send(room, "once", request_id="r1")
    assert ana.send(room, "next").sequence == 6


def test_nobody_answers_what_is_gone(hasty):
    ana, bob, room = hasty
    first = ana.send(room, "who?").sequence
    ana.send(room, "me", thread=first)
    until_kept_from(bob, room, 5)
    with refused("FAILED_PRECONDITION", "MESSAGE_NOT_FOUND"):
        ana.send(room, "me", thread=first)
    with refused("FAILED_PRECONDITION", "MESSAGE_NOT_FOUND"):
        ana.send(room, "me", reply_to=first)


def test_a_stream_from_the_beginning_begins_with_the_room(hasty):
    ana, bob, room = hasty
    ana.send(room, "goes")
    ana.send(room, "stays")
    until_kept_from(bob, room, 5)
    items = bob.stream(room, start=api.STREAM_START_BEGINNING).until_caught_up()
    assert what_of(items) == ["state as of 4", 5]
    (state,) = states_of(items)
    assert state.room.room == room
    assert state.room.retention_seconds == 1
    assert (state.room.first_sequence, state.room.last_sequence) == (5, 4)
    assert state.room.last_message_sequence == 4
    assert state.room.member_count == 2
    assert not state.more_members
    members = {member.user: member for member in state.members}
    assert set(members) == {ana.name, bob.name}
    assert members[ana.name].role == api.MEMBER_ROLE_OWNER
    assert members[bob.name].role == api.MEMBER_ROLE_MEMBER
    assert members[bob.name].user_id == bob.user_id
    assert all(member.state == api.MEMBER_STATE_JOINED for member in members.values())


def test_it_is_the_room_as_it_was_at_that_place(hasty, guest):
    ana, bob, room = hasty
    ana.send(room, "goes")
    cid = guest("cid")
    cid.join(room)  # 5
    until_kept_from(ana, room, 5)
    items = cid.stream(room, start=api.STREAM_START_BEGINNING).until_caught_up()
    assert what_of(items) == ["state as of 4", 5]
    assert {member.user for member in states_of(items)[0].members} == {ana.name, bob.name}
    bob.leave(room)  # 6
    until_kept_from(ana, room, 6)
    items = ana.stream(start=api.STREAM_START_BEGINNING).until_caught_up()
    assert [what for what in what_of(items) if what != 1][:2] == ["state as of 5", 6]
    (state,) = states_of(items)
    assert {member.user for member in state.members} == {ana.name, bob.name, cid.name}
    assert state.room.member_count == 3


def test_a_cursor_behind_the_state_does_not_bring_it_again(hasty):
    ana, bob, room = hasty
    ana.send(room, "goes")
    ana.send(room, "stays")
    until_kept_from(bob, room, 5)
    stream = bob.stream(room, start=api.STREAM_START_BEGINNING)
    items = stream.until_caught_up()
    (cursor,) = [item.cursor for item in items if item.HasField("room_state")]
    assert cursor
    for _ in range(2):
        assert what_of(bob.stream(room, cursor=cursor).until_caught_up()) == [5]
    assert what_of(bob.stream(room, cursor=stream.cursor).until_caught_up()) == []


def test_who_was_away_too_long_is_told(hasty):
    ana, bob, room = hasty
    stream = bob.live(room)
    ana.send(room, "a")
    assert stream.event().sequence == 4
    stream.cancel()
    ana.send(room, "b")
    ana.send(room, "c")
    until_kept_from(ana, room, 6)
    resumed = bob.stream(room, cursor=stream.cursor)
    items = resumed.until_caught_up()
    assert what_of(items) == ["state as of 5", 6]
    ana.send(room, "d")
    assert resumed.event().sequence == 7


def test_who_has_had_all_that_is_gone_misses_nothing(hasty):
    ana, bob, room = hasty
    stream = bob.live(room)
    ana.send(room, "a")
    ana.send(room, "b")
    assert [stream.event().sequence for _ in range(2)] == [4, 5]
    stream.cancel()
    ana.send(room, "c")
    until_kept_from(ana, room, 6)
    assert what_of(bob.stream(room, cursor=stream.cursor).until_caught_up()) == [6]


def test_unread_begins_where_the_marker_is_or_with_the_room(hasty):
    ana, bob, room = hasty
    for text in "abc":
        ana.send(room, text)
    until_kept_from(ana, room, 6)
    unread = bob.stream(room, start=api.STREAM_START_UNREAD).until_caught_up()
    assert what_of(unread) == ["state as of 5", 6]
    bob.mark_read(room, 4)
    unread = bob.stream(room, start=api.STREAM_START_UNREAD).until_caught_up()
    assert what_of(unread) == ["state as of 5", 6]
    bob.mark_read(room, 5)
    unread = bob.stream(room, start=api.STREAM_START_UNREAD).until_caught_up()
    assert what_of(unread) == [6]


def test_unread_of_many_rooms_at_once(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    rooms = [fresh("one-of-many") for _ in range(12)]
    for room in rooms:
        ana.create(room, retention_seconds=1)
        bob.join(room)
        ana.send(room, "goes")
        ana.send(room, "stays")
    for room in rooms:
        until_kept_from(ana, room, 5)
    stream = bob.stream(*rooms, start=api.STREAM_START_UNREAD)
    items = stream.until_caught_up()
    assert sorted(state.room.room for state in states_of(items)) == sorted(rooms)
    for room in rooms:
        mine = [
            item
            for item in items
            if item.room_state.room.room == room or item.event.room == room
        ]
        assert what_of(mine) == ["state as of 4", 5]
    assert what_of(bob.stream(*rooms, cursor=stream.cursor).until_caught_up()) == []


def test_a_live_stream_sees_all(hasty):
    ana, bob, room = hasty
    stream = bob.live(room)
    for i in range(5):
        ana.send(room, f"message {i}")
    until_kept_from(bob, room, 8)
    ana.send(room, "last")
    assert stream.texts(6) == [f"message {i}" for i in range(5)] + ["last"]


def test_work_that_nobody_did_in_time_goes(guest, fresh):
    asker, bob = guest("asker"), guest("bob")
    room = fresh("hasty-work")
    asker.create(room, delivery=api.ROOM_DELIVERY_ONE, retention_seconds=1)
    bob.join(room)
    taker = bob.take(room, lease_seconds=3600)
    asker.send(room, "leased")
    taken = taker.taken()
    assert taken.message.text == "leased"
    asker.send(room, "waits")
    asker.send(room, "stays")
    until_kept_from(asker, room, 6)
    assert taker.taken().message.text == "stays"
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        bob.acknowledge(room, taken)


def test_it_goes_on_after_a_restart(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.create("short", retention_seconds=1)
    ana.send("short", "goes")
    ana.send("short", "stays")
    server.kill()
    server.start()
    ana = sign_in(server, "bob")
    until_kept_from(ana, "short", 4)


def test_the_text_is_in_no_file(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")

    def somewhere(text):
        files = [path for path in server.data.iterdir() if path.is_file()]
        return any(text.encode() in path.read_bytes() for path in files)

    ana.create("short", retention_seconds=1)
    ana.send("short", SECRET)
    ana.send("short", SECRET * 400)  # in pages of its own
    assert somewhere(SECRET)
    ana.send("short", "this one stays")
    until_kept_from(ana, "short", 5)
    # With a commit, ten seconds after the last time; an idle server has one a minute.
    eventually(lambda: not somewhere(SECRET), 4 * DEADLINE)
    assert somewhere("this one stays")

"""Several at once, on several connections: what one call has returned, every other call sees."""

import grpc
import pytest

from support.client import Guest, events_of
from support.contract import api
from support.refusal import refused
from support.threads import in_threads


@pytest.fixture
def twins(server, guest):
    """One user on two connections, which may be on two loops."""
    ana = guest("ana")
    twin = Guest(server.address, ana.name, token=ana.token)
    yield ana, twin
    twin.close()


def codes(calls):
    """How they ended, sorted."""
    return sorted(call.code().name for call in calls)


def test_what_is_acknowledged_is_seen_by_every_call_after(twins, fresh):
    ana, twin = twins
    room = fresh("room")
    ana.create(room)
    for i in range(150):
        sent = ana.send(room, f"message {i}")
        page = twin.call("ListMessages", room=room, page_size=1)
        assert page.messages[0] == sent
        assert page.as_of_sequence == sent.sequence
        assert twin.rooms()[room].room.last_sequence == sent.sequence


def test_a_session_that_has_ended_is_over_on_every_connection(server, sign_in, fresh):
    for _ in range(30):
        ana = sign_in(server, fresh("ana"))
        twin = sign_in(server, ana.name, token=ana.token)
        twin.messages("lobby")
        ana.sign_out()
        for call in (
            lambda: twin.messages("lobby"),
            lambda: twin.rooms(),
            lambda: twin.user(),
            lambda: twin.members("lobby"),
            lambda: twin.send("lobby", "still me"),
            lambda: list(twin.open("StreamMessages")),
        ):
            with refused("UNAUTHENTICATED"):
                call()


def test_a_room_that_one_has_left_is_closed_on_every_connection(twins, guest, fresh):
    ana, twin = twins
    room = fresh("room")
    guest("owner").create(room)
    for _ in range(40):
        ana.join(room)
        twin.messages(room)
        ana.leave(room)
        with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
            twin.messages(room)


def test_of_many_who_make_a_room_at_once_one_does(guest, fresh):
    people = [guest("p") for _ in range(8)]
    for _ in range(5):
        room = fresh("room")
        calls = [p.begin("CreateRoom", room=api.Room(room=room)) for p in people]
        assert codes(calls) == ["ALREADY_EXISTS"] * 7 + ["OK"]


def test_of_many_who_join_and_make_it_one_owns_it(guest, fresh):
    people = [guest("p") for _ in range(8)]
    for _ in range(5):
        room = fresh("room")
        calls = [p.begin("JoinRoom", room=room, create_if_missing=True) for p in people]
        assert codes(calls) == ["OK"] * 8
        members = people[0].members(room)
        assert len(members) == 8
        roles = sorted(member.role for member in members.values())
        assert roles == [api.MEMBER_ROLE_MEMBER] * 7 + [api.MEMBER_ROLE_OWNER]
        log = events_of(people[0].stream(room, start=api.STREAM_START_BEGINNING).until_caught_up())
        assert [event.sequence for event in log] == list(range(1, len(log) + 1))
        assert sum(event.HasField("member_changed") for event in log) == 8


def test_a_marker_moved_by_many_goes_forward_only(twins, guest, fresh):
    ana, twin = twins
    writer = guest("writer")
    room = fresh("room")
    writer.create(room)
    ana.join(room)
    stream = twin.live(room)
    sequences = [call.result().message.sequence for call in talk(writer, room, 200)]
    calls = []
    for i, sequence in enumerate(sequences):
        who = (ana, twin)[i % 2]
        calls.append(who.begin("MarkRead", room=room, sequence=sequence))
        calls.append(who.begin("MarkRead", room=room, sequence=sequences[i // 2]))
    for call in calls:
        call.result()
    told = [stream.marker(room)]
    while told[-1] != sequences[-1]:
        told.append(stream.marker(room))
    assert told == sorted(set(told))
    entry = ana.rooms()[room]
    assert (entry.read_sequence, entry.unread_count) == (sequences[-1], 0)


def talk(guest, room, count):
    """Begins to send so many messages."""
    return [guest.begin_send(room, f"message {i}") for i in range(count)]


def test_unread_counts_hold_while_others_talk(guest, fresh):
    reader, writers = guest("reader"), [guest("writer") for _ in range(3)]
    room = fresh("room")
    reader.create(room)
    for writer in writers:
        writer.join(room)
    calls = [call for writer in writers for call in talk(writer, room, 100)]
    for _ in range(20):
        entry = reader.rooms()[room]
        after = reader.messages(room, after=entry.read_sequence, page_size=1000)
        seen = [m for m in after if m.sequence <= entry.room.last_sequence]
        assert entry.unread_count == len(seen)
        if seen:
            reader.mark_read(room, seen[len(seen) // 2].sequence)
    for call in calls:
        call.result()


def test_streams_opened_and_dropped_while_others_sign_out(server, sign_in, fresh):
    """Nothing of it may trip the server; who stays is served."""
    stay = sign_in(server, fresh("stay"))
    live = stay.live()

    def come_and_go(number):
        for turn in range(15):
            with_stream = Guest(server.address, f"{prefix}{number}-{turn}")
            calls = [with_stream.open("StreamMessages", start=start) for start in (1, 2, 3)]
            sent = with_stream.begin_send("lobby", "hello")
            next(calls[0])  # cancelled at once, grpcio may reset a stream that it never opened
            if turn % 2:
                calls[0].cancel()
            with_stream.sign_out()
            assert sent.code().name in ("OK", "UNAUTHENTICATED")
            with_stream.channel.close()

    prefix = fresh("x")
    in_threads([lambda number=number: come_and_go(number) for number in range(6)])
    last = stay.send("lobby", "the end").sequence
    while live.message().sequence != last:
        pass
    assert not stay.call("ListUsers", prefix=prefix).users


def test_a_client_that_breaks_off_its_sends_leaves_whole_messages(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    calls = talk(ana, room, 300)
    for call in calls[::2]:
        call.cancel()
    kept = []
    for call in calls:
        try:
            kept.append(call.result().message.text)
        except (grpc.RpcError, grpc.FutureCancelledError):
            pass
    ana.send(room, "the end")
    texts = [message.text for message in bob.messages(room, ascending=True)]
    assert len(set(texts)) == len(texts)
    assert set(kept) <= set(texts) <= {f"message {i}" for i in range(300)} | {"the end"}
    order = [int(text.split()[1]) for text in texts[:-1]]
    assert order == sorted(order)

"""Rooms: making, finding, entering, leaving, who may see which."""

import grpc
import pytest

from support.client import events_of, texts_of
from support.contract import api
from support.refusal import refused

PRIVATE = api.ROOM_VISIBILITY_PRIVATE
PUBLIC = api.ROOM_VISIBILITY_PUBLIC


def test_a_room_is_made_as_asked(guest, fresh):
    ana = guest("ana")
    name = fresh("room")
    room = ana.create(name, title="Frühstück", topic="Brot & Käse", visibility=PUBLIC)
    assert (room.room, room.title, room.topic) == (name, "Frühstück", "Brot & Käse")
    assert room.visibility == PUBLIC
    assert room.delivery == api.ROOM_DELIVERY_EVERYONE
    assert room.member_count == 1
    assert room.create_time.seconds > 1_600_000_000
    assert room.first_sequence == 1
    assert room.last_message_sequence == 0
    assert not room.quiet_membership
    assert ana.call("GetRoom", room=name).room == room


def test_unsaid_is_public_and_for_everyone(guest, fresh):
    room = guest("ana").create(fresh("room"))
    assert room.visibility == PUBLIC
    assert room.delivery == api.ROOM_DELIVERY_EVERYONE


def test_who_makes_a_room_owns_it(guest, fresh):
    ana = guest("ana")
    name = fresh("room")
    ana.create(name)
    member = ana.members(name)[ana.name]
    assert member.role == api.MEMBER_ROLE_OWNER
    assert member.state == api.MEMBER_STATE_JOINED
    assert member.user_id == ana.user_id


def test_a_rooms_log_begins_with_the_room_and_its_owner(guest, fresh):
    ana = guest("ana")
    name = fresh("room")
    made = ana.create(name, topic="all of it is in the log")
    events = events_of(ana.stream(name, start=api.STREAM_START_BEGINNING).until_caught_up())
    assert [event.sequence for event in events] == list(range(1, made.last_sequence + 1))
    assert events[0].room_changed.room == name
    assert events[0].room_changed.topic == "all of it is in the log"
    assert events[0].actor == ana.name and events[0].actor_id == ana.user_id
    owners = [event.member_changed for event in events if event.HasField("member_changed")]
    assert [(o.user, o.state, o.role) for o in owners] == [
        (ana.name, api.MEMBER_STATE_JOINED, api.MEMBER_ROLE_OWNER)
    ]


def test_ids_are_one_name_space(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    public, private = fresh("public"), fresh("private")
    ana.create(public)
    ana.create(private, visibility=PRIVATE)
    for taken in (public, private, "lobby"):
        for person in (ana, bob):
            with refused("ALREADY_EXISTS", "ROOM_EXISTS"):
                person.create(taken)


@pytest.mark.parametrize("name", ["", "Room", "a b", "@room", "ü", "a/b", "a" * 65, "#a"])
def test_an_id_out_of_its_alphabet_or_length_is_refused(guest, name):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "room.room"):
        guest("ana").create(name)


@pytest.mark.parametrize("name", ["0", "-", "_x", "9" * 64, "a-b_c.d"])
def test_an_id_within_its_alphabet_and_length_is_taken(guest, name):
    assert guest("ana").create(name).room == name


@pytest.mark.parametrize(
    ("field", "longest"),
    [("title", 128), ("topic", 1024)],
)
def test_title_and_topic_have_a_longest(guest, fresh, field, longest):
    ana = guest("ana")
    room = ana.create(fresh("room"), **{field: "é" * (longest // 2)})
    assert getattr(room, field) == "é" * (longest // 2)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", f"room.{field}"):
        ana.create(fresh("room"), **{field: "x" * (longest + 1)})


@pytest.mark.parametrize(
    ("field", "value"),
    [("visibility", api.ROOM_VISIBILITY_DIRECT), ("visibility", 77), ("delivery", 77)],
)
def test_a_room_cannot_be_made_so(guest, fresh, field, value):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", f"room.{field}"):
        guest("ana").create(fresh("room"), **{field: value})


def test_joining_is_told_to_the_room(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    watch = ana.live(name)
    room = bob.join(name)
    assert room.room == name and room.member_count == 2
    event = watch.event()
    assert event.actor_id == bob.user_id
    assert event.member_changed.user == bob.name
    assert event.member_changed.state == api.MEMBER_STATE_JOINED
    assert event.member_changed.role == api.MEMBER_ROLE_MEMBER
    assert room.last_sequence == event.sequence


def test_joining_twice_changes_nothing(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    first = bob.join(name)
    assert bob.join(name) == first
    assert ana.join(name) == first
    assert ana.members(name)[ana.name].role == api.MEMBER_ROLE_OWNER


def test_the_lobby_is_quiet(guest):
    ana = guest("ana")
    before = ana.call("GetRoom", room="lobby").room
    bob = guest("bob")
    after = ana.call("GetRoom", room="lobby").room
    assert after.last_sequence == before.last_sequence
    assert after.member_count == before.member_count + 1
    bob.sign_out()
    ended = ana.call("GetRoom", room="lobby").room
    assert ended.last_sequence == before.last_sequence


def test_a_room_that_is_not_there_is_not_found(guest, fresh):
    ana = guest("ana")
    name = fresh("missing")
    for method in ("GetRoom", "JoinRoom", "LeaveRoom", "ListMembers", "ListMessages", "MarkRead"):
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            ana.call(method, room=name)
    with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
        ana.send(name, "anyone?")
    ana.stream(name).ended().check("NOT_FOUND", "ROOM_NOT_FOUND")
    ana.take(name).ended().check("NOT_FOUND", "ROOM_NOT_FOUND")


def test_joining_may_make_the_room(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    room = ana.join(name, create_if_missing=True)
    assert room.visibility == PUBLIC
    assert ana.members(name)[ana.name].role == api.MEMBER_ROLE_OWNER
    assert bob.join(name, create_if_missing=True).member_count == 2
    assert bob.members(name)[bob.name].role == api.MEMBER_ROLE_MEMBER


@pytest.mark.parametrize("name", ["", "Room", "a b", "a" * 65])
def test_an_impossible_room_is_not_joined(guest, name):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "room"):
        guest("ana").join(name, create_if_missing=True)


def test_a_room_of_the_servers_choosing_is_not_made_by_joining(guest, fresh):
    ana = guest("ana")
    with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
        ana.join("@" + fresh("x"))
    with pytest.raises(grpc.RpcError) as caught:
        ana.join("@" + fresh("x"), create_if_missing=True)
    assert caught.value.code().name in ("NOT_FOUND", "INVALID_ARGUMENT")


def test_leaving_is_for_good_and_told(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    bob.join(name)
    watch = ana.live(name)
    bob.leave(name)
    event = watch.event()
    assert event.member_changed.user == bob.name
    assert event.member_changed.state == api.MEMBER_STATE_LEFT
    assert set(ana.members(name)) == {ana.name}
    assert ana.call("GetRoom", room=name).room.member_count == 1
    assert name not in bob.rooms()
    with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
        bob.send(name, "am I still here?")


def test_one_may_come_back(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    bob.join(name)
    bob.leave(name)
    bob.join(name)
    bob.send(name, "back")
    assert [m.text for m in ana.messages(name)] == ["back"]


def test_a_public_room_is_found_by_all_and_for_members_only(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    sent = ana.send(name, "hello")
    assert bob.call("GetRoom", room=name).room.room == name
    assert name not in bob.rooms()
    entry = bob.rooms(include_unjoined=True)[name]
    assert not entry.HasField("member")
    for call in (
        lambda: bob.send(name, "hello"),
        lambda: bob.messages(name),
        lambda: bob.mark_read(name, sent.sequence),
    ):
        with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
            call()
    bob.stream(name).ended().check("PERMISSION_DENIED", "NOT_A_MEMBER")


def test_a_private_room_is_as_if_there_were_none(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    private, missing = fresh("room"), fresh("room")
    ana.create(private, visibility=PRIVATE)
    ana.send(private, "among us")
    assert private not in bob.rooms(include_unjoined=True)
    told = {}
    for name in (private, missing):
        told[name] = []
        for call in (
            lambda: bob.call("GetRoom", room=name),
            lambda: bob.join(name),
            lambda: bob.leave(name),
            lambda: bob.members(name),
            lambda: bob.messages(name),
            lambda: bob.mark_read(name, 1),
            lambda: bob.mark_read(name, 99),
            lambda: bob.send(name, "hello?"),
            lambda: bob.call("AckMessage", room=name, sequence=1, lease=1),
            lambda: bob.call("ReleaseMessage", room=name, sequence=1, lease=1),
        ):
            with refused("NOT_FOUND", "ROOM_NOT_FOUND") as found:
                call()
            told[name].append(found[0].message.replace(name, "ROOM"))
        for stream in (bob.stream(name), bob.take(name)):
            refusal = stream.ended().check("NOT_FOUND", "ROOM_NOT_FOUND")
            told[name].append(refusal.message.replace(name, "ROOM"))
    assert told[private] == told[missing]


def test_a_private_room_that_one_has_left_is_gone(guest, fresh):
    ana = guest("ana")
    name = fresh("room")
    ana.create(name, visibility=PRIVATE)
    ana.leave(name)
    with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
        ana.call("GetRoom", room=name)
    assert name not in ana.rooms(include_unjoined=True)


def test_a_direct_room_is_between_two(guest):
    ana, bob, eve = guest("ana"), guest("bob"), guest("eve")
    direct = ana.send(bob, "psst").room
    assert direct.startswith("@")
    room = bob.call("GetRoom", room=direct).room
    assert room.visibility == api.ROOM_VISIBILITY_DIRECT
    assert room.member_count == 2
    assert set(bob.members(direct)) == {ana.name, bob.name}
    assert bob.send(ana, "what?").room == direct
    assert ana.send(direct, "nothing").room == direct
    assert direct not in eve.rooms(include_unjoined=True)
    for call in (
        lambda: eve.call("GetRoom", room=direct),
        lambda: eve.join(direct),
        lambda: eve.messages(direct),
        lambda: eve.members(direct),
        lambda: eve.send(direct, "me too"),
    ):
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            call()


def test_rooms_come_by_id_page_after_page(guest, fresh):
    ana = guest("ana")
    names = [fresh(letter) for letter in "qzbkd"]
    for name in names:
        ana.create(name)
    wanted = sorted([*names, "lobby"])
    assert [e.room.room for e in ana.pages("ListRooms", "rooms", page_size=2)] == wanted
    assert len(ana.call("ListRooms", page_size=2).rooms) == 2
    everywhere = [
        e.room.room for e in ana.pages("ListRooms", "rooms", page_size=3, include_unjoined=True)
    ]
    assert everywhere == sorted(set(everywhere))
    assert set(wanted) <= set(everywhere)


def test_members_come_by_name_page_after_page(guest, fresh):
    owner = guest("m")
    name = fresh("room")
    owner.create(name)
    people = [owner] + [guest(letter) for letter in "zacx"]
    for person in people[1:]:
        person.join(name)
    found = owner.pages("ListMembers", "members", room=name, page_size=2)
    assert [member.user for member in found] == sorted(person.name for person in people)
    page = owner.call("ListMembers", room=name, page_size=2)
    assert len(page.members) == 2
    assert page.as_of_sequence == owner.call("GetRoom", room=name).room.last_sequence


@pytest.mark.parametrize("token", ["x", "!!!", "A" * 255, "A" * 3000])
@pytest.mark.parametrize("method", ["ListRooms", "ListMembers", "ListMessages"])
def test_a_made_up_page_token_is_refused(guest, method, token):
    fields = {} if method == "ListRooms" else {"room": "lobby"}
    with refused("INVALID_ARGUMENT", field="page_token"):
        guest("ana").call(method, page_token=token, **fields)


def test_unread_counts_are_what_others_wrote_since(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    bob.join(name)
    sent = [ana.send(name, text) for text in ("one", "two", f"three, @{bob.name}!")]
    entry = bob.rooms()[name]
    assert (entry.unread_count, entry.unread_mentions) == (3, 1)
    assert ana.rooms()[name].unread_count == 0
    assert ana.rooms()[name].read_sequence == sent[-1].sequence

    bob.mark_read(name, sent[1].sequence)
    entry = bob.rooms()[name]
    assert (entry.unread_count, entry.unread_mentions) == (1, 1)
    assert entry.read_sequence == sent[1].sequence

    bob.send(name, "all read")
    entry = bob.rooms()[name]
    assert (entry.unread_count, entry.unread_mentions) == (0, 0)
    assert ana.rooms()[name].unread_count == 1


def test_a_read_marker_never_moves_back_nor_past_the_last(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    name = fresh("room")
    ana.create(name)
    bob.join(name)
    first, second = ana.send(name, "one"), ana.send(name, "two")
    bob.mark_read(name, second.sequence)
    bob.mark_read(name, first.sequence)
    assert bob.rooms()[name].read_sequence == second.sequence
    with refused("OUT_OF_RANGE", "SEQUENCE_OUT_OF_RANGE"):
        bob.mark_read(name, second.sequence + 1)
    with refused("OUT_OF_RANGE", "SEQUENCE_OUT_OF_RANGE"):
        bob.mark_read(name, 2**64 - 1)
    assert bob.rooms()[name].read_sequence == second.sequence


def test_mentions_are_of_members_only(guest, fresh):
    ana, bob, eve = guest("ana"), guest("bob"), guest("eve")
    name = fresh("room")
    ana.create(name)
    bob.join(name)
    text = f"@{bob.name} and @{eve.name}, mail@{bob.name}x, @nobody, @{ana.name}: hi"
    message = ana.send(name, text)
    assert set(message.mentions) == {ana.name, bob.name}
    events = events_of(bob.stream(name, start=api.STREAM_START_BEGINNING).until_caught_up())
    assert texts_of(events) == [text]
    assert set(events[-1].message_sent.mentions) == {ana.name, bob.name}


def test_all_of_it_is_there_after_a_restart(parlad, sign_in):
    server = parlad()
    ana, bob = sign_in(server, "ana"), sign_in(server, "bob")
    ana.create("room", title="Title", topic="Topic", visibility=PRIVATE)
    ana.create("open", delivery=api.ROOM_DELIVERY_ONE)
    bob.join("open")
    ana.send("lobby", "hello @bob")
    ana.send(bob, "psst")
    before = {person.name: person.rooms() for person in (ana, bob)}
    members = bob.members("open")
    server.restart()
    ana.reconnect()
    bob.reconnect()
    assert {person.name: person.rooms() for person in (ana, bob)} == before
    assert bob.members("open") == members

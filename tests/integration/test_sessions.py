"""Who one is: names, tokens, and what is left of a guest who has gone."""

import re

import grpc
import pytest

from support.client import Guest, call_raw, callable_of, connect
from support.contract import IMPLEMENTED, api
from support.deadline import DEADLINE
from support.refusal import refused

# What may be called by who has not signed in.
OPEN_TO_ALL = {"SignUp", "SignIn", "SignInAsGuest"}
CLOSED = sorted(IMPLEMENTED - OPEN_TO_ALL)


def attempt(address, name, metadata):
    """Calls a method with an empty request and this metadata; streams are read."""
    method = api.method(name)
    channel = connect(address)
    call = callable_of(channel, method)
    try:
        if method.server_streaming:
            list(call(method.request(), timeout=DEADLINE, metadata=metadata))
        else:
            call(method.request(), timeout=DEADLINE, metadata=metadata)
    finally:
        channel.close()


def test_a_guest_gets_a_session(guest):
    ana = guest("ana")
    session = ana.session
    assert session.user.user == ana.name
    assert session.user.kind == api.USER_KIND_GUEST
    assert session.user.user_id > 0
    assert session.session
    assert session.create_time.seconds > 1_600_000_000


def test_tokens_hold_256_random_bits(guest):
    tokens = {guest("ana").token for _ in range(5)}
    assert len(tokens) == 5
    assert all(re.fullmatch(r"[\x21-\x7e]{43,}", token) for token in tokens)


def test_a_session_id_proves_nothing(server, guest):
    ana = guest("ana")
    assert ana.session.session != ana.token
    impostor = Guest(server.address, "", token=ana.session.session)
    with refused("UNAUTHENTICATED", "TOKEN_INVALID"):
        impostor.user()
    impostor.close()


def test_who_signs_in_is_in_the_lobby(guest):
    ana = guest("ana")
    lobby = ana.rooms()["lobby"]
    assert lobby.member.state == api.MEMBER_STATE_JOINED
    assert lobby.room.quiet_membership
    assert ana.name in ana.members("lobby")


def test_a_name_is_one_persons_at_a_time(server, sign_in, guest):
    ana = guest("ana")
    with refused("ALREADY_EXISTS", "NAME_TAKEN"):
        sign_in(server, ana.name)
    assert ana.user().user_id == ana.user_id


def test_of_many_who_want_a_name_at_once_one_gets_it(guest, fresh):
    name = fresh("wanted")
    askers = [guest("asker") for _ in range(8)]
    answers = [asker.begin("SignInAsGuest", user=name) for asker in askers]
    codes = [answer.code() for answer in answers]
    assert codes.count(grpc.StatusCode.OK) == 1
    assert codes.count(grpc.StatusCode.ALREADY_EXISTS) == 7


def test_signing_out_frees_the_name(server, sign_in, guest):
    ana = guest("ana")
    ana.sign_out()
    again = sign_in(server, ana.name)
    assert again.user_id != ana.user_id


def test_signing_out_voids_the_token_and_ends_the_streams(guest):
    ana = guest("ana")
    streams = [ana.live(), ana.live("lobby")]
    ana.sign_out()
    for stream in streams:
        stream.ended().check("UNAUTHENTICATED", "SESSION_ENDED")
    with refused("UNAUTHENTICATED"):
        ana.user()
    with refused("UNAUTHENTICATED"):
        list(ana.open("StreamMessages"))


def test_signing_out_ends_the_memberships(guest, fresh):
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    bob.create(room)
    ana.join(room)
    watch = bob.live(room)
    ana.sign_out()
    event = watch.event()
    assert event.member_changed.user == ana.name
    assert event.member_changed.user_id == ana.user_id
    assert event.member_changed.state == api.MEMBER_STATE_LEFT
    assert set(bob.members(room)) == {bob.name}
    assert ana.name not in bob.members("lobby")


def test_a_freed_name_sees_nothing_of_the_one_before(server, sign_in, guest, fresh):
    old, bob = guest("ana"), guest("bob")
    private, public, request_id = fresh("private"), fresh("public"), fresh("id")
    old.create(private, visibility=api.ROOM_VISIBILITY_PRIVATE)
    bob.create(public)
    old.join(public)
    old.send(private, "a secret of the old one")
    old.send(public, "said in public", request_id=request_id)
    direct = bob.send(old, "for the old one only").room
    old.send(bob, "an answer")
    old_cursor = old.stream(start=api.STREAM_START_BEGINNING)
    old_cursor.until_caught_up()
    old.sign_out()

    new = sign_in(server, old.name)
    assert new.user_id != old.user_id
    assert set(new.rooms()) == {"lobby"}
    assert new.user().user_id == new.user_id

    for room in (private, direct):
        assert room not in new.rooms(include_unjoined=True)
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            new.call("GetRoom", room=room)
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            new.messages(room)
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            new.send(room, "let me in")
        with refused("NOT_FOUND", "ROOM_NOT_FOUND"):
            new.join(room)
    with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
        new.messages(public)

    # Neither from the beginning nor from where the old one stood is there anything of theirs.
    beginning = new.stream(start=api.STREAM_START_BEGINNING).until_caught_up()
    resumed = new.stream(cursor=old_cursor.cursor).until_caught_up()
    for item in beginning + resumed:
        assert item.event.room in ("", "lobby")

    # What is sent to the name now goes to the new one, in a room of their own.
    fresh_direct = bob.send(new, "who are you?").room
    assert fresh_direct != direct
    assert [m.text for m in new.messages(fresh_direct)] == ["who are you?"]

    # Request ids are the old one's own too.
    new.join(public)
    response = new.send_response(public, "said in public", request_id=request_id)
    assert not response.deduplicated

    # What the old one wrote stays theirs.
    said = [m for m in new.messages(public, ascending=True)]
    assert [m.sender_id for m in said] == [old.user_id, new.user_id]


def test_a_token_outlives_a_restart(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    server.restart()
    ana.reconnect()
    assert ana.user().user_id == ana.user_id
    again = Guest(server.address, "ana", token=ana.token)
    assert again.user().user == "ana"
    again.close()


def test_an_ended_session_stays_ended_after_a_restart(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.sign_out()
    server.restart()
    ana.reconnect()
    with refused("UNAUTHENTICATED"):
        ana.user()


def test_a_token_is_nowhere_in_the_data(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.send("lobby", "needle in the hay")
    server.stop()
    kept = b"".join(path.read_bytes() for path in server.data.rglob("*") if path.is_file())
    assert b"needle in the hay" in kept
    assert ana.token.encode() not in kept
    assert ana.token not in server.stderr_text()


def test_guests_may_be_kept_out(parlad, sign_in):
    server = parlad(guests="off")
    with refused("PERMISSION_DENIED", "GUESTS_OFF"):
        sign_in(server, "ana")


@pytest.mark.parametrize("name", CLOSED)
def test_without_a_token_nothing_is_told(server, name):
    with refused("UNAUTHENTICATED", "TOKEN_MISSING"):
        attempt(server.address, name, [])


@pytest.mark.parametrize("name", CLOSED)
def test_a_wrong_token_is_refused(server, name):
    with refused("UNAUTHENTICATED", "TOKEN_INVALID"):
        attempt(server.address, name, [("authorization", "Bearer " + "A" * 43)])


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Basic YW5hOmFuYQ==", "Bearer " + "x" * 4000, "Bearer a b", "~"],
)
def test_an_odd_authorization_is_refused(server, value):
    with refused("UNAUTHENTICATED"):
        attempt(server.address, "GetUser", [("authorization", value)])


def test_a_token_cut_or_grown_is_refused(server, guest):
    token = guest("ana").token
    for wrong in (token[:-1], token + "A", token.swapcase()):
        with refused("UNAUTHENTICATED"):
            attempt(server.address, "GetUser", [("authorization", f"Bearer {wrong}")])


@pytest.mark.parametrize(
    "name",
    ["", "A", "Ana", "1ana", "-ana", ".ana", "_ana", "ana maria", "aná", "@ana", "a/b", "a" * 33],
)
def test_a_name_out_of_its_alphabet_or_length_is_refused(server, sign_in, name):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "user"):
        sign_in(server, name)


@pytest.mark.parametrize("name", ["z", "z" * 32, "z-1_2.3", "z.-_"])
def test_a_name_within_its_alphabet_and_length_is_taken(server, sign_in, name):
    assert sign_in(server, name).user().user == name


def test_raw_bytes_that_are_no_utf8_are_refused_as_a_name(server):
    channel = connect(server.address)
    path = api.method("SignInAsGuest").path
    for value in (b"\xff\xfe", b"an\x00a", b"\xc0\x80", b"\xed\xa0\x80"):
        with refused("INVALID_ARGUMENT", field="user"):
            call_raw(channel, path, b"\x0a" + bytes([len(value)]) + value)
    channel.close()

"""Sending: what comes back, what is refused and how, once and in order."""

import pytest

from support.client import Guest, events_of, texts_of
from support.contract import api
from support.refusal import refused

LONGEST = 16 * 1024


@pytest.fixture
def pair(guest, fresh):
    """Two in a room: (ana, bob, room)."""
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)
    return ana, bob, room


def test_the_answer_is_the_message_as_the_log_holds_it(pair):
    ana, bob, room = pair
    before = ana.call("GetRoom", room=room).room.last_sequence
    response = ana.send_response(room, "hello")
    message = response.message
    assert (message.room, message.text, message.sender) == (room, "hello", ana.name)
    assert message.sender_id == ana.user_id
    assert message.sequence == before + 1
    assert message.last_change_sequence == message.sequence
    assert message.create_time.seconds > 1_600_000_000
    assert not message.HasField("edit_time") and not message.HasField("delete_time")
    assert not response.deduplicated
    assert response.durability == api.DURABILITY_SYNCED
    assert bob.messages(room) == [message]
    told = ana.call("GetRoom", room=room).room
    assert told.last_sequence == told.last_message_sequence == message.sequence


def test_the_event_says_what_the_message_says(pair):
    ana, bob, room = pair
    watch = bob.live(room)
    message = ana.send(room, "hello")
    event = watch.message()
    assert (event.room, event.sequence) == (room, message.sequence)
    assert (event.actor, event.actor_id) == (ana.name, ana.user_id)
    assert event.create_time == message.create_time
    assert event.message_sent.text == "hello"
    assert not event.message_sent.redacted


@pytest.mark.parametrize(
    "text",
    [
        "x",
        " ",
        "x" * LONGEST,
        "é" * (LONGEST // 2),
        "日本語 😀 👩‍👩‍👧 e\u0301 \u202eabc \x1b[31mred\x07",
        "two\nlines\r\n\ttab",
        "\ufeff\U0010ffff\ud7ff",
    ],
)
def test_a_text_arrives_byte_for_byte(pair, text):
    ana, bob, room = pair
    watch = bob.live(room)
    assert ana.send(room, text).text == text
    assert watch.message().message_sent.text == text
    assert bob.messages(room)[0].text == text


@pytest.mark.parametrize(
    "text", ["", "x" * (LONGEST + 1), "é" * (LONGEST // 2) + "x", "a\0b", "\0"]
)
def test_a_text_that_may_not_be(pair, text):
    ana, _bob, room = pair
    with refused("INVALID_ARGUMENT", field="text"):
        ana.send(room, text)
    assert ana.messages(room) == []


def test_a_message_wants_a_target(guest):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID"):
        guest("ana").call("SendMessage", text="to whom?")


@pytest.mark.parametrize("room", ["", "Room", "a b", "a" * 65])
def test_an_impossible_room_is_called_so(guest, room):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID"):
        guest("ana").call("SendMessage", room=room, text="x")


@pytest.mark.parametrize("user", ["", "Ana", "1a", "a b", "a" * 33])
def test_an_impossible_user_is_called_so(guest, user):
    with refused("INVALID_ARGUMENT", "FIELD_INVALID"):
        guest("ana").call("SendMessage", user=user, text="x")


def test_a_user_who_is_not_there(guest, fresh):
    with refused("NOT_FOUND", "USER_NOT_FOUND"):
        guest("ana").call("SendMessage", user=fresh("nobody"), text="hello?")


def test_files_are_not_taken_yet(pair):
    ana, _bob, room = pair
    with refused("UNIMPLEMENTED", "ATTACHMENTS_UNSUPPORTED"):
        ana.send(room, "see this", attachments=[api.Attachment(file="0" * 64, name="x")])
    assert ana.messages(room) == []


def test_a_reply_names_what_it_answers(pair):
    ana, bob, room = pair
    question = ana.send(room, "who?")
    watch = ana.live(room)
    answer = bob.send(room, "me", reply_to=question.sequence)
    assert answer.reply_to == question.sequence
    assert watch.message().message_sent.reply_to == question.sequence
    assert ana.messages(room)[0].reply_to == question.sequence


@pytest.mark.parametrize("field", ["reply_to", "thread"])
def test_a_reply_to_no_message_is_refused(pair, field):
    ana, _bob, room = pair
    last = ana.send(room, "hello").sequence
    for wrong in (1, last + 1, 2**63, 2**64 - 1):  # 1 is the room's making
        with refused("FAILED_PRECONDITION", "MESSAGE_NOT_FOUND"):
            ana.send(room, "x", **{field: wrong})


def test_a_thread_hangs_together(pair):
    ana, bob, room = pair
    first = ana.send(room, "let us talk about this")
    ana.send(room, "and this is another matter")
    answers = [bob.send(room, f"answer {i}", thread=first.sequence) for i in range(2)]
    assert [a.thread for a in answers] == [first.sequence] * 2
    thread = ana.messages(room, thread=first.sequence, ascending=True)
    assert [m.text for m in thread] == ["let us talk about this", "answer 0", "answer 1"]
    assert thread[0].thread_size == 2
    assert [m.thread_size for m in thread[1:]] == [0, 0]


def test_expected_last_message_answers_only_if_nobody_has(pair):
    ana, bob, room = pair
    question = ana.send(room, "who is first?")
    bob.send(room, "I am", expected_last_message=question.sequence)
    with refused("ABORTED", "NOT_THE_LAST_MESSAGE"):
        ana.send(room, "me too", expected_last_message=question.sequence)
    assert [m.text for m in ana.messages(room)] == ["I am", "who is first?"]


def test_expected_last_message_is_not_about_other_events(pair, guest):
    ana, _bob, room = pair
    last = ana.send(room, "hello")
    guest("eve").join(room)
    ana.send(room, "nobody has said a word since", expected_last_message=last.sequence)


def test_expected_last_message_of_a_thread(pair):
    ana, bob, room = pair
    first = ana.send(room, "first")
    ana.send(room, "the room goes on")
    fields = {"thread": first.sequence, "expected_last_message": first.sequence}
    answer = bob.send(room, "answer", **fields)
    ana.send(room, "the room goes on and on")
    with refused("ABORTED", "NOT_THE_LAST_MESSAGE"):
        ana.send(room, "answer", **fields)
    ana.send(room, "next", thread=first.sequence, expected_last_message=answer.sequence)


def test_of_many_who_expect_the_same_one_wins(guest, fresh):
    people = [guest("p") for _ in range(10)]
    room = fresh("room")
    people[0].create(room)
    for person in people[1:]:
        person.join(room)
    last = people[0].send(room, "who?").sequence
    begun = [p.begin_send(room, p.name, expected_last_message=last) for p in people]
    codes = sorted(call.code().name for call in begun)
    assert codes == ["ABORTED"] * 9 + ["OK"]
    assert len(people[0].messages(room)) == 2


def test_a_request_id_is_done_once(pair):
    ana, bob, room = pair
    watch = bob.live(room)
    first = ana.send_response(room, "once", request_id="id-1")
    again = ana.send_response(room, "once", request_id="id-1")
    assert (first.deduplicated, again.deduplicated) == (False, True)
    assert again.message == first.message
    assert again.durability == api.DURABILITY_SYNCED
    ana.send(room, "next")
    assert watch.texts(2) == ["once", "next"]


def test_a_request_id_sent_many_times_at_once_is_done_once(server, pair):
    ana, _bob, room = pair
    twins = [Guest(server.address, ana.name, token=ana.token) for _ in range(4)]
    calls = [t.begin_send(room, "once", request_id="same") for t in [ana, *twins] * 4]
    answers = [call.result() for call in calls]
    assert sum(not answer.deduplicated for answer in answers) == 1
    assert len({answer.message.sequence for answer in answers}) == 1
    assert len(ana.messages(room)) == 1
    for twin in twins:
        twin.close()


def test_a_request_id_is_told_apart_by_caller_and_target(pair, fresh):
    ana, bob, room = pair
    other = fresh("other")
    ana.create(other)
    answers = [
        ana.send_response(room, "x", request_id="same"),
        bob.send_response(room, "x", request_id="same"),
        ana.send_response(other, "x", request_id="same"),
        ana.send_response(bob, "x", request_id="same"),
    ]
    assert not any(answer.deduplicated for answer in answers)


@pytest.mark.parametrize("change", [{"text": "other"}, {"reply_to": True}, {"thread": True}])
def test_a_request_id_with_other_content_is_refused(pair, change):
    ana, _bob, room = pair
    first = ana.send(room, "first").sequence
    ana.send(room, "text", request_id="id")
    fields = {key: first if value is True else value for key, value in change.items()}
    text = fields.pop("text", "text")
    with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED", "request_id"):
        ana.send(room, text, request_id="id", **fields)
    assert len(ana.messages(room)) == 2


def test_a_request_id_comes_before_every_other_check(pair):
    ana, bob, room = pair
    question = ana.send(room, "who?").sequence
    fields = {"request_id": "id", "expected_last_message": question}
    first = bob.send(room, "me", **fields)
    ana.send(room, "thanks")
    again = bob.send_response(room, "me", **fields)
    assert again.deduplicated and again.message.sequence == first.sequence
    bob.leave(room)
    again = bob.send_response(room, "me", **fields)
    assert again.deduplicated and again.message.sequence == first.sequence


def test_a_refusal_is_not_remembered(pair, guest):
    ana, _bob, room = pair
    eve = guest("eve")
    with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
        eve.send(room, "hello", request_id="id")
    eve.join(room)
    response = eve.send_response(room, "hello", request_id="id")
    assert not response.deduplicated
    assert [m.text for m in ana.messages(room)] == ["hello"]


def test_a_request_id_has_a_longest(pair):
    ana, _bob, room = pair
    ana.send(room, "x", request_id="é" * 32)
    with refused("INVALID_ARGUMENT", field="request_id"):
        ana.send(room, "x", request_id="x" * 65)
    with refused("INVALID_ARGUMENT", field="request_id"):
        ana.send(room, "x", request_id="a\0b")


def test_a_request_id_outlives_a_restart(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    first = ana.send_response("lobby", "once", request_id="id")
    server.restart()
    ana.reconnect()
    again = ana.send_response("lobby", "once", request_id="id")
    assert again.deduplicated
    assert again.message == first.message
    assert len(ana.messages("lobby")) == 1


def test_sends_under_way_at_once_on_one_connection_keep_their_order(pair):
    ana, bob, room = pair
    watch = bob.live(room)
    wanted = [f"message {i}" for i in range(500)]
    calls = [ana.begin_send(room, text) for text in wanted]
    sequences = [call.result().message.sequence for call in calls]
    assert sequences == sorted(sequences)
    assert watch.texts(500) == wanted
    assert [m.text for m in bob.messages(room, ascending=True)] == wanted


def test_a_message_to_a_user_makes_their_room(guest):
    ana, bob = guest("ana"), guest("bob")
    watch = bob.live()
    message = ana.send(bob, "hello")
    event = watch.message()
    assert (event.room, event.message_sent.text) == (message.room, "hello")
    assert bob.rooms()[message.room].unread_count == 1
    events = events_of(bob.stream(message.room, start=api.STREAM_START_BEGINNING).until_caught_up())
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert texts_of(events) == ["hello"]


def test_two_who_write_to_each_other_at_once_share_a_room(guest):
    ana, bob = guest("ana"), guest("bob")
    calls = [ana.begin_send(bob, "a"), bob.begin_send(ana, "b")]
    assert len({call.result().message.room for call in calls}) == 1


def test_written_is_told_truthfully(parlad, sign_in):
    server = parlad(durability="written")
    response = sign_in(server, "ana").send_response("lobby", "quick")
    assert response.durability == api.DURABILITY_WRITTEN

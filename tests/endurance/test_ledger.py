"""The judges find what is wrong: a hole, a repeat, another order, a loss, work with two."""

import contextlib

import pytest
from ledger import Broken, Ledger, StreamJudge, WorkJudge
from support.contract import api


def event(sequence, text, room="room", cursor=""):
    """An item with a message."""
    fields = {"room": room, "sequence": sequence, "message_sent": {"text": text}}
    return api.StreamMessagesResponse(event=fields, cursor=cursor)


def state(sequence, room="room"):
    """An item with a room's state."""
    fields = {"room": {"room": room}, "as_of_sequence": sequence}
    return api.StreamMessagesResponse(room_state=fields)


def member(sequence, actor_id, room="room"):
    """An item with an event that is no message."""
    fields = {"room": room, "sequence": sequence, "actor_id": actor_id}
    return api.StreamMessagesResponse(event={**fields, "member_changed": {}})


CAUGHT_UP = api.StreamMessagesResponse(caught_up={})


def given(ledger, *items, **options):
    """A stream of these items, judged."""
    judge = StreamJudge(ledger, "a reader", **options)
    judge.begin()
    for item in items:
        judge.take(item)
    return judge


def broken(word):
    """What is inside is found to be broken, and is called so."""
    return pytest.raises(Broken, match=word)


def test_a_stream_without_fault_is_let_pass(ledger):
    judge = given(ledger, event(3, "a"), member(4, 7), CAUGHT_UP, event(5, "b"))
    assert (judge.last("room"), judge.events_len) == (5, 3)


@pytest.mark.parametrize(
    "items",
    [
        [event(1, "a"), event(3, "c")],
        [event(1, "a"), event(1, "a")],
        [event(1, "a"), event(2, "b"), event(1, "a")],
        [event(1, "a"), state(3), event(4, "d")],
    ],
    ids=["hole", "repeat", "order", "state-in-between"],
)
def test_a_stream_with_a_fault_is_found(ledger, items):
    with broken("after"):
        given(ledger, *items)


def test_a_stream_from_the_beginning_begins_there(ledger):
    given(ledger, event(1, "a"), from_one=["room"])
    with broken("2 came after 0"):
        given(ledger, event(2, "b"), from_one=["room"])


def test_where_messages_go_a_state_may_stand_for_them_but_not_go_back(ledger):
    judge = given(ledger, event(1, "a"), state(5), event(6, "f"), may_skip=["room"])
    with broken("began anew at 2 after 6"):
        judge.take(state(2))


def test_a_second_caught_up_is_found(ledger):
    with broken("CaughtUp"):
        given(ledger, CAUGHT_UP, CAUGHT_UP)


def test_a_call_goes_on_after_its_cursor(ledger):
    judge = given(ledger, event(1, "a", cursor="c1"), event(2, "b"))
    judge.begin()
    judge.take(event(2, "b", cursor="c2"))
    judge.begin()
    with broken("2 came after 2"):
        judge.take(event(2, "b"))


def test_readers_who_are_given_different_events_are_found(ledger):
    given(ledger, event(1, "a"), member(2, 7))
    with broken("not for a reader what it is for others"):
        given(ledger, event(1, "b"))
    with broken("not for a reader what it is for others"):
        given(ledger, member(2, 8))


def test_a_message_in_two_places_is_found(ledger):
    ledger.acknowledge("room", 1, "a")
    with broken("one message is at"):
        given(ledger, event(1, "a"), event(2, "a"))


def test_an_answer_that_differs_from_the_log_is_found(ledger):
    given(ledger, event(1, "a"))
    with broken("not for the answer to its sender"):
        ledger.acknowledge("room", 1, "b")


def test_a_loss_is_found(ledger):
    for sequence, text in ((1, "a"), (2, "b"), (4, "d")):
        ledger.acknowledge("room", sequence, text)
    ledger.check_page("room", 0, [(1, "a"), (2, "b")], "a page")
    with broken("lost 1 messages, first 4"):
        ledger.check_page("room", 0, [(1, "a"), (2, "b")], "the log", upto=4)
    with broken("lost 1 messages, first 2"):
        ledger.check_page("room", 0, [(1, "a"), (4, "d")], "a page")
    with broken("2 after 2"):
        ledger.check_page("room", 0, [(1, "a"), (2, "b"), (2, "b")], "a page")


def test_what_was_broken_off_is_known_again(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with contextlib.closing(Ledger(path)) as ledger:
        ledger.acknowledge("room", 1, "a")
        ledger.job("work", 1)
        ledger.job("work", 2)
        ledger.job_done("work", 1)
    with open(path, "a", encoding="utf-8") as file:
        file.write('["sent", "room", 2, "0')  # its writer was killed
    with contextlib.closing(Ledger(path)) as again:
        assert (again.acknowledged_len, again.rooms()) == (1, ["room"])
        assert again.undone() == [("work", 2)]
        with broken("lost 1"):
            again.check_page("room", 0, [], "the log", upto=1)
        with broken("after it was done"):
            WorkJudge(again).taken("work", 1, 1, surely=True)


def test_work_is_handed_from_one_to_the_next(ledger):
    work = WorkJudge(ledger)
    work.taken("work", 1, 1, surely=True)
    work.ended("work", 1, 1)
    work.taken("work", 1, 2, surely=False)
    work.taken("work", 1, 4, surely=True)
    work.taken("work", 1, 3, surely=True)  # told late: the fourth has it already
    work.done("work", 1, 4)
    assert ledger.is_done("work", 1)
    assert work.handed_out_again == 2


def test_work_with_two_is_found(ledger):
    work = WorkJudge(ledger)
    work.taken("work", 1, 1, surely=True)
    with broken("two takers"):
        work.taken("work", 1, 2, surely=True)
    with broken("twice as attempt 1"):
        work.taken("work", 1, 1, surely=True)


def test_work_that_comes_again_after_it_was_done_is_found(ledger):
    work = WorkJudge(ledger)
    work.taken("work", 1, 1, surely=True)
    work.done("work", 1, 1)
    with broken("after it was done"):
        work.taken("work", 1, 2, surely=True)
    with broken("done twice"):
        work.done("work", 1, 1)


def test_work_that_is_forgotten_is_told(ledger):
    ledger.job("work", 1)
    assert ledger.undone() == [("work", 1)]

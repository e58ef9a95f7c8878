"""TakeMessages: each message of a ROOM_DELIVERY_ONE room is with one taker at a time."""

import queue
import random
import threading

import pytest

from support.client import Ended
from support.contract import api
from support.deadline import DEADLINE
from support.refusal import refused


@pytest.fixture
def help_desk(guest, fresh):
    """Who asks, two who answer, and their room: (asker, [ana, bob], room)."""
    asker, ana, bob = guest("asker"), guest("ana"), guest("bob")
    room = fresh("help")
    asker.create(room, delivery=api.ROOM_DELIVERY_ONE)
    ana.join(room)
    bob.join(room)
    return asker, [ana, bob], room


def test_a_message_is_taken_and_dealt_with(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    sent = asker.send(room, "help!")
    taken = taker.taken()
    assert taken.message == sent
    assert taken.attempt == 1
    assert taken.lease > 0
    ana.acknowledge(room, taken)
    asker.send(room, "next")
    assert taker.taken().message.text == "next"
    taker.cancel()
    assert bob.take(room).taken().message.text == "next"


def test_each_message_goes_to_exactly_one(help_desk):
    asker, people, room = help_desk
    dealt_with = queue.Queue()

    def deal(person, taker):
        try:
            while True:
                taken = taker.taken()
                person.acknowledge(room, taken)
                dealt_with.put(taken)
        except Ended:
            pass

    takers = [(person, person.take(room, max_unacknowledged=3)) for person in people * 2]
    threads = [threading.Thread(target=deal, args=pair, daemon=True) for pair in takers]
    for thread in threads:
        thread.start()
    wanted = [f"job {i}" for i in range(100)]
    for call in [asker.begin_send(room, text) for text in wanted]:
        call.result()
    taken = [dealt_with.get(timeout=DEADLINE) for _ in wanted]
    for _person, taker in takers:
        taker.cancel()
    for thread in threads:
        thread.join(DEADLINE)
    assert dealt_with.empty()
    assert sorted(item.message.text for item in taken) == sorted(wanted)
    assert {item.attempt for item in taken} == {1}
    assert len({item.lease for item in taken}) == len(wanted)


def test_it_waits_while_nobody_takes(help_desk):
    asker, (ana, _bob), room = help_desk
    for i in range(3):
        asker.send(room, f"job {i}")
    taker = ana.take(room)
    for i in range(3):
        taken = taker.taken()
        assert taken.message.text == f"job {i}"
        ana.acknowledge(room, taken)


def test_another_gets_it_if_the_first_goes_away(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room)
    asker.send(room, "help!")
    held = first.taken()
    second = bob.take(room)
    first.cancel()
    taken = second.taken()
    assert taken.message == held.message
    assert taken.attempt == 2
    assert taken.lease != held.lease
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        ana.acknowledge(room, held)
    bob.acknowledge(room, taken)


def test_another_gets_it_if_the_connection_breaks(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room)
    asker.send(room, "help!")
    first.taken()
    second = bob.take(room)
    ana.channel.close()
    assert second.taken().attempt == 2


def test_another_gets_it_when_the_lease_runs_out(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room, lease_seconds=1)
    asker.send(room, "help!")
    held = first.taken()
    taken = bob.take(room).taken()
    assert taken.message == held.message
    assert taken.attempt == 2
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        ana.acknowledge(room, held)
    bob.acknowledge(room, taken)


def test_a_message_given_back_goes_to_the_next(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room)
    asker.send(room, "help!")
    held = first.taken()
    second = bob.take(room)
    ana.release(room, held, delay_seconds=0)
    first.cancel()
    taken = second.taken()
    assert taken.message == held.message
    assert taken.attempt >= 2
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        ana.release(room, held)


def test_a_delay_keeps_it_back(help_desk):
    asker, (ana, _bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "later")
    asker.send(room, "now")
    ana.release(room, taker.taken(), delay_seconds=3600)
    taken = taker.taken()
    assert taken.message.text == "now"
    ana.acknowledge(room, taken)
    asker.send(room, "next")
    assert taker.taken().message.text == "next"


def test_a_delay_ends(help_desk):
    asker, (ana, _bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "later")
    ana.release(room, taker.taken(), delay_seconds=1)
    again = taker.taken()
    assert (again.message.text, again.attempt) == ("later", 2)


def test_no_more_than_max_unacknowledged_at_a_time(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room, max_unacknowledged=2)
    for i in range(4):
        asker.send(room, f"job {i}")
    held = [first.taken() for _ in range(2)]
    assert [taken.message.text for taken in held] == ["job 0", "job 1"]
    second = bob.take(room)
    other = second.taken()
    assert other.message.text == "job 2"  # so the first had not been given it
    second.cancel()
    ana.acknowledge(room, held[0])
    assert first.taken().message.text in ("job 2", "job 3")


def test_one_at_a_time_unless_asked(help_desk):
    asker, (ana, bob), room = help_desk
    first = ana.take(room)
    for i in range(2):
        asker.send(room, f"job {i}")
    assert first.taken().message.text == "job 0"
    assert bob.take(room).taken().message.text == "job 1"


def test_ones_own_is_for_others_unless_asked(help_desk):
    asker, (ana, _bob), room = help_desk
    own = asker.take(room)
    asker.send(room, "mine")
    ana.send(room, "ana's")
    assert own.taken().message.text == "ana's"
    own.cancel()
    taker = asker.take(room, include_own=True, max_unacknowledged=2)
    assert {taker.taken().message.text for _ in range(2)} == {"mine", "ana's"}


def test_a_lease_is_its_holders(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "help!")
    taken = taker.taken()
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        bob.acknowledge(room, taken)
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        bob.release(room, taken)
    sequence = taken.message.sequence
    for fields in (
        {"sequence": sequence, "lease": taken.lease + 1},
        {"sequence": sequence + 1, "lease": taken.lease},
    ):
        with refused("FAILED_PRECONDITION"):
            ana.call("AckMessage", room=room, **fields)
    ana.acknowledge(room, taken)
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        ana.acknowledge(room, taken)


def test_what_is_dealt_with_never_comes_again(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "done")
    ana.acknowledge(room, taker.taken())
    taker.cancel()
    asker.send(room, "next")
    assert bob.take(room).taken().message.text == "next"
    assert [m.text for m in bob.messages(room, ascending=True)] == ["done", "next"]


def test_only_rooms_of_work_are_taken_from(guest, fresh):
    ana = guest("ana")
    room = fresh("talk")
    ana.create(room)
    ana.take(room).ended().check("FAILED_PRECONDITION", "NOT_A_WORK_ROOM")
    ana.take("lobby").ended().check("FAILED_PRECONDITION", "NOT_A_WORK_ROOM")
    ana.take("").ended().check("INVALID_ARGUMENT", "FIELD_INVALID", "room")


def test_only_members_take(help_desk, guest):
    _asker, _people, room = help_desk
    eve = guest("eve")
    eve.take(room).ended().check("PERMISSION_DENIED", "NOT_A_MEMBER")
    for method in ("AckMessage", "ReleaseMessage"):
        with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
            eve.call(method, room=room, sequence=1, lease=1)


def test_who_leaves_the_room_takes_no_more(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "help!")
    held = taker.taken()
    ana.leave(room)
    taker.ended().check("PERMISSION_DENIED", "NOT_A_MEMBER")
    taken = bob.take(room).taken()
    assert taken.message == held.message and taken.attempt == 2


def test_who_signs_out_takes_no_more(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "help!")
    held = taker.taken()
    ana.sign_out()
    taker.ended().check("UNAUTHENTICATED", "SESSION_ENDED")
    taken = bob.take(room).taken()
    assert taken.message == held.message and taken.attempt == 2


def test_a_thousand_at_a_time(help_desk):
    asker, (ana, bob), room = help_desk
    for call in [asker.begin_send(room, f"job {i}") for i in range(1005)]:
        call.result()
    first = ana.take(room, max_unacknowledged=1000)
    held = [first.taken() for _ in range(1000)]
    assert [taken.message.text for taken in held] == [f"job {i}" for i in range(1000)]
    second = bob.take(room, max_unacknowledged=1000)
    assert [second.taken().message.text for _ in range(5)] == [f"job {i}" for i in range(1000, 1005)]
    first.cancel()
    again = [second.taken() for _ in range(995)]
    assert {taken.attempt for taken in again} == {2}
    assert len({taken.message.sequence for taken in again}) == 995


def test_whatever_takers_do_each_message_is_acknowledged_once(help_desk, guest):
    """They acknowledge, give back, go away holding some, and come again."""
    asker, people, room = help_desk
    people = [*people, guest("eve")]
    people[-1].join(room)
    wanted = [f"job {i}" for i in range(150)]
    acknowledged = queue.Queue()
    done = threading.Event()

    def deal(person, dice):
        """Takes some, and goes away: with all dealt with, or holding one."""
        while not done.is_set():
            taker = person.take(room, max_unacknowledged=dice.randrange(1, 6))
            for _ in range(dice.randrange(1, 12)):
                taken = taker.taken()
                chance = dice.random()
                if chance < 0.1:
                    break
                if chance < 0.3:
                    person.release(room, taken)
                else:
                    person.acknowledge(room, taken)
                    acknowledged.put(taken.message.text)
            taker.cancel()

    threads = [
        threading.Thread(target=deal, args=(person, random.Random(i)), daemon=True)
        for i, person in enumerate(people)
    ]
    for thread in threads:
        thread.start()
    for call in [asker.begin_send(room, text) for text in wanted]:
        call.result()
    got = [acknowledged.get(timeout=DEADLINE) for _ in wanted]
    assert sorted(got) == sorted(wanted)
    done.set()
    while any(thread.is_alive() for thread in threads):
        asker.send(room, "for those who wait")
    while not acknowledged.empty():
        assert acknowledged.get() == "for those who wait"


def test_all_members_see_the_log_of_the_work(help_desk):
    asker, (ana, bob), room = help_desk
    taker = ana.take(room)
    asker.send(room, "help!")
    taker.taken()
    assert [m.text for m in bob.messages(room)] == ["help!"]


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_work_outlives_the_server(parlad, sign_in, end):
    server = parlad()
    asker, ana = sign_in(server, "asker"), sign_in(server, "ana")
    asker.create("help", delivery=api.ROOM_DELIVERY_ONE)
    ana.join("help")
    taker = ana.take("help", max_unacknowledged=2)
    for text in ("done", "held", "waiting"):
        asker.send("help", text)
    first, second = taker.taken(), taker.taken()
    assert (first.message.text, second.message.text) == ("done", "held")
    ana.acknowledge("help", first)
    if end == "kill":
        server.kill()
        server.start()
    else:
        server.restart()
    taker.ended().check("UNAVAILABLE")
    ana.reconnect()
    with refused("FAILED_PRECONDITION", "LEASE_LOST"):
        ana.acknowledge("help", second)
    again = ana.take("help", max_unacknowledged=10)
    taken = {item.message.text: item.attempt for item in (again.taken(), again.taken())}
    assert taken["held"] == 2
    assert set(taken) == {"held", "waiting"}


def test_takers_on_all_loops_are_told_apart(parlad, sign_in):
    server = parlad(loops=4)
    asker = sign_in(server, "asker")
    asker.create("help", delivery=api.ROOM_DELIVERY_ONE)
    people = [sign_in(server, f"taker-{i}") for i in range(12)]
    takers = []
    for person in people:
        person.join("help")
        takers.append(person.take("help"))
    for i in range(len(people)):
        asker.send("help", f"job {i}")
    taken = [taker.taken() for taker in takers]
    assert sorted(t.message.text for t in taken) == sorted(f"job {i}" for i in range(len(people)))
    takers[0].cancel()  # its own message, and no other's, goes to the next who is free
    people[1].acknowledge("help", taken[1])
    again = takers[1].taken()
    assert (again.message, again.attempt) == (taken[0].message, 2)
    for person, one in list(zip(people, taken))[2:]:
        person.acknowledge("help", one)
    people[1].acknowledge("help", again)

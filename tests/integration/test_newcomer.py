"""What people come for, each with clients that others wrote."""

from support.client import Guest, events_of, texts_of
from support.contract import api
from support.deadline import eventually


def test_talk_privately(guest):
    """It reaches Ana now, or when she comes back."""
    bob, ana = guest("bob"), guest("ana")
    there = ana.live()
    bob.send(ana, "hello")
    assert there.message().message_sent.text == "hello"
    there.cancel()
    bob.send(ana, "are you there?")
    back = ana.stream(cursor=there.cursor)
    assert texts_of(events_of(back.until_caught_up())) == ["are you there?"]


def test_talk_privately_with_who_was_never_online(server, guest):
    bob, ana = guest("bob"), guest("ana")
    room = bob.send(ana, "hello").room
    later = Guest(server.address, ana.name, token=ana.token)
    assert later.rooms()[room].unread_count == 1
    items = later.stream(start=api.STREAM_START_UNREAD).until_caught_up()
    assert "hello" in texts_of(events_of(items, room))
    later.close()


def test_talk_in_a_group(guest, fresh):
    """Everyone there sees it, in one order."""
    friends = fresh("friends")
    people = [guest("friend") for _ in range(4)]
    for person in people:
        person.join(friends, create_if_missing=True)
    streams = [person.live() for person in people]
    calls = [p.begin_send(friends, f"{p.name} {i}") for i in range(5) for p in people]
    for call in calls:
        call.result()
    orders = [stream.texts(20) for stream in streams]
    assert all(order == orders[0] for order in orders)
    assert len(set(orders[0])) == 20


def test_subscribe_and_catch_up(server, guest, fresh):
    """Join, go away, come back: what was said meanwhile is there, exactly once."""
    ana, bob = guest("ana"), guest("bob")
    room = fresh("news")
    ana.create(room)
    bob.join(room)
    stream = bob.live()
    ana.send(room, "while bob is here")
    assert stream.texts(1) == ["while bob is here"]
    cursor = stream.cursor
    bob.close()
    for i in range(100):
        ana.send(room, f"meanwhile {i}")
    back = Guest(server.address, bob.name, token=bob.token)
    stream = back.stream(cursor=cursor)
    assert texts_of(events_of(stream.until_caught_up())) == [f"meanwhile {i}" for i in range(100)]
    ana.send(room, "and now")
    assert stream.texts(1) == ["and now"]
    back.close()


def test_find_who_is_around(guest, fresh):
    prefix = fresh("around") + "."
    ana, bob, eve = (guest(prefix + name) for name in ("ana", "bob", "eve"))
    ana.live()
    stream = bob.live()

    def around():
        page = eve.call("ListUsers", online_only=True, prefix=prefix)
        return [user.user for user in page.users]

    assert around() == [ana.name, bob.name]
    stream.cancel()
    eventually(lambda: around() == [ana.name])


def test_one_of_us_please(guest, fresh):
    """Exactly one who takes gets it, and another if that one goes away."""
    asker, ana, bob = guest("asker"), guest("ana"), guest("bob")
    room = fresh("help")
    asker.create(room, delivery=api.ROOM_DELIVERY_ONE)
    for person in (ana, bob):
        person.join(room)
    takers = {"ana": ana.take(room), "bob": bob.take(room)}
    asker.send(room, "my printer burns")
    asker.send(room, "it is out now")
    taken = {name: taker.taken() for name, taker in takers.items()}
    assert {t.message.text for t in taken.values()} == {"my printer burns", "it is out now"}
    bob.acknowledge(room, taken["bob"])
    takers["ana"].cancel()
    again = takers["bob"].taken()
    assert again.message == taken["ana"].message
    assert again.attempt == 2
    bob.acknowledge(room, again)


def test_leave_and_come_back(server, guest, sign_in):
    """One may come back; after signing out the name is free again."""
    ana = guest("ana")
    ana.close()
    back = Guest(server.address, ana.name, token=ana.token)
    assert back.user().user_id == ana.user_id
    back.sign_out()
    back.close()
    assert sign_in(server, ana.name).user_id != ana.user_id

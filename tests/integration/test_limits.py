"""Keys of the configuration file that tests would wait too long for otherwise."""

from support.client import events_of, texts_of
from support.contract import api
from support.deadline import eventually
from support.refusal import refused


def test_a_silent_stream_gets_heartbeats(parlad, sign_in):
    server = parlad(limits={"heartbeat_ms": 50})
    ana = sign_in(server, "ana")
    ana.create("work", delivery=api.ROOM_DELIVERY_ONE)
    stream, taker = ana.live(), ana.take("work")
    for items in (stream, taker):
        for _ in range(3):
            item = items.next()
            assert item.HasField("heartbeat")
            assert item.heartbeat.time.seconds > 1_600_000_000
    assert stream.cursor
    ana.send("lobby", "hello")
    assert stream.texts(1) == ["hello"]
    while not stream.next().HasField("heartbeat"):
        pass
    resumed = ana.stream(cursor=stream.cursor)
    assert events_of(resumed.until_caught_up()) == []


def test_a_guest_who_is_gone_for_long_loses_the_name(parlad, sign_in):
    server = parlad(limits={"guest_idle_s": 2})
    ana, bob, watcher = (sign_in(server, name) for name in ("ana", "bob", "watcher"))
    watcher.create("room")
    ana.join("room")
    bob.join("room")
    stream = bob.live()
    watch = watcher.live("room")
    left = watch.event()
    assert left.member_changed.user == "ana"
    assert left.member_changed.state == api.MEMBER_STATE_LEFT
    with refused("UNAUTHENTICATED"):
        ana.user()
    assert sign_in(server, "ana").user_id != ana.user_id
    # Who has a stream open is not gone.
    assert bob.user().user_id == bob.user_id
    watcher.send("room", "still here?")
    assert "still here?" in stream.texts(1)


def test_a_call_now_and_then_keeps_the_name(parlad, sign_in):
    server = parlad(limits={"guest_idle_s": 2})
    gone, ana = sign_in(server, "gone"), sign_in(server, "ana")
    for _ in range(2):  # twice as long as a name is kept for who is gone
        eventually(lambda: not ana.call("ListUsers", prefix="gone").users)
        gone = sign_in(server, "gone")
        ana.user()
    assert ana.user().user_id == ana.user_id
    assert gone.user().user == "gone"


def test_the_longest_text_may_be_set(parlad, sign_in):
    ana = sign_in(parlad(limits={"text_size": 10}), "ana")
    ana.send("lobby", "x" * 10)
    with refused("INVALID_ARGUMENT", "FIELD_INVALID", "text"):
        ana.send("lobby", "x" * 11)


def test_readers_far_behind_are_fed_from_the_log(parlad, sign_in):
    """The tail holds a few messages only; the reader that stops falls off it and comes back."""
    server = parlad(limits={"tails_size": 65536}, loops=1)
    window = {"grpc__http2__bdp_probe": 0, "grpc__http2__lookahead_bytes": 65536}
    writer, fast = sign_in(server, "writer"), sign_in(server, "fast")
    slow = sign_in(server, "slow", **window)
    rooms = ["lobby", "one", "two"]
    for room in rooms[1:]:
        writer.create(room)
        fast.join(room)
        slow.join(room)
    live = fast.live()
    stopped = slow.open("StreamMessages")
    while not next(stopped).HasField("caught_up"):
        pass
    wanted = [f"{i} " + "x" * 8000 for i in range(300)]
    for start in range(0, 300, 50):
        part = range(start, start + 50)
        for call in [writer.begin_send(rooms[i % 3], wanted[i]) for i in part]:
            call.result()
        got = live.texts(50)
        assert sorted(got) == sorted(wanted[start : start + 50])
    got = {room: [] for room in rooms}
    while sum(len(texts) for texts in got.values()) < 300:
        item = next(stopped)
        got[item.event.room] += texts_of(events_of([item])) if item.HasField("event") else []
    for i, room in enumerate(rooms):
        assert got[room] == wanted[i::3]
    writer.send("lobby", "live again")
    item = next(stopped)
    while not item.HasField("event"):
        item = next(stopped)
    assert item.event.message_sent.text == "live again"
    stopped.cancel()


def test_too_many_connections_are_turned_away(parlad, sign_in):
    server = parlad(limits={"connections": 3}, loops=1)
    people = [sign_in(server, name) for name in ("ana", "bob", "eve")]
    streams = [person.live() for person in people]
    people[0].send("lobby", "full house")
    for stream in streams:
        assert stream.texts(1) == ["full house"]
    for person in people[1:]:
        person.close()
    eventually(lambda: sign_in(server, "late").user().user == "late")


def test_an_address_signs_in_so_many_guests(parlad, sign_in):
    server = parlad(limits={"sign_ins": 3}, loops=1)
    for name in ("ana", "bob", "cleo"):
        sign_in(server, name)
    with refused("RESOURCE_EXHAUSTED", "TOO_MANY_GUESTS") as refusals:
        sign_in(server, "dora")
    assert 0 < refusals[0].retry_ms <= 2 * 3600 * 1000 / 3
    assert len(refusals) == 1


def test_who_sends_too_fast_is_told_when_to_go_on(parlad, sign_in):
    server = parlad(limits={"send_rate": 1})
    ana, bob = sign_in(server, "ana"), sign_in(server, "bob")
    ana.send("lobby", "one")
    with refused("RESOURCE_EXHAUSTED", "SENDING_TOO_FAST") as refusals:
        for i in range(20):
            ana.send("lobby", f"more {i}")
    assert 0 < refusals[0].retry_ms <= 1000
    assert bob.user().user == "bob"

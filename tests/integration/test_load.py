"""Many at once, and those who are slow."""

from support.client import Guest, events_of, texts_of
from support.contract import api
from support.threads import in_threads

SMALL_WINDOW = {"grpc__http2__bdp_probe": 0, "grpc__http2__lookahead_bytes": 65536}
LONG = "x" * 15_000


def test_fifty_at_once_see_all_in_the_same_order(guest, fresh):
    people = [guest("p") for _ in range(50)]
    room = fresh("crowd")
    people[0].create(room)
    for call in [person.begin("JoinRoom", room=room) for person in people[1:]]:
        call.result()
    streams = [person.live(room) for person in people]
    each = 4
    acknowledged = {}

    def talk(person):
        calls = [person.begin_send(room, f"{person.name}: {i}") for i in range(each)]
        for call in calls:
            message = call.result().message
            acknowledged[message.sequence] = message.text

    in_threads([lambda person=person: talk(person) for person in people])
    wanted = [acknowledged[sequence] for sequence in sorted(acknowledged)]
    assert len(wanted) == 50 * each
    for stream in streams:
        assert stream.texts(50 * each) == wanted
    for person in people:
        own = [text for text in wanted if text.startswith(person.name + ":")]
        assert own == [f"{person.name}: {i}" for i in range(each)]
    assert [m.text for m in people[0].messages(room, ascending=True)] == wanted


def test_a_reader_that_stops_for_a_while_gets_all_in_order(server, guest, fresh):
    writer, fast = guest("writer"), guest("fast")
    slow = guest("slow", **SMALL_WINDOW)
    room = fresh("room")
    writer.create(room)
    for person in (fast, slow):
        person.join(room)
    live = fast.live(room)
    stopped = slow.open("StreamMessages", rooms=[room])
    first = next(stopped)
    while not first.HasField("caught_up"):
        first = next(stopped)
    wanted = [f"{i} {LONG}" for i in range(600)]
    for start in range(0, len(wanted), 100):
        for call in [writer.begin_send(room, text) for text in wanted[start : start + 100]]:
            call.result()
        assert live.texts(100) == wanted[start : start + 100]
    # Nobody was held up. Now the one who had stopped reads on.
    got = []
    for item in stopped:
        got += texts_of(events_of([item]))
        if len(got) == len(wanted):
            break
    assert got == wanted
    writer.send(room, "live again")
    assert texts_of(events_of([next_event(stopped)])) == ["live again"]
    stopped.cancel()


def next_event(call):
    """The next item with an event."""
    for item in call:
        if item.HasField("event"):
            return item
    raise AssertionError("the stream has ended")


def test_a_stopped_stream_holds_up_nothing_else_on_its_connection(guest, fresh):
    writer, reader = guest("writer"), guest("reader", **SMALL_WINDOW)
    room = fresh("room")
    writer.create(room)
    reader.join(room)
    stopped = [reader.open("StreamMessages", rooms=[room]) for _ in range(3)]
    for call in stopped:
        next(call)
    live = reader.live(room)
    wanted = [f"{i} {LONG}" for i in range(60)]
    for text in wanted:
        writer.send(room, text)
    assert live.texts(60) == wanted
    assert len(reader.messages(room, page_size=5)) == 60
    for call in stopped:
        got = []
        for item in call:
            got += texts_of(events_of([item]))
            if len(got) == 60:
                break
        assert got == wanted
        call.cancel()


def test_streams_resumed_in_the_midst_of_it_miss_and_repeat_nothing(guest, fresh):
    writer, reader = guest("writer"), guest("reader")
    rooms = [fresh("room") for _ in range(3)]
    for room in rooms:
        writer.create(room)
        reader.join(room)
    cursor = reader.live().cursor
    texts = [f"message {i}" for i in range(900)]
    calls = [writer.begin_send(rooms[i % 3], text) for i, text in enumerate(texts)]
    got = {room: [] for room in rooms}
    stop_after = 10
    while sum(len(found) for found in got.values()) < len(texts):
        stream = reader.stream(cursor=cursor)
        pending = []
        for _ in range(stop_after):
            if sum(len(found) for found in got.values()) == len(texts):
                break
            item = stream.next()
            pending += events_of([item])
            if item.cursor:
                cursor = item.cursor
                for event in pending:
                    got[event.room].append(event.message_sent.text)
                pending = []
        stream.cancel()
        stop_after += 17
    for i, room in enumerate(rooms):
        assert got[room] == texts[i::3]
    for call in calls:
        call.result()


def test_many_streams_on_one_connection(guest, fresh):
    ana = guest("ana")
    room = fresh("room")
    ana.create(room)
    streams = [ana.live(room) for _ in range(60)]
    for i in range(5):
        ana.send(room, f"message {i}")
    for stream in streams:
        assert stream.texts(5) == [f"message {i}" for i in range(5)]


def resident_mb(server):
    """The server's memory."""
    with open(f"/proc/{server.process.pid}/status") as status:
        (line,) = (line for line in status if line.startswith("VmRSS:"))
    return int(line.split()[1]) // 1024


def test_readers_that_never_read_cost_a_bounded_amount(server, guest, fresh):
    """A hundred of them, six megabytes behind each: six hundred if all were held for them."""
    writer = guest("writer")
    room = fresh("room")
    writer.create(room)
    stuck = []
    for _ in range(10):
        reader = guest("stuck", **SMALL_WINDOW)
        reader.join(room)
        stuck += [reader.open("StreamMessages", rooms=[room]) for _ in range(10)]
        for call in stuck[-10:]:
            while not next(call).HasField("caught_up"):
                pass
    before = resident_mb(server)
    live = writer.live(room)
    for start in range(0, 400, 50):
        wanted = [f"{start + i} {LONG}" for i in range(50)]
        for call in [writer.begin_send(room, text) for text in wanted]:
            call.result()
        assert live.texts(50) == wanted
    assert resident_mb(server) - before < 200
    for call in stuck:
        call.cancel()


def test_come_and_go(server, guest, fresh):
    """Streams that are opened and dropped at once leave nothing behind. grpcio may reset one
    that it never opened, for which HTTP/2 wants the connection to end; so it is one apart."""
    ana, bob = guest("ana"), guest("bob")
    room = fresh("room")
    ana.create(room)
    bob.join(room)

    def come_and_go():
        hasty = Guest(server.address, bob.name, token=bob.token)
        for _ in range(60):
            hasty.open("StreamMessages", rooms=[room], start=api.STREAM_START_BEGINNING).cancel()
        hasty.close()

    def talk():
        for call in [ana.begin_send(room, f"message {i}") for i in range(200)]:
            call.result()

    in_threads([come_and_go, talk, come_and_go])
    assert len(bob.messages(room)) == 200

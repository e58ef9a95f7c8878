"""What was acknowledged is there, whatever happens to the process."""

import shutil
import threading

import grpc
import pytest

from support.client import Guest, events_of, texts_of
from support.contract import api
from support.deadline import DEADLINE
from support.refusal import refused

IN_FLIGHT = 8


class Writer:
    """A client that sends one numbered message after the other until the server dies."""

    def __init__(self, server, number, enough):
        self.name = f"writer-{number}"
        self.guest = Guest(server.address, self.name, patient=False)
        self.guest.join("log")
        self.acknowledged = {}  # text: sequence
        self.begun = []  # in the order of sending
        self._enough = enough
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()

    def join(self):
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()

    def _run(self):
        calls = []
        try:
            while True:  # until the server has gone
                text = f"{self.name} says {len(self.begun)}"
                calls.append((text, self.guest.begin_send("log", text, request_id=text)))
                self.begun.append(text)
                if len(calls) >= IN_FLIGHT:
                    self._take(calls.pop(0))
        except grpc.RpcError:
            pass
        for call in calls:  # those under way when it died: acknowledged or not
            try:
                self._take(call)
            except grpc.RpcError:
                pass

    def _take(self, call):
        self.acknowledged[call[0]] = call[1].result().message.sequence
        self._enough.release()

    def repeat(self, server):
        """Sends all again under the same ids; the messages as they stand."""
        self.guest.close()
        self.guest = Guest(server.address, self.name, token=self.guest.token)
        calls = [self.guest.begin_send("log", text, request_id=text) for text in self.begun]
        return {text: call.result() for text, call in zip(self.begun, calls)}


def test_kill_in_the_midst_of_sends_loses_and_doubles_nothing(parlad, sign_in):
    server = parlad()
    owner = sign_in(server, "owner")
    owner.create("log")
    watch = owner.live("log")
    enough = threading.Semaphore(0)
    writers = [Writer(server, number, enough) for number in range(5)]
    for writer in writers:
        writer.start()
    for _ in range(400):
        assert enough.acquire(timeout=DEADLINE)
    server.kill()
    for writer in writers:
        writer.join()
    seen, _refusal = watch.rest()
    server.start()
    owner.reconnect()

    log = owner.messages("log", ascending=True, page_size=1000)
    texts = [message.text for message in log]
    assert len(set(texts)) == len(texts), "a message is there twice"
    places = {message.text: message.sequence for message in log}
    for writer in writers:
        assert len(writer.acknowledged) > 0
        for text, sequence in writer.acknowledged.items():
            assert places.get(text) == sequence, f"{text} was acknowledged"
        own = [text for text in texts if text.startswith(writer.name + " ")]
        assert own == writer.begun[: len(own)], "out of order, or one left out"
    for event in events_of(seen):
        if event.HasField("message_sent"):
            assert places.get(event.message_sent.text) == event.sequence, "shown, then gone"

    # What was shown is where it was, and a stream goes on from there without gap or repeat.
    resumed = owner.stream("log", cursor=watch.cursor)
    shown = texts_of(events_of(seen))
    assert shown + texts_of(events_of(resumed.until_caught_up())) == texts

    # All is repeated: what was there stays where it is, the rest is sent, once.
    for writer in writers:
        for text, response in writer.repeat(server).items():
            assert response.deduplicated == (text in places)
            assert response.message.sequence == places.get(text, response.message.sequence)
        writer.guest.close()
    texts = [message.text for message in owner.messages("log", page_size=1000)]
    assert sorted(texts) == sorted(text for writer in writers for text in writer.begun)


def test_killed_again_and_again(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    wanted = []
    for life in range(5):
        calls = [ana.begin_send("lobby", f"{life}.{i}") for i in range(20)]
        wanted += [call.result().message.text for call in calls]
        server.kill()
        server.start()
        ana.reconnect()
        assert [m.text for m in ana.messages("lobby", ascending=True)] == wanted
    assert ana.rooms()["lobby"].room.last_sequence == len(
        events_of(ana.stream("lobby", start=api.STREAM_START_BEGINNING).until_caught_up())
    )


def test_a_kill_undoes_no_marker_no_joining_and_no_leaving(parlad, sign_in):
    server = parlad()
    ana, bob = sign_in(server, "ana"), sign_in(server, "bob")
    gone = sign_in(server, "gone")
    ana.create("one")
    ana.create("two")
    bob.join("one")
    bob.join("two")
    bob.mark_read("one", ana.send("one", "read").sequence)
    bob.leave("two")
    gone.sign_out()
    before = bob.rooms()
    server.kill()
    server.start()
    for person in (ana, bob, gone):
        person.reconnect()
    assert bob.rooms() == before
    assert set(bob.members("one")) == {"ana", "bob"}
    with refused("PERMISSION_DENIED", "NOT_A_MEMBER"):
        bob.messages("two")
    with refused("UNAUTHENTICATED"):
        gone.user()
    assert sign_in(server, "gone").user_id != gone.user_id


def test_a_cursor_of_a_page_from_before_a_restart_goes_on(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    texts = [f"message {i}" for i in range(5)]
    for text in texts:
        ana.send("lobby", text)
    server.stop()
    server.start()
    ana.reconnect()
    stream = ana.stream("lobby", start=api.STREAM_START_BEGINNING)
    got = []
    while len(got) < len(texts):
        item = stream.next()
        if item.HasField("event") and item.event.HasField("message_sent"):
            got.append(item.event.message_sent.text)
            assert item.cursor  # of an event from before the restart, told after it
            stream.cancel()
            stream = ana.stream("lobby", cursor=item.cursor)
    assert got == texts


def test_a_cursor_beyond_a_restored_backup_is_lost(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.send("lobby", "kept")
    stream = ana.stream("lobby", start=api.STREAM_START_BEGINNING)
    stream.until_caught_up()
    kept = stream.cursor
    server.stop()
    backup = server.folder / "backup"
    shutil.copytree(server.data, backup)

    server.start()
    ana.reconnect()
    stream = ana.stream("lobby", cursor=kept)
    stream.until_caught_up()
    ana.send("lobby", "lost with the disk")
    stream.message()
    lost = stream.cursor
    server.stop()
    shutil.rmtree(server.data)
    shutil.copytree(backup, server.data)

    server.start()
    ana.reconnect()
    for _ in range(2):  # also when the log has grown past where the cursor was
        ana.stream("lobby", cursor=lost).ended().check("OUT_OF_RANGE", "CURSOR_LOST")
        for i in range(5):
            ana.send("lobby", f"after the disk {i}")
    resumed = ana.stream("lobby", cursor=kept)
    texts = texts_of(events_of(resumed.until_caught_up()))
    assert texts == [f"after the disk {i}" for i in range(5)] * 2


@pytest.mark.parametrize("durability", ["synced", "written"])
def test_an_orderly_stop_keeps_all(parlad, sign_in, durability):
    server = parlad(durability=durability)
    ana = sign_in(server, "ana")
    for i in range(10):
        ana.send("lobby", f"message {i}")
    server.restart()
    ana.reconnect()
    assert len(ana.messages("lobby")) == 10

"""Who uses the server: grpcio's clients in threads of their own, which go on over its deaths."""

import random
import threading

import grpc
from support.client import Ended, Guest
from support.contract import api
from support.deadline import DEADLINE

IN_FLIGHT = 8
PAUSE = 0.02  # between two tries, so that a server that says no is asked 50 times a second
TEXT_SIZE_MAX = 2000


class Answer:
    """Why a call failed, as far as is told: where memory is short, trailers may be left out."""

    def __init__(self, error):
        self.code = error.code()
        self.reason = ""
        packed = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
        for detail in api.message("google.rpc.Status").FromString(packed).details:
            if detail.type_url.endswith("/google.rpc.ErrorInfo"):
                self.reason = api.message("google.rpc.ErrorInfo").FromString(detail.value).reason

    def __str__(self):
        return f"{self.code.name} {self.reason}".strip()


class Person:
    """A thread with a guest. The guest's token lasts; its connection comes and goes."""

    def __init__(self, server, ledger, name):
        self.name = name
        self._ledger = ledger
        self._server = server
        self.guest = Guest(server.address, name)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=name, daemon=True)

    def start(self):
        """Begins."""
        self._thread.start()

    def stop(self):
        """Asks it to end."""
        self._stopped.set()

    def join(self):
        """Waits until it has ended."""
        self._thread.join(2 * DEADLINE)
        if self._thread.is_alive():
            self._ledger.wrong(f"{self.name} hangs")
        self.guest.close()

    def _guarded(self):
        try:
            self._run()
        except Exception as error:  # shown by the ledger, in the main thread
            self._ledger.wrong(f"{self.name} failed: {error!r}")

    def _run(self):
        raise NotImplementedError

    def _pause(self):
        self._stopped.wait(PAUSE)


class Sender(Person):
    """Sends on and on, some at a time. Whoever is sure repeats under the same request_id what was
    not acknowledged; the others do not, as they cannot know."""

    def __init__(self, server, ledger, name, rooms, sure, seed):
        super().__init__(server, ledger, name)
        self._rooms = rooms
        self._sure = sure
        self._chance = random.Random(seed)
        self._number = 0
        self.acknowledged = 0
        for room in rooms:
            self.guest.join(room)

    def _new(self):
        self._number += 1
        room = self._chance.choice(self._rooms)
        text = f"{self.name}.{self._number}".ljust(self._chance.randrange(TEXT_SIZE_MAX), "~")
        self._ledger.begin(room, text, self._sure)
        return room, text

    def _begin(self, room, text):
        fields = {"request_id": text.rstrip("~")} if self._sure else {}
        return self.guest.begin_send(room, text, **fields)

    def _take(self, call, text):
        """Whether it is acknowledged."""
        try:
            response = call.result()
        except grpc.RpcError as error:
            self._ledger.refuse(Answer(error))
            return False
        self._ledger.acknowledge(text, response.message.sequence, response.deduplicated)
        self.acknowledged += 1
        self._server.acknowledged()
        return True

    def _run(self):
        again = []
        while again or not self._stopped.is_set():
            failed = self._send(again or [self._new() for _ in range(IN_FLIGHT)])
            again = failed if self._sure else []
            if failed:
                self._pause()

    def _send(self, batch):
        """Sends them at once; those that were not acknowledged. grpcio keeps no order among calls that
        wait for a connection, so the first goes alone, and the server must not have died meanwhile."""
        life = self._server.life
        first, *rest = batch
        if not self._take(self._begin(*first), first[1]):
            return batch
        calls = [(self._begin(*one), one) for one in rest]
        failed = [one for call, one in calls if not self._take(call, one[1])]
        if not failed and self._server.life == life:
            self._ledger.in_order([text for _room, text in rest])
        return failed


class Reader(Person):
    """Streams rooms from their beginning, and resumes by cursor whenever the stream ends."""

    def __init__(self, server, ledger, name, rooms, restless=0):
        super().__init__(server, ledger, name)
        self._rooms = rooms
        self._stream = None
        self._restless = restless  # goes away by itself after so many events; 0: never
        self._wanted = None
        self._reached = threading.Condition()
        self.cursor = ""
        self.resumed = 0
        for room in rooms:
            self.guest.join(room)

    def _open(self):
        self.resumed += self.cursor != ""
        if self.cursor:
            return self.guest.stream(*self._rooms, cursor=self.cursor)
        self._ledger.begin_anew(self.name)
        return self.guest.stream(*self._rooms, start=api.STREAM_START_BEGINNING)

    def _run(self):
        while not self._stopped.is_set():
            self._follow(self._open())
            self._pause()

    def _follow(self, stream):
        count = 0
        self._stream = stream
        while not self._stopped.is_set():
            try:
                item = stream.next(deadline=2 * DEADLINE)
            except Ended as end:
                self._take_end(end.error)
                return
            self._take_item(item)
            count += 1
            if count == self._restless:
                stream.cancel()
                return

    def _take_end(self, error):
        if error is None:
            self._ledger.refusals["stream ended"] += 1
            return
        refusal = Answer(error)
        if refusal.reason == "CURSOR_LOST" or refusal.code.name == "UNAUTHENTICATED":
            self._ledger.wrong(f"{self.name} was refused: {refusal}")
            self._stopped.set()
        else:
            self._ledger.refusals[f"stream: {refusal}"] += 1

    def _take_item(self, item):
        if item.HasField("event"):
            event = item.event
            text = event.message_sent.text if event.HasField("message_sent") else None
            self._ledger.show(self.name, event.room, event.sequence, text)
        self.cursor = item.cursor or self.cursor
        with self._reached:
            self._reached.notify_all()

    def stop(self):
        super().stop()
        if self._stream is not None:
            self._stream.cancel()

    def wait_shown(self, room, sequence):
        """Waits until it has been given that."""
        with self._reached:
            return self._reached.wait_for(
                lambda: self._ledger.shown_through(self.name, room) >= sequence, 2 * DEADLINE
            )


class Taker(Person):
    """Takes work, deals with most of it, gives some back, and goes away with some."""

    def __init__(self, server, ledger, name, room, seed):
        super().__init__(server, ledger, name)
        self._room = room
        self._chance = random.Random(seed)
        self._stream = None
        self.honest = False  # at the end: all is dealt with
        self.guest.join(room)

    def _run(self):
        while not self._stopped.is_set():
            self._stream = self.guest.take(self._room, max_unacknowledged=4, lease_seconds=600)
            self._serve(self._stream)
            self._stream.cancel()
            self._pause()

    def _serve(self, stream):
        try:
            while not self._stopped.is_set():
                item = stream.next(deadline=2 * DEADLINE)
                if item.HasField("taken"):
                    taken = item.taken
                    sequence = taken.message.sequence
                    self._ledger.hand_out(self.name, self._room, sequence, taken.lease)
                    if not self._deal(taken):
                        return
        except Ended:
            pass

    def _deal(self, taken):
        """False to leave with what is held."""
        chance = 1 if self.honest else self._chance.random()
        sequence = taken.message.sequence
        if chance < 0.01:
            return False
        try:
            if chance < 0.1:
                self.guest.release(self._room, taken)
            else:
                self.guest.acknowledge(self._room, taken)
                self._ledger.deal_with(self.name, self._room, sequence, taken.lease)
        except grpc.RpcError as error:
            refusal = Answer(error)
            self._ledger.refuse(refusal)
            if chance >= 0.1 and refusal.code.name != "FAILED_PRECONDITION":
                self._ledger.settle(self._room, sequence)  # nobody knows
        return True

    def stop(self):
        super().stop()
        if self._stream is not None:
            self._stream.cancel()

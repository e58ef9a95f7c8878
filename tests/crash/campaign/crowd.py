"""Everybody who uses the server in a scenario, and the judge who reads the log."""

import random

from support.client import Guest
from support.contract import api

from campaign.ledger import Ledger
from campaign.own import OwnSender, OwnTail, OwnWorker
from campaign.people import Reader, Sender, Taker

LOG, TALK, JOBS = "log", "talk", "jobs"
ROOMS = (LOG, TALK, JOBS)


class Judge:
    """Reads everything by one stream, resumed by its cursor, and holds it against the ledger."""

    def __init__(self, server, ledger):
        self._ledger = ledger
        self._server = server
        self.guest = Guest(server.address, "judge")
        self.guest.create(LOG)
        self.guest.create(TALK)
        self.guest.create(JOBS, delivery=api.ROOM_DELIVERY_ONE)
        self._cursor = ""

    def read(self):
        """The log has all that was acknowledged before this call, and what was shown."""
        unproven = self._ledger.unproven()
        guest = Guest(self._server.address, "judge", token=self.guest.token)
        start = {"cursor": self._cursor} if self._cursor else {"start": api.STREAM_START_BEGINNING}
        stream = guest.stream(*ROOMS, **start)
        for item in stream.until_caught_up():
            if item.HasField("event"):
                event = item.event
                text = event.message_sent.text if event.HasField("message_sent") else None
                self._ledger.append(event.room, event.sequence, text)
        self._cursor = stream.cursor
        guest.close()
        self._ledger.prove(unproven)
        self._ledger.check()

    def read_history(self):
        """What pages of history say is what the stream said."""
        for room in ROOMS:
            for message in self.guest.messages(room, ascending=True, page_size=1000):
                self._ledger.list(room, message.sequence, message.text)
        self._ledger.check()

    def last_of(self, room):
        """The last event of the room that was read."""
        return self._ledger.next_sequence(room) - 1

    def close(self):
        """Goes away."""
        self.guest.close()


class Crowd:
    """All at once: who sends, reads, takes. It outlives the server's lives."""

    def __init__(self, server, folder, seed, own=True):
        chance = random.Random(seed)
        self._server = server
        self.ledger = Ledger([JOBS])
        self.judge = Judge(server, self.ledger)
        self._senders, self._readers, self._takers, self._own = [], [], [], []
        state = folder / "state"
        state.mkdir()
        for number, sure in enumerate((False, True, True)):
            name = f"{'sure' if sure else 'plain'}-{number}"
            self._senders.append(self._person(Sender, name, ROOMS, sure, chance.random()))
        self._readers.append(self._person(Reader, "reader", (LOG, TALK)))
        restless = chance.randrange(50, 150)
        self._readers.append(self._person(Reader, "restless", (LOG,), restless))
        for number in range(2):
            self._takers.append(self._person(Taker, f"taker-{number}", JOBS, chance.random()))
        if own:
            self._tail = self._other(OwnTail, "own-tail", state, LOG)
            self._own = [
                self._other(OwnSender, "own-sender", state, LOG),
                self._tail,
                self._other(OwnWorker, "own-worker", state, JOBS),
            ]
        for one in self._all():
            one.start()
        if own and not self._tail.wait_told(1):
            self.ledger.wrong("own-tail tells nothing")

    def _person(self, kind, name, *arguments):
        return kind(self._server, self.ledger, name, *arguments)

    def _other(self, kind, name, state, room):
        other = kind(self._server, self.ledger, name, state, room)
        if other.run("join", room) != 0:
            self.ledger.wrong(f"{name} cannot join {room}")
        return other

    def _all(self):
        return self._senders + self._readers + self._takers + self._own

    def prove(self):
        """Now, on a server that runs: all that was acknowledged is there."""
        self.judge.read()

    def finish(self):
        """The end, on a server that runs: all that is under way is ended, and all is judged."""
        stop_all(self._senders + self._own[:1])
        self.judge.read()
        self._finish_work()
        self._finish_readers()
        stop_all(self._takers + self._own[2:] + self._readers + self._own[1:2])
        self.judge.read()
        self.judge.read_history()
        self.ledger.prove_all()
        self.ledger.prove_work()
        self.judge.close()
        self.ledger.check()

    def _finish_work(self):
        """Takers deal with all that is left; the room is then empty."""
        for taker in self._takers:
            taker.honest = True
        left = self.ledger.wait_settled()
        if left:
            self.ledger.wrong(f"not handed out any more: {left[:20]}")

    def _finish_readers(self):
        for reader in self._readers:
            if not reader.wait_shown(LOG, self.judge.last_of(LOG)):
                self.ledger.wrong(f"{reader.name} was not given the end of {LOG}")
        if self._own and not self._tail.wait_told(self.ledger.last_message(LOG)):
            self.ledger.wrong(f"own-tail did not print the end of {LOG}")

    def abandon(self):
        """After a mistake: everybody goes."""
        for one in self._all():
            one.stop()


def stop_all(people):
    """Asks all to end, then waits."""
    for one in people:
        one.stop()
    for one in people:
        one.join()

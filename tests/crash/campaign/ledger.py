"""What was sent, acknowledged, shown and handed out; and whether the log agrees."""

import collections
import threading

from support.deadline import DEADLINE

MISTAKES_MAX = 20


class Wrong(Exception):
    """A promise was broken."""


class Ledger:
    """All of one data folder's lives. Texts are unlike each other, so that each tells which send
    it is. What is found wrong is collected, since it is found in many threads."""

    def __init__(self, work_rooms):
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._work_rooms = set(work_rooms)
        self._begun = {}  # text: (room, sure)
        self._orders = []  # of texts whose order counts
        self._acked = {}  # text: sequence, None where the client does not tell
        self._unproven = []  # acknowledged, not yet seen in the log
        self._log = collections.defaultdict(list)  # room: texts, None for other events
        self._place = {}  # text: (room, sequence)
        self._shown = {}  # (reader, room): next sequence, to be compared with the log
        self._told = collections.defaultdict(list)  # (reader, room): sequences of messages
        self._pending = collections.defaultdict(list)  # room: [(reader, sequence, text)] so far
        self._leases = collections.Counter()  # (room, sequence): the latest that is known
        self._done = {}  # work whose acknowledgement was acknowledged: under which lease
        self._settled = set()  # (room, sequence) that have been, or may have been, dealt with
        self._unsettled = set()  # work that must come, or come again
        self._seen = collections.Counter()  # (room, sequence): how often handed out
        self.mistakes = []
        self.refusals = collections.Counter()
        self.repeated = 0  # sends that were there already

    def wrong(self, what):
        """Notes a broken promise."""
        with self._lock:
            self._wrong(what)

    def _wrong(self, what):
        if len(self.mistakes) < MISTAKES_MAX:
            self.mistakes.append(what)

    # Sends.

    def begin(self, room, text, sure):
        """A send leaves; sure: it is repeated under its request_id until it is acknowledged."""
        with self._lock:
            self._begun[text] = (room, sure)

    def in_order(self, texts):
        """These were sent at once, in this order, on one connection."""
        with self._lock:
            self._orders.append(texts)

    def acknowledge(self, text, sequence, repeated=False):
        """The server says that it is kept."""
        with self._lock:
            before = self._acked.get(text)
            if before is not None and before != sequence:
                self._wrong(f"{text!r}: acknowledged as {before}, then as {sequence}")
            self._acked[text] = sequence
            self._unproven.append(text)
            self.repeated += repeated

    def refuse(self, refusal):
        """A send was not acknowledged: it may be there, once, or not."""
        with self._changed:
            self.refusals[str(refusal)] += 1
            self._changed.notify_all()

    def wait_refused(self, how):
        """Waits until one more send is refused so."""
        with self._changed:
            before = self.refusals[how]
            if not self._changed.wait_for(lambda: self.refusals[how] > before, DEADLINE):
                self._wrong(f"no send was refused as {how}: {dict(self.refusals)}")

    def unproven(self):
        """What was acknowledged and shown up to now, to be found in the log."""
        with self._lock:
            found = self._unproven, self._pending
            self._unproven, self._pending = [], collections.defaultdict(list)
            return found

    # The log, as a reader of everything sees it.

    def next_sequence(self, room):
        """The first that has not been read."""
        return len(self._log[room]) + 1

    def lengths(self):
        """How much of each room was read."""
        return {room: len(log) for room, log in self._log.items()}

    def log_of(self, room):
        """All of the room: texts, None for other events."""
        return list(self._log[room])

    def append(self, room, sequence, text):
        """The log's next event."""
        with self._lock:
            log = self._log[room]
            if sequence != len(log) + 1:
                self._wrong(f"{room}: {sequence} comes after {len(log)} in the log")
            log.append(text)
            if text is None:
                return
            if text in self._place:
                self._wrong(f"{text!r} is there twice: {self._place[text]}, {room} {sequence}")
            elif text not in self._begun:
                self._wrong(f"{room} {sequence}: nobody sent {text!r}")
            self._place[text] = (room, sequence)
            if room in self._work_rooms and (room, sequence) not in self._settled:
                self._unsettled.add((room, sequence))

    def list(self, room, sequence, text):
        """A page of history has it."""
        with self._lock:
            log = self._log[room]
            if sequence <= len(log) and log[sequence - 1] != text:
                self._wrong(f"{room} {sequence} is {text!r} in the history")

    def last_message(self, room):
        """The sequence of the room's last message that was read."""
        log = self._log[room]
        return max((number for number, text in enumerate(log, 1) if text is not None), default=0)

    def prove(self, unproven):
        """The log was read to its end after that."""
        texts, shown = unproven
        with self._lock:
            for text in texts:
                place, sequence = self._place.get(text), self._acked[text]
                if place is None:
                    self._wrong(f"{text!r} was acknowledged as {sequence}, and is not in the log")
                elif sequence is not None and place[1] != sequence:
                    self._wrong(f"{text!r} was acknowledged as {sequence}, and is at {place[1]}")
            for room, events in shown.items():
                self._compare(room, events)

    def _compare(self, room, events):
        """What readers were shown is what the log has there."""
        log = self._log[room]
        for reader, sequence, text in events:
            if sequence > len(log):
                self._wrong(f"{reader} was shown {room} {sequence}, which is gone")
            elif log[sequence - 1] != text:
                self._wrong(f"{reader} was shown {text!r} as {room} {sequence}")

    def prove_all(self):
        """At the very end: who repeats until it is acknowledged has done all, each once; what was
        sent at once is in order; who is told messages only was told all."""
        with self._lock:
            for text, (_room, sure) in self._begun.items():
                if sure and text not in self._place:
                    self._wrong(f"{text!r} was repeated until it was acknowledged, and is not there")
            for texts in self._orders:
                for room in {self._begun[text][0] for text in texts}:
                    found = [self._place[t][1] for t in texts if self._begun[t][0] == room]
                    if found != sorted(found):
                        self._wrong(f"out of order in {room}: {texts}")
            for (reader, room), told in self._told.items():
                log = enumerate(self._log[room][: told[-1]], 1)
                if told != [sequence for sequence, text in log if text is not None]:
                    self._wrong(f"{reader} was not told all of {room}, each once, in order")

    # Readers.

    def show(self, reader, room, sequence, text):
        """A reader that resumes by cursor was given an event."""
        with self._lock:
            expected = self._shown.get((reader, room))
            if expected is not None and sequence != expected:
                self._wrong(f"{reader} was given {room} {sequence} instead of {expected}")
            self._shown[reader, room] = sequence + 1
            self._pending[room].append((reader, sequence, text))

    def begin_anew(self, reader):
        """It had no cursor yet, so its stream starts at the beginning."""
        with self._lock:
            for of_readers in (self._shown, self._told):
                for key in [key for key in of_readers if key[0] == reader]:
                    del of_readers[key]

    def tell(self, reader, room, sequence, text):
        """A reader that is told messages only was told one."""
        with self._lock:
            self._told[reader, room].append(sequence)
            self._pending[room].append((reader, sequence, text))

    def shown_through(self, reader, room):
        """The last that it was given."""
        return self._shown.get((reader, room), 1) - 1

    # Work.

    def hand_out(self, taker, room, sequence, lease):
        """A taker has it. Leases have rising numbers, so that it does not matter who is seen first:
        what was dealt with under one is not handed out under a later one."""
        with self._lock:
            self._seen[room, sequence] += 1
            self._leases[room, sequence] = max(lease, self._leases[room, sequence])
            done = self._done.get((room, sequence))
            if done is not None and lease > done:
                self._wrong(f"{room} {sequence} was dealt with, and goes to {taker}")

    def deal_with(self, taker, room, sequence, lease):
        """The server has it that it is done."""
        with self._lock:
            if (room, sequence) in self._done:
                self._wrong(f"{room} {sequence} was dealt with, and {taker} may deal with it again")
            if self._leases[room, sequence] > lease:
                self._wrong(f"{room} {sequence} was with another when {taker} dealt with it")
            self._done[room, sequence] = lease
        self.settle(room, sequence)

    def settle(self, room, sequence):
        """It may have been dealt with, so that it need not come again."""
        with self._changed:
            self._settled.add((room, sequence))
            self._unsettled.discard((room, sequence))
            self._changed.notify_all()

    def had(self, room, sequence):
        """It was with somebody whose holding is not followed."""
        with self._lock:
            self._seen[room, sequence] += 1
        self.settle(room, sequence)

    def wait_settled(self):
        """Waits until there is no work that must come again; what is left of it."""
        with self._changed:
            self._changed.wait_for(lambda: not self._unsettled, 4 * DEADLINE)
            return sorted(self._unsettled)

    def prove_work(self):
        """All messages have been handed out at least once."""
        with self._lock:
            for room in self._work_rooms:
                for sequence, text in enumerate(self._log[room], 1):
                    if text is not None and (room, sequence) not in self._seen:
                        self._wrong(f"{room} {sequence} was never handed out")

    # Figures.

    def figures(self):
        """How much has happened."""
        with self._lock:
            again = sum(1 for count in self._seen.values() if count > 1)
            return {
                "begun": len(self._begun),
                "acknowledged": len(self._acked),
                "repeats found done": self.repeated,
                "in the log": len(self._place),
                "shown": sum(number - 1 for number in self._shown.values()),
                "work": len(self._seen),
                "work handed out again": again,
                "refusals": dict(self.refusals),
            }

    def check(self):
        """Raises what was found wrong."""
        with self._lock:
            if self.mistakes:
                raise Wrong("\n".join(self.mistakes))

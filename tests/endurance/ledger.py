"""What is known of every room's log: one truth a place, whoever tells it.

Senders tell what was acknowledged, streams and lists what they were given. Two that differ,
a text in two places, a hole, a repeat or a loss is a broken promise, and raised as one. Knows
nothing of connections. What was acknowledged is also written to a file, line by line, so that a
campaign that was broken off knows it again.
"""

import collections
import hashlib
import json
import threading


class Broken(Exception):
    """A promise was broken: says which, and where."""


def digest(text):
    """Eight bytes that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


class Ledger:
    """Rooms, places in them, and what stands there. Any thread may tell and ask."""

    def __init__(self, path=None):
        self._lock = threading.RLock()
        self._places = collections.defaultdict(dict)  # room: {sequence: digest}
        self._messages = {}  # digest of a message: (room, sequence)
        self._acknowledged = collections.defaultdict(dict)  # room: {sequence: digest}
        self._jobs = {}  # (room, sequence) of work: whether it is done
        self._file = None
        if path is not None:
            self._read(path)
            self._file = open(path, "a", encoding="utf-8", buffering=1)

    def _read(self, path):
        if not path.exists():
            return
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:  # a torn line is no line
            what, room, sequence, told = json.loads(line)
            if what == "sent":
                self._acknowledge(room, sequence, bytes.fromhex(told))
            else:
                self._jobs[room, sequence] = what == "done"

    def _write(self, what, room, sequence, told=""):
        if self._file is not None:
            self._file.write(json.dumps([what, room, sequence, told]) + "\n")

    def close(self):
        """Nothing is written any more."""
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def acknowledged_len(self):
        """How many messages were acknowledged."""
        with self._lock:
            return sum(len(places) for places in self._acknowledged.values())

    def rooms(self):
        """The rooms in which something was acknowledged."""
        with self._lock:
            return sorted(self._acknowledged)

    def acknowledge(self, room, sequence, text):
        """A send has returned with this place."""
        with self._lock:
            if self._acknowledge(room, sequence, digest(text)):
                self._write("sent", room, sequence, digest(text).hex())

    def _acknowledge(self, room, sequence, what):
        self._note_message(room, sequence, what, "the answer to its sender")
        news = sequence not in self._acknowledged[room]
        self._acknowledged[room][sequence] = what
        return news

    def note_message(self, room, sequence, text, source):
        """Somebody was given this message."""
        with self._lock:
            self._note_message(room, sequence, digest(text), source)

    def _note_message(self, room, sequence, what, source):
        self._note(room, sequence, what, source)
        place = self._messages.setdefault(what, (room, sequence))
        if place != (room, sequence):
            raise Broken(f"one message is at {place} and, says {source}, at {(room, sequence)}")

    def note_event(self, room, sequence, told, source):
        """Somebody was given this event, which is no message."""
        with self._lock:
            self._note(room, sequence, digest("\0" + told), source)

    def _note(self, room, sequence, what, source):
        if self._places[room].setdefault(sequence, what) != what:
            raise Broken(f"{room} {sequence} is not for {source} what it is for others")

    def check_page(self, room, after, messages, source, upto=None):
        """A list of messages [(sequence, text)…], oldest first, of what comes after a place: in
        order, each once, and nothing acknowledged is missing up to its last, or `upto`."""
        last = after
        for sequence, text in messages:
            if sequence <= last:
                raise Broken(f"{source}: {room} {sequence} after {last}")
            self.note_message(room, sequence, text, source)
            last = sequence
        given = {sequence for sequence, _ in messages}
        end = last if upto is None else upto
        with self._lock:
            wanted = [s for s in self._acknowledged[room] if after < s <= end and s not in given]
        if wanted:
            raise Broken(f"{source}: {room} has lost {len(wanted)} messages, first {min(wanted)}")

    # Work.

    def job(self, room, sequence):
        """Work was sent, and acknowledged."""
        with self._lock:
            if (room, sequence) not in self._jobs:
                self._jobs[room, sequence] = False
                self._write("job", room, sequence)

    def job_done(self, room, sequence):
        """The server has acknowledged that it is done."""
        with self._lock:
            self._jobs[room, sequence] = True
            self._write("done", room, sequence)

    def is_done(self, room, sequence):
        """Whether it was done."""
        with self._lock:
            return self._jobs.get((room, sequence), False)

    def undone(self):
        """What work still has to be done."""
        with self._lock:
            return sorted(key for key, done in self._jobs.items() if not done)


class StreamJudge:
    """One reader's StreamMessages over all its calls: each room's events in order without a hole
    or a repeat, on from the cursor at which a call began."""

    def __init__(self, ledger, name, from_one=(), may_skip=()):
        self._ledger = ledger
        self._name = name
        self._from_one = set(from_one)  # rooms of which the first event must come
        self._may_skip = set(may_skip)  # rooms that do not keep all
        self._last = {}  # room: the last sequence given
        self._at_cursor = {}  # the same when the cursor came
        self._is_caught_up = False
        self.cursor = ""
        self.events_len = 0

    def begin(self):
        """A call begins where the cursor is."""
        self._last = dict(self._at_cursor)
        self._is_caught_up = False

    def last(self, room):
        """The last sequence of a room that was given, or 0."""
        return self._last.get(room, 0)

    def take(self, item):
        """An item has come."""
        kind = item.WhichOneof("item")
        if kind == "event":
            self._take_event(item.event)
        elif kind == "room_state":
            self._take_state(item.room_state.room.room, item.room_state.as_of_sequence)
        elif kind == "caught_up":
            if self._is_caught_up:
                raise Broken(f"{self._name}: CaughtUp came twice")
            self._is_caught_up = True
        if item.cursor:
            self.cursor = item.cursor
            self._at_cursor = dict(self._last)

    def _take_event(self, event):
        if event.HasField("message_sent"):
            self.take_message(event.room, event.sequence, event.message_sent.text)
            return
        told = f"{event.WhichOneof('kind')} {event.actor_id}"
        self.take_place(event.room, event.sequence)
        self._ledger.note_event(event.room, event.sequence, told, self._name)

    def take_message(self, room, sequence, text):
        """An event that is a message."""
        self.take_place(room, sequence)
        self._ledger.note_message(room, sequence, text, self._name)

    def take_place(self, room, sequence):
        """An event, whatever it is."""
        last = self._last.get(room)
        if last is None and room in self._from_one:
            last = 0
        if last is not None and sequence != last + 1:
            raise Broken(f"{self._name}: {room} {sequence} came after {last}")
        self._last[room] = sequence
        self.events_len += 1

    def _take_state(self, room, sequence):
        last = self._last.get(room)
        if last is not None and (room not in self._may_skip or sequence < last):
            raise Broken(f"{self._name}: {room} began anew at {sequence} after {last}")
        self._last[room] = sequence


class WorkJudge:
    """Who holds which message of the rooms of work: one taker at a time, none after it is done.
    What a taker is told may reach it late, so hand-outs are ordered by their attempt."""

    def __init__(self, ledger):
        self._ledger = ledger
        self._lock = threading.Lock()
        self._held = {}  # (room, sequence): [attempt, whether it is surely held]
        self._done = {}  # (room, sequence): the attempt that did it
        self.handed_out_again = 0

    def taken(self, room, sequence, attempt, surely):
        """It was handed out; `surely` held until ended() or done(), not just for a short lease."""
        key = (room, sequence)
        with self._lock:
            if attempt > self._done.get(key, attempt) or self._done_before(key):
                raise Broken(f"{room} {sequence} was handed out again after it was done")
            before, is_held = self._held.get(key, (0, False))
            if attempt == before:
                raise Broken(f"{room} {sequence} was handed out twice as attempt {attempt}")
            if attempt < before:
                return
            if is_held:
                raise Broken(f"{room} {sequence} is with two takers, attempts {before}, {attempt}")
            self._held[key] = (attempt, surely)
            self.handed_out_again += attempt > 1

    def _done_before(self, key):
        return key not in self._done and self._ledger.is_done(*key)

    def ended(self, room, sequence, attempt):
        """Its taker is about to give it back, or to go."""
        with self._lock:
            if self._held.get((room, sequence), (0, False))[0] == attempt:
                self._held[room, sequence] = (attempt, False)

    def done(self, room, sequence, attempt):
        """The server has said that it is dealt with."""
        with self._lock:
            if (room, sequence) in self._done:
                raise Broken(f"{room} {sequence} was done twice")
            latest = self._held.get((room, sequence), (0, False))[0]
            if latest > attempt:
                raise Broken(f"{room} {sequence}: attempt {attempt} did it, {latest} has it")
            self._done[room, sequence] = attempt
            self._ledger.job_done(room, sequence)

"""Damage to the files of a data folder, between two runs; and what the next run makes of it."""

import collections
import random
import shutil

import grpc
from support.client import Ended, Guest
from support.contract import api

from campaign.crowd import ROOMS
from campaign.victim import Refused

PAGE_SIZE = 4096
FILES = ("parla.db", "parla.db-wal")


def flip(file, chance, size):
    """Some bits, close to each other."""
    at = chance.randrange(size)
    for _ in range(chance.randrange(1, 9)):
        file.seek(at)
        byte = file.read(1)[0] ^ 1 << chance.randrange(8)
        file.seek(at)
        file.write(bytes([byte]))
        at = min(at + chance.randrange(8), size - 1)
    return f"bits flipped at {at}"


def overwrite(file, chance, size):
    """A page, with nothing or anything."""
    at = chance.randrange(size) // PAGE_SIZE * PAGE_SIZE
    file.seek(at)
    file.write(chance.choice([bytes(PAGE_SIZE), chance.randbytes(PAGE_SIZE)])[: size - at])
    return f"page overwritten at {at}"


def misplace(file, chance, size):
    """A page is where another should be."""
    source, at = (chance.randrange(size) // PAGE_SIZE * PAGE_SIZE for _ in range(2))
    file.seek(source)
    page = file.read(PAGE_SIZE)
    file.seek(at)
    file.write(page[: size - at])
    return f"page {source} written at {at}"


def truncate(file, chance, size):
    """The file ends too early."""
    at = chance.randrange(size)
    file.truncate(at)
    return f"cut at {at} of {size}"


def damage(data, chance):
    """Does one of these to one of the files; says what."""
    name = chance.choice([name for name in FILES if (data / name).exists()])
    size = (data / name).stat().st_size
    how = chance.choices([flip, overwrite, misplace, truncate], [6, 2, 1, 1])[0]
    with open(data / name, "r+b") as file:
        return f"{name}: {how(file, chance, size)}"


class Saved:
    """A folder of data as it was, to be brought back."""

    def __init__(self, server, folder):
        self._server = server
        self._copy = folder / "saved"
        shutil.copytree(server.data, self._copy)

    def restore(self):
        """All is as it was."""
        shutil.rmtree(self._server.data)
        shutil.copytree(self._copy, self._server.data)


def read_room(guest, room):
    """The room as it is served: by sequence, the message or None; by its history and a stream."""
    listed = {one.sequence: one.text for one in guest.messages(room, ascending=True, page_size=500)}
    streamed = {}
    for item in guest.stream(room, start=api.STREAM_START_BEGINNING).until_caught_up():
        if item.HasField("event"):
            event = item.event
            sent = event.HasField("message_sent")
            streamed[event.sequence] = event.message_sent.text if sent else None
    return listed, streamed


def mistakes_in(guest, ledger):
    """What is served wrong, or missing."""
    found = []
    for room in ROOMS:
        wanted = dict(enumerate(ledger.log_of(room), 1))
        listed, streamed = read_room(guest, room)
        if streamed != wanted:
            found.append(f"{room} is not streamed as it was")
        if listed != {number: text for number, text in wanted.items() if text is not None}:
            found.append(f"{room} is not listed as it was")
    return found


def serve(server, token, ledger):
    """Starts the server and uses it: how that ended, and what was served wrong."""
    try:
        server.start()
    except Refused as refused:
        assert refused.status == 1 and str(server.data) in refused.text, refused
        return "start refused", []
    guest = Guest(server.address, "judge", token=token, patient=False)
    how, wrong = "served", []
    try:
        wrong = mistakes_in(guest, ledger)
        guest.send("log", "after the damage")
    except (grpc.RpcError, Ended, AssertionError):
        how = "calls refused"
    guest.channel.close()
    if not server.stop_or_see_end():
        assert "parlad check" in server.said(), server.said()
        how = "stopped"
    if how == "calls refused":
        assert server.said().strip(), "calls were refused without a word to the operator"
    return how, wrong


class Campaign:
    """So many damages to one folder, each judged."""

    def __init__(self, server, saved, ledger, token):
        self._server = server
        self._saved = saved
        self._ledger = ledger
        self._token = token
        self.outcomes = collections.Counter()

    def run(self, times, seed):
        """Raises at what nobody would notice."""
        for number in range(times):
            chance = random.Random(f"{seed}.{number}")
            self._saved.restore()
            what = damage(self._server.data, chance)
            first = chance.random() < 0.5  # reading may mend, or hide
            if first:
                sound, text = self._server.check_data()
            how, wrong = serve(self._server, self._token, self._ledger)
            if not first:
                sound, text = self._server.check_data()
            how = "served wrong" if wrong and how == "served" else how
            self.outcomes[f"{how}, check {'finds nothing' if sound else 'finds it'}"] += 1
            if sound and how != "served":
                raise AssertionError(f"{number}: {what}: {how}, {wrong}; check says: {text}")




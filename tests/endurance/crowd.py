"""What all who take part have in common: the world they are in, and how they are paced."""

import collections
import random
import threading
import traceback

import grpc

from ledger import WorkJudge
from support.client import Guest
from support.contract import api
from support.deadline import DEADLINE
from support.refusal import Refusal

MAIN_ROOMS = [f"main-{i}" for i in range(4)]
HASTY_ROOM = "hasty"  # keeps messages for seconds
WORK_ROOM = "work"
HASTY_SECONDS = 20


class World:
    """A server, what is known of it, and when to stop."""

    def __init__(self, server, ledger, life, seed, pace, authority=None):
        self.server = server
        self.address = server.address
        self.authority = authority
        self.ledger = ledger
        self.work = WorkJudge(ledger)
        self.stopping = threading.Event()
        self.counts = collections.Counter()
        self.broken = []
        self.pace = pace
        self.life = life
        self.seed = seed
        self.round = 0
        self._lock = threading.Lock()
        self._numbers = collections.Counter()

    def fresh(self, name):
        """A name that nothing else of the whole campaign bears."""
        with self._lock:
            self._numbers[name] += 1
            return f"{name}-{self.life}-{self._numbers[name]}"

    def random(self, name):
        """Chance of its own for each who takes part, in each round."""
        return random.Random(f"{self.seed}/{self.life}/{self.round}/{name}")

    def count(self, what, number=1):
        """Something happened."""
        with self._lock:
            self.counts[what] += number

    def fail(self, name, error):
        """A promise was broken, or something happened that nobody expects."""
        with self._lock:
            self.broken.append(f"{name}: {type(error).__name__}: {describe(error)}")
        self.stopping.set()

    def guest(self, name, **options):
        """Someone on a connection of their own."""
        self.count("sign-ins")
        return Guest(self.address, self.fresh(name), **self._secured(), **options)

    def twin(self, guest, **options):
        """The same guest on another connection."""
        return Guest(self.address, guest.name, token=guest.token, **self._secured(), **options)

    def _secured(self):
        if self.authority is None:
            return {}
        return {"credentials": grpc.ssl_channel_credentials(self.authority.roots)}


def describe(error):
    """An error, in words."""
    if isinstance(error, grpc.RpcError):
        where = traceback.extract_tb(error.__traceback__)
        return f"{Refusal(error)} at {where[0].filename}:{where[0].lineno}"
    if isinstance(error, (AssertionError, KeyError, TypeError, ValueError, IndexError)):
        return f"{error} {traceback.format_exc()}"
    return str(error)


class Actor:
    """Someone who does something again and again, until the world stops. `each_s` is how long it
    pauses in the mean."""

    each_s = 1.0

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.rng = world.random(name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self):
        """Begins."""
        self._thread.start()

    def join(self):
        """Waits until it has stopped."""
        self._thread.join(4 * DEADLINE)
        if self._thread.is_alive():
            self.world.fail(self.name, TimeoutError("it hangs"))

    def _run(self):
        try:
            self.enter()
            while not self.world.stopping.wait(self._pause_s()):
                self.step()
            self.leave()
        except Exception as error:  # told to the campaign, which ends with it
            self.world.fail(self.name, error)

    def _pause_s(self):
        """Not so long that a guest's session ends meanwhile."""
        return min(self.rng.expovariate(self.world.pace / self.each_s), 3 * self.each_s)

    def enter(self):
        """What it does first."""

    def step(self):
        """What it does again and again."""

    def leave(self):
        """What it does when the world stops."""

    def text(self):
        """A message that nobody ever sent before; some are long."""
        text = self.world.fresh(self.name)
        if self.rng.random() < 0.25:
            text += " " + "x" * self.rng.randrange(2000, 14000)
        return text


def refuses(call, *wanted):
    """Whether a call is refused with one of these (CODE, REASON); any other refusal is raised."""
    try:
        call()
    except grpc.RpcError as error:
        refusal = Refusal(error)
        if not any(
            refusal.code == getattr(grpc.StatusCode, code) and reason in (None, refusal.reason)
            for code, reason in wanted
        ):
            raise
        return True
    return False


def make_rooms(world):
    """The rooms in which everything happens; those of an earlier life are there already."""
    owner = world.guest("owner")
    for room in MAIN_ROOMS:
        owner.join(room, create_if_missing=True)
    there = [("ALREADY_EXISTS", None)]
    for room, fields in (
        (HASTY_ROOM, {"retention_seconds": HASTY_SECONDS}),
        (WORK_ROOM, {"delivery": api.ROOM_DELIVERY_ONE}),
    ):
        if refuses(lambda room=room, fields=fields: owner.create(room, **fields), *there):
            owner.join(room)
    owner.sign_out()
    owner.close()

"""Work: who asks, and takers who deal with it, give it back, let it lapse, or vanish."""

import threading

import grpc

from crowd import WORK_ROOM, Actor, refuses
from ledger import Broken
from support.deadline import DEADLINE

LOST = [("FAILED_PRECONDITION", "LEASE_LOST")]


class Asker(Actor):
    """Sends work."""

    each_s = 0.7

    def enter(self):
        self.guest = self.world.guest(self.name)
        self.guest.join(WORK_ROOM)

    def step(self):
        text = self.text()
        message = self.guest.send(WORK_ROOM, text, request_id=self.world.fresh("r"))
        self.world.ledger.acknowledge(WORK_ROOM, message.sequence, text)
        self.world.ledger.job(WORK_ROOM, message.sequence)
        self.world.count("work sent")

    def leave(self):
        self.guest.sign_out()
        self.guest.close()


class Taker(Actor):
    """Takes work. A short lease may end at any time: what it holds is then not surely its own."""

    def __init__(self, world, name, lease_seconds=60, **options):
        super().__init__(world, name)
        self._lease_seconds = lease_seconds
        self._options = options
        self._guest = None
        self._call = None
        self._over = False
        self._lock = threading.Lock()

    def _run(self):
        try:
            self._guest = self.world.guest(self.name)
            self._guest.join(WORK_ROOM)
            while not self._over and not self.world.broken:
                self._take_some()
        except Exception as error:  # told to the campaign, which ends with it
            self.world.fail(self.name, error)
        finally:
            if self._guest is not None:
                self._guest.channel.close()

    def _take_some(self):
        lease = {"lease_seconds": self._lease_seconds, **self._options}
        call = self._guest.open("TakeMessages", room=WORK_ROOM, **lease)
        with self._lock:
            self._call = call
            if self._over:
                call.cancel()
        try:
            for item in call:
                if item.HasField("taken") and not self._deal_with(item.taken):
                    break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED or not self._over:
                raise
        call.cancel()

    def _deal_with(self, taken):
        """Whether to go on taking on this stream."""
        sequence, attempt = taken.message.sequence, taken.attempt
        work = self.world.work
        self.world.ledger.note_message(WORK_ROOM, sequence, taken.message.text, self.name)
        work.taken(WORK_ROOM, sequence, attempt, surely=self._lease_seconds > 10)
        chance = self.rng.random()
        if self.world.stopping.is_set():
            chance = 1.0  # all that there is must be dealt with
        if chance < 0.05:
            return self._vanish(sequence, attempt)
        if chance < 0.15:
            work.ended(WORK_ROOM, sequence, attempt)
            delay = self.rng.randrange(2)
            self._answer(lambda: self._guest.release(WORK_ROOM, taken, delay_seconds=delay))
            self.world.count("work given back")
            return True
        if chance < 0.2:
            self.world.stopping.wait(self.rng.uniform(0, 3))
        if self._answer(lambda: self._guest.acknowledge(WORK_ROOM, taken)):
            work.done(WORK_ROOM, sequence, attempt)
            self.world.count("work done")
        return True

    def _vanish(self, sequence, attempt):
        self.world.work.ended(WORK_ROOM, sequence, attempt)
        self.world.count("takers vanished")
        if self.rng.random() < 0.5:
            self._guest.channel.close()
            self._guest = self.world.twin(self._guest)
        return False

    def _answer(self, call):
        """Whether the lease was still its own; a long one must be."""
        if not refuses(call, *LOST):
            return True
        if self._lease_seconds > 10:
            raise Broken(f"{self.name} lost a lease of {self._lease_seconds} s at once")
        self.world.count("leases lapsed")
        return False

    def finish(self):
        """The work is done; it goes."""
        with self._lock:
            self._over = True
            call = self._call
        if call is not None:
            call.cancel()
        self.join()


def takers(world):
    """Those of one round. One holds several at a time; one has leases of a second."""
    return [
        Taker(world, "taker-a", include_own=True),
        Taker(world, "taker-b", max_unacknowledged=4),
        Taker(world, "taker-short", lease_seconds=1),
    ]


def wait_until_done(world):
    """All work that was sent must be dealt with."""
    end = threading.Event()
    waited = 0.0
    while world.ledger.undone() and not world.broken:
        if waited > 2 * DEADLINE:
            world.fail("work", Broken(f"was forgotten: {world.ledger.undone()[:5]}"))
        end.wait(0.05)
        waited += 0.05

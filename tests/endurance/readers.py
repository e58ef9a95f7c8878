"""Who streams: for long, slowly, with breaks; on after the cursor, without a hole or a repeat."""

import threading

import grpc

from crowd import HASTY_ROOM, MAIN_ROOMS, Actor
from ledger import Broken, StreamJudge
from support.contract import api
from support.deadline import DEADLINE

SMALL_WINDOW = {"grpc__http2__bdp_probe": 0, "grpc__http2__lookahead_bytes": 65536}


class Reader(Actor):
    """Streams some rooms, or all, over one call after the other: `whole` from their first events,
    else from now on. `stops` and `away` are seconds: for how long at most it stops reading now and
    then, and is gone between two calls. `moves`: each call is on a connection of its own."""

    def __init__(
        self, world, name, rooms=(), whole=False, stops=0.0, away=3.0, moves=False, **options
    ):
        super().__init__(world, name)
        self._rooms = list(rooms)
        self._stops = stops
        self._away = away
        self._whole = whole
        self._moves = moves
        self._options = options
        self._guest = None
        self._call = None
        self._targets = None  # what it must have read before it may go
        self._over = False
        self._news = threading.Condition()
        self.is_live = threading.Event()
        self.judge = StreamJudge(world.ledger, name, rooms if whole else (), [HASTY_ROOM])

    def _run(self):
        try:
            self._guest = self.world.guest(self.name, **self._options)
            for room in self._rooms or MAIN_ROOMS:
                self._guest.join(room)
            while not self._over and not self.world.broken:
                self._stream()
        except Exception as error:  # told to the campaign, which ends with it
            self.world.fail(self.name, error)
            self.is_live.set()
        finally:
            if self._guest is not None:
                self._guest.channel.close()

    def _stream(self):
        self.judge.begin()
        left = self.rng.randrange(5, 300)
        where = {"cursor": self.judge.cursor} if self.judge.cursor else self._start()
        call = self._guest.open("StreamMessages", rooms=self._rooms, **where)
        with self._news:
            self._call = call
            if self._over:
                call.cancel()
        try:
            for item in call:
                self._take(item)
                left -= 1
                if left <= 0 and self._targets is None:
                    break
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.CANCELLED or not self._over:
                raise
            return
        call.cancel()
        self.world.count("streams resumed")
        if self._moves:
            self._guest.channel.close()
            self._guest = self.world.twin(self._guest, **self._options)
        if self._targets is None:
            self.world.stopping.wait(self.rng.uniform(0, self._away))

    def _start(self):
        return {"start": api.STREAM_START_BEGINNING} if self._whole else {}

    def _take(self, item):
        self.judge.take(item)
        if item.HasField("event"):
            self.world.count("events streamed")
        elif item.HasField("room_state"):
            self.world.count("rooms begun anew")
        elif item.HasField("caught_up"):
            self.is_live.set()
        if self._targets is not None:
            with self._news:
                self._news.notify_all()
        elif self._stops and self.rng.random() < 0.01:
            self.world.count("readers stopped")
            self.world.stopping.wait(self.rng.uniform(0, self._stops))

    def finish(self, last):
        """The world has stopped; all up to these must come. Then it goes."""
        targets = {room: last[room] for room in self._rooms or MAIN_ROOMS}
        with self._news:
            self._targets = targets
            reached = self._news.wait_for(lambda: self._has(targets), 2 * DEADLINE)
            self._over = True
            call = self._call
        if call is not None:
            call.cancel()
        self.join()
        if not reached and not self.world.broken:
            got = {room: self.judge.last(room) for room in targets}
            self.world.fail(self.name, Broken(f"has read up to {got}, and not {targets}"))

    def _has(self, targets):
        return bool(self.world.broken) or all(
            self.judge.last(room) >= sequence for room, sequence in targets.items()
        )


def readers(world):
    """Those of one round."""
    return [
        Reader(world, "reader-all"),
        Reader(world, "reader-pair", MAIN_ROOMS[:2], moves=True),
        Reader(world, "reader-one", MAIN_ROOMS[2:3], whole=True),
        Reader(world, "reader-slow", MAIN_ROOMS[:1], stops=30.0, **SMALL_WINDOW),
        Reader(world, "reader-slow-all", MAIN_ROOMS, stops=10.0, **SMALL_WINDOW),
        Reader(world, "reader-hasty", [HASTY_ROOM, MAIN_ROOMS[3]], away=50.0),
    ]

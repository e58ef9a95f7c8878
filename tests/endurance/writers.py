"""Who sends: with and without a request_id, again when unsure, many at once, to forgetful rooms."""

import grpc

from crowd import HASTY_ROOM, MAIN_ROOMS, Actor, refuses
from ledger import Broken
from support.client import call_raw, callable_of
from support.contract import api
from support.deadline import DEADLINE


class Writer(Actor):
    """Sends to the main rooms in several ways."""

    each_s = 0.4

    def enter(self):
        self.guest = self.world.guest(self.name)
        for room in MAIN_ROOMS:
            self.guest.join(room)

    def step(self):
        ways = [self._plain, self._named, self._repeated, self._twice_at_once, self._burst]
        self.rng.choices(ways, [4, 3, 2, 1, 1])[0](self.rng.choice(MAIN_ROOMS))

    def leave(self):
        self.guest.sign_out()
        self.guest.close()

    def _settle(self, room, text, message):
        if message.room != room or message.text != text:
            raise Broken(f"{self.name} sent {text[:40]!r}; acknowledged is {message.text[:40]!r}")
        self.world.ledger.acknowledge(room, message.sequence, text)
        self.world.count("sends acknowledged")

    def _plain(self, room):
        text = self.text()
        self._settle(room, text, self.guest.send(room, text))

    def _named(self, room):
        text = self.text()
        response = self.guest.send_response(room, text, request_id=self.world.fresh("r"))
        if response.deduplicated or response.durability != api.DURABILITY_SYNCED:
            raise Broken(f"a new request_id was answered with {response}")
        self._settle(room, text, response.message)

    def _repeated(self, room):
        text, request_id = self.text(), self.world.fresh("r")
        first = self.guest.send(room, text, request_id=request_id)
        self._settle(room, text, first)
        again = self.guest.send_response(room, text, request_id=request_id)
        if not again.deduplicated or again.message.sequence != first.sequence:
            raise Broken(f"{first.sequence} was sent again with its request_id, as {again}")
        self.world.count("request_ids repeated")

    def _twice_at_once(self, room):
        text, request_id = self.text(), self.world.fresh("r")
        calls = [self.guest.begin_send(room, text, request_id=request_id) for _ in range(2)]
        answers = [call.result() for call in calls]
        places = {answer.message.sequence for answer in answers}
        if len(places) != 1 or sum(answer.deduplicated for answer in answers) != 1:
            raise Broken(f"two sends with one request_id at once were answered with {answers}")
        self._settle(room, text, answers[0].message)
        self.world.count("request_ids repeated")

    def _burst(self, room):
        texts = [self.text() for _ in range(8)]
        calls = [self.guest.begin_send(room, text) for text in texts]
        last = 0
        for text, call in zip(texts, calls):
            message = call.result().message
            self._settle(room, text, message)
            if message.sequence <= last:
                raise Broken(f"{room}: {message.sequence} was sent after {last}")
            last = message.sequence


class HastyWriter(Actor):
    """Sends to the room that soon forgets."""

    each_s = 0.5

    def enter(self):
        self.guest = self.world.guest(self.name)
        self.guest.join(HASTY_ROOM)

    def step(self):
        text = self.text()
        message = self.guest.send(HASTY_ROOM, text)
        self.world.ledger.acknowledge(HASTY_ROOM, message.sequence, text)
        self.world.count("sends acknowledged")

    def leave(self):
        self.guest.sign_out()
        self.guest.close()


class Unsure(Actor):
    """Begins calls that it cancels at once, or whose deadline is short; what it does not know
    it sends again with the same request_id, on another connection. A connection on which calls
    are cancelled at once may end by itself: grpcio then breaks a rule of HTTP/2."""

    each_s = 3.0

    def enter(self):
        self.guest = self.world.guest(self.name)
        self.guest.join(MAIN_ROOMS[0])

    def step(self):
        twin = self.world.twin(self.guest)
        self._streams(twin)
        pending = [self._begin(twin, i) for i in range(4)]
        for text, request_id, call in pending:
            self._wait(call)
            message = self.guest.send(MAIN_ROOMS[0], text, request_id=request_id)
            self.world.ledger.acknowledge(MAIN_ROOMS[0], message.sequence, text)
            self.world.count("sends acknowledged")
        twin.channel.close()
        self._bad_requests()

    def _streams(self, twin):
        for start in (api.STREAM_START_NOW, api.STREAM_START_BEGINNING) * 3:
            twin.open("StreamMessages", rooms=[MAIN_ROOMS[0]], start=start).cancel()
        self.world.count("calls cancelled", 6)

    def _begin(self, twin, i):
        text, request_id = self.text(), self.world.fresh("r")
        method = api.method("SendMessage")
        request = method.request(room=MAIN_ROOMS[0], text=text, request_id=request_id)
        short = self.rng.choice([0.0005, 0.002, 0.01])
        call = callable_of(twin.channel, method).future(
            request, timeout=short if i % 2 else DEADLINE, metadata=twin.metadata()
        )
        if i % 2 == 0:
            call.cancel()
        return text, request_id, call

    def _wait(self, call):
        try:
            call.result()
            self.world.count("unsure, had been sent")
        except (grpc.RpcError, grpc.FutureCancelledError):
            self.world.count("unsure, cancelled or late")

    def _bad_requests(self):
        metadata = self.guest.metadata()
        path = api.method("SendMessage").path
        junk = self.rng.randbytes(self.rng.randrange(1, 80))
        channel = self.guest.channel
        bad = ("INVALID_ARGUMENT", None)
        if not refuses(lambda: call_raw(channel, path, b"\x0a\x7f" + junk, metadata), bad):
            raise Broken("bytes that are no request were accepted")
        wrong = [("authorization", f"Bearer {junk.hex()}")]
        if not refuses(lambda: call_raw(channel, path, b"", wrong), ("UNAUTHENTICATED", None)):
            raise Broken("a wrong token was accepted")
        self.world.count("bad requests refused", 2)

    def leave(self):
        self.guest.sign_out()
        self.guest.close()

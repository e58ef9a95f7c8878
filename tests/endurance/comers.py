"""Who comes and goes, and who looks things up: guests, rooms, members, history, unread counts."""

from crowd import HASTY_ROOM, MAIN_ROOMS, Actor, refuses
from ledger import Broken, StreamJudge
from support.client import Ended
from support.contract import api


class Newcomer(Actor):
    """Each time someone new: signs in, looks around, streams, sends, and leaves or just goes."""

    each_s = 2.5

    def step(self):
        guest = self.world.guest(self.name)
        room = self.rng.choice(MAIN_ROOMS)
        guest.join(room)
        self._look_around(guest, room)
        self._catch_up(guest, room)
        text = self.text()
        self.world.ledger.acknowledge(room, guest.send(room, text).sequence, text)
        self.world.count("sends acknowledged")
        if self.rng.random() < 0.4:
            guest.leave(room)
        if self.rng.random() < 0.7:
            guest.sign_out()
            self._check_gone(guest)
        guest.close()
        self.world.count("came and went")

    def _look_around(self, guest, room):
        if guest.name not in guest.members(room):
            raise Broken(f"{guest.name} has joined {room} and is no member")
        if guest.user().user != guest.name:
            raise Broken(f"{guest.name} is told to be someone else")
        if room not in guest.rooms():
            raise Broken(f"{guest.name} has joined {room}, which is not listed")
        if [user.user for user in guest.call("ListUsers", prefix=guest.name).users] != [guest.name]:
            raise Broken(f"{guest.name} is not among the users")

    def _catch_up(self, guest, room):
        """The room from its first event, or what is unread, up to what is live or for a while."""
        last = guest.call("GetRoom", room=room).room.last_sequence
        whole = self.rng.random() < 0.3
        judge = StreamJudge(self.world.ledger, guest.name, [room] if whole else ())
        start = api.STREAM_START_BEGINNING if whole else api.STREAM_START_UNREAD
        call = guest.open("StreamMessages", rooms=[room], start=start)
        for item in call:
            judge.take(item)
            if item.HasField("caught_up"):
                if judge.events_len and judge.last(room) < last:
                    raise Broken(f"caught up to {judge.last(room)} of {room}, not {last}")
                break
            if judge.events_len == 150:
                break
        call.cancel()
        self.world.count("events streamed", judge.events_len)

    def _check_gone(self, guest):
        if not refuses(lambda: guest.user(), ("UNAUTHENTICATED", None)):
            raise Broken(f"{guest.name} has signed out and is still let in")


class RoomMaker(Actor):
    """Makes rooms; two talk there, one leaves; and people write to each other."""

    each_s = 12.0

    def enter(self):
        self.guest = self.world.guest(self.name)

    def step(self):
        other = self.world.guest(self.name + "-friend")
        room = self.world.fresh("room")
        self.guest.create(room, title="made to be left")
        other.join(room)
        stream = other.live(room)
        texts = [self.text() for _ in range(3)]
        for text in texts:
            self.world.ledger.acknowledge(room, self.guest.send(room, text).sequence, text)
        if stream.texts(3) != texts:
            raise Broken(f"{room} did not bring what was sent")
        text = self.text()
        direct = self.guest.send(other, text)
        self.world.ledger.acknowledge(direct.room, direct.sequence, text)
        self.world.count("sends acknowledged", 4)
        listed = other.messages(room, ascending=True)
        self.world.ledger.check_page(room, 0, [(m.sequence, m.text) for m in listed], "the list")
        stream.cancel()
        try:
            stream.ended()
        except Ended:
            pass
        self.guest.leave(room)
        other.sign_out()
        other.close()
        self.world.count("rooms made")

    def leave(self):
        self.guest.sign_out()
        self.guest.close()


class Historian(Actor):
    """Reads pages of the log, forwards and backwards, and counts what is unread."""

    each_s = 1.5

    def enter(self):
        self.guest = self.world.guest(self.name)
        for room in [*MAIN_ROOMS, HASTY_ROOM]:
            self.guest.join(room)
        self._last = {}

    def step(self):
        room = self.rng.choice(MAIN_ROOMS)
        last = self._room(room).last_sequence
        after = self.rng.randrange(max(1, last))
        self._forwards(room, after)
        self._backwards(room)
        self._unread(room)
        self._room(HASTY_ROOM)
        self.world.count("pages read", 3)

    def _room(self, name):
        room = self.guest.call("GetRoom", room=name).room
        first, last = self._last.get(name, (0, 0))
        if room.last_sequence < last or room.first_sequence < first:
            raise Broken(f"{name} went back: {first} to {last} before, now {room}")
        self._last[name] = (room.first_sequence, room.last_sequence)
        return room

    def _forwards(self, room, after):
        page = self.guest.call(
            "ListMessages", room=room, after=after, ascending=True, page_size=20
        ).messages
        told = [(message.sequence, message.text) for message in page]
        self.world.ledger.check_page(room, after, told, "a page of history")

    def _backwards(self, room):
        page = self.guest.call("ListMessages", room=room, page_size=10).messages
        told = [(message.sequence, message.text) for message in reversed(page)]
        if told:
            self.world.ledger.check_page(room, told[0][0] - 1, told, "the newest page")

    def _unread(self, room):
        entry = self.guest.rooms()[room]
        after = self.guest.messages(room, after=entry.read_sequence, page_size=1000)
        seen = [m.sequence for m in after if m.sequence <= entry.room.last_sequence]
        if entry.unread_count != len(seen):
            raise Broken(f"{room}: {entry.unread_count} unread are told, and {len(seen)} are there")
        if seen and self.rng.random() < 0.5:
            self.guest.mark_read(room, self.rng.choice(seen))
            self.world.count("markers moved")

    def leave(self):
        self.guest.sign_out()
        self.guest.close()

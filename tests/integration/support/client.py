"""Guests: clients of the server that know the contract only."""

import queue
import threading

import grpc

from support.contract import api
from support.deadline import DEADLINE
from support.refusal import Refusal

OPTIONS = {
    "grpc.use_local_subchannel_pool": 1,  # a connection of its own for each channel
    "grpc.enable_http_proxy": 0,
    "grpc.enable_retries": 0,
    "grpc.initial_reconnect_backoff_ms": 50,
    "grpc.max_reconnect_backoff_ms": 500,
}


def connect(address, credentials=None, **options):
    """A channel with a connection of its own; with credentials, over TLS."""
    merged = {**OPTIONS, **{name.replace("__", "."): value for name, value in options.items()}}
    if credentials is not None:
        return grpc.secure_channel(address, credentials, list(merged.items()))
    return grpc.insecure_channel(address, list(merged.items()))


def callable_of(channel, method):
    """The method as a function of a request, or of an iterator of requests."""
    kind = "stream" if method.client_streaming else "unary"
    kind += "_stream" if method.server_streaming else "_unary"
    return getattr(channel, kind)(
        method.path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=method.response.FromString,
    )


def call_raw(channel, path, data, metadata=(), deadline=DEADLINE):
    """A unary call with bytes as they are; returns bytes."""
    call = channel.unary_unary(path)
    return call(data, timeout=deadline, metadata=list(metadata), wait_for_ready=True)


def bearer(token):
    """The metadata that bears a token."""
    return [("authorization", f"Bearer {token}")]


class Items:
    """A stream's items, taken by a thread of its own as they come."""

    def __init__(self, call):
        self._call = call
        self._queue = queue.Queue()
        self._end = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        error = None
        try:
            for item in self._call:
                self._queue.put(item)
        except grpc.RpcError as caught:
            error = caught
        self._queue.put(Ended(error))

    def next(self, deadline=DEADLINE):
        """The next item; raises Ended where there is none."""
        if self._end is not None:
            raise self._end
        item = self._queue.get(timeout=deadline)
        if isinstance(item, Ended):
            self._end = item
            raise item
        return item

    def rest(self):
        """All items up to the stream's end, and how it ended (None: status OK)."""
        items = []
        while True:
            try:
                items.append(self.next())
            except Ended as end:
                return items, end.refusal

    def ended(self):
        """Waits for the stream's end, whatever still comes; how it ended."""
        return self.rest()[1]

    def cancel(self):
        """The client goes away."""
        self._call.cancel()
        self._thread.join(DEADLINE)
        assert not self._thread.is_alive()


class Ended(Exception):
    """A stream has ended."""

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error  # grpcio's

    @property
    def refusal(self):
        """Why; None where all went well."""
        return None if self.error is None else Refusal(self.error)


class Stream(Items):
    """StreamMessages, and what always holds of it: a room's events come in order without a
    hole that no RoomState tells of, or a repeat, and CaughtUp once."""

    def __init__(self, call, user=""):
        super().__init__(call)
        self.cursor = ""
        self.is_caught_up = False
        self._user = user
        self._last = {}

    def next(self, deadline=DEADLINE):
        item = super().next(deadline)
        self.cursor = item.cursor or self.cursor
        kind = item.WhichOneof("item")
        if kind == "event":
            self._check_event(item.event)
        elif kind == "room_state":
            self._last[item.room_state.room.room] = item.room_state.as_of_sequence
        elif kind == "caught_up":
            assert not self.is_caught_up, "CaughtUp came twice"
            self.is_caught_up = True
        return item

    def _check_event(self, event):
        last = self._last.get(event.room)
        if last is not None:
            assert event.sequence == last + 1, f"{event.room}: {event.sequence} after {last}"
        self._last[event.room] = event.sequence
        member = event.member_changed
        if member.user == self._user and member.state == api.MEMBER_STATE_LEFT:
            del self._last[event.room]  # whoever comes back later has missed some

    def until_caught_up(self):
        """The items up to CaughtUp, without it."""
        items = []
        while True:
            item = self.next()
            if item.HasField("caught_up"):
                return items
            items.append(item)

    def event(self):
        """The next event."""
        while True:
            item = self.next()
            if item.HasField("event"):
                return item.event

    def message(self):
        """The next event that is a message."""
        while True:
            event = self.event()
            if event.HasField("message_sent"):
                return event

    def texts(self, count):
        """The texts of so many messages."""
        return [self.message().message_sent.text for _ in range(count)]

    def marker(self, room):
        """The next read marker of the room."""
        while True:
            item = self.next()
            if item.HasField("read_marker") and item.read_marker.room == room:
                return item.read_marker.sequence


class Taker(Items):
    """TakeMessages."""

    def taken(self):
        """The next message to deal with."""
        while True:
            item = self.next()
            if item.HasField("taken"):
                return item.taken


def events_of(items, room=None):
    """The events among a stream's items, of one room or of all."""
    events = [item.event for item in items if item.HasField("event")]
    return [event for event in events if room in (None, event.room)]


def texts_of(events):
    """The texts of those events that are messages."""
    return [event.message_sent.text for event in events if event.HasField("message_sent")]


class Guest:
    """One user on one connection. Whoever is not patient fails at once while there is none."""

    def __init__(self, address, name, token=None, patient=True, **options):
        self.address = address
        self.name = name
        self._options = options
        self._patient = patient
        self.channel = connect(address, **options)
        self.session = None
        self.token = token
        self._streams = []
        if token is None:
            self.session = self.call("SignInAsGuest", user=name).session
            self.token = self.session.token

    @property
    def user_id(self):
        """Who it is, for good."""
        return self.session.user.user_id

    def metadata(self):
        """What proves who calls."""
        return bearer(self.token) if self.token else []

    def _how(self):
        return {"metadata": self.metadata(), "wait_for_ready": self._patient}

    def begin(self, name, **fields):
        """Begins a unary call by its name in the contract, and returns its future."""
        method = api.method(name)
        call = callable_of(self.channel, method)
        return call.future(method.request(**fields), timeout=DEADLINE, **self._how())

    def call(self, name, **fields):
        """A unary call and its response."""
        return self.begin(name, **fields).result()

    def open(self, name, **fields):
        """Opens a stream: the plain call, which reads only when asked to."""
        method = api.method(name)
        return callable_of(self.channel, method)(method.request(**fields), **self._how())

    def stream(self, *rooms, **fields):
        """Streams these rooms, or all."""
        stream = Stream(self.open("StreamMessages", rooms=rooms, **fields), self.name)
        self._streams.append(stream)
        return stream

    def live(self, *rooms, **fields):
        """The same from now on, once it is live."""
        stream = self.stream(*rooms, **fields)
        stream.until_caught_up()
        return stream

    def take(self, room, **fields):
        """Takes a room's messages as work."""
        taker = Taker(self.open("TakeMessages", room=room, **fields))
        self._streams.append(taker)
        return taker

    def send(self, target, text, **fields):
        """Sends to a room, or to another guest; the message as the log has it."""
        return self.send_response(target, text, **fields).message

    def send_response(self, target, text, **fields):
        """The same; the whole response."""
        return self.call("SendMessage", **send_fields(target, text, fields))

    def begin_send(self, target, text, **fields):
        """The same; a future of the response."""
        return self.begin("SendMessage", **send_fields(target, text, fields))

    def create(self, room, **fields):
        """Makes a room."""
        return self.call("CreateRoom", room=api.Room(room=room, **fields)).room

    def join(self, room, **fields):
        """Enters a room."""
        return self.call("JoinRoom", room=room, **fields).room

    def leave(self, room):
        """Leaves a room."""
        self.call("LeaveRoom", room=room)

    def mark_read(self, room, sequence):
        """Moves the read marker."""
        self.call("MarkRead", room=room, sequence=sequence)

    def acknowledge(self, room, taken):
        """A taken message is dealt with."""
        self.call("AckMessage", room=room, sequence=taken.message.sequence, lease=taken.lease)

    def release(self, room, taken, **fields):
        """A taken message is given back."""
        self.call(
            "ReleaseMessage",
            room=room,
            sequence=taken.message.sequence,
            lease=taken.lease,
            **fields,
        )

    def rooms(self, **fields):
        """How it stands in its rooms, by their ids; all pages."""
        return {entry.room.room: entry for entry in self.pages("ListRooms", "rooms", **fields)}

    def members(self, room):
        """A room's members by their names; all pages."""
        found = self.pages("ListMembers", "members", room=room)
        return {member.user: member for member in found}

    def messages(self, room, **fields):
        """A room's messages, all pages."""
        return self.pages("ListMessages", "messages", room=room, **fields)

    def pages(self, name, field, **fields):
        """Every entry of something that is listed, page after page."""
        found = []
        token = ""
        while True:
            response = self.call(name, page_token=token, **fields)
            found += getattr(response, field)
            token = response.next_page_token
            if not token:
                return found

    def user(self, name=""):
        """A user, or itself."""
        return self.call("GetUser", user=name).user

    def sign_out(self):
        """Ends the session."""
        self.call("SignOut")

    def reconnect(self):
        """Comes back on a new connection, as one does when the server was gone."""
        self.channel.close()
        self.channel = connect(self.address, **self._options)

    def close(self):
        """Goes away without a word."""
        for stream in self._streams:
            stream.cancel()
        self.channel.close()


def send_fields(target, text, fields):
    """SendMessageRequest's fields: the target is a room's id or a Guest."""
    where = {"user": target.name} if isinstance(target, Guest) else {"room": target}
    return {**where, "text": text, **fields}

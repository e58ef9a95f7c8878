"""Those who come without gRPC: JSON as curl sends it, Connect and gRPC-Web, on HTTP/1.1."""

import base64
import http.client
import json
import ssl
import struct

from crowd import MAIN_ROOMS, Actor
from ledger import Broken, StreamJudge
from support.contract import api
from support.deadline import DEADLINE

JSON = "application/json"
END_OF_WEB = b"\x80"


class Page:
    """A connection to the server, kept alive from request to request."""

    def __init__(self, world):
        host, port = world.address.rsplit(":", 1)
        where = {"host": host, "port": int(port), "timeout": DEADLINE}
        if world.authority is None:
            self._http = http.client.HTTPConnection(**where)
        else:
            context = ssl.create_default_context(cafile=str(world.authority.pair.cert))
            self._http = http.client.HTTPSConnection(context=context, **where)
        self.token = None

    def open(self, path, body, kind, **more):
        """The response to a POST, its body unread."""
        headers = {"content-type": kind, **more}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        self._http.request("POST", f"/{path}", body, headers)
        return self._http.getresponse()

    def call(self, method, wanted=200, **message):
        """A call in JSON, and its answer."""
        response = self.open(path_of(method), json.dumps(message), JSON)
        body = response.read()
        if response.status != wanted:
            raise Broken(f"{method} in JSON was answered with {response.status}: {body[:300]}")
        return json.loads(body)

    def get(self, path):
        """Status and body of a GET."""
        self._http.request("GET", path, headers={"authorization": f"Bearer {self.token}"})
        response = self._http.getresponse()
        return response.status, response.read()

    def sign_in(self, name):
        """As a guest."""
        self.token = self.call("SignInAsGuest", user=name)["session"]["token"]

    def close(self):
        """Hangs up."""
        self._http.close()


def path_of(method):
    """Where a method is."""
    return api.method(method).path[1:]


def envelope(data, flags=0):
    """A message of a stream."""
    return struct.pack(">BI", flags, len(data)) + data


def read_envelope(response):
    """(flags, bytes) of the next message of a stream; (None, b"") at its end."""
    head = response.read(5)
    if len(head) < 5:
        return None, b""
    flags, size = struct.unpack(">BI", head)
    return flags, response.read(size)


class Curl(Actor):
    """JSON over HTTP/1.1: some keep their connection, some make one for each visit."""

    each_s = 2.0

    def enter(self):
        self._page = None

    def step(self):
        if self._page is None:
            self._page = Page(self.world)
            self._page.sign_in(self.world.fresh(self.name))
            self.world.count("sign-ins")
        page, room = self._page, self.rng.choice(MAIN_ROOMS)
        page.call("JoinRoom", room=room)
        self._send(page, room)
        self._list(page, room)
        self._look(page)
        chance = self.rng.random()
        if chance < 0.3:
            self._stream(page, room)
        elif chance < 0.5:
            self._hang_up(sign_out=self.rng.random() < 0.5)
        self.world.count("visits with JSON")

    def _hang_up(self, sign_out):
        if sign_out:
            self._page.call("SignOut")
            self._page.call("GetUser", wanted=401)
        self._page.close()
        self._page = None

    def _send(self, page, room):
        text, request_id = self.text(), self.world.fresh("r")
        places = set()
        for _ in range(self.rng.randrange(1, 3)):
            told = page.call("SendMessage", room=room, text=text, requestId=request_id)
            places.add(int(told["message"]["sequence"]))
        if len(places) != 1:
            raise Broken(f"one request_id, in JSON, has sent at {places}")
        self.world.ledger.acknowledge(room, places.pop(), text)
        self.world.count("sends acknowledged")

    def _list(self, page, room):
        told = page.call("ListMessages", room=room, pageSize=5).get("messages", [])
        told = [(int(message["sequence"]), message["text"]) for message in reversed(told)]
        self.world.ledger.check_page(room, told[0][0] - 1, told, "a page in JSON")

    def _look(self, page):
        status, body = page.get("/healthz")
        if status != 200:
            raise Broken(f"/healthz says {status}: {body[:300]}")
        page.call("GetRoom", wanted=404, room="nowhere")

    def _stream(self, page, room):
        """Connect, in JSON: until what is sent now has come; then the connection is dropped."""
        request = envelope(json.dumps({"rooms": [room]}).encode())
        response = page.open(path_of("StreamMessages"), request, "application/connect+json")
        judge = StreamJudge(self.world.ledger, self.name)
        wanted = ""
        while True:
            flags, data = read_envelope(response)
            if flags != 0:
                raise Broken(f"a stream of Connect ended, flags {flags}: {data[:300]}")
            item = json.loads(data)
            if "caughtUp" in item:
                wanted = self._send_live(page, room)
            elif self._take(judge, item.get("event")) == wanted != "":
                break
        self._hang_up(sign_out=False)

    def _take(self, judge, event):
        """The text of an event that is a message."""
        if event is None:
            return ""
        place = (event["room"], int(event["sequence"]))
        if "messageSent" not in event:
            judge.take_place(*place)
            return ""
        judge.take_message(*place, event["messageSent"]["text"])
        return event["messageSent"]["text"]

    def _send_live(self, page, room):
        text, other = self.text(), Page(self.world)
        other.token = page.token
        told = other.call("SendMessage", room=room, text=text)
        self.world.ledger.acknowledge(room, int(told["message"]["sequence"]), text)
        self.world.count("sends acknowledged")
        other.close()
        return text

    def leave(self):
        if self._page is not None:
            self._hang_up(sign_out=True)


class Browser(Actor):
    """gRPC-Web, binary and as text: calls and streams."""

    each_s = 3.0

    def step(self):
        page = Page(self.world)
        page.sign_in(self.world.fresh(self.name))
        self.world.count("sign-ins")
        room = self.rng.choice(MAIN_ROOMS)
        page.call("JoinRoom", room=room)
        self._call(page, "ListRooms", page_size=5)
        self._stream(page, room)
        self.world.count("visits with gRPC-Web")

    def _call(self, page, method, **fields):
        method = api.method(method)
        as_text = self.rng.random() < 0.5
        body = envelope(method.request(**fields).SerializeToString())
        kind = "application/grpc-web-text+proto" if as_text else "application/grpc-web+proto"
        response = page.open(method.path[1:], base64.b64encode(body) if as_text else body, kind)
        data = response.read()
        data = decode_pieces(data) if as_text else data
        size = int.from_bytes(data[1:5], "big")
        trailers = data[5 + size :].replace(b" ", b"")
        if data[0] != 0 or trailers[:1] != END_OF_WEB or b"grpc-status:0" not in trailers:
            raise Broken(f"{method.name} of gRPC-Web was answered with {data[:300]}")
        return method.response.FromString(data[5 : 5 + size])

    def _stream(self, page, room):
        """Until what is sent now has come; then the connection is dropped."""
        request = api.StreamMessagesRequest(rooms=[room])
        body = envelope(request.SerializeToString())
        response = page.open(path_of("StreamMessages"), body, "application/grpc-web+proto")
        judge = StreamJudge(self.world.ledger, self.name)
        wanted = None
        while wanted is None or judge.last(room) < wanted:
            flags, data = read_envelope(response)
            if flags != 0:
                raise Broken(f"a stream of gRPC-Web ended, flags {flags}: {data[:300]}")
            item = api.StreamMessagesResponse.FromString(data)
            judge.take(item)
            if item.HasField("caught_up"):
                wanted = self._send_live(page, room)
        page.close()

    def _send_live(self, page, room):
        text, other = self.text(), Page(self.world)
        other.token = page.token
        sent = self._call(other, "SendMessage", room=room, text=text).message
        self.world.ledger.acknowledge(room, sent.sequence, text)
        self.world.count("sends acknowledged")
        other.close()
        return sent.sequence


def decode_pieces(text):
    """Base64 that may be padded in between: each piece of four stands by itself."""
    return b"".join(base64.b64decode(text[i : i + 4]) for i in range(0, len(text), 4))

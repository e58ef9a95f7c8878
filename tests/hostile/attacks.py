"""The attacks: which peers, what they send, and what docs/LIMITS.md lets them cost.

A bound is a number of bytes with the words that lead to it; rows of docs/LIMITS.md are named in
quotation marks. It is for all peers of the attack together.
"""

import dataclasses
from collections.abc import Callable

import shots
from shots import KIB, MIB

# "What a hostile peer costs" and "What an idle peer costs", for one connection.
SILENT = 2 * KIB
IDLE = 12 * KIB
TLS = 24 * KIB
UNSENT = 256 * KIB
BUSY = 64 * KIB
CONTROL = 2 * MIB
HELD = 16 * MIB
HEADERS = 8 * MIB
ANSWERS = 16 * MIB
JSON = 640 * KIB
PAGES = 8 * MIB
LOOPS = 2

ADDRESSES = 20  # of the attackers, unless said otherwise


@dataclasses.dataclass(frozen=True)
class Place:
    """What an attack may know: a guest's token and a room of his with long messages."""

    token: str
    room: str


@dataclasses.dataclass(frozen=True)
class Attack:
    """Peers of one kind."""

    name: str
    text: str
    bound: tuple[int, str]
    connections: int = 100
    open: Callable[[Place], bytes] = lambda place: b""
    again: Callable[[Place], bytes] = lambda place: b""
    options: tuple[str, ...] = ()
    tls: bool = False
    addresses: int = ADDRESSES


def each(count, *rows):
    """count × the sum of (bytes, row)."""
    size = count * sum(row[0] for row in rows)
    return size, f"{count:,} × (" + " + ".join(row[1] for row in rows) + ")"


def slow(every_ms):
    """A byte now and then."""
    return "--chunk", "1", "--every", str(every_ms)


CONNECTION = (IDLE, "“a connection without TLS”")
WITH_TLS = (TLS + IDLE, "“a connection” with “TLS”")
SHAKING = (41 * KIB, "“one whose hello was answered”")
UNTAKEN = (UNSENT, "“what the kernel has not taken”")
SPED = (BUSY, "“what has come and waits for its turn”")
NEXT = ("--next-ids",)


def greeted(data):
    """The same after HTTP/2's greeting."""
    return lambda place: shots.GREETING + data


def always(data):
    """The same for everyone."""
    return lambda place: data


def flood(name, text, data, before=b""):
    """Frames of one kind, as many as go, from peers that come back when they are cut off."""
    return Attack(
        name,
        text,
        each(100, CONNECTION, SPED, UNTAKEN),
        open=greeted(before),
        again=always(data),
    )


def post(path, body, count=20, **headers):
    """Requests of HTTP/1.1."""
    return lambda place: shots.posts(count, path, body, place.token, **headers)


def sends(count, size):
    """Messages to the attackers' room."""
    return lambda place: shots.calls(
        count, "SendMessage", place.token, room=place.room, text="x" * size
    )


def query(count, name, **fields):
    """Questions about the attackers' room."""
    return lambda place: shots.calls(count, name, place.token, room=place.room, **fields)


def resume(count, before=b""):
    """Streams from the beginning of the attackers' room."""
    return lambda place: (
        shots.PREFACE + before + shots.streams(count, place.token, [place.room], "STREAM_START_BEGINNING")
    )


SLOW = [
    Attack(
        "silent",
        "10,000 connections that say nothing",
        each(10000, (SILENT, "“a connection that has said nothing”")),
        connections=10000,
    ),
    Attack(
        "preface",
        "10,000 connections, a byte of HTTP/2's preface every 2 s",
        each(10000, CONNECTION),
        connections=10000,
        again=always(shots.GREETING),
        options=slow(2000),
    ),
    Attack(
        "headers",
        "2,000 connections, a byte of a CONTINUATION every second",
        each(2000, CONNECTION, (32 * KIB, "four times headers_size")),
        connections=2000,
        open=greeted(shots.half_headers()),
        again=always(6000 * b"x"),
        options=slow(1000),
    ),
    Attack(
        "head-1.1",
        "2,000 connections, a byte of an HTTP/1.1 head every second",
        each(2000, CONNECTION, (8 * KIB, "headers_size")),
        connections=2000,
        open=always(b"GET /healthz HTTP/1.1\r\nhost: test\r\nx: "),
        again=always(6000 * b"x"),
        options=slow(1000),
    ),
    Attack(
        "body",
        "200 connections × 20 calls, 12 KiB of 60 KiB each, then a byte every second",
        each(200, (HELD, "“messages that are not whole”")),
        connections=200,
        open=greeted(shots.half_bodies(20, 12 * KIB, 60 * KIB)),
        again=always(6000 * b"x"),
        options=slow(1000),
    ),
    Attack(
        "gzip-body",
        "the same, compressed",
        each(200, (HELD, "“messages that are not whole”")),
        connections=200,
        open=greeted(shots.half_bodies(20, 12 * KIB, 60 * KIB, grpc_encoding="gzip")),
        again=always(6000 * b"x"),
        options=slow(1000),
    ),
    Attack(
        "chunks-1.1",
        "2,000 connections, a chunk of one byte every second",
        each(2000, CONNECTION, (8 * KIB, "headers_size")),
        connections=2000,
        open=always(
            f"POST {shots.SIGN_IN} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
            "transfer-encoding: chunked\r\n\r\n".encode()
        ),
        again=always(1000 * b"1\r\n \r\n"),
        options=("--chunk", "6", "--every", "1000"),
    ),
]

UNREAD = [
    Attack(
        "unread-answers",
        "20 connections × 60 pages of 1 MiB, with windows of 0",
        each(20, (ANSWERS + 2 * MIB, "“answers that it does not read”, and those under way")),
        connections=20,
        open=lambda place: (
            shots.PREFACE
            + shots.window_of(0)
            + shots.calls(60, "ListMessages", place.token, room=place.room, page_size=1000)
        ),
    ),
    Attack(
        "unread-streams",
        "20 connections × 200 streams from the beginning, with windows of 0",
        (
            LOOPS * PAGES + 4000 * 40 * KIB,
            "2 × “pages of the log” + 4,000 × “a frame for each stream”",
        ),
        connections=20,
        open=resume(200, shots.window_of(0)),
    ),
    Attack(
        "tiny-windows",
        "20 connections whose windows open by a byte, 4,000 times a second",
        (
            LOOPS * PAGES + 20 * (40 + 64 + 256) * KIB,
            "2 × “pages of the log” + 20 × “a frame for each stream”",
        ),
        connections=20,
        open=resume(1, shots.window_of(1)),
        again=always(4 * shots.WINDOW_UPDATES[:13]),
        options=("--every", "1"),
    ),
    Attack(
        "unread-1.1",
        "100 connections, requests of HTTP/1.1 one behind the other, nothing read",
        each(100, CONNECTION, SPED, UNTAKEN),
        again=always(1000 * b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"),
        options=("--read", "none"),
    ),
]

FLOODS = [
    flood("pings", "PING", shots.PINGS),
    flood("settings", "SETTINGS", shots.SETTINGS_FRAMES),
    Attack(
        "settings-slowly",
        "100 connections, each 9 SETTINGS a second: within the limit",
        each(100, CONNECTION),
        open=greeted(b""),
        again=always(shots.frame(shots.SETTINGS)),
        options=("--every", "111"),
    ),
    flood("empty-data", "DATA without data", shots.EMPTY_DATA, shots.begin(shots.REFLECTION, 1)),
    flood("empty-headers", "HEADERS without headers", shots.EMPTY_HEADERS),
    flood("empty-continuations", "CONTINUATION without headers", shots.EMPTY_CONTINUATIONS),
    flood("priorities", "PRIORITY", shots.PRIORITIES),
    flood("unknown", "frames of unknown types", shots.UNKNOWN),
    flood(
        "window-updates", "WINDOW_UPDATE", shots.WINDOW_UPDATES, shots.begin(shots.REFLECTION, 1)
    ),
    flood("resets", "rapid reset: 4,000 calls begun and reset", shots.resets(4000)),
    Attack(
        "resets-slowly",
        "100 connections, each 180 calls a second begun and reset: within the limit",
        each(100, CONNECTION, SPED, UNTAKEN),
        open=greeted(b""),
        again=always(shots.resets(18)),
        options=("--every", "100", *NEXT),
    ),
    flood("broken-calls", "calls that break a rule, to be reset", shots.broken_calls(4000)),
    Attack(
        "calls",
        "100 connections, calls of health's Check, as many as go",
        each(100, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        open=greeted(shots.WIDE),
        again=always(shots.checks(100)),
        options=NEXT,
    ),
    Attack(
        "calls-1.1",
        "100 connections, requests of HTTP/1.1, as many as go",
        each(100, CONNECTION, SPED, UNTAKEN),
        again=always(1000 * b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n"),
    ),
    Attack(
        "websockets",
        "100 connections that ask for a WebSocket, again and again",
        each(100, CONNECTION, SPED, UNTAKEN),
        again=always(10 * shots.random_websocket()),
    ),
    Attack(
        "churn",
        "200 peers that connect, greet, and hang up at the first answer",
        each(200, CONNECTION),
        connections=200,
        open=greeted(b""),
        options=("--read", "first"),
    ),
    Attack(
        "churn-silent",
        "200 peers that send one byte of nonsense, to be hung up on",
        each(200, CONNECTION),
        connections=200,
        open=always(b"\0\r\n\r\n"),
    ),
    Attack(
        "nonsense",
        "100 peers that break HTTP/2 at once, each a line for the log at level debug",
        each(100, CONNECTION),
        open=greeted(shots.frame(shots.DATA, 0, 1, b"x")),
    ),
]

BOMBS = [
    Attack(
        "indexed-bomb",
        "HPACK: 10,000 times 3.9 KiB of headers in 10 KiB",
        each(100, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        open=greeted(b""),
        again=always(shots.indexed_bomb(1)),
        options=NEXT,
    ),
    Attack(
        "large-fields",
        "headers of 30 KiB, refused",
        each(100, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        open=greeted(b""),
        again=always(shots.large_fields(10, 30 * KIB)),
        options=NEXT,
    ),
    Attack(
        "many-fields",
        "200 small headers a call",
        each(100, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        open=greeted(b""),
        again=always(shots.many_fields(10)),
        options=NEXT,
    ),
    Attack(
        "gzip-bomb",
        "messages of 256 MiB in 256 KiB of gzip",
        each(100, (HELD, "“messages that are not whole”")),
        open=greeted(b""),
        again=always(shots.gzip_bombs(1, 256 * MIB)),
        options=NEXT,
    ),
    Attack(
        "gzip-bomblets",
        "messages of just under 4 MiB in 4 KiB of gzip",
        each(100, (HELD, "“messages that are not whole”")),
        open=greeted(b""),
        again=always(shots.gzip_bombs(4, 4 * MIB - 64)),
        options=NEXT,
    ),
    Attack(
        "gzip-bomb-1.1",
        "bodies of 16 MiB in 16 KiB of gzip",
        each(100, CONNECTION, SPED, (2 * 4 * MIB, "twice message_size")),
        again=post(shots.SIGN_IN, shots.zeros(16 * MIB), count=4, content_encoding="gzip"),
    ),
    Attack(
        "json-bomb",
        "JSON of 1 MiB, a value every second byte",
        (
            100 * (4 * MIB + BUSY) + LOOPS * JSON,
            "100 × message_size + 2 × “a message while it is read from JSON”",
        ),
        again=post(shots.SIGN_IN, b'{"user":[' + 512 * KIB * b"1," + b"1]}", count=1),
    ),
    Attack(
        "large-messages",
        "messages of 4 MiB, as many as go",
        each(50, (HELD, "“messages that are not whole”")),
        connections=50,
        open=greeted(b""),
        again=always(shots.call(shots.CHECK, 1, bytes(4 * MIB - 64))),
        options=NEXT,
    ),
]

CHAT = [
    Attack(
        "sign-ins",
        "20 connections that sign in new guests, as many as go",
        each(20, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=lambda place: shots.calls(50, "SignInAsGuest"),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "bad-tokens",
        "20 connections, calls with a token that nobody has",
        each(20, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=lambda place: shots.calls(50, "ListRooms", "x" * 43),
        options=NEXT,
    ),
    Attack(
        "sends",
        "20 connections that send messages, as many as go",
        each(20, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=sends(50, 100),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "large-sends",
        "the same, of 16,000 bytes",
        each(20, CONNECTION, SPED, (HELD, "“messages that are not whole”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=sends(10, 16000),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "rooms",
        "20 connections that make rooms, as many as go",
        each(20, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=lambda place: shots.calls(50, "CreateRoom", place.token),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "joins",
        "20 connections that leave and join a room, over and over",
        each(20, CONNECTION, SPED, (HEADERS, "“headers of its open calls”")),
        connections=20,
        open=greeted(shots.WIDE),
        again=lambda place: (
            shots.calls(1, "LeaveRoom", place.token, room="lobby")
            + shots.calls(1, "JoinRoom", place.token, room="lobby").replace(
                b"\0\0\0\1", b"\0\0\0\3"
            )
        ),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "pages",
        "20 connections that ask for pages of 1 MiB, and read them",
        each(20, CONNECTION, SPED, (ANSWERS, "“answers that it does not read”")),
        connections=20,
        open=greeted(shots.WIDE + shots.window_of(0x7FFFFFFF)),
        again=query(4, "ListMessages", page_size=1000),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "lists",
        "20 connections that list members and rooms, as many as go",
        each(20, CONNECTION, SPED, (ANSWERS, "“answers that it does not read”")),
        connections=20,
        open=greeted(shots.WIDE + shots.window_of(0x7FFFFFFF)),
        again=query(20, "ListMembers", page_size=1000),
        options=NEXT,
        addresses=4,
    ),
    Attack(
        "resumes",
        "20 connections that stream a room from its beginning, 10 times, and come back",
        (
            LOOPS * PAGES + 200 * 64 * KIB + 20 * (UNSENT + IDLE),
            "2 × “pages of the log” + 200 × “a frame for each stream” + 20 × “"
            "what the kernel has not taken”",
        ),
        connections=20,
        open=resume(10),
        options=("--read", "first"),
        addresses=4,
    ),
]

OVER_TLS = [
    Attack(
        "tls-hello",
        "10,000 connections, a byte of a TLS handshake every 2 s",
        each(10000, (KIB, "“one whose TLS hello has not come whole”")),
        connections=10000,
        again=lambda place: shots.client_hello(),
        options=slow(2000),
        tls=True,
    ),
    Attack(
        "tls-half",
        "2,000 connections that stop after their hello",
        each(2000, SHAKING),
        connections=2000,
        open=lambda place: shots.client_hello(),
        tls=True,
    ),
    Attack(
        "tls-handshakes",
        "100 peers that have the server sign, and hang up",
        each(100, SHAKING),
        open=lambda place: shots.client_hello(),
        options=("--read", "first"),
        tls=True,
    ),
    Attack(
        "tls-silent",
        "1,000 connections that are silent after TLS's handshake",
        each(1000, WITH_TLS),
        connections=1000,
        options=("--tls",),
        tls=True,
    ),
    Attack(
        "tls-preface",
        "1,000 connections, a byte of the preface in a record of its own every 500 ms",
        each(1000, WITH_TLS),
        connections=1000,
        again=always(shots.GREETING),
        options=("--tls", *slow(500)),
        tls=True,
    ),
    Attack(
        "tls-key-updates",
        "100 connections, new keys asked for with every 13 bytes",
        each(100, WITH_TLS, SPED),
        open=greeted(b""),
        again=always(shots.frame(shots.WINDOW_UPDATE, 0, 0, b"\0\0\0\1")),
        options=("--tls", "--key-updates"),
        tls=True,
    ),
    Attack(
        "tls-resets",
        "rapid reset over TLS",
        each(100, WITH_TLS, SPED, UNTAKEN),
        open=greeted(b""),
        again=always(shots.resets(4000)),
        options=("--tls",),
        tls=True,
    ),
]

ALL = [*SLOW, *UNREAD, *FLOODS, *BOMBS, *CHAT, *OVER_TLS]

"""curl: the calls as JSON, on HTTP/1.1 and HTTP/2, over TLS and without."""

import base64
import gzip
import json
import socket
import struct
import subprocess

import pytest

from support.certificates import Authority
from support.contract import api
from support.curl import JSON, Curl
from support.deadline import DEADLINE
from support.server import Parlad

SIGN_IN = "parla.v1.SessionService/SignInAsGuest"
SEND = "parla.v1.ChatService/SendMessage"
LIST = "parla.v1.ChatService/ListMessages"
STREAM = "parla.v1.ChatService/StreamMessages"
GET_USER = "parla.v1.UserService/GetUser"

PAGE = "https://page.example"
OTHER_PAGE = "https://other.example"
TOO_LARGE = 4 * 1024 * 1024 + 1

# Which version of HTTP is to be seen, over TLS or not, and how curl is told.
ROUTES = {
    "HTTP/1.1": ("1.1", False, "--http1.1"),
    "h2c": ("2", False, "--http2-prior-knowledge"),
    "HTTP/1.1-TLS": ("1.1", True, "--http1.1"),
    "h2-TLS": ("2", True, "--http2"),
}


@pytest.fixture(scope="module", name="servers")
def _servers(tmp_path_factory):
    """One without TLS and one with it; both let one foreign page call."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    pair = authority.issue()
    tls = {"tls_cert": pair.cert, "tls_key": pair.key}
    limits = {"compress_size": 1000}
    servers = [
        Parlad(tmp_path_factory.mktemp("parlad"), limits=limits, cors_origins=PAGE, **options)
        for options in ({}, tls)
    ]
    yield *servers, authority
    for server in servers:
        server.finish()


def curl_of(servers, folder, route):
    """curl that takes this route."""
    plain, secured, authority = servers
    _, tls, option = ROUTES[route]
    if tls:
        cacert = ["--cacert", str(authority.pair.cert)]
        return Curl(folder, f"https://{secured.address}", option, *cacert)
    return Curl(folder, f"http://{plain.address}", option)


@pytest.fixture(name="curl", params=ROUTES)
def _curl(request, servers, tmp_path):
    """Each route in turn."""
    yield curl_of(servers, tmp_path, request.param)
    for server in servers[:2]:
        server.check()


@pytest.fixture(name="curl_1")
def _curl_1(servers, tmp_path):
    """HTTP/1.1 alone."""
    yield curl_of(servers, tmp_path, "HTTP/1.1")
    servers[0].check()


@pytest.fixture(name="bearer")
def _bearer(servers, tmp_path, fresh):
    """Signs in; the header that proves it."""

    def sign_in(curl):
        answer = curl.post(SIGN_IN, {"user": fresh("guest")})
        return ["--header", f"authorization: Bearer {answer.json()['session']['token']}"]

    return sign_in


def error_of(answer, status, code):
    """The message of a Connect error."""
    assert (answer.status, answer.json()["code"]) == (status, code), answer
    assert answer.header("content-type") == "application/json"
    return answer.json()["message"]


def test_one_line_signs_in(servers, fresh):
    """The line as it stands in the README, but for address and name."""
    name = fresh("ana")
    line = (
        f"curl -H 'content-type: application/json' -d '{{\"user\":\"{name}\"}}'"
        f" http://{servers[0].address}/parla.v1.SessionService/SignInAsGuest"
    )
    told = subprocess.run(line, shell=True, capture_output=True, timeout=DEADLINE, check=True)
    session = json.loads(told.stdout)["session"]
    assert session["token"]
    assert session["user"]["user"] == name
    assert session["user"]["kind"] == "USER_KIND_GUEST"


@pytest.mark.parametrize("route", ROUTES)
def test_the_version_is_the_one_asked_for(servers, tmp_path, route):
    answer = curl_of(servers, tmp_path, route).get("/healthz")
    assert (answer.status, answer.version) == (200, ROUTES[route][0])


def test_a_message_is_sent_and_read(curl, bearer):
    who = bearer(curl)
    sent = curl.post(SEND, {"room": "lobby", "text": "grüß dich 👋"}, *who)
    assert sent.status == 200, sent
    message = sent.json()["message"]
    assert message["text"] == "grüß dich 👋"
    assert message["sequence"] == str(int(message["sequence"])), "64 bits are a string"
    assert message["createTime"].endswith("Z")
    request = {"room": "lobby", "after": int(message["sequence"]) - 1, "page_size": 1}
    assert curl.post(LIST, request, *who).json()["messages"] == [message]


def test_a_query_goes_by_get(curl, bearer):
    who = bearer(curl)
    sent = curl.post(SEND, {"room": "lobby", "text": "to be got"}, *who).json()["message"]
    request = {"room": "lobby", "after": str(int(sent["sequence"]) - 1)}
    query = ["--get", "--data", "connect=v1", "--data", "encoding=json"]
    message = ["--data-urlencode", "message=" + json.dumps(request)]
    got = curl.get(*query, *message, *who, f"/{LIST}")
    assert got.json()["messages"] == [sent]
    packed = api.ListMessagesRequest(room="lobby", after=int(sent["sequence"]) - 1)
    text = base64.urlsafe_b64encode(packed.SerializeToString()).decode().rstrip("=")
    path = f"/{LIST}?message={text}&base64=1&encoding=proto&connect=v1"
    got = curl.get(*who, path)
    assert got.header("content-type") == "application/proto"
    read = api.ListMessagesResponse.FromString(got.body)
    assert [message.text for message in read.messages] == ["to be got"]


def test_what_has_side_effects_does_not_go_by_get(curl):
    answer = curl.get(f"/{SIGN_IN}?connect=v1&encoding=json&message=%7B%22user%22%3A%22eve%22%7D")
    assert (answer.status, answer.header("allow")) == (405, "POST")


def test_who_has_no_token_is_told(curl):
    answer = curl.post(SEND, {"room": "lobby", "text": "x"})
    assert "token" in error_of(answer, 401, "unauthenticated")
    (detail,) = answer.json()["details"]
    assert detail["type"] == "google.rpc.ErrorInfo"
    value = base64.b64decode(detail["value"] + "==")
    assert api.message(detail["type"]).FromString(value).domain == "parla"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ('{"uzer":"ana"}', "uzer"),
        ('{"user":5}', "user"),
        ('{"user":"a","user":"b"}', "user"),
        ('{"user":', "JSON"),
        ("[]", "object"),
        ('{"user":"Not A Name"}', "a-z"),
    ],
)
def test_a_wrong_body_is_told_what_is_wrong(curl, body, named):
    answer = curl.get("--header", JSON, "--data-raw", body, f"/{SIGN_IN}")
    assert named in error_of(answer, 400, "invalid_argument")


def test_names_of_the_contract_are_taken_too(curl, bearer):
    who = bearer(curl)
    for names in (["pageSize", "asOfSequence"], ["page_size", "asOfSequence"]):
        answer = curl.post(LIST, {"room": "lobby", names[0]: 1}, *who)
        assert answer.status == 200, answer
        assert names[1] in answer.json()


@pytest.mark.parametrize("path", ["/", "/index.html", "/healthz/x", "/parla.v1.SessionService"])
def test_what_is_not_there(curl, path):
    assert curl.get(path).status == 404


# What is refused by its head alone: the body comes after the answer, or is on its way.


@pytest.mark.parametrize(
    ("method", "named"), [("parla.v1.SessionService/Nope", "Nope"), ("no.Service/X", "no.Service")]
)
def test_an_unknown_method(curl, method, named):
    assert named in error_of(curl.post(method, {"text": "x" * 10_000}), 404, "unimplemented")


@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH"])
def test_another_verb(curl, verb):
    answer = curl.post(SIGN_IN, {"user": "eve"}, "--request", verb)
    assert (answer.status, answer.header("allow")) == (405, "POST")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", ""])
def test_another_content_type(curl, kind):
    answer = curl.get("--header", f"content-type: {kind}", "--data-raw", "{}", f"/{SIGN_IN}")
    assert answer.status == 415


def test_an_unknown_compression(curl):
    answer = curl.post(SIGN_IN, {"user": "eve"}, "--header", "content-encoding: br")
    assert "gzip" in error_of(answer, 501, "unimplemented")
    assert answer.header("accept-encoding") == "gzip"


def test_health(curl):
    answer = curl.get("/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    head = curl.get("--head", "/healthz")
    assert (head.status, head.header("content-length")) == (200, "3")
    assert curl.post("grpc.health.v1.Health/Check", {}).json() == {"status": "SERVING"}


@pytest.mark.parametrize("route", [route for route in ROUTES if route != "h2c"])
def test_connections_are_kept(servers, tmp_path, fresh, route):
    """Not with h2c, where curl 7.88 sends its preface again; nghttp shows that."""
    curl = curl_of(servers, tmp_path, route)
    data = ["--header", JSON, "--data-raw"]
    requests = [
        ["/healthz"],
        *[[*data, json.dumps({"user": fresh("guest")}), f"/{SIGN_IN}"] for _ in range(3)],
        [*data, "{}", f"/{GET_USER}"],
        ["--head", "/healthz"],
        ["/nope"],
        ["--request", "OPTIONS", f"/{SIGN_IN}"],
        ["/healthz"],
    ]
    answers = curl.run(*requests)
    assert [a.status for a in answers] == [200, 200, 200, 200, 401, 200, 404, 204, 200]
    assert [a.connects for a in answers] == [1, 0, 0, 0, 0, 0, 0, 0, 0]


def test_connections_are_kept_with_h2c(servers):
    paths = ["/healthz", "/nope", "/healthz?again", "/"]
    urls = [f"http://{servers[0].address}{path}" for path in paths]
    command = ["nghttp", "--no-dep", "--null-out", "--stat", *urls]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True)
    told = done.stdout.decode()
    assert (told.count(" 200 "), told.count(" 404 ")) == (2, 2), told


def test_large_answers_are_compressed(curl, bearer):
    who = bearer(curl)
    text = "x" * 16000
    sent = curl.post(SEND, {"room": "lobby", "text": text}, *who).json()["message"]
    request = {"room": "lobby", "after": int(sent["sequence"]) - 1, "page_size": 1}
    for options, encoding in ([], None), (["--compressed"], "gzip"):
        answer = curl.post(LIST, request, *who, *options)
        assert answer.json()["messages"] == [sent]
        assert answer.header("content-encoding") == encoding
    answer = curl.post(GET_USER, {}, "--compressed", *who)
    assert answer.header("content-encoding") is None, "it is small"


def test_a_body_may_be_compressed(curl, bearer, tmp_path):
    text = "x" * 16000
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(json.dumps({"room": "lobby", "text": text}).encode()))
    body = ["--header", JSON, "--data-binary", f"@{packed}"]
    zipped = ["--header", "content-encoding: gzip"]
    answer = curl.get(*body, *zipped, *bearer(curl), f"/{SEND}")
    assert answer.json()["message"]["text"] == text
    packed.write_bytes(b"not gzip")
    error_of(curl.get(*body, *zipped, f"/{SIGN_IN}"), 400, "invalid_argument")
    packed.write_bytes(gzip.compress(b" " * TOO_LARGE))
    error_of(curl.get(*body, *zipped, f"/{SIGN_IN}"), 429, "resource_exhausted")


def test_a_large_body_waits_until_it_is_wanted(curl_1, bearer, tmp_path):
    """curl would wait an hour for "100 Continue"."""
    body = tmp_path / "body"
    expect = ["--header", "expect: 100-continue", "--expect100-timeout", "3600"]
    data = [*expect, "--header", JSON, "--data-binary", f"@{body}"]
    body.write_text(json.dumps({"room": "lobby", "text": "x" * 16384}))
    answer = curl_1.get(*data, *bearer(curl_1), f"/{SEND}")
    assert answer.status == 200
    assert "HTTP/1.1 100 Continue" in answer.trace
    answer = curl_1.get(*data, "/parla.v1.ChatService/Nope")
    assert answer.status == 404
    assert "100 Continue" not in answer.trace, "nobody wants it"


@pytest.mark.parametrize("route", ["HTTP/1.1", "HTTP/1.1-TLS"])
def test_a_body_over_the_limit_is_refused(servers, tmp_path, route):
    body = tmp_path / "body"
    body.write_bytes(b" " * TOO_LARGE)
    data = ["--header", JSON, "--data-binary", f"@{body}"]
    answer = curl_of(servers, tmp_path, route).get(*data, f"/{SIGN_IN}")
    error_of(answer, 429, "resource_exhausted")


def test_a_body_over_the_limit_is_refused_on_http_2(servers, tmp_path):
    """nghttp reads a response that comes while it sends (RFC 9113, section 8.1)."""
    body = tmp_path / "body"
    body.write_bytes(b" " * TOO_LARGE)
    request = [f"--data={body}", f"--header={JSON}", f"http://{servers[0].address}/{SIGN_IN}"]
    command = ["nghttp", "--no-dep", *request]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=True)
    assert json.loads(done.stdout)["code"] == "resource_exhausted"


def preflight(curl, origin):
    """What a browser asks before a page's call."""
    asked = ["access-control-request-method: POST", "access-control-request-headers: x-ana"]
    fields = [f"origin: {origin}", *asked]
    return curl.get(
        "--request", "OPTIONS", *[a for f in fields for a in ("--header", f)], f"/{SIGN_IN}"
    )


def test_a_page_that_may_call_is_told_so(curl):
    for origin in (PAGE, curl.base):
        answer = preflight(curl, origin)
        assert answer.status == 204
        assert answer.header("access-control-allow-origin") == origin
        assert "POST" in answer.header("access-control-allow-methods")
        assert answer.header("access-control-allow-headers") == "x-ana"
        assert answer.header("access-control-max-age") == "7200"
        called = curl.post(SIGN_IN, {}, "--header", f"origin: {origin}")
        assert called.header("access-control-allow-origin") == origin
        assert "grpc-status" in called.header("access-control-expose-headers")
        assert "origin" in called.header("vary")


@pytest.mark.parametrize("origin", [OTHER_PAGE, "null", PAGE + ".evil.example", PAGE + ":444"])
def test_no_other_page_is(curl, origin):
    for answer in (
        preflight(curl, origin),
        curl.post(SIGN_IN, {}, "--header", f"origin: {origin}"),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def stream_body(message):
    """A message as Connect frames it."""
    data = json.dumps(message).encode()
    return struct.pack(">BI", 0, len(data)) + data


def frames_of(body):
    """The frames of a stream: flags and data."""
    found = []
    while body:
        flags, size = struct.unpack(">BI", body[:5])
        found.append((flags, body[5 : 5 + size]))
        body = body[5 + size :]
    return found


def test_a_timeout_ends_a_stream_of_connect(curl, bearer, tmp_path):
    request = tmp_path / "request"
    request.write_bytes(stream_body({}))
    fields = ["content-type: application/connect+json", "connect-timeout-ms: 50"]
    data = [a for f in fields for a in ("--header", f)] + ["--data-binary", f"@{request}"]
    answer = curl.get(*data, *bearer(curl), f"/{STREAM}")
    assert answer.status == 200
    assert answer.header("content-type") == "application/connect+json"
    *_, (flags, end) = frames_of(answer.body)
    assert flags == 2
    assert json.loads(end)["error"]["code"] == "deadline_exceeded"


@pytest.fixture(name="web", params=[False, True], ids=["binary", "text"])
def _web(request, tmp_path):
    """Makes a call of gRPC-Web: what curl is given, and how the body is read."""
    text = request.param
    kind = "application/grpc-web-text" if text else "application/grpc-web"
    body = tmp_path / "request"

    def call(curl, method, message, *arguments):
        data = message.SerializeToString()
        data = struct.pack(">BI", 0, len(data)) + data
        body.write_bytes(base64.b64encode(data) if text else data)
        field = ["--header", f"content-type: {kind}+proto"]
        answer = curl.get(*field, "--data-binary", f"@{body}", *arguments, f"/{method}")
        assert answer.status == 200
        assert answer.header("content-type").startswith(kind)
        return frames_of(decode_pieces(answer.body) if text else answer.body)

    return call


def test_grpc_web_signs_in(curl, web, fresh):
    request = api.SignInAsGuestRequest(user=fresh("guest"))
    (flags, data), (end_flags, trailers) = web(curl, SIGN_IN, request)
    assert (flags, end_flags) == (0, 0x80)
    assert api.SignInAsGuestResponse.FromString(data).session.user.user == request.user
    assert b"grpc-status: 0\r\n" in trailers


def test_a_timeout_ends_a_stream_of_grpc_web(curl, web, bearer):
    timeout = ["--header", "grpc-timeout: 50m"]
    *_, (flags, trailers) = web(curl, STREAM, api.StreamMessagesRequest(), *timeout, *bearer(curl))
    assert flags == 0x80
    assert b"grpc-status: 4\r\n" in trailers


def decode_pieces(text):
    """Base64 that may be padded in between: each piece of four stands by itself."""
    return b"".join(base64.b64decode(text[i : i + 4]) for i in range(0, len(text), 4))


def test_a_stream_is_read_live(curl, bearer, tmp_path):
    who = bearer(curl)
    request = tmp_path / "request"
    request.write_bytes(stream_body({}))
    field = ["--header", "content-type: application/connect+json"]
    with curl.open("--no-buffer", *field, *who, "--data-binary", f"@{request}", f"/{STREAM}") as it:
        it.until(b'"caughtUp"')
        curl.post(SEND, {"room": "lobby", "text": "live, to curl"}, *who)
        it.until(b'"live, to curl"')


def pipelined(server, requests):
    """Sends requests at once; all that comes until the server hangs up."""
    host, port = server.address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), DEADLINE) as connection:
        connection.sendall(requests)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_requests_may_be_pipelined(servers, fresh):
    names = [fresh("guest") for _ in range(20)]
    requests = b"".join(
        f"POST /{SIGN_IN} HTTP/1.1\r\nhost: x\r\n{JSON}\r\n"
        f"content-length: {len(name) + 11}\r\n\r\n".encode()
        + json.dumps({"user": name}, separators=(",", ":")).encode()
        for name in names
    )
    last = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    told = pipelined(servers[0], requests + last)
    assert told.count(b"HTTP/1.1 200 OK\r\n") == 21
    found = [told.index(f'"user":"{name}"'.encode()) for name in names]
    assert found == sorted(found)
    assert told.endswith(b"\r\n\r\nok\n")


def test_plain_http_on_a_port_with_tls_is_told(servers, tmp_path):
    curl = Curl(tmp_path, f"http://{servers[1].address}", "--http1.1")
    answer = curl.post(SIGN_IN, {"user": "eve"})
    assert answer.status == 400
    assert answer.body == b"this port speaks TLS: use grpcs:// or https://\n"

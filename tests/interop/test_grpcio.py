"""The interop cases on grpcio, from their published descriptions: each test is one case, and what it
asserts is what the description says that the client asserts.

Whether a message came compressed, grpcio does not tell: a tap between client and server does.
"""

import time

import grpc
import pytest
from grpc._cython import cygrpc

from grpcio_client import OPTIONS, Client, Requests, ends
from messages import SERVICE, pb, zeros
from support.deadline import DEADLINE

ECHO_INITIAL = ("x-grpc-test-echo-initial", "test_initial_metadata_value")
ECHO_TRAILING = ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab")
PING_PONG = [(27182, 31415), (8, 9), (1828, 2653), (45904, 58979)]


@pytest.fixture(params=["plain", "tls"])
def client(request):
    """A client on a connection of its own."""
    if request.param == "plain":
        server = request.getfixturevalue("server")
        channel = grpc.insecure_channel(server.address, OPTIONS)
    else:
        server = request.getfixturevalue("tls_server")
        roots = (request.getfixturevalue("certificates") / "ca.pem").read_bytes()
        credentials = grpc.ssl_channel_credentials(roots)
        channel = grpc.secure_channel(f"localhost:{server.port}", credentials, OPTIONS)
    with channel:
        yield Client(channel)


@pytest.fixture
def tapped(tap):
    """The same in the clear, by way of the tap."""
    with grpc.insecure_channel(tap.address, OPTIONS) as channel:
        yield Client(channel)


def large_request(**more):
    """The request of all cases that are about large unary calls."""
    return pb.SimpleRequest(response_size=314159, payload=zeros(271828), **more)


def assert_large(response):
    """It is exactly what a large request asks for."""
    assert response == pb.SimpleResponse(payload=zeros(314159))


def duplex_request(request_size, response_size):
    return pb.StreamingOutputCallRequest(
        payload=zeros(request_size), response_parameters=[pb.ResponseParameters(size=response_size)]
    )


def assert_sizes(responses, sizes):
    """Exactly these payloads came, of zeros."""
    wanted = [pb.StreamingOutputCallResponse(payload=zeros(size)) for size in sizes]
    assert list(responses) == wanted


def test_empty_unary(client):
    response = client.empty(pb.Empty(), timeout=DEADLINE)
    assert response == pb.Empty() and response.ByteSize() == 0


def test_large_unary(client):
    assert_large(client.unary(large_request(), timeout=DEADLINE))


def test_client_compressed_unary(tapped, tap):
    expecting = large_request(expect_compressed=pb.BoolValue(value=True))
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        tapped.unary(expecting, timeout=DEADLINE)
    assert_large(tapped.unary(expecting, timeout=DEADLINE, compression=grpc.Compression.Gzip))
    plain = large_request(expect_compressed=pb.BoolValue(value=False))
    assert_large(tapped.unary(plain, timeout=DEADLINE))
    assert tap.compressed("requests") == [[False], [True], [False]]


def test_server_compressed_unary(tapped, tap):
    for compressed in (True, False):
        request = large_request(response_compressed=pb.BoolValue(value=compressed))
        assert_large(tapped.unary(request, timeout=DEADLINE))
    assert tap.compressed("responses") == [[True], [False]]


def test_client_streaming(client):
    requests = [pb.StreamingInputCallRequest(payload=zeros(size)) for size in (27182, 8, 1828, 45904)]
    response = client.input(iter(requests), timeout=DEADLINE)
    assert response.aggregated_payload_size == 74922


def send_streaming_input(client, requests):
    """StreamingInputCall with gzip. requests: (request, its write flags). grpcio's public functions
    cannot turn compression off for one message, what they are made of can."""
    path = f"/{SERVICE}/StreamingInputCall".encode()
    metadata = (("grpc-internal-encoding-request", "gzip"),)
    # A batch that ends with the call keeps it open.
    whole = (
        cygrpc.SendInitialMetadataOperation(metadata, 0),
        cygrpc.ReceiveInitialMetadataOperation(0),
        cygrpc.ReceiveMessageOperation(0),
        cygrpc.ReceiveStatusOnClientOperation(0),
    )
    messages = [(cygrpc.SendMessageOperation(r.SerializeToString(), f),) for r, f in requests]
    half_close = (cygrpc.SendCloseFromClientOperation(0),)
    deadline = time.time() + DEADLINE
    call = client.channel._channel.segregated_call(
        0, path, None, deadline, metadata, None, ((whole, None),), None
    )
    for batch in [*messages, half_close]:
        assert call.operate(batch, None)
        assert call.next_event().success
    *_, response, status = call.next_event().batch_operations
    assert status.code() == 0, status.details()
    return pb.StreamingInputCallResponse.FromString(response.message())


def test_client_compressed_streaming(tapped, tap):
    def request(size, compressed):
        expected = pb.BoolValue(value=compressed)
        return pb.StreamingInputCallRequest(payload=zeros(size), expect_compressed=expected)

    first = request(27182, True)
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        tapped.input(iter([first]), timeout=DEADLINE)
    sent = [(first, 0), (request(45904, False), cygrpc.WriteFlag.no_compress)]
    response = send_streaming_input(tapped, sent)
    assert response.aggregated_payload_size == 73086
    assert tap.compressed("requests") == [[False], [True, False]]


def test_server_streaming(client):
    sizes = [31415, 9, 2653, 58979]
    parameters = [pb.ResponseParameters(size=size) for size in sizes]
    request = pb.StreamingOutputCallRequest(response_parameters=parameters)
    assert_sizes(client.output(request, timeout=DEADLINE), sizes)


def test_server_compressed_streaming(tapped, tap):
    parameters = [
        pb.ResponseParameters(size=31415, compressed=pb.BoolValue(value=True)),
        pb.ResponseParameters(size=92653, compressed=pb.BoolValue(value=False)),
    ]
    request = pb.StreamingOutputCallRequest(response_parameters=parameters)
    assert_sizes(tapped.output(request, timeout=DEADLINE), [31415, 92653])
    assert tap.compressed("responses") == [[True, False]]


def test_ping_pong(client):
    requests = Requests()
    call = client.duplex(iter(requests), timeout=DEADLINE)
    for request_size, response_size in PING_PONG:
        requests.send(duplex_request(request_size, response_size))
        assert_sizes([next(call)], [response_size])
    requests.end()
    assert_sizes(call, [])
    assert call.code() == grpc.StatusCode.OK


def test_empty_stream(client):
    call = client.duplex(iter([]), timeout=DEADLINE)
    assert_sizes(call, [])
    assert call.code() == grpc.StatusCode.OK


def test_timeout_on_sleeping_server(client):
    client.empty(pb.Empty(), timeout=DEADLINE)  # so that there is a connection, and the call gets out
    requests = Requests()
    requests.send(pb.StreamingOutputCallRequest(payload=zeros(27182)))
    call = client.duplex(iter(requests), timeout=0.001)
    with ends(grpc.StatusCode.DEADLINE_EXCEEDED):
        next(call)
    requests.end()


def test_cancel_after_begin(client):
    client.empty(pb.Empty(), timeout=DEADLINE)  # as above
    requests = Requests()
    call = client.input.future(iter(requests), timeout=DEADLINE)
    call.cancel()
    requests.end()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(client):
    requests = Requests()
    call = client.duplex(iter(requests), timeout=DEADLINE)
    requests.send(duplex_request(27182, 31415))
    assert_sizes([next(call)], [31415])
    call.cancel()
    requests.end()
    with ends(grpc.StatusCode.CANCELLED):
        next(call)


def test_custom_metadata(client):
    def assert_echoed(initial, trailing):
        assert dict(initial)[ECHO_INITIAL[0]] == ECHO_INITIAL[1]
        assert dict(trailing)[ECHO_TRAILING[0]] == ECHO_TRAILING[1]

    metadata = (ECHO_INITIAL, ECHO_TRAILING)
    response, call = client.unary.with_call(large_request(), timeout=DEADLINE, metadata=metadata)
    assert_large(response)
    assert_echoed(call.initial_metadata(), call.trailing_metadata())
    call = client.duplex(
        iter([duplex_request(271828, 314159)]), timeout=DEADLINE, metadata=metadata
    )
    assert_sizes(call, [314159])
    assert_echoed(call.initial_metadata(), call.trailing_metadata())


def test_status_code_and_message(client):
    status = pb.EchoStatus(code=2, message="test status message")
    with ends(grpc.StatusCode.UNKNOWN, status.message):
        client.unary(pb.SimpleRequest(response_status=status), timeout=DEADLINE)
    requests = iter([pb.StreamingOutputCallRequest(response_status=status)])
    with ends(grpc.StatusCode.UNKNOWN, status.message):
        next(client.duplex(requests, timeout=DEADLINE))


def test_special_status_message(client):
    text = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=2, message=text))
    with ends(grpc.StatusCode.UNKNOWN, text):
        client.unary(request, timeout=DEADLINE)


def test_unimplemented_method(client):
    with ends(grpc.StatusCode.UNIMPLEMENTED):
        client.unimplemented(pb.Empty(), timeout=DEADLINE)


def test_unimplemented_service(client):
    with ends(grpc.StatusCode.UNIMPLEMENTED):
        client.no_service(pb.Empty(), timeout=DEADLINE)

"""What parla-interop-server does beyond the cases: waits, bounds, options."""

import subprocess

import grpc
import pytest

from grpcio_client import OPTIONS, Client, Requests, ends
from messages import pb, zeros
from programs import build_path
from support.deadline import DEADLINE

LONG_US = 2_000_000_000  # half an hour: longer than any test


@pytest.fixture
def client(server):
    """A client on a connection of its own."""
    with grpc.insecure_channel(server.address, OPTIONS) as channel:
        yield Client(channel)


def output_request(*parameters):
    """A request for these responses: (size, microseconds to wait before it)."""
    parameters = [pb.ResponseParameters(size=size, interval_us=us) for size, us in parameters]
    return pb.StreamingOutputCallRequest(response_parameters=parameters)


def test_responses_wait_as_long_as_they_shall(client):
    call = client.output(output_request((1, 0), (2, 1), (3, 1500)), timeout=DEADLINE)
    assert [len(response.payload.body) for response in call] == [1, 2, 3]


def test_a_call_whose_response_waits_can_be_cancelled(client):
    call = client.output(output_request((1, 0), (2, LONG_US), (3, 0)), timeout=DEADLINE)
    assert len(next(call).payload.body) == 1
    call.cancel()
    with ends(grpc.StatusCode.CANCELLED):
        next(call)


def test_responses_that_wait_hold_up_those_of_later_requests(client):
    requests = Requests()
    call = client.duplex(iter(requests), timeout=DEADLINE)
    requests.send(output_request((1, 1000)))
    requests.send(output_request((2, 0)))
    requests.end()
    assert [len(response.payload.body) for response in call] == [1, 2]


def test_a_status_ends_a_call_that_has_responses_to_send(client):
    requests = Requests()
    call = client.duplex(iter(requests), timeout=DEADLINE)
    requests.send(output_request((1, 0), (2, LONG_US)))
    assert len(next(call).payload.body) == 1
    requests.send(pb.StreamingOutputCallRequest(response_status=pb.EchoStatus(code=9, message="no")))
    with ends(grpc.StatusCode.FAILED_PRECONDITION, "no"):
        next(call)
    requests.end()


@pytest.mark.parametrize("size", [-1, (4 << 20) + 1])
def test_a_response_of_a_size_that_is_not_made(client, size):
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        client.unary(pb.SimpleRequest(response_size=size), timeout=DEADLINE)
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        next(client.output(output_request((size, 0)), timeout=DEADLINE))


def test_a_payload_type_that_there_is_not(client):
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        client.unary(pb.SimpleRequest(response_type=7), timeout=DEADLINE)


@pytest.mark.parametrize("code", [-1, 17])
def test_a_status_code_that_there_is_not(client, code):
    status = pb.EchoStatus(code=code)
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        client.unary(pb.SimpleRequest(response_status=status), timeout=DEADLINE)


def test_a_request_that_is_compressed_though_it_should_not(client):
    request = pb.SimpleRequest(payload=zeros(10_000), expect_compressed=pb.BoolValue(value=False))
    with ends(grpc.StatusCode.INVALID_ARGUMENT):
        client.unary(request, timeout=DEADLINE, compression=grpc.Compression.Gzip)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--listen"],
        ["--nonsense"],
        ["--listen", "127.0.0.1:0", "more"],
        ["--listen", "127.0.0.1:0", "--tls-cert", "cert.pem"],
    ],
    ids=" ".join,
)
def test_wrong_options(arguments):
    done = subprocess.run(
        [build_path("parla-interop-server"), *arguments], capture_output=True, timeout=DEADLINE
    )
    assert done.returncode == 2 and b"usage: " in done.stderr


def test_a_certificate_that_is_not_there(tmp_path):
    files = ["--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem")]
    command = [build_path("parla-interop-server"), "--listen", "127.0.0.1:0", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1 and "cert.pem" in done.stderr

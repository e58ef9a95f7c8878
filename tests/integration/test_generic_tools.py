"""Health and reflection: what tools use that know nothing of the contract."""

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool

from support.client import Items, callable_of, connect
from support.contract import ROOT, api
from support.deadline import DEADLINE

SERVING = 1
NOT_SERVING = 2
SERVICE_UNKNOWN = 3
SERVICES = {
    "parla.v1.ChatService",
    "parla.v1.RoomService",
    "parla.v1.SessionService",
    "parla.v1.UserService",
}
VERSIONS = ["v1", "v1alpha"]


@pytest.fixture
def channel(server):
    """A connection of nobody's."""
    channel = connect(server.address)
    yield channel
    channel.close()


def health(channel, method, service):
    """A call of the health service."""
    method = api.method(f"/grpc.health.v1.Health/{method}")
    return callable_of(channel, method)(method.request(service=service), timeout=DEADLINE)


def ask(channel, version, **request):
    """One question of reflection and its answer."""
    return ask_all(channel, version, [request])[0]


def ask_all(channel, version, requests):
    """Several, on one stream."""
    name = f"grpc.reflection.{version}.ServerReflection"
    method = api.method(f"/{name}/ServerReflectionInfo")
    sent = (method.request(**request) for request in requests)
    return list(callable_of(channel, method)(sent, timeout=DEADLINE))


@pytest.mark.parametrize("service", ["", *sorted(SERVICES)])
def test_health_is_serving(channel, service):
    assert health(channel, "Check", service).status == SERVING


def test_health_of_what_is_not_there(channel):
    with pytest.raises(grpc.RpcError) as caught:
        health(channel, "Check", "no.such.Service")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_watched(channel):
    call = health(channel, "Watch", "")
    assert next(call).status == SERVING
    call.cancel()
    call = health(channel, "Watch", "no.such.Service")
    assert next(call).status == SERVICE_UNKNOWN
    call.cancel()


def test_a_watch_of_health_ends_with_the_server(parlad):
    server = parlad()
    channel = connect(server.address)
    watch = Items(health(channel, "Watch", ""))
    assert watch.next().status == SERVING
    server.stop()
    items, refusal = watch.rest()
    assert [item.status for item in items] == [NOT_SERVING]
    assert refusal.code == grpc.StatusCode.UNAVAILABLE
    assert "ocket" not in refusal.message, "cut off, not told"
    channel.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_services_are_listed(channel, version):
    answer = ask(channel, version, list_services="")
    names = {service.name for service in answer.list_services_response.service}
    assert SERVICES <= names
    assert "grpc.health.v1.Health" in names
    assert {f"grpc.reflection.{v}.ServerReflection" for v in VERSIONS} <= names


@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_can_be_made_from_reflection_alone(channel, version):
    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(files):
        for file in files:
            if file.name in added:
                continue
            added.add(file.name)
            for needed in file.dependency:
                if needed not in added:
                    add(described(ask(channel, version, file_by_filename=needed)))
            pool.Add(file)

    for service in SERVICES:
        add(described(ask(channel, version, file_containing_symbol=service)))
        assert pool.FindServiceByName(service).methods
    names = {m.name for m in pool.FindServiceByName("parla.v1.ChatService").methods}
    assert names == {m.name for m in api.methods() if m.service == "parla.v1.ChatService"}


def described(answer):
    """The files that an answer holds."""
    files = answer.file_descriptor_response.file_descriptor_proto
    assert files, answer
    return [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]


@pytest.mark.parametrize(
    "symbol",
    [
        "parla.v1.ChatService",
        "parla.v1.ChatService.SendMessage",
        "parla.v1.SendMessageRequest",
        "parla.v1.Durability",
        "google.protobuf.Timestamp",
        "google.rpc.BadRequest.FieldViolation",
        "grpc.health.v1.Health",
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_symbol_is_found(channel, version, symbol):
    answer = ask(channel, version, file_containing_symbol=symbol)
    assert symbol.startswith(described(answer)[0].package + ".")
    assert answer.original_request.file_containing_symbol == symbol


@pytest.mark.parametrize(
    "request_fields",
    [
        {"file_by_filename": "no/such.proto"},
        {"file_containing_symbol": "no.such.Symbol"},
        {"file_containing_symbol": "parla.v1"},
        {"file_containing_symbol": ""},
        {"all_extension_numbers_of_type": "no.such.Type"},
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_not_there_is_an_answer_and_the_stream_goes_on(channel, version, request_fields):
    first, second = ask_all(channel, version, [request_fields, {"list_services": ""}])
    assert first.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert first.error_response.error_message
    assert second.list_services_response.service


@pytest.mark.parametrize("version", VERSIONS)
def test_there_are_no_extensions(channel, version):
    answer = ask(channel, version, all_extension_numbers_of_type="parla.v1.Event")
    assert answer.all_extension_numbers_response.base_type_name == "parla.v1.Event"
    assert not answer.all_extension_numbers_response.extension_number
    extension = {"containing_type": "parla.v1.Event", "extension_number": 5}
    answer = ask(channel, version, file_containing_extension=extension)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_what_is_reflected_is_what_the_contract_says(channel):
    answer = ask(channel, "v1", file_by_filename="parla/v1/message.proto")
    told = described(answer)[0]
    ours = descriptor_pb2.FileDescriptorProto()
    api.ChatMessage.DESCRIPTOR.file.CopyToProto(ours)
    for file in (told, ours):
        file.ClearField("source_code_info")
        for message in file.message_type:
            for field in message.field:
                field.ClearField("json_name")
    assert told == ours
    assert (ROOT / "proto" / told.name).exists()

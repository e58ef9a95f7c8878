"""Methods of the contract that the server does not have, and those that nobody has."""

import grpc
import pytest

from support.client import call_raw, callable_of, connect
from support.contract import IMPLEMENTED, api
from support.deadline import DEADLINE
from support.refusal import refused

MISSING = sorted(m.name for m in api.methods() if m.name not in IMPLEMENTED)


def test_the_contract_has_all_that_is_implemented():
    assert IMPLEMENTED <= {method.name for method in api.methods()}


@pytest.mark.parametrize("name", MISSING)
def test_a_method_with_an_issue_of_its_own(guest, name):
    with refused("UNIMPLEMENTED", "METHOD_UNSUPPORTED"):
        guest("ana").call(name)


@pytest.mark.parametrize(
    "path",
    [
        "/parla.v1.ChatService/Shout",
        "/parla.v1.ChatService/",
        "/parla.v1.ChatService/sendmessage",
        "/parla.v1.NoService/SendMessage",
        "/parla.v2.ChatService/SendMessage",
        "/SendMessage",
        "/a/b/c",
        "/parla.v1.ChatService/SendMessage/",
        "/",
    ],
)
def test_an_unknown_method_or_service(server, path):
    channel = connect(server.address)
    with pytest.raises(grpc.RpcError) as caught:
        call_raw(channel, path, b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert caught.value.details()
    channel.close()


def test_an_unknown_method_is_unknown_to_streams_too(server):
    channel = connect(server.address)
    call = channel.stream_stream("/parla.v1.ChatService/Shout")
    with pytest.raises(grpc.RpcError) as caught:
        list(call(iter([b"", b"x"]), timeout=DEADLINE))
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    channel.close()


def test_a_deadline_that_has_passed(guest):
    ana = guest("ana")
    method = api.method("StreamMessages")
    call = callable_of(ana.channel, method)
    with pytest.raises(grpc.RpcError) as caught:
        list(call(method.request(), timeout=0.2, metadata=ana.metadata()))
    assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED

"""A client of the test service on grpcio."""

import contextlib
import queue

import grpc
import pytest

from messages import SERVICE, UNIMPLEMENTED_SERVICE, pb

OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own for each channel
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
]


class Client:
    """The test service's methods on one channel."""

    def __init__(self, channel):
        self.channel = channel
        of = self._callable
        self.empty = of("unary_unary", "EmptyCall", pb.Empty)
        self.unary = of("unary_unary", "UnaryCall", pb.SimpleResponse)
        self.input = of("stream_unary", "StreamingInputCall", pb.StreamingInputCallResponse)
        self.output = of("unary_stream", "StreamingOutputCall", pb.StreamingOutputCallResponse)
        self.duplex = of("stream_stream", "FullDuplexCall", pb.StreamingOutputCallResponse)
        self.unimplemented = of("unary_unary", "UnimplementedCall", pb.Empty)
        self.no_service = of("unary_unary", "UnimplementedCall", pb.Empty, UNIMPLEMENTED_SERVICE)

    def _callable(self, kind, name, response, service=SERVICE):
        return getattr(self.channel, kind)(
            f"/{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=response.FromString,
        )


class Requests:
    """Requests that a test sends one by one; the stream is half-closed by end()."""

    def __init__(self):
        self._queue = queue.Queue()

    def send(self, request):
        self._queue.put(request)

    def end(self):
        self._queue.put(None)

    def __iter__(self):
        return iter(self._queue.get, None)


@contextlib.contextmanager
def ends(code, details=None):
    """The call within ends with that status."""
    with pytest.raises(grpc.RpcError) as caught:
        yield
    assert caught.value.code() == code, caught.value
    if details is not None:
        assert caught.value.details() == details

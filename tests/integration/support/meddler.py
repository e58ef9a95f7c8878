"""A server between a client and parlad that passes everything on, but for what a test changes.

It speaks gRPC on a port of its own and knows messages as bytes: a change takes the answer of one
method, and gives back the answers that the client gets instead.

Its calls run in threads, so it makes parla-bench's sends wait for their turn: who sent a message,
and as which, stands in its text (src/bench/payload.h).
"""

import collections
import contextlib
import threading
from concurrent import futures

import grpc

from support.client import connect
from support.contract import api
from support.deadline import DEADLINE


def same(answer):
    """The answer as it came."""
    return [answer]


class Turns:
    """Lets the messages of a publisher pass in the order of their numbers."""

    def __init__(self):
        self._next = collections.Counter()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def turn(self, request):
        """Waits for those before it; ends when it is answered."""
        text = api.SendMessageRequest.FromString(request).text
        publisher, number = text[:12], 0
        for letter in text[16:24]:
            number = number * 16 + ord(letter) - ord("a")
        with self._changed:
            assert self._changed.wait_for(lambda: self._next[publisher] == number, DEADLINE)
        try:
            yield
        finally:
            with self._changed:
                self._next[publisher] += 1
                self._changed.notify_all()


class Meddler(grpc.GenericRpcHandler):
    """changes: by a method's name, a function from an answer (as bytes) to a list of them."""

    def __init__(self, address, changes):
        self._channel = connect(address)
        self._turns = Turns()
        self._changes = {api.method(name).path: change for name, change in changes.items()}
        self._server = grpc.server(
            futures.ThreadPoolExecutor(max_workers=64),
            handlers=[self],
            options=[("grpc.so_reuseport", 0)],
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self):
        """Ends it, with whatever is under way."""
        self._server.stop(0).wait(DEADLINE)
        self._channel.close()

    @staticmethod
    def _metadata(context):
        return [(k, v) for k, v in context.invocation_metadata() if k == "authorization"]

    def service(self, handler_call_details):
        """A handler for whatever method it is."""
        path = handler_call_details.method
        change = self._changes.get(path, same)
        if path == api.method("StreamMessages").path:
            return grpc.unary_stream_rpc_method_handler(self._streaming(path, change))
        return grpc.unary_unary_rpc_method_handler(self._single(path, change))

    def _single(self, path, change):
        def handle(request, context):
            call = self._channel.unary_unary(path)
            sends = path == api.method("SendMessage").path
            try:
                with self._turns.turn(request) if sends else contextlib.nullcontext():
                    answer = call(request, metadata=self._metadata(context), timeout=DEADLINE)
            except grpc.RpcError as error:
                context.abort(error.code(), error.details())
            return change(answer)[0]

        return handle

    def _streaming(self, path, change):
        def handle(request, context):
            call = self._channel.unary_stream(path)(request, metadata=self._metadata(context))
            context.add_callback(call.cancel)
            try:
                for answer in call:
                    yield from change(answer)
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.CANCELLED:
                    context.abort(error.code(), error.details())

        return handle

"""grpc.testing.TestService on grpcio, for the project's own client: it can compress its responses,
message by message, which @grpc/grpc-js cannot.

Prints one line, "listening on HOST:PORT", and ends on SIGTERM.

usage: grpcio_server.py [CERT KEY]    with two PEM files: over TLS
"""

import pathlib
import signal
import sys
import threading
from concurrent import futures

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import grpc  # noqa: E402

from messages import SERVICE, pb, zeros  # noqa: E402

ECHO_INITIAL = "x-grpc-test-echo-initial"
ECHO_TRAILING = "x-grpc-test-echo-trailing-bin"
CODES = {code.value[0]: code for code in grpc.StatusCode}


def echo_metadata(context):
    """Sends back the metadata that asks for it."""
    sent = context.invocation_metadata()
    initial = [entry for entry in sent if entry[0] == ECHO_INITIAL]
    # Compression is decided message by message, and only where it was announced.
    context.set_compression(grpc.Compression.Gzip)
    context.send_initial_metadata(initial)
    context.set_trailing_metadata([entry for entry in sent if entry[0] == ECHO_TRAILING])


def echo_status(request, context):
    """Ends the call the way that the client wants it to end."""
    if request.response_status.code:
        context.abort(CODES[request.response_status.code], request.response_status.message)


def empty(_, context):
    echo_metadata(context)
    return pb.Empty()


def unary(request, context):
    echo_metadata(context)
    echo_status(request, context)
    if not request.response_compressed.value:
        context.disable_next_message_compression()
    return pb.SimpleResponse(payload=zeros(request.response_size))


def streaming_input(requests, context):
    echo_metadata(context)
    size = sum(len(request.payload.body) for request in requests)
    return pb.StreamingInputCallResponse(aggregated_payload_size=size)


def respond(request, context):
    for parameters in request.response_parameters:
        if not parameters.compressed.value:
            context.disable_next_message_compression()
        yield pb.StreamingOutputCallResponse(payload=zeros(parameters.size))


def streaming_output(request, context):
    echo_metadata(context)
    echo_status(request, context)
    yield from respond(request, context)


def full_duplex(requests, context):
    echo_metadata(context)
    for request in requests:
        echo_status(request, context)
        yield from respond(request, context)


METHODS = {
    "EmptyCall": (grpc.unary_unary_rpc_method_handler, empty, pb.Empty),
    "UnaryCall": (grpc.unary_unary_rpc_method_handler, unary, pb.SimpleRequest),
    "StreamingInputCall": (
        grpc.stream_unary_rpc_method_handler, streaming_input, pb.StreamingInputCallRequest
    ),
    "StreamingOutputCall": (
        grpc.unary_stream_rpc_method_handler, streaming_output, pb.StreamingOutputCallRequest
    ),
    "FullDuplexCall": (
        grpc.stream_stream_rpc_method_handler, full_duplex, pb.StreamingOutputCallRequest
    ),
}  # fmt: skip


def main():
    handlers = {
        name: make(handler, request.FromString, lambda message: message.SerializeToString())
        for name, (make, handler, request) in METHODS.items()
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    files = [pathlib.Path(path).read_bytes() for path in sys.argv[1:]]
    if files:
        cert, key = files
        credentials = grpc.ssl_server_credentials([(key, cert)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    ended.wait()
    server.stop(None).wait()


main()

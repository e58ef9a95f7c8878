"""The project's own client, parla-interop-client: each case against a server on @grpc/grpc-js, and
against the project's own. A server on grpcio does what grpc-js cannot: compress its responses."""

import subprocess
import sys

import pytest

from programs import HERE, Server, build_path
from support.deadline import DEADLINE
from support.server import TRACES

CASES = [
    "empty_unary",
    "large_unary",
    "client_compressed_unary",
    "server_compressed_unary",
    "client_streaming",
    "client_compressed_streaming",
    "server_streaming",
    "server_compressed_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
]
COMPRESSED = [case for case in CASES if "compressed" in case]

COMMANDS = {
    "own": [build_path("parla-interop-server"), "--listen", "127.0.0.1:0"],
    "grpc-js": ["node", str(HERE / "grpc_js_server.mjs")],
    "grpcio": [sys.executable, str(HERE / "grpcio_server.py")],
}
# A server on grpc-js does not compress, and one on grpcio does not see what is compressed.
CANNOT = {"own": "-", "grpc-js": "server_compressed", "grpcio": "client_compressed"}

# What goes over the wire: which requests are compressed, or which responses, call by call.
WIRE = {
    "client_compressed_unary": ("requests", [[False], [True], [False]]),
    "server_compressed_unary": ("responses", [[True], [False]]),
    "client_compressed_streaming": ("requests", [[False], [True, False]]),
    "server_compressed_streaming": ("responses", [[True, False]]),
}


def pairs(cases, names=COMMANDS):
    """Every server with the cases that it can do."""
    return [
        pytest.param(name, case, id=f"{name}-{case}")
        for name in names
        for case in cases
        if not case.startswith(CANNOT[name])
    ]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """servers(name): a server, started when it is first asked for, with these arguments more."""
    started = {}

    def get(name, *arguments):
        key = (name, *arguments)
        if key not in started:
            command = [*COMMANDS[name], *map(str, arguments)]
            started[key] = Server(command, tmp_path_factory.mktemp("server"))
        return started[key]

    yield get
    for server in started.values():
        server.finish()


def run(address, case, *options):
    """Runs one case; the client itself asserts what the descriptions want."""
    command = [build_path("parla-interop-client"), "--server", address, "--test-case", case]
    done = subprocess.run(
        [*command, *map(str, options)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * DEADLINE,
    )
    assert (done.returncode, done.stdout) == (0, f"{case}: passed\n"), done.stdout
    assert not any(trace in done.stdout for trace in TRACES)


def test_cases_are_those_of_the_client():
    """None is forgotten here."""
    done = subprocess.run(
        [build_path("parla-interop-client")], stderr=subprocess.PIPE, text=True, timeout=DEADLINE
    )
    assert done.returncode == 2
    assert [line.strip() for line in done.stderr.splitlines() if line.startswith("  ")] == CASES


@pytest.mark.parametrize("name, case", pairs(CASES))
def test_case(servers, name, case):
    server = servers(name)
    run(server.address, case)
    server.check()


@pytest.mark.parametrize("name, case", pairs(COMPRESSED))
def test_compression_on_the_wire(servers, taps, name, case):
    tap = taps(servers(name).address)
    run(tap.address, case)
    side, wanted = WIRE[case]
    assert tap.compressed(side) == wanted


@pytest.mark.parametrize("name, case", pairs(CASES))
def test_case_over_tls(servers, certificates, name, case):
    files = [certificates / "server.pem", certificates / "server.key"]
    options = ["--tls-cert", files[0], "--tls-key", files[1]] if name == "own" else files
    run(servers(name, *options).address, case, "--ca", certificates / "ca.pem")

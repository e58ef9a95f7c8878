"""gRPC's own interop client for Ruby, as Debian's ruby-grpc ships it, unchanged."""

import os
import subprocess

import pytest

from support.deadline import DEADLINE

CASES = [
    "empty_unary",
    "large_unary",
    "client_compressed_unary",
    "client_streaming",
    "client_compressed_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "timeout_on_sleeping_server",
    "cancel_after_begin",
    "cancel_after_first_response",
    "status_code_and_message",
    "custom_metadata",
    "unimplemented_method",
    "unimplemented_service",
]


def client_path():
    """Where the package has it."""
    command = ["dpkg", "-L", "ruby-grpc"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = [path for path in done.stdout.splitlines() if path.endswith("/pb/test/client.rb")]
    assert len(found) == 1, found
    return found[0]


def run(port, case, *options, **environment):
    """Runs one case; the client itself asserts what the descriptions want."""
    command = ["ruby", client_path(), "--server_host", "localhost", "--server_port", str(port)]
    command += ["--test_case", case, *options]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=2 * DEADLINE,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0 and f'"OK: {case}"' in done.stdout.splitlines(), done.stdout


@pytest.mark.parametrize("case", CASES)
def test_case(server, case):
    run(server.port, case, "--use_tls", "false")


@pytest.mark.parametrize("case", CASES)
def test_case_over_tls(tls_server, certificates, case):
    roots = str(certificates / "ca.pem")  # in place of those that the system trusts
    options = ["--use_tls", "true", "--use_test_ca", "false"]
    run(tls_server.port, case, *options, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=roots)

"""What docs/RPC.md says to try gives what it shows; and the example is as short as it promises."""

import pathlib
import re
import shlex
import subprocess

import pytest

from support.contract import ROOT
from support.deadline import DEADLINE
from support.server import COMMAND, read_line

BUILD = pathlib.Path(COMMAND[-1]).resolve().parent
PORT = "50051"


def tried():
    """Each command of the tutorial's session and the lines that it shows."""
    text = (ROOT / "docs/RPC.md").read_text()
    (session,) = re.findall(r"^```\n(\$ .*?)^```", text, re.MULTILINE | re.DOTALL)
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


@pytest.fixture(scope="module")
def port():
    """Where echo-server listens."""
    server = subprocess.Popen(
        [BUILD / "examples/echo/echo-server", "127.0.0.1:0"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    line = read_line(server)
    (shown,) = [shown for command, shown in tried() if command.endswith("&")]
    assert re.sub(r"\d+", PORT, line) == shown
    yield line.split()[-1]
    server.terminate()
    assert server.wait(DEADLINE) == 0
    server.stdout.close()


COMMANDS = [(command, shown) for command, shown in tried() if "&" not in command and "tools/" not in command]


@pytest.mark.parametrize("command, shown", COMMANDS, ids=[command.split()[0] for command, _ in COMMANDS])
def test_a_command_gives_what_is_shown(port, command, shown):
    """With the build under test, at the address of the server."""
    arguments = [word.replace(PORT, port) for word in shlex.split(command)]
    if arguments[0].startswith("build/"):
        arguments[0] = str(BUILD / arguments[0].removeprefix("build/"))
    elif arguments[0] == "curl":
        arguments.insert(1, "--silent")
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=DEADLINE, check=True)
    assert done.stdout.rstrip("\n") == shown.rstrip("\n")


def test_a_wrong_use_is_told():
    """Both sides say how they are called, and fail."""
    for side in ("server", "client"):
        done = subprocess.run(
            [BUILD / f"examples/echo/echo-{side}"], capture_output=True, text=True, timeout=DEADLINE, check=False
        )
        assert done.returncode == 1
        assert done.stderr.startswith(f"echo-{side} HOST:PORT")


def test_the_example_is_short():
    """The .proto file, the server and the client: 150 lines together."""
    files = [*(ROOT / "examples/echo").glob("*.c"), *(ROOT / "examples/echo").glob("*.proto")]
    assert len(files) == 3
    assert sum(len(file.read_text().splitlines()) for file in files) <= 150

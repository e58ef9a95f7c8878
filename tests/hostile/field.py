"""Who takes part in a run: a server, the attackers, an honest client; and what is seen of them."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

import grpc

from support.certificates import Authority
from support.client import Guest
from support.contract import ROOT
from support.server import COMMAND, Parlad

from attacks import Place

CANNON = os.environ.get(
    "PARLA_HOSTILE_CANNON", str(pathlib.Path(COMMAND[0]).parent / "tests/hostile/hostile-cannon")
)
BENCH = os.environ.get("PARLA_BENCH", str(ROOT / "build" / "parla-bench"))
KIB = 1 << 10
SLACK = 16 << 20  # what an allocator keeps, and what costs a process once
TICKS = os.sysconf("SC_CLK_TCK")
FIRST_ADDRESS = 2  # 127.0.0.2, …: the honest client is 127.0.0.1


def start_server(folder, tls):
    """A server with the limits that it has by itself; and the authority that speaks for it."""
    if not tls:
        return Parlad(folder), None
    authority = Authority(folder)
    pair = authority.issue()
    return Parlad(folder, tls_cert=pair.cert, tls_key=pair.key), authority


def prepare(server, authority):
    """A guest with a room of 4 MiB of messages."""
    options = {}
    if authority is not None:
        options["credentials"] = grpc.ssl_channel_credentials(authority.roots)
    guest = Guest(server.address, "mallory", **options)
    guest.create("den")
    for future in [guest.begin_send("den", "x" * 16000) for _ in range(256)]:
        future.result()
    place = Place(guest.token, "den")
    guest.close()
    return place


class Attackers:
    """A process that fires until it is stopped."""

    def __init__(self, server, attack, place, niceness=0):
        self._folder = tempfile.TemporaryDirectory()
        command = [CANNON, server.address, "--from", str(FIRST_ADDRESS)]
        command += ["--addresses", str(attack.addresses)]
        command += ["--connections", str(attack.connections), *attack.options]
        for option in ("open", "again"):
            path = pathlib.Path(self._folder.name) / option
            path.write_bytes(getattr(attack, option)(place))
            command += ["--" + option, str(path)]
        if niceness:
            command = ["nice", "-n", str(niceness), *command]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self._process.stdout.readline()
        assert line == b"ready\n", f"the attackers are not ready: {line!r}"

    def stop(self):
        """What they have done."""
        out, _ = self._process.communicate()
        self._folder.cleanup()
        assert self._process.returncode == 0, f"the attackers ended with {self._process.returncode}"
        return json.loads(out)


class Honest:
    """Someone who sends at an even pace, and reads all back at the end."""

    def __init__(self, server, authority, rate=300):
        self._command = [BENCH, "send", "--json", "--connections", "4", "--users", "4"]
        self._command += ["--rate", str(rate), "--pid", str(server.process.pid)]
        self._rate = rate
        self._server = server
        self._authority = authority

    def run(self, seconds):
        """Figures of sends for so many seconds, each of which was acknowledged and is there."""
        count = max(20, int(self._rate * seconds))
        command = [*self._command, "--messages", str(count)]
        with contextlib.ExitStack() as stack:
            if self._authority is None:
                command += ["--server", self._server.address]
            else:
                file = stack.enter_context(tempfile.NamedTemporaryFile())
                file.write(self._authority.roots)
                file.flush()
                command += ["--ca", file.name, "--server", "grpcs://" + self._server.address]
            done = subprocess.run(command, capture_output=True, check=False)
        assert done.returncode == 0, "an honest client failed:\n" + done.stderr.decode()
        figures = json.loads(done.stdout)
        assert figures["read_back"] == count
        return figures


def resident(server):
    """Its resident size, and the most that it was since forget_peak()."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        name, value = line.split(":")
        if name in ("VmRSS", "VmHWM"):
            sizes[name] = int(value.split()[0]) * KIB
    return sizes["VmRSS"], sizes["VmHWM"]


def is_judged(server):
    """A sanitizer keeps what was freed, and has reserved terabytes."""
    text = pathlib.Path(f"/proc/{server.process.pid}/statm").read_text()
    return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE") < 1 << 40


def forget_peak(server):
    """The peak is what it is now (proc(5), clear_refs)."""
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def cpu_seconds(server):
    """What the server has used."""
    text = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS

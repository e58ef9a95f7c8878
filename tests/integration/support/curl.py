"""curl as a process, and what it was answered."""

import contextlib
import dataclasses
import json
import os
import selectors
import subprocess
import time

from support.deadline import DEADLINE

CURL = ["curl", "--disable", "--noproxy", "*"]
JSON = "content-type: application/json"


@dataclasses.dataclass(frozen=True)
class Answer:
    """A response. Header names are in lower case."""

    status: int
    version: str  # of HTTP
    headers: dict
    body: bytes
    connects: int  # how many connections were made for it
    trace: str = dataclasses.field(repr=False)  # what --verbose told

    def json(self):
        """The body, read as JSON."""
        return json.loads(self.body)

    def header(self, name):
        """The one field of that name, or None."""
        values = self.headers.get(name)
        if values is None:
            return None
        (value,) = values
        return value


class Body:
    """A response's body while it comes."""

    def __init__(self, process):
        self._process = process
        self._come = b""

    def until(self, wanted):
        """Waits until that is in it."""
        end = time.monotonic() + DEADLINE
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while wanted not in self._come:
                assert selector.select(max(0, end - time.monotonic())), self._come
                data = os.read(self._process.stdout.fileno(), 65536)
                assert data, f"it ended: {self._come}"
                self._come += data


class Curl:
    """One way to a server: its address, and the options that choose HTTP's version."""

    def __init__(self, folder, base, *options):
        self._folder = folder
        self.base = base
        self._options = options

    def run(self, *requests):
        """Makes each request, a list of arguments whose last is a path, all in one run of curl:
        it keeps connections alive where it can."""
        command = []
        for i, (*arguments, path) in enumerate(requests):
            command += ["--next"] if i > 0 else []
            command += [*self._options, "--silent", "--show-error", "--verbose"]
            command += ["--output", str(self._folder / f"body-{i}")]
            command += ["--write-out", "%{json}\t%{header_json}\f"]
            command += [*arguments, self.base + path]
            (self._folder / f"body-{i}").write_bytes(b"")
        done = subprocess.run(
            [*CURL, *command],
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
        trace = done.stderr.decode(errors="replace")
        assert done.returncode == 0, trace
        told = done.stdout.decode().split("\f")[:-1]
        return [self._answer(i, one, trace) for i, one in enumerate(told)]

    def _answer(self, i, told, trace):
        summary, headers = map(json.loads, told.split("\t", 1))
        return Answer(
            status=summary["response_code"],
            version=summary["http_version"],
            headers=headers,
            body=(self._folder / f"body-{i}").read_bytes(),
            connects=summary["num_connects"],
            trace=trace,
        )

    def get(self, *arguments):
        """One request."""
        (answer,) = self.run(arguments)
        return answer

    def post(self, method, message, *arguments):
        """Calls a method with a message, as JSON."""
        data = ["--header", JSON, "--data-raw", json.dumps(message)]
        return self.get(*data, *arguments, f"/{method}")

    @contextlib.contextmanager
    def open(self, *arguments):
        """A request whose response is read while it comes."""
        *options, path = arguments
        command = [*CURL, *self._options, "--silent", *options, self.base + path]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            try:
                yield Body(process)
            finally:
                process.terminate()

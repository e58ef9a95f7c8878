"""The programs of the interop cases as processes: started on free ports, looked after, stopped."""

import pathlib
import subprocess

from support.deadline import DEADLINE
from support.server import COMMAND, TRACES, read_line

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def build_path(name):
    """A program of the build that is under test: it lies where parlad does."""
    return str(pathlib.Path(COMMAND[-1]).resolve().parent / name)


class Server:
    """A server that says "listening on HOST:PORT" when it serves, and ends on SIGTERM."""

    def __init__(self, command, folder, **options):
        self._stderr = pathlib.Path(folder) / "stderr"
        with open(self._stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, **options
            )
        line = read_line(self.process)
        prefix = "listening on "
        if not line.startswith(prefix):
            self.process.kill()
            self.process.wait(DEADLINE)
            raise AssertionError(f"{command} said {line!r} and on stderr:\n{self.stderr_text()}")
        self.address = line[len(prefix) :].strip()

    @property
    def port(self):
        """The port that it listens on."""
        return int(self.address.rsplit(":", 1)[1])

    def stderr_text(self):
        """All that it wrote to standard error."""
        return self._stderr.read_text(errors="replace")

    def check(self):
        """It lives, and no sanitizer has complained."""
        assert self.process.poll() is None, f"the server has gone:\n{self.stderr_text()}"
        text = self.stderr_text()
        for trace in TRACES:
            assert trace not in text, text

    def finish(self):
        """It must stop in order."""
        try:
            self.check()
            self.process.terminate()
            status = self.process.wait(DEADLINE)
            assert status == 0, f"exit status {status}:\n{self.stderr_text()}"
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait(DEADLINE)
            self.process.stdout.close()
        for trace in TRACES:
            assert trace not in self.stderr_text(), self.stderr_text()

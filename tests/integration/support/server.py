"""parlad as a process: started on a free port, waited for, stopped, killed, looked after."""

import os
import pathlib
import selectors
import shlex
import signal
import subprocess
import time

from support.contract import ROOT
from support.deadline import DEADLINE

# The server to test: a path, or a command with arguments (such as valgrind's).
COMMAND = shlex.split(os.environ.get("PARLAD", str(ROOT / "build" / "parlad")))

# What sanitizers, valgrind and failed assertions leave behind.
TRACES = (
    "Sanitizer",
    "runtime error:",
    "definitely lost",
    "Invalid read",
    "Invalid write",
    "assertion",
    "Assertion",
)


def read_line(process, deadline=DEADLINE):
    """The next line of its standard output; "" when it has closed it."""
    end = time.monotonic() + deadline
    line = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not line.endswith(b"\n"):
            assert selector.select(max(0, end - time.monotonic())), f"no line came: {line!r}"
            byte = os.read(process.stdout.fileno(), 1)
            if not byte:
                break
            line += byte
    return line.decode()


class Parlad:
    """One server on a folder of data. Options are parlad's own, without the dashes; limits are
    keys of the configuration file's section of that name."""

    environment = None  # None: the test's own

    def __init__(self, folder, listen="127.0.0.1:0", limits=None, data=None, before=(), **options):
        self.folder = pathlib.Path(folder)
        if limits:
            options["config"] = self.folder / "parlad.ini"
            lines = [f"{name} = {value}" for name, value in limits.items()]
            options["config"].write_text("\n".join(["[limits]", *lines, ""]))
        self.data = pathlib.Path(data or self.folder / "data")
        self._stderr = self.folder / "stderr"
        self._options = options
        self._before = before  # a command that starts it, such as nohup
        self._listen = listen
        self.process = None
        self.address = None
        self.listening = None  # the line that says so
        self.sound = True  # its data is to be, at the end
        self._ended = False  # the test itself has seen its end
        self.start()

    def arguments(self):
        """The command that starts it."""
        options = {"listen": self._listen, "data": str(self.data), **self._options}
        found = [*self._before, *COMMAND]
        for name, value in options.items():
            found += ["--" + name.replace("_", "-"), str(value)]
        return found

    def launch(self):
        """Starts it, without waiting for anything."""
        with open(self._stderr, "ab") as stderr:
            self.process = subprocess.Popen(
                self.arguments(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self.environment,
            )
        self._ended = False

    def start(self):
        """Starts it and waits until it serves."""
        self.launch()
        self.take_listening(read_line(self.process))

    def take_listening(self, line):
        """It serves: where, it says in its first line. The next start takes the same port."""
        prefix = "listening on "
        if not line.startswith(prefix):
            self.process.kill()
            self.process.wait(DEADLINE)
            self._ended = True
            raise AssertionError(f"parlad said {line!r} and on stderr:\n{self.stderr_text()}")
        # "HOST:PORT", or with TLS "grpcs://HOST:PORT and https://HOST:PORT"
        self.address = line[len(prefix) :].split()[0].removeprefix("grpcs://")
        self._listen = self.address
        self.listening = line.strip()

    def stderr_text(self):
        """All that it wrote to standard error, over all its lives."""
        return self._stderr.read_text(errors="replace")

    def wait_stderr(self, text):
        """Waits until it has written that to standard error."""
        follow = ["tail", "--bytes=+1", "--follow", str(self._stderr)]
        with subprocess.Popen(follow, stdout=subprocess.PIPE) as tail:
            try:
                line = read_line(tail)
                while text not in line:
                    line = read_line(tail)
            finally:
                tail.kill()

    def alive(self):
        """Whether it runs."""
        return self.process.poll() is None

    def tell(self, number):
        """Sends a signal."""
        self.process.send_signal(number)

    def wait(self):
        """Its exit status; < 0 for a signal."""
        status = self.process.wait(DEADLINE)
        self.process.stdout.close()
        self._ended = True
        return status

    def stop(self, number=signal.SIGTERM):
        """Asks it to end; it must do so in order."""
        self.tell(number)
        status = self.wait()
        assert status == 0, f"exit status {status}:\n{self.stderr_text()}"
        self.check_traces()

    def kill(self):
        """The power goes: no chance to tidy up."""
        self.tell(signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def restart(self):
        """Ends it in order and starts it again: same data, same port."""
        self.stop()
        self.start()

    def check_traces(self):
        """No sanitizer, and no assertion, has complained."""
        text = self.stderr_text()
        for trace in TRACES:
            assert trace not in text, text

    def check(self):
        """It lives, and nothing has complained."""
        assert self.alive(), f"parlad has gone, {self.process.poll()}:\n{self.stderr_text()}"
        self.check_traces()

    def command(self, *arguments, deadline=DEADLINE):
        """Runs one of its other commands, such as ("check", "--data", folder); how it ended."""
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=deadline,
        )

    def check_data(self, data=None):
        """All that it keeps is as it must be."""
        done = self.command("check", "--data", data or self.data)
        assert done.returncode == 0, done.stdout + done.stderr

    def finish(self):
        """The end of a test: what still runs must stop in order, and what it keeps be sound."""
        try:
            if not self._ended:
                self.check()
                self.stop()
        finally:
            if self.alive():
                self.process.kill()
                self.process.wait(DEADLINE)
        self.check_traces()
        if self.sound:
            self.check_data()

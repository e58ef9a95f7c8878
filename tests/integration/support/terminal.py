"""parla on a pseudo-terminal, whose screen is read back with pyte."""

import fcntl
import os
import pty
import select
import shlex
import signal
import struct
import termios
import time

import pyte

from support.contract import ROOT
from support.deadline import DEADLINE, eventually

# The client to test: a path, or a command with arguments (such as valgrind's).
COMMAND = shlex.split(os.environ.get("PARLA", str(ROOT / "build" / "parla")))

PASTE_ON, PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"
UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
CTRL_A, CTRL_C, CTRL_D, CTRL_E, CTRL_K, CTRL_L = "\x01", "\x03", "\x04", "\x05", "\x0b", "\x0c"
CTRL_U, CTRL_W, CTRL_Y, CTRL_Z, BACKSPACE, TAB = "\x15", "\x17", "\x19", "\x1a", "\x7f", "\t"


def environment(state, address=None, **more):
    """What a client is started with; nothing of whoever runs the tests."""
    found = {
        "PATH": os.environ["PATH"],
        "HOME": str(state),
        "XDG_STATE_HOME": str(state),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
    }
    found.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    if address:
        found["PARLA_SERVER"] = address
    found.update(more)
    return found


class Terminal:
    """A terminal with a parla in it. What is waited for is waited for with a deadline."""

    def __init__(self, env, *arguments, cols=80, rows=24):
        self.screen = pyte.HistoryScreen(cols, rows, history=2000, ratio=0.5)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""  # all that was written to the terminal
        self._status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self._set_size(0, cols, rows)
            os.execvpe(COMMAND[0], [*COMMAND, *arguments], env)

    @staticmethod
    def _set_size(fd, cols, rows):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def resize(self, cols, rows):
        """The window gets another size."""
        self.screen.resize(rows, cols)
        self._set_size(self.fd, cols, rows)

    def type(self, text):
        """Keys are pressed."""
        data = text.encode()
        while data:
            data = data[os.write(self.fd, data) :]

    def enter(self, text):
        """A line is typed."""
        self.type(text + "\r")

    def paste(self, text):
        """The terminal pastes, with its brackets."""
        self.type("\x1b[200~" + text + "\x1b[201~")

    def tell(self, number):
        """Sends a signal."""
        os.kill(self.pid, number)

    def _read(self, timeout):
        """Takes what was written; False at the end."""
        if not select.select([self.fd], [], [], timeout)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # the other side is closed
            return False
        self.raw += data
        self._stream.feed(data)
        return bool(data)

    def wait(self, holds, what="it"):
        """Reads until holds() is true."""
        end = time.monotonic() + DEADLINE
        open_still = True
        while not holds():
            assert open_still, f"it ended before {what}:\n{self.text()}"
            left = end - time.monotonic()
            assert left > 0, f"{what} did not come:\n{self.text()}"
            open_still = self._read(left)

    def until(self, *texts):
        """Waits until all of these are on the screen, or above it."""
        self.wait(lambda: all(text in self.text() for text in texts), repr(texts))

    def until_line(self, line):
        """Waits until the line with the cursor is this one."""
        self.wait(lambda: self.line() == line, f"the line {line!r}")

    def lines(self):
        """The lines above the screen and on it, without blanks at their ends."""
        above = [self._render(row) for row in self.screen.history.top]
        return [line.rstrip() for line in [*above, *self.screen.display]]

    def _render(self, row):
        cells = [row[x].data for x in range(self.screen.columns)]
        return "".join(cells)

    def text(self):
        """All lines as one text."""
        return "\n".join(self.lines()).rstrip("\n")

    def shown(self):
        """What is on the screen, without what has scrolled off."""
        return [line.rstrip() for line in self.screen.display]

    def line(self):
        """The line that the cursor is in."""
        return self.shown()[self.screen.cursor.y]

    def cursor(self):
        """Column and row, from 0."""
        return self.screen.cursor.x, self.screen.cursor.y

    def mode(self):
        """The terminal's settings, without the control characters."""
        return termios.tcgetattr(self.fd)[:4]

    def poll(self):
        """Takes what has come, without waiting."""
        while select.select([self.fd], [], [], 0)[0] and self._read(0):
            pass

    def until_stopped(self):
        """Waits until it is suspended."""
        eventually(lambda: self._read(0.01) and os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)[0])

    def end(self):
        """Waits for its end; the exit status, < 0 for a signal."""
        if self._status is None:
            end = time.monotonic() + DEADLINE
            while self._read(max(0, end - time.monotonic())):
                assert time.monotonic() < end, f"it does not end:\n{self.text()}"
            self._status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._status

    def close(self):
        """The test is over: nothing may be left."""
        try:
            if self._status is None:
                self.tell(signal.SIGKILL)
                self.end()
        finally:
            os.close(self.fd)

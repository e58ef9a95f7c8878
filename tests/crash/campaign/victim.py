"""The server that dies: its lives, what it said at the end of each, and what checks its data."""

import pathlib
import resource
import signal
import subprocess
import threading

from support.deadline import DEADLINE, eventually
from support.server import COMMAND, Parlad, read_line

# Signals that only a bug ends a program with.
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}


class Refused(Exception):
    """It did not start. Its message is what it said."""

    def __init__(self, status, text):
        super().__init__(f"exit status {status}: {text}")
        self.status = status
        self.text = text


class Victim(Parlad):
    """A server with faults, which counts its lives and what was acknowledged."""

    def __init__(self, folder, faults=None, **options):
        self.faults = faults
        self.life = 0
        self.descriptors_max = None  # how many the next lives may have
        self._said_before = 0
        self._acknowledged = 0
        self._changed = threading.Condition()
        if faults is not None:
            self.environment = faults.environment()
        super().__init__(folder, **options)

    def start(self):
        """Starts it; Refused where it ends instead of serving."""
        self.life += 1
        self._said_before = len(self.stderr_text()) if self._stderr.exists() else 0
        self.launch()
        line = read_line(self.process)
        if not line:
            raise Refused(self.wait(), self.said())
        self.take_listening(line)

    def arguments(self):
        """The command that starts it."""
        if self.descriptors_max is None:
            return super().arguments()
        shell = f'ulimit -n {self.descriptors_max} && exec "$@"'
        return ["sh", "-c", shell, "sh", *super().arguments()]

    def said(self):
        """What it has written to standard error in this life."""
        return self.stderr_text()[self._said_before :]

    def start_and_kill(self, kill_left):
        """Starts it; it is killed by its n-th call for the disk, or when it serves."""
        self.faults.set(kill_left=kill_left)
        try:
            self.start()
            self.process.kill()
            self.wait()
        except Refused as refused:
            if refused.status != -signal.SIGKILL:
                raise
        self.faults.clear()

    def acknowledged(self):
        """A client has an acknowledgement."""
        with self._changed:
            self._acknowledged += 1
            self._changed.notify_all()

    def wait_acknowledged(self, count):
        """Waits for so many more; False where it ended before. For who waits, minutes are a hang."""
        with self._changed:
            goal = self._acknowledged + count
            for _ in range(int(20 * DEADLINE)):
                if self._changed.wait_for(lambda: self._acknowledged >= goal, 0.1):
                    return True
                if not self.alive():
                    return False
        raise AssertionError(f"nothing was acknowledged for long; parlad said:\n{self.said()}")

    def descriptors(self):
        """How many it has open."""
        return len(list(pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def set_descriptors(self, len_max):
        """Changes how many it may have; what that was."""
        old, hard = resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(self.process.pid, resource.RLIMIT_NOFILE, (len_max, hard))
        return old

    def end_by_force(self):
        """Whatever has happened, it runs no longer."""
        if self.alive():
            self.process.kill()
            self.wait()

    def wait_failed(self, what, count):
        """Waits until so many more calls have failed; False where it ended before."""
        goal = self.faults.get(what) + count
        eventually(lambda: self.faults.get(what) >= goal or not self.alive())
        return self.alive()

    def wait_end(self):
        """Its end by itself: the exit status, which is no signal."""
        status = self.wait()
        if -status in CRASHES:
            raise AssertionError(f"parlad was ended by signal {-status}:\n{self.said()}")
        return status

    def stop_or_see_end(self):
        """It is asked to end, unless it has stopped by itself; whether it had not."""
        if self.alive():
            self.tell(signal.SIGTERM)
        status = self.wait_end()
        assert status in (0, 1), f"exit status {status}: {self.said()}"
        return status == 0

    def check_data(self):
        """`parlad check` of the data folder: whether it is sound, and what was said."""
        command = [*COMMAND, "check", "--data", str(self.data)]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20 * DEADLINE, check=False
        )
        if done.returncode not in (0, 1, 3):
            raise AssertionError(f"{command}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.returncode == 0, done.stdout + done.stderr

    def backup(self, path):
        """`parlad backup` of the data folder, running or not."""
        command = [*COMMAND, "backup", "--data", str(self.data), str(path)]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=20 * DEADLINE)

"""The project's own client, as a process that goes on over the server's deaths."""

import json
import os
import pathlib
import subprocess
import threading

from support.deadline import DEADLINE
from support.server import ROOT

PAUSE = 0.02
PARLA = os.environ.get("PARLA", str(ROOT / "build" / "parla"))


class Own:
    """One `parla` after the other, or one that stays."""

    def __init__(self, server, ledger, name, state):
        self.name = name
        self._ledger = ledger
        self._server = server
        self._stopped = threading.Event()
        self._process = None
        self._stderr = open(pathlib.Path(state) / f"{name}.stderr", "w", encoding="utf-8")
        self._environment = {
            **os.environ,
            "XDG_STATE_HOME": str(pathlib.Path(state)),
            "PARLA_SERVER": server.address,
            "PARLA_USER": name,
        }
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def run(self, *arguments):
        """Runs it to its end; its exit status, < 0 for a signal."""
        process = subprocess.Popen(
            [PARLA, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
        )
        self._process = process  # it may try on and on, until it is asked to end
        return process.wait()

    def open(self, *arguments):
        """Starts one that stays; its lines are read here."""
        self._process = subprocess.Popen(
            [PARLA, *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        return self._process

    def start(self):
        """Begins."""
        self._thread.start()

    def stop(self):
        """Asks it to end."""
        self._stopped.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def join(self):
        """Waits until it has ended."""
        self._thread.join(2 * DEADLINE)
        if self._thread.is_alive():
            self._ledger.wrong(f"{self.name} hangs")
        self._stderr.close()

    def _run(self):
        raise NotImplementedError


class OwnSender(Own):
    """parla send, again and again: status 0 says that the message is kept."""

    def __init__(self, server, ledger, name, state, room):
        super().__init__(server, ledger, name, state)
        self._room = room
        self.acknowledged = 0

    def _run(self):
        number = 0
        while not self._stopped.is_set():
            number += 1
            text = f"{self.name}.{number}"
            self._ledger.begin(self._room, text, sure=False)
            if self.run("send", self._room, text) == 0:
                self._ledger.acknowledge(text, None)
                self.acknowledged += 1
            else:
                self._ledger.refusals["parla send"] += 1
                self._stopped.wait(PAUSE)


class OwnTail(Own):
    """parla tail: each message once, in order, over all of the server's lives."""

    def __init__(self, server, ledger, name, state, room):
        super().__init__(server, ledger, name, state)
        self._room = room
        self.last = 0
        self._told = threading.Condition()

    def _run(self):
        while not self._stopped.is_set():
            self._ledger.begin_anew(self.name)
            self.last = 0
            process = self.open("tail", self._room, "--beginning", "--json")
            for line in process.stdout:
                entry = json.loads(line)
                if entry["type"] == "message":
                    self._take(entry["sequence"], entry["text"])
            process.wait(DEADLINE)
            if not self._stopped.is_set():
                self._ledger.refusals["parla tail"] += 1
                self._stopped.wait(PAUSE)

    def _take(self, sequence, text):
        """Joinings are events too, which are not all told: the text tells what is missing."""
        if sequence <= self.last:
            self._ledger.wrong(f"{self.name} told {sequence} after {self.last}")
        self._ledger.tell(self.name, self._room, sequence, text)
        with self._told:
            self.last = sequence
            self._told.notify_all()

    def wait_told(self, sequence):
        """Waits until it has printed that message."""
        with self._told:
            return self._told.wait_for(lambda: self.last >= sequence, 2 * DEADLINE)


class OwnWorker(Own):
    """parla work: each message to a command, which says which one it had."""

    def __init__(self, server, ledger, name, state, room):
        super().__init__(server, ledger, name, state)
        self._room = room

    def _run(self):
        while not self._stopped.is_set():
            process = self.open(
                "work", self._room, "--", "sh", "-c", "cat >/dev/null; echo $PARLA_SEQUENCE"
            )
            for line in process.stdout:
                self._ledger.had(self._room, int(line))
            process.wait(DEADLINE)

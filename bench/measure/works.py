"""The works: what is measured, on whom, and how much of it.

A work runs on a fresh server and returns figures, a flat dictionary of numbers. What the generator prints is taken as it
is; a work that measures by itself adds its own.
"""

import dataclasses
import json
import shutil
import subprocess

from . import servers

# A run that does not end by then is ended: every run has its own limit without progress, too.
RUN_S = 900

ALL = ("parlad", "redis", "nats", "mosquitto", "grpc-cpp", "grpc-python")

# How much slower servers are given less to do: parts of the messages of the others.
PARTS = {"mosquitto": 10, "grpc-cpp": 20, "grpc-python": 400}


class Void(Exception):
    """A run that does not count: a message was lost, doubled or moved, or the server said no."""


@dataclasses.dataclass
class Context:
    """Where and how works run."""
    tools: servers.Tools
    folder: object  # for servers' folders
    scale: float = 1.0
    say: object = print

    def scaled(self, number):
        return max(1, round(number * self.scale))


def generate(context, server, arguments):
    """Runs the generator against the server; returns its figures."""
    argv = [context.tools.generator, *arguments, "--driver", servers.DRIVERS[server.kind],
            "--server", server.address, "--pid", str(server.pid), "--json"]
    if server.variant == "tls":
        argv += ["--ca", server.folder / "cert.pem"]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False,
                          timeout=RUN_S, preexec_fn=servers.raise_files)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["the generator ended without a word"]
        raise Void(lines[-1].removeprefix("parla-bench: "))
    return {key: value for key, value in json.loads(done.stdout).items() if isinstance(value, (int, float))}


@dataclasses.dataclass(frozen=True)
class Work:
    """One command of the generator. `messages`: for the quickest; others do a part of them."""
    name: str
    title: str
    command: tuple
    kinds: tuple = ALL
    messages: int = 0
    messages_min: int = 10
    variants: tuple = ("default", "tuned")
    rounds_max: int = 99
    scales: bool = True

    def runs(self):
        """The servers it is for: pairs of a kind and a variant."""
        return [(kind, variant) for kind in self.kinds for variant in servers.VARIANTS[kind]
                if variant in self.variants]

    def arguments(self, context, kind):
        arguments = list(self.command)
        if self.messages:
            messages = self.messages / PARTS.get(kind, 1)
            if self.scales:
                messages *= context.scale
            messages = max(self.messages_min, round(messages))
            arguments += ["--messages", str(messages)]
        if self.command[0] == "fanout":
            arguments += ["--warmup", str(messages // 10)]
            if kind != "parlad":
                arguments += ["--durability", "none"]
        return arguments

    def shown(self, context):
        """The command that repeats it against a running parlad."""
        return " ".join(["parla-bench", *self.arguments(context, "parlad")])

    def run(self, context, kind, variant):
        with servers.Server(context.tools, kind, variant, context.folder) as server:
            figures = {"fresh_rss": server.rss()}
            figures.update(generate(context, server, self.arguments(context, kind)))
            figures["rss"] = server.rss()
            return figures


@dataclasses.dataclass(frozen=True)
class Fresh(Work):
    """An idle server, nothing stored: what it takes, and how soon it is there."""

    def shown(self, context):
        return "bench/compare --only " + self.name

    def run(self, context, kind, variant):
        with servers.Server(context.tools, kind, variant, context.folder) as server:
            return {"fresh_rss": server.rss(), "ready_ms": server.ready_s * 1000}


@dataclasses.dataclass(frozen=True)
class Stored(Work):
    """A room with many messages, sent as messages are sent; pages of it; then the start with all that."""
    starts: int = 5

    def shown(self, context):
        return "bench/compare --only " + self.name

    def run(self, context, kind, variant):
        with servers.Server(context.tools, kind, variant, context.folder) as server:
            figures = generate(context, server, self.arguments(context, kind))
        figures["stored_size"] = sum(file.stat().st_size for file in (context.folder / "data").iterdir()
                                     if file.is_file())
        ready_ms = []
        for _ in range(self.starts):
            with servers.Server(context.tools, kind, variant, context.folder) as server:
                ready_ms.append(server.ready_s * 1000)
        figures["ready_ms"] = sorted(ready_ms)[len(ready_ms) // 2]
        figures["ready_ms_max"] = max(ready_ms)
        return figures


def run_once(context, work, kind, variant):
    """One run, whose folder is removed. Returns a record without its round."""
    record = {"work": work.name, "server": kind, "variant": variant, "ok": False}
    shutil.rmtree(context.folder, ignore_errors=True)
    try:
        record["figures"] = work.run(context, kind, variant)
        record["ok"] = True
    except servers.NotHere as missing:
        record["missing"] = str(missing)
    except (Void, servers.Failed, subprocess.TimeoutExpired) as why:
        record["why"] = str(why)
    finally:
        shutil.rmtree(context.folder, ignore_errors=True)
    return record


def fanout(*options):
    return ("fanout", "--size", "100", *options)


BURST = fanout("--in-flight", "64")
PEERS = ("parlad", "redis", "nats", "mosquitto", "grpc-cpp")

WORKS = (
    Fresh("fresh", "an idle server, nothing stored", ()),
    Work("burst-100", "burst, 100 subscribers", (*BURST, "--subscribers", "100"), (*ALL, "source"), 20_000),
    Work("burst-1000", "burst, 1,000 subscribers", (*BURST, "--subscribers", "1000"), (*ALL, "source"), 2_000),
    Work("burst-10000", "burst, 10,000 subscribers", (*BURST, "--subscribers", "10000"), (*PEERS, "source"), 200),
    Work("gateway", "1,000 streams on 10 connections",
         (*BURST, "--subscribers", "1000", "--connections", "10"),
         ("parlad", "nats", "grpc-cpp", "grpc-python"), 2_000),
    Work("paced", "1,000 messages a second to 100 subscribers",
         fanout("--subscribers", "100", "--rate", "1000"), PEERS, 4_000, 4_000, scales=False),
    Work("rooms", "1,000 streams, each of 100 rooms, all busy",
         (*BURST, "--subscribers", "1000", "--rooms", "100"), ("parlad",), 2_000),
    Work("send", "durable sends, 256 in flight", ("send", "--in-flight", "256", "--size", "100"), ("parlad",), 200_000),
    Work("send-paced", "durable sends, 1,000 a second", ("send", "--rate", "1000", "--size", "100"), ("parlad",), 5_000,
         scales=False),
    Work("idle", "10,000 idle subscribers, each its own connection", ("idle", "--connections", "10000"),
         (*PEERS, "grpc-python"), rounds_max=1),
    Work("idle-streams", "100 streams on each of 100 connections",
         ("idle", "--connections", "100", "--streams", "100"), ("parlad", "grpc-cpp", "grpc-python"), rounds_max=1),
    Work("idle-tls", "10,000 idle subscribers over TLS", ("idle", "--connections", "10000"), ("parlad",),
         variants=("tls",), rounds_max=1),
    Work("idle-100000", "100,000 idle subscribers on 10,000 connections, then a message to all",
         ("idle", "--connections", "10000", "--streams", "10", "--message"), ("parlad",), rounds_max=1),
    Stored("stored", "10 million messages in a room", ("history", "--page-size", "50", "--pages", "2000"), ("parlad",),
           10_000_000, rounds_max=1),
    Work("resume", "10,000 streams resume after 1,000 missed messages each",
         ("resume", "--streams", "10000", "--connections", "1000", "--missed", "1000"), ("parlad",), rounds_max=1),
    Work("slow", "10 of 1,000 readers stopped for a minute",
         ("slow", "--subscribers", "1000", "--readers", "10", "--pause", "60"), ("parlad",), rounds_max=1),
)

# A tiny work on each server that is there: it shows that all of this works.
SHORT = (
    Work("short-burst", "burst, 5 subscribers", (*BURST, "--subscribers", "5"), ALL, 200, 20),
)


def named(name, works=WORKS + SHORT):
    for work in works:
        if work.name == name:
            return work
    raise KeyError(name)

"""Servers under load: each is started fresh, in a folder of its own, on loopback.

A kind has variants. "default" is how it comes, but for what 20,000 connections from one address need; "tuned" is what its
own documentation offers for this work. What both set is in NOTES, which docs/PERFORMANCE.md repeats.
"""

import dataclasses
import os
import pathlib
import resource
import select
import shutil
import signal
import socket
import subprocess
import time

READY_S = 60
STOP_S = 30

# How servers are called in tables.
LABELS = {
    "parlad": "parlad",
    "redis": "Redis",
    "nats": "NATS",
    "mosquitto": "Mosquitto",
    "grpc-cpp": "gRPC C++",
    "grpc-python": "gRPC Python",
    "source": "bare loop",
}

# The protocol that the generator speaks with each.
DRIVERS = {
    "parlad": "parla",
    "redis": "redis",
    "nats": "nats",
    "mosquitto": "mqtt",
    "grpc-cpp": "parla",
    "grpc-python": "parla",
    "source": "nats",
}

# What each configuration says beyond an address and a folder.
NOTES = {
    ("parlad", "default"): "`peer_connections = 100000`: all connections come from one address",
    ("parlad", "tls"): "the same, and a certificate (P-256)",
    ("redis", "default"): "`maxclients 20000`; `save \"\"`",
    ("redis", "tuned"): "also `client-output-buffer-limit pubsub 0 0 0`, `tcp-backlog 4096`, `io-threads 2`",
    ("nats", "default"): "nothing",
    ("nats", "tuned"): "`max_pending: 1GB`, `write_deadline: 60s`, `ping_interval: 10m`; `GOGC=400`",
    ("mosquitto", "default"): "`allow_anonymous true`",
    ("mosquitto", "tuned"): "also `max_queued_messages 0`, `set_tcp_nodelay true`, `sys_interval 0`, `log_type none`",
    ("grpc-cpp", "default"): "the asynchronous API, one completion queue; an item is serialised for each subscriber",
    ("grpc-cpp", "tuned"): "an item is serialised once; writes have the buffer hint while more wait; "
                           "`minimal_stack`, `optimization_target=throughput`, `write_buffer_size` 256 KB, no "
                           "`channelz`, no `bdp_probe`",
    ("grpc-python", "default"): "asyncio; an item is serialised for each subscriber",
    ("grpc-python", "tuned"): "an item is serialised once; the channel arguments of C++",
    ("source", "default"): "no server: the least that one could do, for the generator's own limit",
}

VARIANTS = {}
for _kind, _variant in NOTES:
    VARIANTS.setdefault(_kind, []).append(_variant)


class NotHere(Exception):
    """A program that is not installed, or not built."""


class Failed(Exception):
    """A server that did not start."""


@dataclasses.dataclass
class Tools:
    """Where the programs are."""
    build: pathlib.Path
    python_stubs: pathlib.Path | None = None

    def built(self, path):
        file = self.build / path
        if not file.exists():
            raise NotHere(f"{file.name} is not built")
        return file

    @property
    def parlad(self):
        return self.built("parlad")

    @property
    def generator(self):
        return self.built("bench/bench-peers")


def installed(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise NotHere(f"{name} is not installed")
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclasses.dataclass
class Start:
    """How a server is started. Without a port, it says which it has: "listening ... PORT"."""
    argv: list
    port: int = 0
    env: dict = dataclasses.field(default_factory=dict)
    program: str | None = None  # where that is not argv[0]


def start_parlad(tools, folder, variant):
    lines = ["[server]", "listen = 127.0.0.1:0", f"data = {folder}/data", "[limits]",
             "peer_connections = 100000"]
    if variant == "tls":
        make_certificate(folder)
        lines[3:3] = [f"tls_cert = {folder}/cert.pem", f"tls_key = {folder}/key.pem"]
    (folder / "parlad.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Start([tools.parlad, "--config", folder / "parlad.ini"])


def make_certificate(folder):
    subprocess.run(
        [installed("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)


def start_redis(_tools, folder, variant):
    # Debian's redis-tools has the server under another name, and no service.
    try:
        program = installed("redis-server")
    except NotHere:
        program = installed("redis-check-rdb")
    port = free_port()
    argv = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", folder, "--daemonize", "no",
            "--save", "", "--maxclients", "20000"]
    if variant == "tuned":
        argv += ["--client-output-buffer-limit", "pubsub 0 0 0", "--tcp-backlog", "4096", "--io-threads", "2"]
    return Start(argv, port, program=program)


def start_nats(_tools, folder, variant):
    port = free_port()
    lines = [f"listen: 127.0.0.1:{port}", f'log_file: "{folder}/log"']
    env = {}
    if variant == "tuned":
        lines += ["max_pending: 1GB", 'write_deadline: "60s"', 'ping_interval: "10m"']
        env["GOGC"] = "400"
    (folder / "nats.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Start([installed("nats-server"), "--config", folder / "nats.conf"], port, env)


def start_mosquitto(_tools, folder, variant):
    port = free_port()
    lines = [f"listener {port} 127.0.0.1", "allow_anonymous true", f"log_dest file {folder}/log"]
    if variant == "tuned":
        lines += ["max_queued_messages 0", "set_tcp_nodelay true", "sys_interval 0", "log_type none"]
    if os.geteuid() == 0:
        lines.append("user root")  # else it becomes one who may not write here
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Start([installed("mosquitto"), "-c", folder / "mosquitto.conf"], port)


def tuned(variant):
    return ["--tuned"] if variant == "tuned" else []


def start_grpc_cpp(tools, _folder, variant):
    return Start([tools.built("bench/peers/grpc-cpp/bench-grpc-cpp"), *tuned(variant)])


def start_grpc_python(tools, _folder, variant):
    if tools.python_stubs is None:
        raise NotHere("the stubs for Python are not made")
    server = pathlib.Path(__file__).resolve().parents[1] / "peers" / "grpc-python" / "server"
    return Start([server, *tuned(variant)], env={"PYTHONPATH": str(tools.python_stubs)})


def start_source(tools, _folder, _variant):
    return Start([tools.built("bench/bench-source")])


STARTS = {
    "parlad": start_parlad,
    "redis": start_redis,
    "nats": start_nats,
    "mosquitto": start_mosquitto,
    "grpc-cpp": start_grpc_cpp,
    "grpc-python": start_grpc_python,
    "source": start_source,
}


def raise_files():
    """As many open files as the system allows, for whoever does not ask for them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """A running server: a context manager. `folder` is made, and stays."""

    def __init__(self, tools, kind, variant, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.kind = kind
        self.variant = variant
        self.folder = folder
        self.start = STARTS[kind](tools, folder, variant)
        self.port = self.start.port
        self.process = None
        self.ready_s = None  # from the start to the first answer

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        """As the generator takes it."""
        return f"grpcs://127.0.0.1:{self.port}" if self.variant == "tls" else f"127.0.0.1:{self.port}"

    def __enter__(self):
        began = time.monotonic()
        with open(self.folder / "stderr", "ab") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in self.start.argv], executable=self.start.program, cwd=self.folder,
                env={**os.environ, **self.start.env}, stdin=subprocess.DEVNULL, stderr=errors,
                stdout=subprocess.DEVNULL if self.port else subprocess.PIPE, preexec_fn=raise_files)
        try:
            if self.port:
                self.wait_for_port(began + READY_S)
            else:
                self.wait_for_line(began + READY_S)
        except BaseException:
            self.stop()
            raise
        self.ready_s = time.monotonic() - began
        return self

    def __exit__(self, *_exception):
        self.stop()

    def failed(self, why):
        errors = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Failed(f"{self.kind} {why}" + (f": {errors[-1]}" if errors else ""))

    def wait_for_line(self, deadline):
        if not select.select([self.process.stdout], [], [], deadline - time.monotonic())[0]:
            raise self.failed("said nothing")
        words = self.process.stdout.readline().decode().replace(":", " ").split()
        if words[:1] != ["listening"]:
            raise self.failed("did not start")
        self.port = int(words[-1])

    def wait_for_port(self, deadline):
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise self.failed("did not start") from None
                time.sleep(0.005)

    def stop(self):
        """Asks it to end, at once; whoever does not is killed."""
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(number)
            try:
                self.process.wait(STOP_S / 2)
                break
            except subprocess.TimeoutExpired:
                continue
        if self.process.stdout is not None:
            self.process.stdout.close()

    def rss(self):
        """Bytes that are in memory."""
        try:
            text = pathlib.Path(f"/proc/{self.pid}/smaps_rollup").read_text(encoding="ascii")
        except OSError:
            text = ""
        for line in text.splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise self.failed("has ended")


def version(kind, tools):
    """What the server says of itself, in a word; "" where it says nothing."""
    commands = {
        "redis": lambda: ["redis-server", "--version"],
        "nats": lambda: [installed("nats-server"), "--version"],
        "mosquitto": lambda: [installed("mosquitto"), "-h"],
        "parlad": lambda: [tools.parlad, "--version"],
        "grpc-cpp": lambda: ["pkg-config", "--modversion", "grpc++"],
        "grpc-python": lambda: ["/usr/bin/python3", "-c", "import grpc; print(grpc.__version__)"],
    }
    if kind not in commands:
        return ""
    program = installed("redis-check-rdb") if kind == "redis" else None
    said = subprocess.run([str(word) for word in commands[kind]()], executable=program, capture_output=True,
                          text=True, check=False, timeout=READY_S).stdout
    for word in said.split("\n", maxsplit=1)[0].split():
        if word.lstrip("v=")[:1].isdigit():
            return word.lstrip("v=")
    return ""

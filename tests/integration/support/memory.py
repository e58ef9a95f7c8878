"""How much memory a server takes, by what the kernel counts."""

import contextlib
import pathlib

KIB, MIB = 1 << 10, 1 << 20

# What an allocator keeps, and what costs a process once: code, threads, caches.
SLACK = 16 * MIB


def _status(server, field):
    """A size of /proc/PID/status (proc(5)), in bytes."""
    for line in pathlib.Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        name, value = line.split(":")
        if name == field:
            return int(value.split()[0]) * KIB
    raise AssertionError(f"/proc has no {field}")


def _is_judged(server):
    """A sanitizer keeps what was freed, to catch its users, and has reserved terabytes."""
    return _status(server, "VmSize") < 1 << 40


@contextlib.contextmanager
def costs_at_most(server, size):
    """The server takes at most so much more memory, at any time in between."""
    before = _status(server, "VmRSS")
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # the peak is now
    yield
    cost = _status(server, "VmHWM") - before
    print(f"cost {cost / MIB:.1f} MiB of {size / MIB:.1f}")
    if _is_judged(server):
        assert cost <= size + SLACK, f"{cost / MIB:.1f} MiB, not {size / MIB:.1f}"

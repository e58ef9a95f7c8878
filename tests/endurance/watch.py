"""What a process holds, by what the kernel counts (proc(5))."""

import dataclasses
import os
import pathlib
import select

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Sample:
    """A process at one moment."""

    seconds: float  # of load, up to now
    rss_kb: int
    fds: int
    sockets: int
    threads: int
    cpu_s: float
    data_kb: int


def _status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def _descriptors(pid):
    found = []
    folder = f"/proc/{pid}/fd"
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(f"{folder}/{name}"))
        except FileNotFoundError:
            continue  # closed since
    return found


def _cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def sample(pid, data, seconds):
    """The process now, and the size of its folder of data."""
    status = _status(pid)
    descriptors = _descriptors(pid)
    size = sum(path.stat().st_size for path in pathlib.Path(data).iterdir())
    return Sample(
        seconds=round(seconds, 1),
        rss_kb=int(status["VmRSS"].split()[0]),
        fds=len(descriptors),
        sockets=sum(target.startswith("socket:") for target in descriptors),
        threads=int(status["Threads"]),
        cpu_s=_cpu_s(pid),
        data_kb=size // 1024,
    )


def wait_for_end(pid, deadline):
    """Waits until a process that is no child is gone."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if not poll.poll(deadline * 1000):
            raise TimeoutError(f"process {pid} does not end")
    finally:
        os.close(fd)


def growth(first, last, rss_kb_max):
    """What a process that is at rest holds more than the first time, or less; its memory may have
    grown by so much, None: by any."""
    found = []
    for what in ("fds", "sockets", "threads"):
        before, after = getattr(first, what), getattr(last, what)
        if before != after:
            found.append(f"{what}: {after}, and {before} after the first round")
    more_kb = last.rss_kb - first.rss_kb
    if rss_kb_max is not None and more_kb > rss_kb_max:
        found.append(f"memory has grown by {more_kb} kB since the first round")
    return found

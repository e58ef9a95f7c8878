"""Results as they come: a line of JSON for each run, in a folder, so that a comparison can be broken off, gone on with,
and shown again without another run."""

import json
import os
import pathlib
import platform
import subprocess
import time


class Results:
    """The results of a folder, which is made."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.runs = self.folder / "runs.jsonl"
        self.about = self.folder / "about.json"

    def records(self):
        """All records, the oldest first. A line that was cut short by a crash is none."""
        records = []
        if self.runs.exists():
            for line in self.runs.read_text(encoding="utf-8").splitlines():
                try:
                    records.append(json.loads(line))
                except json.JSONDecodeError:
                    continue
        return records

    def done(self):
        """What need not run again: keys of runs that count."""
        return {key(record) for record in self.records() if record["ok"]}

    def add(self, record):
        with open(self.runs, "a", encoding="utf-8") as file:
            file.write(json.dumps(record, sort_keys=True) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self):
        self.runs.unlink(missing_ok=True)

    def write_about(self, about):
        self.about.write_text(json.dumps(about, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    def read_about(self):
        return json.loads(self.about.read_text(encoding="utf-8")) if self.about.exists() else {}


def key(record):
    return (record["work"], record["server"], record["variant"], record["round"], record["scale"])


def filesystem(folder):
    """The kind of file system that the folder is on, as the kernel calls it."""
    best = ("", "unknown")
    path = str(pathlib.Path(folder).resolve())
    with open("/proc/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _device, where, kind = line.split()[:3]
            if (path + "/").startswith(where.rstrip("/") + "/") and len(where) >= len(best[0]):
                best = (where, kind)
    return best[1]


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_size():
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def compiler():
    done = subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=False)
    return done.stdout.split("\n", maxsplit=1)[0]


def about_machine(folder, versions):
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory": memory_size(),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "filesystem": filesystem(folder),
        "compiler": compiler(),
        "versions": versions,
    }

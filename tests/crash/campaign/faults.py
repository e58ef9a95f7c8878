"""What the preloaded library (faults.c) is told: a file that both map."""

import mmap
import os
import pathlib
import struct

from support.server import COMMAND

# In the order of `struct faults`; < 0 is no fault.
FIELDS = (
    "writes_left", "write_errno", "syncs_left", "sync_errno", "space_left", "kill_left",
    "mallocs_ppm", "mallocs_seed", "clock_ms",
    "writes_failed", "syncs_failed", "space_failed", "mallocs_failed", "mallocs", "calls",
)  # fmt: skip
LEFT = {"writes_left", "syncs_left", "space_left", "kill_left"}


def library():
    """Where the build put it, beside the server that is tested."""
    return pathlib.Path(COMMAND[-1]).parent / "tests" / "crash" / "parla-faults.so"


class Faults:
    """Numbers to be read and set by their names, at any time."""

    def __init__(self, folder, data):
        path = pathlib.Path(folder) / "faults"
        path.write_bytes(bytes(8 * len(FIELDS)))
        self._data = pathlib.Path(data)
        self._path = path
        self._lost = pathlib.Path(folder) / "lost"
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8 * len(FIELDS))
        self.clear()

    def clear(self):
        """No fault any more; what has happened stays counted, and the clock as it is."""
        for name in LEFT:
            self.set(**{name: -1})
        self.set(mallocs_ppm=0)

    def set(self, **values):
        """Sets some; a count of what is left last of all is set first by its caller."""
        for name, value in values.items():
            struct.pack_into("=q", self._map, 8 * FIELDS.index(name), value)

    def get(self, name):
        """How it stands."""
        return struct.unpack_from("=q", self._map, 8 * FIELDS.index(name))[0]

    def environment(self):
        """What a server must be started with."""
        assert library().exists(), f"there is no {library()}: build the target of that name"
        return {
            **os.environ,
            "LD_PRELOAD": str(library()),
            "PARLA_FAULTS": str(self._path),
            "PARLA_FAULTS_DIR": str(self._data),
            "PARLA_FAULTS_LOST": str(self._lost),
        }

    def lose(self):
        """Takes from the disk what a failed sync may have left in memory only. The server has
        ended. Returns how many bytes that were."""
        total = 0
        if not self._lost.exists():
            return total
        for line in self._lost.read_text().splitlines():
            offset, size, path = line.split(" ", 2)
            file = pathlib.Path(path)
            if file.exists() and file.stat().st_size > int(offset):
                with open(file, "r+b") as out:
                    out.seek(int(offset))
                    out.write(bytes(min(int(size), file.stat().st_size - int(offset))))
                total += int(size)
        self._lost.unlink()
        return total

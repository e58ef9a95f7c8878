"""A disk that gets full: a small tmpfs where one can be mounted, else one that the preloaded library
makes believe."""

import pathlib
import subprocess

DISK_SIZE = 256 << 20


class SmallDisk:
    """A folder for data on a disk that can be filled and freed. A real one where that is asked for."""

    def __init__(self, folder, real):
        self._folder = pathlib.Path(folder) / "disk"
        self._folder.mkdir()
        self._real = real and self._mount()
        self._ballast = self._folder / "ballast"
        self._faults = None
        self.data = self._folder / "data"
        self.kind = "tmpfs" if self._real else "preloaded"

    def _mount(self):
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(self._folder)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def attach(self, faults):
        """What makes believe where nothing is mounted."""
        self._faults = faults

    def fill(self, left):
        """From now on only so many bytes are free."""
        if not self._real:
            self._faults.set(space_left=left)
            return
        with open(self._ballast, "wb", buffering=0) as file:
            try:
                while file.write(bytes(1 << 16)):
                    pass
            except OSError:
                size = file.tell()
            file.truncate(max(0, size - left))

    def free(self):
        """There is space again."""
        if self._real:
            self._ballast.unlink()
        else:
            self._faults.set(space_left=-1)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        if self._real:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)

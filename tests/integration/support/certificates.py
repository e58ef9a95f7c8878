"""Authorities, and the certificates that they issue, in PEM files made by openssl."""

import dataclasses
import itertools
import pathlib
import subprocess

from support.deadline import DEADLINE

NAMES = "DNS:localhost,IP:127.0.0.1,IP:::1"

_serials = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Pair:
    """The paths of a certificate and its key."""

    cert: pathlib.Path
    key: pathlib.Path

    def read(self):
        """Both, as bytes."""
        return self.cert.read_bytes(), self.key.read_bytes()


def _openssl(*arguments):
    command = ["openssl", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 0, done.stderr.decode()


def _request(folder, name, subject, *more):
    pair = Pair(folder / f"{name}.crt", folder / f"{name}.key")
    _openssl(
        *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
        *["-days", "2", "-subj", f"/CN={subject}", "-set_serial", str(next(_serials))],
        *["-keyout", pair.key, "-out", pair.cert],
        *more,
    )
    return pair


class Authority:
    """Issues certificates, each of another serial number."""

    def __init__(self, folder, name="authority"):
        self._folder = pathlib.Path(folder)
        self._name = name
        self._numbers = itertools.count(1)
        self.pair = _request(self._folder, name, f"{name} of a test")

    @property
    def roots(self):
        """The authority's own certificate, as bytes."""
        return self.pair.cert.read_bytes()

    def issue(self, subject="localhost", names=NAMES):
        """A certificate for these names."""
        return _request(
            self._folder,
            f"{self._name}-{subject}-{next(self._numbers)}",
            subject,
            *["-CA", self.pair.cert, "-CAkey", self.pair.key],
            *["-addext", f"subjectAltName={names}", "-addext", "basicConstraints=CA:FALSE"],
        )

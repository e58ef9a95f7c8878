"""Builds what is measured, in release mode, in build-bench/ unless told otherwise."""

import pathlib
import subprocess
import sys

from . import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build-bench"

PROGRAMS = ("parlad", "parla-bench", "bench/bench-peers", "bench/bench-source")
CPP = "bench/peers/grpc-cpp/bench-grpc-cpp"


def programs():
    """Builds all of them. The reference server in C++ only where its library is."""
    has_grpc = subprocess.run(["pkg-config", "--exists", "grpc++"], check=False).returncode == 0
    wanted = [*PROGRAMS, *([CPP] if has_grpc else [])]
    subprocess.run([ROOT / "tools" / "build", FOLDER.name, "--buildtype=release", f"-Dpeers={str(has_grpc).lower()}",
                    "--", *wanted], cwd=ROOT, check=True, stdout=sys.stderr)


def python_stubs(folder):
    """Python's modules of proto/; None where they cannot be made."""
    try:
        plugin = servers.installed("grpc_python_plugin")
    except servers.NotHere:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["protoc", "-I", ROOT / "proto", f"--python_out={folder}", f"--grpc_python_out={folder}",
                    f"--plugin=protoc-gen-grpc_python={plugin}", *sorted((ROOT / "proto/parla/v1").glob("*.proto"))],
                   check=True)
    return folder

"""What README.md shows of the API from Python runs as it stands there."""

import re
import subprocess
import sys

from support.contract import ROOT
from support.deadline import DEADLINE

ADDRESS = "127.0.0.1:50051"


def blocks(*languages):
    """The README's fenced blocks of these languages."""
    text = (ROOT / "README.md").read_text()
    return [
        code
        for language, code in re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        if language in languages
    ]


def test_the_taste_of_the_api_runs(server, tmp_path):
    """In a folder that has proto/ as the checkout has, against a server at another address."""
    (tmp_path / "proto").symlink_to(ROOT / "proto")
    for shell in blocks("sh", "bash", "console"):
        for line in shell.splitlines():
            if "protoc" in line:
                subprocess.run(line, shell=True, cwd=tmp_path, check=True, timeout=DEADLINE)
    (code,) = blocks("python")
    assert ADDRESS in code
    assert len(code.splitlines()) <= 15
    done = subprocess.run(
        [sys.executable, "-c", code.replace(ADDRESS, server.address)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()

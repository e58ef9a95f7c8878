"""What README.md shows of the API, from Python and from curl, runs as it stands there."""

import os
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


def test_curl_as_it_is_shown(parlad, tmp_path):
    server = parlad()
    (script,) = [code for code in blocks("sh") if "curl" in code]
    assert ADDRESS in script
    script = script.replace(ADDRESS, server.address)
    script = script.replace("curl ", "curl --silent --show-error --fail-with-body ")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "no_proxy": "*"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done
    assert done.stdout.count('"text":"hello"') == 2, "sent, and read"
    assert done.stdout.endswith("ok\n")

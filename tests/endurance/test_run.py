"""The program as it is run by hand, for seconds: it passes, goes on where it was, and can fail."""

import json
import os
import pathlib
import signal
import subprocess

import pytest
from support.deadline import DEADLINE, eventually

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROGRAMS = [
    f"--{name}={os.environ.get(name.upper().replace('-', '_'), ROOT / 'build' / name)}"
    for name in ("parlad", "parla", "parla-bench")
]


def command_of(state, *options):
    """How it is run by hand."""
    return [str(HERE / "run"), *PROGRAMS, "--state", str(state), "--json", *options]


def run(state, *options):
    """Runs it to its end; exit status and verdict."""
    command = command_of(state, *options)
    done = subprocess.run(command, capture_output=True, timeout=10 * DEADLINE, check=False)
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


def test_it_runs_and_goes_on_where_it_was(tmp_path):
    status, verdict = run(tmp_path, "--minutes=0.04", "--pace=5")
    assert (status, verdict["verdict"]) == (0, "good"), verdict
    first, last = verdict["settled"]
    assert first["fds"] == last["fds"]
    known = verdict["acknowledged"]
    for what in ("events streamed", "messages read back", "work done", "sign-ins"):
        assert verdict["counts"][what] > 0
    status, verdict = run(tmp_path, "--minutes=0.06", "--pace=5")
    assert (status, verdict["lives"]) == (0, 2), verdict
    assert verdict["acknowledged"] > known


def test_broken_off_at_the_terminal_it_is_not_broken(tmp_path):
    """Ctrl-C goes to all that the terminal has started."""
    ledger = tmp_path / "ledger.jsonl"
    command = command_of(tmp_path, "--minutes=60")
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as campaign:
        eventually(lambda: ledger.exists() and ledger.stat().st_size > 0)
        os.killpg(campaign.pid, signal.SIGINT)
        verdict = json.loads(campaign.communicate(timeout=10 * DEADLINE)[0])
    assert (campaign.returncode, verdict["verdict"]) == (3, "broken off"), verdict


def test_a_message_that_is_lost_is_found(tmp_path):
    line = ["sent", "main-0", 1, "0123456789abcdef"]  # a room's first event is no message
    (tmp_path / "ledger.jsonl").write_text(json.dumps(line) + "\n")
    status, verdict = run(tmp_path, "--minutes=0.02")
    assert (status, verdict["verdict"]) == (1, "broken")
    assert any("main-0 has lost 1" in what for what in verdict["broken"]), verdict


def test_a_report_of_a_sanitizer_is_found(tmp_path):
    (tmp_path / "sanitizer.1").write_text("a data race")
    status, verdict = run(tmp_path, "--minutes=0.02")
    assert (status, verdict["verdict"]) == (1, "broken")
    assert any("a data race" in what for what in verdict["broken"]), verdict


@pytest.mark.parametrize("wrong", [["--minutes=0"], ["--parlad=/no/such"], ["--what"]])
def test_wrong_usage_is_told(wrong):
    command = [str(HERE / "run"), *wrong]
    done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)
    assert done.returncode == 2
    assert b"usage: run" in done.stderr

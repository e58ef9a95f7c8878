"""The tests of the campaign's own parts: where its modules are, and a ledger for each test."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]


@pytest.fixture
def ledger(tmp_path):
    """An empty one, kept in a file."""
    from ledger import Ledger

    made = Ledger(tmp_path / "ledger.jsonl")
    yield made
    made.close()

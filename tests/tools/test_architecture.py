"""What docs/ARCHITECTURE.md names is there: files, and functions in those files."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")

STEPS = sorted(set(re.findall(r"`(\w+/\w+\.[ch])` `(\w+)\(\)`", TEXT)))
FILES = sorted(set(re.findall(r"`(\w+/\w+\.[ch])`", TEXT)))


def test_there_are_steps():
    assert len(STEPS) > 30


@pytest.mark.parametrize("file, function", STEPS)
def test_the_function_is_in_the_file(file, function):
    """Defined there: its name at the start of a line or after its type, then a brace."""
    source = (ROOT / "src" / file).read_text(encoding="utf-8")
    assert re.search(rf"^[\w ]+[ *]{function}\([^;]*?\)\n{{", source, re.MULTILINE), file


@pytest.mark.parametrize("file", FILES)
def test_the_file_is_there(file):
    assert (ROOT / "src" / file).is_file()

"""The manual pages tell of every option that the programs tell of."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("program, page", [("parlad", "parlad.1"), ("parla", "parla.1")])
def test_each_option_of_the_help_is_in_the_manual(program, page):
    command = shlex.split(os.environ.get(program.upper(), str(ROOT / "build" / program)))
    told = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True).stdout
    manual = (ROOT / "man" / page).read_text().replace("\\-", "-").replace("Fl Fl ", "--")
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", told))
    assert {"--help", "--version"} <= options
    assert {option for option in options if not re.search(rf"{option}(?![\w-])", manual)} == set()

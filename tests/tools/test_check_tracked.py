"""tools/check-tracked, in a repository of our own."""

import pathlib
import shutil
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check-tracked"


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "tools").mkdir()
    shutil.copy2(TOOL, tmp_path / "tools" / "check-tracked")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def check(repository, path=None, text=""):
    if path is not None:
        file = repository / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    subprocess.run(["git", "-C", repository, "add", "--force", "--all"], check=True)
    done = subprocess.run([repository / "tools" / "check-tracked"], capture_output=True,
                          text=True, check=False)
    return done.returncode, done.stdout


def test_sources_are_fine(repository):
    assert check(repository, "src/a.c", "int a;\n") == (0, "")


@pytest.mark.parametrize("path, text, said", [
    ("src/user.pb-c.c", "", "generated files"),
    ("node_modules/x/index.js", "", "generated files"),
    ("build-gcc/parlad", "", "generated files"),
    ("package-lock.json", '{"resolved": "x"}\n', "registry addresses"),
    ("package.json", '{"buf": "^1.2.3"}\n', "versions of npm packages"),
    ("src/a.c", "/* FIX" "ME later */\n", "is an issue"),
    ("src/a.c", "int a; \n", "without blanks"),
    ("src/a.c", "int a;\r\n", "carriage returns"),
    ("src/a.c", "<<<<<<< HEAD\n", "conflict"),
    ("tools/new", "#!/bin/sh\n", "can be run"),
])
def test_what_does_not_belong_is_named(repository, path, text, said):
    status, out = check(repository, path, text)
    assert status == 1
    assert said in out and path in out


def test_a_large_file_is_named(repository):
    status, out = check(repository, "docs/trace.txt", "x\n" * 150000)
    assert status == 1
    assert "at most 200 KB" in out and "docs/trace.txt" in out


def test_the_place_of_the_checkout_is_nowhere_named(repository):
    status, out = check(repository, "notes.md", f"see {repository}/src/a.c\n")
    assert status == 1
    assert "no path of the machine" in out


def test_a_file_taken_away_but_still_tracked_is_no_error(repository):
    check(repository, "src/a.c", "int a;\n")
    (repository / "src" / "a.c").unlink()
    done = subprocess.run([repository / "tools" / "check-tracked"], check=False)
    assert done.returncode == 0

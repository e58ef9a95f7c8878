"""The start scripts and tools/build, in a tree with a meson and a ninja of our own."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

MESON = """#!/bin/bash
folder=${2/--wipe/$3}
echo "$*" >>"$STATE/meson"
mkdir -p "$folder"
touch "$folder/build.ninja"
"""

# Makes the program that it is asked for; complains if another ninja is at it.
NINJA = """#!/bin/bash
if ! mkdir "$STATE/busy"; then
    echo overlap >>"$STATE/ninja"
    exit 1
fi
printf '#!/bin/bash\\nprintf "%%s|" parl "$@"; printf "$PARLAD_CLIENT"\\n' >"$2/$3"
chmod +x "$2/$3"
echo "$3" >>"$STATE/ninja"
rmdir "$STATE/busy"
"""


@pytest.fixture
def tree(tmp_path):
    tree = tmp_path / "tree"
    (tree / "tools").mkdir(parents=True)
    (tree / "bin").mkdir()
    (tree / "state").mkdir()
    for script in ("start-server.sh", "start-client.sh", "tools/build"):
        shutil.copy2(ROOT / script, tree / script)
    for name, text in (("bin/meson", MESON), ("bin/ninja", NINJA),
                       ("tools/install-packages", "#!/bin/bash\n")):
        (tree / name).write_text(text)
        (tree / name).chmod(0o755)
    return tree


def start(tree, script, *arguments, **environment):
    return subprocess.Popen(
        [tree / script, *arguments], cwd="/",
        env={"PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "STATE": str(tree / "state"),
             **environment},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_server_is_built_and_gets_the_arguments(tree):
    out, err = start(tree, "start-server.sh", "--data", "a b").communicate()
    assert out.endswith("parl|--data|a b|./start-client.sh"), err
    assert (tree / "build" / "parlad").exists()


def test_the_client_has_standard_output_for_itself(tree):
    out, err = start(tree, "start-client.sh", "send", "lobby", "-").communicate()
    assert out == "parl|send|lobby|-|", err


def test_a_second_start_does_not_set_up_again(tree):
    start(tree, "start-server.sh").communicate()
    start(tree, "start-server.sh").communicate()
    assert (tree / "state" / "meson").read_text() == "setup build\n"


def test_starts_at_one_moment_build_one_after_the_other(tree):
    starts = [start(tree, script) for script in ["start-server.sh", *["start-client.sh"] * 7]]
    for process in starts:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert "parl|" in out
    assert sorted((tree / "state" / "ninja").read_text().split()) == ["parla"] * 7 + ["parlad"]


def test_other_options_set_the_folder_up_anew(tree):
    start(tree, "start-server.sh").communicate()
    start(tree, "start-server.sh", CC="clang").communicate()
    assert (tree / "state" / "meson").read_text() == "setup build\nsetup --wipe build\n"


def test_a_build_that_fails_starts_nothing(tree):
    (tree / "bin" / "ninja").write_text("#!/bin/bash\necho broken >&2\nexit 1\n")
    process = start(tree, "start-server.sh")
    out, err = process.communicate()
    assert process.returncode == 1
    assert "broken" in err and "parl|" not in out

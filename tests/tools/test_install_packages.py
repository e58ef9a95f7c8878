"""tools/install-packages, with a dpkg-query and an apt-get of our own."""

import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "install-packages"

# Knows the packages named in $STATE/installed, one a line.
DPKG_QUERY = """#!/bin/bash
shift 3
for package in "$@"; do
    if grep -qx -- "$package" "$STATE/installed"; then echo "installed $package"
    else echo "no packages found matching $package" >&2; fi
done
"""

# Installs all or nothing; what is named in $STATE/nowhere is not to be had.
APT_GET = """#!/bin/bash
echo "$*" >>"$STATE/calls"
[[ " $* " == *" install "* ]] || exit 0
packages=()
for word in "$@"; do
    [[ $word == -* || $word == *=* || $word == install ]] || packages+=("$word")
done
for package in "${packages[@]}"; do
    if grep -qx -- "$package" "$STATE/nowhere"; then
        echo "E: Unable to locate package $package" >&2
        exit 100
    fi
done
[[ " $* " == *" --simulate "* ]] || printf '%s\\n' "${packages[@]}" >>"$STATE/installed"
"""

# We are root, or may become it.
ID = "#!/bin/bash\necho 0\n"


@pytest.fixture
def machine(tmp_path):
    """A machine with nothing installed; machine.run("build") asks for a set."""
    return Machine(tmp_path)


class Machine:
    def __init__(self, folder):
        self.state = folder / "state"
        self.programs = folder / "bin"
        self.state.mkdir()
        self.programs.mkdir()
        for name in ("installed", "nowhere", "calls"):
            (self.state / name).touch()
        self.add("dpkg-query", DPKG_QUERY)
        self.add("apt-get", APT_GET)
        self.add("id", ID)

    def add(self, name, text):
        program = self.programs / name
        program.write_text(text)
        program.chmod(0o755)

    def lines(self, name):
        return (self.state / name).read_text().split("\n")[:-1]

    def run(self, *sets):
        return subprocess.run(
            [TOOL, *sets],
            env={"PATH": f"{self.programs}:{os.environ['PATH']}", "STATE": str(self.state)},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_missing_packages_are_installed_and_named(machine):
    done = machine.run("build")
    assert done.returncode == 0, done.stderr
    assert "meson" in machine.lines("installed")
    assert re.search(r"^==> installing \d+ packages: .*\bmeson\b", done.stdout, re.MULTILINE)


def test_a_second_run_is_silent_and_asks_nobody(machine):
    machine.run("build")
    (machine.state / "calls").write_text("")
    done = machine.run("build")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert machine.lines("calls") == []


def test_only_what_is_missing_is_installed(machine):
    machine.run("build")
    installed = machine.lines("installed")
    (machine.state / "installed").write_text("".join(f"{p}\n" for p in installed if p != "gcc"))
    done = machine.run("build")
    assert done.returncode == 0
    assert "==> installing 1 packages: gcc\n" in done.stdout


def test_servers_to_measure_do_not_stay_running(machine):
    machine.add("systemctl", '#!/bin/bash\necho "systemctl $*" >>"$STATE/calls"\n')
    assert machine.run("bench").returncode == 0
    stopped = [call for call in machine.lines("calls") if call.startswith("systemctl ")]
    assert stopped == ["systemctl --quiet disable --now nats-server",
                       "systemctl --quiet disable --now mosquitto"]


def test_services_that_were_there_before_are_left_alone(machine):
    machine.add("systemctl", '#!/bin/bash\necho "systemctl $*" >>"$STATE/calls"\n')
    (machine.state / "installed").write_text("mosquitto\n")
    assert machine.run("bench").returncode == 0
    assert "systemctl --quiet disable --now mosquitto" not in machine.lines("calls")


def test_a_package_that_cannot_be_had_is_named_and_stops_it(machine):
    (machine.state / "nowhere").write_text("grpc-proto\n")
    done = machine.run("build")
    assert done.returncode == 1
    assert "error: there is no way to install grpc-proto\n" in done.stderr
    assert "no way to install gcc" not in done.stderr


def test_without_root_and_sudo_it_says_what_root_should_install(machine, tmp_path):
    machine.add("id", "#!/bin/bash\necho 1000\n")
    for name in ("bash", "env", "comm", "sort", "sed", "grep"):
        (machine.programs / name).symlink_to(f"/usr/bin/{name}")
    done = subprocess.run(
        [TOOL, "build"], env={"PATH": str(machine.programs), "STATE": str(machine.state)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(r"only root can install them: .*\bgcc\b", done.stderr)
    assert machine.lines("calls") == []


def test_an_unknown_set_is_refused(machine):
    done = machine.run("everything")
    assert done.returncode == 2
    assert "usage: tools/install-packages" in done.stderr

"""parlad as a program: options, the configuration file, its folder, its end."""

import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile

import pytest

from support.client import Guest
from support.contract import ROOT, api
from support.deadline import DEADLINE
from support.http2 import PREFACE, SETTINGS, RawClient, frame
from support.refusal import refused
from support.server import COMMAND, read_line

OPTIONS = ["listen", "data", "config", "loops", "guests", "durability", "log-level", "log-format"]
OPTIONS += ["tls-cert", "tls-key", "tls-client-ca", "cors-origins"]


def run(*arguments, environment=None):
    """Runs parlad to its end."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment,
        check=False,
    )


def refuses(tmp_path, *arguments):
    """It does not start; what it says about that."""
    done = run("--listen", "127.0.0.1:0", "--data", tmp_path / "data", *arguments)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert "listening on" not in done.stdout
    assert done.stderr.strip()
    return done.stderr


def test_help_names_every_option():
    done = run("--help")
    assert done.returncode == 0
    for option in [*OPTIONS, "version", "help"]:
        assert f"--{option}" in done.stdout
    assert "127.0.0.1:50051" in done.stdout
    assert not done.stderr


def limits_of_help():
    """The keys of section [limits] as --help lists them, with their defaults."""
    text = run("--help").stdout.split("Keys of section [limits]:")[1]
    found = re.findall(r"^  (\w+) .*\n.*\((\d+)\)$", text, re.MULTILINE)
    assert len(found) > 20
    return dict(found)


def test_the_manual_names_every_option_and_every_key():
    manual = (ROOT / "man" / "parlad.1").read_text().replace("\\-", "-")
    for option in OPTIONS:
        assert re.search(rf"^\.B[IR]? --{option}\b", manual, re.MULTILINE), option
        if option != "config":
            assert re.search(rf"^\.BR {option.replace('-', '_')} [,.]$", manual, re.MULTILINE), option
    for key, default in limits_of_help().items():
        entry = re.search(rf"^\.B {key}\n(.*)$", manual, re.MULTILINE)
        assert entry, key
        assert default in entry[1], key


def test_every_limit_is_in_the_table_of_limits():
    table = (ROOT / "docs" / "LIMITS.md").read_text()
    for key, default in limits_of_help().items():
        row = re.search(rf"^\| `{key}` \|(.*)$", table, re.MULTILINE)
        assert row, key
        assert default in row[1].replace(",", ""), key
    for name in re.findall(r"`(tests/[\w/.-]+)`", table):
        assert (ROOT / name).exists(), name


def test_version():
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("parlad ") and done.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-option"],
        ["stray"],
        ["--listen", "nowhere"],
        ["--listen", "127.0.0.1:99999"],
        ["--listen", ":50051"],
        ["--loops", "0"],
        ["--loops", "many"],
        ["--guests", "maybe"],
        ["--durability", "eternal"],
        ["--log-level", "loud"],
        ["--log-format", "xml"],
        ["--config", "/no/such/file"],
        ["--data"],
    ],
)
def test_a_wrong_option_stops_the_start(tmp_path, arguments):
    said = refuses(tmp_path, *arguments)
    named = arguments[1] if len(arguments) > 1 else arguments[0].lstrip("-")
    assert named in said


@pytest.mark.parametrize(
    ("lines", "number", "right"),
    [
        (["[server]", "colour = blue"], 2, "listen"),
        (["[server]", "", "; a comment", "guests = maybe"], 4, "on or off"),
        (["[server]", "durability = eternal"], 2, "synced"),
        (["[server]", "loops = -3"], 2, "1"),
        (["[server]", "listen = nowhere"], 2, "HOST:PORT"),
        (["[limits]", "heartbeat_ms = soon"], 2, "milliseconds"),
        (["[limits]", "guests = on"], 2, "guests"),
        (["[server]", "guests = on", "not a line of an INI file"], 3, "="),
        (["[nowhere]", "guests = on"], 2, "server"),
    ],
)
def test_a_wrong_line_of_the_configuration_stops_the_start(tmp_path, lines, number, right):
    path = tmp_path / "parlad.ini"
    path.write_text("\n".join(lines) + "\n")
    said = refuses(tmp_path, "--config", path)
    assert f"{path}:{number}:" in said
    assert right in said


def test_every_option_is_a_key_and_an_option_wins(tmp_path, parlad, sign_in):
    path = tmp_path / "parlad.ini"
    data = tmp_path / "from-the-file"
    keys = {
        "listen": "127.0.0.1:1",
        "data": data,
        "loops": 1,
        "guests": "off",
        "durability": "written",
        "log_level": "debug",
        "log_format": "json",
    }
    path.write_text("\n".join(["[server]", *(f"{k} = {v}" for k, v in keys.items()), ""]))
    server = parlad(config=path, guests="on")
    response = sign_in(server, "ana").send_response("lobby", "hello")
    assert response.durability == api.DURABILITY_WRITTEN
    assert not data.exists()
    for line in server.stderr_text().splitlines():
        assert json.loads(line)


def test_the_data_comes_from_the_file_too(tmp_path):
    path = tmp_path / "parlad.ini"
    path.write_text(f"[server]\nlisten = 127.0.0.1:0\ndata = {tmp_path / 'here'}\n")
    process = subprocess.Popen(
        [*COMMAND, "--config", str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert read_line(process).startswith("listening on 127.0.0.1:")
        assert (tmp_path / "here").is_dir()
    finally:
        process.terminate()
        assert process.wait(DEADLINE) == 0
        process.stdout.close()


def test_the_data_is_the_owners_alone(parlad, sign_in):
    old = os.umask(0)
    try:
        server = parlad()
    finally:
        os.umask(old)
    sign_in(server, "ana").send("lobby", "hello")
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    for path in server.data.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_folders_above_the_data_are_made(tmp_path, parlad):
    server = parlad(data=tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    server.stop()


def test_the_data_lies_where_the_system_keeps_such():
    """Root's would lie in /var/lib, which a test leaves alone: it becomes nobody for this."""
    other_user = {"user": "nobody"} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        program = shutil.copy(COMMAND[-1], folder)
        process = subprocess.Popen(
            [*COMMAND[:-1], program, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            env={**os.environ, "XDG_DATA_HOME": f"{folder}/home"},
            cwd=folder,
            **other_user,
        )
        try:
            assert read_line(process).startswith("listening on ")
            assert os.path.isdir(f"{folder}/home/parlad")
        finally:
            process.terminate()
            assert process.wait(DEADLINE) == 0
            process.stdout.close()


def test_data_that_cannot_be_used(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    done = run("--listen", "127.0.0.1:0", "--data", blocked)
    assert done.returncode > 0 and str(blocked) in done.stderr
    done = run("--listen", "127.0.0.1:0", "--data", blocked / "below")
    assert done.returncode > 0 and str(blocked) in done.stderr


def test_a_file_that_is_no_database_is_left_alone(parlad):
    server = parlad()
    server.stop()
    files = [path for path in server.data.iterdir() if path.stat().st_size > 4096]
    assert files
    for path in files:
        path.write_bytes(b"this is no database" * 1000)
    done = run("--listen", "127.0.0.1:0", "--data", server.data)
    assert done.returncode > 0
    assert "listening" not in done.stdout
    assert str(server.data) in done.stderr
    for path in files:
        assert path.read_bytes() == b"this is no database" * 1000
    server.sound = False


def test_an_address_in_use_is_found_before_serving(tmp_path, server):
    said = refuses(tmp_path, "--listen", server.address)
    assert f"{server.address} is in use; stop that program or give --listen HOST:PORT" in said


def test_an_address_in_use_by_another_program(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert f"{address} is in use" in refuses(tmp_path, "--listen", address)


def test_an_address_that_is_not_here(tmp_path):
    assert "192.0.2.1" in refuses(tmp_path, "--listen", "192.0.2.1:50051")


def test_who_starts_it_may_have_the_next_step_told(tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "--listen", "127.0.0.1:0", "--data", tmp_path / "data"],
        stdout=subprocess.PIPE,
        env={**os.environ, "PARLAD_CLIENT": "./start-client.sh"},
    )
    with process:
        address = read_line(process).removeprefix("listening on ").strip()
        line = read_line(process)
        assert address in line
        assert str(tmp_path / "data") in line
        assert f"./start-client.sh --server {address}" in line
        process.terminate()


def test_several_addresses(tmp_path):
    arguments = ["--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"]
    arguments += ["--listen", "[::1]:0" if has_ipv6() else "127.0.0.1:0"]
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE)
    try:
        lines = [read_line(process) for _ in range(2)]
        guests = []
        for line in lines:
            assert line.startswith("listening on ")
            address = line.removeprefix("listening on ").strip()
            guests.append(Guest(address, f"guest-{len(guests)}"))
        stream = guests[1].live()
        guests[0].send("lobby", "across")
        assert stream.texts(1) == ["across"]
        for guest in guests:
            guest.close()
    finally:
        process.terminate()
        assert process.wait(DEADLINE) == 0
        process.stdout.close()


def has_ipv6():
    """Whether this machine has the loopback of IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_a_second_server_on_the_same_data_names_the_first(server):
    done = run("--listen", "127.0.0.1:0", "--data", server.data)
    assert done.returncode > 0
    assert "listening" not in done.stdout
    assert str(server.process.pid) in done.stderr or server.address in done.stderr


def test_data_is_free_again_after_a_kill(parlad, sign_in):
    server = parlad()
    sign_in(server, "ana")
    server.kill()
    server.start()


@pytest.mark.parametrize("loops", [1, 2, 5])
def test_any_number_of_loops(parlad, sign_in, loops):
    server = parlad(loops=loops)
    people = [sign_in(server, f"guest-{i}") for i in range(6)]
    streams = [person.live() for person in people]
    for i, person in enumerate(people):
        person.send("lobby", f"message {i}")
    for stream in streams:
        assert stream.texts(6) == [f"message {i}" for i in range(6)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_in_order_though_a_client_never_reads(parlad, sign_in, number):
    server = parlad()
    ana = sign_in(server, "ana")
    stuck = stuck_client(server, ana)
    server.stop(number)
    stuck.close()


def test_a_terminal_that_goes_twice_still_drains(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    stream = ana.live()
    server.tell(signal.SIGHUP)
    server.tell(signal.SIGHUP)
    while not stream.next().HasField("draining"):
        pass
    assert server.wait() == 0


def test_it_outlives_its_terminal_where_that_was_asked_for(parlad, sign_in):
    server = parlad(before=["nohup"])
    server.tell(signal.SIGHUP)
    sign_in(server, "ana").send("lobby", "still here")
    server.check()


def test_a_second_signal_ends_it_at_once(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    stuck = stuck_client(server, ana)
    stream = ana.live()
    server.tell(signal.SIGTERM)
    while not stream.next().HasField("draining"):
        pass
    server.tell(signal.SIGTERM)
    assert server.wait() not in (0, -signal.SIGKILL)  # in order it would have been 0
    stuck.close()


def stuck_client(server, guest):
    """One whose stream cannot move: its window is nothing."""
    client = RawClient(server.address, greet=False)
    client.send(PREFACE + frame(SETTINGS, 0, 0, b"\0\4\0\0\0\0"))
    client.call(1, api.method("StreamMessages").path, guest.token, b"")
    client.ping()
    for i in range(5):
        guest.send("lobby", f"message {i}")
    return client


def test_calls_under_way_finish_when_it_stops(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.send("lobby", "first")
    calls = [ana.begin_send("lobby", f"message {i}", request_id=f"{i}") for i in range(200)]
    calls[0].result()
    server.stop()
    acknowledged = [call.result().message.text for call in calls if call.exception() is None]
    assert acknowledged
    server.start()
    ana.reconnect()
    texts = [message.text for message in ana.messages("lobby", ascending=True)]
    assert set(acknowledged) <= set(texts)
    assert len(set(texts)) == len(texts)


def test_diagnostics_are_lines_on_standard_error(parlad, sign_in):
    server = parlad(log_level="debug")
    sign_in(server, "ana").send("lobby", "hello")
    server.stop()
    lines = server.stderr_text().splitlines()
    assert lines
    for line in lines:
        assert any(level in line for level in ("error", "warning", "info", "debug")), line
    assert server.process.stdout.closed


def test_what_others_wrote_cannot_forge_a_line(parlad, sign_in):
    server = parlad(log_level="debug", log_format="json")
    ana = sign_in(server, "ana")
    ana.send("lobby", "\n{\"level\": \"error\"}\n\x1b[31m")
    with refused("INVALID_ARGUMENT"):
        ana.create("x\ny")
    server.stop()
    for line in server.stderr_text().splitlines():
        entry = json.loads(line)
        assert len(entry) >= 4, "time, level, area and what there is to say"
        assert "\x1b" not in line


def test_nothing_grows_with_those_who_came_and_went(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")

    def descriptors():
        return len(os.listdir(f"/proc/{server.process.pid}/fd"))

    before = descriptors()
    for i in range(30):
        guest = Guest(server.address, f"guest-{i}")
        guest.live()
        guest.close()
    ana.user()
    end = [descriptors()]
    while end[-1] > before + 4 and len(end) < 10_000:
        ana.user()
        end.append(descriptors())
    assert end[-1] <= before + 4

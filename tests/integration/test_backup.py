"""Backups of a running server, and data folders that are looked into."""

import resource
import shutil
import signal
import stat
import subprocess
import threading

import grpc
import pytest

from support.client import events_of
from support.contract import api
from support.deadline import DEADLINE
from support.refusal import refused
from support.server import COMMAND

TEXT = "x" * 8000
IN_FLIGHT = 8


class Load:
    """Clients that send without a pause, each text once, and what was acknowledged when."""

    def __init__(self, server, sign_in, writers=3):
        self.acknowledged = []  # (text, sequence), in the order in which they were told
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._enough = threading.Semaphore(0)
        self._threads = []
        sign_in(server, "owner").create("log")
        for number in range(writers):
            guest = sign_in(server, f"writer-{number}")
            guest.join("log")
            self._threads.append(threading.Thread(target=self._run, args=(guest,), daemon=True))

    def _run(self, guest):
        calls = []
        number = 0
        try:
            while not self._stop.is_set():
                text = f"{guest.name} {number} {TEXT}"
                calls.append((text, guest.begin_send("log", text, request_id=f"r{number}")))
                number += 1
                if len(calls) >= IN_FLIGHT:
                    self._take(calls.pop(0))
            for call in calls:
                self._take(call)
        except grpc.RpcError:
            pass  # the server was killed

    def _take(self, call):
        sequence = call[1].result().message.sequence
        with self._lock:
            self.acknowledged.append((call[0], sequence))
        self._enough.release()

    def start(self):
        for thread in self._threads:
            thread.start()

    def wait(self, count):
        """Until so many more have been acknowledged; all that have been."""
        for _ in range(count):
            assert self._enough.acquire(timeout=DEADLINE)
        with self._lock:
            return list(self.acknowledged)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()


def assert_has(reader, acknowledged):
    """What was acknowledged is in the log, where it was said to be, and nothing is twice."""
    log = reader.messages("log", page_size=1000)
    texts = {message.text: message.sequence for message in log}
    assert len(texts) == len(log)
    for text, sequence in acknowledged:
        assert texts.get(text) == sequence, f"{text[:40]} was acknowledged"


def backup(server, file, *options, **kwargs):
    return server.command("backup", "--data", server.data, *options, file, **kwargs)


def restore(file, folder):
    """As the manual says."""
    data = folder / "data"
    data.mkdir(parents=True)
    shutil.copyfile(file, data / "parla.db")
    return folder


def test_a_backup_under_load_holds_all_that_was_acknowledged_before(parlad, sign_in, tmp_path):
    server = parlad()
    load = Load(server, sign_in)
    load.start()
    try:
        for number in range(3):
            before = load.wait(150)
            file = tmp_path / f"backup-{number}"
            done = backup(server, file)
            assert done.returncode == 0, done.stderr
            assert str(file) in done.stdout and "parlad runs on" in done.stdout
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            load.wait(20)  # the server goes on
    finally:
        load.stop()
    server.check_data()  # beside it

    restored = parlad(restore(file, tmp_path / "restored"))
    reader = sign_in(restored, "reader")
    reader.join("log")
    assert_has(reader, before)
    restored.stop()
    restored.check_data()


def test_cursors_of_the_lost_time_are_lost_and_earlier_ones_go_on(parlad, sign_in, tmp_path):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.create("log")
    ana.send("log", "before")
    stream = ana.stream("log", start=api.STREAM_START_BEGINNING)
    stream.until_caught_up()
    kept = stream.cursor
    done = backup(server, tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    ana.send("log", "lost", request_id="once")
    assert stream.texts(1) == ["lost"]
    lost = stream.cursor
    server.stop()

    restored = parlad(restore(tmp_path / "backup", tmp_path / "restored"))
    again = sign_in(restored, "ana", token=ana.token)
    again.stream("log", cursor=lost).ended().check("OUT_OF_RANGE", "CURSOR_LOST")
    assert again.send("log", "lost", request_id="once").sequence > 0  # it can be repeated
    resumed = events_of(again.stream("log", cursor=kept).until_caught_up())
    assert [event.message_sent.text for event in resumed] == ["lost"]


def test_a_stopped_server_is_copied_and_not_changed(parlad, sign_in, tmp_path):
    server = parlad()
    sign_in(server, "ana").send("lobby", "hello")
    server.stop()
    before = (server.data / "parla.db").read_bytes()
    assert backup(server, tmp_path / "backup").returncode == 0
    assert (server.data / "parla.db").read_bytes() == before
    assert not (server.data / "parla.db-wal").exists()
    again = backup(server, tmp_path / "backup")
    assert again.returncode == 1 and "--replace" in again.stderr
    assert backup(server, tmp_path / "backup", "--replace").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup"]


def test_a_killed_servers_folder_is_sound_and_can_be_copied(parlad, sign_in, tmp_path):
    server = parlad()
    load = Load(server, sign_in)
    load.start()
    load.wait(100)
    server.kill()
    load.stop()
    server.check_data()
    assert backup(server, tmp_path / "backup").returncode == 0
    restored = parlad(restore(tmp_path / "backup", tmp_path / "restored"))
    reader = sign_in(restored, "reader")
    reader.join("log")
    assert_has(reader, load.acknowledged)


def test_a_signal_or_a_file_that_cannot_grow_leaves_nothing(parlad, sign_in, tmp_path):
    server = parlad()
    load = Load(server, sign_in)
    load.start()
    load.wait(300)
    load.stop()
    server.stop()
    file = tmp_path / "backup"
    arguments = [*COMMAND, "backup", "--data", str(server.data), str(file)]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    small = subprocess.run(
        arguments, capture_output=True, text=True, timeout=DEADLINE, preexec_fn=limit
    )
    assert small.returncode == 1, small.stderr
    assert "no backup was made" in small.stderr
    assert list(tmp_path.iterdir()) == []
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) as process:
        process.send_signal(signal.SIGTERM)
        status = process.wait(DEADLINE)
    # before it had begun, in its midst, or after its end
    assert status in (-signal.SIGTERM, 0, 1)
    assert not (tmp_path / "backup.partial").exists()
    assert file.exists() == (status == 0)


def remove(path):
    path.unlink()


def damage_head(path):
    with open(path, "r+b") as file:
        file.write(b"no database at all")


def damage_page(path):
    with open(path, "r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xa5" * 4096)


def cut_half(path):
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size // 2)


def cut_all(path):
    with open(path, "r+b") as file:
        file.truncate(0)


@pytest.mark.parametrize("damage", [damage_head, damage_page, cut_half, cut_all, remove])
def test_damage_is_found_told_and_mended_by_a_backup(parlad, sign_in, tmp_path, damage):
    server = parlad()
    ana = sign_in(server, "ana")
    for number in range(100):
        ana.send("lobby", f"{number} {TEXT}")
    server.stop()
    assert backup(server, tmp_path / "backup").returncode == 0
    damage(server.data / "parla.db")

    found = server.command("check", "--data", server.data)
    if damage is remove:
        assert found.returncode == 3 and "there is no database" in found.stderr
    else:
        assert found.returncode == 1, found.stdout + found.stderr
        assert "finding: " in found.stdout and "restore a backup" in found.stdout
        assert "start parlad" in found.stdout.splitlines()[-1]
    start = server.command("--listen", "127.0.0.1:0", "--data", server.data)
    assert start.returncode == 1 and "listening" not in start.stdout
    assert "BACKUPS" in start.stderr and "restore" in start.stderr, start.stderr
    refused = backup(server, tmp_path / "another")
    assert refused.returncode == 1 and not (tmp_path / "another").exists()
    assert "parlad check" in refused.stderr or "parla.db" in refused.stderr

    shutil.copyfile(tmp_path / "backup", server.data / "parla.db")
    server.start()
    ana.reconnect()
    assert len(ana.messages("lobby", page_size=1000)) == 100


def test_check_tells_why_it_cannot_look(parlad, tmp_path):
    server = parlad()
    nothing = server.command("check", "--data", tmp_path)
    assert nothing.returncode == 3 and "there is no database" in nothing.stderr
    assert list(tmp_path.iterdir()) == []
    wrong = server.command("check", "--data", server.data, "more")
    assert wrong.returncode == 2 and "parlad check --help" in wrong.stderr
    for command in ("check", "backup"):
        for option in (["-xy"], ["--what"], ["--data"], ["--data", ""], ["--help=all"]):
            wrong = server.command(command, *option)
            assert wrong.returncode == 2 and f"; see parlad {command} --help" in wrong.stderr
            assert wrong.stderr.startswith(f"parlad: '{option[-1][:2]}"), wrong.stderr
            assert not wrong.stdout
        told = server.command(command, "--help")
        assert told.returncode == 0 and f"Usage: parlad {command}" in told.stdout
    beside = server.command("check", "--data", server.data)
    assert beside.returncode == 0 and "parlad runs" in beside.stdout
    assert beside.stdout.splitlines()[-1].endswith("is sound")


def test_a_flipped_bit_in_a_message_is_never_shown(parlad, sign_in):
    server = parlad()
    ana = sign_in(server, "ana")
    ana.create("log")
    ana.send("log", f"first {TEXT}")
    ana.send("log", f"second {TEXT}")
    ana.send("lobby", "elsewhere")
    server.stop()
    path = server.data / "parla.db"
    data = bytearray(path.read_bytes())
    assert data.count(b"second xxx") == 1
    data[data.index(b"second xxx") + 8] ^= 1
    path.write_bytes(data)

    found = server.command("check", "--data", server.data)
    assert found.returncode == 1 and "not those that were written" in found.stdout
    server.start()
    ana.reconnect()
    with refused("DATA_LOSS", "DATA_DAMAGED"):
        ana.messages("log")
    stream = ana.stream("log", start=api.STREAM_START_BEGINNING)
    stream.ended().check("DATA_LOSS", "DATA_DAMAGED")
    assert [message.text for message in ana.messages("lobby")] == ["elsewhere"]
    assert "parlad check" in server.stderr_text()
    server.sound = False

"""parla in scripts: no terminal, no questions, an exit status."""

import json
import os
import re
import signal
import subprocess

import pytest

from support.deadline import DEADLINE, eventually
from support.server import read_line
from support.terminal import COMMAND, environment

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Account:
    """Where parla is run: a home of its own, against one server."""

    def __init__(self, home, address):
        self._env = environment(home, address)
        self._running = []

    def run(self, *arguments, text=""):
        """Runs it to its end."""
        data = text if isinstance(text, bytes) else text.encode()
        return subprocess.run(
            [*COMMAND, *arguments],
            env=self._env,
            input=data,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )

    def do(self, *arguments, text=""):
        """The same; it must go well, and say nothing on standard error."""
        done = self.run(*arguments, text=text)
        assert (done.returncode, done.stderr) == (0, b""), done
        return done.stdout.decode()

    def refused(self, status, *arguments, text=""):
        """The same; it must end with that status; what it says on standard error."""
        done = self.run(*arguments, text=text)
        assert done.returncode == status, done
        return done.stderr.decode()

    def start(self, *arguments, **options):
        """Starts it, and leaves it running."""
        options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        command = [*COMMAND, *arguments]
        process = subprocess.Popen(
            command, env=self._env, stdout=subprocess.PIPE, **options
        )  # pylint: disable=consider-using-with
        self._running.append(process)
        return process

    def close(self):
        """Ends what still runs."""
        for process in self._running:
            process.kill()
            process.wait(DEADLINE)
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe:
                    pipe.close()


@pytest.fixture
def account(server, tmp_path):
    """account() is a home on the file's server; account(address) on another."""
    made = []

    def start(address=None):
        home = tmp_path / f"home-{len(made)}"
        home.mkdir()
        made.append(Account(home, address or server.address))
        return made[-1]

    yield start
    for one in made:
        one.close()


def read_json(process):
    """The next line of its output, as an object."""
    return json.loads(read_line(process))


# Sending


def test_send_takes_its_text_from_the_arguments_or_from_standard_input(account, guest, fresh):
    stream = guest("bob").live("lobby")
    me = account()
    name = fresh("ana")
    me.do("--user", name, "send", "lobby", "one")
    me.do("send", "#lobby", "two", "words")
    me.do("send", "lobby", "-", text="three\nlines\nhere\n")
    me.do("send", "lobby", text="four")
    me.do("send", "lobby", "--", "-five")
    assert stream.texts(5) == ["one", "two words", "three\nlines\nhere", "four", "-five"]


def test_send_to_a_user(account, guest, fresh):
    bob = guest("bob")
    stream = bob.live()
    account().do("--user", fresh("ana"), "send", f"@{bob.name}", "psst")
    assert stream.texts(1) == ["psst"]


def test_send_is_refused(account, fresh):
    me = account()
    name = fresh("ana")
    assert "there is no such room" in me.refused(1, "--user", name, "send", fresh("no"), "x")
    assert "there is no such user" in me.refused(1, "send", f"@{fresh('no')}", "x")
    assert "no text" in me.refused(1, "send", "lobby", "")
    assert "not UTF-8" in me.refused(1, "send", "lobby", text=b"\xff")
    assert me.refused(1, "send", "lobby", "x" * (16 * 1024 + 1))


def test_lines_of_standard_input_are_sent_in_order(account, guest, fresh):
    stream = guest("bob").live("lobby")
    lines = [f"line {i}" for i in range(200)]
    account().do("--user", fresh("ana"), text="\n".join(["", *lines, "/quit", "last"]))
    assert stream.texts(202) == [*lines, "/quit", "last"]


def test_bad_lines_are_told_by_their_number(account, guest, fresh):
    stream = guest("bob").live("lobby")
    text = b"good\n\xff\n" + b"x" * 20000 + b"\nalso good\n"
    told = account().refused(1, "--user", fresh("ana"), text=text)
    assert "line 2: it is not UTF-8" in told and "line 3: it is too long" in told
    assert stream.texts(2) == ["good", "also good"]


def test_a_file_is_as_good_as_a_pipe(account, guest, fresh, tmp_path):
    stream = guest("bob").live("lobby")
    path = tmp_path / "lines"
    path.write_text("".join(f"{i}\n" for i in range(100)))
    with open(path, "rb") as file:
        process = account().start("--user", fresh("ana"), stdin=file)
        assert process.wait(DEADLINE) == 0
    assert stream.texts(100) == [str(i) for i in range(100)]


def test_lines_outlive_a_restart_of_the_server(parlad, account, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    process = account(server.address).start("--user", "ana", stdin=subprocess.PIPE)
    process.stdin.write(b"one\n")
    process.stdin.flush()
    stream = bob.stream("lobby", start=3)
    assert stream.texts(1) == ["one"]
    server.stop()
    process.stdin.write(b"two\nthree\n")
    process.stdin.close()
    server.start()
    assert process.wait(DEADLINE) == 0
    process.stdin = None
    bob.reconnect()
    texts = [message.text for message in bob.messages("lobby", ascending=True)]
    assert texts == ["one", "two", "three"]


# Reading


def test_history(account, guest, fresh):
    bob = guest("bob")
    me = account()
    room = fresh("news")
    bob.create(room)
    for i in range(30):
        bob.send(room, f"item {i}")
    me.do("--user", fresh("ana"), "join", room)
    lines = me.do("history", room).splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [f"item {i}" for i in range(10, 30)]
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"{stamp} #{room} {bob.name}: item 10", lines[0])
    assert len(me.do("history", room, "-n", "1000").splitlines()) == 30
    assert len(me.do("history", "-n3", room).splitlines()) == 3


def test_history_of_more_than_a_page(account, guest, fresh):
    bob = guest("bob")
    room = fresh("long")
    bob.create(room)
    for call in [bob.begin_send(room, str(i)) for i in range(1100)]:
        call.result()
    me = account()
    me.do("--user", fresh("ana"), "join", room)
    lines = me.do("history", room, "-n", "1050", "--json").splitlines()
    assert [json.loads(line)["text"] for line in lines] == [str(i) for i in range(50, 1100)]


def test_history_with_a_user(account, guest, fresh):
    bob = guest("bob")
    me = account()
    name = fresh("ana")
    me.do("--user", name, "send", f"@{bob.name}", "hello")
    line = me.do("history", f"@{bob.name}")
    assert line.endswith(f"@{bob.name} {name}: hello\n")
    assert me.do("history", f"@{fresh('nobody')}") == ""


def test_json_of_a_message(account, guest, fresh):
    bob = guest("bob")
    sent = bob.send("lobby", 'é "x"\n\x1b')
    me = account()
    line = me.do("--user", fresh("ana"), "history", "lobby", "-n", "1", "--json")
    assert line.isascii() and line.count("\n") == 1
    found = json.loads(line)
    assert RFC_3339.fullmatch(found.pop("time"))
    assert found == {
        "type": "message",
        "room": "lobby",
        "sequence": sent.sequence,
        "sender": bob.name,
        "sender_id": sent.sender_id,
        "text": 'é "x"\n\x1b',
    }


def test_tail_follows(account, guest, fresh):
    bob = guest("bob")
    me = account()
    room = fresh("news")
    bob.create(room)
    bob.send(room, "first")
    me.do("--user", fresh("ana"), "join", room)
    process = me.start("tail", room, "--beginning", "--json")
    while (found := read_json(process)).get("text") != "first":
        pass
    bob.send(room, "second")
    assert read_json(process)["type"] == "member"
    assert read_json(process)["text"] == "second"


def test_tail_of_what_is_unread_goes_on_where_the_last_one_was(parlad, account, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    me = account(server.address)
    me.do("--user", "ana", "join", "friends")
    bob.join("friends")
    for i in range(3):
        bob.send("friends", f"one {i}")
    process = me.start("tail", "--unread", "--json")
    seen = []
    while len(seen) < 3:
        seen += [text for text in [read_json(process).get("text")] if text]
    assert seen == ["one 0", "one 1", "one 2"]
    ana = sign_in(server, "ana", token=next(token for token in tokens_of(me)))
    last = bob.rooms()["friends"].room.last_sequence
    marks = ana.stream(start=2)
    while marks.marker("friends") < last:
        pass
    process.kill()
    process.wait(DEADLINE)
    bob.send("friends", "two")
    process = me.start("tail", "--unread", "--json")
    assert read_json(process)["text"] == "two"


def tokens_of(account):
    """The tokens that an account keeps."""
    folder = account._env["XDG_STATE_HOME"]  # pylint: disable=protected-access
    for path, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".token"):
                with open(os.path.join(path, name), encoding="ascii") as file:
                    yield file.read().strip()


def test_tail_outlives_a_restart_of_the_server(parlad, account, sign_in):
    server = parlad()
    bob = sign_in(server, "bob")
    process = account(server.address).start("--user", "ana", "tail", "--beginning", "--json")
    bob.send("lobby", "before")
    assert read_json(process)["text"] == "before"
    server.restart()
    bob.reconnect()
    bob.send("lobby", "after")
    assert read_json(process)["text"] == "after"


def test_tail_tells_what_is_no_longer_kept(account, guest, fresh):
    bob, room, me = guest("bob"), fresh("hasty"), account()
    bob.create(room, retention_seconds=1)
    for text in "abc":
        bob.send(room, text)
    eventually(lambda: bob.call("GetRoom", room=room).room.first_sequence == 5)
    me.do("--user", fresh("ana"), "join", room)
    process = me.start("tail", room, "--beginning", "--json")
    assert read_json(process) == {"type": "trimmed", "room": room, "sequence": 4}
    assert read_json(process)["text"] == "c"
    process = me.start("tail", room, "--beginning")
    assert f"#{room}: what was said before is no longer kept" in read_line(process)


def test_a_closed_output_ends_it_quietly(account, guest, fresh):
    bob = guest("bob")
    process = account().start(
        "--user", fresh("ana"), "tail", "--beginning", "--json", stderr=subprocess.PIPE
    )
    bob.send("lobby", "one")
    assert read_json(process)
    process.stdout.close()
    bob.send("lobby", "two")
    bob.send("lobby", "three")
    assert process.wait(DEADLINE) == 0
    assert process.stderr.read() == b""


def test_an_output_closed_while_all_is_quiet_ends_it_too(account, guest, fresh):
    guest("bob").send("lobby", "one")
    process = account().start("--user", fresh("ana"), "tail", "--beginning", "--json")
    assert read_json(process)
    process.stdout.close()
    assert process.wait(DEADLINE) == 0


def test_rooms_and_who(account, guest, fresh):
    bob = guest("bob")
    bob.live()
    me = account()
    name = fresh("ana")
    room = fresh("help")
    me.do("--user", name, "create", room, "--one")
    assert f"* #{room}  1 member, each message to one\n" in me.do("rooms")
    found = [json.loads(line) for line in me.do("rooms", "--json").splitlines()]
    mine = next(entry for entry in found if entry["room"] == room)
    assert (mine["delivery"], mine["state"], mine["members"]) == ("one", "joined", 1)
    assert RFC_3339.fullmatch(mine["created"])
    assert bob.name in me.do("who").splitlines()
    people = [json.loads(line) for line in me.do("who", "--json").splitlines()]
    assert next(user for user in people if user["user"] == bob.name)["online"]


def test_join_leave_and_create(account, fresh):
    me, other = account(), account()
    room = fresh("room")
    me.do("--user", fresh("ana"), "create", room)
    assert "that room id is taken" in me.refused(1, "create", room)
    other.do("--user", fresh("bob"), "join", room)
    other.do("send", room, "here")
    other.do("leave", room)
    assert "not a member" in other.refused(1, "send", room, "gone")
    other.do("join", fresh("made-by-joining"))


# Working


def test_work_gives_each_message_to_a_command(account, guest, fresh):
    bob = guest("bob")
    room = fresh("jobs")
    bob.create(room, delivery=2)
    me = account()
    me.do("--user", fresh("ana"), "join", room)
    for i in range(3):
        bob.send(room, f"job {i}")
    script = 'echo "$(cat) from $PARLA_SENDER in $PARLA_ROOM, $PARLA_SEQUENCE/$PARLA_ATTEMPT"'
    process = me.start("work", room, "--", "sh", "-c", script)
    for i in range(3):
        line = read_line(process)
        assert re.fullmatch(rf"job {i} from {bob.name} in {room}, \d+/1\n", line), line
    process.terminate()
    assert process.wait(DEADLINE) == 128 + signal.SIGTERM


def test_a_command_that_fails_leaves_the_message_to_another(account, guest, fresh):
    bob = guest("bob")
    room = fresh("jobs")
    bob.create(room, delivery=2)
    me = account()
    me.do("--user", fresh("ana"), "join", room)
    bob.send(room, "hard")
    process = me.start("work", room, "--", "sh", "-c", "cat; echo; exit 3", stderr=subprocess.PIPE)
    assert read_line(process) == "hard\n"
    other = bob.take(room, include_own=True)
    process.terminate()
    taken = other.taken()
    assert taken.message.text == "hard" and taken.attempt == 2
    assert process.wait(DEADLINE) == 128 + signal.SIGTERM


def test_work_that_was_done_is_done_once(account, guest, fresh):
    """What the command has acknowledged goes to nobody else."""
    bob = guest("bob")
    room = fresh("jobs")
    bob.create(room, delivery=2)
    me = account()
    me.do("--user", fresh("ana"), "join", room)
    process = me.start("work", room, "--", "cat")
    sent = [bob.send(room, f"{i}\n").text for i in range(20)]
    assert [read_line(process) for _ in sent] == sent
    bob.send(room, "last\n")
    assert read_line(process) == "last\n"


def test_work_outlives_a_restart_of_the_server(parlad, account, sign_in, tmp_path):
    """The command that runs meanwhile is alone; then the message comes again, for its lease is
    lost, and the work goes on."""
    server = parlad()
    bob = sign_in(server, "bob")
    bob.create("jobs", delivery=2)
    me = account(server.address)
    me.do("--user", "ana", "join", "jobs")
    bob.send("jobs", "one")
    os.mkfifo(tmp_path / "gate")
    script = f'echo "$(cat) $PARLA_ATTEMPT"; cat {tmp_path}/gate'
    process = me.start("work", "jobs", "--", "sh", "-c", script, stderr=subprocess.PIPE)
    assert read_line(process) == "one 1\n"
    server.restart()
    told = b""
    while b"connected again" not in told:
        told = process.stderr.readline()
        assert told
    with open(tmp_path / "gate", "wb"):
        pass  # the command goes on, and ends
    told = process.stderr.readline()
    assert b"no longer leased to you" in told
    assert read_line(process) == "one 2\n"
    with open(tmp_path / "gate", "wb"):
        pass
    bob.reconnect()
    bob.send("jobs", "two")
    assert read_line(process) == "two 1\n"


def test_work_that_cannot_be_begun(account, guest, fresh):
    bob = guest("bob")
    room = fresh("jobs")
    bob.create(room, delivery=2)
    bob.send(room, "job")
    me = account()
    me.do("--user", fresh("ana"), "join", room)
    assert "no such command" in me.refused(2, "work", room, "--", "no-such-command-anywhere")
    assert "usage" in me.refused(2, "work", room)
    assert "usage" in me.refused(2, "work", room, "--")
    assert "does not hand its messages out" in me.refused(1, "work", "lobby", "--", "cat")


# Names, usage, no server


def test_scripts_go_by_the_last_name(account, guest, fresh):
    stream = guest("bob").live("lobby")
    me = account()
    name = fresh("ana")
    me.do("--user", name, "send", "lobby", "one")
    me.do("send", "lobby", "two")
    events = [stream.message() for _ in range(2)]
    assert [event.actor for event in events] == [name, name]
    assert events[0].actor_id == events[1].actor_id


def test_a_name_that_is_taken_is_refused(account, guest):
    bob = guest("bob")
    assert "that name is taken" in account().refused(1, "--user", bob.name, "who")


def test_a_token_that_is_void_is_replaced(account, guest, fresh, sign_in, server):
    me = account()
    name = fresh("ana")
    me.do("--user", name, "who")
    sign_in(server, name, token=next(tokens_of(me))).sign_out()
    me.do("--user", name, "send", "lobby", "here again")


@pytest.mark.parametrize(
    "arguments",
    [
        ["frob"],
        ["--frob"],
        ["send"],
        ["history"],
        ["history", "lobby", "-n", "x"],
        ["history", "lobby", "--unread"],
        ["rooms", "lobby"],
        ["who", "--", "x"],
        ["tail", "--unread", "--beginning"],
        ["send", "No Room", "x"],
        ["send", "@No", "x"],
        ["join", "@ana"],
        ["--server", "nowhere", "who"],
        ["--user", "Not A Name", "who"],
        ["--json"],
    ],
)
def test_wrong_usage(account, arguments):
    done = account().run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"") and done.stderr.startswith(b"parla: ")


def test_no_server(account):
    me = account("127.0.0.1:1")
    for arguments in (["send", "lobby", "x"], ["tail"], ["who"], []):
        told = me.refused(3, "--user", "ana", *arguments, text="x\n")
        expected = "parla: no server at 127.0.0.1:1; run ./start-server.sh in another terminal"
        assert told.startswith(expected)


def test_help_and_version(account):
    me = account()
    assert me.do("--help").startswith("usage: parla")
    assert re.fullmatch(r"parla \d+\.\d+\.\d+\n", me.do("--version"))

"""parla-bench: what it measures of a sound server, and that it finds every fault of another."""

import json
import os
import pty
import re
import resource
import shlex
import signal
import socket
import subprocess
import threading

import pytest

from support.certificates import Authority
from support.client import Guest
from support.contract import ROOT, api
from support.deadline import DEADLINE
from support.meddler import Meddler

COMMAND = shlex.split(os.environ.get("PARLA_BENCH", str(ROOT / "build" / "parla-bench")))
FANOUT = ("fanout", "--subscribers", "4", "--messages", "40", "--in-flight", "4")
SEND = ("send", "--connections", "2", "--messages", "40", "--in-flight", "8")
SEQUENCES = ("latency_p50_us", "latency_p99_us", "latency_p999_us", "latency_max_us")


def bench(*arguments, **options):
    """Runs it to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=4 * DEADLINE,
        text=True,
        check=False,
        **options,
    )


def figures(server, *arguments):
    """The figures of a run that went well."""
    done = bench(*arguments, "--server", server, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def complaint(server, *arguments, status=1):
    """The one line of a run that did not."""
    done = bench(*arguments, "--server", server, "--timeout", "3")
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("parla-bench: ") and done.stderr.count("\n") == 1
    return done.stderr[len("parla-bench: ") : -1]


# What it tells of a server that is sound.


def test_fanout_counts_each_delivery(server):
    found = figures(server.address, *FANOUT)
    assert found["command"] == "fanout" and found["protocol"] == "parla"
    assert found["deliveries"] == 160
    assert found["deliveries_per_second"] > 0
    assert 0 < found["latency_p50_us"] <= found["latency_p99_us"] <= found["latency_max_us"]
    assert found["server_cpu_s"] > 0 and found["server_rss_after"] > 1 << 20
    assert found["generator_cpu_s"] > 0 and found["generator_cpu_percent"] >= 0


def test_fanout_in_many_rooms_from_many_publishers_over_few_connections(server):
    found = figures(
        server.address,
        *FANOUT,
        *("--rooms", "5", "--publishers", "3", "--connections", "2", "--warmup", "7"),
    )
    assert (found["rooms"], found["publishers"], found["connections"]) == (5, 3, 2)
    assert found["deliveries"] == 160


def test_fanout_at_a_rate_takes_as_long_as_that_takes(server):
    found = figures(server.address, *FANOUT, "--rate", "200")
    assert found["rate"] == 200
    assert found["seconds"] >= 39 / 200
    assert all(found[name] > 0 for name in SEQUENCES)


def test_send_reads_back_what_was_acknowledged(server):
    found = figures(server.address, *SEND, "--rooms", "3", "--warmup", "10", "--size", "2000")
    assert found["read_back"] == 50
    assert found["sends_per_second"] > 0 and found["size"] == 2000
    assert all(found[name] > 0 for name in SEQUENCES)


def test_send_with_request_ids(server):
    found = figures(server.address, *SEND, "--request-ids")
    assert found["read_back"] == 40


def test_send_at_a_rate(server):
    found = figures(server.address, *SEND, "--rate", "200")
    assert found["seconds"] >= 39 / 200 and found["read_back"] == 40


def test_idle_tells_what_connections_and_streams_cost(server):
    found = figures(server.address, "idle", "--connections", "20", "--streams", "3", "--message")
    assert found["streams"] == 60 and found["message_deliveries"] == 60
    assert found["connections_per_second"] > 0 and found["streams_per_second"] > 0
    assert "bytes_per_connection" in found and "bytes_per_stream" in found
    assert found["generator_cpu_us_per_connection"] > 0
    found = figures(server.address, "idle", "--connections", "5", "--streams", "0")
    assert found["streams"] == 0 and "bytes_per_stream" not in found


@pytest.mark.parametrize(
    "arguments",
    [
        ("history", "--messages", "200", "--pages", "20", "--page-size", "10"),
        ("resume", "--streams", "10", "--connections", "2", "--missed", "50"),
        ("slow", "--subscribers", "6", "--readers", "2", "--pause", "1"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_the_other_commands_run(server, arguments):
    assert figures(server.address, *arguments)["command"] == arguments[0]


@pytest.mark.parametrize("trickle", [0, 20_000])
def test_slow_readers_get_what_they_may_and_then_everything(server, trickle):
    found = figures(
        server.address,
        *("slow", "--subscribers", "6", "--readers", "2", "--pause", "1", "--size", "4000"),
        *("--trickle", str(trickle)),
    )
    assert (found["readers"], found["trickle"]) == (2, trickle)
    assert found["before_messages"] > 0 and found["stopped_messages"] > 0
    meanwhile, due = found["stopped_readers_deliveries"], 2 * found["stopped_messages"]
    assert (0 < meanwhile < due) if trickle else meanwhile == 0
    assert meanwhile + found["after_deliveries"] == due
    for figure in ("deliveries_per_second", "latency_p99", "server_rss"):
        assert f"change_{figure}_percent" in found


def test_over_tls(parlad, tmp_path):
    authority = Authority(tmp_path)
    pair = authority.issue()
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority.roots)
    secure = parlad(tls_cert=pair.cert, tls_key=pair.key)
    target = f"grpcs://{secure.address}"
    found = figures(target, *FANOUT, "--ca", str(roots))
    assert found["transport"] == "TLS" and found["deliveries"] == 160
    found = figures(target, "idle", "--connections", "4", "--ca", str(roots))
    assert found["transport"] == "TLS"
    slow = ("slow", "--subscribers", "3", "--readers", "1", "--pause", "1", "--trickle", "20000")
    found = figures(target, *slow, "--size", "4000", "--ca", str(roots))
    assert found["after_deliveries"] > 0
    assert "verify failed" in complaint(target, *FANOUT, status=3)


def test_people_get_lines_without_control_characters(server):
    done = bench(*FANOUT, "--server", server.address)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^deliveries +160$", done.stdout, re.MULTILINE)
    assert all(char == "\n" or char.isprintable() for char in done.stdout)


def test_guests_are_gone_afterwards(server, guest):
    watcher = guest("watcher")
    figures(server.address, *FANOUT)
    assert not watcher.call("ListUsers", prefix="pb-").users
    figures(server.address, *FANOUT, "--keep")
    assert watcher.call("ListUsers", prefix="pb-").users


def test_a_terminal_sees_how_far_it_is(server):
    main, side = pty.openpty()
    seen = b""
    with subprocess.Popen(
        [*COMMAND, *FANOUT, "--rate", "80", "--server", server.address],
        stdout=subprocess.DEVNULL,
        stderr=side,
    ) as process:
        os.close(side)
        while True:
            try:
                more = os.read(main, 4096)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            seen += more
        assert process.wait(DEADLINE) == 0
    os.close(main)
    assert re.search(rb"\d+ of 40 messages, \d+ deliveries/s", seen)
    assert seen.endswith(b"\r\x1b[K")


def started(server, *arguments):
    """A run that is well under way, and the room that it sends to."""
    process = subprocess.Popen(
        [*COMMAND, *arguments, "--server", server.address],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watcher = Guest(server.address, "watcher")

    def sent():
        rooms = watcher.call("ListRooms", include_unjoined=True).rooms
        return any(r.room.room.startswith("pb-") and r.room.last_sequence > 10 for r in rooms)

    while not sent():
        assert process.poll() is None
    return process, watcher


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_broken_off_cleans_up(parlad, number):
    own = parlad()
    process, watcher = started(own, *FANOUT, "--messages", "10000000")
    process.send_signal(number)
    assert process.communicate(timeout=DEADLINE) == ("", "")
    assert process.returncode == 128 + number
    assert not watcher.call("ListUsers", prefix="pb-").users
    watcher.close()


# Faults.


@pytest.fixture(name="meddle")
def _meddle(server):
    """meddle(Method=change) is the address of a server with that fault."""
    meddlers = []

    def start(**changes):
        meddlers.append(Meddler(server.address, changes))
        return meddlers[-1].address

    yield start
    for meddler in meddlers:
        meddler.stop()


class Nth:
    """A change of the n-th event with a message that passes, over all streams."""

    def __init__(self, number, change):
        self._number = number
        self._change = change
        self._seen = 0
        self._kept = []
        self._lock = threading.Lock()

    def __call__(self, answer):
        item = api.StreamMessagesResponse.FromString(answer)
        if item.WhichOneof("item") != "event":
            return [answer]
        with self._lock:
            self._seen += 1
            if self._seen == self._number:
                return self._change(self, item)
            kept, self._kept = self._kept, []
        return [answer, *kept]

    def keep(self, item):
        """It follows the next one."""
        self._kept = [item.SerializeToString()]
        return []


def drop(_, __):
    """It never comes."""
    return []


def double(_, item):
    """It comes twice."""
    return [item.SerializeToString()] * 2


def swap(nth, item):
    """It comes after the next."""
    return nth.keep(item)


def other_sequence(_, item):
    """It has a number of another."""
    item.event.sequence += 1
    return [item.SerializeToString()]


def other_room(_, item):
    """It says that it is from elsewhere."""
    item.event.room = "lobby"
    return [item.SerializeToString()]


def other_text(_, item):
    """A letter of it is another."""
    text = item.event.message_sent.text
    item.event.message_sent.text = text[:60] + "x" + text[61:]
    return [item.SerializeToString()]


ONE = ("fanout", "--subscribers", "1", "--messages", "20", "--in-flight", "4")


@pytest.mark.parametrize(
    ("number", "change", "told"),
    [
        (5, drop, "lost: subscriber 0 did not get message 4 of publisher 0 in "),
        (20, drop, "lost: subscriber 0 did not get message 19 of publisher 0 in "),
        (5, double, "doubled: subscriber 0 got message 4 of publisher 0 in "),
        (20, double, "doubled: subscriber 0 got message 19 of publisher 0 in "),
        (5, swap, "reordered: subscriber 0 got message 4 of publisher 0 in "),
        (5, other_sequence, "lost: subscriber 0 got sequence "),
        (1, other_sequence, "wrong: "),
        (5, other_room, "wrong: subscriber 0 got a message that was not sent to it"),
        (5, other_text, "wrong: subscriber 0 got a message that was not sent to it"),
    ],
)
def test_a_fault_of_one_event_is_found(meddle, number, change, told):
    assert complaint(meddle(StreamMessages=Nth(number, change)), *ONE).startswith(told)


MANY = ("fanout", "--subscribers", "4", "--messages", "20", "--in-flight", "4")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (drop, "lost: "),
        (double, "doubled: "),
        (other_sequence, ("lost: ", "doubled or reordered: ", "wrong: ")),
        (other_room, "wrong: "),
        (other_text, "wrong: "),
    ],
)
def test_a_fault_of_one_event_is_found_where_others_got_it_right(meddle, change, told):
    assert complaint(meddle(StreamMessages=Nth(42, change)), *MANY).startswith(told)


def test_a_server_that_only_passes_on_has_no_fault(meddle):
    address = meddle(StreamMessages=lambda answer: [answer])
    assert figures(address, *ONE)["deliveries"] == 20
    assert figures(address, *SEND)["read_back"] == 40


def of_message(change):
    """The same change of every SendMessageResponse."""

    def apply(answer):
        response = api.SendMessageResponse.FromString(answer)
        change(response)
        return [response.SerializeToString()]

    return apply


def test_an_answer_that_is_less_safe_is_found(meddle):
    def written(response):
        response.durability = api.DURABILITY_WRITTEN

    address = meddle(SendMessage=of_message(written))
    assert "less safe than asked for" in complaint(address, *SEND)
    assert "less safe than asked for" in complaint(address, *FANOUT)
    assert figures(address, *SEND, "--durability", "written")["read_back"] == 40


def test_an_answer_with_another_sequence_is_found(meddle):
    def other(response):
        response.message.sequence += 1

    assert complaint(meddle(SendMessage=of_message(other)), *SEND).startswith("wrong: ")


def test_an_answer_without_a_message_is_found(meddle):
    address = meddle(SendMessage=of_message(lambda response: response.ClearField("message")))
    assert "has no sequence" in complaint(address, *SEND)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda messages: messages[:7] + messages[8:], "lost: message "),
        (lambda messages: messages[:7] + messages[6:], "wrong: a page of "),
        (lambda messages: messages[:6] + messages[7:5:-1] + messages[8:], "wrong: a page of "),
    ],
    ids=["drop", "double", "swap"],
)
def test_a_log_with_a_fault_is_found(meddle, change, told):
    def apply(answer):
        page = api.ListMessagesResponse.FromString(answer)
        messages = change(list(page.messages)) if page.messages else []
        del page.messages[:]
        page.messages.extend(messages)
        return [page.SerializeToString()]

    assert complaint(meddle(ListMessages=apply), *SEND).startswith(told)


def test_a_server_that_dies_meanwhile_is_told(parlad):
    dying = parlad()
    process, watcher = started(dying, *FANOUT, "--messages", "10000000")
    watcher.close()
    dying.kill()
    out, err = process.communicate(timeout=DEADLINE)
    assert (process.returncode, out) == (3, "")
    assert "is lost" in err


def test_more_than_connections_can_hold_is_told(server):
    told = complaint(server.address, *FANOUT, "--in-flight", "20000", "--messages", "40000")
    assert "too many for 1 connections that send" in told


# What keeps it from measuring at all.


def test_no_server(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    told = complaint(f"127.0.0.1:{port}", *FANOUT, status=3)
    assert told == f"cannot reach 127.0.0.1:{port}: connection refused"


def answering(data):
    """A port where one connection is read from, answered so, and closed."""
    taken = socket.create_server(("127.0.0.1", 0))

    def serve():
        with taken, taken.accept()[0] as peer:
            peer.recv(65536)
            peer.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", " closes the connection at once; if it speaks TLS, use grpcs://"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", " speaks HTTP/1, not gRPC"),
        (b"\x15\x03\x03\x00\x02\x02\x46", " speaks TLS: use grpcs://"),
        (b"220 mail.example.org ESMTP\r\n", " does not speak gRPC"),
    ],
    ids=["nothing", "http1", "tls", "other"],
)
def test_a_port_of_another_kind(data, told):
    address = answering(data)
    assert complaint(address, *FANOUT, status=3) == address + told


def test_tls_where_there_is_none(server):
    assert "the peer does not speak TLS" in complaint(f"grpcs://{server.address}", *FANOUT, status=3)


def test_a_server_without_guests(parlad):
    told = complaint(parlad(guests="off").address, *FANOUT)
    assert "SignInAsGuest" in told and "(the server must let guests in)" in told


def test_a_limit_of_connections_is_named(parlad):
    small = parlad(loops=1, limits={"peer_connections": 5})
    told = complaint(small.address, "idle", "--connections", "50", status=3)
    assert "peer_connections" in told


def test_a_limit_of_files_is_told_before_anything_is_done(server):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

    done = bench("idle", "--connections", "500", "--server", server.address, preexec_fn=limit)
    assert done.returncode == 2
    assert "501 connections need" in done.stderr and "the system allows 100" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "say what to measure"),
        (("everything",), "there is no such command"),
        (("fanout", "--colour"), "unknown option: --colour"),
        (("fanout", "--rate", "0"), "--rate takes a whole number, 1 to 10000000"),
        (("fanout", "--rooms", "2", "--connections", "200"), "200 connections for 100 streams"),
        (("idle", "--streams", "0", "--message"), "--message needs streams"),
        (("send", "--driver", "carrier-pigeon"), "there is no such driver"),
        (("send", "--server", "nowhere"), "'nowhere' is not an address"),
    ],
)
def test_wrong_usage(arguments, told):
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize("command", ["fanout", "send", "idle", "history", "resume", "slow"])
def test_every_command_has_help_and_the_manual_its_options(command):
    done = bench(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    manual = (ROOT / "man" / "parla-bench.1").read_text(encoding="utf-8")
    options = re.findall(r"^  (--[a-z-]+)", done.stdout, re.MULTILINE)
    assert len(options) > 5
    assert [name for name in options if f"Fl Fl {name[2:]}" not in manual] == []


def test_help_lists_the_commands_and_there_is_a_version():
    done = bench("--version")
    assert done.returncode == 0 and re.fullmatch(r"parla-bench \d+\.\d+\.\d+\n", done.stdout)
    done = bench("--help")
    assert done.returncode == 0
    for command in ("fanout", "send", "idle", "history", "resume", "slow"):
        assert f"  {command} " in done.stdout

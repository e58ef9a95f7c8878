"""What goes wrong while the server runs: one function a scenario, which takes a folder, how often,
a seed, and whether it is the long form; and returns figures.

Each ends in one of two ways: the server goes on with nothing acknowledged lost, or it stops and
says what is wrong and what to do.
"""

import contextlib
import errno
import random
import shutil
import signal
import socket
import threading

from support.client import Guest
from support.contract import api
from support.deadline import DEADLINE, eventually

from campaign.crowd import JOBS, LOG, Crowd
from campaign.damage import Campaign, Saved, read_room, serve
from campaign.disk import SmallDisk
from campaign.faults import Faults
from campaign.victim import Refused, Victim

HOUR_MS = 3600 * 1000
IDLE_S = 1800  # a guest's session ends after half an hour
CONNECTIONS = 100
FEW = range(5, 40)  # below that, libraries are not found


@contextlib.contextmanager
def crowd_of(server, folder, seed, **options):
    """A crowd that is gone at the end, whatever happens; so is the server."""
    crowd = Crowd(server, folder, seed, **options)
    try:
        yield crowd
    except BaseException:
        crowd.abandon()
        raise
    finally:
        server.end_by_force()


def new_victim(folder, data=None, **options):
    """A server with faults on a folder of its own."""
    return Victim(folder, Faults(folder, data or folder / "data"), data=data, **options)


def end(server, crowd, short_of_memory=False):
    """The crowd is judged, the server ends in order, its data is sound."""
    crowd.finish()
    server.finish()
    sound, text = server.check_data()
    assert sound, text
    figures = {"lives": server.life, **crowd.ledger.figures()}
    assert short_of_memory or "parla tail" not in figures["refusals"], "parla tail gave up"
    return figures


def kill(folder, times, seed, long):
    """SIGKILL at random moments: after so many acknowledgements, in the midst of a write, while it
    starts, while it stops."""
    chance = random.Random(seed)
    server = new_victim(folder)
    died = {"under load": 0, "in a write": 0, "while starting": 0, "while stopping": 0}
    with crowd_of(server, folder, seed) as crowd:
        for _ in range(times):
            server.wait_acknowledged(chance.randrange(1, 1000 if long else 200))
            how = chance.choice(list(died))
            died[how] += 1
            if how in ("under load", "while starting"):
                server.kill()
            elif how == "in a write":
                server.faults.set(kill_left=chance.randrange(200))
                server.wait()
            else:
                stop_and_kill(server, chance.randrange(30))
            server.faults.clear()
            if how == "while starting":
                server.start_and_kill(chance.randrange(40))
            server.start()
            crowd.prove()
        return {"died": died, **end(server, crowd)}


def stop_and_kill(server, kill_left):
    """It is asked to end; a call for the disk kills it on its way, if there are so many."""
    server.faults.set(kill_left=kill_left)
    server.tell(signal.SIGTERM)
    status = server.wait()
    assert status in (0, -signal.SIGKILL), status


def disk_full(folder, times, seed, long):
    """The disk gets full, and is freed: sends are refused meanwhile, readers go on, and so does the
    server then. It is also started on the full disk."""
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder, long))
        server = new_victim(folder, data=disk.data)
        disk.attach(server.faults)
        crowd = stack.enter_context(crowd_of(server, folder, seed))
        refused = 0
        for _ in range(times):
            server.wait_acknowledged(chance.randrange(1, 200))
            disk.fill(chance.randrange(200_000))
            crowd.ledger.wait_refused("RESOURCE_EXHAUSTED DISK_FULL")
            crowd.judge.read_history()
            refused += start_when_full(server, disk)
            crowd.prove()
        return {"starts refused": refused, "disk": disk.kind, **end(server, crowd)}


def start_when_full(server, disk):
    """It ends and comes back while there is no space; whether it says that, instead of serving."""
    server.stop()
    try:
        server.start()
    except Refused as refused:
        assert refused.status == 1 and "space" in refused.text, refused
        disk.free()
        server.start()
        return 1
    disk.free()
    return 0


def eio_write(folder, times, seed, long):
    """A write fails: the server says so and stops."""
    return eio(folder, times, seed, ("writes_left", "write_errno"))


def eio_sync(folder, times, seed, long):
    """A sync fails, and what it was for never reaches the disk: the server says so and stops, and
    has acknowledged nothing of it."""
    return eio(folder, times, seed, ("syncs_left", "sync_errno"))


def eio(folder, times, seed, fields):
    """The call fails once it was made so often: under load, then while the server starts."""
    left, number = fields
    chance = random.Random(seed)
    server = new_victim(folder)
    lost = refused = 0
    with crowd_of(server, folder, seed) as crowd:
        server.faults.set(**{number: errno.EIO})
        for _ in range(times):
            server.wait_acknowledged(chance.randrange(1, 200))
            server.faults.set(**{left: chance.randrange(60)})
            assert server.wait_end() == 1
            assert "start again" in server.said(), server.said()
            server.faults.clear()
            lost += server.faults.lose()
            server.faults.set(**{left: chance.randrange(10)})
            refused += is_refused_start(server)
            server.faults.clear()
            lost += server.faults.lose()
            server.start()
            crowd.prove()
        return {"bytes lost": lost, "starts refused": refused, **end(server, crowd)}


def is_refused_start(server):
    """Starts it with a fault, and ends it; whether it said that it cannot."""
    try:
        server.start()
    except Refused as refused:
        assert refused.status == 1 and str(server.data) in refused.text, refused
        return 1
    server.tell(signal.SIGTERM)
    assert server.wait_end() in (0, 1)
    return 0


def fds(folder, times, seed, long):
    """No file descriptors are left: who is there goes on, who comes waits, and is served when there
    are some again. It is also started with too few."""
    server = new_victim(folder)
    with crowd_of(server, folder, seed) as crowd:
        for number in range(times):
            server.wait_acknowledged(10)
            before = server.set_descriptors(server.descriptors() + 10)
            with connections(server):
                eventually(lambda: server.said().count("none can be accepted") > number)
                server.wait_acknowledged(50)
                crowd.judge.read_history()
            Guest(server.address, f"late-{number}").close()
            server.set_descriptors(before)
            crowd.prove()
        figures = end(server, crowd)
    figures["starts refused"] = sum(start_with_few(server, len_max) for len_max in FEW)
    return figures


@contextlib.contextmanager
def connections(server):
    """So many connections that say nothing."""
    host, port = server.address.rsplit(":", 1)
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection((host, int(port)), DEADLINE))
        yield


def start_with_few(server, len_max):
    """Started with so few descriptors it serves, or says what is wrong."""
    server.descriptors_max = len_max
    try:
        server.start()
    except Refused as refused:
        assert refused.status == 1 and "parlad: " in refused.text, refused
        return 1
    finally:
        server.descriptors_max = None
    server.tell(signal.SIGTERM)
    assert server.wait_end() == 0
    return 0


def malloc(folder, times, seed, long):
    """Memory is short now and then, anywhere: calls are refused, nothing acknowledged is lost, and
    the server never crashes. It is also started so."""
    chance = random.Random(seed)
    server = new_victim(folder)
    stops = refused = 0
    with crowd_of(server, folder, seed) as crowd:
        for _ in range(times):
            server.wait_acknowledged(10)
            server.faults.set(mallocs_seed=chance.randrange(1 << 60))
            server.faults.set(mallocs_ppm=chance.choice([500, 5000, 50_000]))
            if not server.wait_failed("mallocs_failed", chance.randrange(1, 100)):
                stops += 1
                assert server.wait_end() == 1 and "memory" in server.said(), server.said()
                server.faults.clear()
                server.start()
            server.faults.clear()
            crowd.prove()
        figures = {"failed": server.faults.get("mallocs_failed"), **end(server, crowd, True)}
    for _ in range(2 * times):
        server.faults.set(mallocs_seed=chance.randrange(1 << 60))
        server.faults.set(mallocs_ppm=chance.choice([50, 500, 2000]))
        refused += is_refused_for_memory(server)
        server.faults.clear()
    return {"stops": stops, "starts refused": refused, **figures}


def is_refused_for_memory(server):
    """Starts it while memory is short; whether it said that it cannot."""
    try:
        server.start()
    except Refused as refused:
        assert refused.status == 1 and "parlad: " in refused.text, refused
        return 1
    server.tell(signal.SIGTERM)
    server.wait_end()
    return 0


def stop(folder, times, seed, long):
    """SIGSTOP: all waits, then all goes on; no lease and no session is lost by it."""
    server = new_victim(folder)
    with crowd_of(server, folder, seed) as crowd:
        for _ in range(times):
            server.wait_acknowledged(50)
            server.tell(signal.SIGSTOP)
            threading.Event().wait(30 if long else 1)
            server.tell(signal.SIGCONT)
            server.wait_acknowledged(50)
            crowd.prove()
        figures = end(server, crowd)
    assert "FAILED_PRECONDITION LEASE_LOST" not in figures["refusals"], figures
    return figures


def clock(folder, times, seed, long):
    """The time of day jumps an hour ahead and back: no session, no lease and no message ends by it,
    and what has its time ends when that has passed."""
    server = new_victim(folder, limits={"guest_idle_s": IDLE_S})
    with crowd_of(server, folder, seed) as crowd:
        crowd.judge.guest.create("brief", retention_seconds=IDLE_S)
        crowd.judge.guest.send("brief", "to stay for half an hour")
        for number, hours in enumerate((1, 0, -1, 0) * times if long else (1, -1)):
            server.wait_acknowledged(50)
            server.faults.set(clock_ms=hours * HOUR_MS)
            server.wait_acknowledged(50)
            lease_ends(server, crowd, f"short-{number}")
            crowd.prove()
            texts = [one.text for one in crowd.judge.guest.messages("brief")]
            assert texts == ["to stay for half an hour"], texts
            assert not [r for r in crowd.ledger.refusals if "LEASE_LOST" in r], "a lease ended"
        figures = end(server, crowd)
    assert not [r for r in figures["refusals"] if "UNAUTHENTICATED" in r], figures
    return figures


def lease_ends(server, crowd, room):
    """A lease of a second ends after about that."""
    guest = Guest(server.address, "judge", token=crowd.judge.guest.token)
    guest.create(room, delivery=api.ROOM_DELIVERY_ONE)
    sent = guest.send(room, "who has it?")
    first = guest.take(room, include_own=True, lease_seconds=1)
    assert first.taken().message == sent
    second = guest.take(room, include_own=True, lease_seconds=60)
    assert second.taken().attempt == 2
    guest.close()


def damage(folder, times, seed, long):
    """Bits flip, pages are overwritten, files end too early, between two runs: the server says so,
    or all that it serves is right, or `parlad check` tells; and a backup brings all back."""
    server = new_victim(folder)
    with crowd_of(server, folder, seed) as crowd:
        server.wait_acknowledged(1500 if long else 150)
        crowd.prove()
        before = crowd.ledger.lengths()
        backup = folder / "backup.db"
        server.backup(backup)
        server.wait_acknowledged(1500 if long else 150)
        crowd.finish()
        server.kill()
        saved = Saved(server, folder)
        token = crowd.judge.guest.token
        campaign = Campaign(server, saved, crowd.ledger, token)
        try:
            campaign.run(times, seed)
        finally:
            outcomes = dict(campaign.outcomes)
        saved.restore()
        assert server.check_data()[0]
        assert serve(server, token, crowd.ledger) == ("served", [])
        restore_backup(server, backup)
        check_backup(server, token, crowd.ledger, before)
        return {"outcomes": outcomes, **crowd.ledger.figures()}


def restore_backup(server, backup):
    """As the manual says: the file is the database of an empty folder."""
    shutil.rmtree(server.data)
    server.data.mkdir(mode=0o700)
    shutil.copy(backup, server.data / "parla.db")
    sound, text = server.check_data()
    assert sound, text


def check_backup(server, token, ledger, before):
    """It has all that was there before it began, and goes on."""
    server.start()
    guest = Guest(server.address, "judge", token=token)
    for room, length in before.items():
        _listed, streamed = read_room(guest, room)
        assert length <= len(streamed), f"{room}: {len(streamed)} of {length}"
        assert list(streamed.values()) == ledger.log_of(room)[: len(streamed)], room
    guest.send(LOG, "after the backup")
    guest.channel.close()
    server.stop_or_see_end()


SCENARIOS = {
    "damage": damage,
    "kill": kill,
    "disk-full": disk_full,
    "eio-write": eio_write,
    "eio-sync": eio_sync,
    "fds": fds,
    "malloc": malloc,
    "stop": stop,
    "clock": clock,
}

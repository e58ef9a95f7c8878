"""A campaign: rounds of load on one server, each up to the moment where all have left.

After each round everything that was acknowledged is looked up, and what the server then holds is
compared with what it held after the first one. What is known lies in the state folder, so that a
campaign goes on where it was broken off, with a new life of the server on the same data.
"""

import dataclasses
import json
import sys
import time

from comers import Historian, Newcomer, RoomMaker
from crowd import HASTY_ROOM, MAIN_ROOMS, WORK_ROOM, World, make_rooms
from launch import sanitizer_of
from ledger import Broken, Ledger
from readers import readers
from strays import Programs, Stray
from support.certificates import Authority
from support.deadline import DEADLINE
from support.server import Parlad
from watch import growth, sample, wait_for_end
from web import Browser, Curl
from workers import Asker, takers, wait_until_done
from writers import HastyWriter, Unsure, Writer

# What a server may hold more after the last round than after the first: see README.md.
GROWTH_KB_MAX = 6144
FIRST_ROUND_S, ROUND_S, SAMPLE_S = 60.0, 300.0, 5.0
# Of 900 guests each, and of 400 rooms: more than the rows of users, members and rooms that the
# engine keeps.
CROWDS, ROOM_CROWDS = 20, 11
# Shorter campaigns do not fill the caches, and are not judged by their memory.
JUDGED_S = 120.0
LIMITS = {
    "guest_idle_s": 90,
    "sign_ins": 0,  # all come from one address
    "tails_size": 128 * 1024,
    "pages_size": 1024 * 1024,
    "page_cache_size": 1024 * 1024,
}


class Campaign:
    """One campaign, from its beginning or from where it was broken off."""

    def __init__(self, options):
        self.options = options
        self.folder = options.state
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sanitizer = sanitizer_of(options.parlad)
        self.total_s = options.minutes * 60
        self.interrupted = False
        self.world = None
        self._server = None
        self._kept = self._read_state()
        self._ledger = Ledger(self.folder / "ledger.jsonl")
        self._samples = open(self.folder / "samples.jsonl", "a", encoding="utf-8", buffering=1)
        self._resting = None  # before anybody came
        self._first = None  # what is compared with: settled after the first round of this life

    # What lasts.

    def _read_state(self):
        path = self.folder / "state.json"
        options = self.options
        fresh = {"seed": options.seed, "tls": options.tls, "seconds": 0.0, "life": 0, "pid": 0}
        fresh |= {"counts": {}, "settled": [], "broken": [], "server_cpu_s": 0.0}
        return json.loads(path.read_text()) if path.exists() else fresh

    def _write_state(self):
        path = self.folder / "state.json.new"
        path.write_text(json.dumps(self._kept, indent=1) + "\n")
        path.rename(self.folder / "state.json")

    # Lives of the server.

    def _start(self):
        if self._kept["pid"]:
            wait_for_end(self._kept["pid"], DEADLINE)  # it ends by itself with who started it
        self._kept["life"] += 1
        tls = {}
        authority = Authority(self.folder) if self._kept["tls"] else None
        if authority is not None:
            pair = authority.issue()
            tls = {"tls_cert": pair.cert, "tls_key": pair.key}
        self._server = Parlad(self.folder, limits=LIMITS, loops=2, **tls)
        self._kept["pid"] = self._server.process.pid
        self._write_state()
        self._resting = self._sample("before all")
        self.world = World(
            self._server,
            self._ledger,
            self._kept["life"],
            self._kept["seed"],
            self.options.pace,
            authority,
        )

    def _stop(self):
        self._count()
        try:
            self._server.stop()
        except AssertionError as error:
            self._kept["broken"].append(f"the server's end: {error}")
        self._kept["pid"] = 0
        self._kept["broken"] += self._reports()

    def _reports(self):
        """What sanitizers have written."""
        reports = sorted(self.folder.glob("sanitizer.*"))
        return [f"{path}: {path.read_text(errors='replace')[:4000]}" for path in reports]

    def _count(self):
        for what, number in self.world.counts.items():
            self._kept["counts"][what] = self._kept["counts"].get(what, 0) + number
        self.world.counts.clear()

    def _sample(self, what):
        taken = sample(self._server.process.pid, self._server.data, self._kept["seconds"])
        self._samples.write(json.dumps({"what": what, **dataclasses.asdict(taken)}) + "\n")
        return taken

    def say(self, text):
        """A line for who looks on."""
        where = sys.stderr if self.options.json else sys.stdout
        print(f"{time.strftime('%H:%M:%S')} {text}", file=where, flush=True)

    def break_off(self):
        """Ends it soon, and in order; the same command goes on with it."""
        self.interrupted = True
        if self.world is not None:
            self.world.stopping.set()

    # Rounds.

    def run(self):
        """The exit status."""
        if self._kept["broken"]:
            self.say("it has broken before; take another state folder, or look at verdict.json")
            return self._tell()
        self._start()
        try:
            make_rooms(self.world)
            while self._left_s() > 0 and self._goes_on():
                self._round()
                self._write_state()
            if self._goes_on():
                self._check_logs(whole=True)
        except Exception as error:  # told in the verdict
            self.world.fail("the campaign", error)
        self._kept["broken"] += self.world.broken
        self._stop()
        self._write_state()
        self._ledger.close()
        self._samples.close()
        return self._tell()

    def _left_s(self):
        return self.total_s - self._kept["seconds"]

    def _goes_on(self):
        return not self.world.broken and not self.interrupted

    def _round_s(self):
        first = min(FIRST_ROUND_S, self.total_s / 2)
        left = self._left_s()
        wanted = first if self._first is None else ROUND_S
        return left if left < wanted + 1 else wanted

    def _round(self):
        world = self.world
        world.round += 1
        world.stopping.clear()
        streams, working = readers(world), takers(world)
        people = self._people()
        for actor in streams:
            actor.start()
        for actor in streams:
            actor.is_live.wait(2 * DEADLINE)
        for actor in people + working:
            actor.start()
        self._watch(self._round_s())
        world.stopping.set()
        for actor in people:
            actor.join()
        if not self.interrupted and not world.broken:
            last = self._last_words()
            wait_until_done(world)
        else:
            last = dict.fromkeys([*MAIN_ROOMS, HASTY_ROOM], 0)
        for actor in working:
            actor.finish()
        for actor in streams:
            actor.finish(last)
        if self._goes_on():
            self._check_logs()
        if self._goes_on():
            self._burst()
        if self._goes_on():
            self._settle()

    def _people(self):
        world = self.world
        options = self.options
        return [
            *(Writer(world, f"writer-{i}") for i in "abc"),
            HastyWriter(world, "hasty-writer"),
            Unsure(world, "unsure"),
            Asker(world, "asker"),
            *(Newcomer(world, f"newcomer-{i}") for i in "ab"),
            RoomMaker(world, "room-maker"),
            Historian(world, "historian"),
            Curl(world, "curl"),
            Browser(world, "browser"),
            Stray(world, "stray"),
            Programs(world, "program", options.parla, options.parla_bench, self.folder),
        ]

    def _watch(self, seconds):
        """Looks at the server while the load goes on."""
        end = self._kept["seconds"] + seconds
        told_s = self._kept["seconds"]
        while self._kept["seconds"] < end and self._goes_on():
            began = time.monotonic()
            self.world.stopping.wait(min(SAMPLE_S, end - self._kept["seconds"]))
            self._kept["seconds"] += time.monotonic() - began
            taken = self._sample("load")
            self._server.check()
            if self._reports():
                self.world.fail("the server", Broken("a sanitizer has reported"))
            if self._kept["seconds"] - told_s >= 60:
                told_s = self._kept["seconds"]
                self._progress(taken)
            self._count()
            self._write_state()

    def _progress(self, taken):
        self.say(
            f"{taken.seconds / 60:.1f} of {self.options.minutes:g} min:"
            f" {self._ledger.acknowledged_len} acknowledged, RSS {taken.rss_kb / 1024:.1f} MiB,"
            f" {taken.fds} fds, {taken.threads} threads, {taken.cpu_s:.0f} s of CPU"
        )

    def _last_words(self):
        """A message in each room that is read: where each reader must come to."""
        guest = self.world.guest("closing")
        last = {}
        for room in [*MAIN_ROOMS, HASTY_ROOM]:
            guest.join(room)
            text = self.world.fresh("the last of a round")
            last[room] = guest.send(room, text).sequence
            self._ledger.acknowledge(room, last[room], text)
        guest.sign_out()
        guest.close()
        return last

    def _check_logs(self, whole=False):
        """What was acknowledged is in the rooms' logs, once, where it was acknowledged to be."""
        guest = self.world.guest("auditor")
        for room in [*MAIN_ROOMS, WORK_ROOM, HASTY_ROOM]:
            guest.join(room)
            last = guest.call("GetRoom", room=room).room.last_message_sequence
            after = 0 if whole else max(0, last - 2000)
            listed = guest.messages(room, ascending=True, after=after, page_size=1000)
            told = [(message.sequence, message.text) for message in listed]
            if room == HASTY_ROOM:
                first = guest.call("GetRoom", room=room).room.first_sequence
                told = [entry for entry in told if entry[0] >= first]
                after = max(after, first - 1)
            self._ledger.check_page(room, after, told, "the log at the end", upto=last)
            self.world.count("messages read back", len(told))
        guest.sign_out()
        guest.close()

    def _burst(self):
        """A moment of full load, in each round alike. Where memory is judged, more guests than the
        server keeps in mind have come and gone before the first measuring."""
        if self.options.parla_bench is None:
            return
        scale = 1 if self._is_judged() else 20
        programs = Programs(self.world, "burst", None, self.options.parla_bench, self.folder)
        if self._is_judged() and self._first is None:
            for _ in range(CROWDS):
                programs.bench("fanout", "--subscribers=900", "--users=900", "--rooms=4", "--messages=8")
            for _ in range(ROOM_CROWDS):
                programs.bench("fanout", "--subscribers=1", "--rooms=400", "--messages=8")
        programs.bench("send", f"--messages={24000 // scale}", "--size=800", "--connections=8")
        programs.bench("fanout", "--subscribers=100", f"--messages={12000 // scale}")
        programs.bench("resume", f"--missed={2000 // scale}", "--streams=50", "--connections=10")

    def _is_judged(self):
        return not self.sanitizer and self.total_s >= JUDGED_S

    def _settle(self):
        """All have left: what the server holds then."""
        taken = self._wait_for_rest()
        settled = dataclasses.asdict(taken)
        settled |= {"life": self._kept["life"], "round": self.world.round}
        self._kept["settled"].append(settled)
        self.say(f"settled: {taken.fds} fds, RSS {taken.rss_kb} kB, {taken.threads} threads")
        if self._first is None:
            self._first = taken
            return
        for what in growth(self._first, taken, GROWTH_KB_MAX if self._is_judged() else None):
            self.world.fail("what is held", Broken(what))

    def _wait_for_rest(self):
        """No connection is left; where memory is judged, it has had time to be given back."""
        pause = self.world.stopping  # is set: used for its clock only
        pause.clear()
        for _ in range(120):
            taken = self._sample("settling")
            if taken.sockets <= self._resting.sockets:
                break
            pause.wait(0.5)
        else:
            raise Broken(f"{taken.sockets - self._resting.sockets} connections are left behind")
        steady, looks = taken, 0
        while self._is_judged() and looks < 4:
            pause.wait(4)
            taken = self._sample("settling")
            looks = looks + 1 if abs(taken.rss_kb - steady.rss_kb) < 128 else 0
            steady = taken
        pause.set()
        return taken

    # The end.

    def _tell(self):
        """Writes and tells the verdict; the exit status."""
        kept = self._kept
        whole = kept["seconds"] >= self.total_s - 0.5
        status = 1 if kept["broken"] else 0 if whole else 3
        word = {0: "good", 1: "broken", 3: "broken off"}[status]
        repeat = self.options.command
        verdict = {"verdict": word, "seed": kept["seed"], "minutes": round(kept["seconds"] / 60, 2)}
        verdict |= {"sanitizer": self.sanitizer, "tls": kept["tls"], "lives": kept["life"]}
        verdict |= {"memory_judged": self._is_judged(), "growth_kb_max": GROWTH_KB_MAX}
        verdict |= {name: kept[name] for name in ("broken", "counts", "settled")}
        verdict |= {"acknowledged": self._ledger.acknowledged_len, "repeat": repeat}
        (self.folder / "verdict.json").write_text(json.dumps(verdict, indent=1) + "\n")
        if self.options.json:
            print(json.dumps(verdict))
            return status
        for what in kept["broken"]:
            self.say(f"broken: {what}")
        for what, number in sorted(kept["counts"].items()):
            print(f"{number:>10}  {what}")
        if kept["broken"]:
            print(f"again, with another --state: {repeat}; {self.folder} has what was kept")
        elif status == 3:
            print(f"to go on: {repeat}")
        print(f"{word}: {verdict['minutes']} minutes, {verdict['acknowledged']} acknowledged")
        return status

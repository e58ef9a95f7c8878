"""bench/compare: its statistics, its pages, and a short run of all of it against real servers."""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPARE = ROOT / "bench" / "compare"
BUILD = pathlib.Path(shlex.split(os.environ.get("PARLAD", str(ROOT / "build" / "parlad")))[0]).parent

sys.path.insert(0, str(ROOT / "bench"))

from measure import figures, pages, pictures, results, servers, targets, works  # noqa: E402

PARLAD = ("parlad", "default")
CPU = targets.CPU


def run(work, server, value, number=1, variant="default", figure=CPU, **more):
    return {"work": work, "server": server, "variant": variant, "round": number, "scale": 1.0, "ok": True,
            "figures": {figure: value, **more}}


def void(work, server, why, number=1, variant="default"):
    return {"work": work, "server": server, "variant": variant, "round": number, "scale": 1.0, "ok": False, "why": why}


def row_of(work, figure=CPU):
    return next(row for row in targets.ROWS if (row.work, row.figure) == (work, figure))


def compare(*arguments):
    return subprocess.run([COMPARE, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=600)


def test_a_figure_is_the_median_and_the_spread_of_the_rounds():
    records = figures.Records([run("send", "parlad", value, number) for number, value in enumerate((5, 1, 2), 1)])
    assert records.figure("send", *PARLAD, CPU) == figures.Figure(2, 1, 5, 3)
    assert figures.shown(records.figure("send", *PARLAD, CPU), 1, " s") == "2 s (1–5)"


def test_one_round_has_no_spread_and_none_no_figure():
    records = figures.Records([run("send", "parlad", 0.25)])
    assert figures.shown(records.figure("send", *PARLAD, CPU)) == "0.25"
    assert figures.shown(records.figure("send", *PARLAD, "other")) == "–"
    assert figures.shown(records.figure("idle", *PARLAD, CPU)) == "–"


def test_ratios_are_of_the_same_round():
    records = figures.Records([
        run("paced", "parlad", 1, 1), run("paced", "redis", 2, 1),
        run("paced", "parlad", 10, 2), run("paced", "redis", 30, 2),
        run("paced", "parlad", 1, 3), run("paced", "redis", 2.5, 3),
        run("paced", "redis", 1000, 4), run("paced", "parlad", 0, 5), run("paced", "redis", 1, 5)])
    assert records.ratio("paced", ("redis", "default"), PARLAD, CPU) == figures.Figure(2.5, 2, 3, 3)
    assert records.ratio("paced", ("nats", "default"), PARLAD, CPU) is None


def test_the_last_record_of_a_run_counts_and_void_ones_do_not():
    records = figures.Records([run("send", "parlad", 1), run("send", "parlad", 2), void("idle", "redis", "lost: one")])
    assert records.figure("send", *PARLAD, CPU).median == 2
    assert records.figure("idle", "redis", "default", CPU) is None
    assert records.voids() == [(("idle", "redis", "default", 1), "lost: one")]


def test_another_is_judged_by_the_better_of_its_configurations():
    row = row_of("burst-10000")
    rounds = [run("burst-10000", "parlad", 2), run("burst-10000", "nats", 3),
              run("burst-10000", "redis", 1, variant="tuned"), run("burst-10000", "redis", 5)]
    assert figures.Records(rounds).best("burst-10000", "redis", CPU) == "tuned"
    assert row.met(figures.Records(rounds), row) is False
    rounds[2]["figures"][CPU] = 2.5
    assert row.met(figures.Records(rounds), row) is True
    assert row.others(figures.Records(rounds)) == "Redis 2.50 s, NATS 3 s"


def test_what_was_not_measured_is_neither_met_nor_missed():
    records = figures.Records([])
    for row in targets.ROWS:
        assert row.met(records, row) is None
        assert (row.measured(records), row.others(records)) == ("–", "–")


@pytest.mark.parametrize("work, figure, fine, wrong", [
    ("send", "sends_per_second", 40_000, 39_999),
    ("send-paced", "latency_p99_us", 5000, 5001),
    ("idle", "bytes_per_subscriber", 12 * 1024, 12 * 1024 + 1),
    ("fresh", "fresh_rss", 8 << 20, (8 << 20) + 1),
    ("stored", "ready_ms", 100, 100.5),
    ("resume", "deliveries_per_second", 500_000, 499_999),
])
def test_limits_are_met_up_to_their_value(work, figure, fine, wrong):
    row = row_of(work, figure)
    for value, met in ((fine, True), (wrong, False)):
        records = figures.Records([run(work, "parlad", value, figure=figure)])
        assert row.met(records, row) is met


def test_a_burst_is_judged_by_a_limit_and_by_another_server():
    row = row_of("burst-100")
    for own, other, met in ((0.4, 0.5, True), (0.4, 0.3, False), (0.5, 0.9, False)):
        records = figures.Records([run("burst-100", "parlad", own), run("burst-100", "nats", other)])
        assert row.met(records, row) is met
    assert row.met(figures.Records([run("burst-100", "parlad", 0.4)]), row) is None
    assert row.met(figures.Records([run("burst-100", "parlad", 0.6)]), row) is False


def test_many_rooms_are_judged_by_the_figure_of_one():
    row = row_of("rooms")
    for own, met in ((0.6, True), (0.61, False)):
        assert row.met(figures.Records([run("rooms", "parlad", own), run("burst-1000", "parlad", 0.3)]), row) is met


def test_slow_readers_may_change_rate_and_latency_by_a_tenth():
    row = row_of("slow", "stopped_deliveries_per_second")
    for rate, late, met in ((90, 110, True), (89, 100, False), (100, 111, False), (200, 1, True)):
        record = run("slow", "parlad", rate, figure="stopped_deliveries_per_second", stopped_latency_p99_us=late,
                     before_deliveries_per_second=100, before_latency_p99_us=100)
        assert row.met(figures.Records([record]), row) is met


@pytest.mark.parametrize("value, text", [
    (0, "0"), (0.126, "0.13"), (1, "1"), (9.87, "9.87"), (12.34, "12.3"), (123.4, "123"), (1234567, "1,234,567")])
def test_numbers_are_for_people(value, text):
    assert figures.number(value) == text


def test_every_target_is_one_of_a_work_that_runs_on_parlad():
    for row in targets.ROWS:
        assert ("parlad", row.variant) in works.named(row.work).runs()
        assert set(row.beside) <= {kind for kind, _variant in works.named(row.work).runs()}


def test_slow_servers_are_given_fewer_messages():
    work = works.named("burst-100")
    context = works.Context(None, None, scale=0.5)
    given = {kind: int(work.arguments(context, kind)[work.arguments(context, kind).index("--messages") + 1])
             for kind in ("parlad", "redis", "grpc-cpp", "grpc-python")}
    assert given["parlad"] == given["redis"] == work.messages / 2
    assert given["parlad"] > given["grpc-cpp"] > given["grpc-python"] >= work.messages_min


def test_what_stands_between_markers_is_replaced_and_nothing_else():
    text = "a\n<!-- begin x -->\nold\n\nolder\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n"
    filled = pages.fill(text, {"x": "new", "y": "1 \\1 \\g<0>"})
    assert filled == "a\n<!-- begin x -->\nnew\n<!-- end x -->\nb\n<!-- begin y -->\n1 \\1 \\g<0>\n<!-- end y -->\n"
    assert pages.fill(filled, {"x": "new", "y": "1 \\1 \\g<0>"}) == filled
    with pytest.raises(KeyError):
        pages.fill(text, {"x": "new"})


def test_each_part_of_the_page_has_its_place():
    text = (ROOT / "docs" / "PERFORMANCE.md").read_text(encoding="utf-8")
    markers = re.findall(r"<!-- begin ([\w-]+) -->", text)
    parts = pages.parts(figures.Records([]), works.Context(None, None), {})
    assert sorted(markers) == sorted(parts)
    for name in pictures.PICTURES:
        assert f"(pictures/{name}.svg)" in text


def test_a_void_run_is_named_on_the_page():
    records = figures.Records([void("paced", "mosquitto", "lost: message 7", 2, "tuned")])
    assert "Mosquitto, tuned, round 2: lost: message 7" in pages.voids_text(records)


GENERATOR_CPU = "generator_cpu_s_per_million"


def test_the_generator_must_be_idle_for_a_third_of_what_the_quickest_server_takes():
    for own, said in ((0.16, "1.56 × | yes |"), (0.17, "1.47 × | **no** |")):
        records = figures.Records([
            run("burst-1000", "parlad", 0.2, deliveries_per_second=4e6, **{GENERATOR_CPU: own}),
            run("burst-1000", "redis", 0.2, deliveries_per_second=3e6, **{GENERATOR_CPU: 1}),
            run("burst-1000", "source", 0.12, deliveries_per_second=8e6, **{GENERATOR_CPU: 0.1})])
        row = pages.generator_table(records, None).splitlines()[-1]
        assert "parlad: 4,000,000" in row and said in row
        assert row.endswith("| 8,000,000 | 96 % |")


def test_the_generators_limit_is_the_median_of_the_rounds():
    records = figures.Records([
        run("burst-100", "redis", 0.2, number, deliveries_per_second=rate, **{GENERATOR_CPU: own})
        for number, (rate, own) in enumerate(((2e6, 0.1), (4e6, 0.1), (5e6, 0.1)), 1)])
    row = pages.generator_table(records, None).splitlines()[-1]
    assert "| Redis, default: 4,000,000 | 0.10 (0.10–0.10) | 10,000,000 | 2.50 (2–5) × | yes | – | – |" in row
    assert pages.generator_table(figures.Records([]), None) == "Not measured yet."


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "PERFORMANCE.md").write_text(
        "# P\n<!-- begin burst-100 -->\n<!-- end burst-100 -->\n<!-- begin targets -->\n<!-- end targets -->\n",
        encoding="utf-8")
    return folder


def test_pages_and_pictures_are_made_from_results_alone_and_alike_each_time(docs, tmp_path):
    store = results.Results(tmp_path / "results")
    for number, value in enumerate((0.30, 0.32, 0.31), 1):
        store.add(run("burst-100", "parlad", value, number, deliveries_per_second=2e6))
        store.add(run("burst-100", "nats", value * 2, number, deliveries_per_second=1e6))
    with open(store.runs, "a", encoding="utf-8") as file:
        file.write('{"work": "burst-100", "ser')  # the machine went down
    seen = []
    for _ in range(2):
        done = compare("--render", "--results", store.folder, "--docs", docs)
        assert done.returncode == 0, done.stderr
        seen.append({file.name: file.read_bytes() for file in docs.rglob("*") if file.is_file()})
    assert seen[0] == seen[1]
    page = seen[0]["PERFORMANCE.md"].decode()
    assert "| parlad | 0.31 (0.30–0.32) | 2,000,000 (2,000,000–2,000,000) |" in page
    assert "| 0.31 s (0.30–0.32) | NATS 0.62 s | yes |" in page
    picture = seen[0]["burst.svg"].decode()
    assert picture.startswith("<?xml") and ">parlad<" in picture and "gnuplot 5" not in picture.lower()
    assert len(picture) < 32 * 1024


class Machine:
    """A folder of programs of our own: a server that says where it listens, and a generator."""

    SERVER = """#!/usr/bin/python3
import signal, sys
if "--version" not in sys.argv:
    print("listening on 127.0.0.1:1", flush=True)
    signal.pause()
"""

    def __init__(self, folder, generator):
        self.build = folder / "build"
        self.results = folder / "results"
        (self.build / "bench").mkdir(parents=True)
        self.add("parlad", self.SERVER)
        self.add("bench/bench-peers", generator)

    def add(self, name, text):
        (self.build / name).write_text(text, encoding="utf-8")
        (self.build / name).chmod(0o755)

    def compare(self, docs, *arguments):
        return compare("--build", self.build, "--results", self.results, "--docs", docs, "--only", "send", "--rounds",
                       "2", *arguments)

    def records(self):
        return results.Results(self.results).records()


FINE = f"""#!/bin/bash
echo run >>"$(dirname "$0")/../ran"
echo '{json.dumps({"command": "send", "sends_per_second": 50000.5})}'
"""


def test_results_are_kept_and_gone_on_with(docs, tmp_path):
    machine = Machine(tmp_path, FINE)
    assert machine.compare(docs).returncode == 0
    first = machine.records()
    assert [(record["round"], record["ok"], record["figures"]["sends_per_second"]) for record in first] == [
        (1, True, 50000.5), (2, True, 50000.5)]
    done = machine.compare(docs)
    assert "done before" in done.stderr and machine.records() == first
    assert machine.compare(docs, "--again").returncode == 0
    assert len(machine.records()) == 2
    assert len((machine.build / "ran").read_text().splitlines()) == 4
    assert "| 50,000/s (50,000–50,000) |" in (docs / "PERFORMANCE.md").read_text(encoding="utf-8")


def test_a_run_that_loses_a_message_is_void_and_runs_again(docs, tmp_path):
    machine = Machine(tmp_path, "#!/bin/bash\necho 'parla-bench: lost: message 3' >&2\nexit 1\n")
    done = machine.compare(docs)
    assert done.returncode == 1
    assert "void: lost: message 3" in done.stderr
    machine.add("bench/bench-peers", FINE)
    assert machine.compare(docs).returncode == 0
    assert figures.Records(machine.records()).figure("send", *PARLAD, "sends_per_second").len == 2


def test_a_server_that_does_not_start_is_named(docs, tmp_path):
    machine = Machine(tmp_path, FINE)
    machine.add("parlad", "#!/bin/bash\necho no disk >&2\n")
    done = machine.compare(docs)
    assert done.returncode == 1
    assert "void: parlad did not start: no disk" in done.stderr


@pytest.mark.parametrize("arguments, said", [
    (["--only", "nothing"], "there is no work 'nothing'"),
    (["--server", "apache"], "there is no server 'apache'"),
    (["--rounds", "0"], "more than 0"),
])
def test_what_is_not_there_is_said(arguments, said):
    done = compare(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_short_run_measures_each_server_that_is_installed():
    done = compare("--short", "--build", BUILD)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if ", short-burst, " in line]
    assert len(lines) == len(works.SHORT[0].runs())
    told = {line.split(", short-burst, ")[1].split(":")[0]: line for line in lines}
    for name in ("parlad", "Redis, default", "Redis, tuned", "gRPC Python, default", "gRPC Python, tuned"):
        assert "s CPU a million" in told[name]
    for line in lines:
        assert "s CPU a million" in line or re.search(r"not measured: [\w-]+ is not (installed|built)", line)


def test_a_server_that_dies_is_named(docs, tmp_path):
    machine = Machine(tmp_path, FINE)
    machine.add("bench/bench-peers", FINE + 'while [[ $1 != --pid ]]; do shift; done; kill -9 "$2"\n'
                                           'while [[ -e /proc/$2/exe ]]; do :; done\n')
    done = machine.compare(docs)
    assert done.returncode == 1
    assert "void: parlad has ended" in done.stderr


def test_a_server_ends_with_its_run(tmp_path):
    with servers.Server(servers.Tools(BUILD), "redis", "default", tmp_path / "redis") as server:
        assert server.rss() > 1 << 20
        process = server.process
        assert process.poll() is None
    assert process.poll() is not None

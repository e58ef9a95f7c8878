"""The tables of docs/PERFORMANCE.md: text between markers, written anew from the records.

<!-- begin NAME -->
<!-- end NAME -->
"""

import re

from . import servers, targets, works
from .figures import Figure, number, shown

MS = 1e-3
KB = targets.KB
MB = targets.MB


def table(head, rows, numbers=()):
    """A table of Markdown; columns of `numbers` stand at the right."""
    if not rows:
        return "Not measured yet."
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---:" if column in numbers else "---" for column in range(len(head))) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def server_name(kind, variant):
    label = servers.LABELS[kind]
    return label if kind in ("parlad", "source") or len(servers.VARIANTS[kind]) == 1 else f"{label}, {variant}"


def targets_table(records, context):
    rows = []
    for row in targets.ROWS:
        met = row.met(records, row)
        rows.append([row.title.format(stored=targets.stored(records)), row.must, row.measured(records),
                     row.others(records), {True: "yes", False: "**no**", None: "–"}[met],
                     f"`{works.named(row.work).shown(context)}`"])
    return table(["work", "must be", "parlad", "beside it", "met", "repeat with"], rows)


def runs_of(records, names):
    """Each server and variant that has a run in one of the works, in the order of tables."""
    return [(kind, variant) for kind in servers.LABELS for variant in servers.VARIANTS[kind]
            if any(records.of(name, kind, variant) for name in names)]


def work_table(records, name, columns):
    """One work: a row for each server. `columns`: (title, figure, factor)."""
    head = ["server"] + [column[0] for column in columns] + ["CPU, times parlad's"]
    rows = []
    for kind, variant in runs_of(records, [name]):
        row = [server_name(kind, variant)]
        row += [shown(records.figure(name, kind, variant, figure), factor) for _title, figure, factor in columns]
        row.append(shown(records.ratio(name, (kind, variant), targets.PARLAD, targets.CPU)))
        rows.append(row)
    return table(head, rows, range(1, len(head)))


BURST_COLUMNS = (("server's CPU a million, s", targets.CPU, 1), ("deliveries/s", "deliveries_per_second", 1),
                 ("p99, ms", "latency_p99_us", MS), ("generator's CPU a million, s", "generator_cpu_s_per_million", 1),
                 ("memory after, MB", "server_rss_after", MB))

PACED_COLUMNS = (("server's CPU a million, s", targets.CPU, 1), ("p50, ms", "latency_p50_us", MS),
                 ("p99, ms", "latency_p99_us", MS), ("p99.9, ms", "latency_p999_us", MS),
                 ("generator's CPU a million, s", "generator_cpu_s_per_million", 1))


def memory_table(records, _context):
    rows = []
    names = ("fresh", "idle", "idle-streams", "idle-tls")
    for kind, variant in runs_of(records, names):
        def cell(work, figure, factor, server=(kind, variant)):
            return shown(records.figure(work, *server, figure), factor)
        rows.append([server_name(kind, variant) + (" with TLS" if variant == "tls" else ""),
                     cell("fresh", "fresh_rss", MB),
                     cell("idle-tls" if variant == "tls" else "idle", "bytes_per_subscriber", KB),
                     cell("idle-streams", "bytes_per_stream", KB),
                     cell("idle-tls" if variant == "tls" else "idle", "connections_per_second", 1)])
    head = ["server", "fresh, MB", "an idle subscriber's connection, KB", "a further stream, KB", "connections/s"]
    return table(head, rows, range(1, len(head)))


# What parlad alone is asked: (work, what, figure, factor, unit).
ALONE = (
    ("rooms", "CPU a million deliveries", targets.CPU, 1, " s"),
    ("rooms", "deliveries", "deliveries_per_second", 1, "/s"),
    ("send", "sends", "sends_per_second", 1, "/s"),
    ("send", "p99", "latency_p99_us", MS, " ms"),
    ("send", "CPU a million sends", targets.CPU, 1, " s"),
    ("send-paced", "p50", "latency_p50_us", MS, " ms"),
    ("send-paced", "p99", "latency_p99_us", MS, " ms"),
    ("idle-100000", "memory before the message", "server_rss_after", MB, " MB"),
    ("idle-100000", "the message, until all had it", "message_max_us", MS, " ms"),
    ("stored", "the data's size", "stored_size", MB, " MB"),
    ("stored", "start to `listening`", "ready_ms", 1, " ms"),
    ("stored", "pages of 50", "pages_per_second", 1, "/s"),
    ("stored", "a page, p99", "latency_p99_us", MS, " ms"),
    ("resume", "deliveries", "deliveries_per_second", 1, "/s"),
    ("resume", "until all have caught up", "seconds", 1, " s"),
    ("slow", "all read: deliveries", "before_deliveries_per_second", 1, "/s"),
    ("slow", "10 stopped: deliveries", "stopped_deliveries_per_second", 1, "/s"),
    ("slow", "all read: p99", "before_latency_p99_us", MS, " ms"),
    ("slow", "10 stopped: p99", "stopped_latency_p99_us", MS, " ms"),
    ("slow", "10 stopped: memory, at most", "stopped_server_rss_max", MB, " MB"),
    ("slow", "let go: until they have everything", "after_seconds", 1, " s"),
)


def alone_table(records, _context):
    rows = []
    for name, what, figure, factor, unit in ALONE:
        found = records.figure(name, "parlad", "default", figure)
        if found is not None:
            rows.append([works.named(name).title, what, shown(found, factor, unit)])
    return table(["work", "what", "measured"], rows, (2,))


# How many times the quickest server's deliveries the generator must be able to take.
HEADROOM = 1.5


def quickest(records, name):
    """The server, and its configuration, whose deliveries a second have the highest median; None where there is none."""
    found = [(records.figure(name, kind, variant, "deliveries_per_second"), (kind, variant))
             for kind, variant in runs_of(records, [name]) if kind != "source"]
    rates = [(figure.median, server) for figure, server in found if figure is not None]
    return max(rates)[1] if rates else None


def per_round(records, name, server, figure):
    """A figure of each round that has what it is made from: `figure` takes the CPU seconds that the generator and the
    server used for a million deliveries, and how many million deliveries a second there were."""
    found = [record["figures"] for record in records.of(name, *server).values()]
    keys = ("generator_cpu_s_per_million", targets.CPU, "deliveries_per_second")
    return Figure.of(figure(run[keys[0]], run[keys[1]], run[keys[2]] / 1e6)
                     for run in found if all(run.get(key) for key in keys))


def generator_table(records, _context):
    """The generator's own limit: what its one thread could take of the quickest server's bytes, by the CPU that it used
    for them; and what it takes from the bare loop, beside how busy that is."""
    rows = []
    for name in ("burst-100", "burst-1000", "burst-10000", "gateway"):
        server, source = quickest(records, name), ("source", "default")
        if server is None:
            continue
        limit = per_round(records, name, server, lambda own, _theirs, _rate: 1e6 / own)
        times = per_round(records, name, server, lambda own, _theirs, rate: 1 / (own * rate))
        if times is None:
            continue
        busy = per_round(records, name, source, lambda _own, theirs, rate: theirs * rate)
        rows.append([works.named(name).title,
                     f"{server_name(*server)}: {number(records.figure(name, *server, 'deliveries_per_second').median)}",
                     shown(records.figure(name, *server, "generator_cpu_s_per_million")), number(limit.median),
                     f"{shown(times)} ×", "yes" if times.median >= HEADROOM else "**no**",
                     shown(records.figure(name, *source, "deliveries_per_second")), shown(busy, 100, " %")])
    head = ["work", "the quickest server, deliveries/s", "generator's CPU on its bytes, s a million",
            "so its thread can take, deliveries/s", "times the quickest", f"≥ {HEADROOM}",
            "it took from the bare loop, deliveries/s", "whose core was busy"]
    return table(head, rows, (1, 2, 3, 4, 6, 7))


def split_table(records, _context):
    """How much of a delivery's CPU is the message's own: its call, the engine, the store, the disk."""
    send = records.figure("send", *targets.PARLAD, targets.CPU)
    rows = []
    for name, subscribers in (("burst-100", 100), ("burst-1000", 1000), ("burst-10000", 10000)):
        whole = records.figure(name, *targets.PARLAD, targets.CPU)
        source = records.figure(name, "source", "default", targets.CPU)
        if send is not None and whole is not None:
            part = send.median / subscribers
            rows.append([works.named(name).title, number(whole.median, 3), number(part, 3),
                         number(whole.median - part, 3), "–" if source is None else number(source.median, 3)])
    head = ["work", "parlad, s a million", "of it the send, shared by all who get it", "the delivery", "bare loop"]
    return table(head, rows, (1, 2, 3, 4))


def configuration_table(_records, _context):
    rows = [[servers.LABELS[kind], variant, note] for (kind, variant), note in servers.NOTES.items()]
    return table(["server", "configuration", "what it sets beyond an address and a folder"], rows)


def machine_text(about):
    if not about:
        return "Not measured yet."
    versions = ", ".join(f"{servers.LABELS[kind]} {said}" for kind, said in about["versions"].items() if said)
    return (f"Measured on {about['date']}: {about['processor']}, {about['cores']} cores, "
            f"{about['memory'] / 2 ** 30:.0f} GB; {about['system']}, Linux {about['kernel']}, {about['filesystem']}; "
            f"{about['compiler']}, release build. {versions}. Rounds: {about['rounds']}; scale: {about['scale']:g}.")


def voids_text(records):
    voids = records.voids()
    if not voids:
        return "No run was void."
    return "Void, and not counted:\n\n" + "\n".join(
        f"- {works.named(work).title}, {server_name(kind, variant)}, round {number_}: {why}"
        for (work, kind, variant, number_), why in voids)


def parts(records, context, about):
    """All texts between markers, by their names."""
    return {
        "targets": targets_table(records, context),
        "machine": machine_text(about),
        "burst-100": work_table(records, "burst-100", BURST_COLUMNS),
        "burst-1000": work_table(records, "burst-1000", BURST_COLUMNS),
        "burst-10000": work_table(records, "burst-10000", BURST_COLUMNS),
        "gateway": work_table(records, "gateway", BURST_COLUMNS),
        "paced": work_table(records, "paced", PACED_COLUMNS),
        "memory": memory_table(records, context),
        "alone": alone_table(records, context),
        "generator": generator_table(records, context),
        "split": split_table(records, context),
        "configurations": configuration_table(records, context),
        "voids": voids_text(records),
    }


def fill(text, filled):
    """The text with what stands between its markers replaced. KeyError for a marker that nothing is known of."""
    def replace(match):
        return f"<!-- begin {match['name']} -->\n{filled[match['name']]}\n<!-- end {match['name']} -->"
    return re.sub(r"<!-- begin (?P<name>[\w-]+) -->\n.*?<!-- end (?P=name) -->", replace, text, flags=re.DOTALL)

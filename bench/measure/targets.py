"""What must be reached: the rows of the first table of docs/PERFORMANCE.md.

A row shows one figure of one work, for parlad and beside it for the others, and says whether it is met.
"""

import dataclasses

from . import servers
from .figures import shown

PARLAD = ("parlad", "default")
KB = 1 / 1024
MB = KB / 1024
CPU = "server_cpu_s_per_million"


@dataclasses.dataclass(frozen=True)
class Row:
    """CPU is the server's; messages have 100 bytes. `met` takes the records and says True, False, or None where there is nothing to say."""
    title: str
    must: str
    work: str
    figure: str
    met: object
    unit: str = ""
    factor: float = 1.0
    beside: tuple = ()
    variant: str = "default"

    def measured(self, records):
        return shown(records.figure(self.work, "parlad", self.variant, self.figure), self.factor, self.unit)

    def others(self, records):
        """The others' figures, each in the better of its configurations."""
        said = []
        for kind in self.beside:
            variant = records.best(self.work, kind, self.figure)
            if variant is not None:
                figure = records.figure(self.work, kind, variant, self.figure)
                said.append(f"{servers.LABELS[kind]} {shown(dataclasses.replace(figure, len=1), self.factor, self.unit)}")
        return ", ".join(said) or "–"


def both(*answers):
    """All are true; unknown where one is unknown and none is false."""
    if False in answers:
        return False
    return None if None in answers else True


def value(records, work, figure, variant="default"):
    found = records.figure(work, "parlad", variant, figure)
    return None if found is None else found.median


def at_most(limit, factor=1.0):
    def met(records, row):
        found = value(records, row.work, row.figure, row.variant)
        return None if found is None else found * factor <= limit
    return met


def at_least(limit):
    def met(records, row):
        found = value(records, row.work, row.figure, row.variant)
        return None if found is None else found >= limit
    return met


def times(records, row, kind):
    """How many times parlad's figure the other's is, in its better configuration: the median of the rounds."""
    variant = records.best(row.work, kind, row.figure)
    found = None if variant is None else records.ratio(row.work, (kind, variant), PARLAD, row.figure)
    return None if found is None else found.median


def less_than(*kinds):
    def met(records, row):
        ratios = [times(records, row, kind) for kind in kinds]
        return both(*(None if ratio is None else ratio > 1 for ratio in ratios))
    return met


def within(factor, kind):
    """At most so many times the other's."""
    def met(records, row):
        ratio = times(records, row, kind)
        return None if ratio is None else ratio * factor >= 1
    return met


def all_of(*checks):
    return lambda records, row: both(*(check(records, row) for check in checks))


def within_work(factor, work):
    """At most so many times the same figure of another work."""
    def met(records, row):
        here, there = value(records, row.work, row.figure), value(records, work, row.figure)
        return None if here is None or there is None else here <= factor * there
    return met


def changes_less(percent, *pairs):
    """Each pair of figures, before and after, where the first of the pair says whether more is better."""
    def met(records, row):
        answers = []
        for more_is_better, before, after in pairs:
            was, now = value(records, row.work, before), value(records, row.work, after)
            if was is None or now is None:
                answers.append(None)
            elif more_is_better:
                answers.append(now >= was * (1 - percent / 100))
            else:
                answers.append(now <= was * (1 + percent / 100))
        return both(*answers)
    return met


BROKERS = ("redis", "nats", "mosquitto")
GRPC = ("grpc-cpp", "grpc-python")

ROWS = (
    Row("burst, 100 subscribers, 64 in flight: CPU a million deliveries",
        "≤ 0.45 s, less than NATS; aim: 0.35 s, less than Redis", "burst-100", CPU,
        all_of(at_most(0.45), less_than("nats")), " s", beside=BROKERS + GRPC),
    Row("the same, 1,000 subscribers", "≤ 0.35 s, less than Redis", "burst-1000", CPU,
        all_of(at_most(0.35), less_than("redis")), " s", beside=BROKERS + GRPC),
    Row("the same, 10,000 subscribers", "less than Redis and NATS", "burst-10000", CPU,
        less_than("redis", "nats"), " s", beside=BROKERS + ("grpc-cpp",)),
    Row("1,000 streams on 10 connections", "≤ 0.12 s", "gateway", CPU, at_most(0.12), " s",
        beside=("nats",) + GRPC),
    Row("paced, 1,000/s to 100 subscribers: CPU a million deliveries", "less than Redis", "paced", CPU,
        less_than("redis"), " s", beside=BROKERS + ("grpc-cpp",)),
    Row("the same: latency, p99, the disk included", "≤ 1.5 × Redis", "paced", "latency_p99_us",
        within(1.5, "redis"), " ms", 1e-3, BROKERS + ("grpc-cpp",)),
    Row("1,000 streams of 100 busy rooms: CPU a million deliveries", "≤ 2 × that of one room", "rooms",
        CPU, within_work(2, "burst-1000"), " s"),
    Row("acknowledged durable sends, 256 in flight", "≥ 40,000/s; aim: 100,000/s", "send", "sends_per_second",
        at_least(40_000), "/s"),
    Row("durable sends, 1,000 a second: latency, p99", "≤ 5 ms", "send-paced", "latency_p99_us", at_most(5000), " ms",
        1e-3),
    Row("memory of an idle subscriber's connection, of 10,000", "≤ 12 KB; aim: 8 KB", "idle", "bytes_per_subscriber",
        at_most(12, KB), " KB", KB, BROKERS + GRPC),
    Row("of each further stream on a connection", "≤ 1 KB", "idle-streams", "bytes_per_stream", at_most(1, KB), " KB",
        KB, GRPC),
    Row("of an idle subscriber's connection with TLS", "aim: 24 KB", "idle-tls", "bytes_per_subscriber",
        at_most(24, KB), " KB", KB, variant="tls"),
    Row("100,000 idle subscribers, then a message to all: who got it", "100,000", "idle-100000",
        "message_deliveries", at_least(100_000)),
    Row("idle server, nothing stored: memory", "≤ 8 MB", "fresh", "fresh_rss", at_most(8, MB), " MB", MB,
        BROKERS + GRPC),
    Row("start to `listening`, {stored:,} messages stored", "≤ 100 ms", "stored", "ready_ms", at_most(100), " ms"),
    Row("a page of 50 messages from a room of {stored:,}: latency, p99", "≤ 2 ms", "stored", "latency_p99_us",
        at_most(2000), " ms", 1e-3),
    Row("10,000 streams resume after 1,000 missed messages each", "≥ 500,000 deliveries/s", "resume",
        "deliveries_per_second", at_least(500_000), "/s"),
    Row("10 of 1,000 readers stopped for a minute: the others' deliveries", "≥ 90 % of before; p99 ≤ 110 %", "slow",
        "stopped_deliveries_per_second",
        changes_less(10, (True, "before_deliveries_per_second", "stopped_deliveries_per_second"),
                     (False, "before_latency_p99_us", "stopped_latency_p99_us")), "/s"),
)


def stored(records):
    """How many messages the room had."""
    found = value(records, "stored", "messages")
    return 10_000_000 if found is None else round(found)

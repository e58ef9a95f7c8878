"""Figures of several rounds: medians, spread, and ratios of runs in the same round."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Figure:
    """A median, and the lowest and the highest of what it is the median of."""
    median: float
    low: float
    high: float
    len: int

    @classmethod
    def of(cls, values):
        values = list(values)
        return cls(statistics.median(values), min(values), max(values), len(values)) if values else None


class Records:
    """What was measured; the last record of a run counts."""

    def __init__(self, records):
        self.runs = {}
        for record in records:
            self.runs[record["work"], record["server"], record["variant"], record.get("round", 1)] = record

    def of(self, work, server, variant):
        """Its records that count, by round."""
        return {key[3]: record for key, record in sorted(self.runs.items())
                if key[:3] == (work, server, variant) and record["ok"]}

    def voids(self):
        """Runs that do not count, and are not for want of a program."""
        return [(key, record["why"]) for key, record in sorted(self.runs.items()) if "why" in record]

    def variants(self, work, server):
        return sorted({key[2] for key in self.runs if key[:2] == (work, server)})

    def figure(self, work, server, variant, name):
        """The figure over all rounds, or None."""
        return Figure.of(record["figures"][name] for record in self.of(work, server, variant).values()
                         if name in record["figures"])

    def ratio(self, work, above, below, name):
        """How many times the first's figure is the second's, round by round. Each is a pair of a server and a variant."""
        lower = self.of(work, *below)
        ratios = []
        for number, record in self.of(work, *above).items():
            if number not in lower:
                continue
            value, base = (run["figures"].get(name) for run in (record, lower[number]))
            if value is not None and base:
                ratios.append(value / base)
        return Figure.of(ratios)

    def best(self, work, server, name):
        """The variant whose median is the lowest, or None."""
        medians = []
        for variant in self.variants(work, server):
            figure = self.figure(work, server, variant, name)
            if figure is not None:
                medians.append((figure.median, variant))
        return min(medians)[1] if medians else None


def number(value, digits=2):
    """For people: three significant digits, thousands apart."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100 or value == int(value):
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.{digits}f}"


def shown(figure, factor=1.0, unit=""):
    """The median, and the spread where there is one."""
    if figure is None:
        return "–"
    text = number(figure.median * factor) + unit
    if figure.len > 1:
        text += f" ({number(figure.low * factor)}–{number(figure.high * factor)})"
    return text

"""Pictures for docs/PERFORMANCE.md, drawn by gnuplot. The same figures give the same bytes."""

import pathlib
import re
import subprocess
import tempfile

from . import servers, targets

SCRIPTS = pathlib.Path(__file__).resolve().parents[1] / "pictures"

# Columns of each picture: (work, figure, factor).
PICTURES = {
    "burst": [("burst-100", targets.CPU, 1), ("burst-1000", targets.CPU, 1), ("burst-10000", targets.CPU, 1)],
    "paced": [("paced", targets.CPU, 1), ("paced", "latency_p99_us", 1e-3)],
    "memory": [("idle", "bytes_per_subscriber", targets.KB)],
}


def data_of(records, columns):
    """A line for each server that has a figure: its name, then the figures; each server in its better configuration."""
    lines = []
    for kind, label in servers.LABELS.items():
        if kind == "source":
            continue
        cells = []
        for work, figure, factor in columns:
            variant = records.best(work, kind, figure)
            found = None if variant is None else records.figure(work, kind, variant, figure)
            cells.append("?" if found is None else f"{found.median * factor:.4g}")
        if any(cell != "?" for cell in cells):
            lines.append("\t".join([label, *cells]))
    return "".join(line + "\n" for line in lines)


def plain(text):
    """What depends on the program that drew it goes, and blanks at the ends of lines."""
    text = re.sub(r"<desc>.*?</desc>\n?", "", text, flags=re.DOTALL)
    return re.sub(r"[ \t\r]+$", "", text, flags=re.MULTILINE)


def draw(records, folder):
    """Draws what there are figures for. Returns the files."""
    drawn = []
    folder.mkdir(parents=True, exist_ok=True)
    for name, columns in PICTURES.items():
        data = data_of(records, columns)
        if not data:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch) / "data"
            file.write_text(data, encoding="utf-8")
            picture = pathlib.Path(scratch) / "picture.svg"
            subprocess.run([servers.installed("gnuplot"), "-e",
                            f"here='{SCRIPTS}'; data='{file}'; picture='{picture}'", SCRIPTS / f"{name}.gp"],
                           check=True, capture_output=True)
            target = folder / f"{name}.svg"
            target.write_text(plain(picture.read_text(encoding="utf-8")), encoding="utf-8")
            drawn.append(target)
    return drawn

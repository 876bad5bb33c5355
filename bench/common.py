"""What the benchmarks share: figures with limits, printed for people or for machines, and what they were measured on."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured figure; `least` and `most` are what `--check` lets pass."""

    name: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def passes(self) -> bool:
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)

    @property
    def limit(self) -> str:
        """The limits in words, "" without any."""
        limits = (("at least", self.least), ("at most", self.most))
        return ", ".join(f"{word} {value:g}" for word, value in limits if value is not None)


def arguments(text: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes: `--seed`, `--json`, `--check`."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a figure misses its limit")
    return parser


def report(figures: Sequence[Figure], options: argparse.Namespace) -> int:
    """Print the figures with what they were measured on; the exit code."""
    if options.json:
        found = {f.name: {"value": f.value, "unit": f.unit, "least": f.least, "most": f.most} for f in figures}
        print(json.dumps({"figures": found, "machine": machine()}, indent=2))
    else:
        for figure in figures:
            limit = f"   ({figure.limit})" if figure.limit else ""
            print(f"{figure.name:<26}{figure.value:>12.2f} {figure.unit}{limit}".rstrip())
        print(f"measured on {machine()}")
    return int(options.check and not all(figure.passes for figure in figures))


def machine() -> str:
    """Processor, cores, load and Python of this machine."""
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"{_processor()}, {os.cpu_count()} cores, {load}, Python {platform.python_version()}, {platform.system()}"


def _processor() -> str:
    """The processor's name as Linux tells it, elsewhere its architecture."""
    names = Path("/proc/cpuinfo")
    lines = names.read_text(encoding="utf-8").splitlines() if names.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

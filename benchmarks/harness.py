"""What a benchmark gives: named figures, each beside the bar that it has to meet."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Figure:
    """One measured number.

    Attributes:
        name: What was measured, in words.
        value: The measurement, in `unit`.
        bar: What it has to meet; None where the figure is only stated.
        unit: `ms`, `s`, `MB`, `×`, …
        better: Whether the value may be at most, or has to be at least, the bar.
        note: How it was measured, if the name does not say.
    """

    name: str
    value: float
    bar: float | None
    unit: str
    better: Literal["lower", "higher"] = "lower"
    note: str = ""

    @property
    def verdict(self) -> Literal["pass", "miss", "stated"]:
        """How the value stands to the bar; equal is a pass, and what is no number a miss."""
        if self.bar is None:
            return "stated"
        met = self.value <= self.bar if self.better == "lower" else self.value >= self.bar
        return "pass" if met else "miss"

    def row(self) -> tuple[str, str, str, str, str]:
        """Return name, bar, value, verdict and note as a table shows them."""
        sign = "≤" if self.better == "lower" else "≥"
        bar = "" if self.bar is None else f"{sign} {self.bar:g} {self.unit}"
        return self.name, bar, f"{self.value:.3g} {self.unit}", self.verdict, self.note


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, without an end of line."""
    everything = [headings, ["---"] * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in everything)


def circumstances() -> str:
    """Return commit, date, machine and Python in one line."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    return " · ".join(
        (
            f"commit {_commit()}",
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            f"{os.cpu_count()} cores, {_processor()}, {load}",
            f"{platform.system()}, Python {platform.python_version()}",
        )
    )


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    commit = git("rev-parse", "--short", "HEAD")
    if not commit:
        return "unknown"
    return commit + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

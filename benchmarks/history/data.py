"""A history to ask: 10,000 profiles of 500 cells in 50 notebooks, 30 functions each, over 65 days.

Times are log-normal around a level of each cell, a third of which takes a step on some day; every fifth
profile follows an edit. All of it follows from one seed.
"""

import hashlib
import math
import random
from collections.abc import Iterator
from dataclasses import replace

from kosmos_nb.history import Environment, FunctionStat, History, ProfileResult

PROFILES, FUNCTIONS = 10_000, 30
NOTEBOOKS, CELLS = 50, 10  # cells of each notebook
DAYS, SEED = 65, 4
NEWEST_US = 1_790_000_000_000_000
DAY_US = 86_400_000_000
NOTEBOOK = "/notebooks/notebook_07.ipynb"  # one of them
NEEDLE = "groupby('city_17')"  # in the source of some cells
_WORDS = "read clean merge join sort group pivot encode scale split fit predict score plot save".split()
_NAMES = [f"{word}_{noun}" for word in _WORDS for noun in "rows table frame index model cache".split()]
_PLACES = [
    Environment(host_class="AMD EPYC, 2 cores, 8 GB", system="Linux", packages=(f"numpy {n}", "pandas 3.1.1"))
    for n in ("2.3.0", "2.4.1")
]


def fill(history: History) -> None:
    """Save all profiles, in order of their stamps."""
    for profile in profiles():
        history.save(profile)


def profiles() -> Iterator[ProfileResult]:
    """Make the profiles, oldest first."""
    draw = random.Random(SEED)
    cells = [_Cell(draw, notebook, cell) for notebook in range(NOTEBOOKS) for cell in range(CELLS)]
    for n in range(PROFILES):
        share = n / PROFILES
        at_us = NEWEST_US - round((1 - share) * DAYS * DAY_US)
        yield draw.choice(cells).run(draw, n, at_us, share)


class _Cell:
    """One cell: its source, its level, and the day on which it gets slower or faster."""

    def __init__(self, draw: random.Random, notebook: int, cell: int) -> None:
        self._notebook = f"/notebooks/notebook_{notebook:02}.ipynb"
        self._id = f"{notebook:04}-{cell:04}"
        self._level_s = math.exp(draw.gauss(0, 1.5))
        self._step_at, self._step = draw.random(), draw.choice((1, 1, 1, 1, 1.6, 0.6))
        self._edits = 0
        self._names = draw.sample(_NAMES, FUNCTIONS)
        self._city = draw.randrange(100)

    def run(self, draw: random.Random, n: int, at_us: int, share: float) -> ProfileResult:
        """Return one profile of it."""
        self._edits += draw.random() < 0.2
        code = f"frame = load('part_{self._id}')  # edit {self._edits}\n"
        code += f"frame.groupby('city_{self._city}').price.median()\n" + "frame = step(frame)\n" * 8
        level_s = self._level_s * (self._step if share > self._step_at else 1)
        wall_s = level_s * math.exp(draw.gauss(0, 0.1))
        shares = [draw.random() ** 3 for _ in self._names]
        scale_s = wall_s / sum(shares)
        stats = [
            FunctionStat(
                name=name, file=f"/notebooks/{name[:4]}.py", line=10 + place, self_s=share * scale_s,
                total_s=min(wall_s, share * scale_s * 1.5), self_cpu_s=share * scale_s * 0.9,
                total_cpu_s=share * scale_s, samples=int(share * scale_s * 100),
            )
            for place, (name, share) in enumerate(zip(self._names, shares, strict=True))
        ]  # fmt: skip
        return _profile(
            id=_id(at_us, n), started_at_us=at_us, wall_s=wall_s, cpu_s=wall_s * 0.95, code=code,
            code_hash=hashlib.sha256(code.encode()).hexdigest(), notebook=self._notebook, cell_id=self._id,
            function_stats=tuple(sorted(stats, key=lambda stat: -stat.self_s)), is_warm=draw.random() < 0.8,
            environment=_PLACES[share > 0.5],
        )  # fmt: skip


def _profile(**changes: object) -> ProfileResult:
    base = ProfileResult(
        id="", kind="cell", mode="standard", status="ok", started_at_us=0, wall_s=1.0, cpu_s=1.0, user_s=0.9,
        system_s=0.1, main_thread_cpu_s=1.0, rss_start_bytes=10**8, rss_end_bytes=2 * 10**8,
        peak_bytes=3 * 10**8, peak_method="VmHWM", host="lab", python="3.11.7", samples=100, interval_s=0.01,
    )  # fmt: skip
    return replace(base, **changes)


def _id(at_us: int, n: int) -> str:
    """Return an id of version 7 made at that time."""
    text = f"{at_us // 1000:012x}7{n % 4096:03x}8{n:015x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

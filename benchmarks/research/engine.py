"""The engine as these benchmarks call it: in-process, through its public face."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import kosmos_nb.inquiry
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.history.records import RunSnapshot
from kosmos_nb.inquiry import Question, ResearchRun
from kosmos_nb.inquiry.caveats import CODES

GIVE_UP_S = 900.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run said.

    Attributes:
        verdicts: As `run.partial` at its end. picture: As `run.snapshot()`.
        wall_s: From the call to the last verdict.
    """

    verdicts: pd.DataFrame
    picture: RunSnapshot
    wall_s: float

    @property
    def supported(self) -> pd.DataFrame:
        """The verdicts that are `supported`."""
        return self.verdicts[self.verdicts.verdict == "supported"]

    def of(self, *columns: str, family: str = "") -> pd.DataFrame:
        """Return the verdicts on just these two columns, of one family where it is given."""
        table = self.verdicts
        about = [set(pair) == set(columns) for pair in zip(table.x, table.y, strict=True)]
        of_family = (table.family == family) | (family == "")
        return table[of_family & np.array(about, dtype=bool)]

    def codes(self) -> Counter[str]:
        """Return how many verdicts carry each caveat code."""
        return Counter(code for caveats in self.verdicts.caveats for code in caveats.split(";") if code)

    def noted(self) -> str:
        """Return what the run says of the whole table: its notes, and its notices with their codes."""
        return "\n".join([*self.picture.run.notes, *(str(notice) for notice in _notices(self.picture))])


def ask(table: pd.DataFrame, question: Question | None = None) -> Answer:
    """Run the engine on a table in this process, and wait for its verdicts.

    Raises:
        TimeoutError: It takes longer than `GIVE_UP_S`.
        KosmosError: The run could not be carried out.
    """
    began_s = time.perf_counter()
    with ParallelExperimentExecutor(max_workers=0) as here:
        run = ResearchRun(table, question or Question(), here).result(timeout=GIVE_UP_S)
    return Answer(run.partial, run.snapshot(), time.perf_counter() - began_s)


@cache
def version() -> str:
    """Return a hash of the engine's sources: what was measured with others is not mixed with this."""
    return hash_of(*sorted(Path(kosmos_nb.inquiry.__file__).parent.rglob("*.py")))


def hash_of(*files: Path) -> str:
    """Return the first digits of a hash over files, names included."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def _notices(picture: RunSnapshot) -> tuple[Any, ...]:
    """Return the notices of a run's screening, codes and all, where the run has one."""
    screening = getattr(picture, "screening", None) or getattr(picture.run, "screening", None)
    found = getattr(screening, "notices", None) or getattr(picture, "notices", ())
    return tuple(notice for notice in found if notice.code in CODES)

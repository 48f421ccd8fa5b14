"""All that one run measured in one Python, as a JSON file that tables and chart are made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.profiler.accuracy import Judged
from benchmarks.profiler.overhead import Run

FOLDER = Path(__file__).parent / "results"


@dataclass
class Results:
    """What was measured; parts that were left out are empty.

    Attributes:
        python: Version of the interpreter that was measured.
        about: Commit, date, machine.
        earlier: The same of parts that were kept from an earlier run.
        load: Load average before and after; above the number of cores nothing is worth much.
        overhead, accuracy, unit, fixed, memory, own_memory: As their modules' `measure` return them.
    """

    python: str
    about: str
    earlier: dict[str, str] = field(default_factory=dict)
    load: tuple[float, float] = (0.0, 0.0)
    overhead: dict[str, Any] = field(default_factory=dict)
    accuracy: dict[str, Any] = field(default_factory=dict)
    unit: dict[str, Any] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)
    own_memory: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def runs(self) -> list[Run]:
        """The overhead runs."""
        return [Run(**run) for run in self.overhead.get("runs", ())]

    @cached_property
    def judged(self) -> list[Judged]:
        """The accuracy runs."""
        return [Judged(**one) for one in self.accuracy.get("judged", ())]

    @property
    def absent(self) -> dict[str, str]:
        """Engines that could not be used, with the reason."""
        return {**self.accuracy.get("absent", {}), **self.overhead.get("absent", {})}

    @property
    def short_python(self) -> str:
        """Version without the patch level."""
        return ".".join(self.python.split(".")[:2])

    def keep(self, before: Results, parts: Sequence[str]) -> None:
        """Take parts from an earlier run, and say so."""
        for part in parts:
            if getattr(before, part):
                setattr(self, part, getattr(before, part))
                self.earlier[part] = before.earlier.get(part, before.about)

    def save(self, file: Path) -> None:
        """Write the file."""
        file.parent.mkdir(parents=True, exist_ok=True)
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        file.write_text(json.dumps(_rounded(fields)) + "\n", encoding="utf-8")

    @classmethod
    def load_file(cls, file: Path) -> Results:
        """Read such a file."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))


def _rounded(value: Any) -> Any:
    """Return the same with seven digits, which is more than any clock here is good for."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list | tuple) else value

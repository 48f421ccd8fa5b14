"""Many tables, judged in two processes, each outcome kept: what was measured once is not measured again.

Seeds are fixed before the engine is tuned. Set A (1 to 200) is for tuning; set B (100001 to 100200) is
run once, at the end: `python -m benchmarks.research false_findings --set B`.

An outcome is one line of JSON in `<study>-<version>.jsonl`, in the user's cache folder or in that of
`KOSMOS_BENCH_HOME`. The version is a hash of the engine's sources and of the study's own, so that an
outcome never outlives the code it came from; a line has kind, seed, and what the study found. Interrupt
it at any time: the next call goes on where this one ended. A table on which the engine failed is an
outcome with `error`, and is tried again by the next call.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.research.engine import hash_of, version

SETS = {"A": range(1, 201), "B": range(100_001, 100_201)}
FOLDER = Path(os.environ.get("KOSMOS_BENCH_HOME") or platformdirs.user_cache_path("kosmos_nb")) / "research"
PROCESSES = 2
# A study is a module of this package with KINDS, USES_ENGINE and judge(kind, seed) -> outcome.
STUDIES = ("false_findings", "peers", "power", "traps")
SAY_EVERY_S = 10.0
Outcome = dict[str, Any]


def run(
    study: str,
    kinds: Sequence[str],
    seeds: Iterable[int],
    *,
    folder: Path = FOLDER,
    processes: int = PROCESSES,
) -> list[Outcome]:
    """Return the outcome of every kind and seed, in this order; measure those that are not kept yet.

    Args:
        study: One of `STUDIES`.
        kinds: Of the study's `KINDS`.
        folder: Where outcomes are kept. processes: How many tables are judged at a time.
    """
    wanted = [(kind, seed) for seed in seeds for kind in kinds]
    file = folder / f"{study}-{_version(study)}.jsonl"
    known = kept(file)
    missing = [job for job in wanted if "error" in known.get(job, {"error": "not yet measured"})]
    if missing:
        _say(f"{study}: {len(missing)} of {len(wanted)} tables to judge; kept in {file}")
        folder.mkdir(parents=True, exist_ok=True)
        known |= _measure(study, missing, file, min(processes, len(missing)))
    return [known[job] for kind in kinds for job in wanted if job[0] == kind]


def kept(file: Path) -> dict[tuple[str, int], Outcome]:
    """Return the outcomes in a file by kind and seed, the last of each; a torn line is passed over."""
    found: dict[tuple[str, int], Outcome] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            outcome = json.loads(line)
            found[outcome["kind"], outcome["seed"]] = outcome
        except (ValueError, KeyError):
            continue
    return found


def is_kept(study: str, kinds: Sequence[str], seeds: Iterable[int], *, folder: Path = FOLDER) -> bool:
    """Whether every one of these is kept for the sources as they are now."""
    known = kept(folder / f"{study}-{_version(study)}.jsonl")
    return all((kind, seed) in known for seed in seeds for kind in kinds)


def judge(study: str, kind: str, seed: int) -> Outcome:
    """Return a study's outcome for one table; a failure is an outcome too."""
    began_s = time.perf_counter()
    outcome: Outcome = {"study": study, "kind": kind, "seed": seed, "set": set_of(seed)}
    try:
        outcome |= module(study).judge(kind, seed)
    except Exception as error:  # whatever happened to one table, the others go on
        outcome["error"] = f"{type(error).__name__}: {error}"
    return outcome | {"wall_s": round(time.perf_counter() - began_s, 3)}


def set_of(seed: int) -> str:
    """Return the name of the set that a seed is of, or an empty string."""
    return next((name for name, seeds in SETS.items() if seed in seeds), "")


def _measure(
    study: str, jobs: Sequence[tuple[str, int]], file: Path, processes: int
) -> dict[tuple[str, int], Outcome]:
    found: dict[tuple[str, int], Outcome] = {}
    began_s = said_s = time.monotonic()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the processes are the parallelism; they inherit it
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool, file.open("ab", buffering=0) as lines:
        futures = {pool.submit(judge, study, kind, seed) for kind, seed in jobs}
        try:
            for future in as_completed(futures):
                outcome = future.result()
                # The blank line keeps a torn one, of a process that was killed, apart from this one.
                lines.write(b"\n" + json.dumps(outcome).encode() + b"\n")
                found[outcome["kind"], outcome["seed"]] = outcome
                if time.monotonic() - said_s > SAY_EVERY_S or len(found) == len(jobs):
                    said_s = time.monotonic()
                    left_s = (said_s - began_s) / len(found) * (len(jobs) - len(found))
                    _say(f"{study}: {len(found)} of {len(jobs)}, about {left_s:.0f} s left")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _version(study: str) -> str:
    """Return a hash of what decides a study's outcomes."""
    here = Path(__file__).parent
    own = hash_of(*(here / f"{name}.py" for name in module(study).SOURCES))
    return f"{version()}-{own}" if module(study).USES_ENGINE else own


def module(study: str) -> Any:
    """Return a study's module."""
    return importlib.import_module(f"benchmarks.research.{study}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)

"""Real work of about 0.3 s each, the same at every run, for a profiler to stand beside.

Call-heavy pure Python comes from pyperformance, out of the installed package. What it lacks, or
would fetch from the network, is below: allocation, numpy, pandas, scikit-learn and threads.
"""

from __future__ import annotations

import asyncio
import importlib.util
import io
import json
import logging
import random
import sys
import threading
import types
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

Work = Callable[[], object]


@dataclass(frozen=True)
class Workload:
    """Work with its name.

    Attributes:
        run: Does it once; leaves nothing behind.
        scope: Modules with the functions that a user would call their own.
    """

    name: str
    run: Work
    scope: tuple[types.ModuleType, ...]


def load(name: str) -> Workload:
    """Build one workload; its data are made now, outside of any measurement.

    Raises:
        ImportError: The packages of the `bench` extra are not installed.
    """
    run, *modules = _MAKERS[name]()
    return Workload(name, run, tuple(modules))


def names() -> tuple[str, ...]:
    """Return all workloads, in the order of the tables."""
    return tuple(_MAKERS)


def _pyperformance(name: str) -> Any:
    """Return a benchmark of the installed pyperformance as a module; its `__main__` part stays asleep."""
    package = importlib.util.find_spec("pyperformance")
    if package is None or package.origin is None:
        raise ImportError("The profiler's benchmarks need pyperformance: pip install 'kosmos-nb[bench]'")
    file = Path(package.origin).parent / "data-files" / "benchmarks" / f"bm_{name}" / "run_benchmark.py"
    spec = importlib.util.spec_from_file_location(f"bm_{name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickle look there
    spec.loader.exec_module(module)
    return module


def _richards() -> Sequence[Any]:
    module = _pyperformance("richards")
    return partial(module.Richards().run, 6), module


def _deltablue() -> Sequence[Any]:
    module = _pyperformance("deltablue")
    return partial(_times, 60, module.delta_blue, 100), module


def _go() -> Sequence[Any]:
    module = _pyperformance("go")
    return partial(_times, 2, module.versus_cpu), module


def _raytrace() -> Sequence[Any]:
    module = _pyperformance("raytrace")
    return partial(module.bench_raytrace, 1, 80, 80, None), module


def _pickle_pure() -> Sequence[Any]:
    module = _pyperformance("pickle")
    # A second copy of the standard module, made where the C one cannot be found.
    accelerator, sys.modules["_pickle"] = sys.modules.get("_pickle"), None  # type: ignore[assignment]
    try:
        spec = importlib.util.find_spec("pickle")
        assert spec is not None
        assert spec.loader is not None
        pure = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(pure)
    finally:
        if accelerator is None:
            del sys.modules["_pickle"]
        else:
            sys.modules["_pickle"] = accelerator
    options = types.SimpleNamespace(protocol=pure.HIGHEST_PROTOCOL)
    return partial(module.bench_pickle, 50, pure, options), module, pure


def _comprehensions() -> Sequence[Any]:
    module = _pyperformance("comprehensions")
    return partial(module.bench_comprehensions, 10_000), module


def _generators() -> Sequence[Any]:
    module = _pyperformance("generators")
    return partial(module.bench_generators, 3), module


def _logging() -> Sequence[Any]:
    module = _pyperformance("logging")
    stream = io.StringIO()
    logger = logging.getLogger("benchmarks.profiler")
    logger.propagate = False
    logger.handlers = [logging.StreamHandler(stream)]
    logger.setLevel(logging.WARNING)
    return partial(module.bench_formatted_output, 3_500, logger, stream), module


def _regex() -> Sequence[Any]:
    module = _pyperformance("regex_effbot")
    module.bench_regex_effbot(1)
    return partial(module.bench_regex_effbot, 7), module


def _async_tree() -> Sequence[Any]:
    module = _pyperformance("async_tree")
    module.NUM_RECURSE_LEVELS = 5

    def run() -> None:
        for _ in range(2):
            asyncio.run(module.NoneAsyncTree().run())

    return run, module


def _json_round() -> Sequence[Any]:
    values = random.Random(1)
    rows = [
        {"id": n, "name": f"row {n}", "tags": ["a", "b", str(n)], "at": values.random()}
        for n in range(10_000)
    ]

    def run() -> None:
        for _ in range(9):
            json.loads(json.dumps(rows))

    return run, sys.modules[__name__]


def _allocation() -> Sequence[Any]:
    return allocate, sys.modules[__name__]


def allocate() -> int:
    """Make and drop many small objects, a tenth of them held for a while."""
    held: list[object] = []
    for turn in range(15):
        rows = [(n, [n, str(n)], {"n": n}) for n in range(10_000)]
        held.append(rows[:: 10 + turn])
    return len(held)


def _numpy() -> Sequence[Any]:
    import numpy as np

    values = np.random.default_rng(1).normal(size=1_000_000)
    square = values[:160_000].reshape(400, 400)

    def run() -> None:
        for _ in range(5):
            np.sort(values)
            np.exp(values).sum()
            np.linalg.svd(square[:150, :150])
            square @ square

    return run, sys.modules[__name__]


def _pandas() -> Sequence[Any]:
    import numpy as np
    import pandas as pd

    draw = np.random.default_rng(1)
    table = pd.DataFrame({"key": draw.integers(0, 500, 200_000), "value": draw.normal(size=200_000)})

    def run() -> None:
        for _ in range(3):
            table.groupby("key")["value"].agg(["mean", "std", "max"])
            table.sort_values("value").head(100).apply(lambda row: row["value"] * 2, axis=1)
            table.merge(table.head(2_000), on="key").describe()

    return run, sys.modules[__name__]


def _sklearn() -> Sequence[Any]:
    import numpy as np
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(1)
    columns = draw.normal(size=(1_500, 12))
    label = (columns[:, 0] + draw.normal(size=1_500) > 0).astype(int)

    def run() -> None:
        RandomForestClassifier(n_estimators=80, random_state=0, n_jobs=1).fit(columns, label).predict(columns)
        for strength in (0.1, 1.0, 10.0):
            LogisticRegression(C=strength).fit(columns, label)

    return run, sys.modules[__name__]


def _threads() -> Sequence[Any]:
    data = random.Random(1).randbytes(400_000)

    def each() -> None:
        for _ in range(8):
            count_words(12_000)
            zlib.compress(data, 6)

    def run() -> None:
        threads = [threading.Thread(target=each) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run, sys.modules[__name__]


def count_words(many: int) -> int:
    """Count things in pure Python, which holds the interpreter."""
    seen: dict[int, int] = {}
    for n in range(many):
        word = n * 7919 % 997
        seen[word] = seen.get(word, 0) + 1
    return len(seen)


def _times(many: int, function: Callable[..., object], *args: object) -> None:
    for _ in range(many):
        function(*args)


_MAKERS: dict[str, Callable[[], Sequence[Any]]] = {
    "richards": _richards,
    "deltablue": _deltablue,
    "go": _go,
    "raytrace": _raytrace,
    "pickle_pure": _pickle_pure,
    "comprehensions": _comprehensions,
    "generators": _generators,
    "logging": _logging,
    "regex": _regex,
    "asyncio": _async_tree,
    "json": _json_round,
    "allocation": _allocation,
    "numpy": _numpy,
    "pandas": _pandas,
    "sklearn": _sklearn,
    "threads": _threads,
}

"""The same seed gives the same verdicts, whatever the number of workers."""

import numpy as np
import pandas as pd
import pytest

from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.inquiry import Question, ResearchRun


def measured(workers, frame, **question):
    """Return the verdicts of a run without what names the run itself."""
    with ParallelExperimentExecutor(max_workers=workers) as executor:
        run = ResearchRun(frame, Question(seed=5, **question), executor, data_name="df").result()
    return run.verdicts.drop(columns=["evidence"])


@pytest.fixture(scope="module")
def mixed():
    """40 columns, 600 rows: numbers, counts, categories, times, 60 subjects, gaps, planted relations."""
    rng = np.random.default_rng(1)
    n, subjects = 600, 60
    who = np.repeat(np.arange(subjects), n // subjects)
    own = rng.normal(size=(subjects, 6))
    columns = {
        "patient": [f"p{one:02}" for one in who],
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile(np.arange(n // subjects), subjects), "D"),
        "arm": np.where(rng.permutation(subjects) % 2 == 0, "drug", "placebo")[who],
        "site": rng.choice(list("abc"), subjects)[who],
    }
    for i in range(26):
        columns[f"x{i}"] = rng.normal(size=n) + own[who, i % 6] * (i % 3)
    for i in range(4):
        columns[f"count{i}"] = rng.poisson(1 + i, n)
    for i in range(6):
        columns[f"kind{i}"] = rng.choice(list("uvwxyz")[: 2 + i % 3], n)
    frame = pd.DataFrame(columns)
    frame["x1"] += 0.8 * frame.x0
    frame["x3"] += frame.x2**2
    frame["x5"] += frame.x4 * (frame.kind0 == "u")
    for i in range(0, 26, 4):
        frame.loc[rng.random(n) < 0.1, f"x{i}"] = np.nan
    frame.loc[rng.random(n) < 0.1, "kind3"] = None
    assert frame.shape == (600, 40)
    return frame


def test_verdicts_do_not_depend_on_the_number_of_workers(mixed):
    asked = {"target": "x1", "unit": "patient", "time": "day", "split": True}
    one, *others = (measured(workers, mixed, **asked) for workers in (1, 2, 3))
    assert len(one) > 40
    assert set(one.verdict) > {"supported", "inconclusive"}
    for other in others:
        pd.testing.assert_frame_equal(one, other, check_exact=True)

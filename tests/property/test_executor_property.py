"""Whatever the mix of tasks: one result for each, in order, and each with its own fate."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import cloudpickle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmos_nb.execution import ExperimentTask, ParallelExperimentExecutor

cloudpickle.register_pickle_by_value(sys.modules[__name__])


def succeed() -> str:
    return "value"


def fail() -> None:
    raise LookupError("as asked")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    os._exit(5)


def sleep_on() -> None:
    signal.pause()


def stay() -> Any:
    return (x for x in ())


FATES: dict[str, tuple[Callable[[], Any], str | None]] = {
    "succeed": (succeed, None),
    "fail": (fail, "LookupError"),
    "die": (die, "WorkerDiedError"),
    "leave": (leave, "WorkerDiedError"),
    "sleep on": (sleep_on, "TaskTimeoutError"),
    "stay": (stay, "ExecutionError"),
    "exit": (sys.exit, "SystemExit"),
}


@pytest.fixture(scope="module")
def pool() -> Iterator[ParallelExperimentExecutor]:
    with ParallelExperimentExecutor(2) as executor:
        yield executor


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    mix=st.lists(st.tuples(st.sampled_from(["succeed", "succeed", *FATES]), st.integers(-2, 2)), max_size=12)
)
def test_any_mix_of_tasks_gives_each_exactly_one_result_in_order(pool, mix):
    tasks = [
        ExperimentTask(
            f"{index}",
            FATES[fate][0],
            priority=priority,
            timeout_s=0.05 if fate == "sleep on" else None,
        )
        for index, (fate, priority) in enumerate(mix)
    ]
    heard: list[str] = []
    results = pool.execute_batch(tasks, on_result=lambda result: heard.append(result.experiment_id))
    assert [r.experiment_id for r in results] == [t.experiment_id for t in tasks]
    assert sorted(heard) == sorted(t.experiment_id for t in tasks)
    assert [r.error_type for r in results] == [FATES[fate][1] for fate, _ in mix]
    assert [r.value for r in results] == ["value" if fate == "succeed" else None for fate, _ in mix]

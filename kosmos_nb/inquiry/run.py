"""A research run as its user holds it: it works in the background; ask it, wait for it, stop it."""

from __future__ import annotations

import dataclasses
import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from kosmos_nb.core import Clock, KosmosError, ResearchError, SystemClock, render, uuid7
from kosmos_nb.execution import ParallelExperimentExecutor
from kosmos_nb.history.records import Run, RunSnapshot, RunStatus, Verdict
from kosmos_nb.inquiry.correction import adjust, benjamini_yekutieli
from kosmos_nb.inquiry.director import Request, ResearchDirector
from kosmos_nb.inquiry.frame import as_table, check_size, check_usable, write_copy
from kosmos_nb.inquiry.ledger import Ledger
from kosmos_nb.inquiry.naming import check_columns
from kosmos_nb.inquiry.question import Question
from kosmos_nb.inquiry.reading_task import Reading
from kosmos_nb.inquiry.roles import check_roles
from kosmos_nb.inquiry.target import check_target, find_target

if TYPE_CHECKING:
    import pandas as pd

FOLDER_PREFIX = "kosmos_nb-run-"
GLANCE_S = 0.2


class ResearchRun:
    """A run that was started; returned at once.

    Args:
        data: pandas or polars DataFrame, or Arrow table; copied before this returns.
        question: What to find out.
        executor: Where the tests run.
        data_name: What the user calls the data.
        on_end: Called with the last snapshot, from the run's thread.

    Raises:
        ResearchError: The data, target or settings make no sense; the message says why.
    """

    def __init__(
        self,
        data: object,
        question: Question,
        executor: ParallelExperimentExecutor,
        *,
        data_name: str = "data",
        on_end: Callable[[RunSnapshot], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        _check(question)
        table, notes = as_table(data, name=data_name)
        if question.target is not None:
            names = table.column_names
            named = check_target(question.target, names, left_out=notes, data_name=data_name)
            question = dataclasses.replace(question, target=named)
        question = check_columns(question, table.column_names, left_out=notes, data_name=data_name)
        table = table.drop_columns([name for name in question.ignore if name in table.column_names])
        check_usable(table, name=data_name, target=question.target, left_out=notes)
        check_roles(table, question, data_name=data_name)
        check_size(table, question, name=data_name)
        _sweep()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{os.getpid()}-"))
        copy = self._folder / "data.arrow"
        try:
            data_hash = write_copy(table, copy)
        except BaseException:  # also an interrupt: nothing of a run that never began stays
            self._clean()
            raise
        target = question.target or find_target(question.text, table.column_names)
        self.id = uuid7()
        self._on_end = on_end
        self._listeners: list[Callable[[], None]] = []
        self._ended = threading.Event()
        self._error: KosmosError | None = None
        self._ledger = Ledger(
            Run(
                id=self.id, question=question.text, target=target, status="running",
                started_at_us=clock.utc_us(), data_name=data_name, data_hash=data_hash,
                n_rows=table.num_rows, n_columns=table.num_columns, seed=question.seed,
                alpha=question.alpha, smallest=question.smallest, workers=executor.max_workers,
                notes=notes, versions=_versions(),
            ),
            clock,
            self._changed,
        )  # fmt: skip
        reading = Reading(
            copy=copy, folder=self._folder, unit=question.unit, time=question.time,
            reference=question.reference, split=question.split, seed=question.seed,
        )  # fmt: skip
        request = Request(reading=reading, question=question, target=target, data_hash=data_hash)
        self._executor = executor
        self._stop = threading.Event()
        self._director = ResearchDirector(request, executor, self._ledger, self._stop)
        threading.Thread(target=self._conduct, name=f"kosmos-run-{self.id[-6:]}", daemon=True).start()

    @property
    def status(self) -> RunStatus:
        """`running`, `done`, `cancelled` or `failed`."""
        return self._ledger.snapshot().run.status

    @property
    def verdicts(self) -> pd.DataFrame:
        """The verdicts, one row a hypothesis in the order of registration; waits for the end."""
        return self.result().partial

    @property
    def partial(self) -> pd.DataFrame:
        """The verdicts reached so far; does not wait."""
        return verdict_frame(self.snapshot().verdicts)

    def result(self, timeout: float | None = None) -> ResearchRun:
        """Wait for the end and return this run.

        Args:
            timeout: Seconds to wait; None waits for ever, interruptible.

        Raises:
            TimeoutError: The run goes on after that time.
            ResearchError: The run failed; the message says why.
        """
        left_s = timeout
        while not self._ended.wait(GLANCE_S if left_s is None else max(0.0, min(GLANCE_S, left_s))):
            if left_s is not None:
                left_s -= GLANCE_S
                if left_s <= 0:
                    raise TimeoutError(
                        f"The run goes on after {timeout:g} s. Ask run.partial, or wait longer."
                    )
        if self._error is not None:
            raise self._error
        return self

    def cancel(self) -> None:
        """Stop the run.

        What was measured gets its verdict, corrected as if all had been tested.
        """
        self._director.cancel()

    def report(self) -> str:
        """Return the run as text: question, verdicts, caveats, cost."""
        return str(render.render(self.snapshot(), render.TEXT))

    def snapshot(self) -> RunSnapshot:
        """Return a frozen picture of the run as it is now."""
        return self._ledger.snapshot()

    def listen(self, on_change: Callable[[], None]) -> None:
        """Call `on_change`, from any thread, after every change; it must return at once."""
        self._listeners.append(on_change)

    def to_html(self) -> str:
        """Return the run as a self-contained HTML fragment."""
        return str(render.render(self.snapshot(), render.HTML))

    def __repr__(self) -> str:
        picture = self.snapshot()
        done = f"{picture.tested} of {len(picture.progress)} hypotheses"
        return f"<ResearchRun {self.id} {picture.run.status}: {done}>"

    def _ipython_display_(self) -> None:
        if render.render(self, render.DISPLAY) is None:
            raise NotImplementedError  # IPython then takes the bundle below

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return render.mimebundle(self.snapshot())

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _conduct(self) -> None:
        self._ledger.begin()
        before = _cpu_by_worker(self._executor)
        try:
            self._director.conduct()
            status: RunStatus = "cancelled" if self._stop.is_set() else "done"
            self._ledger.end(status, workers_cpu_s=_spent_since(before, self._executor))
        except KosmosError as error:
            self._fail(error)
        except Exception as error:  # the thread's own door: whatever happens, who waits must hear of it
            self._fail(ResearchError(f"The run failed: {type(error).__name__}: {error}."), cause=error)
        finally:
            self._clean()
            try:
                if self._on_end is not None:
                    self._on_end(self.snapshot())
            finally:
                self._ended.set()
                self._changed()

    def _fail(self, error: KosmosError, cause: BaseException | None = None) -> None:
        error.__cause__ = cause
        self._error = error
        self._ledger.end("failed", error=str(error))

    def _clean(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


def verdict_frame(verdicts: tuple[Verdict, ...]) -> pd.DataFrame:
    """Return verdicts as a DataFrame with the columns of `Verdict`, caveats joined with `;`, and `p_by`.

    `p_by` is corrected as `p_adj` is, by Benjamini and Yekutieli: valid under any dependence, and stricter.
    """
    import pandas as pd  # noqa: PLC0415 - only who asks for a DataFrame pays

    names = [field.name for field in dataclasses.fields(Verdict)]
    rows = [
        {**{name: getattr(verdict, name) for name in names}, "caveats": ";".join(verdict.caveats)}
        for verdict in verdicts
    ]
    frame = pd.DataFrame(rows, columns=names)
    numbers = ["p", "p_adj", "effect", "ci_low", "ci_high", "effect_raw", "detectable"]
    frame = frame.astype(dict.fromkeys(numbers, "float64"))
    p = dict(zip(frame.index, frame.p.fillna(1.0), strict=True))
    by_any, _ = adjust(p, dict(frame.family.items()), by=benjamini_yekutieli)
    return frame.assign(p_by=pd.Series(by_any, dtype="float64").where(frame.p.notna()))


def _check(question: Question) -> None:
    if not isinstance(question.text, str):
        raise ResearchError(f"The question must be text, not {question.text!r}.")
    for name, number in (("seed", question.seed), ("number of hypotheses", question.cap)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
            raise ResearchError(f"The {name} must be a whole number, not {number!r}.")
    for name, value in (("alpha", question.alpha), ("smallest", question.smallest)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
            raise ResearchError(f"{name} must lie between 0 and 1, not {value!r}.")
    if not isinstance(question.split, bool):
        raise ResearchError(f"split is either True or False, not {question.split!r}.")
    if question.cap is not None and question.cap < 1:
        raise ResearchError(f"At least one hypothesis must be tested, not {question.cap}.")
    if question.seed < 0:
        raise ResearchError(f"The seed cannot be negative, not {question.seed}.")


def _cpu_by_worker(executor: ParallelExperimentExecutor) -> dict[int, float]:
    """Return the CPU seconds of each living worker process, by process id."""
    seconds = {}
    for pid in executor.snapshot().worker_pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue  # it has just ended
        seconds[pid] = times.user + times.system
    return seconds


def _spent_since(before: dict[int, float], executor: ParallelExperimentExecutor) -> float:
    """Return the CPU seconds of the workers since `before`, their start and imports included."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in _cpu_by_worker(executor).items())


def _versions() -> dict[str, str]:
    from importlib.metadata import version  # noqa: PLC0415 - reads files; only a run pays

    names = ("kosmos-nb", "numpy", "scipy", "pyarrow")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def _sweep() -> None:
    """Remove folders of runs whose kernel was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        pid = folder.name.removeprefix(FOLDER_PREFIX).split("-", 1)[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)

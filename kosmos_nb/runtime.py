"""The one place where the parts are put together, for a kernel or for a command."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kosmos_nb.config import Kosmos, settings
from kosmos_nb.core import ConfigError, KosmosError, parts, render

if TYPE_CHECKING:
    from kosmos_nb.execution import ParallelExperimentExecutor
    from kosmos_nb.history import History
    from kosmos_nb.history.records import ProfileResult, Screening
    from kosmos_nb.inquiry import Question, ResearchRun

PROFILE_BYTES = 40_000
RUN_BYTES = 150_000
SCREEN_BYTES = 40_000
MOST_RUNS = 50
MOST_CELLS = 50
CANCEL_WITHIN_S = 5.0


class Runtime:
    """What one process shares: its history, its pool, its runs and the newest profile.

    Each part is made when it is first asked for. Ask `runtime()` for the process's own.
    """

    def __init__(self) -> None:
        self.kosmos = Kosmos()
        self.last_profile: ProfileResult | None = None
        self.runs: dict[str, ResearchRun] = {}
        self._cells: dict[tuple[str, ...], list[ProfileResult]] = {}  # the last two of each, newest last
        self._history: History | None = None
        self._executors: dict[int, ParallelExperimentExecutor] = {}

    @property
    def history(self) -> History:
        """The history that this process reads and writes."""
        if self._history is None:
            from kosmos_nb.history import History  # noqa: PLC0415 - only who saves or asks pays

            self._history = History(warn=_say)
        return self._history

    def attach(self, kosmos: Kosmos) -> None:
        """Let a kernel's `%config Kosmos` rule."""
        self.kosmos = kosmos

    def detach(self) -> None:
        """Go back to environment and file, stop what runs, and close what was opened."""
        running = [run for run in self.runs.values() if run.status == "running"]
        for run in running:
            run.cancel()
        for run in running:  # its last records go into the history that is closed below
            with contextlib.suppress(TimeoutError, KosmosError):
                run.result(CANCEL_WITHIN_S)
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        self._executors.clear()
        if self._history is not None:
            self._history.close()
            self._history = None
        self.runs.clear()
        self._cells.clear()
        self.kosmos = Kosmos()

    def remember(self, profile: ProfileResult) -> ProfileResult:
        """Make a profile the newest and save it in the background; return it with how it stands."""
        if settings().save:
            from kosmos_nb.history import without_source  # noqa: PLC0415 - as above

            with contextlib.suppress(Exception):  # a door: the profile is worth more than its standing
                standing = self.history.standing(profile, at_once=True)
                profile = dataclasses.replace(profile, standing=standing)
            self.history.save_later(profile if self.kosmos.store_source else without_source(profile))
        self.last_profile = profile
        self._keep(profile)
        return profile

    def previous(self, profile: ProfileResult) -> ProfileResult | None:
        """Return the profile of the same cell before this one, for the comparison of both.

        The same cell is that of the notebook's cell id, however it was edited; where there is none,
        the same code in the same kernel. `MOST_CELLS` cells are remembered, for each the last two
        profiles, without the values of expressions.
        """
        kept = self._cells.get(_cell_of(profile), [])
        older = [one for one in kept if one.id < profile.id]  # stamps may go back, ids do not
        return older[-1] if older else None

    def _keep(self, profile: ProfileResult) -> None:
        cell = _cell_of(profile)
        kept = [one for one in self._cells.pop(cell, []) if one.id != profile.id]
        # The value stays out: it may be large, and the user may want its memory back.
        self._cells[cell] = [*kept[-1:], dataclasses.replace(profile, value=None)]
        while len(self._cells) > MOST_CELLS:
            del self._cells[next(iter(self._cells))]

    def executor(self, workers: int | None = None) -> ParallelExperimentExecutor:
        """Return the pool of that many worker processes (0: none), made once and kept warm."""
        from kosmos_nb.execution import ParallelExperimentExecutor  # noqa: PLC0415

        size = self.kosmos.workers if workers is None else workers
        if size < 0:
            raise ConfigError(f"The number of workers cannot be negative, not {size}.")
        if size not in self._executors:
            self._executors[size] = ParallelExperimentExecutor(max_workers=size)
        return self._executors[size]

    def research(
        self, data: object, question: Question, *, data_name: str = "data", workers: int | None = None
    ) -> ResearchRun:
        """Start a run on a copy of the data; its end goes into the history."""
        from kosmos_nb.inquiry import ResearchRun  # noqa: PLC0415

        run = ResearchRun(
            data,
            question,
            self.executor(workers),
            data_name=data_name,
            on_end=self.history.save_later if settings().save else None,
        )
        self.runs[run.id] = run
        for old in list(self.runs)[:-MOST_RUNS]:
            if self.runs[old].status != "running":
                del self.runs[old]
        return run


def _cell_of(profile: ProfileResult) -> tuple[str, ...]:
    """Return what tells a cell from others; of several expressions in one, their code as well."""
    where = (profile.notebook or "", profile.cell_id) if profile.cell_id else (profile.kernel_id, "")
    is_whole_cell = profile.kind == "cell" and bool(profile.cell_id)
    return (profile.kind, *where, "" if is_whole_cell else profile.code_hash or profile.code)


def _say(line: str) -> None:
    # No `warnings.warn`, whose form puts a file and a line before it that lead nowhere.
    # Flushed, so that a kernel sends it with the cell that runs now.
    print(f"kosmos_nb: {line}", file=sys.stderr, flush=True)


_runtime: Runtime | None = None


def runtime() -> Runtime:
    """Return this process's runtime."""
    global _runtime
    if _runtime is None:
        _runtime = Runtime()
    return _runtime


def last() -> ProfileResult:
    """Return the newest profile of this process.

    Raises:
        ConfigError: Nothing was profiled yet.
    """
    profile = runtime().last_profile
    if profile is None:
        raise ConfigError("Nothing was profiled yet. Put %%kosmos_profile into the first line of a cell.")
    return profile


def research(
    data: object,
    question: str | None = None,
    target: str | None = None,
    hypotheses: int | str | Sequence[str] | None = None,
    engine: str = "auto",
    alpha: float | None = None,
    seed: int | None = None,
    workers: int | None = None,
    *,
    unit: str | None = None,
    time: str | None = None,
    control: str | Sequence[str] = (),
    ignore: str | Sequence[str] = (),
    reference: str | None = None,
    allow: str | Sequence[str] = (),
    families: str | Sequence[str] = (),
    split: bool = False,
    smallest: float | None = None,
) -> ResearchRun:
    """Start a research run in the background and return it at once.

    Args:
        data: pandas or polars DataFrame, or Arrow table. It is copied before this returns.
        question: In words; a column that it names is tested first.
        target: Test only what touches this column.
        hypotheses: A number: test at most so many; the cap is applied before any outcome is seen.
            Text, or a sequence of it: your own, one a line, and no others: `"y ~ x"`, with a sign
            `"y ~ +x"`, with z held fixed `"y ~ x | z"`, does z change it `"y ~ x * z"`.
        engine: `auto` or `statistics`, the same.
        alpha: False discovery rate; default `Kosmos.alpha`.
        seed: Of permutations; default `Kosmos.seed`. The same seed gives the same verdicts.
        workers: Worker processes, 0 for none; default `Kosmos.workers`.
        unit: Column that tells which rows belong to the same subject.
        time: Column that orders the rows.
        control: Columns that every test of two others holds fixed.
        ignore: Columns that are left out.
        reference: Level that the others of its column are compared with, `"level"` or `"column=level"`.
        allow: Caveat codes that do not keep a verdict from being supported.
        families: Tests beyond the usual ones: `spread`, `lag`, `survival`.
        split: Look on one half of the rows, confirm on the other.
        smallest: Smallest effect of interest; default `Kosmos.smallest`.

    Returns:
        The run: `run.verdicts` waits for the verdicts, `run.cancel()` stops it.

    Raises:
        ResearchError: The data, a column, a hypothesis or a setting makes no sense; the message says why.
    """
    from kosmos_nb.inquiry import ask  # noqa: PLC0415

    kosmos = runtime().kosmos
    asked = ask(
        data, "data", text=question or "", target=target, hypotheses=hypotheses, engine=engine,
        alpha=kosmos.alpha if alpha is None else alpha, seed=kosmos.seed if seed is None else seed,
        smallest=kosmos.smallest if smallest is None else smallest, unit=unit, time=time, control=control,
        ignore=ignore, reference=reference, allow=allow, families=families, split=split,
    )  # fmt: skip
    return runtime().research(data, asked, workers=workers)


def screen(data: object, *, unit: str | None = None, time: str | None = None) -> Screening:
    """Take a first look at a table: its columns and what is odd about them. No hypothesis is tested.

    Args:
        data: pandas or polars DataFrame, or Arrow table.
        unit: Column that tells which rows belong to the same subject.
        time: Column that orders the rows.

    Returns:
        The screening; a notebook shows it.

    Raises:
        ResearchError: It is no table, or has no such column.
    """
    from kosmos_nb.inquiry import screening  # noqa: PLC0415

    return screening.screen(data, name="data", unit=unit, time=time)


def fill_renderers() -> None:
    """Register the text and HTML forms of every result; `core.render` calls it on first need."""
    from kosmos_nb import reporters  # noqa: PLC0415 - only who shows something pays
    from kosmos_nb.history.records import ProfileDiff, ProfileResult, RunSnapshot, Screening  # noqa: PLC0415

    def html(draw: Any, limit_bytes: int) -> render.Renderer:
        def drawn(value: object) -> str | None:
            kept = runtime().kosmos.saved_output
            if kept == "none":
                return None
            text: str = draw(value, limit_bytes=limit_bytes if kept == "summary" else None)
            return text

        return drawn

    def profile(result: ProfileResult, limit_bytes: int | None) -> str:
        # Where nothing is live, as in a notebook that is only run, the HTML has the view's room.
        is_live = render.is_drawn(ProfileResult, render.WIDGET)
        beside_bytes = reporters.PROFILE_WIDGET_BYTES if is_live else 0
        return reporters.profile_html(result, limit_bytes, beside_bytes)

    render.register(ProfileResult, render.TEXT, reporters.profile_text)
    render.register(ProfileResult, render.HTML, html(profile, PROFILE_BYTES))
    render.register(ProfileResult, render.PAGE, reporters.profile_page)
    render.register(ProfileResult, render.SPEEDSCOPE, reporters.speedscope)
    render.register(ProfileResult, render.COLLAPSED, reporters.collapsed)
    render.register(ProfileResult, render.PSTATS, reporters.pstats_stats)
    render.register(ProfileDiff, render.TEXT, reporters.diff_text)
    render.register(ProfileDiff, render.HTML, html(reporters.diff_html, PROFILE_BYTES))
    render.register(ProfileDiff, render.PAGE, reporters.diff_page)
    render.register(RunSnapshot, render.TEXT, reporters.run_text)
    render.register(RunSnapshot, render.HTML, html(reporters.run_html, RUN_BYTES))
    render.register(Screening, render.TEXT, reporters.screen_text)
    render.register(Screening, render.HTML, html(reporters.screen_html, SCREEN_BYTES))


def introduce_rooms() -> None:
    """Offer what one room needs of another; `core.parts` calls it on first need."""
    from kosmos_nb.profiling import ExecutionProfiler  # noqa: PLC0415 - only who profiles code pays

    parts.offer(parts.PROFILER, ExecutionProfiler)


def _forget_parent() -> None:
    """After a fork the child has neither the parent's history nor its pools nor its runs."""
    global _runtime
    _runtime = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parent)

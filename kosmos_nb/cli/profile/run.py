"""What `kosmos profile run` does: run, show, save."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kosmos_nb.core import ConfigError, FileThereError, KosmosError
from kosmos_nb.history import PROFILE_ENDINGS, check_target, json_text, write_file
from kosmos_nb.profiling import check_traces

if TYPE_CHECKING:
    from rich.console import Console

    from kosmos_nb.history import ProfileResult

SAVED_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asked for; fields as its options."""

    mode: str
    label: str | None
    threshold_pct: float
    trace_calls: bool
    trace_memory: bool
    top: int
    output: Path | None
    overwrite: bool
    as_json: bool
    save: bool

    def check(self, endings: tuple[str, ...]) -> None:
        """Say before anything runs what would fail after it.

        Args:
            endings: What the output's name may end in.

        Raises:
            ConfigError: An option makes no sense.
            MissingExtraError: A trace needs a library that is not installed.
            ProfilingError: The traces cannot be had together.
        """
        if not 0 < self.threshold_pct < 100:
            raise ConfigError(f"--threshold lies between 0 and 100 percent, not {self.threshold_pct:g}.")
        check_traces(calls=self.trace_calls, memory=self.trace_memory)
        if self.output is None:
            return
        if not self.output.name.lower().endswith(endings):
            raise ConfigError(f"--output: {self.output.name} ends in none of {', '.join(endings)}.")
        try:
            check_target(self.output, overwrite=self.overwrite)
        except FileThereError as error:
            raise ConfigError(f"{self.output} is there already; --overwrite replaces it.") from error
        if self.mode == "light" and not self.output.name.lower().endswith((".json", ".html")):
            raise ConfigError(
                f"A light profile has no call tree for {self.output.name}; use --mode standard."
            )


def profile_script(plan: Plan, target: str, arguments: tuple[str, ...], *, is_module: bool) -> int:
    """Profile a script or module, and return its exit code; 1 where only our own part failed.

    Raises:
        ConfigError: An option makes no sense.
        ExecutionError: There is no such script.
    """
    from kosmos_nb.cli.profile.script import check_script, how_it_ended, run_script  # noqa: PLC0415
    from kosmos_nb.profiling import ScriptOrder  # noqa: PLC0415

    plan.check(PROFILE_ENDINGS)
    if not is_module:
        check_script(target)
    order = ScriptOrder(
        target=target,
        arguments=arguments,
        is_module=is_module,
        mode=plan.mode,
        threshold_pct=plan.threshold_pct,
        label=plan.label,
        trace_calls=plan.trace_calls,
        trace_memory=plan.trace_memory,
    )
    profile, code = run_script(order, sys.stderr if plan.as_json else None)
    if profile is None:
        print(f"kosmos: no profile: {target} {how_it_ended(code)}.", file=sys.stderr)
        return code or 1
    problem = _deliver(plan, profile, target, code)
    return code or problem


def profile_notebook(plan: Plan, file: Path, executed: Path | None) -> int:
    """Profile every code cell of a notebook, and return the command's exit code.

    Raises:
        ConfigError: An option makes no sense.
        ExecutionError: The notebook cannot be read or executed.
    """
    from kosmos_nb.cli.profile.notebook import run_notebook  # noqa: PLC0415 - its libraries take 0.3 s
    from kosmos_nb.cli.profile.notebook_view import print_notebook, total  # noqa: PLC0415
    from kosmos_nb.profiling import CellOptions  # noqa: PLC0415

    plan.check((".json",))
    if executed is not None:
        _check_executed(executed)
    options = CellOptions(
        mode=plan.mode,
        threshold_pct=plan.threshold_pct,
        label=plan.label,
        trace_calls=plan.trace_calls,
        trace_memory=plan.trace_memory,
        quiet=True,
    )
    ran = run_notebook(file, executed, options)
    told = {
        "notebook": file.name,
        "cells": [{"cell": cell.number, **cell.profile.to_dict()} for cell in ran.cells],
        "total": total(ran.cells),
    }
    for cell in ran.cells:
        _remember(plan, cell.profile)
    problem = _flush(plan)
    if plan.as_json:
        print(json_text(told))
    else:
        print_notebook(_console(), ran.cells, name=file.name, of=ran.of)
    for complaint in (ran.problem, ran.unsaved):
        if complaint is not None:
            print(f"kosmos: {complaint}", file=sys.stderr)
            problem = 1
    if plan.output is not None:
        output, content = plan.output, json_text(told)
        problem = _written(lambda: write_file(output, content, overwrite=plan.overwrite)) or problem
    return ran.exit_code or problem


def _check_executed(file: Path) -> None:
    try:
        check_target(file, overwrite=False)
    except FileThereError as error:
        raise ConfigError(f"{file} is there already, and is not overwritten.") from error


def _deliver(plan: Plan, profile: ProfileResult, name: str, code: int) -> int:
    """Show, save and write the profile; 1 where something of it failed, and said so."""
    if plan.as_json:
        print(profile.to_json())
    else:
        from kosmos_nb.cli.profile.view import print_profile  # noqa: PLC0415 - draws with rich

        print_profile(_console(), profile, name=name, top=plan.top, exit_code=code)
    problem = 0
    if plan.output is not None:
        output = plan.output
        problem = _written(lambda: profile.save(output, overwrite=plan.overwrite))
    _remember(plan, profile)
    return _flush(plan) or problem


def _written(write: Callable[[], object]) -> int:
    """Write the output; 1 where it failed, and said so."""
    try:
        write()
    except FileThereError as error:  # it came while the run went on
        print(f"kosmos: {str(error).split(';')[0]}, and is not overwritten.", file=sys.stderr)
    except KosmosError as error:
        print(f"kosmos: {error}", file=sys.stderr)
    else:
        return 0
    return 1


def _remember(plan: Plan, profile: ProfileResult) -> None:
    if plan.save:
        from kosmos_nb.runtime import runtime  # noqa: PLC0415 - settings and database, after the run

        runtime().remember(profile)


def _flush(plan: Plan) -> int:
    if not plan.save:
        return 0
    from kosmos_nb.runtime import runtime  # noqa: PLC0415

    if runtime().history.flush(SAVED_WITHIN_S):
        return 0
    print("kosmos: the profile could not be saved within 10 s; it is still being written.", file=sys.stderr)
    return 0


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415 - after the run

    return Console(highlight=False)

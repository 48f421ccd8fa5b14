"""`kosmos profile run`: what a script, a module or a notebook costs."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from kosmos_nb.cli.options import AsJson, JsonOutput, Output, Overwrite, Top
from kosmos_nb.cli.profile.run import Plan, profile_notebook, profile_script
from kosmos_nb.core import ConfigError

NOTEBOOK = ".ipynb"
SCRIPTS = (".py", ".pyw")

profile_app = typer.Typer(
    help="Find out what code costs.", no_args_is_help=True, rich_markup_mode="rich", add_completion=False
)


@profile_app.callback()
def _group() -> None:
    pass


class Mode(StrEnum):
    """How closely to look."""

    LIGHT = "light"
    STANDARD = "standard"
    FULL = "full"


class RunCommand(TyperCommand):
    """What follows a script is the script's own; a notebook has no arguments, so options may follow."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words behind `kosmos profile run`."""
        target = next((word for word in args if Path(word).suffix in (NOTEBOOK, *SCRIPTS)), "")
        ctx.allow_interspersed_args = target.endswith(NOTEBOOK)
        return super().parse_args(ctx, args)


@profile_app.command("run", cls=RunCommand, no_args_is_help=True)
def run(
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="A script (.py) or a notebook (.ipynb).", show_default=False),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENTS", help="The script's own arguments, passed on as they are."),
    ] = None,
    module: Annotated[bool, typer.Option("-m", help="TARGET is a module, as in python -m.")] = False,
    mode: Annotated[
        Mode, typer.Option(help="light: clocks and memory. standard: also where. full: closer.")
    ] = Mode.STANDARD,
    label: Annotated[str | None, typer.Option(help="A name to find the profile by.")] = None,
    threshold: Annotated[
        float, typer.Option(metavar="PCT", help="A share above this is a bottleneck, in percent.")
    ] = 5.0,
    trace_calls: Annotated[
        bool, typer.Option("--trace-calls", help="Count every call; several times slower.")
    ] = False,
    trace_memory: Annotated[
        bool, typer.Option("--trace-memory", help="Follow every allocation (memray); slower.")
    ] = False,
    top: Top = 15,
    output: Output = None,
    overwrite: Overwrite = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write JSON alone to stdout; what a script prints goes to stderr.")
    ] = False,
    save: Annotated[bool, typer.Option(help="Keep the profile in the history.")] = True,
    save_notebook: Annotated[
        Path | None, typer.Option(help="Write the executed notebook here; never over a file.")
    ] = None,
) -> None:
    """Run a script or a notebook, and say what it cost.

    A script runs in a Python of its own as `python script.py` would run it, and its exit code is passed
    on. A notebook runs in a fresh kernel, every code cell is profiled, and its file is not changed.

    [bold]Examples[/bold]

      kosmos profile run script.py

      kosmos profile run --mode full -o profile.html train.py --epochs 3

      kosmos profile run -m json.tool big.json

      kosmos profile run analysis.ipynb --save-notebook executed.ipynb
    """
    plan = Plan(
        mode=mode.value,
        label=label,
        threshold_pct=threshold,
        trace_calls=trace_calls,
        trace_memory=trace_memory,
        top=top,
        output=output,
        overwrite=overwrite,
        as_json=as_json,
        save=save,
    )
    if not module and target.endswith(NOTEBOOK):
        if arguments:
            raise ConfigError(f"A notebook takes no arguments, but there is {arguments[0]!r}.")
        raise typer.Exit(profile_notebook(plan, Path(target), save_notebook))
    if save_notebook is not None:
        raise ConfigError("--save-notebook is for notebooks (.ipynb).")
    if not module and not target.endswith(SCRIPTS):
        raise ConfigError(f"{target} is neither a Python script (.py) nor a notebook (.ipynb).")
    raise typer.Exit(profile_script(plan, target, tuple(arguments or ()), is_module=module))


@profile_app.command("experiment")
def experiment(
    experiment: Annotated[
        str, typer.Option("--experiment", metavar="ID", help="Which one.", show_default=False)
    ],
    mode: Annotated[Mode | None, typer.Option(help="Only a profile that was taken in this mode.")] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="ID", help="Another experiment, to hold it against.")
    ] = None,
    output: Output = None,
    overwrite: Overwrite = False,
    top: Top = 15,
    as_json: AsJson = False,
) -> None:
    """Show the newest profile of an experiment, from the history.

    [bold]Examples[/bold]

      kosmos profile experiment --experiment exp_123

      kosmos profile experiment --experiment exp_123 --compare exp_456 --output profile.json --top 50
    """
    from kosmos_nb.cli.profile.experiment import Ask, show_experiment  # noqa: PLC0415 - the history; not for --help

    show_experiment(
        Ask(
            experiment=experiment,
            mode=mode.value if mode is not None else None,
            compare=compare,
            output=output,
            overwrite=overwrite,
            top=top,
            as_json=as_json,
        )
    )


_RUN = "An id or the beginning of one, last, or previous."


@profile_app.command("workflow")
def workflow(
    run: Annotated[str, typer.Option(metavar="RUN", help=_RUN)] = "last",
    compare: Annotated[
        str | None, typer.Option(metavar="RUN", help="An earlier run, to hold it against.")
    ] = None,
    output: JsonOutput = None,
    overwrite: Overwrite = False,
    top: Top = 15,
    as_json: AsJson = False,
) -> None:
    """Show what a whole research run cost, and what its time went into, from the history.

    [bold]Examples[/bold]

      kosmos profile workflow

      kosmos profile workflow --run 01a20925 --compare previous --output run.json

    [bold]JSON[/bold] in seconds and bytes; null is what was not measured

      run_id question target status error started_at_us workers versions notes
      data_name data_hash n_rows n_columns wall_s cpu_s peak_bytes
      slowest_step slowest_step_s
      elapsed     before_s tests_s calls_s rest_s: together wall_s
      tests       number failed wall_s computing_s waiting_s busy_share
                  busy_share_of_tests
      states, verdicts   number of hypotheses by name
      hypotheses  all, the slowest first: id statement x y given state verdict
                  wall_s cpu_s peak_bytes error
      calls       by role, and all_calls: as in kosmos profile agent

      With --compare: profile, compare (the earlier run), and changes:
      hypotheses (statement x y given before_s after_s, matched by statement,
      what got slower first) only_before only_after notes
    """
    from kosmos_nb.cli.profile.delivery import Delivery  # noqa: PLC0415 - the history; not for --help
    from kosmos_nb.cli.profile.workflow import show_workflow  # noqa: PLC0415

    delivery = Delivery(output=output, overwrite=overwrite, as_json=as_json)
    show_workflow(run, compare, top=top, delivery=delivery)


@profile_app.command("agent")
def agent(
    role: Annotated[
        str | None, typer.Option(metavar="ROLE", help="As what the model worked; without it, all roles.")
    ] = None,
    run: Annotated[str | None, typer.Option(metavar="RUN", help=f"Only this research run. {_RUN}")] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="RUN", help="An earlier run, to hold --run against.")
    ] = None,
    output: JsonOutput = None,
    overwrite: Overwrite = False,
    top: Top = 15,
    as_json: AsJson = False,
) -> None:
    """Show what a language model's calls in one role cost, from the history.

    [bold]Examples[/bold]

      kosmos profile agent

      kosmos profile agent --role proposer --run last --compare previous

    [bold]JSON[/bold] in seconds and dollars; null is what was not measured

      role run_id first_at_us last_at_us
      total, models  name calls failed interrupted cached attempts
                     input_tokens output_tokens cost_usd wall_s waited_s: sums
                     median_s p90_s p99_s longest_s: of a call that was sent;
                     p90 from 10 of them on, p99 from 100 on
      errors, stop_reasons   number of calls by name
      calls          all, the slowest first: id role model status
                     started_at_us wall_s waited_s input_tokens output_tokens
                     cost_usd attempts is_cached stop_reason error_type run_id

      With --compare: profile and compare (the earlier run).
      Without --role: run_id, and roles, each as total.
    """
    from kosmos_nb.cli.profile.agent import show_agent, show_roles  # noqa: PLC0415 - the history; not for --help
    from kosmos_nb.cli.profile.delivery import Delivery  # noqa: PLC0415

    delivery = Delivery(output=output, overwrite=overwrite, as_json=as_json)
    if role is not None:
        show_agent(role, run, compare, top=top, delivery=delivery)
    elif compare is not None:
        raise ConfigError("--compare holds the calls in one role against each other: name it with --role.")
    else:
        show_roles(run, top=top, delivery=delivery)

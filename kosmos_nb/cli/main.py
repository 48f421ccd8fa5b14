"""The command `kosmos`: every complaint of ours is one line and an exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from kosmos_nb.cli.db import db_app
from kosmos_nb.cli.enable import disable, enable
from kosmos_nb.cli.history.app import history_app
from kosmos_nb.cli.profile.app import profile_app
from kosmos_nb.core import KosmosError

app = typer.Typer(
    name="kosmos",
    help="A notebook that says what a cell costs, remembers it, and tests hypotheses about your data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(profile_app, name="profile")
app.add_typer(history_app, name="history")
app.add_typer(db_app, name="db")


def main() -> None:
    """Run the command line; exit code 1 after an error of ours, 130 after Ctrl-C."""
    try:
        app()
    except KosmosError as error:
        print(f"kosmos: {error}", file=sys.stderr)
        sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version as installed_version  # noqa: PLC0415 - 30 ms, only here

        print(f"kosmos_nb {installed_version('kosmos-nb')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


@app.command("demo")
def demo_command(
    data: Annotated[
        Path | None, typer.Option(help="Your own table, CSV or Parquet. Default: the Palmer penguins.")
    ] = None,
    question: Annotated[str | None, typer.Option(help="What to find out, in words.")] = None,
    target: Annotated[str | None, typer.Option(help="Test only what touches this column.")] = None,
    results: Annotated[
        Path, typer.Option(help="Folder for the results; every demo makes a new one inside it.")
    ] = Path("demo-results"),
    notebook: Annotated[bool, typer.Option(help="Execute the first notebook on the data, too.")] = True,
) -> None:
    """Answer a research question on real data, from start to end.

    [bold]Examples[/bold]

      kosmos demo

      kosmos demo --data rides.csv --question "What drives trip duration?"

      kosmos demo --data rides.parquet --question "What matters?" --target duration
    """
    from kosmos_nb.cli.demo import demo  # noqa: PLC0415 - pandas and more, which other commands do not need

    try:
        demo(data=data, question=question, target=target, results=results, with_notebook=notebook)
    except KeyboardInterrupt:
        print("kosmos: interrupted; what was saved before is kept.", file=sys.stderr)
        raise typer.Exit(130) from None


@app.command("enable")
def enable_command(
    always: Annotated[
        Literal["off", "light", "standard"], typer.Option(help="Also profile every cell in this mode.")
    ] = "off",
) -> None:
    """Load kosmos_nb in every kernel of this user.

    [bold]Examples[/bold]

      kosmos enable

      kosmos enable --always light
    """
    file = enable(always)
    print(f"Every new kernel of yours loads kosmos_nb now ({file}). Undo it with: kosmos disable")


@app.command("disable")
def disable_command() -> None:
    """Undo `kosmos enable`."""
    file = disable()
    print(f"Removed {file}; new kernels do not load kosmos_nb." if file else "kosmos_nb was not enabled.")

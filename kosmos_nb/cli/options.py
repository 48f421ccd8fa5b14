"""Options that several commands have, said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Top = Annotated[int, typer.Option(metavar="N", min=1, help="Rows of each table.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", help="Also write a file: .json, .html, .speedscope.json, .collapsed, .pstats."
    ),
]
JsonOutput = Annotated[
    Path | None, typer.Option("--output", "-o", help="Also write a file: .json, what --json writes.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON alone.")]

"""Tables that a command is given: the demo's own, or the user's CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kosmos_nb.core import ResearchError

CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt")
PARQUET_ENDINGS = (".parquet", ".pq")


def penguins() -> pd.DataFrame:
    """Return the Palmer penguins, 344 rows and 8 columns.

    Source: Horst, Hill and Gorman (2020), the palmerpenguins data package.
    """
    from palmerpenguins import load_penguins  # noqa: PLC0415 - reads a file; only the demo needs it

    frame: pd.DataFrame = load_penguins()
    return frame


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV (also `.tsv`, `.csv.gz`) or Parquet file.

    Raises:
        ResearchError: No such file, an unknown ending, or not what the ending says.
    """
    if not path.is_file():
        raise ResearchError(f"There is no file {path}.")
    name = path.name.lower()
    try:
        if name.endswith(PARQUET_ENDINGS):
            return pd.read_parquet(path)
        if name.endswith(CSV_ENDINGS):
            return pd.read_csv(path, sep="\t" if name.endswith(".tsv") else ",")
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise ResearchError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from error
    raise ResearchError(f"{path.name} is neither CSV nor Parquet; a name ends in .csv, .tsv or .parquet.")

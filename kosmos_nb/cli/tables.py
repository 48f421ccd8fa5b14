"""Tables that a command is given: the demo's own, or the user's CSV or Parquet file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from kosmos_nb.core import ResearchError

CSV_ENDINGS = (".csv", ".csv.gz", ".tsv", ".txt")
PARQUET_ENDINGS = (".parquet", ".pq")
ISO_DATE = r"\d{4}-\d\d-\d\d"


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
    if path.is_dir():
        raise ResearchError(f"{path} is a folder. Name a file in it.")
    if not path.is_file():
        raise ResearchError(f"There is no file {path}.")
    name = path.name.lower()
    try:
        if name.endswith(PARQUET_ENDINGS):
            return pd.read_parquet(path)
        if name.endswith(CSV_ENDINGS):
            return _with_dates(_read_text(path, "\t" if name.endswith(".tsv") else ","))
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise ResearchError(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from error
    raise ResearchError(f"{path.name} is neither CSV nor Parquet; a name ends in .csv, .tsv or .parquet.")


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    """Read a text table; one that turns out to have another separator is read with that."""
    frame = pd.read_csv(path, sep=separator)
    head = str(frame.columns[0])
    other = next((sep for sep in (";", "\t", ",", "|") if sep != separator and sep in head), None)
    return pd.read_csv(path, sep=other) if len(frame.columns) == 1 and other else frame


def _with_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn text columns whose every value is an ISO date or time into dates."""
    for name in frame.select_dtypes(["object", "string"]).columns:
        present = frame[name].dropna()
        if len(present) and present.astype(str).str.match(ISO_DATE).all():
            dates = pd.to_datetime(frame[name], errors="coerce", format="ISO8601")
            if dates.notna().sum() == len(present):
                frame[name] = dates
    return frame

"""The user's table, taken as it is at the moment of asking.

A run works on an Arrow file that it wrote before it returned: what the notebook does to the
table afterwards cannot change a verdict.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosmos_nb.core import ResearchError, units

if TYPE_CHECKING:
    import pyarrow as pa

    from kosmos_nb.inquiry.question import Question

MOST_COLUMNS = 600
# A pair on two cores: from registration to verdict, and for each row (benchmarks/README.md).
PAIR_S, PAIR_ROW_S = 2.5e-4, 5e-9


def as_table(data: object, *, name: str) -> tuple[pa.Table, tuple[str, ...]]:
    """Convert a pandas or polars DataFrame or an Arrow table to an Arrow table.

    Args:
        data: The table.
        name: What the user calls it, for messages.

    Returns:
        The table, shape (n_rows, n_columns) without the columns that Arrow cannot hold, and a
        sentence for each of those and for each that had to be changed.

    Raises:
        ResearchError: Not a table, no rows, no columns, or two columns of one name.
    """
    kind = type(data)
    full_name = f"{kind.__module__}.{kind.__qualname__}"
    package = kind.__module__.split(".", 1)[0]
    if (package == "pandas" and kind.__name__ == "DataFrame") or _is_subclass_of_pandas(data):
        table, notes = _from_pandas(data, name)
    elif package == "polars" and kind.__name__ == "DataFrame":
        table, notes = data.to_arrow(), ()  # type: ignore[attr-defined]
    elif package == "pyarrow" and kind.__name__ == "Table":
        table, notes = data, ()
    elif package == "polars" and kind.__name__ == "LazyFrame":
        raise ResearchError(f"{name} is a polars LazyFrame, not a table yet. Give {name}.collect().")
    else:
        raise ResearchError(
            f"{name} is a {full_name}, not a table. Give a pandas or polars DataFrame or an Arrow table."
        )
    _check_shape(table, name)
    return table, (*notes, *_in_utc(table))


def write_copy(table: pa.Table, path: Path) -> str:
    """Write the table's values to `path` and return their hash.

    Returns:
        SHA-256 in hex over names, types and values as Arrow lays them out.

    Raises:
        ResearchError: The file cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415 - 0.1 s; only a run pays for it

    bare = table.replace_schema_metadata(None).combine_chunks()
    digest = hashlib.sha256(str(bare.schema).encode())
    try:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, bare.schema) as writer:
            writer.write_table(bare)
        with path.open("rb") as written:
            while block := written.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ResearchError(f"The copy of the data cannot be written to {path.parent}: {error}.") from error
    return digest.hexdigest()


def read_copy(path: Path) -> pa.Table:
    """Open a table that `write_copy` wrote; its columns are mapped, not loaded."""
    import pyarrow as pa  # noqa: PLC0415

    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _is_subclass_of_pandas(data: object) -> bool:
    import sys  # noqa: PLC0415 - pandas is looked up, never imported for this

    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def _from_pandas(frame: Any, name: str) -> tuple[pa.Table, tuple[str, ...]]:
    import pyarrow as pa  # noqa: PLC0415

    names = [str(column) for column in frame.columns]
    _check_unique(names, name)
    arrays: dict[str, pa.Array] = {}
    notes = _index_left_out(frame, names, name)
    for position, column in enumerate(names):
        values = frame.iloc[:, position]
        try:
            found = pa.array(_plain(values), from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
            notes.append(f"{column}: left out, its values are of mixed or unknown types")
            continue
        zones = _zones(values) if values.dtype == object and pa.types.is_timestamp(found.type) else []
        if len(zones) > 1:
            found = found.cast(pa.timestamp("us", "UTC"))
            notes.append(f"{column}: its times are of several zones ({', '.join(zones)}), all taken to UTC")
        arrays[column] = found
    table = pa.table(arrays) if arrays else pa.table({})
    if not arrays and len(frame.columns):
        raise ResearchError(f"No column of {name} can be read: all hold mixed or unknown types.")
    return table, tuple(notes)


def _in_utc(table: pa.Table) -> Iterator[str]:
    """Say which columns have a time zone of their own: their times are counted, and shown, in UTC."""
    for field in table.schema:
        zone = getattr(field.type, "tz", None)
        if zone not in (None, "UTC"):
            yield f"{field.name}: its times are of the zone {zone}, and are shown in UTC"


def _index_left_out(frame: Any, names: list[str], name: str) -> list[str]:
    """Say that an index that tells something is no column; one that was only ever row numbers does not."""
    levels = [level for level in frame.index.names if level is not None and str(level) not in names]
    if not levels and type(frame.index).__name__ not in ("DatetimeIndex", "PeriodIndex", "TimedeltaIndex"):
        return []
    which = ", ".join(map(str, levels)) or "of dates or times"
    return [f"the index ({which}) is no column and was left out; {name}.reset_index() makes columns of it"]


def _zones(values: Any) -> list[str]:
    """Return the names of the time zones in a column of times; times without one count as UTC's."""
    zones = {value.tzinfo for value in values.dropna() if hasattr(value, "tzinfo")}
    return sorted({"none, read as UTC" if zone is None else str(zone) for zone in zones})


def _plain(values: Any) -> Any:
    """Return values that Arrow can hold: periods as their first moment, intervals as text, sparse ones dense.

    A Categorical's levels become text, in their order: they may be intervals, dates or numbers.
    """
    kind = type(values.dtype).__name__
    if kind == "PeriodDtype":
        return values.dt.to_timestamp()
    if kind == "IntervalDtype":
        return values.astype(str).where(values.notna())
    if kind == "SparseDtype":
        return values.sparse.to_dense()
    if not hasattr(values, "cat"):
        return values
    levels = [str(level) for level in values.cat.categories]
    return values.cat.rename_categories(levels) if len(set(levels)) == len(levels) else values.astype(str)


def _check_shape(table: pa.Table, name: str) -> None:
    _check_unique(table.column_names, name)
    if table.num_columns == 0:
        raise ResearchError(f"{name} has no columns: there is nothing to test.")
    if table.num_rows == 0:
        raise ResearchError(f"{name} has no rows (columns: {', '.join(table.column_names[:8])}).")


def _check_unique(names: list[str], name: str) -> None:
    twice = sorted(column for column, times in Counter(names).items() if times > 1)
    if twice:
        raise ResearchError(f"{name} has two columns named {twice[0]!r}. Rename one of them.")


def check_usable(
    table: pa.Table, *, name: str, target: str | None = None, left_out: tuple[str, ...] = ()
) -> None:
    """Raise a ResearchError unless two columns have at least two different values each.

    Args:
        target: The column that the run is about. left_out: Why columns of the user's table are not here.
    """
    usable = [column for column in table.column_names if _varies(table.column(column))]
    if len(usable) >= 2:
        return
    found = f"only {usable[0]!r} varies" if usable else "none varies"
    raise ResearchError(
        f"{name} has {units.counted(table.num_rows, 'row')} and "
        f"{units.counted(table.num_columns, 'column')}, but {found}: "
        f"two columns with at least two different values are needed{_why_so_few(usable, target, left_out)}."
    )


def _why_so_few(usable: list[str], target: str | None, left_out: tuple[str, ...]) -> str:
    why = [] if target is None or target in usable else [f"the target {target!r} has one value or none"]
    said = "; ".join((*why, *left_out))
    return f" ({said})" if said else ""


def check_size(table: pa.Table, question: Question, *, name: str) -> None:
    """Raise a ResearchError where all pairs would be too many to ask without saying so."""
    k = table.num_columns
    if k <= MOST_COLUMNS or question.target is not None or question.cap is not None or question.claims:
        return
    pairs = k * (k - 1) // 2
    minutes = pairs * (PAIR_S + table.num_rows * PAIR_ROW_S) / 60
    raise ResearchError(
        f"{name} has {k:,} columns: {pairs:,} pairs, about {max(1, round(minutes)):,} min. "
        "Name a target, or say how many hypotheses to test (target, hypotheses)."
    )


def _varies(values: pa.ChunkedArray) -> bool:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = values.type
    try:
        if pa.types.is_dictionary(kind):
            values = values.cast(kind.value_type)
        ends = pc.min_max(values)
    except pa.ArrowNotImplementedError:
        return False
    return bool(ends["min"].is_valid and ends["min"] != ends["max"])

"""`History`: the one face of the store, its background writer, its spool and its queries."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kosmos_nb.config import settings
from kosmos_nb.core import HistoryError
from kosmos_nb.history import lifecycle
from kosmos_nb.history.compare import compare
from kosmos_nb.history.earlier import standing_of
from kosmos_nb.history.finding import find
from kosmos_nb.history.opening import is_up_to_date
from kosmos_nb.history.query import Frames, Note, Params, QueryEngine
from kosmos_nb.history.records import ProfileDiff, ProfileResult, RunSnapshot, Standing
from kosmos_nb.history.rows import Record, profile_from_rows, run_from_rows, to_bundle
from kosmos_nb.history.spool import Spool
from kosmos_nb.history.store import Store
from kosmos_nb.history.writer import Writer

if TYPE_CHECKING:
    import pandas as pd

CLOSE_S = 5.0

_LAST = """
SELECT id, started_at_us, label, kind, mode, status, wall_s, cpu_s, peak_bytes / 1e6 AS peak_mb,
       overhead_s, exception_type, execution_count, notebook, cell_id, experiment_id, code_hash, code
FROM executions
WHERE (:label IS NULL OR label = :label)
  AND (:experiment IS NULL OR experiment_id = :experiment)
  AND (:mode IS NULL OR mode = :mode)
  AND (:cell IS NULL OR cell_id = :cell OR (code_hash <> '' AND substr(code_hash, 1, length(:cell)) = :cell))
ORDER BY started_at_us DESC, seq DESC
LIMIT :n
"""
_RUNS = """
SELECT r.id, r.started_at_us, r.question, r.target, r.data_name, r.status, count(h.position) AS hypotheses,
       coalesce(sum(v.verdict = 'supported'), 0) AS supported,
       coalesce(sum(v.verdict = 'refuted'), 0) AS refuted,
       coalesce(sum(v.verdict = 'inconclusive'), 0) AS inconclusive,
       coalesce(sum(v.verdict = 'not_testable'), 0) AS not_testable,
       r.wall_s, r.cpu_s, r.peak_bytes / 1e6 AS peak_mb
FROM runs r
LEFT JOIN hypotheses h ON h.run_id = r.id
LEFT JOIN verdicts v ON v.run_id = h.run_id AND v.position = h.position
GROUP BY r.seq
ORDER BY r.started_at_us DESC, r.seq DESC
LIMIT :n
"""


class HistoryWarning(UserWarning):
    """Something about the history that the user should know; nothing was lost."""


class History:
    """The history in one folder, shared by all kernels that use it.

    Nothing is opened, and no thread started, before it is needed.

    Args:
        path: The folder; by default the setting `home` (`KOSMOS_HOME`).
        warn: Called with one line when records must wait in a spool (once), and when a damaged
            database was set aside. It may be called in a background thread. By default a
            `HistoryWarning`.
    """

    def __init__(self, path: Path | str | None = None, *, warn: Callable[[str], None] | None = None) -> None:
        self._location = (
            Path(path).expanduser().absolute() if path is not None else settings().home.absolute()
        )
        self._warn = warn or _warn
        self._store = Store(self._location, self._warn)
        self._spool = Spool(self._location)
        self._writer = Writer(self._store, self._spool, self._warn)
        self._engine = QueryEngine(self._store)
        self._has_replayed = False
        lifecycle.track(self._writer)
        lifecycle.track(self._engine)

    @property
    def location(self) -> Path:
        """The folder."""
        return self._location

    def save(self, record: Record) -> str:
        """Save a profile or an ended run; durable when this returns.

        Returns:
            The record's id. Saving the same id again changes nothing.

        Raises:
            HistoryError: It cannot be saved now; nothing was written.
        """
        bundle = to_bundle(record)
        self._store.save(bundle)
        self._replay()
        return bundle.id

    def save_later(self, record: Record) -> None:
        """Save a record in the background; never raises, never waits.

        Where the store cannot take it, it goes to a spool and is saved when the store works
        again; `warn` says so once.
        """
        self._writer.put(record)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything given to `save_later` is durable, in the store or the spool.

        Returns:
            Whether it is; False when the time was up first.
        """
        return self._writer.flush(timeout_s)

    def profile(self, profile_id: str) -> ProfileResult:
        """Return a profile, equal to the one that was saved but for `value` and masked secrets.

        Raises:
            HistoryError: There is none with this id, or the history cannot be read.
        """
        self._replay()
        return profile_from_rows(self._store.fetch("profile", profile_id))

    def find(self, reference: str, *, last: str | None = None) -> str:
        """Return the id of the profile that is meant.

        Args:
            reference: An id, its beginning or its short form as views show it, a label (the newest
                profile that has it), `last`, or `previous` (the run before it of the same cell).
            last: Id of the profile that is the last one; by default the newest of all kernels.

        Raises:
            HistoryError: There is none, there are several, or the history cannot be read.
        """
        self._replay()
        with self._store.reading() as connection:
            return find(connection, reference, last=last)

    def compare(self, before: str, after: str) -> ProfileDiff:
        """Lay two profiles side by side; each is named as in `find`.

        Raises:
            HistoryError: There is none of that name, or the history cannot be read.
        """
        return compare(self.profile(self.find(before)), self.profile(self.find(after)))

    def run(self, run_id: str) -> RunSnapshot:
        """Return an ended run, equal to the one that was saved but for masked secrets.

        Raises:
            HistoryError: There is none with this id, or the history cannot be read.
        """
        self._replay()
        return run_from_rows(self._store.fetch("run", run_id))

    def standing(self, profile: ProfileResult, *, at_once: bool = False) -> Standing | None:
        """Say how a run stands among the earlier ones that it can be held against.

        Those have the same code, machine, mode, minor version of Python and size of data, and were
        cold or warm alike. None where the run did not come to its end, where it is no cell, and in an
        older history that cannot be brought up to date.

        Args:
            profile: It may be saved, or not yet.
            at_once: Return None rather than wait: for a store that is in use, and for one that has to be
                made or brought up to date.

        Raises:
            HistoryError: The history cannot be read.
        """
        if not at_once:
            with self._store.reading() as connection:
                return standing_of(connection, profile) if is_up_to_date(connection) else None
        with self._store.glance() as glanced:
            return standing_of(glanced, profile) if glanced is not None else None

    def last(
        self,
        n: int = 20,
        *,
        label: str | None = None,
        cell: str | None = None,
        experiment: str | None = None,
        mode: str | None = None,
    ) -> pd.DataFrame:
        """Return the newest profiles, newest first, one row each.

        Args:
            n: How many, at most.
            label: Only those with this label.
            cell: Only this cell: its Jupyter cell id, or the beginning of its code hash.
            experiment: Only those of this experiment.
            mode: Only those taken in this mode.

        Raises:
            HistoryError: The history cannot be read.
        """
        return self._frame(
            _LAST, {"n": n, "label": label, "cell": cell, "experiment": experiment, "mode": mode}
        )

    def runs(self, n: int = 20) -> pd.DataFrame:
        """Return the newest research runs, newest first, one row each with its verdicts counted.

        Raises:
            HistoryError: The history cannot be read.
        """
        return self._frame(_RUNS, {"n": n})

    def sql(
        self, query: str, params: Params = None, frames: Frames = None, *, note: Note | None = None
    ) -> pd.DataFrame:
        """Run one SELECT (or EXPLAIN of one) in DuckDB's dialect, read-only.

        Args:
            query: Over the tables and views that `tables()` lists.
            params: For `?` a sequence, for `$name` a mapping.
            frames: A mapping in which names that are no table of the history are looked up, and
                all that is written `nb.name`: pandas or polars DataFrames, Arrow tables.
            note: Called with one line where the history's table hides a frame of the same name,
                and where a column was left out because it has no form in SQL.

        Raises:
            QueryError: The query is not allowed, or not valid.
            HistoryError: The history cannot be read.
        """
        self._replay()
        return self._engine.sql(query, params, frames, note=note)

    def tables(self) -> pd.DataFrame:
        """Return what queries can name: `name, kind, column, meaning, unit`, one row a column."""
        from kosmos_nb.history.describe import describe  # noqa: PLC0415 - imports SQLAlchemy

        return describe()

    def disk_bytes(self) -> int:
        """Return the bytes of the database, its log and its spool."""
        total = self._spool.disk_bytes()
        for suffix in ("", "-wal", "-shm"):
            file = self._store.path.with_name(self._store.path.name + suffix)
            if file.is_file():
                total += file.stat().st_size
        return total

    def close(self) -> None:
        """Save what is left, end the thread, close the database; a later call opens it again."""
        lost = self._writer.close(CLOSE_S)
        self._engine.close()
        self._store.close()
        if lost:
            self._warn(f"{lost} records could be kept nowhere and are lost.")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"History({str(self._location)!r})"

    def _replay(self) -> None:
        """Save what other kernels left in the spool, once; later the writer looks after it."""
        if self._has_replayed:
            return
        self._has_replayed = True
        with suppress(HistoryError, OSError):  # the call itself will say what does not work
            self._spool.replay(self._store.save)

    def _frame(self, query: str, params: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd  # noqa: PLC0415 - 0.2 s; only who asks for a DataFrame pays

        if params["n"] < 0:
            raise HistoryError(f"n is a number of rows and cannot be {params['n']}.")
        self._replay()
        with self._store.reading() as connection:
            cursor = connection.execute(query, params)
            names = [column[0] for column in cursor.description]
            frame = pd.DataFrame([tuple(row) for row in cursor], columns=names)
        position = names.index("started_at_us")
        stamps = pd.to_datetime(frame.pop("started_at_us").astype("int64"), unit="us")
        frame.insert(position, "started_at", stamps)
        return frame


def _warn(message: str) -> None:
    # Explicit, so that it is one line that names us, not a line of our own source.
    warnings.warn_explicit(message, HistoryWarning, filename="kosmos_nb", lineno=0)

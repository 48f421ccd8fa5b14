"""`History`: the one face of the store, its background writer, its spool and its queries."""

from __future__ import annotations

import sqlite3
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from kosmos_nb.config import settings
from kosmos_nb.core import HistoryError
from kosmos_nb.history import lifecycle, listing
from kosmos_nb.history.annotations import Field, annotate
from kosmos_nb.history.compare import compare
from kosmos_nb.history.earlier import standing_of
from kosmos_nb.history.fetching import Limit
from kosmos_nb.history.finding import find, find_run
from kosmos_nb.history.query import Frames, Note, Params, QueryEngine
from kosmos_nb.history.records import (
    Erased,
    ProfileDiff,
    ProfileResult,
    RunSnapshot,
    Salvaged,
    Standing,
    Verified,
    Watch,
)
from kosmos_nb.history.rows import Record, profile_from_rows, run_from_rows, to_bundle
from kosmos_nb.history.spool import Spool
from kosmos_nb.history.store import Store
from kosmos_nb.history.writer import Writer

if TYPE_CHECKING:
    import pandas as pd

CLOSE_S = SETTLE_S = 5.0


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
        _histories.add(self)
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
        self._settle()
        with _reading_back(f"The profile {profile_id}"):
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
        with self._reading() as connection:
            return find(connection, reference, last=last)

    def find_run(self, reference: str) -> str:
        """Return the id of the research run that is meant.

        Args:
            reference: An id, its beginning or its short form as views show it, `last` (the newest), or
                `previous` (the one before it).

        Raises:
            HistoryError: There is none, there are several, or the history cannot be read.
        """
        with self._reading() as connection:
            return find_run(connection, reference)

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
        self._settle()
        with _reading_back(f"The run {run_id}"):
            return run_from_rows(self._store.fetch("run", run_id))

    def standing(self, profile: ProfileResult, *, at_once: bool = False) -> Standing | None:
        """Say how a run stands among the earlier ones that it can be held against.

        Those have the same code, machine, mode, minor version of Python and size of data, and were
        cold or warm alike. None where the run did not come to its end, and where it is no cell.

        Args:
            profile: It may be saved, or not yet.
            at_once: For a profile that was just made: return None rather than wait for a store that is in
                use, or that has to be made or brought up to date.

        Raises:
            HistoryError: The history cannot be read.
        """
        if not at_once:
            with self._reading() as connection:
                return standing_of(connection, profile)
        with _reading_back(f"The history {self._location}"), self._store.glance() as glanced:
            return standing_of(glanced, profile, is_new=True) if glanced is not None else None

    def last(
        self,
        n: int = 20,
        *,
        label: str | None = None,
        cell: str | None = None,
        experiment: str | None = None,
        mode: str | None = None,
        notebook: str | None = None,
    ) -> pd.DataFrame:
        """Return the newest profiles, newest first, one row each.

        Args:
            n: How many, at most.
            label: Only those with this label.
            cell: Only this cell: its Jupyter cell id, its key, or the beginning of its code hash.
            experiment: Only those of this experiment.
            mode: Only those taken in this mode.
            notebook: Only those of this notebook: its path, or its file's name.

        Raises:
            HistoryError: The history cannot be read.
        """
        listing.check_count(n)
        chosen = {"label": label, "cell": cell, "experiment": experiment, "mode": mode, "notebook": notebook}
        with self._reading() as connection:
            return listing.profiles(connection, n, chosen)

    def profiles(self, **chosen: str | None) -> pd.DataFrame:
        """Return all profiles, oldest first, one row each as in `last`.

        Args:
            chosen: `label`, `cell`, `experiment`, `mode` and `notebook`, each as in `last`.

        Raises:
            HistoryError: The history cannot be read.
        """
        listing.check_choices(chosen)
        with self._reading() as connection:
            return listing.profiles(connection, listing.ALL, chosen).iloc[::-1].reset_index(drop=True)

    def regressions(self, **chosen: str | None) -> pd.DataFrame:
        """Return where cells became slower for good, the newest first, one row each.

        A cell's runs in one mode, cold or warm, are one series, whatever became of its code; a step of no
        less than 20 % and 50 ms is told that fewer than one in a hundred shuffles of the runs would show.
        A series has 11 runs or more.

        Args:
            chosen: `label`, `cell`, `experiment`, `mode` and `notebook`, each as in `last`.

        Returns:
            `started_at` of the first slower run and its `id`; `cell` (label or first line), `notebook`,
            `mode`, `cell_key`; medians `before_s` and `after_s`, their `ratio`, and how many runs lie at
            these levels, `runs_before` and `runs_after`; `p`; `what_changed` with that run; `is_last`: the
            level has not changed since.

        Raises:
            HistoryError: The history cannot be read.
        """
        from kosmos_nb.history.regressions import regressions  # noqa: PLC0415 - numpy; only who asks pays

        listing.check_choices(chosen)
        with self._reading() as connection:
            return regressions(connection, chosen)

    def runs(self, n: int = 20) -> pd.DataFrame:
        """Return the newest research runs, newest first, one row each with its verdicts counted.

        Raises:
            HistoryError: The history cannot be read.
        """
        listing.check_count(n)
        with self._reading() as connection:
            return listing.runs(connection, n)

    def llm_calls(self, *, run: str | None = None, role: str | None = None) -> pd.DataFrame:
        """Return the calls of language models, oldest first, one row each.

        Args:
            run: Only those that worked for this research run: its whole id, which `find_run` tells.
            role: Only those in this role, as which the model worked.

        Raises:
            HistoryError: The history cannot be read.
        """
        with self._reading() as connection:
            return listing.llm_calls(connection, run, role)

    def label(self, reference: str, label: str) -> str:
        """Give a profile a label, in place of the one that it has; an empty one takes that away.

        Args:
            reference: The profile, as in `find`.
            label: At most 200 characters; what looks like a secret is masked.

        Returns:
            The profile's id.

        Raises:
            HistoryError: There is no such profile, or the history cannot be written.
        """
        return self._annotate(reference, "label", label)

    def note(self, reference: str, note: str) -> str:
        """Write a note to a profile, in place of the one that it has; an empty one takes that away.

        Arguments, result and errors are those of `label`; a note has at most 20,000 characters.
        """
        return self._annotate(reference, "note", note)

    def erase(
        self,
        *references: str,
        notebook: str | None = None,
        label: str | None = None,
        cell: str | None = None,
        experiment: str | None = None,
        before: str | date | None = None,
        runs: bool = False,
        everything: bool = False,
        dry_run: bool = False,
    ) -> Erased:
        """Erase profiles or research runs for good: their rows, their labels and notes, and the text itself.

        Only their ids stay, so that nothing brings them back. Profiles are named, or chosen by what they
        have in common: all that is given must be true of them.

        Args:
            references: Profiles as in `find`; with `runs`, ids of runs.
            notebook, label, cell, experiment: Each as in `last`.
            before: Only what began before that: `2026-01-31` or `2026-01-31T12:00`, in UTC unless it says
                otherwise.
            runs: Research runs, and no profiles: those that are named, those `before` a date, or all.
            everything: The whole history, with its backups and damaged copies.
            dry_run: Only count.

        Returns:
            What was erased, or would be, and where it may still lie.

        Raises:
            HistoryError: There is no such profile, the choice makes no sense, or the history cannot be
                written; nothing was erased.
        """
        from kosmos_nb.history.choosing import Choice  # noqa: PLC0415 - only who erases pays
        from kosmos_nb.history.erasing import erase  # noqa: PLC0415

        by = {"notebook": notebook, "label": label, "cell": cell, "experiment": experiment}
        choice = Choice(references=references, by=by, before=before, runs=runs, everything=everything)
        self._settle()
        with suppress(HistoryError, OSError):  # what cannot be saved is erased in the spool
            self._spool.replay(self._store.save)
        erased = erase(self._store, self._spool, choice, dry_run=dry_run)
        if not dry_run:
            self._engine.close()  # it holds copies
        return erased

    def verify(self, watch: Watch | None = None) -> Verified:
        """Check the file, and that every record is what was saved. Nothing is changed.

        Args:
            watch: Called with what is being done, how much of it is done, and how much there is of it.

        Raises:
            HistoryError: The history cannot be opened, or a newer kosmos_nb made it.
        """
        from kosmos_nb.history.verifying import verify  # noqa: PLC0415 - only who verifies pays

        return verify(self._store, watch or _unwatched)

    def salvage(self, file: Path | str | None = None, watch: Watch | None = None) -> list[Salvaged]:
        """Copy every record of a damaged history that is still sound into this one.

        Args:
            file: A damaged copy, which stays as it is; by default all in this folder. If this history is
                damaged itself, it becomes one of them.
            watch: As in `verify`.

        Returns:
            What was copied, by file; empty where nothing is damaged.

        Raises:
            HistoryError: The file cannot be read, or this history cannot be written.
        """
        from kosmos_nb.history.salvage import damaged_copies, salvage  # noqa: PLC0415 - as above

        if file is not None:
            files = [Path(file).expanduser().absolute()]
        else:
            self._store.set_aside_if_damaged()
            files = damaged_copies(self._location)
        return [salvage(self._store, one, watch or _unwatched) for one in files]

    def sql(
        self,
        query: str,
        params: Params = None,
        frames: Frames = None,
        *,
        note: Note | None = None,
        rows: int | None = None,
        size_bytes: int | None = None,
    ) -> pd.DataFrame:
        """Run one SELECT (or EXPLAIN of one) in DuckDB's dialect, read-only.

        Args:
            query: Over the tables and views that `tables()` lists.
            params: For `?` a sequence, for `$name` a mapping.
            frames: A mapping in which names that are no table of the history are looked up, and
                all that is written `nb.name`: pandas or polars DataFrames, Arrow tables.
            note: Called with one line where the history's table hides a frame of the same name,
                where a column was left out because it has no form in SQL, and where there are
                more rows than were read.
            rows: Read at most so many rows; None for all.
            size_bytes: Read at most so many bytes, as the DataFrame takes them; None for all. At
                least one row is read, and what lies inside of lists and structs does not count.

        Raises:
            QueryError: The query is not allowed, or not valid.
            HistoryError: The history cannot be read; `rows` or `size_bytes` is below one.
        """
        limit = Limit(rows, size_bytes)
        self._settle()
        return self._engine.sql(query, params, frames, note=note, limit=limit)

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

    def _settle(self) -> None:
        """Wait for what this process has handed over, so that it is in what is read next."""
        for one in _histories.copy():
            if one._location == self._location:
                one.flush(SETTLE_S)
        self._replay()

    def _replay(self) -> None:
        """Save what other kernels left in the spool, once; later the writer looks after it."""
        if self._has_replayed:
            return
        self._has_replayed = True
        with suppress(HistoryError, OSError):  # the call itself will say what does not work
            self._spool.replay(self._store.save)

    def _annotate(self, reference: str, field: Field, value: str) -> str:
        found = self.find(reference)
        with self._store.writing() as connection:
            annotate(connection, found, field, value)
        return found

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        self._settle()
        with _reading_back(f"The history {self._location}"), self._store.reading() as connection:
            yield connection


@contextmanager
def _reading_back(what: str) -> Iterator[None]:
    """Turn what values that cannot be raise, which SQLite does not see, into an error of ours."""
    try:
        yield
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise HistoryError(
            f"{what} cannot be read back, for a value in it is damaged ({type(error).__name__}: {said})."
        ) from error


# A notebook may have a `History()` of its own beside the one into which the magics save.
_histories: weakref.WeakSet[History] = weakref.WeakSet()


def _unwatched(what: str, done: int, total: int) -> None:
    """Nobody asked how far it is."""


def _warn(message: str) -> None:
    # Explicit, so that it is one line that names us, not a line of our own source.
    warnings.warn_explicit(message, HistoryWarning, filename="kosmos_nb", lineno=0)

"""A record that is no longer what was saved is not given out as if it were."""

import sqlite3

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History
from kosmos_nb.history.rows import to_bundle
from tests.samples import done_run, full_profile


def columns():
    """Every column with a value, of every table of a profile."""
    for table, rows in to_bundle(full_profile()).rows.items():
        for name, value in rows[0].items():
            keys = ("id", "execution_id", "position", "part", "hash", "checksum")
            if name not in keys:
                yield pytest.param(table, name, value, id=f"{table}.{name}")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize(("table", "column", "value"), list(columns()))
def test_a_changed_value_is_found_on_reading(home, table, column, value):
    saved = full_profile(id=uuid7())
    with History(home) as history:
        history.save(saved)
        assert history.profile(saved.id) == saved
        key = {"executions": "id", "codes": "hash", "environments": "hash"}.get(table, "execution_id")
        owner = to_bundle(saved).rows[table][0][key]
        with sqlite3.connect(home / "history.sqlite") as connection:
            changed = (
                value + 1 if isinstance(value, (int, float)) else b"x" if column == "data" else "changed"
            )
            (before,) = connection.execute(
                f"SELECT {column} FROM {table} WHERE {key} = ? LIMIT 1", (owner,)
            ).fetchone()
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (changed, owner))
        with pytest.raises(HistoryError, match=rf"The profile {saved.id} is damaged"):
            history.profile(saved.id)
        if key == "hash":  # shared with the other tests
            with sqlite3.connect(home / "history.sqlite") as connection:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE {key} = ?", (before, owner))


@pytest.mark.parametrize("table", ["function_stats", "line_stats", "blobs", "inputs", "codes"])
def test_a_lost_row_is_found_on_reading(tmp_path, table):
    with History(tmp_path) as history:
        saved = history.save(full_profile())
        with sqlite3.connect(tmp_path / "history.sqlite") as connection:
            connection.execute(f"DELETE FROM {table}")
        with pytest.raises(HistoryError, match="is damaged"):
            history.profile(saved)


def test_a_damaged_run_is_found_on_reading(tmp_path):
    with History(tmp_path) as history:
        saved = history.save(done_run())
        with sqlite3.connect(tmp_path / "history.sqlite") as connection:
            connection.execute("UPDATE verdicts SET p = 0.04 WHERE position = 0")
        with pytest.raises(HistoryError, match=r"The run .* is damaged"):
            history.run(saved)

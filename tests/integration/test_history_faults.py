"""Faults that a review found: each was seen to lose, stop or misname something."""

import dataclasses
import sqlite3
import threading
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History
from kosmos_nb.history.cells import is_there
from kosmos_nb.history.files import lock_file
from kosmos_nb.history.rows import Bundle, to_bundle
from kosmos_nb.history.spool import encode
from tests.samples import full_profile, profile
from tests.waiting import until


@pytest.fixture
def history(tmp_path):
    with History(tmp_path) as opened:
        yield opened


def test_a_path_that_nobody_can_ask_about_stops_no_save(history):
    history.save(profile(id=uuid7(), cell_id="c", notebook=f"/tmp/{'x' * 300}.ipynb"))
    history.save(profile(id=uuid7(), cell_id="c", notebook="/tmp/b.ipynb"))
    assert history.last().cell_key.nunique() == 2
    assert is_there(Path("/tmp") / ("x" * 300))
    assert not is_there(Path("/tmp/nothing-of-that-name"))


def test_a_glance_that_fails_leaves_neither_lock_nor_transaction(history):
    history.save(profile(id=uuid7()))
    store = history._store
    with pytest.raises(HistoryError), store.glance() as connection:
        connection.execute("ROLLBACK")  # as SQLite does after some errors
        raise sqlite3.OperationalError("disk I/O error")
    free = []

    def ask() -> None:
        free.append(store._lock.acquire(timeout=1))
        if free == [True]:
            store._lock.release()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    assert free == [True]


def test_every_refused_record_is_kept(tmp_path):
    for _ in range(2):
        with History(tmp_path, warn=lambda _: None) as history:
            history._spool._name = "same.jsonl"
            history.save_later(profile(id=uuid7(), minor_faults=2**70))
            history.flush()
        with History(tmp_path) as history:
            history.last()
    (kept,) = (tmp_path / "spool").glob("*.kept")
    assert len(kept.read_bytes().splitlines()) == 2


def test_a_spool_file_that_another_process_held_is_looked_at_again(tmp_path):
    mine = profile(id=uuid7())
    (tmp_path / "spool").mkdir()
    waiting = tmp_path / "spool" / "other.jsonl"
    waiting.write_bytes(encode(to_bundle(mine)))
    with History(tmp_path) as history, waiting.open("rb") as held:
        history._writer._retry_s = 0.05
        lock_file(held.fileno())
        history.save_later(profile(id=uuid7()))
        assert history.flush(30)
        assert waiting.exists()
        held.close()
        until(lambda: not waiting.exists())
        assert mine.id in set(history.last().id)


def test_a_line_of_a_newer_version_does_not_stop_the_others(tmp_path):
    newer, mine = to_bundle(profile(id=uuid7())), profile(id=uuid7())
    newer.rows["executions"][0]["gpu_s"] = 1.0
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "a.jsonl").write_bytes(encode(newer) + encode(to_bundle(mine)))
    with History(tmp_path) as history:
        assert history.last().id.tolist() == [mine.id]
    assert (tmp_path / "spool" / "a.jsonl.kept").exists()


def test_a_store_that_a_newer_version_changed_meanwhile_is_not_written(tmp_path, history):
    history.save(profile(id=uuid7()))
    with sqlite3.connect(tmp_path / "history.sqlite") as newer:
        newer.execute("ALTER TABLE executions ADD COLUMN gpu_s FLOAT")
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    newer.close()
    with pytest.raises(HistoryError, match="newer kosmos_nb"):
        history.save(profile(id=uuid7()))
    assert len(history.last()) == 1


def test_positions_in_a_query_are_those_of_the_whole_table(history):
    history.save(profile(id=uuid7()))
    query = "SELECT #2 AS x, wall_s FROM executions"
    first = history.sql(query).x[0]
    assert first == history.sql("SELECT id FROM executions").id[0]
    history.sql("SELECT * FROM executions")
    assert history.sql(query).x[0] == first


def test_a_record_that_is_copied_keeps_its_cell_and_what_was_said_of_it(tmp_path):
    with History(tmp_path / "one") as one, History(tmp_path / "two") as two:
        saved = one.save(profile(id=uuid7(), cell_id="c", notebook="/tmp/gone.ipynb"))
        two.save(profile(id=uuid7(), cell_id="c", notebook="/tmp/gone.ipynb"))
        rows = one._store.fetch("profile", saved)
        without_seq = {
            t: [{k: v for k, v in r.items() if k != "seq"} for r in some] for t, some in rows.items()
        }
        two._store.save(Bundle("profile", saved, without_seq))
        assert two.last().cell_key.nunique() == 2
        one.label(saved, "renamed")
        rows = one._store.fetch("profile", saved)
        without_seq = {
            t: [{k: v for k, v in r.items() if k != "seq"} for r in some] for t, some in rows.items()
        }
        assert not two._store.save(Bundle("profile", saved, without_seq))
        assert two.profile(saved).label == "renamed"


def test_an_old_line_in_the_spool_is_masked_as_a_whole(tmp_path):
    secret = "password = 'hunter2hunter2'"
    bundle = to_bundle(full_profile(id=uuid7()))
    main = bundle.rows["executions"][0]
    for name in ("cell_key", "source_hash", "environment_hash", "checksum"):
        main.pop(name, None)
    main |= {"code": secret, "label": secret}
    bundle.rows["line_stats"][0]["source"] = secret
    old = dataclasses.replace(
        bundle, rows={t: r for t, r in bundle.rows.items() if t not in ("codes", "environments")}
    )
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "old.jsonl").write_bytes(encode(old))
    with History(tmp_path) as history:
        found = history.profile(bundle.id)
    assert "hunter2" not in found.to_json()
    assert found.code == "password = '***'"

"""Damage is found wherever it is, and what is sound is copied out of a damaged history."""

import gzip
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import Damage, Environment, History, LlmCall, ProfileResult, Salvaged, verifying
from kosmos_nb.history.pages import Pages
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.spool import Spool
from tests.samples import done_run, full_profile, profile

PAGE = 4096
DATA = Path(__file__).parents[1] / "data"


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


def call(**changes: object) -> LlmCall:
    said = {"role": "proposer", "model": "m", "status": "ok", "started_at_us": 1, "wall_s": 1.0}
    return LlmCall(id=uuid7(), **(said | changes))


def fill(folder: Path, profiles: int) -> dict[str, ProfileResult]:
    """Make a history of records of every kind and many sizes; return its profiles."""
    dice = random.Random(profiles)
    places = [
        Environment(
            host_class=f"class {n}", system="Linux", packages=tuple(f"p{k} 1.{n}" for k in range(300))
        )
        for n in range(3)
    ]
    made = {}
    with History(folder) as history:
        for n in range(profiles):
            code = "".join(f"x{dice.random()} = f({n // 3})\n" for _ in range(dice.choice((1, 10, 40, 300))))
            some = full_profile if n % 9 == 0 else profile
            record = some(id=uuid7(), code=code, environment=places[n % 3], cell_id=f"cell {n % 5}")
            made[history.save(record)] = record
            if n % 10 == 0:
                history.note(record.id, f"a note on {n}")
                history.save(done_run(id=uuid7()))
                history.save(call())
    return made


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A history of 60 profiles, which tests copy before they damage it."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, fill(folder, 60)


@pytest.fixture
def home(whole, tmp_path):
    shutil.copytree(whole[0], tmp_path / "home")
    return tmp_path / "home"


def change(folder: Path, query: str, *params: object) -> None:
    with sqlite3.connect(folder / "history.sqlite") as connection:
        assert connection.execute(query, params).rowcount > 0


def test_a_sound_history_is_found_sound_and_every_record_is_checked(home):
    seen = []
    with History(home) as history:
        found = history.verify(lambda *told: seen.append(told))
    assert (found.records, found.sound, found.unverified) == (72, 72, 0)
    assert found.is_sound
    assert str(found) == "72 records: 72 sound."
    assert [done for _, done, _ in seen] == list(range(1, 73))
    assert {(what, total) for what, _, total in seen} == {("records checked", 72)}


SEVENTH = "(SELECT id FROM executions WHERE seq = 7)"


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("UPDATE executions SET wall_s = wall_s + 1 WHERE seq = 7", "profile"),
        (f"UPDATE line_stats SET samples = 1 WHERE execution_id = {SEVENTH}", "profile"),
        (f"DELETE FROM blobs WHERE execution_id = {SEVENTH}", "profile"),
        ("UPDATE runs SET question = 'another' WHERE seq = 3", "run"),
        ("DELETE FROM verdicts WHERE run_id = (SELECT id FROM runs WHERE seq = 3) AND position = 2", "run"),
        ("UPDATE llm_calls SET cost_usd = 7.0 WHERE seq = 2", "llm_call"),
    ],
)  # fmt: skip
def test_a_record_that_is_not_what_was_saved_is_named(home, query, kind):
    table = {"profile": "executions", "run": "runs", "llm_call": "llm_calls"}[kind]
    seq = {"profile": 7, "run": 3, "llm_call": 2}[kind]
    change(home, query)
    with sqlite3.connect(home / "history.sqlite") as connection:
        (named,) = connection.execute(f"SELECT id FROM {table} WHERE seq = ?", (seq,)).fetchone()
    with History(home) as history:
        found = history.verify()
    assert found.damage == (Damage(kind=kind, id=named, reason="changed"),)
    assert (found.records, found.sound, found.complaints) == (72, 71, ())
    assert str(found) == "72 records: 71 sound, 1 damaged."


def test_a_changed_source_and_a_lost_environment_damage_every_record_that_has_them(home):
    change(home, "UPDATE codes SET code = 'changed' WHERE seq = 5")
    change(home, "DELETE FROM environments WHERE seq = 2")
    with History(home) as history:
        found = history.verify()
    kinds = [one.kind for one in found.damage]
    assert kinds.count("code") == 1
    assert kinds.count("profile") == found.records - found.sound == 20


def test_text_that_is_no_text_any_more_hides_no_other_record(home, whole):
    change(home, "UPDATE executions SET label = CAST(x'41ff42' AS TEXT) WHERE seq = 7")
    with History(home) as history:
        (damage,) = history.verify().damage
        assert (damage.kind, damage.reason) == ("profile", "changed")
        listed = history.last(100)
        assert len(listed) == 60
        assert listed[listed.id == damage.id].label.tolist() == ["A\ufffdB"]
        with pytest.raises(HistoryError, match="is damaged"):
            history.profile(damage.id)
        history.erase(damage.id)
        assert history.verify().is_sound


def test_a_damaged_name_in_the_schema_is_damage_like_any_other(home):
    file = home / "history.sqlite"
    content = bytearray(file.read_bytes())
    content[content.index(b"CREATE INDEX ix_runs_started_at_us") + 13] ^= 0x80
    file.write_bytes(content)
    said = []
    with History(home, warn=said.append) as history:
        assert history.verify().complaints
        history.save(new_profile())
        assert len(said) == 1
        assert history.salvage()[0].copied == 72


def test_records_from_before_there_were_checksums_are_told_apart(home):
    change(home, "UPDATE executions SET checksum = NULL WHERE seq <= 4")
    with History(home) as history:
        found = history.verify()
    assert (found.sound, found.unverified, found.is_sound) == (68, 4, True)
    assert str(found).endswith("; 4 more are from before there were checksums.")


@pytest.mark.parametrize("version", ["0002", "0003"])
def test_an_older_history_is_checked_and_stays_as_it_is(tmp_path, version):
    file = tmp_path / "history.sqlite"
    file.write_bytes(gzip.decompress((DATA / f"history_{version}.sqlite.gz").read_bytes()))
    before = file.read_bytes()
    with History(tmp_path) as history:
        found = history.verify()
    assert found.is_sound and found.records == found.unverified > 0
    assert file.read_bytes() == before


def test_a_newer_history_is_not_judged(home):
    change(home, "UPDATE alembic_version SET version_num = '9999'")
    with History(home) as history, pytest.raises(HistoryError, match="A newer kosmos_nb made"):
        history.verify()


def test_where_there_is_no_history_there_is_nothing_to_find(tmp_path):
    with History(tmp_path / "none") as history:
        assert str(history.verify()) == "0 records: 0 sound."
        assert history.salvage() == []
    assert not (tmp_path / "none" / "history.sqlite").exists()


def damaged(home: Path, page: int) -> Path:
    """Zero one page of the history's file."""
    file = home / "history.sqlite"
    content = bytearray(file.read_bytes())
    content[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("page", [0, 3, 60, 120])
def test_a_damaged_file_is_told_of_and_neither_changed_nor_set_aside(home, page):
    file = damaged(home, page)
    before = file.read_bytes()
    said = []
    with History(home, warn=said.append) as history:
        found = history.verify()
        assert not found.is_sound and found.complaints
        assert "file itself is damaged" in str(found)
    assert file.read_bytes() == before
    assert (said, list(home.glob("history.damaged-*"))) == ([], [])


def test_what_can_be_reached_past_a_damaged_page_is_checked(home):
    """A page of the table's own: the index still names what lies there."""
    with sqlite3.connect(home / "history.sqlite") as connection:
        pages = connection.execute(
            "SELECT pageno, ncell FROM dbstat WHERE name = 'executions' AND pagetype = 'leaf' ORDER BY pageno"
        ).fetchall()
    page, lost = pages[len(pages) // 2]
    damaged(home, page - 1)
    with History(home) as history:
        found = history.verify()
    assert found.records == 72
    assert [one.reason for one in found.damage if one.kind == "profile"] == ["unreadable"] * lost
    assert found.sound == 72 - lost


def test_a_verification_can_be_stopped_and_the_history_is_free_again(home):
    def stop(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with History(home) as history:
        with pytest.raises(KeyboardInterrupt):
            history.verify(stop)
        history.erase("last")
        assert history.verify().is_sound
    connection = sqlite3.connect(home / "history.sqlite")
    connection.set_progress_handler(lambda: 1, 1)  # so it ends when Ctrl-C comes within a step of SQLite's
    with pytest.raises(KeyboardInterrupt):
        verifying._complaints(connection)


def salvaged(home: Path, to: Path) -> tuple[Salvaged, History]:
    history = History(to)
    (found,) = [history.salvage(home / "history.sqlite")]
    return found[0], history


def test_everything_comes_out_of_a_file_whose_first_page_is_lost(home, whole, tmp_path):
    damaged(home, 0)
    found, history = salvaged(home, tmp_path / "new")
    assert (found.records, found.copied, found.present, found.damaged) == (72, 72, 0, 0)
    assert str(found) == f"72 of 72 records of {home / 'history.sqlite'} copied."
    for record_id, record in whole[1].items():
        assert history.profile(record_id) == record
    assert len(history.runs(100)) == 6
    assert sorted(history.profiles().note.dropna()) == sorted(f"a note on {n}" for n in range(0, 60, 10))
    assert history.profiles().id.tolist() == sorted(whole[1])
    assert history.verify().is_sound
    history.close()


def pages_of(file: Path, where: str) -> list[int]:
    """Numbers, from 0, of the pages that `where` names in the words of SQLite's table `dbstat`."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as connection:
        found = connection.execute(f"SELECT pageno - 1 FROM dbstat WHERE {where} ORDER BY 1").fetchall()
    return [page for (page,) in found]


def test_every_row_whose_page_is_sound_is_found_without_the_pages_above_it(home, whole, tmp_path):
    file = home / "history.sqlite"
    inner = pages_of(file, "pagetype = 'internal'")
    # A table without row numbers keeps some of its rows in these pages.
    parts = "('function_stats', 'line_stats', 'bottlenecks', 'blobs', 'inputs', 'child_processes')"
    some = pages_of(file, f"pagetype = 'internal' AND name IN {parts}")
    content = file.read_bytes()
    lost = {one for page in some for one in whole[1] if one.encode() in content[page * PAGE :][:PAGE]}
    for page in (0, *inner):
        damaged(home, page)
    found, history = salvaged(home, tmp_path / "new")
    assert len(inner) > 8 and len(lost) < 40
    assert set(history.profiles().id) == set(whole[1]) - lost
    assert found.damaged == len(lost) + 6 - len(history.runs(100))
    history.close()


def test_what_was_written_before_a_lost_tail_is_copied(tmp_path):
    first = fill(tmp_path / "home", 40)
    file = tmp_path / "home" / "history.sqlite"
    size = file.stat().st_size
    fill(tmp_path / "home", 20)
    content = file.read_bytes()
    file.write_bytes(content[:size] + bytes(len(content) - size))
    found, history = salvaged(tmp_path / "home", tmp_path / "new")
    kept = set(history.profiles().id)
    assert len(set(first) - kept) <= 2  # rows of the last ones moved to new pages with those of the next
    assert found.copied < found.records and history.verify().is_sound
    history.close()


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_byte_costs_the_record_that_it_is_of_and_no_other(home, whole, tmp_path, seed):
    file = home / "history.sqlite"
    parts = "('function_stats', 'line_stats', 'bottlenecks', 'executions', 'inputs')"
    leaves = pages_of(file, f"name IN {parts} AND pagetype = 'leaf'")
    dice = random.Random(seed)
    content = bytearray(file.read_bytes())
    for _ in range(8):
        at = dice.choice(leaves) * PAGE + dice.randrange(PAGE)
        content[at] ^= 1 << dice.randrange(8)
    for page in dice.sample(leaves, 4):  # the bytes that say what a page is, and how much is in it
        content[page * PAGE + dice.choice((0, 3, 4))] ^= 1 << dice.randrange(8)
    file.write_bytes(content)
    found, history = salvaged(home, tmp_path / "new")
    assert found.copied >= 72 - 8
    assert found.copied + found.damaged == found.records
    for record_id in history.profiles().id:
        assert history.profile(record_id) == whole[1][record_id]
    assert history.verify().is_sound
    history.close()


def test_records_are_found_in_the_log_too_also_past_damage_in_it(tmp_path):
    made = {}
    with History(tmp_path / "home") as history:
        for _ in range(12):
            record = new_profile(cell_id=None)
            made[history.save(record)] = record
        shutil.copytree(tmp_path / "home", tmp_path / "copy")  # as a kernel that is killed leaves it
    log = tmp_path / "copy" / "history.sqlite-wal"
    n_frames = log.stat().st_size // (PAGE + 24)
    content = bytearray(log.read_bytes())
    assert n_frames > 100
    content[32 + n_frames * 3 // 4 * (PAGE + 24) + 30] ^= 1  # SQLite stops at a frame that is damaged
    log.write_bytes(content)
    with sqlite3.connect(tmp_path / "copy" / "history.sqlite") as connection:
        assert connection.execute("SELECT count(*) FROM executions").fetchone()[0] < 12
    log.write_bytes(content)  # SQLite removed it
    found, history = salvaged(tmp_path / "copy", tmp_path / "new")
    assert found.copied >= 11  # but for the one whose page it is
    for one in history.profiles().id:
        assert history.profile(one) == made[one]
    history.close()


def test_a_second_salvage_doubles_nothing(home, tmp_path):
    damaged(home, 0)
    salvaged(home, tmp_path / "new")[1].close()
    found, history = salvaged(home, tmp_path / "new")
    assert (found.copied, found.present, found.damaged) == (0, 72, 0)
    assert str(found).endswith(" copied, 72 were there already.")
    assert len(history.profiles()) == 60
    assert history.sql("SELECT count(*) AS n FROM annotations").n[0] == 6
    history.close()


def test_what_was_erased_does_not_come_back(home, whole, tmp_path):
    gone, later, *_ = whole[1]
    with History(home) as history:
        history.erase(gone)
    damaged(home, 0)
    with History(tmp_path / "new") as history:
        history.save(whole[1][later])
        history.erase(later)
    found, history = salvaged(home, tmp_path / "new")
    assert (found.records, found.copied, found.erased) == (70, 70, 2)
    Spool(history.location).add(to_bundle(whole[1][gone]))
    history.close()
    with History(tmp_path / "new") as history:
        assert not {gone, later} & set(history.profiles().id)


@pytest.mark.parametrize("version", ["0002", "0003", "0004 without checksums"])
def test_records_from_before_there_were_checksums_are_copied_and_counted(home, tmp_path, version):
    file = home / "history.sqlite"
    if version.startswith("0004"):
        change(home, "UPDATE executions SET checksum = NULL")
    else:
        file.write_bytes(gzip.decompress((DATA / f"history_{version}.sqlite.gz").read_bytes()))
    shutil.copytree(home, tmp_path / "sound")
    with History(tmp_path / "sound") as history:
        expected = [history.profile(one) for one in history.profiles().id]
    found, history = salvaged(home, tmp_path / "new")
    assert (found.copied, found.damaged) == (found.records, 0)
    assert found.unverified >= len(expected) > 0
    assert "are from before there were checksums" in str(found)
    assert [history.profile(one.id) for one in expected] == expected
    history.close()


def test_what_is_no_damaged_copy_is_one_line(home, tmp_path):
    (tmp_path / "text").write_text("this is no database, but somebody's text" * 1000)
    with History(home) as history:
        assert str(history.salvage(tmp_path / "text")[0]).startswith("0 of 0 records of ")
        with pytest.raises(HistoryError, match="is the history in use"):
            history.salvage(home / "history.sqlite")
        with pytest.raises(HistoryError, match="nowhere is not there"):
            history.salvage(tmp_path / "nowhere")
        with pytest.raises(HistoryError, match="cannot be used"):
            history.salvage(tmp_path)


@pytest.fixture
def kosmos(home):
    environment = {**os.environ, "KOSMOS_HOME": str(home), "COLUMNS": "80", "TERM": "dumb"}

    def run(*words):
        command = [sys.executable, "-m", "kosmos_nb.cli", "history", *words]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_shell_verifies_with_an_exit_code(home, kosmos):
    assert kosmos("verify") == (0, f"{home}: 72 records: 72 sound.\n", "")
    change(home, "UPDATE executions SET wall_s = wall_s + 1")
    code, out, error = kosmos("verify")
    assert code == 1
    assert out.splitlines()[-2:] == [
        "… and 40 more; --json writes all.", f"{home}: 72 records: 12 sound, 60 damaged."
    ]  # fmt: skip
    assert out.startswith("✗ The profile ") and "is not what was saved.\n" in out
    assert "kosmos history erase ID" in error
    code, out, _ = kosmos("verify", "--json")
    told = json.loads(out)
    assert code == 1
    assert (told["records"], told["sound"], told["is_sound"], len(told["damage"])) == (72, 12, False, 60)


def test_the_shell_sets_a_damaged_history_aside_and_copies_what_is_sound(home, whole, kosmos):
    damaged(home, 0)
    code, out, error = kosmos("verify")
    assert code == 1
    assert "the file itself is damaged" in out and "kosmos history salvage" in error
    code, out, error = kosmos("salvage")
    (copy,) = home.glob("history.damaged-*.sqlite")
    assert (code, out) == (0, f"72 of 72 records of {copy} copied.\n")
    assert str(copy) in error and error.count("HistoryWarning") == 1
    assert kosmos("verify")[0] == 0
    told = json.loads(kosmos("salvage", str(copy), "--json")[1])
    assert [(one["file"], one["copied"], one["present"]) for one in told] == [(str(copy), 0, 72)]
    copy.unlink()
    assert kosmos("salvage")[1] == f"{home} is not damaged, and has no damaged copy.\n"
    code, out, error = kosmos("salvage", "nowhere")
    assert (code, out) == (1, "")
    assert error.startswith("kosmos: ") and error.count("\n") == 1


def test_a_kernel_that_meets_the_damage_says_how_to_get_the_rest_back(home):
    damaged(home, 0)
    said = []
    with History(home, warn=said.append) as history:
        history.save(new_profile())
        assert len(history.last(100)) == 1
        assert len(said) == 1 and "`kosmos history salvage` copies back what is still sound" in said[0]
        (found,) = history.salvage()
        assert found.copied == 72
        assert len(history.last(100)) == 61


def test_the_pages_give_every_row_that_sqlite_gives(home):
    with sqlite3.connect(home / "history.sqlite") as connection:
        rows = {
            table: {tuple(row[1:]) for row in connection.execute(f"SELECT * FROM {table}")}
            for table in ("executions", "codes", "annotations", "runs")
        }
        parts = {
            table: set(connection.execute(f"SELECT * FROM {table}"))
            for table in ("function_stats", "line_stats", "blobs", "verdicts", "inputs")
        }
    with Pages(home / "history.sqlite") as pages:
        read = [page for page in pages.rows() if page is not None]
    of_tables = {row[1:] for page in read if page.of_table for row in page.rows}
    others = {row for page in read if not page.of_table for row in page.rows}
    assert all(some <= of_tables for some in rows.values())
    assert all(some <= others for some in parts.values())
    with Pages(home / "history.sqlite") as pages:
        assert len(pages) == (home / "history.sqlite").stat().st_size // PAGE

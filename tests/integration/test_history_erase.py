"""What is erased is gone: from every answer, from every file, and for good."""

import dataclasses
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import Environment, History, HistoryWarning, LlmCall, ProfileResult
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.spool import Spool, encode
from tests.samples import STARTED_US, done_run, full_profile, profile

ROOT = Path(__file__).parents[2]
MARK = "Xq7-what-nobody-shall-read"


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


def marked(**changes: object) -> ProfileResult:
    """A profile with the mark wherever a text can be."""
    whole = full_profile()
    texts = {
        "label": MARK,
        "code": f"x = 1  # {MARK}\n" * 300,  # longer than a page
        "notebook": f"/home/{MARK}/a.ipynb",
        "experiment_id": MARK,
        "exception_type": MARK,
        "cell_id": MARK,
        "function_stats": tuple(dataclasses.replace(one, name=MARK) for one in whole.function_stats),
        "line_stats": tuple(dataclasses.replace(one, source=f"# {MARK}") for one in whole.line_stats),
        "bottlenecks": tuple(dataclasses.replace(one, reading=MARK) for one in whole.bottlenecks),
        "children": tuple(dataclasses.replace(one, name=MARK) for one in whole.children),
        "environment": Environment(host_class=MARK, system="Linux", packages=(f"{MARK} 1.0",)),
    }
    return dataclasses.replace(whole, id=uuid7(), **(texts | changes))


def files_with(mark: str, *folders: Path) -> list[str]:
    found = (file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file())
    return [file.name for file in found if mark.encode() in file.read_bytes()]


def count(folder: Path, table: str) -> int:
    with sqlite3.connect(folder / "history.sqlite") as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def is_sound(folder: Path) -> bool:
    with sqlite3.connect(folder / "history.sqlite") as connection:
        said = connection.execute("PRAGMA integrity_check").fetchall()
        return said == [("ok",)] and not connection.execute("PRAGMA foreign_key_check").fetchall()


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def temp(tmp_path, monkeypatch) -> Path:
    """A temp folder of our own, so that no test meets the spool of another."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_profile_goes_with_all_that_was_its_own_and_nothing_else(history):
    shared = {"code": "x = 1", "environment": Environment(host_class="a", system="b", packages=("c 1",))}
    stays = history.save(full_profile(id=uuid7(), **shared))
    before = {table: count(history.location, table) for table in to_bundle(full_profile()).rows}
    goes = history.save(full_profile(id=uuid7(), **shared))
    alone = history.save(full_profile(id=uuid7(), code="y = 2"))
    for one in (stays, goes):
        history.label(one, f"label of {one}")
        history.note(one, "a note")
    erased = history.erase(goes, alone)
    assert (erased.profiles, erased.runs, erased.named, erased.trouble) == (2, 0, (goes, alone), "")
    assert {table: count(history.location, table) for table in before} == before
    assert count(history.location, "annotations") == 2
    assert history.last().id.tolist() == [stays]
    assert history.profile(stays).label == f"label of {stays}"
    with pytest.raises(HistoryError, match="no profile with the id or label"):
        history.find(goes)


def test_no_file_of_the_history_holds_the_text_any_more(history):
    for n in range(30):
        saved = history.save(marked() if n % 3 else new_profile(label=f"stays {n}"))
        history.note(saved, MARK if n % 3 else "a note")
    history.close()  # now it is in the database, and what follows in its log
    history.save(marked())
    assert set(files_with(MARK, history.location)) == {"history.sqlite", "history.sqlite-wal"}
    erased = history.erase(experiment=MARK)
    assert (erased.profiles, erased.trouble, erased.left) == (21, "", ())
    assert erased.bytes_freed > 21 * 300 * len(MARK)
    assert files_with(MARK, history.location) == []
    assert len(history.last(100)) == 10
    assert all(label.startswith("stays") for label in history.last(100).label)


def test_what_sqlite_left_behind_when_it_moved_rows_is_gone_too(history):
    """Rows that come between others are moved about: what is overwritten later is not all there is."""
    dice = random.Random(11)
    saved = []
    for _ in range(200):
        record, name = new_profile(), f"{dice.getrandbits(128):032x}"
        record_id = f"{name[:8]}-{name[8:12]}-{name[12:16]}-{name[16:20]}-{name[20:]}"
        lines = [
            dataclasses.replace(one, source=f"<{record_id}> " + "y" * dice.randint(0, 300))
            for one in record.line_stats[: dice.randint(1, 9)]
        ]
        functions = [dataclasses.replace(one, name=f"<{record_id}> ") for one in record.function_stats]
        parts = {"line_stats": tuple(lines), "function_stats": tuple(functions)}
        saved.append(history.save(dataclasses.replace(record, id=record_id, cell_id=None, **parts)))
    history.erase(*saved[:100])
    assert [one for one in saved[:100] if files_with(f"<{one}>", history.location)] == []
    assert len(history.last(1000)) == 100


@pytest.fixture
def many(history):
    """A dozen profiles that differ in all that can be asked."""
    made = {
        "a": {"notebook": "/one/a.ipynb", "label": "x", "cell_id": "one", "code_hash": "aa" * 32},
        "b": {"notebook": "/one/a.ipynb", "label": "y", "cell_id": "two", "code_hash": "bb" * 32},
        "c": {"notebook": "/else/a.ipynb", "label": "x", "cell_id": "six", "code_hash": "cc" * 32},
        "d": {"notebook": "/one/b.ipynb", "label": None, "cell_id": None, "experiment_id": "exp_1"},
        "e": {"notebook": None, "label": "z", "cell_id": "one", "code_hash": "ee" * 32},
    }
    ids = {}
    for n, (name, changes) in enumerate(made.items()):
        ids[name] = history.save(new_profile(started_at_us=STARTED_US + n * 86_400_000_000, **changes))
    history.label(ids["e"], "x")
    return ids


DAY = datetime(2025, 10, 9, 8, 53, 20, tzinfo=UTC)  # the first one's


@pytest.mark.parametrize(
    ("chosen", "gone"),
    [
        ({"notebook": "/one/a.ipynb"}, "ab"),
        ({"notebook": "a.ipynb"}, "abc"),
        ({"label": "x"}, "ace"),  # one of them was given later
        ({"label": "z"}, ""),  # it was taken back
        ({"cell": "one"}, "ae"),
        ({"cell": "bbbb"}, "b"),
        ({"experiment": "exp_1"}, "d"),
        ({"label": "x", "notebook": "a.ipynb"}, "ac"),
        ({"before": "2025-10-11"}, "ab"),
        ({"before": DAY + timedelta(days=1)}, "a"),
        ({"before": (DAY + timedelta(days=1)).astimezone(timezone(timedelta(hours=5)))}, "a"),
        ({"before": date(2025, 10, 12), "label": "x"}, "ac"),
        ({"before": "1999-12-31"}, ""),
    ],
)
def test_profiles_are_chosen_by_what_they_have_in_common(history, many, chosen, gone):
    would = history.erase(**chosen, dry_run=True)
    assert len(history.last()) == 5
    erased = history.erase(**chosen)
    assert would.profiles == erased.profiles == len(gone)
    assert set(history.last().id) == {one for name, one in many.items() if name not in gone}


def test_research_runs_go_with_their_hypotheses_and_the_calls_that_worked_for_them(history):
    call = {"role": "proposer", "model": "m", "status": "ok", "started_at_us": STARTED_US, "wall_s": 1.0}
    runs = [history.save(done_run(id=uuid7(), started_at_us=STARTED_US + n)) for n in range(4)]
    for run in (*runs, None):
        history.save(LlmCall(id=uuid7(), run_id=run, **call))
    kept = history.save(new_profile())
    assert (history.erase(runs[1], runs=True).runs, len(history.runs())) == (1, 3)
    before = datetime.fromtimestamp(STARTED_US / 1e6, UTC) + timedelta(microseconds=1)
    assert (history.erase(runs=True, before=before).runs, len(history.runs())) == (1, 2)
    with pytest.raises(HistoryError, match="no research run with the id"):
        history.erase(kept, runs=True)
    erased = history.erase(runs=True)
    assert (erased.profiles, erased.runs, erased.llm_calls) == (0, 2, 2)
    assert [count(history.location, table) for table in ("hypotheses", "verdicts", "llm_calls")] == [0, 0, 1]
    assert history.last().id.tolist() == [kept]


def test_a_spool_does_not_bring_back_what_was_erased(history):
    record = marked()
    history.save(record)
    spool = Spool(history.location)
    spool.add(to_bundle(record))  # it was saved, and nobody lived to remove it
    history.erase(record.id)
    assert files_with(MARK, history.location) == []
    spool.add(to_bundle(record))  # and a second time
    with History(history.location) as again:
        assert again.last().empty
        again.save(record)
        assert again.last().empty
    assert files_with(MARK, history.location) == []


def test_what_cannot_be_saved_is_erased_in_the_spool(history, temp):
    history.save(new_profile())
    folder = history._spool._temp_folder(make=True)
    refused = [new_profile(label=label, minor_faults=2**70) for label in (MARK, "stays", MARK)]
    (folder / "1.jsonl").write_bytes(b"".join(encode(to_bundle(one)) for one in refused[:2]))
    (history.location / "spool").mkdir()
    (history.location / "spool" / "2.jsonl").write_bytes(encode(to_bundle(refused[2])))
    assert history.erase(label=MARK, dry_run=True).profiles == 2
    erased = history.erase(label=MARK)
    assert (erased.profiles, erased.left) == (2, ())
    assert files_with(MARK, history.location, temp) == []
    assert files_with("stays", temp) == ["1.jsonl.kept"]
    assert count(history.location, "tombstones") == 2
    assert history.erase(before=date.today() + timedelta(days=1)).profiles == 2


def test_torn_lines_of_the_spool_are_named_and_go_with_everything(history, temp):
    torn = history.location / "spool" / "1.jsonl"
    torn.parent.mkdir(parents=True)
    torn.write_bytes(encode(to_bundle(marked()))[:-700])
    assert [file.name for file in history.erase(label=MARK).left] == ["1.jsonl.kept"]
    assert files_with(MARK, history.location) == ["1.jsonl.kept"]
    erased = history.erase(everything=True)
    assert ([file.name for file in erased.deleted], erased.left) == (["1.jsonl.kept"], ())
    assert files_with(MARK, history.location, temp) == []


def test_copies_of_the_history_are_named_and_go_with_everything(history):
    history.save(marked())
    home = history.location
    copies = [home / "history.backup-0003-20260131.sqlite", home / "history.damaged-20260131.sqlite"]
    for copy in copies:
        copy.write_text(MARK)
        copy.with_name(copy.name + "-wal").write_text(MARK)
    (home / "notes.txt").write_text("not ours")
    assert history.erase("last").left == tuple(copies)
    assert all(copy.exists() for copy in copies)
    history.save(new_profile())
    history.save(done_run(id=uuid7()))
    would = history.erase(everything=True, dry_run=True)
    assert (would.profiles, would.runs, would.deleted) == (1, 1, tuple(copies))
    erased = history.erase(everything=True)
    assert (erased.profiles, erased.runs, erased.deleted, erased.left) == (1, 1, tuple(copies), ())
    assert files_with(MARK, home) == []
    assert {file.name for file in home.iterdir()} <= {
        "history.sqlite", "history.sqlite-wal", "history.sqlite-shm", "history.lock", "notes.txt",
    }  # fmt: skip
    assert history.save(new_profile()) in set(history.last().id)


def test_a_damaged_history_can_be_erased_whole(history):
    for _ in range(30):
        history.save(marked())
    history.close()
    file = history.location / "history.sqlite"
    content = bytearray(file.read_bytes())
    for start in range(8192, len(content), 4096):
        content[start : start + 64] = b"\xff" * 64
    file.write_bytes(content)
    with pytest.warns(HistoryWarning, match="history was damaged"):
        assert history.erase(everything=True).deleted
    assert files_with(MARK, history.location) == []
    assert history.last().empty


def test_a_dry_run_changes_no_byte(history):
    history.save(marked())
    history.close()
    before = (history.location / "history.sqlite").read_bytes()
    assert history.erase(everything=True, dry_run=True).profiles == 1
    history.close()
    assert (history.location / "history.sqlite").read_bytes() == before


def test_queries_of_every_kernel_notice_what_was_erased(history):
    query = "SELECT count(DISTINCT e.id) AS n, count(f.position) AS f, count(DISTINCT c.hash) AS c FROM "
    query += (
        "executions e JOIN function_stats f ON f.execution_id = e.id JOIN codes c ON c.hash = e.source_hash"
    )
    saved = [history.save(new_profile(code=f"x = {n}")) for n in range(6)]
    parts = len(new_profile().function_stats)
    with History(history.location) as other:
        for one in (history, other):
            assert one.sql(query).iloc[0].tolist() == [6, 6 * parts, 6]
        history.erase(saved[2], saved[5])
        for one in (history, other):
            assert one.sql(query).iloc[0].tolist() == [4, 4 * parts, 4]
        history.erase(saved[0])
        other.save(new_profile(code="x = 0"))  # as many as before
        for one in (history, other):
            assert one.sql(query).iloc[0].tolist() == [4, 4 * parts, 4]
            assert saved[0] not in set(one.sql("SELECT id FROM executions").id)


BUSY_KERNEL = """
import sys
from kosmos_nb.core import uuid7
from kosmos_nb.history import History
from tests.samples import profile
with History(sys.argv[1], warn=print) as history:
    saved = 0
    print("ready", flush=True)
    while not sys.stdin.closed:
        history.save(profile(id=uuid7(), label="other"))
        saved += 1
        assert set(history.last(5).label) <= {"mine", "other"}
        assert history.sql("SELECT count(*) AS n FROM executions WHERE label = 'other'").n[0] >= saved
        if saved == int(sys.argv[2]):
            break
        if saved % 10 == 0:
            print(saved, flush=True)
print("done", saved)
"""


def test_another_kernel_that_saves_and_asks_all_the_while_goes_on_working(history):
    for _ in range(60):
        history.save(new_profile(label="mine"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    kernel = subprocess.Popen(
        [sys.executable, "-c", BUSY_KERNEL, str(history.location), "80"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert kernel.stdout.readline() == "ready\n"
    for one in history.last(1000, label="mine").id.tolist()[::6]:
        assert history.erase(one).trouble == ""
    erased = history.erase(label="mine")
    out, complaint = kernel.communicate(timeout=120)
    assert kernel.returncode == 0, complaint
    assert out.splitlines()[-1] == "done 80"
    assert erased.profiles == 50
    assert len(history.last(1000)) == 80
    assert is_sound(history.location)


def test_who_still_reads_the_history_as_it_was_is_told_of_and_then_it_is_gone(tmp_path, monkeypatch):
    monkeypatch.setattr("kosmos_nb.history.store.BUSY_S", 0.1)
    with History(tmp_path) as history:
        history.save(marked())
        history.save(new_profile(label="stays"))
        reader = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM executions").fetchone() == (2,)
        erased = history.erase(label=MARK)
        assert erased.profiles == 1
        assert erased.trouble == "another process reads the history as it was before"
        assert history.last().label.tolist() == ["stays"]
        history.save(new_profile(label="stays"))  # nobody is blocked
        assert reader.execute("SELECT count(*) FROM executions").fetchone() == (2,)
        reader.execute("COMMIT")
        assert history.erase(label=MARK).trouble == ""
        assert files_with(MARK, tmp_path) == []
        reader.close()


def test_who_writes_all_the_while_lets_nothing_be_erased_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("kosmos_nb.history.store.BUSY_S", 0.1)
    with History(tmp_path) as history:
        saved = history.save(new_profile())
        writer = sqlite3.connect(tmp_path / "history.sqlite", isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryError, match="locked"):
            history.erase(saved)
        writer.execute("ROLLBACK")
        writer.close()
        assert history.last().id.tolist() == [saved]


ERASE = """
import sys
from kosmos_nb.history import History
with History(sys.argv[1]) as history:
    history.last(1)
    print("ready", flush=True)
    sys.stdin.readline()
    erased = history.erase(label=sys.argv[2])
    print(erased.profiles, erased.trouble)
"""


def test_several_who_erase_at_the_same_moment_all_erase(history):
    names = ("a", "b", "c", "d")
    for n in range(80):
        history.save(marked(label=names[n % 4]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ERASE, str(history.location), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )
        for name in names
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    assert {process.communicate("go\n", timeout=60)[0] for process in processes} <= {"20 \n"}
    assert files_with(MARK, history.location) == []
    assert history.last().empty and is_sound(history.location)


def test_a_spool_that_cannot_be_read_is_named_and_nothing_is_erased(history):
    saved = history.save(new_profile())
    (history.location / "spool" / "1.jsonl").mkdir(parents=True)
    with pytest.raises(HistoryError, match=r"1\.jsonl, where records wait, cannot be read: Is a directory"):
        history.erase(saved)
    assert history.last().id.tolist() == [saved]


def test_what_fails_half_way_erases_nothing(history, monkeypatch):
    saved = history.save(full_profile(id=uuid7()))
    from kosmos_nb.history import erasing

    monkeypatch.setattr(erasing, "_FORGET", (*erasing._FORGET[:-1], "DELETE FROM nowhere"))
    with pytest.raises(HistoryError, match="no such table"):
        history.erase(saved)
    assert history.profile(saved).id == saved
    assert count(history.location, "tombstones") == 0


@pytest.mark.parametrize(
    ("references", "chosen", "said"),
    [
        ((), {}, "Nothing says what is meant"),
        (("last",), {"label": "x"}, "either named, or chosen"),
        (("last",), {"everything": True}, "either named, or chosen"),
        ((), {"everything": True, "before": "2026-01-31"}, "either named, or chosen"),
        ((), {"runs": True, "label": "x"}, "research runs are named, or chosen by date"),
        ((), {"cell": ""}, "The cell that is to be chosen by is empty"),
        (
            (),
            {"before": "yesterday"},
            "A date is written like 2026-01-31 or 2026-01-31T12:00, not 'yesterday'",
        ),
        ((), {"before": 7}, "A date is written like"),
        (("nope",), {}, "no profile with the id or label 'nope'"),
        (("last", "nope"), {}, "no profile with the id or label 'nope'"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_erases_nothing(history, references, chosen, said):
    history.save(new_profile(label="x"))
    for dry_run in (True, False):
        with pytest.raises(HistoryError, match=said) as complaint:
            history.erase(*references, **chosen, dry_run=dry_run)
        assert "\n" not in str(complaint.value)
    assert len(history.last()) == 1


@pytest.fixture
def kosmos(history):
    environment = {**os.environ, "KOSMOS_HOME": str(history.location), "COLUMNS": "80", "TERM": "dumb"}

    def run(*words, typed=None):
        command = [sys.executable, "-m", "kosmos_nb.cli", "history", "erase", *words]
        keyboard, screen = os.openpty() if typed is not None else (None, subprocess.DEVNULL)
        if typed is not None:
            os.write(keyboard, typed.encode())
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False, stdin=screen
        )
        for end in (keyboard, screen) if typed is not None else ():
            os.close(end)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_shell_asks_before_it_erases(history, many, kosmos):
    code, out, error = kosmos("--label", "x")
    assert (code, out) == (1, "")
    assert error.startswith("kosmos: 3 profiles of ") and error.count("\n") == 1 and "--yes" in error
    code, out, error = kosmos("--label", "x", typed="n\n")
    assert (code, out.strip()) == (1, "")
    assert "Erase 3 profiles of" in error and error.endswith("Nothing was erased.\n")
    assert len(history.last()) == 5
    code, out, error = kosmos("--label", "x", "--dry-run")
    assert (code, error) == (0, "")
    assert out == f"3 profiles of {history.location} would be erased.\n"
    code, out, error = kosmos("--label", "x", typed="y\n")
    assert code == 0
    assert out.strip().startswith("3 profiles erased, ") and out.endswith(" freed.\n")
    assert len(history.last()) == 2


def test_the_shell_erases_what_is_named_runs_and_everything(history, many, kosmos):
    history.save(done_run())
    backup = history.location / "history.backup-1.sqlite"
    backup.write_text(MARK)
    code, out, _ = kosmos("last", many["a"][:-1], "--yes")
    assert code == 0
    assert out.startswith("2 profiles erased") and f"Copies of it may still lie in {backup}" in out
    told = json.loads(kosmos("--runs", "--yes", "--json")[1])
    assert (told["runs"], told["profiles"], told["left"], told["trouble"]) == (1, 0, [str(backup)], "")
    assert kosmos("--notebook", "none.ipynb")[:2] == (0, f"No profile erased, 0 B freed.\nCopies of it may "
        f"still lie in {backup}: delete them when you need them no more.\n")  # fmt: skip
    code, out, _ = kosmos("--all", "-y")
    assert code == 0
    assert out.startswith("3 profiles and 1 backup or damaged copy erased, ")
    assert history.last().empty and not backup.exists()
    assert kosmos("nope", "-y")[0] == 1


def test_the_shell_says_where_the_text_may_still_lie(history, kosmos):
    history.save(marked())
    reader = sqlite3.connect(history.location / "history.sqlite", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM executions").fetchone()
    code, out, error = kosmos("--all", "--yes")
    assert code == 1
    assert out.startswith("1 profile erased")
    assert "another process reads the history as it was before" in error and error.count("\n") == 1
    reader.close()
    assert kosmos("--all", "--yes")[0] == 0
    assert files_with(MARK, history.location) == []


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from kosmos_nb.history import History
history = History(sys.argv[1])
history.last(1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
size = (Path(sys.argv[1]) / "history.sqlite").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, resource.RLIM_INFINITY))
erased = history.erase(label="goes")
print(erased.profiles, erased.trouble)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="RLIMIT_FSIZE")
def test_a_disk_that_is_full_is_told_of_and_later_the_text_is_gone(history):
    for n in range(40):
        history.save(marked(label="goes") if n == 7 else new_profile(code=f"{n}" * 9000, label="stays"))
    history.close()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(history.location)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("1 the file cannot be rewritten now ("), done.stderr
    assert set(history.last(100).label) == {"stays"}
    assert history.erase(label="goes").trouble == ""
    assert files_with(MARK, history.location) == []

"""A history on a network file system is refused, and nothing that it was given is lost."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kosmos_nb.core import HistoryError, uuid7
from kosmos_nb.history import History, ProfileResult, filesystem
from tests.samples import profile
from tests.waiting import until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/mountinfo")

LOCAL = "28 1 8:1 / / rw - ext4 /dev/sda1 rw\n"


def new_profile(**changes: object) -> ProfileResult:
    return profile(id=uuid7(), **changes)


@pytest.fixture
def mounts(tmp_path, monkeypatch) -> Path:
    """The file that says what is mounted where; it begins with one local disk."""
    table = tmp_path / "mountinfo"
    table.write_text(LOCAL)
    monkeypatch.setattr(filesystem, "MOUNTS", table)
    return table


def far(home: Path) -> str:
    return f"{LOCAL}310 28 0:53 / {home} rw,relatime - nfs4 filer:/export rw,vers=4.2\n"


def remedy(home: Path, mount: str) -> str:
    return (
        f"The history {home} is on a network file system ({mount}), where SQLite cannot share a database "
        f"between processes. Set KOSMOS_HOME to a local folder, and move what lies in {home} there"
    )


def test_records_wait_beside_a_refused_store_and_are_saved_when_it_is_local(tmp_path, mounts):
    home, said = tmp_path / "home", []
    mounts.write_text(far(home))
    records = [new_profile() for _ in range(3)]
    history = History(home, warn=said.append)
    history._writer._retry_s = 0.05
    for record in records:
        history.save_later(record)
    assert history.flush(30)
    line = remedy(home, f"nfs4 at {home}")
    assert said == [f"{line}; records wait in {home / 'spool'} and are kept when it works again."]
    query = "SELECT * FROM executions"
    for refused in (lambda: history.save(new_profile()), history.last, lambda: history.sql(query)):
        with pytest.raises(HistoryError) as error:
            refused()
        assert str(error.value) == line + "."
    assert history.standing(new_profile(), at_once=True) is None
    assert [file.name for file in home.iterdir()] == ["spool"]  # no database was made
    mounts.write_text(LOCAL)
    until(lambda: not list((home / "spool").iterdir()))
    assert [*history.last().id][::-1] == [record.id for record in records]
    history.close()
    assert len(said) == 1


def test_what_was_moved_to_a_local_folder_is_all_there(tmp_path, mounts):
    """The remedy, carried out: an old history and what waits, moved to another folder."""
    home, near = tmp_path / "home", tmp_path / "near"
    old, waiting = new_profile(label="old"), new_profile(label="waits")
    with History(home) as history:
        history.save(old)
    mounts.write_text(far(home))
    with History(home, warn=lambda _: None) as history:
        history.save_later(waiting)
        assert history.flush(30)
    near.mkdir()
    for file in home.iterdir():
        shutil.move(file, near)
    with History(near) as history:
        assert {old.id, waiting.id} == set(history.last().id)


def test_a_database_that_is_there_from_before_is_neither_read_nor_touched(tmp_path, mounts):
    home = tmp_path / "home"
    with History(home) as history:
        history.save(new_profile())
    before = {file.name: file.read_bytes() for file in home.iterdir()}
    mounts.write_text(far(home))
    history = History(home, warn=lambda _: None)
    with history, pytest.raises(HistoryError, match="is on a network file system"):
        history.last()
    assert {file.name: file.read_bytes() for file in home.iterdir()} == before


def test_a_link_to_a_local_file_is_local_and_the_other_way_round(tmp_path, mounts):
    home, disk = tmp_path / "home", tmp_path / "disk"
    home.mkdir()
    disk.mkdir()
    (home / "history.sqlite").symlink_to(disk / "history.sqlite")
    mounts.write_text(far(home))
    with History(home) as history:
        history.save(new_profile())
        assert len(history.last()) == 1
    assert (disk / "history.sqlite").is_file()
    mounts.write_text(far(disk))
    with History(home) as history, pytest.raises(HistoryError, match=f"nfs4 at {disk}"):
        history.last()


@pytest.fixture
def sshfs(tmp_path) -> Iterator[tuple[Path, Path]]:
    """A folder, and the same one through sshfs: a network file system without a network."""
    program, server = shutil.which("sshfs"), _sftp_server()
    if program is None or server is None or not os.access("/dev/fuse", os.W_OK):
        pytest.skip("no sshfs with sftp-server here")
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    ours, theirs = socket.socketpair()
    processes = [subprocess.Popen([server], stdin=theirs, stdout=theirs)]
    command = [program, "-f", "-o", "passive", f"me@far:{there}", here]
    processes.append(subprocess.Popen(command, stdin=ours, stdout=ours))
    ours.close()
    theirs.close()
    try:
        until(lambda: os.path.ismount(here))
        yield there, here
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(30)


def _sftp_server() -> str | None:
    places = (shutil.which("sftp-server"), "/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server")
    return next((place for place in places if place and os.access(place, os.X_OK)), None)


def test_a_real_network_file_system_is_refused(sshfs):
    there, here = sshfs
    said: list[str] = []
    record = new_profile()
    with History(here / "home", warn=said.append) as history:
        history.save_later(record)
        assert history.flush(30)
    assert len(said) == 1 and f"(fuse.sshfs at {here})" in said[0]
    with History(there / "home") as history:  # the same folder, on its own machine
        assert list(history.last().id) == [record.id]

"""No secret that a cell holds is stored, shown or exported: neither in the history nor in the notebook."""

import re
import sqlite3
from contextlib import closing

import pytest

from tests.kernel import running_kernel
from tests.unit.test_masking import SECRETS


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    home = tmp_path_factory.mktemp("secrets")
    with running_kernel({"KOSMOS_HOME": str(home)}, load=True) as running:
        running.home = home
        yield running


def stored(kernel):
    """Return all that the history's folder holds, as bytes of its files and as rows, when all is saved."""
    assert kernel.value("__import__('kosmos_nb.runtime').runtime.runtime().history.flush(60)") == "True"
    files = b"".join(file.read_bytes() for file in kernel.home.rglob("*") if file.is_file())
    with closing(sqlite3.connect(kernel.home / "history.sqlite")) as store:
        rows = "\n".join(store.iterdump())  # a text may go on in another page of the file
    return files + rows.encode()


def test_planted_secrets_reach_neither_the_history_nor_the_notebook(kernel, tmp_path):
    body = "\n".join(f"# {line}" for code, _ in SECRETS.values() for line in code.split("\n"))
    reply = kernel.run(
        f"%%kosmos_profile --label hf_{'a1B2' * 9} -o profile\n{body}\n"
        "def login(password): return sum(range(3_000_000))\nlogin(password='hunter2')"
    )
    assert reply.error is None
    shown = repr([message["content"] for message in reply.messages if message["msg_type"] != "execute_input"])
    assert "login" in shown
    for name in ("json", "html", "speedscope.json", "pstats"):
        kernel.run(f"profile.save({str(tmp_path / f'profile.{name}')!r})")
    exported = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    everything = stored(kernel)
    assert b"login(password" in everything
    for kind, (_, secret) in {**SECRETS, "label": ("", "a1B2" * 9)}.items():
        assert secret not in shown, kind
        assert secret.encode() not in everything, kind
        assert secret.encode() not in exported, kind
    assert "hunter2" not in kernel.value("profile")


def test_the_cell_itself_keeps_its_secret(kernel):
    kernel.run("%%kosmos_profile --quiet -o profile\npassword = 'hunter2'\n1/0")
    assert kernel.value("password") == "'hunter2'"
    assert "hunter2" not in kernel.value("profile.code")
    assert re.search(r"password = .\*\*\*", kernel.value("profile.code"))


def test_a_change_of_the_secret_is_a_change_of_the_code(kernel):
    hashes = set()
    for secret in ("hunter2", "hunter3"):
        kernel.run(f"%%kosmos_profile --quiet -o profile\npassword = '{secret}'")
        hashes.add(kernel.value("profile.code_hash"))
    assert len(hashes) == 2

"""The text of the code can be kept out of the history, for one notebook or for all."""

import sqlite3
from contextlib import closing

import pytest

from kosmos_nb.history import History
from tests.kernel import running_kernel

CELL = """%%kosmos_profile
def planted_name():
    return sum(i * 7919 for i in range(3_000_000))
planted_name()
"""


@pytest.mark.parametrize("how", ["config", "environment"])
def test_no_text_of_the_code_is_kept(tmp_path, how):
    outside = {"KOSMOS_STORE_SOURCE": "false"} if how == "environment" else {}
    with running_kernel({"KOSMOS_HOME": str(tmp_path), **outside}, load=True) as kernel:
        if how == "config":
            assert kernel.run("%config Kosmos.store_source = False").status == "ok"
        reply = kernel.run(CELL, "c1")
        assert "7919" in reply.data[-1]["text/html"]  # the view in the notebook has it
        kernel.run(CELL, "c1")
        assert kernel.value("__import__('kosmos_nb.runtime').runtime.runtime().history.flush(60)") == "True"
        files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        assert b"7919" not in files
        with closing(sqlite3.connect(tmp_path / "history.sqlite")) as store:
            assert "7919" not in "\n".join(store.iterdump())
    with History(tmp_path) as history:
        assert len(history.sql("SELECT * FROM codes")) == 0
        assert history.last().cell_key.nunique() == 1  # the cell is known all the same
        found = history.profile(history.find("last"))
        assert found.code == "" and found.bottlenecks and found.line_stats
        assert {line.source for line in found.line_stats} == {""}
        assert "planted_name" in {stat.name for stat in found.function_stats}
        assert history.compare("previous", "last").functions

"""A run that takes some seconds, followed to its end in JupyterLab, and a first look at its table."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from tests.browser.driver import Lab, opened, wait_for

pytestmark = pytest.mark.browser

LOAD = """
%load_ext kosmos_nb
import numpy as np, pandas as pd
rng = np.random.default_rng(0)
wide = pd.DataFrame(rng.normal(size=(60_000, 14)), columns=[f"c{i}" for i in range(14)])
wide["c1"] += wide["c0"]
"""
CELLS = [
    LOAD,
    "%kosmos_screen wide",
    "%kosmos_research --data wide --seed 1 --hypotheses 60 -o run",
    "run.status",
]
END = "run.result(); print(run.status, len(run.verdicts))"
BOARD = "[data-kosmos=board]"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in [*CELLS, END]])
    file = tmp_path / "run.ipynb"
    nbformat.write(made, file)
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_long_run_fills_its_board_while_the_notebook_is_free_and_ends_with_every_verdict(
    lab: Lab, chrome: Browser, notebook: Path, results: Path, theme: str
) -> None:
    with opened(lab, chrome, notebook, theme=theme) as session:
        session.run_all()
        page = session.page
        judged = page.locator(f"{BOARD} [data-hypothesis][data-state=verdict]")
        wait_for("the last verdict", lambda: judged.count() == 60, 60)
        states = [one["state"] for one in session.seen()]
        first = states.index("verdict")
        assert {"queued"} <= set(states[:first]), "the board showed nothing before its first verdict"
        moments = {round(one["t"]) for one in session.seen() if one["state"] != "queued"}
        assert len(moments) >= 3, "the board filled in at once"
        looked = page.locator(".kosmos-view table").first
        assert "c13" in looked.inner_text()
        outputs = [output for cell in session.cells() for output in cell["outputs"]]
        assert "done 60" in str(outputs[-1]["text"])
        session.screenshot(results / f"research_run_{theme}.png")
        assert session.problems() == {}

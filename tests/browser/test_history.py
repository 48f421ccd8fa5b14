"""The history in JupyterLab: a cell that became slower says so, SQL answers, two runs are compared."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from tests.browser.driver import Lab, opened, wait_for
from tests.browser.test_profile_view import run_cell

pytestmark = pytest.mark.browser

SETUP = """%load_ext kosmos_nb
import time
waits_s = 0.05
def fetch():
    until_s = time.perf_counter() + waits_s
    while time.perf_counter() < until_s:
        sum(range(1000))
"""
CELL = "%%kosmos_profile --label fetch\nfetch()  # {theme}"  # the history of the tests is one
SQL = "%%kosmos_sql\nSELECT label, count(*) AS runs FROM execution_profiles GROUP BY label"
WRONG = "%%kosmos_sql\nSELECT labl FROM execution_profiles"
COMPARE = "%kosmos_compare usual last"
FLUSH = "from kosmos_nb.runtime import runtime; runtime().history.flush()"


@pytest.fixture
def notebook(tmp_path: Path, theme: str) -> Path:
    cells = [SETUP, CELL.format(theme=theme), FLUSH, SQL, WRONG, COMPARE]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    file = tmp_path / "history.ipynb"
    nbformat.write(made, file)
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_slower_cell_is_told_queries_answer_and_runs_are_compared(
    lab: Lab, chrome: Browser, notebook: Path, results: Path, theme: str
) -> None:
    with opened(lab, chrome, notebook, theme=theme) as session:
        page = session.page
        run_cell(page, 0)
        standing = page.locator("[data-kosmos=profile] .k-standing").last
        for _ in range(10):
            run_cell(page, 1)
            run_cell(page, 2)
        wait_for("the standing", lambda: standing.inner_text().startswith("As usual: "), 10)
        run_cell(page, 2, f"{FLUSH}; runtime().history.label('last', 'usual'); waits_s = 0.4")
        for words in ("slower, once", "slower than usual for this code"):
            run_cell(page, 1)
            run_cell(page, 2, FLUSH)
            wait_for(words, lambda words=words: words in standing.inner_text(), 10)
        assert standing.inner_text().startswith("▲ ")
        session.screenshot(results / f"history_notice_{theme}.png")
        for index in (3, 4, 5):
            run_cell(page, index)
        table = page.locator(".jp-OutputArea table.dataframe").last
        assert "fetch" in table.inner_text()
        errors = page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']")
        assert "SELECT labl" in errors.last.inner_text() and "^" in errors.last.inner_text()
        difference = page.locator(".k-diff").last
        assert "fetch" in difference.inner_text()
        assert difference.locator("svg, [role=tree]").count() > 0
        difference.scroll_into_view_if_needed()
        session.screenshot(results / f"history_{theme}.png")
        assert session.problems() == {}

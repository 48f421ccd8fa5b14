"""A profile in JupyterLab: every part can be reached, the flame graph zooms, the difference is seen."""

import re
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.driver import Lab, opened

pytestmark = pytest.mark.browser

CELL = """%%kosmos_profile --mode full
import json
rows = [{"n": i, "text": str(i) * 3} for i in range(20_000)]
def encode(times):
    for _ in range(times):
        json.dumps(rows)
def decode(times):
    text = json.dumps(rows)
    for _ in range(times):
        json.loads(text)
encode(TIMES)
decode(4)
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = ["%load_ext kosmos_nb", "TIMES = 4", CELL]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    file = tmp_path / "profile.ipynb"
    nbformat.write(made, file)
    return file


def boxes(page: Page) -> list[str]:
    """Return the names of the boxes that are seen."""
    return page.locator("[data-kosmos=profile] [role=treeitem]:visible").all_inner_texts()


def run_cell(page: Page, index: int, code: str | None = None) -> None:
    """Run a code cell through the front end, with new code where given, and wait for its end."""
    page.evaluate(
        """async ([index, code]) => {
          const shown = Array.from(window.jupyterapp.shell.widgets('main'));
          const panel = shown.find(w => w.content && w.content.widgets);
          panel.content.activeCellIndex = index;
          if (code !== null) panel.content.activeCell.model.sharedModel.setSource(code);
          await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        [index, code],
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_part_of_a_profile_is_reached_and_the_flame_graph_zooms_and_searches(
    lab: Lab, chrome: Browser, notebook: Path, results: Path, theme: str
) -> None:
    with opened(lab, chrome, notebook, theme=theme) as session:
        session.run_all()
        page = session.page
        tabs = page.locator("[data-kosmos=profile] [role=tab]")
        assert tabs.all_inner_texts() == ["Lines", "Flame", "Compare"]
        lines = page.locator("[data-part=Lines]").inner_text()
        assert "json.dumps(rows)" in lines
        assert "decode(4)" in lines
        session.screenshot(results / f"profile_lines_{theme}.png")

        tabs.nth(1).click()
        whole = boxes(page)
        assert {"encode", "decode"} <= set(whole)
        page.locator(".k-box:visible", has_text=re.compile("^encode$")).first.click()
        zoomed = boxes(page)
        assert "encode" in zoomed
        assert "decode" not in zoomed
        session.screenshot(results / f"profile_flame_{theme}.png")
        page.keyboard.press("Escape")
        assert boxes(page) == whole
        page.keyboard.press("/")
        page.keyboard.type("decode")
        assert page.locator(".k-hit:visible").count() >= 1
        assert "found" in page.locator("[data-part=Flame] .k-tools").inner_text()

        more = page.locator("[data-kosmos=profile] select.k-more")
        for name in more.locator("option").all_inner_texts()[1:]:
            more.select_option(label=name)
            panel = page.locator(f"[data-part='{name}']")
            assert panel.is_visible()
            assert panel.inner_text().strip()
        assert session.problems() == {}


def test_the_flame_graph_is_walked_by_keyboard_and_the_notebook_does_not_take_the_keys(
    lab: Lab, chrome: Browser, notebook: Path
) -> None:
    with opened(lab, chrome, notebook) as session:
        session.run_all()
        page = session.page
        page.locator("[data-kosmos=profile] [role=tab]").nth(1).click()
        cells = len(session.cells())
        page.locator(".k-box").first.focus()
        page.keyboard.press("ArrowDown")
        second = page.evaluate("document.activeElement.getAttribute('aria-level')")
        assert second == "2"
        page.keyboard.press("Enter")
        assert page.locator(".k-flame[role=tree]").first.get_attribute("data-zoom") != "0"
        page.keyboard.press("ArrowUp")
        assert page.evaluate("document.activeElement.getAttribute('aria-level')") == "1"
        page.keyboard.press("Escape")
        assert page.locator(".k-flame[role=tree]").first.get_attribute("data-zoom") == "0"
        assert len(session.cells()) == cells  # `a`, `b`, Enter and arrows are commands of the notebook
        assert session.problems() == {}


def test_a_second_run_of_a_cell_shows_what_changed(
    lab: Lab, chrome: Browser, notebook: Path, results: Path
) -> None:
    with opened(lab, chrome, notebook) as session:
        session.run_all()
        page = session.page
        page.locator("[data-kosmos=profile] [role=tab]").nth(2).click()
        assert "No earlier run of this cell" in page.locator("[data-part=Compare]").inner_text()
        run_cell(page, 1, "TIMES = 40")
        run_cell(page, 2)
        session.wait_idle()
        page.locator("[data-kosmos=profile] [role=tab]").nth(2).click()
        said = page.locator("[data-part=Compare]").inner_text()
        assert "slower" in said
        assert "encode" in said
        assert page.locator("[data-part=Compare] .k-box.k-s:visible").count() >= 1
        session.screenshot(results / "profile_compare.png")
        assert session.problems() == {}

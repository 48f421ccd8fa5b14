"""The live views in JupyterLab: they follow a run while a cell blocks, and keep what the reader did."""

from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser

from tests.browser.driver import VIEW, Lab, opened, wait_for

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]

SHOW = """
import sys; sys.path.insert(0, {root!r})
from IPython.display import display
from kosmos_nb import reporters, widgets
from tests import samples

def bundle(text, html, widget):
    mime = "application/vnd.jupyter.widget-view+json"
    return {{"text/plain": text, "text/html": html, mime: widgets.view_mime(widget)}}

from tests.played import PlayedRun
shot = samples.live_run(seq=1, done=0)
run = PlayedRun(shot)
board = widgets.Board(shot)
board.follow(run)
shown = display(bundle(reporters.run_text(shot), reporters.run_html(shot), board), raw=True, display_id=True)
"""

# The worker waits between pictures as a real run would; the cell blocks the kernel meanwhile.
FEED = """
import threading
pause = threading.Event()
def feed():
    for i in range(1, 11):
        pause.wait(0.35)
        run.play(samples.live_run(seq=i + 1, done=i))
    run.play(samples.done_run())
worker = threading.Thread(target=feed)
worker.start()
worker.join()
"""

END = """
last = samples.done_run()
shown.update(bundle(reporters.run_text(last), reporters.run_html(last), board), raw=True)
"""

PROFILE = """
result = samples.profile()
view = widgets.ProfileView(result)
display(bundle(reporters.profile_text(result), reporters.profile_html(result), view), raw=True)
display({"text/html": reporters.profile_html(result)}, raw=True)
display({"text/html": reporters.run_html(samples.done_run())}, raw=True)
"""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    cells = [SHOW.format(root=str(ROOT)), FEED, END, PROFILE, "print('pressed', run.cancelled)"]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.strip()) for cell in cells])
    file = tmp_path / "views.ipynb"
    nbformat.write(made, file)
    return file


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_views_are_live_clean_and_ask_nothing_of_the_network(
    lab: Lab, chrome: Browser, notebook: Path, results: Path, theme: str
) -> None:
    with opened(lab, chrome, notebook, theme=theme) as session:
        session.run_all()
        page = session.page
        wait_for("the last verdict", lambda: page.locator("[data-kosmos=board][data-seq='100']").count(), 20)
        before = [one["state"] for one in session.seen()]
        last = len(before) - 1 - before[::-1].index("verdict")
        assert {"queued", "running", "verdict"} <= set(before[:last])
        assert sum(one["busy"] and one["state"] == "verdict" for one in session.seen()) >= 5
        assert page.locator("[data-kosmos=board] svg.k-forest").count() == 9
        assert page.locator("[data-kosmos=profile] [role=tab]").count() == 3
        assert not page.locator("[data-kosmos=board] button.k-button").is_visible()
        assert session.problems() == {}
        session.screenshot(results / f"views_{theme}.png")
        outputs = [output for cell in session.cells() for output in cell["outputs"] if "data" in output]
        assert VIEW in outputs[0]["data"]
        assert "supported" in str(outputs[0]["data"]["text/html"])


def test_a_filter_outlives_updates_and_the_tabs_obey_the_keyboard(
    lab: Lab, chrome: Browser, notebook: Path
) -> None:
    with opened(lab, chrome, notebook) as session:
        session.start_all()
        page = session.page
        page.locator("[data-filter=supported]").click(timeout=60_000)
        page.locator("[data-kosmos=board] button.k-button").click()
        assert "running cell" in page.locator("[data-kosmos=board] .k-note").inner_text()
        session.wait_idle()
        wait_for("the last verdict", lambda: page.locator("[data-kosmos=board][data-seq='100']").count(), 20)
        rows = page.locator("[data-kosmos=board] [data-hypothesis]:visible")
        assert {row.get_attribute("data-key") for row in rows.all()} == {"supported"}
        assert page.locator("[data-filter=supported]").get_attribute("aria-pressed") == "true"
        tabs = page.locator("[data-kosmos=profile] [role=tab]")
        tabs.nth(0).focus()
        page.keyboard.press("ArrowRight")
        assert tabs.nth(1).get_attribute("aria-selected") == "true"
        assert page.evaluate("document.activeElement.textContent") == "Flame"
        assert session.problems() == {}

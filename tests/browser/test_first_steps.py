"""The first notebook, as a newcomer opens it in JupyterLab."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.driver import Lab, opened, wait_for

pytestmark = pytest.mark.browser

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_first_steps.ipynb"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_first_notebook_runs_clean_and_its_board_is_live(
    lab: Lab, chrome: Browser, results: Path, theme: str
) -> None:
    with opened(lab, chrome, NOTEBOOK, theme=theme) as session:
        session.run_all()
        page = session.page
        wait_for("a forest plot", lambda: page.locator(".jp-OutputArea svg.k-forest").count(), 30)
        states = [one["state"] for one in session.seen()]
        assert "verdict" in states, "no verdict was seen on the live board"
        last = len(states) - 1 - states[::-1].index("verdict")
        assert len(set(states[:last])) >= 3, f"only {set(states[:last])} were seen before the last verdict"
        name = "first_steps.png" if theme == "light" else "first_steps_dark.png"
        session.screenshot(results / name)
        assert session.problems() == {}

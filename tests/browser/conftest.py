"""One browser and one JupyterLab for each file of browser tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import driver

RESULTS = Path(__file__).parents[2] / "test-results"


# Playwright leaves an event loop running in the main thread while it is open, in which no other test
# can call asyncio.run: so a browser lives no longer than a file of tests.
@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    path = driver.chromium()
    if path is None:
        if os.environ.get("CI") or os.environ.get("KOSMOS_REQUIRE_BROWSER") == "1":
            pytest.fail(driver.INSTALL)
        pytest.skip(driver.INSTALL)
    with driver.browser(path) as made:
        yield made


# Nor does the server: tests of child processes want none but their own.
@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[driver.Lab]:
    made = driver.Lab(tmp_path_factory.mktemp("lab"))
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def results() -> Path:
    """The folder for screenshots."""
    RESULTS.mkdir(exist_ok=True)
    return RESULTS

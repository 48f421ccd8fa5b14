"""JupyterLab in headless Chromium: open a copy of a notebook, run it, and see what a user sees.

The server has its own temporary folders, a free port on loopback and a token. Whatever is not
loopback is refused in the browser and listed. Console errors, page errors and cell errors are
listed too, so that a test can say there were none.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

CHROMIUM_ARGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --force-color-profile=srgb"
).split()
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
INSTALL = "no Chromium was found; install it with: apt-get install chromium (or set CHROMIUM to its path)"
OPEN_S = 120.0
VIEW = "application/vnd.jupyter.widget-view+json"

# JupyterLab's own complaints, which say nothing about our views. Each with its reason.
NOT_OURS = {
    "favicon": "a browser asks for it by itself; a server without one answers 404",
    "api/lsp/status": "the optional language-server extension is looked for and not installed",
    "api/me?": "asked again while the server ends",
}

STATE_JS = """() => {
  const app = window.jupyterapp;
  const panel = app && Array.from(app.shell.widgets('main'))
    .find(w => w.content && w.content.widgets && w.sessionContext);
  if (!panel) return {panel: false};
  const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
  const prompts = Array.from(panel.node.querySelectorAll('.jp-CodeCell .jp-InputPrompt'));
  return {
    panel: true,
    ready: panel.context.isReady && panel.sessionContext.isReady,
    kernel: kernel && kernel.status,
    connection: kernel && kernel.connectionStatus,
    running: prompts.filter(e => (e.textContent || '').includes('*')).length,
    dialog: Boolean(document.querySelector('.jp-Dialog')),
  };
}"""

CELLS_JS = """() => {
  const panel = Array.from(window.jupyterapp.shell.widgets('main')).find(w => w.content && w.content.widgets);
  return panel.content.widgets.filter(w => w.model.type === 'code').map((w, i) => ({
    index: i, count: w.model.executionCount, outputs: w.model.outputs.toJSON(),
  }));
}"""

# How many pixels more the window needs to show the whole notebook.
EXTRA_JS = """() => {
  const outer = document.querySelector('.jp-WindowedPanel-outer');
  const cells = outer.querySelectorAll('.jp-Cell');
  outer.scrollTop = 0;
  const bottom = cells[cells.length - 1].getBoundingClientRect().bottom;
  return Math.max(0, bottom - outer.getBoundingClientRect().top + 40 - outer.clientHeight);
}"""

# Notes each state of each row of a board the moment it is there, and whether a cell runs then.
WATCH_JS = """() => {
  window.kosmosSeen = [];
  const last = new Map();
  const note = () => {
    const prompts = Array.from(document.querySelectorAll('.jp-CodeCell .jp-InputPrompt'));
    const busy = prompts.some(e => (e.textContent || '').includes('*'));
    for (const row of document.querySelectorAll('[data-kosmos=board] [data-hypothesis]')) {
      const id = row.dataset.hypothesis, state = row.dataset.state;
      if (last.get(id) === state) continue;
      last.set(id, state);
      window.kosmosSeen.push({id, state, busy, t: performance.now()});
    }
  };
  new MutationObserver(note).observe(document.documentElement,
    {subtree: true, childList: true, attributes: true, attributeFilter: ['data-state']});
}"""


def chromium() -> str | None:
    """Return the browser's path: `CHROMIUM`, else the first known name on the PATH."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def wait_for(what: str, test: Callable[[], Any], seconds: float) -> Any:
    """Poll until `test` gives something true and return it; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := test():
            return found
        time.sleep(0.05)  # a browser or a server in another process: there is no event to wait for
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass
class Report:
    """What went wrong while a notebook was open."""

    console_errors: list[str] = field(default_factory=list)
    page_errors: list[str] = field(default_factory=list)
    external_requests: list[str] = field(default_factory=list)
    http_errors: list[str] = field(default_factory=list)


class Lab:
    """One JupyterLab server in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.token = secrets.token_hex(16)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.root.mkdir(parents=True)
        self._settings()
        with (self.folder / "server.log").open("wb") as log:
            self._server = subprocess.Popen(
                self._command(), stdout=log, stderr=subprocess.STDOUT, env=self._environment(),
                cwd=self.root, start_new_session=True,
            )  # fmt: skip
        wait_for("JupyterLab answers", self._answers, OPEN_S)

    def stop(self) -> None:
        """End the server, which ends its kernels; then whatever of its process group is left."""
        if self._server is None:
            return
        for number, seconds in ((signal.SIGTERM, 15), (signal.SIGKILL, 5)):
            if self._server.poll() is not None:
                return
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if number == signal.SIGTERM:
                    self._server.terminate()
                else:
                    os.killpg(self._server.pid, number)
                self._server.wait(seconds)

    def _answers(self) -> bool:
        if self._server is not None and self._server.poll() is not None:
            raise AssertionError(
                "JupyterLab ended early:\n" + (self.folder / "server.log").read_text()[-3000:]
            )
        try:
            urllib.request.urlopen(f"{self.url}/api?token={self.token}", timeout=2).read()
        except OSError:
            return False
        return True

    def _command(self) -> list[str]:
        port = self.url.rsplit(":", 1)[1]
        root = ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        return [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--expose-app-in-browser",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
            f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.root}",
            "--LabApp.extension_manager=readonly", "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate", *root,
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        ours = ("JUPYTER", "JPY_", "IPYTHON", "KOSMOS_")
        env = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        folders = {
            "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "runtime",
            "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython", "KOSMOS_HOME": "kosmos",
        }  # fmt: skip
        for name, sub in folders.items():
            (self.folder / sub).mkdir(exist_ok=True)
            env[name] = str(self.folder / sub)
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"
        env["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
        return env

    def _settings(self) -> None:
        self.setting(
            "@jupyterlab/apputils-extension", "notification", {"checkForUpdates": False, "fetchNews": "false"}
        )
        self.setting("@jupyterlab/docmanager-extension", "plugin", {"autosave": False})
        self.setting("@jupyterlab/notebook-extension", "tracker", {"windowingMode": "none"})

    def setting(self, package: str, name: str, value: dict[str, Any]) -> None:
        """Write one of JupyterLab's user settings."""
        folder = self.folder / "settings" / package
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jupyterlab-settings").write_text(json.dumps(value))


class Session:
    """A notebook that is open in a browser."""

    def __init__(self, page: Page, report: Report, path: Path) -> None:
        self.page = page
        self.report = report
        self.path = path

    def state(self) -> dict[str, Any]:
        """Return what the notebook is doing: kernel, running cells, an open dialog."""
        return dict(self.page.evaluate(STATE_JS))

    def run_all(self, seconds: float = 240.0) -> None:
        """Run every cell and wait until none runs and the kernel is idle."""
        self.start_all()
        self.wait_idle(seconds)

    def start_all(self) -> None:
        """Begin to run every cell and note the board's states from now on."""
        self.page.evaluate(WATCH_JS)
        self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        wait_for("a cell runs", lambda: self.state()["running"] or self.cells()[0]["count"], 30)

    def wait_idle(self, seconds: float = 240.0) -> None:
        """Wait until no cell runs and the kernel is idle, three looks running."""
        looks: list[bool] = []

        def idle() -> bool:
            state = self.state()
            assert state["kernel"] not in ("dead", "autorestarting"), "the kernel died"
            looks.append(state["running"] == 0 and state["kernel"] == "idle")
            return len(looks) > 2 and all(looks[-3:])

        wait_for("all cells are done", idle, seconds)

    def cells(self) -> list[dict[str, Any]]:
        """Return the code cells with their outputs as the notebook holds them."""
        return list(self.page.evaluate(CELLS_JS))

    def cell_errors(self) -> list[str]:
        """Return the errors that cells show."""
        outputs = [output for cell in self.cells() for output in cell["outputs"]]
        return [f"{o['ename']}: {o['evalue']}" for o in outputs if o["output_type"] == "error"]

    def seen(self) -> list[dict[str, Any]]:
        """Return every state of every hypothesis that a board showed, in order of time."""
        return list(self.page.evaluate("() => window.kosmosSeen"))

    def problems(self) -> dict[str, list[str]]:
        """Return what went wrong, by kind; empty where nothing did."""
        found = {
            "cell errors": self.cell_errors(),
            "console errors": self.report.console_errors,
            "page errors": self.report.page_errors,
            "external requests": self.report.external_requests,
        }
        return {kind: list(items) for kind, items in found.items() if items}

    def screenshot(self, file: Path) -> None:
        """Save a picture of the whole notebook, as tall as it is."""
        file.parent.mkdir(parents=True, exist_ok=True)
        need = self.page.evaluate(EXTRA_JS)
        size = self.page.viewport_size or {"width": 1280, "height": 900}
        self.page.set_viewport_size({"width": size["width"], "height": min(9000, size["height"] + int(need))})
        self.page.screenshot(path=file)
        self.page.set_viewport_size(size)


@contextlib.contextmanager
def browser(path: str) -> Iterator[Browser]:
    """Launch Chromium."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_ARGS)
        try:
            yield made
        finally:
            made.close()


@contextlib.contextmanager
def opened(lab: Lab, chrome: Browser, notebook: Path, *, theme: str = "light") -> Iterator[Session]:
    """Open a copy of `notebook`, with its outputs cleared, and wait for its kernel.

    Args:
        lab: The server.
        chrome: The browser.
        notebook: File that is copied into the server's folder.
        theme: `light` or `dark`; both JupyterLab's theme and the browser's preference.
    """
    copy = _cleared_copy(notebook, lab.root)
    name = "JupyterLab Dark" if theme == "dark" else "JupyterLab Light"
    lab.setting("@jupyterlab/apputils-extension", "themes", {"theme": name})
    context = chrome.new_context(
        viewport={"width": 1280, "height": 900},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
    )
    report = Report()
    context.route("**/*", lambda route: _gate(route, lab.url, report))
    page = context.new_page()
    page.on("console", lambda message: _hear(message, report))
    page.on("pageerror", lambda error: report.page_errors.append(str(error)[:500]))
    session = Session(page, report, copy)
    try:
        page.goto(f"{lab.url}/lab/tree/{copy.name}?token={lab.token}&reset", wait_until="domcontentloaded")
        page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored", timeout=OPEN_S * 1000)
        page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=OPEN_S * 1000)
        wait_for("the kernel is ready", lambda: _is_ready(session), OPEN_S)
        page.evaluate(
            "() => { window.jupyterapp.shell.collapseLeft && window.jupyterapp.shell.collapseLeft(); }"
        )
        yield session
    finally:
        context.close()


def _is_ready(session: Session) -> bool:
    state = session.state()
    if state.get("dialog"):
        session.page.locator(".jp-Dialog .jp-mod-accept").first.click()
    return bool(state.get("ready")) and state["connection"] == "connected" and state["kernel"] == "idle"


def _cleared_copy(notebook: Path, folder: Path) -> Path:
    made = nbformat.read(notebook, as_version=4)
    made.metadata.setdefault(
        "kernelspec", {"name": "python3", "display_name": "Python 3", "language": "python"}
    )
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    copy = folder / f"{notebook.stem}-{secrets.token_hex(3)}.ipynb"
    nbformat.write(made, copy)
    return copy


def _gate(route: Route, url: str, report: Report) -> None:
    asked = route.request.url
    if asked.startswith((url, "data:", "blob:", url.replace("http", "ws"))):
        route.continue_()
    else:
        report.external_requests.append(asked[:300])
        route.abort()


def _hear(message: ConsoleMessage, report: Report) -> None:
    if message.type != "error":
        return
    text = f"{message.text} ({message.location.get('url', '')})"
    if not any(name in text for name in NOT_OURS):
        report.console_errors.append(text[:500])

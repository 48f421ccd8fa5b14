"""The live board of a research run: each hypothesis with its state, then its verdict."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import anywidget
import traitlets

from kosmos_nb.history import RunSnapshot
from kosmos_nb.reporters import RUN_CSS
from kosmos_nb.widgets import assets
from kosmos_nb.widgets.board_state import BoardState
from kosmos_nb.widgets.publisher import LiveRun, Publisher


class Board(anywidget.AnyWidget):
    """A view of one run that follows it, in place, while cells run.

    It shows the picture that it was made with; `follow` keeps it up to date until the run's end.
    """

    _esm = assets.module("dom.js", "board.js")
    _css = RUN_CSS + assets.style("board.css")

    head = traitlets.Dict().tag(sync=True)
    rows = traitlets.Dict().tag(sync=True)
    news = traitlets.Dict().tag(sync=True)

    def __init__(self, snapshot: RunSnapshot) -> None:
        self._state = BoardState()
        self._drawing = threading.RLock()
        self._heard = False
        self._callbacks: list[Callable[[], object]] = []
        self._on_end: list[Callable[[RunSnapshot], object]] = []
        self._last: RunSnapshot | None = None
        self._publisher: Publisher | None = None
        super().__init__(**self._state.changes(snapshot))
        self.layout.width = "100%"
        self.on_msg(self._receive)

    def follow(self, run: LiveRun, on_end: Callable[[RunSnapshot], object] | None = None) -> None:
        """Keep the board up to date, from a thread, until the run ends.

        Only the first call starts to follow; a later one may still say what to do at the end.

        Args:
            run: The run that the board shows.
            on_end: Called with the last picture once it is drawn; at once where it was already.
        """
        with self._drawing:
            last, publisher = self._last, None
            if last is None and on_end is not None:
                self._on_end.append(on_end)
            if self._publisher is None:
                publisher = self._publisher = Publisher(run, self._draw)
        if publisher is not None:
            self.on_cancel(run.cancel)
            publisher.start()
        if last is not None and on_end is not None:
            on_end(last)

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call this when the reader presses Cancel.

        The kernel hears the button between cells, on its main thread: while a cell runs, the
        button says that it waits.
        """
        self._callbacks.append(callback)

    def close(self) -> None:
        """End the board's thread and take the view away."""
        if self._publisher is not None:
            self._publisher.close()
        super().close()

    def _draw(self, snapshot: RunSnapshot) -> None:
        try:
            self._tell(snapshot)
        finally:
            # Cells keep the verdicts even where the board could not be drawn.
            if snapshot.run.status != "running":
                with self._drawing:
                    self._last, waiting = snapshot, tuple(self._on_end)
                for on_end in waiting:
                    on_end(snapshot)

    def _tell(self, snapshot: RunSnapshot) -> None:
        with self._drawing:
            changes = self._state.changes(snapshot)
            changes["head"] = {**changes["head"], "heard": self._heard}
            with self.hold_sync():  # one message, so that the browser never sees half of it
                for name, value in changes.items():
                    setattr(self, name, value)

    def _receive(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        if content.get("type") != "cancel":
            return
        self._heard = True
        with self._drawing:
            self.head = {**self.head, "heard": True}
        for callback in tuple(self._callbacks):
            callback()

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
from kosmos_nb.widgets.publisher import Publisher


class Board(anywidget.AnyWidget):
    """A view of one run that follows it, in place, while cells run.

    Feed it pictures with `show`, from any thread. It keeps at most ten a second, never goes
    back to an older one, and after the run shows the final verdicts.
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
        super().__init__(**self._state.changes(snapshot))
        self.layout.width = "100%"
        self._publisher = Publisher(self._draw)
        self.on_msg(self._receive)

    def show(self, snapshot: RunSnapshot) -> None:
        """Show this picture of the run, soon; an older one than the last is dropped."""
        self._publisher.publish(snapshot)

    def finish(self, snapshot: RunSnapshot | None = None, timeout_s: float = 5.0) -> None:
        """Show the last picture, wait until it is sent, and end the board's thread."""
        if snapshot is not None:
            self._publisher.publish(snapshot)
        self._publisher.close(timeout_s)

    def on_cancel(self, callback: Callable[[], object]) -> None:
        """Call this when the reader presses Cancel.

        The kernel hears the button between cells, on its main thread: while a cell runs, the
        button says that it waits.
        """
        self._callbacks.append(callback)

    def close(self) -> None:
        """End the board's thread and take the view away."""
        self._publisher.close()
        super().close()

    def _draw(self, snapshot: RunSnapshot) -> None:
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

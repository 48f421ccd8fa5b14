"""Which results become live views in this shell, and which stay text and HTML."""

from __future__ import annotations

from typing import Any

from kosmos_nb.core import render
from kosmos_nb.history import ProfileResult, RunSnapshot
from kosmos_nb.magics.frontend import is_live


def install(shell: Any) -> None:
    """Let profiles and runs be widgets where a front end is live.

    A runner that only records (nbconvert, papermill) gets text and HTML: it would keep the
    widget's whole state in the file and nobody could use it.
    """

    def profile_widget(result: ProfileResult) -> dict[str, Any] | None:
        from kosmos_nb import widgets  # noqa: PLC0415 - anywidget, only when something is shown

        return widgets.profile_widget_mime(result)

    def run_widget(snapshot: RunSnapshot) -> dict[str, Any] | None:
        from kosmos_nb import widgets  # noqa: PLC0415 - as above

        return widgets.run_widget_mime(snapshot)

    render.register(ProfileResult, render.WIDGET, profile_widget, when=lambda: is_live(shell))
    render.register(RunSnapshot, render.WIDGET, run_widget, when=lambda: is_live(shell))


def uninstall() -> None:
    """Forget it again, and how runs were displayed."""
    render.unregister(render.WIDGET)
    render.unregister(render.DISPLAY)

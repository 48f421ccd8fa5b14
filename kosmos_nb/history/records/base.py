"""What all records share: how they ended, and that they can be shown without knowing how."""

from __future__ import annotations

from typing import Any, Literal

from kosmos_nb.core import render

Status = Literal["ok", "failed", "interrupted"]


class Drawn:
    """A record that the notebook can show."""

    __slots__ = ()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return render.mimebundle(self)

    def __str__(self) -> str:
        drawn = render.render(self, render.TEXT)
        return str(drawn) if drawn is not None else repr(self)

    def to_html(self) -> str:
        """Return a self-contained HTML fragment: no script, no request, readable without styles."""
        return str(render.render(self, render.HTML))

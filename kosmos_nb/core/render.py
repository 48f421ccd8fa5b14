"""How a value becomes text, HTML or a live view, without the value knowing its renderers.

Records live far below the rooms that draw them. They ask here for a rendering by MIME type;
`runtime` registers the text and HTML renderers (through the filler, on first need), the
notebook's extension adds the live widgets.
"""

from collections.abc import Callable
from typing import Any

TEXT = "text/plain"
HTML = "text/html"
WIDGET = "application/vnd.jupyter.widget-view+json"
DISPLAY = "display"  # the whole act of showing, where a value wants more than a bundle
# Forms for other programs and for files: asked for by name, never part of a bundle.
PAGE = "page"
SPEEDSCOPE = "speedscope"
COLLAPSED = "collapsed"
PSTATS = "pstats"

Renderer = Callable[[Any], Any]

_renderers: dict[tuple[type, str], Renderer] = {}
_conditions: dict[tuple[type, str], Callable[[], bool] | None] = {}
_filler: Callable[[], None] | None = None


def register(kind: type, mime: str, renderer: Renderer, when: Callable[[], bool] | None = None) -> None:
    """Let `renderer` draw values of `kind` as `mime`; a later call replaces an earlier one.

    Args:
        kind: Type of the values.
        mime: What it makes of them.
        renderer: Draws one.
        when: Says whether it draws just now; None: always.
    """
    _renderers[kind, mime] = renderer
    _conditions[kind, mime] = when


def unregister(mime: str) -> None:
    """Forget every renderer of `mime`."""
    for kind, known in list(_renderers):
        if known == mime:
            del _renderers[kind, mime], _conditions[kind, mime]


def is_drawn(kind: type, mime: str) -> bool:
    """Say whether values of `kind` are drawn as `mime` just now."""
    when = _conditions.get((kind, mime))
    return (kind, mime) in _renderers and (when is None or when())


def set_filler(filler: Callable[[], None]) -> None:
    """Name the function that registers the standard renderers; it runs once, on first need."""
    global _filler
    _filler = filler


def render(value: object, mime: str) -> Any:
    """Return `value` drawn as `mime`, or None where nothing draws it.

    A renderer may itself return None: "not this one".
    """
    global _filler
    if _filler is not None:
        filler, _filler = _filler, None
        try:
            filler()
        except BaseException:  # Stop was pressed, perhaps: the next need fills again
            _filler = filler
            raise
    return _renderers[type(value), mime](value) if is_drawn(type(value), mime) else None


def mimebundle(value: object) -> dict[str, Any]:
    """Return every rendering of `value` there is, by MIME type."""
    drawn = {mime: render(value, mime) for mime in (TEXT, HTML, WIDGET)}
    return {mime: data for mime, data in drawn.items() if data is not None}

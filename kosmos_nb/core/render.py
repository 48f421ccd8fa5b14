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
_filler: Callable[[], None] | None = None


def register(kind: type, mime: str, renderer: Renderer) -> None:
    """Let `renderer` draw values of `kind` as `mime`; a later call replaces an earlier one."""
    _renderers[kind, mime] = renderer


def unregister(mime: str) -> None:
    """Forget every renderer of `mime`."""
    for kind, known in list(_renderers):
        if known == mime:
            del _renderers[kind, mime]


def set_filler(filler: Callable[[], None]) -> None:
    """Name the function that registers the standard renderers; it runs once, on first need."""
    global _filler
    _filler = filler


def render(value: object, mime: str) -> Any:
    """Return `value` drawn as `mime`, or None where nothing draws it.

    A renderer may itself return None: "not now", as the widget's does outside a notebook.
    """
    global _filler
    if _filler is not None:
        filler, _filler = _filler, None
        try:
            filler()
        except BaseException:  # Stop was pressed, perhaps: the next need fills again
            _filler = filler
            raise
    renderer = _renderers.get((type(value), mime))
    return None if renderer is None else renderer(value)


def mimebundle(value: object) -> dict[str, Any]:
    """Return every rendering of `value` there is, by MIME type."""
    drawn = {mime: render(value, mime) for mime in (TEXT, HTML, WIDGET)}
    return {mime: data for mime, data in drawn.items() if data is not None}

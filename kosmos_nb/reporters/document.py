"""A view as a whole HTML document, to be kept as a file or printed."""

from kosmos_nb.reporters.markup import Markup, tag

_PAGE_CSS = (
    "body{margin:12px;background:#fff}body>div{margin:0 auto!important}"
    "@media screen and (prefers-color-scheme:dark){body{background:#0d1014}}"
    "@page{margin:14mm}@media print{body{margin:0}}"
)


def document(title: str, content: Markup, css: str) -> str:
    """Return the document. It holds all it needs, and tells the browser to load nothing else.

    Args:
        title: Name of the document.
        content: The view, without its style sheet.
        css: The view's style sheet, trusted.
    """
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = Markup(
        "<meta charset=utf-8><meta name=viewport content='width=device-width, initial-scale=1'>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        f"{tag('title', title)}<style>{css}{_PAGE_CSS}</style>"
    )
    return f"<!doctype html>\n{tag('html', tag('head', head), tag('body', content), lang='en')}\n"

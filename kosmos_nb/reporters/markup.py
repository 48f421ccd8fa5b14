"""HTML that cannot be broken from inside: whatever is not markup is cleaned and escaped."""

import html
import re
import unicodedata
from collections.abc import Iterable

_BARE = re.compile(r"[A-Za-z0-9_.+-]+")
_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_JOINERS = "\u200c\u200d"  # meaningful in some scripts and in emoji


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def clean(value: str, most: int | None = None) -> str:
    """Return `value` on one line, without control, direction and lone surrogate characters.

    Such characters could move the cursor of a terminal, reorder what a reader sees, or fail to
    encode. Tabs become spaces; the others become `�`.

    Args:
        value: Any text.
        most: Longest result in characters; the rest becomes `…`.
    """
    text = value if most is None else value[: most + 1]
    if not (text.isascii() and text.isprintable()):
        text = text.replace("\r\n", "\n").replace("\n", " ").replace("\t", "    ")
        text = "".join(c if c in _JOINERS or unicodedata.category(c) not in _HARMFUL else "�" for c in text)
    return text if most is None or len(text) <= most else text[: most - 1].rstrip() + "…"


def markup(value: str) -> Markup:
    """Return `value` as HTML: as it is where it is markup, else cleaned and escaped."""
    return value if isinstance(value, Markup) else Markup(html.escape(clean(value), quote=False))


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Return the parts, each escaped unless markup, with `between` them."""
    return Markup(str(markup(between)).join(markup(part) for part in parts))


def tag(name: str, *children: str, **attributes: str | float | bool | None) -> Markup:
    """Return an element.

    Args:
        name: Element name, trusted.
        children: Text, which is escaped, or Markup, which is not.
        attributes: Values by name; `class_` stands for `class`, `_` for `-`; None and False
            leave the attribute out, True writes it without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    return Markup(f"<{name}{written}>{join(children)}</{name}>")


def _attribute(key: str, value: str | float | bool | None) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    if _BARE.fullmatch(text):
        return f" {name}={text}"
    return f" {name}='{html.escape(clean(text))}'"  # single quotes: JSON would escape double ones


def table(head: Iterable[str], rows: Iterable[str], **attributes: str) -> Markup:
    """Return a table of header cells and finished rows (or tbody elements)."""
    header = tag("thead", tag("tr", *head))
    return tag("table", header, *rows, **attributes)

"""The widgets' modules and style sheets, read once as text: nothing is fetched from anywhere."""

import re
from functools import cache
from importlib import resources


@cache
def module(*names: str) -> str:
    """Return the scripts joined into one ES module, without comments and indentation."""
    lines = "\n".join(_read(name) for name in names).splitlines()
    return "\n".join(line.strip() for line in lines if line.strip() and not line.strip().startswith("//"))


@cache
def style(name: str) -> str:
    """Return a style sheet in one line."""
    css = re.sub(r"\s+", " ", _read(name))
    return re.sub(r" ?([{};]) ?", r"\1", css).strip()


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")

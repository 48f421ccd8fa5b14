"""The Tab key for options and their values, in `%kosmos_x`, `r = %kosmos_x` and `%%kosmos_x`, and how
other parts answer it in a cell's body.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kosmos_nb.magics.frontend import cell_at_tab
from kosmos_nb.magics.options import OptionParser

_MAGIC_LINE = re.compile(r"^\s*(?:[\w.,\[\]'\"\s]+=\s*)?(%%?)(\w+)\s+(.*)$", re.DOTALL)

FindParser = Callable[[str], OptionParser | None]


def candidates(
    line: str, find_parser: FindParser, names: Mapping[str, Any] | None = None
) -> list[str] | None:
    """Return what can stand at the end of `line`, None where we have nothing to say.

    Args:
        line: The line up to the cursor.
        find_parser: Gives the parser of a magic by its name without percent signs.
        names: The notebook's variables.
    """
    match = _MAGIC_LINE.match(line)
    parser = find_parser(match[2]) if match is not None else None
    if match is None or parser is None:
        return None
    words = re.split(r"\s+", match[3])
    word, before = words[-1], words[-2] if len(words) > 1 else ""
    if "--" in words[:-1]:
        return None
    earlier = [part for one in words[:-1] for part in one.split("=", 1)]
    if word.startswith("-") and "=" in word:
        name, _, begun = word.partition("=")
        return _values(parser, name, begun, names or {}, earlier)
    if word.startswith("-"):
        return sorted(name for name in parser.options() if name.startswith(word))
    return _values(parser, before, word, names or {}, earlier)


def _values(
    parser: OptionParser, name: str, begun: str, names: Mapping[str, Any], earlier: Sequence[str]
) -> list[str] | None:
    action = parser.options().get(name)
    if action is None or action.nargs == 0:
        name, action = "", None  # a word of its own
    if action is not None and action.choices is not None:
        found = [str(choice) for choice in action.choices]
    elif name in parser.offers:
        found = list(parser.offers[name](names, earlier))
        if name in parser.lists:  # the last of A,B is being typed
            *before, begun = begun.split(",")
            found = [value for value in found if value not in before]
    else:
        return None
    return [value for value in found if value.startswith(begun)]


class TabCompleter:
    """Adds answers of ours to a shell's Tab key."""

    # Whom IPython 8.6 and later asks first: the higher number.
    priority = 0.0

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._matcher: Any = None
        self._among: list[Any] = []

    def install(self) -> None:
        """Begin to answer the Tab key."""
        completer = getattr(self._shell, "Completer", None)
        if completer is None:  # a shell without one, as in some embeddings
            return
        try:
            from IPython.core.completer import context_matcher  # noqa: PLC0415 - IPython 8.6 and later
        except ImportError:
            self._among, self._matcher = self._old_matcher(completer)
        else:
            self._among = completer.custom_matchers
            name = f"kosmos_nb.{type(self).__name__}"  # IPython keeps one answer a name
            self._matcher = context_matcher(priority=self.priority, identifier=name)(self._new_matcher())
        self._among.append(self._matcher)

    def uninstall(self) -> None:
        """Leave nothing of ours in the completer."""
        if self._matcher in self._among:
            self._among.remove(self._matcher)

    def _new_matcher(self) -> Any:
        """Return a matcher that is given the whole cell."""
        raise NotImplementedError

    def _old_matcher(self, completer: Any) -> tuple[list[Any], Callable[[str], list[str]]]:
        """Return a matcher for older IPythons, and the list of theirs that it belongs to."""
        raise NotImplementedError


class OptionCompleter(TabCompleter):
    """The options of our magics."""

    def _find_parser(self, name: str) -> OptionParser | None:
        for kind in ("line", "cell"):
            magic = self._shell.magics_manager.magics[kind].get(name)
            parser = getattr(magic, "option_parser", None)
            if isinstance(parser, OptionParser):
                return parser
        return None

    def _new_matcher(self) -> Any:
        from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - as above

        def kosmos_option_matcher(context: Any) -> Any:
            line = context.line_with_cursor[: context.cursor_position]
            found = candidates(line, self._find_parser, self._shell.user_ns)
            completions = [SimpleCompletion(text, type="param") for text in found or ()]
            return {"completions": completions, "suppress": bool(found)}

        return kosmos_option_matcher

    def _old_matcher(self, completer: Any) -> tuple[list[Any], Callable[[str], list[str]]]:
        def kosmos_option_matcher(text: str) -> list[str]:
            line = completer.text_until_cursor
            return candidates(line, self._find_parser, self._shell.user_ns) or []

        return completer.custom_matchers, kosmos_option_matcher


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the Tab key offers: as it is to be typed, and what it is."""

    text: str
    kind: str


class BodyCompleter(TabCompleter):
    """A language of ours in a cell's body or at the end of a line."""

    priority = 10.0  # before Python's own, which has nothing to say there

    def _candidates(self, cell: str, cursor: int) -> tuple[str, list[Candidate]]:
        """Return what was begun before the cursor, and what it can become; nothing outside of it."""
        raise NotImplementedError

    def _new_matcher(self) -> Any:
        from IPython.core.completer import SimpleCompletion  # noqa: PLC0415 - IPython 8.6 and later

        def matcher(context: Any) -> Any:
            lines = context.full_text.split("\n")
            cursor = sum(len(line) + 1 for line in lines[: context.cursor_line]) + context.cursor_position
            begun, found = self._candidates(context.full_text, cursor)
            if not found:
                return {"completions": [], "suppress": False}
            completions = [SimpleCompletion(one.text, type=one.kind) for one in found]
            return {"completions": completions, "matched_fragment": begun, "suppress": True, "ordered": True}

        return matcher

    def _old_matcher(self, completer: Any) -> tuple[list[Any], Callable[[str], list[str]]]:
        def matcher(_: str) -> list[str]:
            line = completer.text_until_cursor
            begun, found = self._candidates(*(cell_at_tab(self._shell) or (completer.line_buffer, len(line))))
            # What IPython replaces is its own last word, which may begin elsewhere than ours.
            word = completer.splitter.split_line(line)
            if word.endswith(begun):
                return [word[: len(word) - len(begun)] + one.text for one in found]
            cut = begun[: len(begun) - len(word)]
            return [one.text[len(cut) :] for one in found if one.text.startswith(cut)]

        # Where one of these knows something, Python's own are not asked.
        return completer.magic_arg_matchers, matcher

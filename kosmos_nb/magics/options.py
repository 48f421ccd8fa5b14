"""Options of the magics: one parser for the line, the help, the `?` page and the Tab key.

A magic makes one `OptionParser`, names it with `documented_by`, and stands behind the door
`one_line_errors`:

    PARSER = OptionParser("%kosmos_history", "Show …", ["%kosmos_history --last 5"])
    PARSER.add_argument("--last", type=whole_number, metavar="N", default=20, help="How many.")

    @line_magic
    @documented_by(PARSER)
    @one_line_errors
    def kosmos_history(self, line: str = "") -> object:
        options = PARSER.parse(line)
        if options.help:
            return None  # it was printed
"""

import argparse
import copy
import difflib
import functools
import io
import keyword
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from IPython.core.error import UsageError

from kosmos_nb.core import KosmosError

Magic = TypeVar("Magic", bound=Callable[..., Any])

# Given the notebook's names and the words of the line before the cursor, what can stand here.
Offer = Callable[[Mapping[str, Any], Sequence[str]], Sequence[str]]


# A line without them is split at its spaces.
_QUOTES = frozenset("\"'\\")


class OptionParser(argparse.ArgumentParser):
    """An argparse parser whose every complaint is one line of `UsageError`.

    Args:
        magic: As the user types it, `%kosmos_history` or `%%kosmos_sql`.
        description: What the magic does.
        examples: Lines that work, for the help.
    """

    def __init__(self, magic: str, description: str, examples: Sequence[str] = ()) -> None:
        super().__init__(
            prog=magic,
            description=description,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in examples) if examples else None,
            formatter_class=functools.partial(argparse.RawDescriptionHelpFormatter, width=100),
            add_help=False,
            allow_abbrev=False,
        )
        self.magic = magic.lstrip("%")
        self.offers: dict[str, Offer] = {}
        self.lists: set[str] = set()
        self.color = False  # Python 3.14 would put escape codes into the `?` page
        self.add_argument("--help", action="store_true", help="Show this help.")

    def parse(self, line: str) -> argparse.Namespace:
        """Split the line as a shell does and read its options.

        Returns:
            The options. Where `--help` is among them it was printed, `.help` is true and the
            other values are the defaults.

        Raises:
            UsageError: One line that says what is wrong and what would be right.
        """
        return self.parse_words(self.split(line))

    def parse_head(self, line: str) -> tuple[argparse.Namespace, str]:
        """Read the options at the start of the line; return them and the rest, untouched.

        For a line that ends in Python or SQL, whose quotes are not the shell's. `--` ends the
        options early.

        Raises:
            UsageError: As `parse`.
        """
        words, rest = self.split_head(line)
        if not rest and line.rstrip().endswith(";"):
            words = self.split(line)
        return self.parse_words(words), rest

    def split_head(self, line: str) -> tuple[list[str], str]:
        """Split off the words of the options at the start of the line; return them and the rest.

        Raises:
            UsageError: A quote is not closed.
        """
        stream = io.StringIO(line)
        lexer = shlex.shlex(stream, posix=True)
        lexer.whitespace_split, lexer.commenters = True, ""
        words: list[str] = []
        while True:
            start = _skip_space(line, stream.tell())
            if not _is_option(line[start:]):
                break
            stream.seek(start)
            word = self._next_word(lexer)
            if word == "--":
                start = _skip_space(line, stream.tell())
                break
            words.append(word)
            if self.wants_value(word):
                value_start = _skip_space(line, stream.tell())
                if value_start < len(line) and not _is_option(line[value_start:]):
                    words.append(self._next_word(lexer))
        return words, line[start:]

    def parse_words(self, words: Sequence[str]) -> argparse.Namespace:
        """Read options that are split already; see `parse`."""
        options = words[: words.index("--")] if "--" in words else words
        if "--help" in options:
            print(self.format_help())
            defaults = {action.dest: self.get_default(action.dest) for action in self._actions}
            return argparse.Namespace(**{**defaults, "help": True})
        namespace, extra = self.parse_known_args(list(words))
        if extra:
            self.error(self._unexpected(extra))
        return namespace

    def check(self, line: str) -> argparse.Namespace | None:
        """Read the options without a word; None where `parse` would complain or show the help."""
        try:
            words = self.split(line)
            return None if "--help" in words else self.parse_words(words)
        except UsageError:
            return None

    def split(self, line: str) -> list[str]:
        """Split a line into words, respecting quotes; a semicolon that ends it, as in Python, is in none.

        Raises:
            UsageError: A quote is not closed.
        """
        line = line.rstrip().removesuffix(";")
        if line.isprintable() and not _QUOTES.intersection(line):
            return line.split()  # as shlex would, sooner; what is printable has no white space but spaces
        try:
            return shlex.split(line)
        except ValueError as error:
            self.error(_quote_complaint(error))

    def offer(self, option: str, values: Offer, *, is_list: bool = False) -> None:
        """Let the Tab key offer `values` behind an option that has no fixed choices.

        Args:
            option: Its name; empty for the words that are no option's. values: What can stand there.
            is_list: Several can, with commas between.
        """
        self.offers[option] = values
        if is_list:
            self.lists.add(option)

    def called(self, magic: str) -> "OptionParser":
        """Return the same parser for the magic's other form, so that complaints name what was typed."""
        other = copy.copy(self)
        other.prog = magic
        return other

    def docstring(self) -> str:
        """Return the text of the `?` page: usage, options, examples."""
        return self.format_help()

    def options(self) -> dict[str, argparse.Action]:
        """Return the visible options by each of their names, for the Tab key."""
        return {
            name: action
            for action in self._actions
            if action.help != argparse.SUPPRESS
            for name in action.option_strings
        }

    def wants_value(self, word: str) -> bool:
        """Whether a word of the line is an option, and what follows is its value."""
        action = self.options().get(word)
        return action is not None and action.nargs != 0

    def error(self, message: str) -> NoReturn:
        """Raise the one-line complaint; argparse calls this where it would leave the process."""
        text = " ".join(message.split()).removeprefix("argument ").removesuffix(".")
        stop = "" if text.endswith("?") else "."
        raise UsageError(f"{self.prog}: {text}{stop} ({self.prog} --help shows the options.)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        """Never leave the process: a magic runs in the user's kernel."""
        self.error(message or "stopped")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # argparse's own wording of the choices differs between Python versions.
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            guess = _guess(str(value), choices)
            raise argparse.ArgumentError(
                None, f"{_name(action)} is one of {', '.join(choices)}, not {value!r}{guess}"
            )

    def _match_argument(self, action: argparse.Action, arg_strings_pattern: str) -> int:
        # An option without its value: argparse would say "expected one argument" and not which.
        try:
            return super()._match_argument(action, arg_strings_pattern)
        except argparse.ArgumentError:
            if action.choices is None:
                raise
            choices = ", ".join(map(str, action.choices))
            raise argparse.ArgumentError(None, f"{_name(action)} needs one of {choices}") from None

    def _next_word(self, lexer: shlex.shlex) -> str:
        try:
            return lexer.get_token() or ""
        except ValueError as error:
            self.error(_quote_complaint(error))

    def _unexpected(self, extra: Sequence[str]) -> str:
        option = next((word for word in extra if word.startswith("-") and word != "--"), None)
        if option is None:
            return f"nothing is expected at {' '.join(extra)!r}"
        name = option.split("=")[0]
        return f"there is no option {name}{_guess(name, list(self.options()))}"


def documented_by(parser: OptionParser) -> Callable[[Magic], Magic]:
    """Give a magic its `?` page and its Tab completion from its parser."""

    def mark(magic: Magic) -> Magic:
        magic.__doc__ = parser.docstring()
        magic.option_parser = parser  # type: ignore[attr-defined]
        return magic

    return mark


def one_line_errors(magic: Magic) -> Magic:
    """Turn what kosmos_nb raises on purpose into IPython's `UsageError`: one line.

    Lines that are indented stay below it: they point to a place in what the user wrote.
    """

    @functools.wraps(magic)
    def door(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of what the user's own code raises, IPython shows the user's frames
        try:
            return magic(*args, **kwargs)
        except KosmosError as error:
            said, newline, place = str(error).partition("\n    ")
            raise UsageError(" ".join(said.split()) + newline + place) from None

    return door  # type: ignore[return-value]


def variable_name(text: str) -> str:
    """Accept a name that Python can bind, for `-o VAR`."""
    if not text.isidentifier() or keyword.iskeyword(text):
        raise argparse.ArgumentTypeError(f"{text!r} cannot be the name of a variable")
    return text


def whole_number(text: str) -> int:
    """Accept a whole number above zero."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above zero")
    return int(text)


def whole_number_from_zero(text: str) -> int:
    """Accept a whole number, zero among them."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from zero on")
    return int(text)


def between_0_and_1(text: str) -> float:
    """Accept a number above 0 and below 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return value


def listed(text: str) -> list[str]:
    """Accept words with commas between, `A,B`."""
    return [word.strip() for word in whole_list(text).split(",") if word.strip()]


def whole_list(text: str) -> str:
    """Accept a list whose last comma has something behind it; a space there would have cut it off."""
    if not text.strip(",") or text.endswith(","):
        raise argparse.ArgumentTypeError(f"{text!r} ends in a comma; write A,B without a space, or quote it")
    return text


def percentage(text: str) -> float:
    """Accept a number between 0 and 100, with or without a percent sign."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = float("nan")
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage between 0 and 100")
    return value


def _name(action: argparse.Action) -> str:
    return "/".join(action.option_strings) or str(action.metavar or action.dest)


def _guess(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def _is_option(text: str) -> bool:
    return text.startswith("--") or (len(text) > 1 and text[0] == "-" and text[1].isalpha())


def _skip_space(line: str, position: int) -> int:
    while position < len(line) and line[position].isspace():
        position += 1
    return position


def _quote_complaint(error: ValueError) -> str:
    if "escape" in str(error):
        return "the line ends in a lone backslash"
    return "a quote is opened and not closed"

"""The option parser of the magics: complaints in one line, help, and tails left alone."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from kosmos_nb.core import HistoryError
from kosmos_nb.magics.completion import candidates
from kosmos_nb.magics.options import (
    OptionParser,
    between_0_and_1,
    documented_by,
    listed,
    one_line_errors,
    percentage,
    variable_name,
    whole_number,
    whole_number_from_zero,
)
from kosmos_nb.magics.profile import PARSER


@pytest.fixture
def parser() -> OptionParser:
    made = OptionParser("%%kosmos_try", "Try things.", ["%%kosmos_try --mode light", "%%kosmos_try -o x"])
    made.add_argument("--mode", choices=["light", "standard"], default="standard", help="How closely.")
    made.add_argument("-o", "--output", type=variable_name, metavar="VAR")
    made.add_argument("--threshold", type=percentage)
    made.add_argument("--last", type=whole_number)
    made.add_argument("--quiet", action="store_true")
    made.add_argument("--among", action="extend", type=listed)
    made.offer("--among", lambda names, words: ["tea", "ten", "'two words'"], is_list=True)
    return made


@pytest.mark.parametrize("line", ["--quiet -o x", "--quiet -o x;", "--quiet -o x; ", "--quiet -o 'x';"])
def test_a_semicolon_that_ends_the_line_is_no_part_of_an_option(parser, line):
    assert parser.parse(line).output == parser.check(line).output == "x"
    options, rest = parser.parse_head(line)
    assert (options.output, rest) == ("x", "")
    assert parser.parse_head(f"{line.split(';')[0]} call(1);")[1] == "call(1);"
    assert parser.split("'a;'") == ["a;"]
    assert parser.parse("--among 'tea, ten'").among == ["tea", "ten"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--mod light", "did you mean --mode?"),
        ("--mo light", "there is no option --mo"),  # no abbreviations
        ("--quite", "did you mean --quiet?"),
        ("--mode fast", "--mode is one of light, standard, not 'fast'"),
        ("--mode ligth", "did you mean light?"),
        ("--mode", "--mode needs one of light, standard."),
        ("-o", "expected one argument"),
        ("--threshold 200", "between 0 and 100"),
        ("--threshold nan", "between 0 and 100"),
        ("--last 0", "above zero"),
        ("--last -3", "--last"),
        ("-o 1x", "cannot be the name of a variable"),
        ("-o class", "cannot be the name of a variable"),
        ("'--mode light", "a quote is opened and not closed"),
        ("--mode light\\", "backslash"),
        ("some words", "nothing is expected at 'some words'"),
        ("--quiet=3", "--quiet"),
        ("--among a, b", "'a,' ends in a comma; write A,B without a space"),
        ("--among ,", "ends in a comma"),
    ],
)
def test_a_wrong_line_is_one_line_of_usage_error(parser, line, told):
    with pytest.raises(UsageError) as caught:
        parser.parse(line)
    message = str(caught.value)
    assert told in message
    assert message.startswith("%%kosmos_try: ")
    assert "\n" not in message
    assert len(message) < 200


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--always", "--always needs one of off, light, standard."),
        ("-o x.json", "cannot be the name of a variable; to write a file: -o r, then r.save(\"x.json\")."),
        ("-o class", "'class' cannot be the name of a variable."),
    ],
)  # fmt: skip
def test_the_profile_magic_says_what_would_be_right(line, told):
    with pytest.raises(UsageError) as caught:
        PARSER.parse(line)
    assert told in str(caught.value)


@given(st.text(max_size=60))
def test_no_line_ever_ends_the_process_or_escapes_as_another_error(line):
    parser = OptionParser("%kosmos_try", "Try.")
    parser.add_argument("--mode", choices=["a", "b"])
    parser.add_argument("words", nargs="*")
    for read in (parser.parse, parser.parse_head, parser.check):
        try:
            read(line)
        except UsageError as error:
            assert "\n" not in str(error)


def test_help_is_printed_with_examples_and_nothing_is_raised(parser, capsys):
    options = parser.parse("--help --mode nonsense")
    shown = capsys.readouterr().out
    assert options.help
    assert options.mode == "standard"
    assert "%%kosmos_try --mode light" in shown
    assert "How closely." in shown


def test_a_list_may_be_given_in_parts_and_words_of_no_option_may_be_offered(parser):
    assert parser.parse("--among a,b --among=c").among == ["a", "b", "c"]
    assert parser.parse("").among is None
    parser.offer("", lambda names, words: [name for name in names if name not in words])
    assert candidates("%kosmos_try d", {"kosmos_try": parser}.get, {"df": 1, "x": 2}) == ["df"]
    assert candidates("%kosmos_try --quiet ", {"kosmos_try": parser}.get, {"df": 1}) == ["df"]
    assert candidates("%kosmos_try df d", {"kosmos_try": parser}.get, {"df": 1}) == []


@pytest.mark.parametrize(
    ("accept", "good", "bad"),
    [(between_0_and_1, "0.2", "0 1 -1 nan inf x"), (whole_number_from_zero, "0", "-1 1.5 x ½")],
)
def test_numbers_outside_their_range_are_refused(accept, good, bad):
    assert accept(good) == float(good)
    for text in bad.split():
        with pytest.raises(argparse.ArgumentTypeError, match="is not a"):
            accept(text)


def test_check_neither_prints_nor_raises(parser, capsys):
    assert parser.check("--help") is None
    assert parser.check("--mode nonsense") is None
    assert parser.check("'") is None
    assert parser.check("--mode light").mode == "light"
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("--mode light f('a b')", "f('a b')"),
        ("-o x  it's", "it's"),
        ("--mode='light' SELECT 'a'' b'", "SELECT 'a'' b'"),
        ("-1 + 2", "-1 + 2"),
        ("-- -x", "-x"),
        ("--quiet", ""),
        ('x = {"a": 1}  # --mode', 'x = {"a": 1}  # --mode'),
        ("--quiet 'abc", "'abc"),
    ],
)
def test_the_tail_of_a_line_is_left_as_it_was_typed(parser, line, rest):
    assert parser.parse_head(line)[1] == rest


@given(st.text(alphabet=st.characters(exclude_characters="-", exclude_categories=["Cs"]), min_size=1))
def test_any_tail_that_is_no_option_survives_untouched(tail):
    parser = OptionParser("%kosmos_try", "Try.")
    parser.add_argument("--mode")
    rest = parser.parse_head("--mode light -- " + tail)[1]
    assert rest == tail.lstrip()


def test_what_kosmos_raises_on_purpose_becomes_one_usage_error(parser):
    @documented_by(parser)
    @one_line_errors
    def magic() -> None:
        raise HistoryError("The history\ncannot be read.")

    with pytest.raises(UsageError, match=r"^The history cannot be read\.$"):
        magic()
    assert "usage: %%kosmos_try" in magic.__doc__


def test_errors_that_are_not_ours_pass_the_door_unchanged():
    @one_line_errors
    def magic() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        magic()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("%kosmos_try --mo", ["--mode"]),
        ("r = %kosmos_try --mo", ["--mode"]),
        ("a, b = %kosmos_try --q", ["--quiet"]),
        ("%%kosmos_try --quiet --th", ["--threshold"]),
        ("%%kosmos_try --mode ", ["light", "standard"]),
        ("%%kosmos_try --mode st", ["standard"]),
        ("%%kosmos_try --mode=st", ["standard"]),
        ("%%kosmos_try --among te", ["tea", "ten"]),
        ("%%kosmos_try --among tea,te", ["ten"]),
        ("%%kosmos_try --among=ten,", ["tea", "'two words'"]),
        ("%%kosmos_try --quiet te", None),
        ("%%kosmos_try --output ", None),
        ("%%kosmos_try -- --mo", None),
        ("%kosmos_other --mo", None),
        ("x % kosmos_try --mo", None),
        ("print('%kosmos_try')", None),
    ],
)
def test_tab_offers_what_can_stand_there(parser, line, offered):
    assert candidates(line, {"kosmos_try": parser}.get) == offered

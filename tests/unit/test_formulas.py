"""The user's own hypotheses: every form is read, and what is none is shown with a caret under the place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kosmos_nb.core import ResearchError
from kosmos_nb.inquiry import Claim
from kosmos_nb.inquiry.formulas import EXAMPLE, formula, parse_claims

NAMES = [*"flipper_length_mm body_mass_g year Sex नाम a|b x X m² tick`s 0".split(), "bill length"]


@pytest.mark.parametrize(
    ("line", "y", "x", "given_", "by", "sign"),
    [
        ("year ~ x", "year", "x", (), "", ""),
        ("year~x", "year", "x", (), "", ""),
        ("  year ~ +x  ", "year", "x", (), "", "+"),
        ("year ~ -x", "year", "x", (), "", "-"),
        ("year ~ − x", "year", "x", (), "", "-"),
        ("year ~ x | Sex", "year", "x", ("Sex",), "", ""),
        ("year ~ x | Sex, `bill length`", "year", "x", ("Sex", "bill length"), "", ""),
        ("year ~ +x | Sex", "year", "x", ("Sex",), "", "+"),
        ("year ~ x * Sex", "year", "x", (), "Sex", ""),
        ("`bill length` ~ `a|b`", "bill length", "a|b", (), "", ""),
        ("`tick``s` ~ 0", "tick`s", "0", (), "", ""),
        ("नाम ~ m²", "नाम", "m²", (), "", ""),
        ("year ~ x | Sex, Sex", "year", "x", ("Sex",), "", ""),
        ("YEAR ~ sex", "year", "Sex", (), "", ""),  # one column fits, whatever the case
    ],
)
def test_every_form_is_read(line, y, x, given_, by, sign):
    (claim,) = parse_claims(line, NAMES)
    assert claim == Claim(y=y, x=x, given=given_, by=by, sign=sign, text=line.strip())


def test_empty_lines_and_comments_are_skipped_and_repeated_claims_merged():
    text = "# mine\n\nyear ~ x  # first\n  \nyear~x\r\nyear ~ x | Sex, 0\nyear ~ x | 0, Sex\nyear ~ +x\n"
    found = parse_claims(text, NAMES)
    assert [claim.text for claim in found] == ["year ~ x", "year ~ x | Sex, 0", "year ~ +x"]


@pytest.mark.parametrize(
    ("line", "said", "place"),
    [
        ("flipper_len ~ year", "no column 'flipper_len'. Did you mean 'flipper_length_mm'?", 0),
        ("year ~ flipper_length", "Did you mean 'flipper_length_mm'?", 7),  # no prefix is taken for the name
        ("year ~ q", "There is flipper_length_mm, body_mass_g, year, Sex, नाम, `a|b`, x, X …", 7),
        ("year ~ year", "on both sides", 7),
        ("year ~ x | year", "'year' stands left of ~ already", 11),
        ("year ~ x | Sex, x", "'x' stands right of ~ already", 16),
        ("year ~ x * x", "'x' stands right of ~ already", 11),
        ("year ~ x * Sex * m²", "one * in a line", 15),
        ("year ~ x | Sex * m²", "not used in one line", 15),
        ("year ~ x * Sex | m²", "not used in one line", 15),
        ("year ~ +x * Sex", "leave one of them out", 10),
        ("year ~ x + Sex", "year ~ x | z, w", 9),
        ("year ~ bill length", "goes into backticks: `bill length`", 7),
        ("bill length ~ year", "goes into backticks: `bill length`", 0),
        ("year ~ x | a|b", "goes into backticks: `a|b`", 11),
        ("year", "Expected '~', not the end of the line", 4),
        ("year Sex", "Expected '~', not 'Sex'", 5),
        ("~ year", "Expected a column, not '~'", 0),
        ("year ~", "not the end of the line", 6),
        ("year ~ +", "Expected a column, not the end of the line", 8),
        ("year ~ ++x", "Expected a column, not '+'", 8),
        ("year ~ x |", "Expected a column, not the end of the line", 10),
        ("year ~ x | Sex,", "Expected a column, not the end of the line", 15),
        ("year ~ x | Sex m²", "Expected ',' or the end of the line, not 'm²'", 15),
        ("year ~ x, Sex", "not ','", 8),
        ("year = x", "write y ~ x", 5),
        ("year ~ x:Sex", "write y ~ x * z", 8),
        ("log(year) ~ x", "no functions here", 3),
        ("year ~ x % 2", "goes into backticks", 9),
        ("`year ~ x", "opened and not closed", 0),
        ("`` ~ x", "no name between the backticks", 0),
        ("`Bill` ~ x", "no column 'Bill'", 0),
    ],
)
def test_what_is_no_hypothesis_is_shown_with_a_caret_under_the_place(line, said, place):
    with pytest.raises(ResearchError) as caught:
        parse_claims(f"year ~ x\n{line}", NAMES)
    first, shown, caret = str(caught.value).split("\n")
    assert first.startswith("Line 2: ")
    assert said in first
    assert shown == f"    {line.rstrip()}"
    assert caret == " " * (4 + place) + "^"


def test_an_accent_put_together_otherwise_is_the_same_name():
    (claim,) = parse_claims("\u00e9 ~ x", ["e\u0301", "x"])
    assert claim.y == "e\u0301"


def test_a_name_in_another_case_that_fits_two_columns_is_not_guessed():
    with pytest.raises(ResearchError, match="'name' may be 'Name' or 'NAME'; write it as the column"):
        parse_claims("name ~ x", ["Name", "NAME", "x"])


@pytest.mark.parametrize("text", ["", "\n\n", "# y ~ x"])
def test_nothing_to_test_is_an_error_and_never_all_pairs(text):
    with pytest.raises(ResearchError, match="no hypothesis here") as caught:
        parse_claims(text, NAMES)
    assert EXAMPLE in str(caught.value)


def test_of_a_long_line_the_part_around_the_place_is_shown():
    line = " " * 200 + "year ~ x | " + "Sex, " * 50 + "zzz, " + "Sex, " * 50
    with pytest.raises(ResearchError, match="no column 'zzz'") as caught:
        parse_claims(line, NAMES)
    _, shown, caret = str(caught.value).split("\n")
    assert len(shown) < 100
    assert shown[caret.index("^") :].startswith("zzz")


def test_characters_that_could_move_a_terminals_cursor_are_not_shown():
    with pytest.raises(ResearchError) as caught:
        parse_claims("year ~ \x1b[2J\u202ex", NAMES)
    assert not set("\x1b\u202e") & set(str(caught.value))


names = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=12)


@given(st.lists(names, min_size=2, max_size=6, unique=True), st.sampled_from(["", "+", "-"]), st.booleans())
def test_any_claim_that_is_written_is_read_back(columns, sign, is_interaction):
    y, x, *others = columns
    given_ = () if is_interaction else tuple(sorted(others))
    by = others[0] if others and is_interaction else ""
    claim = Claim(y=y, x=x, given=given_, by=by, sign="" if by else sign)
    (read,) = parse_claims(formula(claim), columns)
    assert (read.y, read.x, read.given, read.by, read.sign) == (y, x, given_, by, claim.sign)


@given(st.text(max_size=60))
def test_any_text_is_read_or_is_one_clear_error(text):
    try:
        parse_claims(text, NAMES)
    except ResearchError as error:
        assert str(error).count("\n") in (0, 2)

"""Which hypotheses a table gives rise to, by the kinds of its columns and nothing else.

The list is fixed before any outcome is looked at. All pairs are asked; of the families that take three
columns, or two tests a pair, only as many as a rule allows that looks at the number of columns alone.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kosmos_nb.history.records import Family, Hypothesis, Sign
from kosmos_nb.inquiry.columns import Column
from kosmos_nb.inquiry.design import Design
from kosmos_nb.inquiry.question import Claim, Question
from kosmos_nb.inquiry.target import matches

# Hypotheses of a family beyond the pairs; where there would be more, those about a target are asked, or none.
MOST: Mapping[Family, int] = {"non_monotone": 2_000, "conditional": 400, "interaction": 400}
MANY = 5_000
WIDE = 600  # columns; of more, no more pairs are listed than are asked for
# Pairs come first, then these.
TURNS: tuple[Family, ...] = (
    "association", "trend", "non_monotone", "conditional", "interaction", "spread", "lag", "survival"
)  # fmt: skip
Pair = tuple[Column, Column]  # x and y


@dataclass(frozen=True, slots=True)
class Proposal:
    """The hypotheses of a run, in the order in which they are tested.

    Attributes:
        hypotheses: Named H1, H2, …
        signs: What the user claims, by id.
        notes: What was left out, in sentences.
    """

    hypotheses: tuple[Hypothesis, ...]
    signs: Mapping[str, Sign] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def propose(design: Design, question: Question, target: str) -> Proposal:
    """Return the hypotheses of a run.

    Args:
        design: Columns, and how the rows hang together.
        question: What the user asked.
        target: Column that the run is about, empty for none.
    """
    if question.claims:
        return _numbered([_of_claim(claim, design) for claim in question.claims], question, (), target)
    aside = {design.unit, design.time} - {""}
    columns = [column for column in design.columns if column.name not in aside]
    is_only = question.target is not None
    found: list[Hypothesis] = []
    notes: Sequence[str] = ()
    most = question.cap if len(columns) > WIDE else None
    pairs = list(_pairs(columns, target, is_only=is_only, most=most))
    if question.control:
        free = [(x, y) for x, y in pairs if not {x.name, y.name} & set(question.control)]
        found += [_hypothesis("conditional", x, y, question.control) for x, y in free]
    else:
        found += [_hypothesis(_family_of_pair(x, y), x, y) for x, y in pairs]
        found += _trends(design, columns, target if is_only else "")
        more, notes = _beyond_pairs(columns, pairs, target)
        found += more
    found += _requested(design, columns, pairs, question.families)
    return _numbered([(one, "") for one in found], question, notes, target)


def _numbered(
    found: Sequence[tuple[Hypothesis, Sign]], question: Question, notes: Iterable[str], target: str
) -> Proposal:
    """Put pairs first, of these the target's, then those of which the question speaks; number them."""
    names = {name for one, _ in found for name in (one.x, one.y, *one.given)}
    spoken = matches(question.text, sorted(names))
    said = list(notes)

    def place(claimed: tuple[Hypothesis, Sign]) -> tuple[int, bool, int]:
        one = claimed[0]
        named = sum(spoken[name] for name in (one.x, one.y, *one.given))
        return TURNS.index(one.family) if one.family in TURNS else 0, target not in (one.x, one.y), -named

    ordered = list(found) if question.claims else sorted(found, key=place)
    if question.cap is not None and question.cap < len(ordered):
        taken = f"{question.cap:,} of {len(ordered):,} possible hypotheses were taken"
        said.append(f"{taken}, before any outcome was seen")
        ordered = ordered[: question.cap]
    if len(ordered) > MANY:
        said.append(
            f"{len(ordered):,} hypotheses are many; a target, or a number of hypotheses, makes them fewer"
        )
    named = [(dataclasses.replace(one, id=f"H{n}"), sign) for n, (one, sign) in enumerate(ordered, start=1)]
    signs: dict[str, Sign] = {one.id: sign for one, sign in named if sign}
    return Proposal(tuple(one for one, _ in named), signs, tuple(said))


def _of_claim(claim: Claim, design: Design) -> tuple[Hypothesis, Sign]:
    by_name = {column.name: column for column in design.columns}
    x, y = by_name[claim.x], by_name[claim.y]
    if claim.by:
        return _hypothesis("interaction", x, y, (claim.by,), claim.sign), claim.sign
    if claim.given:
        return _hypothesis("conditional", x, y, claim.given, claim.sign), claim.sign
    if design.time in (x.name, y.name):
        x, y = (x, y) if x.name == design.time else (y, x)
        return _hypothesis("trend", x, y, (), claim.sign), claim.sign
    family = _family_of_pair(x, y)
    if family == "group_difference" and x.kind != "category":
        x, y = y, x
    return _hypothesis(family, x, y, (), claim.sign), claim.sign


def _pairs(columns: Sequence[Column], target: str, *, is_only: bool, most: int | None) -> Iterator[Pair]:
    """Yield the pairs about the target, then the others; no more than are asked for."""
    about = [column for column in columns if column.name == target]
    rest = [column for column in columns if column.name != target]
    first = (sorted((one, other), key=columns.index) for one in about for other in rest)
    others = () if is_only else itertools.combinations(rest, 2)
    for a, b in itertools.islice(itertools.chain(first, others), most):
        yield _oriented(a, b, target)


def _oriented(first: Column, second: Column, target: str) -> Pair:
    """Return x and y: a group is x; else the target is y, or the later column."""
    if {first.kind, second.kind} == {"category", "numeric"}:
        return (first, second) if first.kind == "category" else (second, first)
    return (second, first) if first.name == target else (first, second)


def _family_of_pair(x: Column, y: Column) -> Family:
    kinds = {x.kind, y.kind}
    if kinds == {"category"}:
        return "category_association"
    return "group_difference" if kinds == {"category", "numeric"} else "association"


def _trends(design: Design, columns: Sequence[Column], only: str) -> list[Hypothesis]:
    if not design.time:
        return []
    moment = next(column for column in design.columns if column.name == design.time)
    numeric = [column for column in columns if column.kind == "numeric" and only in ("", column.name)]
    return [_hypothesis("trend", moment, column) for column in numeric]


def _beyond_pairs(
    columns: Sequence[Column], pairs: Sequence[Pair], target: str
) -> tuple[list[Hypothesis], list[str]]:
    """Return the hypotheses beyond the pairs, as many as are allowed, and a sentence on what is left out.

    Those of three columns are about the target, where there is one.
    """
    usable = [column for column in columns if column.kind != "unusable"]
    tested = [pair for pair in pairs if "unusable" not in (pair[0].kind, pair[1].kind)]
    about = [pair for pair in tested if target in (pair[0].name, pair[1].name)]
    outcomes = [y for y in usable if y.kind == "numeric" or len(y.levels) == 2]
    aimed = [y for y in outcomes if y.name == target]
    n = len(usable)
    bends = [pair for pair in tested if pair[0].kind == pair[1].kind == "numeric"]
    possible: dict[Family, tuple[int, int]] = {  # in all, and about the target
        "non_monotone": (len(bends), sum(target in (x.name, y.name) for x, y in bends)),
        "conditional": (len(about or tested) * (n - 2), len(about) * (n - 2)),
        "interaction": (len(aimed or outcomes) * math.comb(n - 1, 2), len(aimed) * math.comb(n - 1, 2)),
    }
    found: list[Hypothesis] = []
    notes = []
    for family, (in_all, of_target) in possible.items():
        fits = in_all <= MOST[family]
        if not fits:
            kept = min(of_target, MOST[family])
            which = f"only {kept:,} about {target} are" if kept else "none is"
            notes.append(f"{in_all:,} hypotheses of the family {family} are too many: {which} asked")
        asked: Iterator[Hypothesis]
        if family == "non_monotone":
            asked = _bends(bends if fits else [pair for pair in bends if pair in about])
        elif family == "conditional":
            asked = _conditionals(usable, about or (tested if fits else ()))
        else:
            asked = _interactions(usable, aimed or (outcomes if fits else ()))
        found += itertools.islice(asked, MOST[family])
    return found, notes


def _bends(pairs: Iterable[Pair]) -> Iterator[Hypothesis]:
    for x, y in pairs:
        yield _hypothesis("non_monotone", x, y)


def _conditionals(columns: Sequence[Column], pairs: Iterable[Pair]) -> Iterator[Hypothesis]:
    for x, y in pairs:
        for z in columns:
            if z.name not in (x.name, y.name):
                yield _hypothesis("conditional", x, y, (z.name,))


def _interactions(columns: Sequence[Column], outcomes: Iterable[Column]) -> Iterator[Hypothesis]:
    """Yield whether the relation of y to x depends on z; which of two is called z makes no difference."""
    for y in outcomes:
        for x, z in itertools.combinations([column for column in columns if column.name != y.name], 2):
            yield _hypothesis("interaction", x, y, (z.name,))


def _requested(
    design: Design, columns: Sequence[Column], pairs: Iterable[Pair], families: Sequence[Family]
) -> list[Hypothesis]:
    found: list[Hypothesis] = []
    numeric = [(x, y) for x, y in pairs if y.kind == "numeric" and x.kind != "unusable"]
    if "spread" in families:
        found += [_hypothesis("spread", x, y) for x, y in numeric]
    if "lag" in families:
        both = [(x, y) for x, y in numeric if x.kind == "numeric"]
        found += [_hypothesis("lag", x, y) for pair in both for x, y in (pair, pair[::-1])]
    if "survival" in families:
        by_name = {column.name: column for column in design.columns}
        for notice in design.notices:
            if notice.code == "censored" and len(notice.columns) == 2:
                duration, event = (by_name[name] for name in notice.columns)
                others = [c for c in columns if c.kind != "unusable" and c not in (duration, event)]
                found += [_hypothesis("survival", x, duration, (event.name,)) for x in others]
    return found


def _hypothesis(
    family: Family, x: Column, y: Column, given: tuple[str, ...] = (), sign: Sign = ""
) -> Hypothesis:
    with_ = ", ".join(given)
    statement = {
        "group_difference": f"{y.name} differs between the levels of {x.name}",
        "trend": f"{y.name} changes over {x.name}",
        "conditional": f"{y.name} is associated with {x.name}, given {with_}",
        "interaction": f"the relation of {y.name} to {x.name} depends on {with_}",
        "non_monotone": f"{y.name} turns round along {x.name}",
        "spread": f"the spread of {y.name} differs with {x.name}",
        "lag": f"{y.name} follows {x.name} later",
        "survival": f"{y.name} until {with_} differs with {x.name}",
    }.get(family, f"{y.name} is associated with {x.name}")
    claimed = f" ({'positively' if sign == '+' else 'negatively'}, as claimed)" if sign else ""
    return Hypothesis(id="", statement=statement + claimed, family=family, x=x.name, y=y.name, given=given)

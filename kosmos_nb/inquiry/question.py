"""What the user wants to know, and by which standard."""

from __future__ import annotations

from dataclasses import dataclass

from kosmos_nb.history.records import Family, Sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A hypothesis of the user's own: one line of a cell.

    Attributes:
        y, x: Columns.
        given: Columns held fixed: `y ~ x | z`.
        by: Column that may change the relation: `y ~ x * z`; empty where there is none.
        sign: What the user expects: `y ~ +x`; empty for either.
        text: The line as it was written.
    """

    y: str
    x: str
    given: tuple[str, ...] = ()
    by: str = ""
    sign: Sign = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the design of the data and the standard of the answer.

    Attributes:
        text: The question in words; may be empty.
        target: Column that the run is about; None: as the question names it.
        claims: The user's own hypotheses; with any, only these are tested.
        cap: Most hypotheses to test; None for all.
        alpha: False discovery rate. smallest: Smallest effect of interest. seed: Of permutations.
        unit: Column that tells which rows belong to the same subject; None: as the screens find.
        time: Column that orders the rows; None: as the screens find.
        control: Columns that every test of two others holds fixed.
        ignore: Columns left out.
        reference: Level that the others of its column are compared with, `LEVEL` or `COLUMN=LEVEL`.
        allow: Caveat codes that do not cap a verdict.
        families: Families beyond the usual ones: spread, lag, survival.
        split: Look on one half of the rows, confirm on the other.
    """

    text: str = ""
    target: str | None = None
    claims: tuple[Claim, ...] = ()
    cap: int | None = None
    alpha: float = 0.05
    smallest: float = 0.1
    seed: int = 0
    unit: str | None = None
    time: str | None = None
    control: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    reference: str | None = None
    allow: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    split: bool = False

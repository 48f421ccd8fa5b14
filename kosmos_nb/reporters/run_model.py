"""What a run says, as plain words and rows: the one source of its text, HTML, board and terminal."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kosmos_nb.core import units
from kosmos_nb.history.records import ENDED, Progress, Run, RunSnapshot, Verdict
from kosmos_nb.reporters import words
from kosmos_nb.reporters.answer import answer
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.numbers import digits_for, effect_words, finite
from kosmos_nb.reporters.places import short_id

QUESTION_CHARACTERS = 400
STATEMENT_CHARACTERS = 160
COLUMN_CHARACTERS = 60
REASON_CHARACTERS = 300
NOTE_CHARACTERS = 300
MOST_NOTES = 12
MOST_CAVEATS = 12

# What a board that cannot show every row shows first, by state.
URGENCY: Mapping[str, int] = {"running": 0, "failed": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One hypothesis as the views show it.

    Attributes:
        id, statement: Of the hypothesis; formula: the same as `y ~ x`, for narrow places.
        state: Its state; key: what the board filters by; group: 0 for those about the target.
        sign: Mark, word and tone of its verdict, else of its state.
        detail: Beside the word: seconds of a running test.
        effect, low, high: To draw; None where there is nothing.
        effect_text, interval_text, raw_text: The same in words, and in the data's own units.
        p, p_adj: Formatted; n: rows tested, 0 for none.
        in_doubt: Supported, but with a caveat that may explain it.
        smallest: Half the width of its band of effects too small to matter.
        caveats: Codes. reason: In plain words.
    """

    id: str
    statement: str
    formula: str
    state: str
    key: str
    group: int
    sign: words.Sign
    detail: str
    elapsed_s: float | None
    effect: float | None
    low: float | None
    high: float | None
    effect_text: str
    interval_text: str
    raw_text: str
    p: str
    p_adj: str
    n: int
    in_doubt: bool
    smallest: float
    caveats: tuple[str, ...]
    reason: str

    @property
    def why(self) -> str:
        """Caveats and reason in one line."""
        return " · ".join(part for part in (", ".join(self.caveats), self.reason) if part)

    @property
    def picture(self) -> str:
        """What the row's forest plot says in words."""
        if not self.effect_text:
            return "no effect measured"
        return f"effect {self.effect_text}" + (
            f", interval {self.interval_text}" if self.interval_text else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunModel:
    """All that the views of a run show.

    Attributes:
        question, answer, error: Sentences; `answer` says what was found so far.
        data: Name, rows, target and seed of the data.
        status: `28 of 28 done`, with the estimate of the time left.
        done, total: Hypotheses that need no more test, and all.
        counts: Verdicts and states: filter key, word, number; nothing that is zero.
        rows: Sorted as `order` says; as many as were wanted.
        groups: Heading of each group of rows.
        order: In words, how the rows are sorted.
        legend, cost, foot, notes: The fine print.
        caveats: Codes that occur and what they mean.
    """

    question: str
    answer: str
    error: str
    data: str
    status: str
    running: bool
    done: int
    total: int
    counts: tuple[tuple[str, str, int], ...]
    rows: tuple[RunRow, ...]
    groups: tuple[str, ...]
    order: str
    legend: tuple[str, ...]
    cost: tuple[tuple[str, str], ...]
    foot: tuple[str, ...]
    notes: tuple[str, ...]
    caveats: tuple[tuple[str, str], ...]


def run_model(snapshot: RunSnapshot, most: int | None = None, *, urgent_first: bool = False) -> RunModel:
    """Return what the views of `snapshot` show.

    A wide run has tens of thousands of hypotheses: rows are chosen before any is put into words.

    Args:
        snapshot: The run.
        most: Rows that are wanted: the first ones in the order of the table; None for all.
        urgent_first: Choose running and failed ones before others; the order stays.
    """
    run = snapshot.run
    rows = tuple(_row(progress, run) for progress in _chosen(snapshot, most, urgent_first))
    codes = dict.fromkeys(code for row in rows for code in row.caveats)
    about = f"About {clean(run.target, COLUMN_CHARACTERS)}"
    grouped = bool(run.target) and {_group(progress, run.target) for progress in snapshot.progress} == {0, 1}
    done, total = snapshot.tested, len(snapshot.progress)
    return RunModel(
        question=clean(run.question, QUESTION_CHARACTERS) or "Research run",
        answer=answer(snapshot),
        error=clean(run.error, REASON_CHARACTERS) if run.error else "",
        data=_data(run),
        status=_status(snapshot, done, total),
        running=run.status == "running",
        done=done,
        total=total,
        counts=_counts(snapshot.progress),
        rows=rows,
        groups=(about, "Between the other columns") if grouped else ("Hypotheses", "Hypotheses"),
        order=("those about the target first; " if grouped else "") + "supported first, the strongest on top",
        legend=_legend(snapshot),
        cost=_cost(run),
        foot=_foot(run),
        notes=tuple(clean(note, NOTE_CHARACTERS) for note in run.notes[:MOST_NOTES]),
        caveats=tuple((code, words.CAVEATS.get(code, "")) for code in codes)[:MOST_CAVEATS],
    )


def _chosen(snapshot: RunSnapshot, most: int | None, urgent_first: bool) -> list[Progress]:
    """Return the hypotheses to show, in the order of the table."""
    target = snapshot.run.target

    def place(progress: Progress) -> tuple[int, int, bool, float, tuple[int, str]]:
        return _place(progress, target)

    def need(progress: Progress) -> tuple[int, tuple[int, int, bool, float, tuple[int, str]]]:
        return URGENCY.get(progress.state, len(URGENCY)), place(progress)

    if most is None or most >= len(snapshot.progress):
        return sorted(snapshot.progress, key=place)
    if urgent_first:
        return sorted(heapq.nsmallest(most, snapshot.progress, key=need), key=place)
    return heapq.nsmallest(most, snapshot.progress, key=place)


def _place(progress: Progress, target: str) -> tuple[int, int, bool, float, tuple[int, str]]:
    """Where a row stands: group, verdict, strength, then the number in its id."""
    verdict, name = progress.verdict, progress.hypothesis.id
    sign = words.STATES[progress.state] if verdict is None else words.VERDICTS[verdict.verdict]
    effect = finite(progress.effect if verdict is None else verdict.effect)
    digits = name[1:10]
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    has_third = bool(progress.hypothesis.given)  # says more of a relation that is told above
    return _group(progress, target), sign.rank, has_third, -abs(effect or 0.0), (number, name)


def _group(progress: Progress, target: str) -> int:
    """Return 0 for what is about the target, 1 for the others."""
    return int(bool(target) and target not in (progress.hypothesis.x, progress.hypothesis.y))


def _row(progress: Progress, run: Run) -> RunRow:
    hypothesis, verdict = progress.hypothesis, progress.verdict
    source: Verdict | Progress = progress if verdict is None else verdict
    effect, low, high = finite(source.effect), finite(source.ci_low), finite(source.ci_high)
    metric = words.metric(verdict.effect_metric) if verdict else ""
    directed = verdict is None or bool(verdict.sign) or metric in words.DIRECTED

    digits = digits_for(low, high)

    def show(value: float) -> str:
        return effect_words(value, directed=directed, digits=digits)

    reason = clean(verdict.reason if verdict and verdict.reason else progress.reason, REASON_CHARACTERS)
    elapsed = finite(progress.wall_s) if progress.state == "running" else None
    return RunRow(
        id=clean(hypothesis.id, 20),
        statement=clean(hypothesis.statement, STATEMENT_CHARACTERS),
        formula=clean(f"{hypothesis.y} ~ {hypothesis.x}", STATEMENT_CHARACTERS),
        state=progress.state,
        key=_key(progress),
        group=_group(progress, run.target),
        sign=words.STATES[progress.state] if verdict is None else words.VERDICTS[verdict.verdict],
        detail="" if elapsed is None else units.seconds(elapsed),
        elapsed_s=elapsed,
        effect=effect,
        low=low,
        high=high,
        effect_text=" ".join(part for part in (metric, show(effect)) if part) if effect is not None else "",
        interval_text="" if low is None or high is None else f"[{show(low)}, {show(high)}]",
        raw_text=_raw(verdict),
        p=units.p_value(verdict.p) if verdict else "",
        p_adj=units.p_value(verdict.p_adj) if verdict else "",
        n=verdict.n if verdict else 0,
        in_doubt=_in_doubt(verdict),
        smallest=words.smallest_of(metric, run.smallest),
        caveats=tuple(clean(code, 30) for code in verdict.caveats[:MOST_CAVEATS]) if verdict else (),
        reason=reason,
    )


def _raw(verdict: Verdict | None) -> str:
    value = finite(verdict.effect_raw) if verdict else None
    if verdict is None or value is None:
        return ""
    is_change = bool(verdict.sign) and verdict.family != "survival"  # a range or a ratio has no sign
    number = units.number(value, 3, is_signed=is_change).replace(",", "\u202f")
    return f"{number} {clean(verdict.unit, COLUMN_CHARACTERS)}".rstrip()


def _in_doubt(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.verdict == "supported" and words.is_doubtful(verdict.caveats)


def _key(progress: Progress) -> str:
    if progress.verdict is not None:
        return progress.verdict.verdict
    if progress.state in ("failed", "dropped", "skipped"):
        return progress.state
    return "running" if progress.state in ("running", "measured", "analysed", "verdict") else "waiting"


def _counts(everyone: Sequence[Progress]) -> tuple[tuple[str, str, int], ...]:
    found = Counter(map(_key, everyone))
    names = {name: sign.word for name, sign in words.VERDICTS.items()}
    for key in ("running", "waiting", "failed", "dropped", "skipped"):
        names[key] = key  # type: ignore[index]
    return tuple((key, word, found[key]) for key, word in names.items() if found[key])


def _data(run: Run) -> str:
    target = f"target {clean(run.target, COLUMN_CHARACTERS)}" if run.target else ""
    shape = f"{units.counted(run.n_rows, 'row')} × {units.counted(run.n_columns, 'column')}"
    name = clean(run.data_name, COLUMN_CHARACTERS)
    return " · ".join(part for part in (name, shape, target, f"seed {run.seed}") if part)


def _status(snapshot: RunSnapshot, done: int, total: int) -> str:
    if snapshot.run.status != "running":
        return snapshot.run.status if done == total else f"{snapshot.run.status}, {done} of {total} judged"
    eta_s = finite(snapshot.eta_s)
    left = "" if eta_s is None else f"about {units.seconds(eta_s)} left"
    return " · ".join(part for part in (clean(snapshot.step, 80) or "running", left) if part)


def _legend(snapshot: RunSnapshot) -> tuple[str, ...]:
    run = snapshot.run
    tests = sum(verdict.p is not None for verdict in snapshot.verdicts)
    used = dict.fromkeys(words.metric(v.effect_metric) for v in snapshot.verdicts if v.effect_metric)
    names = "; ".join(f"{sign}: {words.METRIC_NAMES[sign]}" for sign in used if sign in words.METRIC_NAMES)
    return tuple(
        part
        for part in (
            f"smallest effect of interest ±{run.smallest:g}{_scaled(used, run.smallest)}",
            f"alpha {run.alpha:g}",
            _corrected(snapshot) if tests else "",
            names,
            words.NOT_CAUSES,
        )
        if part
    )


def _corrected(snapshot: RunSnapshot) -> str:
    """Say over what p was corrected: every registered hypothesis, tested or not."""
    untested = sum(p.state in ENDED and (p.verdict is None or p.verdict.p is None) for p in snapshot.progress)
    without = f" ({units.count(untested)} without a test count as p = 1)" if untested else ""
    return f"p corrected by BH over {units.count(len(snapshot.progress))} hypotheses{without}"


def _scaled(signs: Iterable[str], smallest: float) -> str:
    """Name the metrics on which the smallest effect of interest is another number."""
    scaled = {sign: words.smallest_of(sign, smallest) for sign in signs}
    told = [f"{sign} {value:.2g}" for sign, value in scaled.items() if value != smallest]
    return f" ({', '.join(told)})" if told else ""


def _cost(run: Run) -> tuple[tuple[str, str], ...]:
    step = clean(run.slowest_step, 60)
    facts = [("wall", units.seconds(run.wall_s)), ("CPU", units.seconds(run.cpu_s))]
    if run.peak_bytes:
        facts.append(("peak memory", units.size(run.peak_bytes)))
    if step:
        facts.append(("slowest step", f"{step}, {units.seconds(run.slowest_step_s)}"))
    return (*facts, ("workers", str(run.workers) if run.workers else "none, in this process"))


def _foot(run: Run) -> tuple[str, ...]:
    versions = ", ".join(f"{clean(k, 20)} {clean(v, 20)}" for k, v in list(run.versions.items())[:8])
    data = f"data {clean(run.data_hash, 12).rstrip('…')}" if run.data_hash else ""
    return tuple(part for part in (f"run {short_id(clean(run.id))}", data, versions) if part)

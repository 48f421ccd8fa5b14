"""The order of a run: read and screen, propose, register, test concurrently, stress, correct, conclude."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kosmos_nb.core import ResearchError
from kosmos_nb.execution import ExperimentTask, ParallelExperimentExecutor
from kosmos_nb.history.records import Hypothesis, Sign
from kosmos_nb.inquiry import work
from kosmos_nb.inquiry.correction import adjust
from kosmos_nb.inquiry.design import Design
from kosmos_nb.inquiry.families import propose
from kosmos_nb.inquiry.intervals import selected_level
from kosmos_nb.inquiry.judge import Context, Standard, is_finding, is_line_alone, judge, not_testable
from kosmos_nb.inquiry.ledger import Ledger
from kosmos_nb.inquiry.measurement import How, Measurement, Test, Untestable, canonical_key
from kosmos_nb.inquiry.notices import Concerns
from kosmos_nb.inquiry.question import Question
from kosmos_nb.inquiry.reading_task import Reading
from kosmos_nb.inquiry.registration import register
from kosmos_nb.inquiry.stress_task import Ordeal, Stressed
from kosmos_nb.inquiry.workbench import Workbench

PREPARE_FROM_ROWS = 5_000
COLUMNS_AT_ONCE = 8
# Findings that are stressed, the strongest first; each takes up to a tenth of a second.
MOST_STRESSED = 1_000
DISCOVERED = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run was asked to do.

    Attributes:
        reading: Where the user's table is, and what the user says of it.
        question: What to find out; target: the column that it is about, or empty.
        data_hash: Of the table.
    """

    reading: Reading
    question: Question
    target: str
    data_hash: str

    @property
    def standard(self) -> Standard:
        """What findings are held to."""
        asked = self.question
        return Standard(alpha=asked.alpha, smallest=asked.smallest, allow=frozenset(asked.allow))


class _StoppedError(Exception):
    """The run was cancelled while the data were read."""


class ResearchDirector:
    """Schedules one run: what is done when, and nothing else.

    Args:
        request: What was asked.
        executor: Where everything is computed.
        ledger: Where every step is entered.
        stop: Set it to end the run early; the executor's tasks are cancelled by who sets it.
    """

    def __init__(
        self, request: Request, executor: ParallelExperimentExecutor, ledger: Ledger, stop: threading.Event
    ) -> None:
        self._request = request
        self._executor = executor
        self._ledger = ledger
        self._stop = stop
        self._bench = Workbench(executor, stop)
        self._signs: Mapping[str, Sign] = {}

    def conduct(self) -> None:
        """Carry the run through to its verdicts, or as far as it gets before `stop`."""
        ledger = self._ledger
        is_cold = len(self._executor.snapshot().worker_pids) < self._executor.max_workers
        self._executor.warm(work.IMPORTS)
        with ledger.step("starting the workers and reading" if is_cold else "reading and screening"):
            try:
                designs = self._read()
            except _StoppedError:
                return
        with ledger.step("registering"):
            testable = self._register(designs[0])
        if len(designs) > 1:
            with ledger.step("looking at the first half", is_testing=True):
                testable = self._discover(designs, testable)
        with ledger.step("testing", is_testing=True):
            self._prepare(designs[-1], testable.values())
            measured = self._measure(testable, designs[-1])
        with ledger.step("stressing the findings"):
            stressed, unchecked = self._stress(designs[-1], testable, measured)
        with ledger.step("concluding"):
            self._conclude(designs[-1], measured, stressed, unchecked)

    def cancel(self) -> None:
        """End what is under way; `conduct` then concludes from what was measured."""
        self._bench.cancel()

    def _read(self) -> tuple[Design, ...]:
        """Return the design of the whole table, or of its two halves."""
        task = ExperimentTask("read", work.read, (self._request.reading,))
        for result in self._bench.results([task]):
            if result.status != "ok":
                raise ResearchError(f"The data could not be read: {result.error}")
            designs: tuple[Design, ...] = result.value
            self._ledger.note(designs[0].dropped)
            n_rows = sum(design.rows.n_rows for design in designs)
            self._ledger.describe(n_rows=n_rows, n_columns=len(designs[0].columns))
            return designs
        raise _StoppedError

    def _register(self, design: Design) -> dict[str, Test]:
        """Propose and register every hypothesis; return the tests of those that can be tested."""
        request, ledger = self._request, self._ledger
        question = request.question
        proposal = propose(design, question, request.target)
        self._signs = proposal.signs
        ledger.note(proposal.notes)
        settings: dict[str, object] = {
            "data_hash": request.data_hash,
            "seed": question.seed,
            "alpha": question.alpha,
            "smallest": question.smallest,
            "unit": design.unit,
            "time": design.time,
            "split": question.split,
        }
        signs = proposal.signs
        ledger.propose(
            [register(one, sign=signs.get(one.id, ""), settings=settings) for one in proposal.hypotheses]
        )
        ledger.advance_all([one.id for one in proposal.hypotheses], "register")
        sizes = ledger.family_sizes()
        testable = {}
        for hypothesis in ledger.in_state("registered"):
            test = self._test(hypothesis, design)
            if isinstance(test, Untestable):
                verdict = not_testable(hypothesis, test, m=sizes[hypothesis.family])
                ledger.advance(hypothesis.id, "rule_out", verdict=verdict)
            else:
                testable[hypothesis.id] = test
        ledger.advance_all(list(testable), "queue")
        return testable

    def _test(self, hypothesis: Hypothesis, design: Design) -> Test | Untestable:
        named = (hypothesis.x, hypothesis.y, *hypothesis.given)
        how = self._how(hypothesis, design)
        source = design.source(how)
        columns = tuple(source.column(name) for name in named)
        bad = [column for column in columns if column.kind == "unusable"]
        if bad:
            return Untestable(
                reason="; ".join(f"{column.name}: {column.reason}" for column in reversed(bad)),
                caveats=tuple(code for column in bad for code in column.caveats),
            )
        question = self._request.question
        return Test(
            hypothesis, source.path, columns[0], columns[1], alpha=question.alpha,
            seed=(question.seed << 48) ^ canonical_key(hypothesis), given=columns[2:], how=how,
        )  # fmt: skip

    def _prepare(self, design: Design, tests: Iterable[Test]) -> None:
        """Sort the numeric columns once, in the workers, where there is enough to sort."""
        if design.rows.n_rows < PREPARE_FROM_ROWS or self._stop.is_set():
            return
        wanted: dict[str, dict[str, None]] = {}
        for test in tests:
            for column in (test.x, test.y):
                if column.kind == "numeric":
                    wanted.setdefault(test.path, {})[column.name] = None
        tasks = [
            ExperimentTask(
                f"sort {path} {begin}", work.prepare, (path, names[begin : begin + COLUMNS_AT_ONCE])
            )
            for path, names in ((path, tuple(names)) for path, names in wanted.items())
            for begin in range(0, len(names), COLUMNS_AT_ONCE)
        ]
        for _ in self._bench.results(tasks):
            pass  # a column that could not be sorted ahead is sorted by the test that needs it

    def _discover(self, designs: tuple[Design, ...], testable: dict[str, Test]) -> dict[str, Test]:
        """Look at the first half; return the tests on the second half of what shows there."""
        ledger = self._ledger
        look, confirm = designs
        self._prepare(look, testable.values())
        kept: dict[str, Test] = {}
        sizes = ledger.family_sizes()
        for block, result in self._bench.blocks(testable, look.rows.n_rows):
            for test, (found, _) in zip(block.tests, result.value or (), strict=False):
                hypothesis = test.hypothesis
                if isinstance(found, Measurement) and found.p <= DISCOVERED:
                    again = self._test(hypothesis, confirm)
                    if isinstance(again, Test):
                        kept[hypothesis.id] = again
                        continue
                if isinstance(found, Measurement):
                    seen = f"p = {found.p:.2g} on the first half, {found.n:,} rows"
                    why = Untestable(reason=f"it was not confirmed, as {seen} gave no reason to", n=found.n)
                    verdict = replace(
                        not_testable(hypothesis, why, m=sizes[hypothesis.family]), verdict="inconclusive"
                    )
                    ledger.advance(hypothesis.id, "drop", verdict=verdict)
                else:
                    why = found if isinstance(found, Untestable) else Untestable(reason="the test failed")
                    verdict = not_testable(hypothesis, why, m=sizes[hypothesis.family])
                    ledger.advance(hypothesis.id, "drop", verdict=verdict)
        ledger.note([f"{len(kept):,} of {len(testable):,} hypotheses went on to the other half of the rows"])
        return {name: kept[name] for name in testable if name in kept}

    def _measure(self, testable: dict[str, Test], design: Design) -> dict[str, tuple[Measurement, str]]:
        """Carry out the tests concurrently; return what was measured with its experiment's id."""
        ledger = self._ledger
        measured: dict[str, tuple[Measurement, str]] = {}
        sizes = ledger.family_sizes()
        for block, result in self._bench.blocks(testable, design.rows.n_rows, ledger.start):
            answers = result.value if result.status == "ok" else ((None, None),) * len(block.tests)
            names = [test.hypothesis.id for test in block.tests]
            evidence = ledger.add_experiments(result, names, [outcome for _, outcome in answers])
            entered: dict[str, Measurement] = {}
            for test, (value, _), experiment in zip(block.tests, answers, evidence, strict=True):
                hypothesis = test.hypothesis
                if isinstance(value, Measurement):
                    measured[hypothesis.id] = (value, experiment)
                    entered[hypothesis.id] = value
                    continue
                why = value or Untestable(reason=f"the test failed: {result.error}")
                verdict = not_testable(hypothesis, why, m=sizes[hypothesis.family], evidence=experiment)
                ledger.advance(hypothesis.id, "fail" if value is None else "rule_out", verdict=verdict)
            ledger.measured(entered)
        for hypothesis in ledger.in_state("queued", "running"):
            ledger.advance(hypothesis.id, "skip", reason="the run was cancelled before its test ended")
        return measured

    def _stress(
        self, design: Design, testable: dict[str, Test], measured: dict[str, tuple[Measurement, str]]
    ) -> tuple[dict[str, Stressed], dict[str, str]]:
        """Stress what looks like a finding.

        Returns:
            What came out, and for each finding that was not stressed, why.
        """
        corrected, _ = self._corrected(measured)
        standard = self._request.standard
        findings = [
            name
            for name, (found, _) in measured.items()
            if is_finding(found, corrected[name], standard) or is_line_alone(found)
        ]
        findings.sort(key=lambda name: measured[name][0].p)
        unchecked = dict.fromkeys(
            findings[MOST_STRESSED:],
            f"only the {MOST_STRESSED:,} strongest findings were stressed, and this is none of them",
        )
        ordeals = {
            name: Ordeal(test=testable[name], measured=measured[name][0], smallest=standard.smallest)
            for name in findings[:MOST_STRESSED]
        }
        others = {how: design.source(how).columns for how in {one.test.how for one in ordeals.values()}}
        done, failed = self._bench.stress(ordeals, others)
        self._ledger.advance_all([one.id for one in self._ledger.in_state("measured")], "analyse")
        return done, unchecked | failed

    def _conclude(
        self,
        design: Design,
        measured: dict[str, tuple[Measurement, str]],
        stressed: dict[str, Stressed],
        unchecked: dict[str, str],
    ) -> None:
        standard = self._request.standard
        corrected, sizes = self._corrected(measured)
        concerns = Concerns(design.notices)
        n_found = sum(is_finding(found, corrected[name], standard) for name, (found, _) in measured.items())
        level = selected_level(standard.alpha, n_found, sum(sizes.values()))
        verdicts = {}
        for hypothesis in self._ledger.in_state("analysed"):
            measurement, evidence = measured[hypothesis.id]
            how = self._how(hypothesis, design)
            hardened = stressed.get(hypothesis.id, Stressed())
            context = Context(
                p_adj=corrected[hypothesis.id],
                m=sizes[hypothesis.family],
                n_rows=design.source(how).n_rows,
                notices=concerns.about(hypothesis, is_of_subjects=how == "subjects"),
                codes=hardened.codes,
                worries=hardened.sentences,
                unchecked=unchecked.get(hypothesis.id, ""),
                claimed=self._signs.get(hypothesis.id, ""),
                level=level,
                evidence=evidence,
                remark=design.remark,
            )
            verdicts[hypothesis.id] = judge(hypothesis, measurement, context, standard)
        self._ledger.conclude(verdicts)

    def _how(self, hypothesis: Hypothesis, design: Design) -> How:
        """Return on which rows a hypothesis was tested."""
        if hypothesis.family == "trend":
            return "contrasts" if design.unit else "rows"
        named = (hypothesis.x, hypothesis.y, *hypothesis.given)
        return design.how(tuple(design.rows.column(name) for name in named))

    def _corrected(
        self, measured: dict[str, tuple[Measurement, str]]
    ) -> tuple[dict[str, float], dict[str, int]]:
        """Correct for every registered hypothesis but the dropped; those without a test count with p = 1."""
        asked = self._ledger.families()
        p = {name: measured[name][0].p if name in measured else 1.0 for name in asked}
        return adjust(p, asked)

"""Whatever a record holds, its views are drawn, well formed, and within their limits."""

import dataclasses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmos_nb.history import CallNode, Change, DiffNode, LineStat, MemorySnapshot, ProfileDiff
from kosmos_nb.history.records import ColumnSketch, Notice, Rank, Screening
from kosmos_nb.reporters import (
    PROFILE_WIDGET_BYTES,
    RUN_WIDGET_BYTES,
    diff_html,
    diff_page,
    diff_text,
    profile_html,
    profile_page,
    profile_text,
    run_html,
    run_text,
    saved_bytes,
    screen_html,
    screen_text,
)
from kosmos_nb.reporters.columns import width
from kosmos_nb.reporters.markup import Markup, clean, tag
from tests import samples

anything = st.text(st.characters(), max_size=400)
number = st.floats(allow_nan=True, allow_infinity=True)
seconds = st.floats(0, 1e6)
clock = st.floats(-1, 1e6)  # clocks that disagree can leave a little less than nothing
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(anything)
def test_text_in_an_element_comes_back_as_it_was_cleaned(text: str) -> None:
    import html
    import re

    drawn = tag("p", text, title=text)
    assert isinstance(drawn, Markup)
    found = re.fullmatch(r"<p title=('?)(.*?)\1>([^<>]*)</p>", drawn)
    assert found is not None
    assert html.unescape(found[3]) == clean(text)
    assert html.unescape(found[2]) == clean(text)
    drawn.encode()


@quick
@given(anything, anything, st.lists(st.tuples(anything, seconds, seconds), max_size=60), seconds)
def test_any_profile_is_drawn_within_its_limit(
    label: str, note: str, lines: list[tuple[str, float, float]], wall_s: float
) -> None:
    stats = tuple(
        LineStat(line=i + 1, source=source, wall_s=wall, cpu_s=cpu, samples=1)
        for i, (source, wall, cpu) in enumerate(lines)
    )
    result = samples.profile(
        label=label, notes=(note,) * 20, line_stats=stats, wall_s=wall_s, exception_type=note, host=label
    )
    text, html = profile_text(result), profile_html(result)
    assert saved_bytes(text) + saved_bytes(html) + PROFILE_WIDGET_BYTES <= 40_000
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "<script" not in html.lower()


@few
@given(anything, st.lists(st.tuples(anything, clock, clock, clock), min_size=1, max_size=25))
def test_any_detail_of_a_profile_is_drawn_within_its_limit(
    name: str, rows: list[tuple[str, float, float, float]]
) -> None:
    base = samples.full_profile()
    root = samples.node(name, 0.0)
    for text, own, total, cpu in rows:
        root = CallNode(
            name=text,
            file=name,
            line=0,
            self_s=own,
            total_s=total,
            self_cpu_s=cpu,
            samples=1,
            children=(root, samples.node(text, cpu)),
        )
    result = dataclasses.replace(
        base,
        tree=root,
        code="\n".join(text for text, *_ in rows),
        function_stats=tuple(
            dataclasses.replace(
                base.function_stats[0],
                name=text,
                self_s=own,
                total_s=total,
                self_cpu_s=cpu,
                self_error_s=own,
                self_lock_s=cpu,
                self_await_s=total,
            )
            for text, own, total, cpu in rows
        ),
        line_stats=tuple(
            LineStat(line=i + 1, source=text, wall_s=own, cpu_s=cpu, samples=1, error_s=total, lock_s=own)
            for i, (text, own, total, cpu) in enumerate(rows)
        ),
        memory_snapshots=tuple(
            MemorySnapshot(timestamp=own, current_mb=total, peak_mb=total, cpu_s=cpu)
            for _, own, total, cpu in rows
        ),
        bottlenecks=tuple(
            dataclasses.replace(
                base.bottlenecks[0],
                reading=text,
                name=text,
                share=min(1.0, abs(own)),
                share_error=min(1.0, abs(total)),
            )
            for text, own, total, _ in rows
        ),
        children=tuple(
            dataclasses.replace(base.children[0], name=text, cpu_s=cpu) for text, _, _, cpu in rows
        ),
        allocation_sites=tuple(dataclasses.replace(base.allocation_sites[0], name=text) for text, *_ in rows),
    )
    text, html = profile_text(result), profile_html(result)
    assert saved_bytes(text) + saved_bytes(html) + PROFILE_WIDGET_BYTES <= 40_000
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "<script" not in html.lower()
    assert "<script" not in profile_page(result).lower()


@few
@given(anything, st.lists(st.tuples(anything, clock, clock, clock), max_size=25))
def test_any_difference_is_drawn_within_its_limit(
    note: str, rows: list[tuple[str, float, float, float]]
) -> None:
    changes = tuple(
        Change(name=text, file=note, line=i, before_s=before, after_s=after, error_s=error)
        for i, (text, before, after, error) in enumerate(rows)
    )
    nodes = tuple(
        DiffNode(
            name=text,
            file=note,
            line=i,
            before_s=before,
            after_s=after,
            before_self_s=before,
            after_self_s=error,
        )
        for i, (text, before, after, error) in enumerate(rows)
    )
    root = DiffNode(
        name=note,
        file=note,
        line=1,
        before_s=1.0,
        after_s=2.0,
        before_self_s=0.5,
        after_self_s=0.5,
        children=nodes,
    )
    diff = ProfileDiff(
        before=samples.profile(wall_s=rows[0][1] if rows else 1.0),
        after=samples.profile(label=note),
        functions=changes,
        lines=changes,
        tree=root,
        notes=(note,) * 20,
    )
    text, html = diff_text(diff), diff_html(diff)
    assert saved_bytes(text) + saved_bytes(html) <= 40_000
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "<script" not in (html + diff_page(diff)).lower()


@quick
@given(anything, anything, st.lists(st.tuples(anything, number, number, number), max_size=25))
def test_any_run_is_drawn_within_its_limit(
    question: str, unit: str, outcomes: list[tuple[str, float, float, float]]
) -> None:
    progress = []
    for i, (name, effect, low, raw) in enumerate(outcomes):
        one = samples.progress(i + 1, samples.OUTCOMES[i % len(samples.OUTCOMES)])
        assert one.verdict is not None
        verdict = dataclasses.replace(
            one.verdict, effect=effect, ci_low=low, effect_raw=raw, p=effect, unit=unit, reason=name, x=name
        )
        progress.append(dataclasses.replace(one, verdict=verdict))
    snapshot = dataclasses.replace(samples.done_run(question=question, target=unit), progress=tuple(progress))
    text, html = run_text(snapshot), run_html(snapshot)
    assert saved_bytes(text) + saved_bytes(html) + RUN_WIDGET_BYTES <= 150_000
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "<script" not in html.lower()


@quick
@given(
    anything,
    number,
    st.lists(st.tuples(anything, st.sampled_from(["blocks", "warns", "notes"])), max_size=80),
    st.lists(st.tuples(anything, anything, st.lists(anything, max_size=12)), max_size=80),
)
def test_any_screening_is_drawn_within_its_limit(
    name: str, wall_s: float, notices: list[tuple[str, Rank]], columns: list[tuple[str, str, list[str]]]
) -> None:
    screening = Screening(
        data_name=name,
        n_rows=10**9,
        n_columns=len(columns),
        rows_are=name,
        columns=tuple(
            ColumnSketch(name=text, kind=text, missing=10**9, summary=summary, codes=tuple(codes))
            for text, summary, codes in columns * 9
        ),
        notices=tuple(
            Notice(code=text, rank=rank, columns=(text,), sentence=text * 9) for text, rank in notices * 3
        ),
        dropped=(name,) * 50,
        wall_s=wall_s,
    )
    text, html = screen_text(screening), screen_html(screening)
    assert saved_bytes(text) + saved_bytes(html) <= 40_000
    assert max(width(line) for line in text.splitlines()) <= 100
    assert "<script" not in (html + screen_html(screening, None)).lower()

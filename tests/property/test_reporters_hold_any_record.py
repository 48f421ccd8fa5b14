"""Whatever a record holds, its views are drawn, well formed, and within their limits."""

import dataclasses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmos_nb.history import LineStat
from kosmos_nb.reporters import (
    PROFILE_WIDGET_BYTES,
    RUN_WIDGET_BYTES,
    profile_html,
    profile_text,
    run_html,
    run_text,
    saved_bytes,
)
from kosmos_nb.reporters.columns import width
from kosmos_nb.reporters.markup import Markup, clean, tag
from tests import samples

anything = st.text(st.characters(), max_size=400)
number = st.floats(allow_nan=True, allow_infinity=True)
seconds = st.floats(0, 1e6)
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

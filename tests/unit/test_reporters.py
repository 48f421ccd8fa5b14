"""The static views: they tell the whole answer, hold no script, and stay within their limits."""

import dataclasses
import io
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from kosmos_nb.history import ProfileResult, RunSnapshot
from kosmos_nb.reporters import (
    PROFILE_WIDGET_BYTES,
    RUN_WIDGET_BYTES,
    cost_table,
    profile_html,
    profile_text,
    run_html,
    run_model,
    run_table,
    run_text,
    saved_bytes,
)
from kosmos_nb.reporters.columns import width
from tests import samples

PROFILES = [samples.profile(), samples.failed_profile(), samples.big_profile()]
RUNS = [
    samples.done_run(),
    samples.live_run(),
    samples.big_run(),
    RunSnapshot(run=samples.run(status="running")),
]
ATTACK = """</td><script>alert("1")</script><img src=x onerror='alert(1)'>&amp;\x1b[31m\u202e"""


class Elements(HTMLParser):
    """Collects the elements and the visible text of a page, and checks that all are closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs
        if tag != "meta":  # has no end
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "svg"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def html_of(value: ProfileResult | RunSnapshot) -> str:
    return profile_html(value) if isinstance(value, ProfileResult) else run_html(value)


def text_of(value: ProfileResult | RunSnapshot) -> str:
    return profile_text(value) if isinstance(value, ProfileResult) else run_text(value)


@pytest.mark.parametrize("value", [*PROFILES, *RUNS])
def test_html_is_well_formed_and_holds_no_script_and_no_request(value: ProfileResult | RunSnapshot) -> None:
    html = html_of(value)
    page = Elements(html)
    assert page.open == []
    assert {"script", "link", "img", "iframe", "object", "a", "form"}.isdisjoint(page.names)
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in page.attributes)
    assert "url(" not in html
    assert "@import" not in html
    assert "http" not in html


def outer_pictures(html: str) -> list[str]:
    """Return the opening tags of the pictures, without those inside of another."""
    found, depth = [], 0
    for piece in re.findall(r"<svg[^>]*>|</svg>", html):
        if piece == "</svg>":
            depth -= 1
            continue
        found += [piece] if depth == 0 else []
        depth += 1
    return found


@pytest.mark.parametrize("value", [*PROFILES, *RUNS])
def test_pictures_say_what_they_show_or_are_hidden_from_screen_readers(
    value: ProfileResult | RunSnapshot,
) -> None:
    for picture in outer_pictures(html_of(value)):
        assert "aria-hidden=true" in picture or ("role=img" in picture and "aria-label=" in picture)


@pytest.mark.parametrize("value", [*PROFILES, *RUNS])
def test_text_fits_a_hundred_columns(value: ProfileResult | RunSnapshot) -> None:
    assert max(width(line) for line in text_of(value).splitlines()) <= 100


def test_the_text_of_a_profile_tells_the_whole_answer() -> None:
    text = profile_text(samples.profile())
    for said in (
        "5.92 s wall", "5.71 s CPU", "1.24 GB peak memory, +418 MB; +218 MB kept",
        "● critical  82 %  of the time is in line 4",
        'df["t"] = df.text.apply(clean)', "4.86 s", "read_table", "593 samples",
        "profiler 0.6 % (35.5 ms)", "0193a41c…9f2e", "clean the texts",
    ):  # fmt: skip
        assert said in text, said


def test_a_failed_profile_says_so_first_and_names_the_exception() -> None:
    text, html = profile_text(samples.failed_profile()), profile_html(samples.failed_profile())
    assert "✗ failed with ValueError after 42.1 ms" in text
    assert "✗ failed with ValueError after 42.1 ms" in Elements(html).text
    assert "peak memory was polled" in text
    assert "peak memory was polled" in Elements(html).text


def test_the_text_of_a_run_tells_the_whole_answer() -> None:
    text = " ".join(run_text(samples.done_run()).split())
    for said in (
        "What drives flipper length?", "penguins · 344 rows × 8 columns · target flipper_length_mm · seed 0",
        "supported 5 · inconclusive 3 · refuted 1 · not testable 1",
        "✓ supported", "✗ refuted", "? inconclusive",
        "– not testable", "flipper_length_mm is associated with body_mass_g", "ρ +0.84 [+0.81, +0.87]",
        "+0.0152 mm/g", "corrected < 1e-9", "n 342", "caveats: simpson, confounded",
        "overall it falls, within each species it rises",
        "smallest effect of interest ±0.1 (ε² 0.01, δ 0.11)",
        "alpha 0.05", "over 10 hypotheses",
        "associated with, not causes: observational data cannot show causes",
        "wall 3.41 s", "CPU 4.9 s", "peak memory 412 MB", "slowest step H3",
        "2 rows without any measurement were left out",
    ):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize("value", [samples.profile(), samples.done_run()])
def test_html_without_styles_and_pictures_still_says_what_the_text_says(
    value: ProfileResult | RunSnapshot,
) -> None:
    shown = Elements(html_of(value)).text.replace(" ", "")
    numbers = set(re.findall(r"[+−]?\d+(?:\.\d+)?(?:e-\d+)?", text_of(value)))
    assert {number for number in numbers if number not in shown} == set()


def test_a_finding_that_flips_within_groups_is_not_told_as_settled() -> None:
    answer = run_model(samples.done_run()).answer
    settled, unsettled = answer.split("Not settled: ")
    assert "bill_depth_mm" in unsettled
    assert "bill_depth_mm" not in settled


def test_a_supported_finding_that_something_else_may_explain_is_told_apart() -> None:
    snapshot = samples.done_run()
    first = snapshot.progress[0]
    assert first.verdict is not None
    doubted = dataclasses.replace(first, verdict=dataclasses.replace(first.verdict, caveats=("confounded",)))
    snapshot = dataclasses.replace(snapshot, progress=(doubted, *snapshot.progress[1:]))
    model = run_model(snapshot)
    plain, rest = model.answer.split(" With caveats: ")
    assert "body_mass_g" not in plain
    assert "body_mass_g (ρ +0.84, confounded)" in rest
    assert [row.id for row in model.rows if row.in_doubt] == ["H1"]
    assert "✓ supported with caveats" in Elements(run_html(snapshot)).text


def test_an_effect_of_nothing_has_no_sign() -> None:
    snapshot = samples.done_run()
    flat = dataclasses.replace(snapshot.progress[0], verdict=dataclasses.replace(
        snapshot.progress[0].verdict, effect=-0.0004, ci_low=-0.2))  # fmt: skip
    row = run_model(dataclasses.replace(snapshot, progress=(flat,))).rows[0]
    assert (row.effect_text, row.interval_text) == ("ρ 0.00", "[−0.20, +0.87]")


def test_shares_of_lines_are_those_of_the_readings() -> None:
    result = samples.profile(wall_s=11.84, tree=samples.tree())
    assert re.search(r"4 +4.86 s +82 %", profile_text(result))


def test_those_about_the_target_come_first_then_supported_then_the_strongest() -> None:
    rows = run_model(samples.done_run()).rows
    assert [row.id for row in rows] == ["H1", "H2", "H5", "H3", "H4", "H7", "H6", "H9", "H8", "H10"]


def test_the_order_does_not_depend_on_who_came_first() -> None:
    snapshot = samples.big_run(90)
    turned = dataclasses.replace(snapshot, progress=snapshot.progress[::-1])
    assert [row.id for row in run_model(turned).rows] == [row.id for row in run_model(snapshot).rows]


def test_long_runs_say_how_many_rows_are_shown_and_where_the_rest_is() -> None:
    for drawn in (run_text(samples.big_run()), Elements(run_html(samples.big_run())).text):
        said = " ".join(drawn.split())
        found = re.search(r"showing (\d+) of 780, .*strongest on top; all in run.verdicts", said)
        assert found is not None
        assert int(found[1]) >= 50


@pytest.mark.parametrize("result", PROFILES)
def test_a_profile_keeps_within_forty_kilobytes_with_its_live_view(result: ProfileResult) -> None:
    assert (
        saved_bytes(profile_text(result)) + saved_bytes(profile_html(result)) + PROFILE_WIDGET_BYTES <= 40_000
    )


@pytest.mark.parametrize("snapshot", RUNS)
def test_a_run_keeps_within_a_hundred_and_fifty_kilobytes_with_its_board(snapshot: RunSnapshot) -> None:
    assert saved_bytes(run_text(snapshot)) + saved_bytes(run_html(snapshot)) + RUN_WIDGET_BYTES <= 150_000


def test_without_a_limit_every_row_is_drawn() -> None:
    assert run_html(samples.big_run(300), None).count("class=k-r") == 300
    assert profile_html(samples.big_profile(900, 5, 5), None).count("<td>1</td>") >= 1
    assert "value_899" in profile_html(samples.big_profile(900, 5, 5), None)


def attacked_run() -> RunSnapshot:
    snapshot = samples.done_run(
        question=ATTACK, target=ATTACK, data_name=ATTACK, notes=(ATTACK,), error=ATTACK
    )
    one = snapshot.progress[3]
    assert one.verdict is not None
    hypothesis = dataclasses.replace(one.hypothesis, statement=ATTACK, x=ATTACK, id=ATTACK)
    verdict = dataclasses.replace(
        one.verdict,
        statement=ATTACK,
        x=ATTACK,
        unit=ATTACK,
        reason=ATTACK,
        caveats=(ATTACK,),
        effect_metric=ATTACK,
    )
    return dataclasses.replace(
        snapshot,
        progress=(dataclasses.replace(one, hypothesis=hypothesis, verdict=verdict), *snapshot.progress),
    )


def attacked_profile() -> ProfileResult:
    result = samples.profile()
    lines = tuple(dataclasses.replace(line, source=ATTACK) for line in result.line_stats)
    functions = tuple(dataclasses.replace(f, name=ATTACK, file=ATTACK) for f in result.function_stats)
    told = tuple(dataclasses.replace(b, reading=ATTACK) for b in result.bottlenecks)
    return dataclasses.replace(
        result, label=ATTACK, line_stats=lines, function_stats=functions, bottlenecks=told, notes=(ATTACK,),
        tree=samples.node(ATTACK, 1.0, file=ATTACK),
        host=ATTACK, exception_type=ATTACK, status="failed", id=ATTACK,
    )  # fmt: skip


@pytest.mark.parametrize("value", [attacked_run(), attacked_profile()])
def test_names_and_source_lines_cannot_become_markup_nor_move_a_terminal(
    value: ProfileResult | RunSnapshot,
) -> None:
    html, text = html_of(value), text_of(value)
    page = Elements(html)
    assert {"script", "img"}.isdisjoint(page.names)
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert '<script>alert("1")</script>' in page.text.replace("</td>", "")
    for harmful in ("\x1b", "\u202e"):
        assert harmful not in html
        assert harmful not in text


@pytest.mark.parametrize("colour", [True, False])
def test_the_terminal_table_fits_a_hundred_columns_and_needs_no_colour(colour: bool) -> None:
    environment = {"TERM": "xterm-256color"} if colour else {"TERM": "dumb"}
    console = Console(
        width=100,
        force_terminal=colour,
        no_color=not colour,
        file=io.StringIO(),
        record=True,
        _environ=environment,
    )
    console.print(run_table(samples.done_run()))
    console.print(cost_table(samples.done_run()))
    drawn = console.export_text()
    assert max(width(line) for line in drawn.splitlines()) <= 100
    said = (
        "✓ supported",
        "ρ +0.84 [+0.81, +0.87]",
        "not causes",
        "BH over 10 hypotheses",
        "412 MB",
        "simpson",
    )
    assert all(word in drawn for word in said)


def test_the_terminal_takes_brackets_in_names_as_they_are() -> None:
    console = Console(width=100, file=io.StringIO(), record=True)
    snapshot = samples.done_run(question="[bold]why[/bold]")
    console.print(run_table(snapshot))
    assert "[bold]why[/bold]" in console.export_text()


def test_the_correction_is_told_over_every_hypothesis_tested_or_not() -> None:
    legend = "; ".join(run_model(samples.done_run()).legend)
    assert "over 10 hypotheses (1 without a test count as p = 1)" in legend


def test_a_narrow_interval_is_shown_with_as_many_digits_as_it_needs() -> None:
    one = samples.done_run().progress[0]
    assert one.verdict is not None
    narrow = dataclasses.replace(one.verdict, effect=0.0012, ci_low=0.0004, ci_high=0.0021)
    snapshot = samples.done_run()
    snapshot = dataclasses.replace(snapshot, progress=(dataclasses.replace(one, verdict=narrow),))
    row = run_model(snapshot).rows[0]
    assert (row.effect_text, row.interval_text) == ("ρ +0.0012", "[+0.0004, +0.0021]")


def test_the_answer_begins_with_a_capital_and_names_a_column_without_a_name() -> None:
    one = samples.done_run().progress[3]
    assert one.verdict is not None
    only = dataclasses.replace(samples.done_run(), progress=(one,))
    assert run_model(only).answer.startswith("Nothing is supported")
    nameless = dataclasses.replace(one.verdict, x="", verdict="supported", caveats=())
    only = dataclasses.replace(only, progress=(dataclasses.replace(one, verdict=nameless),))
    assert "(no name)" in run_model(only).answer


def test_the_cost_of_profiling_a_short_cell_is_told_in_time_alone() -> None:
    text = profile_text(samples.profile(wall_s=0.0001, overhead_s=0.00118, samples=1))
    assert "profiler 1.18 ms" in text
    assert "1000 %" not in text
    assert "1 sample " in text

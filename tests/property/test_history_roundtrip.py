"""Record -> row -> record is the same, for whatever the records hold."""

import dataclasses
import json
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kosmos_nb.core import uuid7
from kosmos_nb.history import (
    AllocationSite,
    Bottleneck,
    CallNode,
    ChildProcess,
    Environment,
    Experiment,
    FunctionStat,
    History,
    Hypothesis,
    InputData,
    LineStat,
    MemorySnapshot,
    ProfileResult,
    Progress,
    Run,
    RunSnapshot,
    Verdict,
)
from kosmos_nb.history.rows import to_bundle
from kosmos_nb.history.spool import decode, encode

TEXTS = st.text(max_size=20)
FLOATS = st.floats(allow_nan=False)
WHOLE = st.integers(-(2**63), 2**63 - 1)
STATES = ["proposed", "registered", "running", "verdict", "failed", "dropped", "skipped"]


def records(kind: type, **given_fields: st.SearchStrategy) -> st.SearchStrategy:
    """Values for every field by its type, as the record's own annotations name it."""
    by_type = {
        "str": TEXTS,
        "bool": st.booleans(),
        "bool | None": st.none() | st.booleans(),
        "float": FLOATS,
        "int": WHOLE,
        "str | None": st.none() | TEXTS,
        "float | None": st.none() | FLOATS,
        "int | None": st.none() | WHOLE,
        "tuple[str, ...]": st.lists(TEXTS, max_size=3).map(tuple),
        "Status": st.sampled_from(["ok", "failed", "interrupted"]),
        "ProfileKind": st.sampled_from(["cell", "expression", "function", "block", "run"]),
        "ModeName": st.sampled_from(["light", "standard", "full"]),
        "Severity": st.sampled_from(["critical", "high", "medium", "low"]),
        "VerdictName": st.sampled_from(["supported", "refuted", "inconclusive", "not_testable"]),
        "RunStatus": st.sampled_from(["done", "cancelled", "failed"]),
        "Family": st.sampled_from(["association", "group_difference", "category_association"]),
        "HypothesisState": st.sampled_from(STATES),
        "Literal['function', 'line']": st.sampled_from(["function", "line"]),
        "Sign": st.sampled_from(["+", "-", ""]),
        "Mapping[str, str]": st.dictionaries(TEXTS, TEXTS, max_size=3),
    }
    fields = {f.name: by_type[f.type] for f in dataclasses.fields(kind) if f.name not in given_fields}
    return st.builds(kind, **fields, **given_fields)


def many(strategy: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(strategy, max_size=3).map(tuple)


TREES = st.recursive(
    records(CallNode, children=st.just(())),
    lambda inner: records(CallNode, children=many(inner)),
    max_leaves=6,
)
PROFILES = records(
    ProfileResult,
    id=st.builds(uuid7),
    tree=st.none() | TREES,
    function_stats=many(records(FunctionStat)),
    line_stats=many(records(LineStat)),
    bottlenecks=many(records(Bottleneck)),
    memory_snapshots=many(records(MemorySnapshot)),
    children=many(records(ChildProcess)),
    allocation_sites=many(records(AllocationSite)),
    inputs=many(records(InputData)),
    environment=st.none() | records(Environment),
    standing=st.none(),
    value=st.just("a value that is never stored"),
)
RUNS = st.builds(
    RunSnapshot,
    run=records(Run, id=st.builds(uuid7)),
    progress=many(records(Progress, hypothesis=records(Hypothesis), verdict=st.none() | records(Verdict))),
    experiments=many(records(Experiment)),
    seq=WHOLE,
    step=TEXTS,
    eta_s=st.none() | FLOATS,
)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    with History(tmp_path_factory.mktemp("history")) as opened:
        yield opened


CHECKS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@CHECKS
@given(profile=PROFILES)
def test_a_profile_comes_back_as_it_was_but_for_its_value(history, profile):
    assert history.profile(history.save(profile)) == profile
    assert history.profile(profile.id).value is None


@CHECKS
@given(profile=PROFILES)
def test_a_profile_comes_back_from_its_json(profile):
    text = profile.to_json()
    json.loads(text, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    assert ProfileResult.from_json(text) == profile
    assert ProfileResult.from_dict(profile.to_dict()) == profile


@CHECKS
@given(picture=RUNS)
def test_a_run_comes_back_as_it_was(history, picture):
    assert history.run(history.save(picture)) == picture


@CHECKS
@given(record=PROFILES | RUNS)
def test_a_spooled_line_holds_the_same_rows_and_one_line_only(record):
    line = encode(to_bundle(record))
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert decode(line) == to_bundle(record)


@CHECKS
@given(record=PROFILES, data=st.data())
def test_a_spooled_line_that_was_cut_or_changed_is_never_read(record, data):
    line = encode(to_bundle(record))
    cut = data.draw(st.integers(0, len(line) - 2))
    assert decode(line[:cut]) is None
    place = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[place] ^= 1 << data.draw(st.integers(0, 6))
    assert decode(bytes(changed)) is None


def test_a_call_tree_deeper_than_pythons_stack_comes_back(history, sample_profile):
    node = CallNode(name="f", file="c", line=1, self_s=1.0, total_s=1.0, self_cpu_s=0.0, samples=1)
    for depth in range(3000):
        node = dataclasses.replace(node, name=f"f{depth}", children=(node,))
    saved = dataclasses.replace(sample_profile, id=uuid7(), tree=node)
    found = history.profile(history.save(saved)).tree
    names = []
    while found.children:
        names.append(found.name)
        (found,) = found.children
    assert names == [f"f{depth}" for depth in reversed(range(3000))]


def test_what_utf8_cannot_hold_is_written_as_an_escape(history, sample_profile):
    saved = dataclasses.replace(sample_profile, id=uuid7(), code="x = '\ud800'")
    assert history.profile(history.save(saved)).code == "x = '\\ud800'"


def test_what_is_not_a_number_comes_back_as_none_or_nan(history, sample_profile):
    saved = dataclasses.replace(sample_profile, id=uuid7(), wall_s=float("nan"), interval_s=float("nan"))
    found = history.profile(history.save(saved))
    assert found.wall_s != found.wall_s
    assert found.interval_s is None


def test_the_value_of_an_expression_reaches_no_file(tmp_path: Path, sample_profile):
    with History(tmp_path) as history:
        history.save(dataclasses.replace(sample_profile, value="a-very-secret-value"))
    raw = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"a-very-secret-value" not in raw
    assert sqlite3.connect(tmp_path / "history.sqlite").execute(
        "SELECT count(*) FROM executions"
    ).fetchone() == (1,)


@pytest.fixture
def sample_profile():
    from tests.samples import profile

    return profile()

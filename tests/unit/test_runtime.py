"""What one process remembers of its profiles."""

import dataclasses

import pytest

from kosmos_nb.core import uuid7
from kosmos_nb.history import ProfileResult
from kosmos_nb.runtime import MOST_CELLS, Runtime
from tests import samples


@pytest.fixture
def runtime(monkeypatch) -> Runtime:
    monkeypatch.setenv("KOSMOS_SAVE", "0")
    return Runtime()


_clock = iter(range(1, 10_000))


def profile(cell_id: str | None = "b7", **changes: object) -> ProfileResult:
    return samples.profile(id=uuid7(), cell_id=cell_id, started_at_us=next(_clock), **changes)


def test_the_profile_before_is_that_of_the_same_cell_however_it_was_edited(runtime):
    first, other, second = profile(), profile("c8"), profile(code="edited", code_hash="edited")
    assert runtime.previous(first) is None
    for one in (first, other, second):
        runtime.remember(one)
    assert runtime.previous(second) == first
    assert runtime.previous(first) is None
    assert runtime.previous(other) is None
    assert runtime.previous(profile()) == second  # one that is not remembered yet


def test_remembering_a_profile_twice_does_not_make_it_its_own_predecessor(runtime):
    first, second = profile(), profile()
    for one in (first, second, second):
        runtime.remember(one)
    assert runtime.previous(second) == first


def test_the_profile_before_is_the_one_made_before_also_where_the_clock_was_set_back(runtime):
    first = profile()
    second = dataclasses.replace(profile(), started_at_us=first.started_at_us - 10**9)
    for one in (first, second):
        runtime.remember(one)
    assert runtime.previous(second) == first
    assert runtime.previous(first) is None


def test_without_a_cell_id_the_same_code_in_the_same_kernel_is_the_same_cell(runtime):
    first = profile(None, kernel_id="k", code_hash="a")
    runtime.remember(first)
    assert runtime.previous(profile(None, kernel_id="k", code_hash="a")) == first
    assert runtime.previous(profile(None, kernel_id="other", code_hash="a")) is None
    assert runtime.previous(profile(None, kernel_id="k", code_hash="b")) is None


def test_two_expressions_of_one_cell_are_not_compared(runtime):
    first = profile(kind="expression", code_hash="a")
    runtime.remember(first)
    runtime.remember(profile(kind="expression", code_hash="b"))
    assert runtime.previous(profile(kind="expression", code_hash="c")) is None
    assert runtime.previous(profile(kind="expression", code_hash="a")) == first
    assert runtime.previous(profile(code_hash="a")) is None


def test_only_so_many_cells_are_remembered_and_no_values(runtime):
    first = profile("cell0", value=bytearray(10))
    runtime.remember(first)
    assert runtime.previous(profile("cell0")).value is None
    for number in range(1, MOST_CELLS + 1):
        runtime.remember(profile(f"cell{number}"))
    assert runtime.previous(profile("cell0")) is None
    assert runtime.previous(profile("cell1")) is not None


def test_detaching_forgets_them(runtime):
    runtime.remember(profile())
    runtime.detach()
    assert runtime.previous(profile()) is None

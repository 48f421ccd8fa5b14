"""What holds for the steps of any series of run times.

Where a promise holds but for rare draws of noise, the draws are the same each time.
"""

import math
import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from kosmos_nb.history.standing import LEAST_RATIO, LEAST_S
from kosmos_nb.history.steps import LEAST_LEVEL, find_steps

ANY_TIMES = st.lists(st.floats(1e-4, 1e4), max_size=80)
# Few values, and often the same one in a row: ties, plateaus, spikes.
BLOCKS = st.lists(
    st.tuples(st.sampled_from([0.1, 0.14, 0.2, 1.0, 1.1, 30.0]), st.integers(1, 14)), max_size=9
).map(lambda blocks: [time_s for time_s, runs in blocks for _ in range(runs)])


@st.composite
def clear_series(draw):
    """Levels of 8 runs or more that differ by half or more, with noise of 3 %, and where they begin."""
    ratios = draw(st.lists(st.sampled_from([1 / 3, 1 / 2, 2 / 3, 1.5, 2.0, 3.0]), max_size=2))
    lengths = draw(st.lists(st.integers(8, 30), min_size=len(ratios) + 1, max_size=len(ratios) + 1))
    noise, level, times, starts = random.Random(draw(st.integers(0, 10**6))), 20.0, [], []
    for ratio, runs in zip([1.0, *ratios], lengths, strict=True):
        level *= ratio
        starts.append(len(times))
        times += [level * math.exp(noise.gauss(0, 0.03)) for _ in range(runs)]
    return times, starts[1:]


@settings(deadline=None)
@given(ANY_TIMES | BLOCKS)
def test_steps_are_in_order_and_between_levels_that_are_long_and_far_enough_apart(times):
    found = find_steps(times)
    bounds = [0, *(step.index for step in found), len(times)]
    if found:
        assert all(end - start >= LEAST_LEVEL for start, end in pairwise(bounds))
    for step in found:
        low_s, high_s = sorted((step.before_s, step.after_s))
        assert high_s >= LEAST_RATIO * low_s and high_s - low_s >= LEAST_S
        assert 1 / 1000 < step.p < 0.01
    for before, after in pairwise(found):
        assert before.after_s == after.before_s


@settings(deadline=None, derandomize=True)
@given(clear_series())
def test_clear_steps_are_found_where_they_are(series):
    times, places = series
    assert [step.index for step in find_steps(times)] == places


@settings(deadline=None, derandomize=True)
@given(clear_series(), st.floats(0.5, 1e3))
def test_the_unit_of_time_does_not_matter_above_a_twentieth_of_a_second(series, factor):
    times, _ = series
    scaled = find_steps([time_s * factor for time_s in times])
    assert [(step.index, step.p) for step in scaled] == [(step.index, step.p) for step in find_steps(times)]


@settings(deadline=None, derandomize=True)
@given(clear_series())
def test_the_steps_of_the_reversed_series_are_the_same_from_the_other_side(series):
    times, _ = series
    back = find_steps(times[::-1])
    assert [len(times) - step.index for step in back[::-1]] == [step.index for step in find_steps(times)]


@settings(deadline=None, derandomize=True, max_examples=8)
@given(
    values=st.lists(st.floats(0.1, 100), min_size=12, max_size=40)
    | st.lists(st.sampled_from([1.0, 2.0, 9.0]), min_size=12, max_size=40),
    seed=st.integers(0, 10**6),
)
def test_runs_in_random_order_show_steps_in_hardly_more_than_one_case_of_a_hundred(values, seed):
    draw, cases = random.Random(seed), 300
    told = sum(bool(find_steps(draw.sample(values, len(values)), seed=n)) for n in range(cases))
    # 2.9 of 300 are expected at most; more than 11 come in one test of ten thousand.
    assert told <= 11

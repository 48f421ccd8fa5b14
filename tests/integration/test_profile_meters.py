"""The peak of memory is right, and how it was found is said."""

import gc
import sys
import tracemalloc

import numpy as np
import pytest

from kosmos_nb.profiling import ExecutionProfiler
from kosmos_nb.profiling.meters.process import ProcessMeter
from kosmos_nb.profiling.meters.procfs import ProcessFigures, ProcSelf, process_figures
from kosmos_nb.profiling.meters.tracers import ALLOCATIONS, PROFILE, TRACE
from tests.waiting import until

KEPT, FREED = 100_000_000, 50_000_000
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux keeps a mark of the peak")


@linux
@pytest.mark.parametrize("mode", ["light", "standard", "full"])
def test_the_peak_of_numpy_blocks_is_right_to_2_percent(mode):
    def blocks() -> np.ndarray:
        kept = np.ones(KEPT // 8)
        np.ones(FREED // 8)  # freed at once
        return kept

    gc.collect()  # nothing else is to be freed meanwhile
    kept, profile = ExecutionProfiler(mode).profile_function(blocks)
    assert profile.peak_method == "VmHWM"
    assert profile.memory_delta_peak_mb * 1e6 == pytest.approx(KEPT + FREED, rel=0.02)
    assert profile.rss_end_bytes - profile.rss_start_bytes == pytest.approx(kept.nbytes, rel=0.02)


class NoMark(ProcSelf):
    """Figures of a system that keeps no mark of the peak."""

    def reset_high_water(self) -> bool:
        return False


@linux
def test_where_the_system_keeps_no_mark_the_peak_is_polled_and_said_to_be():
    meter = ProcessMeter(figures=NoMark)
    meter.open()
    meter.start()
    held = np.ones((KEPT + FREED) // 8)
    until(lambda: meter.peak_bytes >= meter.rss_start_bytes + 0.98 * held.nbytes)  # somebody looked
    held = held[: KEPT // 8].copy()
    costs = meter.stop()
    meter.close()
    assert costs.peak_method == "polled"
    assert costs.rss_end_bytes - costs.rss_start_bytes == pytest.approx(held.nbytes, rel=0.02)
    # While the smaller block was copied, both were there.
    assert (KEPT + FREED) * 0.98 <= costs.peak_bytes - costs.rss_start_bytes <= (2 * KEPT + FREED) * 1.02


@linux
def test_the_figures_of_psutil_agree_with_those_of_proc():
    from kosmos_nb.profiling.meters import procfs

    ours: ProcessFigures = process_figures()
    theirs: ProcessFigures = procfs._Psutil()
    assert ours.rss_bytes() == pytest.approx(theirs.rss_bytes(), rel=0.02)
    assert not theirs.reset_high_water()
    ours.close()


@pytest.mark.skipif(sys.gettrace() is not None, reason="coverage is tracing this very test")
def test_others_that_trace_are_told_once_each():
    profiler = ExecutionProfiler("light")
    assert profiler.profile_function(int)[1].notes == ()
    tracemalloc.start()
    try:
        assert profiler.profile_function(int)[1].notes == (ALLOCATIONS,)
    finally:
        tracemalloc.stop()

    def begins(hook: object) -> None:
        getattr(sys, str(hook))(lambda *_: None)

    try:
        assert profiler.profile_function(begins, "settrace")[1].notes == (TRACE,)
    finally:
        sys.settrace(None)
    try:
        assert profiler.profile_function(begins, "setprofile")[1].notes == (PROFILE,)
    finally:
        sys.setprofile(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_a_debugger_by_sys_monitoring_is_told_by_its_name():
    tool = sys.monitoring.DEBUGGER_ID
    if sys.monitoring.get_tool(tool) is not None:
        pytest.skip("a debugger is here")
    sys.monitoring.use_tool_id(tool, "my debugger")
    try:
        assert ExecutionProfiler("light").profile_function(int)[1].notes == ()
        sys.monitoring.set_events(tool, sys.monitoring.events.LINE)
        (note,) = ExecutionProfiler("light").profile_function(int)[1].notes
        assert note.startswith("my debugger watched this code by sys.monitoring")
    finally:
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)

"""The modes: how closely to look, and what each of them uses."""

import enum
from dataclasses import dataclass

from kosmos_nb.core import ConfigError
from kosmos_nb.profiling.children import ChildrenInstrument
from kosmos_nb.profiling.findings import Instrument
from kosmos_nb.profiling.session import ProfileSession
from kosmos_nb.profiling.stacks import StackInstrument
from kosmos_nb.profiling.tracers import TracersInstrument


class ProfilingMode(enum.StrEnum):
    """How closely to look."""

    LIGHT = "light"
    STANDARD = "standard"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class _Look:
    """What a mode may do.

    Attributes:
        budget: Share of the elapsed time that the profiler may take.
        interval_s: Mean distance of stack samples; None for none.
    """

    budget: float
    interval_s: float | None = None


_LOOKS = {
    ProfilingMode.LIGHT: _Look(budget=0.005),
    ProfilingMode.STANDARD: _Look(budget=0.03, interval_s=0.010),
    ProfilingMode.FULL: _Look(budget=0.06, interval_s=0.005),
}


def new_session(
    mode: ProfilingMode | str, *, threshold_pct: float = 5.0, track_memory: bool = True
) -> ProfileSession:
    """Return a session of the mode, not started.

    Raises:
        ConfigError: There is no such mode, or the threshold is no percentage.
    """
    try:
        known = ProfilingMode(mode)
    except ValueError:
        modes = ", ".join(known.value for known in ProfilingMode)
        raise ConfigError(f"The profiling mode is one of {modes}, not {mode!r}.") from None
    if not 0 < threshold_pct < 100:
        raise ConfigError(f"The bottleneck threshold lies between 0 and 100 percent, not {threshold_pct}.")
    look = _LOOKS[known]
    children = ChildrenInstrument(watch=look.interval_s is not None)
    # The tracers go first: who else is there, before any of ours is.
    instruments: list[Instrument] = [TracersInstrument(), children]
    if look.interval_s is not None:
        instruments.append(
            StackInstrument(
                interval_s=look.interval_s,
                threshold_pct=threshold_pct,
                track_memory=track_memory,
                on_look=children.look,
            )
        )
    return ProfileSession(known.value, instruments, threshold_pct=threshold_pct, track_memory=track_memory)

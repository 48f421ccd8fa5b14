"""Light mode: clocks and counters at both ends, nothing in between."""

from kosmos_nb.profiling.sampler import Suspended
from kosmos_nb.profiling.session import ProfileSession, Watched
from kosmos_nb.profiling.subject import Subject


class LightSession(ProfileSession):
    """Clocks, memory with its exact peak, faults, switches, I/O and garbage collections."""

    mode = "light"

    def _watch(self, suspended: Suspended | None) -> None:
        """Nothing runs while the cell runs."""

    def _unwatch(self) -> None:
        """Nothing ran."""

    def _seen(self, subject: Subject) -> Watched:
        return Watched()

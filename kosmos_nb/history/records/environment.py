"""Where a profile was taken: the kind of machine, its system, and the packages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What may change a run's time without a change of its code.

    Attributes:
        host_class: Kind of machine: processor, cores, memory. Times are compared within one kind.
        system: Operating system and its version.
        packages: Installed packages, each as `name version`, by name.
    """

    host_class: str
    system: str
    packages: tuple[str, ...] = ()

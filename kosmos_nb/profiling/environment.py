"""Where a profile is taken: the kind of machine, its system, the installed packages.

Packages are read from the names of their `.dist-info` folders: a millisecond for hundreds, where
`importlib.metadata` takes a hundred. A package that is upgraded under a running kernel keeps the version that
it had when the kernel was first profiled: that one is most likely imported.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from functools import cache
from pathlib import Path

from kosmos_nb.history import Environment

# The folders of packages are looked at again after this time, should something have been installed.
LOOK_AGAIN_S = 5.0

_INSTALLED = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+?)\.(?:dist-info|egg-info)$")
_MODEL = re.compile(r"^(?:model name|Hardware|cpu model)\s*:\s*(.+)$", re.MULTILINE)
_NOISE = re.compile(r"\((?:R|TM)\)|\bCPU\b|\bProcessor\b|@.*")

_looked: dict[str, float] = {}  # folder → modified
_versions: dict[str, str] = {}
_found: Environment | None = None
_look_at_s = 0.0


def environment() -> Environment:
    """Return where this process runs; microseconds, but for the first time."""
    global _found, _look_at_s
    if _found is None or time.monotonic() >= _look_at_s:
        has_changed = _look_at_packages()
        if _found is None or has_changed:
            packages = tuple(f"{name} {_versions[name]}" for name in sorted(_versions))
            _found = Environment(host_class=host_class(), system=_system(), packages=packages)
        _look_at_s = time.monotonic() + LOOK_AGAIN_S
    return _found


@cache
def host_class() -> str:
    """Return the kind of machine: architecture, processor, cores that we may use, memory."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parts = [platform.machine(), _processor(), "1 core" if cores == 1 else f"{cores} cores", _memory()]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def _look_at_packages() -> bool:
    """Note what is installed; return whether there is something new.

    The working folder ("" on the path) is left out: it changes with every file that a cell writes.
    """
    has_changed = False
    for folder in dict.fromkeys(filter(None, sys.path)):
        try:
            modified = os.stat(folder).st_mtime  # noqa: PTH116 - called at every few cells
        except OSError:
            continue
        if _looked.get(folder) == modified:
            continue
        _looked[folder] = modified
        for name, version in _installed(folder):
            if name not in _versions:  # the first on the path is the one that is imported
                _versions[name] = version
                has_changed = True
    return has_changed


def _installed(folder: str) -> list[tuple[str, str]]:
    try:
        with os.scandir(folder) as entries:
            matches = [_INSTALLED.match(entry.name) for entry in entries]
    except OSError:  # a zip file on the path, or nothing that we may read
        return []
    return [(_normal(match["name"]), match["version"]) for match in matches if match is not None]


def _normal(name: str) -> str:
    """Return the name of a package as indexes write it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            match = _MODEL.search(file.read(4096))
    except OSError:
        match = None
    return " ".join(_NOISE.sub(" ", match[1] if match else platform.processor()).split())


def _memory() -> str:
    try:
        total_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return ""
    return f"{round(total_bytes / 2**30)} GB"


@cache
def _system() -> str:
    return f"{platform.system()} {platform.release()}"

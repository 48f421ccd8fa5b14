"""A profile without the text of its code, for who does not want it kept."""

from __future__ import annotations

import dataclasses
import re

from kosmos_nb.history.records import Bottleneck, ProfileResult

_QUOTED = re.compile(r"(?:, from |, )`.*`", re.DOTALL)


def without_source(profile: ProfileResult) -> ProfileResult:
    """Return the profile without its code: what is left names functions, variables and lines by number.

    The hash of the code stays: by it the cell is known again.
    """
    return dataclasses.replace(
        profile,
        code="",
        line_stats=tuple(dataclasses.replace(line, source="") for line in profile.line_stats),
        bottlenecks=tuple(_unquoted(one) for one in profile.bottlenecks),
    )


def _unquoted(one: Bottleneck) -> Bottleneck:
    name = f"line {one.line}" if one.kind == "line" else one.name
    return dataclasses.replace(one, name=name, reading=_QUOTED.sub("", one.reading))

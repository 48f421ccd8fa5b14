"""Print the lowest versions that pyproject.toml allows, as constraints for pip and uv.

Usage: python tools/lowest.py > FILE. Direct dependencies of the core only: what they need in
turn, and the tools of the test extra, are whatever fits.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def lowest(requirement: str) -> str:
    """Turn `name[extra]>=1.2,<3; marker` into `name==1.2; marker`.

    Raises:
        ValueError: The requirement has no lower bound.
    """
    wish, _, marker = requirement.partition(";")
    found = re.fullmatch(r"([\w.-]+)(?:\[[\w,.-]+\])?(.*)", wish.strip())
    bound = found and re.search(r">=\s*([\w.]+)", found[2])
    if not found or not bound:
        raise ValueError(f"{requirement!r} has no lower bound (name>=version).")
    return f"{found[1]}=={bound[1]}" + (f" ; {marker.strip()}" if marker else "")


def main() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    sys.stdout.writelines(lowest(requirement) + "\n" for requirement in project["dependencies"])


if __name__ == "__main__":
    main()

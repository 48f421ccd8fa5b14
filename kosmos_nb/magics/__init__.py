"""What a user types in a notebook: parse the line, call the rooms below, show the result."""

from kosmos_nb.magics.extension import load, unload

__all__ = ["load", "unload"]

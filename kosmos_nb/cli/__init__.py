"""The shell's side: `kosmos demo`, `kosmos enable`, `kosmos disable`."""

from kosmos_nb.cli.main import app, main

__all__ = ["app", "main"]

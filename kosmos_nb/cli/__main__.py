"""`python -m kosmos_nb.cli` is the command `kosmos`."""

from kosmos_nb.cli import main

main()

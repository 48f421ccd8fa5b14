"""The tests, as a package: some libraries ship a `tests` of their own that would be found first."""

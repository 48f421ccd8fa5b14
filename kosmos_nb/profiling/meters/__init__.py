"""Clocks, counters and memory of the process and of its children; who else is tracing it."""

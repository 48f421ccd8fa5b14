"""Exact counts, for those who pay: calls, and allocations."""

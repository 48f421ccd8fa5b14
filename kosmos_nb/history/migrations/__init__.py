"""Alembic's migrations of the history; `opening.py` runs them when a database is behind."""

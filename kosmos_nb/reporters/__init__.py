"""Records in; text, HTML and SVG out. No input, no output, no clock."""

from kosmos_nb.reporters.profile_html import profile_html
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.run_html import run_html
from kosmos_nb.reporters.run_text import run_text
from kosmos_nb.reporters.terminal import cost_table, run_table

__all__ = ["cost_table", "profile_html", "profile_text", "run_html", "run_table", "run_text"]

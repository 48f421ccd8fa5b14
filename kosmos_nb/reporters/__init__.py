"""Records in; text, HTML and SVG out. No input, no output, no clock.

`profile_text`, `profile_html`, `run_text`, `run_html` and the terminal's tables are whole
views; `profile_model` and `run_model` are what they say, for views that draw it themselves.
"""

from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.flame import Box, DiffBox, diff_boxes, flame_boxes
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.profile_html import PROFILE_WIDGET_BYTES, hottest, memory_path, profile_html
from kosmos_nb.reporters.profile_model import Bar, ProfileModel, profile_model
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.run_html import RUN_WIDGET_BYTES, run_html
from kosmos_nb.reporters.run_model import URGENCY, RunModel, RunRow, run_model
from kosmos_nb.reporters.run_text import run_text, shown
from kosmos_nb.reporters.style import PROFILE_CSS, RUN_CSS
from kosmos_nb.reporters.terminal import cost_table, run_table, why_table

__all__ = [
    "PROFILE_CSS",
    "PROFILE_WIDGET_BYTES",
    "RUN_CSS",
    "RUN_WIDGET_BYTES",
    "URGENCY",
    "Bar",
    "Box",
    "DiffBox",
    "ProfileModel",
    "RunModel",
    "RunRow",
    "clean",
    "cost_table",
    "diff_boxes",
    "flame_boxes",
    "hottest",
    "memory_path",
    "most_that_fit",
    "profile_html",
    "profile_model",
    "profile_text",
    "run_html",
    "run_model",
    "run_table",
    "run_text",
    "saved_bytes",
    "shown",
    "why_table",
]

"""Records in; text, HTML and SVG out. No input, no output, no clock.

`profile_text`, `profile_html`, `run_text`, `run_html` and the terminal's tables are whole
views; `profile_model` and `run_model` are what they say, for views that draw it themselves.
"""

from kosmos_nb.reporters.bar import KINDS, Bar, kinds_seen
from kosmos_nb.reporters.collapsed import collapsed
from kosmos_nb.reporters.diff_html import diff_html, diff_page
from kosmos_nb.reporters.diff_model import ChangeRow, DiffModel, diff_model, faster_or_slower
from kosmos_nb.reporters.diff_text import diff_text
from kosmos_nb.reporters.fit import most_that_fit, saved_bytes
from kosmos_nb.reporters.flame import Box, DiffBox, diff_boxes, flame_boxes
from kosmos_nb.reporters.markup import clean
from kosmos_nb.reporters.places import short_id
from kosmos_nb.reporters.profile_html import PROFILE_WIDGET_BYTES, profile_html, profile_page
from kosmos_nb.reporters.profile_model import ProfileModel, profile_model
from kosmos_nb.reporters.profile_rows import (
    BottleneckRow,
    ChildRow,
    FunctionRow,
    LineRow,
    SiteRow,
    ThreadRow,
    TreeRow,
    hottest,
)
from kosmos_nb.reporters.profile_text import profile_text
from kosmos_nb.reporters.pstats import pstats_stats
from kosmos_nb.reporters.run_html import RUN_WIDGET_BYTES, run_html
from kosmos_nb.reporters.run_model import URGENCY, RunModel, RunRow, run_model
from kosmos_nb.reporters.run_text import run_text, shown
from kosmos_nb.reporters.screen_html import screen_html
from kosmos_nb.reporters.screen_model import ScreenModel, screen_model
from kosmos_nb.reporters.screen_text import screen_text
from kosmos_nb.reporters.speedscope import speedscope
from kosmos_nb.reporters.style import PROFILE_CSS, RUN_CSS
from kosmos_nb.reporters.terminal import cost_table, run_table, why_table
from kosmos_nb.reporters.timeline import Timeline, line_path, memory_path, timeline

__all__ = [
    "KINDS",
    "PROFILE_CSS",
    "PROFILE_WIDGET_BYTES",
    "RUN_CSS",
    "RUN_WIDGET_BYTES",
    "URGENCY",
    "Bar",
    "BottleneckRow",
    "Box",
    "ChangeRow",
    "ChildRow",
    "DiffBox",
    "DiffModel",
    "FunctionRow",
    "LineRow",
    "ProfileModel",
    "RunModel",
    "RunRow",
    "ScreenModel",
    "SiteRow",
    "ThreadRow",
    "Timeline",
    "TreeRow",
    "clean",
    "collapsed",
    "cost_table",
    "diff_boxes",
    "diff_html",
    "diff_model",
    "diff_page",
    "diff_text",
    "faster_or_slower",
    "flame_boxes",
    "hottest",
    "kinds_seen",
    "line_path",
    "memory_path",
    "most_that_fit",
    "profile_html",
    "profile_model",
    "profile_page",
    "profile_text",
    "pstats_stats",
    "run_html",
    "run_model",
    "run_table",
    "run_text",
    "saved_bytes",
    "screen_html",
    "screen_model",
    "screen_text",
    "short_id",
    "shown",
    "speedscope",
    "timeline",
    "why_table",
]

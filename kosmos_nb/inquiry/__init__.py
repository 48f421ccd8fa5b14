"""From a table and a question to verdicts that hold up.

The kernel's process imports neither scipy nor the tests: they live in the workers.
"""

from kosmos_nb.inquiry.asking import ask
from kosmos_nb.inquiry.frame import as_table
from kosmos_nb.inquiry.question import Claim, Question
from kosmos_nb.inquiry.run import ResearchRun, verdict_frame

__all__ = ["Claim", "Question", "ResearchRun", "as_table", "ask", "verdict_frame"]

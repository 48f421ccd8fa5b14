"""Where the thread was seen while it kept its tick waiting.

Python looks for signals at calls, at the start of functions and at the end of loops, not at operators:
`b @ b` for a second is followed by a tick at the next call, which had no part in it. While the C code
of an operator leaves the interpreter to others, the sampler's second thread can see where it is. As a
tick that is due comes before anything else that Python would do at such a place, the thread is in that
C code, or in another operator after it.
"""

from typing import NamedTuple

from kosmos_nb.profiling.sampling.stack import Suspension
from kosmos_nb.profiling.sampling.walk import StackKey

# A tick is that much overdue before anybody looks.
LATE_S = 0.001
# Mean distance of the looks for one that is, in those of the samples: each takes the interpreter away
# from the code for 0.1 to 0.3 ms. Nearer while it stays away; after a late one operators may be shorter.
INTERVALS = 4
STUCK_GLIMPSE_S = 0.02
OFTEN_S, LATELY_S = 0.006, 0.1
# C code that keeps the interpreter makes ticks late, too: so many looks in a row found it at work no more.
IN_VAIN = 6


class Glimpse(NamedTuple):
    """One stack, and the clocks when it was seen.

    Attributes:
        key: The stack.
        suspension: Where a coroutine waited.
        wall_s, cpu_s, process_s: Wall clock, CPU clock of the thread, CPU clock of the process.
        rss_bytes: Resident memory; None where it was not asked for.
    """

    key: StackKey
    suspension: Suspension
    wall_s: float
    cpu_s: float
    process_s: float
    rss_bytes: int | None

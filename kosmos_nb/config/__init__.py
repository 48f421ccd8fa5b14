"""Settings. Option > `%config` > environment (`KOSMOS_*`) > file > default.

`Kosmos` is plain traitlets and cheap to import; `settings()` builds the frozen settings from
environment and file with pydantic at first use.
"""

from kosmos_nb.config.kosmos import Kosmos, drop_nonsense
from kosmos_nb.config.load import forget, settings

__all__ = ["Kosmos", "drop_nonsense", "forget", "settings"]

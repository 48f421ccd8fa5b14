"""What `%load_ext kosmos_nb` puts into a shell, and what `%unload_ext kosmos_nb` takes out again."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics

from kosmos_nb.config import Kosmos, drop_nonsense
from kosmos_nb.magics import views
from kosmos_nb.magics.claim_completion import ClaimCompleter
from kosmos_nb.magics.compare import CompareMagics
from kosmos_nb.magics.completion import OptionCompleter, TabCompleter
from kosmos_nb.magics.history import HistoryMagics
from kosmos_nb.magics.profile import ProfileMagics, complain
from kosmos_nb.magics.research import ResearchMagics
from kosmos_nb.magics.screen import ScreenMagics
from kosmos_nb.magics.sql import SqlMagics
from kosmos_nb.magics.sql_completion import SqlCompleter
from kosmos_nb.runtime import runtime

# The loaded extension hangs on the shell itself: this module's own names are lost when
# `%autoreload` or a reload runs it again.
_ATTRIBUTE = "_kosmos_nb_extension"


class Extension:
    """All that kosmos_nb has in one shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        _say_dropped(drop_nonsense(shell.config))
        self.kosmos = Kosmos(parent=shell)
        self._profile = ProfileMagics(shell, self.kosmos)
        self._magics: list[Magics] = [
            self._profile,
            SqlMagics(shell),
            HistoryMagics(shell),
            CompareMagics(shell),
            ScreenMagics(shell),
            ResearchMagics(shell),
        ]
        self._completers: list[TabCompleter] = [
            OptionCompleter(shell),
            SqlCompleter(shell),
            ClaimCompleter(shell),
        ]
        # IPython keeps magics by class name, and has a HistoryMagics of its own.
        registry = shell.magics_manager.registry
        names = [type(magics).__name__ for magics in self._magics]
        self._replaced = {name: registry[name] for name in names if name in registry}

    def install(self) -> None:
        """Put everything into the shell."""
        for magics in self._magics:
            self._shell.register_magics(magics)
        self._shell.configurables.append(self.kosmos)
        self._profile.hook.install()
        for completer in self._completers:
            completer.install()
        views.install(self._shell)
        runtime().attach(self.kosmos)

    def uninstall(self) -> None:
        """Take everything out again."""
        views.uninstall()
        for completer in self._completers:
            completer.uninstall()
        self._profile.hook.uninstall()
        configurables = self._shell.configurables
        for ours in (self.kosmos, *self._magics):  # a Magics adds itself
            if ours in configurables:
                configurables.remove(ours)
        for magics in self._magics:
            self._forget(magics)
        self._shell.magics_manager.registry.update(self._replaced)
        runtime().detach()

    def _forget(self, magics: Magics) -> None:
        manager = self._shell.magics_manager
        for kind, names in magics.magics.items():
            for name, function in names.items():
                if manager.magics[kind].get(name) == function:
                    del manager.magics[kind][name]
        if manager.registry.get(type(magics).__name__) is magics:
            del manager.registry[type(magics).__name__]


def _say_dropped(dropped: dict[str, str]) -> None:
    if dropped:
        what = "; ".join(f"{name}: {why}" for name, why in dropped.items())
        complain(f"settings that make no sense are left out. {what}")


def load(shell: Any) -> None:
    """Add kosmos_nb to an IPython shell; a second time does nothing."""
    if getattr(shell, _ATTRIBUTE, None) is None:
        extension = Extension(shell)
        extension.install()
        setattr(shell, _ATTRIBUTE, extension)


def unload(shell: Any) -> None:
    """Take kosmos_nb out of the shell; without it there, do nothing."""
    extension = getattr(shell, _ATTRIBUTE, None)
    if extension is not None:
        extension.uninstall()
        delattr(shell, _ATTRIBUTE)

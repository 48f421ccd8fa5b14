"""Optional packages, imported at the moment of use."""

import importlib
from types import ModuleType

from kosmos_nb.core.errors import MissingExtraError


def require(module: str, *, extra: str, feature: str) -> ModuleType:
    """Import an optional module, or say which line installs it.

    Args:
        module: The module's import name.
        extra: The extra of kosmos-nb that brings it.
        feature: What the user asked for, in their words.

    Raises:
        MissingExtraError: The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{feature} needs the package {module!r}, which is not installed. "
            f"Install it with: pip install 'kosmos-nb[{extra}]'"
        ) from error

"""Libraries that only one feature needs, imported at the moment of use."""

import importlib
from types import ModuleType

from kosmos_nb.core.errors import MissingExtraError


def require(module: str, feature: str, install: str) -> ModuleType:
    """Import `module`, or say what to install.

    Args:
        module: The module to import.
        feature: What needs it, as the user asked for it: `--trace-memory`.
        install: What pip is to install.

    Raises:
        MissingExtraError: It is not installed, or cannot be loaded here.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name == module.partition(".")[0]:
            raise MissingExtraError(
                f"{feature} needs {module}, which is not installed: pip install {install}",
                feature=feature,
                install=install,
            ) from None
        why = f"it needs {error.name}"
    except ImportError as error:  # a library that is there but does not fit this system
        why = " ".join(str(error).split())
    raise MissingExtraError(
        f"{feature} needs {module}, which cannot be loaded ({why}): pip install --force-reinstall {install}",
        feature=feature,
        install=install,
    )

"""The frozen settings, built once and only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kosmos_nb.core import ConfigError

if TYPE_CHECKING:
    from kosmos_nb.config.sources import Settings

_settings: Settings | None = None


class SettingError(ConfigError):
    """A variable or a line of the configuration file makes no sense."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback; `%config Kosmos` is no magic of ours.
        return [f"kosmos_nb: {self}"]


def settings() -> Settings:
    """Return the settings of environment and file, read at the first call.

    Raises:
        ConfigError: A variable or a line of the file makes no sense; the message names it.
    """
    global _settings
    if _settings is None:
        _settings = _read()
    return _settings


def forget() -> None:
    """Read environment and file again at the next `settings()`."""
    global _settings
    _settings = None


def _read() -> Settings:
    # pydantic takes 0.1 s to import: only who needs a setting pays for it.
    from pydantic import ValidationError  # noqa: PLC0415

    from kosmos_nb.config.sources import Settings  # noqa: PLC0415

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"])
        raise SettingError(
            f"The setting {name!r} (environment KOSMOS_{name.upper()}, .env or config.toml) "
            f"is {first['input']!r}: {first['msg']}."
        ) from error
    except (OSError, ValueError) as error:
        raise SettingError(f"The configuration cannot be read: {error}.") from error

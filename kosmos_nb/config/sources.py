"""The frozen settings, read from `KOSMOS_*`, `.env` and `config.toml`."""

import math
import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import Field, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


def _default_home() -> Path:
    return platformdirs.user_state_path("kosmos_nb", appauthor=False)


def _config_file() -> Path:
    return platformdirs.user_config_path("kosmos_nb", appauthor=False) / "config.toml"


def _cores() -> int:
    return min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


class Settings(BaseSettings):
    """What can be set from outside, with its defaults.

    Attributes:
        home: Folder of the history (`KOSMOS_HOME`).
        mode: Mode of `%%kosmos_profile` without `--mode`.
        always: Profile every cell in this mode, or `off`.
        threshold_pct: A function or line above this share of the cell's time is a bottleneck.
        saved_output: What a saved notebook keeps of a result: `summary` (at most 40 kB for a
            profile, 150 kB for a run), `full`, or `none` (the text form only).
        alpha: False discovery rate of a run.
        smallest: Smallest effect of interest, on the rank and V scales.
        seed: Seed of whatever a run draws at random.
        max_parallel_experiments: Worker processes; 0 runs one after the other in this process.
        save: Whether profiles and runs go into the history.
        store_source: Whether the text of the profiled code does.
    """

    model_config = SettingsConfigDict(env_prefix="KOSMOS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(default_factory=_default_home)
    mode: Literal["light", "standard", "full"] = "standard"
    always: Literal["off", "light", "standard"] = "off"
    threshold_pct: float = Field(default=5.0, gt=0, lt=100)
    saved_output: Literal["summary", "full", "none"] = "summary"
    alpha: float = Field(default=0.05, gt=0, lt=1)
    smallest: float = Field(default=0.1, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    max_parallel_experiments: int = Field(default_factory=_cores, ge=0, le=256)
    save: bool = True
    store_source: bool = True

    @field_validator("home")
    @classmethod
    def _expand(cls, home: Path) -> Path:
        return home.expanduser()

    @field_validator("alpha", "smallest", "threshold_pct")
    @classmethod
    def _finite(cls, value: float) -> float:
        if not math.isfinite(value):
            raise ValueError("must be a finite number")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the user's `config.toml` below the environment."""
        file = TomlConfigSettingsSource(settings_cls, toml_file=_config_file())
        return init_settings, env_settings, dotenv_settings, file

"""`%config Kosmos.…`: the settings that a notebook can change while it runs."""

from typing import Any

from traitlets import Bool, Enum, Float, Int, TraitError, default, validate
from traitlets.config import Config, Configurable

from kosmos_nb.config.load import settings


class Kosmos(Configurable):
    """Settings of kosmos_nb in this kernel; each begins as environment and file say."""

    mode = Enum(["light", "standard", "full"], help="Mode of %%kosmos_profile without --mode.").tag(
        config=True
    )
    always = Enum(["off", "light", "standard"], help="Profile every cell in this mode.").tag(config=True)
    threshold_pct = Float(help="A share of the cell's time above this is a bottleneck.").tag(config=True)
    saved_output = Enum(["summary", "full", "none"], help="What a saved notebook keeps of a result.").tag(
        config=True
    )
    store_source = Bool(help="Whether the history keeps the text of the profiled code.").tag(config=True)
    alpha = Float(help="False discovery rate of a research run.").tag(config=True)
    smallest = Float(help="Smallest effect of interest, on the rank and V scales.").tag(config=True)
    seed = Int(help="Seed of whatever a run draws at random.").tag(config=True)
    workers = Int(help="Worker processes of a research run; 0 means in this process.").tag(config=True)

    @default("mode")
    def _mode(self) -> str:
        return settings().mode

    @default("always")
    def _always(self) -> str:
        return settings().always

    @default("threshold_pct")
    def _threshold_pct(self) -> float:
        return settings().threshold_pct

    @default("saved_output")
    def _saved_output(self) -> str:
        return settings().saved_output

    @default("store_source")
    def _store_source(self) -> bool:
        return settings().store_source

    @default("alpha")
    def _alpha(self) -> float:
        return settings().alpha

    @default("smallest")
    def _smallest(self) -> float:
        return settings().smallest

    @default("seed")
    def _seed(self) -> int:
        return settings().seed

    @default("workers")
    def _workers(self) -> int:
        return settings().max_parallel_experiments

    @validate("alpha", "smallest")
    def _between_0_and_1(self, proposal: dict[str, Any]) -> float:
        value = float(proposal["value"])
        if not 0 < value < 1:
            raise TraitError(f"{proposal['trait'].name} must lie between 0 and 1, not {value}.")
        return value

    @validate("threshold_pct")
    def _percentage(self, proposal: dict[str, Any]) -> float:
        value = float(proposal["value"])
        if not 0 < value < 100:
            raise TraitError(f"threshold_pct must lie between 0 and 100, not {value}.")
        return value

    @validate("seed", "workers")
    def _not_negative(self, proposal: dict[str, Any]) -> int:
        value = int(proposal["value"])
        if value < 0:
            raise TraitError(f"{proposal['trait'].name} cannot be negative, not {value}.")
        return value


def drop_nonsense(config: Config) -> dict[str, str]:
    """Take out of `config` what `Kosmos` would refuse, so that making one cannot fail.

    IPython keeps what `%config` was told even when it was refused.

    Returns:
        What was taken out (`Kosmos.name = value`), and why.
    """
    ours = config.get("Kosmos", {})
    dropped: dict[str, str] = {}
    for name, value in list(ours.items()):
        why = _complaint(name, value)
        if why is not None:
            del ours[name]
            dropped[f"Kosmos.{name} = {value!r}"] = why
    return dropped


def _complaint(name: str, value: object) -> str | None:
    if name not in Kosmos.class_trait_names(config=True):
        return "there is no such setting"
    try:
        Kosmos(config=Config({"Kosmos": {name: value}}))
    except TraitError as error:
        return " ".join(str(error).split()).removesuffix(".")
    return None

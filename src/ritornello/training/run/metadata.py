"""The metadata of a run: whole in its checkpoint; in its log without places on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ritornello.model.options import NetworkOptions
from ritornello.training.plan import Plan

OPTIONAL = ("parent", "base", "job", "demo")  # left out where the run has none
PRIVATE = ("options", "source", "base", "job")  # needed to resume alone: they may name places on this machine
VALIDATION = "held_out"  # its name in files


@dataclass(frozen=True)
class RunMetadata:
    """Plan, network and data of a run.

    encoding: its options. corpus: see `material.corpus_metadata`. validation: melodies, tokens and notes of a check.
    options: of training. source: where the corpus was read from. parent, base: of a fine-tuned run, the base as its
    model file describes it, and where it is. job: of `torchrun`. demo: whether a demo began it.
    """

    plan: Plan
    network: NetworkOptions
    encoding: dict[str, Any]
    corpus: dict[str, Any]
    validation: dict[str, int]
    options: dict[str, Any]
    source: str = ""
    parent: dict[str, Any] | None = None
    base: str = ""
    job: str = ""
    demo: bool = False

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunMetadata:
        """Read the metadata of a checkpoint back."""
        plan, network = Plan(**values["plan"]), NetworkOptions(**values["network"])
        named = {VALIDATION: "validation"}
        return cls(**{named.get(k, k): v for k, v in values.items()} | {"plan": plan, "network": network})

    def to_dict(self) -> dict[str, Any]:
        """Return the plain values by their names in files."""
        values = {name: value for name, value in asdict(self).items() if value or name not in OPTIONAL}
        values[VALIDATION] = values.pop("validation")
        return values

    def public(self) -> dict[str, Any]:
        """Return the values of `to_dict` that anyone may read."""
        return {name: value for name, value in self.to_dict().items() if name not in PRIVATE}

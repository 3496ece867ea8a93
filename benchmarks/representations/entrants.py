"""Who takes part: encodings, networks, and the ingredients that the ablation adds and leaves out. A line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

METRE = ["position", "strength", "metre"]
PLACE = ["position"]
PAST = ["bar_ago", "two_bars_ago"]
OWN = ["own"]
MEMORY = [*OWN, "corpus"]
ATTENTION = {"attention": 40}


@dataclass(frozen=True)
class Entrant:
    """encoding: what `make_encoding` takes. network: NetworkOptions that differ; the budget sets the width."""

    name: str
    encoding: dict[str, Any]
    network: dict[str, Any] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        """Whether it is the exercise's way, which the others are measured by: any resolution, nothing added."""
        return (
            self.encoding["name"] == "grid"
            and self.encoding.keys() <= {"name", "steps_per_quarter"}
            and not self.network
        )


# `note`, `interval` and whatever copies know metre and place in the bar; `lookback` has the inputs of Magenta's.
REPRESENTATIONS: dict[str, dict[str, Any]] = {
    "grid": {"name": "grid"},
    "grid, 12 steps": {"name": "grid", "steps_per_quarter": 12},
    "grid, plain": {"name": "grid", "plain": True},
    "lookback": {"name": "lookback", "inputs": [*PLACE, *PAST]},
    "note": {"name": "note", "inputs": METRE},
    "interval to the key": {"name": "interval", "inputs": METRE},
    "interval to the note before": {"name": "interval", "relative_to": "previous", "inputs": METRE},
    "MidiTok REMI": {"name": "miditok", "tokenizer": "REMI"},
    "interval to the key, memory": {"name": "interval", "inputs": METRE, "memory": MEMORY},
}
NETWORKS: dict[str, dict[str, Any]] = {"lstm": {}, "attention": ATTENTION}
ENTRANTS = [
    Entrant(f"{name}, {kind}", encoding, network)
    for kind, network in NETWORKS.items()
    for name, encoding in REPRESENTATIONS.items()
]


@dataclass(frozen=True)
class Ingredient:
    """What an entrant has and `without` lacks, all else being equal."""

    name: str
    entrant: Entrant
    without: Entrant


def _of(
    name: str, inputs: Sequence[str] = (), memory: Sequence[str] = (), attention: bool = False, **options: Any
) -> Entrant:
    """Make an entrant named by its parts."""
    encoding = {"name": name, **options}
    encoding |= {key: list(names) for key, names in (("inputs", inputs), ("memory", memory)) if names}
    parts = [name, *map(str, options.values()), *inputs]
    parts += [] if not memory else ["memory"] if memory == MEMORY else [f"memory of {memory[0]}"]
    parts += ["attention"] if attention else []
    return Entrant(" + ".join(parts), encoding, ATTENTION if attention else {})


GRID, NOTE, INTERVAL = _of("grid"), _of("note"), _of("interval")
FULL = _of("interval", METRE, MEMORY)
ABLATION = [
    # added to the grid, one at a time
    Ingredient("no hold tokens", NOTE, GRID),
    Ingredient("metre and place in the bar", _of("grid", METRE), GRID),
    Ingredient("one and two bars ago as inputs", _of("grid", [*PLACE, *PAST]), _of("grid", PLACE)),
    Ingredient("labels for what is as bars ago", _of("lookback", [*PLACE, *PAST]), _of("grid", [*PLACE, *PAST])),
    Ingredient("attention", _of("grid", attention=True), GRID),
    # added one upon the other
    Ingredient("metre and place in the bar", _of("note", METRE), NOTE),
    Ingredient("pitch relative to the key", _of("interval", METRE), _of("note", METRE)),
    Ingredient(
        "pitch relative to the note before", _of("interval", METRE, relative_to="previous"), _of("note", METRE)
    ),
    Ingredient("one and two bars ago as inputs", _of("interval", [*METRE, *PAST]), _of("interval", METRE)),
    Ingredient("memory of the tune so far", _of("interval", METRE, OWN), _of("interval", METRE)),
    Ingredient("memory of the training tunes", FULL, _of("interval", METRE, OWN)),
    Ingredient("attention", _of("interval", METRE, MEMORY, attention=True), FULL),
    # left out of the whole
    Ingredient("metre and place in the bar", FULL, _of("interval", (), MEMORY)),
    Ingredient("memory", FULL, _of("interval", METRE)),
]


def ablation_entrants() -> list[Entrant]:
    """List the entrants of the ablation, each once."""
    found = {entrant.name: entrant for row in ABLATION for entrant in (row.without, row.entrant)}
    return list(found.values())


def chosen(entrants: Sequence[Entrant], patterns: Sequence[str]) -> list[Entrant]:
    """Choose the entrants whose name fits a pattern ("note*"). Raises ValueError if none does."""
    found = [e for e in entrants if not patterns or any(fnmatch(e.name, pattern) for pattern in patterns)]
    if not found:
        raise ValueError(f"none of these is called so: {', '.join(e.name for e in entrants)}")
    return found

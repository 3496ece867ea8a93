"""Who takes part: encodings, networks, and the ingredients that the ablation adds and leaves out. A line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

METRE = ["position", "strength", "metre"]
PLACE = ["position"]
PAST = ["bar_ago", "two_bars_ago"]


@dataclass(frozen=True)
class Entrant:
    """encoding: what `make_encoding` takes. network: NetworkOptions that differ; the budget sets the width."""

    name: str
    encoding: dict[str, Any]
    network: dict[str, Any] = field(default_factory=dict)

    @property
    def is_reference(self) -> bool:
        """Whether it is the exercise's way, which the others are measured by: any resolution, nothing added."""
        added = self.encoding.get("plain") or self.encoding.get("inputs") or self.network
        return self.encoding["name"] == "grid" and not added


REPRESENTATIONS: dict[str, dict[str, Any]] = {
    "grid": {"name": "grid"},
    "grid, 12 steps": {"name": "grid", "steps_per_quarter": 12},
    "grid, plain": {"name": "grid", "plain": True},
    "lookback": {"name": "lookback"},
    "note": {"name": "note"},
    "note, metre": {"name": "note", "inputs": METRE},
    "interval to the key": {"name": "interval"},
    "interval to the key, metre": {"name": "interval", "inputs": METRE},
    "interval to the key, metre, past": {"name": "interval", "inputs": [*METRE, *PAST]},
    "interval to the note before": {"name": "interval", "relative_to": "previous"},
    "MidiTok REMI": {"name": "miditok", "tokeniser": "REMI"},
}
NETWORKS: dict[str, dict[str, Any]] = {"lstm": {}, "attention": {"attention": 40}}
ENTRANTS = [
    Entrant(f"{name}, {kind}", encoding, network)
    for kind, network in NETWORKS.items()
    for name, encoding in REPRESENTATIONS.items()
]


@dataclass(frozen=True)
class Ingredient:
    """What an entrant has that `without` lacks, all else being equal."""

    name: str
    entrant: Entrant
    without: Entrant


def _of(name: str, inputs: Sequence[str] = (), attention: int = 0, **options: Any) -> Entrant:
    """An entrant named by what it is made of."""
    added = [*inputs, *(["attention"] if attention else [])]
    encoding = {"name": name, **options} | ({"inputs": list(inputs)} if inputs else {})
    return Entrant(" + ".join([name, *added]), encoding, {"attention": attention} if attention else {})


GRID, NOTE, INTERVAL = _of("grid"), _of("note"), _of("interval")
FULL = _of("interval", [*METRE, *PAST], attention=40)
ABLATION = [
    # added to the grid, one at a time
    Ingredient("no hold tokens", NOTE, GRID),
    Ingredient("metre and place in the bar", _of("grid", METRE), GRID),
    Ingredient("one and two bars ago", _of("grid", [*METRE, *PAST]), _of("grid", METRE)),
    Ingredient("attention", _of("grid", attention=40), GRID),
    Ingredient("labels for what is as bars ago", _of("lookback", [*PLACE, *PAST]), _of("grid", [*PLACE, *PAST])),
    # added one upon the other
    Ingredient("metre and place in the bar", _of("note", METRE), NOTE),
    Ingredient("pitch relative to the key", _of("interval", METRE), _of("note", METRE)),
    Ingredient("pitch relative to the note before", _of("interval", relative_to="previous"), NOTE),
    Ingredient("one and two bars ago", _of("interval", [*METRE, *PAST]), _of("interval", METRE)),
    Ingredient("attention", FULL, _of("interval", [*METRE, *PAST])),
    # left out of the whole
    Ingredient("metre and place in the bar", FULL, _of("interval", PAST, attention=40)),
    Ingredient("pitch relative to the key", FULL, _of("note", [*METRE, *PAST], attention=40)),
    Ingredient("one and two bars ago", FULL, _of("interval", METRE, attention=40)),
]


def ablation_entrants() -> list[Entrant]:
    """Everybody whom the ablation needs, each once."""
    found = {entrant.name: entrant for row in ABLATION for entrant in (row.without, row.entrant)}
    return list(found.values())


def chosen(entrants: Sequence[Entrant], patterns: Sequence[str]) -> list[Entrant]:
    """Those whose name fits any of the patterns ("note*"), all without patterns. Raises ValueError for none."""
    found = [e for e in entrants if not patterns or any(fnmatch(e.name, pattern) for pattern in patterns)]
    if not found:
        raise ValueError(f"none of these is called so: {', '.join(e.name for e in entrants)}")
    return found

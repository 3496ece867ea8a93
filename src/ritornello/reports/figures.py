"""Figures by name that print short: what a notebook or a terminal shows of them fits on a screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 24  # entries
LONGEST = 60  # characters of a value


class Figures(dict[str, Any]):
    """A dictionary, and those inside it, whose repr is short; `dict(figures)` prints all of it."""

    def __init__(self, values: Mapping[str, Any] = {}):
        nested = {name: Figures(value) if isinstance(value, dict) else value for name, value in values.items()}
        super().__init__(nested)

    def __repr__(self) -> str:
        shown = [f"{name!r}: {_short(value)}" for name, value in [*self.items()][:MOST]]
        more = [f"… {len(self) - MOST:,} more"] if len(self) > MOST else []
        return f"{{{', '.join([*shown, *more])}}}"


def _short(value: Any) -> str:
    """Write a value, or how much it is where that is long."""
    whole = dict.__repr__(value) if isinstance(value, dict) else repr(value)
    if len(whole) <= LONGEST:
        return whole
    if isinstance(value, dict):
        return f"{{… {len(value):,} entries}}"
    return f"[… {len(value):,} values]" if isinstance(value, list | tuple) else f"{whole[:LONGEST]}…"

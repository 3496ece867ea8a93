"""Whole numbers are asked for as such: cyclopts would round 2.5 to 2 in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from cyclopts import Token, convert


def exact(wanted: Any, tokens: Sequence[Token]) -> Any:
    """Convert words as cyclopts does, but refuse a fraction where a whole number belongs.

    Raises ValueError, to which cyclopts adds the option's name, for a fraction where a whole number belongs.
    """
    members = get_args(wanted) or (wanted,)
    if int in members and float not in members:
        for token in tokens:
            if _is_fraction(token.value):
                raise ValueError(f"a whole number is needed here, not {token.value}")
    return convert(wanted, tokens)


def _is_fraction(word: str) -> bool:
    try:
        return float(word) != int(float(word))
    except (ValueError, OverflowError):  # no number at all: cyclopts has words for that
        return False

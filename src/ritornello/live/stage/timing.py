"""How punctual the notes are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Timing(NamedTuple):
    """How punctual the last notes were.

    notes: so far. p50_ms, p99_ms: lateness. missed: notes over 20 ms late. answer_p50_ms, answer_p99_ms: from a note
    heard to the next one played, where that came within a quarter of a second. sound_ms: delay of the sample bank's
    sound, None without it.
    """

    notes: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    missed: int = 0
    answer_p50_ms: float = 0.0
    answer_p99_ms: float = 0.0
    sound_ms: float | None = None

    @property
    def jitter_ms(self) -> float:
        """The difference between the usual lateness and the greatest, p99 - p50."""
        return self.p99_ms - self.p50_ms


def percentiles(values: Iterable[float]) -> tuple[float, float]:
    """Find the median and the 99th percentile; 0 of nothing."""
    ordered = sorted(values)
    return (
        (ordered[len(ordered) // 2], ordered[min(len(ordered) * 99 // 100, len(ordered) - 1)]) if ordered else (0, 0)
    )

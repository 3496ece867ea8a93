"""What is asked for when a corpus is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ritornello.corpus.errors import CorpusError


@dataclass(frozen=True)
class BuildOptions:
    """How a corpus is built."""

    split: str = "hash"
    """"hash", or "last:SHARE" for the last share of the file order as test."""

    repeats: Literal["unfold", "written"] = "unfold"
    """"unfold" plays repeated bars as often as the score asks, "written" reads each once."""

    least_notes: int = 2
    """Melodies with fewer notes are left out."""

    rest_bars: float | None = None
    """Cut melodies at rests of so many bars or more; without it they stay whole."""

    licence: str = ""
    """Noted with every piece."""

    convention: str | None = None
    """Of token arrays: exercise, zeldic or magenta; without it, detected."""

    def __post_init__(self) -> None:
        if self.repeats not in ("unfold", "written"):
            raise CorpusError(f'repeats must be "unfold" or "written", not {self.repeats!r}')
        if self.least_notes < 1:
            raise CorpusError(f"least_notes must be 1 or more, not {self.least_notes}")
        if self.rest_bars is not None and self.rest_bars < 1:
            raise CorpusError(f"rest_bars must be 1 or more, not {self.rest_bars}")

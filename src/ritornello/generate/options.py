"""What the player asks for when composing."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class GenerateOptions:
    """How to compose.

    bars: 1 to 512, a pick-up not counted. temperature: 0 (safest) to 10, 1 as learned. top_k: 0 for all.
    top_p: (0, 1]. min_p: 0 to 1. metre: "3/4"; None draws one as the corpus has them. key: "G", "F#m"; the tune
    is moved there. scale_lock: only notes of the key's scale (the key is C where none is given). lowest,
    highest: pitches not to be left. qpm: quarter notes per minute, 10 to 400. flat: all notes equally loud.
    """

    bars: int = 8
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 0.95
    min_p: float = 0.0
    metre: str | None = None
    key: str | None = None
    scale_lock: bool = False
    lowest: int = 0
    highest: int = 127
    qpm: float = 100.0
    flat: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= 512:
            raise ValueError(f"bars must be 1 to 512, not {self.bars}")
        for name, low, high in (("temperature", 0, 10), ("min_p", 0, 1), ("qpm", 10, 400)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be {low} to {high}, not {getattr(self, name)}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, not {self.top_p}")
        if self.top_k < 0:
            raise ValueError(f"top_k must be 0 or more, not {self.top_k}")
        if not 0 <= self.lowest < self.highest <= 127 or self.highest - self.lowest < 4:
            raise ValueError(f"the range must lie in 0 to 127 and span 4 semitones or more, not {self.lowest}-{self.highest}")

    def described(self) -> dict:
        """The fields by name."""
        return asdict(self)

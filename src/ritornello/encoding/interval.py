"""interval: as `note`, but pitches are relative: a tune and its transposition are one sequence but for the header.

    begin_4/4 none | key_major 7, octave 6 | offset 6 quarters_1 | offset 8 quarters_1 | ... | end

The header names the key and, once, the octave. Relative to the key, an offset is counted in semitones from the
reference tonic: 12 x octave + degree, where the degree in semitones above the tonic says step and alteration (in
major 0 2 4 5 7 9 11 are the scale, the others altered). Id n is the offset n - 6. The reference is the tonic nearest
to the lowest note, which lies 6 semitones below to 5 above it. Relative to the note before, id n is the interval
n - 127; the first note is counted from the tonic nearest to itself.

The key is the melody's own, else the one that its notes suggest; decoding is exact whichever it is. Enharmonic keys
count as one (C sharp as D flat major).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ritornello.encoding.group_layout import BELOW, LOWEST_TONIC
from ritornello.encoding.groups import GroupEncoding

KEY_OFFSETS = 127 - LOWEST_TONIC + BELOW + 1


@dataclass(frozen=True)
class IntervalEncoding(GroupEncoding):
    """Relative pitches. relative_to: "key" or "previous". inputs: of `side_inputs.INPUTS`."""

    relative_to: str = "key"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.relative_to not in ("key", "previous"):
            raise ValueError(f'relative_to must be "key" or "previous", not {self.relative_to!r}')

    @property
    def name(self) -> str:
        """Its name in ENCODINGS."""
        return "interval"

    @property
    def is_keyed(self) -> bool:
        """Its header names the key."""
        return True

    @property
    def is_chained(self) -> bool:
        """Whether pitches are counted from the note before."""
        return self.relative_to == "previous"

    @property
    def lowest(self) -> int:
        """The offset that id 0 stands for."""
        return -127 if self.is_chained else -BELOW

    @property
    def pitch_row(self) -> tuple[str, int, str]:
        """The row of the relative pitches."""
        if self.is_chained:
            return ("interval", 255, "a note so many semitones, less 127, above the one before")
        return ("offset", KEY_OFFSETS, f"a note so many semitones, less {BELOW}, above the reference tonic")

    def options(self) -> dict[str, Any]:
        """What `make_encoding` needs to build this encoding again."""
        return {**super().options(), "relative_to": self.relative_to}

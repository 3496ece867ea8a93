"""One piece of a corpus, where its notes lie, and its line in `pieces.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.music.chords import read_chord
from ritornello.music.values import ChordChanges, Key, Metre, Tempo, Timeline

NOTE_DTYPE = np.dtype([("start", "<i8"), ("duration", "<i8"), ("pitch", "u1"), ("velocity", "u1"), ("part", "u1")])
"""One note of a corpus: start and duration in ticks of its melody, pitch 0-127, velocity 1-127, part from 0."""

PARTLESS_DTYPE = np.dtype(NOTE_DTYPE.descr[:4])
"""The layout of files without a `part` column, and of what digests of melodies are made of."""

KEPT_MUSIC = {"melody": "melodies", "voices": "voices", "all": "every note of every part"}
"""What a corpus may keep of its pieces, and an encoding write: its name and in words."""

NoteArray = NDArray[np.void]

_TEXTS = ("source", "title", "composer", "licence", "family", "split")  # fields of a piece that are plain text


@dataclass(frozen=True, slots=True)
class MelodySlice:
    """One melody of a piece: notes `first` up to `stop` of the corpus, and the timeline they lie on.

    steps: where its tokens lie in the corpus's step array, for a melody read from a token array, else None.
    chords: its chord symbols, kept in a file of their own.
    """

    first: int
    stop: int
    timeline: Timeline
    steps: tuple[int, int] | None = None
    chords: ChordChanges = ()

    @property
    def notes(self) -> int:
        """Number of notes."""
        return self.stop - self.first

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `pieces.jsonl`."""
        line: dict[str, Any] = {"notes": [self.first, self.stop], **self.timeline.to_dict()}
        if self.steps is not None:
            line["steps"] = list(self.steps)
        return line

    def chords_to_list(self) -> list[list[Any]]:
        """List plain values for `chords.jsonl`: tick and symbol, as the key spells it."""
        return [[tick, chord.name(self.timeline.key_at(tick))] for tick, chord in self.chords]

    def with_chords(self, line: Sequence[Sequence[Any]]) -> MelodySlice:
        """Add the chords of a line of `chords.jsonl`. Raises TypeError or ValueError."""
        chords = tuple((int(tick), read_chord(name, self.timeline.key_at(tick))) for tick, name in line)
        return replace(self, chords=chords)

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> MelodySlice:
        """Rebuild it from `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        first, stop = line["notes"]
        timeline = Timeline(
            line["ticks_per_quarter"],
            line["length"],
            tuple(map(Metre.from_list, line["metres"])),
            tuple(Key(*k) for k in line["keys"]),
            tuple(Tempo(*t) for t in line["tempos"]),
        )
        steps = line.get("steps")
        return cls(int(first), int(stop), timeline, None if steps is None else (int(steps[0]), int(steps[1])))


@dataclass(frozen=True, slots=True)
class CorpusPiece:
    """A source work in a corpus: what it is, whose it is, which family and split, and its melodies.

    A piece that long rests cut into segments has one melody for each; all of them share its split.
    family: the same text for pieces that are the same tune (see `families`). split: train, validation or test.
    parts: name and program of each part, where the corpus keeps several; () where it keeps melodies.
    """

    source: str
    melodies: tuple[MelodySlice, ...]
    title: str = ""
    composer: str = ""
    licence: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    family: str = ""
    split: str = "train"
    parts: tuple[tuple[str, int], ...] = ()

    @property
    def notes(self) -> int:
        """Number of notes in all its melodies."""
        return sum(m.notes for m in self.melodies)

    def to_dict(self) -> dict[str, Any]:
        """List plain values for `pieces.jsonl`, with its first key, metre and tempo."""
        timeline = self.melodies[0].timeline
        key = timeline.key
        return {
            **{name: getattr(self, name) for name in _TEXTS},
            "key": None if key is None else [key.fifths, key.mode],
            "metre": timeline.metre.name,
            "tempo": timeline.qpm,
            "provenance": dict(self.provenance),
            **({"parts": [list(part) for part in self.parts]} if self.parts else {}),
            "melodies": [m.to_dict() for m in self.melodies],
        }

    @property
    def has_chords(self) -> bool:
        """Whether any of its melodies has chord symbols."""
        return any(part.chords for part in self.melodies)

    @classmethod
    def from_dict(cls, line: Mapping[str, Any]) -> CorpusPiece:
        """Rebuild it from `to_dict`. Raises KeyError, TypeError or ValueError for anything else."""
        melodies = tuple(MelodySlice.from_dict(m) for m in line["melodies"])
        if not melodies:
            raise ValueError("a piece without melodies")
        parts = tuple((str(name), int(program)) for name, program in line.get("parts", ()))
        texts = {name: line[name] for name in _TEXTS}
        return cls(melodies=melodies, provenance=line["provenance"], parts=parts, **texts)


def end_to_end(pieces: Iterable[CorpusPiece]) -> tuple[CorpusPiece, ...]:
    """Move the slices of pieces so that their notes lie end to end, and so do their steps."""
    moved, first, first_step = [], 0, 0
    for piece in pieces:
        slices = []
        for part in piece.melodies:
            steps = None
            if part.steps is not None:
                steps = first_step, first_step + part.steps[1] - part.steps[0]
                first_step = steps[1]
            slices.append(MelodySlice(first, first + part.notes, part.timeline, steps, part.chords))
            first += part.notes
        moved.append(replace(piece, melodies=tuple(slices)))
    return tuple(moved)


def with_chords(pieces: Iterable[CorpusPiece], lines: Iterable[Sequence[Any]]) -> tuple[CorpusPiece, ...]:
    """Add chords to the melodies of pieces, a line for each. Raises as MelodySlice does."""
    found = iter(lines)
    return tuple(
        replace(piece, melodies=tuple(part.with_chords(next(found, ())) for part in piece.melodies))
        for piece in pieces
    )


def with_parts(notes: NDArray[Any]) -> NDArray[Any]:
    """Add part 0 to notes of PARTLESS_DTYPE; return any other array as it is."""
    if notes.dtype != PARTLESS_DTYPE:
        return notes
    whole = np.zeros(notes.shape, NOTE_DTYPE)
    for name in PARTLESS_DTYPE.names or ():
        whole[name] = notes[name]
    return whole


def digest_bytes(notes: NoteArray) -> bytes:
    """Lay out notes for a digest, without `part` where it is 0 throughout, as older files did."""
    if notes["part"].any():
        return notes.tobytes()
    return notes[list(PARTLESS_DTYPE.names or ())].astype(PARTLESS_DTYPE).tobytes()

"""What one input file gives: notes, pieces, and a reason for whatever it does not give.

Rows travel from workers to the program and lie in its journal as plain bytes: a header in JSON, led by its length,
then the notes and the steps as they lie in memory. Nothing in them is executed, and every value is checked when
they are rebuilt.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pieces import NOTE_DTYPE, PARTLESS_DTYPE, CorpusPiece, NoteArray, with_parts
from ritornello.corpus.report import REMEDIES

Remark = tuple[str, str]
"""A code of the report and its detail."""


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """The rows of one file.

    pieces: what is kept, their slices counted in `notes` and `steps` of this file alone.
    notes: (notes,) of NOTE_DTYPE. steps: (steps,) uint8 of a file of token arrays, else None.
    prints: for each piece the fingerprint of its tune (see `families`).
    problems: why something was left out, as (reason code, detail). warnings: what was kept in spite of a doubt.
    losses: counted by name. detected: what the file turned out to be, where that is worth saying.
    """

    pieces: tuple[CorpusPiece, ...] = ()
    notes: NoteArray = field(default_factory=lambda: np.zeros(0, NOTE_DTYPE))
    steps: NDArray[np.uint8] | None = None
    prints: tuple[str, ...] = ()
    problems: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    detected: str = ""

    @classmethod
    def refused(cls, reason: str, detail: str = "") -> FileRows:
        """The rows of a file that gave nothing."""
        return cls(problems=((reason, detail),))

    def to_dict(self) -> dict[str, Any]:
        """All but the arrays, as plain values."""
        return {
            "pieces": [p.to_dict() for p in self.pieces],
            "prints": self.prints,
            "problems": self.problems,
            "warnings": self.warnings,
            "losses": dict(self.losses),
            "detected": self.detected,
        }

    @classmethod
    def from_json(cls, line: Mapping[str, Any], notes: NoteArray, steps: NDArray[np.uint8] | None) -> FileRows:
        """Back from `to_json` and the arrays. Raises ValueError where they are not rows or do not fit together."""
        try:
            rows = cls(
                tuple(CorpusPiece.from_json(p) for p in line["pieces"]),
                notes,
                steps,
                tuple(str(p) for p in line["prints"]),
                _remarks(line["problems"]),
                _remarks(line["warnings"]),
                {str(name): int(count) for name, count in line["losses"].items()},
                str(line["detected"]),
            )
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"not the rows of a file ({type(error).__name__}: {error})") from None
        _check(rows)
        return rows

    def to_bytes(self) -> bytes:
        """One message that `from_bytes` reads."""
        header = json.dumps(self.to_dict(), separators=(",", ":")).encode("ascii")
        steps = b"" if self.steps is None else self.steps.tobytes()
        sizes = struct.pack(">IIi", len(header), len(self.notes), -1 if self.steps is None else len(steps))
        return b"".join((sizes, header, self.notes.tobytes(), steps))

    @classmethod
    def from_bytes(cls, message: bytes) -> FileRows:
        """Rows from the bytes of `to_bytes`. Raises ValueError for anything else."""
        try:
            size, notes, steps = struct.unpack_from(">IIi", message)
            start, rest = 12 + size, max(steps, 0)
            old = start + notes * PARTLESS_DTYPE.itemsize + rest == len(message)  # a journal without parts
            dtype = PARTLESS_DTYPE if old else NOTE_DTYPE
            stop = start + notes * dtype.itemsize
            if stop + rest != len(message):
                raise ValueError(f"{len(message)} bytes where {stop + rest} are promised")
            header = json.loads(message[12:start])
        except (struct.error, ValueError, RecursionError) as error:
            raise ValueError(f"not the rows of a file ({error})") from None
        table = with_parts(np.frombuffer(message, dtype, notes, start))
        return cls.from_json(header, table, None if steps < 0 else np.frombuffer(message, np.uint8, steps, stop))


def _remarks(pairs: Sequence[Sequence[Any]]) -> tuple[Remark, ...]:
    """Codes and details. Raises ValueError for a code that the report does not know."""
    unknown = [code for code, _ in pairs if code not in REMEDIES]
    if unknown:
        raise ValueError(f"there is no reason {unknown[0]!r}")
    return tuple((str(code), str(detail)) for code, detail in pairs)


def _check(rows: FileRows) -> None:
    """Raise ValueError unless the slices lie end to end over the arrays and every value is in range."""
    notes, first, first_step = rows.notes, 0, 0
    if len(rows.prints) != len(rows.pieces):
        raise ValueError(f"{len(rows.pieces)} pieces with {len(rows.prints)} fingerprints")
    for part in (part for piece in rows.pieces for part in piece.melodies):
        if part.first != first or part.stop < first:
            raise ValueError(f"a melody begins at note {part.first}, not {first}")
        first = part.stop
        if part.steps is not None:
            if rows.steps is None or part.steps[0] != first_step or part.steps[1] < first_step:
                raise ValueError(f"steps begin at {part.steps[0]}, not {first_step}")
            first_step = part.steps[1]
    if first != len(notes) or first_step != (0 if rows.steps is None else len(rows.steps)):
        raise ValueError(f"the pieces speak of {first} notes and {first_step} steps, there are others")
    if len(notes) and (
        notes["start"].min() < 0
        or notes["duration"].min() < 1
        or notes["pitch"].max() > 127
        or not 1 <= notes["velocity"].min() <= notes["velocity"].max() <= 127
    ):
        raise ValueError("a note lies out of range")
    if rows.steps is not None and rows.steps.max(initial=0) > 129:
        raise ValueError("a step token lies out of range")

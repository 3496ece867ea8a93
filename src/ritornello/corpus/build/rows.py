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
from ritornello.corpus.store import Corpus, check_corpus, joined
from ritornello.music.errors import Remark


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """What one file gives: a corpus of its pieces, with remarks.

    corpus: what is kept, without report, families and splits. prints: of each piece, the fingerprint of its melodies
    (see `families`). problems: why something was left out, as (reason code, detail). warnings: doubts about what was
    kept. losses: counted by name. detected: what the file turned out to be, where its name does not say it.
    """

    corpus: Corpus = field(default_factory=lambda: joined(()))
    prints: tuple[str, ...] = ()
    problems: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    losses: Mapping[str, int] = field(default_factory=dict)
    detected: str = ""

    @classmethod
    def refused(cls, reason: str, detail: str = "") -> FileRows:
        """Make the rows of a file that gave nothing."""
        return cls(problems=((reason, detail),))

    def to_dict(self) -> dict[str, Any]:
        """List all but the arrays as plain values."""
        return {
            "pieces": [p.to_dict() for p in self.corpus.pieces],
            "prints": self.prints,
            "problems": self.problems,
            "warnings": self.warnings,
            "losses": dict(self.losses),
            "detected": self.detected,
        }

    @classmethod
    def from_dict(cls, line: Mapping[str, Any], notes: NoteArray, steps: NDArray[np.uint8] | None) -> FileRows:
        """Rebuild rows from `to_dict` and the arrays. Raises ValueError where they are not rows."""
        try:
            rows = cls(
                Corpus(notes, tuple(CorpusPiece.from_dict(p) for p in line["pieces"]), steps=steps),
                tuple(str(p) for p in line["prints"]),
                _remarks(line["problems"]),
                _remarks(line["warnings"]),
                {str(name): int(count) for name, count in line["losses"].items()},
                str(line["detected"]),
            )
            if len(rows.prints) != len(rows.corpus):
                raise ValueError(f"{len(rows.corpus)} pieces with {len(rows.prints)} fingerprints")
            check_corpus(rows.corpus)
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"not the rows of a file ({type(error).__name__}: {error})") from None
        return rows

    def to_bytes(self) -> bytes:
        """Write the rows as one message that `from_bytes` reads."""
        header = json.dumps(self.to_dict(), separators=(",", ":")).encode("ascii")
        notes, steps = self.corpus.notes, self.corpus.steps
        tokens = b"" if steps is None else steps.tobytes()
        sizes = struct.pack(">IIi", len(header), len(notes), -1 if steps is None else len(tokens))
        return b"".join((sizes, header, notes.tobytes(), tokens))

    @classmethod
    def from_bytes(cls, message: bytes) -> FileRows:
        """Read rows from the bytes of `to_bytes`. Raises ValueError for anything else."""
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
        table = with_parts(np.frombuffer(message, dtype, notes, start).copy())  # the message itself may go
        tokens = None if steps < 0 else np.frombuffer(message, np.uint8, steps, stop).copy()
        return cls.from_dict(header, table, tokens)


def _remarks(pairs: Sequence[Sequence[Any]]) -> tuple[Remark, ...]:
    """Read codes and details. Raises ValueError for a code that the report does not know."""
    unknown = [code for code, _ in pairs if code not in REMEDIES]
    if unknown:
        raise ValueError(f"there is no reason {unknown[0]!r}")
    return tuple((str(code), str(detail)) for code, detail in pairs)

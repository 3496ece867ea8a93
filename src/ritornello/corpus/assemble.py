"""From the rows of all files to a corpus: copies, families, splits and the report, in the order of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families import with_families, without_copies
from ritornello.corpus.pieces import NOTE_DTYPE, CorpusPiece
from ritornello.corpus.report import KEPT, REMEDIES, FileReport, dropped
from ritornello.corpus.rows import FileRows, Remark
from ritornello.corpus.split import SplitRule, with_splits
from ritornello.corpus.store import Corpus


class _Tune(NamedTuple):
    """A piece as far as the report speaks of it."""

    source: str
    melodies: int
    notes: int


@dataclass(slots=True)
class _File:
    """What the report needs of one file; its notes are on the shelf."""

    name: str
    problems: tuple[Remark, ...]
    warnings: tuple[Remark, ...]
    losses: Mapping[str, int]
    detected: str
    tunes: tuple[_Tune, ...]


def assemble(files: Iterable[tuple[str, FileRows]], rule: SplitRule) -> Corpus:
    """The corpus of files given as (name, rows), in that order.

    Under a hashed split only the first of the pieces with one fingerprint is looked at further, so that a corpus of
    copies needs no more memory than what it is copied from. Raises CorpusError, with the report, where nothing is
    left.
    """
    shelf = _Shelf(keeps_copies=rule.explicit)
    seen = [shelf.take(name, rows) for name, rows in files]
    corpus = with_families(shelf.corpus())
    twins = shelf.twins
    if not rule.explicit:
        corpus, pairs = without_copies(corpus)
        near = {copy.source: twin.source for copy, twin in pairs}
        twins = {copy: near.get(twin, twin) for copy, twin in twins.items()} | near
    corpus = with_splits(corpus, rule)
    crossing = _crossing_copies(corpus) if rule.explicit else {}
    report = tuple(_report(file, twins, crossing) for file in seen)
    if not corpus.pieces:
        raise CorpusError(_nothing_kept(report), report)
    return replace(corpus, report=report)


class _Shelf:
    """Pieces laid end to end as they come."""

    def __init__(self, keeps_copies: bool) -> None:
        self.twins: dict[str, str] = {}
        self._keeps_copies = keeps_copies
        self._first: dict[str, str] = {}
        self._pieces: list[CorpusPiece] = []
        self._notes = [np.zeros(0, NOTE_DTYPE)]
        self._steps: list[np.ndarray] = []
        self._note = self._step = 0

    def take(self, name: str, rows: FileRows) -> _File:
        """Lay down what is new in the rows of a file; returns what its report needs."""
        tunes = tuple(_Tune(p.source, len(p.melodies), p.notes) for p in rows.pieces)
        for piece, tune in zip(rows.pieces, rows.prints, strict=True):
            twin = self._first.setdefault(tune, piece.source)
            if twin != piece.source and not self._keeps_copies:
                self.twins[piece.source] = twin
            else:
                self._lay(piece, rows)
        return _File(name, rows.problems, rows.warnings, rows.losses, rows.detected, tunes)

    def _lay(self, piece: CorpusPiece, rows: FileRows) -> None:
        melodies = []
        for old in piece.melodies:
            self._notes.append(rows.notes[old.first : old.stop].copy())  # not a view that holds all the rows
            melodies.append(replace(old, first=self._note, stop=self._note + old.notes))
            self._note += old.notes
            if old.steps is not None and rows.steps is not None:
                self._steps.append(rows.steps[slice(*old.steps)].copy())
                melodies[-1] = replace(melodies[-1], steps=(self._step, self._step + len(self._steps[-1])))
                self._step += len(self._steps[-1])
        self._pieces.append(replace(piece, melodies=tuple(melodies)))

    def corpus(self) -> Corpus:
        """Everything laid down so far."""
        steps = np.concatenate(self._steps) if self._steps else None
        return Corpus(np.concatenate(self._notes), tuple(self._pieces), steps=steps)


def _crossing_copies(corpus: Corpus) -> dict[str, str]:
    """Held-out pieces of a family that also trains, each with its twin in training."""
    trained = {p.family: p.source for p in corpus.in_split("train")}
    return {p.source: trained[p.family] for p in corpus.pieces if p.split != "train" and p.family in trained}


def _report(file: _File, twins: Mapping[str, str], crossing: Mapping[str, str]) -> FileReport:
    """The report line of one file, once it is known which of its tunes stay."""
    kept = [t for t in file.tunes if t.source not in twins]
    copies = [("duplicate", f"the same tune as {twins[t.source]}") for t in file.tunes if t.source in twins]
    problems = [*file.problems, *copies]
    if not kept:
        reason, detail = problems[0] if problems else ("no_notes", "")
        return dropped(file.name, reason, detail, file.losses)
    counted = Counter(reason for reason, _ in problems)
    across = [t.source for t in kept if t.source in crossing]
    remarks = [file.detected, *(f"{n} left out: {reason}" for reason, n in counted.items())]
    if across:
        remarks.append(f"{len(across)} held out though a copy trains, the first {across[0]} = {crossing[across[0]]}")
    detail = "; ".join(r for r in remarks if r)
    melodies, notes = sum(t.melodies for t in kept), sum(t.notes for t in kept)
    return FileReport(file.name, KEPT, "ok", REMEDIES["ok"], detail, len(kept), melodies, notes, file.losses)


def _nothing_kept(report: Sequence[FileReport]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in Counter(r.reason for r in report).most_common())
    return f"nothing could be kept of {len(report)} files ({counted}); the first: {str(report[0])[9:]}"

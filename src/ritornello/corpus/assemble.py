"""From the rows of all files to a corpus: copies, families, splits and the report, in the order of the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.judge import Copy, Judgement, judged
from ritornello.corpus.kin import kinship
from ritornello.corpus.likeness import line_of
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import NOTE_DTYPE
from ritornello.corpus.report import KEPT, REMEDIES, FileReport, dropped
from ritornello.corpus.rows import FileRows, Remark
from ritornello.corpus.split import SplitRule
from ritornello.corpus.store import Corpus
from ritornello.corpus.summary import strict_failure

RowsOf = Callable[[int], FileRows]


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


class Assembly:
    """Takes the rows of files in their order, as far as they are there, and makes a corpus of them.

    Of pieces with one fingerprint only the first is looked at further, unless copies are to stay: a folder of copies
    needs no more memory than what it is copied from.
    """

    def __init__(self, names: Sequence[str], rows_of: RowsOf, options: BuildOptions) -> None:
        self._names, self._rows_of, self._options = names, rows_of, options
        self._shelf = _Shelf(options)
        self._files: list[_File] = []

    def advance(self, is_there: Callable[[int], bool]) -> None:
        """Take files from the first that is not taken yet up to the first whose rows are not there."""
        while (place := len(self._files)) < len(self._names) and is_there(place):
            self._files.append(self._shelf.take(self._names[place], place, self._rows_of(place)))

    def corpus(self) -> Corpus:
        """The corpus of all files, whose rows must be there now.

        Raises CorpusError, with the report, where nothing is left, or where the options are strict and a file wants
        attention.
        """
        self.advance(lambda _: True)
        judgement = judged(self._shelf.corpus(), self._options, self._shelf.prints)
        copies = {**judgement.copies, **_early_copies(self._shelf, judgement, self._rows_of)}
        report = tuple(_report(file, copies, judgement.crossing) for file in self._files)
        if not judgement.corpus.pieces:
            raise CorpusError(_nothing_kept(report), report)
        failure = strict_failure(report) if self._options.strict else ""
        if failure:
            raise CorpusError(failure, report)
        return replace(judgement.corpus, report=report)


class _Shelf:
    """Pieces in the order in which they come, each as a corpus of its own until they are put end to end.

    prints: their fingerprints. early: copies that were not laid down, by source, with the place of their file.
    """

    def __init__(self, options: BuildOptions) -> None:
        self.prints: list[str] = []
        self.early: dict[str, tuple[int, Copy]] = {}
        self._keeps_copies = options.keep_copies or SplitRule.parse(options.split).explicit
        self._first: dict[str, int] = {}
        self._pieces: list[Corpus] = []

    def take(self, name: str, place: int, rows: FileRows) -> _File:
        """Lay down what is new in the rows of a file; returns what its report needs."""
        whole = Corpus(rows.notes, rows.pieces, steps=rows.steps)
        for index, (piece, tune) in enumerate(zip(rows.pieces, rows.prints, strict=True)):
            first = self._first.setdefault(tune, len(self._pieces))
            if first == len(self._pieces) or self._keeps_copies:
                self._pieces.append(whole.selected([piece]))
                self.prints.append(tune)
            else:
                self.early[piece.source] = (place, _copy(whole, index, self._pieces[first]))
        tunes = tuple(_Tune(name if p.source == name else p.source, len(p.melodies), p.notes) for p in rows.pieces)
        return _File(name, rows.problems, rows.warnings, rows.losses, rows.detected, tunes)

    def corpus(self) -> Corpus:
        """Everything laid down, end to end."""
        pieces, note, step = [], 0, 0
        for one in self._pieces:
            melodies = []
            for part in one.pieces[0].melodies:
                steps = None if part.steps is None else (part.steps[0] + step, part.steps[1] + step)
                melodies.append(replace(part, first=part.first + note, stop=part.stop + note, steps=steps))
            pieces.append(replace(one.pieces[0], melodies=tuple(melodies)))
            note += len(one.notes)
            step += 0 if one.steps is None else len(one.steps)
        notes = np.concatenate([np.zeros(0, NOTE_DTYPE), *(one.notes for one in self._pieces)])
        arrays = [one.steps for one in self._pieces if one.steps is not None]
        return Corpus(notes, tuple(pieces), steps=np.concatenate(arrays) if arrays else None)


def _copy(whole: Corpus, index: int, twin: Corpus) -> Copy:
    like = kinship(line_of(whole, index), line_of(twin, 0))
    return Copy(whole.pieces[index].source, twin.pieces[0].source, like)


def _early_copies(shelf: _Shelf, judgement: Judgement, rows_of: RowsOf) -> dict[str, Copy]:
    """The copies that were never laid down. Where the twin of one went as well, what stays for that stands for it."""
    kept = {piece.source: i for i, piece in enumerate(judgement.corpus.pieces)}
    copies = {}
    for source, (place, copy) in shelf.early.items():
        if copy.twin in judgement.copies:
            twin = judgement.corpus.selected([judgement.corpus.pieces[kept[judgement.copies[copy.twin].twin]]])
            rows = rows_of(place)
            index = next(i for i, piece in enumerate(rows.pieces) if piece.source == source)
            copy = _copy(Corpus(rows.notes, rows.pieces), index, twin)
        copies[source] = copy
    return copies


def _report(file: _File, copies: Mapping[str, Copy], crossing: Mapping[str, Copy]) -> FileReport:
    """The report line of one file, once it is known which of its tunes stay."""
    kept = [t for t in file.tunes if t.source not in copies]
    kin = [copies[t.source] for t in file.tunes if t.source in copies]
    problems = [*file.problems, *(("duplicate", copy.words) for copy in kin)]
    told = tuple(copy.to_json() for copy in kin)
    if not kept:
        reason, detail = problems[0] if problems else ("no_notes", "")
        return dropped(file.name, reason, detail, file.losses, told)
    counted = Counter(reason for reason, _ in problems)
    detail = "; ".join(r for r in [file.detected, *(f"{n} left out: {reason}" for reason, n in counted.items())] if r)
    across = [crossing[t.source] for t in kept if t.source in crossing]
    warnings = (*file.warnings, *file.problems)  # what a kept file lost wants attention too
    if across:
        warnings += (("copies_across", f"{len(across)} held out though a copy trains, the first {across[0].words}"),)
    melodies, notes = sum(t.melodies for t in kept), sum(t.notes for t in kept)
    return FileReport(
        file.name, KEPT, "ok", REMEDIES["ok"], detail, len(kept), melodies, notes, file.losses, warnings, told
    )


def _nothing_kept(report: Sequence[FileReport]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in Counter(r.reason for r in report).most_common())
    return f"nothing could be kept of {len(report)} files ({counted}); the first: {str(report[0])[9:]}"

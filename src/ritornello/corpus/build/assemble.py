"""From the rows of all files to a corpus: copies, families, splits and the report, in the order of the files."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ritornello.corpus.build.rows import FileRows, Remark
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison
from ritornello.corpus.families.judge import Copy, Judgement, judged
from ritornello.corpus.families.kin import kinship
from ritornello.corpus.families.likeness import line_of
from ritornello.corpus.families.split import SplitRule
from ritornello.corpus.find.sources import Source
from ritornello.corpus.lines import Lines
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import NOTE_DTYPE
from ritornello.corpus.report import HARMLESS, KEPT, REMEDIES, FileReport, dropped
from ritornello.corpus.store import Corpus

RowsOf = Callable[[int], FileRows]


COMPARED_AT = (0.5, 0.85)
"""After these shares of the files the tunes so far are compared, while workers convert the rest: less is left to do
when they are done. The outcome is the same."""


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

    @classmethod
    def of(cls, name: str, rows: FileRows) -> _File:
        """What the report needs of a file with those rows."""
        tunes = tuple(_Tune(name if p.source == name else p.source, len(p.melodies), p.notes) for p in rows.pieces)
        return cls(name, rows.problems, rows.warnings, rows.losses, rows.detected, tunes)


class Assembly:
    """Takes the rows of files in their order, as far as they are there, and makes a corpus of them.

    Of pieces with one fingerprint only the first is looked at further, unless copies are to stay, and report lines
    lie on disk: a folder of copies needs no more memory than what it is copied from.
    """

    def __init__(self, sources: Sequence[Source], rows_of: RowsOf, options: BuildOptions) -> None:
        self._sources, self._rows_of, self._options = sources, rows_of, options
        self._shelf = _Shelf(options)
        self._report = Lines(FileReport.to_dict, FileReport.from_json, length=len(sources))
        self._taken = 0
        self._pauses = {int(share * len(sources)) for share in COMPARED_AT}

    def advance(self, is_there: Callable[[int], bool]) -> None:
        """Take files from the first that is not taken yet up to the first whose rows are not there."""
        while self._taken < len(self._sources) and is_there(self._taken):
            place, self._taken = self._taken, self._taken + 1
            rows = self._rows_of(place)
            self._shelf.take(place, rows)
            self._put(place, rows, self._shelf.copies_in(rows), {})
            if self._taken in self._pauses:
                self._shelf.compare()

    def corpus(self) -> Corpus:
        """The corpus of all files, whose rows must be there now.

        Raises CorpusError, with the report, where nothing is left, or where the options are strict and a file wants
        attention.
        """
        self.advance(lambda _: True)
        judgement = judged(self._shelf.corpus(), self._options, self._shelf.prints, self._shelf.comparison)
        self._tell(judgement)
        if not judgement.corpus.pieces:
            raise CorpusError(_nothing_kept(self._report), self._report)
        failure = strict_failure(self._report) if self._options.strict else ""
        if failure:
            raise CorpusError(failure, self._report)
        return replace(judgement.corpus, report=self._report)

    def _tell(self, judgement: Judgement) -> None:
        """Write anew the report lines of files whose tunes, or their twins, went as copies or lie across a split."""
        for place in self._shelf.places_of({*judgement.copies, *judgement.crossing}):
            rows = self._rows_of(place)
            early = self._shelf.copies_in(rows, judgement.copies)
            self._put(place, rows, {**judgement.copies, **early}, judgement.crossing)

    def _put(self, place: int, rows: FileRows, copies: Mapping[str, Copy], crossing: Mapping[str, Copy]) -> None:
        self._report.put(place, _report(_File.of(self._sources[place].name, rows), copies, crossing))


class _Shelf:
    """Pieces in the order in which they come, each as a corpus of its own until they are put end to end.

    prints: their fingerprints. comparison: of them, as far as they were compared.
    """

    def __init__(self, options: BuildOptions) -> None:
        self.prints: list[str] = []
        self.comparison = Comparison(lambda index: line_of(self._pieces[index], 0), options.similarity)
        self._keeps_copies = options.keep_copies or SplitRule.parse(options.split).explicit
        self._first: dict[str, int] = {}
        self._pieces: list[Corpus] = []
        self._files = array("q")  # place of the file of each
        self._copied: dict[int, array[int]] = {}  # places of the files with copies of a piece

    def take(self, place: int, rows: FileRows) -> None:
        """Lay down what is new in the rows of a file."""
        whole = Corpus(rows.notes, rows.pieces, steps=rows.steps)
        for piece, tune in zip(rows.pieces, rows.prints, strict=True):
            first = self._first.setdefault(tune, len(self._pieces))
            if first == len(self._pieces) or self._keeps_copies:
                self._pieces.append(whole.selected([piece]))
                self._files.append(place)
                self.prints.append(tune)
            else:
                self._copied.setdefault(first, array("q")).append(place)

    def compare(self) -> None:
        """Compare what was laid down so far; where copies are to go, also how the later of two is like the first."""
        pairs = self.comparison.alike_pairs(sorted(self._first.values()))
        for first, later in () if self._keeps_copies else pairs:
            self.comparison.kinship(later, first)

    def copies_in(self, rows: FileRows, gone: Mapping[str, Copy] = {}) -> dict[str, Copy]:
        """The pieces among the rows of a file that are copies of one laid down, by source.

        gone: laid down, but left out as copies of others, by source; what stays for them stands for their copies.
        """
        copies: dict[str, Copy] = {}
        if self._keeps_copies:
            return copies
        whole = Corpus(rows.notes, rows.pieces)
        for index, (piece, tune) in enumerate(zip(rows.pieces, rows.prints, strict=True)):
            twin = self._pieces[self._first[tune]]
            if twin.pieces[0].source == piece.source:
                continue
            if twin.pieces[0].source in gone:
                twin = self._pieces[self._places[gone[twin.pieces[0].source].twin]]
            like = kinship(line_of(whole, index), line_of(twin, 0))
            copies[piece.source] = Copy(piece.source, twin.pieces[0].source, like)
        return copies

    def places_of(self, sources: Container[str]) -> list[int]:
        """Places of the files with pieces of such sources, and with copies of them, in order."""
        told = [i for i, one in enumerate(self._pieces) if one.pieces[0].source in sources]
        return sorted({place for i in told for place in (self._files[i], *self._copied.get(i, ()))})

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

    @cached_property
    def _places(self) -> dict[str, int]:
        """Where each piece lies by its source, the first of that name, once all are laid down."""
        return {one.pieces[0].source: place for place, one in reversed(list(enumerate(self._pieces)))}


def _report(file: _File, copies: Mapping[str, Copy], crossing: Mapping[str, Copy]) -> FileReport:
    """The report line of one file, once it is known which of its tunes stay."""
    kept = [t for t in file.tunes if t.source not in copies]
    kin = [copies[t.source] for t in file.tunes if t.source in copies]
    problems = [*file.problems, *(("duplicate", copy.words) for copy in kin)]
    told = tuple(copy.to_dict() for copy in kin)
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


def strict_failure(report: Sequence[FileReport]) -> str:
    """Say in one line why a strict build fails; return nothing where it does not."""
    wanting = [line for line in report if line.asks_for_action]
    if not wanting:
        return ""
    doubts = Counter(code for line in wanting for code in dict(line.warnings))
    reasons = Counter(line.reason for line in wanting if line.reason not in HARMLESS)
    ordered = [*sorted(doubts.items(), key=_commonest), *sorted(reasons.items(), key=_commonest)]
    counted = ", ".join(f"{count} {reason}" for reason, count in ordered)
    return (
        f"strict: {len(wanting)} of {len(report)} files want attention ({counted}), so nothing was written; "
        f"the first: {str(wanting[0])[9:]}"
    )


def _commonest(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]

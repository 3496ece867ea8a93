"""From the rows of all files to a corpus: copies, families, splits and the report, in the order of the files."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison
from ritornello.corpus.families.judge import Duplicate, Judgement, judged
from ritornello.corpus.families.likeness import Line, line_of
from ritornello.corpus.families.split import SplitRule
from ritornello.corpus.families.variants import variant_of
from ritornello.corpus.find.sources import Source
from ritornello.corpus.lines import Lines
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import HARMLESS, KEPT, REMEDIES, FileReport, dropped
from ritornello.corpus.store import Corpus, joined

RowsOf = Callable[[int], FileRows]


COMPARED_AT = (0.5, 0.85)
"""After these shares of the files the tunes so far are compared, while workers convert the rest: less is left to do
when they are done. The outcome is the same."""


class Assembly:
    """Takes the rows of files in their order, as far as they are there, and makes a corpus of them.

    Of pieces with one fingerprint only the first is kept in memory, unless duplicates are to stay, and report lines
    lie on disk: a folder of duplicates needs no more memory than what they are duplicates of.
    """

    def __init__(self, sources: Sequence[Source], rows_of: RowsOf, options: BuildOptions) -> None:
        self._sources, self._rows_of, self._options = sources, rows_of, options
        self._pieces = _Pieces(options)
        self._report = Lines(FileReport.to_dict, FileReport.from_dict, length=len(sources))
        self._taken = 0
        self._pauses = {int(share * len(sources)) for share in COMPARED_AT}

    def advance(self, is_there: Callable[[int], bool]) -> None:
        """Take files from the first that is not taken yet up to the first whose rows are not there."""
        while self._taken < len(self._sources) and is_there(self._taken):
            place, self._taken = self._taken, self._taken + 1
            rows = self._rows_of(place)
            self._pieces.take(place, rows)
            self._report.put(place, report_line(self._sources[place].name, rows, self._pieces.duplicates_in(rows)))
            if self._taken in self._pauses:
                self._pieces.compare()

    def corpus(self) -> Corpus:
        """Make the corpus of all files, whose rows must be there now.

        Raises CorpusError, with the report, where nothing is left, or where the options are strict and a file wants
        attention.
        """
        self.advance(lambda _: True)
        judgement = judged(self._pieces.corpus(), self._options, self._pieces.prints, self._pieces.comparison)
        self._amend(judgement)
        if not judgement.corpus.pieces:
            raise CorpusError(_nothing_kept(self._report), self._report)
        failure = strict_failure(self._report) if self._options.strict else ""
        if failure:
            raise CorpusError(failure, self._report)
        return replace(judgement.corpus, report=self._report)

    def _amend(self, judgement: Judgement) -> None:
        """Replace report lines of files whose pieces, or originals of them, went or cross the split."""
        left_out, crossing = judgement.duplicates, judgement.crossing
        for place, rows in self._pieces.files_with({*left_out, *crossing}).items():
            rows = rows or self._rows_of(place)
            duplicates = {**left_out, **self._pieces.duplicates_in(rows, left_out)}
            self._report.put(place, report_line(self._sources[place].name, rows, duplicates, crossing))


class _Pieces:
    """The pieces taken so far, in order, each as its place in the rows of its file.

    prints: their fingerprints. comparison: of these pieces, as far as they were compared.
    """

    def __init__(self, options: BuildOptions) -> None:
        self.prints: list[str] = []
        self.comparison = Comparison(self._line, options.similarity)
        self._keeps_duplicates = options.keep_copies or SplitRule.parse(options.split).explicit
        self._taken: list[tuple[int, FileRows, int]] = []  # place of the file, its rows, number of the piece in them
        self._first: dict[str, int] = {}  # first piece of each fingerprint
        self._duplicated: dict[int, array[int]] = {}  # places of the files with duplicates of a piece

    def take(self, place: int, rows: FileRows) -> None:
        """Take what is new in the rows of a file."""
        for number, fingerprint in enumerate(rows.prints):
            first = self._first.setdefault(fingerprint, len(self._taken))
            if first == len(self._taken) or self._keeps_duplicates:
                self._taken.append((place, rows, number))
                self.prints.append(fingerprint)
            else:
                self._duplicated.setdefault(first, array("q")).append(place)

    def compare(self) -> None:
        """Compare the pieces so far.

        Where duplicates are to go, also find how the later of two variants varies the first.
        """
        pairs = self.comparison.variant_pairs(sorted(self._first.values()))
        for first, later in () if self._keeps_duplicates else pairs:
            self.comparison.variant(later, first)

    def duplicates_in(self, rows: FileRows, left_out: Mapping[str, Duplicate] = {}) -> dict[str, Duplicate]:
        """Find the pieces of a file that are duplicates of one taken, by source.

        left_out: pieces taken, but left out as duplicates themselves, by source: what stays for them stays for both.
        """
        duplicates: dict[str, Duplicate] = {}
        if self._keeps_duplicates:
            return duplicates
        for number, (piece, fingerprint) in enumerate(zip(rows.corpus.pieces, rows.prints, strict=True)):
            original = self._first[fingerprint]
            source = self._piece(original).source
            if source == piece.source:
                continue
            if source in left_out:
                original = self._by_source[left_out[source].original]
            variant = variant_of(line_of(rows.corpus, number), self._line(original))
            duplicates[piece.source] = Duplicate(piece.source, self._piece(original).source, variant)
        return duplicates

    def files_with(self, sources: Container[str]) -> dict[int, FileRows | None]:
        """Find the files with pieces of such sources, or duplicates of them.

        Returns their rows by place; None where they are not in memory.
        """
        found: dict[int, FileRows | None] = {}
        for number, (place, rows, _) in enumerate(self._taken):
            if self._piece(number).source in sources:
                found[place] = rows
                for other in self._duplicated.get(number, ()):
                    found.setdefault(other, None)
        return found

    def corpus(self) -> Corpus:
        """Join all pieces taken into one corpus."""
        return joined((rows.corpus, rows.corpus.pieces[number]) for _, rows, number in self._taken)

    @cached_property
    def _by_source(self) -> dict[str, int]:
        """Number of each piece by its source, the first of that name, once all are taken."""
        return {self._piece(n).source: n for n in reversed(range(len(self._taken)))}

    def _piece(self, number: int) -> CorpusPiece:
        _, rows, index = self._taken[number]
        return rows.corpus.pieces[index]

    def _line(self, number: int) -> Line:
        _, rows, index = self._taken[number]
        return line_of(rows.corpus, index)


def report_line(
    name: str, rows: FileRows, duplicates: Mapping[str, Duplicate], crossing: Mapping[str, Duplicate] = {}
) -> FileReport:
    """Make the report line of a file.

    duplicates, crossing: of any file, by source, as in a Judgement.
    """
    pieces = rows.corpus.pieces
    kept = [p for p in pieces if p.source not in duplicates]
    left_out = [duplicates[p.source] for p in pieces if p.source in duplicates]
    problems = [*rows.problems, *(("duplicate", duplicate.words) for duplicate in left_out)]
    duplicate_values = tuple(duplicate.to_dict() for duplicate in left_out)
    if not kept:
        reason, detail = problems[0] if problems else ("no_notes", "")
        return dropped(name, reason, detail, rows.losses, duplicate_values)
    counted = Counter(reason for reason, _ in problems)
    detail = "; ".join(r for r in [rows.detected, *(f"{n} left out: {reason}" for reason, n in counted.items())] if r)
    across = [crossing[p.source] for p in kept if p.source in crossing]
    warnings = (*rows.warnings, *rows.problems)  # what a kept file lost wants attention too
    if across:
        detail_across = f"{len(across)} in validation or test though a duplicate trains, the first {across[0].words}"
        warnings += (("copies_across", detail_across),)
    melodies, notes = sum(len(p.melodies) for p in kept), sum(p.notes for p in kept)
    return FileReport(
        name, KEPT, "ok", REMEDIES["ok"], detail, len(kept), melodies, notes, rows.losses, warnings, duplicate_values
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

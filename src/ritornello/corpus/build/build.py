"""Files in, corpus out: every file is read or refused for a reason that is written down.

Each file is converted by itself (see `convert`) in a process that it may bring down; the rows of all of them wait in
a journal until they are put together in the order of the files, with copies, families and splits, so that a build
that is stopped goes on where it was.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from ritornello.atomic import not_written
from ritornello.corpus.build.pool import convert_here
from ritornello.corpus.build.rows import FileRows, Journal, journal_path
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import Comparison, Duplicates, judged
from ritornello.corpus.families.shared_runs import Line, line_of
from ritornello.corpus.families.split import SplitRule
from ritornello.corpus.families.split_list import read_split_list
from ritornello.corpus.families.variants import KIN, Member, families_of, variant_of
from ritornello.corpus.find.find import Source, each_file
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import HARMLESS, KEPT, FileReport, Lines, dropped, lines_of
from ritornello.corpus.store import Corpus, joined, sweep, write_report
from ritornello.music.errors import WorkerError
from ritornello.plural import counted

OnFile = Callable[[int, int, str], None]
RowsOf = Callable[[int], FileRows]


COMPARED_AT = (0.5, 0.85)
"""After these shares of the files the tunes so far are compared, while workers convert the rest: less is left to do
when they are done. The outcome is the same."""


def build_corpus(
    sources: str | Path | Sequence[str | Path],
    options: BuildOptions = BuildOptions(),
    on_file: OnFile | None = None,
    out: str | Path | None = None,
    replace: bool = False,
) -> Corpus:
    """Read files, folders and archives into a corpus, with one report line for each file.

    on_file: called after each file with how many are done, how many there are, and its name.
    out: the corpus folder to write. The journal lies beside it while files are read: interrupt or kill the program,
        and the same call goes on. replace: see `Corpus.save`.
    Raises CorpusError where a source is missing, the split is not one, or nothing at all could be kept; its
    `report` then says why for each file, and so does the `report.jsonl` in `out`, unless a corpus
    lies there. Raises WorkerError where no process can be started that reads files.
    """
    rule = SplitRule.parse(options.split)  # says what is wrong with it before anything is read
    if rule.kind == "list":
        read_split_list(rule.path)
    named = [sources] if isinstance(sources, str | Path) else sources
    found = Lines(list, Source.from_list, each_file(named))
    with Journal(None if out is None else journal_path(out), options, len(found)) as journal:
        try:
            corpus = _built(found, options, journal, on_file, out, replace)
        except KeyboardInterrupt:
            kept = "the same command goes on from here" if out is not None and journal.records else "nothing is kept"
            read = f"{min(journal.records, len(found))} of {counted(len(found), 'file')} read"
            if not journal.records:
                journal.remove()
            raise KeyboardInterrupt(f"interrupted: {read}; {kept}") from None
        except WorkerError as error:
            read = f"{min(journal.records, len(found))} of {counted(len(found), 'file')} read"
            if not journal.records or out is None:
                journal.remove()
                raise
            raise WorkerError(f"{error}; {read}, and stay so") from None
        except (ValueError, OSError) as error:
            journal.remove()  # what cannot be built or written will not be by going on: nothing half-done stays
            if isinstance(error, CorpusError) and error.report and out is not None and not options.strict:
                write_report(Path(out), lines_of(error.report, FileReport.to_dict), replace)
            if isinstance(error, OSError) and error.filename is None and out is not None:
                raise not_written(out, error) from None
            raise
        journal.remove()
    return corpus


def corpus_of_rows(rows: Sequence[FileRows], names: Sequence[str], options: BuildOptions) -> Corpus:
    """Make a corpus of rows in memory, as `build_corpus` of files, with a line for each.

    names: what each is called. Raises CorpusError as `build_corpus`.
    """
    if not rows:
        raise CorpusError("nothing to make a corpus of: the list is empty")
    return Assembly([Source(name, "") for name in names], rows.__getitem__, options).corpus()


def _built(
    sources: Sequence[Source],
    options: BuildOptions,
    journal: Journal,
    on_file: OnFile | None,
    out: str | Path | None,
    may_replace: bool,
) -> Corpus:
    """Let the executor fill the journal, make the corpus of it meanwhile, and save it."""
    assembly = Assembly(sources, journal.rows, options)
    if options.engine == "pool":
        executor = convert_here(sources, options, journal)
    elif options.shards or out is not None:
        from ritornello.corpus.build.ray_pool import convert_on_ray

        executor = convert_on_ray(sources, options, journal, options.shards or f"{out}.shards")
    else:
        raise CorpusError("engine ray needs a place for its shards: name one, or a corpus folder to write")
    with closing(executor) as places:  # of each source as it is done
        for done, place in enumerate(places, 1):
            if on_file:
                on_file(done, len(sources), sources[place].name)
            assembly.advance(journal.has)
    corpus = assembly.corpus()
    if out is not None:
        sweep(Path(out))  # the journal is ours, so nobody else is saving there
        corpus.save(out, may_replace)
    return corpus


class Assembly:
    """Takes the rows of files in their order, as far as they are there, and makes a corpus of them.

    Of pieces with one fingerprint only the first is kept in memory, unless duplicates are to stay, and report lines
    lie on disk: a folder of duplicates needs no more memory than what they are duplicates of.
    """

    def __init__(self, sources: Sequence[Source], rows_of: RowsOf, options: BuildOptions) -> None:
        self._sources, self._rows_of, self._options = sources, rows_of, options
        self._keeps_duplicates = options.keep_copies or SplitRule.parse(options.split).explicit
        self._report = Lines(FileReport.to_dict, FileReport.from_dict, length=len(sources))
        self._files = 0  # that are taken
        self._pauses = {int(share * len(sources)) for share in COMPARED_AT}
        self._pieces: list[tuple[int, FileRows, int]] = []  # place of the file, its rows, number of the piece in them
        self._prints: list[str] = []  # of these pieces
        self._names: list[str] = []  # their sources
        self._first: dict[str, int] = {}  # first piece of each fingerprint
        self._duplicated: dict[int, array[int]] = {}  # places of the files with duplicates of a piece
        self._comparison = Comparison(self._line, options.similarity)

    def advance(self, is_there: Callable[[int], bool] | None = None) -> None:
        """Take files from the first that is not taken yet up to the first whose rows are not there.

        is_there: None where all rows are there.
        """
        while self._files < len(self._sources) and (is_there is None or is_there(self._files)):
            place, self._files = self._files, self._files + 1
            rows = self._rows_of(place)
            compared = (
                rows if rows.melodies is None else replace(rows, corpus=rows.melodies)
            )  # all else stays on disk
            for number, fingerprint in enumerate(rows.prints):
                first = self._first.setdefault(fingerprint, len(self._pieces))
                if first == len(self._pieces) or self._keeps_duplicates:
                    self._pieces.append((place, compared, number))
                    self._prints.append(fingerprint)
                    self._names.append(rows.corpus.pieces[number].source)
                else:
                    self._duplicated.setdefault(first, array("q")).append(place)
            self._report.put(place, report_line(self._sources[place].name, rows, self._duplicates_in(rows)))
            if self._files in self._pauses:
                pairs = self._comparison.variant_pairs(sorted(self._first.values()))
                for earlier, later in () if self._keeps_duplicates else pairs:
                    self._comparison.variant(later, earlier)  # how it varies the earlier one, to be reported

    def corpus(self) -> Corpus:
        """Make the corpus of all files, whose rows must be there now.

        Raises CorpusError, with the report, where nothing is left, or where the options are strict and a file wants
        attention.
        """
        self.advance()
        whole = joined((rows.compared, rows.compared.pieces[number]) for _, rows, number in self._pieces)
        corpus, left_out, crossing = judged(whole, self._options, self._prints, self._comparison)
        self._amend(left_out, crossing)
        if not corpus.pieces:
            by_reason = ", ".join(
                f"{n} {reason}" for reason, n in Counter(r.reason for r in self._report).most_common()
            )
            first = str(self._report[0])[9:]
            files = counted(len(self._report), "file")
            message = f"nothing could be kept of {files} ({by_reason}); the first: {first}"
            raise CorpusError(message, self._report)
        if self._options.strict and (failure := strict_failure(self._report)):
            raise CorpusError(failure, self._report)
        return replace(self._kept(corpus), report=self._report)

    def _kept(self, melodies: Corpus) -> Corpus:
        """Replace the melodies of pieces, which they were compared by, by all that is kept of them.

        How a piece varies another of its family is noted with it: what is kept does not tell which is its melody.
        """
        if self._options.keep == "melody":
            return melodies
        members = {member.source: member for family in families_of(melodies) for member in family.members}

        def kept() -> Iterator[tuple[Corpus, CorpusPiece]]:
            remaining = iter(melodies.pieces)
            judged_piece = next(remaining, None)
            for place, _, number in self._pieces:
                corpus = self._rows_of(place).corpus
                piece = corpus.pieces[number]
                if judged_piece is not None and piece.source == judged_piece.source:
                    member = members.get(piece.source)
                    noted = {KIN: member.to_dict()} if member and member.variant else {}
                    yield (
                        corpus,
                        replace(
                            piece,
                            family=judged_piece.family,
                            split=judged_piece.split,
                            provenance={**piece.provenance, **noted},
                        ),
                    )
                    judged_piece = next(remaining, None)

        return joined(kept())

    def _amend(self, left_out: Duplicates, crossing: Duplicates) -> None:
        """Replace report lines of files whose pieces, or originals of them, went or cross the split."""
        files: dict[int, FileRows | None] = {}  # None where the rows are not in memory
        for number, (place, rows, _) in enumerate(self._pieces):
            if self._names[number] in {*left_out, *crossing}:
                files[place] = rows
                for other in self._duplicated.get(number, ()):
                    files.setdefault(other, None)
        for place, known in files.items():
            rows = self._rows_of(place) if known is None or known.melodies is not None else known
            duplicates = {**left_out, **self._duplicates_in(rows, left_out)}
            self._report.put(place, report_line(self._sources[place].name, rows, duplicates, crossing))

    def _duplicates_in(self, rows: FileRows, left_out: Mapping[str, Member] = {}) -> Duplicates:
        """Find the pieces of a file that are duplicates of one taken, by source.

        left_out: pieces taken, but left out as duplicates themselves, by source: what stays for them stays for both.
        """
        duplicates: Duplicates = {}
        for number, (piece, fingerprint) in enumerate(zip(rows.corpus.pieces, rows.prints, strict=True)):
            original = self._first[fingerprint]
            source = self._names[original]
            if self._keeps_duplicates or source == piece.source:
                continue
            if source in left_out:
                source = left_out[source].nearest
                original = self._by_source[source]
            variant = variant_of(line_of(rows.compared, number), self._line(original))
            duplicates[piece.source] = Member(piece.source, False, source, variant)
        return duplicates

    @cached_property
    def _by_source(self) -> dict[str, int]:
        """Number of each piece by its source, the first of that name, once all are taken."""
        return {self._names[n]: n for n in reversed(range(len(self._names)))}

    def _line(self, number: int) -> Line:
        _, rows, index = self._pieces[number]
        return line_of(rows.compared, index)


def report_line(
    name: str, rows: FileRows, duplicates: Mapping[str, Member], crossing: Mapping[str, Member] = {}
) -> FileReport:
    """Make the report line of a file.

    duplicates, crossing: of any file, by source, as `judged` finds them.
    """
    pieces = rows.corpus.pieces
    kept = [p for p in pieces if p.source not in duplicates]
    left_out = [duplicates[p.source] for p in pieces if p.source in duplicates]
    problems = [*rows.problems, *(("duplicate", duplicate.words) for duplicate in left_out)]
    duplicate_values = tuple(duplicate.to_dict() for duplicate in left_out)
    if not kept:
        reason, detail = problems[0] if problems else ("no_notes", "")
        return dropped(name, reason, detail, rows.losses, duplicate_values)
    reasons = Counter(reason for reason, _ in problems)
    detail = "; ".join(r for r in [rows.detected, *(f"{n} left out: {reason}" for reason, n in reasons.items())] if r)
    across = [crossing[p.source] for p in kept if p.source in crossing]
    warnings = (*rows.warnings, *rows.problems)  # what a kept file lost wants attention too
    if across:
        detail_across = f"{len(across)} in validation or test though a duplicate trains, the first {across[0].words}"
        warnings += (("copies_across", detail_across),)
    melodies, notes = sum(len(p.melodies) for p in kept), sum(p.notes for p in kept)
    return FileReport(name, KEPT, "ok", detail, len(kept), melodies, notes, rows.losses, warnings, duplicate_values)


def strict_failure(report: Sequence[FileReport]) -> str:
    """Say in one line why a strict build fails; return nothing where it does not."""
    wanting = [line for line in report if line.asks_for_action]
    if not wanting:
        return ""
    doubts = Counter(code for line in wanting for code in dict(line.warnings))
    reasons = Counter(line.reason for line in wanting if line.reason not in HARMLESS)
    ordered = [pair for counts in (doubts, reasons) for pair in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]
    by_reason = ", ".join(f"{count} {reason}" for reason, count in ordered)
    return (
        f"strict: {len(wanting)} of {counted(len(report), 'file')} want attention ({by_reason}), so nothing was "
        f"written; the first: {str(wanting[0])[9:]}"
    )

"""Files in, corpus out: every file is read or refused for a reason that is written down.

Music files are read in a worker process; token arrays (.npz, .npy) by a reader that builds arrays and nothing
else. Of each piece the picked melody is kept (see `pick`), of each token array its steps as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families import with_families, without_copies
from ritornello.corpus.find import find_files
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick import melodic_part, picked
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.report import KEPT, REMEDIES, FileReport, dropped
from ritornello.corpus.segments import cut_at_rests
from ritornello.corpus.split import SplitRule, with_splits
from ritornello.corpus.store import Corpus, corpus_of
from ritornello.encoding.exercise_arrays import read_step_arrays
from ritornello.encoding.grid import Grid
from ritornello.music.errors import MusicFileError
from ritornello.music.files import readable
from ritornello.music.kinds import SUFFIXES, detect
from ritornello.music.values import Melody, Piece
from ritornello.music.worker import UntrustedReader

ARRAY_SUFFIXES = (".npz", ".npy")
OnFile = Callable[[int, int, Path], None]


@dataclass(slots=True)
class _Tune:
    """A piece to be kept, its melodies, and for a token array its steps."""

    piece: CorpusPiece
    melodies: list[Melody]
    steps: NDArray[np.uint8] | None = None


@dataclass(slots=True)
class _FileContent:
    """What one file gave: tunes, reasons with details for what it did not give, and losses by name."""

    path: Path
    tunes: list[_Tune] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)
    detected: str = ""


def build_corpus(
    sources: str | Path | Sequence[str | Path],
    options: BuildOptions | None = None,
    on_file: OnFile | None = None,
    **changes: Any,
) -> Corpus:
    """Read files and folders into a corpus, with one report line for each file.

    options: how; `changes` are fields of it, as in `build_corpus("tunes", split="last:0.1")`.
    on_file: called after each file with how many are done, how many there are, and its path.
    Raises CorpusError where a source is missing, the split is not one, or nothing at all could be kept; its
    `report` then says why for each file.
    """
    options = replace(options or BuildOptions(), **changes)
    rule = SplitRule.parse(options.split)
    paths = [Path(s.path) for s in find_files([sources] if isinstance(sources, str | Path) else sources)]
    contents = []
    with UntrustedReader() as reader:
        for path in paths:
            contents.append(_content(path, reader, rule, options))
            if on_file:
                on_file(len(contents), len(paths), path)
    return _assembled(contents, rule)


def _content(path: Path, reader: UntrustedReader, rule: SplitRule, options: BuildOptions) -> _FileContent:
    """Read one file; whatever is wrong with it becomes a reason."""
    content = _FileContent(path)
    refusal = _refusal(path)
    if refusal:
        content.problems.append(refusal)
    elif path.suffix.lower() in ARRAY_SUFFIXES:
        _read_arrays(content, rule, options)
    else:
        try:
            pieces = reader.read(path, options.repeats)
        except MusicFileError as error:
            content.problems.append(_reason(path, str(error).removeprefix(f"{path}: ")))
            return content
        for piece in pieces:
            _take(content, piece, options)
    return content


def _refusal(path: Path) -> tuple[str, str] | None:
    """Why a file need not be opened at all, as reason and detail."""
    if path.is_dir():
        return "unreadable", "the folder cannot be listed"
    try:
        if not path.is_file():
            return "not_music", "not a file" if path.exists() else "a link to nothing"
        if path.suffix.lower() not in ARRAY_SUFFIXES and not readable(path):
            return "not_music", f"{path.suffix or 'no suffix'} is not read"
        return ("empty_file", "") if path.stat().st_size == 0 else None
    except OSError as error:
        return "unreadable", error.strerror or str(error)


def _reason(path: Path, message: str) -> tuple[str, str]:
    """The reason code behind a reader's message."""
    if "no notes" in message:
        return "no_notes", message
    try:
        with open(path, "rb") as file:
            found = detect(file.read(65536))
    except OSError:
        return "unreadable", message
    return ("wrong_kind" if found not in ("", SUFFIXES[path.suffix.lower()]) else "unreadable"), message


def _take(content: _FileContent, piece: Piece, options: BuildOptions) -> None:
    """Pick the melody out of a piece and keep it, or note why not."""
    if not any(part.notes and not part.is_drum for part in piece.parts):
        reason = "drums_only" if any(part.notes for part in piece.parts) else "no_notes"
        content.problems.append((reason, piece.source))
        return
    choice = picked(piece, melodic_part(piece))
    content.losses.update(choice.losses)
    melodies = [choice.melody]
    if options.rest_bars is not None:
        melodies = cut_at_rests(choice.melody, options.rest_bars, options.least_notes)
    melodies = [m for m in melodies if len(m.notes) >= options.least_notes]
    content.losses["notes_in_short_segments"] += len(choice.melody.notes) - sum(len(m.notes) for m in melodies)
    if not melodies:
        content.problems.append(("too_short", f"{piece.source}: {len(choice.melody.notes)} notes"))
        return
    entry = CorpusPiece(piece.source, (), piece.title, piece.composer, options.licence, {"file": str(content.path)})
    content.tunes.append(_Tune(entry, melodies))


def _read_arrays(content: _FileContent, rule: SplitRule, options: BuildOptions) -> None:
    """Read a file of token arrays; under an explicit split arrays without notes stay, for they are counted."""
    path = content.path
    try:
        found = read_step_arrays(path, options.convention)
    except Exception as error:  # a strange file can make numpy or zlib raise anything; the report says what
        content.problems.append(("unreadable", " ".join(str(error).removeprefix(f"{path}: ").split())))
        return
    content.detected = f"token arrays, convention {found.convention}"
    for number, steps in enumerate(found.arrays, 1):
        source = f"{path}#{number}" if len(found.arrays) > 1 else str(path)
        melody = replace(Grid(plain=True).decode(steps), title=f"{path.stem} {number}", source=source)
        if len(melody.notes) < options.least_notes and not rule.explicit:
            content.problems.append(("too_short" if melody.notes else "no_notes", source))
            continue
        provenance = {"file": str(path), "convention": found.convention}
        entry = CorpusPiece(source, (), melody.title, "", options.licence, provenance)
        content.tunes.append(_Tune(entry, [melody], steps.astype(np.uint8)))


def _assembled(contents: Sequence[_FileContent], rule: SplitRule) -> Corpus:
    """Families, copies, splits and the report. Raises CorpusError where nothing is left."""
    tunes = [tune for content in contents for tune in content.tunes]
    steps = [tune.steps if i == 0 else None for tune in tunes for i in range(len(tune.melodies))]
    corpus = with_families(corpus_of([(t.piece, t.melodies) for t in tunes], steps))
    copies: dict[str, str] = {}
    if not rule.explicit:
        corpus, pairs = without_copies(corpus)
        copies = {copy.source: twin.source for copy, twin in pairs}
    corpus = with_splits(corpus, rule)
    crossing = _crossing_copies(corpus) if rule.explicit else {}
    report = tuple(_report(content, copies, crossing) for content in contents)
    if not tunes:
        raise CorpusError(_nothing_kept(report), report)
    return replace(corpus, report=report)


def _crossing_copies(corpus: Corpus) -> dict[str, str]:
    """Held-out pieces of a family that also trains, each with its twin in training."""
    trained = {p.family: p.source for p in corpus.in_split("train")}
    return {p.source: trained[p.family] for p in corpus.pieces if p.split != "train" and p.family in trained}


def _report(content: _FileContent, copies: dict[str, str], crossing: dict[str, str]) -> FileReport:
    """The report line of one file, once it is known which of its tunes stay."""
    path = str(content.path)
    kept = [t for t in content.tunes if t.piece.source not in copies]
    twins = [(t.piece.source, copies[t.piece.source]) for t in content.tunes if t.piece.source in copies]
    problems = [*content.problems, *(("duplicate", f"the same tune as {twin}") for _, twin in twins)]
    losses = {name: count for name, count in sorted(content.losses.items()) if count}
    if not kept:
        reason, detail = problems[0] if problems else ("no_notes", "")
        return dropped(path, reason, detail, losses)
    counted = Counter(reason for reason, _ in problems)
    across = [t.piece.source for t in kept if t.piece.source in crossing]
    remarks = [content.detected, *(f"{n} left out: {reason}" for reason, n in counted.items())]
    if across:
        remarks.append(f"{len(across)} held out though a copy trains, the first {across[0]} = {crossing[across[0]]}")
    melodies = [m for t in kept for m in t.melodies]
    detail = "; ".join(r for r in remarks if r)
    notes = sum(len(m.notes) for m in melodies)
    return FileReport(path, KEPT, "ok", REMEDIES["ok"], detail, len(kept), len(melodies), notes, losses)


def _nothing_kept(report: Sequence[FileReport]) -> str:
    counted = ", ".join(f"{n} {reason}" for reason, n in Counter(r.reason for r in report).most_common())
    return f"nothing could be kept of {len(report)} files ({counted}); the first: {str(report[0])[9:]}"

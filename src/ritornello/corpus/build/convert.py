"""One function from the bytes of a file to its rows: what every worker runs, on this machine or on many.

It opens nothing, keeps nothing and knows nothing of other files, so the same bytes under the same name and options
give the same rows wherever and in whatever order they are converted.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.build.rows import FileRows
from ritornello.corpus.build.tables import read_table
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.families.families import fingerprint
from ritornello.corpus.families.split import SplitRule
from ritornello.corpus.find.find import ARRAY_SUFFIXES, TABLE_SUFFIXES, name_problem
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.bars import cut_at_rests, shortness, sounding_bars
from ritornello.corpus.pick.parts import kept_parts
from ritornello.corpus.pick.pick import pick_melodies
from ritornello.corpus.pieces import CorpusPiece
from ritornello.corpus.store import corpus_of
from ritornello.encoding.arrays.comment import KEPT_STEPS, Stated
from ritornello.encoding.arrays.exercise import holds_arrays, read_step_arrays
from ritornello.encoding.grid import Grid
from ritornello.music.beats import metre_named
from ritornello.music.errors import MusicFileError, Remark
from ritornello.music.exchange import pieces_from_json, pieces_to_json
from ritornello.music.files import SESSION, SUFFIXES, detect, scan_content
from ritornello.music.objects import pieces_of
from ritornello.music.values import Melody, Metre, Piece
from ritornello.music.worker import MAX_PIECES
from ritornello.plural import counted


@dataclass(slots=True)
class _Found:
    """What has been found in a file so far.

    music: of each of the tunes, where more than its melody is kept.
    """

    tunes: list[tuple[CorpusPiece, Sequence[Melody]]] = field(default_factory=list)
    steps: list[NDArray[np.uint8] | None] = field(default_factory=list)
    music: list[Piece] = field(default_factory=list)
    problems: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
    losses: Counter[str] = field(default_factory=Counter)
    detected: str = ""


def convert(content: bytes, name: str, options: BuildOptions, read: list[Piece] | None = None) -> FileRows:
    """Convert the content of a file called `name` to rows; any fault in it becomes a reason.

    name: of the file; its suffix says what it holds. read: takes the pieces that are read.
    Raises only what a reader of damaged data cannot foresee (MemoryError, RecursionError, a parser's own error);
    a worker turns that into a reason as well.
    """
    found = _Found()
    if not content:
        found.problems.append(("empty_file", ""))
    elif name.lower().endswith(ARRAY_SUFFIXES) or ("." not in Path(name).name and holds_arrays(content)):
        if options.keep == "melody":
            _take_arrays(found, content, name, options)
        else:
            found.problems.append(("melodies_only", "token arrays"))
    elif not content.startswith(SESSION) and (problem := name_problem(name)):
        found.problems.append(problem)
    elif name.lower().endswith(TABLE_SUFFIXES):
        _take_table(found, content, name, options)
    else:
        _take_pieces(found, content, name, options, [] if read is None else read)
    return _rows(found, options.keep)


def convert_object(music: Any, name: str, options: BuildOptions) -> FileRows:
    """Convert music in memory, called `name`, to rows.

    music: as `music.objects.pieces_of` takes it. Raises TypeError for anything else.
    """
    found = _Found()
    try:
        for piece in pieces_of(music, name):
            _take(found, piece, name, options, piece)
    except ValueError as error:
        message = str(error).removeprefix(f"{name}: ")
        found.problems.append(("no_notes" if "no notes" in message else "unreadable", message))
    return _rows(found, options.keep)


def _rows(found: _Found, keep: str) -> FileRows:
    melodies = corpus_of(found.tunes, found.steps)
    prints = tuple(fingerprint(melodies, index) for index in range(len(melodies)))
    losses = {loss: count for loss, count in sorted(found.losses.items()) if count}
    if drums := losses.get("drum_notes"):
        found.detected = f"{counted(drums, 'note')} of percussion left out"
    remarks = tuple(found.problems), tuple(found.warnings), losses, found.detected
    if keep == "melody":
        return FileRows(melodies, prints, *remarks)
    kept = zip(found.tunes, found.music, strict=True)
    return FileRows(
        corpus_of(((piece, [music]) for (piece, _), music in kept), keep=keep), prints, *remarks, melodies
    )


def rows_bytes(content: bytes, name: str, options: dict[str, Any]) -> bytes:
    """Convert a file, in a worker process, to the message of its rows.

    options: the fields of BuildOptions.
    """
    return convert(content, name, BuildOptions(**options)).to_bytes()


def explained_bytes(content: bytes, name: str, options: dict[str, Any]) -> bytes:
    """Convert a file, in a worker process, to one message of its rows and of the pieces read."""
    read: list[Piece] = []
    rows = convert(content, name, BuildOptions(**options), read).to_bytes()
    pieces = json.dumps(pieces_to_json(read)).encode("ascii")
    return struct.pack(">I", len(rows)) + rows + (pieces if len(pieces) <= MAX_PIECES else b"[]")


def rows_and_pieces(message: bytes) -> tuple[FileRows, list[Piece]]:
    """Rebuild rows and pieces from `explained_bytes`. Raises ValueError for anything else."""
    if len(message) < 4:
        raise ValueError("not the rows and pieces of a file")
    end = 4 + struct.unpack_from(">I", message)[0]
    try:
        return FileRows.from_bytes(message[4:end]), pieces_from_json(json.loads(message[end:]))
    except RecursionError:
        raise ValueError("not the pieces of a file") from None


def _take_pieces(found: _Found, content: bytes, name: str, options: BuildOptions, read: list[Piece]) -> None:
    """Read a music file and take the melodies of each of its pieces."""
    try:
        pieces, remarks = scan_content(content, name, options.repeats)
    except MusicFileError as error:
        message = str(error).removeprefix(f"{name}: ")
        as_named = detect(content[:65536]) in ("", "session", SUFFIXES.get(Path(name).suffix.lower()))
        reason = "no_notes" if "no notes" in message else "unreadable" if as_named else "wrong_kind"
        found.problems.append((reason, message))
        return
    found.warnings.extend(remarks)
    read.extend(pieces)
    divided = scan_content(content, name, options.repeats, voices=True)[0] if options.keep == "voices" else pieces
    for number, piece in enumerate(pieces):
        _take(found, piece, name, options, divided[number])


def _take(found: _Found, piece: Piece, name: str, options: BuildOptions, divided: Piece) -> None:
    """Take what is to be kept of a piece, or note why nothing is.

    divided: the same with a part for each voice.
    """
    try:
        if options.keep == "melody":
            _take_melodies(found, piece, name, options)
        else:
            _take_parts(found, piece, name, options, divided)
    except CorpusError as error:
        message = str(error).removeprefix(f"{piece.source}: ")
        found.problems.append((error.reason, _about(piece, name, message)))


def _take_melodies(found: _Found, piece: Piece, name: str, options: BuildOptions) -> None:
    """Pick the melodies out of a piece and keep them.

    Raises CorpusError for a piece without pitched notes.
    """
    choices = pick_melodies(piece, options)
    melodies: list[Melody] = []
    for choice in choices:
        segments = segments_of(choice.melody, options)
        melodies.extend(segments)
        found.losses.update(choice.losses)
        found.losses["notes_in_short_segments"] += len(choice.melody.notes) - sum(len(m.notes) for m in segments)
        found.warnings.extend((code, _about(piece, name, detail)) for code, detail in choice.warnings)
    if not melodies:
        short = shortness([choice.melody for choice in choices], options.least_notes)
        found.problems.append(("too_short", f"{piece.source}: {short}"))
        return
    provenance: dict[str, Any] = {"file": name}
    first, *others = choices
    if len(piece.parts) > 1 and not others and first.part >= 0:  # there was a choice; parts are counted from 1
        confidence = round(first.confidence, 3)
        provenance |= {"part": first.part + 1, "part_name": first.name, "confidence": confidence}
        if first.joined:
            provenance["joined_parts"] = [index + 1 for index in first.joined]
    entry = CorpusPiece(piece.source, (), piece.title, piece.composer, options.licence, provenance)
    found.tunes.append((entry, melodies))
    found.steps.extend([None] * len(melodies))


def _take_parts(found: _Found, piece: Piece, name: str, options: BuildOptions, divided: Piece) -> None:
    """Keep the voices of a piece, or all its notes, beside the melody that it is compared by.

    divided: the piece as its voices are to be taken from it.
    Raises CorpusError where it has not what is asked for.
    """
    kept = kept_parts(divided, options)
    count = sum(len(part.notes) for part in kept.piece.parts)
    bars = len(kept.piece.timeline.barlines()) - 1
    if count < options.least_notes or bars < options.min_bars:
        few = counted(count, "note") if count < options.least_notes else f"it is {counted(bars, 'bar')} long"
        found.problems.append(("too_short", f"{piece.source}: {few}"))
        return
    melody = pick_melodies(piece, replace(options, pick="auto", keep="melody"))[0].melody
    found.losses.update(kept.losses)
    found.warnings.extend((code, _about(piece, name, detail)) for code, detail in kept.warnings)
    entry = CorpusPiece(piece.source, (), piece.title, piece.composer, options.licence, {"file": name})
    found.tunes.append((entry, [melody]))
    found.steps.append(None)
    found.music.append(kept.piece)


def segments_of(melody: Melody, options: BuildOptions) -> list[Melody]:
    """Cut a melody at long rests, as asked, and drop what has too few notes or bars."""
    whole = [melody]
    if options.rest_bars is not None:
        whole = cut_at_rests(melody, options.rest_bars, options.least_notes)
    return [m for m in whole if len(m.notes) >= options.least_notes and sounding_bars(m) >= options.min_bars]


def _about(piece: Piece, name: str, detail: str) -> str:
    """Name the piece that a detail is about where the file holds several."""
    return detail if piece.source == name else f"{piece.source}: {detail}"


def _take_arrays(found: _Found, content: bytes, name: str, options: BuildOptions) -> None:
    """Read a file of token arrays; under a given split those without notes stay, for they count."""
    try:
        read = read_step_arrays(content, name, options.convention)
    except ValueError as error:
        found.problems.append(("unreadable", " ".join(str(error).removeprefix(f"{name}: ").split())))
        return
    found.detected = f"token arrays, convention {read.convention}"
    keeps_all, stated = SplitRule.parse(options.split).explicit, read.stated or Stated(KEPT_STEPS)
    grid = Grid(stated.steps_per_quarter, plain=True)
    for number, steps in enumerate(read.arrays, 1):
        source = f"{name}#{number}" if len(read.arrays) > 1 else name
        melody = replace(grid.decode(steps), title=f"{Path(name).stem} {number}", source=source)
        melody = _in_bars(melody, stated.metres[number - 1] if stated.metres else (), grid, options)
        if len(melody.notes) < options.least_notes and not keeps_all:
            found.problems.append(("too_short" if melody.notes else "no_notes", source))
            continue
        provenance = {"file": name, "convention": read.convention}
        found.tunes.append((CorpusPiece(source, (), melody.title, "", options.licence, provenance), [melody]))
        found.steps.append(steps.astype(np.uint8) if stated.steps_per_quarter == KEPT_STEPS else None)


def _in_bars(melody: Melody, metres: Sequence[Metre], grid: Grid, options: BuildOptions) -> Melody:
    """Set the bars that are asked for on a melody of an array, else those that its file states.

    metres: their ticks are steps.
    """
    line = melody.timeline
    if options.metre is None and options.beat_offset is None:
        ticks = line.ticks_per_quarter // grid.steps_per_quarter
        metres = [metre._replace(tick=metre.tick * ticks) for metre in metres]
        return replace(melody, timeline=replace(line, metres=tuple(metres))) if metres else melody
    metre = metre_named(options.metre or (metres[0] if metres else line.metre).name)
    late = round((options.beat_offset or 0.0) * line.ticks_per_quarter) % line.bar_ticks(metre)
    later = [metre._replace(tick=int(late))] if late else []
    return replace(melody, timeline=replace(line, metres=(metre, *later)))


def _take_table(found: _Found, content: bytes, name: str, options: BuildOptions) -> None:
    """Read a table of melodies, exact as they stand there, or of pieces of several parts."""
    try:
        pieces = read_table(content, name)
    except (ImportError, ValueError) as error:
        found.problems.append(("unreadable", str(error)))
        return
    found.detected = "a table of melodies"
    for number, (entry, rows) in enumerate(pieces, 1):
        source = f"{name}#{number}" if len(pieces) > 1 else name
        asked = replace(options, licence=options.licence or entry.licence)
        first, provenance = len(found.tunes), {"file": name, "source": entry.source}
        if isinstance(rows[0], Piece):
            found.detected = "a table of pieces"
            for piece in rows:
                _take(found, replace(piece, source=source), name, asked, replace(piece, source=source))
        elif options.keep == "melody":
            _take_rows(found, replace(entry, source=source), rows, asked)
        else:
            found.problems.append(("melodies_only", source))
        found.tunes[first:] = [(replace(taken, provenance=provenance), music) for taken, music in found.tunes[first:]]


def _take_rows(found: _Found, entry: CorpusPiece, rows: Sequence[Melody], options: BuildOptions) -> None:
    """Keep the melodies of one piece of a table."""
    kept = [
        replace(melody, source=entry.source)
        for melody in rows
        if len(melody.notes) >= options.least_notes and sounding_bars(melody) >= options.min_bars
    ]
    if not kept:
        found.problems.append(("too_short" if any(m.notes for m in rows) else "no_notes", entry.source))
        return
    found.tunes.append((replace(entry, licence=options.licence), kept))
    found.steps.extend([None] * len(kept))

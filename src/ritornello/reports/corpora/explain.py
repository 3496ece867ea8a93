"""What was picked from a file and what was left, each part with what speaks for it.

Whether a file would be kept is asked of the very worker that builds (see `lane`); what it looks like is read beside.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.build.convert import segments_of
from ritornello.corpus.build.lane import Job, Lane
from ritornello.corpus.build.rows import FileRows, Remark
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.find import each_file
from ritornello.corpus.find.sources import Source, SourceError
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.features import columns
from ritornello.corpus.pick.pick import PickedMelody, pick_melodies
from ritornello.corpus.pick.score import PartScore, scored
from ritornello.corpus.pick.segments import shortness
from ritornello.corpus.report import DROPPED, KEPT, remedy
from ritornello.music.errors import MusicFileError
from ritornello.music.keys import key_name
from ritornello.music.values import Melody, Part, Piece
from ritornello.music.worker import UntrustedReader
from ritornello.render.roll import pitch_name

FAMILIES = (
    *("piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass"),
    *("reed", "pipe", "synth lead", "synth pad", "effects", "ethnic", "percussive", "sound effects"),
)
"""General MIDI's instrument families, eight programs each."""

TOLD = 4  # things that speak for or against a part
LEAST_TOLD = 0.2  # points; less than that tells nothing
ROLL_ROWS = 18  # lines of the roll on a terminal, two pitches or more to a line where the compass is wide


@dataclass(frozen=True, slots=True)
class PartTold:
    """One part of a piece. number: from 1. verdict: picked, left, percussion, empty, or "doubles part N".

    share: how likely it is the tune, points: what speaks for it in all; None where it did not compete.
    reasons: what sets it apart from the average of the parts, (feature, points), the weightiest first.
    """

    number: int
    name: str
    instrument: str
    notes: int
    lowest: int | None
    highest: int | None
    verdict: str
    share: float | None = None
    points: float | None = None
    reasons: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """One piece of a file: its parts, what was picked from it, or why nothing was, as (reason code, detail).

    remarks: doubts about the reading of the whole file, with its first piece.
    """

    piece: Piece
    parts: tuple[PartTold, ...]
    choices: tuple[PickedMelody, ...] = ()
    refusal: Remark | None = None
    remarks: tuple[Remark, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether a build would keep it (were it no copy of another)."""
        return self.refusal is None

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "source": self.piece.source,
            "title": self.piece.title,
            "status": KEPT if self.is_kept else DROPPED,
            "refusal": _remark_json(self.refusal) if self.refusal else None,
            "remarks": [_remark_json(remark) for remark in self.remarks],
            "picked": [_choice_json(choice) for choice in self.choices],
            "parts": [_part_json(part) for part in self.parts],
        }


@dataclass(frozen=True, slots=True)
class Untold:
    """A file of which there is nothing to show: what was kept of it, or why it cannot be read, as (code, detail)."""

    source: str
    kept: str = ""
    refusal: Remark | None = None

    @property
    def is_kept(self) -> bool:
        """Whether a build would keep it (were it no copy of another)."""
        return self.refusal is None

    @property
    def words(self) -> str:
        """What becomes of it, and what would help."""
        if self.refusal is None:
            return self.kept
        code, detail = self.refusal
        return f"nothing picked: {code}{f' ({detail})' if detail else ''}; {remedy(code, detail)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, with the fields of an Explanation."""
        return {
            "source": self.source,
            "title": "",
            "status": KEPT if self.is_kept else DROPPED,
            "refusal": _remark_json(self.refusal) if self.refusal else None,
            "remarks": [],
            "picked": [],
            "parts": [],
        }


def explain(file: str | Path, options: BuildOptions | None = None) -> list[Explanation | Untold]:
    """Read a music file (or an archive or folder of them) and tell what a build with these options takes from each.

    Every file and every member has at least one entry, an Untold where no piece of it can be shown.
    Raises CorpusError where the file does not exist.
    """
    options = options or BuildOptions()
    with UntrustedReader() as reader, Lane(options) as lane:
        return [one for source in each_file([file]) for one in _told(source, reader, lane, options)]


def _told(source: Source, reader: UntrustedReader, lane: Lane, options: BuildOptions) -> list[Explanation | Untold]:
    """What there is to tell of one file."""
    try:
        content = source.read()
    except SourceError as error:
        return [Untold(source.name, refusal=(error.reason, error.detail))]
    rows = next(FileRows.from_bytes(rows) for _, rows in lane.convert([Job(0, b"", source.name, content)]))
    if not source.is_array:
        with suppress(MusicFileError):
            told = [explain_piece(piece, options) for piece in _pieces(source, content, reader, options)]
            return [replace(told[0], remarks=_about_file(rows, told)), *told[1:]]
    if rows.pieces:
        what = f"{rows.detected}; " if rows.detected else ""
        return [Untold(source.name, f"kept: {len(rows.notes)} notes ({what}kept step for step, nothing is picked)")]
    return [Untold(source.name, refusal=rows.problems[0])]


def _about_file(rows: FileRows, told: Sequence[Explanation]) -> tuple[Remark, ...]:
    """The warnings about a file that are not about what was picked from its pieces."""
    picked = {code for one in told for choice in one.choices for code, _ in choice.warnings}
    return tuple(warning for warning in rows.warnings if warning[0] not in picked)


def _pieces(source: Source, content: bytes, reader: UntrustedReader, options: BuildOptions) -> list[Piece]:
    if source.member is None:
        return reader.read(source.path, options.repeats)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"member{source.suffix}")
        file.write_bytes(content)
        return [_renamed(p, str(file), source.name) for p in reader.read(file, options.repeats)]


def _renamed(piece: Piece, before: str, name: str) -> Piece:
    """The piece with the name of its file put in; the number of a tune or a pattern stays behind it."""
    return replace(piece, source=name + piece.source.removeprefix(before))


def explain_piece(piece: Piece, options: BuildOptions) -> Explanation:
    """Tell what is taken from one piece, and why."""
    refusal, choices = None, []
    try:
        choices = pick_melodies(piece, options)
    except CorpusError as error:
        refusal = (error.reason or "no_notes", str(error).removeprefix(f"{piece.source}: "))
    melodies = [choice.melody for choice in choices]
    if melodies and not any(segments_of(melody, options) for melody in melodies):
        refusal = ("too_short", shortness(melodies, options.least_notes))
    return Explanation(piece, _parts(piece, choices), tuple(choices), refusal)


def as_text(told: Explanation | Untold, width: int = 80) -> str:
    """The explanation for a terminal: the choice, the parts and a roll of blocks."""
    if isinstance(told, Untold):
        return f"{told.source}: {told.words}"
    lines = [_headline(told.piece)]
    lines += [f"doubt: {code} ({detail}): {remedy(code, detail)}" for code, detail in told.remarks]
    if told.refusal:
        code, detail = told.refusal
        lines.append(f"nothing picked: {code} ({detail}); {remedy(code, detail)}")
    for choice in told.choices:
        lines += ["", f"picked {_called(told, choice)}: {len(choice.melody.notes)} notes"]
        lines += [f"  {line}" for why in choice.why for line in textwrap.wrap(why, max(width - 2, 30))]
        lines += [f"  cost: {', '.join(f'{n} {name}' for name, n in choice.losses.items())}"] if choice.losses else []
        lines += [f"  doubt: {code} ({detail}): {remedy(code, detail)}" for code, detail in choice.warnings]
    lines += ["", *(line for part in told.parts for line in _part_lines(part, width))]
    roll = text_roll(told, width)
    return "\n".join([*lines, *(["", *roll] if roll else [])])


def text_roll(told: Explanation, width: int = 80) -> list[str]:
    """Picked notes as full blocks, notes that were left as dots; time to the right, pitch upwards."""
    picked = [cell for choice in told.choices for cell in _quarters(choice.melody)]
    left = [cell for part in told.piece.parts if not part.is_drum for cell in _part_quarters(told.piece, part)]
    if not picked and not left:
        return []
    low, high = min(p for *_, p in picked + left), max(p for *_, p in picked + left)
    end = max(stop for _, stop, _ in picked + left)
    across, per_row = max(width - 5, 20), -(-(high - low + 1) // ROLL_ROWS)
    cells = np.full((-(-(high - low + 1) // per_row), across), " ")
    for sign, notes in (("·", left), ("█", picked)):
        for start, stop, pitch in notes:
            first = min(int(start / end * across), across - 1)
            cells[(high - pitch) // per_row, first : max(int(stop / end * across), first + 1)] = sign
    names = [pitch_name(high - row * per_row) for row in range(len(cells))]
    lines = [f"{name:>4} {''.join(row).rstrip()}" for name, row in zip(names, cells, strict=True)]
    return [line.rstrip() for line in lines]


def _parts(piece: Piece, choices: Sequence[PickedMelody]) -> tuple[PartTold, ...]:
    pitched = [i for i, part in enumerate(piece.parts) if part.notes and not part.is_drum]
    scores = scored(piece, pitched, [columns(piece.parts[i].notes) for i in pitched]) if pitched else []
    by_index = {s.index: s for s in scores}
    twins = {double: s.index for s in scores for double in s.doubles}
    names = scores[0].by_feature if scores else ()
    usual = {name: sum(s.by_feature[name] for s in scores) / len(scores) for name in names}
    chosen = {c.part for c in choices}
    everywhere = -1 in chosen
    return tuple(
        _part(
            piece, i, "picked" if i in chosen or (everywhere and i in pitched) else "", by_index.get(i), usual, twins
        )
        for i in range(len(piece.parts))
    )


def _part(
    piece: Piece, index: int, verdict: str, score: PartScore | None, usual: dict[str, float], twins: dict[int, int]
) -> PartTold:
    part = piece.parts[index]
    if not verdict:
        verdict = "empty" if not part.notes else "percussion" if part.is_drum else "left"
        verdict = f"doubles part {twins[index] + 1}" if index in twins else verdict
    pitches = [n.pitch for n in part.notes] if not part.is_drum else []
    apart = {name: points - usual[name] for name, points in score.by_feature.items()} if score else {}
    weightiest = sorted(apart.items(), key=lambda item: -abs(item[1]))[:TOLD]
    return PartTold(
        index + 1,
        part.name,
        "drums" if part.is_drum else FAMILIES[part.program // 8],
        len(part.notes),
        min(pitches, default=None),
        max(pitches, default=None),
        verdict,
        score.share if score else None,
        score.points if score else None,
        tuple((name, points) for name, points in weightiest if abs(points) >= LEAST_TOLD),
    )


def told_reasons(part: PartTold) -> str:
    """ "steps +2.1, leaps -1.0": what sets a part apart, in points."""
    return ", ".join(f"{name} {points:+.1f}" for name, points in part.reasons)


def told_range(part: PartTold) -> str:
    """ "C4 to G5", nothing for a part without pitches."""
    if part.lowest is None or part.highest is None:
        return ""
    return f"{pitch_name(part.lowest)} to {pitch_name(part.highest)}"


def headline_facts(piece: Piece) -> str:
    """ "4/4, G major, 120 quarters a minute, 32 bars"; where the metre changes, "4/4 and 3/4"."""
    timeline = piece.timeline
    bars = len(timeline.barlines()) - 1 - bool(timeline.pickup)
    key = key_name(timeline.key) if timeline.key else "no key stated"
    names = list(dict.fromkeys(metre.name for metre in (timeline.metre, *timeline.metres)))
    metres = ", ".join(names[:-1]) + " and " + names[-1] if names[1:] else names[0]
    return f"{metres}, {key}, {timeline.qpm:.0f} quarters a minute, {bars} bars"


def _headline(piece: Piece) -> str:
    return f"{piece.source}: {piece.title + ', ' if piece.title else ''}{headline_facts(piece)}"


def _called(told: Explanation, choice: PickedMelody) -> str:
    if choice.part < 0:
        return "the highest notes"
    return f"part {choice.part + 1} of {len(told.parts)}{f' ({choice.name})' if choice.name else ''}"


def _part_lines(part: PartTold, width: int) -> list[str]:
    sign = ">" if part.verdict == "picked" else " "
    share = f"{part.share:.0%}".replace("%", " %") if part.share is not None else ""
    facts = [f"{part.notes} notes", told_range(part), part.instrument, share, part.verdict]
    head = f"{sign} {part.number:>2} {part.name or '(no name)'}: {', '.join(f for f in facts if f)}"
    lines = textwrap.wrap(head, max(width, 30), subsequent_indent="     ")
    return lines + textwrap.wrap(
        told_reasons(part), max(width, 30), initial_indent="     ", subsequent_indent="     "
    )


def _quarters(melody: Melody) -> list[tuple[float, float, int]]:
    """Start and end in quarters, and pitch, of each note."""
    per_quarter = melody.timeline.ticks_per_quarter
    return [(n.start / per_quarter, n.end / per_quarter, n.pitch) for n in melody.notes]


def _part_quarters(piece: Piece, part: Part) -> list[tuple[float, float, int]]:
    per_quarter = piece.timeline.ticks_per_quarter
    return [(n.start / per_quarter, n.end / per_quarter, n.pitch) for n in part.notes]


def _choice_json(choice: PickedMelody) -> dict[str, Any]:
    key = choice.melody.timeline.key
    return {
        "part": choice.part + 1 if choice.part >= 0 else None,
        "name": choice.name,
        "confidence": round(choice.confidence, 4),
        "why": list(choice.why),
        "notes": len(choice.melody.notes),
        "key": key_name(key) if key else None,
        "losses": dict(choice.losses),
        "warnings": [_remark_json(warning) for warning in choice.warnings],
    }


def _remark_json(remark: Remark) -> dict[str, str]:
    code, detail = remark
    return {"reason": code, "detail": detail, "remedy": remedy(code, detail)}


def _part_json(part: PartTold) -> dict[str, Any]:
    return {
        "number": part.number,
        "name": part.name,
        "instrument": part.instrument,
        "notes": part.notes,
        "lowest": part.lowest,
        "highest": part.highest,
        "verdict": part.verdict,
        "share": None if part.share is None else round(part.share, 4),
        "points": None if part.points is None else round(part.points, 3),
        "reasons": {name: round(points, 3) for name, points in part.reasons},
    }

"""What was picked from a file and what was left, each part with what speaks for it."""

from __future__ import annotations

import tempfile
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find import find_files
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick import PickedMelody, pick_melodies
from ritornello.corpus.pick_features import columns
from ritornello.corpus.pick_score import PartScore, scored
from ritornello.corpus.report import remedy
from ritornello.corpus.segments import is_long_enough, shortness
from ritornello.corpus.sources import Source
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
    """One piece of a file: its parts, what was picked from it, or why nothing was, as (reason code, detail)."""

    piece: Piece
    parts: tuple[PartTold, ...]
    choices: tuple[PickedMelody, ...] = ()
    refusal: tuple[str, str] | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        refused = self.refusal and {
            "reason": self.refusal[0],
            "detail": self.refusal[1],
            "remedy": remedy(*self.refusal),
        }
        return {
            "source": self.piece.source,
            "title": self.piece.title,
            "status": "dropped" if self.refusal else "kept",
            "refusal": refused or None,
            "picked": [_choice_json(choice) for choice in self.choices],
            "parts": [_part_json(part) for part in self.parts],
        }


def explain(file: str | Path, options: BuildOptions | None = None) -> list[Explanation]:
    """Read a music file (or an archive of them) and tell what a build with these options takes from each piece.

    Raises CorpusError for a file of token arrays, MusicFileError for one that cannot be read.
    """
    options = options or BuildOptions()
    told: list[Explanation] = []
    with UntrustedReader() as reader:
        for source in find_files([file]):
            told.extend(explain_piece(piece, options) for piece in _pieces(source, reader, options))
    return told


def explain_piece(piece: Piece, options: BuildOptions) -> Explanation:
    """Tell what is taken from one piece, and why."""
    refusal, choices = None, []
    try:
        choices = pick_melodies(piece, options)
    except CorpusError as error:
        refusal = (error.reason or "no_notes", str(error))
    melodies = [choice.melody for choice in choices]
    if melodies and not any(is_long_enough(m, options.least_notes, options.min_bars) for m in melodies):
        refusal = ("too_short", shortness(melodies, options.least_notes))
    return Explanation(piece, _parts(piece, choices), tuple(choices), refusal)


def as_text(told: Explanation, width: int = 80) -> str:
    """The explanation for a terminal: the choice, the parts and a roll of blocks."""
    lines = [_headline(told.piece)]
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


def _pieces(source: Source, reader: UntrustedReader, options: BuildOptions) -> list[Piece]:
    if source.is_array:
        raise CorpusError(
            f"{source.name}: token arrays are kept step for step, nothing is picked; build and show them"
        )
    if source.problem:
        code, detail = source.problem
        raise CorpusError(f"{source.name}: {code} ({detail}); {remedy(code, detail)}")
    if source.member is None:
        return reader.read(source.path, options.repeats)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, f"member{source.suffix}")
        file.write_bytes(source.read())
        return [replace(p, source=source.name) for p in reader.read(file, options.repeats)]


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
    """ "4/4, G major, 120 quarters a minute, 32 bars"."""
    timeline = piece.timeline
    bars = len(timeline.barlines()) - 1 - bool(timeline.pickup)
    key = key_name(timeline.key) if timeline.key else "no key stated"
    return f"{timeline.metre.name}, {key}, {timeline.qpm:.0f} quarters a minute, {bars} bars"


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
        "warnings": [{"reason": c, "detail": d, "remedy": remedy(c, d)} for c, d in choice.warnings],
    }


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

"""What was picked from a file and what was left, each part with what speaks for it.

A worker reads and converts each file as a build does; parts and picks are explained from the pieces that it read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ritornello.corpus.build.convert import rows_and_pieces, segments_of
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.find.find import Source, each_file
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.bars import shortness
from ritornello.corpus.pick.line import columns
from ritornello.corpus.pick.pick import PickedMelody, pick_melodies
from ritornello.corpus.pick.score import scored
from ritornello.corpus.report import DROPPED, KEPT, losses_in_words, remedy, without_advice
from ritornello.music.errors import Remark
from ritornello.music.keys import key_name, pitch_name
from ritornello.music.values import Note, Piece
from ritornello.music.worker import Failure, Worker
from ritornello.plural import counted
from ritornello.reports.corpora.describe import bars_of

FAMILIES = (
    *("piano", "chromatic percussion", "organ", "guitar", "bass", "strings", "ensemble", "brass"),
    *("reed", "pipe", "synth lead", "synth pad", "effects", "ethnic", "percussive", "sound effects"),
)
"""General MIDI's instrument families, eight programs each."""

MOST_REASONS = 4  # that speak for or against a part
LEAST_POINTS = 0.2  # of a reason that is worth a word
ROLL_ROWS = 18  # lines of the roll on a terminal, two pitches or more to a line where the range is wide


@dataclass(frozen=True, slots=True)
class PartVerdict:
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

    @property
    def pitch_range(self) -> str:
        """ "C4 to G5"; empty for a part without pitches."""
        return "" if self.lowest is None else f"{pitch_name(self.lowest)} to {pitch_name(self.highest or 0)}"

    @property
    def reasons_text(self) -> str:
        """ "steps +2.1, leaps -1.0": what sets the part apart, in points."""
        return ", ".join(f"{name} {points:+.1f}" for name, points in self.reasons)

    @property
    def share_text(self) -> str:
        """ "87 %"; empty for a part that did not compete."""
        return "" if self.share is None else f"{100 * self.share:.0f} %"

    def to_dict(self) -> dict[str, Any]:
        """List its fields by name, as plain values."""
        rounded = {
            "share": None if self.share is None else round(self.share, 4),
            "points": None if self.points is None else round(self.points, 3),
            "reasons": {name: round(points, 3) for name, points in self.reasons},
        }
        return asdict(self) | rounded


@dataclass(frozen=True, slots=True)
class Explanation:
    """One piece of a file: its parts, what was picked from it, or why nothing was, as (reason code, detail).

    piece: None for a file that has no piece to show. kept: what was kept of such a file, in words.
    remarks: doubts about the reading of the whole file, with its first piece.
    """

    source: str
    piece: Piece | None = None
    parts: tuple[PartVerdict, ...] = ()
    choices: tuple[PickedMelody, ...] = ()
    refusal: Remark | None = None
    remarks: tuple[Remark, ...] = ()
    kept: str = ""

    def __repr__(self) -> str:
        picked = f"{counted(len(self.choices), 'melody')} picked" if self.is_kept else self.refusal_text
        return f"Explanation({self.source!r}: {counted(len(self.parts), 'part')}, {picked})"

    @property
    def is_kept(self) -> bool:
        """Whether a build would keep it (if it is no copy of another)."""
        return self.refusal is None

    @property
    def refusal_text(self) -> str:
        """Why nothing is picked, and what would help; empty where it is kept."""
        if self.refusal is None:
            return ""
        code, detail = self.refusal
        return f"nothing picked: {code}{f' ({without_advice(detail)})' if detail else ''}; {remedy(code, detail)}"

    def to_dict(self) -> dict[str, Any]:
        """List its fields by name, as plain values."""
        return {
            "source": self.source,
            "title": self.piece.title if self.piece else "",
            "status": KEPT if self.is_kept else DROPPED,
            "refusal": _remark_dict(self.refusal) if self.refusal else None,
            "remarks": [_remark_dict(remark) for remark in self.remarks],
            "picked": [_choice_dict(choice) for choice in self.choices],
            "parts": [part.to_dict() for part in self.parts],
        }


def explain(file: str | Path, options: BuildOptions | None = None) -> list[Explanation]:
    """Explain what a build takes from a music file, or from each file of an archive or a folder.

    Every file and every member has at least one explanation, without a piece where none of it can be shown.
    Raises CorpusError where the file does not exist.
    """
    options = options or BuildOptions()
    with Worker("ritornello.corpus.build.convert:explained_bytes") as worker:
        return [one for source in each_file([file]) for one in _explain_source(source, worker, options)]


def explain_piece(piece: Piece, options: BuildOptions) -> Explanation:
    """Explain what is taken from one piece, and why."""
    refusal, choices = None, []
    try:
        choices = pick_melodies(piece, options)
    except CorpusError as error:
        refusal = (error.reason or "no_notes", str(error).removeprefix(f"{piece.source}: "))
    melodies = [choice.melody for choice in choices]
    if melodies and not any(segments_of(melody, options) for melody in melodies):
        refusal = ("too_short", shortness(melodies, options.least_notes))
    return Explanation(piece.source, piece, _judge_parts(piece, choices), tuple(choices), refusal)


def _explain_source(source: Source, worker: Worker, options: BuildOptions) -> list[Explanation]:
    try:
        content = source.read()
    except CorpusError as error:
        return [Explanation(source.name, refusal=(error.reason, str(error)))]
    (answer,) = worker.answers([(source.name, content)], asdict(options))
    if isinstance(answer, Failure):
        return [Explanation(source.name, refusal=answer)]
    try:
        rows, pieces = rows_and_pieces(answer)
    except ValueError as error:
        refusal = ("parser_died", f"its reader gave an impossible answer ({error})")
        return [Explanation(source.name, refusal=refusal)]
    if pieces:
        found = [explain_piece(piece, options) for piece in pieces]
        of_picking = {code for one in found for choice in one.choices for code, _ in choice.warnings}
        of_file = tuple(warning for warning in rows.warnings if warning[0] not in of_picking)
        return [replace(found[0], remarks=of_file), *found[1:]]
    if rows.corpus.pieces:
        what = f"{rows.detected}; " if rows.detected else ""
        kept = f"kept: {counted(len(rows.corpus.notes), 'note')} ({what}kept step for step, nothing is picked)"
        return [Explanation(source.name, kept=kept)]
    return [Explanation(source.name, refusal=rows.problems[0])]


def _judge_parts(piece: Piece, choices: Sequence[PickedMelody]) -> tuple[PartVerdict, ...]:
    pitched = [i for i, part in enumerate(piece.parts) if part.notes and not part.is_drum]
    scores = scored(piece, pitched, [columns(piece.parts[i].notes) for i in pitched]) if pitched else []
    names = scores[0].by_feature if scores else ()
    averages = {name: sum(s.by_feature[name] for s in scores) / len(scores) for name in names}
    by_index = {score.index: score for score in scores}
    doubled = {double: score.index for score in scores for double in score.doubles}
    chosen = {index for choice in choices for index in (choice.part, *choice.joined)}
    verdicts = []
    for index, part in enumerate(piece.parts):
        if index in chosen or (-1 in chosen and index in pitched):  # -1: the highest notes of all parts
            verdict = "picked"
        elif index in doubled:
            verdict = f"doubles part {doubled[index] + 1}"
        else:
            verdict = "empty" if not part.notes else "percussion" if part.is_drum else "left"
        score = by_index.get(index)
        apart = [(name, points - averages[name]) for name, points in score.by_feature.items()] if score else []
        weightiest = sorted(apart, key=lambda reason: -abs(reason[1]))[:MOST_REASONS]
        pitches = [note.pitch for note in part.notes] if not part.is_drum else []
        verdicts.append(
            PartVerdict(
                number=index + 1,
                name=part.name,
                instrument="drums" if part.is_drum else FAMILIES[part.program // 8],
                notes=len(part.notes),
                lowest=min(pitches, default=None),
                highest=max(pitches, default=None),
                verdict=verdict,
                share=score.share if score else None,
                points=score.points if score else None,
                reasons=tuple(reason for reason in weightiest if abs(reason[1]) >= LEAST_POINTS),
            )
        )
    return tuple(verdicts)


def as_text(one: Explanation, width: int = 80) -> str:
    """Write an explanation for a terminal: the choice, the parts and a roll of blocks."""
    if one.piece is None:
        return f"{one.source}: {one.refusal_text or one.kept}"
    title = f"{one.piece.title}, " if one.piece.title else ""
    lines = [f"{one.source}: {title}{headline(one.piece)}", *map(_doubt, one.remarks)]
    lines += [one.refusal_text] if one.refusal else []
    for choice in one.choices:
        what = f"part {choice.part + 1} of {len(one.parts)}" if choice.part >= 0 else "the highest notes"
        name = f" ({choice.name})" if choice.part >= 0 and choice.name else ""
        if choice.joined:
            numbers = " and ".join(str(index + 1) for index in sorted(choice.joined))
            what, name = f"parts {numbers} of {len(one.parts)}, which take turns", ""
        lines += ["", f"picked {what}{name}: {counted(len(choice.melody.notes), 'note')}"]
        lines += [f"  {line}" for why in choice.why for line in textwrap.wrap(why, max(width - 2, 30))]
        lines += [f"  cost: {losses_in_words(choice.losses)}"] if choice.losses else []
        lines += [f"  {_doubt(warning)}" for warning in choice.warnings]
    lines += ["", *(line for part in one.parts for line in _part_lines(part, max(width, 30)))]
    roll = text_roll(one, width)
    return "\n".join([*lines, *(["", *roll] if roll else [])])


def text_roll(one: Explanation, width: int = 80) -> list[str]:
    """Draw picked notes as full blocks and the others as dots; time to the right, pitch upwards."""
    if one.piece is None:
        return []
    per_quarter = one.piece.timeline.ticks_per_quarter
    picked = [n for c in one.choices for n in _in_quarters(c.melody.notes, c.melody.timeline.ticks_per_quarter)]
    left = [n for p in one.piece.parts if not p.is_drum for n in _in_quarters(p.notes, per_quarter)]
    if not picked and not left:
        return []
    low, high = min(p for *_, p in picked + left), max(p for *_, p in picked + left)
    end = max(stop for _, stop, _ in picked + left)
    across, per_row = max(width - 5, 20), -(-(high - low + 1) // ROLL_ROWS)
    cells = np.full((-(-(high - low + 1) // per_row), across), " ")  # (rows, columns)
    for sign, notes in (("·", left), ("█", picked)):
        for start, stop, pitch in notes:
            first = min(int(start / end * across), across - 1)
            cells[(high - pitch) // per_row, first : max(int(stop / end * across), first + 1)] = sign
    names = [pitch_name(high - row * per_row) for row in range(len(cells))]
    return [f"{name:>4} {''.join(row)}".rstrip() for name, row in zip(names, cells, strict=True)]


def headline(piece: Piece) -> str:
    """Write "4/4, G major, 120 quarters a minute, 32 bars", with every metre of the piece."""
    timeline = piece.timeline
    key = key_name(timeline.key) if timeline.key else "no key stated"
    names = list(dict.fromkeys(metre.name for metre in (timeline.metre, *timeline.metres)))
    metres = ", ".join(names[:-1]) + " and " + names[-1] if names[1:] else names[0]
    return f"{metres}, {key}, {timeline.qpm:.0f} quarters a minute, {counted(bars_of(timeline), 'bar')}"


def _part_lines(part: PartVerdict, width: int) -> list[str]:
    sign = ">" if part.verdict == "picked" else " "
    words = [counted(part.notes, "note"), part.pitch_range, part.instrument, part.share_text, part.verdict]
    head = f"{sign} {part.number:>2} {part.name or '(no name)'}: {', '.join(filter(None, words))}"
    below = textwrap.wrap(part.reasons_text, width, initial_indent=5 * " ", subsequent_indent=5 * " ")
    return textwrap.wrap(head, width, subsequent_indent=5 * " ") + below


def _in_quarters(notes: Sequence[Note], ticks_per_quarter: int) -> list[tuple[float, float, int]]:
    """List start and end in quarters, and pitch, of each note."""
    return [(n.start / ticks_per_quarter, n.end / ticks_per_quarter, n.pitch) for n in notes]


def _doubt(remark: Remark) -> str:
    code, detail = remark
    return f"doubt: {code} ({without_advice(detail)}): {remedy(code, detail)}"


def _choice_dict(choice: PickedMelody) -> dict[str, Any]:
    key = choice.melody.timeline.key
    return {
        "part": choice.part + 1 if choice.part >= 0 else None,
        **({"joined_parts": [index + 1 for index in choice.joined]} if choice.joined else {}),
        "name": choice.name,
        "confidence": round(choice.confidence, 4),
        "why": list(choice.why),
        "notes": len(choice.melody.notes),
        "key": key_name(key) if key else None,
        "losses": dict(choice.losses),
        "warnings": [_remark_dict(warning) for warning in choice.warnings],
    }


def _remark_dict(remark: Remark) -> dict[str, str]:
    code, detail = remark
    return {"reason": code, "detail": detail, "remedy": remedy(code, detail)}

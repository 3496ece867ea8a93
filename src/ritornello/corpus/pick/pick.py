"""From a piece to its melody, or melodies, with the reasons for the choice and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ritornello.corpus.beats.settle import settled as settled_beats
from ritornello.corpus.errors import CorpusError
from ritornello.corpus.harmony import with_found_chords
from ritornello.corpus.options import BuildOptions
from ritornello.corpus.pick.bars import with_upbeat
from ritornello.corpus.pick.line import Columns, columns
from ritornello.corpus.pick.meant import is_written, on_grid, with_meant_lengths
from ritornello.corpus.pick.quantise import FAR, Timed, timed
from ritornello.corpus.pick.score import PartScore, scored
from ritornello.corpus.pick.turns import Shared, shared_tune, single_line
from ritornello.corpus.report import left_out
from ritornello.music.keys import estimate_key, key_name, settled_key
from ritornello.music.values import Melody, Note, Piece, Timeline
from ritornello.plural import counted

UNSURE = 0.8
"""A choice with a smaller share than this is doubted in the report: such are right two times in three, others always
but for a few in a hundred (`benchmarks/corpus/README.md`)."""

MERGED = 0.02
"""Where the grid takes a larger share of the notes, the report says so; of fewer they are ornaments."""

MOST_PARTS = 64  # are compared
REASONS = 4  # differences between two parts that are listed, the largest


@dataclass(frozen=True, slots=True)
class PickedMelody:
    """A melody, where it came from, why it was taken, and what taking it cost.

    part: place among the piece's parts, from 0; -1 where it is drawn from all of them. name: the part's.
    joined: places of parts that take turns, made one line, `part` first; empty where it is one part.
    confidence: how likely this is the tune, 0 to 1; 1 where it was asked for. why: sentences for people.
    scores: what spoke for each part, best first, where there was a choice to make.
    losses: counted by name: other_parts, notes_below_top, notes_cut_short, pedal_notes, notes_merged.
    warnings: doubts, as (reason code, detail). bars: why its barlines are where they are; "" where they were stated.
    """

    melody: Melody
    part: int
    name: str = ""
    confidence: float = 1.0
    why: tuple[str, ...] = ()
    scores: tuple[PartScore, ...] = ()
    losses: Counter[str] = field(default_factory=Counter)
    warnings: tuple[tuple[str, str], ...] = ()
    timing: Timed | None = None
    joined: tuple[int, ...] = ()
    bars: str = ""

    def remarks(self, piece: Piece) -> list[str]:
        """List in phrases what was taken of a piece, what was left, and how played timing was read."""
        lines = []
        if sum(bool(part.notes) for part in piece.parts) > 1:
            places = sorted(self.joined) or [self.part]
            named = " and ".join(f"part {_called(piece, i)}" for i in places)
            sure = f", {self.confidence:.0%} sure" if self.confidence < 1 else ""
            lines.append(f"the tune is {named} of {counted(len(piece.parts), 'part')}{sure}")
        lines += [words] if (words := left_out(self.losses)) else []
        if self.timing and not self.timing.is_written:
            lines.append("its timing was played, and is laid on a grid of sixteenths")
            lines += [self.bars] if self.bars else []
        return lines


def pick_melodies(piece: Piece, options: BuildOptions = BuildOptions()) -> list[PickedMelody]:
    """Pick the melodies of a piece as `options.pick` asks.

    It is one, or with "every-part" one for each part with pitches.
    Each is a single line on its grid (`options.timing`, `steps_per_quarter`, `swing`), its key found where the file
    names none. Percussion is never picked; parts that double one another count once.
    Raises CorpusError, with a `reason` code, for a piece without pitched notes or without the track asked for.
    """
    piece, why, doubts = in_bars(piece, options)
    piece = with_found_chords(piece) if options.chords == "found" else piece
    pitched = pitched_parts(piece)
    picked = _picked(piece, pitched, [columns(piece.parts[i].notes) for i in pitched], options)
    if not why:
        return picked
    return [replace(p, why=(*p.why, why), warnings=(*p.warnings, *doubts), bars=why) for p in picked]


def in_bars(piece: Piece, options: BuildOptions) -> tuple[Piece, str, tuple[tuple[str, str], ...]]:
    """Find the beats and bars of a piece where its file does not state them and options let it.

    Returns the piece, why its bars are where they are ("" where they were stated), and doubts as (code, detail).
    Raises CorpusError as `pick_melodies`.
    """
    if options.timing != "exact":
        piece = on_grid(piece)
    arrays = [columns(piece.parts[i].notes) for i in pitched_parts(piece)]
    if options.timing != "exact" or options.metre is not None or options.beat_offset is not None:
        starts = np.concatenate([array[:, 0] for array in arrays])
        is_kept = options.timing == "exact" or is_written(starts, piece.timeline.ticks_per_quarter)
        beats = settled_beats(piece, is_kept, options.metre, options.beat_offset)
        if beats.bars is not None:
            return beats.piece, beats.why, (("unsure_bars", beats.doubt),) if beats.doubt else ()
    line = with_upbeat(piece, arrays)
    if line is piece.timeline:
        return piece, "", ()
    quarters = line.pickup / line.ticks_per_quarter
    return replace(piece, timeline=line), f"the first bar is a pick-up of {quarters:g} quarters, by the stresses", ()


def _picked(piece: Piece, pitched: list[int], arrays: list[Columns], options: BuildOptions) -> list[PickedMelody]:
    """Pick melodies among the pitched parts as `options.pick` asks; arrays: their notes."""
    if options.pick == "auto":
        return [_chosen(piece, pitched, arrays, options)]
    if options.pick == "highest":
        notes = tuple(sorted((n for i in pitched for n in piece.parts[i].notes), key=lambda n: (n.start, n.pitch)))
        why = f"the highest notes of {len(pitched)} parts" if len(pitched) > 1 else "the highest notes"
        return [_taken(piece, -1, notes, columns(notes), options, (why,))]
    if options.pick == "every-part":
        doubles = {i for score in _scores(piece, pitched, arrays) for i in score.doubles}
        return [_asked(piece, index, options) for index in pitched if index not in doubles]
    wanted = options.pick.removeprefix("track:")
    index = pitched[0] if options.pick == "first" else track_matches(piece, pitched, wanted)[0]
    return [_asked(piece, index, options)]


def melody_of(piece: Piece) -> PickedMelody:
    """Pick the melody of a piece as a corpus does without options.

    Played timing is laid on its beats.
    Raises as `pick_melodies`.
    """
    return pick_melodies(piece)[0]


def pick_melody(piece: Piece) -> Melody:
    """Pick the melody of a piece, written timing as it is meant, played timing as it stands.

    Raises as `pick_melodies`.
    """
    piece = on_grid(piece)
    melody = pick_melodies(piece, BuildOptions(timing="exact"))[0].melody
    return with_meant_lengths(melody) if piece.is_counted else melody


def pitched_parts(piece: Piece) -> list[int]:
    """List the places of parts with notes that are not percussion, at least one."""
    pitched = [i for i, part in enumerate(piece.parts) if part.notes and not part.is_drum]
    if pitched:
        return pitched
    has_drums = any(part.notes for part in piece.parts)
    what = "only percussion" if has_drums else "no notes"
    reason = "drums_only" if has_drums else "no_notes"
    raise CorpusError(f"{piece.source}: {what}; choose a piece with a part that has pitches", reason=reason)


def track_matches(piece: Piece, pitched: Sequence[int], wanted: str) -> list[int]:
    """Find the parts of that number (from 1) or name (whole, else a piece of it), at least one.

    Raises CorpusError where there is none with notes, or the first is percussion.
    """
    wanted = wanted.strip()
    names = [part.name.casefold() for part in piece.parts]
    if wanted.isdigit() and wanted not in names:
        matches = [int(wanted) - 1]
    else:
        matches = [i for i in pitched if names[i] == wanted.casefold()]
        matches = matches or [i for i in pitched if wanted.casefold() in names[i]]
    if found := [index for index in matches if index in pitched]:
        return found
    is_drum = matches and 0 <= matches[0] < len(piece.parts) and piece.parts[matches[0]].is_drum
    what = f"track {wanted} is percussion" if is_drum else f"there is no track {wanted!r} with notes"
    there = ", ".join(_called(piece, i) for i in pitched)
    raise CorpusError(f"{piece.source}: {what}; there are {there}", reason="no_such_track")


def _called(piece: Piece, index: int) -> str:
    name = piece.parts[index].name
    return f'{index + 1} "{name}"' if name else f"{index + 1}"


def _scores(piece: Piece, pitched: Sequence[int], arrays: Sequence[Columns]) -> list[PartScore]:
    """Score the MOST_PARTS parts with most notes, best first: a file may claim thousands."""
    fullest = sorted(sorted(range(len(arrays)), key=lambda k: -len(arrays[k]))[:MOST_PARTS])
    return scored(piece, [pitched[k] for k in fullest], [arrays[k] for k in fullest])


def _asked(piece: Piece, index: int, options: BuildOptions) -> PickedMelody:
    """Take the melody of the part that was asked for."""
    part = piece.parts[index]
    why = f"part {_called(piece, index)} of {len(piece.parts)}, as asked ({options.pick})"
    return _taken(piece, index, part.notes, columns(part.notes), options, (why,))


def _chosen(piece: Piece, pitched: list[int], arrays: Sequence[Columns], options: BuildOptions) -> PickedMelody:
    """Choose the part with the highest score, or parts that take turns, and take their melody."""
    if len(pitched) == 1:
        notes = piece.parts[pitched[0]].notes
        return _taken(piece, pitched[0], notes, arrays[0], options, ("the only part with pitches",))
    scores = _scores(piece, pitched, arrays)
    by_place = dict(zip(pitched, arrays, strict=True))
    shared = shared_tune(piece, scores, by_place)
    if shared is not None:
        return _joined(piece, shared, scores, options)
    best = scores[0]
    notes, array = piece.parts[best.index].notes, by_place[best.index]
    taken = _taken(piece, best.index, notes, array, options, _reasons(piece, scores))
    warnings = taken.warnings
    if best.share < UNSURE:
        detail = f"part {_called(piece, best.index)} {best.share:.0%}, part {_called(piece, scores[1].index)} "
        warnings = (("unsure_pick", detail + f"{scores[1].share:.0%}"), *warnings)
    return replace(taken, confidence=best.share, scores=tuple(scores), warnings=warnings)


def _joined(piece: Piece, shared: Shared, scores: Sequence[PartScore], options: BuildOptions) -> PickedMelody:
    """Take the melody of parts that take turns, and say so."""
    confidence = shared.confidence(scores)
    parts = " and ".join(f"part {_called(piece, index)}" for index in sorted(shared.parts))
    why = [f"{parts} of {len(piece.parts)} take turns: one tune, {confidence:.0%} sure"]
    rival = next((s for s in scores if s.index not in shared.parts), None)
    if rival is not None:
        why.append(f"next part {_called(piece, rival.index)}, {shared.points - rival.points:.1f} points behind")
    taken = _taken(piece, shared.parts[0], shared.notes, columns(shared.notes), options, tuple(why))
    warnings: list[tuple[str, str]] = [("joined_parts", f"{parts} take turns and were joined")]
    if confidence < UNSURE and rival is not None:
        detail = f"{parts} {confidence:.0%}, part {_called(piece, rival.index)} {rival.share:.0%}"
        warnings.insert(0, ("unsure_pick", detail))
    whole = Counter({"other_parts": sum(bool(part.notes) for part in piece.parts) - len(shared.parts)})
    inside = sum(len(piece.parts[index].notes) for index in shared.parts) - len(shared.notes)
    whole += Counter({"notes_below_top": inside, "notes_merged": taken.losses["notes_merged"]})
    return replace(
        taken,
        confidence=confidence,
        scores=tuple(scores),
        losses=whole,
        warnings=(*warnings, *taken.warnings),
        joined=shared.parts,
    )


def _reasons(piece: Piece, scores: Sequence[PartScore]) -> tuple[str, ...]:
    """Explain in sentences why the first of the scored parts was chosen."""
    best = scores[0]
    lines = [f"part {_called(piece, best.index)} of {len(piece.parts)}, {best.share:.0%} sure"]
    if len(scores) > 1:
        leads = {name: p - scores[1].by_feature[name] for name, p in best.by_feature.items()}
        largest = sorted(leads, key=lambda name: -abs(leads[name]))[:REASONS]
        against = ", ".join(f"{name} {leads[name]:+.1f}" for name in largest)
        lines.append(f"next part {_called(piece, scores[1].index)}, {scores[1].share:.0%}; between them: {against}")
    if best.doubles:
        lines.append("doubled by part " + ", ".join(_called(piece, i) for i in best.doubles))
    return tuple(lines)


def _taken(
    piece: Piece, index: int, notes: tuple[Note, ...], array: Columns, options: BuildOptions, why: tuple[str, ...]
) -> PickedMelody:
    """Take a single line from the notes of a part (also in `array`), on its grid, in its key.

    index: of the part, -1 where the notes are of all parts.
    """
    line = single_line(notes, array, piece.timeline.ticks_per_quarter, piece.states_rhythm)
    name, others = "", 0
    if index >= 0:
        name, others = piece.parts[index].name, sum(bool(part.notes) for part in piece.parts) - 1
    timeline, key_reason = with_key(piece.timeline, line)
    whole = Melody(line, timeline, piece.title, piece.source, piece.chords)
    asked = options.steps_per_quarter, options.timing, options.swing
    timing = timed(whole, *asked, piece.is_counted, piece.states_rhythm)
    losses = _losses(notes, line, others) + Counter({"notes_merged": timing.merged})
    timing_reason, doubts = _timing(timing, options)
    reasons = (*why, timing_reason, key_reason)
    return PickedMelody(timing.melody, index, name, 1.0, reasons, (), losses, doubts, timing)


def _losses(notes: Sequence[Note], line: Sequence[Note], others: int) -> Counter[str]:
    """Count what is not in the line, by name; names with nothing are left out."""
    losses = Counter({"other_parts": others, "notes_below_top": len(notes) - len(line)})
    if len(notes) != len(line):
        whole = set(notes)
        losses["notes_cut_short"] = sum(note not in whole for note in line)
    else:
        losses["notes_cut_short"] = sum(a != b for a, b in zip(notes, line))
    return +losses


def with_key(timeline: Timeline, notes: Sequence[Note]) -> tuple[Timeline, str]:
    """Set the key, found in the notes where the file names none that fits; describe it."""
    stated = timeline.key
    found, confidence = estimate_key(notes)
    key = settled_key(stated, found, confidence, notes)
    if key is None:
        return timeline, f"no key: the likeliest, {key_name(found)}, leads by {confidence:.2f} only"
    if key == stated:
        return timeline, f"key {key_name(key)}, as stated"
    instead = f" (the file's {key_name(stated)} does not fit)" if stated else ""
    return replace(timeline, keys=(key,)), f"key {key_name(key)}, found with confidence {confidence:.2f}{instead}"


def _timing(timing: Timed, options: BuildOptions) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Report what was done to the timing, and warn where the grid does not fit."""
    if options.timing == "exact":
        return "timing as it stands", ()
    if timing.is_written and options.timing == "auto" and not timing.swing:
        return "written timing, kept as it is", ()
    swing = f", swing of {timing.swing:.2f} evened out" if timing.swing else ""
    played = "written" if timing.is_written else "played"
    reason = f"{played} timing laid on a grid of {options.steps_per_quarter} steps a quarter{swing}"
    whole = len(timing.melody.notes) + timing.merged
    merged = f"{timing.merged} of {counted(whole, 'note')} fell on the step of another"
    if timing.far <= FAR:
        return reason, (("merged_notes", merged),) if timing.merged > MERGED * whole else ()
    detail = f"quantising moved {timing.far:.0%} of onsets by a third of a step or more"
    detail = f"{merged}; {detail}" if timing.merged else detail
    if timing.better:
        return reason, (("off_grid", f"{detail}; {timing.better} steps a quarter fit"),)
    return reason, (("no_beat", detail),)

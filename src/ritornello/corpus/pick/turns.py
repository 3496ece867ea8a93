"""Lines that take turns: one sounds where the other rests, so that the tune goes from part to part.

Two singers answer one another, an instrument takes up what was sung, a tune is handed from track to track. Such
lines lie in the same register, move as fast as one another, and each keeps its turn for some notes; so a bass and the
chords after it take no turns. Where they meet, the first line is the main one and the other fills its rests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ritornello.corpus.pick.features import WEIGHTS, by_sixteenths, part_features, second_voice
from ritornello.corpus.pick.line import (
    TOGETHER,
    Columns,
    columns,
    is_pedalled,
    is_single,
    pedalled_line,
    played_line,
    without_drones,
    without_low_company,
)
from ritornello.corpus.pick.meant import is_written
from ritornello.corpus.pick.score import PartScore, sureness
from ritornello.music.lines import top_line
from ritornello.music.values import Note, Part, Piece

PHRASE_REST = 2  # quarters: a shorter rest belongs to the phrase around it
SHARED = 0.5  # of the beats of the shorter line, in which both sound
REGISTER = 17  # semitones between the middles of two lines
DENSITY = 3.0  # times as many notes a beat
FEWEST = 8  # notes of a line
TURN = 3  # notes on average between two rests

NEAR = 8.0  # points behind the best part, of parts that may share the tune
SUREST = 0.97  # of tunes in turns that led by far so many were right
BONUS = 3.0  # points for a tune in turns: parts that fit together so are seldom there by chance


@dataclass(frozen=True, slots=True)
class Shared:
    """A tune that parts of a piece sing in turns, made one line.

    parts: their places, the one that sounds longest first. points: what speaks for it, as for a part.
    """

    parts: tuple[int, ...]
    notes: tuple[Note, ...]
    points: float

    def confidence(self, scores: Sequence[PartScore]) -> float:
        """Estimate how likely it is the tune, 0 to 1, by the scores of all parts."""
        return min(SUREST, sureness(self.points, [s.points for s in scores if s.index not in self.parts]))


def shared_tune(piece: Piece, scores: Sequence[PartScore], arrays: Mapping[int, Columns]) -> Shared | None:
    """Find the parts that share the tune, if together they score higher than every part alone.

    scores: of the parts, best first. arrays: the notes of each, by its place.
    """
    is_named = _is_named(scores[0])
    near = [s for s in scores if s.points >= scores[0].points - NEAR and _is_named(s) >= is_named]
    if len(near) < 2:
        return None
    tpq = piece.timeline.ticks_per_quarter
    lines = {
        s.index: single_line(piece.parts[s.index].notes, arrays[s.index], tpq, piece.states_rhythm) for s in near
    }
    found: list[Shared] = []
    for one, other in combinations(near, 2):
        if take_turns(columns(lines[one.index]), columns(lines[other.index]), tpq):
            pair = [one.index, other.index]
            pair.sort(key=lambda index: -sum(note.duration for note in lines[index]))
            found.append(_shared(piece, pair, lines, scores, arrays))
    for shared in sorted(found, key=lambda shared: -shared.points):
        if not any(_is_led(shared, other, lines, tpq) for other in found):
            whole = by_sixteenths(columns(shared.notes), tpq)
            follows = [second_voice(by_sixteenths(columns(lines[s.index]), tpq), whole) for s in near]
            rivals = [s.points + WEIGHTS["follows another"] * f for s, f in zip(near, follows, strict=True)]
            return shared if shared.points > max(rivals) else None
    return None


def _is_led(shared: Shared, other: Shared, lines: Mapping[int, Sequence[Note]], tpq: int) -> bool:
    """Tell whether a part of a shared tune is the second voice of another, which has more notes."""
    if len(other.notes) <= len(shared.notes):
        return False
    whole = by_sixteenths(columns(other.notes), tpq)
    outside = [k for k in shared.parts if k not in other.parts]
    return any(second_voice(by_sixteenths(columns(lines[k]), tpq), whole) for k in outside)


def _is_named(score: PartScore) -> bool:
    """Tell whether words or its name say that a part is the tune."""
    return score.by_feature["words"] > 0 or score.by_feature["name"] > 0


def _shared(
    piece: Piece,
    pair: Sequence[int],
    lines: Mapping[int, Sequence[Note]],
    scores: Sequence[PartScore],
    arrays: Mapping[int, Columns],
) -> Shared:
    """Join two parts and score them as one part among the others."""
    notes = joined(*(lines[index] for index in pair))
    others = [s.index for s in scores if s.index not in pair]
    features = part_features(piece, [pair[0], *others], [columns(notes), *(arrays[k] for k in others)])
    points = float(features[0] @ np.array(list(WEIGHTS.values())))
    apart = sum(s.points for s in scores if s.index in pair) / len(pair)
    return Shared(tuple(pair), notes, max(points, apart) + BONUS)


def single_line(
    notes: tuple[Note, ...], array: Columns, ticks_per_quarter: int, states_rhythm: bool = False
) -> tuple[Note, ...]:
    """Reduce the notes of a part, also in `array`, to a single line.

    states_rhythm: of the piece; onsets of other pieces tell whether they were played.
    """
    if is_single(array[:, 0], array[:, 1]):
        return notes
    if is_pedalled(array[:, 0], array[:, 1], array[:, 2], ticks_per_quarter):
        return pedalled_line(notes, 0 if states_rhythm else ticks_per_quarter // TOGETHER)
    whole = without_drones(notes, ticks_per_quarter)
    is_exact = states_rhythm or is_written(array[:, 0], ticks_per_quarter)
    line = top_line(Part(whole)) if is_exact else played_line(whole, ticks_per_quarter)
    return without_low_company(line, len(whole))


def take_turns(one: Columns, other: Columns, tpq: int) -> bool:
    """Tell whether two single lines sound in turn, in one register and as fast as one another."""
    if min(len(one), len(other)) < FEWEST:
        return False
    if abs(np.median(one[:, 2]) - np.median(other[:, 2])) > REGISTER:
        return False
    end = int(max((a[:, 0] + a[:, 1]).max() for a in (one, other)))
    beats = [_sounding_beats(a, tpq, end) for a in (one, other)]
    counts = [int(b.sum()) for b in beats]
    rates = [len(a) / count for a, count in zip((one, other), counts, strict=True)]
    turns = [int((np.diff(b, prepend=False) & b).sum()) for b in beats]
    return bool(
        max(rates) <= DENSITY * min(rates)
        and (beats[0] & beats[1]).sum() <= SHARED * min(counts)
        and all(len(a) >= TURN * n for a, n in zip((one, other), turns, strict=True))
    )


def _sounding_beats(notes: Columns, tpq: int, end: int) -> NDArray[np.bool_]:
    """Mark the beats in which a line sounds or makes only a short rest, (beats,)."""
    starts, ends = notes[:, 0], np.maximum.accumulate(notes[:, 0] + notes[:, 1])
    first = np.append(True, starts[1:] - ends[:-1] > PHRASE_REST * tpq)
    last = np.append(first[1:], True)
    change = np.zeros(end // tpq + 2, np.int64)
    np.add.at(change, (starts[first] + tpq // 2) // tpq, 1)  # an upbeat shorter than half a beat is no beat
    np.add.at(change, np.maximum((ends[last] + tpq // 2) // tpq, (starts[first] + tpq // 2) // tpq + 1), -1)
    return np.cumsum(change) > 0


def joined(main: Sequence[Note], other: Sequence[Note]) -> tuple[Note, ...]:
    """Join two single lines to one: what the other plays while the main one sounds is left out.

    A note of the main line that is held while the other begins a turn of its own is cut there, once half of it has
    sounded.
    """
    starts = np.array([n.start for n in main], np.int64)
    kept: list[Note] = []
    cuts: dict[int, int] = {}
    for note in other:
        before = int(np.searchsorted(starts, note.start, "right")) - 1
        following = main[before + 1].start if before + 1 < len(main) else None
        if before >= 0 and main[before].end > note.start:
            if 2 * (note.start - main[before].start) < main[before].duration:
                continue
            if following is not None and following < note.end:
                continue
            cuts[before] = min(cuts.get(before, note.start), note.start)
        elif following is not None and following < note.end:
            if 2 * (following - note.start) < note.duration:
                continue
            note = note._replace(duration=following - note.start)
        kept.append(note)
    shortened = [n._replace(duration=cuts[k] - n.start) if k in cuts else n for k, n in enumerate(main)]
    return tuple(sorted([*shortened, *kept]))

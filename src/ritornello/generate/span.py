"""A span of bars that is to be rewritten, in the terms of an encoding, and what may be drawn to fill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Literal, get_args

import numpy as np

from ritornello.encoding import MelodyEncoding, Place
from ritornello.encoding.features import harmony_of, knows_chords
from ritornello.generate.constraints import Form, FormTable, toward_chord
from ritornello.music.values import Melody, Note

Keep = Literal["rhythm", "pitches", "contour"]
KEPT: tuple[str, ...] = get_args(Keep)
FINEST = 24  # of a quarter, to which the times of note groups are rounded
NEARER = 0.25  # nats a semitone, a quarter before the note to which pitches are drawn
SOON = 0.5  # quarters, before which they are drawn no more than that
USUAL_STEP = 2.5  # semitones
CLOSE = 0.25  # how far tunes stray from a contour that they keep, as a share of its own spread


@dataclass(frozen=True)
class Span:
    """What is to be rewritten, from `start` up to `stop`, in ticks of the melody.

    A note that is held into the first bar is kept, one that is held beyond the last bar is rewritten as a whole, and
    a rest that closes the last bar is kept.
    """

    start: int
    stop: int

    @classmethod
    def of(cls, melody: Melody, bars: tuple[int, int]) -> Span:
        """Find the span of bars `bars`, first and last, counted from 1 without a pick-up.

        Raises ValueError for bars that the melody does not have, or that hold nothing to rewrite.
        """
        lines = melody.timeline.barlines()[melody.timeline.pickup > 0 :]
        count, (first, last) = len(lines) - 1, bars
        if not 1 <= first <= last <= count:
            raise ValueError(f"bars must lie in 1 to {count}, the first before the last, not {first}-{last}")
        begin, end = lines[first - 1], lines[last]
        start = max([begin, *(note.end for note in melody.notes if note.start < begin)])
        inside = [note for note in melody.notes if start <= note.start < end]
        if not inside:
            raise ValueError(f"no note begins in bars {first}-{last}: there is nothing to rewrite")
        span = cls(start, inside[-1].end)
        inner = [m for m in melody.timeline.metres if span.start < m.tick < span.stop]
        changes = [metre for metre in inner if metre[1:] != melody.timeline.metre_at(metre.tick - 1)[1:]]
        if changes:
            bar = first + sum(begin < line <= changes[0].tick for line in lines)
            place = f"the metre changes to {changes[0].name} at bar {bar}"
            raise ValueError(f"{place}: rewrite what is before it, then the rest")
        return span

    def holds(self, note: Note) -> bool:
        """Tell whether a note is to be rewritten."""
        return self.start <= note.start < self.stop

    def places(self, melody: Melody) -> tuple[int, int]:
        """Find the first note of a melody that is to be rewritten, and the one after the last."""
        first = sum(note.start < self.start for note in melody.notes)
        return first, first + sum(map(self.holds, melody.notes))


class SpanForm(Form):
    """Biases for one draft: what fills the span to its last tick."""

    def __init__(self, plan: Plan, place: Place):
        super().__init__(plan.table.named[1], place)
        self._plan, self._place, self._length = plan, place, len(plan.given)

    def observe(self) -> None:
        """Take note of where the draft stands, and of what is known of the melody.

        To be called before each token.
        """
        self._length += 1
        self._plan.inform(self._place)

    def bias(self) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf, or small numbers."""
        return self._plan.bias(self._place, self._length - 1)

    def progress(self) -> float:
        """Estimate the share of the span that is drawn, 0 to 1."""
        return min(1.0, self._place.time / self._plan.stop)

    def is_over(self) -> bool:
        """Tell whether the span is full, or a kept rhythm over that was rounded."""
        if self._plan.is_filled(self._length):
            return True
        return self._length >= len(self._plan.given) and not self._place.part and self._place.time >= self._plan.stop


class Plan:
    """A span in the terms of an encoding.

    given: tokens before it. following: how many tokens come after it. start, stop, until: ticks of the encoding at
    which span and melody begin and end. offset: quarters by which decoded notes come too early. harmony: the chords
    of the melody, where the encoding knows any.
    """

    def __init__(self, encoding: MelodyEncoding, melody: Melody, span: Span, table: FormTable, keep: Keep | None):
        self.encoding, self.table, self.keep = encoding, table, keep
        tokens = encoding.encode(melody).tokens.astype(np.int64)
        again = encoding.decode(tokens)
        if not again.notes:
            raise ValueError("this model's encoding keeps no note of the melody")
        quarter, first = melody.timeline.ticks_per_quarter, melody.notes[0].start
        place = encoding.tracker()
        for token in tokens.tolist():
            place.advance(token)

        def ticks(tick: int) -> int:
            quarters = Fraction(tick - first, quarter)
            return place.opening + round(quarters * encoding.ticks_per_quarter)

        self.start, self.stop, self.until = ticks(span.start), ticks(span.stop), ticks(melody.timeline.barlines()[-1])
        self._least = max(1, encoding.ticks_per_quarter // 4)
        self.harmony = harmony_of(encoding, melody) if knows_chords(encoding) else None
        begins = Fraction(again.notes[0].start, again.timeline.ticks_per_quarter)
        self.offset = Fraction(first, quarter) - begins
        at, stop = self._groups(tokens)
        self.given, self._kept = tokens[:at], tokens[at:stop]
        self.following = len(tokens) - stop
        rows = encoding.vocabulary
        self.tie = rows["tie"] if "tie" in rows else None  # noqa: SIM401 - no dictionary
        self._pitches = encoding.pitches(tokens)
        self._before = len(encoding.pitches(self.given)) if at else 0
        self._inside = len(encoding.pitches(tokens[:stop])) - self._before
        onsets = [ticks(note.start) for note in melody.notes]
        self._contour = np.array(onsets), np.array([note.pitch for note in melody.notes])
        last = self._before + self._inside
        after = [note.start for note in melody.notes if note.start >= span.stop]
        is_followed = last < len(self._pitches) and bool(after)
        self._next = (ticks(after[0]), int(self._pitches[last])) if is_followed else None
        self._spread = max(0.5, CLOSE * float(np.std([note.pitch for note in melody.notes if span.holds(note)])))

    def _groups(self, tokens: np.ndarray) -> tuple[int, int]:
        """Find the first token of the span, and the first one after it."""
        place, parts, found = self.encoding.tracker(), len(self.encoding.parts), -1
        for at in range(0, len(tokens), parts):
            before = place.time
            if found >= 0 and before >= self.stop:
                return found, at
            for token in tokens[at : at + parts].tolist():
                place.advance(token)
            if found < 0 and before >= self.start and place.time > before:
                found = at
        return found, len(tokens) - (self.encoding.end is not None)

    def inform(self, place: Place) -> None:
        """Let the network know when the melody is over, and its chords."""
        if not place.part:
            place.until = self.until
            if self.harmony is not None and place.begun:
                place.harmony = self.harmony

    def bias(self, place: Place, index: int) -> np.ndarray:
        """Compute what to add to the logits of the due part, (ids,): -inf, or small numbers.

        index: of the token in the tune.
        """
        steering = self.steering(place, index)
        for is_on_grid in (True, False):  # what is kept may lie beside the places that are known
            bias = self._filling(place, is_on_grid)
            steered = bias + steering
            if steered.max() > -np.inf:
                return steered
        return bias

    def _filling(self, place: Place, is_on_grid: bool) -> np.ndarray:
        """Compute the bias of the ids of the due part towards what fills the span, (ids,).

        Whatever is kept. is_on_grid: whether places are preferred that are known (see `FormTable.on_grid`).
        """
        table = self.table
        possible = place.finishable(self.stop - 1, self.stop, self.least(place))
        named = np.where(possible, table.named[1][place.part], -np.inf)
        if not named.max() > -np.inf:  # what is to be kept does not fit any more: the draft will not be taken
            possible = place.finishable(self.stop - 1, self.stop)
        pitches = None if place.part else place.pitches()
        fitting = table.on_grid(place, possible) if is_on_grid else None
        bias = table.row(possible, pitches, fitting, phase=(place.begun, place.part))
        if self.harmony is not None:
            bias = bias + toward_chord(place)
        bias = bias + self._toward_next(place)
        if place.part == 0 and place.time == self.start and self.tie is not None:
            bias[self.tie] = -np.inf  # the note before is kept as it is
        return bias

    def _toward_next(self, place: Place) -> np.ndarray | float:
        """Compute nats that lead to the first note after the span.

        Pitches are the less likely the further they lie from it, and the less time there is until then the more so,
        as in people's melodies.
        """
        if place.part or self._next is None:
            return 0.0
        onset, pitch = self._next
        quarters = max(SOON, (onset - place.time) / self.encoding.ticks_per_quarter)
        pitches = place.pitches()
        steps = np.where((pitches < 0) | (pitches == pitch), USUAL_STEP, abs(pitches - pitch))
        nats: np.ndarray = NEARER / quarters * (USUAL_STEP - steps)
        return nats

    def is_filled(self, length: int) -> bool:
        """Tell whether so many tokens have a kept rhythm to its end, which may be rounded."""
        return self.keep == "rhythm" and length >= len(self.given) + len(self._kept)

    def least(self, place: Place) -> int:
        """Compute how many ticks the last note of the span lasts at least: a sixteenth.

        The last one of kept pitches lasts until the end.
        """
        if self.keep != "pitches":
            return self._least
        left = self.left(place)
        if place.part and self._after(place).notes > place.notes:
            return self.stop - place.time if left == 1 else self._least
        return self._least if left else self.stop - place.onset

    def steering(self, place: Place, index: int) -> np.ndarray | float:
        """Compute the bias of the ids of the due part towards what is kept, (ids,): 0 or less.

        index: of the token in the tune.
        """
        if self.keep == "contour":
            return self._to_contour(place)
        if self.keep is None:
            return 0.0
        is_kept = self.keep == "rhythm"
        return np.where(
            self._of_rhythm(place, index - len(self.given)) if is_kept else self._of_pitches(place), 0, -np.inf
        )

    def _of_rhythm(self, place: Place, index: int) -> np.ndarray:
        """Mask what has the rhythm of the kept token of this index.

        Any note for a note, all else as it is.
        """
        firsts = np.cumsum((0, *self.encoding.parts))
        own = self._kept[index] - firsts[place.part]
        mask = np.zeros(self.encoding.parts[place.part], bool)
        mask[own] = True
        if place.part == 0 and (pitches := place.pitches())[own] >= 0:
            mask = pitches >= 0
        return mask

    def _of_pitches(self, place: Place) -> np.ndarray:
        """Mask what leads to the next of the kept pitches, and leaves room for the others."""
        fits = np.ones(self.encoding.parts[place.part], bool)
        if not place.part:
            pitches = place.pitches()
            following = int(self._pitches[place.notes]) if self.left(place) else -1
            fits = (pitches < 0) | (pitches == following)
        if place.part == len(self.encoding.parts) - 1:  # time goes on with this part
            for n in np.flatnonzero(fits & place.legal()):
                after = self._after(place, int(n))
                fits[n] = after.time <= self.stop - self.left(after) * self._least
        return fits

    def _to_contour(self, place: Place) -> np.ndarray:
        """Compute nats by which pitches are the less likely the further they lie from the contour.

        Durations likewise, by the furthest that the contour goes away from the note meanwhile.
        """
        onsets, line = self._contour
        begin = max(0, int(np.searchsorted(onsets, place.time, "right")) - 1)
        away = np.zeros(self.encoding.parts[place.part])
        if not place.part:
            pitches = place.pitches()
            away = np.where(pitches < 0, self._spread, abs(pitches - line[begin]))
        if place.part:  # what sounds is settled: only how long it does is open
            legal, after = np.flatnonzero(place.legal()), self._after(place)
            pitch = after.sounding if after.sounding >= 0 else line[begin] + self._spread
            furthest = np.maximum.accumulate(abs(line[begin:] - pitch))
            stops = np.searchsorted(onsets, place.time + self.table.lengths(place)[legal])
            away[legal] = np.maximum(away[legal], furthest[np.maximum(stops - begin, 1) - 1])
        elif len(self.encoding.parts) == 1:
            for n in np.flatnonzero(place.legal()):
                after = self._after(place, int(n))
                stop = max(begin + 1, int(np.searchsorted(onsets, after.time)))
                pitch = after.sounding if after.sounding >= 0 else line[begin] + self._spread
                away[n] = max(away[n], abs(line[begin:stop] - pitch).max())
        nats: np.ndarray = -0.5 * (away / self._spread) ** 2
        return nats

    def away(self, notes: Sequence[tuple[int, int]]) -> float:
        """Compute how far notes, by ticks and pitch, lie from the contour: in spreads, the mean."""
        onsets, line = self._contour
        if not notes:
            return 0.0
        times, pitches = np.array(notes).T
        return (
            float(np.mean(abs(pitches - line[np.maximum(np.searchsorted(onsets, times, "right") - 1, 0)])))
            / self._spread
        )

    def is_last_note(self, place: Place) -> bool:
        """Tell whether the next note is the last one, where as many are kept."""
        return self.keep in ("rhythm", "pitches") and self.left(place) == 1

    def left(self, place: Place) -> int:
        """Count the kept pitches that have not come yet."""
        return self._before + self._inside - place.notes

    def _after(self, place: Place, index: int | None = None) -> Place:
        """Go on by an id of the due part, its index in the part; None for any that is legal."""
        after = place.copy()
        first = int(np.sum(self.encoding.parts[: place.part]))
        after.advance(first + (int(np.flatnonzero(place.legal())[0]) if index is None else index))
        return after

    def notes_of(self, tokens: np.ndarray, span: Span, melody: Melody) -> tuple[list[Note], int]:
        """Decode the notes of a draft.

        Returns them and their resolution, in ticks per quarter.
        """
        drafted = self.encoding.decode(tokens)
        own, quarter = drafted.timeline.ticks_per_quarter, melody.timeline.ticks_per_quarter
        resolution = lcm(own, quarter, self.offset.denominator)
        shift, scale = int(self.offset * resolution), resolution // own
        start, stop = (tick * (resolution // quarter) for tick in (span.start, span.stop))
        near = resolution / (2 * min(self.encoding.ticks_per_quarter, FINEST))  # to which the encoding rounds
        found = []
        for note in drafted.notes[self._before :]:
            begin, end = note.start * scale + shift, note.end * scale + shift
            begin, end = (start if abs(begin - start) <= near else begin, stop if abs(end - stop) <= near else end)
            if start <= begin < end <= stop:
                found.append(note._replace(start=begin, duration=end - begin))
        return found, resolution
